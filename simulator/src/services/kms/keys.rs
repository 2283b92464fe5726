//! Keys.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{aliases::Alias, arn, listed, resolve};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    services::iam::{
        self,
        policy::{self, Place, Principal, Request},
    },
    visibility::Made,
    world::Context,
};

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Key {
    created: Time,
    description: String,
    pub(super) policy: String,
    pub(super) tags: BTreeMap<String, String>,
    enabled: bool,
    /// Days between two rotations.
    rotation: Option<u32>,
    /// When it is deleted.
    pub(super) ends: Option<Time>,
    /// Whether it is AWS's, for one of its services.
    pub(super) managed: bool,
    /// What it encrypts with.
    pub(super) material: String,
}

impl Made for Key {
    fn made(&self) -> Time {
        self.created
    }
}

const DAY: Duration = Duration::from_secs(86_400);
const TAGS: usize = 50;

impl Key {
    /// Whether its window has not passed yet.
    pub(super) fn lives(&self, cx: &Context<'_>) -> bool {
        self.ends.is_none_or(|end| cx.now < end)
    }

    pub(super) fn state(&self) -> &'static str {
        match (self.ends, self.enabled) {
            (Some(_), _) => "PendingDeletion",
            (None, true) => "Enabled",
            (None, false) => "Disabled",
        }
    }

    pub(super) fn check_not_pending(&self, arn: &str) -> Result<(), Refusal> {
        match self.ends {
            Some(_) => Err(bad_state(format!("{arn} is pending deletion."))),
            None => Ok(()),
        }
    }

    pub(super) fn check_enabled(&self, arn: &str) -> Result<(), Refusal> {
        self.check_not_pending(arn)?;
        match self.enabled {
            true => Ok(()),
            false => Err(Refusal::new("DisabledException", format!("{arn} is disabled."))),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    policy: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    tag_key: String,
    tag_value: String,
}

pub(super) fn create(cx: &mut Context<'_>, input: Create) -> Answer {
    check_description(&input.description)?;
    let policy = input.policy.unwrap_or_else(|| default_policy(cx));
    check_policy(cx, &policy)?;
    let mut tags = BTreeMap::new();
    add_tags(&mut tags, input.tags)?;
    let id = cx.chance.uuid();
    let material = cx.chance.hex(64);
    let description = input.description;
    let key = Key { policy, tags, ..new(cx, description, material) };
    cx.region.kms.keys.insert(id.clone(), key);
    Ok(json!({ "KeyMetadata": described(cx, &id) }))
}

/// The key that AWS itself makes for a service, on first use.
pub(super) fn provide_managed(cx: &mut Context<'_>, alias: &str) {
    if cx.region.kms.aliases.contains_key(alias) {
        return;
    }
    let id = cx.chance.uuid();
    let material = cx.chance.hex(64);
    let description = "Default key that AWS makes for a service of its own".to_owned();
    let key = Key { managed: true, ..new(cx, description, material) };
    let name = Alias { key: id.clone(), created: cx.now, updated: cx.now };
    cx.region.kms.keys.insert(id, key);
    cx.region.kms.aliases.insert(alias.to_owned(), name);
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfKey {
    key_id: String,
}

pub(super) fn describe(cx: &mut Context<'_>, input: OfKey) -> Answer {
    let id = resolve(cx, &input.key_id, true)?;
    Ok(json!({ "KeyMetadata": described(cx, &id) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    limit: Option<usize>,
    marker: Option<String>,
}

pub(super) fn list(cx: &mut Context<'_>, input: List) -> Answer {
    let limit = checked_limit(input.limit, 100, 1000)?;
    let keys = cx.region.kms.keys.keys();
    let keys = keys.map(|id| json!({ "KeyId": id, "KeyArn": arn(cx, id) }));
    listed("Keys", keys, input.marker.as_deref(), limit)
}

pub(super) fn enable(cx: &mut Context<'_>, input: OfKey) -> Answer {
    change(cx, &input.key_id, |key, arn| {
        key.check_not_pending(arn)?;
        key.enabled = true;
        Ok(Value::Null)
    })
}

pub(super) fn disable(cx: &mut Context<'_>, input: OfKey) -> Answer {
    change(cx, &input.key_id, |key, arn| {
        key.check_not_pending(arn)?;
        key.enabled = false;
        Ok(Value::Null)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EnableRotation {
    key_id: String,
    rotation_period_in_days: Option<u32>,
}

pub(super) fn enable_rotation(cx: &mut Context<'_>, input: EnableRotation) -> Answer {
    let days = input.rotation_period_in_days;
    check_range(days, "rotationPeriodInDays", 90, 2560)?;
    change(cx, &input.key_id, |key, arn| {
        key.check_enabled(arn)?;
        key.rotation = Some(days.or(key.rotation).unwrap_or(365));
        Ok(Value::Null)
    })
}

pub(super) fn disable_rotation(cx: &mut Context<'_>, input: OfKey) -> Answer {
    change(cx, &input.key_id, |key, arn| {
        key.check_enabled(arn)?;
        key.rotation = None;
        Ok(Value::Null)
    })
}

pub(super) fn get_rotation(cx: &mut Context<'_>, input: OfKey) -> Answer {
    let id = resolve(cx, &input.key_id, false)?;
    let key = &cx.region.kms.keys[&id];
    // While a deletion is pending nothing is rotated; what was chosen comes back when it is cancelled.
    let days = key.rotation.filter(|_| key.ends.is_none());
    let next = days.map(|it| (key.created + DAY * it).seconds());
    Ok(json!({
        "KeyId": arn(cx, &id),
        "KeyRotationEnabled": days.is_some(),
        "RotationPeriodInDays": days,
        "NextRotationDate": next,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetPolicy {
    key_id: String,
    policy_name: Option<String>,
}

pub(super) fn get_policy(cx: &mut Context<'_>, input: GetPolicy) -> Answer {
    let id = resolve(cx, &input.key_id, false)?;
    check_policy_name(input.policy_name.as_deref())?;
    Ok(json!({ "Policy": cx.region.kms.keys[&id].policy, "PolicyName": "default" }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutPolicy {
    key_id: String,
    policy_name: Option<String>,
    policy: String,
}

pub(super) fn put_policy(cx: &mut Context<'_>, input: PutPolicy) -> Answer {
    resolve(cx, &input.key_id, false)?;
    check_policy_name(input.policy_name.as_deref())?;
    check_policy(cx, &input.policy)?;
    change(cx, &input.key_id, |key, _| {
        key.policy = input.policy;
        Ok(Value::Null)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateDescription {
    key_id: String,
    description: String,
}

pub(super) fn update_description(cx: &mut Context<'_>, input: UpdateDescription) -> Answer {
    check_description(&input.description)?;
    change(cx, &input.key_id, |key, arn| {
        key.check_not_pending(arn)?;
        key.description = input.description;
        Ok(Value::Null)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScheduleDeletion {
    key_id: String,
    pending_window_in_days: Option<u32>,
}

pub(super) fn schedule_deletion(cx: &mut Context<'_>, input: ScheduleDeletion) -> Answer {
    check_range(input.pending_window_in_days, "pendingWindowInDays", 7, 30)?;
    let days = input.pending_window_in_days.unwrap_or(30);
    let end = cx.now + DAY * days;
    change(cx, &input.key_id, |key, arn| {
        key.check_not_pending(arn)?;
        key.ends = Some(end);
        key.enabled = false;
        Ok(json!({
            "KeyId": arn,
            "DeletionDate": end.seconds(),
            "KeyState": "PendingDeletion",
            "PendingWindowInDays": days,
        }))
    })
}

pub(super) fn cancel_deletion(cx: &mut Context<'_>, input: OfKey) -> Answer {
    change(cx, &input.key_id, |key, arn| match key.ends.take() {
        Some(_) => Ok(json!({ "KeyId": arn })),
        None => Err(bad_state(format!("{arn} is not pending deletion."))),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTags {
    key_id: String,
    limit: Option<usize>,
    marker: Option<String>,
}

pub(super) fn list_tags(cx: &mut Context<'_>, input: ListTags) -> Answer {
    let id = resolve(cx, &input.key_id, false)?;
    let limit = checked_limit(input.limit, 50, 50)?;
    let tags = cx.region.kms.keys[&id].tags.iter();
    let tags = tags.map(|(key, value)| json!({ "TagKey": key, "TagValue": value }));
    listed("Tags", tags, input.marker.as_deref(), limit)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TagKey {
    key_id: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Context<'_>, input: TagKey) -> Answer {
    change(cx, &input.key_id, |key, arn| {
        key.check_not_pending(arn)?;
        add_tags(&mut key.tags, input.tags)?;
        Ok(Value::Null)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UntagKey {
    key_id: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Context<'_>, input: UntagKey) -> Answer {
    change(cx, &input.key_id, |key, arn| {
        key.check_not_pending(arn)?;
        key.tags.retain(|name, _| !input.tag_keys.contains(name));
        Ok(Value::Null)
    })
}

/// How many to list: as asked, within the service's bounds.
pub(super) fn checked_limit(
    asked: Option<usize>,
    usual: usize,
    most: usize,
) -> Result<usize, Refusal> {
    check_range(asked.map(|it| it as u32), "limit", 1, most as u32)?;
    Ok(asked.unwrap_or(usual))
}

fn new(cx: &Context<'_>, description: String, material: String) -> Key {
    Key {
        created: cx.now,
        description,
        policy: default_policy(cx),
        tags: BTreeMap::new(),
        enabled: true,
        rotation: None,
        ends: None,
        managed: false,
        material,
    }
}

/// Changes a key, by its id or ARN; nobody changes AWS's own.
fn change(cx: &mut Context<'_>, key: &str, with: impl FnOnce(&mut Key, &str) -> Answer) -> Answer {
    let id = resolve(cx, key, false)?;
    let arn = arn(cx, &id);
    match cx.region.kms.keys.get_mut(&id) {
        Some(key) if key.managed => {
            let words = format!("{arn} is managed by AWS and cannot be changed.");
            Err(Refusal::new("AccessDeniedException", words))
        }
        Some(key) => with(key, &arn),
        None => Ok(Value::Null),
    }
}

fn described(cx: &Context<'_>, id: &str) -> Value {
    let key = &cx.region.kms.keys[id];
    json!({
        "AWSAccountId": cx.account,
        "KeyId": id,
        "Arn": arn(cx, id),
        "CreationDate": key.created.seconds(),
        "Enabled": key.state() == "Enabled",
        "Description": key.description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": key.state(),
        "DeletionDate": key.ends.map(Time::seconds),
        "Origin": "AWS_KMS",
        "KeyManager": if key.managed { "AWS" } else { "CUSTOMER" },
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": false,
    })
}

/// The account's own policies decide.
fn default_policy(cx: &Context<'_>) -> String {
    let statement = json!({
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{}:root", cx.account) },
        "Action": "kms:*",
        "Resource": "*",
    });
    json!({ "Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement] }).to_string()
}

/// A key's policy names principals that KMS knows, and leaves the key to somebody.
fn check_policy(cx: &Context<'_>, document: &str) -> Result<(), Refusal> {
    let malformed = |words: &str| Refusal::new("MalformedPolicyDocumentException", words);
    let policy = policy::read(document, Place::Resource).map_err(|it| malformed(&it))?;
    if !policy::principals(&policy).into_iter().all(|it| iam::knows(cx, it)) {
        let words = "Policy contains a statement with one or more invalid principals.";
        return Err(malformed(words));
    }
    let caller = iam::caller(cx);
    let request = Request {
        principal: Principal::Aws(&caller),
        action: "kms:PutKeyPolicy",
        resource: "*",
        context: &[("kms:CallerAccount", cx.account), ("aws:PrincipalArn", &caller)],
    };
    if !policy::allowed([&policy], &request) {
        let words = "The new key policy will not allow you to update the key policy in the future.";
        return Err(malformed(words));
    }
    Ok(())
}

fn check_policy_name(name: Option<&str>) -> Result<(), Refusal> {
    match name {
        None | Some("default") => Ok(()),
        Some(_) => Err(super::not_found("No such policy exists".to_owned())),
    }
}

fn check_description(text: &str) -> Result<(), Refusal> {
    match text.chars().count() <= 8192 {
        true => Ok(()),
        false => Err(invalid(
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 8192",
        )),
    }
}

fn check_range(value: Option<u32>, field: &str, least: u32, most: u32) -> Result<(), Refusal> {
    let Some(value) = value else { return Ok(()) };
    let bound = match value {
        it if it < least => format!("greater than or equal to {least}"),
        it if it > most => format!("less than or equal to {most}"),
        _ => return Ok(()),
    };
    Err(invalid(format!(
        "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must have value {bound}"
    )))
}

fn add_tags(to: &mut BTreeMap<String, String>, tags: Vec<Tag>) -> Result<(), Refusal> {
    let refuse = |words: String| Refusal::new("TagException", words);
    let mut all = to.clone();
    let mut seen = Vec::new();
    for Tag { tag_key, tag_value } in tags {
        if tag_key.to_lowercase().starts_with("aws:") {
            return Err(refuse(format!("Tag key {tag_key} is reserved for AWS")));
        }
        if tag_key.is_empty() || tag_key.len() > 128 || tag_value.len() > 256 {
            return Err(refuse(format!("Invalid tag {tag_key}")));
        }
        if seen.contains(&tag_key) {
            return Err(refuse("Duplicate tag keys".to_owned()));
        }
        seen.push(tag_key.clone());
        all.insert(tag_key, tag_value);
    }
    if all.len() > TAGS {
        return Err(refuse("Too many tags".to_owned()));
    }
    *to = all;
    Ok(())
}

fn invalid(words: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", words)
}

fn bad_state(words: String) -> Refusal {
    Refusal::new("KMSInvalidStateException", words)
}
