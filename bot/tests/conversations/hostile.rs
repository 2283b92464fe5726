//! People who want to break the bot, or each other's things with it.

use std::{collections::BTreeMap, time::Duration};

use mongodb::bson::Document;
use serde_json::Value;

use crate::support::{
    bot::Settings,
    conversation::{Group, Person, World},
    database::Database,
    telegram::generated::{Chance, HOSTILE},
};

/// Forged presses in every run. `FORGED_PRESSES` makes them more: each costs the database five questions, so that a
/// hundred thousand take a quarter of an hour.
const PRESSES: usize = 2_000;

/// How many of them are under way at the same time.
const AT_ONCE: usize = 200;

/// In how many groups of their own somebody presses: a chat's updates are handled one after the other.
const LAIRS: usize = 8;

/// A group full of things that others would like to change, and what its buttons carry.
pub async fn treasure(world: &World) -> (Group, Person, Vec<String>) {
    let ann = world.person("Ann");
    let bob = world.person("Bob");
    let group = world.group("SecretTitle", &[&ann, &bob]);
    ann.says(&group, "/add_notify_group").await;
    ann.presses_private("").await;
    ann.writes("SecretName").await;
    ann.writes("SecretDescription").await;
    let mut data = buttons(world);
    for button in ["in the group", "Save"] {
        ann.presses_private(button).await;
        data.extend(buttons(world));
    }
    for command in [
        "/invite SecretName @bob @somebody",
        "/groups",
        "/notify",
        "/status",
        "/settings",
        "/notify SecretName hi",
    ] {
        ann.says(&group, command).await;
        data.extend(buttons(world));
    }
    for command in ["/modify_notify_group", "/add_status_user", "/modify_status_user"] {
        ann.says(&group, command).await;
        ann.presses_private("").await;
        data.extend(buttons(world));
    }
    for command in ["/start", "/help", "/donate", "/settings", "/forget_me", "/cancel"] {
        ann.writes(command).await;
        data.extend(buttons(world));
    }
    data.sort();
    data.dedup();
    assert!(data.len() > 20, "only {data:?} to forge");
    assert!(world.database().count("notifygroups", Document::new()).await == 1);
    (group, ann, data)
}

/// What every button that can be seen now carries.
fn buttons(world: &World) -> Vec<String> {
    let world = world.telegram().world();
    let messages = world.chats.values().flat_map(|it| it.messages.values());
    let buttons = messages.flat_map(|it| it.buttons()).flatten();
    buttons.filter_map(|it| it["callback_data"].as_str().map(String::from)).collect()
}

/// Everything stored that a stranger must not be able to change.
async fn stored(world: &World) -> BTreeMap<&'static str, Vec<Document>> {
    let mut stored = BTreeMap::new();
    for collection in [
        "chats",
        "statususers",
        "notifygroups",
        "invitations",
        "announcements",
        "payments",
        "feedback",
    ] {
        stored.insert(collection, world.database().all(collection).await);
    }
    stored
}

/// What the original's buttons carried.
const OLD: [&str; 12] = [
    "general",
    "cancel",
    "skip_description",
    "asu_-1001234567890",
    "ang_-1001234567890",
    "60d5ec49f1a2c8b1f8e4e1a1",
    "edit_60d5ec49f1a2c8b1f8e4e1a1",
    "delete_60d5ec49f1a2c8b1f8e4e1a1",
    "confirm_delete_60d5ec49f1a2c8b1f8e4e1a1",
    "remove_from_members_5000001001",
    "accept_60d5ec49f1a2c8b1f8e4e1a1_1",
    "donate_using_telegram",
];

/// What a modified client might send: noise, old formats, real data of others, and real data with a part changed.
fn forged(real: &[String], chance: &mut Chance) -> String {
    match chance.below(6) {
        0 => chance.text().chars().take(16).collect(),
        1 => (*chance.pick(&OLD)).to_owned(),
        2 => chance.pick(real).clone(),
        3 => {
            let mut characters: Vec<char> = chance.pick(real).chars().collect();
            let place = chance.below(characters.len());
            characters[place] = char::from(33 + chance.below(94) as u8);
            characters.into_iter().collect()
        }
        4 => {
            let mut parts: Vec<String> = chance.pick(real).split(':').map(String::from).collect();
            let other: Vec<&str> = chance.pick(real).split(':').collect();
            let place = chance.below(parts.len());
            parts[place] = (*chance.pick(&other)).to_owned();
            parts.join(":")
        }
        _ => format!("{}:{}", chance.pick(real), chance.below(1000)),
    }
}

/// Presses by somebody who is not in the group, on messages of their own, with the data of others.
async fn press_forged(count: usize) {
    let database = Database::create().await.without_retries();
    let world = World::start_on(&database, Settings::webhook()).await;
    let (_, _, real) = treasure(&world).await;
    let eve = world.person("Eve");
    let lairs: Vec<Group> = (0..LAIRS).map(|_| world.group("Lair", &[&eve])).collect();
    eve.starts("").await;
    for lair in &lairs {
        eve.says(lair, "/help").await;
    }
    let before = stored(&world).await;
    let mut places = vec![(eve.id, eve.newest())];
    places.extend(lairs.iter().flat_map(|it| [(it.id, it.newest()), (it.id, 999_999)]));
    world.forget();
    let mut chance = Chance::new(7);
    let mut left = count;
    while left > 0 {
        let batch = left.min(AT_ONCE);
        left -= batch;
        let presses = (0..batch).map(|_| {
            let (chat, message) = *chance.pick(&places);
            eve.press(chat, message, &forged(&real, &mut chance))
        });
        let presses = presses.collect();
        world.at_once(presses).await;
        let conversation = world.conversation();
        assert!(!conversation.contains("Secret"), "{conversation}");
        world.forget();
        world.telegram().world().presses.retain(|_, it| it.answer.is_none());
        if left > 0 && left.is_multiple_of(10_000) {
            println!("{left} forged presses left");
        }
    }
    // What Eve does to herself and to her own group is hers to do; what others have is as it was.
    let hers = |it: &Document| {
        ["user_id", "creator_id", "chat_id"]
            .iter()
            .filter_map(|field| it.get_i64(field).ok())
            .any(|id| id == eve.id || lairs.iter().any(|it| it.id == id))
    };
    let theirs = |mut stored: BTreeMap<&'static str, Vec<Document>>| {
        stored.values_mut().for_each(|it| it.retain(|it| !hers(it)));
        stored
    };
    assert_eq!(theirs(stored(&world).await), theirs(before));
}

#[tokio::test]
async fn s016_old_and_random_data_expire() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.starts("").await;
    let message = ann.newest();
    let before = stored(&world).await;
    let mut chance = Chance::new(16);
    let noise: Vec<String> = (0..40).map(|_| chance.text().chars().take(16).collect()).collect();
    for data in OLD.iter().map(|it| (*it).to_owned()).chain(noise) {
        let toast = ann.presses_data(ann.id, message, &data).await;
        assert!(toast.is_some_and(|it| it.contains("expired")), "{data:?}");
    }
    assert_eq!(stored(&world).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_presses_change_and_show_nothing() {
    let wanted = std::env::var("FORGED_PRESSES").ok();
    press_forged(wanted.map_or(PRESSES, |it| it.parse().expect("a number"))).await;
}

#[tokio::test]
async fn deep_links_of_others_lead_nowhere() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let group = world.group("SecretTitle", &[&ann]);
    ann.says(&group, "/add_notify_group").await;
    let links = |message: &Value| {
        message["url"].as_str().and_then(|it| it.split("start=").nth(1)).map(String::from)
    };
    let (_, _, button) = ann.finds("", |chat| chat == group.id);
    let token = links(&button).expect("a deep link");
    world.forget();
    let eve = world.person("Eve");
    let long = "x".repeat(64);
    let payloads = [
        token.as_str(),
        "asu_-1001234567890",
        "help",
        "i_",
        "i_AAAAAAAAAAAAAAAAAAAAAA",
        long.as_str(),
        "-",
        "_",
    ];
    for payload in payloads {
        eve.starts(payload).await;
    }
    let conversation = world.conversation();
    assert!(!conversation.contains("SecretTitle"), "{conversation}");
    assert_eq!(world.database().count("dialogues", mongodb::bson::doc! { "_id": eve.id }).await, 0);
    // It was not used up: whom it belongs to can still use it.
    ann.starts(&token).await;
    assert_eq!(world.database().count("dialogues", mongodb::bson::doc! { "_id": ann.id }).await, 1);
}

#[tokio::test]
async fn names_made_of_anything_break_no_message() {
    let world = World::start(Settings::webhook()).await;
    let names = HOSTILE.iter().map(|it| (*it).to_owned()).chain(["😀".repeat(32), "ﷺ".repeat(64)]);
    for (index, name) in names.enumerate() {
        let person = world.somebody(&name, None, true);
        let group = world.group(&name, &[&person]);
        let topic = format!("raid{index}");
        person.starts("").await;
        person.says(&group, "/add_notify_group").await;
        person.presses_private("").await;
        person.writes(&topic).await;
        person.writes(&name).await;
        for button in ["in the group", "Save"] {
            if buttons_of(&world, &person, button) {
                person.presses_private(button).await;
            }
        }
        for command in ["/groups", "/notify", "/status", "/settings", "/about", "/diss"] {
            person.says(&group, command).await;
        }
        person.says(&group, &format!("/notify {topic} {name}")).await;
        person.says(&group, &format!("/invite {topic} @{{{name}}}")).await;
        person.writes(&format!("/feedback {name} and more")).await;
        person.writes("/privacy").await;
        // `World` checks at its end that Telegram took every message.
        world.advance(Duration::from_secs(601)).await;
    }
}

fn buttons_of(world: &World, person: &Person, label: &str) -> bool {
    let mut world = world.telegram().world();
    let messages = world.private(person.id).messages.values().flat_map(|it| it.buttons()).flatten();
    messages.into_iter().any(|it| it["text"].as_str().is_some_and(|it| it.contains(label)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_one_does_not_drown_the_others() {
    let world = World::start(Settings::webhook()).await;
    let (eve, ann) = (world.person("Eve"), world.person("Ann"));
    let lair = world.group("Lair", &[&eve]);
    let commands = [
        "/status",
        "/groups",
        "/notify x",
        "/help",
        "/feedback spam spam",
        "/invite x @ann",
        "/settings",
    ];
    let flood: Vec<Value> =
        (0..600).map(|it| eve.message(commands[it % commands.len()]).to(&lair).update()).collect();
    let telegram = world.telegram().clone();
    let flooding = tokio::spawn(async move {
        futures::future::join_all(flood.into_iter().map(|it| {
            let telegram = telegram.clone();
            async move { telegram.deliver(it).await }
        }))
        .await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = std::time::Instant::now();
    world.telegram().deliver(ann.message("/help").update()).await;
    let answered = |telegram: &crate::support::telegram::Telegram| {
        telegram.calls("sendMessage").iter().any(|it| it.parameters["chat_id"] == ann.id)
    };
    world.until("an answer for Ann", answered).await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    flooding.await.expect("a flood");
}
