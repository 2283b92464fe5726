//! EC2: the network and its security groups, instances with their volumes and addresses, images.
//!
//! Sources: the EC2 API reference, the EC2 user guide ("Error codes", "Instance life cycle", "Security group rules").

mod addresses;
mod attachments;
mod attributes;
mod filters;
mod groups;
mod images;
mod instances;
mod interfaces;
mod keys;
mod launch;
mod network;
mod permissions;
mod profiles;
mod rules;
mod tags;
mod volumes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    call::Call,
    chance::Chance,
    refusal::Answer,
    refusal::Refusal,
    visibility::{self, Made, hiding},
    world::Context,
};

pub(crate) use addresses::address_of;
pub(crate) use groups::{default_security_group, security_group_vpc};
pub(crate) use instances::instance_address;
pub(crate) use interfaces::{Interface, add_interface, remove_interface, set_interface_groups};
pub(crate) use network::{subnet, vpc_exists};
pub(crate) use profiles::instance_of;
pub(crate) use tags::kind_of;

/// Everything of EC2 in a region, each by its id.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Ec2 {
    vpcs: BTreeMap<String, network::Vpc>,
    subnets: BTreeMap<String, network::Subnet>,
    groups: BTreeMap<String, groups::Group>,
    rules: BTreeMap<String, rules::Rule>,
    interfaces: BTreeMap<String, interfaces::Kept>,
    instances: BTreeMap<String, instances::Instance>,
    volumes: BTreeMap<String, volumes::Volume>,
    addresses: BTreeMap<String, addresses::Address>,
    #[serde(default)]
    keys: BTreeMap<String, keys::KeyPair>,
    tags: BTreeMap<String, BTreeMap<String, String>>,
    /// What each client token asked for, and what it got.
    tokens: BTreeMap<String, (String, String)>,
}

impl Ec2 {
    /// As AWS leaves it in a new account: a default VPC with a subnet in each zone.
    pub(crate) fn new(region: &str, chance: &mut Chance) -> Self {
        let mut ec2 = Self::default();
        network::lay(&mut ec2, region, chance);
        ec2
    }

    fn tags_of(&self, id: &str) -> BTreeMap<String, String> {
        self.tags.get(id).cloned().unwrap_or_default()
    }
}

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    let act = match call.action.as_str() {
        "AllocateAddress" => addresses::allocate,
        "AssociateAddress" => addresses::associate,
        "AssociateIamInstanceProfile" => profiles::associate,
        "AttachVolume" => attachments::attach,
        "AuthorizeSecurityGroupEgress" => rules::authorize_egress,
        "AuthorizeSecurityGroupIngress" => rules::authorize_ingress,
        "CreateKeyPair" => keys::create,
        "CreateNetworkInterface" => interfaces::create,
        "CreateSecurityGroup" => groups::create,
        "CreateSubnet" => network::create_subnet,
        "CreateTags" => tags::create,
        "CreateVolume" => volumes::create,
        "CreateVpc" => network::create_vpc,
        "DeleteKeyPair" => keys::delete,
        "DeleteNetworkInterface" => interfaces::delete,
        "DeleteSecurityGroup" => groups::delete,
        "DeleteSubnet" => network::delete_subnet,
        "DeleteTags" => tags::delete,
        "DeleteVolume" => volumes::delete,
        "DeleteVpc" => network::delete_vpc,
        "DescribeAddresses" => addresses::describe,
        "DescribeIamInstanceProfileAssociations" => profiles::describe,
        "DescribeImages" => images::describe,
        "DescribeInstanceAttribute" => attributes::describe,
        "DescribeInstanceStatus" => instances::describe_status,
        "DescribeInstances" => instances::describe,
        "DescribeKeyPairs" => keys::describe,
        "DescribeNetworkInterfaces" => interfaces::describe,
        "DescribeSecurityGroupRules" => rules::describe,
        "DescribeSecurityGroups" => groups::describe,
        "DescribeSubnets" => network::describe_subnets,
        "DescribeTags" => tags::describe,
        "DescribeVolumes" => volumes::describe,
        "DescribeVolumesModifications" => volumes::describe_modifications,
        "DescribeVpcs" => network::describe_vpcs,
        "DetachVolume" => attachments::detach,
        "DisassociateAddress" => addresses::disassociate,
        "DisassociateIamInstanceProfile" => profiles::disassociate,
        "ModifyInstanceAttribute" => attributes::modify,
        "ModifyInstanceMetadataOptions" => attributes::modify_metadata_options,
        "ModifySecurityGroupRules" => rules::modify,
        "ModifyVolume" => volumes::modify,
        "ReleaseAddress" => addresses::release,
        "ReplaceIamInstanceProfileAssociation" => profiles::replace,
        "RevokeSecurityGroupEgress" => rules::revoke_egress,
        "RevokeSecurityGroupIngress" => rules::revoke_ingress,
        "RunInstances" => launch::run,
        "StartInstances" => instances::start,
        "StopInstances" => instances::stop,
        "TerminateInstances" => instances::terminate,
        _ => return Err(call.not_modelled()),
    };
    sweep(cx);
    if !call.mutating && !call.dry_run() {
        return act(cx, call);
    }
    // A refused call changes nothing, and no more does one that only asks.
    let before = cx.region.ec2.clone();
    let answer = act(cx, call).and_then(|answer| match call.dry_run() {
        true => {
            let words = "Request would have succeeded, but DryRun flag is set.";
            Err(Refusal::new("DryRunOperation", words).with_status(412))
        }
        false => Ok(answer),
    });
    if answer.is_err() {
        cx.region.ec2 = before;
    }
    answer
}

/// Answers a read by who has not heard of what was just made.
pub(crate) fn as_seen(
    cx: &mut Context<'_>,
    act: impl FnOnce(&mut Context<'_>) -> Answer,
) -> Answer {
    let after = cx.times.of(|it| it.ec2_seen);
    let act = |cx: &mut Context<'_>| hiding(cx, after, |cx| &mut cx.region.ec2.instances, act);
    let act = |cx: &mut Context<'_>| hiding(cx, after, |cx| &mut cx.region.ec2.groups, act);
    hiding(cx, after, |cx| &mut cx.region.ec2.addresses, act)
}

/// Refuses a call that refers to something so new that even calls that use it have not heard of it. Deletions have: a
/// NotFound in answer to one would say that it is done.
pub(crate) fn check_heard_of(cx: &Context<'_>, call: &Call) -> Result<(), Refusal> {
    let over = ["Delete", "Release", "Terminate"];
    let after = cx.times.of(|it| it.ec2_seen) / 2;
    if after.is_zero() || over.iter().any(|it| call.action.starts_with(it)) {
        return Ok(());
    }
    let ec2 = &cx.region.ec2;
    let unheard = |id: &str, it: &dyn Made| {
        visibility::seen_from(id, it.made(), after) > cx.now && call.mentions(id)
    };
    if let Some((id, _)) = ec2.groups.iter().find(|(id, it)| unheard(id, *it)) {
        return Err(groups::no_such_group(id));
    }
    if let Some((id, _)) = ec2.instances.iter().find(|(id, it)| unheard(id, *it)) {
        return Err(instances::no_such_instance(id));
    }
    match ec2.addresses.iter().find(|(id, it)| unheard(id, *it)) {
        Some((id, _)) => Err(addresses::no_such_allocation(id)),
        None => Ok(()),
    }
}

/// Forgets what is over.
fn sweep(cx: &mut Context<'_>) {
    interfaces::sweep(cx);
    volumes::sweep(cx);
    instances::sweep(cx);
}

/// What is there.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let ec2 = &cx.region.ec2;
    let made = |group: &str| ec2.groups.get(group).is_some_and(|it| it.name != "default");
    let groups = ec2.groups.iter().filter(|(id, _)| made(id));
    let rules = ec2.rules.iter().filter(|(_, it)| made(&it.group));
    let instances = ec2.instances.iter().filter(|(_, it)| !it.is_terminated(cx.now));
    let volumes = ec2.volumes.iter().filter(|(_, it)| !it.is_gone(cx.now));
    let vpcs = ec2.vpcs.iter().filter(|(_, it)| !it.default);
    let subnets = ec2.subnets.iter().filter(|(_, it)| !it.default);
    let interfaces = ec2.interfaces.iter().filter(|(_, it)| !it.is_gone(cx.now));
    vec![
        ("security_groups", list(groups, |id, it| json!({ "GroupId": id, "GroupName": it.name }))),
        (
            "security_group_rules",
            list(
                rules,
                |id, it| json!({ "SecurityGroupRuleId": id, "GroupId": it.group, "IsEgress": it.egress }),
            ),
        ),
        (
            "instances",
            list(instances, |id, it| {
                let state = it.state(cx.now);
                json!({ "InstanceId": id, "State": { "Code": state.code(), "Name": state.name() } })
            }),
        ),
        ("volumes", list(volumes, |id, it| json!({ "VolumeId": id, "Size": it.size }))),
        (
            "addresses",
            list(ec2.addresses.iter(), |id, it| json!({ "AllocationId": id, "PublicIp": it.ip })),
        ),
        (
            "key_pairs",
            list(ec2.keys.iter(), |id, it| json!({ "KeyPairId": id, "KeyName": it.name })),
        ),
        ("vpcs", list(vpcs, |id, it| json!({ "VpcId": id, "CidrBlock": it.cidr }))),
        ("subnets", list(subnets, |id, it| json!({ "SubnetId": id, "CidrBlock": it.cidr }))),
        (
            "network_interfaces",
            list(
                interfaces,
                |id, it| json!({ "NetworkInterfaceId": id, "Description": it.description }),
            ),
        ),
    ]
}

/// Everything with tags, by ARN.
pub(crate) fn tagged(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let ec2 = &cx.region.ec2;
    let gone = |id: &str| ec2.volumes.get(id).is_some_and(|it| it.is_gone(cx.now));
    let tags = ec2.tags.iter().filter(|(id, tags)| !tags.is_empty() && !gone(id));
    let named = tags.filter_map(|(id, tags)| Some((tags::kind_of(id)?, id, tags)));
    named.map(|(kind, id, tags)| (cx.arn("ec2", &format!("{kind}/{id}")), tags.clone())).collect()
}

fn list<'a, T: 'a>(
    all: impl Iterator<Item = (&'a String, &'a T)>,
    show: impl Fn(&str, &T) -> Value,
) -> Vec<Value> {
    all.map(|(id, it)| show(id, it)).collect()
}
