//! Data of the original becomes data of this bot.

use gsm_bot::{
    clock::Clock,
    config::Config,
    presence::{Credentials as _, Service},
    store::{Store, Vault},
};
use mongodb::bson::{Bson, Document, doc};
use secrecy::ExposeSecret as _;

use crate::support::{
    bot::Settings, conversation::World, database::Database, providers::CREDENTIALS_KEY,
    telegram::TOKEN,
};

/// What the original would have left behind: numbers of both sizes, nulls, missing fields, names that differ in case.
async fn dump(database: &Database, chat: i64, small: i32) {
    let insert = async |collection: &str, documents: Vec<Document>| {
        let collection = database.driver().collection::<Document>(collection);
        collection.insert_many(documents).await.expect("insert");
    };
    let chats = vec![doc! { "chat_id": small }, doc! { "chat_id": chat }, doc! { "chat_id": chat }];
    insert("chats", chats).await;
    let user = |name: &str, chat: Bson| {
        doc! {
            "user_id": small, "chat_id": chat, "group_name": Bson::Null, "display_name": name,
            "xbox_gamertag": Bson::Null, "psn_online_id": "ann", "psn_account_id": 7_i64,
        }
    };
    let users = vec![
        user("Ann", chat.into()),
        user("ann", chat.into()),
        user("ANN", chat.into()),
        user("Ann", small.into()),
    ];
    insert("statususers", users).await;
    let group = |name: &str, creator: Bson| {
        doc! {
            "chat_id": chat, "creator_id": creator, "name": name, "description": Bson::Null,
            "members": [small, 5_000_000_000_i64], "invited": [small, "@bob"],
        }
    };
    let groups = vec![
        group("Raid", small.into()),
        group("raid", 5_000_000_000_i64.into()),
        group("x\ty", small.into()),
    ];
    insert("notifygroups", groups).await;
    let xbox = doc! {
        "platform": "xbox", "client_id": "id", "client_secret": "secret",
        "tokens": { "access_token": "a", "refresh_token": "b", "expires_in": 3600 },
    };
    insert("credentials", vec![xbox]).await;
}

async fn store(database: &Database) -> Store {
    let config = Config::read(&|name| match name {
        "BOT_TOKEN" => Some(TOKEN.to_owned()),
        "MODE" => Some("polling".to_owned()),
        "MONGODB_URI" => Some(database.uri.clone()),
        "MONGODB_DATABASE" => Some(database.name.clone()),
        _ => None,
    });
    let config = config.expect("a configuration");
    Store::connect(&config.mongodb, Clock::default()).await.expect("a database")
}

#[tokio::test]
async fn s105_the_data_of_the_original_is_taken_over() {
    let database = Database::create().await;
    let chat = -1_001_234_567_890;
    dump(&database, chat, 12345).await;
    let store = store(&database).await;
    let report = store.migrate().await.expect("a migration");
    let mut renamed: Vec<_> =
        report.renamed.iter().map(|it| (it.1.as_str(), it.2.as_str())).collect();
    renamed.sort_unstable();
    assert_eq!(renamed, [("ANN", "ANN_3"), ("ann", "ann_2"), ("raid", "raid_2")]);
    let troubles = store.make_indexes().await.expect("indexes");
    assert!(troubles.is_empty(), "{troubles:?}");
    // What was stored is understood.
    let groups = store.notify_groups(chat).await.expect("notify groups");
    assert_eq!(groups.len(), 3);
    assert!(groups.iter().all(|it| it.members == [12345, 5_000_000_000]));
    let raid = store.notify_group_called(chat, "RAID").await.expect("a query");
    assert_eq!(raid.map(|it| it.creator_id), Some(12345));
    assert_eq!(database.count("chats", doc! { "chat_id": chat, "active": true }).await, 1);
    assert_eq!(database.count("chats", doc! {}).await, 2);
    for user in database.all("statususers").await {
        assert!(user.contains_key("xbox_account_id") && user.contains_key("display_key"), "{user}");
    }
    let left = doc! { "invited": { "$exists": true } };
    assert_eq!(database.count("notifygroups", left).await, 0);
    let vault = Vault::new(store.clone(), &CREDENTIALS_KEY.into()).expect("a key");
    let xbox = vault.load(Service::Xbox).await.expect("a query").expect("credentials");
    assert_eq!(xbox.secrets.json.expose_secret(), r#"{"refresh":"b"}"#);
    // Again: nothing more happens.
    let before = database.all("statususers").await;
    let report = store.migrate().await.expect("a migration");
    assert!(report.renamed.is_empty() && report.changed.iter().all(|it| it.1 == 0), "{report}");
    assert_eq!(database.all("statususers").await, before);
}

#[tokio::test]
async fn s105_without_a_migration_the_bot_starts_and_says_what_is_in_its_way() {
    let database = Database::create().await;
    let chat = -1_001_234_567_890;
    dump(&database, chat, 12345).await;
    let troubles = store(&database).await.make_indexes().await.expect("indexes");
    let collections: Vec<&str> = troubles.iter().map(|it| it.collection).collect();
    assert_eq!(collections, ["chats", "statususers", "notifygroups"]);
    assert!(troubles.iter().all(|it| it.offending.len() >= 2), "{troubles:?}");
    let world = World::start_on(&database, Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/help").await;
    assert!(!ann.reads().is_empty());
}
