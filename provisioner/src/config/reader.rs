//! Reading fields from the tree: every mistake goes to the list, and reading goes on.
//!
//! A [`Section`] is a map with known fields, a [`Field`] a value with its name. What a section never asked for is an
//! unknown field. Rules about a single value are functions from text to `Result<T, Wrong>`; the field adds name, value
//! and place.

use std::ops::RangeInclusive;

use super::problem::{Problem, Problems, nearest, quoted};
use super::text::Span;
use super::yaml::{Entry, Node, Value};

/// Why a rule refuses a text: the end of a sentence that starts with the text, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// For example "is not an AWS region".
    pub what: String,
    /// For example "regions look like eu-central-1".
    pub help: Option<String>,
}

impl Wrong {
    /// Without help.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None }
    }

    /// With help.
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// A value with its name.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    /// As in `services.bot.cpu`.
    pub(super) path: String,
    /// The last part of it.
    pub(super) name: &'a str,
    /// Where the name is, or the value where it has no name.
    pub(super) key_span: Span,
    node: &'a Node,
    problems: &'a Problems,
}

impl<'a> Field<'a> {
    /// The whole document.
    pub(super) fn root(node: &'a Node, problems: &'a Problems) -> Self {
        Self { path: String::new(), name: "", key_span: node.span, node, problems }
    }

    /// Reports something about this value; the title goes after the field's name.
    pub(super) fn refuse(&self, what: &str, edit: impl FnOnce(Problem) -> Problem) {
        // An empty value has no place of its own.
        let empty =
            matches!(self.node.value, Value::Null) || self.node.span.start == self.node.span.end;
        let span = if empty { self.key_span } else { self.node.span };
        self.problems.add(edit(Problem::new(format!("{} {what}", self.titled())).at(span)));
    }

    /// Reports something about the name rather than the value.
    pub(super) fn refuse_key(&self, what: &str, edit: impl FnOnce(Problem) -> Problem) {
        self.problems
            .add(edit(Problem::new(format!("{} {what}", self.titled())).at(self.key_span)));
    }

    /// Reports that the name breaks a rule.
    pub(super) fn refuse_name(&self, wrong: Wrong) {
        let problem =
            Problem::new(format!("{}: {} {}", self.titled(), quoted(self.name), wrong.what))
                .at(self.key_span);
        self.problems.add(match wrong.help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    /// Stars the value out in everything that is shown.
    pub(super) fn hide(&self) {
        self.problems.hide(self.node.span);
    }

    /// Whether the value is a map.
    pub(super) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// Text, as it is. Numbers and booleans are refused: their text would depend on how YAML writes them.
    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            Value::Bool(_) | Value::Int(_) | Value::Float => {
                let written = &self.node.written;
                self.refuse(&format!("must be text, not {}", self.kind()), |problem| {
                    problem.label("quote it").help(format!("write \"{written}\""))
                });
                None
            }
            _ => self.mistyped("text"),
        }
    }

    /// Text, or a whole number or boolean as it is written.
    pub(super) fn scalar(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Bool(_) | Value::Int(_) => Some(&self.node.written),
            _ => self.text(),
        }
    }

    /// As [`Self::scalar`], where an empty text is a value like any other.
    pub(super) fn scalar_or_empty(&self) -> Option<&'a str> {
        if matches!(self.node.value, Value::Null) {
            self.refuse("has no value", |problem| {
                problem.label("quote it").help("write \"\" for an empty text")
            });
            return None;
        }
        self.scalar()
    }

    /// Text that a rule accepts.
    pub(super) fn parsed<T>(&self, rule: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
        self.checked(self.text()?, rule)
    }

    /// As [`Self::parsed`], with numbers and booleans as they are written.
    pub(super) fn parsed_scalar<T>(
        &self,
        rule: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.checked(self.scalar()?, rule)
    }

    fn checked<T>(&self, text: &str, rule: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
        if text.is_empty() {
            self.refuse("is empty", |problem| problem);
            return None;
        }
        rule(text).map_err(|wrong| self.refuse_value(wrong)).ok()
    }

    /// Reports that the value breaks a rule.
    pub(super) fn refuse_value(&self, wrong: Wrong) {
        let written = &self.node.written;
        // What a variable held is not repeated: it may be a secret in the wrong place.
        let replaced = matches!(&self.node.value, Value::Text(text) if text != written);
        let note = if replaced { " (with what the variable holds)" } else { "" };
        let what = format!("{}{note} {}", quoted(written), wrong.what);
        let span =
            if self.node.span.start == self.node.span.end { self.key_span } else { self.node.span };
        let problem = Problem::new(format!("{} {what}", self.titled_with_colon())).at(span);
        self.problems.add(match wrong.help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    /// A whole number within a range; text that is one is one as well, because a variable can only give text.
    pub(super) fn number(&self, range: RangeInclusive<i32>) -> Option<i32> {
        let number = match &self.node.value {
            Value::Int(number) => *number,
            Value::Text(text) => match text.parse() {
                Ok(number) => number,
                Err(_) => return self.mistyped("a whole number"),
            },
            _ => return self.mistyped("a whole number"),
        };
        match i32::try_from(number) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let (least, most) = range.into_inner();
                self.refuse_value(Wrong::new("is out of range").help(match most {
                    i32::MAX => format!("a whole number from {least} on"),
                    _ => format!("a whole number from {least} to {most}"),
                }));
                None
            }
        }
    }

    /// `true` or `false`, as such or as text.
    pub(super) fn boolean(&self) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if text == "true" => Some(true),
            Value::Text(text) if text == "false" => Some(false),
            Value::Text(text)
                if ["yes", "on", "no", "off"].contains(&text.to_lowercase().as_str()) =>
            {
                self.refuse_value(
                    Wrong::new("is not `true` or `false`")
                        .help("YAML 1.2 knows no other words for them"),
                );
                None
            }
            _ => self.mistyped("`true` or `false`"),
        }
    }

    /// One of some words.
    pub(super) fn choice<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        self.parsed_scalar(|text| {
            if let Some((_, choice)) = words.iter().find(|(word, _)| *word == text) {
                return Ok(choice.clone());
            }
            let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let all = all.join(", ");
            let near = nearest(text, words.iter().map(|(word, _)| *word));
            Err(Wrong::new("is not possible here").help(match near {
                _ if words.len() == 1 => format!("only {all} is possible"),
                Some(word) => format!("did you mean `{word}`? Possible are {all}"),
                None => format!("possible are {all}"),
            }))
        })
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> Option<Vec<Field<'a>>> {
        let Value::List(list) = &self.node.value else { return self.mistyped("a list") };
        let field = |(index, node): (usize, &'a Node)| Field {
            path: format!("{}[{index}]", self.path),
            name: "",
            key_span: node.span,
            node,
            problems: self.problems,
        };
        Some(list.iter().enumerate().map(field).collect())
    }

    /// The elements of a list that a rule accepts.
    pub(super) fn list<T>(&self, rule: impl Fn(&str) -> Result<T, Wrong>) -> Vec<T> {
        self.elements().unwrap_or_default().iter().filter_map(|field| field.parsed(&rule)).collect()
    }

    /// The entries of a map whose names are the user's own.
    pub(super) fn entries(&self) -> Option<Vec<Field<'a>>> {
        let Value::Map(entries) = &self.node.value else {
            return self.mistyped("a map of names and values");
        };
        Some(entries.iter().map(|entry| self.below(entry)).collect())
    }

    /// A map with known fields.
    pub(super) fn section(&self) -> Option<Section<'a>> {
        let Value::Map(entries) = &self.node.value else {
            if matches!(self.node.value, Value::Null) && !self.path.is_empty() {
                self.refuse("is empty", |problem| {
                    problem.help(format!(
                        "write its fields below it, `{}: {{}}` for the defaults, or take it out",
                        self.name
                    ))
                });
                return None;
            }
            return self.mistyped("a map of fields");
        };
        Some(Section { field: self.clone(), entries, known: Vec::new() })
    }

    fn below(&self, entry: &'a Entry) -> Field<'a> {
        let path = if self.path.is_empty() {
            entry.key.clone()
        } else {
            format!("{}.{}", self.path, entry.key)
        };
        Field {
            path,
            name: &entry.key,
            key_span: entry.key_span,
            node: &entry.node,
            problems: self.problems,
        }
    }

    fn mistyped<T>(&self, expected: &str) -> Option<T> {
        match &self.node.value {
            Value::Reported => {}
            Value::Null => {
                self.refuse("has no value", |problem| problem.help(format!("it takes {expected}")))
            }
            Value::Text(_) => self.refuse_value(Wrong::new(format!("is not {expected}"))),
            _ => {
                self.refuse(&format!("must be {expected}, not {}", self.kind()), |problem| problem)
            }
        }
        None
    }

    fn kind(&self) -> &'static str {
        match self.node.value {
            Value::Null | Value::Reported => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "a number",
            Value::Float => "a fraction",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    fn titled(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { quoted(&self.path) }
    }

    fn titled_with_colon(&self) -> String {
        format!("{}:", self.titled())
    }
}

/// A map with known fields.
#[derive(Debug)]
#[must_use = "call `finish` to report unknown fields"]
pub(super) struct Section<'a> {
    field: Field<'a>,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The section as a value of its own.
    pub(super) fn field(&self) -> &Field<'a> {
        &self.field
    }

    /// Whether a field is there, right or wrong.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == name)
    }

    /// A field, if it is there.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<Field<'a>> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.entries.iter().find(|entry| entry.key == name).map(|entry| self.field.below(entry))
    }

    /// A field that must be there; `example` says what is to be written.
    pub(super) fn required(&mut self, name: &'static str, example: &str) -> Option<Field<'a>> {
        let field = self.optional(name);
        if field.is_none() {
            self.field.refuse_key(&format!("has no `{name}`"), |problem| {
                problem.help(format!("add `{name}: {example}`"))
            });
        }
        field
    }

    /// A whole number, or the default.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        default: i32,
        range: RangeInclusive<i32>,
    ) -> i32 {
        self.optional(name).and_then(|field| field.number(range)).unwrap_or(default)
    }

    /// A boolean, or the default.
    pub(super) fn boolean(&mut self, name: &'static str, default: bool) -> bool {
        self.optional(name).and_then(|field| field.boolean()).unwrap_or(default)
    }

    /// Text that a rule accepts, or nothing.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.optional(name)?.parsed(rule)
    }

    /// Reports every field nobody asked for.
    pub(super) fn finish(self) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let place = if self.field.path.is_empty() {
                String::new()
            } else {
                format!(" in `{}`", self.field.path)
            };
            let problem = Problem::new(format!("unknown field {}{place}", quoted(&entry.key)))
                .at(entry.key_span);
            let problem = match nearest(&entry.key, self.known.iter().copied()) {
                Some(name) => problem.label(format!("did you mean `{name}`?")),
                None if entry.key == "<<" => problem
                    .label("merge keys are not supported")
                    .help("an alias may stand for a whole value"),
                None => problem.help(format!("possible fields: {}", self.known.join(", "))),
            };
            self.field.problems.add(problem);
        }
    }
}
