//! Shows what a service's containers write.

use serde_json::json;
use tokio::sync::watch;

use super::service::Chosen;
use crate::{
    cli::{Global, Logs},
    deployment::{Line, Reader},
    failure::{Exit, Failure},
    place::Place,
    ui::{Ui, harmless},
};

pub(super) async fn run(
    global: &Global,
    args: Logs,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let chosen = Chosen::read(global, args.service.as_deref(), ui)?;
    let (cloud, current) = chosen.look(place, &mut interrupted).await?;
    let container = &chosen.subject.container;
    let mut reader = Reader::of(&current.definition, container, args.since, args.filter)
        .ok_or_else(|| {
            Failure::new(
                Exit::Failed,
                format!("the container `{container}` does not write to CloudWatch Logs"),
            )
        })?;
    loop {
        let look = tokio::select! {
            biased;
            Ok(_) = interrupted.wait_for(|it| *it) => return Ok(Exit::Ok),
            look = reader.look(&cloud) => look,
        };
        match look {
            Ok(lines) => lines.iter().for_each(|it| tell(it, ui)),
            Err(error) if args.follow && error.class() == crate::engine::Class::Transient => {}
            Err(error) => return Err(error.into()),
        }
        if !args.follow {
            return Ok(Exit::Ok);
        }
        tokio::select! {
            biased;
            Ok(_) = interrupted.wait_for(|it| *it) => return Ok(Exit::Ok),
            () = tokio::time::sleep(global.poll) => {}
        }
    }
}

fn tell(line: &Line, ui: &Ui) {
    let Line { time, task, text } = line;
    let time = jiff::Timestamp::from_millisecond(*time).unwrap_or_default();
    let time = format!("{time:.3}");
    // The whole id of a task is too long for each line; so much of it names one.
    let short: String = task.chars().take(8).collect();
    for one in text.split('\n') {
        let one = harmless(&one.replace('\t', "    "));
        let object = json!({ "time": time, "task": task, "text": one });
        ui.result(&format!("{time} {} {one}", harmless(&short)), "log", object);
    }
}
