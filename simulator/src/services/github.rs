//! GitHub: the addresses that its webhooks come from, and the webhooks of repositories.
//!
//! Source: GitHub's REST API, "Get GitHub meta information" and "Repository webhooks", as far as the provisioner uses
//! them. Every repository is there and the token's, but for those of [`NOBODY`].

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    call::Call,
    refusal::{Answer, Refusal},
    world::Context,
};

/// The token that is known.
const TOKEN: &str = "test-github-token";
/// Whose repositories are not there, or not to be seen.
const NOBODY: &str = "nobody";
/// The most webhooks of one repository for one event.
const MOST: usize = 20;

/// All repositories.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct GitHub {
    last: u64,
    /// By repository and number.
    hooks: BTreeMap<String, BTreeMap<u64, Hook>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Hook {
    active: bool,
    events: Vec<String>,
    config: Config,
}

/// Where a webhook calls, and how.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: Option<String>,
    content_type: Option<String>,
    insecure_ssl: Option<Value>,
    /// SHA-256 of it, once it is kept: there is no secret in a world.
    secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    name: Option<String>,
    active: Option<bool>,
    events: Option<Vec<String>>,
    config: Option<Config>,
}

/// Whether a path is one of GitHub's.
pub(crate) fn owns(path: &str) -> bool {
    path == "/meta" || path.starts_with("/repos/")
}

/// Whether a call changes nothing.
pub(crate) fn reads(method: &Method) -> bool {
    method == Method::GET
}

/// The status of an answer.
pub(crate) fn status(action: &str) -> u16 {
    match action.split(' ').next() {
        Some("POST") => 201,
        Some("DELETE") => 204,
        _ => 200,
    }
}

/// Which call a request is.
pub(crate) fn action(method: &Method, path: &str) -> String {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    match parts[..] {
        ["repos", _, _, "hooks"] => format!("{method} /repos/OWNER/REPO/hooks"),
        ["repos", _, _, "hooks", _] => format!("{method} /repos/OWNER/REPO/hooks/ID"),
        _ => format!("{method} {path}"),
    }
}

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    if call.action == "GET /meta" {
        return Ok(meta());
    }
    let parts = call.segments();
    let part = |index: usize| parts.get(index).map_or("", String::as_str);
    let repository = format!("{}/{}", part(1), part(2));
    check_token(call, &repository)?;
    let id = part(4).parse().unwrap_or_default();
    let github = &mut cx.global.github;
    let GitHub { last, hooks } = github;
    let hooks = hooks.entry(repository.clone()).or_default();
    let shown = |id: u64, hook: &Hook| shown(&repository, id, hook);
    match call.action.as_str() {
        "GET /repos/OWNER/REPO/hooks" => {
            let (size, page) = (asked(call, "per_page", 30).min(100), asked(call, "page", 1));
            let all = hooks.iter().skip(size * page.saturating_sub(1)).take(size);
            Ok(all.map(|(id, hook)| shown(*id, hook)).collect())
        }
        "POST /repos/OWNER/REPO/hooks" => {
            let wish: Wish = call.input()?;
            let config = wish.config.unwrap_or_default().checked()?;
            if wish.name.is_some_and(|it| it != "web") {
                return Err(invalid(json!({ "field": "name", "code": "invalid" })));
            }
            let events = wish.events.unwrap_or_else(|| vec!["push".to_owned()]);
            let hook = Hook { active: wish.active.unwrap_or(true), events, config };
            if hooks.values().any(|it| it.config.url == hook.config.url && it.events == hook.events)
            {
                let words = "Hook already exists on this repository";
                return Err(invalid(json!({ "code": "custom", "message": words })));
            }
            for event in &hook.events {
                if hooks.values().filter(|it| it.events.contains(event)).count() >= MOST {
                    let words = format!("The \"{event}\" event cannot have more than {MOST} hooks");
                    return Err(invalid(json!({ "code": "custom", "message": words })));
                }
            }
            *last += 1;
            let made = shown(*last, &hook);
            hooks.insert(*last, hook);
            Ok(made)
        }
        "GET /repos/OWNER/REPO/hooks/ID" => {
            hooks.get(&id).map(|it| shown(id, it)).ok_or_else(not_found)
        }
        "PATCH /repos/OWNER/REPO/hooks/ID" => {
            let wish: Wish = call.input()?;
            let hook = hooks.get_mut(&id).ok_or_else(not_found)?;
            if let Some(config) = wish.config {
                // With the secret, if it is not given again.
                hook.config = config.checked()?;
            }
            hook.active = wish.active.unwrap_or(hook.active);
            hook.events = wish.events.unwrap_or_else(|| hook.events.clone());
            Ok(shown(id, hook))
        }
        "DELETE /repos/OWNER/REPO/hooks/ID" => {
            hooks.remove(&id).map(|_| Value::Null).ok_or_else(not_found)
        }
        _ => Err(call.not_modelled()),
    }
}

/// What is there.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let all = cx.global.github.hooks.iter();
    let all = all.flat_map(|(repository, it)| it.iter().map(move |it| (repository, it)));
    let shown = all.map(|(repository, (id, hook))| {
        json!({
            "id": id,
            "repository": repository,
            "url": hook.config.url,
            "events": hook.events,
            "secret_sha256": hook.config.secret,
        })
    });
    vec![("github_webhooks", shown.collect())]
}

fn shown(repository: &str, id: u64, hook: &Hook) -> Value {
    let mut config = json!(hook.config);
    if let Some(config) = config.as_object_mut() {
        // Whoever asks is told that there is one.
        config.retain(|_, it| !it.is_null());
        config.entry("secret").and_modify(|it| *it = json!("********"));
        config.entry("content_type").or_insert(json!("form"));
        config.entry("insecure_ssl").or_insert(json!("0"));
    }
    json!({
        "type": "Repository",
        "id": id,
        "name": "web",
        "active": hook.active,
        "events": hook.events,
        "config": config,
        "url": format!("https://api.github.com/repos/{repository}/hooks/{id}"),
    })
}

fn meta() -> Value {
    json!({
        "verifiable_password_authentication": false,
        "hooks": [
            "192.30.252.0/22",
            "185.199.108.0/22",
            "140.82.112.0/20",
            "143.55.64.0/20",
            "2a0a:a440::/29",
            "2606:50c0::/32",
        ],
    })
}

/// Whom the token does not open something to is told that it is not there.
fn check_token(call: &Call, repository: &str) -> Result<(), Refusal> {
    let given = call.headers.get(http::header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let known = [format!("Bearer {TOKEN}"), format!("token {TOKEN}")];
    match given {
        Some(given) if !known.iter().any(|it| it == given) => {
            Err(refusal("Bad credentials").with_status(401))
        }
        Some(_) if !repository.starts_with(&format!("{NOBODY}/")) => Ok(()),
        _ => Err(not_found()),
    }
}

impl Config {
    /// As it is kept.
    fn checked(self) -> Result<Self, Refusal> {
        let web = |it: &String| it.starts_with("http://") || it.starts_with("https://");
        match &self.url {
            None => Err(invalid(json!({ "field": "config", "code": "missing_field" }))),
            Some(url) if !web(url) => {
                Err(invalid(json!({ "code": "custom", "message": "Config URL is not valid" })))
            }
            Some(_) => {
                let secret = self.secret.map(|it| hex::encode(Sha256::digest(it)));
                Ok(Self { secret, ..self })
            }
        }
    }
}

/// A number in the query.
fn asked(call: &Call, name: &str, otherwise: usize) -> usize {
    let query = call.path.split_once('?').map_or("", |it| it.1);
    let mut pairs = query.split('&').filter_map(|it| it.split_once('='));
    let found = pairs.find(|it| it.0 == name).and_then(|it| it.1.parse().ok());
    found.unwrap_or(otherwise)
}

fn not_found() -> Refusal {
    refusal("Not Found").with_status(404)
}

fn invalid(mut error: Value) -> Refusal {
    error["resource"] = json!("Hook");
    refusal("Validation Failed").with(json!({ "errors": [error] })).with_status(422)
}

fn refusal(message: &str) -> Refusal {
    Refusal::new("", message)
}
