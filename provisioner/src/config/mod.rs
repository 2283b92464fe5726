//! `stack.yaml`: what the user wants to exist.
//!
//! [`load`] turns the file into a [`Config`] in which everything that can be known without contacting anything has been
//! checked, or into an [`Invalid`] that lists every mistake with its place. `docs/stack-yaml.md` is the reference of
//! the fields for users.
//!
//! How it works: `yaml` makes a tree of values with their places, `substitute` replaces `${VAR}` in it, and each section
//! has a file with its type and a function that reads it through `reader`. A mistake is added to a list and reading goes
//! on with a stand-in value; the `Config` is given out only if the list is empty in the end. Checks across sections ask
//! whether a section is there, not whether it is right, so that one mistake is reported once.

mod ci;
mod cluster;
mod container_check;
mod database;
mod fargate;
pub mod image;
mod load_balancer;
mod logs;
mod names;
mod network;
mod problem;
mod reader;
mod secrets;
mod service;
mod services;
mod state;
mod substitute;
#[cfg(test)]
mod tests;
mod text;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

pub use ci::{Account, Ci, GithubActions, Jenkins, Pipeline, RepositoryIds};
pub use cluster::{Cluster, ContainerInsights};
pub use container_check::ContainerCheck;
pub use database::{BackingProvider, Database, DatabaseRole, Tier};
pub use load_balancer::LoadBalancer;
pub use logs::Logs;
pub use network::Network;
pub use problem::Invalid;
pub(crate) use problem::visible_char;
pub use reader::Wrong;
pub use secrets::{DatabaseValue, SecretSource};
pub use service::{Architecture, Deployment, HealthCheck, Service};
pub use state::StateBucket;

use problem::{Problem, Problems};
use reader::{Field, Section};
use text::{Span, Text};

/// A larger file is refused unread: it is no stack.
const LARGEST: u64 = 256 * 1024;
/// Tags AWS allows on a resource, less the four we set ourselves.
const MOST_TAGS: usize = 46;

/// A stack, as `stack.yaml` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The stack's name: the first part of almost every name in AWS. At most 20 lower-case letters, digits and hyphens.
    pub name: String,
    /// The AWS region everything is in, for example `eu-central-1`.
    pub region: String,
    /// Where the state is kept; none for the folder of state files.
    pub state: Option<StateBucket>,
    /// Tags for everything that can carry them, beside our own (`provisioner:…`).
    pub tags: BTreeMap<String, String>,
    /// Where in AWS's network the services run.
    pub network: Network,
    /// The MongoDB Atlas cluster.
    pub database: Option<Database>,
    /// What happens to the services' logs.
    pub logs: Logs,
    /// What takes requests from the internet.
    pub load_balancer: Option<LoadBalancer>,
    /// The ECS cluster.
    pub cluster: Cluster,
    /// The containers that run, by name.
    pub services: BTreeMap<String, Service>,
    /// What builds and deploys.
    pub ci: Option<Ci>,
    /// Names of resources that `destroy` refuses to delete. Not compared with the resources there are.
    pub protect: BTreeSet<String>,
}

/// What a section may need to know of the others.
struct Stack<'a> {
    /// Empty if it is missing or wrong.
    name: &'a str,
    region: Option<&'a str>,
    has_database: bool,
    has_load_balancer: bool,
}

/// Reads and checks a file. `env` gives the variables of the environment.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Invalid> {
    let name = path.display().to_string();
    let unreadable = |what: String, help: &str| {
        Invalid::only(
            Text::new(&name, ""),
            Problem::new(format!("cannot read the file: {what}")).help(help),
        )
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(
        |error| {
            let help = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "run the command in the folder of stack.yaml, or name it with `-f PATH`"
                }
                _ => "the file must be readable",
            };
            unreadable(error.to_string(), help)
        },
    )?;
    if bytes.len() as u64 > LARGEST {
        let what = format!("it is larger than {} KiB", LARGEST / 1024);
        return Err(unreadable(what, "a stack has some hundred lines at most"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(content) => parse(&name, content, env),
        Err(error) => {
            let text = Text::new(&name, &String::from_utf8_lossy(&bytes));
            // What comes before the mistake is as long in the text that replaces the bytes.
            let marker =
                if bytes.starts_with("\u{feff}".as_bytes()) { '\u{feff}'.len_utf8() } else { 0 };
            let at = text.char_of(error.valid_up_to().saturating_sub(marker));
            let problem = Problem::new("the file is not UTF-8").at(Span { start: at, end: at + 1 });
            Err(Invalid::only(
                text,
                problem.label("this is not a character").help("save it as UTF-8"),
            ))
        }
    }
}

/// Checks the content of a file. `file_name` is only for messages.
pub fn parse(
    file_name: &str,
    content: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Invalid> {
    let text = Text::new(file_name, content);
    let problems = Problems::default();
    let mut root = match yaml::read(&text, &problems) {
        Ok(root) => root,
        Err(problem) => return Err(Invalid::only(text, problem)),
    };
    if matches!(root.value, yaml::Value::Null) {
        let problem = Problem::new("the file is empty")
            .help("it needs at least `name:`, `region:` and `services:`");
        return Err(Invalid::only(text, problem));
    }
    substitute::substitute(&text, env, &problems, &mut root);
    let config = Config::read(&Field::root(&root, &problems));
    match (problems.into_invalid(text.clone()), config) {
        (None, Some(config)) => Ok(config),
        (Some(invalid), _) => Err(invalid),
        // Reading gives nothing only where it has reported why; this is for the day it does not.
        (None, None) => Err(Invalid::only(text, Problem::new("the file is not a stack"))),
    }
}

impl Config {
    fn read(root: &Field<'_>) -> Option<Self> {
        let mut section = root.section()?;
        let name = section.required("name", "my-bot").and_then(|field| field.parsed(names::stack));
        let region = section
            .required("region", "eu-central-1")
            .and_then(|field| field.parsed(names::region));
        let stack = Stack {
            name: name.as_deref().unwrap_or_default(),
            region: region.as_deref(),
            has_database: section.has("database"),
            has_load_balancer: section.has("load_balancer"),
        };
        // In this order, which is that of the fields in messages.
        let state = section.optional("state").and_then(|field| StateBucket::read(&field));
        let tags = tags(&mut section);
        let network = Network::read(section.optional("network"));
        let database = section.optional("database").map(|field| Database::read(&field, &stack));
        let logs = Logs::read(section.optional("logs"));
        let load_balancer =
            section.optional("load_balancer").map(|field| LoadBalancer::read(&field));
        let cluster = Cluster::read(section.optional("cluster"));
        let services = services::read(&mut section, &stack);
        let ci = section
            .optional("ci")
            .and_then(|field| Ci::read(&field, &services, load_balancer.as_ref()));
        let protect = section.optional("protect").map(|field| protect(&field)).unwrap_or_default();
        section.finish();
        Some(Self {
            name: name.unwrap_or_default(),
            region: region.unwrap_or_default(),
            state,
            tags,
            network,
            database,
            logs,
            load_balancer,
            cluster,
            services,
            ci,
            protect,
        })
    }
}

fn tags(section: &mut Section<'_>) -> BTreeMap<String, String> {
    let Some(field) = section.optional("tags") else { return BTreeMap::new() };
    let entries = field.entries().unwrap_or_default();
    if entries.len() > MOST_TAGS {
        field.refuse_key(&format!("has {} tags", entries.len()), |problem| {
            problem.help(format!(
                "at most {MOST_TAGS}: AWS allows 50, and four are the provisioner's own"
            ))
        });
    }
    let mut tags = BTreeMap::new();
    let mut keys: BTreeMap<String, &str> = BTreeMap::new();
    for entry in &entries {
        if let Err(wrong) = names::tag_key(entry.name) {
            entry.refuse_name(wrong);
        } else if let Some(first) = keys.insert(entry.name.to_lowercase(), entry.name) {
            // IAM compares keys without case.
            entry.refuse_key(&format!("differs from `{first}` in case only"), |problem| {
                problem.help("IAM takes these for the same key")
            });
        }
        if let Some(value) = entry.scalar_or_empty() {
            if let Err(wrong) = names::tag_value(value) {
                entry.refuse_value(wrong);
            }
            tags.insert(entry.name.to_owned(), value.to_owned());
        }
    }
    tags
}

fn protect(field: &Field<'_>) -> BTreeSet<String> {
    field
        .list(|name| match name.trim() == name {
            true => Ok(name.to_owned()),
            false => {
                Err(Wrong::new("is not the name of a resource").help("without spaces around it"))
            }
        })
        .into_iter()
        .collect()
}
