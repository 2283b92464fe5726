//! Targets: who is registered, and what the checks say.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Health, attributes, invalid,
    target_groups::{self, OfTargetGroup, TRAFFIC_PORT, TargetGroup},
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    services::ec2,
    world::Context,
};

/// One address and port.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Target {
    id: String,
    port: u16,
    registered: Time,
    /// From when on its checks succeed; None: they do not.
    healthy_from: Option<Time>,
    draining_since: Option<Time>,
}

/// Registers a target, or says anew how it is.
pub(super) fn register(
    cx: &mut Context<'_>,
    group: &str,
    id: &str,
    port: u16,
    healthy_from: Option<Time>,
) {
    forget_the_drained(cx, group);
    let now = cx.now;
    let Some(group) = cx.region.elb.target_groups.get_mut(group) else { return };
    let target = group.targets.entry(key(id, port)).or_insert_with(|| Target {
        id: id.to_owned(),
        port,
        registered: now,
        healthy_from,
        draining_since: None,
    });
    if target.draining_since.take().is_some() {
        target.registered = now;
    }
    target.healthy_from = healthy_from;
}

/// Takes a target out.
pub(super) fn deregister(cx: &mut Context<'_>, group: &str, id: &str, port: u16) {
    let now = cx.now;
    let Some(found) = cx.region.elb.target_groups.get_mut(group) else { return };
    if found.used_since.is_none() {
        // It has no requests to end.
        found.targets.remove(&key(id, port));
    } else if let Some(target) = found.targets.get_mut(&key(id, port)) {
        target.draining_since = target.draining_since.or(Some(now));
    }
    forget_the_drained(cx, group);
}

/// How a target is now.
pub(super) fn health(cx: &Context<'_>, group: &str, id: &str, port: u16) -> Health {
    let group = cx.region.elb.target_groups.get_key_value(group);
    let state =
        group.and_then(|(arn, it)| Some(state(cx, arn, it, it.targets.get(&key(id, port))?)));
    state.map_or(Health::Unused, |it| it.0)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Named {
    id: String,
    port: Option<u16>,
    #[allow(dead_code, reason = "for targets outside of the VPC, which are not checked here")]
    availability_zone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Targets {
    target_group_arn: String,
    targets: Vec<Named>,
}

pub(super) fn register_targets(cx: &mut Context<'_>, input: Targets) -> Answer {
    let group = target_groups::group(cx, &input.target_group_arn)?;
    let settings = group.settings.clone();
    for Named { id, .. } in &input.targets {
        if settings.target_type == "ip" && id.parse::<std::net::Ipv4Addr>().is_err() {
            return Err(invalid(format!("The IP address '{id}' is not a valid IPv4 address")));
        }
        if settings.target_type == "instance" && ec2::instance_address(cx, id).is_none() {
            let message = format!(
                "The following targets are not in a running state and cannot be registered: '{id}'"
            );
            return Err(Refusal::new("InvalidTarget", message));
        }
    }
    for Named { id, port, .. } in input.targets {
        // Who registers by hand has nothing here that could answer.
        register(cx, &input.target_group_arn, &id, port.unwrap_or(settings.port), None);
    }
    Ok(json!({}))
}

pub(super) fn deregister_targets(cx: &mut Context<'_>, input: Targets) -> Answer {
    let default = target_groups::group(cx, &input.target_group_arn)?.settings.port;
    for Named { id, port, .. } in input.targets {
        deregister(cx, &input.target_group_arn, &id, port.unwrap_or(default));
    }
    Ok(json!({}))
}

pub(super) fn describe_health(cx: &mut Context<'_>, input: OfTargetGroup) -> Answer {
    let arn = input.target_group_arn;
    let group = target_groups::group(cx, &arn)?;
    let described = group.targets.values().filter_map(|it| {
        let (health, reason, description) = state(cx, &arn, group, it);
        if health == Health::Unused && it.draining_since.is_some() {
            return None;
        }
        let port = match group.check.port.as_str() {
            TRAFFIC_PORT => it.port.to_string(),
            port => port.to_owned(),
        };
        Some(json!({
            "Target": { "Id": it.id, "Port": it.port },
            "HealthCheckPort": port,
            "TargetHealth": {
                "State": word(health),
                "Reason": reason,
                "Description": description,
            },
        }))
    });
    Ok(json!({ "TargetHealthDescriptions": described.collect::<Vec<Value>>() }))
}

type State = (Health, Option<&'static str>, Option<&'static str>);

/// How a target is, and why, in AWS's words.
fn state(cx: &Context<'_>, arn: &str, group: &TargetGroup, target: &Target) -> State {
    let because = |health, reason, description| (health, Some(reason), Some(description));
    if let Some(since) = target.draining_since {
        return if cx.now < since + drain(cx, group) {
            let description = "Target deregistration is in progress";
            because(Health::Draining, "Target.DeregistrationInProgress", description)
        } else {
            let description = "Target is not registered to the target group";
            because(Health::Unused, "Target.NotRegistered", description)
        };
    }
    if group.settings.target_type == "instance" && ec2::instance_address(cx, &target.id).is_none() {
        return because(Health::Unused, "Target.InvalidState", "Target is not in a running state");
    }
    let Some(used) = group.used_since else {
        let description =
            "Target group is not configured to receive traffic from the load balancer";
        return because(Health::Unused, "Target.NotInUse", description);
    };
    let elb = &cx.region.elb;
    let balancers = elb.balancers_of(arn).into_iter().filter_map(|it| elb.balancers.get(it));
    let active = balancers.map(|it| it.active_from(cx)).min().unwrap_or_default();
    let begun = target.registered.max(used).max(active);
    let interval = group.check.interval(cx);
    let checks = Checks {
        begun,
        interval,
        healthy: group.check.healthy.unsigned_abs(),
        unhealthy: group.check.unhealthy.unsigned_abs(),
    };
    match checks.opinion(target.healthy_from, cx.now) {
        Health::Healthy => (Health::Healthy, None, None),
        Health::Unhealthy => {
            let description = "Health checks failed with these codes: [500]";
            because(Health::Unhealthy, "Target.ResponseCodeMismatch", description)
        }
        _ if cx.now < begun + interval => {
            let description = "Target registration is in progress";
            because(Health::Initial, "Elb.RegistrationInProgress", description)
        }
        _ => {
            let description = "Initial health checks in progress";
            because(Health::Initial, "Elb.InitialHealthChecking", description)
        }
    }
}

/// The checks of one target.
struct Checks {
    begun: Time,
    interval: Duration,
    healthy: u64,
    unhealthy: u64,
}

impl Checks {
    /// A new target is healthy after its first good check, and unhealthy after as many bad ones as are configured; from
    /// then on it takes as many good ones as are configured.
    fn opinion(&self, healthy_from: Option<Time>, now: Time) -> Health {
        let interval = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        if interval == 0 {
            return match healthy_from {
                Some(from) if from.max(self.begun) <= now => Health::Healthy,
                Some(_) => Health::Initial,
                None => Health::Unhealthy,
            };
        }
        let after =
            |checks: u64| Time(self.begun.0.saturating_add(interval.saturating_mul(checks)));
        let given_up = after(self.unhealthy);
        if let Some(from) = healthy_from {
            let first_good = from.0.saturating_sub(self.begun.0).div_ceil(interval).max(1);
            let needed = if first_good > self.unhealthy { self.healthy - 1 } else { 0 };
            if now >= after(first_good.saturating_add(needed)) {
                return Health::Healthy;
            }
            if first_good <= self.unhealthy {
                return Health::Initial;
            }
        }
        if now >= given_up { Health::Unhealthy } else { Health::Initial }
    }
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Initial => "initial",
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
        Health::Draining => "draining",
        Health::Unused => "unused",
    }
}

/// How long a target may take to end its requests, as it passes here.
fn drain(cx: &Context<'_>, group: &TargetGroup) -> Duration {
    let delay = group.attributes.get(attributes::DEREGISTRATION_DELAY);
    cx.times.paced(Duration::from_secs(delay.and_then(|it| it.parse().ok()).unwrap_or(300)))
}

fn forget_the_drained(cx: &mut Context<'_>, group: &str) {
    let Some(found) = cx.region.elb.target_groups.get(group) else { return };
    let (now, drain) = (cx.now, drain(cx, found));
    if let Some(found) = cx.region.elb.target_groups.get_mut(group) {
        found.targets.retain(|_, it| it.draining_since.is_none_or(|since| now < since + drain));
    }
}

fn key(id: &str, port: u16) -> String {
    format!("{id}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{times::Times, world::World};

    #[test]
    fn a_target_comes_and_goes() -> serde_json::Result<()> {
        let mut world = World::new(Time(0), Times::real(), 0);
        let mut cx = world.context("eu-central-1");
        let group: TargetGroup = serde_json::from_value(json!({
            "name": "gsm",
            "settings": { "protocol": "HTTP", "port": 80, "vpc": "vpc-0", "target_type": "ip" },
            "check": {
                "protocol": "HTTP", "port": "traffic-port", "path": "/", "matcher": "200",
                "interval": 5, "timeout": 2, "healthy": 2, "unhealthy": 2,
            },
            "attributes": { "deregistration_delay.timeout_seconds": "10" },
            "targets": {},
            "used_since": 0,
        }))?;
        cx.region.elb.target_groups.insert("arn".to_owned(), group);
        cx.now = Time(1_000);
        register(&mut cx, "arn", "10.0.0.1", 80, Some(Time(500)));
        let mut at = |now, leaves: bool| {
            cx.now = Time(now);
            if leaves {
                deregister(&mut cx, "arn", "10.0.0.1", 80);
            }
            health(&cx, "arn", "10.0.0.1", 80)
        };
        assert_eq!(at(5_999, false), Health::Initial);
        assert_eq!(at(6_000, false), Health::Healthy);
        assert_eq!(at(7_000, true), Health::Draining);
        assert_eq!(at(16_999, true), Health::Draining);
        assert_eq!(at(17_000, false), Health::Unused);
        assert_eq!(health(&cx, "arn", "10.0.0.2", 80), Health::Unused);
        Ok(())
    }

    #[test]
    fn checks_decide_by_interval_and_thresholds() {
        let checks = Checks {
            begun: Time(1_000),
            interval: Duration::from_secs(5),
            healthy: 3,
            unhealthy: 2,
        };
        let at = |healthy_from: Option<u64>, now| checks.opinion(healthy_from.map(Time), Time(now));
        // Good from the beginning: the first check decides.
        assert_eq!(at(Some(0), 5_999), Health::Initial);
        assert_eq!(at(Some(0), 6_000), Health::Healthy);
        // Good in time for the second.
        assert_eq!(at(Some(6_001), 10_999), Health::Initial);
        assert_eq!(at(Some(6_001), 11_000), Health::Healthy);
        // Never good.
        assert_eq!(at(None, 10_999), Health::Initial);
        assert_eq!(at(None, 11_000), Health::Unhealthy);
        // Good too late: unhealthy first, then three good ones, the first of them at 16 s.
        assert_eq!(at(Some(11_001), 11_000), Health::Unhealthy);
        assert_eq!(at(Some(11_001), 25_999), Health::Unhealthy);
        assert_eq!(at(Some(11_001), 26_000), Health::Healthy);
    }

    #[test]
    fn where_no_time_passes_checks_decide_at_once() {
        let checks =
            Checks { begun: Time(1_000), interval: Duration::ZERO, healthy: 3, unhealthy: 2 };
        assert_eq!(checks.opinion(Some(Time(500)), Time(1_000)), Health::Healthy);
        assert_eq!(checks.opinion(Some(Time(2_000)), Time(1_000)), Health::Initial);
        assert_eq!(checks.opinion(None, Time(1_000)), Health::Unhealthy);
    }
}
