//! What all dialogues have in common, shown with the one that creates a notify group.

use std::time::Duration;

use mongodb::bson::doc;

use crate::{
    assert_conversation,
    support::{bot::Settings, conversation::World, group::Group, person::Person},
};

async fn world() -> World {
    World::start(Settings::webhook()).await
}

/// Ann begins to create a notify group in a group.
async fn begun(world: &World, title: &str, ann: &Person) -> Group {
    let group = world.group(title, &[ann]);
    ann.says(&group, "/add_notify_group").await;
    ann.presses_private("Begin").await;
    group
}

/// The steps of the dialogue up to its end.
const STEPS: [&str; 4] = ["", "raiders", "[Skip]", "[Whoever is invited]"];

async fn goes(ann: &Person, step: &str) {
    match step.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(button) => {
            ann.presses_private(button).await;
        }
        None if step.is_empty() => {}
        None => {
            ann.writes(step).await;
        }
    }
}

async fn nothing_is_left(world: &World) {
    assert_eq!(world.database().count("dialogues", doc! {}).await, 0);
    assert_eq!(world.database().count("notifygroups", doc! {}).await, 0);
}

#[tokio::test]
async fn s036_cancelling_works_at_every_step() {
    let world = world().await;
    let ann = world.person("Ann");
    for last in 0..STEPS.len() {
        for way in ["[Cancel]", "/cancel"] {
            begun(&world, &format!("Gamers {last} {way}"), &ann).await;
            for step in &STEPS[..=last] {
                goes(&ann, step).await;
            }
            assert_eq!(world.database().count("dialogues", doc! {}).await, 1);
            goes(&ann, way).await;
            assert!(ann.reads().contains("Cancelled"), "{last} {way}: {}", ann.reads());
            nothing_is_left(&world).await;
        }
    }
    ann.writes("/cancel").await;
    assert!(ann.reads().contains("nothing to cancel"), "{}", ann.reads());
}

#[tokio::test]
async fn s037_a_restart_does_not_disturb() {
    let world = world().await;
    let ann = world.person("Ann");
    begun(&world, "Gamers", &ann).await;
    for step in STEPS {
        world.bot().await.restart().await;
        goes(&ann, step).await;
    }
    world.bot().await.restart().await;
    ann.presses("Save").await;
    assert_eq!(world.database().count("notifygroups", doc! { "name": "raiders" }).await, 1);
    assert_conversation!(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s037_replicas_take_turns_and_one_dies() {
    let world = World::start(Settings::replicas(2)).await;
    let ann = world.person("Ann");
    begun(&world, "Gamers", &ann).await;
    ann.writes("raiders").await;
    world.bot().await.kill(0);
    ann.presses("Skip").await;
    ann.presses("Whoever is invited").await;
    ann.presses("Save").await;
    assert_eq!(world.database().count("notifygroups", doc! { "name": "raiders" }).await, 1);
    assert_eq!(world.database().count("dialogues", doc! {}).await, 0);
}

#[tokio::test]
async fn s038_the_result_goes_to_the_group_it_is_for() {
    let world = world().await;
    let ann = world.person("Ann");
    let first = begun(&world, "First", &ann).await;
    ann.writes("raiders").await;
    let second = world.group("Second", &[&ann]);
    ann.says(&second, "/add_notify_group").await;
    ann.presses_private("Skip").await;
    ann.presses_private("Whoever is invited").await;
    ann.presses_private("Save").await;
    assert!(first.reads().contains("raiders"), "{}", first.reads());
    assert!(!second.reads().contains("raiders"), "{}", second.reads());
    let stored = world.database().all("notifygroups").await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].get_i64("chat_id"), Ok(first.id));
}

#[tokio::test]
async fn s039_another_dialogue_takes_the_place_of_the_first() {
    let world = world().await;
    let ann = world.person("Ann");
    begun(&world, "First", &ann).await;
    let (_, old_card, button) = ann.finds("Cancel", |chat| chat == ann.id);
    let old = button["callback_data"].as_str().expect("data").to_owned();
    begun(&world, "Second", &ann).await;
    let dropped = world.telegram().world().private(ann.id).messages[&old_card].readable();
    assert!(dropped.contains("stopped asking here"), "{dropped}");
    let toast = ann.presses_data(ann.id, old_card, &old).await;
    assert_eq!(toast.as_deref(), Some("This button has expired."));
    // The second one goes on, and one text is heard once.
    ann.writes("raiders").await;
    assert!(ann.reads().contains("What is it for?"), "{}", ann.reads());
    assert_eq!(world.database().count("dialogues", doc! {}).await, 1);
}

#[tokio::test]
async fn s040_patience_ends_after_half_an_hour() {
    let world = world().await;
    let ann = world.person("Ann");
    begun(&world, "Gamers", &ann).await;
    world.advance(Duration::from_secs(29 * 60)).await;
    ann.writes("raiders").await;
    assert!(ann.reads().contains("What is it for?"), "{}", ann.reads());
    world.advance(Duration::from_secs(31 * 60)).await;
    world.forget();
    ann.writes("for raids").await;
    assert!(ann.reads().contains("took too long"), "{}", ann.reads());
    nothing_is_left(&world).await;
    ann.writes("for raids").await;
    assert!(ann.reads().contains("not asking anything"), "{}", ann.reads());
    // The same with a button.
    begun(&world, "Others", &ann).await;
    world.advance(Duration::from_secs(31 * 60)).await;
    let update = ann.pressing("Cancel");
    world.send(update.clone()).await;
    assert!(ann.reads().contains("took too long"), "{}", ann.reads());
    nothing_is_left(&world).await;
}

#[tokio::test]
async fn s041_a_sticker_is_no_answer() {
    let world = world().await;
    let ann = world.person("Ann");
    begun(&world, "Gamers", &ann).await;
    let before = world.database().all("dialogues").await;
    ann.sends_sticker().await;
    assert!(ann.reads().contains("as text"), "{}", ann.reads());
    assert_eq!(world.database().all("dialogues").await, before);
    ann.writes("raiders").await;
    let stored = world.database().all("dialogues").await;
    assert!(stored[0].to_string().contains("raiders"));
}

#[tokio::test]
async fn s042_reading_does_not_disturb() {
    let world = world().await;
    let ann = world.person("Ann");
    let group = begun(&world, "Gamers", &ann).await;
    for command in ["/help", "/about", "/age", "/f"] {
        ann.writes(command).await;
        ann.says(&group, command).await;
    }
    ann.writes("/help").await;
    assert!(ann.reads().contains("What would you like to know"), "{}", ann.reads());
    ann.writes("raiders").await;
    ann.presses_private("Skip").await;
    ann.presses_private("Whoever is invited").await;
    ann.presses_private("Save").await;
    assert_eq!(world.database().count("notifygroups", doc! { "name": "raiders" }).await, 1);
}

#[tokio::test]
async fn s043_a_deleted_card_is_drawn_anew() {
    let world = world().await;
    let ann = world.person("Ann");
    begun(&world, "Gamers", &ann).await;
    let card = ann.newest();
    ann.deletes(ann.id, card);
    ann.writes("raiders").await;
    assert_ne!(ann.newest(), card);
    assert!(ann.reads().contains("What is it for?"), "{}", ann.reads());
    ann.presses("Skip").await;
    assert!(ann.reads().contains("Who may join?"), "{}", ann.reads());
}

#[tokio::test]
async fn the_same_update_makes_no_second_step() {
    let world = world().await;
    let ann = world.person("Ann");
    begun(&world, "Gamers", &ann).await;
    let update = world.telegram().addressed(ann.message("raiders").update());
    world.send(update.clone()).await;
    // As if this process had died before it could note that it was done.
    let id = update["update_id"].as_i64().expect("an id");
    let again =
        doc! { "$set": { "done": false, "until": mongodb::bson::DateTime::from_millis(0) } };
    let updates = world.database().driver().collection::<mongodb::bson::Document>("updates");
    let changed = updates.update_one(doc! { "_id": id }, again).await.expect("an update");
    assert_eq!(changed.modified_count, 1);
    world.send(update).await;
    assert!(ann.reads().contains("What is it for?"), "{}", ann.reads());
    let stored = world.database().all("dialogues").await;
    assert!(!stored[0].to_string().contains("\"description\": \"raiders\""), "{stored:?}");
}
