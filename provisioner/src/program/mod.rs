//! The stack: every resource that a stack.yaml stands for, and what flows between them.
//!
//! Read it from top to bottom: what is written here is what `up` makes. Nothing here talks to a cloud; each `add` gives
//! lazy values that the engine fills in.

mod balancer;
mod database;
mod github_actions;
mod jenkins;
pub mod names;
mod policies;
mod services;

pub use services::execution_role;

use crate::{
    cloud::{Cloud, Tags},
    config::{Ci, Config, ContainerInsights},
    engine::{Output, Stack},
    lookups::{Network, NetworkOutputs},
    resources::{
        EcsCluster, EcsClusterOutputs, ExecLogging, KmsKey, KmsKeyOutputs, LogGroup,
        LogGroupOutputs,
    },
};

/// What the program needs to know that does not stand in stack.yaml.
pub struct Surroundings<'a> {
    /// For account, region and partition; no call is made.
    pub cloud: &'a Cloud,
    /// The addresses that GitHub's webhooks come from; empty if no repository on GitHub is built.
    pub github_hooks: Vec<String>,
    /// Looks a variable of the environment up, for secrets.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

/// What most parts of the stack refer to.
struct Base<'a> {
    config: &'a Config,
    around: &'a Surroundings<'a>,
    network: Output<NetworkOutputs>,
    key: Output<KmsKeyOutputs>,
    logs: Output<LogGroupOutputs>,
    cluster: Output<EcsClusterOutputs>,
}

/// Declares everything that stack.yaml asks for.
pub fn program(config: &Config, around: &Surroundings<'_>) -> Stack {
    let mut stack = Stack::default();
    let tags = |name: &str| tags(config, name);

    let network =
        Network { vpc: config.network.vpc.clone(), subnets: config.network.subnets.clone() };
    let network = stack.look("network", network);

    // One key for everything that is encrypted: logs, secrets, sessions of ECS Exec.
    let key = KmsKey {
        alias: names::key(config),
        description: format!("Encrypts logs and secrets of the stack {}", config.name),
        policy: policies::key(around.cloud, &config.name),
        rotation: true,
        enabled: true,
        tags: tags("key"),
    };
    let key = stack.add("key", key);

    let logs = LogGroup {
        name: config.name.clone(),
        retention_days: config.logs.retention_days,
        key_arn: key.arn().map(Some),
        tags: tags("logs"),
    };
    let logs = stack.add("logs", logs);

    let cluster = EcsCluster {
        name: names::cluster(config).to_owned(),
        container_insights: match config.cluster.container_insights {
            ContainerInsights::Disabled => "disabled",
            ContainerInsights::Enabled => "enabled",
            ContainerInsights::Enhanced => "enhanced",
        }
        .to_owned(),
        exec: ExecLogging { key_id: key.arn(), log_group: logs.name() },
        tags: tags("cluster"),
    };
    let cluster = stack.add("cluster", cluster);
    stack.output("cluster", cluster.name());
    stack.output("log_group", logs.name());

    let base = Base { config, around, network, key, logs, cluster };
    let database = config.database.as_ref().map(|it| database::declare(&mut stack, &base, it));
    let balancer = config.load_balancer.as_ref().map(|it| balancer::declare(&mut stack, &base, it));
    let roles = services::declare(&mut stack, &base, balancer.as_ref(), database.as_ref());
    match &config.ci {
        Some(Ci::Jenkins(jenkins)) => {
            jenkins::declare(&mut stack, &base, jenkins, roles, balancer.as_ref());
        }
        Some(Ci::GithubActions(actions)) => {
            github_actions::declare(&mut stack, &base, actions, roles);
        }
        None => {}
    }
    stack
}

/// The tags of the resource `name`. They say that it is protected too, for when the state is lost.
pub fn tags(config: &Config, name: &str) -> Tags {
    let tags = Tags::new(&config.tags, &config.name, name);
    if config.protect.contains(name) { tags.protected() } else { tags }
}

impl Base<'_> {
    /// The tags of the resource `name`.
    fn tags(&self, name: &str) -> Tags {
        tags(self.config, name)
    }

    /// The ARN of a parameter, which follows from its path: an update of the parameter need not look as if it changed
    /// whatever refers to it.
    fn parameter_arn(&self, path: &str) -> Output<String> {
        self.around.cloud.arn("ssm", &format!("parameter{path}")).into()
    }

    /// A name that begins with the stack's.
    fn named(&self, rest: &str) -> String {
        format!("{}-{rest}", self.config.name)
    }
}
