//! What all of Elastic Load Balancing's kinds have in common: tags, and what requests lead to.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, Tag};

use super::{Cloud, Tags};
use crate::engine::Result;

const RESOURCE: &str = "provisioner:resource";

/// Most things whose tags one call tells.
const TAGS_AT_ONCE: usize = 20;

/// The tags for a creating call.
pub fn tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| tag(key, value)).collect()
}

/// Every tag found on something.
pub async fn found(arn: &str, cloud: &Cloud) -> Result<Tags> {
    let mut found = found_on_each(&[arn.to_owned()], cloud).await?;
    Ok(found.remove(arn).unwrap_or_default())
}

/// Every tag found on each of several things, by ARN.
pub async fn found_on_each(arns: &[String], cloud: &Cloud) -> Result<BTreeMap<String, Tags>> {
    let mut found = BTreeMap::new();
    for some in arns.chunks(TAGS_AT_ONCE) {
        let request = cloud.elb.describe_tags().set_resource_arns(Some(some.to_vec()));
        for one in request.send().await?.tag_descriptions.unwrap_or_default() {
            let Some(arn) = one.resource_arn else { continue };
            let tags = one.tags.unwrap_or_default();
            found.insert(arn, Tags::found(tags.into_iter().filter_map(|it| it.key.zip(it.value))));
        }
    }
    Ok(found)
}

/// Of several things that lie within something of ours the one with the marks of the stack's resource that has these
/// tags.
pub fn marked<'a>(
    tags: &Tags,
    found: &'a BTreeMap<String, Tags>,
    cloud: &Cloud,
) -> Option<&'a str> {
    let resource = tags.get(RESOURCE)?;
    let is_marked =
        |it: &Tags| it.stack() == Some(&cloud.stack) && it.get(RESOURCE) == Some(resource);
    found.iter().find(|(_, it)| is_marked(it)).map(|(arn, _)| arn.as_str())
}

/// Whether found tags say that something is another resource of this stack than the one that has `tags`.
pub fn is_another(found: &Tags, tags: &Tags, cloud: &Cloud) -> bool {
    let resource = found.get(RESOURCE);
    found.stack() == Some(&cloud.stack) && resource.is_some() && resource != tags.get(RESOURCE)
}

/// Changes the tags of something from `old` to `tags`.
pub async fn sync_tags(arn: &str, tags: &Tags, old: &Tags, cloud: &Cloud) -> Result<()> {
    let set: Vec<_> = tags.to_set(old).iter().map(|(key, value)| tag(key, value)).collect();
    if !set.is_empty() {
        cloud.elb.add_tags().resource_arns(arn).set_tags(Some(set)).send().await?;
    }
    let remove = tags.to_remove(old);
    if !remove.is_empty() {
        cloud.elb.remove_tags().resource_arns(arn).set_tag_keys(Some(remove)).send().await?;
    }
    Ok(())
}

/// The action that forwards to one target group.
pub fn forward(target_group_arn: String) -> Action {
    Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(target_group_arn).build()
}

/// The target group that actions forward to, if that is all that they do.
pub fn forwards_to(actions: &[Action]) -> Option<&str> {
    let [action] = actions else { return None };
    if action.r#type != Some(ActionTypeEnum::Forward) {
        return None;
    }
    // A single target group is said twice, and its weight and stickiness mean nothing.
    match action.forward_config().map(|it| it.target_groups()) {
        Some([group]) => group.target_group_arn(),
        None | Some([]) => action.target_group_arn(),
        Some(_) => None,
    }
}

/// Actions in words, for those that we never ask for.
pub fn in_words(actions: &[Action]) -> String {
    let words: Vec<String> = actions.iter().map(action_in_words).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", then ") }
}

fn action_in_words(action: &Action) -> String {
    let kind = action.r#type().map_or("unknown action", ActionTypeEnum::as_str);
    let mut words = vec![kind.to_owned()];
    if let Some(to) = action.forward_config().filter(|it| !it.target_groups().is_empty()) {
        let groups = to.target_groups().iter().map(|it| {
            format!(
                "{} (weight {})",
                it.target_group_arn().unwrap_or_default(),
                it.weight().unwrap_or(1)
            )
        });
        words.push(format!("to {}", groups.collect::<Vec<_>>().join(" and ")));
    } else if let Some(to) = action.target_group_arn() {
        words.push(format!("to {to}"));
    }
    if let Some(to) = action.redirect_config() {
        let (protocol, host) =
            (to.protocol().unwrap_or("#{protocol}"), to.host().unwrap_or("#{host}"));
        let (port, path) = (to.port().unwrap_or("#{port}"), to.path().unwrap_or("/#{path}"));
        let (query, code) =
            (to.query().unwrap_or("#{query}"), to.status_code().map_or("", |it| it.as_str()));
        words.push(format!("to {protocol}://{host}:{port}{path}?{query} {code}"));
    }
    if let Some(response) = action.fixed_response_config() {
        let code = response.status_code().unwrap_or_default();
        let (kind, body) = (response.content_type().unwrap_or_default(), response.message_body());
        words.push(format!("{code} {kind} {:?}", body.unwrap_or_default()));
    }
    words.join(" ")
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{ForwardActionConfig, TargetGroupTuple};

    use super::*;

    fn weighted(groups: &[&str]) -> Action {
        let groups = groups
            .iter()
            .map(|it| TargetGroupTuple::builder().target_group_arn(*it).weight(1).build());
        let to = ForwardActionConfig::builder().set_target_groups(Some(groups.collect())).build();
        Action::builder().r#type(ActionTypeEnum::Forward).forward_config(to).build()
    }

    #[test]
    fn one_target_group_is_one_however_it_is_said() {
        assert_eq!(forwards_to(&[forward("a".to_owned())]), Some("a"));
        assert_eq!(forwards_to(&[weighted(&["a"])]), Some("a"));
        assert_eq!(forwards_to(&[weighted(&["a", "b"])]), None);
        assert_eq!(forwards_to(&[forward("a".to_owned()), forward("a".to_owned())]), None);
        assert_eq!(in_words(&[weighted(&["a", "b"])]), "forward to a (weight 1) and b (weight 1)");
        assert_eq!(in_words(&[]), "nothing");
    }
}
