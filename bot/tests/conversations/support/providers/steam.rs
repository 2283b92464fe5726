//! Steam: names and presence.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
    routing::get,
};
use serde_json::{Value, json};

use super::{CANARY, Providers, fields, header, refusal};

/// What Steam knows.
#[derive(Default)]
pub struct World {
    /// Players by SteamID64.
    pub players: BTreeMap<u64, Value>,
    /// Names in addresses of profiles.
    pub vanity: BTreeMap<String, u64>,
    /// Whether the key is refused.
    pub key_refused: bool,
}

/// The key.
pub fn key() -> String {
    format!("key{CANARY}")
}

impl Providers {
    /// Somebody on Steam.
    pub fn steam(&self, vanity: &str, id: u64, player: Value) {
        let mut world = self.world();
        world.steam.players.insert(id, player);
        world.steam.vanity.insert(vanity.to_lowercase(), id);
    }
}

/// A player with a public profile.
pub fn steam_player(name: &str, state: u64, game: &str) -> Value {
    let mut player = json!({
        "communityvisibilitystate": 3, "profilestate": 1, "personaname": name, "personastate": state,
        "profileurl": "https://steamcommunity.com/id/x/", "timecreated": 1_063_407_589,
    });
    if !game.is_empty() {
        player["gameextrainfo"] = game.into();
        player["gameid"] = "570".into();
    }
    player
}

pub fn routes() -> Router<Providers> {
    Router::new()
        .route("/steam/ISteamUser/ResolveVanityURL/v1/", get(vanity))
        .route("/steam/ISteamUser/GetPlayerSummaries/v2/", get(players))
}

/// Takes the key in a header only: in the query it ends up in logs.
fn allowed(providers: &Providers, headers: &HeaderMap, query: &str) -> bool {
    assert!(!query.contains(CANARY), "the key is in the address");
    header(headers, "x-webapi-key") == key() && !providers.world().steam.key_refused
}

async fn vanity(
    State(providers): State<Providers>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    if !allowed(&providers, &headers, &query) {
        return refusal(403, "<html><head><title>Forbidden</title></head></html>");
    }
    let name = fields(&query).remove("vanityurl").unwrap_or_default().to_lowercase();
    let response = match providers.world().steam.vanity.get(&name) {
        Some(id) => json!({ "steamid": id.to_string(), "success": 1 }),
        None => json!({ "success": 42, "message": "No match" }),
    };
    super::json(200, &json!({ "response": response }))
}

async fn players(
    State(providers): State<Providers>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    if !allowed(&providers, &headers, &query) {
        return refusal(403, "<html><head><title>Forbidden</title></head></html>");
    }
    let ids = fields(&query).remove("steamids").unwrap_or_default();
    if ids.split(',').count() > 100 {
        return refusal(400, "");
    }
    let world = providers.world();
    let mut players = Vec::new();
    for id in ids.split(',') {
        let found = id.parse().ok().and_then(|it: u64| world.steam.players.get(&it));
        if let Some(player) = found {
            let mut player = player.clone();
            player["steamid"] = id.into();
            players.push(player);
        }
    }
    if world.shuffled {
        players.reverse();
    }
    super::json(200, &json!({ "response": { "players": players } }))
}
