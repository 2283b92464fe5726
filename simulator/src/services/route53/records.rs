//! Records: what a zone says about a name, and changes to it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Record, Target, Zone, changed,
    names::{canonical, escaped, is_legal, place, written},
    size, zone,
};
use crate::{
    call::Call,
    clock::Time,
    refusal::{Answer, Refusal},
    services::elb,
    world::Context,
};

pub(super) fn list_resource_record_sets(cx: &mut Context<'_>, id: &str, call: &Call) -> Answer {
    let (name, kind) = (call.query("name"), call.query("type"));
    if call.query("identifier").is_some() {
        return Err(Refusal::not_modelled("record sets with an identifier"));
    }
    if kind.is_some() && name.is_none() {
        let message = "A start record type needs a start record name beside it";
        return Err(Refusal::new("InvalidInput", message));
    }
    let size = size(call, 300)?;
    let from = name.map(|it| place(&canonical(&it), &kind.unwrap_or_default()));
    let records = &zone(cx, id)?.records;
    let mut rest = records
        .iter()
        .skip_while(|it| from.as_ref().is_some_and(|from| place(&it.name, &it.kind) < *from));
    let page: Vec<_> = rest.by_ref().take(size).map(Record::described).collect();
    let next = rest.next();
    Ok(json!({
        "ResourceRecordSets": { "ResourceRecordSet": page },
        "IsTruncated": next.is_some(),
        "NextRecordName": next.map(|it| written(&it.name)),
        "NextRecordType": next.map(|it| &it.kind),
        "MaxItems": size.to_string(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ChangeResourceRecordSets {
    #[serde(rename = "@xmlns")]
    _namespace: Option<String>,
    change_batch: ChangeBatch,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ChangeBatch {
    /// Nobody reads it again.
    #[serde(rename = "Comment")]
    _comment: Option<String>,
    changes: Changes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    #[serde(rename = "Change", default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Change {
    action: Action,
    resource_record_set: RecordSet,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Action {
    Create,
    Delete,
    Upsert,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RecordSet {
    name: String,
    r#type: String,
    #[serde(rename = "TTL")]
    ttl: Option<u32>,
    resource_records: Option<ResourceRecords>,
    alias_target: Option<AliasTarget>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceRecords {
    #[serde(rename = "ResourceRecord", default)]
    records: Vec<ResourceRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ResourceRecord {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AliasTarget {
    hosted_zone_id: String,
    #[serde(rename = "DNSName")]
    dns_name: String,
    evaluate_target_health: bool,
}

/// Either all of the changes happen or none.
pub(super) fn change_resource_record_sets(
    cx: &mut Context<'_>,
    id: &str,
    input: ChangeResourceRecordSets,
) -> Answer {
    let zone = zone(cx, id)?;
    let mut after = zone.clone();
    let mut wrong = Vec::new();
    let changes = input.change_batch.changes.changes;
    if changes.is_empty() || changes.len() > 1000 {
        return Err(Refusal::new("InvalidInput", "A batch has between 1 and 1000 changes"));
    }
    for Change { action, resource_record_set } in changes {
        let record = Record::read(resource_record_set, cx.now)?;
        if let Err(words) = after.change(cx, id, action, record) {
            wrong.push(words);
        }
    }
    if !wrong.is_empty() {
        return Err(Refusal::new("InvalidChangeBatch", format!("[{}]", wrong.join(", "))));
    }
    cx.global.route53.zones.insert(id.to_owned(), after);
    Ok(json!({ "ChangeInfo": changed(cx) }))
}

impl Zone {
    fn change(
        &mut self,
        cx: &Context<'_>,
        id: &str,
        action: Action,
        record: Record,
    ) -> Result<(), String> {
        let (own, zone) = (canonical(&self.name), &self.name);
        let Record { name, kind, .. } = &record;
        let set = format!("resource record set [name='{}.', type='{kind}']", escaped(name));
        if *name != own && !name.ends_with(&format!(".{own}")) {
            return Err(format!(
                "RRSet with DNS name {}. is not permitted in zone {zone}",
                escaped(name)
            ));
        }
        let at = self.records.iter().position(|it| it.name == *name && it.kind == *kind);
        if action == Action::Delete {
            if *name == own && ["NS", "SOA"].contains(&kind.as_str()) {
                return Err(format!(
                    "A HostedZone must contain at least one {kind} record for the zone itself."
                ));
            }
            let at = at.ok_or_else(|| format!("Tried to delete {set} but it was not found"))?;
            if !self.records[at].is_same(&record) {
                return Err(format!(
                    "Tried to delete {set} but the values provided do not match the current values"
                ));
            }
            self.records.remove(at);
            return Ok(());
        }
        if action == Action::Create && at.is_some() {
            return Err(format!("Tried to create {set} but it already exists"));
        }
        record.check(cx, id, self)?;
        if kind == "CNAME" && *name == own {
            return Err(format!(
                "RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {zone}"
            ));
        }
        let others = |it: &&Record| it.name == *name && it.kind != *kind;
        let mut others = self.records.iter().filter(others);
        if kind == "CNAME" && others.next().is_some() {
            return Err(format!(
                "RRSet of type CNAME with DNS name {}. is not permitted as it conflicts with other records with the \
                 same DNS name in zone {zone}",
                escaped(name)
            ));
        }
        if others.any(|it| it.kind == "CNAME") {
            return Err(format!(
                "RRSet of type {kind} with DNS name {}. is not permitted because a conflicting RRSet of type CNAME \
                 with the same DNS name already exists in zone {zone}",
                escaped(name)
            ));
        }
        match at {
            Some(at) if self.records[at].is_same(&record) => {}
            Some(at) => self.records[at] = record,
            None => {
                // Behind the two that belong to the zone, which its own name puts in front anyway.
                let place_of = |it: &Record| place(&it.name, &it.kind);
                let at = self.records.partition_point(|it| place_of(it) < place_of(&record));
                self.records.insert(at, record);
            }
        }
        Ok(())
    }
}

const KINDS: &[&str] =
    &["A", "AAAA", "CAA", "CNAME", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "TXT"];

impl Record {
    fn read(set: RecordSet, since: Time) -> Result<Self, Refusal> {
        let wrong = |message: String| Refusal::new("InvalidInput", message);
        let RecordSet { name, r#type: kind, ttl, resource_records, alias_target } = set;
        if !KINDS.contains(&kind.as_str()) {
            return Err(Refusal::not_modelled(format_args!("records of the type {kind}")));
        }
        let values = resource_records.map(|it| it.records.into_iter().map(|it| it.value));
        let target = match (values, alias_target, ttl) {
            (Some(values), None, Some(ttl)) => Target::Values { ttl, values: values.collect() },
            (None, Some(it), None) => Target::Alias {
                zone: it.hosted_zone_id,
                name: canonical(&it.dns_name),
                checks: it.evaluate_target_health,
            },
            (Some(_), None, None) => {
                return Err(wrong(format!(
                    "Invalid request: Missing field 'TTL' in Change with [Action=…, Name={name}, Type={kind}]"
                )));
            }
            _ => {
                return Err(wrong(format!(
                    "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
                     TrafficPolicyInstanceId], in Change with [Name={name}, Type={kind}]"
                )));
            }
        };
        Ok(Self { name: canonical(&name), kind, target, since })
    }

    /// What Route 53 finds wrong with what a record says.
    fn check(&self, cx: &Context<'_>, id: &str, own: &Zone) -> Result<(), String> {
        let Self { name, kind, target, .. } = self;
        if !is_legal(name) {
            return Err(format!("FATAL problem: DomainLabelInvalid encountered with '{name}'"));
        }
        match target {
            Target::Values { values, .. } => {
                if values.is_empty() {
                    return Err(format!("FATAL problem: no values for '{name}.'"));
                }
                for (index, value) in values.iter().enumerate() {
                    if values[..index].contains(value) {
                        return Err(format!("Duplicate Resource Record: '{value}'"));
                    }
                    match problem(kind, value) {
                        Some(problem) => {
                            return Err(format!(
                                "Invalid Resource Record: FATAL problem: {problem} encountered with '{value}'"
                            ));
                        }
                        None if kind == "CNAME" && values.len() > 1 => {
                            return Err(format!(
                                "RRSet with DNS name {name}., type CNAME contains {} records but must contain one",
                                values.len()
                            ));
                        }
                        None => {}
                    }
                }
                Ok(())
            }
            Target::Alias { zone, name: to, .. } => {
                let tried = format!(
                    "Tried to create an alias that targets {to}., type {kind} in zone {zone}"
                );
                let found =
                    |it: &Zone| it.records.iter().any(|it| it.name == *to && it.kind == *kind);
                let of_ours = match cx.global.route53.zones.get(zone) {
                    Some(_) if zone == id => Some(found(own)),
                    Some(other) => Some(found(other)),
                    None => None,
                };
                match of_ours {
                    Some(true) => Ok(()),
                    Some(false) => Err(format!("{tried}, but that target was not found")),
                    None if elb::is_name_in(to, zone) => Ok(()),
                    None => Err(format!(
                        "{tried}, but the alias target name does not lie within the target zone"
                    )),
                }
            }
        }
    }

    /// Whether it says the same: the order of values is no difference.
    fn is_same(&self, other: &Self) -> bool {
        let sorted = |target: &Target| match target {
            Target::Values { ttl, values } => {
                let mut values = values.clone();
                values.sort();
                Target::Values { ttl: *ttl, values }
            }
            alias => alias.clone(),
        };
        sorted(&self.target) == sorted(&other.target)
    }

    fn described(&self) -> Value {
        let mut set = json!({ "Name": written(&self.name), "Type": self.kind });
        match &self.target {
            Target::Values { ttl, values } => {
                let values: Vec<_> = values.iter().map(|it| json!({ "Value": it })).collect();
                set["TTL"] = json!(ttl);
                set["ResourceRecords"] = json!({ "ResourceRecord": values });
            }
            Target::Alias { zone, name, checks } => {
                set["AliasTarget"] = json!({
                    "HostedZoneId": zone,
                    "DNSName": written(name),
                    "EvaluateTargetHealth": checks,
                });
            }
        }
        set
    }
}

/// What is wrong with a value, in Route 53's words.
fn problem(kind: &str, value: &str) -> Option<&'static str> {
    let quoted = || value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
    match kind {
        "A" if value.parse::<std::net::Ipv4Addr>().is_err() => Some("ARRDATAIllegalIPv4Address"),
        "AAAA" if value.parse::<std::net::Ipv6Addr>().is_err() => {
            Some("AAAARRDATAIllegalIPv6Address")
        }
        "CNAME" | "NS" | "PTR" if !is_legal(&canonical(value)) => Some("RRDATAIllegalDomainName"),
        "TXT" | "SPF" if !quoted() => Some("InvalidCharacterString"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_looked_at() {
        assert_eq!(problem("A", "192.0.2.1"), None);
        assert_eq!(problem("A", "192.0.2.256"), Some("ARRDATAIllegalIPv4Address"));
        assert_eq!(problem("TXT", "v=spf1"), Some("InvalidCharacterString"));
        assert_eq!(problem("CNAME", "_c9.acm-validations.aws."), None);
    }
}
