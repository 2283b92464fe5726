//! Tags of load balancers, target groups, listeners and rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Elb, balancers, invalid};
use crate::{
    refusal::{Answer, Refusal},
    world::Context,
};

/// A tag, as calls give it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    key: String,
    value: Option<String>,
}

/// Most tags on one thing.
const MOST: usize = 50;

/// Most things that one call asks about.
const AT_ONCE: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Add {
    resource_arns: Vec<String>,
    tags: Vec<Tag>,
}

pub(super) fn add(cx: &mut Context<'_>, input: Add) -> Answer {
    let new = checked(input.tags)?;
    for arn in &input.resource_arns {
        let tags = tags(cx, arn)?;
        if tags.len() + new.keys().filter(|it| !tags.contains_key(*it)).count() > MOST {
            return Err(too_many());
        }
    }
    for arn in &input.resource_arns {
        if let Some(tags) = cx.region.elb.tags.get_mut(arn) {
            tags.extend(new.clone());
        }
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Remove {
    resource_arns: Vec<String>,
    tag_keys: Vec<String>,
}

pub(super) fn remove(cx: &mut Context<'_>, input: Remove) -> Answer {
    for arn in &input.resource_arns {
        tags(cx, arn)?;
    }
    for arn in &input.resource_arns {
        if let Some(tags) = cx.region.elb.tags.get_mut(arn) {
            tags.retain(|key, _| !input.tag_keys.contains(key));
        }
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    resource_arns: Vec<String>,
}

pub(super) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    if input.resource_arns.len() > AT_ONCE {
        let message = format!("You can specify up to {AT_ONCE} resource ARNs");
        return Err(invalid(message));
    }
    let mut described = Vec::new();
    for arn in &input.resource_arns {
        let tags = tags(cx, arn)?.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
        described.push(json!({ "ResourceArn": arn, "Tags": tags.collect::<Vec<Value>>() }));
    }
    Ok(json!({ "TagDescriptions": described }))
}

/// The tags that something new gets.
pub(super) fn checked(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut checked = BTreeMap::new();
    for Tag { key, value } in tags {
        if key.is_empty() || key.chars().count() > 128 || key.starts_with("aws:") {
            return Err(invalid(format!("The tag key '{key}' is not valid")));
        }
        if checked.contains_key(&key) {
            let message = format!("Tag key '{key}' was specified more than once");
            return Err(Refusal::new("DuplicateTagKeys", message));
        }
        checked.insert(key, value.unwrap_or_default());
    }
    if checked.len() > MOST { Err(too_many()) } else { Ok(checked) }
}

/// To be called after things were deleted together with others.
pub(super) fn forget_the_gone(elb: &mut Elb) {
    let Elb { balancers, listeners, rules, target_groups, tags } = elb;
    tags.retain(|arn, _| {
        balancers.contains_key(arn)
            || listeners.contains_key(arn)
            || rules.contains_key(arn)
            || target_groups.contains_key(arn)
    });
}

fn tags<'a>(cx: &'a Context<'_>, arn: &str) -> Result<&'a BTreeMap<String, String>, Refusal> {
    let kind = arn.split(':').nth(5).and_then(|it| it.split('/').next()).unwrap_or_default();
    let gone = match kind {
        "loadbalancer" => balancers::gone(arn),
        "targetgroup" => {
            Refusal::new("TargetGroupNotFound", format!("Target groups '{arn}' not found"))
        }
        "listener" => Refusal::new("ListenerNotFound", format!("Listener '{arn}' not found")),
        "listener-rule" => Refusal::new("RuleNotFound", format!("Rule '{arn}' not found")),
        _ => invalid(format!("'{arn}' is not a valid resource ARN")),
    };
    cx.region.elb.tags.get(arn).ok_or(gone)
}

fn too_many() -> Refusal {
    let message =
        format!("The maximum number of tags that can be assigned to a resource is {MOST}");
    Refusal::new("TooManyTags", message)
}
