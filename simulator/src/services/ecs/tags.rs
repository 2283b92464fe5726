//! Tags of whatever has an ARN in ECS.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{client, invalid, task_definitions};
use crate::{refusal::Answer, refusal::Refusal, world::Context};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

/// Most tags that something can have.
const MOST: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TagResource {
    resource_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Context<'_>, input: TagResource) -> Answer {
    let more = checked(input.tags)?;
    let tags = of(cx, &input.resource_arn)?;
    let mut all = tags.clone();
    all.extend(more);
    if all.len() > MOST {
        return Err(invalid("The number of tags exceeds the limit of 50."));
    }
    *tags = all;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Context<'_>, input: UntagResource) -> Answer {
    of(cx, &input.resource_arn)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListTags {
    resource_arn: String,
}

pub(super) fn list(cx: &mut Context<'_>, input: ListTags) -> Answer {
    Ok(json!({ "tags": rendered(of(cx, &input.resource_arn)?) }))
}

/// Tags of a request.
pub(super) fn checked(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Refusal> {
    if tags.len() > MOST {
        return Err(invalid("The number of tags exceeds the limit of 50."));
    }
    let mut checked = BTreeMap::new();
    for Tag { key, value } in tags {
        if key.is_empty() || key.len() > 128 || value.len() > 256 {
            return Err(invalid("Tag keys have 1 to 128 characters, and tag values at most 256."));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys that start with aws: are reserved for AWS."));
        }
        if checked.insert(key, value).is_some() {
            return Err(invalid("Duplicate tag keys found."));
        }
    }
    Ok(checked)
}

/// As ECS writes them.
pub(super) fn rendered(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

fn of<'a>(cx: &'a mut Context<'_>, arn: &str) -> Result<&'a mut BTreeMap<String, String>, Refusal> {
    let prefix = cx.arn("ecs", "");
    let Some((kind, rest)) = arn.strip_prefix(&prefix).and_then(|it| it.split_once('/')) else {
        return Err(invalid(format!("Invalid ARN: {arn}")));
    };
    let ecs = &mut cx.region.ecs;
    match kind {
        "cluster" => match ecs.clusters.get_mut(rest) {
            Some(it) if it.active => Ok(&mut it.tags),
            _ => Err(Refusal::new("ClusterNotFoundException", "Cluster not found.")),
        },
        "service" => match ecs.services.get_mut(rest) {
            Some(it) => Ok(&mut it.tags),
            None => Err(Refusal::new("ServiceNotFoundException", "Service not found.")),
        },
        "task-definition" => match task_definitions::find_mut(ecs, rest) {
            Some(it) => Ok(&mut it.tags),
            None => Err(client("The specified task definition does not exist.")),
        },
        "task" => {
            let tasks = ecs.services.values_mut().flat_map(|it| &mut it.tasks);
            let task = tasks.into_iter().find(|it| rest.ends_with(&it.id));
            task.map(|it| &mut it.tags).ok_or_else(|| invalid("The specified task does not exist."))
        }
        _ => Err(invalid(format!("Invalid ARN: {arn}"))),
    }
}
