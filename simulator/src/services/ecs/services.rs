//! Services: what is wanted, and what can be asked about it. How it comes about is the scheduler's business.

use std::{collections::BTreeMap, time::Duration};

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    clusters,
    deployments::{self, Deployment, Record},
    fates::Course,
    invalid, paged, scheduler, short,
    tags::{Tag, checked, rendered},
    task_definitions,
    tasks::Task,
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    services::{ec2, elb},
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
struct NetworkInput {
    awsvpc_configuration: Awsvpc,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Awsvpc {
    subnets: Vec<String>,
    #[serde(default)]
    security_groups: Vec<String>,
    assign_public_ip: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RollingInput {
    deployment_circuit_breaker: Option<Breaker>,
    maximum_percent: Option<u32>,
    minimum_healthy_percent: Option<u32>,
    #[serde(rename = "strategy")]
    _strategy: Option<Strategy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaker {
    enable: bool,
    rollback: bool,
}

#[derive(Deserialize)]
enum Strategy {
    #[serde(rename = "ROLLING")]
    Rolling,
}

#[derive(Deserialize)]
enum LaunchType {
    #[serde(rename = "FARGATE")]
    Fargate,
}

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Describe {
    cluster: Option<String>,
    services: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    if input.services.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if input.services.len() > 10 {
        return Err(invalid("Services cannot have more than 10 elements."));
    }
    let with_tags = input.include.iter().any(|it| it == "TAGS");
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for one in &input.services {
        let key = format!("{cluster}/{}", short(one));
        match cx.region.ecs.services.get(&key) {
            Some(it) => services.push(it.render(cx, with_tags)),
            None => {
                let arn = cx.arn("ecs", &format!("service/{key}"));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    cluster: Option<String>,
    launch_type: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(cx: &mut Context<'_>, input: List) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    let services = cx.region.ecs.services.iter().filter(|(_, it)| {
        it.cluster == cluster
            && it.status != Status::Inactive
            && input.launch_type.as_deref().is_none_or(|it| it == "FARGATE")
    });
    let arns = services.map(|(key, _)| cx.arn("ecs", &format!("service/{key}")));
    let (arns, next) = paged(arns, input.next_token.as_deref(), input.max_results, 10)?;
    Ok(json!({ "serviceArns": arns, "nextToken": next }))
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

    fn check(&self, cx: &Context<'_>, revision: &Revision) -> Result<(), Refusal> {
        if self.grace.is_some_and(|it| it > 0) && revision.balancers.is_empty() {
            return Err(invalid(
                "Health check grace period is only valid for services configured to use load balancers",
            ));
        }
        let Some(definition) = task_definitions::of(cx, &revision.task_definition) else {
            return Ok(());
        };
        if self.exec && definition.task_role_arn.is_none() {
            return Err(invalid(
                "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again.",
            ));
        }
        for balancer in &revision.balancers {
            let Balancer { target_group_arn, container_name: name, container_port: port } =
                balancer;
            let containers = &definition.container_definitions;
            let Some(container) = containers.iter().find(|it| it.name == *name) else {
                return Err(invalid(format!(
                    "The container {name} does not exist in the task definition."
                )));
            };
            if !container.port_mappings.iter().any(|it| it.container_port == *port) {
                return Err(invalid(format!(
                    "The container {name} did not have a container port {port} defined."
                )));
            }
            match elb::target_group_in_use(cx, target_group_arn) {
                Some(true) => {}
                Some(false) => {
                    return Err(invalid(format!(
                        "The target group with targetGroupArn {target_group_arn} does not have an associated load balancer."
                    )));
                }
                None => {
                    return Err(invalid(format!(
                        "The specified target group does not exist. (targetGroupArn {target_group_arn})"
                    )));
                }
            }
        }
        Ok(())
    }

    pub(super) fn render(&self, cx: &Context<'_>, with_tags: bool) -> Value {
        let primary = self.deployments.first().or(self.proven.as_ref());
        let revision = primary.map(|it| &it.revision);
        let running = self.tasks.iter().filter(|it| it.is_running()).count();
        let pending = self.tasks.iter().filter(|it| it.is_pending()).count();
        let events = self.events.iter();
        let events = events
            .map(|it| json!({ "id": it.id, "createdAt": it.at.seconds(), "message": it.text }));
        let balancers = revision.map(|it| it.balancers.as_slice()).unwrap_or_default();
        let role = format!(
            "arn:aws:iam::{}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
            cx.account
        );
        let current = deployments::current_revisions(cx, self);
        let under_way = self.records.first().filter(|it| it.is_under_way());
        json!({
            "serviceArn": cx.arn("ecs", &format!("service/{}", self.key())),
            "serviceName": self.name,
            "clusterArn": cx.arn("ecs", &format!("cluster/{}", self.cluster)),
            "loadBalancers": balancers,
            "serviceRegistries": [],
            "status": self.status,
            "desiredCount": self.desired,
            "runningCount": running,
            "pendingCount": pending,
            "launchType": "FARGATE",
            "platformVersion": revision.map(|it| &it.platform),
            "platformFamily": "Linux",
            "taskDefinition": revision.map(|it| &it.task_definition),
            "deploymentConfiguration": self.rolling.render(),
            "deployments": self.deployments.iter().map(|it| it.render(self)).collect::<Vec<_>>(),
            "roleArn": (!balancers.is_empty()).then_some(role),
            "events": events.collect::<Vec<_>>(),
            "createdAt": self.created.seconds(),
            "currentServiceDeployment": under_way.map(|it| &it.arn),
            "currentServiceRevisions": current,
            "placementConstraints": [],
            "placementStrategy": [],
            "networkConfiguration": revision.map(|it| it.network.render()),
            "healthCheckGracePeriodSeconds": self.grace.unwrap_or(0),
            "schedulingStrategy": "REPLICA",
            "deploymentController": { "type": "ECS" },
            "tags": with_tags.then(|| rendered(&self.tags)),
            "createdBy": format!("arn:aws:iam::{}:root", cx.account),
            "enableECSManagedTags": self.managed_tags,
            "propagateTags": self.propagate,
            "enableExecuteCommand": self.exec,
            "availabilityZoneRebalancing": self.rebalancing,
        })
    }
}

impl Revision {
    /// As a service revision shows it.
    pub(super) fn render(&self) -> Value {
        json!({
            "taskDefinition": self.task_definition,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "loadBalancers": self.balancers,
            "networkConfiguration": self.network.render(),
        })
    }
}

impl Network {
    pub(super) fn render(&self) -> Value {
        json!({ "awsvpcConfiguration": {
            "subnets": self.subnets,
            "securityGroups": self.security_groups,
            "assignPublicIp": if self.public { "ENABLED" } else { "DISABLED" },
        }})
    }
}

impl NetworkInput {
    fn checked(self, cx: &Context<'_>) -> Result<Network, Refusal> {
        let Awsvpc { subnets, mut security_groups, assign_public_ip } = self.awsvpc_configuration;
        if subnets.is_empty() {
            return Err(invalid("subnets can not be empty."));
        }
        if subnets.len() > 16 {
            return Err(invalid("subnets can have at most 16 items."));
        }
        if security_groups.len() > 5 {
            return Err(invalid("securityGroups can have at most 5 items."));
        }
        let mut vpc = None;
        for subnet in &subnets {
            let found = ec2::subnet(cx, subnet).ok_or_else(|| {
                invalid(format!(
                    "Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist (ErrorCode: InvalidSubnetID.NotFound)"
                ))
            })?;
            if vpc.get_or_insert_with(|| found.vpc.clone()) != &found.vpc {
                return Err(invalid("All subnets must be in the same VPC."));
            }
        }
        for group in &security_groups {
            let found = ec2::security_group_vpc(cx, group).ok_or_else(|| {
                invalid(format!(
                    "Error retrieving security group information for [{group}]: The security group '{group}' does not exist (ErrorCode: InvalidGroup.NotFound)"
                ))
            })?;
            if vpc.as_ref() != Some(&found) {
                return Err(invalid("Subnets and security groups must be in the same VPC."));
            }
        }
        if security_groups.is_empty() {
            let usual = vpc.and_then(|it| ec2::default_security_group(cx, &it));
            security_groups.extend(usual);
        }
        let public = assign_public_ip.as_deref() == Some("ENABLED");
        Ok(Network { subnets, security_groups, public })
    }
}

impl Rolling {
    /// The same with what a request says.
    fn with(self, input: Option<RollingInput>) -> Result<Self, Refusal> {
        let Some(RollingInput {
            deployment_circuit_breaker,
            maximum_percent,
            minimum_healthy_percent,
            _strategy: _,
        }) = input
        else {
            return Ok(self);
        };
        let breaker = deployment_circuit_breaker.map(|it| (it.enable, it.rollback));
        let (breaker, rollback) = breaker.unwrap_or((self.breaker, self.rollback));
        let minimum = minimum_healthy_percent.unwrap_or(self.minimum);
        let maximum = maximum_percent.unwrap_or(self.maximum);
        if maximum <= 100 && minimum >= 100 {
            return Err(invalid(
                "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
            ));
        }
        if minimum > maximum {
            return Err(invalid("maximumPercent must not be less than minimumHealthyPercent."));
        }
        Ok(Self { minimum, maximum, breaker, rollback })
    }

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

    pub(super) fn render(self) -> Value {
        json!({
            "deploymentCircuitBreaker": { "enable": self.breaker, "rollback": self.rollback },
            "maximumPercent": self.maximum,
            "minimumHealthyPercent": self.minimum,
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
        })
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
