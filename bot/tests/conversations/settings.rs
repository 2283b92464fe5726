//! Settings of groups and private chats, and the menus that Telegram shows.

use std::process::Command;

use mongodb::bson::{Document, doc};

use crate::{
    assert_conversation,
    support::{
        bot::Settings,
        conversation::World,
        telegram::{TOKEN, world::Member},
    },
};

const EXPIRED: &str = "This button has expired.";

#[tokio::test]
async fn admins_change_the_settings_of_a_group() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/settings").await;
    for button in [
        "Jokes: on",
        "Announcements: on",
        "May create notify groups: everybody",
        "May join a new one: Whoever is invited",
        "Delete /notify commands: on",
        "Language: English",
    ] {
        ann.presses(button).await;
    }
    assert_conversation!(world);
    let changed = doc! {
        "chat_id": group.id, "lang": "de", "settings.jokes": false, "settings.announcements": false,
        "settings.creators": "admins", "settings.default_policy": "open", "settings.delete_commands": false,
    };
    assert_eq!(world.database().count("chats", changed).await, 1);
    world.forget();
    // They hold: no jokes, and German.
    ann.says(&group, "/f").await;
    assert!(world.telegram().calls("sendMessage").is_empty());
    ann.says(&group, "/age").await;
    assert!(group.reads().contains("alt."), "{}", group.reads());
    for button in ["Scherze: aus", "Sprache: Deutsch"] {
        ann.presses(button).await;
    }
    ann.says(&group, "/f").await;
    assert!(group.reads().contains("pays respects"), "{}", group.reads());
}

#[tokio::test]
async fn others_do_not() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let bob = world.person("Bob");
    let group = world.group("Gamers", &[&ann, &bob]);
    bob.says(&group, "/settings").await;
    assert!(group.reads().contains("Only admins"), "{}", group.reads());
    ann.says(&group, "/settings").await;
    let toast = bob.presses_in(&group, "Jokes: on").await.unwrap_or_default();
    assert!(toast.contains("Only admins"), "{toast}");
    let card = group.newest();
    for data in ["st:x1", "st:j2", "st:lxx", "st:", "st", "st:j", "st:j0:1", "st:ä"] {
        assert_eq!(
            ann.presses_data(group.id, card, data).await.as_deref(),
            Some(EXPIRED),
            "{data}"
        );
    }
    let untouched = doc! { "chat_id": group.id, "settings": { "$exists": false }, "lang": { "$exists": false } };
    assert_eq!(world.database().count("chats", untouched).await, 1);
    // Who was an admin when the card was drawn and is none any more.
    group.promote(&bob);
    group.sets(ann.id, Member::Ordinary);
    world.advance(std::time::Duration::from_secs(61)).await;
    let toast = ann.presses_in(&group, "Jokes: on").await.unwrap_or_default();
    assert!(toast.contains("Only admins"), "{toast}");
    assert_eq!(bob.presses_in(&group, "Jokes: on").await, None);
    assert_eq!(world.database().count("chats", doc! { "settings.jokes": false }).await, 1);
}

#[tokio::test]
async fn a_button_pressed_twice_is_pressed_once() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/settings").await;
    world.at_once(vec![ann.pressing("Jokes: on"), ann.pressing("Jokes: on")]).await;
    assert_eq!(world.database().count("chats", doc! { "settings.jokes": false }).await, 1);
}

#[tokio::test]
async fn an_anonymous_admin_gets_the_card() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.message("/settings").to(&group).anonymously().send().await;
    assert!(group.reads().contains("Settings of this group"), "{}", group.reads());
    ann.presses_in(&group, "Jokes: on").await;
    assert_eq!(world.database().count("chats", doc! { "settings.jokes": false }).await, 1);
}

#[tokio::test]
async fn in_private_everybody_decides_for_themselves() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/settings").await;
    ann.presses("Announcements: on").await;
    ann.presses("Language: English").await;
    ann.writes("/age").await;
    assert_conversation!(world);
    assert_eq!(
        world
            .database()
            .count("chats", doc! { "chat_id": ann.id, "settings.announcements": false })
            .await,
        1
    );
    assert_eq!(world.database().count("users", doc! { "_id": ann.id, "lang": "de" }).await, 1);
}

#[tokio::test]
async fn a_start_sets_the_menus_if_they_are_not_what_they_should_be() {
    let settings = Settings::webhook().with_operator(5_000_001_001);
    let world = World::start(settings).await;
    let menus = |world: &World| world.telegram().world().menus.clone();
    let first = menus(&world);
    assert!(first.contains_key("all_private_chats *"), "{:?}", first.keys());
    assert!(first.contains_key("all_group_chats de"), "{:?}", first.keys());
    // Another start, and another replica, finds them as they should be.
    world.bot().await.restart().await;
    world.settled().await;
    assert!(world.telegram().calls("setMyCommands").is_empty());
    // Somebody who runs the bot gets theirs with the first word.
    let olga = world.stranger("Olga");
    assert!(!first.contains_key(&format!("chat {} *", olga.id)));
    olga.starts("").await;
    assert!(menus(&world).contains_key(&format!("chat {} *", olga.id)));
    // What another version set is set again.
    let stored = world.database().driver().collection::<Document>("menus");
    let other = doc! { "$set": { "fingerprint": "of another version" } };
    stored.update_one(doc! {}, other).await.expect("a menu");
    world.telegram().world().menus.clear();
    world.bot().await.restart().await;
    world.settled().await;
    for key in first.keys() {
        assert!(menus(&world).contains_key(key), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn menus_are_set_for_each_scope_and_language() {
    let world = World::start(Settings::absent()).await;
    let olga = world.person("Olga");
    let variables = [
        ("BOT_TOKEN", TOKEN.to_owned()),
        ("BOT_API_URL", world.telegram().url.clone()),
        ("MONGODB_URI", world.database().uri.clone()),
        ("MONGODB_DATABASE", world.database().name.clone()),
        ("MODE", "polling".to_owned()),
        // One who started the bot, and one who never did.
        ("OPERATOR_IDS", format!("{},4999999999", olga.id)),
    ];
    let done = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_gsm-bot"))
            .arg("set-commands")
            .env_clear()
            .envs(variables)
            .output()
    });
    let done = done.await.expect("a task").expect("the program");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let telegram = world.telegram().world();
    let menu = |key: &str| -> Vec<String> {
        let menu = telegram
            .menus
            .get(key)
            .unwrap_or_else(|| panic!("no menu {key}: {:?}", telegram.menus.keys()));
        let list = menu.as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|it| it["command"].as_str().map(String::from)).collect()
    };
    let operator = format!("chat {}", olga.id);
    for scope in ["all_private_chats", "all_group_chats", "all_chat_administrators", &operator] {
        assert_eq!(menu(&format!("{scope} *")), menu(&format!("{scope} de")), "{scope}");
    }
    let has = |scope: &str, name: &str| menu(&format!("{scope} *")).iter().any(|it| it == name);
    for (name, private, group, admins, operators) in [
        ("help", true, true, true, true),
        ("start", false, false, false, false),
        ("add_notify_group", false, true, true, false),
        ("cancel", true, false, false, true),
        ("settings", true, false, true, true),
        ("forget_me", true, false, false, true),
        ("announce", false, false, false, true),
        ("stats", false, false, false, true),
        ("refund", false, false, false, true),
    ] {
        let shown = [
            has("all_private_chats", name),
            has("all_group_chats", name),
            has("all_chat_administrators", name),
            has(&operator, name),
        ];
        assert_eq!(shown, [private, group, admins, operators], "{name}");
    }
    for what in ["Description", "ShortDescription"] {
        for lang in ["", "de"] {
            let key = format!("{what}:{lang}");
            assert!(
                telegram.texts.get(&key).is_some_and(|it| !it.is_empty()),
                "{key}: {:?}",
                telegram.texts
            );
        }
    }
}
