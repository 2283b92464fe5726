//! Security groups.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Ec2,
    filters::{Asked, Findable, Found, ReadFound},
    network::{no_default_network, no_such_vpc},
    permissions,
    rules::Rule,
    tags::{self, Specification},
};
use crate::{
    call::Call,
    chance::Chance,
    clock::Time,
    refusal::{Answer, Refusal},
    visibility::Made,
    world::Context,
};

/// A security group.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Group {
    #[serde(default)]
    pub(super) made: Time,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) vpc: String,
}

impl Made for Group {
    fn made(&self) -> Time {
        self.made
    }
}

/// The default group of a VPC: its members reach each other and everything.
pub(super) fn lay(ec2: &mut Ec2, vpc: &str, chance: &mut Chance) {
    let id = format!("sg-{}", chance.hex(17));
    let group = Group {
        made: Time::default(),
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        vpc: vpc.to_owned(),
    };
    ec2.groups.insert(id.clone(), group);
    let mut from_itself = Rule::everything(&id, false);
    (from_itself.cidr_v4, from_itself.peer) = (None, Some(id.clone()));
    ec2.rules.insert(format!("sgr-{}", chance.hex(17)), from_itself);
    ec2.rules.insert(format!("sgr-{}", chance.hex(17)), Rule::everything(&id, true));
}

/// The VPC of a security group, if there is one.
pub(crate) fn security_group_vpc(cx: &Context<'_>, id: &str) -> Option<String> {
    cx.region.ec2.groups.get(id).map(|it| it.vpc.clone())
}

/// The default security group of a VPC.
pub(crate) fn default_security_group(cx: &Context<'_>, vpc: &str) -> Option<String> {
    let mut groups = cx.region.ec2.groups.iter();
    groups.find(|(_, it)| it.vpc == vpc && it.name == "default").map(|(id, _)| id.clone())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    group_name: String,
    group_description: String,
    vpc_id: Option<String>,
    #[serde(default)]
    tag_specification: Vec<Specification>,
}

pub(super) fn create(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Create = call.input()?;
    let [tags] = tags::given(&input.tag_specification, ["security-group"])?;
    let ec2 = &mut cx.region.ec2;
    let default = || ec2.vpcs.iter().find(|(_, it)| it.default).map(|(id, _)| id.clone());
    let vpc = input.vpc_id.or_else(default).ok_or_else(no_default_network)?;
    if !ec2.vpcs.contains_key(&vpc) {
        return Err(no_such_vpc(&vpc));
    }
    check_text("GroupName", &input.group_name)?;
    check_text("GroupDescription", &input.group_description)?;
    if input.group_name.starts_with("sg-") {
        let words = format!(
            "Value ({}) for parameter GroupName is invalid. Group names may not be in the format sg-*",
            input.group_name
        );
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    if ec2.groups.values().any(|it| it.vpc == vpc && it.name == input.group_name) {
        let words =
            format!("The security group '{}' already exists for VPC '{vpc}'", input.group_name);
        return Err(Refusal::new("InvalidGroup.Duplicate", words));
    }
    let id = format!("sg-{}", cx.chance.hex(17));
    let group =
        Group { made: cx.now, name: input.group_name, description: input.group_description, vpc };
    ec2.groups.insert(id.clone(), group);
    ec2.rules.insert(format!("sgr-{}", cx.chance.hex(17)), Rule::everything(&id, true));
    ec2.tags.insert(id.clone(), tags.clone());
    let arn = cx.arn("ec2", &format!("security-group/{id}"));
    Ok(json!({ "groupId": id, "tagSet": tags::shown(&tags), "securityGroupArn": arn }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    group_id: String,
}

pub(super) fn delete(cx: &mut Context<'_>, call: &Call) -> Answer {
    let Delete { group_id: id } = call.input()?;
    let ec2 = &mut cx.region.ec2;
    let group = ec2.groups.get(&id).ok_or_else(|| no_such_group(&id))?;
    if group.name == "default" {
        let words =
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(Refusal::new("CannotDelete", words));
    }
    let referred = ec2.rules.values().any(|it| it.group != id && it.peer.as_ref() == Some(&id));
    let used = ec2.interfaces.values().any(|it| it.groups.contains(&id) && !it.is_gone(cx.now));
    if referred || used {
        let words = format!("resource {id} has a dependent object");
        return Err(Refusal::new("DependencyViolation", words));
    }
    remove(ec2, &id);
    Ok(json!({ "return": true, "groupId": id }))
}

/// Takes a group away, with its rules.
pub(super) fn remove(ec2: &mut Ec2, id: &str) {
    ec2.groups.remove(id);
    ec2.tags.remove(id);
    let own = ec2.rules.iter().filter(|(_, it)| it.group == id);
    let own: Vec<String> = own.map(|(id, _)| id.clone()).collect();
    for rule in own {
        ec2.rules.remove(&rule);
        ec2.tags.remove(&rule);
    }
}

/// A group with its rules.
type FoundGroup<'a, 'r> = Found<'a, Group, Vec<&'r Rule>>;

impl FoundGroup<'_, '_> {
    fn peers(&self, egress: bool) -> Vec<String> {
        let rules = self.more.iter().filter(|it| it.egress == egress);
        rules.filter_map(|it| it.peer.clone()).collect()
    }
}

impl<'r> Findable<Vec<&'r Rule>> for Group {
    fn named(filter: &str) -> Option<ReadFound<Self, Vec<&'r Rule>>> {
        let read: ReadFound<Self, Vec<&'r Rule>> = match filter {
            "group-id" => |it| vec![it.id.to_owned()],
            "group-name" => |it| vec![it.it.name.clone()],
            "description" => |it| vec![it.it.description.clone()],
            "vpc-id" => |it| vec![it.it.vpc.clone()],
            "ip-permission.group-id" => |it| it.peers(false),
            "egress.ip-permission.group-id" => |it| it.peers(true),
            _ => return None,
        };
        Some(read)
    }
    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let rules_of = |id: &str| ec2.rules.values().filter(|it| it.group == id).collect();
    let asked = Asked::of_named(call, "GroupId", "GroupName")?;
    let (page, next) = asked.among(ec2, &ec2.groups, no_such_group, |id, _| rules_of(id))?;
    let shown: Vec<Value> = page
        .iter()
        .map(|Found { id, it: group, more: rules, tags }| {
            let permissions = |egress: bool| {
                permissions::shown(
                    rules.iter().filter(|it| it.egress == egress).copied(),
                    cx.account,
                )
            };
            json!({
                "ownerId": cx.account,
                "groupId": id,
                "groupName": group.name,
                "groupDescription": group.description,
                "vpcId": group.vpc,
                "securityGroupArn": cx.arn("ec2", &format!("security-group/{id}")),
                "ipPermissions": permissions(false),
                "ipPermissionsEgress": permissions(true),
                "tagSet": tags::shown(tags),
            })
        })
        .collect();
    Ok(json!({ "securityGroupInfo": shown, "nextToken": next }))
}

pub(super) fn no_such_group(id: &str) -> Refusal {
    if !id.starts_with("sg-") {
        let words = format!("Invalid id: \"{id}\" (expecting \"sg-...\")");
        return Refusal::new("InvalidGroupId.Malformed", words);
    }
    Refusal::new("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"))
}

/// Up to 255 characters of those that a VPC's groups may have.
pub(super) fn check_text(parameter: &str, text: &str) -> Result<(), Refusal> {
    const OTHERS: &str = " ._-:/()#,@[]+=&;{}!$*";
    let legal = |it: char| it.is_ascii_alphanumeric() || OTHERS.contains(it);
    if !text.is_empty() && text.len() <= 255 && text.chars().all(legal) {
        return Ok(());
    }
    let words = format!(
        "Value ({text}) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported."
    );
    Err(Refusal::new("InvalidParameterValue", words))
}
