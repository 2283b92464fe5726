//! Who may call: HTTP Digest with an API key, or a service account's bearer token.
//!
//! Nonces and tokens vouch for themselves (when they were made, and a checksum that only we can make), as servers with
//! several machines do it: a world that was loaded again, or is read as it was before, still knows them.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::{Digest as _, Md5};
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    call::Call,
    clock::Time,
    form::Form,
    refusal::{Answer, Refusal},
    world::Context,
};

const REALM: &str = "MMS Public API";
const API_KEY: (&str, &str) = ("test-public", "test-private");
const SERVICE_ACCOUNT: (&str, &str) = ("mdb_sa_id_test", "mdb_sa_sk_test");
const NONCE_MS: u64 = 300_000;
const TOKEN_MS: u64 = 3_600_000;

/// What is known of nonces and tokens.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Auth {
    /// Those of former generations are not valid any more.
    generation: u32,
    /// Counts that were used with each nonce, for as long as it is valid.
    seen: BTreeMap<String, BTreeSet<u32>>,
}

impl Auth {
    /// Makes nonces stale and tokens invalid, as time would.
    pub(super) fn expire(&mut self) {
        self.generation += 1;
        self.seen.clear();
    }

    /// Whether it is one of ours, and young enough.
    fn valid(&self, ticket: &str, now: Time, life: u64) -> bool {
        let made = made(ticket, self.generation);
        made.is_some_and(|it| now.since(it).as_millis() as u64 <= life)
    }
}

/// Refuses whoever has not shown who they are.
pub(super) fn check(cx: &mut Context<'_>, call: &Call) -> Result<(), Refusal> {
    let (scheme, rest) = authorization(call);
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => {
            let token = rest.trim().strip_prefix("eyJ.").unwrap_or_default();
            if cx.global.atlas.auth.valid(token, cx.now, TOKEN_MS) {
                return Ok(());
            }
            Err(unauthorized("Bearer error=\"invalid_token\"".to_owned()))
        }
        "digest" => check_digest(cx, call, rest),
        _ => Err(challenge(cx, false)),
    }
}

/// Gives a service account its token.
pub(super) fn grant(cx: &mut Context<'_>, call: &Call) -> Answer {
    let (scheme, rest) = authorization(call);
    let given = BASE64_STANDARD.decode(rest.trim()).unwrap_or_default();
    let known = format!("{}:{}", SERVICE_ACCOUNT.0, SERVICE_ACCOUNT.1);
    if !scheme.eq_ignore_ascii_case("basic") || given != known.as_bytes() {
        let words = "Invalid client credentials.";
        return Err(oauth_refusal("invalid_client", Some(words)).with_status(401));
    }
    let form = Form::parse(&String::from_utf8_lossy(&call.body));
    if form.text("grant_type") != Some("client_credentials") {
        return Err(oauth_refusal("unsupported_grant_type", None));
    }
    let token = format!("eyJ.{}", ticket(cx));
    Ok(json!({ "access_token": token, "expires_in": TOKEN_MS / 1000, "token_type": "Bearer" }))
}

fn check_digest(cx: &mut Context<'_>, call: &Call, header: &str) -> Result<(), Refusal> {
    let fields = fields(header);
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let (nonce, count, cnonce) = (field("nonce"), field("nc"), field("cnonce"));
    let md5_or_none = field("algorithm").is_empty() || field("algorithm") == "MD5";
    // A digest made for another resource must not open this one.
    let usable = field("realm") == REALM
        && field("qop") == "auth"
        && md5_or_none
        && field("uri") == call.path
        && count.len() == 8
        && !cnonce.is_empty();
    let secret = md5(&format!("{}:{REALM}:{}", API_KEY.0, API_KEY.1));
    let request = md5(&format!("{}:{}", call.method, call.path));
    let expected = md5(&format!("{secret}:{nonce}:{count}:{cnonce}:auth:{request}"));
    let right = usable && field("username") == API_KEY.0 && field("response") == expected;
    let Some(count) = u32::from_str_radix(count, 16).ok().filter(|_| right) else {
        return Err(challenge(cx, false));
    };
    let now = cx.now;
    let auth = &mut cx.global.atlas.auth;
    if !auth.valid(nonce, now, NONCE_MS) {
        // The digest is right, only the nonce is old: the client may try again without asking anybody.
        return Err(challenge(cx, true));
    }
    let generation = auth.generation;
    auth.seen.retain(|it, _| {
        made(it, generation).is_some_and(|it| now.since(it).as_millis() as u64 <= NONCE_MS)
    });
    if auth.seen.entry(nonce.to_owned()).or_default().insert(count) {
        return Ok(());
    }
    Err(challenge(cx, false))
}

fn authorization(call: &Call) -> (&str, &str) {
    let header = call.headers.get(http::header::AUTHORIZATION);
    let header = header.and_then(|it| it.to_str().ok()).unwrap_or_default();
    header.split_once(' ').unwrap_or((header, ""))
}

/// `name="value", name=value`.
fn fields(header: &str) -> BTreeMap<String, String> {
    let Ok(pair) = Regex::new(r#"(\w+)=(?:"([^"]*)"|([^\s,]+))"#) else { return BTreeMap::new() };
    let pairs = pair.captures_iter(header);
    pairs
        .map(|it| {
            let value = it.get(2).or_else(|| it.get(3)).map_or("", |it| it.as_str());
            (it[1].to_owned(), value.to_owned())
        })
        .collect()
}

fn challenge(cx: &mut Context<'_>, stale: bool) -> Refusal {
    let nonce = ticket(cx);
    unauthorized(format!(
        "Digest realm=\"{REALM}\", domain=\"\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\", stale={stale}"
    ))
}

/// It has no error code.
fn unauthorized(challenge: String) -> Refusal {
    Refusal::new("UNAUTHORIZED", "You are not authorized for this resource.")
        .with_status(401)
        .with(json!({ "errorCode": null, "parameters": null }))
        .with_header("www-authenticate", challenge)
}

/// In the shape of OAuth, not in Atlas's.
fn oauth_refusal(error: &str, description: Option<&str>) -> Refusal {
    Refusal::new(error, error).with(json!({
        "error": error,
        "error_description": description,
        "errorCode": null,
        "reason": null,
        "detail": null,
        "parameters": null,
    }))
}

/// Its generation, when it was made, chance, and the checksum of all that.
fn ticket(cx: &mut Context<'_>) -> String {
    let (generation, now) = (cx.global.atlas.auth.generation, cx.now.0);
    let body = format!("{generation:08x}{now:012x}{}", cx.chance.hex(16));
    let sum = checksum(&body);
    body + &sum
}

/// When a ticket of this generation was made; None: it is none of ours.
fn made(ticket: &str, generation: u32) -> Option<Time> {
    let (body, sum) = ticket.split_at_checked(36)?;
    let time = body.strip_prefix(&format!("{generation:08x}"))?.get(..12)?;
    let time = u64::from_str_radix(time, 16).ok()?;
    (checksum(body) == sum).then_some(Time(time))
}

fn checksum(body: &str) -> String {
    md5(&format!("{body}:{}", API_KEY.1))
}

fn md5(text: &str) -> String {
    hex::encode(Md5::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{times::Times, world::World};

    #[test]
    fn a_nonce_ages_and_cannot_be_made_up() {
        let mut world = World::new(Time(1_000), Times::none(), 1);
        let nonce = ticket(&mut world.context("eu-central-1"));
        let mut auth = Auth::default();
        assert!(auth.valid(&nonce, Time(1_000 + NONCE_MS), NONCE_MS));
        assert!(!auth.valid(&nonce, Time(1_001 + NONCE_MS), NONCE_MS));
        assert!(!auth.valid(&nonce.replace("00000000", "00000001"), Time(1_000), NONCE_MS));
        assert!(!auth.valid("x", Time(1_000), NONCE_MS));
        auth.expire();
        assert!(!auth.valid(&nonce, Time(1_000), NONCE_MS));
    }
}
