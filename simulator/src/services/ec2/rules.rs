//! Rules of security groups, each a thing with an id of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    filters::{Asked, Findable, ReadFound},
    groups::{check_text, no_such_group},
    permissions::{self, Permission, masked, protocol, rules_of},
    tags::{self, Specification},
};
use crate::{
    call::Call,
    refusal::{Answer, Refusal},
    world::Context,
};

/// Most rules of a group in one direction.
const MOST: usize = 60;

/// What traffic passes. Exactly one of the peers is there.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Rule {
    pub(super) group: String,
    pub(super) egress: bool,
    pub(super) protocol: String,
    pub(super) ports: Option<(i32, i32)>,
    pub(super) cidr_v4: Option<String>,
    pub(super) cidr_v6: Option<String>,
    /// A security group.
    pub(super) peer: Option<String>,
    pub(super) description: Option<String>,
}

impl Rule {
    /// All traffic with everybody, by IPv4.
    pub(super) fn everything(group: &str, egress: bool) -> Self {
        Self {
            group: group.to_owned(),
            egress,
            protocol: "-1".to_owned(),
            ports: None,
            cidr_v4: Some("0.0.0.0/0".to_owned()),
            cidr_v6: None,
            peer: None,
            description: None,
        }
    }

    /// Whether it lets the same traffic through; what is said about it does not count.
    fn same_as(&self, other: &Self) -> bool {
        let plain = |it: &Self| Self { description: None, ..it.clone() };
        plain(self) == plain(other)
    }

    fn in_words(&self) -> String {
        let peer = self.cidr_v4.as_ref().or(self.cidr_v6.as_ref()).or(self.peer.as_ref());
        let peer = peer.cloned().unwrap_or_default();
        match self.ports {
            Some((from, to)) => {
                format!(
                    "peer: {peer}, {}, from port: {from}, to port: {to}, ALLOW",
                    self.protocol.to_uppercase()
                )
            }
            None => format!("peer: {peer}, ALL, ALLOW"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Authorize {
    group_id: String,
    #[serde(default)]
    ip_permissions: Vec<Permission>,
    // The short form, of one permission.
    ip_protocol: Option<String>,
    from_port: Option<i32>,
    to_port: Option<i32>,
    cidr_ip: Option<String>,
    #[serde(default)]
    tag_specification: Vec<Specification>,
}

pub(super) fn authorize_ingress(cx: &mut Context<'_>, call: &Call) -> Answer {
    authorize(cx, call, false)
}

pub(super) fn authorize_egress(cx: &mut Context<'_>, call: &Call) -> Answer {
    authorize(cx, call, true)
}

fn authorize(cx: &mut Context<'_>, call: &Call, egress: bool) -> Answer {
    let input: Authorize = call.input()?;
    let [tags] = tags::given(&input.tag_specification, ["security-group-rule"])?;
    let group = input.group_id;
    let vpc = cx.region.ec2.groups.get(&group).ok_or_else(|| no_such_group(&group))?.vpc.clone();
    let short = (input.ip_protocol, (input.from_port, input.to_port), input.cidr_ip);
    let new = rules_of(&group, egress, &permissions(input.ip_permissions, short, egress)?)?;
    if new.is_empty() {
        return Err(Refusal::new(
            "MissingParameter",
            "Either 'ipPermissions' or 'SourceSecurityGroupName' should be provided.",
        ));
    }
    for (number, rule) in new.iter().enumerate() {
        check(cx, rule, &vpc)?;
        if new[..number].iter().any(|it| it.same_as(rule)) {
            let words = "The same permission must not appear multiple times";
            return Err(Refusal::new("InvalidParameterValue", words));
        }
        if cx.region.ec2.rules.values().any(|it| it.same_as(rule)) {
            let words = format!("the specified rule \"{}\" already exists", rule.in_words());
            return Err(Refusal::new("InvalidPermission.Duplicate", words));
        }
    }
    let there = cx.region.ec2.rules.values().filter(|it| it.group == group && it.egress == egress);
    let all: Vec<&Rule> = there.chain(&new).collect();
    // IPv4 and IPv6 are counted apart, and a rule for a group in both.
    let v4 = all.iter().filter(|it| it.cidr_v6.is_none()).count();
    let v6 = all.iter().filter(|it| it.cidr_v4.is_none()).count();
    if v4.max(v6) > MOST {
        let words = "The maximum number of rules per security group has been reached.";
        return Err(Refusal::new("RulesPerSecurityGroupLimitExceeded", words));
    }
    let mut shown = Vec::new();
    for rule in new {
        let id = format!("sgr-{}", cx.chance.hex(17));
        shown.push(show(cx, &id, &rule, &tags));
        cx.region.ec2.rules.insert(id.clone(), rule);
        cx.region.ec2.tags.insert(id, tags.clone());
    }
    Ok(json!({ "return": true, "securityGroupRuleSet": shown }))
}

/// Protocol, ports and range of addresses of the short form.
type Short = (Option<String>, (Option<i32>, Option<i32>), Option<String>);

/// The permissions of a call, which has them in the one form or in the other.
fn permissions(
    given: Vec<Permission>,
    short: Short,
    egress: bool,
) -> Result<Vec<Permission>, Refusal> {
    let refuse = |code: &str, words: &str| Err(Refusal::new(code, words));
    match short {
        (None, (None, None), None) => Ok(given),
        _ if egress => {
            refuse("InvalidParameterValue", "Only ipPermissions are supported for egress rules.")
        }
        _ if !given.is_empty() => refuse(
            "InvalidParameterCombination",
            "The parameter 'ipPermissions' may not be used in combination with 'ipProtocol'",
        ),
        (Some(protocol), ports, Some(cidr)) => {
            Ok(vec![Permission::with_range(protocol, ports, cidr)])
        }
        (None, ..) => {
            refuse("MissingParameter", "The request must contain the parameter ipProtocol")
        }
        (_, _, None) => refuse(
            "MissingParameter",
            "Either 'cidrIp' or 'SourceSecurityGroupName' should be provided.",
        ),
    }
}

fn check(cx: &Context<'_>, rule: &Rule, vpc: &str) -> Result<(), Refusal> {
    let malformed = |words: String| Refusal::new("InvalidParameterValue", words);
    if let Some((from, to)) = rule.ports
        && matches!(rule.protocol.as_str(), "tcp" | "udp")
        && !(0 <= from && from <= to && to <= 65535)
    {
        return Err(malformed(format!("Invalid value for portRange: {from}-{to}")));
    }
    if let Some(cidr) = &rule.cidr_v4
        && cidr.parse::<ipnet::Ipv4Net>().is_err()
    {
        return Err(malformed(format!("CIDR block {cidr} is malformed")));
    }
    if let Some(cidr) = &rule.cidr_v6
        && cidr.parse::<ipnet::Ipv6Net>().is_err()
    {
        return Err(malformed(format!("CIDR block {cidr} is malformed")));
    }
    if let Some(peer) = &rule.peer {
        let group = cx.region.ec2.groups.get(peer);
        if group.is_none_or(|it| it.vpc != vpc) {
            return Err(no_such_group(peer));
        }
    }
    match &rule.description {
        Some(description) if !description.is_empty() => check_text("description", description),
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Revoke {
    group_id: String,
    #[serde(default)]
    security_group_rule_id: Vec<String>,
    #[serde(default)]
    ip_permissions: Vec<Permission>,
}

pub(super) fn revoke_ingress(cx: &mut Context<'_>, call: &Call) -> Answer {
    revoke(cx, call, false)
}

pub(super) fn revoke_egress(cx: &mut Context<'_>, call: &Call) -> Answer {
    revoke(cx, call, true)
}

fn revoke(cx: &mut Context<'_>, call: &Call, egress: bool) -> Answer {
    let input: Revoke = call.input()?;
    let group = input.group_id;
    let ec2 = &mut cx.region.ec2;
    if !ec2.groups.contains_key(&group) {
        return Err(no_such_group(&group));
    }
    let in_default = ec2.groups.get(&group).and_then(|it| ec2.vpcs.get(&it.vpc));
    let in_default = in_default.is_some_and(|it| it.default);
    let mut doomed = Vec::new();
    for id in input.security_group_rule_id {
        let ours = ec2.rules.get(&id).is_some_and(|it| it.group == group && it.egress == egress);
        if !ours {
            return Err(no_such_rule(&id));
        }
        doomed.push(id);
    }
    // In a default VPC, a rule that is not there is no error if it is named by what it says.
    let mut unknown = Vec::new();
    for rule in rules_of(&group, egress, &input.ip_permissions)? {
        match ec2.rules.iter().find(|(_, it)| it.same_as(&rule)) {
            Some((id, _)) => doomed.push(id.clone()),
            None if !in_default => {
                let words = "The specified rule does not exist in this security group.";
                return Err(Refusal::new("InvalidPermission.NotFound", words));
            }
            None => unknown.push(rule),
        }
    }
    for id in doomed {
        ec2.rules.remove(&id);
        ec2.tags.remove(&id);
    }
    let unknown = permissions::shown(unknown.iter(), cx.account);
    Ok(json!({ "return": true, "unknownIpPermissionSet": unknown }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Modify {
    group_id: String,
    security_group_rule: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Change {
    security_group_rule_id: String,
    security_group_rule: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Content {
    ip_protocol: String,
    from_port: Option<i32>,
    to_port: Option<i32>,
    cidr_ipv4: Option<String>,
    cidr_ipv6: Option<String>,
    referenced_group_id: Option<String>,
    description: Option<String>,
}

/// Everything but the sort of the peer can be changed.
pub(super) fn modify(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Modify = call.input()?;
    let group = cx.region.ec2.groups.get(&input.group_id);
    let vpc = group.ok_or_else(|| no_such_group(&input.group_id))?.vpc.clone();
    for Change { security_group_rule_id: id, security_group_rule: to } in input.security_group_rule
    {
        let old = cx.region.ec2.rules.get(&id).filter(|it| it.group == input.group_id);
        let old = old.ok_or_else(|| no_such_rule(&id))?.clone();
        let protocol = protocol(&to.ip_protocol)?;
        let ports = if protocol == "-1" { None } else { to.from_port.zip(to.to_port) };
        let new = Rule {
            protocol,
            ports,
            cidr_v4: to.cidr_ipv4.as_deref().map(masked),
            cidr_v6: to.cidr_ipv6.as_deref().map(masked),
            peer: to.referenced_group_id,
            description: to.description.filter(|it| !it.is_empty()),
            ..old.clone()
        };
        let sort = |it: &Rule| (it.cidr_v4.is_some(), it.cidr_v6.is_some(), it.peer.is_some());
        if sort(&new) != sort(&old) {
            let words = "You may not change the source type of a security group rule.";
            return Err(Refusal::new("InvalidParameterValue", words));
        }
        check(cx, &new, &vpc)?;
        let mut others = cx.region.ec2.rules.iter().filter(|(other, _)| **other != id);
        if others.any(|(_, it)| it.same_as(&new)) {
            let words = format!("the specified rule \"{}\" already exists", new.in_words());
            return Err(Refusal::new("InvalidPermission.Duplicate", words));
        }
        cx.region.ec2.rules.insert(id, new);
    }
    Ok(json!({ "return": true }))
}

impl Findable for Rule {
    fn named(filter: &str) -> Option<ReadFound<Self>> {
        let read: ReadFound<Self> = match filter {
            "group-id" => |it| vec![it.it.group.clone()],
            "security-group-rule-id" => |it| vec![it.id.to_owned()],
            _ => return None,
        };
        Some(read)
    }
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "SecurityGroupRuleId")?;
    let (page, next) = asked.among(ec2, &ec2.rules, no_such_rule, |_, _| ())?;
    let shown: Vec<_> = page.iter().map(|it| show(cx, it.id, it.it, &it.tags)).collect();
    Ok(json!({ "securityGroupRuleSet": shown, "nextToken": next }))
}

fn show(cx: &Context<'_>, id: &str, rule: &Rule, tags: &BTreeMap<String, String>) -> Value {
    let any_port = (rule.protocol == "-1").then_some(-1);
    json!({
        "securityGroupRuleId": id,
        "groupId": rule.group,
        "groupOwnerId": cx.account,
        "isEgress": rule.egress,
        "ipProtocol": rule.protocol,
        "fromPort": rule.ports.map(|it| it.0).or(any_port),
        "toPort": rule.ports.map(|it| it.1).or(any_port),
        "cidrIpv4": rule.cidr_v4,
        "cidrIpv6": rule.cidr_v6,
        "referencedGroupInfo": rule.peer.as_ref().map(|it| json!({ "groupId": it, "userId": cx.account })),
        "description": rule.description,
        "securityGroupRuleArn": cx.arn("ec2", &format!("security-group-rule/{id}")),
        "tagSet": tags::shown(tags),
    })
}

fn no_such_rule(id: &str) -> Refusal {
    let words = format!("The security group rule ID '{id}' does not exist");
    Refusal::new("InvalidSecurityGroupRuleId.NotFound", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_a_rule_makes_it_no_other() {
        let one = Rule::everything("sg-1", true);
        let said = Rule { description: Some("to everybody".to_owned()), ..one.clone() };
        assert!(said.same_as(&one) && !one.same_as(&Rule::everything("sg-1", false)));
    }
}
