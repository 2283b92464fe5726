//! Task definitions: families of revisions, which ECS fills in and never changes.

mod checked;

use std::collections::BTreeMap;

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

impl Container {
    /// The log group and stream of this container in a task, if it writes to CloudWatch Logs.
    pub(super) fn log(&self, task: &str) -> Option<(&str, String)> {
        let log = self.log_configuration.as_ref().filter(|it| it.log_driver == "awslogs")?;
        let prefix = log.options.get("awslogs-stream-prefix")?;
        let stream = format!("{prefix}/{}/{task}", self.name);
        Some((log.options.get("awslogs-group")?, stream))
    }
}
