//! Route 53: public hosted zones and their records.
//!
//! Sources: the Route 53 API reference, version 2013-04-01; the developer guide (names in DNS, supported types, alias
//! records, quotas).

mod names;
mod records;
mod zones;

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::names::{canonical, written};
use crate::{
    call::Call,
    clock::Time,
    refusal::{Answer, Refusal},
    world::Context,
};

/// Everything in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Route53 {
    /// By id.
    zones: BTreeMap<String, Zone>,
    /// When each change was made, by id.
    changes: BTreeMap<String, Time>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Zone {
    /// As in DNS, with the dot at the end.
    name: String,
    reference: String,
    comment: Option<String>,
    /// In the order of [`place`].
    records: Vec<Record>,
}

/// What is known about one name and type.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Record {
    name: String,
    kind: String,
    target: Target,
    /// Since when it says this.
    since: Time,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Target {
    Values { ttl: u32, values: Vec<String> },
    Alias { zone: String, name: String, checks: bool },
}

/// The zone that is there from the beginning: domains cannot be bought here.
const ZONE: (&str, &str) = ("Z0123456789EXAMPLE000", "example.com.");

impl Default for Route53 {
    fn default() -> Self {
        let (id, name) = ZONE;
        let zone = Zone::new(name, "seeded", None, Time::default());
        Self { zones: BTreeMap::from([(id.to_owned(), zone)]), changes: BTreeMap::new() }
    }
}

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    let path = call.segments();
    let id = path.get(2).map(String::as_str).unwrap_or_default();
    match call.action.as_str() {
        "ChangeResourceRecordSets" => records::change_resource_record_sets(cx, id, call.input()?),
        "CreateHostedZone" => zones::create_hosted_zone(cx, call.input()?),
        "DeleteHostedZone" => zones::delete_hosted_zone(cx, id),
        "GetChange" => get_change(cx, id),
        "GetHostedZone" => zones::get_hosted_zone(cx, id),
        "ListHostedZones" => zones::list_hosted_zones(cx, call),
        "ListHostedZonesByName" => zones::list_hosted_zones_by_name(cx, call),
        "ListResourceRecordSets" => records::list_resource_record_sets(cx, id, call),
        _ => Err(call.not_modelled()),
    }
}

/// What is there: every record but those that belong to a zone.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let records = cx.global.route53.zones.values().flat_map(|it| it.records.iter().skip(2));
    let records = records.map(|it| json!({ "Name": written(&it.name), "Type": it.kind })).collect();
    vec![("records", records)]
}

/// Which call a request is.
pub(crate) fn action(method: &Method, path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|it| !it.is_empty()).skip(1).collect();
    let action = match (method, parts.as_slice()) {
        (&Method::GET, ["hostedzone"]) => "ListHostedZones",
        (&Method::POST, ["hostedzone"]) => "CreateHostedZone",
        (&Method::GET, ["hostedzonesbyname"]) => "ListHostedZonesByName",
        (&Method::GET, ["hostedzone", _]) => "GetHostedZone",
        (&Method::DELETE, ["hostedzone", _]) => "DeleteHostedZone",
        (&Method::GET, ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        (&Method::POST, ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        (&Method::GET, ["change", _]) => "GetChange",
        _ => return format!("{method} {path}"),
    };
    action.to_owned()
}

/// Since when a record has this value and no other. Dots at the end are no difference.
pub(crate) fn says(cx: &Context<'_>, name: &str, kind: &str, value: &str) -> Option<Time> {
    let name = canonical(name);
    let mut records = cx.global.route53.zones.values().flat_map(|it| &it.records);
    let found = records.find(|it| it.name == name && it.kind == kind)?;
    match &found.target {
        Target::Values { values, .. } if values.iter().all(|it| canonical(it) == value) => {
            Some(found.since)
        }
        _ => None,
    }
}

fn get_change(cx: &mut Context<'_>, id: &str) -> Answer {
    let made = cx.global.route53.changes.get(id).ok_or_else(|| {
        let message = format!("Could not find resource with ID: {id}");
        Refusal::new("NoSuchChange", message).with_status(404)
    })?;
    Ok(json!({ "ChangeInfo": change_info(cx, id, *made) }))
}

fn zone<'a>(cx: &'a Context<'_>, id: &str) -> Result<&'a Zone, Refusal> {
    cx.global.route53.zones.get(id).ok_or_else(|| {
        let message = format!("No hosted zone found with ID: {id}");
        Refusal::new("NoSuchHostedZone", message).with_status(404)
    })
}

/// Notes a change that was made now.
fn changed(cx: &mut Context<'_>) -> Value {
    let id = format!("C{}", cx.chance.letters(20));
    cx.global.route53.changes.insert(id.clone(), cx.now);
    change_info(cx, &id, cx.now)
}

fn change_info(cx: &Context<'_>, id: &str, made: Time) -> Value {
    // The answer to the change itself is never yet in sync.
    let in_sync = cx.now > made && cx.now >= made + cx.times.of(|it| it.dns);
    json!({
        "Id": format!("/change/{id}"),
        "Status": if in_sync { "INSYNC" } else { "PENDING" },
        "SubmittedAt": made.iso(),
    })
}

fn size(call: &Call, most: usize) -> Result<usize, Refusal> {
    let Some(text) = call.query("maxitems") else { return Ok(most) };
    let size: Option<usize> = text.parse().ok().filter(|it| *it > 0);
    let size = size.ok_or_else(|| {
        Refusal::new("InvalidInput", format!("'{text}' is not a valid number of items"))
    })?;
    Ok(size.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_the_action() {
        let path = "/2013-04-01/hostedzone/Z1/rrset/";
        assert_eq!(action(&Method::POST, path), "ChangeResourceRecordSets");
        assert_eq!(action(&Method::GET, "/2013-04-01/hostedzone"), "ListHostedZones");
        assert_eq!(action(&Method::GET, "/2013-04-01/change/C1"), "GetChange");
    }
}
