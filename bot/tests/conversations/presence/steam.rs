//! Steam.

use gsm_bot::presence::{Account, Condition, Failure, Found, Service, State, Warning};
use serde_json::json;

use super::{Bench, steam};
use crate::support::providers::steam_player;

#[tokio::test]
async fn states_games_and_private_profiles() {
    let bench = Bench::signed_out().await;
    let id = |number| steam(number).id.0.unsigned_abs();
    for (number, state, game) in
        [(1, 0, ""), (2, 1, ""), (3, 2, "Dota 2"), (4, 3, ""), (5, 4, "Rust"), (6, 6, "")]
    {
        bench.providers.steam("x", id(number), steam_player("X", state, game));
    }
    let mut private = steam_player("P", 0, "");
    private["communityvisibilitystate"] = json!(1);
    bench.providers.steam("p", id(7), private);
    bench.providers.world().shuffled = true;
    let accounts: Vec<Account> = (1..=8).map(steam).collect();
    let report = bench.look(&accounts).await;
    let state = |number| report.seen[&steam(number)].presence.clone().map(|it| it.state);
    let expected = [
        Ok(State::Offline),
        Ok(State::Online),
        Ok(State::DoNotDisturb),
        Ok(State::Away),
        Ok(State::Online),
        Ok(State::Online),
        Err(Failure::Private),
        Err(Failure::Private),
    ];
    assert_eq!([1, 2, 3, 4, 5, 6, 7, 8].map(state), expected);
    assert_eq!(report.seen[&steam(5)].presence.clone().unwrap().game.as_deref(), Some("Rust"));
    assert_eq!(bench.providers.count("steam_players"), 1);
}

#[tokio::test]
async fn accounts_are_found_by_number_address_and_name() {
    let bench = Bench::signed_out().await;
    let id = steam(1).id;
    bench.providers.steam("RobinW", id.0.unsigned_abs(), steam_player("Robin", 1, ""));
    for typed in [
        id.to_string(),
        format!("https://steamcommunity.com/profiles/{id}"),
        "robinw".to_owned(),
        "steamcommunity.com/id/robinw/".to_owned(),
    ] {
        let found = bench.presences.resolve(Service::Steam, &typed).await;
        assert_eq!(found, Ok(Found { id, name: "Robin".into() }), "{typed}");
    }
    let nobody = steam(2).id.to_string();
    for typed in ["nobody", nobody.as_str()] {
        let found = bench.presences.resolve(Service::Steam, typed).await;
        assert_eq!(found, Err(Failure::NotFound), "{typed}");
    }
    assert_eq!(bench.presences.resolve(Service::Steam, "not this").await, Err(Failure::Invalid));
}

#[tokio::test]
async fn more_than_a_hundred_are_asked_for_in_parts() {
    let bench = Bench::signed_out().await;
    for number in 1..=250 {
        let id = steam(number).id.0.unsigned_abs();
        bench.providers.steam("x", id, steam_player("X", 1, ""));
    }
    let accounts: Vec<Account> = (1..=250).map(steam).collect();
    let report = bench.look(&accounts).await;
    assert!(report.seen.values().all(|it| it.presence.is_ok()));
    assert_eq!(bench.providers.count("steam_players"), 3);
}

#[tokio::test]
async fn a_refused_key_is_the_operators_affair() {
    let bench = Bench::signed_out().await;
    bench.providers.world().steam.key_refused = true;
    assert!(matches!(bench.sees(steam(1)).await, Err(Failure::SignedOut(_))));
    let signed_out =
        |it: &Warning| matches!(it, Warning::SignedOut { service: Service::Steam, .. });
    assert!(bench.presences.warnings().await.iter().any(signed_out));
    assert_eq!(bench.presences.condition(Service::Steam).await, Condition::Up);
    bench.providers.world().steam.key_refused = false;
    let id = steam(1).id.0.unsigned_abs();
    bench.providers.steam("x", id, steam_player("X", 1, ""));
    assert!(bench.sees(steam(1)).await.is_ok());
    assert!(!bench.presences.warnings().await.iter().any(signed_out));
}
