//! Puts a new image into service and follows its deployment to the end.

use serde_json::json;
use tokio::sync::watch;

use super::{
    rollout::{Patience, Rollout},
    service::Chosen,
};
use crate::{
    cli::{Deploy, Global},
    config::image,
    deployment::{self, Begun, Current, Event, Ours, Subject, short},
    failure::{Exit, Failure},
    place::Place,
    ui::{Ui, harmless},
};

pub(super) async fn run(
    global: &Global,
    args: Deploy,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let chosen = Chosen::read(global, args.service.as_deref(), ui)?;
    check(&args.image)?;
    let subject = &chosen.subject;
    let (cloud, current) = chosen.look(place, &mut interrupted).await?;
    // Not to be broken off: nobody would know whether it has begun.
    let begun = deployment::begin(subject, &current, &args.image, &cloud).await?;
    let ours = match &begun {
        Begun::Nothing => return Ok(nothing(subject, &current, &args.image, ui)),
        Begun::Joined(ours) | Begun::Deployment(ours) => ours,
    };
    let beginning = beginning(subject, &current, &begun, ours, &args.image)?;
    let this = |image: &str| format!("provisioner deploy --image {image}{}", chosen.option);
    let old = deployment::image_of(&current.definition, &subject.container)?;
    let rollout = Rollout {
        chosen: &chosen,
        current: &current,
        ours,
        image: &args.image,
        again: this(&args.image),
        back: (old != args.image).then(|| this(old)),
    };
    let timeout = (!args.no_wait).then_some(args.timeout);
    let patience = Patience { poll: global.poll, timeout, interrupted };
    rollout.follow(beginning, patience, &cloud, ui).await
}

fn check(reference: &str) -> Result<(), Failure> {
    image::check(reference).map_err(|wrong| {
        let failure =
            Failure::new(Exit::Configuration, format!("`{}` {}", harmless(reference), wrong.what));
        wrong.help.into_iter().fold(failure, Failure::hint)
    })
}

fn nothing(subject: &Subject, current: &Current, image: &str, ui: &Ui) -> Exit {
    let revision = short(current.service.task_definition().unwrap_or_default());
    let text = format!("Nothing to do: {} runs {image} already, by {revision}", subject.service);
    let object = json!({
        "outcome": "unchanged", "service": subject.service, "revision": revision, "image": image, "exit_code": 0,
    });
    ui.result(&text, "deploy_outcome", object);
    if !image.contains('@') {
        ui.say("A tag that was moved to another image is not noticed: deploy a digest (`…@sha256:…`) or a new tag.");
    }
    Exit::Ok
}

fn beginning(
    subject: &Subject,
    current: &Current,
    begun: &Begun,
    ours: &Ours,
    image: &str,
) -> Result<Event, Failure> {
    let (service, new, deployment) =
        (subject.service.clone(), short(&ours.revision).to_owned(), ours.id.clone());
    if matches!(begun, Begun::Joined(_)) {
        return Ok(Event::Joined { service, new, deployment });
    }
    Ok(Event::Begun {
        service,
        new,
        deployment,
        old: short(current.service.task_definition().unwrap_or_default()).to_owned(),
        old_image: deployment::image_of(&current.definition, &subject.container)?.to_owned(),
        new_image: image.to_owned(),
    })
}
