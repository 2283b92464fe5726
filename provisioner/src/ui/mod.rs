//! What the user sees. All colour is here.

mod condition;
mod deployment;
mod paint;
mod plan;
mod progress;
mod report;
mod verify;

use std::{
    io::{IsTerminal, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

pub use condition::condition_text;
pub use deployment::{event_text, post_mortem_text, seconds};
pub(crate) use paint::harmless;
pub use plan::plan_text;
pub use progress::Progress;
pub use report::{error_text, outcome_text};
pub use verify::checks_text;

use crate::{
    engine::{Outcome, Plan},
    failure::{Exit, Failure},
};

/// How a command talks to its user.
pub struct Ui {
    json: bool,
    verbose: u8,
    color: bool,
    progress: Arc<Progress>,
    /// In place of standard output and standard error.
    record: Option<Mutex<String>>,
}

impl Ui {
    /// Talks in JSON or in text, and more or less of it.
    pub fn new(json: bool, verbose: u8, color: bool) -> Self {
        Self {
            json,
            verbose,
            color,
            progress: Arc::new(Progress::new(json, verbose)),
            record: None,
        }
    }

    /// Talks in text without colours, and to nobody: what it says is kept, in the order of saying.
    pub fn recorded() -> Self {
        Self { record: Some(Mutex::default()), ..Self::new(false, 0, false) }
    }

    /// What a [`recorded`](Self::recorded) one has said since it was last asked.
    pub fn said(&self) -> String {
        let said = self.record.as_ref().map(|it| it.lock().unwrap_or_else(PoisonError::into_inner));
        said.map(|mut it| std::mem::take(&mut *it)).unwrap_or_default()
    }

    /// Keeps what is said, if nobody hears it. Says whether that is so.
    fn keeps(&self, text: &str) -> bool {
        let Some(record) = &self.record else { return false };
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        record.push_str(&anstream::adapter::strip_str(text).to_string());
        true
    }

    /// Whether colours are used.
    pub fn color(&self) -> bool {
        self.color
    }

    /// Whether the user reads JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// A sentence.
    pub fn say(&self, text: &str) {
        if self.json {
            self.event("message", json!({ "text": text }));
        } else if !self.keeps(&format!("{text}\n")) {
            anstream::eprintln!("{text}");
        }
    }

    /// What the command is asked for, on standard output: text or, with `--json`, the object.
    pub fn result(&self, text: &str, kind: &str, object: Value) {
        if self.json {
            self.event(kind, object);
        } else if !self.keeps(&format!("{text}\n")) {
            anstream::println!("{text}");
        }
    }

    /// A line of JSON, if the user reads JSON.
    pub fn event(&self, kind: &str, mut object: Value) {
        if !self.json {
            return;
        }
        if let Some(fields) = object.as_object_mut() {
            fields.insert("type".to_owned(), kind.into());
            fields.insert("at".to_owned(), format!("{:.3}", jiff::Timestamp::now()).into());
        }
        // A reader that went away is no reason to stop half-way.
        let _ = writeln!(std::io::stdout().lock(), "{object}");
    }

    /// A plan.
    pub fn plan(&self, plan: &Plan, heading: &str) {
        let object = json!({ "steps": plan.steps, "summary": plan.summary() });
        self.result(&plan_text(plan, heading, self.verbose > 0), "plan", object);
    }

    /// The problems of a plan, or the failures of a run.
    pub fn failures(&self, failures: &[crate::engine::Failure]) {
        for failure in failures {
            let advice = crate::failure::advice(&failure.error);
            self.event(
                "failure",
                json!({ "name": failure.name, "verb": failure.verb, "message": failure.error.to_string(), "hint": advice }),
            );
            if !self.json {
                anstream::eprintln!("{}", report::failure_text(failure));
            }
        }
    }

    /// What came of a run.
    pub fn outcome(&self, outcome: &Outcome) {
        self.failures(&outcome.failures);
        let done: Vec<_> = outcome
            .done
            .iter()
            .map(|it| json!({ "name": it.name, "kind": it.kind, "action": it.action }))
            .collect();
        let object =
            json!({ "done": done, "skipped": outcome.skipped, "outputs": outcome.outputs });
        self.result(&outcome_text(outcome), "outcome", object);
    }

    /// Why a command did not succeed.
    pub fn failure(&self, failure: &Failure) {
        self.event(
            "error",
            json!({ "message": failure.message, "hints": failure.hints, "exit_code": failure.exit as i32 }),
        );
        let text = error_text(failure);
        if !self.json && !self.keeps(&text) {
            anstream::eprint!("{text}");
        }
    }

    /// Shows what goes on, live on a terminal.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Takes the live lines away.
    pub fn clear(&self) {
        self.progress.clear();
    }

    /// Asks a question that only the word `yes` answers.
    ///
    /// # Errors
    ///
    /// When there is nobody to ask.
    pub fn confirm(&self, question: &str, flag: &str) -> Result<bool, Failure> {
        if self.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Failure::new(
                Exit::Configuration,
                "nothing was changed: there is no terminal to ask on",
            )
            .hint(format!("run again with `{flag}` if you agree with the plan")));
        }
        anstream::eprint!("{question} Only `yes` goes on: ");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        Ok(read.is_ok() && answer.trim() == "yes")
    }
}
