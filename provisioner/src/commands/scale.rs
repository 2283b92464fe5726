//! Changes how many tasks of a service run, until the next `up`.

use serde_json::json;
use tokio::{sync::watch, time::Instant};

use super::service::Chosen;
use crate::{
    cli::{Global, Scale},
    deployment,
    failure::{Exit, Failure},
    place::Place,
    ui::{Ui, seconds},
};

pub(super) async fn run(
    global: &Global,
    args: Scale,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let chosen = Chosen::read(global, args.service.as_deref(), ui)?;
    let subject = &chosen.subject;
    let (cloud, current) = chosen.look(place, &mut interrupted).await?;
    let (service, count) = (&subject.service, i32::from(args.count));
    let before = current.service.desired_count;
    let outcome = |outcome: &str, exit: Exit, began: Instant| {
        json!({
            "outcome": outcome, "service": service, "old": before, "new": count,
            "seconds": seconds(began.elapsed()), "exit_code": exit as i32,
        })
    };
    let began = Instant::now();
    if before == count && current.service.running_count == count {
        let text = format!("Nothing to do: {service} runs {count} tasks already");
        ui.result(&text, "scale_outcome", outcome("unchanged", Exit::Ok, began));
        return Ok(Exit::Ok);
    }
    deployment::scale(subject, count, &cloud).await?;
    ui.say(&format!("{service}: {before} tasks wanted before, {count} now"));
    if let Some(advice) = put_back(&chosen, global, count) {
        ui.say(&advice);
    }
    if args.no_wait {
        let text = format!("{service} is being scaled to {count}; nobody waits for it");
        ui.result(&text, "scale_outcome", outcome("started", Exit::Ok, began));
        return Ok(Exit::Ok);
    }
    let mut told = None;
    loop {
        let Some(now) = deployment::find(subject, &cloud).await? else {
            return Err(Failure::new(Exit::Failed, format!("{service} was deleted meanwhile")));
        };
        let now = now.service;
        let counts = (now.running_count, now.pending_count);
        if told.replace(counts) != Some(counts) {
            let (running, pending) = counts;
            ui.say(&format!(
                "{:7.1}s {running} running, {pending} pending",
                began.elapsed().as_secs_f64()
            ));
        }
        if counts == (count, 0) {
            let text = format!(
                "{service} runs {count} tasks after {:.1} s",
                began.elapsed().as_secs_f64()
            );
            ui.result(&text, "scale_outcome", outcome("succeeded", Exit::Ok, began));
            return Ok(Exit::Ok);
        }
        if began.elapsed() >= args.timeout {
            ui.event("scale_outcome", outcome("timed_out", Exit::TimedOut, began));
            let (running, pending) = counts;
            let message = format!(
                "{service} was not scaled in time: {running} of {count} tasks run, {pending} are being started"
            );
            return Err(Failure::new(Exit::TimedOut, message).hint(format!(
                "ECS goes on; to look further: `provisioner status{}`",
                chosen.option
            )));
        }
        tokio::select! {
            biased;
            Ok(_) = interrupted.wait_for(|it| *it) => {
                return Err(Failure::new(Exit::Interrupted, "interrupted; ECS goes on"));
            }
            () = tokio::time::sleep(global.poll) => {}
        }
    }
}

/// What the next `up` does about it, if it does anything.
fn put_back(chosen: &Chosen, global: &Global, count: i32) -> Option<String> {
    let wanted = i64::from(chosen.config.services.get(&chosen.name)?.count);
    if wanted == i64::from(count) {
        return None;
    }
    let text = std::fs::read_to_string(&global.file).unwrap_or_default();
    let file = global.file.display();
    let place = match line_of_count(&text, &chosen.name) {
        Some(line) => format!("line {line} of {file}"),
        None => format!("`services.{}.count` of {file}", chosen.name),
    };
    Some(format!(
        "The next `up` sees this as drift and puts it back to {wanted}: to keep {count}, say so in {place}"
    ))
}

/// The number of the line that says how many tasks a service has, if it has a line of its own.
fn line_of_count(text: &str, service: &str) -> Option<usize> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_key = |line: &str, key: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|it| it.starts_with(':'))
    };
    let said =
        |line: &&(usize, &str)| !line.1.trim().is_empty() && !line.1.trim_start().starts_with('#');
    let lines: Vec<_> = text.lines().enumerate().collect();
    let within = |from: usize| {
        let level = indent(lines.get(from).map_or("", |it| it.1));
        let after = lines.iter().skip(from + 1).filter(said);
        after.take_while(move |it| indent(it.1) > level).copied().collect::<Vec<_>>()
    };
    let services = lines.iter().find(|it| indent(it.1) == 0 && is_key(it.1, "services"))?.0;
    let inner = within(services);
    let level = indent(inner.first()?.1);
    let ours = inner.iter().find(|it| indent(it.1) == level && is_key(it.1, service))?.0;
    let fields = within(ours);
    let level = indent(fields.first()?.1);
    let count = fields.iter().find(|it| indent(it.1) == level && is_key(it.1, "count"))?;
    Some(count.0 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_count_is_found() {
        let text = "\
name: gsm
services:
  worker:
    count: 3
  # count: 7
  bot:

    health_check:
      count: 9
    count: 1   # one
";
        assert_eq!(line_of_count(text, "bot"), Some(10));
        assert_eq!(line_of_count(text, "worker"), Some(4));
        assert_eq!(line_of_count(text, "bo"), None);
        assert_eq!(line_of_count("services: {bot: {count: 1}}", "bot"), None);
    }
}
