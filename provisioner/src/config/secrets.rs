//! `services.*.secrets`: values that a container gets as environment variables and that are written down nowhere else
//! than in AWS.

use std::collections::BTreeMap;

use super::reader::{Field, Section};
use super::{Stack, names};

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The variable of this name, read by `up`. Not looked at when the file is loaded: `diff`, `deploy` and `destroy`
    /// need no secrets.
    Env(String),
    /// Made up once, of this many characters; kept from then on.
    Generate(usize),
    /// Something about the database.
    Database(DatabaseValue),
}

/// What of the database a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseValue {
    /// The connection string with user and password (`uri`).
    Uri,
}

const FORMS: &str = "`{ env: VARIABLE }`, `{ generate: 32 }` or `{ database: uri }`";

pub(super) fn read(service: &mut Section<'_>, stack: &Stack<'_>) -> BTreeMap<String, SecretSource> {
    let entries = service.optional("secrets").and_then(|field| field.entries()).unwrap_or_default();
    let mut secrets = BTreeMap::new();
    for entry in entries {
        if let Err(wrong) = names::variable(entry.name) {
            entry.refuse_name(wrong);
        }
        if let Some(source) = source(&entry, stack) {
            secrets.insert(entry.name.to_owned(), source);
        }
    }
    secrets
}

fn source(field: &Field<'_>, stack: &Stack<'_>) -> Option<SecretSource> {
    if !field.is_map() {
        // It may well be the secret itself, which is why the message does not repeat it.
        field.refuse("must say where the secret comes from, not what it is", |problem| {
            problem.help(format!("one of {FORMS}"))
        });
        return None;
    }
    let mut section = field.section()?;
    let env = section.optional("env");
    let generate = section.optional("generate");
    let database = section.optional("database");
    section.finish();
    match (env, generate, database) {
        (Some(field), None, None) => {
            if let Some(text) = field.text()
                && !names::is_variable(text)
            {
                field.hide();
                field.refuse("is not the name of an environment variable", |problem| {
                    problem.help("the name of the variable that holds the secret when `up` runs, for example `BOT_TOKEN`")
                });
            }
            field.text().map(|text| SecretSource::Env(text.to_owned()))
        }
        (None, Some(field), None) => field
            .number(16..=512)
            .and_then(|length| usize::try_from(length).ok())
            .map(SecretSource::Generate),
        (None, None, Some(field)) => {
            if !stack.has_database {
                field.refuse("refers to a database, and the stack has none", |problem| {
                    problem.help("add a `database` section, or take the secret from elsewhere")
                });
            }
            field.choice(&[("uri", DatabaseValue::Uri)]).map(SecretSource::Database)
        }
        (None, None, None) => {
            field.refuse_key("does not say where the secret comes from", |problem| {
                problem.help(format!("one of {FORMS}"))
            });
            None
        }
        _ => {
            field.refuse_key("comes from more than one place", |problem| {
                problem.help(format!("only one of {FORMS}"))
            });
            None
        }
    }
}
