//! Certificate Manager: public certificates that are validated by DNS.
//!
//! Sources: the ACM API reference; the ACM user guide ("DNS validation").

use std::{collections::BTreeMap, time::Duration};

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    call::Call,
    clock::Time,
    page::page,
    refusal::{Answer, Refusal},
    services::{elb, route53},
    visibility::{Made, hiding},
    world::Context,
};

/// Every certificate of a region, by ARN.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Acm {
    certificates: BTreeMap<String, Certificate>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Certificate {
    /// The name it is for, then the others.
    names: Vec<String>,
    token: Option<String>,
    requested: Time,
    /// When it was issued, as far as that was noted: it stays so without its validation records.
    issued: Option<Time>,
    tags: BTreeMap<String, String>,
}

/// How long a token is remembered.
const TOKEN: Duration = Duration::from_secs(3600);

/// How long after a request its validation records are not known yet.
const RECORDS: Duration = Duration::from_secs(3);

/// How long ACM waits for the validation records.
const PATIENCE: Duration = Duration::from_secs(72 * 3600);

/// Most tags on a certificate.
const TAGS: usize = 50;

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    note_issued(cx);
    match call.action.as_str() {
        "AddTagsToCertificate" => add_tags(cx, call.input()?),
        "DeleteCertificate" => delete_certificate(cx, call.input()?),
        "DescribeCertificate" => describe_certificate(cx, call.input()?),
        "ListCertificates" => list_certificates(cx, call.input()?),
        "ListTagsForCertificate" => list_tags(cx, call.input()?),
        "RemoveTagsFromCertificate" => remove_tags(cx, call.input()?),
        "RequestCertificate" => request_certificate(cx, call.input()?),
        _ => Err(call.not_modelled()),
    }
}

/// Answers a read by who has not heard of what was just made.
pub(crate) fn as_seen(
    cx: &mut Context<'_>,
    act: impl FnOnce(&mut Context<'_>) -> Answer,
) -> Answer {
    let after = cx.times.of(|it| it.acm_seen);
    hiding(cx, after, |cx| &mut cx.region.acm.certificates, act)
}

impl Made for Certificate {
    fn made(&self) -> Time {
        self.requested
    }
}

/// What is there.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let certificates = cx.region.acm.certificates.iter();
    let certificates = certificates
        .map(|(arn, it)| json!({ "CertificateArn": arn, "DomainName": it.names.first(), "Status": it.status(cx) }))
        .collect();
    vec![("certificates", certificates)]
}

/// Everything with tags, by ARN.
pub(crate) fn tagged(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let certificates = cx.region.acm.certificates.iter();
    certificates.map(|(arn, it)| (arn.clone(), it.tags.clone())).collect()
}

/// Whether a certificate is there and issued; None: there is none.
pub(crate) fn issued(cx: &Context<'_>, arn: &str) -> Option<bool> {
    Some(cx.region.acm.certificates.get(arn)?.status(cx) == "ISSUED")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RequestCertificate {
    domain_name: String,
    validation_method: Option<String>,
    #[serde(default)]
    subject_alternative_names: Vec<String>,
    idempotency_token: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    key: String,
    value: Option<String>,
}

fn request_certificate(cx: &mut Context<'_>, input: RequestCertificate) -> Answer {
    if input.validation_method.as_deref() != Some("DNS") {
        return Err(Refusal::not_modelled("certificates that are not validated by DNS"));
    }
    let mut names = vec![input.domain_name.to_ascii_lowercase()];
    for name in input.subject_alternative_names {
        let name = name.to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in &names {
        check_name(name)?;
    }
    if names[0].len() > 64 {
        let message = "The first domain name can be no longer than 64 characters";
        return Err(Refusal::new("InvalidDomainValidationOptionsException", message));
    }
    let token = input.idempotency_token;
    if let Some(token) = &token {
        let legal = Regex::new(r"^\w{1,32}$").is_ok_and(|it| it.is_match(token));
        if !legal {
            return Err(not_matching("idempotencyToken", token, r"\w+"));
        }
        // The token stands for a request together with what was requested.
        let again = cx.region.acm.certificates.iter().find(|(_, it)| {
            it.token.as_ref() == Some(token) && it.names == names && cx.now < it.requested + TOKEN
        });
        if let Some((arn, _)) = again {
            return Ok(json!({ "CertificateArn": arn }));
        }
    }
    let mut tags = BTreeMap::new();
    merge_tags(&mut tags, input.tags)?;
    let id = cx.chance.uuid();
    let arn = cx.arn("acm", &format!("certificate/{id}"));
    let certificate = Certificate { names, token, requested: cx.now, issued: None, tags };
    cx.region.acm.certificates.insert(arn.clone(), certificate);
    Ok(json!({ "CertificateArn": arn }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OfCertificate {
    certificate_arn: String,
}

fn describe_certificate(cx: &mut Context<'_>, input: OfCertificate) -> Answer {
    let arn = input.certificate_arn;
    let it = certificate(cx, &arn)?;
    let status = it.status(cx);
    let is_issued = status == "ISSUED";
    let validation = match status {
        "ISSUED" => "SUCCESS",
        "PENDING_VALIDATION" => "PENDING_VALIDATION",
        _ => "FAILED",
    };
    let records_known = cx.now >= it.requested + cx.times.paced(RECORDS);
    let options = it.names.iter().map(|name| {
        let record = records_known.then(|| {
            let (name, value) = validation_record(cx, name);
            json!({ "Name": format!("{name}."), "Type": "CNAME", "Value": format!("{value}.") })
        });
        json!({
            "DomainName": name,
            "ValidationDomain": name,
            "ValidationStatus": validation,
            "ResourceRecord": record,
            "ValidationMethod": "DNS",
        })
    });
    let issued = it.issued(cx);
    Ok(json!({ "Certificate": {
        "CertificateArn": arn,
        "DomainName": it.names[0],
        "SubjectAlternativeNames": it.names,
        "DomainValidationOptions": options.collect::<Vec<_>>(),
        "Subject": format!("CN={}", it.names[0]),
        "Issuer": "Amazon",
        "CreatedAt": it.requested.seconds(),
        "IssuedAt": issued.map(Time::seconds),
        "NotBefore": issued.map(Time::seconds),
        "NotAfter": issued.map(|it| (it + VALID).seconds()),
        "Status": status,
        "KeyAlgorithm": "RSA_2048",
        "SignatureAlgorithm": "SHA256WITHRSA",
        "InUseBy": elb::users_of_certificate(cx, &arn),
        "Type": "AMAZON_ISSUED",
        "RenewalEligibility": if is_issued { "ELIGIBLE" } else { "INELIGIBLE" },
    }}))
}

/// How long a certificate is good for: 13 months.
const VALID: Duration = Duration::from_secs(395 * 24 * 3600);

fn delete_certificate(cx: &mut Context<'_>, input: OfCertificate) -> Answer {
    let arn = input.certificate_arn;
    certificate(cx, &arn)?;
    if !elb::users_of_certificate(cx, &arn).is_empty() {
        let message = format!("Certificate {arn} in account {} is in use.", cx.account);
        return Err(Refusal::new("ResourceInUseException", message));
    }
    cx.region.acm.certificates.remove(&arn);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListCertificates {
    #[serde(default)]
    certificate_statuses: Vec<String>,
    next_token: Option<String>,
    max_items: Option<usize>,
}

fn list_certificates(cx: &mut Context<'_>, input: ListCertificates) -> Answer {
    let statuses = input.certificate_statuses;
    let asked =
        cx.region.acm.certificates.iter().filter(|(_, it)| {
            statuses.is_empty() || statuses.iter().any(|one| one == it.status(cx))
        });
    let size = input.max_items.unwrap_or(1000);
    let (page, next) = page(asked, input.next_token.as_deref(), size)
        .ok_or_else(|| Refusal::new("ValidationException", "The next token is not valid"))?;
    let listed = page.into_iter().map(|(arn, it)| {
        let issued = it.issued(cx);
        json!({
            "CertificateArn": arn,
            "DomainName": it.names[0],
            "SubjectAlternativeNameSummaries": it.names,
            "HasAdditionalSubjectAlternativeNames": false,
            "Status": it.status(cx),
            "Type": "AMAZON_ISSUED",
            "KeyAlgorithm": "RSA_2048",
            "InUse": !elb::users_of_certificate(cx, arn).is_empty(),
            "RenewalEligibility": if issued.is_some() { "ELIGIBLE" } else { "INELIGIBLE" },
            "CreatedAt": it.requested.seconds(),
            "IssuedAt": issued.map(Time::seconds),
        })
    });
    Ok(json!({ "CertificateSummaryList": listed.collect::<Vec<_>>(), "NextToken": next }))
}

fn list_tags(cx: &mut Context<'_>, input: OfCertificate) -> Answer {
    let tags = certificate(cx, &input.certificate_arn)?.tags.iter();
    let tags: Vec<_> = tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "Tags": tags }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TagsOfCertificate {
    certificate_arn: String,
    tags: Vec<Tag>,
}

fn add_tags(cx: &mut Context<'_>, input: TagsOfCertificate) -> Answer {
    let mut tags = certificate(cx, &input.certificate_arn)?.tags.clone();
    merge_tags(&mut tags, input.tags)?;
    certificate_mut(cx, &input.certificate_arn)?.tags = tags;
    Ok(Value::Null)
}

fn remove_tags(cx: &mut Context<'_>, input: TagsOfCertificate) -> Answer {
    let certificate = certificate_mut(cx, &input.certificate_arn)?;
    for Tag { key, value } in input.tags {
        // A tag without a value stands for whatever value it has.
        if value.is_none_or(|it| certificate.tags.get(&key) == Some(&it)) {
            certificate.tags.remove(&key);
        }
    }
    Ok(Value::Null)
}

impl Certificate {
    /// ACM issues a certificate some time after all of its validation records are there.
    fn issued(&self, cx: &Context<'_>) -> Option<Time> {
        if self.issued.is_some() {
            return self.issued;
        }
        let mut proven = self.requested;
        for name in &self.names {
            let (name, value) = validation_record(cx, name);
            proven = proven.max(route53::says(cx, &name, "CNAME", &value)?);
        }
        let issued = proven + cx.times.of(|it| it.certificate);
        let late = proven >= self.requested + PATIENCE;
        Some(issued).filter(|it| *it <= cx.now && !late)
    }

    fn status(&self, cx: &Context<'_>) -> &'static str {
        match self.issued(cx) {
            Some(_) => "ISSUED",
            None if cx.now >= self.requested + PATIENCE => "VALIDATION_TIMED_OUT",
            None => "PENDING_VALIDATION",
        }
    }
}

fn note_issued(cx: &mut Context<'_>) {
    let all = cx.region.acm.certificates.iter();
    let issued: Vec<_> = all.filter_map(|(arn, it)| Some((arn.clone(), it.issued(cx)?))).collect();
    for (arn, at) in issued {
        if let Some(certificate) = cx.region.acm.certificates.get_mut(&arn) {
            certificate.issued = Some(at);
        }
    }
}

/// The validation record for a name, without dots at the end: the same for every certificate of an account, and for a
/// name with and without `*.` in front.
fn validation_record(cx: &Context<'_>, name: &str) -> (String, String) {
    let name = name.trim_start_matches("*.");
    let digest = hex::encode(Sha256::digest(format!("{}/{name}", cx.account)));
    (
        format!("_{}.{name}", &digest[..32]),
        format!("_{}.jkddzztszm.acm-validations.aws", &digest[32..]),
    )
}

fn certificate<'a>(cx: &'a Context<'_>, arn: &str) -> Result<&'a Certificate, Refusal> {
    check_arn(arn)?;
    cx.region.acm.certificates.get(arn).ok_or_else(|| gone(cx.account, arn))
}

fn certificate_mut<'a>(cx: &'a mut Context<'_>, arn: &str) -> Result<&'a mut Certificate, Refusal> {
    check_arn(arn)?;
    cx.region.acm.certificates.get_mut(arn).ok_or_else(|| gone(cx.account, arn))
}

fn gone(account: &str, arn: &str) -> Refusal {
    let message = format!("Could not find certificate {arn} in account {account}.");
    Refusal::new("ResourceNotFoundException", message)
}

fn check_arn(arn: &str) -> Result<(), Refusal> {
    if arn.starts_with("arn:aws:acm:") && arn.contains(":certificate/") {
        return Ok(());
    }
    Err(Refusal::new("InvalidArnException", format!("Invalid ARN: {arn}")))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let pattern =
        r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$";
    if name.len() <= 253 && Regex::new(pattern).is_ok_and(|it| it.is_match(name)) {
        return Ok(());
    }
    Err(not_matching(
        "domainName",
        name,
        r"(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])",
    ))
}

fn not_matching(field: &str, value: &str, pattern: &str) -> Refusal {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: {pattern}"
    );
    Refusal::new("ValidationException", message)
}

fn merge_tags(tags: &mut BTreeMap<String, String>, new: Vec<Tag>) -> Result<(), Refusal> {
    for Tag { key, value } in new {
        if key.is_empty() || key.chars().count() > 128 || key.starts_with("aws:") {
            let message = format!("The tag key '{key}' is not valid");
            return Err(Refusal::new("InvalidTagException", message));
        }
        tags.insert(key, value.unwrap_or_default());
    }
    if tags.len() > TAGS {
        let message = format!("A certificate can have at most {TAGS} tags");
        return Err(Refusal::new("TooManyTagsException", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_dns() {
        assert!(check_name("bot.example.com").is_ok() && check_name("*.example.com").is_ok());
        for bad in ["localhost", "a_b.example.com", "-a.example.com", "a.*.example.com"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
