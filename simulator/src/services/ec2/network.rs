//! VPCs and subnets. They are there from the beginning; nothing here makes or deletes any.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Ec2,
    filters::{Filter, Filtered, Read, paged, select},
    groups, tags,
};
use crate::{
    call::Call,
    chance::Chance,
    refusal::{Answer, Refusal},
    world::Context,
};

/// A VPC.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Vpc {
    pub(super) cidr: String,
    pub(super) default: bool,
}

/// A subnet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Subnet {
    pub(super) vpc: String,
    pub(super) zone: String,
    pub(super) cidr: String,
    /// How many addresses have been given out.
    pub(super) given: u32,
}

/// A subnet, as other services need to know it.
#[derive(Clone, Debug)]
pub(crate) struct SubnetFacts {
    /// Its VPC.
    pub(crate) vpc: String,
    /// Its availability zone, such as `eu-central-1a`.
    pub(crate) zone: String,
}

/// The default VPC with a default subnet in each of three zones.
pub(super) fn lay(ec2: &mut Ec2, region: &str, chance: &mut Chance) {
    let vpc = format!("vpc-{}", chance.hex(17));
    ec2.vpcs.insert(vpc.clone(), Vpc { cidr: "172.31.0.0/16".to_owned(), default: true });
    for (number, zone) in ["a", "b", "c"].into_iter().enumerate() {
        let subnet = Subnet {
            vpc: vpc.clone(),
            zone: format!("{region}{zone}"),
            cidr: format!("172.31.{}.0/20", number * 16),
            given: 0,
        };
        ec2.subnets.insert(format!("subnet-{}", chance.hex(17)), subnet);
    }
    groups::lay(ec2, &vpc, chance);
}

/// A subnet, if there is one.
pub(crate) fn subnet(cx: &Context<'_>, id: &str) -> Option<SubnetFacts> {
    let it = cx.region.ec2.subnets.get(id)?;
    Some(SubnetFacts { vpc: it.vpc.clone(), zone: it.zone.clone() })
}

/// Whether there is such a VPC.
pub(crate) fn vpc_exists(cx: &Context<'_>, id: &str) -> bool {
    cx.region.ec2.vpcs.contains_key(id)
}

/// The next free address of a subnet; AWS keeps the first four for itself.
pub(super) fn next_address(ec2: &mut Ec2, subnet: &str) -> Option<String> {
    let subnet = ec2.subnets.get_mut(subnet)?;
    let network: ipnet::Ipv4Net = subnet.cidr.parse().ok()?;
    let address = u32::from(network.network()) + 4 + subnet.given % 4000;
    subnet.given += 1;
    Some(std::net::Ipv4Addr::from(address).to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeVpcs {
    #[serde(default)]
    vpc_id: Vec<String>,
    #[serde(default)]
    filter: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn describe_vpcs(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: DescribeVpcs = call.input()?;
    let ec2 = &cx.region.ec2;
    if let Some(absent) = input.vpc_id.iter().find(|it| !ec2.vpcs.contains_key(*it)) {
        let words = format!("The vpc ID '{absent}' does not exist");
        return Err(Refusal::new("InvalidVpcID.NotFound", words));
    }
    let all = ec2.vpcs.iter().filter(|(id, _)| wanted(&input.vpc_id, id));
    let all = all.map(|(id, it)| Found { id, it, tags: ec2.tags_of(id) });
    let (page, next) =
        paged(select(all, &input.filter)?, input.next_token.as_deref(), input.max_results)?;
    let shown = page.iter().map(|Found { id, it, tags }| {
        json!({
            "vpcId": id,
            "cidrBlock": it.cidr,
            "isDefault": it.default,
            "state": "available",
            "ownerId": cx.account,
            "instanceTenancy": "default",
            "tagSet": tags::shown(tags),
        })
    });
    Ok(json!({ "vpcSet": shown.collect::<Vec<_>>(), "nextToken": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeSubnets {
    #[serde(default)]
    subnet_id: Vec<String>,
    #[serde(default)]
    filter: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn describe_subnets(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: DescribeSubnets = call.input()?;
    let ec2 = &cx.region.ec2;
    if let Some(absent) = input.subnet_id.iter().find(|it| !ec2.subnets.contains_key(*it)) {
        return Err(no_such_subnet(absent));
    }
    let all = ec2.subnets.iter().filter(|(id, _)| wanted(&input.subnet_id, id));
    let all = all.map(|(id, it)| Found { id, it, tags: ec2.tags_of(id) });
    let (page, next) =
        paged(select(all, &input.filter)?, input.next_token.as_deref(), input.max_results)?;
    let shown: Vec<Value> = page
        .iter()
        .map(|Found { id, it, tags }| {
            json!({
                "subnetId": id,
                "vpcId": it.vpc,
                "availabilityZone": it.zone,
                "cidrBlock": it.cidr,
                "defaultForAz": true,
                "mapPublicIpOnLaunch": true,
                "state": "available",
                "ownerId": cx.account,
                "availableIpAddressCount": 4091,
                "tagSet": tags::shown(tags),
            })
        })
        .collect();
    Ok(json!({ "subnetSet": shown, "nextToken": next }))
}

pub(super) fn no_such_subnet(id: &str) -> Refusal {
    Refusal::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"))
}

/// Whether ids were asked for and this is one of them, or none were.
pub(super) fn wanted(ids: &[String], id: &str) -> bool {
    ids.is_empty() || ids.iter().any(|it| it == id)
}

/// Something found, for filters.
pub(super) struct Found<'a, T> {
    pub(super) id: &'a str,
    pub(super) it: &'a T,
    pub(super) tags: BTreeMap<String, String>,
}

impl Filtered for Found<'_, Vpc> {
    fn named(filter: &str) -> Option<Read<Self>> {
        let read: Read<Self> = match filter {
            "vpc-id" => |it| vec![it.id.to_owned()],
            "is-default" | "isDefault" => |it| vec![it.it.default.to_string()],
            "state" => |_| vec!["available".to_owned()],
            "cidr" => |it| vec![it.it.cidr.clone()],
            _ => return None,
        };
        Some(read)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}

impl Filtered for Found<'_, Subnet> {
    fn named(filter: &str) -> Option<Read<Self>> {
        let read: Read<Self> = match filter {
            "subnet-id" => |it| vec![it.id.to_owned()],
            "vpc-id" => |it| vec![it.it.vpc.clone()],
            "availability-zone" => |it| vec![it.it.zone.clone()],
            "default-for-az" => |_| vec!["true".to_owned()],
            "state" => |_| vec!["available".to_owned()],
            _ => return None,
        };
        Some(read)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}
