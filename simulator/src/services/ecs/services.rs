//! Services: what is wanted, and what can be asked about it. How it comes about is the scheduler's business.

mod checked;
mod described;

use std::{collections::BTreeMap, time::Duration};

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use self::checked::{LaunchType, NetworkInput, RollingInput};
pub(super) use self::described::{describe, list};
use super::{
    clusters,
    deployments::{Deployment, Record},
    fates::Course,
    invalid, scheduler, short,
    tags::{Tag, checked},
    task_definitions,
    tasks::Task,
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    visibility::Made,
    world::Context,
};

/// A service.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Service {
    pub(super) cluster: String,
    pub(super) name: String,
    pub(super) status: Status,
    created: Time,
    /// Client token and digest of the call that made it.
    origin: Option<(String, String)>,
    pub(super) desired: u32,
    pub(super) rolling: Rolling,
    pub(super) exec: bool,
    pub(super) grace: Option<u32>,
    propagate: Propagate,
    managed_tags: bool,
    rebalancing: String,
    pub(super) tags: BTreeMap<String, String>,
    /// The primary one first.
    pub(super) deployments: Vec<Deployment>,
    /// Service deployments, the newest first.
    pub(super) records: Vec<Record>,
    /// The last deployment that was completed.
    pub(super) proven: Option<Deployment>,
    /// In the order of their beginning.
    pub(super) tasks: Vec<Task>,
    /// The newest first.
    events: Vec<Message>,
    /// Whether nothing has changed since the last steady state.
    pub(super) steady: bool,
    /// When the scheduler looks next.
    pub(super) look_at: Option<Time>,
}

impl Made for Service {
    fn made(&self) -> Time {
        self.created
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Active,
    Draining,
    Inactive,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Propagate {
    Service,
    TaskDefinition,
    None,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Message {
    id: String,
    at: Time,
    text: String,
}

/// What a deployment brings.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Revision {
    /// An ARN.
    pub(super) task_definition: String,
    pub(super) network: Network,
    pub(super) balancers: Vec<Balancer>,
    platform: String,
}

/// Where tasks are.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Network {
    pub(super) subnets: Vec<String>,
    pub(super) security_groups: Vec<String>,
    /// Whether they get a public address.
    pub(super) public: bool,
}

/// A target group to which tasks are registered.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Balancer {
    pub(super) target_group_arn: String,
    container_name: String,
    pub(super) container_port: u16,
}

/// How tasks are replaced.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Rolling {
    pub(super) minimum: u32,
    pub(super) maximum: u32,
    pub(super) breaker: bool,
    pub(super) rollback: bool,
}

const USUAL: Rolling = Rolling { minimum: 100, maximum: 200, breaker: false, rollback: false };
/// ECS shows no more events of a service.
const EVENTS: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateService {
    cluster: Option<String>,
    service_name: String,
    task_definition: Option<String>,
    desired_count: Option<u32>,
    client_token: Option<String>,
    #[serde(rename = "launchType")]
    _launch_type: Option<LaunchType>,
    platform_version: Option<String>,
    network_configuration: Option<NetworkInput>,
    #[serde(default)]
    load_balancers: Vec<Balancer>,
    health_check_grace_period_seconds: Option<u32>,
    deployment_configuration: Option<RollingInput>,
    availability_zone_rebalancing: Option<String>,
    #[serde(default)]
    enable_execute_command: bool,
    #[serde(default, rename = "enableECSManagedTags")]
    enable_ecs_managed_tags: bool,
    propagate_tags: Option<Propagate>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Context<'_>, input: CreateService, body: &[u8]) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    let name = input.service_name;
    if !Regex::new("^[A-Za-z0-9_-]{1,255}$").is_ok_and(|it| it.is_match(&name)) {
        return Err(invalid("Service name contains invalid characters."));
    }
    let key = format!("{cluster}/{name}");
    let origin = input.client_token.map(|it| (it, hex::encode(Sha256::digest(body))));
    let mut tasks = Vec::new();
    match cx.region.ecs.services.get(&key) {
        Some(it) if it.status == Status::Active => {
            let token = |of: &Option<(String, String)>| of.as_ref().map(|it| it.0.clone());
            if origin.is_some() && it.origin == origin {
                return Ok(json!({ "service": it.render(cx, true) }));
            }
            if origin.is_some() && token(&it.origin) == token(&origin) {
                return Err(invalid(
                    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
                ));
            }
            return Err(invalid("Creation of service was not idempotent."));
        }
        Some(it) if it.status == Status::Draining => {
            return Err(invalid("Unable to Start a service that is still Draining."));
        }
        // Tasks of a deleted namesake are remembered for their time.
        Some(it) => tasks.clone_from(&it.tasks),
        None => {}
    }
    let Some(definition) = input.task_definition else {
        return Err(invalid("TaskDefinition can not be blank."));
    };
    let Some(network) = input.network_configuration else {
        return Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    };
    let revision = Revision {
        task_definition: task_definitions::for_service(cx, &definition)?,
        network: network.checked(cx)?,
        balancers: input.load_balancers,
        platform: input.platform_version.unwrap_or_else(|| "LATEST".to_owned()),
    };
    let service = Service {
        cluster,
        name,
        status: Status::Active,
        created: cx.now,
        origin,
        desired: input.desired_count.unwrap_or(0),
        rolling: USUAL.with(input.deployment_configuration)?,
        exec: input.enable_execute_command,
        grace: input.health_check_grace_period_seconds,
        propagate: input.propagate_tags.unwrap_or(Propagate::None),
        managed_tags: input.enable_ecs_managed_tags,
        rebalancing: input.availability_zone_rebalancing.unwrap_or_else(|| "ENABLED".to_owned()),
        tags: checked(input.tags)?,
        deployments: Vec::new(),
        records: Vec::new(),
        proven: None,
        tasks,
        events: Vec::new(),
        steady: false,
        look_at: None,
    };
    service.check(cx, &revision)?;
    cx.region.ecs.services.insert(key.clone(), service);
    scheduler::with(cx, &key, |cx, service| service.begin(cx, revision));
    Ok(json!({ "service": cx.region.ecs.services[&key].render(cx, true) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateService {
    cluster: Option<String>,
    service: String,
    task_definition: Option<String>,
    desired_count: Option<u32>,
    #[serde(default)]
    force_new_deployment: bool,
    platform_version: Option<String>,
    network_configuration: Option<NetworkInput>,
    load_balancers: Option<Vec<Balancer>>,
    health_check_grace_period_seconds: Option<u32>,
    deployment_configuration: Option<RollingInput>,
    availability_zone_rebalancing: Option<String>,
    enable_execute_command: Option<bool>,
    #[serde(rename = "enableECSManagedTags")]
    enable_ecs_managed_tags: Option<bool>,
    propagate_tags: Option<Propagate>,
}

pub(super) fn update(cx: &mut Context<'_>, input: UpdateService) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    let key = format!("{cluster}/{}", short(&input.service));
    let mut service = match cx.region.ecs.services.get(&key) {
        None => return Err(Refusal::new("ServiceNotFoundException", "Service not found.")),
        Some(it) if it.status != Status::Active => {
            return Err(Refusal::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        Some(it) => it.clone(),
    };
    let Some(current) = service.deployments.first().map(|it| it.revision.clone()) else {
        return Err(Refusal::new("ServiceNotActiveException", "Service was not ACTIVE."));
    };
    let mut revision = current.clone();
    if let Some(name) = &input.task_definition {
        revision.task_definition = task_definitions::for_service(cx, name)?;
    }
    if let Some(network) = input.network_configuration {
        revision.network = network.checked(cx)?;
    }
    revision.balancers = input.load_balancers.unwrap_or(revision.balancers);
    revision.platform = input.platform_version.unwrap_or(revision.platform);
    service.rolling = service.rolling.with(input.deployment_configuration)?;
    service.grace = input.health_check_grace_period_seconds.or(service.grace);
    service.exec = input.enable_execute_command.unwrap_or(service.exec);
    service.propagate = input.propagate_tags.unwrap_or(service.propagate);
    service.managed_tags = input.enable_ecs_managed_tags.unwrap_or(service.managed_tags);
    service.rebalancing = input.availability_zone_rebalancing.unwrap_or(service.rebalancing);
    let desired = input.desired_count.unwrap_or(service.desired);
    let counts = desired != service.desired;
    service.desired = desired;
    service.check(cx, &revision)?;
    let redeploys = input.force_new_deployment || revision != current;
    cx.region.ecs.services.insert(key.clone(), service);
    scheduler::with(cx, &key, |cx, service| {
        if redeploys {
            service.begin(cx, revision);
        } else if counts {
            service.unsettle(cx);
        }
    });
    Ok(json!({ "service": cx.region.ecs.services[&key].render(cx, true) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteService {
    cluster: Option<String>,
    service: String,
    #[serde(default)]
    force: bool,
}

pub(super) fn delete(cx: &mut Context<'_>, input: DeleteService) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    let key = format!("{cluster}/{}", short(&input.service));
    let service = cx.region.ecs.services.get(&key).filter(|it| it.status == Status::Active);
    let Some(service) = service else {
        return Err(Refusal::new("ServiceNotFoundException", "Service not found."));
    };
    if service.desired > 0 && !input.force {
        return Err(invalid("The service cannot be stopped while it is scaled above 0."));
    }
    scheduler::with(cx, &key, |cx, service| {
        service.status = Status::Draining;
        service.desired = 0;
        service.abandon(cx.now, "The service was deleted.");
        scheduler::soon(cx, service);
    });
    Ok(json!({ "service": cx.region.ecs.services[&key].render(cx, true) }))
}

impl Service {
    /// Where it is in the world.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.cluster, self.name)
    }

    /// Says something, in the way of ECS.
    pub(super) fn say(&mut self, cx: &mut Context<'_>, text: impl AsRef<str>) {
        let text = format!("(service {}) {}", self.name, text.as_ref());
        self.events.insert(0, Message { id: cx.chance.uuid(), at: cx.now, text });
        self.events.truncate(EVENTS);
    }

    /// Lets the scheduler look, for something has changed.
    pub(super) fn unsettle(&mut self, cx: &mut Context<'_>) {
        self.steady = false;
        scheduler::soon(cx, self);
    }

    /// How long bad checks of the load balancer do not count.
    pub(super) fn grace_period(&self, cx: &Context<'_>) -> Duration {
        cx.times.paced(Duration::from_secs(self.grace.unwrap_or(0).into()))
    }

    /// The tags that a task of it gets.
    pub(super) fn tags_of_tasks(
        &self,
        cx: &mut Context<'_>,
        revision: &Revision,
    ) -> BTreeMap<String, String> {
        let mut tags = match self.propagate {
            Propagate::Service => self.tags.clone(),
            Propagate::TaskDefinition => {
                let found = task_definitions::find_mut(
                    &mut cx.region.ecs,
                    short(&revision.task_definition),
                );
                found.map(|it| it.tags.clone()).unwrap_or_default()
            }
            Propagate::None => BTreeMap::new(),
        };
        if self.managed_tags {
            tags.insert("aws:ecs:clusterName".to_owned(), self.cluster.clone());
            tags.insert("aws:ecs:serviceName".to_owned(), self.name.clone());
        }
        tags
    }

    /// The course of a deployment that begins now.
    pub(super) fn course(&self, cx: &Context<'_>, revision: &Revision) -> Course {
        let definition = task_definitions::of(cx, &revision.task_definition);
        definition.map(|it| Course::of(cx, &self.name, it)).unwrap_or_default()
    }
}

impl Rolling {
    /// The least tasks of so many that are to run at any time.
    pub(super) fn least(self, desired: u32) -> usize {
        (u64::from(desired) * u64::from(self.minimum)).div_ceil(100) as usize
    }

    /// The most tasks for so many that may be there at any time.
    pub(super) fn most(self, desired: u32) -> usize {
        (u64::from(desired) * u64::from(self.maximum) / 100) as usize
    }

    /// After so many failed tasks in a row a deployment has failed.
    pub(super) fn threshold(desired: u32) -> u32 {
        desired.div_ceil(2).clamp(3, 200)
    }
}

#[cfg(test)]
impl Service {
    /// One of which nothing is running yet.
    pub(super) fn sample(rolling: Rolling) -> Self {
        Self {
            cluster: "gsm".to_owned(),
            name: "bot".to_owned(),
            status: Status::Active,
            created: Time(0),
            origin: None,
            desired: 1,
            rolling,
            exec: false,
            grace: None,
            propagate: Propagate::None,
            managed_tags: false,
            rebalancing: "DISABLED".to_owned(),
            tags: BTreeMap::new(),
            deployments: Vec::new(),
            records: Vec::new(),
            proven: None,
            tasks: Vec::new(),
            events: Vec::new(),
            steady: false,
            look_at: None,
        }
    }

    /// What it has said, the newest last, without ids.
    pub(super) fn said(&self) -> Vec<String> {
        let ids = Regex::new("[0-9a-f]{32}|[0-9]{19}");
        let text = |it: &Message| match &ids {
            Ok(ids) => ids.replace_all(&it.text, "ID").into_owned(),
            Err(_) => it.text.clone(),
        };
        self.events.iter().rev().map(text).collect()
    }
}

#[cfg(test)]
impl Revision {
    /// Of a task definition, without a load balancer.
    pub(super) fn sample(task_definition: &str) -> Self {
        let network = Network { subnets: Vec::new(), security_groups: Vec::new(), public: true };
        let platform = "LATEST".to_owned();
        Self {
            task_definition: task_definition.to_owned(),
            network,
            balancers: Vec::new(),
            platform,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_of_the_wanted_tasks() {
        let rolling = Rolling { minimum: 50, maximum: 150, ..USUAL };
        assert_eq!((rolling.least(1), rolling.most(1)), (1, 1));
        assert_eq!((rolling.least(3), rolling.most(3)), (2, 4));
        assert_eq!((USUAL.least(2), USUAL.most(2)), (2, 4));
    }

    #[test]
    fn the_breaker_trips_at_half_of_the_wanted_tasks() {
        let thresholds = [0, 1, 6, 7, 25, 400, 1000].map(Rolling::threshold);
        assert_eq!(thresholds, [3, 3, 3, 4, 13, 200, 200]);
    }
}
