//! Spans of time in words: one unit, or two.

use std::time::Duration;

use super::{Html, Lang, Texts};

/// Units, longest first, in seconds.
const UNITS: [(&str, u64); 7] = [
    ("years", 31_556_952),
    ("months", 2_629_746),
    ("weeks", 604_800),
    ("days", 86_400),
    ("hours", 3600),
    ("minutes", 60),
    ("seconds", 1),
];

/// A span in at most `parts` units, rounded down, such as "3 years, 2 months". Never less than a second.
pub fn span(texts: &Texts, lang: Lang, span: Duration, parts: usize) -> Html {
    let mut rest = span.as_secs().max(1);
    let mut words = Vec::new();
    for (unit, seconds) in UNITS {
        let count = rest / seconds;
        if count > 0 {
            rest %= seconds;
            words.push(texts.html(lang, &format!("time-{unit}"), &[("count", count.into())]));
        }
        // The second unit is the very next one that is not nothing; more would be false precision.
        if words.len() == parts {
            break;
        }
    }
    Html::join(&words, ", ")
}

/// How long ago, in one unit; less than a minute is "just now".
pub fn ago(texts: &Texts, lang: Lang, since: Duration) -> Html {
    let since = since.as_secs();
    let unit = UNITS.iter().find(|(unit, seconds)| *unit != "seconds" && since >= *seconds);
    match unit {
        // A phrase of its own, since in some languages the unit is in another case than in a span.
        Some((unit, seconds)) => {
            texts.html(lang, &format!("ago-{unit}"), &[("count", (since / seconds).into())])
        }
        None => texts.html(lang, "ago-now", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_english(seconds: u64, parts: usize) -> String {
        span(&Texts::load(), Lang::En, Duration::from_secs(seconds), parts).readable()
    }

    #[test]
    fn spans_are_rounded_down_to_units() {
        assert_eq!(in_english(0, 2), "1 second");
        assert_eq!(in_english(119, 1), "1 minute");
        assert_eq!(in_english(3 * 31_556_952 + 61 * 86_400, 2), "3 years, 2 months");
        assert_eq!(in_english(7200, 2), "2 hours");
    }

    #[test]
    fn ago_has_one_unit_and_knows_now() {
        let texts = Texts::load();
        let ago = |seconds, lang| ago(&texts, lang, Duration::from_secs(seconds)).readable();
        assert_eq!(ago(5, Lang::En), "just now");
        assert_eq!(ago(3 * 3600 + 5, Lang::En), "3 hours ago");
        assert_eq!(ago(3 * 86_400, Lang::De), "vor 3 Tagen");
    }
}
