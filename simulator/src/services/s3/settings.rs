//! What is set for a bucket as a whole: versioning, the life cycle of its objects, what the public may never do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Versioning, asked::Asked};
use crate::{protocol::Reply, refusal::Refusal, world::Context};

/// What the public may never do, whatever a policy or an access list says.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PublicAccess {
    block_public_acls: bool,
    ignore_public_acls: bool,
    block_public_policy: bool,
    restrict_public_buckets: bool,
}

impl Default for PublicAccess {
    /// As new buckets have it since April 2023.
    fn default() -> Self {
        Self {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PublicAccessWish {
    #[serde(rename = "@xmlns")]
    _namespace: Option<String>,
    #[serde(default)]
    block_public_acls: bool,
    #[serde(default)]
    ignore_public_acls: bool,
    #[serde(default)]
    block_public_policy: bool,
    #[serde(default)]
    restrict_public_buckets: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct VersioningWish {
    #[serde(rename = "@xmlns")]
    _namespace: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LifecycleWish {
    #[serde(rename = "@xmlns")]
    _namespace: Option<String>,
    #[serde(rename = "Rule", default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Rule {
    #[serde(rename = "ID")]
    id: Option<String>,
    status: String,
    filter: Option<Filter>,
    prefix: Option<String>,
    expiration: Option<Expiration>,
    noncurrent_version_expiration: Option<NoncurrentVersionExpiration>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    prefix: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Expiration {
    expired_object_delete_marker: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NoncurrentVersionExpiration {
    noncurrent_days: Option<i64>,
    newer_noncurrent_versions: Option<i64>,
}

/// The sizes from which objects are moved to other classes, which no rule here does.
const TRANSITION: (&str, &str) =
    ("x-amz-transition-default-minimum-object-size", "all_storage_classes_128K");

pub(super) fn put_bucket_versioning(
    cx: &mut Context<'_>,
    asked: &Asked<'_>,
) -> Result<Reply, Refusal> {
    let wish: VersioningWish = asked.document()?;
    let bucket = asked.bucket(cx)?;
    bucket.versioning = match wish.status.as_deref() {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        Some(_) => return Err(malformed()),
        None => {
            let words = "The Versioning element must be specified";
            return Err(Refusal::new("IllegalVersioningConfigurationException", words));
        }
    };
    Ok(Reply::empty(200))
}

pub(super) fn get_bucket_versioning(
    cx: &mut Context<'_>,
    asked: &Asked<'_>,
) -> Result<Reply, Refusal> {
    let fields = match asked.bucket(cx)?.versioning {
        Versioning::Never => json!({}),
        set => json!({ "Status": set }),
    };
    Ok(Reply::xml("VersioningConfiguration", fields))
}

pub(super) fn put_public_access_block(
    cx: &mut Context<'_>,
    asked: &Asked<'_>,
) -> Result<Reply, Refusal> {
    let wish: PublicAccessWish = asked.document()?;
    asked.bucket(cx)?.public_access = PublicAccess {
        block_public_acls: wish.block_public_acls,
        ignore_public_acls: wish.ignore_public_acls,
        block_public_policy: wish.block_public_policy,
        restrict_public_buckets: wish.restrict_public_buckets,
    };
    Ok(Reply::empty(200))
}

pub(super) fn get_public_access_block(
    cx: &mut Context<'_>,
    asked: &Asked<'_>,
) -> Result<Reply, Refusal> {
    let set = asked.bucket(cx)?.public_access;
    Ok(Reply::xml("PublicAccessBlockConfiguration", json!(set)))
}

pub(super) fn put_bucket_lifecycle(
    cx: &mut Context<'_>,
    asked: &Asked<'_>,
) -> Result<Reply, Refusal> {
    if asked.header("content-md5").is_none() && asked.body.checksum.is_none() {
        let words = "Missing required header for this request: Content-MD5";
        return Err(Refusal::new("InvalidRequest", words));
    }
    let wish: LifecycleWish = asked.document()?;
    let mut rules = wish.rules;
    check_rules(&rules)?;
    for rule in &mut rules {
        rule.id.get_or_insert_with(|| cx.chance.letters(48));
    }
    asked.bucket(cx)?.lifecycle = Some(json!(rules));
    Ok(Reply::empty(200).with(TRANSITION.0, TRANSITION.1))
}

pub(super) fn get_bucket_lifecycle(
    cx: &mut Context<'_>,
    asked: &Asked<'_>,
) -> Result<Reply, Refusal> {
    let Some(rules) = asked.bucket(cx)?.lifecycle.clone() else {
        let words = "The lifecycle configuration does not exist";
        let refusal = Refusal::new("NoSuchLifecycleConfiguration", words).with_status(404);
        return Err(refusal.with(json!({ "BucketName": asked.bucket })));
    };
    let reply = Reply::xml("LifecycleConfiguration", json!({ "Rule": rules }));
    Ok(reply.with(TRANSITION.0, TRANSITION.1))
}

fn check_rules(rules: &[Rule]) -> Result<(), Refusal> {
    if rules.is_empty() || rules.len() > 1000 {
        return Err(malformed());
    }
    let mut ids = BTreeSet::new();
    for rule in rules {
        check_rule(rule)?;
        if let Some(id) = &rule.id {
            if id.len() > 255 {
                return Err(invalid("ID length should not exceed allowed limit of 255"));
            }
            if !ids.insert(id) {
                let words =
                    "Rule ID must be unique. Found same ID for more than one rule".to_owned();
                return Err(invalid(words));
            }
        }
    }
    Ok(())
}

fn check_rule(rule: &Rule) -> Result<(), Refusal> {
    // A rule says which objects it is for in one of two ways.
    let once = rule.filter.is_some() != rule.prefix.is_some();
    if !once || !["Enabled", "Disabled"].contains(&rule.status.as_str()) {
        return Err(malformed());
    }
    let noncurrent = rule.noncurrent_version_expiration.as_ref();
    if rule.expiration.is_none() && noncurrent.is_none() {
        let words = "At least one action needs to be specified in a rule";
        return Err(Refusal::new("InvalidRequest", words));
    }
    let Some(it) = noncurrent else { return Ok(()) };
    match (it.noncurrent_days, it.newer_noncurrent_versions) {
        (None, _) => Err(malformed()),
        (Some(days), _) if days < 1 => Err(invalid(
            "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
        )),
        (_, Some(kept)) if !(1..=100).contains(&kept) => Err(invalid(
            "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be a positive integer between 1 and 100",
        )),
        _ => Ok(()),
    }
}

fn malformed() -> Refusal {
    let words =
        "The XML you provided was not well-formed or did not validate against our published schema";
    Refusal::new("MalformedXML", words)
}

fn invalid(words: impl Into<String>) -> Refusal {
    Refusal::new("InvalidArgument", words)
}
