//! Attributes of load balancers and target groups: which there are, and what they may be.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    balancers::{self, OfBalancer},
    invalid,
    target_groups::{self, OfTargetGroup},
};
use crate::{
    refusal::{Answer, Refusal},
    world::Context,
};

/// What an attribute may be.
enum Kind {
    Flag,
    /// Between the two, or 0 if that stands for never.
    Number(u32, u32, bool),
    OneOf(&'static [&'static str]),
    Text,
}

type Known = (&'static str, &'static str, Kind);

/// Of an application load balancer, with what they are at first.
const OF_BALANCER: &[Known] = &[
    ("access_logs.s3.bucket", "", Kind::Text),
    ("access_logs.s3.enabled", "false", Kind::Flag),
    ("access_logs.s3.prefix", "", Kind::Text),
    ("client_keep_alive.seconds", "3600", Kind::Number(60, 604_800, false)),
    ("connection_logs.s3.bucket", "", Kind::Text),
    ("connection_logs.s3.enabled", "false", Kind::Flag),
    ("connection_logs.s3.prefix", "", Kind::Text),
    ("deletion_protection.enabled", "false", Kind::Flag),
    ("health_check_logs.s3.bucket", "", Kind::Text),
    ("health_check_logs.s3.enabled", "false", Kind::Flag),
    ("health_check_logs.s3.prefix", "", Kind::Text),
    ("idle_timeout.timeout_seconds", "60", Kind::Number(1, 4_000, false)),
    ("load_balancing.cross_zone.enabled", "true", Kind::OneOf(&["true"])),
    (
        "routing.http.desync_mitigation_mode",
        "defensive",
        Kind::OneOf(&["monitor", "defensive", "strictest"]),
    ),
    ("routing.http.drop_invalid_header_fields.enabled", "false", Kind::Flag),
    ("routing.http.preserve_host_header.enabled", "false", Kind::Flag),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", Kind::Flag),
    ("routing.http.xff_client_port.enabled", "false", Kind::Flag),
    (
        "routing.http.xff_header_processing.mode",
        "append",
        Kind::OneOf(&["append", "preserve", "remove"]),
    ),
    ("routing.http2.enabled", "true", Kind::Flag),
    ("waf.fail_open.enabled", "false", Kind::Flag),
    ("zonal_shift.config.enabled", "false", Kind::Flag),
];

/// Of a target group of instances or addresses, with what they are at first.
const OF_TARGET_GROUP: &[Known] = &[
    (DEREGISTRATION_DELAY, "300", Kind::Number(0, 3_600, true)),
    ("load_balancing.algorithm.anomaly_mitigation", "off", Kind::OneOf(&["on", "off"])),
    (
        "load_balancing.algorithm.type",
        "round_robin",
        Kind::OneOf(&["round_robin", "least_outstanding_requests", "weighted_random"]),
    ),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        Kind::OneOf(&["true", "false", "use_load_balancer_configuration"]),
    ),
    ("slow_start.duration_seconds", "0", Kind::Number(30, 900, true)),
    ("stickiness.app_cookie.cookie_name", "", Kind::Text),
    ("stickiness.app_cookie.duration_seconds", "86400", Kind::Number(1, 604_800, false)),
    ("stickiness.enabled", "false", Kind::Flag),
    ("stickiness.lb_cookie.duration_seconds", "86400", Kind::Number(1, 604_800, false)),
    ("stickiness.type", "lb_cookie", Kind::OneOf(&["lb_cookie", "app_cookie"])),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1", Kind::Text),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", Kind::Text),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", Kind::Text),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        "off",
        Kind::Text,
    ),
];

pub(super) const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";

/// What a load balancer begins with.
pub(super) fn defaults_of_balancer() -> BTreeMap<String, String> {
    defaults(OF_BALANCER)
}

/// What a target group begins with.
pub(super) fn defaults_of_target_group() -> BTreeMap<String, String> {
    defaults(OF_TARGET_GROUP)
}

pub(super) fn of_balancer(cx: &mut Context<'_>, input: OfBalancer) -> Answer {
    let balancer = balancers::balancer(cx, &input.load_balancer_arn)?;
    Ok(json!({ "Attributes": listed(&balancer.attributes) }))
}

pub(super) fn of_target_group(cx: &mut Context<'_>, input: OfTargetGroup) -> Answer {
    let group = target_groups::group(cx, &input.target_group_arn)?;
    Ok(json!({ "Attributes": listed(&group.attributes) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    key: String,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyBalancer {
    load_balancer_arn: String,
    attributes: Vec<Attribute>,
}

pub(super) fn modify_balancer(cx: &mut Context<'_>, input: ModifyBalancer) -> Answer {
    let arn = input.load_balancer_arn;
    balancers::balancer(cx, &arn)?;
    let changed = checked("Load balancer", OF_BALANCER, input.attributes)?;
    let Some(balancer) = cx.region.elb.balancers.get_mut(&arn) else {
        return Err(balancers::gone(&arn));
    };
    balancer.attributes.extend(changed);
    Ok(json!({ "Attributes": listed(&balancer.attributes) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyTargetGroup {
    target_group_arn: String,
    attributes: Vec<Attribute>,
}

pub(super) fn modify_target_group(cx: &mut Context<'_>, input: ModifyTargetGroup) -> Answer {
    let changed = checked("Target group", OF_TARGET_GROUP, input.attributes)?;
    let group = target_groups::group_mut(cx, &input.target_group_arn)?;
    group.attributes.extend(changed);
    Ok(json!({ "Attributes": listed(&group.attributes) }))
}

fn defaults(known: &[Known]) -> BTreeMap<String, String> {
    known.iter().map(|(key, value, _)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn listed(attributes: &BTreeMap<String, String>) -> Vec<Value> {
    attributes.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn checked(
    what: &str,
    known: &[Known],
    attributes: Vec<Attribute>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut checked = BTreeMap::new();
    for Attribute { key, value } in attributes {
        let value = value.unwrap_or_default();
        let Some((_, _, kind)) = known.iter().find(|(it, _, _)| *it == key) else {
            return Err(invalid(format!("{what} attribute key '{key}' is not recognized")));
        };
        let number: Option<u32> = value.parse().ok();
        let (legal, must) = match kind {
            Kind::Flag => (value == "true" || value == "false", "be 'true' or 'false'".to_owned()),
            Kind::Number(least, most, or_none) => (
                number.is_some_and(|it| (*least..=*most).contains(&it) || (*or_none && it == 0)),
                format!("be between '{least}' and '{most}'"),
            ),
            Kind::OneOf(values) => {
                (values.contains(&value.as_str()), format!("be one of '{}'", values.join("', '")))
            }
            Kind::Text => (value.len() <= 1024, "have at most 1024 characters".to_owned()),
        };
        if !legal {
            let message = format!("{what} attribute '{key}' must {must}, not '{value}'");
            return Err(invalid(message));
        }
        if checked.insert(key.clone(), value).is_some() {
            return Err(invalid(format!("{what} attribute '{key}' was specified more than once")));
        }
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> Vec<Attribute> {
        vec![Attribute { key: key.to_owned(), value: Some(value.to_owned()) }]
    }

    #[test]
    fn attributes_have_their_bounds() {
        let balancer = |key, value| checked("Load balancer", OF_BALANCER, one(key, value)).is_ok();
        assert!(balancer("idle_timeout.timeout_seconds", "4000"));
        assert!(!balancer("idle_timeout.timeout_seconds", "0"));
        assert!(!balancer("routing.http2.enabled", "yes"));
        assert!(!balancer("idle.timeout", "60"));
        let group = |key, value| checked("Target group", OF_TARGET_GROUP, one(key, value)).is_ok();
        assert!(group("slow_start.duration_seconds", "0"));
        assert!(!group("slow_start.duration_seconds", "29"));
        assert!(group(DEREGISTRATION_DELAY, "0") && !group(DEREGISTRATION_DELAY, "3601"));
    }
}
