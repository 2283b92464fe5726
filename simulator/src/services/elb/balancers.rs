//! Load balancers: where they are, who may reach them, and when they are ready.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    attributes, check_name, invalid, new_arn, note_uses, paged,
    tags::{self, Tag},
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    services::ec2,
    visibility::Made,
    world::Context,
};

/// An application load balancer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Balancer {
    pub(super) name: String,
    pub(super) scheme: String,
    pub(super) vpc: String,
    nodes: Vec<Node>,
    groups: Vec<String>,
    dns_name: String,
    created: Time,
    pub(super) attributes: BTreeMap<String, String>,
}

impl Made for Balancer {
    fn made(&self) -> Time {
        self.created
    }
}

/// What it has in one subnet.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Node {
    subnet: String,
    zone: String,
    /// Id of its network interface.
    interface: Option<String>,
}

const INTERNET: &str = "internet-facing";

/// The hosted zones that the names of load balancers are in, by region.
pub(crate) const ZONES: [(&str, &str); 17] = [
    ("ap-northeast-1", "Z14GRHDCWA56QT"),
    ("ap-northeast-2", "ZWKZPGTI48KDX"),
    ("ap-south-1", "ZP97RAFLXTNZK"),
    ("ap-southeast-1", "Z1LMS91P8CMLE5"),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65"),
    ("ca-central-1", "ZQSVJUPU6J1EY"),
    ("eu-central-1", "Z215JYRZR1TBD5"),
    ("eu-north-1", "Z23TAZ6LKFMNIO"),
    ("eu-south-1", "Z3ULH7SSC9OV64"),
    ("eu-west-1", "Z32O12XQLNTSW2"),
    ("eu-west-2", "ZHURV8PSTC4K8"),
    ("eu-west-3", "Z3Q77PNBQS71R4"),
    ("sa-east-1", "Z2P70J7HTTTPLU"),
    ("us-east-1", "Z35SXDOTRQ7X7K"),
    ("us-east-2", "Z3AADJGX6KTTL2"),
    ("us-west-1", "Z368ELLRRE2KJ0"),
    ("us-west-2", "Z1H1FL5HABSF5"),
];

impl Balancer {
    /// From when on it hands on requests.
    pub(super) fn active_from(&self, cx: &Context<'_>) -> Time {
        self.created + cx.times.of(|it| it.balancer)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    #[serde(default)]
    subnets: Vec<String>,
    #[serde(default)]
    security_groups: Vec<String>,
    scheme: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    r#type: Option<String>,
    ip_address_type: Option<String>,
}

pub(super) fn create(cx: &mut Context<'_>, input: Create) -> Answer {
    let name = input.name;
    check_name("Load balancer", &name)?;
    if name.starts_with("internal-") {
        let message = format!("Load balancer name '{name}' cannot begin with 'internal-'");
        return Err(invalid(message));
    }
    for (what, chosen, modelled) in [
        ("load balancers of the type", input.r#type, "application"),
        ("load balancers with the IP address type", input.ip_address_type, "ipv4"),
    ] {
        if chosen.as_deref().is_some_and(|it| it != modelled) {
            let chosen = chosen.unwrap_or_default();
            return Err(Refusal::not_modelled(format_args!("{what} {chosen}")));
        }
    }
    let scheme = input.scheme.unwrap_or_else(|| INTERNET.to_owned());
    if ![INTERNET, "internal"].contains(&scheme.as_str()) {
        return Err(Refusal::new("InvalidScheme", format!("The scheme '{scheme}' is not valid")));
    }
    let (vpc, zones) = placed(cx, &input.subnets)?;
    let mut groups = input.security_groups;
    if groups.is_empty() {
        groups.extend(ec2::default_security_group(cx, &vpc));
    }
    check_groups(cx, &groups, &vpc)?;
    let tags = tags::checked(input.tags)?;

    let of_that_name = cx.region.elb.balancers.iter().find(|(_, it)| it.name == name);
    if let Some((arn, it)) = of_that_name {
        let subnets: BTreeSet<_> = it.nodes.iter().map(|it| &it.subnet).collect();
        let same = it.scheme == scheme
            && subnets == zones.iter().map(|(subnet, _)| subnet).collect()
            && set(&it.groups) == set(&groups);
        if same {
            return Ok(json!({ "LoadBalancers": [describe_one(cx, arn, it)] }));
        }
        let message = format!(
            "A load balancer with the same name '{name}' exists, but with different settings"
        );
        return Err(Refusal::new("DuplicateLoadBalancerName", message));
    }

    let arn = new_arn(cx, "loadbalancer/app", &name);
    let number = cx.chance.between(100_000_000, 2_147_483_647);
    let prefix = if scheme == INTERNET { "" } else { "internal-" };
    let new = Balancer {
        dns_name: format!("{prefix}{name}-{number}.{}.elb.amazonaws.com", cx.region.name),
        name,
        scheme,
        vpc,
        nodes: Vec::new(),
        groups,
        created: cx.now,
        attributes: attributes::defaults_of_balancer(),
    };
    cx.region.elb.balancers.insert(arn.clone(), new);
    cx.region.elb.tags.insert(arn.clone(), tags);
    place(cx, &arn, zones)?;
    let balancer = balancer(cx, &arn)?;
    Ok(json!({ "LoadBalancers": [describe_one(cx, &arn, balancer)] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfBalancer {
    pub(super) load_balancer_arn: String,
}

pub(super) fn delete(cx: &mut Context<'_>, input: OfBalancer) -> Answer {
    let arn = input.load_balancer_arn;
    // What is gone can be deleted again.
    let Some(balancer) = cx.region.elb.balancers.get(&arn) else { return Ok(json!({})) };
    let protection = balancer.attributes.get("deletion_protection.enabled");
    if protection.is_some_and(|it| it == "true") {
        let message = format!(
            "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        );
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    let interfaces: Vec<_> = balancer.nodes.iter().filter_map(|it| it.interface.clone()).collect();
    for interface in interfaces {
        ec2::remove_interface(cx, &interface, cx.times.of(|it| it.balancer_interfaces));
    }
    let elb = &mut cx.region.elb;
    elb.balancers.remove(&arn);
    elb.listeners.retain(|_, it| it.balancer != arn);
    elb.rules.retain(|_, it| elb.listeners.contains_key(&it.listener));
    tags::forget_the_gone(elb);
    note_uses(cx);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(default)]
    load_balancer_arns: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<i64>,
}

pub(super) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let Describe { load_balancer_arns: arns, names, .. } = input;
    if !arns.is_empty() && !names.is_empty() {
        let message =
            "Load balancer names and load balancer ARNs cannot be specified at the same time";
        return Err(invalid(message));
    }
    let all = || cx.region.elb.balancers.iter();
    for arn in &arns {
        check_arn(arn)?;
    }
    let found = arns.iter().all(|arn| all().any(|(it, _)| it == arn))
        && names.iter().all(|name| all().any(|(_, it)| it.name == *name));
    if !found {
        let message = "One or more load balancers not found";
        return Err(Refusal::new("LoadBalancerNotFound", message));
    }
    let asked = all().filter(|(arn, it)| {
        (arns.is_empty() || arns.contains(arn)) && (names.is_empty() || names.contains(&it.name))
    });
    let (page, next) = paged(asked, input.marker.as_deref(), input.page_size)?;
    let described: Vec<_> = page.into_iter().map(|(arn, it)| describe_one(cx, arn, it)).collect();
    Ok(json!({ "LoadBalancers": described, "NextMarker": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetSecurityGroups {
    load_balancer_arn: String,
    security_groups: Vec<String>,
}

pub(super) fn set_security_groups(cx: &mut Context<'_>, input: SetSecurityGroups) -> Answer {
    let SetSecurityGroups { load_balancer_arn: arn, security_groups: groups } = input;
    let vpc = balancer(cx, &arn)?.vpc.clone();
    check_groups(cx, &groups, &vpc)?;
    let Some(balancer) = cx.region.elb.balancers.get_mut(&arn) else { return Err(gone(&arn)) };
    balancer.groups = groups.clone();
    let interfaces: Vec<_> = balancer.nodes.iter().filter_map(|it| it.interface.clone()).collect();
    for interface in interfaces {
        ec2::set_interface_groups(cx, &interface, &groups);
    }
    Ok(json!({ "SecurityGroupIds": groups }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetSubnets {
    load_balancer_arn: String,
    subnets: Vec<String>,
}

pub(super) fn set_subnets(cx: &mut Context<'_>, input: SetSubnets) -> Answer {
    let arn = input.load_balancer_arn;
    let own = balancer(cx, &arn)?.vpc.clone();
    let (vpc, zones) = placed(cx, &input.subnets)?;
    if vpc != own {
        let message = format!("The subnets are not in the VPC of the load balancer, '{own}'");
        return Err(Refusal::new("InvalidSubnet", message));
    }
    place(cx, &arn, zones)?;
    Ok(json!({ "AvailabilityZones": zones_of(balancer(cx, &arn)?), "IpAddressType": "ipv4" }))
}

/// A load balancer that a call names.
pub(super) fn balancer<'a>(cx: &'a Context<'_>, arn: &str) -> Result<&'a Balancer, Refusal> {
    check_arn(arn)?;
    cx.region.elb.balancers.get(arn).ok_or_else(|| gone(arn))
}

pub(super) fn gone(arn: &str) -> Refusal {
    Refusal::new("LoadBalancerNotFound", format!("Load balancer '{arn}' not found"))
}

fn check_arn(arn: &str) -> Result<(), Refusal> {
    let legal = arn.starts_with("arn:") && arn.contains(":loadbalancer/");
    if legal { Ok(()) } else { Err(invalid(format!("'{arn}' is not a valid load balancer ARN"))) }
}

/// The VPC and the zones of subnets that a load balancer may have.
fn placed(
    cx: &Context<'_>,
    subnets: &[String],
) -> Result<(String, Vec<(String, String)>), Refusal> {
    let mut vpc: Option<String> = None;
    let mut zones: Vec<(String, String)> = Vec::new();
    let wrong = |message: &str| Refusal::new("InvalidConfigurationRequest", message);
    for id in subnets {
        let subnet = ec2::subnet(cx, id).ok_or_else(|| {
            Refusal::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist"))
        })?;
        if vpc.as_ref().is_some_and(|it| *it != subnet.vpc) {
            return Err(wrong("All subnets must belong to the same VPC"));
        }
        if zones.iter().any(|(other, zone)| other == id || *zone == subnet.zone) {
            return Err(wrong(
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            ));
        }
        vpc = Some(subnet.vpc);
        zones.push((id.clone(), subnet.zone));
    }
    match vpc {
        Some(vpc) if zones.len() >= 2 => Ok((vpc, zones)),
        _ => Err(invalid(
            "At least two subnets in two different Availability Zones must be specified",
        )),
    }
}

/// Gives a load balancer one network interface in each of these subnets and in no other.
fn place(cx: &mut Context<'_>, arn: &str, zones: Vec<(String, String)>) -> Result<(), Refusal> {
    let Balancer { nodes, groups, scheme, .. } = balancer(cx, arn)?.clone();
    let public = scheme == INTERNET;
    let description = format!("ELB {}", arn.split_once("loadbalancer/").map_or(arn, |it| it.1));
    let (kept, left): (Vec<_>, Vec<_>) =
        nodes.into_iter().partition(|it| zones.iter().any(|(subnet, _)| *subnet == it.subnet));
    for interface in left.into_iter().filter_map(|it| it.interface) {
        ec2::remove_interface(cx, &interface, cx.times.of(|it| it.balancer_interfaces));
    }
    let mut placed = Vec::new();
    for (subnet, zone) in zones {
        let interface = match kept.iter().find(|it| it.subnet == subnet) {
            Some(node) => node.interface.clone(),
            None => ec2::add_interface(cx, "amazon-elb", &description, &subnet, &groups, public)
                .map(|it| it.id),
        };
        placed.push(Node { subnet, zone, interface });
    }
    if let Some(balancer) = cx.region.elb.balancers.get_mut(arn) {
        balancer.nodes = placed;
    }
    Ok(())
}

fn check_groups(cx: &Context<'_>, groups: &[String], vpc: &str) -> Result<(), Refusal> {
    for id in groups {
        match ec2::security_group_vpc(cx, id) {
            Some(own) if own == vpc => {}
            Some(_) => {
                let message = "One or more security groups are invalid";
                return Err(Refusal::new("InvalidConfigurationRequest", message));
            }
            None => {
                let message = format!("Security group '{id}' does not exist");
                return Err(Refusal::new("InvalidSecurityGroup", message));
            }
        }
    }
    if groups.is_empty() {
        return Err(invalid("At least one security group must be specified"));
    }
    Ok(())
}

fn describe_one(cx: &Context<'_>, arn: &str, it: &Balancer) -> Value {
    let state = if cx.now >= it.active_from(cx) { "active" } else { "provisioning" };
    let zone = ZONES.iter().find(|(region, _)| *region == cx.region.name);
    json!({
        "LoadBalancerArn": arn,
        "DNSName": it.dns_name,
        // Regions that are not listed do not need one of their own here.
        "CanonicalHostedZoneId": zone.unwrap_or(&ZONES[6]).1,
        "CreatedTime": it.created.iso(),
        "LoadBalancerName": it.name,
        "Scheme": it.scheme,
        "VpcId": it.vpc,
        "State": { "Code": state },
        "Type": "application",
        "AvailabilityZones": zones_of(it),
        "SecurityGroups": it.groups,
        "IpAddressType": "ipv4",
    })
}

fn zones_of(it: &Balancer) -> Vec<Value> {
    let nodes = it.nodes.iter();
    nodes.map(|it| json!({ "ZoneName": it.zone, "SubnetId": it.subnet })).collect()
}

fn set(ids: &[String]) -> BTreeSet<&String> {
    ids.iter().collect()
}
