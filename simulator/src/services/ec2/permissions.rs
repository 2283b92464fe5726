//! Permissions: rules as the older calls write them, those of the same protocol and ports together.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::rules::Rule;
use crate::refusal::Refusal;

/// Rules in the old form, where those of the same protocol and ports are one permission.
pub(super) fn shown<'a>(rules: impl Iterator<Item = &'a Rule>, account: &str) -> Vec<Value> {
    let mut all: BTreeMap<_, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        all.entry((rule.protocol.clone(), rule.ports)).or_default().push(rule);
    }
    let permissions = all.into_iter().map(|((protocol, ports), rules)| {
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
    permissions.collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Permission {
    pub(super) ip_protocol: String,
    pub(super) from_port: Option<i32>,
    pub(super) to_port: Option<i32>,
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

impl Permission {
    /// With one range of addresses.
    pub(super) fn with_range(
        ip_protocol: String,
        ports: (Option<i32>, Option<i32>),
        cidr_ip: String,
    ) -> Self {
        Self {
            ip_protocol,
            from_port: ports.0,
            to_port: ports.1,
            ip_ranges: vec![RangeV4 { cidr_ip, description: None }],
            ipv6_ranges: Vec::new(),
            groups: Vec::new(),
        }
    }
}

/// One for each peer of each permission.
pub(super) fn rules_of(
    group: &str,
    egress: bool,
    permissions: &[Permission],
) -> Result<Vec<Rule>, Refusal> {
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
pub(super) fn masked(cidr: &str) -> String {
    cidr.parse::<ipnet::IpNet>().map_or_else(|_| cidr.to_owned(), |it| it.trunc().to_string())
}

/// By name or by number, as EC2 shows it.
pub(super) fn protocol(text: &str) -> Result<String, Refusal> {
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
    fn rules_of_the_same_ports_are_one_permission() {
        let v4 = Rule::everything("sg-1", true);
        let v6 = Rule { cidr_v4: None, cidr_v6: Some("::/0".to_owned()), ..v4.clone() };
        let shown = shown([&v4, &v6].into_iter(), "123456789012");
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0]["ipv6Ranges"][0]["cidrIpv6"], "::/0");
    }
}
