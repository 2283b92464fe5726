//! Instance profiles: what gives an instance its role.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Spreading, Tag, Tags, add_tags, check_name, check_path, exists, id, in_use, limit, listed,
    no_such, roles, tags_json,
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    visibility::Made,
    world::Context,
};

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Profile {
    name: String,
    path: String,
    pub(super) id: String,
    pub(super) arn: String,
    created: Time,
    pub(super) tags: Tags,
    /// Name of the one role it can hold.
    pub(super) role: Spreading<Option<String>>,
}

impl Made for Profile {
    fn made(&self) -> Time {
        self.created
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    instance_profile_name: String,
    path: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Context<'_>, input: Create) -> Answer {
    let name = input.instance_profile_name;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    check_name(&name, "instanceProfileName", 128)?;
    check_path(&path)?;
    if cx.global.iam.profiles.keys().any(|it| it.eq_ignore_ascii_case(&name)) {
        return Err(exists(format!("Instance Profile {name} already exists.")));
    }
    let mut tags = Tags::new();
    add_tags(&mut tags, input.tags)?;
    let profile = Profile {
        arn: format!("arn:aws:iam::{}:instance-profile{path}{name}", cx.account),
        id: id(cx, "AIPA"),
        created: cx.now,
        tags,
        role: Spreading::new(cx.now, None),
        name: name.clone(),
        path,
    };
    let answer = json!({ "InstanceProfile": described(cx, &profile, true) });
    cx.global.iam.profiles.insert(name, profile);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfProfile {
    instance_profile_name: String,
}

pub(super) fn get(cx: &mut Context<'_>, input: OfProfile) -> Answer {
    let profile = profile(cx, &input.instance_profile_name)?;
    Ok(json!({ "InstanceProfile": described(cx, profile, true) }))
}

pub(super) fn delete(cx: &mut Context<'_>, input: OfProfile) -> Answer {
    let name = &input.instance_profile_name;
    if profile(cx, name)?.role.latest().is_some() {
        let words = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(in_use(words));
    }
    cx.global.iam.profiles.remove(name);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfBoth {
    instance_profile_name: String,
    role_name: String,
}

pub(super) fn add_role(cx: &mut Context<'_>, input: OfBoth) -> Answer {
    let (now, after) = (cx.now, cx.times.of(|it| it.iam));
    roles::role(cx, &input.role_name)?;
    let profile = profile_mut(cx, &input.instance_profile_name)?;
    // Also if it is the role that it holds already.
    if profile.role.latest().is_some() {
        return Err(limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
    }
    profile.role.set(now, after, Some(input.role_name));
    Ok(Value::Null)
}

pub(super) fn remove_role(cx: &mut Context<'_>, input: OfBoth) -> Answer {
    let (now, after) = (cx.now, cx.times.of(|it| it.iam));
    let profile = profile_mut(cx, &input.instance_profile_name)?;
    if profile.role.latest().as_ref() != Some(&input.role_name) {
        let words = format!("The role with name {} cannot be found.", input.role_name);
        return Err(no_such(words));
    }
    profile.role.set(now, after, None);
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
    let profiles = cx.global.iam.profiles.values().filter(|it| it.path.starts_with(&prefix));
    let profiles = profiles.map(|it| described(cx, it, false));
    listed("InstanceProfiles", profiles, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListForRole {
    role_name: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list_for_role(cx: &mut Context<'_>, input: ListForRole) -> Answer {
    roles::role(cx, &input.role_name)?;
    let profiles = cx.global.iam.profiles.values();
    let profiles = profiles
        .filter(|it| it.role.latest().as_ref() == Some(&input.role_name))
        .map(|it| described(cx, it, false));
    listed("InstanceProfiles", profiles, input.marker.as_deref(), input.max_items)
}

fn profile<'a>(cx: &'a Context<'_>, name: &str) -> Result<&'a Profile, Refusal> {
    cx.global.iam.profiles.get(name).ok_or_else(|| no_profile(name))
}

pub(super) fn profile_mut<'a>(
    cx: &'a mut Context<'_>,
    name: &str,
) -> Result<&'a mut Profile, Refusal> {
    cx.global.iam.profiles.get_mut(name).ok_or_else(|| no_profile(name))
}

/// Lists leave out the tags.
fn described(cx: &Context<'_>, profile: &Profile, whole: bool) -> Value {
    let role = profile.role.latest().as_ref().and_then(|it| cx.global.iam.roles.get(it));
    json!({
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created.iso(),
        "Roles": role.iter().map(|it| roles::described(it, false)).collect::<Vec<_>>(),
        "Tags": (whole && !profile.tags.is_empty()).then(|| tags_json(&profile.tags)),
    })
}

fn no_profile(name: &str) -> Refusal {
    no_such(format!("Instance Profile {name} cannot be found."))
}
