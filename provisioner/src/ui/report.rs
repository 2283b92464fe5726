//! What came of a run, and errors, as text.

use std::{collections::BTreeMap, fmt::Write as _};

use super::paint::{BOLD, DIM, GREEN, RED, YELLOW, harmless, paint};
use crate::{
    engine::{Action, Failure as Failed, Outcome},
    failure::Failure,
};

/// What came of a run.
pub fn outcome_text(outcome: &Outcome) -> String {
    let mut counts: BTreeMap<Action, usize> = BTreeMap::new();
    outcome.done.iter().for_each(|it| *counts.entry(it.action).or_default() += 1);
    let words = |(action, count): (&Action, &usize)| {
        let word = match action {
            Action::Keep => return None,
            Action::Create => "created",
            Action::Update => "updated",
            Action::Replace => "replaced",
            Action::Delete => "deleted",
        };
        Some(format!("{count} {word}"))
    };
    let mut parts: Vec<_> = counts.iter().filter_map(words).collect();
    if !outcome.failures.is_empty() {
        parts.push(paint(RED, format!("{} failed", outcome.failures.len())));
    }
    if !outcome.skipped.is_empty() {
        parts.push(paint(YELLOW, format!("{} not tried", outcome.skipped.len())));
    }
    let style = if outcome.failures.is_empty() { GREEN } else { BOLD };
    let parts = if parts.is_empty() { "nothing changed".to_owned() } else { parts.join(", ") };
    let took = paint(DIM, format!("({:.1}s)", outcome.took.as_secs_f64()));
    let mut text = format!("{} {parts} {took}", paint(style, "Done:"));
    if !outcome.outputs.is_empty() {
        text.push('\n');
        let width = outcome.outputs.keys().map(String::len).max().unwrap_or_default();
        for (name, value) in &outcome.outputs {
            let _ = write!(text, "\n  {name:<width$}  {}", harmless(value));
        }
    }
    text
}

/// What failed with one resource.
pub(super) fn failure_text(failure: &Failed) -> String {
    let Failed { name, verb, error } = failure;
    format!("{} cannot {verb} `{name}`: {}", paint(RED, "error:"), harmless(&error.to_string()))
}

/// Why a command did not succeed.
pub fn error_text(failure: &Failure) -> String {
    let mut text = if failure.drawn {
        format!("{}\n", failure.message.trim_end())
    } else {
        format!("{} {}\n", paint(RED, "error:"), harmless(&failure.message))
    };
    for hint in &failure.hints {
        let _ = writeln!(text, "{} {}", paint(BOLD, "hint:"), harmless(hint));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[test]
    fn no_words_of_others_reach_the_terminal_raw() {
        let words = "error \u{1b}[31mred\u{7}\u{9b}1m\u{202e}reversed";
        let failure = Failure::new(Exit::Failed, words).hint(format!("allow {words}"));
        let plain = anstream::adapter::strip_str(&error_text(&failure)).to_string();
        assert_eq!(
            plain,
            "error: error ␛[31mred␇�1m�reversed\nhint: allow error ␛[31mred␇�1m�reversed\n"
        );
        let drawn = error_text(&Failure::drawn(Exit::Configuration, "error: \u{1b}[1mbold"));
        assert_eq!(drawn, "error: \u{1b}[1mbold\n");
    }
}
