//! What a record of Xbox Live's presence service means. Anything may be missing, empty or unheard of.

use serde::Deserialize;
use serde_json::Value;

use super::super::{AccountId, Presence, State, times};

/// Devices by preference, best first, and what people call them.
const DEVICES: [(&str, &str); 8] = [
    ("Scarlett", "Xbox Series"),
    ("XboxOne", "Xbox One"),
    ("WindowsOneCore", "PC"),
    ("Win32", "PC"),
    ("Android", "Android"),
    ("iOS", "iOS"),
    ("PlayStation", "PlayStation"),
    ("Nintendo", "Nintendo"),
];

/// Titles that are no games: the dashboard, the sign-in itself, and the companion app.
const NO_GAMES: [&str; 3] = ["Home", "Online", "Xbox App"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    state: Option<String>,
    devices: Option<Vec<Device>>,
    last_seen: Option<LastSeen>,
}

#[derive(Deserialize)]
struct Device {
    #[serde(rename = "type")]
    kind: Option<String>,
    titles: Option<Vec<Title>>,
}

#[derive(Deserialize)]
struct Title {
    name: Option<String>,
    placement: Option<String>,
    activity: Option<Activity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Activity {
    rich_presence: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LastSeen {
    device_type: Option<String>,
    title_name: Option<String>,
    timestamp: Option<String>,
}

/// Whose record it is and what it says; nothing if it names nobody. One whose rest is not understood means that the
/// state is unknown.
pub fn read(record: Value) -> Option<(AccountId, Presence)> {
    let id = record.get("xuid")?.as_str()?.parse().ok()?;
    let presence = serde_json::from_value(record).map_or(Presence::of(State::Unknown), presence);
    Some((id, presence))
}

fn presence(record: Record) -> Presence {
    let state = match record.state.as_deref() {
        Some("Online") => State::Online,
        Some("Away") => State::Away,
        Some("Offline") => State::Offline,
        _ => State::Unknown,
    };
    if matches!(state, State::Online | State::Away) {
        here(state, record)
    } else {
        gone(state, record)
    }
}

/// Somebody who is there: what happens on the best of the devices.
fn here(state: State, record: Record) -> Presence {
    let devices = record.devices.unwrap_or_default();
    let best = devices.into_iter().min_by_key(|device| rank(device.kind.as_deref()));
    let Some(device) = best else { return Presence::of(state) };
    let mut titles = device.titles.unwrap_or_default();
    let full = titles.iter().position(|title| title.placement.as_deref() == Some("Full"));
    let title = if titles.is_empty() { None } else { Some(titles.swap_remove(full.unwrap_or(0))) };
    let (name, activity) = title.map(|title| (title.name, title.activity)).unwrap_or_default();
    let game = game(name);
    let detail = activity.and_then(|activity| activity.rich_presence).and_then(filled);
    Presence {
        state,
        detail: detail.filter(|_| game.is_some()),
        game,
        device: device.kind.and_then(called),
        last_seen: None,
    }
}

/// Somebody who is not: what was last seen.
fn gone(state: State, record: Record) -> Presence {
    let Some(last) = record.last_seen else { return Presence::of(state) };
    Presence {
        state,
        game: game(last.title_name),
        detail: None,
        device: last.device_type.and_then(called),
        last_seen: last.timestamp.as_deref().and_then(times::parse),
    }
}

fn rank(kind: Option<&str>) -> usize {
    let known = DEVICES.iter().position(|(device, _)| Some(*device) == kind);
    known.unwrap_or(DEVICES.len())
}

/// What people call a device; the service's own name for one we do not know.
fn called(kind: String) -> Option<String> {
    let known = DEVICES.iter().find(|(device, _)| *device == kind);
    known.map(|(_, name)| (*name).to_owned()).or_else(|| filled(kind))
}

fn game(name: Option<String>) -> Option<String> {
    name.and_then(filled).filter(|name| !NO_GAMES.contains(&name.as_str()))
}

fn filled(text: String) -> Option<String> {
    let trimmed = text.trim();
    if trimmed.is_empty() { None } else { Some(trimmed.to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(mut record: Value) -> Presence {
        record["xuid"] = json!("2533274790395904");
        let Some((id, presence)) = read(record) else { panic!("it names somebody") };
        assert_eq!(id, AccountId(2_533_274_790_395_904));
        presence
    }

    fn playing(devices: Value) -> Presence {
        of(json!({ "state": "Online", "devices": devices }))
    }

    #[test]
    fn the_best_device_counts() {
        let presence = playing(json!([
            { "type": "iOS", "titles": [{ "name": "Xbox App", "placement": "Full" }] },
            { "type": "Scarlett", "titles": [
                { "name": "Home", "placement": "Background" },
                { "name": "Halo Infinite", "placement": "Full", "activity": { "richPresence": "Slayer" } },
            ] },
            { "type": "XboxOne", "titles": [{ "name": "FIFA", "placement": "Full" }] },
            { "type": "Fridge", "titles": [{ "name": "Snake", "placement": "Full" }] },
        ]));
        let expected = Presence {
            state: State::Online,
            game: Some("Halo Infinite".into()),
            detail: Some("Slayer".into()),
            device: Some("Xbox Series".into()),
            last_seen: None,
        };
        assert_eq!(presence, expected);
    }

    #[test]
    fn what_is_unheard_of_does_no_harm() {
        assert_eq!(playing(json!([])), Presence::of(State::Online));
        assert_eq!(playing(json!(null)), Presence::of(State::Online));
        assert_eq!(playing(json!([{ "type": "Fridge" }])).device.as_deref(), Some("Fridge"));
        assert_eq!(playing(json!([{}])), Presence::of(State::Online));
        assert_eq!(playing(json!([{ "type": "iOS", "titles": [{}] }])).game, None);
        assert_eq!(of(json!({ "state": "Offline" })), Presence::of(State::Offline));
        assert_eq!(of(json!({ "state": "Offline", "lastSeen": {} })), Presence::of(State::Offline));
        assert_eq!(of(json!({ "state": "Busy" })), Presence::of(State::Unknown));
        assert_eq!(of(json!({})), Presence::of(State::Unknown));
        assert_eq!(of(json!({ "state": 3 })), Presence::of(State::Unknown));
        assert_eq!(read(json!({ "state": "Online" })), None);
        assert_eq!(read(json!("what")), None);
    }

    #[test]
    fn what_is_no_game_is_none() {
        for name in ["Home", "Online", "Xbox App", "", " "] {
            let titles = json!([{ "type": "XboxOne", "titles": [
                { "name": name, "placement": "Full", "activity": { "richPresence": "Here" } },
            ] }]);
            let presence = playing(titles);
            assert_eq!((presence.game, presence.detail), (None, None), "{name}");
        }
        // Without one that fills the screen, the first.
        let titles =
            json!([{ "type": "Win32", "titles": [{ "name": "Forza" }, { "name": "Halo" }] }]);
        assert_eq!(playing(titles).game.as_deref(), Some("Forza"));
    }

    #[test]
    fn offline_shows_what_was_last_seen() {
        let presence = of(json!({ "state": "Offline", "lastSeen": {
            "deviceType": "WindowsOneCore", "titleName": "", "timestamp": "2018-03-27T02:19:03.1204387Z",
        } }));
        assert_eq!(presence.game, None);
        assert_eq!(presence.device.as_deref(), Some("PC"));
        assert_eq!(presence.last_seen.map(|time| time.0), Some(1_522_117_143_120));
    }
}
