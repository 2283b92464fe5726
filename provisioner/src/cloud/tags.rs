//! Tags as we set and compare them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Cloud;
use crate::engine::{Existing, Found, Resource};

/// Names the stack that something belongs to.
pub(super) const STACK: &str = "provisioner:stack";
/// Names the resource in the program.
pub(super) const RESOURCE: &str = "provisioner:resource";

/// Says that nobody wants it to be deleted, for when the state that says so is lost.
const PROTECT: &str = "provisioner:protect";

/// The tags of one resource: those of the configuration, and whose it is.
///
/// Tags that others put on our resources (`aws:…`, a company's cost tags) are left alone and compare as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The tags of the resource `name` of `stack`.
    pub fn new(configured: &BTreeMap<String, String>, stack: &str, name: &str) -> Self {
        let mut tags = configured.clone();
        tags.insert(STACK.to_owned(), stack.to_owned());
        tags.insert(RESOURCE.to_owned(), name.to_owned());
        Self(tags)
    }

    /// The same with one more.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.0.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The same, of something that is not to be deleted.
    pub fn protected(self) -> Self {
        self.with(PROTECT, "true")
    }

    /// Every key and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of one tag.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// As the map that some SDKs want.
    pub fn to_map(&self) -> std::collections::HashMap<String, String> {
        self.0.clone().into_iter().collect()
    }

    /// Every tag found on something, before [`of_ours`](Self::of_ours) leaves out what is not ours to compare.
    pub fn found(tags: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        Self(tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// Those of the found tags that are ours: what we want now, or set the last time and must take away.
    pub fn of_ours(&self, desired: &Self, recorded: Option<&Self>) -> Self {
        let ours = |key: &String| {
            desired.0.contains_key(key)
                || recorded.is_some_and(|it| it.0.contains_key(key))
                || key.starts_with("provisioner:")
        };
        Self(
            self.0
                .iter()
                .filter(|(key, _)| ours(key))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        )
    }

    /// What to set so that `existing` becomes `self`.
    pub fn to_set(&self, existing: &Self) -> Vec<(String, String)> {
        let differs = |(key, value): &(&String, &String)| existing.0.get(*key) != Some(*value);
        self.0.iter().filter(differs).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The keys to take away so that `existing` becomes `self`.
    pub fn to_remove(&self, existing: &Self) -> Vec<String> {
        existing.0.keys().filter(|key| !self.0.contains_key(*key)).cloned().collect()
    }

    /// The stack they name.
    pub fn stack(&self) -> Option<&str> {
        self.get(STACK)
    }

    /// The name of the resource in the program.
    pub fn resource(&self) -> Option<&str> {
        self.get(RESOURCE)
    }

    /// Whether it is not to be deleted. Whoever writes something else than we do still wants that.
    pub fn protect(&self) -> bool {
        self.get(PROTECT).is_some_and(|it| it != "false")
    }

    /// Whose `existing` is, by these tags found on it.
    pub fn sort<R: Resource>(&self, existing: Existing<R>, cloud: &Cloud) -> Found<R> {
        match self.stack() {
            Some(stack) if stack == cloud.stack => Found::Ours(existing),
            Some(other) => Found::Theirs(existing, format!("it belongs to the stack `{other}`")),
            None => Found::Theirs(existing, format!("it has no tag `{STACK}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_tags_are_compared() {
        let configured = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        let desired = Tags::new(&configured, "gsm", "logs");
        let recorded = desired.clone().with("old", "1");
        let live = Tags::found([
            ("team", "b"),
            ("old", "1"),
            ("cost", "9"),
            ("aws:x", "y"),
            (STACK, "gsm"),
        ]);
        let ours = live.of_ours(&desired, Some(&recorded));
        assert_eq!(ours, Tags::found([("team", "b"), ("old", "1"), (STACK, "gsm")]));
        let set = desired.to_set(&ours);
        assert_eq!(
            set,
            [(RESOURCE.to_owned(), "logs".to_owned()), ("team".to_owned(), "a".to_owned())]
        );
        assert_eq!(desired.to_remove(&ours), ["old"]);
    }
}
