//! Xbox Live: sign-in at Microsoft, user and XSTS tokens, gamertags, presence.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{CANARY, Providers, fields, header, refusal, seven_digits};

pub const CLIENT_ID: &str = "00000000-1111-2222-3333-444444444444";

/// What Xbox Live knows.
#[derive(Default)]
pub struct World {
    /// Gamertag and record of presence by XUID. Without a record it leaves the person out.
    pub accounts: BTreeMap<u64, (String, Option<Value>)>,
    /// Why it refuses the signed-in account, if it does.
    pub account_problem: Option<u64>,
}

impl Providers {
    /// Somebody on Xbox Live.
    pub fn xbox(&self, gamertag: &str, xuid: u64, record: Value) {
        self.world().xbox.accounts.insert(xuid, (gamertag.to_owned(), Some(record)));
    }

    /// Somebody of whom the presence service says nothing.
    pub fn xbox_hidden(&self, gamertag: &str, xuid: u64) {
        self.world().xbox.accounts.insert(xuid, (gamertag.to_owned(), None));
    }

    /// A refresh token that Microsoft takes, as consent would bring it.
    pub fn xbox_refresh_token(&self) -> String {
        self.world().issue("xbox-refresh")
    }

    /// A code as consent brings it.
    pub fn xbox_code(&self) -> String {
        self.world().issue("xbox-code")
    }
}

/// Somebody who plays this on that.
pub fn xbox_online(state: &str, device: &str, game: &str) -> Value {
    json!({ "state": state, "devices": [{ "type": device, "titles": [
        { "id": "1", "name": "Home", "placement": "Background", "state": "Active" },
        { "id": "2", "name": game, "placement": "Full", "state": "Active",
          "lastModified": "2026-11-23T00:00:00.1234567Z" },
    ] }] })
}

/// Somebody who was last seen like that.
pub fn xbox_offline(device: &str, game: &str, time: &str) -> Value {
    json!({ "state": "Offline", "lastSeen": {
        "deviceType": device, "titleId": "328178078", "titleName": game, "timestamp": time,
    } })
}

pub fn routes() -> Router<Providers> {
    Router::new()
        .route("/xbox-login/oauth20_token.srf", post(login))
        .route("/xbox-user/user/authenticate", post(user_token))
        .route("/xbox-xsts/xsts/authorize", post(xsts_token))
        .route("/xbox-profile/users/{gamertag}/profile/settings", get(profile))
        .route("/xbox-presence/users/batch", post(presence))
}

async fn login(State(providers): State<Providers>, body: String) -> Response {
    let form = fields(&body);
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let refused = |error: &str| super::json(400, &json!({ "error": error }));
    if field("client_id") != CLIENT_ID || field("client_secret") != format!("secret-{CANARY}") {
        return refused("invalid_client");
    }
    if field("scope") != "Xboxlive.signin Xboxlive.offline_access" {
        return refused("invalid_scope");
    }
    let used = match field("grant_type") {
        "refresh_token" if field("refresh_token").starts_with("xbox-refresh") => "refresh_token",
        "authorization_code" if field("redirect_uri").contains("/auth/callback") => "code",
        _ => return refused("invalid_request"),
    };
    let mut world = providers.world();
    // Stricter than Microsoft: a refresh token works once.
    if !world.tokens.remove(field(used)) {
        return refused("invalid_grant");
    }
    let body = json!({
        "token_type": "bearer", "expires_in": 3600, "scope": field("scope"),
        "access_token": world.issue("xbox-access"), "refresh_token": world.issue("xbox-refresh"),
        "user_id": "AAAAAAAAAAAAAAAAAAAAAKnxr1234567",
    });
    super::json(200, &body)
}

async fn user_token(
    State(providers): State<Providers>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let properties = &body["Properties"];
    if header(&headers, "x-xbl-contract-version") != "1"
        || body["RelyingParty"] != "http://auth.xboxlive.com"
        || body["TokenType"] != "JWT"
        || properties["AuthMethod"] != "RPS"
        || properties["SiteName"] != "user.auth.xboxlive.com"
    {
        return refusal(400, "");
    }
    let ticket = properties["RpsTicket"].as_str().and_then(|it| it.strip_prefix("d="));
    let mut world = providers.world();
    if !ticket.is_some_and(|it| it.starts_with("xbox-access") && world.tokens.contains(it)) {
        return refusal(401, "");
    }
    let token = world.issue("xbox-user");
    issued(&world, token, 14 * 24 * 3600)
}

async fn xsts_token(
    State(providers): State<Providers>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let properties = &body["Properties"];
    if header(&headers, "x-xbl-contract-version") != "1"
        || body["RelyingParty"] != "http://xboxlive.com"
        || properties["SandboxId"] != "RETAIL"
    {
        return refusal(400, "");
    }
    let mut world = providers.world();
    if let Some(code) = world.xbox.account_problem {
        let body = json!({ "Identity": "0", "XErr": code, "Message": "", "Redirect": "https://start.ui.xboxlive.com/" });
        return super::json(401, &body);
    }
    let user = properties["UserTokens"][0].as_str().unwrap_or_default();
    if !user.starts_with("xbox-user") || !world.tokens.contains(user) {
        return refusal(401, "");
    }
    let token = world.issue("xbox-xsts");
    issued(&world, token, 16 * 3600)
}

fn issued(world: &super::World, token: String, seconds: i64) -> Response {
    let body = json!({
        "IssueInstant": seven_digits(&world.clock, 0),
        "NotAfter": seven_digits(&world.clock, seconds),
        "Token": token,
        "DisplayClaims": { "xui": [{ "uhs": "1234567890" }] },
    });
    super::json(200, &body)
}

fn signed_in(providers: &Providers, headers: &HeaderMap) -> bool {
    let token = header(headers, "authorization").strip_prefix("XBL3.0 x=1234567890;");
    let known = |it: &str| it.starts_with("xbox-xsts") && providers.world().tokens.contains(it);
    header(headers, "x-xbl-contract-version") == "3" && token.is_some_and(known)
}

async fn profile(
    State(providers): State<Providers>,
    Path(gamertag): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if !signed_in(&providers, &headers) {
        return refusal(401, "");
    }
    if !fields(&query.unwrap_or_default()).contains_key("settings") {
        return refusal(400, "");
    }
    let gamertag = gamertag.strip_prefix("gt(").and_then(|it| it.strip_suffix(')'));
    let Some(gamertag) = gamertag else { return refusal(400, "") };
    // The service cares neither for case nor for spaces.
    let key = |it: &str| it.to_lowercase().replace(' ', "");
    let world = providers.world();
    let found = world.xbox.accounts.iter().find(|(_, (name, _))| key(name) == key(gamertag));
    let Some((xuid, (name, _))) = found else {
        let body = json!({
            "code": 28, "source": "Profile", "traceInformation": null,
            "description": "The server found no data for the requested entity.",
        });
        return super::json(404, &body);
    };
    let id = xuid.to_string();
    let body = json!({ "profileUsers": [{
        "id": id, "hostId": id, "isSponsoredUser": false,
        "settings": [{ "id": "Gamertag", "value": name }],
    }] });
    super::json(200, &body)
}

async fn presence(
    State(providers): State<Providers>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if !signed_in(&providers, &headers) {
        return refusal(401, "");
    }
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let users = body["users"].as_array().cloned().unwrap_or_default();
    if users.is_empty() || users.len() > 1100 || body["level"] != "all" {
        return refusal(400, "");
    }
    let mut records = Vec::new();
    let world = providers.world();
    for user in users {
        // XUIDs are text.
        let Some(xuid) = user.as_str().and_then(|it| it.parse::<u64>().ok()) else {
            return refusal(400, "");
        };
        if let Some((_, Some(record))) = world.xbox.accounts.get(&xuid) {
            let mut record = record.clone();
            record["xuid"] = xuid.to_string().into();
            records.push(record);
        }
    }
    if world.shuffled {
        records.reverse();
    }
    super::json(200, &Value::Array(records))
}
