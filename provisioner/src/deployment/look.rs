//! One look at everything that concerns a deployment.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{DesiredStatus, Service, ServiceDeployment, Task};
use aws_sdk_elasticloadbalancingv2::types::{
    TargetHealthDescription, TargetHealthStateEnum as Health,
};

use super::{Ours, Subject, causes, short};
use crate::{
    cloud::{Cloud, ecs},
    engine::{Class, Error, Result},
};

/// In so many looks the record of a new service deployment appears, or there is none.
const LOOKS_FOR_THE_RECORD: usize = 10;
/// DescribeTasks takes no more at once.
const TASKS_AT_ONCE: usize = 100;

/// Looks at one deployment again and again, and keeps what it has seen.
pub(super) struct Looker<'a> {
    subject: &'a Subject,
    ours: &'a Ours,
    cloud: &'a Cloud,
    record: Record,
    /// Tasks that ECS lists as stopped, whoever's they are.
    known: BTreeSet<String>,
    /// The deployment's own tasks that failed, the oldest first.
    pub(super) stopped: Vec<Task>,
    /// What the load balancer says of its targets, by address.
    targets: BTreeMap<String, String>,
    /// Targets that were there before.
    old_targets: Option<BTreeSet<String>>,
    /// What we were not allowed to look at.
    pub(super) blind: BTreeSet<String>,
}

/// Where ECS keeps the record of our deployment.
enum Record {
    /// Not found in so many looks.
    Sought(usize),
    At(String),
    /// Nobody here knows service deployments, or tells us.
    None,
}

/// What a look showed.
pub(super) struct Seen {
    pub(super) service: Service,
    pub(super) record: Option<ServiceDeployment>,
    /// Own tasks that have failed since the last look.
    pub(super) failed: Vec<Task>,
    /// New targets of which the load balancer has changed its opinion: address and opinion.
    pub(super) targets: Vec<(String, String)>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(subject: &'a Subject, ours: &'a Ours, cloud: &'a Cloud) -> Self {
        Self {
            subject,
            ours,
            cloud,
            record: Record::Sought(0),
            known: BTreeSet::new(),
            stopped: Vec::new(),
            targets: BTreeMap::new(),
            old_targets: None,
            blind: BTreeSet::new(),
        }
    }

    /// Looks once. Nothing is lost when the look is broken off.
    ///
    /// # Errors
    ///
    /// When the service or its record cannot be described. That tasks or targets cannot be seen is noted in `blind`.
    pub(super) async fn look(&mut self) -> Result<Seen> {
        let Subject { cluster, service, .. } = self.subject;
        let (described, record, listed) = tokio::join!(
            ecs::describe_service(cluster, service, self.cloud),
            self.find_record(),
            self.new_stopped_tasks(),
        );
        let service = described?.ok_or_else(|| Error::missing("service"))?;
        let record = match record {
            Ok((place, record)) => {
                self.record = place;
                record
            }
            Err(error) if error.class() == Class::Transient => return Err(error),
            Err(_) => {
                self.record = Record::None;
                None
            }
        };
        let failed = self.note_tasks(listed);
        let targets = self.look_at_targets(&service).await;
        Ok(Seen { service, record, failed, targets })
    }

    /// The ARN under which ECS records our deployment, for StopServiceDeployment.
    pub(super) fn record_arn(&self) -> Option<&str> {
        match &self.record {
            Record::At(arn) => Some(arn),
            _ => None,
        }
    }

    /// Whether a record may still appear.
    pub(super) fn seeks_record(&self) -> bool {
        matches!(self.record, Record::Sought(_))
    }

    /// What the load balancer last said of new targets that are not healthy.
    pub(super) fn bad_targets(&self) -> Vec<String> {
        let bad = self.targets.iter().filter(|(_, health)| *health != "healthy");
        bad.map(|(target, health)| format!("{target}: {health}")).collect()
    }

    /// The deployment's tasks that have not stopped.
    pub(super) async fn living(&self) -> Result<Vec<Task>> {
        let arns = self.list(DesiredStatus::Running).await?;
        let mut tasks = self.describe(arns).await?;
        tasks.retain(|it| self.is_ours(it));
        Ok(tasks)
    }

    async fn find_record(&self) -> Result<(Record, Option<ServiceDeployment>)> {
        let ecs = &self.cloud.ecs;
        let arn = match &self.record {
            Record::None => return Ok((Record::None, None)),
            Record::At(arn) => arn.clone(),
            Record::Sought(looks) => {
                let Subject { cluster, service, .. } = self.subject;
                let answer =
                    ecs.list_service_deployments().cluster(cluster).service(service).send().await?;
                // The revision that a service deployment brings has the number of the deployment for its id; nothing
                // else connects the two. The newest come first, so ours is on the first page.
                let number = self.ours.id.rsplit('/').next().unwrap_or_default();
                let is_ours = |it: &str| it.rsplit('/').next() == Some(number);
                let found = answer.service_deployments().iter();
                let mut found =
                    found.filter(|it| it.target_service_revision_arn().is_some_and(is_ours));
                match found.next().and_then(|it| it.service_deployment_arn()) {
                    Some(arn) => arn.to_owned(),
                    None if *looks < LOOKS_FOR_THE_RECORD => {
                        return Ok((Record::Sought(looks + 1), None));
                    }
                    None => return Ok((Record::None, None)),
                }
            }
        };
        let answer =
            ecs.describe_service_deployments().service_deployment_arns(&arn).send().await?;
        let record = answer.service_deployments.unwrap_or_default().into_iter().next();
        Ok((Record::At(arn), record))
    }

    async fn new_stopped_tasks(&self) -> Result<Vec<Task>> {
        let mut arns = self.list(DesiredStatus::Stopped).await?;
        arns.retain(|it| !self.known.contains(it));
        self.describe(arns).await
    }

    async fn list(&self, status: DesiredStatus) -> Result<Vec<String>> {
        let Subject { cluster, service, .. } = self.subject;
        let request = self
            .cloud
            .ecs
            .list_tasks()
            .cluster(cluster)
            .service_name(service)
            .desired_status(status);
        Ok(request.into_paginator().items().send().try_collect().await?)
    }

    async fn describe(&self, arns: Vec<String>) -> Result<Vec<Task>> {
        let mut tasks = Vec::new();
        for some in arns.chunks(TASKS_AT_ONCE) {
            let request = self.cloud.ecs.describe_tasks().cluster(&self.subject.cluster);
            let answer = request.set_tasks(Some(some.to_vec())).send().await?;
            tasks.extend(answer.tasks.unwrap_or_default());
        }
        Ok(tasks)
    }

    fn is_ours(&self, task: &Task) -> bool {
        task.started_by() == Some(&self.ours.id)
    }

    /// Keeps those that failed. A task that is only stopping is looked at again.
    fn note_tasks(&mut self, tasks: Result<Vec<Task>>) -> Vec<Task> {
        let tasks = match tasks {
            Ok(tasks) => tasks,
            Err(error) => {
                self.note_blindness("tasks", &error);
                return Vec::new();
            }
        };
        let mut failed = Vec::new();
        for task in tasks.into_iter().filter(|it| it.last_status() == Some("STOPPED")) {
            self.known.extend(task.task_arn.clone());
            if self.is_ours(&task) && causes::failed(&task) {
                failed.push(task);
            }
        }
        failed.sort_by_key(|it| it.stopped_at.map(|it| it.as_nanos()));
        self.stopped.extend(failed.iter().cloned());
        failed
    }

    /// The first look shows the old targets: a new task needs longer than that to be registered.
    async fn look_at_targets(&mut self, service: &Service) -> Vec<(String, String)> {
        let groups = service.load_balancers().iter().filter_map(|it| it.target_group_arn());
        let mut found = BTreeMap::new();
        for group in groups {
            let answer =
                self.cloud.elb.describe_target_health().target_group_arn(group).send().await;
            match answer.map_err(Error::from) {
                Ok(answer) => {
                    found.extend(answer.target_health_descriptions().iter().filter_map(opinion));
                }
                Err(error) => {
                    self.note_blindness("target health", &error);
                    return Vec::new();
                }
            }
        }
        let old = self.old_targets.get_or_insert_with(|| found.keys().cloned().collect());
        found.retain(|target, _| !old.contains(target));
        let mut changed = Vec::new();
        for (target, health) in found {
            if self.targets.insert(target.clone(), health.clone()).as_ref() != Some(&health) {
                changed.push((target, health));
            }
        }
        changed
    }

    fn note_blindness(&mut self, what: &str, error: &Error) {
        if error.class() != Class::Transient {
            self.blind.insert(format!("{what} could not be looked at: {error}"));
        }
    }
}

/// Address of a target, and what the load balancer thinks of it; nothing of one that leaves.
pub(super) fn opinion(live: &TargetHealthDescription) -> Option<(String, String)> {
    let (target, health) = (live.target()?, live.target_health()?);
    let port = target.port.map(|it| format!(":{it}")).unwrap_or_default();
    let target = format!("{}{port}", target.id().unwrap_or_default());
    let state = health.state.as_ref()?;
    if matches!(state, Health::Draining | Health::Unused) {
        return None;
    }
    let mut text = state.as_str().to_owned();
    if let Some(description) = health.description().filter(|it| !it.is_empty()) {
        text = format!("{text}: {description}");
    }
    if let Some(reason) = &health.reason {
        text = format!("{text} ({})", reason.as_str());
    }
    Some((target, text))
}

/// The id of a task.
pub(super) fn task_id(task: &Task) -> &str {
    short(task.task_arn().unwrap_or_default())
}
