//! `/status`: scenarios 57 to 69.

use std::time::{Duration, Instant};

use gsm_bot::clock::Clock;
use mongodb::bson::{Bson, Document, doc};

use crate::{
    assert_conversation,
    support::{
        bot::Settings,
        conversation::{Group, Person, World},
        database::Database,
        providers::{
            Fault, Providers, psn_offline, psn_online, steam_player, xbox_offline, xbox_online,
        },
    },
};

/// A bot with all services, and a group.
struct Scene {
    world: World,
    providers: Providers,
    ann: Person,
    group: Group,
}

/// SteamID64s begin here.
const STEAM: i64 = 76_561_197_960_265_728;

impl Scene {
    async fn new() -> Self {
        let providers = Providers::start(Clock::default()).await;
        let settings = providers.settings(Settings::webhook());
        Self::with(providers, settings).await
    }

    async fn with(providers: Providers, settings: Settings) -> Self {
        let database = Database::create().await;
        providers.sign_in_to_xbox(&database).await;
        let world = World::start_on(&database, settings).await;
        let ann = world.person("Ann");
        let bob = world.person("Bob");
        let group = world.group("Gamers", &[&ann, &bob]);
        Self { world, providers, ann, group }
    }

    async fn has(&self, name: &str, xbox: Option<i64>, psn: Option<i64>, steam: Option<i64>) {
        let name_of = |id: Option<i64>| id.map(|id| format!("SECRET{id}"));
        let document = doc! {
            "user_id": self.ann.id, "chat_id": self.group.id, "display_name": name,
            "display_key": name.to_lowercase(),
            "xbox_gamertag": name_of(xbox), "xbox_account_id": xbox,
            "psn_online_id": name_of(psn), "psn_account_id": psn,
            "steam_name": name_of(steam), "steam_id": steam.map(|it| STEAM + it),
        };
        let users = self.world.database().driver().collection::<Document>("statususers");
        users.insert_one(document).await.unwrap();
    }

    fn steam(&self, id: i64, state: u64, game: &str) {
        let id = (STEAM + id).unsigned_abs();
        self.providers.steam("x", id, steam_player("X", state, game));
    }

    /// What `/status` shows.
    async fn shows(&self, command: &str) -> String {
        self.ann.says(&self.group, command).await;
        self.group.reads()
    }

    async fn later(&self, seconds: u64) {
        let time = Duration::from_secs(seconds);
        self.providers.world().clock.advance(time);
        self.world.advance(time).await;
    }
}

/// So many hours and some minutes ago, with seven digits of a second.
fn hours_ago(hours: i64) -> String {
    let time = chrono::Utc::now() - chrono::TimeDelta::minutes(hours * 60 + 5);
    time.format("%Y-%m-%dT%H:%M:%S.1234567Z").to_string()
}

#[tokio::test]
async fn s057_nobody_to_show() {
    let it = Scene::new().await;
    let shown = it.shows("/status").await;
    assert!(shown.contains("/add_status_user"), "{shown}");
    assert_eq!(it.providers.count(""), 0);
}

#[tokio::test]
async fn s058_order_and_symbols() {
    let it = Scene::new().await;
    it.has("unknown", None, Some(99), None).await;
    it.has("Zoe online", Some(1), None, None).await;
    it.has("amy online", None, None, Some(1)).await;
    it.has("busy", None, Some(2), None).await;
    it.has("gone", None, Some(3), None).await;
    it.has("away", Some(4), Some(3), None).await;
    it.has("unlinked", None, None, None).await;
    it.providers.xbox("x", 1, xbox_online("Online", "Scarlett", "Halo"));
    it.steam(1, 1, "");
    it.providers.psn("x", 2, psn_online("doNotDisturb", "PS5", "Rust"));
    it.providers.psn("x", 3, psn_offline("ps4", &hours_ago(50)));
    it.providers.xbox("x", 4, xbox_online("Away", "Win32", "Forza"));
    it.world.forget();
    let shown = it.shows("/status").await;
    let place = |name: &str| shown.find(name).unwrap_or_else(|| panic!("{name} in {shown}"));
    let order = ["amy online", "Zoe online", "away", "busy", "gone", "unknown", "unlinked"];
    assert!(order.windows(2).all(|it| place(it[0]) < place(it[1])), "{shown}");
    assert_conversation!(it.world);
}

#[tokio::test]
async fn s059_the_better_device() {
    let it = Scene::new().await;
    it.has("Ann", Some(1), None, None).await;
    it.providers.xbox(
        "x",
        1,
        serde_json::json!({ "state": "Online", "devices": [
        { "type": "iOS", "titles": [{ "name": "Xbox App", "placement": "Full" }] },
        { "type": "Scarlett", "titles": [{ "name": "Halo", "placement": "Full" }] },
    ] }),
    );
    let shown = it.shows("/status").await;
    assert!(shown.contains("🟢 Xbox Live: Halo (Xbox Series)"), "{shown}");
}

#[tokio::test]
async fn s060_offline_without_a_game() {
    let it = Scene::new().await;
    it.has("Ann", Some(1), None, None).await;
    it.providers.xbox("x", 1, xbox_offline("XboxOne", "", &hours_ago(3)));
    let shown = it.shows("/status").await;
    assert!(shown.contains("🔴 Xbox Live: last seen 3 hours ago, Xbox One"), "{shown}");
}

#[tokio::test]
async fn s061_a_private_profile() {
    let it = Scene::new().await;
    it.has("Ann", None, Some(1), None).await;
    it.has("Bob", None, Some(2), None).await;
    it.providers.psn_private("x", 1);
    it.providers.psn("x", 2, psn_online("availableToPlay", "PS5", "Rust"));
    let shown = it.shows("/status").await;
    assert!(shown.contains("⚫ PSN: private"), "{shown}");
    assert!(shown.contains("🟢 PSN: Rust (PS5)"), "{shown}");
    assert!(!shown.contains("⚠️"), "{shown}");
}

#[tokio::test]
async fn s062_one_service_down() {
    let it = Scene::new().await;
    it.has("Ann", Some(1), Some(1), None).await;
    it.providers.psn("x", 1, psn_online("availableToPlay", "PS5", "Rust"));
    it.providers.breaks("xbox", Fault::Slow(Duration::from_secs(60)));
    let started = Instant::now();
    let shown = it.shows("/status").await;
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert!(shown.contains("🟢 PSN: Rust (PS5)"), "{shown}");
    assert_eq!(shown.matches("⚠️").count(), 1, "{shown}");
    assert!(shown.contains("⚠️ Xbox Live did not answer"), "{shown}");
}

#[tokio::test]
async fn s063_no_accounts_on_a_service_no_request() {
    let it = Scene::new().await;
    it.has("Ann", None, Some(1), None).await;
    it.providers.psn("x", 1, psn_online("availableToPlay", "PS5", "Rust"));
    it.shows("/status").await;
    assert_eq!(it.providers.count("xbox"), 0);
    assert_eq!(it.providers.count("steam"), 0);
}

#[tokio::test]
async fn s064_records_in_another_order_or_missing() {
    let it = Scene::new().await;
    for (name, id) in [("Ann", 1), ("Bob", 2), ("Cid", 3)] {
        it.has(name, Some(id), None, None).await;
    }
    it.providers.xbox("x", 1, xbox_online("Online", "XboxOne", "Halo"));
    it.providers.xbox_hidden("x", 2);
    it.providers.xbox("x", 3, xbox_online("Online", "XboxOne", "Forza"));
    it.providers.world().shuffled = true;
    let shown = it.shows("/status").await;
    let block = |name: &str| {
        let at = shown.find(name).unwrap_or_else(|| panic!("{name} in {shown}"));
        shown[at..].lines().nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(block("Ann"), "🟢 Xbox Live: Halo (Xbox One)");
    assert_eq!(block("Bob"), "⚫ Xbox Live: private");
    assert_eq!(block("Cid"), "🟢 Xbox Live: Forza (Xbox One)");
}

#[tokio::test]
async fn s065_within_a_minute_nobody_is_asked_again() {
    let it = Scene::new().await;
    it.has("Ann", None, None, Some(1)).await;
    it.steam(1, 1, "Dota 2");
    it.shows("/status").await;
    it.providers.forget();
    it.later(40).await;
    let shown = it.shows("/status").await;
    assert_eq!(it.providers.count(""), 0);
    assert!(shown.contains("Looked up 40 seconds ago"), "{shown}");
    // The button does ask, once the answer is old enough; not twice in a moment.
    it.later(30).await;
    it.steam(1, 3, "");
    it.ann.presses("Refresh").await;
    assert!(it.group.reads().contains("🟡 Steam: away"), "{}", it.group.reads());
    assert_eq!(it.providers.count("steam"), 1);
    let toast = it.ann.presses("Refresh").await;
    assert!(toast.is_some_and(|it| it.contains("moment ago")));
}

#[tokio::test]
async fn s066_gamertags_with_hash_or_space() {
    let it = Scene::new().await;
    it.providers.xbox("Major Nelson#1234", 7, xbox_online("Online", "XboxOne", "Halo"));
    it.ann.writes("/add_status_user").await;
    it.ann.writes("The Major").await;
    it.ann.writes("Major Nelson#1234").await;
    it.ann.presses("Skip").await;
    it.ann.presses("Skip").await;
    it.ann.presses("Save").await;
    assert!(it.providers.calls("xbox_profile")[0].target.contains("gt(Major%20Nelson%231234)"));
    it.ann.writes("/status").await;
    assert!(it.ann.reads().contains("🟢 Xbox Live: Halo (Xbox One)"), "{}", it.ann.reads());
}

#[tokio::test]
async fn s067_names_of_accounts_never_show() {
    let it = Scene::new().await;
    it.has("Ann", Some(1), Some(1), Some(1)).await;
    it.providers.xbox("SECRET1", 1, xbox_online("Online", "XboxOne", "Halo"));
    it.providers.psn_private("SECRET1", 1);
    it.steam(1, 0, "");
    it.world.forget();
    it.shows("/status").await;
    let conversation = it.world.conversation();
    assert!(!conversation.contains("SECRET"), "{conversation}");
}

#[tokio::test]
async fn s068_sixty_are_shown_in_several_messages() {
    let it = Scene::new().await;
    for id in 0..60 {
        let name = format!("Somebody with a long name {id:02}");
        it.has(&name, Some(1), Some(1), Some(1)).await;
    }
    let game = "A Game Whose Name Goes On For Quite A While: The Subtitle";
    it.providers.xbox("x", 1, xbox_online("Online", "XboxOne", game));
    it.providers.psn("x", 1, psn_online("availableToPlay", "PS5", game));
    it.steam(1, 1, game);
    it.world.forget();
    it.shows("/status").await;
    // The stand-in refuses longer messages.
    let sent = it.world.telegram().calls("sendMessage").len();
    assert!(sent > 2, "{sent}");
    let conversation = it.world.conversation();
    for id in 0..60 {
        assert!(conversation.contains(&format!("name {id:02}")), "{id}");
    }
}

#[tokio::test]
async fn s069_two_replicas_refresh_once() {
    let providers = Providers::start(Clock::default()).await;
    let settings = providers.settings(Settings::replicas(2));
    let it = Scene::with(providers, settings).await;
    it.has("Ann", Some(1), None, None).await;
    it.providers.xbox("x", 1, xbox_online("Online", "XboxOne", "Halo"));
    it.providers.fails("xbox_login", Fault::Slow(Duration::from_millis(500)));
    let updates = vec![
        it.ann.message("/status").to(&it.group).update(),
        it.ann.message("/status").to(&it.group).update(),
    ];
    it.world.at_once(updates).await;
    it.world
        .until("both are answered", |telegram| telegram.calls("editMessageText").len() == 2)
        .await;
    let edits = it.world.telegram().calls("editMessageText");
    assert!(edits.iter().all(|it| it.parameters["text"].to_string().contains("Halo")));
    // The second would have been refused: a refresh token works once.
    assert_eq!(it.providers.count("xbox_login"), 1);
}

#[tokio::test]
async fn st12_old_presences_are_shown_as_such_during_an_outage() {
    let it = Scene::new().await;
    it.has("Ann", None, None, Some(1)).await;
    it.steam(1, 1, "Dota 2");
    it.shows("/status").await;
    it.providers.breaks("steam", Fault::Status(503));
    it.later(600).await;
    let shown = it.shows("/status").await;
    assert!(shown.contains("🟢 Steam: Dota 2 (as of 10 minutes ago)"), "{shown}");
    assert!(shown.contains("⚠️ Steam did not answer"), "{shown}");
}

#[tokio::test]
async fn st16_a_part_of_a_name() {
    let it = Scene::new().await;
    it.has("Ann", None, None, Some(1)).await;
    it.has("Joanna", None, None, Some(2)).await;
    it.has("Bob", None, None, Some(3)).await;
    let shown = it.shows("/status ANN").await;
    assert!(shown.contains("Ann") && shown.contains("Joanna") && !shown.contains("Bob"), "{shown}");
    let shown = it.shows("/status <b>.*").await;
    assert!(shown.contains("<b>&lt;b>.*</b>"), "{shown}");
}

#[tokio::test]
async fn st17_two_at_once_share_the_look() {
    let it = Scene::new().await;
    it.has("Ann", None, None, Some(1)).await;
    it.steam(1, 1, "Dota 2");
    it.providers.fails("steam_players", Fault::Slow(Duration::from_millis(500)));
    let updates = vec![
        it.ann.message("/status").to(&it.group).update(),
        it.ann.message("/status").to(&it.group).update(),
    ];
    it.world.at_once(updates).await;
    assert_eq!(it.providers.count("steam_players"), 1);
}

#[tokio::test]
async fn st11_other_commands_are_not_kept_waiting() {
    let it = Scene::new().await;
    it.has("Ann", None, None, Some(1)).await;
    it.steam(1, 1, "Dota 2");
    it.providers.fails("steam_players", Fault::Slow(Duration::from_secs(6)));
    let status = it.ann.message("/status").to(&it.group).update();
    it.world.telegram().deliver(status).await;
    let age = it.ann.message("/age").to(&it.group).update();
    it.world.telegram().deliver(age).await;
    // The notice and the age are there; the status, which becomes of the notice, is not.
    assert_eq!(it.world.telegram().calls("sendMessage").len(), 2);
    assert!(it.world.telegram().calls("editMessageText").is_empty());
    it.world.settled().await;
    assert!(it.world.conversation().contains("Dota 2"));
}

#[tokio::test]
async fn accounts_without_a_number_have_to_be_linked_again() {
    let it = Scene::new().await;
    let users = it.world.database().driver().collection::<Document>("statususers");
    let original = doc! {
        "user_id": it.ann.id, "chat_id": it.group.id, "display_name": "Old", "display_key": "old",
        "xbox_gamertag": "SECRET", "psn_online_id": Bson::Null, "psn_account_id": Bson::Null,
    };
    users.insert_one(original).await.unwrap();
    let shown = it.shows("/status").await;
    assert!(shown.contains("⚫ Xbox Live: has to be linked again"), "{shown}");
    assert_eq!(it.providers.count(""), 0);
}
