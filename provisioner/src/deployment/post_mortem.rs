//! Why a deployment failed: what stopped, with what code, and the last words.

use std::time::Duration;

use aws_sdk_ecs::types::{ContainerDefinition, LogDriver, Task, TaskDefinition};
use serde::Serialize;

use super::{
    Difference, End, Ours, causes, difference::differences, look::task_id, short, start::definition,
};
use crate::{
    cloud::Cloud,
    engine::{Error, Result},
};

/// So many last lines of a log are shown.
const LINES: i32 = 20;
/// So many different deaths are shown, the latest ones: all of it should fit on a screen.
const DEATHS: usize = 3;
/// So many of the last events of the service are shown.
const EVENTS: usize = 5;
/// Nobody wants to wait longer to learn why.
const WITHIN: Duration = Duration::from_secs(20);

/// Why a deployment failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PostMortem {
    /// Its tasks, those of one fate together; the latest first.
    pub tasks: Vec<Tasks>,
    /// Tasks of earlier fates that are not shown.
    pub more: usize,
    /// What the load balancer says of targets that are not healthy.
    pub targets: Vec<String>,
    /// The last things that ECS said about the service, the oldest first.
    pub events: Vec<String>,
    /// What the new revision has that the old one has not, and the other way round.
    pub changes: Option<Changes>,
    /// What could not be looked at, and why.
    pub blind: Vec<String>,
}

/// What a deployment changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The revision that served before, such as `gsm-bot:3`.
    pub old: String,
    /// The one that was to serve.
    pub new: String,
    /// What is different.
    pub fields: Vec<Difference>,
}

/// Tasks of one fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tasks {
    /// How many.
    pub count: usize,
    /// The id of the latest.
    pub id: String,
    /// `STOPPED`, or how it lives.
    pub status: String,
    /// ECS's word for the kind of stop, such as `TaskFailedToStart`.
    pub stop_code: Option<String>,
    /// Why it stopped.
    pub reason: Option<String>,
    /// The containers of the latest.
    pub containers: Vec<Container>,
}

/// A container of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// What such an exit code stands for.
    pub meaning: Option<String>,
    /// Why it stopped.
    pub reason: Option<String>,
    /// Whether its health check found it ill.
    pub unhealthy: bool,
    /// Its last words.
    pub log: Option<Log>,
}

/// The end of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Log {
    /// The log group.
    pub group: String,
    /// The log stream.
    pub stream: String,
    /// The last lines.
    pub lines: Vec<String>,
}

/// Puts together why `ours` failed. `before`: the revision that served before.
pub async fn write(end: &End, ours: &Ours, before: &TaskDefinition, cloud: &Cloud) -> PostMortem {
    let (mut tasks, more) = fates(if end.stopped.is_empty() { &end.living } else { &end.stopped });
    let mut blind: Vec<String> = end.blind.iter().cloned().collect();
    let look = tokio::time::timeout(WITHIN, definition(&ours.revision, cloud)).await;
    let after = match look {
        Ok(Ok((it, _))) => Some(it),
        Ok(Err(error)) => {
            blind.push(format!("{} could not be looked at: {error}", short(&ours.revision)));
            None
        }
        Err(_) => None,
    };
    let logs = add_logs(&mut tasks, after.as_ref().unwrap_or(before), cloud, &mut blind);
    if tokio::time::timeout(WITHIN, logs).await.is_err() {
        blind.push(format!("the logs could not be read within {} seconds", WITHIN.as_secs()));
    }
    let events = end.events.iter().skip(end.events.len().saturating_sub(EVENTS)).cloned().collect();
    // A second try of a revision changes nothing in it.
    let is_new = |_: &TaskDefinition| before.task_definition_arn() != Some(ours.revision.as_str());
    let changes = after.filter(is_new).map(|it| Changes {
        old: short(before.task_definition_arn().unwrap_or_default()).to_owned(),
        new: short(&ours.revision).to_owned(),
        fields: differences(before, &it),
    });
    PostMortem { tasks, more, targets: end.targets.clone(), events, changes, blind }
}

/// Tasks of one fate together, the latest first; and how many are left out.
fn fates(tasks: &[Task]) -> (Vec<Tasks>, usize) {
    let mut fates: Vec<Tasks> = Vec::new();
    for task in tasks.iter().rev() {
        let one = fate(task);
        let same =
            |it: &&mut Tasks| Tasks { id: one.id.clone(), count: 1, ..(**it).clone() } == one;
        match fates.iter_mut().find(same) {
            Some(it) => it.count += 1,
            None => fates.push(one),
        }
    }
    let more = fates.iter().skip(DEATHS).map(|it| it.count).sum();
    fates.truncate(DEATHS);
    (fates, more)
}

fn fate(task: &Task) -> Tasks {
    let container = |it: &aws_sdk_ecs::types::Container| Container {
        name: it.name().unwrap_or_default().to_owned(),
        exit_code: it.exit_code,
        meaning: it.exit_code.and_then(causes::meaning).map(str::to_owned),
        reason: it.reason.clone(),
        unhealthy: it.health_status.as_ref().is_some_and(|it| it.as_str() == "UNHEALTHY"),
        log: None,
    };
    Tasks {
        count: 1,
        id: task_id(task).to_owned(),
        status: task.last_status().unwrap_or("UNKNOWN").to_owned(),
        stop_code: task.stop_code.as_ref().map(|it| it.as_str().to_owned()),
        reason: task.stopped_reason.clone(),
        containers: task.containers().iter().map(container).collect(),
    }
}

async fn add_logs(
    tasks: &mut [Tasks],
    definition: &TaskDefinition,
    cloud: &Cloud,
    blind: &mut Vec<String>,
) {
    for task in tasks {
        for container in &mut task.containers {
            let of = |it: &&ContainerDefinition| it.name() == Some(&container.name);
            let Some((group, stream)) = definition
                .container_definitions()
                .iter()
                .find(of)
                .and_then(|it| place(it, &task.id))
            else {
                continue;
            };
            match last_lines(&group, &stream, cloud).await {
                Ok(lines) if lines.is_empty() => {}
                Ok(lines) => container.log = Some(Log { group, stream, lines }),
                // A container that never started has no log.
                Err(error) if error.class() == crate::engine::Class::Gone => {}
                Err(error) => {
                    let text = format!("the log of {} could not be read: {error}", container.name);
                    if !blind.contains(&text) {
                        blind.push(text);
                    }
                }
            }
        }
    }
}

/// Log group and stream of a container, named as the awslogs driver does.
fn place(container: &ContainerDefinition, task: &str) -> Option<(String, String)> {
    let log = container.log_configuration().filter(|it| it.log_driver == LogDriver::Awslogs)?;
    let option = |name: &str| log.options().and_then(|it| it.get(name));
    let (group, prefix) = (option("awslogs-group")?, option("awslogs-stream-prefix")?);
    Some((group.clone(), format!("{prefix}/{}/{task}", container.name()?)))
}

async fn last_lines(group: &str, stream: &str, cloud: &Cloud) -> Result<Vec<String>> {
    let request = cloud.logs.get_log_events().log_group_name(group).log_stream_name(stream);
    let answer = request.start_from_head(false).limit(LINES).send().await.map_err(Error::from)?;
    let lines = answer.events.unwrap_or_default().into_iter().filter_map(|it| it.message);
    Ok(lines.map(|it| it.trim_end().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Container as Live, LogConfiguration, TaskStopCode};

    use super::*;

    fn task(id: u32, reason: &str, code: i32) -> Task {
        Task::builder()
            .task_arn(format!("arn:aws:ecs:eu-central-1:123456789012:task/gsm/{id}"))
            .last_status("STOPPED")
            .stop_code(TaskStopCode::EssentialContainerExited)
            .stopped_reason(reason)
            .containers(Live::builder().name("bot").exit_code(code).build())
            .build()
    }

    #[test]
    fn tasks_of_one_fate_are_shown_once() {
        let tasks = [
            task(1, "a", 1),
            task(2, "b", 1),
            task(3, "a", 1),
            task(4, "a", 2),
            task(5, "c", 1),
            task(6, "c", 1),
        ];
        let (fates, more) = fates(&tasks);
        let shown: Vec<_> = fates.iter().map(|it| (it.id.as_str(), it.count)).collect();
        assert_eq!(shown, [("6", 2), ("4", 1), ("3", 2)]);
        assert_eq!(more, 1);
    }

    #[test]
    fn logs_are_where_the_task_definition_says() {
        let log = |driver: LogDriver| {
            let log =
                LogConfiguration::builder().log_driver(driver).options("awslogs-group", "/gsm");
            let log = log.options("awslogs-stream-prefix", "b").build().unwrap();
            place(&ContainerDefinition::builder().name("bot").log_configuration(log).build(), "77")
        };
        assert_eq!(log(LogDriver::Awslogs), Some(("/gsm".to_owned(), "b/bot/77".to_owned())));
        assert_eq!(log(LogDriver::Splunk), None);
    }
}
