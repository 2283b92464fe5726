//! FilterLogEvents: the lines of several streams, by time and by pattern, in pages.
//!
//! Sources: the CloudWatch Logs API reference; "Filter pattern syntax" in the CloudWatch Logs User Guide. Of patterns only
//! those of unstructured text are modelled: terms, quoted phrases, `?` and `-` before them.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{clock::Time, page::page, refusal::Answer, refusal::Refusal, world::Context};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FilterLogEvents {
    log_group_name: String,
    log_stream_name_prefix: Option<String>,
    #[serde(default)]
    log_stream_names: Vec<String>,
    start_time: Option<u64>,
    end_time: Option<u64>,
    filter_pattern: Option<String>,
    limit: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn filter_log_events(cx: &mut Context<'_>, input: FilterLogEvents) -> Answer {
    let pattern = Pattern::read(input.filter_pattern.as_deref().unwrap_or_default())?;
    if input.log_stream_name_prefix.is_some() && !input.log_stream_names.is_empty() {
        let words = "Only one of logStreamNames and logStreamNamePrefix can be given.";
        return Err(Refusal::new("InvalidParameterException", words));
    }
    let prefix = input.log_stream_name_prefix.unwrap_or_default();
    let (names, streams) =
        (input.log_stream_names, &super::group(cx, &input.log_group_name)?.streams);
    let streams = streams.iter().filter(|(name, _)| {
        name.starts_with(&prefix) && (names.is_empty() || names.contains(name))
    });
    let mut found: Vec<(Time, &str, usize, &str)> = Vec::new();
    for (name, events) in streams {
        for (number, (at, line)) in events.iter().enumerate() {
            let in_time = input.start_time.is_none_or(|it| at.0 >= it)
                && input.end_time.is_none_or(|it| at.0 < it);
            if in_time && pattern.matches(line) {
                found.push((*at, name, number, line));
            }
        }
    }
    found.sort();
    let limit = input.limit.unwrap_or(10_000);
    if !(1..=10_000).contains(&limit) {
        return Err(Refusal::new("InvalidParameterException", "limit must be between 1 and 10000"));
    }
    let (shown, next) = page(found, input.next_token.as_deref(), limit).ok_or_else(|| {
        Refusal::new("InvalidParameterException", "The specified nextToken is invalid.")
    })?;
    let events: Vec<Value> = shown
        .into_iter()
        .map(|(at, stream, number, line)| {
            let id = hex::encode(Sha256::digest(format!("{stream} {number}")));
            json!({
                "eventId": id, "timestamp": at, "ingestionTime": at, "logStreamName": stream, "message": line,
            })
        })
        .collect();
    Ok(json!({ "events": events, "searchedLogStreams": [], "nextToken": next }))
}

/// A pattern for unstructured text; the case of letters counts.
#[derive(Debug, Default, PartialEq)]
struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    fn read(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        if text.starts_with(['{', '[', '%']) {
            return Err(Refusal::not_modelled("FilterLogEvents with a pattern of structured text"));
        }
        let invalid = |_| Refusal::new("InvalidParameterException", "Invalid filter pattern");
        let mut pattern = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let list = match rest.as_bytes().first() {
                Some(b'?') => &mut pattern.any,
                Some(b'-') => &mut pattern.none,
                _ => &mut pattern.all,
            };
            rest = rest.strip_prefix(['?', '-']).unwrap_or(rest);
            let (term, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or(()).map_err(invalid)?,
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            let symbol = |it: char| !it.is_alphanumeric() && it != '_' && it != '.';
            if !rest.starts_with('"') && (term.is_empty() || term.contains(symbol)) {
                // Terms with other characters must be quoted.
                return Err(invalid(()));
            }
            list.push(term.to_owned());
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    fn matches(&self, line: &str) -> bool {
        self.all.iter().all(|it| line.contains(it.as_str()))
            && (self.any.is_empty() || self.any.iter().any(|it| line.contains(it.as_str())))
            && !self.none.iter().any(|it| line.contains(it.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_unstructured_text() {
        let matches = |pattern: &str, line: &str| Pattern::read(pattern).unwrap().matches(line);
        let line = "error: the token is not valid";
        assert!(
            matches("", line) && matches("token error", line) && matches("\"not valid\"", line)
        );
        assert!(!matches("token Error", line) && !matches("\"valid not\"", line));
        assert!(matches("?warning ?token", line) && !matches("?warning ?info", line));
        assert!(!matches("error -token", line) && matches("error -\"no token\"", line));
        for wrong in ["\"open", "a-b", "?"] {
            assert!(Pattern::read(wrong).is_err(), "{wrong}");
        }
        assert!(Pattern::read("{ $.level = \"x\" }").is_err());
    }
}
