//! `${VAR}` in any text of the file stands for a variable of the environment.
//!
//! It is replaced in values, after parsing: whatever a variable holds, it cannot become YAML.

use super::names;
use super::problem::{Problem, Problems, quoted};
use super::text::{Span, Text};
use super::yaml::{Node, Value};

/// Replaces every `${VAR}` below a node. `$${` stands for `${`.
pub(super) fn substitute(
    text: &Text,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &Problems,
    node: &mut Node,
) {
    let span = node.span;
    match &mut node.value {
        Value::List(list) => list.iter_mut().for_each(|node| substitute(text, env, problems, node)),
        Value::Map(entries) => {
            entries.iter_mut().for_each(|entry| substitute(text, env, problems, &mut entry.node));
        }
        Value::Text(value) if value.contains("${") => match replaced(value, env) {
            Ok(result) => *value = result,
            Err(mistakes) => {
                for mistake in mistakes {
                    problems.add(mistake.problem(text, span));
                }
                node.value = Value::Reported;
            }
        },
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float
        | Value::Text(_)
        | Value::Reported => {}
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Mistake {
    Missing(String),
    NotAName(String),
    Unclosed,
}

impl Mistake {
    fn problem(&self, text: &Text, value: Span) -> Problem {
        match self {
            Self::Missing(name) => {
                Problem::new(format!("the environment variable `{name}` is not set"))
                    .at(find(text, value, &format!("${{{name}}}")))
                    .help(format!(
                        "set it, or write `$${{{name}}}` to mean these characters themselves"
                    ))
            }
            Self::NotAName(name) => Problem::new(format!(
                "{} is not the name of a variable",
                quoted(name)
            ))
            .at(find(text, value, &format!("${{{name}}}")))
            .help("only `${NAME}` is replaced; write `$${` to mean the characters `${` themselves"),
            Self::Unclosed => Problem::new("`${` without `}`").at(find(text, value, "${")).help(
                "write `${NAME}` for a variable, `$${` to mean the characters `${` themselves",
            ),
        }
    }
}

fn replaced(value: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Vec<Mistake>> {
    let mut result = String::with_capacity(value.len());
    let mut mistakes = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        result.push_str(before);
        if let Some(after) = from.strip_prefix("$${") {
            result.push_str("${");
            rest = after;
        } else if let Some(after) = from.strip_prefix("${") {
            let Some((name, after)) = after.split_once('}') else {
                mistakes.push(Mistake::Unclosed);
                break;
            };
            match env(name).filter(|_| names::is_variable(name)) {
                Some(content) => result.push_str(&content),
                None if names::is_variable(name) => {
                    mistakes.push(Mistake::Missing(name.to_owned()))
                }
                None => mistakes.push(Mistake::NotAName(name.to_owned())),
            }
            rest = after;
        } else {
            result.push('$');
            rest = from.strip_prefix('$').unwrap_or_default();
        }
    }
    result.push_str(rest);
    mistakes.dedup();
    if mistakes.is_empty() { Ok(result) } else { Err(mistakes) }
}

/// The place of a reference in a value: its line may be far below the start of a block of text.
fn find(text: &Text, value: Span, reference: &str) -> Span {
    let slice = text.slice(value);
    let unescaped =
        |(at, _): &(usize, &str)| !slice.get(..*at).is_some_and(|before| before.ends_with('$'));
    let Some((at, _)) = slice.match_indices(reference).find(unescaped) else { return value };
    let before = slice.get(..at).map_or(0, |before| before.chars().count());
    let start = value.start + before;
    Span { start, end: start + reference.chars().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "A" => Some("1".to_owned()),
            "YAML" => Some("x: ${A}\n- [".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_once_and_escapes_kept() {
        let replaced = |value: &str| replaced(value, &env);
        assert_eq!(replaced("a${A}b${A}"), Ok("a1b1".to_owned()));
        assert_eq!(replaced("$A $${A} $$ $"), Ok("$A ${A} $$ $".to_owned()));
        assert_eq!(replaced("${YAML}"), Ok("x: ${A}\n- [".to_owned()));
        assert_eq!(
            replaced("${B}${B}${C}"),
            Err(vec![Mistake::Missing("B".to_owned()), Mistake::Missing("C".to_owned())])
        );
        assert_eq!(replaced("${A:-x}"), Err(vec![Mistake::NotAName("A:-x".to_owned())]));
        assert_eq!(replaced("${A"), Err(vec![Mistake::Unclosed]));
    }
}
