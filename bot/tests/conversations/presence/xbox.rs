//! Xbox Live: rules X-1 to X-11.

use gsm_bot::presence::{Account, Failure, Found, Service, State};
use serde_json::json;

use super::{Bench, xbox};
use crate::support::providers::{Fault, xbox_offline, xbox_online};

#[tokio::test]
async fn x1_the_best_device_is_shown_by_its_usual_name_with_its_game() {
    let bench = Bench::new().await;
    bench.providers.xbox(
        "Ann",
        1,
        json!({ "state": "Online", "devices": [
        { "type": "iOS", "titles": [{ "name": "Xbox App", "placement": "Full" }] },
        { "type": "Scarlett", "titles": [{ "name": "Halo", "placement": "Full",
          "activity": { "richPresence": "Slayer on Bazaar" } }] },
        { "type": "XboxOne", "titles": [{ "name": "FIFA", "placement": "Full" }] },
    ] }),
    );
    let ann = bench.sees(xbox(1)).await.unwrap();
    assert_eq!(ann.game.as_deref(), Some("Halo"));
    assert_eq!(ann.device.as_deref(), Some("Xbox Series"));
    assert_eq!(ann.detail.as_deref(), Some("Slayer on Bazaar"));
}

#[tokio::test]
async fn x2_odd_records_spoil_no_others() {
    let bench = Bench::new().await;
    bench.providers.xbox("Ann", 1, json!({ "state": "Online", "devices": "none" }));
    bench.providers.xbox("Ben", 2, json!({ "state": "Online", "devices": [{ "type": "Fridge" }] }));
    bench.providers.xbox("Cid", 3, json!({ "state": "Offline" }));
    bench.providers.xbox("Dee", 4, xbox_offline("XboxOne", "", "2026-11-22T02:19:03.1204387Z"));
    bench.providers.xbox("Eve", 5, xbox_offline("XboxOne", "Halo", "2026-11-22T02:19:03Z"));
    let report = bench.look(&[xbox(1), xbox(2), xbox(3), xbox(4), xbox(5)]).await;
    let seen = |id| report.seen[&xbox(id)].presence.clone().unwrap();
    assert_eq!(seen(1).state, State::Unknown);
    assert_eq!(seen(2).state, State::Online);
    assert_eq!(seen(3).state, State::Offline);
    assert_eq!(seen(4).game, None);
    assert_eq!(seen(4).last_seen.unwrap().0 % 1000, 120);
    assert_eq!(seen(5).last_seen.unwrap().0 % 1000, 0);
    assert!(report.failures.is_empty());
}

#[tokio::test]
async fn x3_records_belong_to_whom_they_name() {
    let bench = Bench::new().await;
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    bench.providers.xbox_hidden("Ben", 2);
    bench.providers.xbox("Cid", 3, xbox_online("Away", "Win32", "Forza"));
    bench.providers.world().shuffled = true;
    let report = bench.look(&[xbox(1), xbox(2), xbox(3)]).await;
    let game = |id| report.seen[&xbox(id)].presence.clone().map(|it| it.game);
    assert_eq!(game(1), Ok(Some("Halo".into())));
    assert_eq!(game(2), Err(Failure::Private));
    assert_eq!(game(3), Ok(Some("Forza".into())));
}

#[tokio::test]
async fn x4_nobody_to_ask_for_is_no_request() {
    let bench = Bench::new().await;
    assert!(bench.look(&[]).await.seen.is_empty());
    assert_eq!(bench.providers.count(""), 0);
}

#[tokio::test]
async fn x5_the_dashboard_is_no_game() {
    let bench = Bench::new().await;
    for (id, name) in ["Home", "Online", "Xbox App", ""].into_iter().enumerate() {
        let id = 10 + id as i64;
        bench.providers.xbox("Ann", id.unsigned_abs(), xbox_online("Online", "XboxOne", name));
        assert_eq!(bench.sees(xbox(id)).await.unwrap().game, None, "{name}");
    }
}

#[tokio::test]
async fn x6_gamertags_are_encoded_and_come_back_as_the_service_spells_them() {
    let bench = Bench::new().await;
    bench.providers.xbox("Major Nelson#1234", 7, xbox_online("Online", "XboxOne", "Halo"));
    let found = bench.presences.resolve(Service::Xbox, " major nelson#1234 ").await;
    assert_eq!(found, Ok(Found { id: xbox(7).id, name: "Major Nelson#1234".into() }));
    let calls = bench.providers.calls("xbox_profile");
    assert!(calls[0].target.contains("gt(major%20nelson%231234)"), "{}", calls[0].target);
}

#[tokio::test]
async fn x6_a_modern_gamertag_is_found_without_its_hash() {
    let bench = Bench::new().await;
    bench.providers.xbox("Nelson1234", 7, xbox_online("Online", "XboxOne", "Halo"));
    let found = bench.presences.resolve(Service::Xbox, "Nelson#1234").await;
    assert_eq!(found.map(|it| it.name), Ok("Nelson1234".into()));
    assert_eq!(bench.presences.resolve(Service::Xbox, "Who#1").await, Err(Failure::NotFound));
    let odd = bench.presences.resolve(Service::Xbox, "a/../b").await;
    assert_eq!(odd, Err(Failure::Invalid));
}

#[tokio::test]
async fn x9_all_tokens_are_kept_until_shortly_before_their_end() {
    let bench = Bench::new().await;
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    bench.sees(xbox(1)).await.unwrap();
    let tokens = |bench: &Bench| {
        ["xbox_login", "xbox_user_token", "xbox_xsts_token"].map(|it| bench.providers.count(it))
    };
    assert_eq!(tokens(&bench), [1, 1, 1]);
    // Access and user token are not needed as long as the last one works.
    bench.later(15 * 3600);
    bench.sees(xbox(1)).await.unwrap();
    assert_eq!(tokens(&bench), [1, 1, 1]);
    // The user token lasts longer than the others.
    bench.later(3600 - 60);
    bench.sees(xbox(1)).await.unwrap();
    assert_eq!(tokens(&bench), [1, 1, 2]);
    bench.later(14 * 24 * 3600);
    bench.sees(xbox(1)).await.unwrap();
    assert_eq!(tokens(&bench), [2, 2, 3]);
    // After a restart they are still there.
    bench.replica().await.sees(xbox(1)).await.unwrap();
    assert_eq!(tokens(&bench), [2, 2, 3]);
}

#[tokio::test]
async fn x9_tokens_that_are_refused_are_replaced_once() {
    let bench = Bench::new().await;
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    bench.sees(xbox(1)).await.unwrap();
    bench.providers.world().revoke("xbox-xsts");
    bench.later(61);
    bench.sees(xbox(1)).await.unwrap();
    assert_eq!(bench.providers.count("xbox_login"), 2);
    // Another replica still has the old ones in memory; it takes the new ones from the database.
    let replica = bench.replica().await;
    replica.sees(xbox(1)).await.unwrap();
    bench.providers.world().revoke("xbox-xsts");
    replica.later(61);
    replica.sees(xbox(1)).await.unwrap();
    bench.later(61);
    bench.sees(xbox(1)).await.unwrap();
    assert_eq!(bench.providers.count("xbox_login"), 3);
}

#[tokio::test]
async fn s069_two_replicas_refresh_once_and_both_go_on() {
    let bench = Bench::new().await;
    let other = bench.replica().await;
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    // A second refresh with the same token would be refused: it works once.
    let (one, two) = tokio::join!(bench.sees(xbox(1)), other.sees(xbox(1)));
    assert_eq!(one.unwrap().game, two.unwrap().game);
    assert_eq!(bench.providers.count("xbox_login"), 1);
    bench.later(30 * 24 * 3600);
    let (one, two) = tokio::join!(bench.sees(xbox(1)), other.sees(xbox(1)));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(bench.providers.count("xbox_login"), 2);
}

#[tokio::test]
async fn x9_after_a_refused_refresh_the_database_is_read_again() {
    let bench = Bench::new().await;
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    // While the refresh with the old token is under way, somebody signs in.
    bench.providers.world().revoke("xbox-refresh");
    let slow = Fault::Slow(std::time::Duration::from_millis(600));
    bench.providers.fails("xbox_login", slow);
    let signs_in = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let refresh = bench.providers.xbox_refresh_token();
        bench.stores(Service::Xbox, &format!(r#"{{ "refresh": "{refresh}" }}"#)).await;
    };
    let (ann, ()) = tokio::join!(bench.sees(xbox(1)), signs_in);
    assert_eq!(ann.map(|it| it.state), Ok(State::Online));
    assert_eq!(bench.providers.count("xbox_login"), 2);
}

#[tokio::test]
async fn x9_whoever_gives_up_waiting_does_not_lose_the_new_refresh_token() {
    let bench = Bench::new().await;
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    bench.providers.fails("xbox_login", Fault::Slow(std::time::Duration::from_millis(300)));
    let impatient = bench.presences.resolve(Service::Xbox, "Ann");
    let patience = std::time::Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, impatient).await.is_err());
    bench.sees(xbox(1)).await.unwrap();
    assert_eq!(bench.providers.count("xbox_login"), 1);
}

#[tokio::test]
async fn x11_look_ups_of_all_replicas_together_stay_within_the_limits() {
    let bench = Bench::new().await;
    let other = bench.replica().await;
    let replicas = [&bench, &other];
    let mut refused = 0;
    for number in 0..14 {
        let replica = replicas[number % 2];
        let found = replica.presences.resolve(Service::Xbox, &format!("nobody{number}")).await;
        match found {
            Err(Failure::NotFound) => {}
            Err(Failure::RateLimited { again_in: Some(pause) }) => {
                assert!(pause.as_secs() <= 15, "{pause:?}");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    // What the shorter limit refused does not count for the longer one.
    assert_eq!((bench.providers.count("xbox_profile"), refused), (10, 4));
    for round in 0..3 {
        bench.later(16);
        for number in 0..10 {
            let name = format!("no{round}body{number}");
            let _ = replicas[number % 2].presences.resolve(Service::Xbox, &name).await;
        }
    }
    assert_eq!(bench.providers.count("xbox_profile"), 30);
    // At the same moment, from both: the oldest ten are over, and no more than ten get through.
    bench.later(300 - 3 * 16 + 1);
    let names: Vec<String> = (0..40).map(|it| format!("some{it}body")).collect();
    let asked = names.iter().enumerate().map(|(number, name)| {
        let presences = &replicas[number % 2].presences;
        async move { presences.resolve(Service::Xbox, name).await }
    });
    let answers = futures::future::join_all(asked).await;
    let through = answers.iter().filter(|it| **it == Err(Failure::NotFound)).count();
    assert_eq!((through, bench.providers.count("xbox_profile")), (10, 40));
}

#[tokio::test]
async fn large_batches_are_divided() {
    let bench = Bench::new().await;
    for id in 1..=1200 {
        bench.providers.xbox("Ann", id, xbox_online("Online", "XboxOne", "Halo"));
    }
    let accounts: Vec<Account> = (1..=1200).map(xbox).collect();
    let report = bench.look(&accounts).await;
    assert!(report.seen.values().all(|it| it.presence.is_ok()));
    assert_eq!(bench.providers.count("xbox_presence"), 2);
}

#[tokio::test]
async fn problems_of_the_signed_in_account_are_told_to_the_operator() {
    let bench = Bench::new().await;
    bench.providers.world().xbox.account_problem = Some(2_148_916_233);
    let Err(Failure::SignedOut(why)) = bench.sees(xbox(1)).await else { panic!("signed in") };
    assert_eq!(why, "the account has no Xbox profile");
}
