//! What runs, since when, which image, and whether it is well.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{DesiredStatus, Task};
use serde::Serialize;

use super::{
    Current, Past, Subject, history,
    history::moment,
    image_of,
    look::{opinion, task_id},
    primary, short,
};
use crate::{
    cloud::Cloud,
    engine::{Error, Result},
};

/// DescribeTasks takes no more at once; a service of more is described by some of its tasks.
const TASKS: usize = 100;

/// How a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The ECS service.
    pub service: String,
    /// The ECS cluster.
    pub cluster: String,
    /// The revision that is to run, such as `gsm-bot:3`.
    pub revision: String,
    /// Since when, in UTC.
    pub since: Option<String>,
    /// Its image, as the task definition names it.
    pub image: String,
    /// How many tasks are wanted.
    pub wanted: i32,
    /// How many run.
    pub running: i32,
    /// How many are being started.
    pub pending: i32,
    /// Those that are wanted, the oldest first.
    pub tasks: Vec<Living>,
    /// What is not as it should be; nothing: it is healthy.
    pub problems: Vec<String>,
    /// The last deployments, the newest first.
    pub deployments: Vec<Past>,
    /// What could not be looked at, and why.
    pub blind: Vec<String>,
}

/// A task that has not been told to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Living {
    /// Its id.
    pub id: String,
    /// Its revision.
    pub revision: String,
    /// Such as `RUNNING`.
    pub status: String,
    /// Since when it runs, in UTC.
    pub since: Option<String>,
    /// The digest of the image that it pulled.
    pub digest: Option<String>,
    /// What its container's own check says; none: it has none, or it is not decided.
    pub container: Option<String>,
    /// What the load balancer says of it: address and opinion.
    pub target: Option<String>,
}

/// Looks at everything that says how a service is.
///
/// # Errors
///
/// When its tasks cannot be looked at.
pub async fn condition(subject: &Subject, current: &Current, cloud: &Cloud) -> Result<Condition> {
    let service = &current.service;
    let (tasks, targets, past) =
        tokio::join!(tasks(subject, cloud), targets(current, cloud), history(subject, cloud));
    let mut blind = Vec::new();
    let targets = targets.unwrap_or_else(|error| {
        blind.push(format!("target health could not be looked at: {error}"));
        BTreeMap::new()
    });
    let deployments = past.unwrap_or_else(|error| {
        blind.push(format!("the last deployments could not be looked at: {error}"));
        Vec::new()
    });
    let mut tasks = tasks?;
    tasks.sort_by_key(|it| it.created_at.map(|it| it.as_nanos()));
    let tasks: Vec<Living> =
        tasks.iter().map(|it| living(it, &subject.container, &targets)).collect();
    let deployment = primary(service);
    let mut problems = Vec::new();
    if service.running_count < service.desired_count {
        problems.push(format!("{} of {} tasks run", service.running_count, service.desired_count));
    }
    let state = deployment.and_then(|it| it.rollout_state.as_ref()).map(|it| it.as_str());
    if let Some(state) = state.filter(|it| *it != "COMPLETED") {
        let reason = deployment.and_then(|it| it.rollout_state_reason()).unwrap_or_default();
        problems.push(format!("the deployment is {state}: {reason}"));
    }
    for it in &tasks {
        if it.container.as_deref() == Some("UNHEALTHY") {
            problems.push(format!("task {}: its container's check fails", it.id));
        }
        if let Some(target) = it.target.as_ref().filter(|it| !it.ends_with(": healthy")) {
            problems.push(format!("task {}: target {target}", it.id));
        }
    }
    Ok(Condition {
        service: subject.service.clone(),
        cluster: subject.cluster.clone(),
        revision: short(service.task_definition().unwrap_or_default()).to_owned(),
        since: deployment.and_then(|it| it.created_at.as_ref()).and_then(moment),
        image: image_of(&current.definition, &subject.container)?.to_owned(),
        wanted: service.desired_count,
        running: service.running_count,
        pending: service.pending_count,
        tasks,
        problems,
        deployments,
        blind,
    })
}

/// The tasks of a service that have not been told to stop.
///
/// # Errors
///
/// When ECS cannot be asked.
pub async fn tasks(subject: &Subject, cloud: &Cloud) -> Result<Vec<Task>> {
    let Subject { cluster, service, .. } = subject;
    let request = cloud.ecs.list_tasks().cluster(cluster).service_name(service);
    let request = request.desired_status(DesiredStatus::Running).max_results(100);
    let mut arns = request.send().await?.task_arns.unwrap_or_default();
    arns.truncate(TASKS);
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let request = cloud.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns));
    Ok(request.send().await?.tasks.unwrap_or_default())
}

/// What the load balancer says, by address.
async fn targets(current: &Current, cloud: &Cloud) -> Result<BTreeMap<String, (String, String)>> {
    let mut found = BTreeMap::new();
    let groups = current.service.load_balancers().iter().filter_map(|it| it.target_group_arn());
    for group in groups {
        let request = cloud.elb.describe_target_health().target_group_arn(group);
        let answer = request.send().await.map_err(Error::from)?;
        for it in answer.target_health_descriptions() {
            let address = it.target().and_then(|it| it.id()).unwrap_or_default().to_owned();
            if let Some(opinion) = opinion(it) {
                found.insert(address, opinion);
            }
        }
    }
    Ok(found)
}

fn living(task: &Task, container: &str, targets: &BTreeMap<String, (String, String)>) -> Living {
    let ours = task.containers().iter().find(|it| it.name() == Some(container));
    let addresses = task.attachments().iter().flat_map(|it| it.details());
    let mut addresses =
        addresses.filter(|it| it.name() == Some("privateIPv4Address")).filter_map(|it| it.value());
    let health = task.health_status.as_ref().filter(|it| it.as_str() != "UNKNOWN");
    Living {
        id: task_id(task).to_owned(),
        revision: short(task.task_definition_arn().unwrap_or_default()).to_owned(),
        status: task.last_status().unwrap_or("UNKNOWN").to_owned(),
        since: task.started_at.as_ref().and_then(moment),
        digest: ours.and_then(|it| it.image_digest.clone()),
        container: health.map(|it| it.as_str().to_owned()),
        target: addresses
            .find_map(|it| targets.get(it))
            .map(|(target, health)| format!("{target}: {health}")),
    }
}
