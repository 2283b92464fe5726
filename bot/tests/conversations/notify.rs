//! Calling notify groups, saying who is in, and not wanting to be called.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use serde_json::Value;

use crate::{
    assert_conversation,
    notify_groups::{members, notify_group, notify_group_with, seen},
    support::{
        bot::Settings,
        conversation::{Group, Person, World},
        database::Database,
        telegram::{Fault, Telegram, Trouble, world::Member},
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
        let asked = database.queries.of_handlers();
        // How far it has come is noted before and after each message, and once at each end.
        let (notes, asked): (Vec<_>, Vec<_>) =
            asked.into_iter().partition(|it| it.collection == "notifications");
        assert_eq!(notes.len(), 2 * messages + 1);
        costs.push(asked);
        let census = world.telegram().census();
        assert_eq!(census.values().sum::<usize>(), messages, "{census:?}");
    }
    assert_eq!(costs[1].len(), costs[0].len(), "{costs:#?}");
    assert!(costs[1].len() <= 10, "{:#?}", costs[1]);
}

/// The bot is killed while the message after so many of a call is under way: before it arrived, or before the answer did.
/// Then it starts again. Answers with how often everybody but the caller was called, and how often named without being called.
async fn killed_while_calling(after: usize, arrived: bool) -> Vec<(usize, usize)> {
    let world = World::start(Settings::replicas(1)).await;
    let people: Vec<Person> = (10..33).map(|it| world.person(&format!("P{it}"))).collect();
    let all: Vec<&Person> = people.iter().collect();
    let group = world.group("Gamers", &all);
    seen(&world, &all).await;
    notify_group_with(&world, &group, "raid", &all, doc! { "asks": true }).await;
    world.forget();
    // Longer than anything takes: whoever waits for it is killed before.
    let long = Duration::from_secs(20);
    let stuck = if arrived { Trouble::AnswersLate(long) } else { Trouble::Slow(long) };
    for (times, trouble) in [(after, Trouble::AnswersLate(Duration::ZERO)), (1, stuck)] {
        let (method, chat) = ("sendMessage".to_owned(), Some(group.id));
        world.telegram().order(Fault { method, chat, times, trouble });
    }
    let update = people[0].message("/notify raid bring <food>").to(&group).update();
    let telegram = world.telegram().clone();
    let delivering = tokio::spawn(async move { telegram.deliver(update).await });
    // Noted as being sent is the last thing that happens before it is.
    let taken = doc! { "next": after as i64, "sending": true };
    while world.database().count("notifications", taken.clone()).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Killed before Telegram was asked, it would leave the trouble to whoever goes on.
    world.until("Telegram is asked", Telegram::had_its_trouble).await;
    if arrived {
        let there = |it: &Telegram| it.calls("sendMessage").len() > after;
        world.until("the message arrives", there).await;
    }
    {
        let mut bot = world.bot().await;
        bot.kill(0);
        bot.launch().await;
    }
    assert!(delivering.await.expect("a delivery"));
    while world.database().count("notifications", doc! {}).await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.settled().await;
    world.lenient();
    let texts = sent(&world);
    assert!(texts.iter().any(|it| it.contains("bring &lt;food&gt;")), "{texts:#?}");
    assert_eq!(texts.iter().filter(|it| it.contains("Who is in")).count(), 1, "{texts:#?}");
    // The other messages once each, and the one at which it was cut off perhaps once more.
    assert!((6..=7).contains(&texts.len()), "{texts:#?}");
    let calls = world.telegram().calls("sendMessage");
    let silent = |it: &Value| it["disable_notification"] == true;
    let quiet = calls.iter().filter(|it| silent(&it.parameters)).count();
    assert!(quiet <= 1, "{texts:#?}");
    let of = |person: &Person| {
        let mention = format!("tg://user?id={}\"", person.id);
        let called = texts.iter().filter(|it| it.contains(&mention)).count();
        let named = texts.iter().filter(|it| it.contains(&person.name) && !it.contains("tg://"));
        (called, named.count())
    };
    people[1..].iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_a_message_arrives_a_call_goes_on() {
    let killed = [0, 2].map(|after| killed_while_calling(after, false));
    for people in futures::future::join_all(killed).await {
        // What was under way did not arrive: its five people are named, the others were called, all of them once.
        let count = |wanted: (usize, usize)| people.iter().filter(|it| **it == wanted).count();
        assert_eq!((count((0, 1)), count((1, 0))), (5, 17), "{people:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_a_message_arrived_a_call_calls_nobody_twice() {
    let killed = [0, 3].map(|after| killed_while_calling(after, true));
    for people in futures::future::join_all(killed).await {
        assert!(people.iter().all(|it| it.0 == 1), "{people:?}");
        assert_eq!(people.iter().filter(|it| it.1 == 1).count(), 5, "{people:?}");
    }
}

#[tokio::test]
async fn an_answer_of_telegram_that_gets_lost_calls_nobody_twice() {
    let (world, group, people) = scene(7).await;
    let (method, chat) = ("sendMessage".to_owned(), Some(group.id));
    world.telegram().order(Fault { method, chat, times: 1, trouble: Trouble::AnswerLost });
    people[0].says(&group, "/notify raid are you there, @p3?").await;
    assert_conversation!(world);
}

/// What a process leaves that dies after it noted the call and before it had anything to send.
#[tokio::test]
async fn cut_off_before_it_calls_the_same_update_is_not_too_often() {
    let (world, group, people) = scene(3).await;
    let update =
        world.telegram().addressed(people[0].message("/notify raid hi").to(&group).update());
    let number = update["update_id"].as_i64().expect("a number");
    let now = mongodb::bson::DateTime::now();
    let database = world.database().driver();
    let limits = database.collection::<Document>("limits");
    let full = doc! {
        "_id": format!("notify:{}", people[0].id), "at": vec![now; 5],
        "by": [number, 1_i64, 2_i64, 3_i64, 4_i64], "expires_at": now,
    };
    limits.insert_one(full).await.expect("a full limit");
    let groups = database.collection::<Document>("notifygroups");
    let called = doc! { "$set": { "last_notified_at": now, "last_call": number } };
    groups.update_one(doc! { "name": "raid" }, called).await.expect("a call");
    world.send(update).await;
    assert_eq!(mentions(&sent(&world).concat()), 2, "{}", group.reads());
    // Another one is.
    world.forget();
    people[0].says(&group, "/notify raid hi").await;
    assert!(group.reads().contains("Call again in"), "{}", group.reads());
}
