//! Announcements: drafts, who gets them, and that nobody gets one twice, whatever happens.

use std::{collections::BTreeMap, time::Duration};

use mongodb::bson::{Document, doc};

use crate::{
    assert_conversation,
    support::{
        bot::Settings,
        conversation::{Person, World},
        telegram::{Call, Fault, Refused, Telegram, Trouble},
    },
};

/// The number of the first person of a world.
const OPERATOR: i64 = 5_000_001_001;

async fn world(settings: Settings) -> (World, Person) {
    let world = World::start(settings.with_operator(OPERATOR)).await;
    let olga = world.person("Olga");
    assert_eq!(olga.id, OPERATOR);
    (world, olga)
}

/// Stores private chats with that many people, as if they had written once.
async fn crowd(world: &World, count: usize) -> Vec<Person> {
    let people: Vec<Person> = (0..count).map(|it| world.person(&format!("Person {it}"))).collect();
    let chats: Vec<Document> = people
        .iter()
        .map(|it| doc! { "chat_id": it.id, "kind": "private", "active": true })
        .collect();
    let stored = world.database().driver().collection::<Document>("chats").insert_many(chats).await;
    stored.expect("chats");
    people
}

/// How often each chat got the announcement with these words, as Telegram has it.
fn copies(world: &World, words: &str) -> BTreeMap<i64, usize> {
    let telegram = world.telegram().world();
    let with_words = |it: &&crate::support::telegram::world::Message| {
        it.readable().contains(words) && it.body["from"]["is_bot"] == true
    };
    let count = |it: &crate::support::telegram::world::Chat| {
        it.messages.values().filter(with_words).count()
    };
    telegram.chats.values().map(|it| (it.id, count(it))).filter(|it| it.1 > 0).collect()
}

fn over(telegram: &Telegram) -> bool {
    let report = |it: &Call| {
        let text = it.parameters["text"].as_str().unwrap_or_default();
        text.contains("The announcement is out") || text.contains("The announcement was stopped")
    };
    let edits = telegram.calls("editMessageText").into_iter();
    edits.chain(telegram.calls("sendMessage")).any(|it| it.outcome.is_ok() && report(&it))
}

async fn is_done(world: &World) {
    world.until("the announcement is over", over).await;
    for _ in 0..500 {
        if world.database().count("announcements", doc! { "running": true }).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the announcement is never over");
}

fn slow(world: &World, method: &str, time: Duration) {
    world.telegram().order(Fault {
        method: method.to_owned(),
        chat: None,
        times: usize::MAX,
        trouble: Trouble::Slow(time),
    });
}

#[tokio::test]
async fn s024_for_others_there_is_no_such_command() {
    let (world, olga) = world(Settings::webhook()).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann, &olga]);
    ann.writes("/announce hello to everybody").await;
    ann.says(&group, "/announce hello to everybody").await;
    olga.says(&group, "/announce hello to everybody").await;
    assert_conversation!(world);
    assert_eq!(world.database().count("announcements", doc! {}).await, 0);
    for data in [
        "an:go:AAAAAAAAAAAAAAAA",
        "an:all:AAAAAAAAAAAAAAAA",
        "an:no:AAAAAAAAAAAAAAAA",
        "an:stop:AAAAAAAAAAAAAAAA",
    ] {
        ann.presses_data(ann.id, ann.newest(), data).await;
    }
    assert_eq!(world.database().count("announcements", doc! {}).await, 0);
}

#[tokio::test]
async fn s024_an_operators_draft_is_theirs_alone() {
    let (world, olga) = world(Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    olga.writes("/announce hello to everybody").await;
    let (chat, message, button) = olga.finds("Send to all", |_| true);
    let data = button["callback_data"].as_str().unwrap_or_default().to_owned();
    assert_eq!((chat, message), (olga.id, olga.newest()));
    ann.presses_data(ann.id, ann.newest(), &data).await;
    ann.presses_data(ann.id, ann.newest(), &data.replace("an:all", "an:no")).await;
    assert_eq!(world.database().count("announcements", doc! { "state": "draft" }).await, 1);
}

#[tokio::test]
async fn s025_a_cancelled_announcement_is_not_sent() {
    let (world, olga) = world(Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    world.forget();
    olga.writes("/announce").await;
    olga.writes(&format!("/announce {}", "x".repeat(3501))).await;
    world.forget();
    olga.writes("/announce First line, <b>not bold</b> & so on\n\n  and another one").await;
    olga.presses("Cancel").await;
    olga.presses_data(olga.id, olga.newest(), "nonsense").await;
    assert_conversation!(world);
    assert_eq!(world.database().count("announcements", doc! { "state": "cancelled" }).await, 1);
    assert_eq!(world.database().count("announcement_targets", doc! {}).await, 0);
}

#[tokio::test]
async fn a_draft_is_good_for_an_hour() {
    let (world, olga) = world(Settings::webhook()).await;
    olga.writes("/announce too late").await;
    world.advance(Duration::from_secs(3601)).await;
    let toast = olga.presses("Send").await.unwrap_or_default();
    assert!(toast.contains("older than an hour"), "{toast}");
    assert_eq!(world.database().count("announcement_targets", doc! {}).await, 0);
}

#[tokio::test]
async fn s026_everybody_who_is_there_gets_it_once() {
    let (world, olga) = world(Settings::webhook()).await;
    let (a, b, d, e) = (world.person("A"), world.person("B"), world.person("D"), world.person("E"));
    let old = world.basic_group("C", &[&a]);
    let silenced = world.group("F", &[&a]);
    let off = world.group("G", &[&a]);
    for person in [&a, &b, &d, &e] {
        person.writes("/help").await;
    }
    for group in [&old, &silenced, &off] {
        a.says(group, "/help").await;
    }
    a.says(&off, "/settings").await;
    a.presses_in(&off, "Announcements: on").await;
    a.speaks("de");
    a.writes("/help").await;
    b.change(|it| it.blocked = true);
    e.change(|it| it.deactivated = true);
    let new = old.moves();
    silenced.sets(
        crate::support::telegram::world::BOT_ID,
        crate::support::telegram::world::Member::Muted,
    );
    world.telegram().order(Fault {
        method: "sendMessage".to_owned(),
        chat: Some(d.id),
        times: 1,
        trouble: Trouble::Refuses(Refused::too_many(1)),
    });
    olga.writes("/announce There is <news> for you").await;
    olga.presses("Send").await;
    is_done(&world).await;
    let got = copies(&world, "There is &lt;news> for you");
    // The operator has the preview as well.
    let expected = BTreeMap::from([(olga.id, 2), (a.id, 1), (d.id, 1), (new.id, 1)]);
    assert_eq!(got, expected);
    assert!(a.reads().contains("Neues von"), "{}", a.reads());
    insta::assert_snapshot!(olga_card(&world, &olga));
    for gone in [b.id, e.id] {
        assert_eq!(
            world.database().count("chats", doc! { "chat_id": gone, "active": false }).await,
            1
        );
    }
    assert_eq!(
        world.database().count("chats", doc! { "chat_id": new.id, "active": true }).await,
        1
    );
    assert_eq!(world.database().count("chats", doc! { "chat_id": old.id }).await, 0);
}

/// The card that shows how far the announcement is.
fn olga_card(world: &World, olga: &Person) -> String {
    let mut telegram = world.telegram().world();
    let messages = &telegram.private(olga.id).messages;
    let card =
        messages.values().rev().map(|it| it.readable()).find(|it| it.contains("nnouncement "));
    card.unwrap_or_default()
}

#[tokio::test]
async fn s026_a_group_known_under_both_its_numbers_gets_it_once() {
    let (world, olga) = world(Settings::webhook()).await;
    let old = world.basic_group("Movers", &[&olga]);
    olga.says(&old, "/help").await;
    let new = old.moves();
    olga.says(&new, "/help").await;
    assert_eq!(world.database().count("chats", doc! { "chat_id": { "$lt": 0 } }).await, 2);
    olga.writes("/announce once for each group").await;
    olga.presses("Send").await;
    is_done(&world).await;
    assert_eq!(copies(&world, "once for each group").get(&new.id), Some(&1));
    assert!(olga_card(&world, &olga).contains("Failed: 0"), "{}", olga_card(&world, &olga));
}

#[tokio::test]
async fn what_is_essential_reaches_all() {
    let (world, olga) = world(Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/settings").await;
    ann.presses("Announcements: on").await;
    olga.writes("/announce for those who want it").await;
    olga.presses("Send").await;
    is_done(&world).await;
    world.forget();
    olga.writes("/announce for all of you").await;
    olga.presses("Send to all").await;
    is_done(&world).await;
    assert_eq!(copies(&world, "for those who want it").get(&ann.id), None);
    assert_eq!(copies(&world, "for all of you").get(&ann.id), Some(&1));
}

#[tokio::test]
async fn a_message_is_copied_as_it_is() {
    let (world, olga) = world(Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    let original = olga.sends_sticker().await;
    world.forget();
    olga.message("/announce").reply_to(original).send().await;
    olga.presses("Send").await;
    is_done(&world).await;
    assert_eq!(ann.reads(), "(sticker)");
    // The preview, and the chats of both.
    assert_eq!(world.telegram().calls("copyMessage").len(), 3);
    olga.deletes(olga.id, original);
    olga.message("/announce").reply_to(original).send().await;
    let gone = olga.message("to be gone").send().await;
    let update = olga.message("/announce").reply_to(gone).update();
    olga.deletes(olga.id, gone);
    world.send(update).await;
    assert!(olga.reads().contains("cannot copy"), "{}", olga.reads());
}

#[tokio::test]
async fn one_at_a_time_and_it_can_be_stopped() {
    let (world, olga) = world(Settings::webhook()).await;
    crowd(&world, 40).await;
    olga.writes("/announce the second one").await;
    let (_, card, button) = olga.finds("Send", |_| true);
    let second = button["callback_data"].as_str().unwrap_or_default().replace("an:all", "an:go");
    olga.writes("/announce the first one").await;
    let press = olga.pressing("Send");
    world.telegram().deliver(press).await;
    world.until("it is going out", |it| it.calls("sendMessage").len() > 8).await;
    let toast = olga.presses_data(olga.id, card, &second).await.unwrap_or_default();
    assert!(toast.contains("Another announcement"), "{toast}");
    olga.presses("Stop").await;
    is_done(&world).await;
    let got = copies(&world, "the first one");
    assert!(got.len() > 3 && got.len() < 40, "{got:?}");
    assert!(got.iter().all(|it| *it.1 == 1 || *it.0 == olga.id), "{got:?}");
    let report = olga_card(&world, &olga);
    let sent = got.len() - usize::from(got.get(&olga.id) == Some(&1));
    assert!(report.contains(&format!("Sent: {sent}\n")), "{report}\n{got:?}");
    assert!(report.contains(&format!("Not sent: {}", 41 - sent)), "{report}");
    let toast = olga
        .presses_data(olga.id, card, &second.replace("an:go", "an:stop"))
        .await
        .unwrap_or_default();
    assert!(toast.contains("settled already"), "{toast}");
    // Now there is room for the other one.
    world.forget();
    olga.presses_data(olga.id, card, &second).await;
    is_done(&world).await;
    assert_eq!(copies(&world, "the second one").len(), 41);
}

#[tokio::test]
async fn s028_confirmed_twice_it_is_one_job() {
    let (world, olga) = world(Settings::webhook()).await;
    let people = crowd(&world, 3).await;
    olga.writes("/announce just this once").await;
    let presses = vec![olga.pressing("Send"), olga.pressing("Send"), olga.pressing("Send to all")];
    world.at_once(presses).await;
    is_done(&world).await;
    assert_eq!(world.database().count("announcements", doc! {}).await, 1);
    assert_eq!(world.database().count("announcement_targets", doc! {}).await, 4);
    let got = copies(&world, "just this once");
    assert!(people.iter().all(|it| got.get(&it.id) == Some(&1)), "{got:?}");
}

#[tokio::test]
async fn an_answer_that_got_lost_is_no_reason_to_send_again() {
    let (world, olga) = world(Settings::webhook()).await;
    let people = crowd(&world, 3).await;
    world.telegram().order(Fault {
        method: "sendMessage".to_owned(),
        chat: Some(people[1].id),
        times: 1,
        trouble: Trouble::AnswerLost,
    });
    olga.writes("/announce it may have arrived").await;
    olga.presses("Send").await;
    is_done(&world).await;
    let got = copies(&world, "it may have arrived");
    assert!(people.iter().all(|it| got.get(&it.id) == Some(&1)), "{got:?}");
    let report = olga_card(&world, &olga);
    assert!(report.contains("Sent: 3\n") && report.contains("not tried again: 1"), "{report}");
}

#[tokio::test]
async fn a_restart_in_the_middle_loses_nothing() {
    let (world, olga) = world(Settings::webhook()).await;
    let people = crowd(&world, 30).await;
    olga.writes("/announce through a restart").await;
    world.telegram().deliver(olga.pressing("Send")).await;
    world.until("it is going out", |it| it.calls("sendMessage").len() > 10).await;
    world.bot().await.restart().await;
    assert!(copies(&world, "through a restart").len() < 31, "the restart came too late");
    is_done(&world).await;
    let got = copies(&world, "through a restart");
    assert!(people.iter().all(|it| got.get(&it.id) == Some(&1)), "{got:?}");
    assert!(olga_card(&world, &olga).contains("Sent: 31\n"), "{}", olga_card(&world, &olga));
}

/// What must hold after any accident: nobody has it twice, and at most as many as were interrupted have it not at all,
/// which the report says.
fn nobody_twice(world: &World, olga: &Person, people: &[Person], words: &str, accidents: usize) {
    let got = copies(world, words);
    for person in people {
        assert!(
            got.get(&person.id).copied().unwrap_or_default() <= 1,
            "{} has it twice",
            person.name
        );
    }
    let without = people.iter().filter(|it| !got.contains_key(&it.id)).count();
    let report = olga_card(world, olga);
    let unsure = report.split_once("not tried again: ").map_or(0, |it| {
        it.1.split_whitespace().next().and_then(|it| it.parse().ok()).unwrap_or(usize::MAX)
    });
    assert!(without <= unsure && unsure <= accidents, "{without} without it:\n{report}");
    let sent = people.len() + 1 - unsure;
    assert!(report.contains(&format!("Sent: {sent}\n")), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s027_killed_halfway_it_goes_on_and_nobody_has_it_twice() {
    let (world, olga) = world(Settings::replicas(1)).await;
    let people = crowd(&world, 40).await;
    olga.writes("/announce killed three times").await;
    slow(&world, "sendMessage", Duration::from_millis(40));
    world.telegram().deliver(olga.pressing("Send")).await;
    for part in 1..=3 {
        let enough = |it: &Telegram| it.calls("sendMessage").len() > part * 10;
        world.until("some have it", enough).await;
        let mut bot = world.bot().await;
        bot.kill(0);
        bot.launch().await;
    }
    assert!(copies(&world, "killed three times").len() < 41, "the accidents came too late");
    is_done(&world).await;
    nobody_twice(&world, &olga, &people, "killed three times", 3);
    world.lenient();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s027_of_two_replicas_one_sends_and_the_other_takes_over() {
    let (world, olga) = world(Settings::replicas(2)).await;
    let people = crowd(&world, 40).await;
    olga.writes("/announce by two of them").await;
    slow(&world, "sendMessage", Duration::from_millis(40));
    let presses = [olga.pressing("Send"), olga.pressing("Send")];
    let telegram = world.telegram();
    futures::future::join_all(presses.map(|it| telegram.deliver(it))).await;
    world.until("some have it", |it| it.calls("sendMessage").len() > 12).await;
    // One of the two is the one that sends; whichever is killed, the other brings it to its end.
    world.bot().await.kill(0);
    is_done(&world).await;
    nobody_twice(&world, &olga, &people, "by two of them", 1);
    assert_eq!(world.database().count("announcements", doc! {}).await, 1);
    world.lenient();
}
