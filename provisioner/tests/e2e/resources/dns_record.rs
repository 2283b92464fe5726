//! A DNS record from nothing to nothing, and the zone that it is in.

use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use provisioner::{
    cloud::Cloud,
    engine::{Class, Found, Lookup, Resource},
    lookups::HostedZone,
    resources::{DnsRecord, DnsTarget},
};

use super::life::{absent, differing, gone, ours};
use crate::support::{Rehearsal, apply};

pub async fn record(name: &str, record_type: &str, target: DnsTarget, cloud: &Cloud) -> DnsRecord {
    let zone = HostedZone { name: "example.com".to_owned() }.find(cloud).await.unwrap().unwrap();
    DnsRecord {
        zone_id: zone.id.into(),
        name: name.into(),
        record_type: record_type.into(),
        target,
    }
}

fn values(ttl: i64, values: &[&str]) -> DnsTarget {
    DnsTarget::Values {
        ttl,
        values: values.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().into(),
    }
}

fn alias(dns_name: &str) -> DnsTarget {
    DnsTarget::Alias {
        dns_name: dns_name.into(),
        zone_id: "Z215JYRZR1TBD5".into(),
        evaluate_target_health: false,
    }
}

/// Another client's change.
async fn upsert(record: &DnsRecord, ttl: i64, value: &str, cloud: &Cloud) {
    let value = ResourceRecord::builder().value(value).build().unwrap();
    let set = ResourceRecordSet::builder()
        .name(record.name.get().unwrap())
        .ttl(ttl)
        .resource_records(value);
    let set = set.r#type(RrType::from(record.record_type.get().unwrap().as_str())).build().unwrap();
    let change =
        Change::builder().action(ChangeAction::Upsert).resource_record_set(set).build().unwrap();
    let batch = ChangeBatch::builder().changes(change).build().unwrap();
    let request =
        cloud.route53.change_resource_record_sets().hosted_zone_id(record.zone_id.get().unwrap());
    request.change_batch(batch).send().await.unwrap();
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    // Neighbours in the zone are never taken for it.
    for (name, kind, value) in [
        ("a.example.com", "A", values(60, &["192.0.2.9"])),
        ("bot.example.com", "AAAA", values(60, &["2001:db8::9"])),
        ("cot.example.com", "A", values(60, &["192.0.2.9"])),
        ("sub.bot.example.com", "A", values(60, &["192.0.2.9"])),
    ] {
        apply(&record(name, kind, value, &cloud).await, &cloud).await;
    }
    let mut wanted =
        record("bot.example.com", "A", values(60, &["192.0.2.1", "192.0.2.2"]), &cloud).await;
    absent(&wanted, &cloud).await;
    let mut existing = apply(&wanted, &cloud).await;
    for target in [
        values(300, &["192.0.2.1", "192.0.2.2"]),
        values(300, &["192.0.2.3"]),
        alias("GSM-1.eu-central-1.elb.amazonaws.com"),
        alias("gsm-2.eu-central-1.elb.amazonaws.com"),
        values(60, &["192.0.2.2", "192.0.2.1"]),
    ] {
        wanted.target = target;
        let found = ours(&wanted, Some(&existing), &cloud).await;
        assert_eq!(differing(&wanted, &found), ["target"]);
        wanted.update(&found, &cloud).await.unwrap();
        existing = ours(&wanted, Some(&found), &cloud).await;
        assert_eq!(differing(&wanted, &existing), [""; 0]);
        assert_eq!(differing(&wanted, &ours(&wanted, None, &cloud).await), [""; 0]);
    }

    upsert(&wanted, 60, "192.0.2.66", &cloud).await;
    let found = ours(&wanted, Some(&existing), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["target"]);
    wanted.update(&found, &cloud).await.unwrap();
    assert_eq!(differing(&wanted, &ours(&wanted, None, &cloud).await), [""; 0]);

    let renamed = DnsRecord { name: "other.example.com".into(), ..wanted.clone() };
    assert_eq!(differing(&renamed, &ours(&renamed, Some(&existing), &cloud).await), ["name"]);
    absent(&renamed, &cloud).await;

    gone::<DnsRecord>(&existing.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<DnsRecord>(&existing.outputs, &cloud).await;
    absent(&DnsRecord { record_type: "A".into(), ..wanted.clone() }, &cloud).await;
    ours(
        &record("bot.example.com", "AAAA", values(60, &["2001:db8::9"]), &cloud).await,
        None,
        &cloud,
    )
    .await;
}

#[tokio::test]
async fn names_are_the_same_however_they_are_written() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    for (name, kind, target) in [
        ("*.example.com", "A", alias("dualstack.gsm-1.eu-central-1.elb.amazonaws.com")),
        ("_d9.Bot.example.com.", "CNAME", values(300, &["_c9.acm-validations.aws."])),
        ("example.com", "TXT", values(300, &["\"v=spf1 -all\"", "\"a\" \"b\""])),
    ] {
        let existing = apply(&record(name, kind, target, &cloud).await, &cloud).await;
        gone::<DnsRecord>(&existing.outputs, &cloud).await;
        absent(&existing.inputs, &cloud).await;
    }
}

#[tokio::test]
async fn one_with_other_content_is_somebody_elses() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = record("bot.example.com", "A", values(60, &["192.0.2.1"]), &cloud).await;
    upsert(&wanted, 300, "192.0.2.66", &cloud).await;
    let Found::Theirs(_, whose) = wanted.read(None, &cloud).await.unwrap() else { panic!() };
    assert_eq!(
        whose,
        "a record of the name bot.example.com and the type A with other content exists: 192.0.2.66 (TTL 300 s)"
    );
    let error = wanted.create("token", &cloud).await.err().unwrap();
    assert_eq!(error.class(), Class::Exists, "{error}");
    // With the very content that we want it is as good as ours.
    upsert(&wanted, 60, "192.0.2.1", &cloud).await;
    ours(&wanted, None, &cloud).await;
}

#[tokio::test]
async fn the_zone_is_the_public_one_of_that_name() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let zone = |name: &str| HostedZone { name: name.to_owned() };
    let found = zone("example.com").find(&cloud).await.unwrap().unwrap();
    assert!(!found.id.contains('/') && found.name == "example.com", "{found:?}");

    let error = zone("example.org").find(&cloud).await.unwrap_err().to_string();
    assert!(
        error.contains("no public hosted zone `example.org`")
            && error.contains("there is: example.com"),
        "{error}"
    );
    assert!(error.contains("aws route53 create-hosted-zone --name example.org"), "{error}");

    let twin = cloud.route53.create_hosted_zone().name("example.com").caller_reference("twin");
    let twin = twin.send().await.unwrap().hosted_zone.unwrap().id.replace("/hostedzone/", "");
    let error = zone("example.com").find(&cloud).await.unwrap_err().to_string();
    assert!(
        error.contains("2 public hosted zones")
            && error.contains(&twin)
            && error.contains(&found.id),
        "{error}"
    );

    // A deleted zone took its records along.
    let record = DnsRecord { zone_id: twin.as_str().into(), ..record_in(&twin) };
    let existing = apply(&record, &cloud).await;
    gone::<DnsRecord>(&existing.outputs, &cloud).await;
    cloud.route53.delete_hosted_zone().id(&twin).send().await.unwrap();
    gone::<DnsRecord>(&existing.outputs, &cloud).await;
    absent(&record, &cloud).await;
}

fn record_in(zone_id: &str) -> DnsRecord {
    DnsRecord {
        zone_id: zone_id.into(),
        name: "bot.example.com".into(),
        record_type: "A".into(),
        target: values(60, &["192.0.2.1"]),
    }
}
