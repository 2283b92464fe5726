//! PlayStation Network: sign-in at Sony, online ids, presence.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{CANARY, Providers, fields, header, refusal};

const CLIENT_ID: &str = "09515159-7237-4370-9b40-3806e67c0891";
const REDIRECT: &str = "com.scee.psxandroid.scecompcall://redirect";
const SCOPE: &str = "psn:mobile.v2.core psn:clientapp";

/// What PlayStation Network knows.
#[derive(Default)]
pub struct World {
    /// Online id and record by account id; without a record the profile is private.
    pub accounts: BTreeMap<u64, (String, Option<Value>)>,
    /// Online ids that were changed, and what they are now.
    pub renamed: BTreeMap<String, String>,
    /// Whether the batch call is refused.
    pub no_batch: bool,
    /// Whether the cookie has ended.
    pub cookie_ended: bool,
    /// How long refresh tokens last, if not two months.
    pub refresh_life: Option<u64>,
}

/// The cookie of somebody signed in.
pub fn npsso() -> String {
    format!("{CANARY:0<64}")
}

impl Providers {
    /// Somebody on PlayStation Network.
    pub fn psn(&self, online_id: &str, account: u64, record: Value) {
        self.world().psn.accounts.insert(account, (online_id.to_owned(), Some(record)));
    }

    /// Somebody who lets nobody see.
    pub fn psn_private(&self, online_id: &str, account: u64) {
        self.world().psn.accounts.insert(account, (online_id.to_owned(), None));
    }
}

/// Somebody who plays this on that.
pub fn psn_online(availability: &str, platform: &str, game: &str) -> Value {
    let mut record = json!({
        "availability": availability,
        "primaryPlatformInfo": { "onlineStatus": "online", "platform": platform },
    });
    if !game.is_empty() {
        record["gameTitleInfoList"] = json!([{
            "npTitleId": "CUSA14296_00", "titleName": game, "format": "PS4",
            "launchPlatform": platform.to_uppercase(),
        }]);
    }
    record
}

/// Somebody who was last seen then.
pub fn psn_offline(platform: &str, time: &str) -> Value {
    json!({
        "availability": "unavailable", "lastAvailableDate": time,
        "primaryPlatformInfo": {
            "onlineStatus": "offline", "platform": platform, "lastOnlineDate": time,
        },
    })
}

pub fn routes() -> Router<Providers> {
    let users = "/psn-presence/api/userProfile/v2/internal/users";
    Router::new()
        .route("/psn-auth/api/authz/v3/oauth/authorize", get(code))
        .route("/psn-auth/api/authz/v3/oauth/token", post(token))
        .route("/psn-profile/userProfile/v1/users/{online_id}/profile2", get(profile))
        .route(&format!("{users}/basicPresences"), get(presences))
        .route(&format!("{users}/{{account}}/basicPresences"), get(presence))
}

fn to(location: String) -> Response {
    let mut response = refusal(302, "");
    response.headers_mut().insert("location", location.parse().expect("a header"));
    response
}

async fn code(
    State(providers): State<Providers>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = fields(&query.unwrap_or_default());
    let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    if field("client_id") != CLIENT_ID
        || field("redirect_uri") != REDIRECT
        || field("scope") != SCOPE
        || field("response_type") != "code"
        || field("access_type") != "offline"
    {
        return refusal(400, "");
    }
    let mut world = providers.world();
    if world.psn.cookie_ended || header(&headers, "cookie") != format!("npsso={}", npsso()) {
        let error = "error=login_required&error_code=4165&error_description=Not+signed+in";
        return to(format!("{REDIRECT}/?{error}"));
    }
    let code = world.issue("psn-code");
    to(format!("{REDIRECT}/?code={code}&cid=e1a5c4c6-0000-1111-2222-333344445555"))
}

async fn token(State(providers): State<Providers>, headers: HeaderMap, body: String) -> Response {
    let form = fields(&body);
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let refused = |error: &str| super::json(400, &json!({ "error": error, "error_code": 4159 }));
    let app = "Basic MDk1MTUxNTktNzIzNy00MzcwLTliNDAtMzgwNmU2N2MwODkxOnVjUGprYTV0bnRCMktxc1A=";
    if header(&headers, "authorization") != app {
        return refused("invalid_client");
    }
    if field("scope") != SCOPE || field("token_format") != "jwt" {
        return refused("invalid_request");
    }
    let mut world = providers.world();
    let known = match field("grant_type") {
        "authorization_code" if field("redirect_uri") == REDIRECT => {
            world.tokens.remove(field("code"))
        }
        // A refresh token stays as it is, and so does its end.
        "refresh_token" => world.tokens.contains(field("refresh_token")),
        _ => return refused("unsupported_grant_type"),
    };
    if !known {
        return refused("invalid_grant");
    }
    let refresh = match field("refresh_token") {
        "" => world.issue("psn-refresh"),
        refresh => refresh.to_owned(),
    };
    let body = json!({
        "access_token": world.issue("psn-access"), "token_type": "bearer", "expires_in": 3599,
        "scope": SCOPE, "id_token": world.issue("psn-id"), "refresh_token": refresh,
        "refresh_token_expires_in": world.psn.refresh_life.unwrap_or(5_184_000),
    });
    super::json(200, &body)
}

fn signed_in(providers: &Providers, headers: &HeaderMap) -> bool {
    let token = header(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    token.starts_with("psn-access") && providers.world().tokens.contains(token)
}

fn error(status: u16, code: u64, message: &str) -> Response {
    let reference = "2f7a3c1e-0000-1111-2222-333344445555";
    let error = json!({ "referenceId": reference, "code": code, "message": message });
    super::json(status, &json!({ "error": error }))
}

async fn profile(
    State(providers): State<Providers>,
    Path(online_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if !signed_in(&providers, &headers) {
        return error(401, 2_138_626, "Invalid token");
    }
    let wanted = fields(&query.unwrap_or_default()).remove("fields");
    if wanted.as_deref() != Some("accountId,onlineId,currentOnlineId") {
        return error(400, 2_105_345, "Bad request");
    }
    let world = providers.world();
    let current = world.psn.renamed.get(&online_id.to_lowercase()).cloned();
    let name = current.clone().unwrap_or_else(|| online_id.clone());
    let mut found = world.psn.accounts.iter();
    let Some((id, (spelled, _))) = found.find(|(_, (it, _))| it.eq_ignore_ascii_case(&name)) else {
        return error(404, 2_105_356, "User not found");
    };
    let mut profile = json!({ "onlineId": spelled, "accountId": id.to_string() });
    if current.is_some() {
        profile["onlineId"] = online_id.into();
        profile["currentOnlineId"] = spelled.as_str().into();
    }
    super::json(200, &json!({ "profile": profile }))
}

fn about(query: &str) -> bool {
    let query = fields(query);
    let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    field("type") == "primary" && field("platforms") == "PS4,PS5,MOBILE_APP,PSPC"
}

async fn presences(
    State(providers): State<Providers>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if !signed_in(&providers, &headers) {
        return error(401, 2_138_626, "Invalid token");
    }
    let query = query.unwrap_or_default();
    let ids = fields(&query).remove("accountIds").unwrap_or_default();
    let world = providers.world();
    if world.psn.no_batch || !about(&query) || ids.is_empty() || ids.split(',').count() > 50 {
        return error(400, 2_281_473, "Bad request");
    }
    let mut records = Vec::new();
    for id in ids.split(',') {
        let found = id.parse().ok().and_then(|it: u64| world.psn.accounts.get(&it));
        if let Some((_, Some(record))) = found {
            let mut record = record.clone();
            record["accountId"] = id.into();
            records.push(record);
        }
    }
    if world.shuffled {
        records.reverse();
    }
    super::json(200, &json!({ "basicPresences": records }))
}

async fn presence(
    State(providers): State<Providers>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if !signed_in(&providers, &headers) {
        return error(401, 2_138_626, "Invalid token");
    }
    if !about(&query.unwrap_or_default()) {
        return error(400, 2_281_473, "Bad request");
    }
    let world = providers.world();
    match account.parse().ok().and_then(|it: u64| world.psn.accounts.get(&it)) {
        Some((_, Some(record))) => super::json(200, &json!({ "basicPresence": record })),
        Some((_, None)) => error(403, 2_281_486, "Not permitted by access control"),
        None => error(404, 2_281_475, "Not found"),
    }
}
