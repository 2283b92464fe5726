//! Joining and leaving notify groups.

use mongodb::bson::doc;

use crate::{
    assert_conversation,
    notify_groups::{members, notify_group, notify_group_with, seen},
    support::{bot::Settings, conversation::World},
};

#[tokio::test]
async fn s094_join() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob) = (world.person("Ann"), world.person("Bob"));
    let group = world.group("Gamers", &[&ann, &bob]);
    seen(&world, &[&ann, &bob]).await;
    notify_group_with(&world, &group, "raid", &[&ann], doc! { "policy": "open" }).await;
    notify_group(&world, &group, "chess", &[&ann]).await;
    for text in ["/join RAID", "/join raid", "/join chess", "/join nope", "/join"] {
        bob.says(&group, text).await;
    }
    assert_conversation!(world);
    assert_eq!(members(&world, "raid").await, [ann.id, bob.id]);
    assert_eq!(members(&world, "chess").await, [ann.id]);
}

#[tokio::test]
async fn who_is_invited_joins_even_what_is_hidden() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob, zoe) = (world.person("Ann"), world.person("Bob"), world.person("Zoe"));
    let group = world.group("Gamers", &[&ann, &bob, &zoe]);
    seen(&world, &[&ann, &bob, &zoe]).await;
    notify_group_with(&world, &group, "secret", &[&ann], doc! { "hidden": true }).await;
    ann.says(&group, "/invite secret @bob").await;
    zoe.says(&group, "/join secret").await;
    assert!(group.reads().contains("There is no notify group"), "{}", group.reads());
    bob.says(&group, "/join secret").await;
    assert_eq!(members(&world, "secret").await, [ann.id, bob.id]);
    assert_eq!(world.database().count("invitations", doc! { "state": "closed" }).await, 1);
}

#[tokio::test]
async fn a_full_one_stays_as_it_is() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob) = (world.person("Ann"), world.person("Bob"));
    let group = world.group("Gamers", &[&ann, &bob]);
    seen(&world, &[&ann, &bob]).await;
    let all: Vec<i64> = (1..=99).chain([ann.id]).collect();
    let more = doc! { "policy": "open", "members": all };
    notify_group_with(&world, &group, "raid", &[&ann], more).await;
    bob.says(&group, "/join raid").await;
    assert!(group.reads().contains("is full"), "{}", group.reads());
    assert_eq!(members(&world, "raid").await.len(), 100);
}

#[tokio::test]
async fn s095_leave() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob) = (world.person("Ann"), world.person("Bob"));
    let zoe = world.person("Zoe");
    let group = world.group("Gamers", &[&ann, &bob, &zoe]);
    seen(&world, &[&ann, &bob, &zoe]).await;
    notify_group(&world, &group, "raid", &[&ann, &bob, &zoe]).await;
    bob.says(&group, "/leave raid").await;
    bob.says(&group, "/leave raid").await;
    ann.says(&group, "/leave raid").await;
    // Its creator may call it all the same.
    ann.says(&group, "/notify raid").await;
    assert_conversation!(world);
    assert_eq!(members(&world, "raid").await, [zoe.id]);
}
