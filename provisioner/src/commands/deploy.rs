//! Puts a new image into service and follows its deployment to the end.

use std::time::Duration;

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
    registry::Image,
    ui::{Ui, harmless},
};

/// A deployment waits no longer for a registry.
const REGISTRY_WITHIN: Duration = Duration::from_secs(5);

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
    let look = chosen.look(place, &mut interrupted);
    let (found, absent) = tokio::join!(look, absent(&args.image, place));
    let (cloud, current) = found?;
    if let Some(failure) = absent {
        return Err(failure);
    }
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

pub(super) fn check(reference: &str) -> Result<(), Failure> {
    image::check(reference).map_err(|wrong| {
        let failure =
            Failure::new(Exit::Configuration, format!("`{}` {}", harmless(reference), wrong.what));
        wrong.help.into_iter().fold(failure, Failure::hint)
    })
}

/// Why this image cannot be deployed, if its registry says that there is none such: a wrong tag is the commonest mistake of
/// all, and otherwise shows when tasks have failed for minutes. Whatever else a registry says, or if it says nothing, ECS
/// may well get the image.
async fn absent(reference: &str, place: &Place) -> Option<Failure> {
    let registries = place.registries().ok()?;
    let image = Image::of(reference);
    let asked = tokio::time::timeout(REGISTRY_WITHIN, registries.lacks(&image)).await;
    let words = asked.ok().flatten()?;
    let message = format!(
        "{} has no image {reference}: {}; nothing was changed",
        image.registry,
        harmless(&words)
    );
    let failure = Failure::new(Exit::Configuration, message);
    Some(failure.hint("correct the tag or the name, or push the image first"))
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
