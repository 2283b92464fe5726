//! What is wrong with a `stack.yaml`, where, and how that is shown.
//!
//! Everything shown here may come from a hostile file, so no character reaches the terminal that could control it, and
//! a value that must not be seen (a secret somebody wrote into the file) is starred out in the lines shown.

use std::cell::RefCell;
use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::text::{Span, Text};

/// More problems than this are counted, not shown.
const SHOWN: usize = 100;

/// One mistake: what is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    span: Option<Span>,
    title: String,
    label: Option<String>,
    help: Vec<String>,
}

impl Problem {
    /// A mistake whose place is not known, or not in the text.
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { span: None, title: title.into(), label: None, help: Vec::new() }
    }

    /// Underlines this part of the text.
    pub(super) fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// A few words beside the underlined part.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// What would be right, in a sentence below.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// The list every reader adds to while it goes on reading.
#[derive(Debug, Default)]
pub(super) struct Problems {
    list: RefCell<Vec<Problem>>,
    hidden: RefCell<Vec<Span>>,
}

impl Problems {
    /// Adds one.
    pub(super) fn add(&self, problem: Problem) {
        self.list.borrow_mut().push(problem);
    }

    /// Stars out this part of the text wherever it would be shown.
    pub(super) fn hide(&self, span: Span) {
        self.hidden.borrow_mut().push(span);
    }

    /// The error that holds them all, in the order of the text; none if there is none.
    pub(super) fn into_invalid(self, text: Text) -> Option<Invalid> {
        let mut list = self.list.into_inner();
        // A problem inside an aliased value is met once for every alias.
        list.sort_by_key(|problem| problem.span);
        list.dedup();
        (!list.is_empty()).then(|| Invalid {
            text: Box::new(text),
            problems: list,
            hidden: self.hidden.into_inner(),
        })
    }
}

/// A `stack.yaml` that cannot be used, with everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct Invalid {
    text: Box<Text>,
    problems: Vec<Problem>,
    hidden: Vec<Span>,
}

impl Invalid {
    /// A file with a single problem that leaves nothing else to look at.
    pub(super) fn only(text: Text, problem: Problem) -> Self {
        Self { text: Box::new(text), problems: vec![problem], hidden: Vec::new() }
    }

    /// How many problems there are.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// All problems with the lines they are in, for a terminal with or without colour.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
        let mut shown: Vec<String> = self
            .problems
            .iter()
            .take(SHOWN)
            .map(|problem| self.render_one(&renderer, problem))
            .collect();
        let file = visible(self.text.file_name());
        shown.push(match (self.problems.len(), self.problems.len().saturating_sub(SHOWN)) {
            (1, _) => format!("1 problem in {file}"),
            (all, 0) => format!("{all} problems in {file}"),
            (all, rest) => format!("{all} problems in {file}, {rest} of them not shown"),
        });
        shown.join("\n\n")
    }

    fn render_one(&self, renderer: &Renderer, problem: &Problem) -> String {
        let title = Level::ERROR.primary_title(visible(&problem.title));
        let file = visible(self.text.file_name());
        let mut group = match problem.span {
            None => Group::with_title(title).element(Origin::path(file)),
            Some(span) => {
                let line = self.text.line_of(span, &self.hidden);
                let mark = AnnotationKind::Primary
                    .span(line.marked)
                    .label(problem.label.as_deref().map(visible));
                title.element(
                    Snippet::source(line.shown).line_start(line.number).path(file).annotation(mark),
                )
            }
        };
        for help in &problem.help {
            group = group.element(Level::HELP.message(visible(help)));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Invalid {}

/// The text with every character replaced that could control a terminal or hide what is written, one for one.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(visible_char).collect()
}

/// See [`visible`].
pub(crate) fn visible_char(char: char) -> char {
    match char {
        '\t' => ' ',
        '\u{7f}' => '\u{2421}',
        // The pictures of the control characters, in their order.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}'),
        // C1 controls, soft hyphen, zero-width and bidirectional marks, line separators, invisible operators, byte
        // order mark, interlinear marks, tags.
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        other => other,
    }
}

/// A value from the file between backticks, shortened.
pub(super) fn quoted(value: &str) -> String {
    const LONGEST: usize = 60;
    if value.chars().count() <= LONGEST {
        return format!("`{value}`");
    }
    let start: String = value.chars().take(LONGEST).collect();
    format!("`{start}…`")
}

/// The known name nearest to a misspelt one, if one is near.
pub(super) fn nearest<'n>(
    wrong: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    // Longer than any name of ours could be misspelt; the distance is quadratic.
    if wrong.len() > 60 {
        return None;
    }
    let wrong = wrong.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_lowercase().replace('-', "_");
            let shorter = wrong.len().min(lower.len());
            // `env` for `environment`, `healthcheck` for `health_check`, `retention` for `retention_days`.
            let prefix = shorter >= 3 && (lower.starts_with(&wrong) || wrong.starts_with(&lower));
            let distance = strsim::osa_distance(&wrong, &lower);
            let near = distance <= (wrong.chars().count().max(lower.chars().count()) / 3).max(1);
            (near || prefix).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
