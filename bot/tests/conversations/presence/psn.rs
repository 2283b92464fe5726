//! PlayStation Network: rules P-1 to P-7.

use gsm_bot::presence::{Account, AccountId, Condition, Failure, Found, Service, State, Warning};
use serde_json::json;

use super::{Bench, psn};
use crate::support::providers::{psn_offline, psn_online};

#[tokio::test]
async fn p1_with_the_phone_only_somebody_is_away() {
    let bench = Bench::signed_out().await;
    bench.providers.psn("Ann", 1, psn_online("availableToCommunicate", "ps5", ""));
    let ann = bench.sees(psn(1)).await.unwrap();
    assert_eq!((ann.state, ann.device.as_deref()), (State::Away, Some("PS App")));
}

#[tokio::test]
async fn p2_platforms_are_compared_in_any_case() {
    let bench = Bench::signed_out().await;
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "ps4", "Rust"));
    bench.providers.psn(
        "Ben",
        2,
        json!({
            "availability": "doNotDisturb",
            "primaryPlatformInfo": { "onlineStatus": "online", "platform": "PS5" },
            "gameTitleInfoList": [{ "titleName": "Gran Turismo", "launchPlatform": "PS4" }],
        }),
    );
    assert_eq!(bench.sees(psn(1)).await.unwrap().game.as_deref(), Some("Rust"));
    let ben = bench.sees(psn(2)).await.unwrap();
    assert_eq!((ben.state, ben.game.as_deref()), (State::DoNotDisturb, Some("Gran Turismo")));
}

#[tokio::test]
async fn p3_a_private_profile_is_private_by_itself() {
    let bench = Bench::signed_out().await;
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "PS5", "Rust"));
    bench.providers.psn_private("Ben", 2);
    bench.providers.psn("Cid", 3, psn_offline("ps4", "2026-11-22T22:50:28.012Z"));
    let report = bench.look(&[psn(1), psn(2), psn(3), psn(4)]).await;
    let state = |id| report.seen[&psn(id)].presence.clone().map(|it| it.state);
    assert_eq!(state(1), Ok(State::Online));
    assert_eq!(state(2), Err(Failure::Private));
    assert_eq!(state(3), Ok(State::Offline));
    assert_eq!(state(4), Err(Failure::NotFound));
    assert!(report.failures.is_empty());
}

#[tokio::test]
async fn p4_many_are_asked_for_together_and_singly_where_that_is_refused() {
    let bench = Bench::signed_out().await;
    for id in 1..=120 {
        bench.providers.psn("Ann", id, psn_online("availableToPlay", "PS5", "Rust"));
    }
    bench.providers.world().shuffled = true;
    let accounts: Vec<Account> = (1..=120).map(psn).collect();
    let report = bench.look(&accounts).await;
    assert!(report.seen.values().all(|it| it.presence.is_ok()));
    let calls = |bench: &Bench| {
        (bench.providers.count("psn_presences"), bench.providers.count("psn_presence"))
    };
    assert_eq!(calls(&bench), (3, 3), "the names of both begin alike");

    bench.later(61);
    bench.providers.forget();
    bench.providers.world().psn.no_batch = true;
    let report = bench.look(&accounts[..7]).await;
    assert!(report.seen.values().all(|it| it.presence.is_ok()));
    assert_eq!(calls(&bench), (1, 1 + 7));
}

#[tokio::test]
async fn p5_account_ids_have_all_64_bits() {
    let bench = Bench::signed_out().await;
    bench.providers.psn("Ann", u64::MAX, psn_online("availableToPlay", "PS5", "Rust"));
    let found = bench.presences.resolve(Service::Psn, "ann").await;
    assert_eq!(found, Ok(Found { id: AccountId(-1), name: "Ann".into() }));
    assert_eq!(bench.sees(psn(-1)).await.map(|it| it.state), Ok(State::Online));
}

#[tokio::test]
async fn p6_a_restart_needs_the_refresh_token_only() {
    let bench = Bench::signed_out().await;
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "PS5", "Rust"));
    bench.sees(psn(1)).await.unwrap();
    bench.providers.world().psn.cookie_ended = true;
    let restarted = bench.replica().await;
    restarted.later(3600);
    restarted.sees(psn(1)).await.unwrap();
    assert_eq!(bench.providers.count("psn_code"), 1);
    assert_eq!(bench.providers.count("psn_token"), 2);
}

#[tokio::test]
async fn p6_the_operator_is_warned_before_the_end_and_told_after_it() {
    let bench = Bench::signed_out().await;
    bench.providers.world().psn.refresh_life = Some(20 * 24 * 3600);
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "PS5", "Rust"));
    bench.sees(psn(1)).await.unwrap();
    let days = async |bench: &Bench| {
        bench.presences.warnings().await.into_iter().find_map(|it| match it {
            Warning::SignInEnds { service: Service::Psn, days, .. } => Some(days),
            _ => None,
        })
    };
    assert_eq!(days(&bench).await, None);
    for (after, due) in [(6, 14), (7, 7), (4, 3), (2, 1)] {
        bench.later(after * 24 * 3600);
        assert_eq!(days(&bench).await, Some(due));
    }
    bench.later(24 * 3600);
    assert_eq!(days(&bench).await, Some(0));
    // The cookie helps once more, until it has ended as well.
    bench.providers.world().psn.cookie_ended = true;
    let Err(Failure::SignedOut(why)) = bench.sees(psn(1)).await else { panic!("signed in") };
    assert_eq!(why, "the npsso has ended or is wrong");
    assert_eq!(bench.presences.condition(Service::Psn).await, Condition::Down);
    let signed_out = Warning::SignedOut { service: Service::Psn, why };
    assert!(bench.presences.warnings().await.contains(&signed_out));
    bench.providers.world().psn.cookie_ended = false;
    bench.later(61);
    bench.sees(psn(1)).await.unwrap();
}

#[tokio::test]
async fn p7_online_ids_are_checked_encoded_and_come_back_as_they_are_now() {
    let bench = Bench::signed_out().await;
    bench.providers.psn("Vault-Tec_Co", 1, psn_online("availableToPlay", "PS5", "Rust"));
    bench.providers.world().psn.renamed.insert("oldname".into(), "Vault-Tec_Co".into());
    for name in ["vault-tec_co", "OldName"] {
        let found = bench.presences.resolve(Service::Psn, name).await;
        assert_eq!(found.map(|it| it.name), Ok("Vault-Tec_Co".into()));
    }
    let calls = bench.providers.calls("psn_profile");
    assert!(calls[0].target.contains("/users/vault%2Dtec%5Fco/profile2?"), "{}", calls[0].target);
    for bad in ["../me", "a b", "ab", "1abc"] {
        assert_eq!(bench.presences.resolve(Service::Psn, bad).await, Err(Failure::Invalid));
    }
    assert_eq!(bench.presences.resolve(Service::Psn, "nobody").await, Err(Failure::NotFound));
    assert_eq!(bench.providers.count("psn_profile"), 3);
}

#[tokio::test]
async fn an_access_token_that_is_refused_is_replaced() {
    let bench = Bench::signed_out().await;
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "PS5", "Rust"));
    bench.sees(psn(1)).await.unwrap();
    bench.providers.world().revoke("psn-access");
    bench.later(61);
    bench.sees(psn(1)).await.unwrap();
    assert_eq!(bench.providers.count("psn_token"), 2);
}
