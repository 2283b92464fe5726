//! The one container of a task: to and from ECS's own form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, HealthCheck, KeyValuePair, LinuxParameters,
    LogConfiguration, LogDriver, NetworkMode, OsFamily, PortMapping, Secret, TaskDefinition,
    TransportProtocol, VersionConsistency,
};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::Cloud,
    engine::{Output, Result},
};

/// The label that holds the versions of the secrets, so that a changed secret makes a new revision: a task reads its
/// secrets only when it starts.
const SECRET_VERSIONS: &str = "provisioner.secret-versions";
const LOG_GROUP: &str = "awslogs-group";
const LOG_REGION: &str = "awslogs-region";
const LOG_PREFIX: &str = "awslogs-stream-prefix";
/// Seconds between SIGTERM and SIGKILL unless told otherwise (ECS developer guide, `stopTimeout`).
const DEFAULT_STOP_TIMEOUT: i32 = 30;

/// The container of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Its name, to which the load balancer's target refers.
    pub name: String,
    /// The TCP port it listens on.
    pub port: Option<u16>,
    /// The command, in place of the image's own; empty: the image's own.
    pub command: Vec<String>,
    /// The user inside, in place of the image's own.
    pub user: Option<String>,
    /// Whether its file system cannot be written.
    pub read_only_root: bool,
    /// Seconds between SIGTERM and SIGKILL, at most 120.
    pub stop_timeout: i32,
    /// How ECS itself finds out whether the container works; the load balancer's checks are apart from this.
    pub health_check: Option<ContainerHealthCheck>,
    /// Environment variables in plain text.
    pub environment: BTreeMap<String, String>,
    /// ARNs of the parameters that hold secret environment variables, by variable.
    pub secrets: BTreeMap<String, Output<String>>,
    /// Versions of those parameters, by variable.
    pub secret_versions: BTreeMap<String, Output<i64>>,
    /// The log group its output goes to.
    pub log_group: Output<String>,
    /// What the names of its log streams begin with.
    pub log_stream_prefix: String,
}

/// A command that ECS runs in the container to find out whether it works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerHealthCheck {
    /// The command, beginning with `CMD` or `CMD-SHELL`; the image must have what it calls.
    pub command: Vec<String>,
    /// Seconds from check to check, 5 to 300.
    pub interval: i32,
    /// Seconds to wait for an answer, 2 to 60.
    pub timeout: i32,
    /// Bad checks in a row until the container counts as unhealthy, 1 to 10.
    pub retries: i32,
    /// Seconds after the start in which bad checks do not count, 0 to 300.
    pub start_period: i32,
}

impl Container {
    /// As ECS takes it. `exec`: with a process that reaps what sessions of ECS Exec leave behind.
    pub(super) fn definition(
        &self,
        image: &str,
        exec: bool,
        cloud: &Cloud,
    ) -> Result<ContainerDefinition> {
        let ports = self.port.map(|port| {
            let mapping = PortMapping::builder().container_port(port.into()).host_port(port.into());
            mapping.protocol(TransportProtocol::Tcp).build()
        });
        let environment = self.environment.iter();
        let environment = environment
            .map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
        let secrets = self.secrets.iter();
        let secrets = secrets
            .map(|(name, arn)| Ok(Secret::builder().name(name).value_from(arn.get()?).build()?));
        let log = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options(LOG_GROUP, self.log_group.get()?)
            .options(LOG_REGION, &cloud.region)
            .options(LOG_PREFIX, &self.log_stream_prefix);
        let versions = self.secret_versions.iter();
        let versions = versions.map(|(name, version)| Ok(format!("{name}={}", version.get()?)));
        let versions = versions.collect::<Result<Vec<_>>>()?.join(",");
        let mut definition = ContainerDefinition::builder()
            .name(&self.name)
            .image(image)
            .essential(true)
            .set_port_mappings(Some(ports.into_iter().collect()))
            .set_command((!self.command.is_empty()).then(|| self.command.clone()))
            .set_user(self.user.clone())
            .readonly_root_filesystem(self.read_only_root)
            .stop_timeout(self.stop_timeout)
            .set_health_check(
                self.health_check.as_ref().map(ContainerHealthCheck::definition).transpose()?,
            )
            .set_environment(Some(environment.collect()))
            .set_secrets(Some(secrets.collect::<Result<_>>()?))
            .log_configuration(log.build()?);
        if !versions.is_empty() {
            definition = definition.docker_labels(SECRET_VERSIONS, versions);
        }
        if exec {
            definition = definition
                .linux_parameters(LinuxParameters::builder().init_process_enabled(true).build());
        }
        Ok(definition.build())
    }

    /// Out of what ECS gives.
    pub(super) fn found(live: &ContainerDefinition) -> Self {
        let environment = live.environment().iter();
        let log = |option: &str| {
            let options = live.log_configuration().and_then(|it| it.options());
            options.and_then(|it| it.get(option)).cloned().unwrap_or_default()
        };
        let secrets =
            live.secrets().iter().map(|it| (it.name.clone(), it.value_from.as_str().into()));
        let port = live.port_mappings().first().and_then(|it| it.container_port);
        Self {
            name: live.name.clone().unwrap_or_default(),
            port: port.and_then(|it| it.try_into().ok()),
            command: live.command.clone().unwrap_or_default(),
            user: live.user.clone().filter(|it| !it.is_empty()),
            read_only_root: live.readonly_root_filesystem.unwrap_or(false),
            stop_timeout: live.stop_timeout.unwrap_or(DEFAULT_STOP_TIMEOUT),
            health_check: live.health_check().map(ContainerHealthCheck::found),
            environment: environment
                .filter_map(|it| Some((it.name.clone()?, it.value.clone()?)))
                .collect(),
            secrets: secrets.collect(),
            secret_versions: secret_versions(live),
            log_group: log(LOG_GROUP).into(),
            log_stream_prefix: log(LOG_PREFIX),
        }
    }
}

impl ContainerHealthCheck {
    fn definition(&self) -> Result<HealthCheck> {
        Ok(HealthCheck::builder()
            .set_command(Some(self.command.clone()))
            .interval(self.interval)
            .timeout(self.timeout)
            .retries(self.retries)
            .start_period(self.start_period)
            .build()?)
    }

    fn found(live: &HealthCheck) -> Self {
        // ECS's defaults, by the API reference of HealthCheck.
        Self {
            command: live.command.clone(),
            interval: live.interval.unwrap_or(30),
            timeout: live.timeout.unwrap_or(5),
            retries: live.retries.unwrap_or(3),
            start_period: live.start_period.unwrap_or(0),
        }
    }
}

/// Whether sessions of ECS Exec are provided for.
pub(super) fn exec(live: &ContainerDefinition) -> bool {
    live.linux_parameters().and_then(|it| it.init_process_enabled) == Some(true)
}

fn secret_versions(live: &ContainerDefinition) -> BTreeMap<String, Output<i64>> {
    let label = live.docker_labels().and_then(|it| it.get(SECRET_VERSIONS));
    let pairs = label
        .map(String::as_str)
        .unwrap_or_default()
        .split(',')
        .filter_map(|it| it.split_once('='));
    pairs
        .filter_map(|(name, version)| Some((name.to_owned(), version.parse::<i64>().ok()?.into())))
        .collect()
}

/// Everything in a task definition that we would not have put there, in words. `ours` is the container that was read.
pub(super) fn additions(
    live: &TaskDefinition,
    ours: &ContainerDefinition,
    cloud: &Cloud,
) -> Vec<String> {
    let mut rest = live.clone();
    // What we set, and what ECS notes down itself.
    (rest.family, rest.task_definition_arn, rest.status, rest.revision) = (None, None, None, 0);
    (rest.cpu, rest.memory, rest.task_role_arn, rest.execution_role_arn) = (None, None, None, None);
    (rest.requires_attributes, rest.compatibilities, rest.registered_by) = (None, None, None);
    (rest.registered_at, rest.deregistered_at, rest.delete_requested_at) = (None, None, None);
    rest.container_definitions = None;
    rest.network_mode.take_if(|it| *it == NetworkMode::Awsvpc);
    rest.requires_compatibilities.take_if(|it| **it == [Compatibility::Fargate]);
    rest.runtime_platform
        .take_if(|it| it.operating_system_family.as_ref().is_none_or(|it| *it == OsFamily::Linux));
    let mut additions = set_beyond(&TaskDefinition::builder().build(), &rest);
    additions.extend(container_additions(ours, cloud));
    let others = live.container_definitions().iter().filter(|it| it.name != ours.name);
    additions.extend(others.map(|it| format!("container {}", it.name().unwrap_or_default())));
    additions.sort();
    additions
}

fn container_additions(live: &ContainerDefinition, cloud: &Cloud) -> Vec<String> {
    let mut rest = live.clone();
    (rest.name, rest.image, rest.command, rest.user) = (None, None, None, None);
    (rest.environment, rest.secrets, rest.stop_timeout) = (None, None, None);
    (rest.readonly_root_filesystem, rest.health_check) = (None, None);
    // A version consistency that is not mentioned is an enabled one.
    rest.version_consistency.take_if(|it| *it == VersionConsistency::Enabled);
    rest.port_mappings.take_if(|it| matches!(&it[..], [one] if is_plain(one)));
    if let Some(labels) = &mut rest.docker_labels {
        labels.remove(SECRET_VERSIONS);
    }
    if let Some(linux) = &mut rest.linux_parameters {
        linux.init_process_enabled = None;
    }
    let blank = LinuxParameters::builder().build();
    rest.linux_parameters.take_if(|it| set_beyond(&blank, it).is_empty());
    rest.log_configuration.take_if(|it| is_plain_log(it, cloud));
    // Unlike the rest, not `false` by default.
    let helper = rest.essential.take() == Some(false);
    let mut additions = set_beyond(&ContainerDefinition::builder().build(), &rest);
    if helper {
        additions.push("essential: false".to_owned());
    }
    // The SDK does not show it.
    if rest.repository_credentials.is_some() {
        additions.push("repository_credentials".to_owned());
    }
    let name = live.name().unwrap_or_default();
    additions.into_iter().map(|it| format!("container {name}: {it}")).collect()
}

fn is_plain(mapping: &PortMapping) -> bool {
    let plain = PortMapping::builder()
        .set_container_port(mapping.container_port)
        .set_host_port(mapping.container_port)
        .protocol(TransportProtocol::Tcp)
        .build();
    let mut mapping = mapping.clone();
    // What ECS fills in with awsvpc.
    mapping.host_port = mapping.host_port.or(mapping.container_port);
    mapping.protocol = mapping.protocol.or(Some(TransportProtocol::Tcp));
    mapping == plain
}

fn is_plain_log(log: &LogConfiguration, cloud: &Cloud) -> bool {
    let mut options = log.options().into_iter().flatten();
    log.log_driver == LogDriver::Awslogs
        && log.secret_options().is_empty()
        && options.all(|(name, value)| match name.as_str() {
            LOG_GROUP | LOG_PREFIX => true,
            LOG_REGION => *value == cloud.region,
            _ => false,
        })
}

/// The fields that are set in `live` and differ from `blank`, each as `name: value`. The SDK's types can be printed but
/// neither listed nor serialised; printed, every field begins a line that is indented by four spaces. So what AWS will
/// add one day is seen as well.
fn set_beyond(blank: &impl Debug, live: &impl Debug) -> Vec<String> {
    let blank = fields(blank);
    let says_nothing = |field: &str| {
        let value = field.split_once(": ").map_or("", |(_, value)| value);
        matches!(value, "None" | "Some([])" | "Some({})" | "Some(false)" | "Some(\"\")")
    };
    fields(live).into_iter().filter(|it| !blank.contains(it) && !says_nothing(it)).collect()
}

fn fields(value: &impl Debug) -> BTreeSet<String> {
    let text = format!("{value:#?}");
    let mut fields: Vec<String> = Vec::new();
    for line in text.lines().filter(|it| it.starts_with("    ")) {
        match (
            line.strip_prefix("    ").filter(|it| it.starts_with(char::is_alphabetic)),
            fields.last_mut(),
        ) {
            (Some(field), _) => fields.push(field.to_owned()),
            (None, Some(field)) => {
                let part = line.trim();
                // Closing what is open: the comma before it is there for the lines only.
                if part.starts_with([')', ']', '}']) && field.ends_with(',') {
                    field.pop();
                } else if field.ends_with(',') {
                    field.push(' ');
                }
                field.push_str(part);
            }
            (None, None) => {}
        }
    }
    fields.into_iter().map(|it| it.trim_end_matches(',').to_owned()).collect()
}
