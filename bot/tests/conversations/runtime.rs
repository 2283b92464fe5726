//! Running: the webhook, health, stopping, being killed, and what must not be logged.

use std::time::Duration;

use mongodb::bson::doc;

use crate::support::{
    bot::{Settings, status},
    conversation::World,
    database::Database,
    logs,
    telegram::{Fault, TOKEN, Trouble},
};

/// Answers that take this long, so that something can happen meanwhile.
fn slow(world: &World, method: &str, time: Duration) {
    let trouble = Trouble::Slow(time);
    world.telegram().order(Fault {
        method: method.to_owned(),
        chat: None,
        times: usize::MAX,
        trouble,
    });
}

#[tokio::test]
async fn s099_paths_and_health() {
    let database = Database::mortal().await;
    let world = World::start_on(&database, Settings::webhook()).await;
    let address = world.bot().await.address();
    let url = format!("http://{address}");
    let client = reqwest::Client::new();
    let head = client.head(format!("{url}/telegram")).send().await.expect("an answer");
    assert_eq!(head.status(), 405);
    for (path, expected) in
        [("/telegram", 405), ("/", 404), ("/telegram/x", 404), ("/metrics", 404)]
    {
        assert_eq!(status(address, path).await, Some(expected), "{path}");
    }
    assert_eq!(status(address, &format!("/{TOKEN}")).await, Some(404));
    assert_eq!(status(address, "/healthz").await, Some(200));
    assert_eq!(status(address, "/readyz").await, Some(200));
    database.stop();
    let asked = std::time::Instant::now();
    assert_eq!(status(address, "/readyz").await, Some(503));
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    assert_eq!(status(address, "/healthz").await, Some(200));
}

#[tokio::test]
async fn s100_the_secret_is_asked_for() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let address = world.bot().await.address();
    let secret =
        world.telegram().world().webhook.clone().expect("a webhook")["secret_token"].clone();
    let secret = secret.as_str().expect("a secret").to_owned();
    assert!(!TOKEN.contains(&secret) && secret.len() >= 16);
    let update = world.telegram().addressed(ann.message("/help").update());
    let post = |header: Option<String>| {
        let request =
            reqwest::Client::new().post(format!("http://{address}/telegram")).json(&update);
        let request = match header {
            Some(secret) => request.header("X-Telegram-Bot-Api-Secret-Token", secret),
            None => request,
        };
        async move { request.send().await.expect("an answer").status().as_u16() }
    };
    for wrong in [
        None,
        Some(String::new()),
        Some("x".to_owned()),
        Some(format!("{secret}x")),
        Some(secret[1..].to_owned()),
    ] {
        assert_eq!(post(wrong).await, 401);
    }
    world.settled().await;
    assert!(world.telegram().calls("sendMessage").is_empty());
    assert_eq!(post(Some(secret)).await, 200);
    world.settled().await;
    assert_eq!(world.telegram().calls("sendMessage").len(), 1);
}

#[tokio::test]
async fn an_update_that_comes_twice_is_answered_once() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let update = world.telegram().addressed(ann.message("/help").update());
    world.send(update.clone()).await;
    world.send(update.clone()).await;
    world.at_once(vec![update.clone(), update]).await;
    assert_eq!(world.telegram().calls("sendMessage").len(), 1);
}

#[tokio::test]
async fn polling_removes_the_webhook_and_answers() {
    let world = World::start(Settings::polling()).await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    assert_eq!(world.telegram().calls("sendMessage").len(), 1);
    assert!(world.telegram().world().webhook.is_none());
    assert_eq!(world.telegram().waiting(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s101_a_stop_finishes_what_was_accepted() {
    let world = World::start(Settings::replicas(1)).await;
    let people: Vec<_> = (0..10).map(|it| world.person(&format!("Person {it}"))).collect();
    slow(&world, "sendMessage", Duration::from_millis(500));
    let updates: Vec<_> = people.iter().map(|it| it.message("/help").update()).collect();
    let telegram = world.telegram().clone();
    // One attempt each: whoever is refused would be sent again, to the next process.
    let posts = updates.into_iter().map(|it| {
        let telegram = telegram.clone();
        async move { telegram.post(&telegram.addressed(it)).await.map(|it| it.as_u16()) }
    });
    let posts = tokio::spawn(futures::future::join_all(posts));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.bot().await.terminate(0).await, Some(0));
    let accepted = posts.await.expect("posts").into_iter().filter(|it| *it == Some(200)).count();
    assert!(accepted > 0);
    let answered = people.iter().filter(|it| !it.reads().is_empty()).count();
    assert!(answered >= accepted, "{answered} of {accepted} accepted updates were answered");
    assert!(world.telegram().calls("deleteWebhook").is_empty());
    assert!(world.telegram().world().webhook.is_some());
    world.bot().await.launch().await;
    world.lenient();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_it_loses_no_update() {
    let world = World::start(Settings::replicas(1)).await;
    let people: Vec<_> = (0..20).map(|it| world.person(&format!("Person {it}"))).collect();
    slow(&world, "sendMessage", Duration::from_millis(300));
    let telegram = world.telegram().clone();
    let updates: Vec<_> = people.iter().map(|it| it.message("/help").update()).collect();
    let deliveries = tokio::spawn(async move {
        futures::future::join_all(updates.into_iter().map(|it| {
            let telegram = telegram.clone();
            async move { telegram.deliver(it).await }
        }))
        .await
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    {
        let mut bot = world.bot().await;
        bot.kill(0);
        bot.launch().await;
    }
    let delivered = deliveries.await.expect("deliveries");
    assert!(delivered.into_iter().all(|it| it));
    world
        .until("everybody has an answer", |_| people.iter().all(|it| !it.reads().is_empty()))
        .await;
    world.lenient();
}

#[tokio::test]
async fn s104_logs_hold_no_secrets_and_no_texts() {
    let begin = logs::here();
    let settings = Settings::webhook()
        .with("STEAM_API_KEY", "CANARY-steam-key")
        .with("STEAM_URL", "http://127.0.0.1:1")
        .with("WEBHOOK_SECRET", "CANARY-webhook-secret")
        .with("PAYMENT_PROVIDER_TOKEN", "CANARY-payment-token");
    let world = World::start(settings).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    let refused = |method: &str| Fault {
        method: method.to_owned(),
        chat: None,
        times: 1,
        trouble: Trouble::Refuses(crate::support::telegram::Refused::bad(
            "something that nobody expects",
        )),
    };
    ann.starts("").await;
    ann.says(&group, "/notify squad the words of this very message").await;
    ann.writes("/feedback I would rather not read this in a log").await;
    world.telegram().order(refused("sendMessage"));
    ann.says(&group, "/notify squad words that lead to a mistake").await;
    ann.says(&group, "/add_status_user").await;
    ann.presses_private("").await;
    ann.writes("a name that is private").await;
    ann.writes("some account name").await;
    let lines = logs::since(begin);
    assert!(lines.iter().any(|it| it.contains("update")), "nothing is logged at all");
    assert_eq!(logs::leaks(), [""; 0]);
    // `World` compares what people said with the log at its end; here is the proof that it would find something.
    tracing::info!("<planted> by this test, and nobody else");
    let planted = ["<planted> by this test, and nobody else".to_owned()];
    assert_eq!(logs::telling(begin, &planted).len(), 1);
    assert_eq!(world.database().count("chats", doc! { "chat_id": ann.id }).await, 1);
}

/// More people than the bot has connections to the database, each in the middle of something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stands_still_for_a_while_holds_nobody_up_for_ever() {
    let database = Database::mortal().await;
    let world = World::start_on(&database, Settings::webhook()).await;
    let people: Vec<_> = (0..40).map(|it| world.person(&format!("Ann{it}"))).collect();
    for _ in 0..3 {
        let updates = people.iter().map(|it| it.message("/settings").update()).collect();
        let frozen = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            database.freeze(Duration::from_secs(5)).await;
        };
        let everybody = async { tokio::join!(world.at_once(updates), frozen) };
        let done = tokio::time::timeout(Duration::from_secs(45), everybody).await;
        assert!(done.is_ok(), "somebody waits for ever");
    }
}

/// The driver waits for an answer as long as the connection is open and its own questions are answered: here none is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_never_comes_ends_one_attempt_and_not_the_chat() {
    let database = Database::watched().await;
    let world = World::start_on(&database, Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    database.queries.cut_off();
    let again = ann.message("/diss").update();
    let done = tokio::time::timeout(Duration::from_secs(100), world.at_once(vec![again])).await;
    assert!(done.is_ok(), "the chat waits for ever");
}
