//! Puts an earlier revision back into service, and follows its deployment to the end.

use tokio::sync::watch;

use super::{
    rollout::{Patience, Rollout},
    service::Chosen,
};
use crate::{
    cli::{Global, Rollback},
    cloud::Cloud,
    deployment::{self, Begun, Current, Event, Subject, short},
    engine::Class,
    failure::{Exit, Failure},
    place::Place,
    ui::{Ui, harmless},
};

pub(super) async fn run(
    global: &Global,
    args: Rollback,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let chosen = Chosen::read(global, args.service.as_deref(), ui)?;
    let subject = &chosen.subject;
    let (cloud, current) = chosen.look(place, &mut interrupted).await?;
    let family = current.definition.family().unwrap_or_default();
    let name = match &args.to {
        Some(wanted) => named(wanted, family)?,
        None => before(subject, &current, &cloud).await?,
    };
    let target = match deployment::definition(&name, &cloud).await {
        Ok((it, _)) => it,
        Err(error) if matches!(error.class(), Class::Transient | Class::Denied) => {
            return Err(error.into());
        }
        Err(error) => {
            return Err(Failure::new(
                Exit::Failed,
                format!("there is no revision {name}: {error}"),
            )
            .hint("`provisioner status` shows the last deployments"));
        }
    };
    if target.status.as_ref().is_some_and(|it| it.as_str() != "ACTIVE") {
        return Err(Failure::new(
            Exit::Failed,
            format!("{name} was deregistered (INACTIVE): no service can run it any more"),
        )
        .hint("deploy its image instead: `provisioner deploy --image …`"));
    }
    let arn = target.task_definition_arn().unwrap_or_default();
    let image = deployment::image_of(&target, &subject.container)?.to_owned();
    let begun = deployment::bring(subject, &current, arn, &cloud).await?;
    let (service, new) = (subject.service.clone(), name.clone());
    let (ours, beginning) = match &begun {
        Begun::Nothing => {
            let text = format!("Nothing to do: {service} runs {new} already, with {image}");
            let object = serde_json::json!({
                "outcome": "unchanged", "service": service, "revision": new, "image": image, "exit_code": 0,
            });
            ui.result(&text, "deploy_outcome", object);
            return Ok(Exit::Ok);
        }
        Begun::Joined(ours) => (ours, Event::Joined { service, new, deployment: ours.id.clone() }),
        Begun::Deployment(ours) => {
            let old_image = deployment::image_of(&current.definition, &subject.container)?;
            let begun = Event::Begun {
                service,
                new,
                deployment: ours.id.clone(),
                old: short(current.service.task_definition().unwrap_or_default()).to_owned(),
                old_image: old_image.to_owned(),
                new_image: image.clone(),
            };
            (ours, begun)
        }
    };
    let this = |revision: &str| {
        let number = revision.rsplit(':').next().unwrap_or_default();
        format!("provisioner rollback --to {number}{}", chosen.option)
    };
    let old = short(current.service.task_definition().unwrap_or_default());
    let rollout = Rollout {
        chosen: &chosen,
        current: &current,
        ours,
        image: &image,
        again: this(&name),
        back: (old != name).then(|| this(old)),
    };
    let timeout = (!args.no_wait).then_some(args.timeout);
    let patience = Patience { poll: global.poll, timeout, interrupted };
    rollout.follow(beginning, patience, &cloud, ui).await
}

/// `FAMILY:NUMBER` of what the user wants.
fn named(wanted: &str, family: &str) -> Result<String, Failure> {
    let (of, number) = wanted.rsplit_once(':').unwrap_or((family, wanted));
    let wrong = |message: String| Err(Failure::new(Exit::Configuration, message));
    if number.parse::<u32>().is_ok_and(|it| it > 0) && of == family {
        return Ok(format!("{family}:{number}"));
    }
    if of != family {
        return wrong(format!(
            "`{}` is a revision of another family: this service runs revisions of {family}",
            harmless(wanted)
        ));
    }
    wrong(format!("`{}` is not a revision: a number such as 3, or {family}:3", harmless(wanted)))
}

/// The last revision that came into service before the current one.
async fn before(subject: &Subject, current: &Current, cloud: &Cloud) -> Result<String, Failure> {
    let past = deployment::history(subject, cloud).await.map_err(|error| {
        Failure::from(error).hint("name the revision: `provisioner rollback --to N`")
    })?;
    let now = short(current.service.task_definition().unwrap_or_default());
    let good = past.iter().filter(|it| it.succeeded()).filter_map(|it| it.revision.as_deref());
    let mut good = good.filter(|it| *it != now);
    good.next().map(str::to_owned).ok_or_else(|| {
        let service = &subject.service;
        Failure::new(
            Exit::Failed,
            format!(
                "there is nothing to go back to: ECS knows of no deployment of {service} that succeeded with another \
                 revision than {now}; nothing was changed"
            ),
        )
        .hint("name a revision: `provisioner rollback --to N`")
    })
}
