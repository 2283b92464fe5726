//! The text as a tree of values, each with its place.
//!
//! serde_yaml says what the values are, but not where. saphyr-parser says where, as events. Both walk the same document
//! in the same order, so the two results are joined by position. The events come first: they are bounded while they
//! are read (depth, and how much the aliases would expand to), and only what passed is given to serde_yaml.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, Span as Marks};
use serde::Deserialize;
use serde::de::{EnumAccess, MapAccess, SeqAccess, Visitor};

use super::problem::{Problem, Problems, quoted};
use super::text::{Span, Text};

/// Deeper than anything a stack has.
const DEEPEST: usize = 32;
/// More values than any stack has, aliases counted as what they stand for.
const MOST: usize = 50_000;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it is.
    pub(super) value: Value,
    /// Where it is.
    pub(super) span: Span,
    /// A scalar as the file has it: before `${…}` is replaced, and `0x10` rather than 16.
    pub(super) written: String,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float,
    /// Text.
    Text(String),
    /// `[a, b]`.
    List(Vec<Node>),
    /// `{a: b}`.
    Map(Vec<Entry>),
    /// Something that has been reported already.
    Reported,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// Where the key is.
    pub(super) key_span: Span,
    /// The value.
    pub(super) node: Node,
}

/// Reads a text. An error leaves nothing to look at; duplicate keys are reported and the first one stays.
pub(super) fn read(text: &Text, problems: &Problems) -> Result<Node, Problem> {
    if let Some(at) = text.content().chars().position(is_forbidden) {
        let problem = Problem::new("the file has a control character, which YAML does not allow");
        return Err(problem
            .at(Span { start: at, end: at + 1 })
            .help("in double quotes it can be written as `\\x1b`"));
    }
    let Some(place) = outline(text)? else {
        return Ok(Node { value: Value::Null, span: Span::default(), written: String::new() });
    };
    let raw: Raw = serde_yaml::from_str(text.content()).map_err(|error| {
        // The message ends with the place, which is shown otherwise.
        let message = error.to_string();
        let what = message.split(" at line ").next().unwrap_or(&message).to_owned();
        let at = error.location().map_or(0, |location| text.char_of(location.index()));
        malformed(&what, at)
    })?;
    Ok(Join { text, problems }.node(raw, Some(&place), place.span))
}

fn is_forbidden(char: char) -> bool {
    (char.is_control() && !matches!(char, '\t' | '\n' | '\r' | '\u{85}'))
        || matches!(char, '\u{fffe}' | '\u{ffff}')
}

/// The parser's own words, which are about where it stumbled rather than about the cause.
fn malformed(what: &str, at: usize) -> Problem {
    let problem = Problem::new(format!("this is not valid YAML: {what}")).at(Span::point(at));
    problem.help("the cause may be in a line before: a bracket or quote left open, or a line indented differently")
}

/// The first tab in the indentation of a line.
fn indenting_tab(text: &Text) -> Option<usize> {
    let mut indentation = true;
    text.content().chars().position(|char| {
        let found = indentation && char == '\t';
        indentation = char == '\n' || (indentation && char == ' ');
        found
    })
}

/// Where a value is, and where its parts are.
#[derive(Debug)]
struct Place {
    span: Span,
    /// A scalar's text.
    written: String,
    /// Elements of a list; keys and values of a map in turn.
    parts: Vec<Rc<Place>>,
    /// How many values there are in it, with aliases expanded.
    size: usize,
}

/// The places of the only document, or none if there is no document.
fn outline(text: &Text) -> Result<Option<Rc<Place>>, Problem> {
    let mut parser = Parser::new_from_str(text.content());
    let mut outline = Outline { text, open: Vec::new(), anchors: BTreeMap::new(), root: None };
    while let Some(event) = parser.next_event() {
        let (event, marks) = event.map_err(|error| match indenting_tab(text) {
            Some(tab) => Problem::new("a tab indents this line, which YAML does not allow")
                .at(Span { start: tab, end: tab + 1 })
                .help("indent with spaces"),
            None => malformed(error.info(), error.marker().index()),
        })?;
        outline.take(event, span_of(marks))?;
    }
    Ok(outline.root)
}

fn span_of(marks: Marks) -> Span {
    Span { start: marks.start.index(), end: marks.end.index() }
}

struct Outline<'t> {
    text: &'t Text,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Place>>,
    root: Option<Rc<Place>>,
}

/// A list or map whose end has not come yet.
struct Open {
    start: Span,
    anchor: usize,
    parts: Vec<Rc<Place>>,
    size: usize,
}

impl Outline<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Problem::new("a second YAML document starts here")
                    .at(span)
                    .help("a file holds one stack"))
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                Err(Problem::new("YAML tags are not used in this file")
                    .at(span)
                    .help("quote a value to make it text"))
            }
            Event::Scalar(written, _, anchor, None) => self.close(
                Place { span, written: written.into_owned(), parts: Vec::new(), size: 1 },
                anchor,
            ),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(place) => self.add(Rc::clone(place), span),
                None => Err(Problem::new("this alias stands for something it is part of").at(span)),
            },
            Event::SequenceStart(anchor, None) | Event::MappingStart(anchor, None) => {
                if self.open.len() >= DEEPEST {
                    return Err(Problem::new(format!("nested more than {DEEPEST} deep")).at(span));
                }
                self.open.push(Open { start: span, anchor, parts: Vec::new(), size: 1 });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let span = self.span_of_collection(&open, span);
                self.close(
                    Place { span, written: String::new(), parts: open.parts, size: open.size },
                    open.anchor,
                )
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    /// The end of a block is where the next thing starts, lines later, so a block is shown by its first key.
    fn span_of_collection(&self, open: &Open, end: Span) -> Span {
        let start = open.start.start;
        let flow = self.text.slice(Span { start, end: start + 1 });
        match open.parts.first() {
            _ if flow == "{" || flow == "[" => {
                // The parser counts the white space after the closing bracket.
                let written = self.text.slice(Span { start, end: end.end }).trim_end();
                Span { start, end: start + written.chars().count() }
            }
            Some(first) => first.span,
            None => open.start,
        }
    }

    fn close(&mut self, place: Place, anchor: usize) -> Result<(), Problem> {
        let span = place.span;
        let place = Rc::new(place);
        // Zero is no anchor.
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&place));
        }
        self.add(place, span)
    }

    fn add(&mut self, place: Rc<Place>, span: Span) -> Result<(), Problem> {
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(place);
            return Ok(());
        };
        parent.size = parent.size.saturating_add(place.size);
        if parent.size > MOST {
            return Err(Problem::new(format!(
                "more than {MOST} values, counting what aliases stand for"
            ))
            .at(span));
        }
        parent.parts.push(place);
        Ok(())
    }
}

/// What serde_yaml reads. A type of our own because `serde_yaml::Value` refuses a duplicate key without saying where.
enum Raw {
    Null,
    Bool(bool),
    Int(i128),
    Float,
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Int(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(i128::try_from(value).map_or(Raw::Float, Raw::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Float)
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = access.next_element()? {
            list.push(element);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = access.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Raw, A::Error> {
        Err(serde::de::Error::custom("YAML tags are not used in this file"))
    }
}

/// Puts values and places together.
struct Join<'t> {
    text: &'t Text,
    problems: &'t Problems,
}

impl Join<'_> {
    /// Where the two parsers see different things there is no place, and that of the nearest thing around it does.
    fn node(&self, raw: Raw, place: Option<&Place>, around: Span) -> Node {
        self.node_in(raw, place, around, false)
    }

    /// A secret written into the file is no valid secret, and not to be shown in whatever message there is about its
    /// line. `secrets` says that the node is the value of a field of this name.
    fn node_in(&self, raw: Raw, place: Option<&Place>, around: Span, secrets: bool) -> Node {
        let span = place.map_or(around, |place| place.span);
        let part =
            |index: usize| place.and_then(|place| place.parts.get(index)).map(|part| &**part);
        let value = match raw {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Int(value) => Value::Int(value),
            Raw::Float => Value::Float,
            Raw::Text(value) => Value::Text(value),
            Raw::List(list) => Value::List(
                list.into_iter()
                    .enumerate()
                    .map(|(index, raw)| self.node(raw, part(index), span))
                    .collect(),
            ),
            Raw::Map(map) => {
                let mut seen = BTreeMap::new();
                let entry = |(index, (key, value))| {
                    let key = self.node(key, part(2 * index), span);
                    let is_secrets = matches!(&key.value, Value::Text(name) if name == "secrets");
                    let node = self.node_in(value, part(2 * index + 1), key.span, is_secrets);
                    if secrets && !matches!(node.value, Value::Map(_)) {
                        self.problems.hide(node.span);
                    }
                    self.entry(&mut seen, key, node)
                };
                Value::Map(map.into_iter().enumerate().filter_map(entry).collect())
            }
        };
        Node { value, span, written: place.map(|place| place.written.clone()).unwrap_or_default() }
    }

    fn entry(&self, seen: &mut BTreeMap<String, Span>, key: Node, node: Node) -> Option<Entry> {
        let name = match key.value {
            Value::Text(name) => name,
            Value::Bool(_) | Value::Int(_) | Value::Float => key.written,
            Value::Null | Value::List(_) | Value::Map(_) | Value::Reported => {
                let problem = Problem::new("a name is expected here").at(key.span);
                self.problems.add(problem.help("every entry is written `name: value`"));
                return None;
            }
        };
        if let Some(first) = seen.get(&name) {
            let problem = Problem::new(format!("{} is given twice", quoted(&name))).at(key.span);
            let line = self.text.line_number(first.start);
            self.problems.add(problem.label(format!("already given in line {line}")));
            return None;
        }
        seen.insert(name.clone(), key.span);
        Some(Entry { key: name, key_span: key.span, node })
    }
}
