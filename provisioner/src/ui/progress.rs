//! What goes on while it goes on: live lines on a terminal, plain lines otherwise, or JSON.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::paint::{DIM, GREEN, RED, YELLOW, harmless, paint, sign};
use crate::engine::{Action, Event, Observer};

/// Shows what goes on.
pub struct Progress {
    json: bool,
    verbose: u8,
    live: bool,
    began: Instant,
    bars: MultiProgress,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    bars: BTreeMap<String, ProgressBar>,
    /// What each resource was last said to wait for, so that it is said once.
    waits: BTreeMap<String, String>,
    looked: usize,
    reading: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(json: bool, verbose: u8) -> Self {
        let live = !json && std::io::stderr().is_terminal();
        Self {
            json,
            verbose,
            live,
            began: Instant::now(),
            bars: MultiProgress::new(),
            shown: Mutex::default(),
        }
    }

    /// Takes the live lines away.
    pub fn clear(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.reading.take().inspect(ProgressBar::finish_and_clear);
        std::mem::take(&mut shown.bars).values().for_each(ProgressBar::finish_and_clear);
    }

    fn line(&self, text: &str) {
        if self.live {
            self.bars.suspend(|| anstream::eprintln!("{text}"));
        } else {
            let at = self.began.elapsed().as_secs_f64();
            let at = paint(DIM, format!("{at:7.1}s"));
            let mut out = anstream::AutoStream::auto(std::io::stderr());
            // A reader that went away is no reason to stop half-way.
            let _ = writeln!(out, "{at} {text}");
        }
    }

    fn json(&self, kind: &str, name: &str, mut object: Value) {
        if let Some(fields) = object.as_object_mut() {
            fields.insert("type".to_owned(), kind.into());
            fields.insert("name".to_owned(), name.into());
            fields.insert("at".to_owned(), format!("{:.3}", jiff::Timestamp::now()).into());
        }
        let _ = writeln!(std::io::stdout().lock(), "{object}");
    }

    fn show_json(&self, name: &str, event: &Event) {
        let seconds = |it: &Duration| it.as_secs_f64();
        match event {
            Event::Looked => {}
            Event::Started(kind, action) => {
                self.json("apply_start", name, json!({ "kind": kind, "action": action }))
            }
            Event::Waiting(why) => self.json("apply_progress", name, json!({ "waiting": why })),
            Event::Finished(kind, action, took) => {
                self.json(
                    "apply_complete",
                    name,
                    json!({ "kind": kind, "action": action, "seconds": seconds(took) }),
                );
            }
            Event::Ready(took) => self.json("ready", name, json!({ "seconds": seconds(took) })),
            Event::Failed(error) => self.json("apply_errored", name, json!({ "message": error })),
            Event::Skipped(why) => self.json("skipped", name, json!({ "because": why })),
        }
    }

    fn bar(&self, shown: &mut Shown, name: &str, message: String) {
        let bar = shown.bars.entry(name.to_owned()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner().with_style(style()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(message);
    }
}

impl Observer for Progress {
    fn event(&self, name: &str, event: Event) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let first = match &event {
            Event::Waiting(why) => {
                shown.waits.insert(name.to_owned(), why.clone()).as_ref() != Some(why)
            }
            _ => true,
        };
        if self.json {
            if first {
                self.show_json(name, &event);
            }
            return;
        }
        match event {
            Event::Looked if self.live => {
                shown.looked += 1;
                let looked = shown.looked;
                let bar = shown.reading.get_or_insert_with(|| {
                    self.bars.add(ProgressBar::new_spinner().with_style(style()))
                });
                bar.set_message(format!("reading the cloud: {looked}"));
                bar.tick();
            }
            Event::Looked => {}
            Event::Started(_, action) if self.live => {
                self.bar(&mut shown, name, format!("{name}: {}", begun(action)));
            }
            Event::Started(..) => {}
            Event::Waiting(why) if self.live => {
                self.bar(&mut shown, name, format!("{name}: {}", harmless(&why)));
            }
            Event::Waiting(why) if first => {
                self.line(&format!("{} {name}: {}", paint(YELLOW, '…'), harmless(&why)));
            }
            Event::Waiting(_) => {}
            Event::Finished(kind, action, took) => {
                shown.bars.remove(name).inspect(ProgressBar::finish_and_clear);
                let (sign, style) = sign(action);
                let took = paint(DIM, format!("({:.1}s)", took.as_secs_f64()));
                let label = kind.label();
                self.line(&format!(
                    "{} {name}: {label} {} {took}",
                    paint(style, sign),
                    done(action)
                ));
            }
            Event::Ready(took) => {
                shown.bars.remove(name).inspect(ProgressBar::finish_and_clear);
                let waited = shown.waits.remove(name).is_some();
                if waited || self.verbose > 1 {
                    let took = paint(DIM, format!("({:.1}s)", took.as_secs_f64()));
                    self.line(&format!("{} {name}: ready {took}", paint(GREEN, '✓')));
                }
            }
            Event::Failed(error) => {
                shown.bars.remove(name).inspect(ProgressBar::finish_and_clear);
                self.line(&format!("{} {name}: {}", paint(RED, '✗'), harmless(&error)));
            }
            Event::Skipped(why) => {
                shown.bars.remove(name).inspect(ProgressBar::finish_and_clear);
                self.line(&format!("{} {name}: not tried: {why}", paint(YELLOW, '!')));
            }
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn begun(action: Action) -> &'static str {
    match action {
        Action::Keep => "keeping",
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Replace => "replacing",
        Action::Delete => "deleting",
    }
}

fn done(action: Action) -> &'static str {
    match action {
        Action::Keep => "kept",
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
    }
}
