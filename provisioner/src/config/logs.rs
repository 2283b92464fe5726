//! `logs`: the log group of the services.

use super::reader::{Field, Wrong};

/// Days for which CloudWatch can keep logs, from the documentation of PutRetentionPolicy.
const RETENTIONS: &[i32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// What happens to the services' logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// Days after which CloudWatch deletes them, one of the values it offers; none (`never`) to keep them for ever.
    pub retention_days: Option<i32>,
}

impl Default for Logs {
    fn default() -> Self {
        Self { retention_days: Some(30) }
    }
}

impl Logs {
    pub(super) fn read(field: Option<Field<'_>>) -> Self {
        let Some(mut section) = field.and_then(|field| field.section()) else {
            return Self::default();
        };
        let retention =
            section.optional("retention_days").and_then(|field| field.parsed_scalar(retention));
        section.finish();
        retention.map_or_else(Self::default, |retention_days| Self { retention_days })
    }
}

fn retention(text: &str) -> Result<Option<i32>, Wrong> {
    if text == "never" {
        return Ok(None);
    }
    let Ok(days) = text.parse::<i32>() else {
        return Err(Wrong::new("is not a number of days")
            .help("a number such as 30, or `never` to keep logs for ever"));
    };
    if RETENTIONS.contains(&days) {
        return Ok(Some(days));
    }
    let below = RETENTIONS.iter().rev().find(|offer| **offer < days);
    let above = RETENTIONS.iter().find(|offer| **offer > days);
    let near: Vec<String> = below.into_iter().chain(above).map(ToString::to_string).collect();
    let all: Vec<String> = RETENTIONS.iter().map(ToString::to_string).collect();
    Err(Wrong::new("is not a retention CloudWatch offers").help(format!(
        "nearest: {}; possible: {}, or `never` to keep logs for ever",
        near.join(" or "),
        all.join(", ")
    )))
}
