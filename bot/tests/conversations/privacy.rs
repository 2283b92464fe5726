//! Privacy: what is said about it, being forgotten, and what only operators may ask.

use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use serde_json::json;

use crate::{
    assert_conversation,
    support::{bot::Settings, conversation::World, providers::CREDENTIALS_KEY},
};

/// The number of the first person of a world.
const OPERATOR: i64 = 5_000_001_001;

/// Where in a document somebody's number, username or name stands.
fn traces(value: &Bson, path: &str, id: i64, names: &[&str], found: &mut Vec<String>) {
    match value {
        Bson::Document(it) => {
            for (key, value) in it {
                traces(value, &format!("{path}.{key}"), id, names, found);
            }
        }
        Bson::Array(it) => it.iter().for_each(|it| traces(it, path, id, names, found)),
        Bson::Int64(it) if *it == id => found.push(path.to_owned()),
        Bson::Int32(it) if i64::from(*it) == id => found.push(path.to_owned()),
        Bson::Double(it) if *it as i64 == id => found.push(path.to_owned()),
        Bson::String(it)
            if it.contains(&id.to_string()) || names.iter().any(|name| it.contains(name)) =>
        {
            found.push(path.to_owned());
        }
        _ => {}
    }
}

/// The collections in which somebody stands, and where.
async fn everywhere(world: &World, id: i64, names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut collections = world.database().driver().list_collection_names().await.expect("names");
    collections.sort();
    for collection in collections {
        for document in world.database().all(&collection).await {
            traces(&Bson::Document(document), &collection, id, names, &mut found);
        }
    }
    found.dedup();
    found
}

async fn insert(world: &World, collection: &str, document: Document) {
    let collection = world.database().driver().collection::<Document>(collection);
    collection.insert_one(document).await.expect("a document");
}

fn tomorrow() -> DateTime {
    DateTime::from_millis(DateTime::now().timestamp_millis() + 24 * 3600 * 1000)
}

#[tokio::test]
async fn s107_who_is_forgotten_is_in_no_collection_but_payments() {
    let world = World::start(Settings::webhook().with_operator(OPERATOR)).await;
    world.person("Olga");
    let ann = world.person("Xenophilia");
    let bob = world.person("Bob");
    let group = world.group("Gamers", &[&ann, &bob]);
    bob.says(&group, "/help").await;
    let others = ObjectId::new();
    for (id, name, creator, members) in [
        (ObjectId::new(), "shared", ann.id, vec![ann.id, bob.id]),
        (ObjectId::new(), "lonely", ann.id, vec![ann.id]),
        (others, "theirs", bob.id, vec![bob.id, ann.id]),
    ] {
        let group = doc! {
            "_id": id, "chat_id": group.id, "creator_id": creator, "name": name, "name_key": name, "members": members,
            "muted": [{ "user_id": ann.id, "until": tomorrow() }],
            "requests": [ann.id], "offered_to": ann.id, "policy": "invite", "hidden": false,
        };
        insert(&world, "notifygroups", group).await;
    }
    for (inviter, invitee) in [
        (ann.id, doc! { "user_id": bob.id, "label": "Bob", "state": "pending" }),
        (bob.id, doc! { "user_id": ann.id, "label": "Xenophilia", "state": "pending" }),
        (
            bob.id,
            doc! { "user_id": Bson::Null, "username_lc": "xenophilia", "label": "@xenophilia", "state": "pending" },
        ),
    ] {
        let invitation = doc! {
            "notify_group_id": others, "chat_id": group.id, "inviter_id": inviter, "invitees": [invitee], "state": "open",
            "expires_at": tomorrow(),
        };
        insert(&world, "invitations", invitation).await;
    }
    for (owner, linked, name) in [(ann.id, ann.id, "a"), (bob.id, ann.id, "b")] {
        let user = doc! {
            "chat_id": group.id, "user_id": owner, "linked_user_id": linked, "display_name": name, "display_key": name,
        };
        insert(&world, "statususers", user).await;
    }
    ann.starts("").await;
    ann.says(&group, "/add_notify_group").await;
    ann.presses_private("Begin").await;
    ann.says(&group, "/diss @bob").await;
    ann.writes("/feedback Do you keep this?").await;
    ann.writes("/donate").await;
    ann.presses("⭐ 50").await;
    assert!(ann.pays(json!({})).await);
    let call = doc! {
        "chat_id": group.id, "notify_group_id": others, "yes": [ann.id], "no": [bob.id], "users": [bob.id, ann.id],
        "expires_at": tomorrow(),
    };
    insert(&world, "calls", call).await;
    let target = doc! { "announcement_id": ObjectId::new(), "chat_id": ann.id, "state": "sent" };
    insert(&world, "announcement_targets", target).await;

    let before = everywhere(&world, ann.id, &["enophilia"]).await;
    for collection in [
        "announcement_targets",
        "calls",
        "chats",
        "dialogues",
        "feedback",
        "intents",
        "invitations",
        "limits",
        "notifygroups",
        "payments",
        "statususers",
        "users",
    ] {
        assert!(
            before.iter().any(|it| it.starts_with(&format!("{collection}."))),
            "{collection}: {before:#?}"
        );
    }

    world.forget();
    ann.writes("/forget_me").await;
    ann.presses("Do not").await;
    assert_eq!(everywhere(&world, ann.id, &["enophilia"]).await.len(), before.len());
    ann.writes("/forget_me").await;
    ann.presses("Forget me").await;
    assert_conversation!(world);
    let mut after = everywhere(&world, ann.id, &["enophilia"]).await;
    after.retain(|it| !it.starts_with("payments."));
    assert_eq!(after, [""; 0]);
    assert!(world.database().count("payments", doc! { "user_id": ann.id }).await >= 1);

    // What others have is still there.
    let groups = world.database().all("notifygroups").await;
    let mut names: Vec<_> = groups.iter().filter_map(|it| it.get_str("name").ok()).collect();
    names.sort();
    assert_eq!(names, ["shared", "theirs"]);
    assert!(groups.iter().all(|it| it.get_i64("creator_id") == Ok(bob.id)));
    assert_eq!(world.database().count("statususers", doc! { "user_id": bob.id }).await, 1);
    assert_eq!(world.database().count("feedback", doc! { "text": "Do you keep this?" }).await, 1);
    // And they may come back.
    ann.starts("").await;
    assert_eq!(world.database().count("users", doc! { "_id": ann.id }).await, 1);
}

#[tokio::test]
async fn s107_forgetting_is_for_private_chats_and_asks_first() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let bob = world.person("Bob");
    let group = world.group("Gamers", &[&ann, &bob]);
    ann.says(&group, "/forget_me").await;
    assert!(group.reads().contains("private chat"), "{}", group.reads());
    // A forged button in a group forgets nobody.
    bob.presses_data(group.id, group.newest(), "f:me").await;
    assert_eq!(world.database().count("users", doc! {}).await, 2);
    ann.writes("/forget_me").await;
    assert_eq!(world.database().count("users", doc! { "_id": ann.id }).await, 1);
    world.at_once(vec![ann.pressing("Forget me"), ann.pressing("Forget me")]).await;
    assert!(ann.reads().contains("I have forgotten you"), "{}", ann.reads());
    assert_eq!(everywhere(&world, ann.id, &[]).await, [""; 0]);
}

#[tokio::test]
async fn s107_an_operator_can_be_forgotten_too() {
    let world = World::start(Settings::webhook().with_operator(OPERATOR)).await;
    let olga = world.person("Olga");
    let ann = world.person("Ann");
    ann.writes("/feedback Who reads this?").await;
    let original = olga.sends_sticker().await;
    olga.message("/announce").reply_to(original).send().await;
    olga.writes("/announce by somebody who leaves").await;
    olga.presses("Send").await;
    world
        .until("it is over", |it| {
            it.calls("editMessageText")
                .iter()
                .any(|it| it.parameters["text"].as_str().is_some_and(|it| it.contains("is out")))
        })
        .await;
    for _ in 0..200 {
        if world.database().count("announcements", doc! { "running": true }).await == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    olga.writes("/forget_me").await;
    olga.presses("Forget me").await;
    assert_eq!(everywhere(&world, olga.id, &["Olga"]).await, [""; 0]);
}

#[tokio::test]
async fn privacy_says_what_is_stored() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/privacy").await;
    assert_conversation!(world);
    ann.speaks("de");
    ann.writes("/privacy").await;
    assert!(ann.reads().contains("speichert, wozu und wie lange"), "{}", ann.reads());
}

#[tokio::test]
async fn stats_are_for_operators() {
    let world = World::start(Settings::webhook().with_operator(OPERATOR)).await;
    let olga = world.person("Olga");
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/help").await;
    ann.writes("/stats").await;
    ann.blocks_bot().await;
    world.forget();
    olga.writes("/stats").await;
    assert_conversation!(world);
}

#[tokio::test]
async fn operators_are_warned_of_what_only_they_can_mend() {
    // Between seven and eight days from now: at the start the fourteenth day before has come, a day later the seventh too.
    let soon = chrono::Utc::now() + chrono::Days::new(8);
    let settings = Settings::webhook()
        .with_operator(OPERATOR)
        .with("CREDENTIALS_KEY", CREDENTIALS_KEY)
        .with("XBOX_CLIENT_ID", "some-client")
        .with("XBOX_CLIENT_SECRET", "CANARY-secret")
        .with("XBOX_CLIENT_SECRET_EXPIRY_DATE", soon.format("%Y-%m-%d"));
    let world = World::start(settings).await;
    let olga = world.person("Olga");
    let day = std::time::Duration::from_secs(25 * 3600);
    // The house-keeping works when the bot starts, and then once a minute. Begun before the day passes and done after it, it
    // would have said all of the next day's already.
    while world.database().count("limits", doc! { "_id": { "$regex": "^warning:" } }).await < 2
        || world.database().count("locks", doc! { "_id": "house_keeping" }).await > 0
    {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    world.advance(day).await;
    world.forget();
    world.bot().await.restart().await;
    let warnings = |world: &World| -> Vec<String> {
        let calls = world.telegram().calls("sendMessage").into_iter();
        let to_olga = calls.filter(|it| it.parameters["chat_id"] == olga.id);
        to_olga.filter_map(|it| it.parameters["text"].as_str().map(String::from)).collect()
    };
    world.until("there are warnings", |_| warnings(&world).len() >= 2).await;
    world.settled().await;
    let first = warnings(&world);
    assert!(first.iter().any(|it| it.contains("gsm-bot auth xbox")), "{first:?}");
    assert!(first.iter().any(|it| it.contains("XBOX_CLIENT_SECRET")), "{first:?}");
    world.bot().await.restart().await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(warnings(&world), first, "told twice on one day");
    olga.writes("/stats").await;
    assert!(olga.reads().contains("Xbox Live: nobody is signed in"), "{}", olga.reads());
    world.forget();
    world.advance(day).await;
    world.bot().await.restart().await;
    // Nobody is signed in still; that the secret ends is said again on the third day before.
    let again = |it: &String| it.contains("gsm-bot auth xbox");
    world.until("they are told again", |_| warnings(&world).iter().any(again)).await;
}
