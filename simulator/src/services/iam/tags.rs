//! Tags of roles, instance profiles and OIDC providers: the same calls for all, but for the names.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{invalid, limit, listed, oidc, profiles, roles};
use crate::{
    call::Call,
    refusal::{Answer, Refusal},
    world::Context,
};

/// What has tags.
#[derive(Clone, Copy)]
pub(super) enum Tagged {
    Role,
    InstanceProfile,
    OidcProvider,
}

impl Tagged {
    /// What its name is called in a request.
    fn name(self) -> &'static str {
        match self {
            Self::Role => "RoleName",
            Self::InstanceProfile => "InstanceProfileName",
            Self::OidcProvider => "OpenIDConnectProviderArn",
        }
    }

    fn tags<'a>(self, cx: &'a mut Context<'_>, name: &str) -> Result<&'a mut Tags, Refusal> {
        match self {
            Self::Role => roles::role_mut(cx, name).map(|it| &mut it.tags),
            Self::InstanceProfile => profiles::profile_mut(cx, name).map(|it| &mut it.tags),
            Self::OidcProvider => oidc::provider_mut(cx, name).map(|it| &mut it.tags),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    name: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(cx: &mut Context<'_>, call: &Call, of: Tagged) -> Answer {
    let input: List = call.input_renaming(&[(of.name(), "Name")])?;
    let tags = shown(of.tags(cx, &input.name)?);
    listed("Tags", tags, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Add {
    name: String,
    tags: Vec<Tag>,
}

pub(super) fn add(cx: &mut Context<'_>, call: &Call, of: Tagged) -> Answer {
    let input: Add = call.input_renaming(&[(of.name(), "Name")])?;
    add_tags(of.tags(cx, &input.name)?, input.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Remove {
    name: String,
    tag_keys: Vec<String>,
}

pub(super) fn remove(cx: &mut Context<'_>, call: &Call, of: Tagged) -> Answer {
    let input: Remove = call.input_renaming(&[(of.name(), "Name")])?;
    of.tags(cx, &input.name)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

pub(super) type Tags = BTreeMap<String, String>;

/// Adds tags, within the rules.
pub(super) fn add_tags(to: &mut Tags, tags: Vec<Tag>) -> Result<(), Refusal> {
    let mut keys: Vec<String> = tags.iter().map(|it| it.key.to_lowercase()).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|it| it[0] == it[1]) {
        let words = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(Refusal::new("InvalidInput", words));
    }
    let mut all = to.clone();
    for Tag { key, value } in tags {
        if key.to_lowercase().starts_with("aws:") {
            let words = "Tag keys beginning with 'aws:' are reserved for system use.";
            return Err(Refusal::new("InvalidInput", words));
        }
        let legal = |it: char| it.is_alphanumeric() || it == ' ' || "_.:/=+-@".contains(it);
        let size = (key.chars().count(), value.chars().count());
        if !(key.chars().chain(value.chars()).all(legal)
            && (1..=128).contains(&size.0)
            && size.1 <= 256)
        {
            return Err(invalid(format!(
                "The tag {key} has characters or a length that tags cannot have."
            )));
        }
        all.insert(key, value);
    }
    if all.len() > 50 {
        return Err(limit("Cannot exceed quota for TagsPerResource: 50"));
    }
    *to = all;
    Ok(())
}

pub(super) fn tags_json(tags: &Tags) -> Value {
    shown(tags).into()
}

fn shown(tags: &Tags) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}
