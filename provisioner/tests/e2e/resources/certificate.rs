//! A certificate from nothing to nothing, with what is looked up on the way.

use std::time::Duration;

use aws_sdk_acm::types::{Tag, ValidationMethod};
use provisioner::{
    cloud::Cloud,
    engine::{Class, Existing, Found, Lookup, Resource},
    lookups::{IssuedCertificate, ValidationRecord},
    resources::{Certificate, DnsRecord, DnsTarget, Listener, ListenerAction, Standing},
};

use super::{
    dns_record,
    life::{absent, differing, gone, ours},
    listener, load_balancer,
};
use crate::support::{Rehearsal, apply, tags};

fn certificate(domain_name: &str, name: &str) -> Certificate {
    Certificate { domain_name: domain_name.to_owned(), status: Standing::Usable, tags: tags(name) }
}

async fn appears<L: Lookup>(lookup: &L, cloud: &Cloud) -> L::Outputs {
    for _ in 0..100 {
        match lookup.find(cloud).await.unwrap() {
            Some(found) => return found,
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("it does not appear");
}

async fn validated(certificate: &Existing<Certificate>, cloud: &Cloud) -> Existing<DnsRecord> {
    let arn = certificate.outputs.arn.as_str();
    let record = appears(&ValidationRecord { certificate_arn: arn.into() }, cloud).await;
    let values = DnsTarget::Values { ttl: 300, values: vec![record.value].into() };
    apply(&dns_record::record(&record.name, &record.record_type, values, cloud).await, cloud).await
}

/// ARN of a certificate for a name in example.com.
pub async fn issued(domain_name: &str, name: &str, cloud: &Cloud) -> String {
    let certificate = apply(&certificate(domain_name, name), cloud).await;
    validated(&certificate, cloud).await;
    let arn = certificate.outputs.arn;
    appears(&IssuedCertificate { certificate_arn: arn.as_str().into() }, cloud).await.arn
}

#[tokio::test]
async fn it_is_made_issued_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let mut wanted = certificate("bot.example.com", "certificate");
    absent(&wanted, &cloud).await;
    let first = apply(&wanted, &cloud).await;
    let arn = &first.outputs.arn;
    let issue = IssuedCertificate { certificate_arn: arn.as_str().into() };
    assert_eq!(issue.find(&cloud).await.unwrap(), None);
    validated(&first, &cloud).await;
    assert_eq!(appears(&issue, &cloud).await.arn, *arn);
    assert_eq!(differing(&wanted, &ours(&wanted, None, &cloud).await), [""; 0]);

    wanted.tags = wanted.tags.with("team", "a");
    apply(&wanted, &cloud).await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    cloud
        .acm
        .add_tags_to_certificate()
        .certificate_arn(arn)
        .tags(tag("team", "b"))
        .send()
        .await
        .unwrap();
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["tags"]);
    apply(&wanted, &cloud).await;
    let without = Certificate { tags: tags("certificate"), ..wanted.clone() };
    let found = ours(&without, Some(&ours(&wanted, None, &cloud).await), &cloud).await;
    without.update(&found, &cloud).await.unwrap();
    assert_eq!(differing(&without, &ours(&without, Some(&found), &cloud).await), [""; 0]);

    let other = certificate("other.example.com", "certificate");
    assert_eq!(differing(&other, &ours(&other, Some(&first), &cloud).await), ["domain_name"]);
    absent(&other, &cloud).await;

    gone::<Certificate>(&first.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<Certificate>(&first.outputs, &cloud).await;
}

#[tokio::test]
async fn one_that_was_asked_for_twice_is_one() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = certificate("bot.example.com", "certificate");
    let token = "0123456789abcdef0123456789abcdef";
    let one = wanted.create(token, &cloud).await.unwrap();
    let two = wanted.create(token, &cloud).await.unwrap();
    assert_eq!(one.outputs, two.outputs);

    // An answer that is lost is not asked for again before somebody looked.
    rehearsal
        .fault(serde_json::json!({
            "match": { "service": "acm", "action": "RequestCertificate" }, "truncate": 5,
        }))
        .await;
    rehearsal.forget().await;
    let error =
        certificate("other.example.com", "other").create(token, &cloud).await.err().unwrap();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(rehearsal.changes().await, ["acm RequestCertificate"]);
}

#[tokio::test]
async fn somebody_elses_is_in_nobodys_way() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let request = cloud.acm.request_certificate().domain_name("bot.example.com");
    let theirs = request.validation_method(ValidationMethod::Dns).send().await.unwrap();
    let wanted = certificate("bot.example.com", "certificate");
    absent(&wanted, &cloud).await;
    let ours = apply(&wanted, &cloud).await;
    assert_ne!(Some(ours.outputs.arn.as_str()), theirs.certificate_arn());
    assert!(matches!(
        wanted.read(None, &rehearsal.cloud_of("other").await).await.unwrap(),
        Found::Nothing
    ));
}

#[tokio::test]
async fn one_that_acm_gave_up_is_replaced() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = certificate("bot.example.com", "certificate");
    let first = apply(&wanted, &cloud).await;
    let detail = serde_json::json!({ "Certificate": {
        "CertificateArn": first.outputs.arn, "DomainName": "bot.example.com",
        "Status": "FAILED", "FailureReason": "CAA_ERROR",
    }});
    rehearsal
        .fault(serde_json::json!({
            "match": { "service": "acm", "action": "DescribeCertificate" }, "body": detail, "status": 200, "times": 2,
        }))
        .await;
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["status"]);
    assert_eq!(found.inputs.status, Standing::Useless("FAILED (CAA_ERROR)".to_owned()));
    assert!(Certificate::REPLACED_BY.contains(&"status"));
    let issue = IssuedCertificate { certificate_arn: first.outputs.arn.as_str().into() };
    let error = issue.find(&cloud).await.unwrap_err().to_string();
    assert!(error.contains("FAILED (CAA_ERROR)") && error.contains("run `up` again"), "{error}");
}

#[tokio::test]
async fn a_listener_that_shows_it_keeps_it() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let arn = issued("bot.example.com", "certificate", &cloud).await;
    let balancer = load_balancer::applied("gsm-lb", &cloud).await;
    let https = Listener {
        port: 443,
        protocol: "HTTPS".to_owned(),
        certificate_arn: Some(arn).into(),
        ssl_policy: Some("ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned()),
        ..listener::listener("https", &balancer, ListenerAction::NotFound)
    };
    let https = apply(&https, &cloud).await;
    let certificate = ours(&certificate("bot.example.com", "certificate"), None, &cloud).await;
    let error = Certificate::delete(&certificate.outputs, &cloud).await.unwrap_err();
    assert_eq!(error.class(), Class::Blocked, "{error}");
    assert_eq!(
        Certificate::held_by(&certificate.outputs, &cloud).await.unwrap(),
        [balancer.outputs.arn]
    );
    gone::<Listener>(&https.outputs, &cloud).await;
    gone::<Certificate>(&certificate.outputs, &cloud).await;
}
