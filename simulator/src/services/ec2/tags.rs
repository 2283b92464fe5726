//! Tags of everything in EC2.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::filters::{Filter, Filtered, Read, paged, select};
use crate::{
    call::Call,
    refusal::{Answer, Refusal},
    world::Context,
};

/// Tags of one thing.
pub(super) type Tags = BTreeMap<String, String>;

/// Tags in a creating call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Specification {
    resource_type: String,
    #[serde(default)]
    tag: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    key: String,
    value: Option<String>,
}

/// Most tags of one thing.
const MOST: usize = 50;

/// The tags that a creating call gives to each of the types of resources that it makes, checked.
pub(super) fn given<const N: usize>(
    specifications: &[Specification],
    kinds: [&str; N],
) -> Result<[BTreeMap<String, String>; N], Refusal> {
    let mut given = kinds.map(|_| BTreeMap::new());
    for Specification { resource_type, tag } in specifications {
        let Some(place) = kinds.iter().position(|it| it == resource_type) else {
            let words = format!(
                "'{resource_type}' is not a valid taggable resource type for this operation."
            );
            return Err(Refusal::new("InvalidParameterValue", words));
        };
        for Tag { key, value } in tag {
            if given[place].insert(key.clone(), value.clone().unwrap_or_default()).is_some() {
                let words = format!("Duplicate tag key '{key}' specified.");
                return Err(Refusal::new("InvalidParameterValue", words));
            }
        }
        check(&given[place])?;
    }
    Ok(given)
}

/// As answers show them.
pub(super) fn shown(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// The type of resource in ARNs and tag filters, by the beginning of an id.
pub(crate) fn kind_of(id: &str) -> Option<&'static str> {
    Some(match id.split_once('-')?.0 {
        "eipalloc" => "elastic-ip",
        "eni" => "network-interface",
        "key" => "key-pair",
        "i" => "instance",
        "sg" => "security-group",
        "sgr" => "security-group-rule",
        "subnet" => "subnet",
        "vol" => "volume",
        "vpc" => "vpc",
        _ => return None,
    })
}

fn check(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > MOST {
        let words = "The maximum number of Tags for a resource has been reached.";
        return Err(Refusal::new("TagLimitExceeded", words));
    }
    for (key, value) in tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            let words =
                format!("Tag keys starting with 'aws:' are reserved for internal use: {key}");
            return Err(Refusal::new("InvalidParameterValue", words));
        }
        if key.is_empty() || key.chars().count() > 127 || value.chars().count() > 256 {
            let words =
                format!("Tag value exceeds the maximum length, or its key is not valid: {key}");
            return Err(Refusal::new("InvalidParameterValue", words));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Change {
    resource_id: Vec<String>,
    #[serde(default)]
    tag: Vec<Tag>,
}

pub(super) fn create(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Change = call.input()?;
    for id in &input.resource_id {
        there(cx, id)?;
        let mut tags = cx.region.ec2.tags_of(id);
        tags.extend(
            input.tag.iter().map(|it| (it.key.clone(), it.value.clone().unwrap_or_default())),
        );
        check(&tags)?;
        cx.region.ec2.tags.insert(id.clone(), tags);
    }
    Ok(Value::Null)
}

/// A tag without a value goes whatever its value is; without any tag, all go.
pub(super) fn delete(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Change = call.input()?;
    for id in &input.resource_id {
        there(cx, id)?;
        let Some(tags) = cx.region.ec2.tags.get_mut(id) else { continue };
        let goes = |key: &str, value: &str| {
            let same =
                |it: &&Tag| it.key == key && it.value.as_deref().is_none_or(|it| it == value);
            input.tag.is_empty() || input.tag.iter().find(same).is_some()
        };
        tags.retain(|key, value| !goes(key, value));
    }
    Ok(Value::Null)
}

fn there(cx: &Context<'_>, id: &str) -> Result<(), Refusal> {
    let ec2 = &cx.region.ec2;
    let (there, code) = match kind_of(id) {
        Some("elastic-ip") => (ec2.addresses.contains_key(id), "InvalidAllocationID.NotFound"),
        Some("network-interface") => {
            (ec2.interfaces.contains_key(id), "InvalidNetworkInterfaceID.NotFound")
        }
        Some("instance") => (ec2.instances.contains_key(id), "InvalidInstanceID.NotFound"),
        Some("key-pair") => (ec2.keys.contains_key(id), "InvalidKeyPair.NotFound"),
        Some("security-group") => (ec2.groups.contains_key(id), "InvalidGroup.NotFound"),
        Some("security-group-rule") => {
            (ec2.rules.contains_key(id), "InvalidSecurityGroupRuleId.NotFound")
        }
        Some("subnet") => (ec2.subnets.contains_key(id), "InvalidSubnetID.NotFound"),
        Some("volume") => (ec2.volumes.contains_key(id), "InvalidVolume.NotFound"),
        Some("vpc") => (ec2.vpcs.contains_key(id), "InvalidVpcID.NotFound"),
        _ => (false, "InvalidID"),
    };
    if there { Ok(()) } else { Err(Refusal::new(code, format!("The ID '{id}' does not exist"))) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeTags {
    #[serde(default)]
    filter: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

struct One {
    id: String,
    key: String,
    value: String,
}

impl Filtered for One {
    fn named(filter: &str) -> Option<Read<Self>> {
        let read: Read<Self> = match filter {
            "resource-id" => |it| vec![it.id.clone()],
            "resource-type" => |it| kind_of(&it.id).map(str::to_owned).into_iter().collect(),
            "key" => |it| vec![it.key.clone()],
            "value" => |it| vec![it.value.clone()],
            _ => return None,
        };
        Some(read)
    }
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: DescribeTags = call.input()?;
    let all = cx.region.ec2.tags.iter().flat_map(|(id, tags)| {
        tags.iter().map(|(key, value)| One {
            id: id.clone(),
            key: key.clone(),
            value: value.clone(),
        })
    });
    let (page, next) =
        paged(select(all, &input.filter)?, input.next_token.as_deref(), input.max_results)?;
    let shown: Vec<Value> = page
        .iter()
        .map(|it| {
            json!({
                "resourceId": it.id,
                "resourceType": kind_of(&it.id),
                "key": it.key,
                "value": it.value,
            })
        })
        .collect();
    Ok(json!({ "tagSet": shown, "nextToken": next }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specified(kind: &str, keys: &[&str]) -> Specification {
        let tag = |key: &&str| Tag { key: (*key).to_owned(), value: None };
        Specification { resource_type: kind.to_owned(), tag: keys.iter().map(tag).collect() }
    }

    #[test]
    fn each_type_gets_its_own_tags() {
        let all = [specified("volume", &["a", "b"]), specified("instance", &["c"])];
        let counts = given(&all, ["instance", "volume"]).map(|it| it.map(|tags| tags.len()));
        assert_eq!(counts, Ok([1, 2]));
    }

    #[test]
    fn tags_of_nothing_tags_twice_and_reserved_tags_are_refused() {
        for wrong in [
            specified("subnet", &["a"]),
            specified("instance", &["a", "a"]),
            specified("instance", &["Aws:a"]),
            specified("instance", &[""]),
        ] {
            assert!(given(&[wrong], ["instance"]).is_err());
        }
    }
}
