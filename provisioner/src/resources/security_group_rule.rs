//! Security group rule: what one peer may send to, or get from, the members of a security group.

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, ResourceType, SecurityGroupRule as Live,
    SecurityGroupRuleRequest, SecurityGroupRuleUpdate, UserIdGroupPair,
};
use futures::future::try_join;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, ec2},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

/// What EC2 calls all protocols; ports mean nothing then.
const ALL_PROTOCOLS: &str = "-1";

/// One rule of a security group. Compared and changed on its own; a group's other rules do not matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    /// The group it belongs to.
    pub group_id: Output<String>,
    /// Which way the traffic goes that it lets through.
    pub direction: Direction,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol's number, or `-1` for all.
    pub protocol: String,
    /// First port, or ICMP type; `-1` for all.
    pub from_port: i32,
    /// Last port, or ICMP code; `-1` for all.
    pub to_port: i32,
    /// Who is on the other side.
    pub peer: Peer,
    /// What it is for.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
}

/// Which way traffic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the members of the group.
    Ingress,
    /// From the members of the group.
    Egress,
}

/// Who is on the other side of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// Addresses, IPv4 or IPv6, such as `203.0.113.0/24`.
    Cidr(String),
    /// The members of a security group.
    Group(Output<String>),
}

/// What it takes to find and delete a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroupRuleOutputs {
    /// Its id.
    pub id: String,
    /// The group it belongs to.
    pub group_id: String,
    /// Which way the traffic goes that it lets through.
    pub direction: Direction,
}

impl Resource for SecurityGroupRule {
    type Outputs = SecurityGroupRuleOutputs;
    const KIND: Kind = Kind::SecurityGroupRule;
    // ModifySecurityGroupRules changes protocol, ports and description, and a peer only into one of the same sort (not
    // from IPv4 to IPv6 or to a group). A second rule beside the first harms nobody, so any new peer gets a new rule:
    // nobody is locked out in between.
    const REPLACED_BY: &'static [&'static str] = &["group_id", "direction", "peer"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut rule = None;
        if let Some(it) = recorded {
            let request = cloud.ec2.describe_security_group_rules();
            let request = request.filters(ec2::filter("security-group-rule-id", &it.outputs.id));
            rule = request.send().await?.security_group_rules.unwrap_or_default().pop();
        }
        if rule.is_none() {
            rule = self.search(cloud).await?;
        }
        let Some(rule) = rule else {
            return Ok(Found::Nothing);
        };
        // EC2 refuses a second rule of the same content, so an untagged one in our own group has to be ours.
        Ok(Found::Ours(Existing {
            inputs: self.as_found(&rule, recorded),
            outputs: outputs(rule)?,
        }))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let group_id = self.group_id.get()?;
        let permission = self.permission()?;
        let tags = ec2::specification(ResourceType::SecurityGroupRule, &self.tags);
        let rules = match self.direction {
            Direction::Ingress => {
                let request = cloud.ec2.authorize_security_group_ingress().group_id(&group_id);
                request
                    .ip_permissions(permission)
                    .tag_specifications(tags)
                    .send()
                    .await?
                    .security_group_rules
            }
            Direction::Egress => {
                let request = cloud.ec2.authorize_security_group_egress().group_id(&group_id);
                request
                    .ip_permissions(permission)
                    .tag_specifications(tags)
                    .send()
                    .await?
                    .security_group_rules
            }
        };
        let rule = rules.unwrap_or_default().into_iter().next();
        let id = rule.and_then(|it| it.security_group_rule_id);
        let id = id.ok_or_else(|| Error::missing("security group rule id"))?;
        let outputs = SecurityGroupRuleOutputs { id, group_id, direction: self.direction };
        Ok(Existing { inputs: self.clone(), outputs })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<SecurityGroupRuleOutputs> {
        let (old, outputs) = (&existing.inputs, &existing.outputs);
        let content =
            |it: &Self| (it.protocol.clone(), it.from_port, it.to_port, it.description.clone());
        if content(self) != content(old) {
            self.sync_content(outputs, cloud).await?;
        }
        if self.tags != old.tags {
            ec2::sync_tags(&[&outputs.id], &self.tags, &old.tags, cloud).await?;
        }
        Ok(outputs.clone())
    }

    async fn delete(outputs: &SecurityGroupRuleOutputs, cloud: &Cloud) -> Result<Progress> {
        let SecurityGroupRuleOutputs { id, group_id, direction } = outputs;
        match direction {
            Direction::Ingress => {
                let request = cloud.ec2.revoke_security_group_ingress().group_id(group_id);
                request.security_group_rule_ids(id).send().await?;
            }
            Direction::Egress => {
                let request = cloud.ec2.revoke_security_group_egress().group_id(group_id);
                request.security_group_rule_ids(id).send().await?;
            }
        }
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<SecurityGroupRuleOutputs>> {
        let Some(id) = arn.id_of("ec2", "security-group-rule") else { return Ok(None) };
        let request = cloud.ec2.describe_security_group_rules();
        let request = request.filters(ec2::filter("security-group-rule-id", id));
        let found = request.send().await?.security_group_rules.unwrap_or_default().pop();
        found.map(outputs).transpose()
    }
}

impl SecurityGroupRule {
    /// The rule that has our marks, or else the one of the group that says what we want to say. The marks may be on a rule
    /// of another group, which was the right one once.
    async fn search(&self, cloud: &Cloud) -> Result<Option<Live>> {
        let rules = async |filters: Vec<Filter>| -> Result<Vec<Live>> {
            let request = cloud.ec2.describe_security_group_rules().set_filters(Some(filters));
            Ok(request.into_paginator().items().send().try_collect().await?)
        };
        let marked = rules(ec2::marked(&self.tags, cloud));
        let Ok(group) = self.group_id.get() else { return Ok(marked.await?.pop()) };
        let (mut marked, of_group) =
            try_join(marked, rules(vec![ec2::filter("group-id", &group)])).await?;
        // Ours last: another one is no more than what is left of it.
        marked.sort_by_key(|it| it.group_id() == Some(&group));
        Ok(marked.pop().or_else(|| of_group.into_iter().find(|it| self.says_the_same_as(it))))
    }

    fn says_the_same_as(&self, rule: &Live) -> bool {
        let found = self.as_found(rule, None);
        found.direction == self.direction
            && found.protocol == self.protocol
            && (found.from_port, found.to_port) == (self.from_port, self.to_port)
            && found.peer == self.peer
    }

    /// A live rule, in our own words wherever it says what we say.
    fn as_found(&self, rule: &Live, recorded: Option<&Existing<Self>>) -> Self {
        let protocol = rule.ip_protocol().unwrap_or(ALL_PROTOCOLS);
        let same_protocol = canonical_protocol(protocol) == canonical_protocol(&self.protocol);
        let any_port = same_protocol && canonical_protocol(protocol) == ALL_PROTOCOLS;
        let port = |ours: i32, live: Option<i32>| if any_port { ours } else { live.unwrap_or(-1) };
        let peer = peer(rule);
        Self {
            group_id: rule.group_id().unwrap_or_default().into(),
            direction: direction(rule),
            protocol: if same_protocol { self.protocol.clone() } else { protocol.to_owned() },
            from_port: port(self.from_port, rule.from_port()),
            to_port: port(self.to_port, rule.to_port()),
            peer: if same_peer(&peer, &self.peer) { self.peer.clone() } else { peer },
            description: rule.description().unwrap_or_default().to_owned(),
            tags: ec2::found(rule.tags()).of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
        }
    }

    fn permission(&self) -> Result<IpPermission> {
        let permission = IpPermission::builder().ip_protocol(&self.protocol);
        let permission = permission.from_port(self.from_port).to_port(self.to_port);
        // An empty description is none.
        let description = Some(self.description.clone()).filter(|it| !it.is_empty());
        Ok(match &self.peer {
            Peer::Cidr(cidr) if cidr.contains(':') => {
                let range =
                    Ipv6Range::builder().cidr_ipv6(cidr).set_description(description).build();
                permission.ipv6_ranges(range).build()
            }
            Peer::Cidr(cidr) => {
                let range = IpRange::builder().cidr_ip(cidr).set_description(description).build();
                permission.ip_ranges(range).build()
            }
            Peer::Group(group) => {
                let pair = UserIdGroupPair::builder()
                    .group_id(group.get()?)
                    .set_description(description)
                    .build();
                permission.user_id_group_pairs(pair).build()
            }
        })
    }

    async fn sync_content(&self, outputs: &SecurityGroupRuleOutputs, cloud: &Cloud) -> Result<()> {
        let rule = SecurityGroupRuleRequest::builder()
            .ip_protocol(&self.protocol)
            .description(&self.description);
        let rule = rule.from_port(self.from_port).to_port(self.to_port);
        let rule = match &self.peer {
            Peer::Cidr(cidr) if cidr.contains(':') => rule.cidr_ipv6(cidr),
            Peer::Cidr(cidr) => rule.cidr_ipv4(cidr),
            Peer::Group(group) => rule.referenced_group_id(group.get()?),
        };
        let update = SecurityGroupRuleUpdate::builder().security_group_rule_id(&outputs.id);
        let update = update.security_group_rule(rule.build()).build();
        let request = cloud.ec2.modify_security_group_rules().group_id(&outputs.group_id);
        request.security_group_rules(update).send().await?;
        Ok(())
    }
}

fn outputs(rule: Live) -> Result<SecurityGroupRuleOutputs> {
    Ok(SecurityGroupRuleOutputs {
        direction: direction(&rule),
        group_id: rule.group_id.ok_or_else(|| Error::missing("security group id"))?,
        id: rule.security_group_rule_id.ok_or_else(|| Error::missing("security group rule id"))?,
    })
}

fn direction(rule: &Live) -> Direction {
    if rule.is_egress().unwrap_or_default() { Direction::Egress } else { Direction::Ingress }
}

fn peer(rule: &Live) -> Peer {
    match rule.referenced_group_info().and_then(|it| it.group_id()) {
        Some(group) => Peer::Group(group.into()),
        None => {
            // We never ask for a prefix list; somebody else's is shown by its id.
            let cidr = rule.cidr_ipv4().or(rule.cidr_ipv6()).or(rule.prefix_list_id());
            Peer::Cidr(cidr.unwrap_or_default().to_owned())
        }
    }
}

/// EC2 clears the bits behind the prefix and writes IPv6 in its own way.
fn same_peer(one: &Peer, other: &Peer) -> bool {
    let network = |it: &str| it.parse::<IpNet>().map(|it| it.trunc());
    match (one, other) {
        (Peer::Cidr(one), Peer::Cidr(other)) => {
            one == other
                || network(one).is_ok_and(|it| network(other).is_ok_and(|other| it == other))
        }
        (Peer::Group(one), Peer::Group(other)) => one == other,
        _ => false,
    }
}

/// EC2 gives the common protocols' names, whether it was told the name or the number.
fn canonical_protocol(protocol: &str) -> String {
    let name = match protocol.to_ascii_lowercase().as_str() {
        "all" | ALL_PROTOCOLS => ALL_PROTOCOLS,
        "1" => "icmp",
        "6" => "tcp",
        "17" => "udp",
        "58" => "icmpv6",
        other => return other.to_owned(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::ReferencedSecurityGroup;

    fn rule(protocol: &str, ports: (i32, i32), peer: Peer) -> SecurityGroupRule {
        SecurityGroupRule {
            group_id: "sg-1".into(),
            direction: Direction::Ingress,
            protocol: protocol.to_owned(),
            from_port: ports.0,
            to_port: ports.1,
            peer,
            description: String::new(),
            tags: Tags::default(),
        }
    }

    #[test]
    fn a_rule_is_known_by_what_it_says() {
        let live = |protocol: &str, ports: (i32, i32)| {
            let live = Live::builder().group_id("sg-1").is_egress(false).ip_protocol(protocol);
            live.from_port(ports.0).to_port(ports.1)
        };
        let cidr = |it: &str| Peer::Cidr(it.to_owned());
        let v4 = live("tcp", (22, 22)).cidr_ipv4("203.0.113.0/24").build();
        assert!(rule("6", (22, 22), cidr("203.0.113.7/24")).says_the_same_as(&v4));
        assert!(!rule("6", (22, 23), cidr("203.0.113.7/24")).says_the_same_as(&v4));
        assert!(!rule("udp", (22, 22), cidr("203.0.113.7/24")).says_the_same_as(&v4));
        assert!(!rule("tcp", (22, 22), cidr("203.0.113.7/32")).says_the_same_as(&v4));
        let v6 = live("-1", (-1, -1)).cidr_ipv6("2001:db8::/32").build();
        assert!(rule("-1", (0, 0), cidr("2001:0db8:0::/32")).says_the_same_as(&v6));
        let group = ReferencedSecurityGroup::builder().group_id("sg-2").build();
        let group = live("tcp", (80, 80)).referenced_group_info(group).build();
        assert!(rule("tcp", (80, 80), Peer::Group("sg-2".into())).says_the_same_as(&group));
        assert!(!rule("tcp", (80, 80), Peer::Group("sg-3".into())).says_the_same_as(&group));
        assert!(!rule("tcp", (80, 80), cidr("sg-2")).says_the_same_as(&group));
        assert!(
            !rule("tcp", (80, 80), cidr("0.0.0.0/0")).says_the_same_as(&Live::builder().build())
        );
    }
}
