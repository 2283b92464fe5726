//! Target groups: where requests go, and how to find out what works there.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    attributes, check_name, invalid, new_arn, paged,
    tags::{self, Tag},
    targets::Target,
    within,
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    services::ec2,
    visibility::Made,
    world::Context,
};

/// A target group.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct TargetGroup {
    #[serde(default)]
    pub(super) made: Time,
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) check: Check,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) targets: BTreeMap<String, Target>,
    /// Since when a listener or rule sends requests to it.
    pub(super) used_since: Option<Time>,
}

impl Made for TargetGroup {
    fn made(&self) -> Time {
        self.made
    }
}

/// What cannot be changed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Settings {
    protocol: String,
    pub(super) port: u16,
    pub(super) vpc: String,
    pub(super) target_type: String,
}

/// How targets are checked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Check {
    protocol: String,
    pub(super) port: String,
    path: String,
    matcher: String,
    interval: i64,
    timeout: i64,
    pub(super) healthy: i64,
    pub(super) unhealthy: i64,
}

impl Check {
    /// The time between two checks, as it passes here.
    pub(super) fn interval(&self, cx: &Context<'_>) -> Duration {
        cx.times.paced(Duration::from_secs(self.interval.unsigned_abs()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    protocol: Option<String>,
    protocol_version: Option<String>,
    port: Option<i64>,
    vpc_id: Option<String>,
    target_type: Option<String>,
    ip_address_type: Option<String>,
    health_check_enabled: Option<bool>,
    health_check_protocol: Option<String>,
    health_check_port: Option<String>,
    health_check_path: Option<String>,
    health_check_interval_seconds: Option<i64>,
    health_check_timeout_seconds: Option<i64>,
    healthy_threshold_count: Option<i64>,
    unhealthy_threshold_count: Option<i64>,
    matcher: Option<Matcher>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Matcher {
    http_code: String,
}

pub(super) fn create(cx: &mut Context<'_>, input: Create) -> Answer {
    let name = input.name;
    check_name("Target group", &name)?;
    for (what, chosen, modelled) in [
        ("target groups with the protocol version", input.protocol_version, &["HTTP1"][..]),
        ("targets with the IP address type", input.ip_address_type, &["ipv4"]),
        ("targets of the type", input.target_type.clone(), &["ip", "instance"]),
        ("target groups with the protocol", input.protocol.clone(), &["HTTP", "HTTPS"]),
    ] {
        if chosen.as_deref().is_some_and(|it| !modelled.contains(&it)) {
            let chosen = chosen.unwrap_or_default();
            return Err(Refusal::not_modelled(format_args!("{what} {chosen}")));
        }
    }
    if input.health_check_enabled == Some(false) {
        return Err(invalid(
            "Health check enabled must be true for target groups with this target type",
        ));
    }
    let protocol = input.protocol.ok_or_else(|| invalid("A protocol must be specified"))?;
    let port = input.port.ok_or_else(|| invalid("A port must be specified"))?;
    within("port", port, 1, 65_535)?;
    let vpc = input.vpc_id.ok_or_else(|| invalid("A VPC ID must be specified"))?;
    if !ec2::vpc_exists(cx, &vpc) {
        return Err(invalid(format!("The VPC ID '{vpc}' is not found")));
    }
    let check = Check {
        protocol: input.health_check_protocol.unwrap_or_else(|| "HTTP".to_owned()),
        port: input.health_check_port.unwrap_or_else(|| TRAFFIC_PORT.to_owned()),
        path: input.health_check_path.unwrap_or_else(|| "/".to_owned()),
        matcher: input.matcher.map_or_else(|| "200".to_owned(), |it| it.http_code),
        interval: input.health_check_interval_seconds.unwrap_or(30),
        timeout: input.health_check_timeout_seconds.unwrap_or(if protocol == "HTTP" {
            6
        } else {
            10
        }),
        healthy: input.healthy_threshold_count.unwrap_or(5),
        unhealthy: input.unhealthy_threshold_count.unwrap_or(2),
    };
    check.validate()?;
    let settings = Settings {
        protocol,
        port: u16::try_from(port).unwrap_or_default(),
        vpc,
        target_type: input.target_type.unwrap_or_else(|| "instance".to_owned()),
    };
    let tags = tags::checked(input.tags)?;

    let of_that_name = cx.region.elb.target_groups.iter().find(|(_, it)| it.name == name);
    if let Some((arn, it)) = of_that_name {
        if it.settings == settings && it.check == check {
            return Ok(json!({ "TargetGroups": [describe_one(cx, arn, it)] }));
        }
        let message = format!(
            "A target group with the same name '{name}' exists, but with different settings"
        );
        return Err(Refusal::new("DuplicateTargetGroupName", message));
    }
    let arn = new_arn(cx, "targetgroup", &name);
    let group = TargetGroup {
        made: cx.now,
        name,
        settings,
        check,
        attributes: attributes::defaults_of_target_group(),
        targets: BTreeMap::new(),
        used_since: None,
    };
    let described = describe_one(cx, &arn, &group);
    cx.region.elb.target_groups.insert(arn.clone(), group);
    cx.region.elb.tags.insert(arn, tags);
    Ok(json!({ "TargetGroups": [described] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    target_group_arn: String,
    health_check_protocol: Option<String>,
    health_check_port: Option<String>,
    health_check_path: Option<String>,
    health_check_interval_seconds: Option<i64>,
    health_check_timeout_seconds: Option<i64>,
    healthy_threshold_count: Option<i64>,
    unhealthy_threshold_count: Option<i64>,
    matcher: Option<Matcher>,
}

pub(super) fn modify(cx: &mut Context<'_>, input: Modify) -> Answer {
    let arn = input.target_group_arn;
    let old = group(cx, &arn)?.check.clone();
    let check = Check {
        protocol: input.health_check_protocol.unwrap_or(old.protocol),
        port: input.health_check_port.unwrap_or(old.port),
        path: input.health_check_path.unwrap_or(old.path),
        matcher: input.matcher.map_or(old.matcher, |it| it.http_code),
        interval: input.health_check_interval_seconds.unwrap_or(old.interval),
        timeout: input.health_check_timeout_seconds.unwrap_or(old.timeout),
        healthy: input.healthy_threshold_count.unwrap_or(old.healthy),
        unhealthy: input.unhealthy_threshold_count.unwrap_or(old.unhealthy),
    };
    check.validate()?;
    group_mut(cx, &arn)?.check = check;
    let group = group(cx, &arn)?;
    Ok(json!({ "TargetGroups": [describe_one(cx, &arn, group)] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfTargetGroup {
    pub(super) target_group_arn: String,
}

pub(super) fn delete(cx: &mut Context<'_>, input: OfTargetGroup) -> Answer {
    let arn = input.target_group_arn;
    let elb = &mut cx.region.elb;
    // What is gone can be deleted again.
    if elb.target_groups.get(&arn).is_some_and(|it| it.used_since.is_some()) {
        let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err(Refusal::new("ResourceInUse", message));
    }
    elb.target_groups.remove(&arn);
    elb.tags.remove(&arn);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    load_balancer_arn: Option<String>,
    #[serde(default)]
    target_group_arns: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<i64>,
}

pub(super) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let Describe { target_group_arns: arns, names, load_balancer_arn: balancer, .. } = input;
    let ways = [!arns.is_empty(), !names.is_empty(), balancer.is_some()];
    if ways.into_iter().filter(|it| *it).count() > 1 {
        return Err(invalid(
            "Target group ARNs, target group names and a load balancer ARN cannot be specified at the same time",
        ));
    }
    if let Some(arn) = &balancer {
        super::balancers::balancer(cx, arn)?;
    }
    for arn in &arns {
        check_arn(arn)?;
    }
    let elb = &cx.region.elb;
    let found = arns.iter().all(|arn| elb.target_groups.contains_key(arn))
        && names.iter().all(|name| elb.target_groups.values().any(|it| it.name == *name));
    if !found {
        let message = "One or more target groups not found";
        return Err(Refusal::new("TargetGroupNotFound", message));
    }
    let asked = elb.target_groups.iter().filter(|(arn, it)| {
        (arns.is_empty() || arns.contains(arn))
            && (names.is_empty() || names.contains(&it.name))
            && balancer.as_ref().is_none_or(|it| elb.balancers_of(arn).contains(&it))
    });
    let (page, next) = paged(asked, input.marker.as_deref(), input.page_size)?;
    let described: Vec<_> = page.into_iter().map(|(arn, it)| describe_one(cx, arn, it)).collect();
    Ok(json!({ "TargetGroups": described, "NextMarker": next }))
}

/// A target group that a call names.
pub(super) fn group<'a>(cx: &'a Context<'_>, arn: &str) -> Result<&'a TargetGroup, Refusal> {
    check_arn(arn)?;
    cx.region.elb.target_groups.get(arn).ok_or_else(gone)
}

/// The same, to change it.
pub(super) fn group_mut<'a>(
    cx: &'a mut Context<'_>,
    arn: &str,
) -> Result<&'a mut TargetGroup, Refusal> {
    check_arn(arn)?;
    cx.region.elb.target_groups.get_mut(arn).ok_or_else(gone)
}

fn gone() -> Refusal {
    Refusal::new("TargetGroupNotFound", "One or more target groups not found")
}

fn check_arn(arn: &str) -> Result<(), Refusal> {
    let legal = arn.starts_with("arn:") && arn.contains(":targetgroup/");
    if legal { Ok(()) } else { Err(invalid(format!("'{arn}' is not a valid target group ARN"))) }
}

/// Where each target gets its requests.
pub(super) const TRAFFIC_PORT: &str = "traffic-port";

impl Check {
    fn validate(&self) -> Result<(), Refusal> {
        within("healthCheckIntervalSeconds", self.interval, 5, 300)?;
        within("healthCheckTimeoutSeconds", self.timeout, 2, 120)?;
        within("healthyThresholdCount", self.healthy, 2, 10)?;
        within("unhealthyThresholdCount", self.unhealthy, 2, 10)?;
        let Self { protocol, port, path, matcher, interval, timeout, .. } = self;
        if timeout >= interval {
            return Err(invalid(format!(
                "Health check interval must be greater than the timeout: '{interval}' is not greater than '{timeout}'"
            )));
        }
        if !["HTTP", "HTTPS"].contains(&protocol.as_str()) {
            return Err(invalid(format!(
                "Health check protocol '{protocol}' must be one of 'HTTP, HTTPS'"
            )));
        }
        if port != TRAFFIC_PORT && !port.parse::<u16>().is_ok_and(|it| it > 0) {
            return Err(invalid(format!(
                "Health check port '{port}' must be 'traffic-port' or a number between 1 and 65535"
            )));
        }
        if !path.starts_with('/') || path.len() > 1024 {
            return Err(invalid(format!(
                "Health check path '{path}' must begin with a '/' character"
            )));
        }
        if !matcher.split(',').all(is_code_or_range) {
            return Err(invalid(format!(
                "Health check matcher HTTP code '{matcher}' must be within '200-499'"
            )));
        }
        Ok(())
    }
}

/// Such as `200` or `200-299`.
fn is_code_or_range(text: &str) -> bool {
    let code = |it: &str| it.parse::<u16>().ok().filter(|it| (200..500).contains(it));
    match text.split_once('-') {
        Some((from, to)) => code(from).zip(code(to)).is_some_and(|(from, to)| from <= to),
        None => code(text).is_some(),
    }
}

fn describe_one(cx: &Context<'_>, arn: &str, it: &TargetGroup) -> Value {
    let TargetGroup { name, settings, check, .. } = it;
    json!({
        "TargetGroupArn": arn,
        "TargetGroupName": name,
        "Protocol": settings.protocol,
        "Port": settings.port,
        "VpcId": settings.vpc,
        "HealthCheckProtocol": check.protocol,
        "HealthCheckPort": check.port,
        "HealthCheckEnabled": true,
        "HealthCheckIntervalSeconds": check.interval,
        "HealthCheckTimeoutSeconds": check.timeout,
        "HealthyThresholdCount": check.healthy,
        "UnhealthyThresholdCount": check.unhealthy,
        "HealthCheckPath": check.path,
        "Matcher": { "HttpCode": check.matcher },
        "LoadBalancerArns": cx.region.elb.balancers_of(arn),
        "TargetType": settings.target_type,
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> Check {
        Check {
            protocol: "HTTP".to_owned(),
            port: TRAFFIC_PORT.to_owned(),
            path: "/".to_owned(),
            matcher: "200".to_owned(),
            interval: 30,
            timeout: 6,
            healthy: 5,
            unhealthy: 2,
        }
    }

    #[test]
    fn checks_have_their_bounds() {
        assert!(check().validate().is_ok());
        for bad in [
            Check { interval: 4, timeout: 2, ..check() },
            Check { interval: 6, ..check() },
            Check { timeout: 1, ..check() },
            Check { healthy: 11, ..check() },
            Check { unhealthy: 1, ..check() },
            Check { path: "healthz".to_owned(), ..check() },
            Check { port: "0".to_owned(), ..check() },
            Check { matcher: "200-500".to_owned(), ..check() },
            Check { protocol: "TCP".to_owned(), ..check() },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
        assert!(Check { matcher: "200,302,400-404".to_owned(), ..check() }.validate().is_ok());
    }
}
