//! How a service is, as text.

use std::fmt::Write as _;

use super::{
    deployment::line,
    paint::{BOLD, DIM, GREEN, RED, YELLOW, paint},
};
use crate::deployment::{Condition, Living, Past};

/// So many of the last deployments are shown.
const DEPLOYMENTS: usize = 5;

/// How a service is.
pub fn condition_text(condition: &Condition) -> String {
    let Condition { service, cluster, revision, since, image, problems, .. } = condition;
    let mut text = String::new();
    let health = match problems.is_empty() {
        true => paint(GREEN, "healthy"),
        false => paint(RED, "not healthy"),
    };
    let name = paint(BOLD, format!("{} in {}", line(service), line(cluster)));
    let _ = writeln!(text, "{name}: {health}");
    for problem in problems {
        let _ = writeln!(text, "  {} {}", paint(RED, '✗'), line(problem));
    }
    let since = since.as_ref().map(|it| format!(", since {}", line(it))).unwrap_or_default();
    let _ = writeln!(text, "  revision  {}{since}", line(revision));
    let _ = writeln!(text, "  image     {}", line(image));
    let Condition { wanted, running, pending, .. } = condition;
    let _ = writeln!(text, "  tasks     {running} running of {wanted} wanted, {pending} pending");
    for it in &condition.tasks {
        living(&mut text, it, revision);
    }
    if !condition.deployments.is_empty() {
        let _ = writeln!(text, "{}", paint(BOLD, "last deployments:"));
        for it in condition.deployments.iter().take(DEPLOYMENTS) {
            past(&mut text, it);
        }
    }
    for it in &condition.blind {
        let _ = writeln!(text, "{} {}", paint(YELLOW, "not seen:"), line(it));
    }
    text
}

fn living(text: &mut String, task: &Living, current: &str) {
    let Living { id, revision, status, since, digest, container, target } = task;
    let since = since.as_ref().map(|it| format!(" since {}", line(it))).unwrap_or_default();
    let old = if revision == current { "" } else { ", of " };
    let revision = if old.is_empty() { String::new() } else { line(revision) };
    let status = line(&status.to_lowercase());
    let _ = writeln!(text, "    task {} {status}{since}{old}{revision}", line(id));
    if let Some(digest) = digest {
        let _ = writeln!(text, "      image digest     {}", line(digest));
    }
    if let Some(health) = container {
        let _ = writeln!(text, "      container check  {}", line(&health.to_lowercase()));
    }
    if let Some(target) = target {
        let _ = writeln!(text, "      target           {}", line(target));
    }
}

fn past(text: &mut String, past: &Past) {
    let Past { revision, status, reason, began, .. } = past;
    let revision = revision.as_deref().unwrap_or("a revision that is not known any more");
    let began = paint(DIM, line(began.as_deref().unwrap_or("at an unknown time")));
    let sign = match status.as_str() {
        "SUCCESSFUL" => paint(GREEN, '✓'),
        "PENDING" | "IN_PROGRESS" => paint(YELLOW, '…'),
        _ => paint(RED, '✗'),
    };
    let status = status.to_lowercase().replace('_', " ");
    let reason = reason.as_ref().map(|it| format!(": {}", line(it))).unwrap_or_default();
    let _ = writeln!(text, "  {began} {sign} {} {}{reason}", line(revision), line(&status));
}
