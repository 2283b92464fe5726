//! A deployment as text and JSON: what goes on, and why it failed.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use super::{
    Ui,
    paint::{BOLD, DIM, GREEN, RED, YELLOW, harmless, paint},
};
use crate::deployment::{Changes, Container, Difference, Event, PostMortem, TaskCounts, Tasks};

impl Ui {
    /// Something that happened in a deployment, so long after its beginning.
    pub fn deployment(&self, after: Duration, event: &Event) {
        if self.json {
            let mut object = serde_json::to_value(event).unwrap_or_default();
            if let Some(fields) = object.as_object_mut() {
                fields.insert("seconds".to_owned(), seconds(after));
            }
            let kind = if matches!(
                event,
                Event::Begun { .. } | Event::Joined { .. } | Event::Restarted { .. }
            ) {
                "start"
            } else {
                "event"
            };
            self.event(&format!("deploy_{kind}"), object);
        } else {
            let at = paint(DIM, format!("{:7.1}s", after.as_secs_f64()));
            self.say(&format!("{at} {}", event_text(event)));
        }
    }

    /// How a deployment that did not succeed ended, and why.
    pub fn deployment_ended(&self, mut object: Value, post_mortem: Option<&PostMortem>) {
        if self.json {
            if let (Some(fields), Some(it)) = (object.as_object_mut(), post_mortem) {
                fields.insert("post_mortem".to_owned(), json!(it));
            }
            self.event("deploy_outcome", object);
        } else if let Some(text) = post_mortem.map(post_mortem_text).filter(|it| !it.is_empty()) {
            self.say(text.trim_end());
        }
    }
}

/// Seconds of a time, to the millisecond.
pub fn seconds(time: Duration) -> Value {
    json!((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// Something that happened in a deployment, in a line.
pub fn event_text(event: &Event) -> String {
    match event {
        Event::Begun { service, old, new, new_image, .. } if old == new => {
            format!("{service}: another try of {new}, which is to run {}", line(new_image))
        }
        Event::Begun { service, old, new, old_image, new_image, .. } => {
            format!(
                "{service}: old revision {old} ({}), new {new} ({})",
                line(old_image),
                line(new_image)
            )
        }
        Event::Joined { service, new, .. } => {
            format!(
                "{service}: {new} with this image is being deployed already; following that deployment"
            )
        }
        Event::Restarted { service, revision, image, .. } => {
            format!("{service}: new tasks of {} ({})", line(revision), line(image))
        }
        Event::Tasks(counts) => counts_text(counts),
        Event::Service { message } => format!("{} {}", paint(DIM, "ecs:"), line(message)),
        Event::Stopped { task, reason } => {
            format!("{} task {} stopped: {}", paint(RED, '✗'), line(task), line(reason))
        }
        Event::Target { target, health } if health == "healthy" => {
            format!("{} target {} is healthy", paint(GREEN, '✓'), line(target))
        }
        Event::Target { target, health } => {
            format!("{} target {} is {}", paint(YELLOW, '…'), line(target), line(health))
        }
        // The cause was said when the task stopped, and will be in the end.
        Event::Hopeless { then, .. } => {
            format!("{} this will not go away by itself: {}", paint(RED, '✗'), line(then))
        }
        Event::RollingBack => {
            format!("{} the deployment failed: ECS brings the old revision back", paint(RED, '✗'))
        }
        Event::Trouble { error } => {
            format!("{} ECS does not answer; looking on: {}", paint(YELLOW, '!'), line(error))
        }
    }
}

fn counts_text(counts: &TaskCounts) -> String {
    let TaskCounts { wanted, running, pending, failed, old } = counts;
    let mut text = format!("{running} of {wanted} new tasks running");
    for (count, what) in [(pending, "pending"), (failed, "failed"), (old, "old still running")] {
        if *count != 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text
}

/// Why a deployment failed.
pub fn post_mortem_text(post_mortem: &PostMortem) -> String {
    let PostMortem { tasks, more, targets, events, changes, blind } = post_mortem;
    let mut text = String::new();
    for it in tasks {
        fate(&mut text, it);
    }
    if *more > 0 {
        let _ = writeln!(text, "{more} more stopped before, for other reasons");
    }
    for target in targets {
        let _ = writeln!(text, "{} {}", paint(BOLD, "target"), line(target));
    }
    if let Some(changes) = changes {
        changes_text(&mut text, changes);
    }
    if !events.is_empty() {
        let _ = writeln!(text, "{}", paint(BOLD, "last events of the service:"));
        for event in events {
            let _ = writeln!(text, "  {}", line(event));
        }
    }
    for it in blind {
        let _ = writeln!(text, "{} {}", paint(YELLOW, "not seen:"), line(it));
    }
    text
}

fn changes_text(text: &mut String, changes: &Changes) {
    let Changes { old, new, fields } = changes;
    let (old, new) = (line(old), line(new));
    if fields.is_empty() {
        let _ = writeln!(text, "{new} is the same as {old}: the task definition is not the cause");
        return;
    }
    let _ = writeln!(text, "{}", paint(BOLD, format!("what changed from {old} to {new}:")));
    for Difference { field, old, new } in fields {
        let field = line(field);
        let _ = match (old, new) {
            (Some(old), Some(new)) if old == new => writeln!(text, "  ~ {field}: {}", line(old)),
            (Some(old), Some(new)) => {
                writeln!(text, "  ~ {field}: {} → {}", line(old), line(new))
            }
            (None, Some(new)) => writeln!(text, "  + {field}: {}", line(new)),
            (Some(old), None) => writeln!(text, "  - {field}: {}", line(old)),
            (None, None) => writeln!(text, "  ~ {field}"),
        };
    }
}

fn fate(text: &mut String, tasks: &Tasks) {
    let Tasks { count, id, status, stop_code, reason, containers } = tasks;
    let (id, status) = (line(id), line(&status.to_lowercase()));
    let what = match count {
        1 => format!("task {id} {status}"),
        _ => format!("{count} tasks {status}, the last of them {id}"),
    };
    let code = stop_code.as_ref().map(|it| format!(" ({})", line(it))).unwrap_or_default();
    let reason = reason.as_ref().map(|it| format!(": {}", line(it))).unwrap_or_default();
    let _ = writeln!(text, "{}{code}{reason}", paint(BOLD, what));
    containers.iter().for_each(|it| container(text, it));
}

fn container(text: &mut String, container: &Container) {
    let Container { name, exit_code, meaning, reason, unhealthy, log } = container;
    let mut parts = Vec::new();
    if let Some(code) = exit_code {
        let meaning = meaning.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
        parts.push(format!("exit code {code}{meaning}"));
    }
    if *unhealthy {
        parts.push("its health check failed".to_owned());
    }
    parts.extend(reason.as_ref().map(|it| line(it)));
    if parts.is_empty() && log.is_none() {
        return;
    }
    let parts = if parts.is_empty() { "no exit code".to_owned() } else { parts.join("; ") };
    let _ = writeln!(text, "  container {}: {parts}", line(name));
    if let Some(log) = log {
        let _ = writeln!(text, "  last lines of {} in {}:", line(&log.stream), line(&log.group));
        for it in &log.lines {
            let _ = writeln!(text, "  {} {}", paint(DIM, '│'), line(it));
        }
    }
}

/// What came from outside, on one line.
pub(super) fn line(text: &str) -> String {
    harmless(text.trim()).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::Log;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn death(count: usize, id: &str) -> Tasks {
        let log = Log {
            group: "/gsm".to_owned(),
            stream: format!("bot/bot/{id}"),
            lines: vec!["starting".to_owned(), "\u{1b}]0;title\u{7}no token".to_owned()],
        };
        let container = Container {
            name: "bot".to_owned(),
            exit_code: Some(101),
            meaning: None,
            reason: None,
            unhealthy: false,
            log: Some(log),
        };
        Tasks {
            count,
            id: id.to_owned(),
            status: "STOPPED".to_owned(),
            stop_code: Some("EssentialContainerExited".to_owned()),
            reason: Some("Essential container in task exited".to_owned()),
            containers: vec![container],
        }
    }

    fn difference(field: &str, old: Option<&str>, new: Option<&str>) -> Difference {
        let text = |it: &str| it.to_owned();
        Difference { field: text(field), old: old.map(text), new: new.map(text) }
    }

    #[test]
    fn everything_that_is_known_is_shown() {
        let mut killed = death(1, "0b");
        if let Some(it) = killed.containers.first_mut() {
            it.exit_code = Some(137);
            it.meaning = Some("killed".to_owned());
            it.reason = Some("OutOfMemoryError: Container killed due to memory usage".to_owned());
            it.log = None;
        }
        let post_mortem = PostMortem {
            tasks: vec![death(3, "0a"), killed],
            more: 2,
            targets: vec!["172.31.0.5:8080: unhealthy: codes: [500]".to_owned()],
            events: vec![
                "has started 1 tasks: (task 0a).".to_owned(),
                "evil\u{1b}[2J\nevent".to_owned(),
            ],
            changes: Some(Changes {
                old: "gsm-bot:3".to_owned(),
                new: "gsm-bot:4".to_owned(),
                fields: vec![
                    difference("bot.image", Some("me/bot:1"), Some("me/bot:2")),
                    difference("bot.environment.MODE", Some("(not shown)"), Some("(not shown)")),
                    difference("bot.environment.NEW", None, Some("(not shown)")),
                    difference("cpu", Some("256"), None),
                ],
            }),
            blind: vec!["tasks could not be looked at: denied".to_owned()],
        };
        insta::assert_snapshot!(plain(&post_mortem_text(&post_mortem)), @"
        3 tasks stopped, the last of them 0a (EssentialContainerExited): Essential container in task exited
          container bot: exit code 101
          last lines of bot/bot/0a in /gsm:
          │ starting
          │ ␛]0;title␇no token
        task 0b stopped (EssentialContainerExited): Essential container in task exited
          container bot: exit code 137 (killed); OutOfMemoryError: Container killed due to memory usage
        2 more stopped before, for other reasons
        target 172.31.0.5:8080: unhealthy: codes: [500]
        what changed from gsm-bot:3 to gsm-bot:4:
          ~ bot.image: me/bot:1 → me/bot:2
          ~ bot.environment.MODE: (not shown)
          + bot.environment.NEW: (not shown)
          - cpu: 256
        last events of the service:
          has started 1 tasks: (task 0a).
          evil␛[2J event
        not seen: tasks could not be looked at: denied
        ");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(post_mortem_text(&PostMortem::default()), "");
        let container = Container {
            name: "bot".to_owned(),
            exit_code: None,
            meaning: None,
            reason: None,
            unhealthy: true,
            log: None,
        };
        let pending = Tasks {
            count: 1,
            id: "0a".to_owned(),
            status: "PENDING".to_owned(),
            stop_code: None,
            reason: None,
            containers: vec![container.clone(), Container { unhealthy: false, ..container }],
        };
        let post_mortem = PostMortem { tasks: vec![pending], ..PostMortem::default() };
        insta::assert_snapshot!(plain(&post_mortem_text(&post_mortem)), @"
        task 0a pending
          container bot: its health check failed
        ");
    }

    #[test]
    fn events_are_lines() {
        let text = |it: &str| it.to_owned();
        let counts = TaskCounts { wanted: 1, running: 0, pending: 1, failed: 2, old: 1 };
        let begun = |old: &str| Event::Begun {
            service: text("gsm-bot"),
            old: text(old),
            new: text("gsm-bot:4"),
            old_image: text("me/bot:1"),
            new_image: text("me/bot:2"),
            deployment: text("ecs-svc/1"),
        };
        let events = [
            begun("gsm-bot:3"),
            begun("gsm-bot:4"),
            Event::Joined {
                service: text("gsm-bot"),
                new: text("gsm-bot:4"),
                deployment: text("ecs-svc/1"),
            },
            Event::Tasks(counts),
            Event::Tasks(TaskCounts { wanted: 2, running: 2, ..TaskCounts::default() }),
            Event::Service { message: text("has started 1 tasks: (task 0a).") },
            Event::Stopped {
                task: text("0a"),
                reason: text("Essential container in task exited (bot: exit code 1)"),
            },
            Event::Target {
                target: text("172.31.0.5:8080"),
                health: text("initial: Registration is in progress"),
            },
            Event::Target { target: text("172.31.0.5:8080"), health: text("healthy") },
            Event::Hopeless {
                cause: text("CannotPullContainerError: not found"),
                then: text("asked ECS to roll back now"),
            },
            Event::RollingBack,
            Event::Trouble { error: text("ECS DescribeServices: timed out") },
        ];
        let lines: Vec<_> = events.iter().map(|it| plain(&event_text(it))).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        gsm-bot: old revision gsm-bot:3 (me/bot:1), new gsm-bot:4 (me/bot:2)
        gsm-bot: another try of gsm-bot:4, which is to run me/bot:2
        gsm-bot: gsm-bot:4 with this image is being deployed already; following that deployment
        0 of 1 new tasks running, 1 pending, 2 failed, 1 old still running
        2 of 2 new tasks running
        ecs: has started 1 tasks: (task 0a).
        ✗ task 0a stopped: Essential container in task exited (bot: exit code 1)
        … target 172.31.0.5:8080 is initial: Registration is in progress
        ✓ target 172.31.0.5:8080 is healthy
        ✗ this will not go away by itself: asked ECS to roll back now
        ✗ the deployment failed: ECS brings the old revision back
        ! ECS does not answer; looking on: ECS DescribeServices: timed out
        ");
    }
}
