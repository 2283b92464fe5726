//! Elastic Load Balancing: application load balancers, their listeners and rules, target groups and the health of targets.
//!
//! Sources: the Elastic Load Balancing API reference, version 2015-12-01; the guide for application load balancers
//! (health checks, listener rules, quotas).

mod actions;
mod attributes;
mod balancers;
mod listeners;
mod rules;
mod tags;
mod target_groups;
mod targets;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    call::Call, clock::Time, page::page, refusal::Answer, refusal::Refusal, visibility::hiding,
    world::Context,
};

/// Everything of a region, by ARN.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Elb {
    balancers: BTreeMap<String, balancers::Balancer>,
    listeners: BTreeMap<String, listeners::Listener>,
    rules: BTreeMap<String, rules::Rule>,
    target_groups: BTreeMap<String, target_groups::TargetGroup>,
    tags: BTreeMap<String, BTreeMap<String, String>>,
}

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    match call.action.as_str() {
        "AddTags" => tags::add(cx, call.input()?),
        "CreateListener" => listeners::create(cx, call.input()?),
        "CreateLoadBalancer" => balancers::create(cx, call.input()?),
        "CreateRule" => rules::create(cx, call.input()?),
        "CreateTargetGroup" => target_groups::create(cx, call.input()?),
        "DeleteListener" => listeners::delete(cx, call.input()?),
        "DeleteLoadBalancer" => balancers::delete(cx, call.input()?),
        "DeleteRule" => rules::delete(cx, call.input()?),
        "DeleteTargetGroup" => target_groups::delete(cx, call.input()?),
        "DeregisterTargets" => targets::deregister_targets(cx, call.input()?),
        "DescribeListeners" => listeners::describe(cx, call.input()?),
        "DescribeLoadBalancerAttributes" => attributes::of_balancer(cx, call.input()?),
        "DescribeLoadBalancers" => balancers::describe(cx, call.input()?),
        "DescribeRules" => rules::describe(cx, call.input()?),
        "DescribeTags" => tags::describe(cx, call.input()?),
        "DescribeTargetGroupAttributes" => attributes::of_target_group(cx, call.input()?),
        "DescribeTargetGroups" => target_groups::describe(cx, call.input()?),
        "DescribeTargetHealth" => targets::describe_health(cx, call.input()?),
        "ModifyListener" => listeners::modify(cx, call.input()?),
        "ModifyLoadBalancerAttributes" => attributes::modify_balancer(cx, call.input()?),
        "ModifyRule" => rules::modify(cx, call.input()?),
        "ModifyTargetGroup" => target_groups::modify(cx, call.input()?),
        "ModifyTargetGroupAttributes" => attributes::modify_target_group(cx, call.input()?),
        "RegisterTargets" => targets::register_targets(cx, call.input()?),
        "RemoveTags" => tags::remove(cx, call.input()?),
        "SetRulePriorities" => rules::set_priorities(cx, call.input()?),
        "SetSecurityGroups" => balancers::set_security_groups(cx, call.input()?),
        "SetSubnets" => balancers::set_subnets(cx, call.input()?),
        _ => Err(call.not_modelled()),
    }
}

/// Answers a read by who has not heard of what was just made.
pub(crate) fn as_seen(
    cx: &mut Context<'_>,
    act: impl FnOnce(&mut Context<'_>) -> Answer,
) -> Answer {
    let after = cx.times.of(|it| it.elb_seen);
    let act = |cx: &mut Context<'_>| hiding(cx, after, |cx| &mut cx.region.elb.target_groups, act);
    let act = |cx: &mut Context<'_>| hiding(cx, after, |cx| &mut cx.region.elb.rules, act);
    let act = |cx: &mut Context<'_>| hiding(cx, after, |cx| &mut cx.region.elb.listeners, act);
    hiding(cx, after, |cx| &mut cx.region.elb.balancers, act)
}

/// What is there.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let elb = &cx.region.elb;
    let balancers = elb.balancers.keys().map(|arn| json!({ "LoadBalancerArn": arn }));
    let groups = elb.target_groups.iter();
    let groups =
        groups.map(|(arn, it)| json!({ "TargetGroupArn": arn, "TargetGroupName": it.name }));
    let listeners = elb.listeners.iter();
    let listeners = listeners
        .map(|(arn, it)| json!({ "ListenerArn": arn, "Port": it.port, "Protocol": it.protocol }));
    let rules = elb.rules.iter().filter_map(|(arn, it)| {
        Some(json!({ "RuleArn": arn, "Priority": it.priority?.to_string() }))
    });
    vec![
        ("load_balancers", balancers.collect()),
        ("target_groups", groups.collect()),
        ("listeners", listeners.collect()),
        ("listener_rules", rules.collect()),
    ]
}

/// Everything with tags, by ARN.
pub(crate) fn tagged(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    cx.region.elb.tags.iter().map(|(arn, tags)| (arn.clone(), tags.clone())).collect()
}

/// How a target is, in the words of DescribeTargetHealth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Health {
    /// Checks have not yet decided.
    Initial,
    /// It gets requests.
    Healthy,
    /// It failed its checks.
    Unhealthy,
    /// It is being deregistered.
    Draining,
    /// It is not registered, or no listener uses the target group.
    Unused,
}

/// Whether there is such a target group, and whether a listener or rule sends requests to it.
pub(crate) fn target_group_in_use(cx: &Context<'_>, target_group: &str) -> Option<bool> {
    let group = cx.region.elb.target_groups.get(target_group)?;
    Some(group.used_since.is_some())
}

/// Registers a target. Its health checks succeed from a time on, or never.
pub(crate) fn register(
    cx: &mut Context<'_>,
    target_group: &str,
    ip: &str,
    port: u16,
    healthy_from: Option<Time>,
) {
    targets::register(cx, target_group, ip, port, healthy_from);
}

/// Deregisters a target: it drains for the group's deregistration delay.
pub(crate) fn deregister(cx: &mut Context<'_>, target_group: &str, ip: &str, port: u16) {
    targets::deregister(cx, target_group, ip, port);
}

/// How a target is now.
pub(crate) fn health(cx: &Context<'_>, target_group: &str, ip: &str, port: u16) -> Health {
    targets::health(cx, target_group, ip, port)
}

/// The load balancers (ARNs) that use a certificate.
pub(crate) fn users_of_certificate(cx: &Context<'_>, certificate: &str) -> Vec<String> {
    let listeners = cx.region.elb.listeners.values();
    let shows = listeners.filter(|it| it.certificate.as_deref() == Some(certificate));
    let mut users: Vec<_> = shows.map(|it| it.balancer.clone()).collect();
    users.sort();
    users.dedup();
    users
}

/// Whether a name in DNS is one of a load balancer of the region whose names are in this hosted zone.
pub(crate) fn is_name_in(name: &str, zone: &str) -> bool {
    let region = balancers::ZONES.iter().find(|(_, it)| *it == zone).map(|(region, _)| region);
    region.is_some_and(|it| name.ends_with(&format!(".{it}.elb.amazonaws.com")))
}

/// What most mistakes of the caller are called.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

/// As every action refuses a number that is too small or too great.
fn within(name: &str, value: i64, least: i64, most: i64) -> Result<(), Refusal> {
    let (than, bound) = match value {
        _ if value < least => ("greater than or equal to", least),
        _ if value > most => ("less than or equal to", most),
        _ => return Ok(()),
    };
    Err(invalid(format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have \
         value {than} {bound}"
    )))
}

/// Names of load balancers and target groups.
fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > 32 {
        return Err(invalid(format!("{what} name '{name}' cannot be longer than '32' characters")));
    }
    if !name.chars().all(|it| it.is_ascii_alphanumeric() || it == '-') {
        return Err(invalid(format!(
            "{what} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        )));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(invalid(format!("{what} name '{name}' cannot begin or end with a hyphen")));
    }
    Ok(())
}

/// A page of a list, and where the next begins.
fn paged<T>(
    all: impl IntoIterator<Item = T>,
    marker: Option<&str>,
    size: Option<i64>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let size = size.unwrap_or(400);
    within("pageSize", size, 1, 400)?;
    page(all, marker, usize::try_from(size).unwrap_or(400))
        .ok_or_else(|| invalid("The specified marker is not valid"))
}

/// The ARN of something of ours with an id of its own.
fn new_arn(cx: &mut Context<'_>, kind: &str, name: &str) -> String {
    let id = cx.chance.hex(16);
    cx.arn("elasticloadbalancing", &format!("{kind}/{name}/{id}"))
}

/// Notes since when listeners send requests to each target group. To be called after every change of a rule.
fn note_uses(cx: &mut Context<'_>) {
    let now = cx.now;
    let Elb { rules, target_groups, .. } = &mut cx.region.elb;
    for (arn, group) in target_groups {
        let used = rules.values().any(|rule| rule.actions.iter().any(|it| it.leads_to(arn)));
        group.used_since = used.then(|| group.used_since.unwrap_or(now));
    }
}

impl Elb {
    /// The load balancers whose listeners send requests to a target group.
    fn balancers_of(&self, target_group: &str) -> Vec<&String> {
        let rules = self.rules.values();
        let using = rules.filter(|rule| rule.actions.iter().any(|it| it.leads_to(target_group)));
        let listeners = using.filter_map(|rule| self.listeners.get(&rule.listener));
        let mut balancers: Vec<_> = listeners.map(|it| &it.balancer).collect();
        balancers.sort();
        balancers.dedup();
        balancers
    }
}
