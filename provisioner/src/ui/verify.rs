//! Checks as text.

use std::fmt::Write as _;

use super::paint::{BOLD, DIM, GREEN, RED, YELLOW, harmless, paint};
use crate::verify::{Check, Subject, Verdict};

/// Checks, each on its line, and below it what to do.
pub fn checks_text(checks: &[Check], heading: &str) -> String {
    let mut text = format!("{}\n\n", paint(BOLD, heading));
    let names: Vec<String> = checks.iter().map(name).collect();
    let width = names.iter().map(|it| it.chars().count()).max().unwrap_or_default();
    for (check, name) in checks.iter().zip(&names) {
        let (sign, said, hints) = match &check.verdict {
            Verdict::Well(what) => (paint(GREEN, "✓"), harmless(what), &[][..]),
            Verdict::Wrong { why, hints, .. } => (paint(RED, "✗"), harmless(why), &hints[..]),
            Verdict::Later(what) => (paint(YELLOW, "·"), harmless(what), &[][..]),
            Verdict::Unknown(why) => {
                (paint(DIM, "?"), format!("not checked: {}", harmless(why)), &[][..])
            }
        };
        let _ = writeln!(text, "  {sign} {name:<width$}  {said}");
        for hint in hints {
            let _ = writeln!(text, "    {:<width$}  → {}", "", harmless(hint));
        }
    }
    let _ = write!(text, "\n{}", summary(checks));
    text
}

fn name(check: &Check) -> String {
    let what = match &check.subject {
        Subject::Aws => "AWS",
        Subject::Atlas => "Atlas",
        Subject::Network => "network",
        Subject::Zone => "zone",
        Subject::Certificate => "certificate",
        Subject::Image => "image",
        Subject::Role => "execution role",
        Subject::Secret(variable) => variable,
    };
    match &check.service {
        Some(service) => format!("{service}: {what}"),
        None => what.to_owned(),
    }
}

fn summary(checks: &[Check]) -> String {
    let count = |is: fn(&Verdict) -> bool| checks.iter().filter(|it| is(&it.verdict)).count();
    let counts = [
        (count(|it| matches!(it, Verdict::Well(_))), "well"),
        (count(|it| matches!(it, Verdict::Wrong { .. })), "wrong"),
        (count(|it| matches!(it, Verdict::Later(_))), "left to `up`"),
        (count(|it| matches!(it, Verdict::Unknown(_))), "not checked"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    format!("{} checks: {}.", checks.len(), counts.join(", "))
}
