//! What the bot asks of the database: every question has an index.

use std::collections::BTreeSet;

use mongodb::bson::{Bson, Document, doc};

use crate::support::{bot::Settings, conversation::World, database::Database, queries::Queries};

#[tokio::test]
async fn the_proxy_reads_along() -> Result<(), mongodb::error::Error> {
    let database = Database::watched().await;
    let client = mongodb::Client::with_uri_str(&database.uri).await?;
    let things = client.database(&database.name).collection("things");
    things.insert_one(doc! { "a": 1 }).await?;
    things.find_one(doc! { "a": 1 }).await?;
    things.update_one(doc! { "a": 1 }, doc! { "$set": { "b": 2 } }).await?;
    things.find_one_and_update(doc! { "b": 2 }, doc! { "$set": { "b": 3 } }).await?;
    things.delete_one(doc! { "_id": 1 }).await?;
    things.aggregate([doc! { "$match": { "c": 1 } }]).await?;
    let asked = database.queries.all();
    let commands: Vec<&str> = asked.iter().map(|it| it.command.as_str()).collect();
    assert_eq!(commands, ["insert", "find", "update", "findAndModify", "delete", "aggregate"]);
    let mut scans = Vec::new();
    for query in &asked {
        scans.extend(query.scans(&database.driver()).await);
    }
    let scanned: Vec<&str> = scans.iter().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(scanned, ["find", "update", "findAndModify", "aggregate"]);
    Ok(())
}

/// Asks everything that can be asked.
async fn everything(world: &World) {
    let (_, ann, _) = crate::hostile::treasure(world).await;
    ann.writes("/feedback What do you ask of it?").await;
    ann.message("That is what I ask").reply_to(ann.newest()).send().await;
    ann.writes("/donate").await;
    ann.presses("⭐ 50").await;
    assert!(ann.pays(serde_json::json!({})).await);
    for command in ["/refund nonsense", "/stats", "/announce to all of you"] {
        ann.writes(command).await;
    }
    ann.presses("Send to all").await;
    world
        .until("it is out", |it| {
            let edits = it.calls("editMessageText").into_iter();
            edits
                .filter_map(|it| it.parameters["text"].as_str().map(String::from))
                .any(|it| it.contains("is out"))
        })
        .await;
    // The house-keeping works when the bot starts.
    world.bot().await.restart().await;
    ann.writes("/forget_me").await;
    ann.presses("Forget me").await;
}

#[tokio::test]
async fn every_question_has_an_index() {
    let database = Database::watched().await;
    // Ann, who is the first person of the world, may do what operators may.
    let settings = Settings::webhook().with_operator(5_000_001_001);
    let world = World::start_on(&database, settings).await;
    everything(&world).await;
    let mut scans = BTreeSet::new();
    for query in shapes(&database.queries) {
        scans.extend(query.scans(&database.driver()).await);
    }
    assert!(scans.is_empty(), "{scans:#?}");
}

/// One of each kind of question: the same collection, the same fields, compared in the same way.
fn shapes(queries: &Queries) -> Vec<crate::support::queries::Query> {
    let mut seen = BTreeSet::new();
    let how = |it: &Bson| match it.as_document() {
        Some(operators) => operators.keys().cloned().collect(),
        None => Vec::new(),
    };
    let fields = |it: &Document| it.iter().map(|(key, value)| (key.clone(), how(value))).collect();
    let mut all = queries.all();
    all.retain(|it| {
        let filters: Vec<Vec<(String, Vec<String>)>> = it.filters.iter().map(fields).collect();
        seen.insert((it.collection.clone(), filters))
    });
    all
}
