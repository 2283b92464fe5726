//! What a record of PlayStation Network's presence service means. Anything may be missing or unheard of.

use serde::Deserialize;
use serde_json::Value;

use super::super::{AccountId, Failure, Presence, State, times};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    availability: Option<String>,
    primary_platform_info: Option<Platform>,
    last_available_date: Option<String>,
    game_title_info_list: Option<Vec<Title>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Platform {
    platform: Option<String>,
    last_online_date: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Title {
    title_name: Option<String>,
    launch_platform: Option<String>,
    game_status: Option<String>,
}

/// A record of a batch: whose it is and what it says.
pub fn read_named(record: Value) -> Option<(AccountId, Result<Presence, Failure>)> {
    let id = record.get("accountId")?;
    let id = id.as_str().map(str::to_owned).or_else(|| id.as_u64().map(|id| id.to_string()))?;
    Some((id.parse().ok()?, Ok(read(record))))
}

/// What a record says.
pub fn read(record: Value) -> Presence {
    serde_json::from_value(record).map_or(Presence::of(State::Unknown), presence)
}

fn presence(record: Record) -> Presence {
    let platform = record.primary_platform_info.unwrap_or_default();
    let (state, device) = match record.availability.as_deref() {
        Some("availableToPlay") => (State::Online, None),
        Some("doNotDisturb") => (State::DoNotDisturb, None),
        Some("unavailable") => (State::Offline, None),
        // Signed in with the phone, and not at a console.
        Some("availableToCommunicate") => (State::Away, Some("PS App".to_owned())),
        _ => (State::Unknown, None),
    };
    let device = device.or_else(|| platform.platform.as_deref().and_then(called));
    if matches!(state, State::Offline | State::Unknown) {
        let last = platform.last_online_date.or(record.last_available_date);
        let last_seen = last.as_deref().and_then(times::parse);
        return Presence { state, game: None, detail: None, device, last_seen };
    }
    let titles = record.game_title_info_list.unwrap_or_default();
    let (game, detail) = playing(titles, platform.platform.as_deref());
    Presence { state, game, detail, device, last_seen: None }
}

/// The title that runs on the primary platform, else the first.
fn playing(titles: Vec<Title>, platform: Option<&str>) -> (Option<String>, Option<String>) {
    let same = |title: &Title| match (title.launch_platform.as_deref(), platform) {
        (Some(launched), Some(platform)) => launched.eq_ignore_ascii_case(platform),
        _ => false,
    };
    let at = titles.iter().position(same).unwrap_or(0);
    let Some(title) = titles.into_iter().nth(at) else { return (None, None) };
    let game = title.title_name.and_then(filled);
    (game.clone(), title.game_status.and_then(filled).filter(|_| game.is_some()))
}

/// A platform as people call it.
fn called(platform: &str) -> Option<String> {
    let upper = platform.trim().to_ascii_uppercase();
    match upper.as_str() {
        "" => None,
        "PSPC" => Some("PC".to_owned()),
        "PSVITA" => Some("PS Vita".to_owned()),
        "MOBILE_APP" => Some("PS App".to_owned()),
        _ => Some(upper),
    }
}

fn filled(text: String) -> Option<String> {
    let trimmed = text.trim();
    if trimmed.is_empty() { None } else { Some(trimmed.to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_availability_has_its_state() {
        for (availability, state) in [
            ("availableToPlay", State::Online),
            ("doNotDisturb", State::DoNotDisturb),
            ("unavailable", State::Offline),
            ("availableToCommunicate", State::Away),
            ("sleeping", State::Unknown),
        ] {
            assert_eq!(read(json!({ "availability": availability })).state, state);
        }
        let phone = read(json!({
            "availability": "availableToCommunicate",
            "primaryPlatformInfo": { "onlineStatus": "online", "platform": "PS5" },
        }));
        assert_eq!(phone.device.as_deref(), Some("PS App"));
        assert_eq!(read(json!({})), Presence::of(State::Unknown));
        assert_eq!(read(json!({ "availability": 7 })), Presence::of(State::Unknown));
        assert_eq!(read(json!(null)), Presence::of(State::Unknown));
    }

    #[test]
    fn the_game_is_that_of_the_platform_else_the_first() {
        let on = |platform: &str| {
            read(json!({
                "availability": "availableToPlay",
                "primaryPlatformInfo": { "onlineStatus": "online", "platform": platform },
                "gameTitleInfoList": [
                    { "titleName": "Gravity Rush", "format": "PSVITA", "launchPlatform": "PSVITA" },
                    { "titleName": "Rust", "format": "PS4", "launchPlatform": "PS5",
                      "gameStatus": "On the server" },
                ],
            }))
        };
        let ps5 = on("ps5");
        assert_eq!(ps5.game.as_deref(), Some("Rust"));
        assert_eq!(ps5.detail.as_deref(), Some("On the server"));
        assert_eq!(ps5.device.as_deref(), Some("PS5"));
        assert_eq!(on("ps4").game.as_deref(), Some("Gravity Rush"));
    }

    #[test]
    fn offline_has_a_time_of_either_kind() {
        let seen = |record| read(record).last_seen.map(|time| time.0);
        assert_eq!(
            seen(json!({
                "availability": "unavailable",
                "lastAvailableDate": "2022-09-15T22:50:29.012Z",
                "primaryPlatformInfo": { "platform": "ps4", "lastOnlineDate": "2022-09-15T22:50:28Z" },
            })),
            Some(1_663_282_228_000)
        );
        assert_eq!(
            seen(json!({
                "availability": "unavailable", "lastAvailableDate": "2022-09-15T22:50:28.012Z",
            })),
            Some(1_663_282_228_012)
        );
        assert_eq!(seen(json!({ "availability": "unavailable" })), None);
    }

    #[test]
    fn account_ids_are_text_with_all_64_bits() {
        let id = |id: Value| read_named(json!({ "accountId": id })).map(|(id, _)| id.to_string());
        assert_eq!(id(json!("18446744073709551615")).as_deref(), Some("18446744073709551615"));
        assert_eq!(
            id(json!(6_462_910_331_343_535_058_u64)).as_deref(),
            Some("6462910331343535058")
        );
        assert_eq!(id(json!("me")), None);
    }
}
