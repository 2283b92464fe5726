//! Calling notify groups, saying who is in, and not wanting to be called.

use std::time::Duration;

use mongodb::bson::doc;

use crate::{
    assert_conversation,
    notify_groups::{members, notify_group, notify_group_with, seen},
    support::{
        bot::Settings,
        conversation::{Group, Person, World},
        database::Database,
        telegram::world::Member,
    },
};

/// The texts sent since the last `forget`.
fn sent(world: &World) -> Vec<String> {
    let calls = world.telegram().calls("sendMessage");
    calls.iter().map(|it| it.parameters["text"].as_str().unwrap_or_default().to_owned()).collect()
}

fn mentions(text: &str) -> usize {
    text.matches("tg://user?id=").count()
}

/// A group of so many people, all seen, and a notify group of them all.
async fn scene(count: usize) -> (World, Group, Vec<Person>) {
    let world = World::start(Settings::webhook()).await;
    let people: Vec<Person> = (0..count).map(|it| world.person(&format!("P{it}"))).collect();
    let all: Vec<&Person> = people.iter().collect();
    let group = world.group("Gamers", &all);
    seen(&world, &all).await;
    notify_group(&world, &group, "raid", &all).await;
    (world, group, people)
}

#[tokio::test]
async fn s085_twelve_others_and_the_command_deleted_last() {
    let (world, group, people) = scene(13).await;
    let rights = vec!["can_delete_messages"];
    group.makes_bot(&people[0], Member::Administrator { rights, anonymous: false }).await;
    world.forget();
    people[0].says(&group, "/notify raid hi").await;
    assert_conversation!(world);
    world.forget();
    world.advance(Duration::from_secs(31)).await;
    people[0].says(&group, "/ng raid hi").await;
    let texts = sent(&world);
    assert_eq!(texts.iter().map(|it| mentions(it)).collect::<Vec<_>>(), [5, 5, 2]);
    assert!(texts[0].contains("hi") && !texts[1].contains("hi"));
    assert_eq!(world.telegram().calls("deleteMessage").len(), 1);
}

#[tokio::test]
async fn s086_the_bot_may_not_delete() {
    let (world, group, people) = scene(2).await;
    let told = people[1].says(&group, "look at this").await;
    people[0].replies(&group, told, "/notify raid").await;
    assert_conversation!(world);
    assert!(world.telegram().calls("deleteMessage").is_empty());
    let calls = world.telegram().calls("sendMessage");
    assert_eq!(calls[0].parameters["reply_parameters"]["message_id"], told);
}

#[tokio::test]
async fn s087_patterns_are_names() {
    let (world, group, people) = scene(3).await;
    for text in ["/notify .*", "/notify (", "/notify r.id hello", "/notify ^raid$"] {
        people[1].says(&group, text).await;
        assert!(group.reads().contains("There is no notify group"), "{}", group.reads());
    }
    assert!(sent(&world).iter().all(|it| mentions(it) == 0));
}

#[tokio::test]
async fn s088_names_have_no_case_and_texts_no_markup() {
    let (world, group, people) = scene(2).await;
    people[1].says(&group, "/notify RAID tonight `eight` <b>sharp</b>\n\n*bring* & _food_").await;
    assert_conversation!(world);
}

#[tokio::test]
async fn s089_nobody_else() {
    let (world, group, people) = scene(1).await;
    people[0].says(&group, "/notify raid hi").await;
    assert!(group.reads().contains("nobody else"), "{}", group.reads());
    assert_eq!(sent(&world).len(), 1);
}

#[tokio::test]
async fn s090_who_is_not_in_it_is_told_how_to_get_in() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob) = (world.person("Ann"), world.person("Bob"));
    let group = world.group("Gamers", &[&ann, &bob]);
    seen(&world, &[&ann, &bob]).await;
    notify_group(&world, &group, "raid", &[&ann]).await;
    notify_group_with(&world, &group, "chess", &[&ann], doc! { "policy": "open" }).await;
    notify_group_with(&world, &group, "secret", &[&ann], doc! { "hidden": true }).await;
    bob.says(&group, "/notify secret hi").await;
    assert!(group.reads().contains("There is no notify group"));
    bob.says(&group, "/notify chess hi").await;
    bob.presses_in(&group, "Join").await;
    assert_eq!(members(&world, "chess").await, [ann.id, bob.id]);
    bob.says(&group, "/notify raid hi").await;
    bob.presses_in(&group, "Ask to be let in").await;
    ann.presses_private("Let them in").await;
    assert_eq!(members(&world, "raid").await, [ann.id, bob.id]);
    assert_conversation!(world);
}

#[tokio::test]
async fn who_asks_and_is_not_let_in() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob) = (world.stranger("Ann"), world.person("Bob"));
    let group = world.group("Gamers", &[&ann, &bob]);
    notify_group(&world, &group, "raid", &[&ann]).await;
    bob.says(&group, "/notify raid hi").await;
    bob.presses_in(&group, "Ask to be let in").await;
    // The creator never pressed Start.
    assert!(group.reads().contains("would like to get into <b>raid</b>"), "{}", group.reads());
    let toast = bob.presses_in(&group, "Ask to be let in").await;
    assert_eq!(toast.as_deref(), Some("You asked a moment ago. Give them some time."));
    ann.starts("").await;
    world.advance(Duration::from_secs(3601)).await;
    bob.presses_in(&group, "Ask to be let in").await;
    ann.presses_private("Do not").await;
    assert!(bob.reads().contains("not let into <b>raid</b>"), "{}", bob.reads());
    assert_eq!(members(&world, "raid").await, [ann.id]);
}

#[tokio::test]
async fn s091_the_sixth_call_in_ten_minutes() {
    let (world, group, people) = scene(2).await;
    for _ in 0..5 {
        people[0].says(&group, "/notify raid").await;
        assert_eq!(mentions(&sent(&world).concat()), 1);
        world.forget();
        people[0].says(&group, "/notify raid").await;
        assert!(group.reads().contains(" seconds."), "{}", group.reads());
        world.forget();
        world.advance(Duration::from_secs(60)).await;
    }
    people[0].says(&group, "/notify raid").await;
    assert!(group.reads().contains("Call again in "), "{}", group.reads());
    assert_eq!(mentions(&sent(&world).concat()), 0);
    world.forget();
    // Others may, and after a while this one too.
    people[1].says(&group, "/notify raid").await;
    world.advance(Duration::from_secs(301)).await;
    people[0].says(&group, "/notify raid").await;
    assert_eq!(mentions(&sent(&world).concat()), 2);
}

#[tokio::test]
async fn s092_without_a_name_there_are_buttons() {
    let (world, group, people) = scene(3).await;
    notify_group(&world, &group, "others", &[&people[2], &people[1]]).await;
    notify_group_with(&world, &group, "secret", &[&people[0], &people[1]], doc! { "hidden": true })
        .await;
    people[0].says(&group, "/notify").await;
    let toast = people[1].presses_in(&group, "raid").await;
    assert_eq!(toast.as_deref(), Some("Only who gave the command can press this."));
    people[0].presses_in(&group, "raid").await;
    assert_conversation!(world);
}

#[tokio::test]
async fn free_text_with_only_one_notify_group_asks_first() {
    let (world, group, people) = scene(2).await;
    people[0].says(&group, "/notify who wants\nto play?").await;
    assert_eq!(mentions(&sent(&world).concat()), 0);
    people[0].presses_in(&group, "Call raid").await;
    let texts = sent(&world);
    assert!(texts.last().is_some_and(|it| it.contains("who wants\nto play?")), "{texts:?}");
    assert_eq!(mentions(&texts.concat()), 1);
}

#[tokio::test]
async fn s093_who_left_is_not_called() {
    let (world, group, people) = scene(3).await;
    people[1].leaves(&group).await;
    world.forget();
    people[0].says(&group, "/notify raid").await;
    assert_eq!(mentions(&sent(&world).concat()), 1);
    assert_eq!(members(&world, "raid").await, [people[0].id, people[2].id]);
}

#[tokio::test]
async fn too_long_a_text_calls_nobody() {
    let (world, group, people) = scene(2).await;
    people[0].says(&group, &format!("/notify raid {}", "x".repeat(1001))).await;
    assert!(group.reads().contains("1001"), "{}", group.reads());
    world.forget();
    people[0].says(&group, &format!("/notify raid {}", "😀".repeat(1000))).await;
    assert_eq!(mentions(&sent(&world).concat()), 1);
}

#[tokio::test]
async fn who_is_in() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob, zoe) = (world.person("Ann"), world.person("Bob"), world.person("Zoe"));
    let group = world.group("Gamers", &[&ann, &bob, &zoe]);
    seen(&world, &[&ann, &bob, &zoe]).await;
    notify_group_with(&world, &group, "raid", &[&ann, &bob], doc! { "asks": true }).await;
    ann.says(&group, "/notify raid").await;
    bob.presses_in(&group, "I’m in").await;
    ann.presses_in(&group, "Can’t").await;
    ann.presses_in(&group, "I’m in").await;
    let toast = zoe.presses_in(&group, "I’m in").await;
    assert_eq!(toast.as_deref(), Some("This is for who is in “raid”."));
    assert_conversation!(world);
}

#[tokio::test]
async fn who_does_not_want_to_be_called() {
    let (world, group, people) = scene(3).await;
    people[1].says(&group, "/groups").await;
    people[1].presses_in(&group, "My notify groups").await;
    people[1].presses_private("raid").await;
    people[1].presses_private("8 h").await;
    people[0].says(&group, "/notify raid").await;
    assert_conversation!(world);
    world.forget();
    world.advance(Duration::from_secs(8 * 3600 + 1)).await;
    people[0].says(&group, "/notify raid").await;
    assert_eq!(mentions(&sent(&world).concat()), 2);
}

#[tokio::test]
async fn calling_asks_the_database_the_same_for_a_hundred() {
    let database = Database::watched().await;
    let world = World::start_on(&database, Settings::webhook()).await;
    let people: Vec<Person> = (0..100).map(|it| world.person(&format!("P{it}"))).collect();
    let all: Vec<&Person> = people.iter().collect();
    let group = world.group("Gamers", &all);
    seen(&world, &all[..1]).await;
    notify_group(&world, &group, "two", &all[..2]).await;
    notify_group(&world, &group, "hundred", &all).await;
    let mut costs = Vec::new();
    for (name, messages) in [("two", 1), ("hundred", 20)] {
        world.forget();
        database.queries.forget();
        people[0].says(&group, &format!("/notify {name} hi")).await;
        costs.push(database.queries.of_handlers().len());
        let census = world.telegram().census();
        assert_eq!(census.values().sum::<usize>(), messages, "{census:?}");
    }
    assert_eq!(costs[1], costs[0]);
    assert!(costs[1] <= 10, "{} questions", costs[1]);
}
