//! Groups come and go, move, and are cleaned up.

use std::time::Duration;

use mongodb::bson::{Document, doc};

use crate::{
    assert_conversation,
    support::{
        bot::Settings,
        conversation::World,
        group::Group,
        person::Person,
        telegram::{
            Fault, Refused, Trouble,
            world::{BOT_ID, Member},
        },
    },
};

async fn world() -> World {
    World::start(Settings::webhook()).await
}

/// A notify group of Ann's.
async fn squad(ann: &Person, group: &Group) {
    ann.says(group, "/add_notify_group").await;
    ann.presses_private("Begin").await;
    ann.writes("squad").await;
    ann.presses_private("Skip").await;
    ann.presses_private("Whoever is invited").await;
    ann.presses_private("Save").await;
}

async fn in_chat(world: &World, collection: &str, chat: i64) -> u64 {
    world.database().count(collection, doc! { "chat_id": chat }).await
}

#[tokio::test]
async fn the_bot_greets_where_it_is_added_and_speaks_the_language_of_who_added_it() {
    let world = world().await;
    let ann = world.person("Ann");
    ann.speaks("de");
    let group = world.group("Gamers", &[&ann]);
    group.sets(BOT_ID, Member::Left);
    group.makes_bot(&ann, Member::Ordinary).await;
    assert_conversation!(world);
    ann.says(&group, "/help").await;
    assert!(group.reads().contains("Die Hilfe"), "{}", group.reads());
}

#[tokio::test]
async fn rights_are_remembered() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    let rights = vec!["can_delete_messages"];
    group.makes_bot(&ann, Member::Administrator { rights, anonymous: false }).await;
    let can = doc! { "chat_id": group.id, "can_delete": true };
    assert_eq!(world.database().count("chats", can).await, 1);
    group.makes_bot(&ann, Member::Ordinary).await;
    let cannot = doc! { "chat_id": group.id, "can_delete": false, "active": true };
    assert_eq!(world.database().count("chats", cannot).await, 1);
    assert!(world.telegram().calls("sendMessage").is_empty(), "it greets only when it is new");
}

#[tokio::test]
async fn a_new_title_is_remembered() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/about").await;
    group.renames(&ann, "Players").await;
    let new = doc! { "chat_id": group.id, "title": "Players" };
    assert_eq!(world.database().count("chats", new).await, 1);
}

#[tokio::test]
async fn channels_are_left_and_nothing_is_kept() {
    let world = world().await;
    let ann = world.person("Ann");
    let channel = world.group("News", &[&ann]);
    channel.change(|it| it.kind = "channel");
    channel.sets(BOT_ID, Member::Left);
    channel.makes_bot(&ann, Member::Ordinary).await;
    assert_eq!(world.telegram().calls("leaveChat").len(), 1);
    assert_eq!(in_chat(&world, "chats", channel.id).await, 0);
}

#[tokio::test]
async fn s102_a_group_that_moves_takes_everything_along() {
    let world = world().await;
    let ann = world.person("Ann");
    let old = world.basic_group("Gamers", &[&ann]);
    squad(&ann, &old).await;
    let settings = doc! { "$set": { "settings.jokes": false, "lang": "de" } };
    let chats = world.database().driver().collection::<Document>("chats");
    chats.update_one(doc! { "chat_id": old.id }, settings).await.expect("chats");
    let new = old.migrates(&ann).await;
    for collection in ["chats", "notifygroups", "intents"] {
        assert_eq!(in_chat(&world, collection, old.id).await, 0, "{collection}");
        assert_eq!(in_chat(&world, collection, new.id).await, 1, "{collection}");
    }
    let kept = doc! { "chat_id": new.id, "settings.jokes": false, "lang": "de" };
    assert_eq!(world.database().count("chats", kept.clone()).await, 1);
    ann.says(&new, "/help").await;
    assert!(new.reads().contains("Die Hilfe"), "{}", new.reads());
    // The same again does no harm.
    old.service(&ann, serde_json::json!({ "migrate_to_chat_id": new.id })).await;
    new.service(&ann, serde_json::json!({ "migrate_from_chat_id": old.id })).await;
    assert_eq!(in_chat(&world, "chats", old.id).await, 0);
    assert_eq!(world.database().count("chats", kept).await, 1);
    assert_eq!(in_chat(&world, "notifygroups", new.id).await, 1);
}

#[tokio::test]
async fn s102_a_move_that_nobody_told_shows_when_writing() {
    let world = world().await;
    let ann = world.person("Ann");
    let old = world.basic_group("Gamers", &[&ann]);
    ann.says(&old, "/add_notify_group").await;
    let new = old.moves();
    ann.presses_private("Begin").await;
    ann.writes("squad").await;
    ann.presses_private("Skip").await;
    ann.presses_private("Whoever is invited").await;
    ann.presses_private("Save").await;
    assert!(new.reads().contains("squad"), "{}", new.reads());
    assert_eq!(in_chat(&world, "notifygroups", new.id).await, 1);
    assert_eq!(in_chat(&world, "notifygroups", old.id).await, 0);
    assert_eq!(in_chat(&world, "chats", new.id).await, 1);
}

#[tokio::test]
async fn s103_what_a_group_had_is_kept_for_thirty_days() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    squad(&ann, &group).await;
    group.makes_bot(&ann, Member::Left).await;
    let gone = doc! { "chat_id": group.id, "active": false };
    assert_eq!(world.database().count("chats", gone).await, 1);
    world.advance(Duration::from_secs(29 * 24 * 3600)).await;
    world.bot().await.inside().keep_house().await.expect("house-keeping");
    assert_eq!(in_chat(&world, "notifygroups", group.id).await, 1);
    group.makes_bot(&ann, Member::Ordinary).await;
    let back = doc! { "chat_id": group.id, "active": true, "inactive_since": { "$exists": false } };
    assert_eq!(world.database().count("chats", back).await, 1);
    group.makes_bot(&ann, Member::Left).await;
    world.advance(Duration::from_secs(31 * 24 * 3600)).await;
    world.bot().await.inside().keep_house().await.expect("house-keeping");
    for collection in ["chats", "notifygroups", "intents"] {
        assert_eq!(in_chat(&world, collection, group.id).await, 0, "{collection}");
    }
    // Somebody else's are untouched.
    assert_eq!(in_chat(&world, "chats", ann.id).await, 1);
}

#[tokio::test]
async fn who_leaves_is_on_no_list_any_more() {
    let world = world().await;
    let ann = world.person("Ann");
    let bob = world.person("Bob");
    let group = world.group("Gamers", &[&ann, &bob]);
    squad(&ann, &group).await;
    let add = doc! { "$addToSet": { "members": bob.id } };
    let groups = world.database().driver().collection::<Document>("notifygroups");
    groups.update_one(doc! { "chat_id": group.id }, add).await.expect("notifygroups");
    bob.leaves(&group).await;
    let stored = world.database().all("notifygroups").await;
    assert_eq!(stored[0].get_array("members").map(Vec::len), Ok(1));
}

#[tokio::test]
async fn a_mistake_is_admitted_with_a_code() {
    let world = world().await;
    let ann = world.person("Ann");
    let trouble = Trouble::Refuses(Refused::bad("something that nobody expects"));
    let fault = Fault { method: "sendMessage".to_owned(), chat: None, times: 1, trouble };
    world.telegram().order(fault);
    ann.writes("/help").await;
    assert!(ann.reads().contains("something went wrong"), "{}", ann.reads());
    let words = ann.reads();
    let code = words.split_whitespace().last().expect("a code").to_owned();
    let lines = crate::support::logs::since(0);
    assert!(lines.iter().any(|it| it.contains(&code)), "{code} is in the log");
}
