//! Feedback: stored, delivered, answered.

use std::time::Duration;

use mongodb::bson::doc;

use crate::{
    assert_conversation,
    support::{
        bot::Settings,
        conversation::World,
        telegram::{Fault, Refused, TOKEN, Trouble},
    },
};

/// The number of the first person of a world.
const OPERATOR: i64 = 5_000_001_001;

fn with_operator() -> Settings {
    Settings::webhook().with_operator(OPERATOR)
}

#[tokio::test]
async fn s021_feedback_reaches_the_operators() {
    let world = World::start(with_operator()).await;
    let olga = world.person("Olga");
    let ann = world.person("Ann <b>");
    let group = world.group("Gamers", &[&ann]);
    ann.writes("/feedback").await;
    ann.writes("/feedback hey").await;
    ann.writes("/feedback I like this,\n  but <b>not</b> that & that.\n\nBye").await;
    ann.says(&group, "/feedback Here it is quiet.").await;
    assert_conversation!(world);
    let stored = world.database().all("feedback").await;
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0].get_str("text"), Ok("I like this,\n  but <b>not</b> that & that.\n\nBye"));
    assert_eq!(stored[0].get_i64("user_id"), Ok(ann.id));
    assert_eq!(stored[1].get_str("chat_kind"), Ok("supergroup"));
    assert!(olga.reads().contains(&ann.id.to_string()), "{}", olga.reads());
}

#[tokio::test]
async fn s021_lengths_are_counted_in_characters() {
    let world = World::start(with_operator()).await;
    world.person("Olga");
    let ann = world.person("Ann");
    let long = "ä".repeat(1001);
    for (text, says) in
        [("four", "From 5 to 1000"), (long.as_str(), "From 5 to 1000"), (&long[2..], "Thank you")]
    {
        ann.writes(&format!("/feedback {text}")).await;
        assert!(ann.reads().contains(says), "{}", ann.reads());
    }
    assert_eq!(world.database().count("feedback", doc! {}).await, 1);
}

#[tokio::test]
async fn s022_the_fourth_within_an_hour_is_refused() {
    let world = World::start(with_operator()).await;
    let ann = world.person("Ann");
    let bob = world.person("Bob");
    for number in 1..=4 {
        ann.writes(&format!("/feedback number {number}")).await;
    }
    assert!(
        ann.reads().contains("enough for now") && ann.reads().contains("59 minutes"),
        "{}",
        ann.reads()
    );
    assert_eq!(world.database().count("feedback", doc! { "user_id": ann.id }).await, 3);
    bob.writes("/feedback of somebody else").await;
    assert!(bob.reads().contains("Thank you!"), "{}", bob.reads());
    world.advance(Duration::from_secs(3601)).await;
    ann.writes("/feedback number 5").await;
    assert_eq!(world.database().count("feedback", doc! { "user_id": ann.id }).await, 4);
}

#[tokio::test]
async fn s023_an_answer_finds_its_way_back() {
    let world = World::start(with_operator()).await;
    let olga = world.person("Olga");
    let ann = world.person("Ann");
    let bob = world.person("Bob");
    ann.speaks("de");
    ann.writes("/feedback Guten Tag, ihr da!").await;
    let delivered = olga.newest();
    world.forget();
    olga.message("Thank *you*,\n<Ann>!").reply_to(delivered).send().await;
    olga.message("").with("sticker", sticker()).reply_to(delivered).send().await;
    // Others' replies, and replies to something else, are no answers.
    bob.message("not an answer of mine").reply_to(delivered).send().await;
    let unrelated = olga.newest();
    olga.message("not an answer either").reply_to(unrelated).send().await;
    assert_conversation!(world);
    let to_ann = |world: &World| {
        world
            .telegram()
            .calls("sendMessage")
            .iter()
            .filter(|it| it.parameters["chat_id"] == ann.id)
            .count()
    };
    assert_eq!(to_ann(&world), 1);
}

fn sticker() -> serde_json::Value {
    serde_json::json!({
        "file_id": "sticker", "file_unique_id": "sticker", "type": "regular", "width": 512, "height": 512,
        "is_animated": false, "is_video": false,
    })
}

#[tokio::test]
async fn s023_the_operator_learns_that_an_answer_did_not_arrive() {
    let world = World::start(with_operator()).await;
    let olga = world.person("Olga");
    let ann = world.person("Ann");
    ann.writes("/feedback I will be gone soon").await;
    let delivered = olga.newest();
    world.telegram().order(Fault {
        method: "sendMessage".to_owned(),
        chat: Some(ann.id),
        times: 1,
        trouble: Trouble::Refuses(Refused::bad("something that nobody expects")),
    });
    olga.message("an answer to you").reply_to(delivered).send().await;
    assert!(olga.reads().contains("try again later"), "{}", olga.reads());
    ann.change(|it| it.blocked = true);
    olga.message("an answer to you").reply_to(delivered).send().await;
    assert!(olga.reads().contains("they blocked me"), "{}", olga.reads());
    assert_eq!(world.database().count("users", doc! { "_id": ann.id, "can_dm": false }).await, 1);
    ann.starts("").await;
    ann.writes("/forget_me").await;
    ann.presses("Forget me").await;
    olga.message("an answer to you").reply_to(delivered).send().await;
    assert!(olga.reads().contains("wanted to be forgotten"), "{}", olga.reads());
}

#[tokio::test]
async fn an_answer_as_long_as_a_message_arrives() {
    let world = World::start(with_operator()).await;
    let olga = world.person("Olga");
    let ann = world.person("Ann");
    ann.writes(&format!("/feedback {}", "x".repeat(1000))).await;
    let delivered = olga.newest();
    for length in [3900, 4060, 4096] {
        let answer = "y".repeat(length);
        olga.message(&answer).reply_to(delivered).send().await;
        assert!(ann.reads().contains(&answer), "{length}");
    }
}

#[tokio::test]
async fn what_cannot_be_delivered_now_is_delivered_later_and_once() {
    let world = World::start(with_operator()).await;
    let olga = world.person("Olga");
    let ann = world.person("Ann");
    world.telegram().order(Fault {
        method: "sendMessage".to_owned(),
        chat: Some(olga.id),
        times: 1,
        trouble: Trouble::Refuses(Refused::bad("something that nobody expects")),
    });
    ann.writes("/feedback Are you there?").await;
    // They are told all the same.
    assert!(ann.reads().contains("Thank you!"), "{}", ann.reads());
    assert_eq!(olga.reads(), "");
    world.advance(Duration::from_secs(120)).await;
    // The house-keeping looks as soon as the bot starts, and then once a minute.
    world.bot().await.restart().await;
    world.until("the operator has it", |_| olga.reads().contains("Are you there?")).await;
    world.settled().await;
    let before = world.telegram().calls("sendMessage").len();
    world.advance(Duration::from_secs(120)).await;
    world.bot().await.restart().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.settled().await;
    assert_eq!(world.telegram().calls("sendMessage").len(), before);
    // And it can be answered.
    olga.message("I am, always").reply_to(olga.newest()).send().await;
    assert!(ann.reads().contains("I am, always"), "{}", ann.reads());
}

#[tokio::test]
async fn another_bot_may_deliver_it() {
    // The same token is as good as another one: what counts is that the way is the other one.
    let world = World::start(with_operator().with("FEEDBACK_BOT_TOKEN", TOKEN)).await;
    let olga = world.person("Olga");
    let ann = world.person("Ann");
    ann.writes("/feedback By which way does this come?").await;
    assert!(olga.reads().contains("By which way"), "{}", olga.reads());
    assert!(!olga.reads().contains("Reply to this message"), "{}", olga.reads());
    assert_eq!(world.database().count("feedback", doc! { "waiting": { "$size": 0 } }).await, 1);
}

#[tokio::test]
async fn support_says_where_to_turn_to() {
    let settings = Settings::webhook()
        .with("ISSUES_URL", "https://issues.example/new")
        .with("SUPPORT_URL", "https://t.me/support_example");
    let world = World::start(settings).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.writes("/support").await;
    ann.says(&group, "/support").await;
    assert_conversation!(world);
}
