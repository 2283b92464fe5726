//! What all of EC2's kinds have in common: filters and tags.

use aws_sdk_ec2::types::{
    Filter, ResourceType, Tag, TagSpecification, Volume, VolumeModification,
    VolumeModificationState,
};

use super::{Cloud, Tags};
use crate::engine::Result;

/// A filter that lets through what has one of the values. Unlike a search by id it finds nothing, rather than failing,
/// when there is nothing.
pub fn filter(name: &str, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// Filters that find what carries the marks of the stack's resource that has these tags.
pub fn marked(tags: &Tags, cloud: &Cloud) -> Vec<Filter> {
    // No resource has an empty name: tags without marks find nothing.
    let resource = tags.get("provisioner:resource").unwrap_or_default();
    vec![
        filter("tag:provisioner:stack", &cloud.stack),
        filter("tag:provisioner:resource", resource),
    ]
}

/// Every tag found on something.
pub fn found(tags: &[Tag]) -> Tags {
    Tags::found(tags.iter().filter_map(|it| it.key().zip(it.value())))
}

/// The tags for a creating call.
pub fn specification(kind: ResourceType, tags: &Tags) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()
}

/// Size in GiB and type that a volume has or, while one of its changes goes on, will have: to ask for the same change once
/// more would be refused.
pub fn size_and_type(volume: &Volume, changes: &[VolumeModification]) -> (i32, String) {
    let latest = changes.iter().max_by_key(|it| it.start_time());
    let change =
        latest.filter(|it| it.modification_state() == Some(&VolumeModificationState::Modifying));
    let size = change.and_then(|it| it.target_size()).or(volume.size());
    let volume_type = change.and_then(|it| it.target_volume_type()).or(volume.volume_type());
    let volume_type = volume_type.map(|it| it.as_str().to_owned());
    (size.unwrap_or_default(), volume_type.unwrap_or_default())
}

/// Changes the tags of each of `ids` from `old` to `tags`.
pub async fn sync_tags(ids: &[&str], tags: &Tags, old: &Tags, cloud: &Cloud) -> Result<()> {
    let ids: Vec<String> = ids.iter().map(|it| (*it).to_owned()).collect();
    let set: Vec<_> = tags.to_set(old).iter().map(|(key, value)| tag(key, value)).collect();
    if !set.is_empty() {
        cloud.ec2.create_tags().set_resources(Some(ids.clone())).set_tags(Some(set)).send().await?;
    }
    // A tag without a value stands for whatever value it has.
    let remove: Vec<_> =
        tags.to_remove(old).into_iter().map(|key| Tag::builder().key(key).build()).collect();
    if !remove.is_empty() {
        cloud.ec2.delete_tags().set_resources(Some(ids)).set_tags(Some(remove)).send().await?;
    }
    Ok(())
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}
