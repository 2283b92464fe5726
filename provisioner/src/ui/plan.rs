//! A plan as text.

use std::fmt::Write as _;

use serde_json::Value;

use super::paint::{BOLD, CYAN, DIM, MAGENTA, RED, harmless, paint, sign};
use crate::engine::{Action, Cause, Change, Plan, Step, is_secret, unknown_sources};

/// Longer values are shown by their parts, or in short.
const WIDTH: usize = 100;

/// A plan as text. `all`: also what is unchanged.
pub fn plan_text(plan: &Plan, heading: &str, all: bool) -> String {
    let mut text = format!("{}\n", paint(BOLD, heading));
    let drifted = |step: &&Step| step.changes.iter().any(|it| it.cause == Cause::Drift);
    if plan.steps.iter().any(|it| drifted(&it)) {
        let _ = writeln!(text, "\nChanged outside since the last `up`; `up` puts it back:");
        for step in plan.steps.iter().filter(drifted) {
            head(&mut text, step);
            step.changes
                .iter()
                .filter(|it| it.cause == Cause::Drift)
                .for_each(|it| change(&mut text, it));
        }
    }
    let is_rest = |step: &&Step| {
        let only_drift = step.action != Action::Keep
            && !step.changes.is_empty()
            && step.changes.iter().all(|it| it.cause == Cause::Drift);
        step.action != Action::Keep && !only_drift
    };
    if plan.steps.iter().any(|it| is_rest(&it)) {
        let _ = writeln!(text, "\nTo do:");
    }
    for step in plan.steps.iter().filter(is_rest) {
        head(&mut text, step);
        for it in step.changes.iter().filter(|it| it.cause == Cause::Configuration) {
            change(&mut text, it);
        }
    }
    let kept: Vec<_> = plan.steps.iter().filter(|it| it.action == Action::Keep).collect();
    if all && !kept.is_empty() {
        let _ = writeln!(text, "\nUnchanged:");
        kept.iter().for_each(|it| head(&mut text, it));
    }
    let noted: Vec<_> = plan
        .steps
        .iter()
        .filter(|it| !it.notes.is_empty() && it.action != Action::Delete)
        .collect();
    if !noted.is_empty() {
        let _ = writeln!(text, "\nNotes:");
        for step in noted {
            for note in &step.notes {
                let _ = writeln!(text, "  {}: {}", step.name, harmless(note));
            }
        }
    }
    let mut objections = plan.objections().peekable();
    if objections.peek().is_some() {
        let _ = writeln!(text, "\n{}", paint(RED, "Cannot be done:"));
        for (name, why) in objections {
            let _ = writeln!(text, "  {name}: {}", harmless(why));
        }
    }
    let adopted = plan.steps.iter().filter(|it| it.adopted).count();
    if adopted > 0 {
        let _ = writeln!(text, "\n{adopted} found by name and tag that the state did not know.");
    }
    let _ = write!(text, "\n{}", summary(plan));
    text
}

fn summary(plan: &Plan) -> String {
    let counts = plan.summary();
    let count = |action| counts.get(&action).copied().unwrap_or_default();
    if plan.is_empty() {
        return format!("Nothing to do: {} resources are as stack.yaml says.", count(Action::Keep));
    }
    let words = [
        (Action::Create, "to create"),
        (Action::Update, "to update"),
        (Action::Replace, "to replace"),
        (Action::Delete, "to delete"),
        (Action::Keep, "unchanged"),
    ];
    let parts = words.iter().filter(|(action, _)| count(*action) > 0);
    let parts: Vec<_> =
        parts.map(|(action, words)| format!("{} {words}", count(*action))).collect();
    format!("Plan: {}.", parts.join(", "))
}

fn head(text: &mut String, step: &Step) {
    let (sign, style) = sign(step.action);
    let verb = match step.action {
        Action::Keep => "",
        // Every difference may still turn out to be none.
        action if !step.changes.is_empty() && step.changes.iter().all(|it| !it.certain) => {
            match action {
                Action::Update => "update, if it changes",
                Action::Replace => "replace, if it changes",
                _ => "create",
            }
        }
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
    };
    let line = format!("  {sign} {:<28} {:<34} {verb}", step.name, step.kind.label());
    let _ = writeln!(text, "{}", paint(style, line.trim_end()));
    if step.action == Action::Delete {
        for note in &step.notes {
            let _ = writeln!(text, "      {}", paint(DIM, note));
        }
    }
}

fn change(text: &mut String, change: &Change) {
    let mut lines = Vec::new();
    parts(&mut lines, &change.field, change.old.as_ref(), Some(&change.new));
    let reason = if change.replaces {
        paint(MAGENTA, "  # cannot be changed in place")
    } else {
        String::new()
    };
    for line in lines {
        let _ = writeln!(text, "      {line}{reason}");
    }
}

/// The parts in which two values differ, each on a line.
fn parts(lines: &mut Vec<String>, path: &str, old: Option<&Value>, new: Option<&Value>) {
    if old == new {
        return;
    }
    if let (Some(one), Some(two)) = (object(old), object(new)) {
        let mut keys: Vec<_> = one.keys().chain(two.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            parts(lines, &format!("{path}.{key}"), one.get(key), two.get(key));
        }
        return;
    }
    if let (Some(Value::Array(one)), Some(Value::Array(two))) = (old, new)
        && one.iter().chain(two).any(|it| it.is_object())
    {
        for at in 0..one.len().max(two.len()) {
            parts(lines, &format!("{path}[{at}]"), one.get(at), two.get(at));
        }
        return;
    }
    let is_nothing = |it: &Value| match it {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    // What a new thing does not have needs no line.
    if old.is_none() && new.is_some_and(is_nothing) {
        return;
    }
    if old.is_none() && new.is_some_and(|it| it.to_string().chars().count() > WIDTH) {
        if let Some(fields) = object(new) {
            for (key, value) in fields {
                parts(lines, &format!("{path}.{key}"), None, Some(value));
            }
            return;
        }
        if let Some(items) = new.and_then(Value::as_array) {
            for (at, value) in items.iter().enumerate() {
                parts(lines, &format!("{path}[{at}]"), None, Some(value));
            }
            return;
        }
    }
    let path = harmless(path);
    lines.push(match (old, new) {
        (None, Some(new)) => format!("{path}: {}", shown(new)),
        (Some(old), None) => format!("{path}: {} → {}", shown(old), paint(DIM, "(none)")),
        (Some(old), Some(new)) if is_secret(old) && is_secret(new) => {
            format!("{path}: (secret) → (another secret)")
        }
        (Some(old), Some(new)) => format!("{path}: {} → {}", shown(old), shown(new)),
        (None, None) => return,
    });
}

/// The fields of an object that is one, and not a mark of ours.
fn object(value: Option<&Value>) -> Option<&serde_json::Map<String, Value>> {
    value.and_then(Value::as_object).filter(|it| it.keys().all(|it| !it.starts_with('$')))
}

fn shown(value: &Value) -> String {
    if is_secret(value) {
        return "(secret)".to_owned();
    }
    if let Some(sources) = value.get("$unknown").and_then(Value::as_array) {
        let sources: Vec<_> = sources.iter().filter_map(Value::as_str).collect();
        return paint(CYAN, format!("(known after {})", sources.join(", ")));
    }
    match value {
        Value::Null => paint(DIM, "(none)"),
        Value::String(text) if text.lines().count() > 1 => {
            format!("({} lines of text, {} bytes)", text.lines().count(), text.len())
        }
        Value::Array(items) if !unknown_sources(value).is_empty() => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) if !unknown_sources(value).is_empty() => {
            let fields: Vec<_> =
                fields.iter().map(|(key, it)| format!("{key:?}: {}", shown(it))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        // JSON escapes some of what a terminal would obey.
        other => harmless(&other.to_string()),
    }
}
