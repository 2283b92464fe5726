//! Rules of security groups, each a thing with an id of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    filters::{Asked, Findable, ReadFound},
    groups::{check_text, no_such_group},
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

/// Rules in the old form, where those of the same protocol and ports are one permission.
pub(super) fn permissions<'a>(rules: impl Iterator<Item = &'a Rule>, account: &str) -> Vec<Value> {
    let mut all: BTreeMap<_, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        all.entry((rule.protocol.clone(), rule.ports)).or_default().push(rule);
    }
    let shown = all.into_iter().map(|((protocol, ports), rules)| {
        let v4 = rules.iter().filter_map(|it| {
            Some(json!({ "cidrIp": it.cidr_v4.as_ref()?, "description": it.description }))
        });
        let v6 = rules.iter().filter_map(|it| {
            Some(json!({ "cidrIpv6": it.cidr_v6.as_ref()?, "description": it.description }))
        });
        let groups = rules.iter().filter_map(|it| {
            let group = it.peer.as_ref()?;
            Some(json!({ "groupId": group, "userId": account, "description": it.description }))
        });
        json!({
            "ipProtocol": protocol,
            "fromPort": ports.map(|it| it.0),
            "toPort": ports.map(|it| it.1),
            "ipRanges": v4.collect::<Vec<_>>(),
            "ipv6Ranges": v6.collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(),
            "prefixListIds": [],
        })
    });
    shown.collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Authorize {
    group_id: String,
    #[serde(default)]
    ip_permissions: Vec<Permission>,
    #[serde(default)]
    tag_specification: Vec<Specification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Permission {
    ip_protocol: String,
    from_port: Option<i32>,
    to_port: Option<i32>,
    #[serde(default)]
    ip_ranges: Vec<RangeV4>,
    #[serde(default)]
    ipv6_ranges: Vec<RangeV6>,
    #[serde(default)]
    groups: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RangeV4 {
    cidr_ip: String,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RangeV6 {
    cidr_ipv6: String,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Pair {
    group_id: String,
    /// The account; ours is the only one.
    #[serde(rename = "UserId")]
    _user_id: Option<String>,
    description: Option<String>,
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
    let new = rules_of(&group, egress, &input.ip_permissions)?;
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

/// One for each peer of each permission.
fn rules_of(group: &str, egress: bool, permissions: &[Permission]) -> Result<Vec<Rule>, Refusal> {
    let mut rules = Vec::new();
    for it in permissions {
        let protocol = protocol(&it.ip_protocol)?;
        let ports = match (protocol.as_str(), it.from_port, it.to_port) {
            ("-1", _, _) => None,
            (_, Some(from), Some(to)) => Some((from, to)),
            _ => {
                let words = "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.";
                return Err(Refusal::new("InvalidParameterValue", words));
            }
        };
        let base = Rule { protocol, ports, cidr_v4: None, ..Rule::everything(group, egress) };
        rules.extend(it.ip_ranges.iter().map(|range| Rule {
            cidr_v4: Some(masked(&range.cidr_ip)),
            description: range.description.clone(),
            ..base.clone()
        }));
        rules.extend(it.ipv6_ranges.iter().map(|range| Rule {
            cidr_v6: Some(masked(&range.cidr_ipv6)),
            description: range.description.clone(),
            ..base.clone()
        }));
        rules.extend(it.groups.iter().map(|pair| Rule {
            peer: Some(pair.group_id.clone()),
            description: pair.description.clone(),
            ..base.clone()
        }));
    }
    Ok(rules)
}

/// EC2 takes bits behind the prefix, and forgets them.
fn masked(cidr: &str) -> String {
    cidr.parse::<ipnet::IpNet>().map_or_else(|_| cidr.to_owned(), |it| it.trunc().to_string())
}

/// By name or by number, as EC2 shows it.
fn protocol(text: &str) -> Result<String, Refusal> {
    Ok(match text {
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "icmp" | "1" => "icmp",
        "icmpv6" | "58" => "icmpv6",
        "-1" | "all" => "-1",
        _ => {
            let words = format!("Invalid value '{text}' for IP protocol. Unknown protocol.");
            return Err(Refusal::new("InvalidParameterValue", words));
        }
    }
    .to_owned())
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
    let mut doomed = Vec::new();
    for id in input.security_group_rule_id {
        let ours = ec2.rules.get(&id).is_some_and(|it| it.group == group && it.egress == egress);
        if !ours {
            return Err(no_such_rule(&id));
        }
        doomed.push(id);
    }
    // In a default VPC, and there is no other, a rule that is not there is no error if it is named by what it says.
    let mut unknown = Vec::new();
    for rule in rules_of(&group, egress, &input.ip_permissions)? {
        match ec2.rules.iter().find(|(_, it)| it.same_as(&rule)) {
            Some((id, _)) => doomed.push(id.clone()),
            None => unknown.push(rule),
        }
    }
    for id in doomed {
        ec2.rules.remove(&id);
        ec2.tags.remove(&id);
    }
    let unknown = permissions(unknown.iter(), cx.account);
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
    fn what_is_behind_the_prefix_is_forgotten() {
        assert_eq!(masked("203.0.113.7/24"), "203.0.113.0/24");
        assert_eq!(masked("2001:0db8::1/32"), "2001:db8::/32");
        assert_eq!(masked("203.0.113.7/33"), "203.0.113.7/33");
    }

    #[test]
    fn what_is_said_about_a_rule_makes_it_no_other() {
        let one = Rule::everything("sg-1", true);
        let said = Rule { description: Some("to everybody".to_owned()), ..one.clone() };
        assert!(said.same_as(&one) && !one.same_as(&Rule::everything("sg-1", false)));
    }

    #[test]
    fn rules_of_the_same_ports_are_one_permission() {
        let v4 = Rule::everything("sg-1", true);
        let v6 = Rule { cidr_v4: None, cidr_v6: Some("::/0".to_owned()), ..v4.clone() };
        let shown = permissions([&v4, &v6].into_iter(), "123456789012");
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0]["ipv6Ranges"][0]["cidrIpv6"], "::/0");
    }
}
