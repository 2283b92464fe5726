//! Replaces all tasks by new ones of the same revision, and follows that to the end.

use tokio::sync::watch;

use super::{
    rollout::{Patience, Rollout},
    service::Chosen,
};
use crate::{
    cli::{Global, Restart},
    deployment::{self, Event, short},
    failure::{Exit, Failure},
    place::Place,
    ui::Ui,
};

pub(super) async fn run(
    global: &Global,
    args: Restart,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let chosen = Chosen::read(global, args.service.as_deref(), ui)?;
    let subject = &chosen.subject;
    let (cloud, current) = chosen.look(place, &mut interrupted).await?;
    let image = deployment::image_of(&current.definition, &subject.container)?;
    let ours = deployment::renew(subject, &current, &cloud).await?;
    let beginning = Event::Restarted {
        service: subject.service.clone(),
        revision: short(&ours.revision).to_owned(),
        image: image.to_owned(),
        deployment: ours.id.clone(),
    };
    let rollout = Rollout {
        chosen: &chosen,
        current: &current,
        ours: &ours,
        image,
        again: format!("provisioner status{}", chosen.option),
        back: None,
    };
    let timeout = (!args.no_wait).then_some(args.timeout);
    let patience = Patience { poll: global.poll, timeout, interrupted };
    rollout.follow(beginning, patience, &cloud, ui).await
}
