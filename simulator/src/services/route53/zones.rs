//! Hosted zones.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Record, Target, Zone, changed,
    names::{canonical, is_legal, labels},
    size, zone,
};
use crate::{
    call::Call,
    clock::Time,
    refusal::{Answer, Refusal},
    world::Context,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateHostedZone {
    #[serde(rename = "@xmlns")]
    _namespace: Option<String>,
    name: String,
    caller_reference: String,
    hosted_zone_config: Option<HostedZoneConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct HostedZoneConfig {
    comment: Option<String>,
    private_zone: Option<bool>,
}

pub(super) fn create_hosted_zone(cx: &mut Context<'_>, input: CreateHostedZone) -> Answer {
    let name = canonical(&input.name);
    if !name.contains('.') || !is_legal(&name) {
        let message = format!("The domain name '{}' is not valid", input.name);
        return Err(Refusal::new("InvalidDomainName", message));
    }
    let (comment, private) =
        input.hosted_zone_config.map_or((None, None), |it| (it.comment, it.private_zone));
    if private == Some(true) {
        return Err(Refusal::not_modelled("private hosted zones"));
    }
    let mut zones = cx.global.route53.zones.values();
    if zones.any(|it| it.reference == input.caller_reference) {
        let message = "A hosted zone has already been created with the specified caller reference.";
        return Err(Refusal::new("HostedZoneAlreadyExists", message).with_status(409));
    }
    let id = format!("Z{}", cx.chance.letters(20));
    let zone = Zone::new(&format!("{name}."), &input.caller_reference, comment, cx.now);
    let described = described(&id, &zone);
    cx.global.route53.zones.insert(id, zone);
    Ok(json!({
        "HostedZone": described,
        "ChangeInfo": changed(cx),
        "DelegationSet": { "NameServers": { "NameServer": SERVERS } },
    }))
}

pub(super) fn delete_hosted_zone(cx: &mut Context<'_>, id: &str) -> Answer {
    if zone(cx, id)?.records.len() > 2 {
        let message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
        return Err(Refusal::new("HostedZoneNotEmpty", message));
    }
    cx.global.route53.zones.remove(id);
    Ok(json!({ "ChangeInfo": changed(cx) }))
}

pub(super) fn get_hosted_zone(cx: &mut Context<'_>, id: &str) -> Answer {
    let zone = described(id, zone(cx, id)?);
    Ok(json!({
        "HostedZone": zone,
        "DelegationSet": { "NameServers": { "NameServer": SERVERS } },
    }))
}

pub(super) fn list_hosted_zones(cx: &mut Context<'_>, call: &Call) -> Answer {
    for unmodelled in ["delegationsetid", "hostedzonetype"] {
        if call.query(unmodelled).is_some() {
            return Err(Refusal::not_modelled(format_args!("the parameter {unmodelled}")));
        }
    }
    let marker = call.query("marker");
    let size = size(call, 100)?;
    let mut rest = cx.global.route53.zones.iter();
    let mut rest = rest.by_ref().skip_while(|(id, _)| marker.as_ref().is_some_and(|it| *id < it));
    let page: Vec<_> = rest.by_ref().take(size).map(|(id, it)| described(id, it)).collect();
    let next = rest.next().map(|(id, _)| id);
    Ok(json!({
        "HostedZones": { "HostedZone": page },
        "Marker": marker.unwrap_or_default(),
        "IsTruncated": next.is_some(),
        "NextMarker": next,
        "MaxItems": size.to_string(),
    }))
}

pub(super) fn list_hosted_zones_by_name(cx: &mut Context<'_>, call: &Call) -> Answer {
    let (name, id) = (call.query("dnsname"), call.query("hostedzoneid"));
    if id.is_some() && name.is_none() {
        return Err(Refusal::new("InvalidInput", "A hosted zone id needs a DNS name beside it"));
    }
    let size = size(call, 100)?;
    let from = name.as_ref().map(|it| (labels(&canonical(it)), id.clone().unwrap_or_default()));
    let mut zones: Vec<_> = cx.global.route53.zones.iter().collect();
    let place = |(id, it): &(&String, &Zone)| (labels(&canonical(&it.name)), (*id).clone());
    zones.sort_by_key(place);
    zones.retain(|it| from.as_ref().is_none_or(|from| place(it) >= *from));
    let next = zones.get(size);
    Ok(json!({
        "HostedZones": {
            "HostedZone": zones.iter().take(size).map(|(id, it)| described(id, it)).collect::<Vec<_>>(),
        },
        "DNSName": name,
        "HostedZoneId": id,
        "IsTruncated": next.is_some(),
        "NextDNSName": next.map(|(_, it)| &it.name),
        "NextHostedZoneId": next.map(|(id, _)| id),
        "MaxItems": size.to_string(),
    }))
}

impl Zone {
    pub(super) fn new(name: &str, reference: &str, comment: Option<String>, since: Time) -> Self {
        let record = |kind: &str, ttl, values: Vec<String>| Record {
            name: canonical(name),
            kind: kind.to_owned(),
            target: Target::Values { ttl, values },
            since,
        };
        let servers = SERVERS.iter().map(|it| format!("{it}.")).collect();
        let authority =
            format!("{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400", SERVERS[0]);
        Self {
            name: name.to_owned(),
            reference: reference.to_owned(),
            comment,
            records: vec![record("NS", 172_800, servers), record("SOA", 900, vec![authority])],
        }
    }
}

const SERVERS: [&str; 4] = [
    "ns-1.awsdns-00.com",
    "ns-512.awsdns-00.net",
    "ns-1024.awsdns-00.org",
    "ns-1536.awsdns-00.co.uk",
];

fn described(id: &str, zone: &Zone) -> Value {
    json!({
        "Id": format!("/hostedzone/{id}"),
        "Name": zone.name,
        "CallerReference": zone.reference,
        "Config": { "Comment": zone.comment, "PrivateZone": false },
        "ResourceRecordSetCount": zone.records.len(),
    })
}
