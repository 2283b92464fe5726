//! Greeting, help, age, jokes, and what is no command of ours.

use std::time::Duration;

use mongodb::bson::doc;

use crate::{
    assert_conversation,
    support::{bot::Settings, conversation::World, person::Person, telegram::Call},
};

async fn world() -> World {
    World::start(Settings::webhook()).await
}

/// Labels of the buttons on the bot's newest message to somebody.
fn labels(world: &World, person: &Person) -> Vec<String> {
    let number = person.newest();
    let mut telegram = world.telegram().world();
    let message = telegram.private(person.id).messages.get(&number).expect("a message");
    let buttons = message.buttons().into_iter().flatten();
    buttons.filter_map(|it| it["text"].as_str().map(String::from)).collect()
}

fn sent(world: &World, method: &str) -> Vec<Call> {
    world.telegram().calls(method)
}

#[tokio::test]
async fn s001_start_greets_and_stores_the_chat_once() {
    let world = world().await;
    let ann = world.stranger("Ann");
    ann.starts("").await;
    assert_conversation!(world);
    ann.starts("").await;
    let mine = doc! { "chat_id": ann.id, "active": true };
    assert_eq!(world.database().count("chats", mine).await, 1);
    assert_eq!(world.database().count("chats", doc! {}).await, 1);
}

#[tokio::test]
async fn s001_start_after_a_block_makes_the_chat_active_again() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.starts("").await;
    ann.blocks_bot().await;
    let gone = doc! { "chat_id": ann.id, "active": false, "inactive_since": { "$exists": true } };
    assert_eq!(world.database().count("chats", gone).await, 1);
    ann.starts("").await;
    let back = doc! { "chat_id": ann.id, "active": true, "inactive_since": { "$exists": false } };
    assert_eq!(world.database().count("chats", back).await, 1);
    assert_eq!(world.database().count("users", doc! { "_id": ann.id, "can_dm": true }).await, 1);
}

#[tokio::test]
async fn s002_start_in_a_group_is_short_and_leads_to_private() {
    let world = World::start(with_assets(&["greeting.mp4"]).0).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/start").await;
    assert_conversation!(world);
    assert!(sent(&world, "sendAnimation").is_empty());
}

#[tokio::test]
async fn s003_an_unknown_payload_is_a_plain_start() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.starts("").await;
    let plain = ann.reads();
    for payload in ["nonsense", "i", "i-", "helpme", "-1001234567890", "_"] {
        ann.starts(payload).await;
        assert_eq!(ann.reads(), plain, "{payload}");
    }
    assert_eq!(sent(&world, "sendMessage").len(), 7);
}

#[tokio::test]
async fn s004_start_help_shows_the_help() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.starts("help").await;
    assert_conversation!(world);
}

/// Presses every button of the help below this page, once each, and comes back.
async fn walk(world: &World, ann: &Person, page: &str, seen: &mut Vec<String>) {
    for label in labels(world, ann) {
        if label == "Back" || seen.contains(&label) {
            continue;
        }
        seen.push(label.clone());
        let calls = sent(world, "answerCallbackQuery").len();
        ann.presses(&label).await;
        assert_ne!(ann.reads(), page, "[{label}] leads elsewhere");
        assert_eq!(sent(world, "answerCallbackQuery").len(), calls + 1, "[{label}] is answered");
        let below = ann.reads();
        Box::pin(walk(world, ann, &below, seen)).await;
        ann.presses("Back").await;
        assert_eq!(ann.reads(), page, "back from [{label}]");
    }
}

#[tokio::test]
async fn s005_every_button_of_the_help_edits_the_same_card() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    let card = ann.newest();
    let main = ann.reads();
    let mut seen = Vec::new();
    walk(&world, &ann, &main, &mut seen).await;
    assert!(seen.len() > 10, "{seen:?}");
    assert_eq!(ann.newest(), card);
    assert_eq!(sent(&world, "sendMessage").len(), 1);
    // The page that is shown already: Telegram says "not modified", and nobody hears of it.
    let same = ann.presses_data(ann.id, card, "h:main").await;
    assert_eq!(same, None);
    assert_eq!(ann.reads(), main);
}

#[tokio::test]
async fn the_operators_help_is_for_operators() {
    // The first two people of a world have these numbers.
    let world = World::start(Settings::webhook().with_operator(5_000_001_001)).await;
    let (olga, ann) = (world.person("Olga"), world.person("Ann"));
    for person in [&olga, &ann] {
        person.writes("/help").await;
    }
    let main = ann.reads();
    for page in ["h:operator", "h:-announce", "h:-stats", "h:-refund"] {
        let toast = ann.presses_data(ann.id, ann.newest(), page).await;
        assert_eq!(toast.as_deref(), Some("This button has expired."), "{page}");
        assert_eq!(ann.reads(), main);
        olga.presses_data(olga.id, olga.newest(), page).await;
        assert!(olga.reads().contains(&page[page.len() - 4..]), "{page}: {}", olga.reads());
    }
}

#[tokio::test]
async fn s006_a_help_card_outlives_a_restart() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    let main = ann.reads();
    world.bot().await.restart().await;
    ann.presses("Jokes").await;
    assert!(ann.reads().contains("/diss"), "{}", ann.reads());
    ann.presses("Back").await;
    assert_eq!(ann.reads(), main);
}

#[tokio::test]
async fn s007_two_help_cards_are_independent() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    let first = ann.newest();
    ann.writes("/help").await;
    let second = ann.newest();
    assert_ne!(first, second);
    ann.presses_data(ann.id, first, "h:jokes").await;
    ann.presses_data(ann.id, second, "h:notify-groups").await;
    ann.presses_data(ann.id, first, "h:-diss").await;
    let read = |number| {
        let mut telegram = world.telegram().world();
        telegram.private(ann.id).messages[&number].readable()
    };
    assert!(read(first).contains("/diss") && !read(first).contains("/add_notify_group"));
    assert!(read(second).contains("/add_notify_group") && !read(second).contains("/diss"));
}

#[tokio::test]
async fn s008_a_page_about_a_dialogue_starts_none() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    ann.presses("Notify groups").await;
    ann.presses("/add_notify_group").await;
    assert_eq!(world.database().count("dialogues", doc! {}).await, 0);
    assert_eq!(sent(&world, "sendMessage").len(), 1);
}

#[tokio::test]
async fn s009_help_in_a_group_only_leads_to_private() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/help").await;
    ann.presses("Open the help").await;
    assert_conversation!(world);
}

#[tokio::test]
async fn s010_the_age_is_counted_when_somebody_asks() {
    let birthday = chrono::Utc::now() - chrono::Duration::days(400);
    let settings = Settings::webhook().with("BIRTHDAY", birthday.format("%Y-%m-%dT%H:%M:%SZ"));
    let world = World::start(settings).await;
    let ann = world.person("Ann");
    ann.writes("/age").await;
    assert!(ann.reads().contains("1 year, 1 month"), "{}", ann.reads());
    world.advance(Duration::from_secs(366 * 24 * 3600)).await;
    ann.writes("/age").await;
    assert!(ann.reads().contains("2 years, 1 month"), "{}", ann.reads());
}

#[tokio::test]
async fn s011_about_knows_the_version() {
    let settings = Settings::webhook()
        .with("BRAND", "Our <Bot>")
        .with("SOURCE_URL", "https://code.example/gsm");
    let world = World::start(settings).await;
    let ann = world.person("Ann");
    ann.writes("/about").await;
    assert!(ann.reads().contains(env!("CARGO_PKG_VERSION")), "{}", ann.reads());
    assert_conversation!(world);
    let calls = sent(&world, "sendMessage");
    let call = calls.last().expect("a message");
    assert_eq!(call.parameters["link_preview_options"]["is_disabled"], true);
}

/// A folder with these files, and a bot that has it.
fn with_assets(files: &[&str]) -> (Settings, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    for file in files {
        std::fs::write(folder.path().join(file), file.repeat(10)).expect("a file");
    }
    let path = folder.path().display().to_string();
    (Settings::webhook().with("ASSETS", path), folder)
}

#[tokio::test]
async fn s012_a_clip_is_uploaded_once() {
    let (settings, _folder) = with_assets(&["f.mp4"]);
    let world = World::start(settings).await;
    let ann = world.person("Ann");
    ann.writes("/f").await;
    ann.writes("/f").await;
    let calls = sent(&world, "sendAnimation");
    let files: Vec<_> = calls.iter().map(|it| it.parameters["animation"].clone()).collect();
    assert_eq!(files.len(), 2);
    let stored = world.database().all("media_cache").await;
    let known = stored[0].get_str("file_id").expect("a file id");
    assert_ne!(files[0], known, "the first is an upload");
    assert_eq!(files[1], known, "the second is what Telegram calls it");
    // Without a file there is a line.
    ann.writes("/mf").await;
    ann.writes("/wdhs").await;
    assert_eq!(sent(&world, "sendMessage").len(), 2);
    // A group that has become a stranger to the file uploads it again.
    world.telegram().order(crate::support::telegram::Fault {
        method: "sendAnimation".to_owned(),
        chat: None,
        times: 1,
        trouble: crate::support::telegram::Trouble::Refuses(
            crate::support::telegram::Refused::bad("wrong file identifier/HTTP URL specified"),
        ),
    });
    ann.writes("/f").await;
    assert_eq!(sent(&world, "sendAnimation").len(), 4);
    assert!(!ann.reads().is_empty());
}

#[tokio::test]
async fn s013_diss_finds_its_target() {
    let world = world().await;
    let ann = world.person("Ann");
    let zoe = world.somebody("Zoe <b> Q", None, true);
    let group = world.group("Gamers", &[&ann, &zoe]);
    let pause = Duration::from_secs(11);
    ann.says(&group, "/diss").await;
    assert!(group.reads().contains("/diss @name"), "{}", group.reads());
    for (command, expected) in [
        ("/diss @some_user", "@some_user"),
        ("/diss Some One", "Some One"),
        ("/diss @{Zoe <b> Q}", "Zoe &lt;b> Q"),
    ] {
        ann.says(&group, command).await;
        assert!(group.reads().contains(expected), "{command}: {}", group.reads());
        world.advance(pause).await;
    }
    let hers = zoe.says(&group, "hello").await;
    ann.replies(&group, hers, "/diss").await;
    assert!(group.reads().contains("Zoe &lt;b> Q"), "{}", group.reads());
    let calls = sent(&world, "sendMessage").len();
    // Too soon.
    ann.says(&group, "/diss @some_user").await;
    assert!(!group.reads().contains("@some_user"), "{}", group.reads());
    assert_eq!(sent(&world, "sendMessage").len(), calls + 1);
    world.advance(pause).await;
    // The bot itself does not put up with it.
    ann.says(&group, &format!("/diss @{}", crate::support::telegram::world::BOT_USERNAME)).await;
    assert!(group.reads().contains("source"), "{}", group.reads());
}

#[tokio::test]
async fn s014_an_edited_command_is_ignored() {
    let world = world().await;
    let ann = world.person("Ann");
    let message = ann.writes("/help").await;
    world.forget();
    ann.edits(ann.id, message, "/about").await;
    assert!(sent(&world, "sendMessage").is_empty());
}

#[tokio::test]
async fn s015_commands_of_other_bots_are_theirs() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/about@OtherBot").await;
    ann.says(&group, "/nonsense").await;
    ann.says(&group, "just talking").await;
    assert!(sent(&world, "sendMessage").is_empty());
    let ours = format!("/about@{}", crate::support::telegram::world::BOT_USERNAME);
    ann.says(&group, &ours).await;
    assert_eq!(sent(&world, "sendMessage").len(), 1);
    // In private somebody who is lost is shown the way.
    ann.writes("/nonsense").await;
    assert!(ann.reads().contains("/help"), "{}", ann.reads());
    ann.writes("hello?").await;
    assert!(ann.reads().contains("/help"), "{}", ann.reads());
}

#[tokio::test]
async fn jokes_come_late_or_not_at_all() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    let now = world.telegram().world().now();
    let late = |text: &str| {
        let mut update = ann.message(text).to(&group).update();
        update["message"]["date"] = (now - 700).into();
        update
    };
    let (joke, about) = (late("/f"), late("/about"));
    world.send(joke).await;
    assert!(sent(&world, "sendMessage").is_empty());
    world.send(about).await;
    assert_eq!(sent(&world, "sendMessage").len(), 1);
}

#[tokio::test]
async fn everybody_is_spoken_to_in_their_language() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.speaks("de-AT");
    ann.writes("/cancel").await;
    assert!(ann.reads().contains("nichts abzubrechen"), "{}", ann.reads());
    ann.starts("").await;
    ann.presses("Sprache").await;
    ann.presses("English").await;
    ann.writes("/cancel").await;
    assert!(ann.reads().contains("nothing to cancel"), "{}", ann.reads());
    let bob = world.person("Bob");
    bob.speaks("fr");
    bob.writes("/cancel").await;
    assert!(bob.reads().contains("nothing to cancel"), "{}", bob.reads());
}
