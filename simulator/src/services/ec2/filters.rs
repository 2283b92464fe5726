//! Filters, ids and pages of the Describe actions.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{page::page, refusal::Refusal};

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
    /// Its tags.
    fn tags(&self) -> &BTreeMap<String, String>;
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
            selected.retain(|it| wanted(it.tags().get(key).cloned().into_iter().collect()));
        } else if filter.name == "tag-key" {
            selected.retain(|it| wanted(it.tags().keys().cloned().collect()));
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
) -> Result<(Vec<T>, Option<String>), Refusal> {
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
