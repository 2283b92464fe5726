//! The services: containers on Fargate, each with its secrets, its roles and its place behind the load balancer.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::{
    Base,
    balancer::{Balancer, DEREGISTRATION_DELAY},
    names, policies, tags,
};
use crate::{
    cloud::Cloud,
    config::{Architecture, Config, DatabaseValue, SecretSource, Service},
    engine::{Output, Sealed, Stack},
    resources::{
        Container, ContainerHealthCheck, DatabaseUserOutputs, DeploymentConfiguration, Direction,
        EcsService, ListenerOutputs, ListenerRule, Parameter, ParameterSource, Peer, Role,
        SecurityGroup, SecurityGroupOutputs, SecurityGroupRule, ServiceTarget, TargetGroup,
        TargetGroupAttributes, TargetGroupOutputs, TargetHealthCheck, TaskDefinition,
    },
};

/// A secret as a container gets it.
struct Secret {
    variable: String,
    arn: Output<String>,
    version: Output<i64>,
}

/// Declares every service; gives the ARNs of the roles that a deployment passes on.
pub(super) fn declare(
    stack: &mut Stack,
    base: &Base<'_>,
    balancer: Option<&Balancer>,
    database: Option<&Output<DatabaseUserOutputs>>,
) -> Vec<Output<String>> {
    let services = &base.config.services;
    let behind = balancer.map(|balancer| {
        let targets: BTreeMap<&str, _> = services
            .iter()
            .filter_map(|(name, it)| {
                Some((name.as_str(), target_group(stack, base, name, it, it.port?)))
            })
            .collect();
        let default = services
            .iter()
            .find(|(_, it)| it.port.is_some() && it.host.is_none() && it.path.is_none());
        let default = default
            .and_then(|(name, _)| targets.get(name.as_str()))
            .map(Output::<TargetGroupOutputs>::arn);
        let listener = balancer.listen(stack, base, default);
        (balancer, targets, listener)
    });
    let mut roles = Vec::new();
    let mut priorities = BTreeSet::new();
    for (name, service) in services {
        let secrets = secrets(stack, base, name, service, database);
        let (execution, task) = service_roles(stack, base, name, service, &secrets);
        roles.extend([execution.clone(), task.clone()]);
        let revision = task_definition(base, name, service, secrets, execution, task);
        let revision = stack.add(&format!("{name}-task"), revision);
        let group = security_group(stack, base, name);
        let target = behind.as_ref().and_then(|(balancer, targets, listener)| {
            let (port, target) = (service.port?, targets.get(name.as_str())?);
            ingress(stack, base, name, port, &group, balancer);
            Some(serve(stack, base, name, service, target, (balancer, listener), &mut priorities))
        });
        let ecs = ecs_service(base, name, service, revision.arn(), &group, target);
        let ecs = stack.add(name, ecs);
        stack.output(&format!("service.{name}"), ecs.name());
    }
    roles
}

/// The service's secrets, each a parameter of its own.
fn secrets(
    stack: &mut Stack,
    base: &Base<'_>,
    name: &str,
    service: &Service,
    database: Option<&Output<DatabaseUserOutputs>>,
) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for (variable, source) in &service.secrets {
        let path = names::secret(base.config, name, variable, source);
        let source = match source {
            SecretSource::Env(from) => {
                let value = (base.around.variable)(from).map(Sealed::new);
                ParameterSource::Env { variable: from.clone(), value }
            }
            SecretSource::Generate(length) => ParameterSource::Generated { length: *length },
            SecretSource::Database(DatabaseValue::Uri) => {
                // stack.yaml was refused if it has no database.
                secrets.extend(database.map(|it| Secret {
                    variable: variable.clone(),
                    arn: base.parameter_arn(&path).behind(it),
                    version: it.version(),
                }));
                continue;
            }
        };
        let resource = format!("{name}-secret:{variable}");
        let arn = base.parameter_arn(&path);
        let parameter = Parameter {
            name: path,
            key_id: base.key.arn(),
            source,
            description: format!("{variable} of the service {name}"),
            tags: base.tags(&resource),
        };
        let parameter = stack.add(&resource, parameter);
        let (arn, version) = (arn.behind(&parameter), parameter.version());
        secrets.push(Secret { variable: variable.clone(), arn, version });
    }
    secrets
}

/// The role with which ECS starts the service, and the one the service itself has.
fn service_roles(
    stack: &mut Stack,
    base: &Base<'_>,
    name: &str,
    service: &Service,
    secrets: &[Secret],
) -> (Output<String>, Output<String>) {
    let cloud = base.around.cloud;
    let parameters = secrets.iter().map(|it| it.arn.clone()).collect();
    let role = execution_role(base.config, cloud, name, parameters, &base.key.arn());
    let execution = stack.add(&format!("{name}-execution-role"), role);

    let mut own = BTreeMap::new();
    if service.exec {
        let policy =
            base.key.arn().zip(&base.logs.arn()).map(|(key, group)| policies::exec(&key, &group));
        own.insert("exec".to_owned(), policy);
    }
    let resource = format!("{name}-task-role");
    let role = Role {
        name: base.named(&format!("{name}-task")),
        description: format!("The service {name} of {} itself", base.config.name),
        trust_policy: policies::trust("ecs-tasks.amazonaws.com", cloud),
        managed_policies: BTreeSet::new(),
        inline_policies: own,
        tags: base.tags(&resource),
    };
    (execution.arn(), stack.add(&resource, role).arn())
}

/// The role with which ECS starts the service `name`: it gets images, writes logs, and reads these parameters, which this
/// key encrypts.
pub fn execution_role(
    config: &Config,
    cloud: &Cloud,
    name: &str,
    parameters: Vec<Output<String>>,
    key: &Output<String>,
) -> Role {
    let mut inline_policies = BTreeMap::new();
    if !parameters.is_empty() {
        let policy = Output::all(parameters).zip(key);
        let policy = policy.map(|(them, key)| policies::read_secrets(them, &key));
        inline_policies.insert("secrets".to_owned(), policy);
    }
    Role {
        name: format!("{}-{name}-execution", config.name),
        description: format!("Starts the service {name} of {}", config.name),
        trust_policy: policies::trust("ecs-tasks.amazonaws.com", cloud),
        managed_policies: BTreeSet::from([policies::managed_execution(cloud)]),
        inline_policies,
        tags: tags(config, &format!("{name}-execution-role")),
    }
}

fn task_definition(
    base: &Base<'_>,
    name: &str,
    service: &Service,
    secrets: Vec<Secret>,
    execution_role_arn: Output<String>,
    task_role_arn: Output<String>,
) -> TaskDefinition {
    let secret_versions =
        secrets.iter().map(|it| (it.variable.clone(), it.version.clone())).collect();
    TaskDefinition {
        family: names::service(base.config, name),
        cluster: names::cluster(base.config).to_owned(),
        service: names::service(base.config, name),
        image: service.image.clone(),
        cpu: service.cpu,
        memory: service.memory,
        architecture: match service.architecture {
            Architecture::X86_64 => "X86_64",
            Architecture::Arm64 => "ARM64",
        }
        .to_owned(),
        execution_role_arn,
        task_role_arn,
        exec: service.exec,
        container: Container {
            name: names::container(name).to_owned(),
            port: service.port,
            command: service.command.clone(),
            user: service.user.clone(),
            read_only_root: service.read_only_root,
            stop_timeout: service.stop_timeout,
            health_check: service.container_check.as_ref().map(|it| ContainerHealthCheck {
                command: std::iter::once("CMD".to_owned())
                    .chain(it.command.iter().cloned())
                    .collect(),
                interval: it.interval,
                timeout: it.timeout,
                retries: it.retries,
                start_period: it.start_period,
            }),
            environment: service.environment.clone(),
            secrets: secrets.into_iter().map(|it| (it.variable, it.arn)).collect(),
            secret_versions,
            log_group: base.logs.name(),
            log_stream_prefix: name.to_owned(),
        },
        additions: Vec::new(),
        tags: base.tags(&format!("{name}-task")),
    }
}

fn security_group(stack: &mut Stack, base: &Base<'_>, name: &str) -> Output<SecurityGroupOutputs> {
    let resource = format!("{name}-group");
    let group = SecurityGroup {
        name: base.named(name),
        description: format!("Service {name} of {}", base.config.name),
        vpc_id: base.network.vpc_id(),
        tags: base.tags(&resource),
    };
    stack.add(&resource, group)
}

/// Only the load balancer reaches the service, and only at its port.
fn ingress(
    stack: &mut Stack,
    base: &Base<'_>,
    name: &str,
    port: u16,
    group: &Output<SecurityGroupOutputs>,
    balancer: &Balancer,
) {
    let resource = format!("{name}-ingress");
    let rule = SecurityGroupRule {
        group_id: group.id(),
        direction: Direction::Ingress,
        protocol: "tcp".to_owned(),
        from_port: port.into(),
        to_port: port.into(),
        peer: Peer::Group(balancer.group.id()),
        description: "From the load balancer".to_owned(),
        tags: base.tags(&resource),
    };
    stack.add(&resource, rule);
}

fn target_group(
    stack: &mut Stack,
    base: &Base<'_>,
    name: &str,
    service: &Service,
    port: u16,
) -> Output<TargetGroupOutputs> {
    let resource = format!("{name}-targets");
    let check = &service.health_check;
    let group = TargetGroup {
        name: target_group_name(base, name, &port.to_string()),
        port: port.into(),
        protocol: "HTTP".to_owned(),
        target_type: "ip".to_owned(),
        vpc_id: base.network.vpc_id(),
        health_check: TargetHealthCheck {
            protocol: "HTTP".to_owned(),
            port: "traffic-port".to_owned(),
            path: check.path.clone(),
            matcher: check.codes.clone(),
            interval_seconds: check.interval,
            timeout_seconds: check.timeout,
            healthy_threshold: check.healthy,
            unhealthy_threshold: check.unhealthy,
        },
        attributes: TargetGroupAttributes {
            deregistration_delay_seconds: DEREGISTRATION_DELAY,
            slow_start_seconds: 0,
            stickiness: false,
        },
        instance_ids: Vec::new().into(),
        tags: base.tags(&resource),
    };
    stack.add(&resource, group)
}

/// The name of the target group of `what`. What cannot be changed in place is in it, so that a replacement can be there
/// before the old one goes.
pub(super) fn target_group_name(base: &Base<'_>, what: &str, fixed: &str) -> String {
    let fixed = format!("{fixed} {:?}", base.config.network.vpc);
    format!("{}-{}", base.named(what), hash(&fixed, 6))
}

/// Sends the service its part of the requests; gives the target group once a listener or rule leads to it, before which
/// ECS refuses it.
fn serve(
    stack: &mut Stack,
    base: &Base<'_>,
    name: &str,
    service: &Service,
    target: &Output<TargetGroupOutputs>,
    (balancer, listener): (&Balancer, &Output<ListenerOutputs>),
    taken: &mut BTreeSet<i32>,
) -> Output<String> {
    if service.host.is_none() && service.path.is_none() {
        return target.arn().after(listener);
    }
    let resource = format!("{name}-rule");
    let rule = ListenerRule {
        load_balancer_arn: balancer.balancer.arn(),
        listener_arn: listener.arn(),
        priority: priority(service, taken),
        host: service.host.clone(),
        path: service.path.clone(),
        extras: Vec::new(),
        target_group_arn: target.arn(),
        tags: base.tags(&resource),
    };
    let rule = stack.add(&resource, rule);
    target.arn().after(&rule)
}

fn ecs_service(
    base: &Base<'_>,
    name: &str,
    service: &Service,
    task_definition_arn: Output<String>,
    group: &Output<SecurityGroupOutputs>,
    target: Option<Output<String>>,
) -> EcsService {
    let deployment = &service.deployment;
    let grace = target.is_some().then_some(service.health_check.grace);
    let load_balancer = target.zip(service.port).map(|(target_group_arn, port)| ServiceTarget {
        target_group_arn,
        container_name: names::container(name).to_owned(),
        container_port: port.into(),
    });
    EcsService {
        name: names::service(base.config, name),
        cluster: base.cluster.name(),
        task_definition_arn,
        desired_count: service.count,
        subnets: base.network.subnet_ids(),
        security_groups: group.id().map(|it| vec![it]),
        // The subnets of a default VPC are public, and without a public address there is no way to a registry.
        assign_public_ip: true,
        load_balancer,
        health_check_grace_period_seconds: grace,
        deployment: DeploymentConfiguration {
            minimum_healthy_percent: deployment.minimum_healthy_percent,
            maximum_percent: deployment.maximum_percent,
            circuit_breaker: deployment.circuit_breaker,
        },
        enable_execute_command: service.exec,
        propagate_tags: "SERVICE".to_owned(),
        tags: base.tags(name),
    }
}

/// A rule that says more comes first, and a rule's place does not depend on which others there are: the load balancer
/// tries rules from the lowest number, 1 to 50000.
fn priority(service: &Service, taken: &mut BTreeSet<i32>) -> i32 {
    let (host, path) =
        (service.host.as_deref().unwrap_or_default(), service.path.as_deref().unwrap_or_default());
    let longer: i32 = path.chars().take(128).map(|_| 100).sum();
    let with_host = if host.is_empty() { 0 } else { 13_000 };
    let within =
        i32::from_str_radix(&hash(&format!("{host} {path}"), 4), 16).unwrap_or_default() % 100;
    let mut priority = 40_000 - with_host - longer + within;
    while !taken.insert(priority) {
        priority += 1;
    }
    priority
}

fn hash(text: &str, digits: usize) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let hex: String = hash.iter().map(|it| format!("{it:02x}")).collect();
    hex.chars().take(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The priorities of services with these hosts and paths.
    fn priorities(routes: &[(Option<&str>, Option<&str>)]) -> Vec<i32> {
        let yaml: String = routes
            .iter()
            .enumerate()
            .map(|(at, (host, path))| {
                let field = |name: &str, it: &Option<&str>| {
                    it.map(|it| format!(", {name}: \"{it}\"")).unwrap_or_default()
                };
                format!(
                    "  s{at}: {{ image: a, port: 1{}{} }}\n",
                    field("host", host),
                    field("path", path)
                )
            })
            .collect();
        let yaml = format!(
            "name: gsm\nregion: eu-central-1\nload_balancer: {{}}\nservices:\n  all: {{ image: a, port: 1 }}\n{yaml}"
        );
        let config = crate::config::parse("stack.yaml", &yaml, &|_| None).unwrap();
        let mut taken = BTreeSet::new();
        (0..routes.len())
            .map(|at| priority(&config.services[&format!("s{at}")], &mut taken))
            .collect()
    }

    #[test]
    fn a_rule_that_says_more_comes_first_whatever_others_there_are() {
        let all = priorities(&[
            (None, Some("/api/*")),
            (None, Some("/api/admin/*")),
            (Some("a.example.com"), None),
            (Some("a.example.com"), Some("/api/*")),
        ]);
        assert!(all[1] < all[0] && all[2] < all[1] && all[3] < all[2], "{all:?}");
        assert!(all.iter().all(|it| (1..=50_000).contains(it)), "{all:?}");
        assert_eq!(priorities(&[(None, Some("/api/*"))]), all[..1]);
    }
}
