//! Steam: names and presence.

use std::sync::Arc;

use async_trait::async_trait;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{StatusCode, header::HeaderValue};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;

use super::{
    AccountId, Batch, Condition, Failure, Found, Presence, PresenceProvider, Service, State,
    Warning,
    http::{Answer, Http, below},
    names::{self, SteamName},
};
use crate::{
    clock::{Clock, Time},
    config,
};

/// The service takes no more in one request.
const BATCH: usize = 100;

/// How it says that a name was resolved, and that nobody has it.
const RESOLVED: i64 = 1;
const NO_MATCH: i64 = 42;

/// `communityvisibilitystate` of a profile that everybody may see.
const PUBLIC: i64 = 3;

/// Why the key may be refused; how it reads for the operator.
const KEY_REFUSED: &str = "Steam refuses the key in STEAM_API_KEY";

/// Asks Steam.
pub struct Steam {
    http: Arc<Http>,
    settings: config::Steam,
    clock: Clock,
    /// Since when the key is known to be refused.
    refused: std::sync::Mutex<Option<Time>>,
}

impl Steam {
    /// With the key and the address of `settings`.
    pub fn new(settings: config::Steam, http: Arc<Http>, clock: Clock) -> Self {
        Self { http, settings, clock, refused: std::sync::Mutex::default() }
    }

    /// Asks with the key in a header, where no log of addresses can see it.
    async fn get(&self, call: &'static str, path: &str) -> Result<Answer, Failure> {
        let mut request = self.http.client.get(below(&self.settings.url, path));
        if let Ok(mut key) = HeaderValue::from_str(self.settings.api_key.expose_secret()) {
            key.set_sensitive(true);
            request = request.header("x-webapi-key", key);
        }
        let answer = self.http.send(call, request).await?;
        let refused = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        *self.refused() = refused.then(|| self.clock.now());
        match answer.status {
            StatusCode::OK => Ok(answer),
            _ if refused => Err(Failure::SignedOut(KEY_REFUSED.to_owned())),
            _ => Err(answer.unexpected()),
        }
    }

    async fn vanity(&self, name: &str) -> Result<AccountId, Failure> {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        let path = format!("ISteamUser/ResolveVanityURL/v1/?vanityurl={name}");
        let answer = self.get("steam_vanity", &path).await?;
        let resolved = answer.json::<Enveloped<Resolved>>()?.response;
        match resolved.success {
            RESOLVED => resolved.steamid.and_then(|id| id.parse().ok()).ok_or_else(|| {
                Failure::Unavailable("steam_vanity: the account has no number".to_owned())
            }),
            NO_MATCH => Err(Failure::NotFound),
            other => Err(Failure::Unavailable(format!("steam_vanity: success is {other}"))),
        }
    }

    async fn players(&self, accounts: &[AccountId]) -> Result<Vec<(AccountId, Player)>, Failure> {
        let ids: Vec<String> = accounts.iter().map(AccountId::to_string).collect();
        let path = format!("ISteamUser/GetPlayerSummaries/v2/?steamids={}", ids.join(","));
        let answer = self.get("steam_players", &path).await?;
        let players = answer.json::<Enveloped<Players>>()?.response.players;
        Ok(players.into_iter().filter_map(player).collect())
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Option<Time>> {
        self.refused.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl PresenceProvider for Steam {
    fn service(&self) -> Service {
        Service::Steam
    }

    async fn condition(&self) -> Condition {
        if self.http.is_down() { Condition::Down } else { Condition::Up }
    }

    async fn resolve(&self, name: &str) -> Result<Found, Failure> {
        let id = match names::steam(name)? {
            SteamName::Id(id) => id,
            SteamName::Vanity(name) => self.vanity(&name).await?,
        };
        let mut players = self.players(&[id]).await?.into_iter();
        let player = players.find(|(found, _)| *found == id);
        let (id, player) = player.ok_or(Failure::NotFound)?;
        let name = player.personaname.filter(|name| !name.trim().is_empty());
        Ok(Found { id, name: name.unwrap_or_else(|| id.to_string()) })
    }

    async fn fetch(&self, accounts: &[AccountId]) -> Result<Batch, Failure> {
        let mut batch = Batch::new();
        for accounts in accounts.chunks(BATCH) {
            let players = self.players(accounts).await?;
            batch.extend(players.into_iter().map(|(id, player)| (id, player.presence())));
        }
        Ok(batch)
    }

    async fn warnings(&self) -> Vec<Warning> {
        let refused = self.refused().is_some();
        let why = KEY_REFUSED.to_owned();
        refused.then_some(Warning::SignedOut { service: Service::Steam, why }).into_iter().collect()
    }
}

#[derive(Deserialize)]
struct Enveloped<T> {
    response: T,
}

#[derive(Deserialize)]
struct Resolved {
    success: i64,
    steamid: Option<String>,
}

#[derive(Deserialize)]
struct Players {
    #[serde(default)]
    players: Vec<Value>,
}

/// One player's summary. Anything may be missing.
#[derive(Deserialize)]
struct Player {
    personaname: Option<String>,
    communityvisibilitystate: Option<i64>,
    personastate: Option<i64>,
    gameextrainfo: Option<String>,
    lastlogoff: Option<i64>,
}

fn player(record: Value) -> Option<(AccountId, Player)> {
    let id = record.get("steamid")?.as_str()?.parse().ok()?;
    Some((id, serde_json::from_value(record).ok()?))
}

impl Player {
    fn presence(self) -> Result<Presence, Failure> {
        if self.communityvisibilitystate.is_some_and(|visible| visible != PUBLIC) {
            return Err(Failure::Private);
        }
        let game = self.gameextrainfo.filter(|game| !game.trim().is_empty());
        let state = match self.personastate {
            Some(2) => State::DoNotDisturb,
            // Whoever plays is there, even if the computer thinks they went away.
            _ if game.is_some() => State::Online,
            Some(0) => State::Offline,
            // 5 and 6 look to trade and to play.
            Some(1 | 5 | 6) => State::Online,
            Some(3 | 4) => State::Away,
            _ => State::Unknown,
        };
        let last_seen = self.lastlogoff.filter(|_| state == State::Offline).map(Time::from_seconds);
        Ok(Presence { state, game, detail: None, device: None, last_seen })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(mut record: Value) -> Result<Presence, Failure> {
        record["steamid"] = json!("76561197960435530");
        let Some((_, player)) = player(record) else { panic!("it names somebody") };
        player.presence()
    }

    #[test]
    fn each_state_of_a_public_profile() {
        for (number, state) in [
            (0, State::Offline),
            (1, State::Online),
            (2, State::DoNotDisturb),
            (3, State::Away),
            (4, State::Away),
            (5, State::Online),
            (6, State::Online),
            (9, State::Unknown),
        ] {
            let found = of(json!({ "communityvisibilitystate": 3, "personastate": number }));
            assert_eq!(found, Ok(Presence::of(state)), "{number}");
        }
    }

    #[test]
    fn a_game_means_being_there() {
        let playing = |number| {
            of(
                json!({ "communityvisibilitystate": 3, "personastate": number, "gameextrainfo": "Dota 2" }),
            )
        };
        let game = Some("Dota 2".to_owned());
        let expected = |state| Ok(Presence { game: game.clone(), ..Presence::of(state) });
        assert_eq!(playing(4), expected(State::Online));
        assert_eq!(playing(2), expected(State::DoNotDisturb));
    }

    #[test]
    fn private_profiles_and_old_sign_offs() {
        let private = json!({ "communityvisibilitystate": 1, "personastate": 0 });
        assert_eq!(of(private), Err(Failure::Private));
        let offline = of(
            json!({ "communityvisibilitystate": 3, "personastate": 0, "lastlogoff": 1_500_000_000 }),
        );
        assert_eq!(offline.map(|it| it.last_seen), Ok(Some(Time::from_seconds(1_500_000_000))));
        assert_eq!(of(json!({})), Ok(Presence::of(State::Unknown)));
    }
}
