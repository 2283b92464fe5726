//! Invitations into notify groups.

use std::time::Duration;

use mongodb::bson::{Document, doc};

use crate::{
    assert_conversation,
    notify_groups::{members, notify_group, notify_group_with, seen, stored},
    support::{
        bot::Settings,
        conversation::{Group, Person, World},
        telegram::{Call, Fault, Trouble, world::Member},
    },
};

/// Ann, Bob and Zoe in a group, all seen, and a notify group of Ann's.
async fn scene(settings: Settings) -> (World, Group, Person, Person, Person) {
    let world = World::start(settings).await;
    let (ann, bob, zoe) = (world.person("Ann"), world.person("Bob"), world.person("Zoe"));
    let group = world.group("Gamers", &[&ann, &bob, &zoe]);
    seen(&world, &[&ann, &bob, &zoe]).await;
    notify_group(&world, &group, "raid", &[&ann]).await;
    (world, group, ann, bob, zoe)
}

async fn invitations(world: &World) -> Vec<Document> {
    world.database().all("invitations").await
}

#[tokio::test]
async fn s073_only_the_creator_invites() {
    let (world, group, _ann, bob, _zoe) = scene(Settings::webhook()).await;
    bob.says(&group, "/invite raid @zoe").await;
    assert_conversation!(world);
    assert_eq!(invitations(&world).await.len(), 0);
}

#[tokio::test]
async fn s074_each_gets_one_outcome() {
    let (world, group, ann, bob, zoe) = scene(Settings::webhook()).await;
    let dan = world.somebody("Dan <3", None, true);
    let more = doc! { "members": [ann.id, bob.id], "description": "For @all & <all>" };
    notify_group_with(&world, &group, "chess", &[&ann], more).await;
    ann.says(&group, "/invite chess @zoe").await;
    world.forget();
    ann.says(&group, "/invite CHESS @bob @some_other_bot @ann @zoe @{Dan <3} @newcomer").await;
    assert_conversation!(world);
    let all = invitations(&world).await;
    assert_eq!(all.len(), 2);
    let invitees = all[1].get_array("invitees").expect("invitees");
    assert_eq!(invitees.len(), 2);
    assert_eq!(invitees[0].as_document().and_then(|it| it.get_i64("user_id").ok()), Some(dan.id));
    assert_ne!(zoe.id, dan.id);
}

#[tokio::test]
async fn s075_emoji_before_the_mentions() {
    let (world, group, ann, bob, _zoe) = scene(Settings::webhook()).await;
    notify_group(&world, &group, "😀👩‍👩‍👧", &[&ann]).await;
    let dan = world.somebody("Dan 😀", None, true);
    ann.says(&group, "/invite 😀👩‍👩‍👧 😀😀 @{Dan 😀} 🎮 @bob").await;
    let all = invitations(&world).await;
    let invitees = all[0].get_array("invitees").expect("invitees");
    let ids: Vec<Option<i64>> = invitees
        .iter()
        .map(|it| it.as_document().and_then(|it| it.get_i64("user_id").ok()))
        .collect();
    assert_eq!(ids, [Some(dan.id), Some(bob.id)]);
}

#[tokio::test]
async fn s076_usernames_have_no_case() {
    let (world, group, ann, bob, zoe) = scene(Settings::webhook()).await;
    bob.change(|it| it.username = Some("BOB".to_owned()));
    seen(&world, &[&bob]).await;
    notify_group(&world, &group, "chess", &[&ann, &bob]).await;
    ann.says(&group, "/invite chess @bob @Bob").await;
    assert!(group.reads().contains("is in <b>chess</b> already"), "{}", group.reads());
    assert_eq!(invitations(&world).await.len(), 0);
    ann.says(&group, "/invite raid @ZOE").await;
    zoe.presses_in(&group, "Accept").await;
    assert_eq!(members(&world, "raid").await, [ann.id, zoe.id]);
}

#[tokio::test]
async fn s077_a_hashtag_is_nobody() {
    let (world, group, ann, _bob, _zoe) = scene(Settings::webhook()).await;
    ann.says(&group, "/invite raid #bob https://t.me/bob bob@example.org").await;
    ann.says(&group, "/invite raid").await;
    ann.says(&group, "/invite").await;
    ann.says(&group, "/invite nope @bob").await;
    assert_conversation!(world);
    assert_eq!(invitations(&world).await.len(), 0);
}

#[tokio::test]
async fn a_reply_invites_its_author() {
    let (world, group, ann, bob, _zoe) = scene(Settings::webhook()).await;
    let message = bob.says(&group, "I want to play too").await;
    ann.replies(&group, message, "/invite raid").await;
    bob.presses_in(&group, "Accept").await;
    assert_eq!(members(&world, "raid").await, [ann.id, bob.id]);
}

#[tokio::test]
async fn s078_a_stranger_accepts_in_vain() {
    let (world, group, ann, _bob, zoe) = scene(Settings::webhook()).await;
    ann.says(&group, "/invite raid @bob").await;
    let before = group.reads();
    world.forget();
    for button in ["Accept", "Decline", "Revoke"] {
        let toast = zoe.presses_in(&group, button).await;
        assert!(toast.is_some(), "{button}");
    }
    assert!(world.telegram().calls("editMessageText").is_empty());
    assert_eq!(group.reads(), before);
    assert_eq!(members(&world, "raid").await, [ann.id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s079_two_accept_at_the_same_moment() {
    let (world, group, ann, bob, zoe) = scene(Settings::replicas(2)).await;
    ann.says(&group, "/invite raid @bob @zoe").await;
    world.at_once(vec![bob.pressing("Accept"), zoe.pressing("Accept")]).await;
    let mut all = members(&world, "raid").await;
    all.sort_unstable();
    assert_eq!(all, [ann.id, bob.id, zoe.id]);
    assert!(group.reads().contains("Everybody is in."), "{}", group.reads());
    assert_eq!(world.database().count("invitations", doc! { "state": "closed" }).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s080_accepting_while_the_creator_edits() {
    let (world, group, ann, bob, _zoe) = scene(Settings::replicas(2)).await;
    ann.says(&group, "/invite raid @bob").await;
    ann.says(&group, "/modify_notify_group").await;
    ann.presses_private("Begin").await;
    ann.presses_private("raid").await;
    ann.presses_private("Description").await;
    world.at_once(vec![ann.message("for raiders").update(), bob.pressing("Accept")]).await;
    assert_eq!(members(&world, "raid").await, [ann.id, bob.id]);
    assert_eq!(stored(&world, "raid").await.get_str("description"), Ok("for raiders"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s081_two_invitations_do_not_know_each_other() {
    let (world, group, ann, bob, zoe) = scene(Settings::replicas(2)).await;
    notify_group(&world, &group, "chess", &[&ann]).await;
    ann.says(&group, "/invite raid @bob").await;
    let (chat, message, button) = bob.finds("Accept", |chat| chat == group.id);
    let data = button["callback_data"].as_str().unwrap_or_default().to_owned();
    ann.says(&group, "/invite chess @zoe").await;
    zoe.presses_in(&group, "Accept").await;
    world.bot().await.restart().await;
    bob.presses_data(chat, message, &data).await;
    assert_eq!(members(&world, "raid").await, [ann.id, bob.id]);
    assert_eq!(members(&world, "chess").await, [ann.id, zoe.id]);
}

#[tokio::test]
async fn s082_revoke_after_one_accepted() {
    let (world, group, ann, bob, _zoe) = scene(Settings::webhook()).await;
    ann.says(&group, "/invite raid @bob @zoe").await;
    bob.presses_in(&group, "Accept").await;
    ann.presses_in(&group, "Revoke").await;
    assert_conversation!(world);
    assert_eq!(members(&world, "raid").await, [ann.id, bob.id]);
    let all = invitations(&world).await;
    assert_eq!(all[0].get_array("invitees").map(Vec::len), Ok(1));
    assert_eq!(all[0].get_str("state"), Ok("revoked"));
}

#[tokio::test]
async fn an_admin_revokes_and_one_can_be_revoked_in_private() {
    let (world, group, ann, bob, zoe) = scene(Settings::webhook()).await;
    group.promote(&zoe);
    ann.says(&group, "/invite raid @bob @newcomer").await;
    ann.says(&group, "/modify_notify_group").await;
    ann.presses_private("Begin").await;
    ann.presses_private("raid").await;
    ann.presses_private("Invitations").await;
    world.forget();
    ann.presses_private("@newcomer").await;
    let edits = world.telegram().calls("editMessageText");
    let drawn = edits.iter().find(|it| it.parameters["chat_id"] == group.id);
    let drawn = drawn.expect("the invitation drawn anew").parameters["text"].to_string();
    assert!(drawn.contains("Bob") && !drawn.contains("newcomer"), "{drawn}");
    zoe.presses_in(&group, "Revoke").await;
    assert!(world.conversation().contains("This invitation was revoked"));
    assert_eq!(members(&world, "raid").await, [ann.id]);
    assert_ne!(bob.id, zoe.id);
}

#[tokio::test]
async fn s083_too_late() {
    let (world, group, ann, bob, _zoe) = scene(Settings::webhook()).await;
    notify_group(&world, &group, "chess", &[&ann]).await;
    ann.says(&group, "/invite chess @bob").await;
    let groups = world.database().driver().collection::<Document>("notifygroups");
    groups.delete_one(doc! { "name": "chess" }).await.expect("deleted");
    let toast = bob.presses_in(&group, "Accept").await;
    assert_eq!(toast.as_deref(), Some("That notify group is gone."));
    assert!(group.reads().contains("is gone"), "{}", group.reads());
    ann.says(&group, "/invite raid @bob").await;
    let update = bob.pressing("Accept");
    world.advance(Duration::from_secs(8 * 24 * 3600)).await;
    world.send(update).await;
    assert!(group.reads().contains("has expired"), "{}", group.reads());
    assert_eq!(members(&world, "raid").await, [ann.id]);
    assert_eq!(world.database().count("invitations", doc! { "state": "open" }).await, 0);
}

#[tokio::test]
async fn s084_invited_by_username_and_stored_by_id() {
    let (world, group, ann, _bob, _zoe) = scene(Settings::webhook()).await;
    let yan = world.stranger("Yan");
    group.sets(yan.id, Member::Ordinary);
    ann.says(&group, "/invite raid @Yan").await;
    assert!(group.reads().contains("yan"), "{}", group.reads());
    yan.presses_in(&group, "Decline").await;
    let toast = yan.presses_in(&group, "Decline").await;
    assert_eq!(toast.as_deref(), Some("You declined already. You can still accept."));
    yan.presses_in(&group, "Accept").await;
    assert_eq!(members(&world, "raid").await, [ann.id, yan.id]);
    let all = invitations(&world).await;
    let invitee = all[0].get_array("invitees").expect("invitees")[0].as_document().cloned();
    assert_eq!(invitee.expect("an invitee").get_i64("user_id"), Ok(yan.id));
}

#[tokio::test]
async fn who_was_removed_cannot_accept_again() {
    let (world, group, ann, bob, _zoe) = scene(Settings::webhook()).await;
    ann.says(&group, "/invite raid @bob @zoe").await;
    bob.presses_in(&group, "Accept").await;
    ann.says(&group, "/modify_notify_group").await;
    for button in ["Begin", "raid", "Members", "Bob", "Remove (1)"] {
        ann.presses_private(button).await;
    }
    let toast = bob.presses_in(&group, "Accept").await;
    assert_eq!(toast.as_deref(), Some("This invitation is for others."));
    assert_eq!(members(&world, "raid").await, [ann.id]);
}

#[tokio::test]
async fn many_are_called_in_several_messages() {
    let (world, group, ann, _bob, _zoe) = scene(Settings::webhook()).await;
    let names: Vec<String> = (0..22).map(|it| format!("@somebody{it}")).collect();
    ann.says(&group, &format!("/invite raid {}", names.join(" "))).await;
    let all = invitations(&world).await;
    assert_eq!(all[0].get_array("invitees").map(Vec::len), Ok(20));
    // What became of them, the invitation, and three more messages that call.
    assert_eq!(world.telegram().calls("sendMessage").len(), 5);
    assert!(world.conversation().contains("too many"));
}

#[tokio::test]
async fn the_same_update_again_invites_once() {
    let (world, group, ann, _bob, _zoe) = scene(Settings::webhook()).await;
    let update = ann.message("/invite raid @bob").to(&group).update();
    let update = world.telegram().addressed(update);
    world.at_once(vec![update.clone(), update.clone()]).await;
    world.at_once(vec![update]).await;
    assert_eq!(invitations(&world).await.len(), 1);
    assert_eq!(world.telegram().calls("sendMessage").len(), 1);
}

/// Delivers an update to a bot that is killed at some moment, and started again.
pub async fn killed_at(
    world: &World,
    update: serde_json::Value,
    trouble: Trouble,
    moment: impl Future<Output = ()>,
) {
    world.lenient();
    for method in ["sendMessage", "editMessageText"] {
        let (method, trouble) = (method.to_owned(), trouble.clone());
        world.telegram().order(Fault { method, chat: None, times: 2, trouble });
    }
    let telegram = world.telegram().clone();
    let delivering = tokio::spawn(async move { telegram.deliver(update).await });
    moment.await;
    {
        let mut bot = world.bot().await;
        bot.kill(0);
        bot.launch().await;
    }
    assert!(delivering.await.expect("a delivery"));
    world.settled().await;
}

/// As soon as such a thing is stored.
async fn stored_in(world: &World, collection: &str, what: Document) {
    while world.database().count(collection, what.clone()).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// As soon as somebody can read such a message, and before the bot knows.
pub async fn read_in(world: &World, words: &str) {
    let tells = |it: &Call| it.parameters["text"].as_str().is_some_and(|it| it.contains(words));
    world.until(words, |telegram| telegram.calls("sendMessage").iter().any(tells)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_nothing_is_lost_or_there_twice() {
    let (world, group, ann, bob, zoe) = scene(Settings::replicas(1)).await;
    let command = ann.message("/invite raid @bob @zoe").to(&group).update();
    let slow = Trouble::Slow(Duration::from_millis(700));
    let invited = stored_in(&world, "invitations", doc! { "state": "open" });
    killed_at(&world, command, slow.clone(), invited).await;
    assert_eq!(invitations(&world).await.len(), 1);
    let accepted = stored_in(&world, "invitations", doc! { "invitees.state": "accepted" });
    killed_at(&world, bob.pressing("Accept"), slow, accepted).await;
    assert_eq!(members(&world, "raid").await, [ann.id, bob.id]);
    zoe.presses_in(&group, "Accept").await;
    assert_eq!(members(&world, "raid").await, [ann.id, bob.id, zoe.id]);
    assert!(group.reads().contains("Everybody is in."), "{}", group.reads());
}

/// An invitation of seven people takes two messages, and the bot is killed after the one with these words.
async fn killed_while_inviting(words: &str) {
    let world = World::start(Settings::replicas(1)).await;
    let people: Vec<Person> = (10..18).map(|it| world.person(&format!("P{it}"))).collect();
    let all: Vec<&Person> = people.iter().collect();
    let group = world.group("Gamers", &all);
    seen(&world, &all).await;
    notify_group(&world, &group, "raid", &all[..1]).await;
    let late = Trouble::AnswersLate(Duration::from_secs(5));
    let names: Vec<String> = people[1..].iter().map(|it| format!("@{}", it.name)).collect();
    let command = format!("/invite raid {}", names.join(" ").to_lowercase());
    let update = people[0].message(&command).to(&group).update();
    world.forget();
    killed_at(&world, update, late, read_in(&world, words)).await;
    let calls = world.telegram().calls("sendMessage");
    for person in &people[1..] {
        let username = format!("@{}", person.name.to_lowercase());
        let called = calls
            .iter()
            .filter(|it| it.parameters["text"].as_str().is_some_and(|it| it.contains(&username)));
        assert_eq!(called.count(), 1, "{}: {}", person.name, world.conversation());
    }
    people[1].presses_in(&group, "Accept").await;
    assert_eq!(members(&world, "raid").await, [people[0].id, people[1].id]);
    assert_eq!(invitations(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_inviting_it_calls_everybody_once() {
    let killed = ["invites to", "Also invited"].map(killed_while_inviting);
    futures::future::join_all(killed).await;
}

#[tokio::test]
async fn an_overdue_invitation_closes_by_itself() {
    let (world, group, ann, bob, _zoe) = scene(Settings::webhook()).await;
    ann.says(&group, "/invite raid @bob").await;
    world.bot().await.inside().keep_house().await.expect("house-keeping");
    assert!(group.reads().contains("Accept"), "{}", group.reads());
    let update = bob.pressing("Accept");
    world.advance(Duration::from_secs(7 * 24 * 3600 + 1)).await;
    world.forget();
    for _ in 0..2 {
        world.bot().await.inside().keep_house().await.expect("house-keeping");
    }
    assert!(group.reads().contains("has expired"), "{}", group.reads());
    assert!(!group.reads().contains("Accept"), "{}", group.reads());
    assert_eq!(world.telegram().calls("editMessageText").len(), 1);
    assert_eq!(world.database().count("invitations", doc! { "state": "expired" }).await, 1);
    world.send(update).await;
    assert_eq!(members(&world, "raid").await, [ann.id]);
}

#[tokio::test]
async fn without_the_bot_an_invitation_is_closed() {
    let (world, group, ann, bob, _zoe) = scene(Settings::webhook()).await;
    ann.says(&group, "/invite raid @bob").await;
    group.makes_bot(&ann, Member::Banned).await;
    group.makes_bot(&ann, Member::Ordinary).await;
    let toast = bob.presses_in(&group, "Accept").await;
    assert_eq!(toast.as_deref(), Some("This invitation is closed."));
    assert_eq!(members(&world, "raid").await, [ann.id]);
}

#[tokio::test]
async fn in_german() {
    let (world, group, ann, bob, zoe) = scene(Settings::webhook()).await;
    let chats = world.database().driver().collection::<Document>("chats");
    ann.says(&group, "/groups").await;
    let german = doc! { "$set": { "lang": "de" } };
    chats.update_one(doc! { "chat_id": group.id }, german).await.expect("a language");
    world.forget();
    bob.says(&group, "/notify raid").await;
    ann.says(&group, "/invite raid @bob @zoe @ann").await;
    zoe.presses_in(&group, "Ablehnen").await;
    bob.presses_in(&group, "Annehmen").await;
    ann.says(&group, "/groups raid schach").await;
    bob.says(&group, "/notify raid").await;
    ann.presses_in(&group, "Zurückziehen").await;
    assert_conversation!(world);
}
