//! Filters, ids and pages of the Describe actions.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Ec2;
use crate::{call::Call, page::page, refusal::Refusal};

/// A condition: one of the values, which may have the wildcards `*` and `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Value", default)]
    values: Vec<String>,
}

/// What something has under the name of a filter.
pub(super) type Read<T> = fn(&T) -> Vec<String>;

/// Something that can be filtered.
pub(super) trait Filtered: Sized {
    /// How to read what a filter compares; None: there is no such filter.
    fn named(filter: &str) -> Option<Read<Self>>;

    /// Its tags, if it can have any.
    fn tags(&self) -> Option<&BTreeMap<String, String>> {
        None
    }
}

/// Something with an id, with its tags, and more that its filters compare.
pub(super) struct Found<'a, T, More = ()> {
    pub(super) id: &'a str,
    pub(super) it: &'a T,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) more: More,
}

/// As [`Read`], for something found.
pub(super) type ReadFound<T, More = ()> = for<'a> fn(&Found<'a, T, More>) -> Vec<String>;

/// Something that can be found by filters.
pub(super) trait Findable<More = ()>: Sized {
    /// As [`Filtered::named`].
    fn named(filter: &str) -> Option<ReadFound<Self, More>>;

    /// Its name, where it can be asked for by it instead of its id.
    fn name(&self) -> Option<&str> {
        None
    }
}

impl<T: Findable<More>, More> Filtered for Found<'_, T, More> {
    fn named(filter: &str) -> Option<Read<Self>> {
        T::named(filter).map(|read| read as Read<Self>)
    }

    fn tags(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.tags)
    }
}

/// What a Describe action asks for: ids (each action has a name of its own for them), properties, a page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    id: Vec<String>,
    /// Only security groups and key pairs have any.
    #[serde(default)]
    name: Vec<String>,
    #[serde(default)]
    filter: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Asked {
    /// By a call that calls the ids so.
    pub(super) fn of(call: &Call, ids: &str) -> Result<Self, Refusal> {
        call.input_renaming(&[(ids, "Id")])
    }

    /// By a call that takes names as well.
    pub(super) fn of_named(call: &Call, ids: &str, names: &str) -> Result<Self, Refusal> {
        call.input_renaming(&[(ids, "Id"), (names, "Name")])
    }

    /// The names asked for.
    pub(super) fn names(&self) -> &[String] {
        &self.name
    }

    /// A page of those asked for, which all have to be there; `more`: what filters compare beside the thing itself.
    pub(super) fn among<'a, T: Findable<More>, More>(
        &self,
        ec2: &'a Ec2,
        all: &'a BTreeMap<String, T>,
        absent: impl Fn(&str) -> Refusal,
        more: impl Fn(&'a str, &'a T) -> More,
    ) -> Result<Page<Found<'a, T, More>>, Refusal> {
        if let Some(id) = self.id.iter().find(|it| !all.contains_key(*it)) {
            return Err(absent(id));
        }
        let wants = |id: &str, it: &T| {
            wanted(&self.id, id) && it.name().is_none_or(|it| wanted(&self.name, it))
        };
        let all = all.iter().filter(|(id, it)| wants(id, it));
        self.page(all.map(|(id, it)| Found { id, it, tags: ec2.tags_of(id), more: more(id, it) }))
    }

    /// A page of those that the filters let through.
    pub(super) fn page<T: Filtered>(
        &self,
        all: impl IntoIterator<Item = T>,
    ) -> Result<Page<T>, Refusal> {
        paged(select(all, &self.filter)?, self.next_token.as_deref(), self.max_results)
    }
}

/// Some of a list, and the token of those after them.
type Page<T> = (Vec<T>, Option<String>);

/// Whether ids were asked for and this is one of them, or none were.
pub(super) fn wanted(ids: &[String], id: &str) -> bool {
    ids.is_empty() || ids.iter().any(|it| it == id)
}

/// Those that every filter lets through.
pub(super) fn select<T: Filtered>(
    all: impl IntoIterator<Item = T>,
    filters: &[Filter],
) -> Result<Vec<T>, Refusal> {
    let mut selected: Vec<T> = all.into_iter().collect();
    for filter in filters {
        let wanted = |values: Vec<String>| {
            values.iter().any(|it| filter.values.iter().any(|like| matches(it, like)))
        };
        if let Some(key) = filter.name.strip_prefix("tag:") {
            selected.retain(|it| {
                wanted(it.tags().and_then(|it| it.get(key)).into_iter().cloned().collect())
            });
        } else if filter.name == "tag-key" {
            selected.retain(|it| {
                wanted(it.tags().into_iter().flat_map(|it| it.keys().cloned()).collect())
            });
        } else {
            let read = T::named(&filter.name).ok_or_else(|| unknown(&filter.name))?;
            selected.retain(|it| wanted(read(it)));
        }
    }
    Ok(selected)
}

/// One page.
pub(super) fn paged<T>(
    all: Vec<T>,
    token: Option<&str>,
    size: Option<usize>,
) -> Result<Page<T>, Refusal> {
    if let Some(size) = size.filter(|it| !(5..=1000).contains(it)) {
        let words = format!(
            "Value ( {size} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000."
        );
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    page(all, token, size.unwrap_or(1000))
        .ok_or_else(|| Refusal::new("InvalidNextToken", "The token is not valid."))
}

fn unknown(filter: &str) -> Refusal {
    Refusal::new("InvalidParameterValue", format!("The filter '{filter}' is invalid"))
}

fn matches(text: &str, like: &str) -> bool {
    if !like.contains(['*', '?']) {
        return text == like;
    }
    let escaped = regex_lite::escape(like).replace(r"\*", ".*").replace(r"\?", ".");
    regex_lite::Regex::new(&format!("^{escaped}$")).is_ok_and(|it| it.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_anything() {
        assert!(matches("ubuntu-24.04-1", "ubuntu-24.04-*") && matches("a.b", "a?b"));
        assert!(!matches("axb", "a.b") && !matches("ubuntu", "ubuntu-*"));
    }
}
