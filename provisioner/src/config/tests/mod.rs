//! Whole files in, whole messages out.

mod environment;
mod everything;
mod file;
mod hostile;
mod reference;
mod rules;
mod shape;
mod stack;
mod state;

use super::*;

const STACK: &str = include_str!("../../../../stack.yaml");

fn env(name: &str) -> Option<String> {
    match name {
        "TAG" => Some("v1".to_owned()),
        "CPU" => Some("512".to_owned()),
        "ON" => Some("true".to_owned()),
        "EMPTY" => Some(String::new()),
        "SECRET" => Some("canary 1".to_owned()),
        "YAML" => Some("x\nname: [".to_owned()),
        _ => None,
    }
}

fn config(text: &str) -> Config {
    parse("stack.yaml", text, &env).unwrap()
}

fn problems(text: &str) -> String {
    parse("stack.yaml", text, &env).unwrap_err().render(false)
}

/// A right stack with one service, whose fields are given.
fn service(fields: &str) -> String {
    format!(
        "name: gsm\nregion: eu-central-1\nload_balancer: {{}}\nservices:\n  bot:\n    image: bot:1\n    port: 80\n{fields}"
    )
}

/// A right stack, with something after it.
fn stack(rest: &str) -> String {
    format!("name: gsm\nregion: eu-central-1\n{rest}")
}
