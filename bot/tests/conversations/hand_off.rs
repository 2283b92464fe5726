//! From a group to the private chat.

use std::time::Duration;

use mongodb::bson::doc;
use serde_json::json;

use crate::{
    assert_conversation,
    support::{
        bot::Settings,
        conversation::World,
        telegram::world::{BOT_USERNAME, Member},
    },
};

async fn world() -> World {
    World::start(Settings::webhook()).await
}

/// The payload of the deep link under the newest message of a group.
async fn payload(world: &World, group: &crate::support::group::Group) -> String {
    let number = group.newest();
    let telegram = world.telegram().world();
    let buttons = telegram.chats[&group.id].messages[&number].buttons();
    let url = buttons[0][0]["url"].as_str().expect("a deep link").to_owned();
    let start = format!("https://t.me/{BOT_USERNAME}?start=");
    url.strip_prefix(&start).expect("a link to the bot").to_owned()
}

#[tokio::test]
async fn s029_who_is_known_gets_a_private_message() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/add_notify_group").await;
    assert_conversation!(world);
    let intents = world.database().all("intents").await;
    assert_eq!(intents.len(), 1);
    assert_eq!(intents[0].get_i64("user_id"), Ok(ann.id));
    assert_eq!(intents[0].get_i64("chat_id"), Ok(group.id));
    assert_eq!(intents[0].get_str("_id").map(str::len), Ok(22));
    ann.presses_private("Begin").await;
    assert!(ann.reads().contains("What shall it be called?"), "{}", ann.reads());
}

#[tokio::test]
async fn s029_asking_twice_answers_once() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/add_notify_group").await;
    ann.says(&group, "/add_notify_group").await;
    assert_eq!(world.telegram().calls("sendMessage").len(), 2);
    assert_eq!(world.database().count("intents", doc! {}).await, 1);
    world.advance(Duration::from_secs(61)).await;
    ann.says(&group, "/add_notify_group").await;
    assert_eq!(world.telegram().calls("sendMessage").len(), 4);
}

#[tokio::test]
async fn s030_who_never_started_the_bot_goes_through_the_deep_link() {
    let world = world().await;
    let ann = world.stranger("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/add_notify_group").await;
    ann.presses_in(&group, "Go on in private").await;
    assert!(ann.reads().contains("What shall it be called?"), "{}", ann.reads());
    assert_conversation!(world);
}

#[tokio::test]
async fn s031_a_link_is_for_one_person_and_one_day() {
    let world = world().await;
    let ann = world.person("Ann");
    let bob = world.person("Bob");
    let group = world.group("SecretTitle", &[&ann, &bob]);
    ann.says(&group, "/add_notify_group").await;
    let payload = payload(&world, &group).await;
    bob.starts(&payload).await;
    assert!(bob.reads().contains("not valid"), "{}", bob.reads());
    let (_, message, button) = ann.finds("Begin", |chat| chat == ann.id);
    let data = button["callback_data"].as_str().expect("data").to_owned();
    bob.presses_data(bob.id, message, &data).await;
    assert!(bob.reads().contains("not valid"), "{}", bob.reads());
    world.advance(Duration::from_secs(24 * 3600 + 1)).await;
    ann.starts(&payload).await;
    assert!(ann.reads().contains("not valid"), "{}", ann.reads());
    for old in ["asu_-1001234567890", "mng_-100", "i_", "i_AAAAAAAAAAAAAAAAAAAAAA"] {
        bob.starts(old).await;
        assert!(bob.reads().contains("not valid"), "{old}: {}", bob.reads());
    }
    let told = world.telegram().calls("sendMessage");
    let told = told.iter().filter(|it| it.parameters["chat_id"] == json!(bob.id));
    assert!(told.clone().count() > 0);
    assert!(told.into_iter().all(|it| !it.parameters.to_string().contains("SecretTitle")));
    assert_eq!(world.database().count("dialogues", doc! {}).await, 0);
}

#[tokio::test]
async fn s032_the_bot_was_removed_meanwhile() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/add_notify_group").await;
    group.makes_bot(&ann, Member::Left).await;
    ann.presses_private("Begin").await;
    assert!(ann.reads().contains("I am not in that group any more"), "{}", ann.reads());
    assert_eq!(world.database().count("dialogues", doc! {}).await, 0);
}

#[tokio::test]
async fn s032_the_bot_was_removed_and_nobody_told_it() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/add_notify_group").await;
    group.sets(crate::support::telegram::world::BOT_ID, Member::Left);
    ann.presses_private("Begin").await;
    assert!(ann.reads().contains("I am not in that group any more"), "{}", ann.reads());
    assert_eq!(world.database().count("dialogues", doc! {}).await, 0);
}

#[tokio::test]
async fn s032_the_person_left_meanwhile() {
    let world = world().await;
    let ann = world.person("Ann");
    let bob = world.person("Bob");
    let group = world.group("Gamers", &[&ann, &bob]);
    group.lets_bot_delete();
    bob.says(&group, "/add_notify_group").await;
    bob.leaves(&group).await;
    bob.presses_private("Begin").await;
    assert!(bob.reads().contains("You are not in that group any more"), "{}", bob.reads());
    assert_eq!(world.database().count("dialogues", doc! {}).await, 0);
}

#[tokio::test]
async fn s033_an_anonymous_admin_must_act_as_oneself() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.message("/add_notify_group").to(&group).anonymously().send().await;
    assert!(group.reads().contains("as yourself"), "{}", group.reads());
    assert_eq!(world.database().count("intents", doc! {}).await, 0);
    let hidden = doc! { "_id": crate::support::telegram::world::ANONYMOUS };
    assert_eq!(world.database().count("users", hidden).await, 0);
    // What needs nobody works.
    ann.message("/about").to(&group).anonymously().send().await;
    assert!(group.reads().contains("0."), "{}", group.reads());
}

#[tokio::test]
async fn s034_in_private_there_are_no_notify_groups() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.writes("/add_notify_group").await;
    assert!(ann.reads().contains("only works in groups"), "{}", ann.reads());
    assert_eq!(world.database().count("dialogues", doc! {}).await, 0);
}

#[tokio::test]
async fn s035_the_topic_is_kept() {
    let world = world().await;
    let ann = world.person("Ann");
    let forum = world.forum("Gamers", &[&ann]);
    let topic = forum.topic("Raids");
    ann.says(&topic, "/add_notify_group").await;
    ann.presses_private("Begin").await;
    ann.writes("raiders").await;
    ann.presses("Skip").await;
    ann.presses("Whoever is invited").await;
    ann.presses("Save").await;
    assert_conversation!(world);
    let calls = world.telegram().calls("sendMessage");
    let there = calls.iter().filter(|it| it.parameters["chat_id"] == json!(forum.id));
    let threads: Vec<_> = there.map(|it| it.parameters["message_thread_id"].clone()).collect();
    assert_eq!(threads.len(), 2, "the hand-off and the notice");
    assert!(threads.iter().all(|it| it.is_i64() && *it == threads[0]), "{threads:?}");
}
