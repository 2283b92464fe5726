//! Elastic Container Service on Fargate: clusters, task definitions, services, and the scheduler that keeps their tasks
//! running and replaces them.
//!
//! Sources: the ECS API reference and developer guide ("Amazon ECS task lifecycle", "How the Amazon ECS deployment circuit
//! breaker detects failures", "Amazon ECS stopped tasks error messages", "Service event messages"); where those give no
//! words, words that users of ECS have reported.

mod clusters;
mod deployments;
mod fates;
mod scheduler;
mod services;
mod tags;
mod task_definitions;
mod tasks;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use fates::plan;
pub use fates::{FATES, Fate, meet};

use crate::{
    call::Call, clock::Time, page, refusal::Answer, refusal::Refusal, visibility::hiding,
    world::Context,
};

/// Everything in a region's ECS.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Ecs {
    clusters: BTreeMap<String, clusters::Cluster>,
    /// Revisions of each family; the first is number 1.
    families: BTreeMap<String, Vec<task_definitions::Revision>>,
    /// The latest service of each name, by `CLUSTER/NAME`.
    services: BTreeMap<String, services::Service>,
    #[serde(skip)]
    plans: fates::Plans,
}

impl Ecs {
    /// Takes over what another is to do with later deployments: it is not saved.
    pub(crate) fn plan_like(&mut self, other: &Self) {
        self.plans.clone_from(&other.plans);
    }
}

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    match call.action.as_str() {
        "CreateCluster" => clusters::create(cx, call.input()?),
        "CreateService" => services::create(cx, call.input()?, &call.body),
        "DeleteCluster" => clusters::delete(cx, call.input()?),
        "DeleteService" => services::delete(cx, call.input()?),
        "DeleteTaskDefinitions" => task_definitions::delete(cx, call.input()?),
        "DeregisterTaskDefinition" => task_definitions::deregister(cx, call.input()?),
        "DescribeClusters" => clusters::describe(cx, call.input()?),
        "DescribeServiceDeployments" => deployments::describe(cx, call.input()?),
        "DescribeServiceRevisions" => deployments::describe_revisions(cx, call.input()?),
        "DescribeServices" => services::describe(cx, call.input()?),
        "DescribeTaskDefinition" => task_definitions::describe(cx, call.input()?),
        "DescribeTasks" => tasks::describe(cx, call.input()?),
        "ExecuteCommand" => tasks::execute_command(cx, call.input()?),
        "ListClusters" => clusters::list(cx, call.input()?),
        "ListServiceDeployments" => deployments::list(cx, call.input()?),
        "ListServices" => services::list(cx, call.input()?),
        "ListTagsForResource" => tags::list(cx, call.input()?),
        "ListTaskDefinitions" => task_definitions::list(cx, call.input()?),
        "ListTasks" => tasks::list(cx, call.input()?),
        "RegisterTaskDefinition" => task_definitions::register(cx, call.input()?),
        "StopServiceDeployment" => deployments::stop(cx, call.input()?),
        "StopTask" => tasks::stop(cx, call.input()?),
        "TagResource" => tags::tag(cx, call.input()?),
        "UntagResource" => tags::untag(cx, call.input()?),
        "UpdateCluster" => clusters::update(cx, call.input()?),
        "UpdateClusterSettings" => clusters::update_settings(cx, call.input()?),
        "UpdateService" => services::update(cx, call.input()?),
        _ => Err(call.not_modelled()),
    }
}

/// Answers a read by who has not heard of what was just made.
pub(crate) fn as_seen(
    cx: &mut Context<'_>,
    act: impl FnOnce(&mut Context<'_>) -> Answer,
) -> Answer {
    let after = cx.times.of(|it| it.ecs_seen);
    let act = |cx: &mut Context<'_>| hiding(cx, after, |cx| &mut cx.region.ecs.services, act);
    hiding(cx, after, |cx| &mut cx.region.ecs.clusters, act)
}

/// Something that happens by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Event {
    /// The scheduler looks at a service.
    Look {
        /// `CLUSTER/NAME`.
        service: String,
    },
}

impl From<Event> for super::Event {
    fn from(event: Event) -> Self {
        Self::Ecs(event)
    }
}

/// Lets it happen.
pub(crate) fn wake(cx: &mut Context<'_>, event: Event) {
    match event {
        Event::Look { service } => scheduler::wake(cx, &service),
    }
}

/// What is there.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let ecs = &cx.region.ecs;
    let clusters = ecs.clusters.iter().filter(|(_, it)| it.active);
    let clusters = clusters.map(|(name, _)| {
        json!({ "clusterArn": cx.arn("ecs", &format!("cluster/{name}")), "status": "ACTIVE" })
    });
    let services = ecs.services.iter().filter(|(_, it)| it.status != services::Status::Inactive);
    let services = services.map(|(key, it)| {
        json!({ "serviceArn": cx.arn("ecs", &format!("service/{key}")), "status": it.status })
    });
    let revisions = task_definitions::active(cx).map(|(arn, _)| json!(arn));
    vec![
        ("clusters", clusters.collect()),
        ("services", services.collect()),
        ("task_definitions", revisions.collect()),
    ]
}

/// Everything with tags, by ARN.
pub(crate) fn tagged(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let ecs = &cx.region.ecs;
    let clusters = ecs.clusters.iter().filter(|(_, it)| it.active);
    let clusters =
        clusters.map(|(name, it)| (cx.arn("ecs", &format!("cluster/{name}")), it.tags.clone()));
    let services = ecs.services.iter().filter(|(_, it)| it.status != services::Status::Inactive);
    let services =
        services.map(|(key, it)| (cx.arn("ecs", &format!("service/{key}")), it.tags.clone()));
    let revisions = task_definitions::active(cx).map(|(arn, it)| (arn, it.tags.clone()));
    let all = clusters.chain(services).chain(revisions);
    all.filter(|(_, tags)| !tags.is_empty()).collect()
}

/// The last part of an ARN, or a name as it is.
fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn client(words: impl Into<String>) -> Refusal {
    Refusal::new("ClientException", words)
}

fn invalid(words: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", words)
}

/// One page of a list, within the limits of its call.
fn paged<T>(
    all: impl IntoIterator<Item = T>,
    token: Option<&str>,
    size: Option<usize>,
    usual: usize,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    if size.is_some_and(|it| !(1..=100).contains(&it)) {
        return Err(invalid("maxResults must be between 1 and 100."));
    }
    page::page(all, token, size.unwrap_or(usual))
        .ok_or_else(|| invalid("Invalid token: the nextToken is not one of this list."))
}

/// A timestamp that need not have come.
fn seconds(time: Option<Time>) -> Option<f64> {
    time.map(Time::seconds)
}
