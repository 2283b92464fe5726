//! Every kind of update that Telegram can send, made up from its description: the bot survives each of them.

use std::collections::BTreeSet;

use serde_json::Value;
use teloxide::types::{Update, UpdateKind};

use crate::support::{
    bot::Settings,
    conversation::World,
    telegram::{
        BOT_API,
        generated::{Cast, Chance, HOSTILE},
        second_opinion,
    },
};

/// People and groups with names made of everything, and one group that the bot is in.
fn cast(world: &World) -> Cast {
    let people: Vec<_> = HOSTILE.iter().map(|name| world.somebody(name, None, true)).collect();
    let groups = [
        world.group("Gamers", &[&people[0], &people[1]]),
        world.basic_group("<b>&", &[&people[2]]),
    ];
    let telegram = world.telegram().world();
    let mut chats: Vec<Value> = groups.iter().map(|it| telegram.chat_json(it.id)).collect();
    chats.extend(people.iter().take(3).map(|it| telegram.chat_json(it.id)));
    chats.push(
        serde_json::json!({ "id": -1_009_999_999_999_i64, "type": "channel", "title": "News" }),
    );
    Cast {
        users: people.iter().map(|it| telegram.user_json(it.id)).collect(),
        chats,
        data: Vec::new(),
        now: telegram.now(),
    }
}

fn kinds() -> impl Iterator<Item = &'static str> {
    let fields = BOT_API.fields("Update").iter().filter(|it| !it.required);
    fields.map(|it| it.name.as_str())
}

#[tokio::test]
async fn what_is_made_up_is_what_telegram_could_send() {
    let world = World::start(Settings::absent()).await;
    let cast = cast(&world);
    let (mut read, mut understood) = (BTreeSet::new(), BTreeSet::new());
    for kind in kinds() {
        for seed in 0..100 {
            let update = cast.update(kind, &mut Chance::new(seed));
            let misfits = BOT_API.misfits("Update", &update);
            assert!(misfits.is_empty(), "{misfits:#?}\n{update:#}");
            if second_opinion::reads_update(&update).is_ok() {
                read.insert(kind);
            }
            // Not `from_value`: teloxide's updates are read from text only. And it panics at a reaction of nobody,
            // which is why the bot looks at the kind of an update before it lets teloxide read it.
            let text = update.to_string();
            let update = std::panic::catch_unwind(|| serde_json::from_str::<Update>(&text));
            if let Ok(Ok(update)) = update
                && !matches!(update.kind, UpdateKind::Error(_))
            {
                understood.insert(kind);
            }
        }
    }
    let unread: Vec<&str> = kinds().filter(|it| !read.contains(it)).collect();
    assert_eq!(unread, [""; 0], "frankenstein reads none of these");
    // Kinds that teloxide 0.17 does not know come to the bot as errors, and are survived like everything else.
    let unknown: Vec<&str> = kinds().filter(|it| !understood.contains(it)).collect();
    assert_eq!(unknown, ["guest_message", "managed_bot"]);
}

/// Sends updates whether the bot asked for them or not, and checks that it is as well as before.
async fn survives(world: &World, updates: Vec<Value>) {
    for update in updates {
        let answer = world.telegram().post(&update).await;
        assert_eq!(answer.map(|it| it.as_u16()), Some(200), "{update:#}");
    }
    world.settled().await;
    assert_eq!(world.telegram().take_defects(), [""; 0]);
    world.forget();
    world.person("Ann").writes("/help").await;
    assert_eq!(world.telegram().calls("sendMessage").len(), 1, "{}", world.conversation());
    // Presses among the updates were made up too: Telegram does not know them.
    world.lenient();
}

#[tokio::test]
async fn every_kind_of_update_is_survived() {
    let world = World::start(Settings::webhook()).await;
    let cast = cast(&world);
    let updates = kinds().flat_map(|kind| (0..40).map(move |seed| (kind, seed)));
    let updates = updates.map(|(kind, seed)| cast.update(kind, &mut Chance::new(seed)));
    survives(&world, updates.collect()).await;
}

#[tokio::test]
async fn every_field_of_a_message_is_survived() {
    let world = World::start(Settings::webhook()).await;
    let cast = cast(&world);
    let fields = BOT_API.fields("Message").iter().filter(|it| !it.required);
    let updates = fields.flat_map(|field| (0..4).map(move |seed| (field, seed)));
    let updates =
        updates.map(|(field, seed)| cast.message_with(&field.name, &mut Chance::new(seed)));
    survives(&world, updates.collect()).await;
}

#[tokio::test]
async fn what_is_no_update_is_survived() {
    let world = World::start(Settings::webhook()).await;
    let bodies = [
        "",
        "{",
        "null",
        "[]",
        "7",
        "{}",
        "{\"update_id\":\"x\"}",
        "{\"update_id\":1,\"message\":null}",
        "\u{0}",
    ];
    for body in bodies {
        assert_eq!(world.telegram().post_raw(body.as_bytes().to_vec()).await, Some(200), "{body}");
    }
    assert_eq!(world.telegram().post_raw(vec![0xff; 100]).await, Some(200));
    assert_eq!(world.telegram().post_raw(vec![b' '; (1 << 20) + 1]).await, Some(413));
    survives(&world, Vec::new()).await;
}
