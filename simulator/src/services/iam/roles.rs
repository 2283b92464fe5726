//! Roles and their policies.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Spreading, Tag, Tags, add_tags, check_name, check_path, encoded, exists, id, in_use, invalid,
    is_other_principal, limit, listed, malformed, managed, no_such,
    policy::{self, Place},
    tags_json,
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    visibility::Made,
    world::Context,
};

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Role {
    name: String,
    path: String,
    pub(super) id: String,
    pub(super) arn: String,
    created: Time,
    description: String,
    max_session: u32,
    pub(super) tags: Tags,
    pub(super) rights: Spreading<Rights>,
}

impl Made for Role {
    fn made(&self) -> Time {
        self.created
    }
}

/// What spreads to the other services.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Rights {
    /// Who may take the role on: a policy, as it was given.
    pub trust: String,
    /// The policies that are part of the role, by name, as they were given.
    pub inline: BTreeMap<String, String>,
    /// ARNs of the managed policies.
    pub attached: BTreeSet<String>,
}

/// Characters of all inline policies of a role together, without white space.
const INLINE_SIZE: usize = 10_240;
/// Characters of a trust policy, without white space.
const TRUST_SIZE: usize = 2_048;
const ATTACHED: usize = 10;

/// A role by its ARN.
pub(super) fn by_arn<'a>(cx: &'a Context<'_>, arn: &str) -> Option<&'a Role> {
    let name = arn.split_once(":role/")?.1.rsplit('/').next()?;
    cx.global.iam.roles.get(name).filter(|it| it.arn == arn)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    role_name: String,
    assume_role_policy_document: String,
    path: Option<String>,
    #[serde(default)]
    description: String,
    max_session_duration: Option<u32>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Context<'_>, input: Create) -> Answer {
    let name = input.role_name;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    check_name(&name, "roleName", 64)?;
    check_path(&path)?;
    check_description(&input.description)?;
    let max_session = checked_session(input.max_session_duration)?.unwrap_or(3600);
    check_trust(cx, &input.assume_role_policy_document)?;
    // Names differ by more than capitals.
    if cx.global.iam.roles.keys().any(|it| it.eq_ignore_ascii_case(&name)) {
        return Err(exists(format!("Role with name {name} already exists.")));
    }
    let mut tags = Tags::new();
    add_tags(&mut tags, input.tags)?;
    let rights = Rights {
        trust: input.assume_role_policy_document,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
    };
    let role = Role {
        arn: format!("arn:aws:iam::{}:role{path}{name}", cx.account),
        id: id(cx, "AROA"),
        created: cx.now,
        description: input.description,
        max_session,
        tags,
        rights: Spreading::new(cx.now, rights),
        name: name.clone(),
        path,
    };
    let answer = json!({ "Role": described(&role, true) });
    cx.global.iam.roles.insert(name, role);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfRole {
    role_name: String,
}

pub(super) fn get(cx: &mut Context<'_>, input: OfRole) -> Answer {
    Ok(json!({ "Role": described(role(cx, &input.role_name)?, true) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    role_name: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
}

pub(super) fn update(cx: &mut Context<'_>, input: Update) -> Answer {
    check_description(input.description.as_deref().unwrap_or_default())?;
    let max_session = checked_session(input.max_session_duration)?;
    let role = role_mut(cx, &input.role_name)?;
    role.description = input.description.unwrap_or_else(|| role.description.clone());
    role.max_session = max_session.unwrap_or(role.max_session);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateTrust {
    role_name: String,
    policy_document: String,
}

pub(super) fn update_trust(cx: &mut Context<'_>, input: UpdateTrust) -> Answer {
    role(cx, &input.role_name)?;
    check_trust(cx, &input.policy_document)?;
    change(cx, &input.role_name, |rights| {
        rights.trust = input.policy_document;
        Ok(())
    })
}

pub(super) fn delete(cx: &mut Context<'_>, input: OfRole) -> Answer {
    let name = &input.role_name;
    let rights = role(cx, name)?.rights.latest();
    if !rights.attached.is_empty() {
        return Err(in_use("Cannot delete entity, must detach all policies first."));
    }
    if !rights.inline.is_empty() {
        return Err(in_use("Cannot delete entity, must delete policies first."));
    }
    if cx.global.iam.profiles.values().any(|it| it.role.latest().as_ref() == Some(name)) {
        let words = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(in_use(words));
    }
    cx.global.iam.roles.remove(name);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(cx: &mut Context<'_>, input: List) -> Answer {
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    let roles = cx.global.iam.roles.values().filter(|it| it.path.starts_with(&prefix));
    let roles = roles.map(|it| described(it, false));
    listed("Roles", roles, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutPolicy {
    role_name: String,
    policy_name: String,
    policy_document: String,
}

pub(super) fn put_policy(cx: &mut Context<'_>, input: PutPolicy) -> Answer {
    check_name(&input.policy_name, "policyName", 128)?;
    role(cx, &input.role_name)?;
    policy::read(&input.policy_document, Place::Identity).map_err(malformed)?;
    change(cx, &input.role_name, |rights| {
        rights.inline.insert(input.policy_name, input.policy_document);
        if rights.inline.values().map(|it| size(it)).sum::<usize>() > INLINE_SIZE {
            let words = format!(
                "Maximum policy size of {INLINE_SIZE} bytes exceeded for role {}",
                input.role_name
            );
            return Err(limit(words));
        }
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfPolicy {
    role_name: String,
    policy_name: String,
}

pub(super) fn get_policy(cx: &mut Context<'_>, input: OfPolicy) -> Answer {
    let rights = role(cx, &input.role_name)?.rights.latest();
    let document =
        rights.inline.get(&input.policy_name).ok_or_else(|| no_policy(&input.policy_name))?;
    Ok(json!({
        "RoleName": input.role_name,
        "PolicyName": input.policy_name,
        "PolicyDocument": encoded(document),
    }))
}

pub(super) fn delete_policy(cx: &mut Context<'_>, input: OfPolicy) -> Answer {
    change(cx, &input.role_name, |rights| {
        let gone = rights.inline.remove(&input.policy_name);
        gone.map(drop).ok_or_else(|| no_policy(&input.policy_name))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListOfRole {
    role_name: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list_policies(cx: &mut Context<'_>, input: ListOfRole) -> Answer {
    let rights = role(cx, &input.role_name)?.rights.latest();
    let names = rights.inline.keys().map(|it| json!(it));
    listed("PolicyNames", names, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfAttached {
    role_name: String,
    policy_arn: String,
}

pub(super) fn attach_policy(cx: &mut Context<'_>, input: OfAttached) -> Answer {
    let arn = input.policy_arn;
    role(cx, &input.role_name)?;
    check_policy_arn(&arn)?;
    if managed::document(&arn).is_none() {
        return Err(no_such(format!("Policy {arn} does not exist or is not attachable.")));
    }
    change(cx, &input.role_name, |rights| {
        rights.attached.insert(arn);
        match rights.attached.len() > ATTACHED {
            true => Err(limit(format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED}"))),
            false => Ok(()),
        }
    })
}

pub(super) fn detach_policy(cx: &mut Context<'_>, input: OfAttached) -> Answer {
    check_policy_arn(&input.policy_arn)?;
    change(cx, &input.role_name, |rights| match rights.attached.remove(&input.policy_arn) {
        true => Ok(()),
        false => Err(no_such(format!("Policy {} was not found.", input.policy_arn))),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListAttached {
    role_name: String,
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list_attached_policies(cx: &mut Context<'_>, input: ListAttached) -> Answer {
    let prefix = format!("policy{}", input.path_prefix.as_deref().unwrap_or("/"));
    let attached = role(cx, &input.role_name)?.rights.latest().attached.iter();
    let attached = attached
        .filter(|arn| arn.rsplit(':').next().is_some_and(|it| it.starts_with(&prefix)))
        .map(|arn| json!({ "PolicyName": arn.rsplit('/').next(), "PolicyArn": arn }));
    listed("AttachedPolicies", attached, input.marker.as_deref(), input.max_items)
}

/// A role by its name.
pub(super) fn role<'a>(cx: &'a Context<'_>, name: &str) -> Result<&'a Role, Refusal> {
    cx.global.iam.roles.get(name).ok_or_else(|| no_role(name))
}

pub(super) fn role_mut<'a>(cx: &'a mut Context<'_>, name: &str) -> Result<&'a mut Role, Refusal> {
    cx.global.iam.roles.get_mut(name).ok_or_else(|| no_role(name))
}

/// Changes what others see of a role, some seconds from now.
fn change(
    cx: &mut Context<'_>,
    name: &str,
    with: impl FnOnce(&mut Rights) -> Result<(), Refusal>,
) -> Answer {
    let (now, after) = (cx.now, cx.times.of(|it| it.iam));
    let role = role_mut(cx, name)?;
    let mut rights = role.rights.latest().clone();
    with(&mut rights)?;
    role.rights.set(now, after, rights);
    Ok(Value::Null)
}

/// Lists leave out the tags.
pub(super) fn described(role: &Role, whole: bool) -> Value {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created.iso(),
        "AssumeRolePolicyDocument": encoded(&role.rights.latest().trust),
        "Description": some(&role.description),
        "MaxSessionDuration": role.max_session,
        "Tags": (whole && !role.tags.is_empty()).then(|| tags_json(&role.tags)),
    })
}

fn check_trust(cx: &Context<'_>, document: &str) -> Result<(), Refusal> {
    let policy = policy::read(document, Place::Trust).map_err(malformed)?;
    if size(document) > TRUST_SIZE {
        return Err(limit(format!("Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}")));
    }
    let is_there = |it: &&str| by_arn(cx, it).is_some() || is_other_principal(cx, it);
    match policy::principals(&policy).iter().find(|it| !is_there(it)) {
        Some(it) => Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{it}\""))),
        None => Ok(()),
    }
}

fn check_description(text: &str) -> Result<(), Refusal> {
    match text.chars().count() <= 1000 {
        true => Ok(()),
        false => Err(invalid(
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000".to_owned(),
        )),
    }
}

fn checked_session(seconds: Option<u32>) -> Result<Option<u32>, Refusal> {
    match seconds.is_none_or(|it| (3600..=43200).contains(&it)) {
        true => Ok(seconds),
        false => Err(invalid(
            "The requested MaxSessionDuration must be between 3600 and 43200 seconds.".to_owned(),
        )),
    }
}

fn check_policy_arn(arn: &str) -> Result<(), Refusal> {
    let legal = arn.starts_with("arn:") && arn.contains(":policy/") && arn.len() >= 20;
    match legal {
        true => Ok(()),
        false => Err(Refusal::new("InvalidInput", format!("ARN {arn} is not valid."))),
    }
}

/// White space does not count towards quotas.
fn size(document: &str) -> usize {
    document.chars().filter(|it| !it.is_whitespace()).count()
}

fn no_role(name: &str) -> Refusal {
    no_such(format!("The role with name {name} cannot be found."))
}

fn no_policy(name: &str) -> Refusal {
    no_such(format!("The role policy with name {name} cannot be found."))
}

/// A role with an inline policy.
#[cfg(test)]
pub(super) fn make(cx: &mut Context<'_>, name: &str, trust: &str, rights: &str) -> Answer {
    let role = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust });
    let policy = json!({ "RoleName": name, "PolicyName": "p", "PolicyDocument": rights });
    let misread = |error: serde_json::Error| invalid(error.to_string());
    create(cx, serde_json::from_value(role).map_err(misread)?)?;
    put_policy(cx, serde_json::from_value(policy).map_err(misread)?)
}
