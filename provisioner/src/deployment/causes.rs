//! Causes of failure that will not go away by themselves.

use aws_sdk_ecs::types::{Task, TaskStopCode};

/// Errors of the start of a task that trying again does not mend: a wrong image, a missing permission, no way out of
/// the subnet. ECS has tried several times itself when it gives them (ECS developer guide, "Stopped tasks errors").
const LASTING: [&str; 6] = [
    "CannotPullContainerError",
    "CannotPullImageManifestError",
    "CannotPullECRContainerError",
    "CannotStartContainerError",
    "CannotCreateContainerError",
    "ResourceInitializationError",
];
/// How many exits are a habit: the lowest threshold of ECS's own circuit breaker. That one does not count a task that
/// reached RUNNING before it exited.
const EXITS: usize = 3;

/// What ECS says of a service whose tasks it cannot even launch, for a reason that stays. There is no task then to tell
/// why (ECS developer guide, "Service event messages").
const UNLAUNCHED: [&str; 2] =
    ["ECS was unable to assume the role", "is not authorized to perform: iam:PassRole"];

/// Why the deployment cannot succeed any more, if so. `stopped`: its own tasks; `events`: what ECS said of the service
/// meanwhile; `wanted`: tasks that run at once, which may all have failed once without a second try.
pub fn lasting(stopped: &[Task], events: &[String], wanted: i32) -> Option<String> {
    let unlaunched = events.iter().find(|it| UNLAUNCHED.iter().any(|said| it.contains(said)));
    if let Some(event) = unlaunched {
        return Some(event.clone());
    }
    let reason =
        stopped.iter().flat_map(reasons).find(|it| LASTING.iter().any(|name| it.contains(name)));
    if let Some(reason) = reason {
        return Some(reason.to_owned());
    }
    let exited: Vec<_> = stopped
        .iter()
        .filter(|it| it.stop_code == Some(TaskStopCode::EssentialContainerExited))
        .collect();
    let wanted = usize::try_from(wanted).unwrap_or_default();
    (exited.len() >= EXITS.max(wanted + 1)).then(|| {
        let last = exited.last().map(|it| exits(it)).unwrap_or_default();
        format!("its container exits again and again: {last}")
    })
}

/// Whether the task failed; one that was stopped to make room did not.
pub fn failed(task: &Task) -> bool {
    task.last_status() == Some("STOPPED")
        && !task.stopped_reason().unwrap_or_default().starts_with("Scaling activity")
}

/// Why a task stopped, in one line.
pub fn said(task: &Task) -> String {
    let reason = task.stopped_reason().unwrap_or("no reason given");
    match exits(task) {
        exits if exits.is_empty() => reason.to_owned(),
        exits => format!("{reason} ({exits})"),
    }
}

/// What an exit code stands for, if it stands for something.
pub fn meaning(code: i32) -> Option<&'static str> {
    Some(match code {
        126 => "the command cannot be executed",
        127 => "the command was not found",
        134 => "aborted",
        137 => "killed: out of memory, or it did not stop in time",
        139 => "crashed: invalid memory access",
        143 => "ended by SIGTERM",
        _ => return None,
    })
}

fn reasons(task: &Task) -> impl Iterator<Item = &str> {
    let containers = task.containers().iter().filter_map(|it| it.reason());
    task.stopped_reason().into_iter().chain(containers)
}

/// The exit codes of the containers.
fn exits(task: &Task) -> String {
    let one = |it: &aws_sdk_ecs::types::Container| {
        let code = it.exit_code?;
        let meaning = meaning(code).map(|it| format!(", {it}")).unwrap_or_default();
        Some(format!("{}: exit code {code}{meaning}", it.name().unwrap_or_default()))
    };
    task.containers().iter().filter_map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::Container;

    use super::*;

    fn exited(code: i32) -> Task {
        Task::builder()
            .last_status("STOPPED")
            .stop_code(TaskStopCode::EssentialContainerExited)
            .stopped_reason("Essential container in task exited")
            .containers(Container::builder().name("bot").exit_code(code).build())
            .build()
    }

    #[test]
    fn an_image_that_cannot_be_had_is_final_at_once() {
        let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                      docker.io/me/bot:2: not found";
        let task = Task::builder()
            .stop_code(TaskStopCode::TaskFailedToStart)
            .stopped_reason(reason)
            .build();
        assert_eq!(lasting(&[task], &[], 1).as_deref(), Some(reason));
        let container = Container::builder()
            .name("bot")
            .reason("ResourceInitializationError: no secret")
            .build();
        let task =
            Task::builder().stopped_reason("Task failed to start").containers(container).build();
        assert_eq!(
            lasting(&[task], &[], 1).as_deref(),
            Some("ResourceInitializationError: no secret")
        );
    }

    #[test]
    fn exits_are_final_when_every_task_has_had_its_tries() {
        assert_eq!(lasting(&[], &[], 1), None);
        assert_eq!(lasting(&vec![exited(1); 2], &[], 1), None);
        let why = "its container exits again and again: bot: exit code 1";
        assert_eq!(lasting(&vec![exited(1); 3], &[], 1).as_deref(), Some(why));
        assert_eq!(lasting(&vec![exited(1); 3], &[], 3), None);
        assert_eq!(lasting(&vec![exited(1); 4], &[], 3).as_deref(), Some(why));
        assert_eq!(lasting(&vec![exited(1); 3], &[], -1).as_deref(), Some(why));
    }

    #[test]
    fn a_role_that_cannot_be_assumed_is_final_without_any_task() {
        let event = |it: &str| it.to_owned();
        let events = [
            event("has started 1 tasks: (task 0a)."),
            event("failed to launch a task with (error ECS was unable to assume the role 'x')."),
        ];
        assert_eq!(lasting(&[], &events[..1], 1), None);
        assert_eq!(lasting(&[], &events, 1).as_ref(), Some(&events[1]));
    }

    #[test]
    fn a_task_that_made_room_did_not_fail() {
        let stopped =
            |reason| Task::builder().last_status("STOPPED").stopped_reason(reason).build();
        assert!(!failed(&stopped("Scaling activity initiated by (deployment ecs-svc/1)")));
        assert!(failed(&stopped("Task failed ELB health checks in (target-group x)")));
        assert_eq!(
            said(&exited(127)),
            "Essential container in task exited (bot: exit code 127, the command was not found)"
        );
    }
}
