//! VPCs and subnets. They are there from the beginning; nothing here makes or deletes any.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Ec2,
    filters::{Asked, Findable, Found, ReadFound},
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

pub(super) fn describe_vpcs(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "VpcId")?;
    let (page, next) = asked.among(ec2, &ec2.vpcs, no_such_vpc, |_, _| ())?;
    let shown = page.iter().map(|Found { id, it, tags, .. }| {
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

pub(super) fn describe_subnets(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "SubnetId")?;
    let (page, next) = asked.among(ec2, &ec2.subnets, no_such_subnet, |_, _| ())?;
    let shown: Vec<Value> = page
        .iter()
        .map(|Found { id, it, tags, .. }| {
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

pub(super) fn no_such_vpc(id: &str) -> Refusal {
    Refusal::new("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist"))
}

pub(super) fn no_such_subnet(id: &str) -> Refusal {
    Refusal::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"))
}

impl Findable for Vpc {
    fn named(filter: &str) -> Option<ReadFound<Self>> {
        let read: ReadFound<Self> = match filter {
            "vpc-id" => |it| vec![it.id.to_owned()],
            "is-default" | "isDefault" => |it| vec![it.it.default.to_string()],
            "state" => |_| vec!["available".to_owned()],
            "cidr" => |it| vec![it.it.cidr.clone()],
            _ => return None,
        };
        Some(read)
    }
}

impl Findable for Subnet {
    fn named(filter: &str) -> Option<ReadFound<Self>> {
        let read: ReadFound<Self> = match filter {
            "subnet-id" => |it| vec![it.id.to_owned()],
            "vpc-id" => |it| vec![it.it.vpc.clone()],
            "availability-zone" => |it| vec![it.it.zone.clone()],
            "default-for-az" => |_| vec!["true".to_owned()],
            "state" => |_| vec!["available".to_owned()],
            _ => return None,
        };
        Some(read)
    }
}
