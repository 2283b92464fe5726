//! VPCs and subnets. The default ones are there from the beginning.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Ec2,
    filters::{Asked, Findable, ReadFound},
    groups,
    tags::{self, Specification, Tags},
};
use crate::{
    call::Call,
    chance::Chance,
    refusal::{Answer, Refusal},
    world::Context,
};

/// The availability zones of every region.
const ZONES: [&str; 3] = ["a", "b", "c"];
/// The quota of a new account.
const MOST_VPCS: usize = 5;

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
    /// Whether it is the default one of its zone.
    #[serde(default = "yes")]
    pub(super) default: bool,
    /// How many addresses have been given out.
    pub(super) given: u32,
}

fn yes() -> bool {
    true
}

/// A subnet, as other services need to know it.
#[derive(Clone, Debug)]
pub(crate) struct SubnetFacts {
    /// Its VPC.
    pub(crate) vpc: String,
    /// Its availability zone, such as `eu-central-1a`.
    pub(crate) zone: String,
}

/// Whether a region has an availability zone.
pub(super) fn has_zone(region: &str, zone: &str) -> bool {
    ZONES.iter().any(|it| zone.strip_prefix(region) == Some(*it))
}

/// The default VPC with a default subnet in each of three zones.
pub(super) fn lay(ec2: &mut Ec2, region: &str, chance: &mut Chance) {
    let vpc = format!("vpc-{}", chance.hex(17));
    ec2.vpcs.insert(vpc.clone(), Vpc { cidr: "172.31.0.0/16".to_owned(), default: true });
    for (number, zone) in ZONES.into_iter().enumerate() {
        let subnet = Subnet {
            vpc: vpc.clone(),
            zone: format!("{region}{zone}"),
            cidr: format!("172.31.{}.0/20", number * 16),
            default: true,
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
    let network: Ipv4Net = subnet.cidr.parse().ok()?;
    let address = u32::from(network.network()) + 4 + subnet.given % room(network);
    subnet.given += 1;
    Some(std::net::Ipv4Addr::from(address).to_string())
}

pub(super) fn describe_vpcs(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "VpcId")?;
    let (page, next) = asked.among(ec2, &ec2.vpcs, no_such_vpc, |_, _| ())?;
    let shown = page.iter().map(|it| show_vpc(cx, it.id, it.it, &it.tags, "available"));
    Ok(json!({ "vpcSet": shown.collect::<Vec<_>>(), "nextToken": next }))
}

fn show_vpc(cx: &Context<'_>, id: &str, it: &Vpc, tags: &Tags, state: &str) -> Value {
    json!({
        "vpcId": id,
        "cidrBlock": it.cidr,
        "isDefault": it.default,
        "state": state,
        "ownerId": cx.account,
        "instanceTenancy": "default",
        "tagSet": tags::shown(tags),
    })
}

pub(super) fn describe_subnets(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "SubnetId")?;
    let (page, next) = asked.among(ec2, &ec2.subnets, no_such_subnet, |_, _| ())?;
    let shown = page.iter().map(|it| show_subnet(cx, it.id, it.it, &it.tags));
    Ok(json!({ "subnetSet": shown.collect::<Vec<_>>(), "nextToken": next }))
}

fn show_subnet(cx: &Context<'_>, id: &str, it: &Subnet, tags: &Tags) -> Value {
    let room = it.cidr.parse().map(room).unwrap_or_default();
    json!({
        "subnetId": id,
        "vpcId": it.vpc,
        "availabilityZone": it.zone,
        "cidrBlock": it.cidr,
        "defaultForAz": it.default,
        "mapPublicIpOnLaunch": it.default,
        "state": "available",
        "ownerId": cx.account,
        "availableIpAddressCount": room,
        "tagSet": tags::shown(tags),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateVpc {
    cidr_block: String,
    #[serde(default)]
    tag_specification: Vec<Specification>,
}

/// It comes with a default security group, as every VPC does.
pub(super) fn create_vpc(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: CreateVpc = call.input()?;
    let [tags] = tags::given(&input.tag_specification, ["vpc"])?;
    let cidr = block(&input.cidr_block, "InvalidVpc.Range")?.to_string();
    let ec2 = &mut cx.region.ec2;
    if ec2.vpcs.len() >= MOST_VPCS {
        let words = "The maximum number of VPCs has been reached.";
        return Err(Refusal::new("VpcLimitExceeded", words));
    }
    let id = format!("vpc-{}", cx.chance.hex(17));
    let vpc = Vpc { cidr, default: false };
    ec2.vpcs.insert(id.clone(), vpc.clone());
    ec2.tags.insert(id.clone(), tags.clone());
    groups::lay(ec2, &id, cx.chance);
    Ok(json!({ "vpc": show_vpc(cx, &id, &vpc, &tags, "pending") }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteVpc {
    vpc_id: String,
}

pub(super) fn delete_vpc(cx: &mut Context<'_>, call: &Call) -> Answer {
    let DeleteVpc { vpc_id: id } = call.input()?;
    let ec2 = &mut cx.region.ec2;
    if !ec2.vpcs.contains_key(&id) {
        return Err(no_such_vpc(&id));
    }
    let groups = ec2.groups.iter().filter(|(_, it)| it.vpc == id);
    let (default, others): (Vec<_>, Vec<_>) = groups.partition(|(_, it)| it.name == "default");
    if !others.is_empty() || ec2.subnets.values().any(|it| it.vpc == id) {
        return Err(depended_on("vpc", &id));
    }
    let default: Vec<String> = default.into_iter().map(|(id, _)| id.clone()).collect();
    for group in default {
        groups::remove(ec2, &group);
    }
    ec2.vpcs.remove(&id);
    ec2.tags.remove(&id);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateSubnet {
    vpc_id: String,
    cidr_block: String,
    availability_zone: Option<String>,
    #[serde(default)]
    tag_specification: Vec<Specification>,
}

pub(super) fn create_subnet(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: CreateSubnet = call.input()?;
    let [tags] = tags::given(&input.tag_specification, ["subnet"])?;
    let vpc = cx.region.ec2.vpcs.get(&input.vpc_id).ok_or_else(|| no_such_vpc(&input.vpc_id))?;
    let cidr = block(&input.cidr_block, "InvalidSubnet.Range")?;
    if !vpc.cidr.parse::<Ipv4Net>().is_ok_and(|it| it.contains(&cidr)) {
        return Err(Refusal::new("InvalidSubnet.Range", format!("The CIDR '{cidr}' is invalid.")));
    }
    let others = cx.region.ec2.subnets.values().filter(|it| it.vpc == input.vpc_id);
    let overlaps = |other: Ipv4Net| other.contains(&cidr) || cidr.contains(&other);
    if others.clone().any(|it| it.cidr.parse().is_ok_and(overlaps)) {
        let words = format!("The CIDR '{cidr}' conflicts with another subnet");
        return Err(Refusal::new("InvalidSubnet.Conflict", words));
    }
    let zones = ZONES.map(|it| format!("{}{it}", cx.region.name));
    let zone = input.availability_zone.unwrap_or_else(|| zones[0].clone());
    if !zones.contains(&zone) {
        let words = format!(
            "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
            zones.join(", ")
        );
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    let id = format!("subnet-{}", cx.chance.hex(17));
    let (vpc, cidr) = (input.vpc_id, cidr.to_string());
    let subnet = Subnet { vpc, zone, cidr, default: false, given: 0 };
    cx.region.ec2.subnets.insert(id.clone(), subnet.clone());
    cx.region.ec2.tags.insert(id.clone(), tags.clone());
    Ok(json!({ "subnet": show_subnet(cx, &id, &subnet, &tags) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteSubnet {
    subnet_id: String,
}

pub(super) fn delete_subnet(cx: &mut Context<'_>, call: &Call) -> Answer {
    let DeleteSubnet { subnet_id: id } = call.input()?;
    let ec2 = &mut cx.region.ec2;
    if !ec2.subnets.contains_key(&id) {
        return Err(no_such_subnet(&id));
    }
    if ec2.interfaces.values().any(|it| it.subnet == id && !it.is_gone(cx.now)) {
        return Err(depended_on("subnet", &id));
    }
    ec2.subnets.remove(&id);
    ec2.tags.remove(&id);
    Ok(Value::Null)
}

/// A block of addresses, /16 to /28. Bits behind the prefix are forgotten.
fn block(text: &str, out_of_range: &str) -> Result<Ipv4Net, Refusal> {
    let cidr: Ipv4Net = text.parse().map_err(|_| {
        let words = format!(
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        );
        Refusal::new("InvalidParameterValue", words)
    })?;
    match (16..=28).contains(&cidr.prefix_len()) {
        true => Ok(cidr.trunc()),
        false => Err(Refusal::new(out_of_range, format!("The CIDR '{text}' is invalid."))),
    }
}

/// How many addresses of a subnet can be given out; AWS keeps four at its beginning and the last one.
fn room(network: Ipv4Net) -> u32 {
    (1_u32 << (32 - u32::from(network.prefix_len())).min(31)).saturating_sub(5).max(1)
}

fn depended_on(kind: &str, id: &str) -> Refusal {
    let words = format!("The {kind} '{id}' has dependencies and cannot be deleted.");
    Refusal::new("DependencyViolation", words)
}

/// Nothing was named, and there is nothing that could be meant.
pub(super) fn no_default_network() -> Refusal {
    Refusal::new("VPCIdNotSpecified", "No default VPC for this user")
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
            "default-for-az" => |it| vec![it.it.default.to_string()],
            "state" => |_| vec!["available".to_owned()],
            _ => return None,
        };
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_a_size_and_no_bits_behind_its_prefix() {
        let read = |text| block(text, "InvalidVpc.Range").map_err(|it| it.code);
        assert_eq!(read("10.0.1.7/24").map(|it| it.to_string()), Ok("10.0.1.0/24".to_owned()));
        for (text, code) in [
            ("10.0.0.0/15", "InvalidVpc.Range"),
            ("10.0.0.0/29", "InvalidVpc.Range"),
            ("10.0.0.0", "InvalidParameterValue"),
            ("2001:db8::/32", "InvalidParameterValue"),
        ] {
            assert_eq!(read(text), Err(code.to_owned()), "{text}");
        }
    }

    #[test]
    fn five_addresses_of_a_subnet_belong_to_aws() -> Result<(), ipnet::AddrParseError> {
        assert_eq!((room("10.0.0.0/28".parse()?), room("10.0.0.0/20".parse()?)), (11, 4091));
        Ok(())
    }
}
