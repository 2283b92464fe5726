//! `/add_status_user` and `/modify_status_user`: scenarios 44 to 56.

use std::time::Duration;

use gsm_bot::clock::Clock;
use mongodb::bson::{Bson, Document, doc};
use serde_json::Value;

use crate::{
    assert_conversation,
    support::{
        bot::Settings,
        conversation::{Group, Person, World},
        database::Database,
        providers::{Fault, Providers, psn_online, steam_player, xbox_online},
        telegram::world::Member,
    },
};

/// A bot with all services, two people and a group of both. Ann owns it.
struct Scene {
    world: World,
    providers: Providers,
    ann: Person,
    bob: Person,
    group: Group,
}

impl Scene {
    async fn new() -> Self {
        Self::titled("Gamers").await
    }

    async fn titled(title: &str) -> Self {
        let providers = Providers::start(Clock::default()).await;
        let database = Database::create().await;
        providers.sign_in_to_xbox(&database).await;
        let settings = providers.settings(Settings::webhook());
        let world = World::start_on(&database, settings).await;
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let group = world.group(title, &[&ann, &bob]);
        providers.xbox(
            "Major Nelson",
            2_533_274_790_395_904,
            xbox_online("Online", "XboxOne", "Halo"),
        );
        providers.xbox("Other", 2_533_274_790_395_905, xbox_online("Online", "XboxOne", "Halo"));
        providers.psn(
            "VaultTec",
            6_462_910_331_343_535_058,
            psn_online("availableToPlay", "PS5", "Rust"),
        );
        providers.steam("gabe", 76_561_197_960_287_930, steam_player("Rabscuttle", 1, ""));
        Self { world, providers, ann, bob, group }
    }

    /// Somebody's dialogue for the group, up to the first question.
    async fn opens(&self, person: &Person, command: &str) {
        person.says(&self.group, command).await;
        person.presses_private("Begin").await;
    }

    /// Somebody adds a status user to the group with this gamertag.
    async fn adds(&self, person: &Person, name: &str, gamertag: &str) {
        self.opens(person, "/add_status_user").await;
        for text in [name, gamertag] {
            person.writes(text).await;
        }
        person.presses_private("Skip").await;
        person.presses_private("Skip").await;
        person.presses_private("Save").await;
    }

    async fn stored(&self) -> Vec<Document> {
        self.world.database().all("statususers").await
    }

    async fn stores(&self, document: Document) {
        let users = self.world.database().driver().collection::<Document>("statususers");
        users.insert_one(document).await.unwrap();
    }
}

/// A document of the original, which lacks what it did not know.
fn old_document(chat: i64, owner: i64, name: &str) -> Document {
    doc! {
        "user_id": owner, "chat_id": chat, "group_name": "Gamers", "display_name": name,
        "display_key": name.to_lowercase(), "xbox_gamertag": Bson::Null,
        "psn_online_id": "VaultTec", "psn_account_id": 6_462_910_331_343_535_058_i64,
    }
}

#[tokio::test]
async fn s044_name_and_gamertag_others_skipped() {
    let it = Scene::new().await;
    it.opens(&it.ann, "/add_status_user").await;
    it.ann.writes("The Major").await;
    it.ann.writes("major nelson").await;
    it.ann.presses("Skip").await;
    it.ann.presses("Skip").await;
    it.ann.presses("Save").await;
    assert_conversation!(it.world);
    let stored = it.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].get_str("xbox_gamertag").unwrap(), "Major Nelson");
    assert_eq!(stored[0].get_i64("xbox_account_id").unwrap(), 2_533_274_790_395_904);
    assert_eq!(stored[0].get("psn_online_id"), Some(&Bson::Null));
    assert_eq!(stored[0].get_i64("user_id").unwrap(), it.ann.id);
    assert_eq!(stored[0].get_i64("chat_id").unwrap(), it.group.id);
    let told = it.group.reads();
    assert!(told.contains("The Major") && told.contains("Ann"), "{told}");
}

#[tokio::test]
async fn s045_a_gamertag_that_is_unknown_or_cannot_be_checked() {
    let it = Scene::new().await;
    it.opens(&it.ann, "/add_status_user").await;
    it.ann.writes("The Major").await;
    it.ann.writes("Nobody At All").await;
    assert!(it.ann.reads().contains("knows nobody"), "{}", it.ann.reads());
    it.providers.breaks("xbox_profile", Fault::Status(500));
    it.ann.writes("Major Nelson").await;
    assert!(it.ann.reads().contains("out of reach"), "{}", it.ann.reads());
    it.providers.mends();
    it.providers.fails("xbox_profile", Fault::Slow(Duration::from_secs(11)));
    it.ann.writes("Major Nelson").await;
    assert!(it.ann.reads().contains("did not answer in time"), "{}", it.ann.reads());
    it.ann.writes("not/possible").await;
    assert!(it.ann.reads().contains("cannot be a gamertag"), "{}", it.ann.reads());
    assert!(it.stored().await.is_empty());
    it.ann.presses("Skip").await;
    it.ann.writes("vaulttec").await;
    it.ann.presses("Skip").await;
    it.ann.presses("Save").await;
    let stored = it.stored().await;
    assert_eq!(stored[0].get_str("psn_online_id").unwrap(), "VaultTec");
    assert_eq!(stored[0].get("xbox_account_id"), Some(&Bson::Null));
}

#[tokio::test]
async fn s046_without_any_account_nothing_is_saved() {
    let it = Scene::new().await;
    it.opens(&it.ann, "/add_status_user").await;
    it.ann.writes("The Major").await;
    for _ in 0..3 {
        it.ann.presses("Skip").await;
    }
    assert!(it.ann.reads().contains("Without an account"), "{}", it.ann.reads());
    assert!(it.stored().await.is_empty());
    // Not by a forged press either.
    let (chat, message, button) = it.ann.finds("Cancel", |_| true);
    let forged = button["callback_data"].as_str().unwrap().replace(":x", ":v");
    it.ann.presses_data(chat, message, &forged).await;
    assert!(it.stored().await.is_empty());
    // One can still be added.
    it.ann.presses("Steam").await;
    it.ann.writes("https://steamcommunity.com/id/gabe").await;
    it.ann.presses("Save").await;
    assert_eq!(it.stored().await[0].get_str("steam_name").unwrap(), "Rabscuttle");
}

#[tokio::test]
async fn s047_a_name_in_another_case_is_taken() {
    let it = Scene::new().await;
    it.adds(&it.ann, "The Major", "Major Nelson").await;
    it.opens(&it.bob, "/add_status_user").await;
    it.bob.writes("THE MAJOR").await;
    assert!(it.bob.reads().contains("has that name already"), "{}", it.bob.reads());
    for bad in ["two\nlines", &"x".repeat(33), "\u{200b}\u{3164}"] {
        it.bob.writes(bad).await;
        assert!(it.bob.reads().contains("That is no name"), "{}", it.bob.reads());
    }
    it.bob.writes("Bob").await;
    assert!(it.bob.reads().contains("gamertag"), "{}", it.bob.reads());
}

#[tokio::test]
async fn s048_two_save_the_same_name_at_once() {
    let it = Scene::new().await;
    for (person, gamertag) in [(&it.ann, "Major Nelson"), (&it.bob, "Other")] {
        it.opens(person, "/add_status_user").await;
        person.writes("The Major").await;
        person.writes(gamertag).await;
        person.presses_private("Skip").await;
        person.presses_private("Skip").await;
    }
    let saves = [&it.ann, &it.bob].map(|person| {
        let (chat, message, button) = person.finds("Save", |chat| chat == person.id);
        person.press(chat, message, button["callback_data"].as_str().unwrap())
    });
    it.world.at_once(saves.to_vec()).await;
    assert_eq!(it.stored().await.len(), 1);
    let ann_lost = it.ann.reads().contains("has that name already");
    let loser = if ann_lost { &it.ann } else { &it.bob };
    assert!(loser.reads().contains("Xbox Live"), "accounts are kept: {}", loser.reads());
    loser.writes("Another").await;
    loser.presses_private("Save").await;
    let names: Vec<_> =
        it.stored().await.iter().map(|it| it.get_str("display_name").unwrap().to_owned()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&"Another".to_owned()));
}

#[tokio::test]
async fn s049_an_old_psn_only_status_user_is_renamed() {
    let it = Scene::new().await;
    it.stores(old_document(it.group.id, it.ann.id, "Vault")).await;
    it.opens(&it.ann, "/modify_status_user").await;
    it.ann.presses("Vault").await;
    it.ann.presses("✏️ Name").await;
    it.ann.writes("Vault Boy").await;
    assert!(it.ann.reads().contains("Saved"), "{}", it.ann.reads());
    let stored = it.stored().await;
    assert_eq!(stored[0].get_str("display_name").unwrap(), "Vault Boy");
    assert_eq!(stored[0].get_str("display_key").unwrap(), "vault boy");
    assert_eq!(stored[0].get_i64("psn_account_id").unwrap(), 6_462_910_331_343_535_058);
}

#[tokio::test]
async fn s050_a_failed_look_up_changes_nothing() {
    let it = Scene::new().await;
    it.adds(&it.ann, "The Major", "Major Nelson").await;
    let before = it.stored().await;
    it.opens(&it.ann, "/modify_status_user").await;
    it.ann.presses("The Major").await;
    it.ann.presses("✏️ Xbox Live").await;
    it.providers.breaks("xbox_profile", Fault::Status(502));
    it.ann.writes("Other").await;
    assert!(it.ann.reads().contains("out of reach"), "{}", it.ann.reads());
    assert_eq!(it.stored().await, before);
    it.providers.mends();
    it.ann.writes("Other").await;
    let stored = it.stored().await;
    assert_eq!(stored[0].get_str("xbox_gamertag").unwrap(), "Other");
    assert_eq!(stored[0].get_i64("xbox_account_id").unwrap(), 2_533_274_790_395_905);
}

#[tokio::test]
async fn s051_the_last_account_is_kept_or_all_is_deleted() {
    let it = Scene::new().await;
    it.adds(&it.ann, "The Major", "Major Nelson").await;
    it.opens(&it.ann, "/modify_status_user").await;
    it.ann.presses("The Major").await;
    it.ann.presses("➕ PSN").await;
    it.ann.writes("VaultTec").await;
    it.ann.presses("➖ Xbox Live").await;
    let stored = it.stored().await;
    assert_eq!(stored[0].get("xbox_gamertag"), Some(&Bson::Null));
    assert_eq!(stored[0].get("xbox_account_id"), Some(&Bson::Null));
    it.ann.presses("➖ PSN").await;
    assert!(it.ann.reads().contains("last account"), "{}", it.ann.reads());
    it.ann.presses("Keep it").await;
    assert_eq!(it.stored().await[0].get_str("psn_online_id").unwrap(), "VaultTec");
    it.ann.presses("➖ PSN").await;
    it.ann.presses("Delete").await;
    assert!(it.stored().await.is_empty());
    assert!(it.group.reads().contains("removed <b>The Major</b>"), "{}", it.group.reads());
    assert!(it.ann.reads().contains("no status users here"), "{}", it.ann.reads());
}

#[tokio::test]
async fn s052_an_admin_may_delete_but_not_edit() {
    let it = Scene::new().await;
    it.adds(&it.bob, "The Major", "Major Nelson").await;
    let before = it.stored().await;
    it.world.forget();
    it.opens(&it.ann, "/modify_status_user").await;
    it.ann.presses("The Major").await;
    assert_conversation!(it.world);
    let card = it.ann.reads();
    assert!(!card.contains("Major Nelson"), "names of accounts are for their owner: {card}");
    // Forged presses: rename, replace, disconnect.
    let (chat, message, button) = it.ann.finds("Delete", |_| true);
    let data = button["callback_data"].as_str().unwrap();
    for op in [":e", ":o0", ":o10", ":o11"] {
        let forged = data.replace(":o20", op);
        let toast = it.ann.presses_data(chat, message, &forged).await;
        assert_eq!(toast.as_deref(), Some("Only its owner can change it."), "{op}");
    }
    assert_eq!(it.stored().await, before);
    it.ann.presses("Delete").await;
    it.ann.presses("Delete").await;
    assert!(it.stored().await.is_empty());
}

#[tokio::test]
async fn s053_members_see_their_own_on_pages() {
    let it = Scene::new().await;
    for number in 0..20 {
        it.stores(old_document(it.group.id, it.bob.id, &format!("Mine {number:02}"))).await;
    }
    it.stores(old_document(it.group.id, it.ann.id, "Not mine")).await;
    it.opens(&it.bob, "/modify_status_user").await;
    let labels = |person: &Person| {
        let (chat, message, _) = person.finds("Close", |_| true);
        let world = it.world.telegram().world();
        let buttons = world.chats[&chat].messages[&message].buttons();
        let label = |it: Value| it["text"].as_str().unwrap_or_default().to_owned();
        buttons.into_iter().flatten().map(label).collect::<Vec<_>>()
    };
    let first = labels(&it.bob);
    assert_eq!(first.iter().filter(|it| it.starts_with("Mine")).count(), 8, "{first:?}");
    assert!(first.contains(&"▶️".to_owned()) && !first.contains(&"◀️".to_owned()));
    it.bob.presses("▶️").await;
    it.bob.presses("▶️").await;
    let last = labels(&it.bob);
    assert_eq!(last.iter().filter(|it| it.starts_with("Mine")).count(), 4, "{last:?}");
    assert!(!last.iter().any(|it| it.contains("Not mine")));
    // An admin sees everything, their own first.
    it.opens(&it.ann, "/modify_status_user").await;
    let all = labels(&it.ann);
    assert_eq!(all[0], "Not mine");
    assert!(all[1].starts_with("👥 Mine"), "{all:?}");
}

#[tokio::test]
async fn s054_an_admin_who_no_longer_is_one_deletes_nothing() {
    let it = Scene::new().await;
    it.adds(&it.ann, "The Major", "Major Nelson").await;
    it.group.promote(&it.bob);
    it.opens(&it.bob, "/modify_status_user").await;
    it.bob.presses("The Major").await;
    it.bob.presses("Delete").await;
    it.group.demote(&it.bob);
    it.bob.presses("Delete").await;
    assert_eq!(it.stored().await.len(), 1);
    assert!(it.bob.reads().contains("only its owner or an admin"), "{}", it.bob.reads());
}

#[tokio::test]
async fn s055_a_title_full_of_markup() {
    let it = Scene::titled("A.B_<b>&amp;*[x](y)").await;
    it.adds(&it.ann, "<i>@bob</i> & co.", "Major Nelson").await;
    it.opens(&it.ann, "/modify_status_user").await;
    it.ann.presses("co.").await;
    it.ann.presses("Delete").await;
    it.ann.presses("Delete").await;
    assert!(it.stored().await.is_empty());
    let told = it.group.reads().replace('\u{2060}', "");
    assert!(told.contains("<b>&lt;i>@bob&lt;/i> & co.</b>"), "{told}");
    assert!(!it.world.conversation().contains("@{Bob}"), "nobody is pinged");
}

#[tokio::test]
async fn s056_deleting_twice_is_deleting_once() {
    let it = Scene::new().await;
    it.adds(&it.ann, "The Major", "Major Nelson").await;
    it.adds(&it.ann, "Other", "Other").await;
    it.opens(&it.ann, "/modify_status_user").await;
    it.ann.presses("The Major").await;
    it.ann.presses("Delete").await;
    it.world.forget();
    let (chat, message, button) = it.ann.finds("Delete", |_| true);
    let data = button["callback_data"].as_str().unwrap();
    let presses = vec![it.ann.press(chat, message, data), it.ann.press(chat, message, data)];
    it.world.at_once(presses).await;
    assert_eq!(it.stored().await.len(), 1);
    let told = it.world.telegram().calls("sendMessage");
    let told = told.iter().filter(|it| it.parameters["text"].to_string().contains("removed"));
    assert_eq!(told.count(), 1);
    assert!(it.ann.presses_data(chat, message, data).await.is_some());
    assert_eq!(it.stored().await.len(), 1);
}

#[tokio::test]
async fn su1_every_service_and_back() {
    let it = Scene::new().await;
    it.ann.writes("/add_status_user").await;
    it.ann.writes("Everything").await;
    it.ann.writes("Major Nelson").await;
    it.ann.writes("VaultTec").await;
    it.ann.presses("Back").await;
    it.ann.presses("Back").await;
    it.ann.presses("Keep it").await;
    it.ann.presses("Without it").await;
    it.ann.writes("76561197960287930").await;
    it.ann.presses("✏️ Name").await;
    it.ann.writes("Nearly everything").await;
    assert_conversation!(it.world);
    it.ann.presses("Save").await;
    let stored = it.stored().await;
    assert_eq!(stored[0].get_i64("chat_id").unwrap(), it.ann.id);
    assert_eq!(stored[0].get_str("display_name").unwrap(), "Nearly everything");
    assert_eq!(stored[0].get_i64("steam_id").unwrap(), 76_561_197_960_287_930);
    assert_eq!(stored[0].get("psn_account_id"), Some(&Bson::Null));
}

#[tokio::test]
async fn su2_a_service_that_is_down_can_be_skipped() {
    let it = Scene::new().await;
    it.providers.breaks("xbox", Fault::Status(500));
    it.opens(&it.ann, "/add_status_user").await;
    it.ann.writes("The Major").await;
    for _ in 0..5 {
        it.ann.writes("Major Nelson").await;
    }
    it.ann.presses("Back").await;
    it.ann.presses("Keep it").await;
    assert!(it.ann.reads().contains("You can skip it"), "{}", it.ann.reads());
}

#[tokio::test]
async fn su6_the_same_account_twice_must_be_meant() {
    let it = Scene::new().await;
    it.adds(&it.ann, "The Major", "Major Nelson").await;
    it.opens(&it.bob, "/add_status_user").await;
    it.bob.writes("Impostor").await;
    it.bob.writes("Major Nelson").await;
    assert!(it.bob.reads().contains("linked to <b>The Major</b> already"), "{}", it.bob.reads());
    it.bob.presses_private("Back").await;
    it.bob.writes("Major Nelson").await;
    it.bob.presses_private("Use it anyway").await;
    it.bob.presses_private("Skip").await;
    it.bob.presses_private("Skip").await;
    it.bob.presses_private("Save").await;
    assert_eq!(it.stored().await.len(), 2);
}

#[tokio::test]
async fn su7_a_group_that_cannot_be_told() {
    let it = Scene::new().await;
    it.opens(&it.ann, "/add_status_user").await;
    it.ann.writes("The Major").await;
    it.ann.writes("Major Nelson").await;
    it.ann.presses_private("Skip").await;
    it.ann.presses_private("Skip").await;
    it.group.makes_bot(&it.ann, Member::Banned).await;
    it.ann.presses_private("Save").await;
    assert!(it.ann.reads().contains("Done"), "{}", it.ann.reads());
    assert_eq!(it.stored().await.len(), 1);
}

#[tokio::test]
async fn su8_no_room_is_said_before_the_first_question() {
    let it = Scene::new().await;
    for number in 0..10 {
        it.stores(old_document(it.group.id, it.ann.id, &format!("Mine {number}"))).await;
    }
    it.opens(&it.ann, "/add_status_user").await;
    assert!(it.ann.reads().contains("no room"), "{}", it.ann.reads());
    it.opens(&it.bob, "/add_status_user").await;
    assert!(it.bob.reads().contains("What name"), "{}", it.bob.reads());
}

#[tokio::test]
async fn su14_what_is_gone_meanwhile() {
    let it = Scene::new().await;
    it.adds(&it.ann, "The Major", "Major Nelson").await;
    it.adds(&it.ann, "Other", "Other").await;
    it.opens(&it.ann, "/modify_status_user").await;
    it.ann.presses("The Major").await;
    it.ann.presses("✏️ Name").await;
    let users = it.world.database().driver().collection::<Document>("statususers");
    users.delete_one(doc! { "display_name": "The Major" }).await.unwrap();
    it.ann.writes("Nobody").await;
    assert!(it.ann.reads().contains("no longer exists"), "{}", it.ann.reads());
    it.ann.presses("Other").await;
    assert!(it.ann.reads().contains("Other"));
}

#[tokio::test]
async fn s106_without_any_service_it_is_explained() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/add_status_user").await;
    assert!(ann.reads().contains("No service is set up"), "{}", ann.reads());
    ann.writes("/modify_status_user").await;
    assert!(ann.reads().contains("no status users"), "{}", ann.reads());
}
