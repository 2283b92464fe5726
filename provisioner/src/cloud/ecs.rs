//! What all kinds of ECS resources have in common.

use aws_sdk_ecs::types::{Service, ServiceField, Tag};

use super::{Cloud, Tags, there};
use crate::engine::Result;

/// The status of what is there and is not being deleted.
pub const ACTIVE: &str = "ACTIVE";
/// The status of what ECS deleted and still remembers.
pub const INACTIVE: &str = "INACTIVE";

/// A service as ECS describes it, with its tags, whatever its status; `None` if ECS knows of none.
///
/// # Errors
///
/// When ECS cannot be asked. A cluster that is not there has no services.
pub async fn describe_service(cluster: &str, name: &str, cloud: &Cloud) -> Result<Option<Service>> {
    let request =
        cloud.ecs.describe_services().cluster(cluster).services(name).include(ServiceField::Tags);
    let answer = there(request.send().await)?;
    Ok(answer.and_then(|it| it.services).unwrap_or_default().into_iter().next())
}

/// Tags as ECS takes them.
pub fn tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Tags as ECS gives them.
pub fn found(tags: &[Tag]) -> Tags {
    Tags::found(
        tags.iter().map(|it| (it.key().unwrap_or_default(), it.value().unwrap_or_default())),
    )
}

/// Makes the tags of `arn` those of `new`.
///
/// # Errors
///
/// When ECS refuses.
pub async fn sync_tags(arn: &str, new: &Tags, old: &Tags, cloud: &Cloud) -> Result<()> {
    let set = new.to_set(old);
    if !set.is_empty() {
        let set = tags(set.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        cloud.ecs.tag_resource().resource_arn(arn).set_tags(Some(set)).send().await?;
    }
    let remove = new.to_remove(old);
    if !remove.is_empty() {
        cloud.ecs.untag_resource().resource_arn(arn).set_tag_keys(Some(remove)).send().await?;
    }
    Ok(())
}
