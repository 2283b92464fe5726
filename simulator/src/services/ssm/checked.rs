//! What Parameter Store refuses, and which parameters a filter lets through.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Value, json};

use super::{Filter, Kind, Parameter, Tag, Tier, invalid};
use crate::refusal::Refusal;

/// Characters in a parameter of the standard and of the advanced tier.
const STANDARD_SIZE: usize = 4096;
const ADVANCED_SIZE: usize = 8192;
/// How many levels a name can have.
const LEVELS: usize = 15;

pub(super) fn kind(asked: Option<Kind>, old: Option<&Parameter>) -> Result<Kind, Refusal> {
    match (asked, old.map(|it| it.kind)) {
        (Some(asked), Some(old)) if asked != old => {
            let words = "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type.";
            Err(Refusal::new("HierarchyTypeMismatchException", words))
        }
        (asked, old) => asked
            .or(old)
            .ok_or_else(|| invalid("A parameter type is required when you create a parameter.")),
    }
}

pub(super) fn tier(
    asked: Option<Tier>,
    old: Option<&Parameter>,
    value: &str,
) -> Result<Tier, Refusal> {
    let (old, size) = (old.map(|it| it.tier), value.chars().count());
    let tier = match asked.or(old).unwrap_or(Tier::Standard) {
        Tier::Intelligent if size > STANDARD_SIZE || old == Some(Tier::Advanced) => Tier::Advanced,
        Tier::Intelligent => Tier::Standard,
        tier => tier,
    };
    if size == 0 {
        return Err(invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    match tier {
        Tier::Standard if old == Some(Tier::Advanced) => Err(invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.",
        )),
        Tier::Standard if size > STANDARD_SIZE => Err(invalid(format!(
            "Standard tier parameters support a maximum parameter value of {STANDARD_SIZE} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
        ))),
        _ if size > ADVANCED_SIZE => Err(invalid(format!(
            "Advanced tier parameters support a maximum parameter value of {ADVANCED_SIZE} characters."
        ))),
        tier => Ok(tier),
    }
}

pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let legal = Regex::new(r"^[a-zA-Z0-9_.\-/]+$").is_ok_and(|it| it.is_match(name));
    let path = name.trim_start_matches('/').to_ascii_lowercase();
    let empty_level = name.contains("//") || name.ends_with('/');
    if path.starts_with("aws") {
        let words = format!("No access to reserved parameter name: {name}.");
        return Err(Refusal::new("AccessDeniedException", words));
    }
    if !legal || empty_level || path.starts_with("ssm") || name.len() > 1011 {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    if path.split('/').count() > LEVELS {
        let words = format!("A hierarchy can have a maximum of {LEVELS} levels.");
        return Err(Refusal::new("HierarchyLevelLimitExceededException", words));
    }
    Ok(())
}

pub(super) fn check_names(names: &[String]) -> Result<(), Refusal> {
    match (1..=10).contains(&names.len()) {
        true => Ok(()),
        false => Err(invalid(
            "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length less than or equal to 10 and greater than or equal to 1",
        )),
    }
}

pub(super) fn check_filter(filter: &Filter) -> Result<(), Refusal> {
    let option = filter.option.as_deref().unwrap_or("Equals");
    let options: &[&str] = match filter.key.as_str() {
        "Name" => &["BeginsWith", "Contains", "Equals"],
        "Path" => &["OneLevel", "Recursive"],
        "KeyId" | "Tier" | "Type" => &["BeginsWith", "Equals"],
        key if key.starts_with("tag:") => &["Equals"],
        key => {
            return Err(Refusal::new(
                "InvalidFilterKey",
                format!("{key} is not a valid filter key."),
            ));
        }
    };
    if filter.option.is_some() && !options.contains(&option) {
        let words = format!("The filter option {option} is not valid for {}.", filter.key);
        return Err(Refusal::new("InvalidFilterOption", words));
    }
    Ok(())
}

pub(super) fn passes(filter: &Filter, name: &str, it: &Parameter) -> bool {
    let Filter { key, option, values } = filter;
    let option = option.as_deref().unwrap_or("Equals");
    if key == "Path" {
        return values.iter().any(|path| is_below(name, path, option == "Recursive"));
    }
    let word = |it: Value| it.as_str().map(str::to_owned);
    let found = match key.as_str() {
        "Name" => Some(name.to_owned()),
        "KeyId" => it.key.clone(),
        "Tier" => word(json!(it.tier)),
        "Type" => word(json!(it.kind)),
        tag => it.tags.get(tag.trim_start_matches("tag:")).cloned(),
    };
    // A tag's key alone asks for any value.
    found.is_some_and(|found| {
        values.is_empty()
            || values.iter().any(|wanted| match option {
                "BeginsWith" => found.starts_with(wanted),
                "Contains" => found.contains(wanted),
                _ => found == *wanted,
            })
    })
}

pub(super) fn is_below(name: &str, path: &str, deep: bool) -> bool {
    let rest = name.strip_prefix(path.trim_end_matches('/')).and_then(|it| it.strip_prefix('/'));
    rest.is_some_and(|it| deep || !it.contains('/'))
}

pub(super) fn add_tags(to: &mut BTreeMap<String, String>, tags: Vec<Tag>) -> Result<(), Refusal> {
    let mut all = to.clone();
    for Tag { key, value } in tags {
        if key.to_lowercase().starts_with("aws:") {
            return Err(invalid(format!(
                "aws: prefixed tag key names are not allowed for external use: {key}"
            )));
        }
        if key.is_empty() || key.len() > 128 || value.len() > 256 {
            return Err(invalid(format!("The tag {key} is not valid.")));
        }
        all.insert(key, value);
    }
    if all.len() > 50 {
        return Err(Refusal::new("TooManyTagsError", "A resource can have up to 50 tags."));
    }
    *to = all;
    Ok(())
}

pub(super) fn checked_size(
    asked: Option<usize>,
    usual: usize,
    most: usize,
) -> Result<usize, Refusal> {
    match asked.is_none_or(|it| (1..=most).contains(&it)) {
        true => Ok(asked.unwrap_or(usual)),
        false => Err(invalid(format!(
            "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to {most}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_paths_of_plain_words() {
        let code = |name: &str| check_name(name).err().map(|it| it.code);
        for legal in ["a", "/a", "/gsm/bot/BOT_TOKEN", "/a.b/c-d"] {
            assert_eq!(code(legal), None, "{legal}");
        }
        for illegal in ["", "a/b", "/a//b", "/a/", "/a b", "ssm-a", "/SSM/a"] {
            assert_eq!(code(illegal).as_deref(), Some("ValidationException"), "{illegal}");
        }
        assert_eq!(code("/aws/a").as_deref(), Some("AccessDeniedException"));
        assert_eq!(code(&"/a".repeat(15)), None);
        let deep = code(&"/a".repeat(16));
        assert_eq!(deep.as_deref(), Some("HierarchyLevelLimitExceededException"));
    }

    #[test]
    fn a_path_holds_what_is_below_it() {
        assert!(is_below("/a/b", "/a", false) && is_below("/a/b", "/a/", false));
        assert!(!is_below("/a/b/c", "/a", false) && is_below("/a/b/c", "/a", true));
        assert!(!is_below("/ab", "/a", true) && is_below("/a", "/", false));
    }
}
