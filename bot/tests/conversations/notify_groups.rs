//! Creating, changing, listing and deleting notify groups.

use std::time::Duration;

use gsm_bot::{callback::Callback, store::Id};
use mongodb::bson::{Document, doc, oid::ObjectId};

use crate::{
    assert_conversation,
    invitations::{killed_at, read_in},
    support::{
        bot::Settings,
        conversation::{Group, Person, World},
        database::Database,
        telegram::{Call, Trouble},
    },
};

/// A notify group as it would be after `/add_notify_group`, with these members. The first one created it.
pub async fn notify_group(world: &World, group: &Group, name: &str, members: &[&Person]) -> Id {
    notify_group_with(world, group, name, members, doc! {}).await
}

/// The same, with other values.
pub async fn notify_group_with(
    world: &World,
    group: &Group,
    name: &str,
    members: &[&Person],
    more: Document,
) -> Id {
    let ids: Vec<i64> = members.iter().map(|it| it.id).collect();
    let id = ObjectId::new();
    let mut it = doc! {
        "_id": id, "chat_id": group.id, "creator_id": ids[0], "name": name,
        "name_key": name.to_lowercase(), "description": null, "members": ids, "policy": "invite",
        "hidden": false, "rev": 0_i64,
    };
    it.extend(more);
    let groups = world.database().driver().collection::<Document>("notifygroups");
    groups.insert_one(it).await.expect("a free name");
    Id::from_bytes(id.bytes())
}

/// What is stored of the notify group of this name.
pub async fn stored(world: &World, name: &str) -> Document {
    let groups = world.database().driver().collection::<Document>("notifygroups");
    let found = groups.find_one(doc! { "name": name }).await.expect("an answer");
    found.unwrap_or_else(|| panic!("no notify group {name}"))
}

/// Its members.
pub async fn members(world: &World, name: &str) -> Vec<i64> {
    let members = stored(world, name).await.get_array("members").cloned().unwrap_or_default();
    members.iter().filter_map(mongodb::bson::Bson::as_i64).collect()
}

/// The bot has seen these people, and forgets what it said about that.
pub async fn seen(world: &World, people: &[&Person]) {
    for person in people {
        person.starts("").await;
    }
    world.forget();
}

/// Opens `/modify_notify_group` in private.
async fn modify(person: &Person, group: &Group, name: &str) {
    person.says(group, "/modify_notify_group").await;
    person.presses_private("Begin").await;
    person.presses_private(name).await;
}

#[tokio::test]
async fn s070_create_with_description_and_policy() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let group = world.forum("Gamers", &[&ann]).topic("Raids");
    ann.says(&group, "/add_notify_group").await;
    ann.presses_private("Begin").await;
    ann.writes("raid").await;
    ann.writes("Every evening,\nat eight").await;
    ann.presses_private("Anyone").await;
    ann.presses_private("Save").await;
    assert_conversation!(world);
    let raid = stored(&world, "raid").await;
    assert_eq!(raid.get_i64("creator_id"), Ok(ann.id));
    assert_eq!(members(&world, "raid").await, [ann.id]);
    assert_eq!(raid.get_str("policy"), Ok("open"));
    assert_eq!(raid.get_str("description"), Ok("Every evening,\nat eight"));
}

/// Created, renamed and deleted by a bot that dies each time while it tells the group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_telling_the_group_it_tells_it_once() {
    let world = World::start(Settings::replicas(1)).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    let late = Trouble::AnswersLate(Duration::from_secs(5));
    world.forget();
    let notices = |words: &str| {
        let calls = world.telegram().calls("sendMessage");
        let about =
            |it: &&Call| it.parameters["text"].as_str().is_some_and(|it| it.contains(words));
        calls.iter().filter(|it| it.parameters["chat_id"] == group.id).filter(about).count()
    };
    ann.says(&group, "/add_notify_group").await;
    ann.presses_private("Begin").await;
    ann.writes("raid").await;
    ann.presses_private("Skip").await;
    ann.presses_private("Anyone").await;
    world.forget();
    let save = ann.pressing("Save");
    killed_at(&world, save, late.clone(), read_in(&world, "created the notify group")).await;
    assert_eq!(members(&world, "raid").await, [ann.id]);
    assert_eq!(notices("raid"), 1, "{}", world.conversation());
    modify(&ann, &group, "raid").await;
    ann.presses_private("Name").await;
    let update = ann.message("night").update();
    killed_at(&world, update, late.clone(), read_in(&world, "<b>night</b>")).await;
    assert_eq!(notices("night"), 1, "{}", world.conversation());
    ann.presses_private("Delete").await;
    let delete = ann.pressing("Delete");
    killed_at(&world, delete, late, read_in(&world, "deleted the notify group")).await;
    assert_eq!(notices("deleted the notify group"), 1, "{}", world.conversation());
    assert_eq!(world.database().count("notifygroups", doc! {}).await, 0);
}

#[tokio::test]
async fn s071_a_suggestion_for_a_name_with_a_space() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.says(&group, "/add_notify_group").await;
    ann.presses_private("Begin").await;
    ann.writes("weekend squad").await;
    assert!(ann.reads().contains("weekend_squad"), "{}", ann.reads());
    // Meanwhile somebody else takes it.
    notify_group(&world, &group, "Weekend_Squad", &[&ann]).await;
    ann.presses_private("Use suggestion").await;
    assert!(ann.reads().contains("of that name already"), "{}", ann.reads());
    ann.writes("weekend  team").await;
    ann.presses_private("Use suggestion").await;
    ann.presses_private("Skip").await;
    ann.presses_private("Whoever").await;
    ann.presses_private("Save").await;
    assert_eq!(members(&world, "weekend_team").await, [ann.id]);
    assert_eq!(world.database().count("notifygroups", doc! {}).await, 2);
}

#[tokio::test]
async fn s072_names_that_are_none() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    notify_group(&world, &group, "Größe", &[&ann]).await;
    ann.says(&group, "/add_notify_group").await;
    ann.presses_private("Begin").await;
    for (name, reason) in [
        ("x".repeat(40), "at most 32 characters"),
        ("a\nb".to_owned(), "no line breaks"),
        ("@x".to_owned(), "does not begin with / or @"),
        ("gRÖßE".to_owned(), "of that name already"),
    ] {
        ann.writes(&name).await;
        assert!(ann.reads().contains(reason), "{name}: {}", ann.reads());
    }
    assert_eq!(world.database().count("notifygroups", doc! {}).await, 1);
}

#[tokio::test]
async fn s096_list_some_by_name() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob) = (world.person("Ann"), world.person("Bob"));
    let group = world.group("Gamers", &[&ann, &bob]);
    seen(&world, &[&ann, &bob]).await;
    for name in ["b", "A", "ab", "a_b"] {
        notify_group_with(
            &world,
            &group,
            name,
            &[&ann, &bob],
            doc! {
                "description": "for @bob & <others>",
            },
        )
        .await;
    }
    notify_group_with(&world, &group, "secret", &[&ann, &bob], doc! { "hidden": true }).await;
    bob.says(&group, "/list_notify_groups a B nope SECRET (.*").await;
    bob.says(&group, "/groups").await;
    let toast = bob.presses_in(&group, "a_b").await;
    assert_eq!(toast.as_deref(), Some("You are a member."));
    bob.presses_in(&group, "Back").await;
    // Hidden ones are shown in private only.
    bob.presses_in(&group, "My notify groups").await;
    bob.presses_private("secret").await;
    assert_conversation!(world);
}

#[tokio::test]
async fn s097_ids_of_another_chat_mean_nothing() {
    let world = World::start(Settings::webhook()).await;
    let (ann, eve) = (world.person("Ann"), world.person("Eve"));
    let group = world.group("Gamers", &[&ann]);
    let lair = world.group("Lair", &[&eve]);
    seen(&world, &[&ann, &eve]).await;
    let more = doc! { "policy": "open", "offered_to": eve.id, "requests": [eve.id] };
    let id = notify_group_with(&world, &group, "SecretName", &[&ann], more).await;
    ann.says(&group, "/invite SecretName @somebody").await;
    let invitation = world.database().all("invitations").await.remove(0);
    let invitation = invitation.get_object_id("_id").map(|it| Id::from_bytes(it.bytes()));
    let invitation = invitation.expect("an id");
    let before =
        (world.database().all("notifygroups").await, world.database().all("invitations").await);
    eve.says(&lair, "/groups").await;
    let card = lair.newest();
    world.forget();
    let (chat, user) = (group.id, eve.id);
    for callback in [
        Callback::Join { id },
        Callback::AskToJoin { id },
        Callback::Group { id, page: 0 },
        Callback::Notify { id },
        Callback::TakeOver { id },
        Callback::TakeNot { id },
        Callback::LetIn { chat, id, user },
        Callback::KeepOut { chat, id, user },
        Callback::MineOne { chat, id },
        Callback::Mute { chat, id, hours: 1 },
        Callback::Accept { id: invitation },
        Callback::Decline { id: invitation },
        Callback::Revoke { id: invitation },
        Callback::In { id },
        Callback::Out { id },
    ] {
        for place in [lair.id, eve.id] {
            let toast = eve.presses_data(place, card, &callback.encode()).await;
            let toast = toast.unwrap_or_default();
            assert!(!toast.contains("Secret") && !toast.is_empty(), "{callback:?}: {toast}");
        }
    }
    assert!(!world.conversation().contains("Secret"));
    let after =
        (world.database().all("notifygroups").await, world.database().all("invitations").await);
    assert_eq!(before, after);
}

#[tokio::test]
async fn s098_transfer() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob, eve) = (world.person("Ann"), world.person("Bob"), world.person("Eve"));
    let group = world.group("Gamers", &[&eve, &ann, &bob]);
    seen(&world, &[&ann, &bob, &eve]).await;
    notify_group(&world, &group, "raid", &[&ann, &bob, &eve]).await;
    modify(&ann, &group, "raid").await;
    ann.presses_private("Hand on").await;
    ann.presses_private("Bob").await;
    let toast = eve.presses_in(&group, "Take it over").await;
    assert_eq!(toast.as_deref(), Some("Somebody else is asked here."));
    assert_eq!(stored(&world, "raid").await.get_i64("creator_id"), Ok(ann.id));
    bob.presses_in(&group, "Take it over").await;
    assert_eq!(stored(&world, "raid").await.get_i64("creator_id"), Ok(bob.id));
    // The old one's card still has its buttons.
    let toast = ann.presses_private("Description").await;
    assert_eq!(toast.as_deref(), Some("Only its creator can change it."));
    modify(&bob, &group, "raid").await;
    bob.presses_private("Description").await;
    bob.writes("mine now").await;
    assert_eq!(stored(&world, "raid").await.get_str("description"), Ok("mine now"));
    assert_conversation!(world);
}

#[tokio::test]
async fn an_admin_hands_on_what_is_of_somebody_who_left() {
    let world = World::start(Settings::webhook()).await;
    let (owner, ann, bob) = (world.person("Owner"), world.person("Ann"), world.person("Bob"));
    let group = world.group("Gamers", &[&owner, &ann, &bob]);
    seen(&world, &[&owner, &ann, &bob]).await;
    notify_group(&world, &group, "raid", &[&ann, &bob]).await;
    modify(&owner, &group, "raid").await;
    owner.presses_private("Hand on").await;
    owner.presses_private("Bob").await;
    assert!(owner.reads().contains("has not left"), "{}", owner.reads());
    ann.leaves(&group).await;
    owner.presses_private("Hand on").await;
    owner.presses_private("Bob").await;
    bob.presses_in(&group, "Take it over").await;
    assert_eq!(stored(&world, "raid").await.get_i64("creator_id"), Ok(bob.id));
    assert_eq!(members(&world, "raid").await, [bob.id]);
}

#[tokio::test]
async fn every_field_is_changed_by_itself() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob) = (world.person("Ann"), world.person("Bob"));
    let group = world.group("Gamers", &[&bob, &ann]);
    seen(&world, &[&ann, &bob]).await;
    notify_group(&world, &group, "raid", &[&ann, &bob]).await;
    modify(&ann, &group, "raid").await;
    for (button, writes) in [
        ("Name", Some("night raid")),
        ("Use suggestion", None),
        ("Description", Some("at night")),
        ("Open to everybody", None),
        ("Hide", None),
        ("Ask who is in", None),
        ("Members", None),
        ("Bob", None),
        ("Remove (1)", None),
        ("Invitations", None),
        ("Back", None),
        ("Do not hide", None),
        ("Only by invitation", None),
        ("Do not ask", None),
    ] {
        ann.presses_private(button).await;
        if let Some(text) = writes {
            ann.writes(text).await;
        }
    }
    assert_conversation!(world);
    let raid = stored(&world, "night_raid").await;
    assert_eq!(raid.get_str("description"), Ok("at night"));
    assert_eq!(raid.get_str("policy"), Ok("invite"));
    assert_eq!(raid.get_bool("hidden"), Ok(false));
    assert_eq!(members(&world, "night_raid").await, [ann.id]);
}

#[tokio::test]
async fn many_members_have_pages() {
    let world = World::start(Settings::webhook()).await;
    let people: Vec<Person> = (0..20).map(|it| world.person(&format!("P{it}"))).collect();
    let all: Vec<&Person> = people.iter().collect();
    let group = world.group("Gamers", &all);
    seen(&world, &all).await;
    notify_group(&world, &group, "raid", &all).await;
    modify(&people[0], &group, "raid").await;
    people[0].presses_private("Members").await;
    people[0].presses_private("P3").await;
    people[0].presses_private("▶️").await;
    people[0].presses_private("P9").await;
    people[0].presses_private("▶️").await;
    people[0].presses_private("P17").await;
    people[0].presses_private("❌ P17").await;
    // Nothing happens before it is confirmed.
    assert_eq!(members(&world, "raid").await.len(), 20);
    people[0].presses_private("Remove (2)").await;
    let left = members(&world, "raid").await;
    assert_eq!(left.len(), 18);
    assert!(!left.contains(&people[3].id) && !left.contains(&people[9].id));
}

#[tokio::test]
async fn admins_delete_and_do_not_change() {
    let world = World::start(Settings::webhook()).await;
    let (owner, ann) = (world.person("Owner"), world.person("Ann"));
    let admin = world.person("Adm");
    let group = world.group("A.B_<C> & D", &[&owner, &ann, &admin]);
    group.promote(&admin);
    seen(&world, &[&owner, &ann, &admin]).await;
    notify_group(&world, &group, "raid", &[&ann]).await;
    ann.says(&group, "/invite raid @adm").await;
    modify(&admin, &group, "raid").await;
    let labels = admin.finds("", |chat| chat == admin.id);
    assert!(!labels.2.to_string().contains("Description"));
    admin.presses_private("Delete").await;
    assert!(admin.reads().contains("with 1 member?"), "{}", admin.reads());
    // Not an administrator any more when it is confirmed.
    group.demote(&admin);
    admin.presses_private("Delete").await;
    assert_eq!(world.database().count("notifygroups", doc! {}).await, 1);
    group.promote(&admin);
    world.advance(std::time::Duration::from_secs(61)).await;
    modify(&admin, &group, "raid").await;
    admin.presses_private("Delete").await;
    let (chat, message, button) = admin.finds("Delete", |chat| chat == admin.id);
    let data = button["callback_data"].as_str().unwrap_or_default().to_owned();
    world.forget();
    admin.presses_data(chat, message, &data).await;
    assert_conversation!(world);
    assert_eq!(world.database().count("notifygroups", doc! {}).await, 0);
    assert_eq!(world.database().count("invitations", doc! { "state": "open" }).await, 0);
    // The second press changes nothing and announces nothing.
    admin.presses_data(chat, message, &data).await;
    assert!(!world.conversation().contains("deleted the notify group"));
}

#[tokio::test]
async fn listing_costs_the_same_with_fifty() {
    let database = Database::watched().await;
    let world = World::start_on(&database, Settings::webhook()).await;
    let people: Vec<Person> = (0..30).map(|it| world.person(&format!("P{it}"))).collect();
    let all: Vec<&Person> = people.iter().collect();
    let group = world.group("Gamers", &all);
    seen(&world, &all[..1]).await;
    let mut costs = Vec::new();
    for count in [1, 50] {
        for number in world.database().count("notifygroups", doc! {}).await..count {
            let more = doc! { "description": "😀".repeat(200) };
            notify_group_with(&world, &group, &format!("group{number}"), &all, more).await;
        }
        world.forget();
        database.queries.forget();
        people[0].says(&group, "/list_notify_groups").await;
        costs.push((database.queries.of_handlers().len(), world.telegram().census()));
    }
    assert_eq!(costs[1].0, costs[0].0);
    assert!(costs[1].0 <= 6, "{} questions", costs[1].0);
    assert_eq!(costs[1].1.values().sum::<usize>(), 1);
    database.queries.forget();
    people[0].presses_in(&group, "▶️").await;
    people[0].presses_in(&group, "group2").await;
    let asked = database.queries.of_handlers();
    assert!(asked.len() <= 14, "{asked:#?}");
}

#[tokio::test]
async fn a_name_with_an_at_calls_nobody_and_is_found_as_it_is_shown() {
    let world = World::start(Settings::webhook()).await;
    let (ann, bob) = (world.person("Ann"), world.person("Bob"));
    let group = world.group("Gamers", &[&ann, &bob]);
    ann.says(&group, "/add_notify_group").await;
    ann.presses_private("Begin").await;
    for text in ["(@bob", "to the power of @bob"] {
        ann.writes(text).await;
    }
    ann.presses_private("Anyone").await;
    ann.presses_private("Save").await;
    bob.says(&group, "/groups").await;
    let texts = world.telegram().calls("sendMessage");
    let in_group = texts.iter().filter(|it| it.parameters["chat_id"] == group.id);
    assert!(in_group.into_iter().all(|it| !it.parameters["text"].to_string().contains("@bob")));
    bob.says(&group, "/join (@\u{2060}bob").await;
    assert_eq!(members(&world, "(@bob").await, [ann.id, bob.id]);
}
