//! Task definitions: families of revisions, which ECS fills in and never changes.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Ecs, client, invalid, paged, seconds, short, tags::Tag, tags::rendered};
use crate::{clock::Time, refusal::Answer, refusal::Refusal, world::Context};

/// A revision.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Revision {
    pub(super) given: Given,
    status: Status,
    registered: Time,
    deregistered: Option<Time>,
    delete_requested: Option<Time>,
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Active,
    Inactive,
    DeleteInProgress,
}

/// What was registered, filled in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Given {
    family: String,
    pub(super) task_role_arn: Option<String>,
    pub(super) execution_role_arn: Option<String>,
    network_mode: Option<String>,
    pub(super) container_definitions: Vec<Container>,
    #[serde(default)]
    volumes: Vec<Value>,
    #[serde(default)]
    placement_constraints: Vec<Value>,
    #[serde(default)]
    requires_compatibilities: Vec<String>,
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    pid_mode: Option<String>,
    ipc_mode: Option<String>,
    proxy_configuration: Option<Value>,
    inference_accelerators: Option<Vec<Value>>,
    ephemeral_storage: Option<Value>,
    runtime_platform: Option<RuntimePlatform>,
    enable_fault_injection: Option<bool>,
    #[serde(default, skip_serializing)]
    tags: Vec<Tag>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuntimePlatform {
    cpu_architecture: Option<String>,
    operating_system_family: Option<String>,
}

/// A container: what decides its fate in types, the rest as it was given.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Container {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    cpu: u32,
    memory: Option<u32>,
    memory_reservation: Option<u32>,
    #[serde(default)]
    pub(super) port_mappings: Vec<Port>,
    #[serde(default = "yes")]
    pub(super) essential: bool,
    #[serde(default)]
    environment: Vec<Variable>,
    #[serde(default)]
    mount_points: Vec<Value>,
    #[serde(default)]
    volumes_from: Vec<Value>,
    #[serde(default)]
    system_controls: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) secrets: Vec<Secret>,
    pub(super) log_configuration: Option<Log>,
    pub(super) health_check: Option<HealthCheck>,
    entry_point: Option<Vec<String>>,
    command: Option<Vec<String>>,
    linux_parameters: Option<Value>,
    depends_on: Option<Value>,
    environment_files: Option<Value>,
    firelens_configuration: Option<Value>,
    repository_credentials: Option<Value>,
    resource_requirements: Option<Value>,
    restart_policy: Option<Value>,
    start_timeout: Option<u32>,
    stop_timeout: Option<u32>,
    version_consistency: Option<String>,
    hostname: Option<String>,
    user: Option<String>,
    working_directory: Option<String>,
    privileged: Option<bool>,
    readonly_root_filesystem: Option<bool>,
    interactive: Option<bool>,
    pseudo_terminal: Option<bool>,
    docker_labels: Option<BTreeMap<String, String>>,
    ulimits: Option<Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Port {
    pub(super) container_port: u16,
    host_port: Option<u16>,
    #[serde(default = "tcp")]
    protocol: String,
    name: Option<String>,
    app_protocol: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    value: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Secret {
    name: String,
    pub(super) value_from: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Log {
    log_driver: String,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    secret_options: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HealthCheck {
    command: Vec<String>,
    #[serde(default = "thirty")]
    pub(super) interval: u32,
    #[serde(default = "five")]
    timeout: u32,
    #[serde(default = "three")]
    pub(super) retries: u32,
    pub(super) start_period: Option<u32>,
}

fn yes() -> bool {
    true
}
fn tcp() -> String {
    "tcp".to_owned()
}
fn thirty() -> u32 {
    30
}
fn five() -> u32 {
    5
}
fn three() -> u32 {
    3
}

/// What Fargate offers: CPU units, and MiB from, to, in steps of.
const SIZES: &[(u32, u32, u32, u32)] = &[
    (256, 512, 512, 512),
    (256, 1024, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

pub(super) fn register(cx: &mut Context<'_>, mut given: Given) -> Answer {
    let tags = super::tags::checked(std::mem::take(&mut given.tags))?;
    given.fill_in();
    given.check()?;
    let family = given.family.clone();
    let revision = Revision {
        given,
        status: Status::Active,
        registered: cx.now,
        deregistered: None,
        delete_requested: None,
        tags,
    };
    let revisions = cx.region.ecs.families.entry(family.clone()).or_default();
    revisions.push(revision);
    let number = revisions.len();
    let revision = &cx.region.ecs.families[&family][number - 1];
    let definition = revision.render(&arn(cx, &family, number), number, cx.account);
    Ok(json!({ "taskDefinition": definition, "tags": rendered(&revision.tags) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    task_definition: String,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let unable = || client("Unable to describe task definition.");
    let (family, number) = locate(cx, &input.task_definition).ok_or_else(unable)?;
    let revision = &cx.region.ecs.families[&family][number - 1];
    let tags = input.include.iter().any(|it| it == "TAGS").then(|| rendered(&revision.tags));
    let definition = revision.render(&arn(cx, &family, number), number, cx.account);
    Ok(json!({ "taskDefinition": definition, "tags": tags }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Deregister {
    task_definition: String,
}

pub(super) fn deregister(cx: &mut Context<'_>, input: Deregister) -> Answer {
    if !short(&input.task_definition).contains(':') {
        return Err(client("Task definition must include a revision number."));
    }
    let unable = || client("Unable to describe task definition.");
    let (family, number) = locate(cx, &input.task_definition).ok_or_else(unable)?;
    let (now, arn) = (cx.now, arn(cx, &family, number));
    let revision =
        find_mut(&mut cx.region.ecs, &format!("{family}:{number}")).ok_or_else(unable)?;
    if revision.status == Status::DeleteInProgress {
        return Err(client("The specified task definition is in DELETE_IN_PROGRESS status."));
    }
    // Deregistering what is inactive changes nothing.
    revision.status = Status::Inactive;
    revision.deregistered.get_or_insert(now);
    Ok(json!({ "taskDefinition": revision.render(&arn, number, cx.account) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    task_definitions: Vec<String>,
}

pub(super) fn delete(cx: &mut Context<'_>, input: Delete) -> Answer {
    if !(1..=10).contains(&input.task_definitions.len()) {
        return Err(invalid("Specify between 1 and 10 task definitions."));
    }
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for one in input.task_definitions {
        let place = locate(cx, &one).filter(|_| short(&one).contains(':'));
        let Some((family, number)) = place else {
            let reason = "The specified task definition does not exist.";
            failures.push(json!({ "arn": one, "reason": reason }));
            continue;
        };
        let (now, arn) = (cx.now, arn(cx, &family, number));
        let Some(it) = find_mut(&mut cx.region.ecs, &format!("{family}:{number}")) else {
            continue;
        };
        if it.status == Status::Active {
            let reason = "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
            failures.push(json!({ "arn": arn, "reason": reason }));
            continue;
        }
        it.status = Status::DeleteInProgress;
        it.delete_requested.get_or_insert(now);
        deleted.push(it.render(&arn, number, cx.account));
    }
    Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    family_prefix: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(cx: &mut Context<'_>, input: List) -> Answer {
    let status = match input.status.as_deref() {
        None | Some("ACTIVE") => Status::Active,
        Some("INACTIVE") => Status::Inactive,
        Some("DELETE_IN_PROGRESS") => Status::DeleteInProgress,
        Some(other) => return Err(invalid(format!("Invalid status: {other}"))),
    };
    let families = cx.region.ecs.families.iter();
    // Despite its name the prefix is the whole name.
    let families =
        families.filter(|(name, _)| input.family_prefix.as_ref().is_none_or(|it| it == *name));
    let mut arns: Vec<_> = families
        .flat_map(|(family, revisions)| {
            let cx = &*cx;
            let found = revisions.iter().enumerate().filter(move |(_, it)| it.status == status);
            found.map(move |(index, _)| arn(cx, family, index + 1))
        })
        .collect();
    if input.sort.as_deref() == Some("DESC") {
        arns.reverse();
    }
    let (arns, next) = paged(arns, input.next_token.as_deref(), input.max_results, 100)?;
    Ok(json!({ "taskDefinitionArns": arns, "nextToken": next }))
}

/// Every active revision, with its ARN.
pub(super) fn active<'a>(cx: &'a Context<'_>) -> impl Iterator<Item = (String, &'a Revision)> {
    cx.region.ecs.families.iter().flat_map(move |(family, revisions)| {
        let active = revisions.iter().enumerate().filter(|(_, it)| it.status == Status::Active);
        active.map(move |(index, it)| (arn(cx, family, index + 1), it))
    })
}

/// The ARN of the active revision that a service asks for.
pub(super) fn for_service(cx: &Context<'_>, name: &str) -> Result<String, Refusal> {
    let (family, number) =
        locate(cx, name).ok_or_else(|| client("Unable to describe task definition."))?;
    match cx.region.ecs.families[&family][number - 1].status {
        Status::Active => Ok(arn(cx, &family, number)),
        _ => Err(client("TaskDefinition is inactive")),
    }
}

/// A revision by its ARN, whatever its status.
pub(super) fn of<'a>(cx: &'a Context<'_>, arn: &str) -> Option<&'a Given> {
    let (family, number) = locate(cx, arn)?;
    Some(&cx.region.ecs.families.get(&family)?.get(number - 1)?.given)
}

/// A revision by `FAMILY:NUMBER`.
pub(super) fn find_mut<'a>(ecs: &'a mut Ecs, name: &str) -> Option<&'a mut Revision> {
    let (family, number) = name.split_once(':')?;
    let number: usize = number.parse().ok()?;
    ecs.families.get_mut(family)?.get_mut(number.checked_sub(1)?)
}

/// Family and number, by ARN, `FAMILY:NUMBER`, or `FAMILY` for the latest active one.
fn locate(cx: &Context<'_>, name: &str) -> Option<(String, usize)> {
    let name = short(name);
    let (family, number) = match name.split_once(':') {
        Some((family, number)) => (family, Some(number.parse::<usize>().ok()?)),
        None => (name, None),
    };
    let revisions = cx.region.ecs.families.get(family)?;
    let latest = || revisions.iter().rposition(|it| it.status == Status::Active).map(|it| it + 1);
    let number = number.or_else(latest)?;
    (1..=revisions.len()).contains(&number).then(|| (family.to_owned(), number))
}

fn arn(cx: &Context<'_>, family: &str, number: usize) -> String {
    cx.arn("ecs", &format!("task-definition/{family}:{number}"))
}

impl Revision {
    fn render(&self, arn: &str, number: usize, account: &str) -> Value {
        let mut described = json!(self.given);
        described["taskDefinitionArn"] = json!(arn);
        described["revision"] = json!(number);
        described["status"] = json!(self.status);
        described["registeredAt"] = json!(self.registered.seconds());
        described["deregisteredAt"] = json!(seconds(self.deregistered));
        described["deleteRequestedAt"] = json!(seconds(self.delete_requested));
        described["registeredBy"] = json!(format!("arn:aws:iam::{account}:root"));
        described["compatibilities"] = json!(["EC2", "FARGATE"]);
        described["requiresAttributes"] = json!([{ "name": "ecs.capability.task-eni" }]);
        described
    }
}

impl Given {
    /// As ECS shows what it was given.
    fn fill_in(&mut self) {
        let units = |text: &str, unit: &str, thousand: f64| {
            let text = text.trim();
            let number = text.to_ascii_lowercase();
            match number.strip_suffix(unit).and_then(|it| it.trim().parse::<f64>().ok()) {
                Some(many) => format!("{}", (many * thousand) as u64),
                None => text.to_owned(),
            }
        };
        self.cpu = self.cpu.as_deref().map(|it| units(it, "vcpu", 1024.0));
        self.memory = self.memory.as_deref().map(|it| units(it, "gb", 1024.0));
        let awsvpc = self.network_mode.as_deref() == Some("awsvpc");
        for container in &mut self.container_definitions {
            for port in &mut container.port_mappings {
                if awsvpc {
                    port.host_port.get_or_insert(port.container_port);
                }
            }
            container.environment.sort_by(|a, b| a.name.cmp(&b.name));
            container.secrets.sort_by(|a, b| a.name.cmp(&b.name));
            for list in [&mut container.command, &mut container.entry_point] {
                list.take_if(|it| it.is_empty());
            }
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let matches =
            |pattern: &str, text: &str| Regex::new(pattern).is_ok_and(|it| it.is_match(text));
        if !matches("^[A-Za-z0-9_-]{1,255}$", &self.family) {
            return Err(client(
                "Family contains invalid characters. Only letters, numbers, hyphens and underscores are allowed, up to 255 of them.",
            ));
        }
        if self.container_definitions.is_empty() {
            return Err(client("Container definitions should not be empty."));
        }
        for role in [&self.task_role_arn, &self.execution_role_arn].into_iter().flatten() {
            if role.starts_with("arn:") && !matches(r"^arn:aws:iam::\d{12}:role/.+$", role) {
                return Err(client("Role is not valid"));
            }
        }
        let mut names = BTreeSet::new();
        for container in &self.container_definitions {
            if !matches("^[A-Za-z0-9_-]{1,255}$", &container.name) {
                return Err(client("Container.name contains invalid characters."));
            }
            if !names.insert(&container.name) {
                return Err(client("Container names must be unique within a task definition."));
            }
            if container.image.is_empty() {
                return Err(client("Container.image should not be null or empty."));
            }
            if !matches("^[A-Za-z0-9_./:@-]{1,512}$", &container.image) {
                return Err(client("Container.image contains invalid characters."));
            }
            if container.stop_timeout.is_some_and(|it| it > 120) {
                return Err(client(
                    "Invalid stopTimeout: it can be at most 120 seconds on Fargate.",
                ));
            }
            if let Some(check) = &container.health_check {
                check.check()?;
            }
        }
        if !self.container_definitions.iter().any(|it| it.essential) {
            return Err(client("At least one container must be essential."));
        }
        self.check_fargate()
    }

    fn check_fargate(&self) -> Result<(), Refusal> {
        if !self.requires_compatibilities.iter().any(|it| it == "FARGATE") {
            return Err(Refusal::not_modelled("task definitions for anything but FARGATE"));
        }
        if self.network_mode.as_deref() != Some("awsvpc") {
            return Err(client("Fargate only supports network mode ‘awsvpc’."));
        }
        let needed = |what: &str| {
            client(format!("Fargate requires that '{what}' be defined at the task level."))
        };
        let cpu = self.cpu.as_ref().ok_or_else(|| needed("cpu"))?;
        let memory = self.memory.as_ref().ok_or_else(|| needed("memory"))?;
        if !offered(cpu, memory) {
            return Err(client(format!(
                "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS documentation for the valid values."
            )));
        }
        for container in &self.container_definitions {
            if container.port_mappings.iter().any(|it| it.host_port != Some(it.container_port)) {
                return Err(client(
                    "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
                ));
            }
            if self.execution_role_arn.is_some() {
                continue;
            }
            if !container.secrets.is_empty() {
                return Err(client(
                    "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
                ));
            }
            if container.log_configuration.as_ref().is_some_and(|it| it.log_driver == "awslogs") {
                return Err(client(
                    "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
                ));
            }
            if container.image.contains(".dkr.ecr.") {
                return Err(client(
                    "Fargate requires task definition to have execution role ARN to support ECR images.",
                ));
            }
        }
        Ok(())
    }
}

/// Whether Fargate has such a size.
fn offered(cpu: &str, memory: &str) -> bool {
    let (Ok(cpu), Ok(memory)) = (cpu.parse::<u32>(), memory.parse::<u32>()) else { return false };
    SIZES.iter().any(|(units, from, to, step)| {
        cpu == *units && (*from..=*to).contains(&memory) && (memory - from) % step == 0
    })
}

impl HealthCheck {
    fn check(&self) -> Result<(), Refusal> {
        let within = (5..=300).contains(&self.interval)
            && (2..=60).contains(&self.timeout)
            && (1..=10).contains(&self.retries)
            && self.start_period.is_none_or(|it| it <= 300);
        let kind = self.command.first().map(String::as_str);
        match within && matches!(kind, Some("CMD" | "CMD-SHELL" | "NONE")) {
            true => Ok(()),
            false => Err(client("Container.healthCheck has invalid values.")),
        }
    }
}

impl Container {
    /// The log group and stream of this container in a task, if it writes to CloudWatch Logs.
    pub(super) fn log(&self, task: &str) -> Option<(&str, String)> {
        let log = self.log_configuration.as_ref().filter(|it| it.log_driver == "awslogs")?;
        let prefix = log.options.get("awslogs-stream-prefix")?;
        let stream = format!("{prefix}/{}/{task}", self.name);
        Some((log.options.get("awslogs-group")?, stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fargate_has_certain_sizes() {
        for (cpu, memory) in
            [("256", "512"), ("256", "2048"), ("4096", "30720"), ("16384", "122880")]
        {
            assert!(offered(cpu, memory), "{cpu} {memory}");
        }
        for (cpu, memory) in
            [("256", "1536"), ("256", "4096"), ("512", "512"), ("100", "512"), ("", "512")]
        {
            assert!(!offered(cpu, memory), "{cpu} {memory}");
        }
    }

    #[test]
    fn what_is_left_out_is_filled_in() -> Result<(), serde_json::Error> {
        let mut given: Given = serde_json::from_value(json!({
            "family": "bot", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": ".25 vCPU", "memory": "0.5GB",
            "containerDefinitions": [{
                "name": "bot", "image": "bot:1", "portMappings": [{ "containerPort": 8080 }], "command": [],
                "environment": [{ "name": "B", "value": "" }, { "name": "A", "value": "1" }],
                "healthCheck": { "command": ["CMD", "true"] },
            }],
        }))?;
        given.fill_in();
        assert_eq!(given.check(), Ok(()));
        let shown = json!(given);
        assert_eq!((&shown["cpu"], &shown["memory"]), (&json!("256"), &json!("512")));
        let container = &shown["containerDefinitions"][0];
        let port = &container["portMappings"][0];
        assert_eq!((&port["hostPort"], &port["protocol"]), (&json!(8080), &json!("tcp")));
        assert_eq!(container["environment"][0]["name"], "A");
        assert_eq!(container["healthCheck"]["interval"], 30);
        assert_eq!((&container["essential"], &container["command"]), (&json!(true), &Value::Null));
        Ok(())
    }
}
