//! What holds for all services: rules PR-1 to PR-6.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gsm_bot::presence::{Condition, Failure, Service, State, Warning};
use tokio::sync::Barrier;

use super::{Bench, psn, steam, xbox};
use crate::support::providers::{Fault, psn_online, steam_player, xbox_online};

/// With one person on each service.
async fn three() -> Bench {
    let bench = Bench::new().await;
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "PS5", "Rust"));
    let id = steam(1).id.0.unsigned_abs();
    bench.providers.steam("ann", id, steam_player("Ann", 1, "Dota 2"));
    bench
}

#[tokio::test]
async fn pr1_one_more_try_after_an_error_of_the_service() {
    let bench = three().await;
    bench.sees(steam(1)).await.unwrap();
    for fault in [Fault::Status(500), Fault::Status(503), Fault::Cut] {
        bench.later(61);
        bench.providers.forget();
        bench.providers.fails("steam_players", fault.clone());
        assert!(bench.sees(steam(1)).await.is_ok(), "{fault:?}");
        assert_eq!(bench.providers.count("steam_players"), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn pr1_no_more_tries_where_they_do_not_help() {
    let bench = three().await;
    for fault in [Fault::Status(400), Fault::Garbage, Fault::RetryAfter(503, "60")] {
        bench.later(15 * 60 + 1);
        bench.providers.forget();
        bench.providers.fails("steam_players", fault.clone());
        let failure = bench.sees(steam(1)).await;
        assert!(matches!(failure, Err(Failure::Unavailable(_))), "{fault:?}: {failure:?}");
        assert_eq!(bench.providers.count("steam_players"), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn pr1_retry_after_is_respected() {
    let bench = three().await;
    // A moment is waited for.
    bench.providers.fails("steam_players", Fault::RetryAfter(429, "1"));
    let started = Instant::now();
    assert!(bench.sees(steam(1)).await.is_ok());
    assert!(started.elapsed() >= Duration::from_secs(1));
    // A minute is not, but until then nothing is asked.
    bench.later(16 * 60);
    bench.providers.forget();
    bench.providers.fails("steam_players", Fault::RetryAfter(429, "90"));
    let limited = |pause| Err(Failure::RateLimited { again_in: Some(Duration::from_secs(pause)) });
    assert_eq!(bench.sees(steam(1)).await, limited(90));
    bench.later(30);
    let Err(Failure::RateLimited { again_in: Some(pause) }) = bench.sees(steam(1)).await else {
        panic!("asked too early")
    };
    assert!(pause <= Duration::from_secs(60));
    assert_eq!(bench.providers.count("steam_players"), 1);
    bench.later(61);
    assert!(bench.sees(steam(1)).await.is_ok());
    assert_eq!(bench.presences.condition(Service::Steam).await, Condition::Up);
}

#[tokio::test]
async fn pr1_after_five_failures_the_service_is_left_alone_for_two_minutes() {
    let bench = three().await;
    bench.providers.breaks("steam", Fault::Status(500));
    for _ in 0..5 {
        assert!(bench.sees(steam(1)).await.is_err());
    }
    assert_eq!(bench.providers.count("steam_players"), 10, "each with one more try");
    assert_eq!(bench.presences.condition(Service::Steam).await, Condition::Down);
    assert!(bench.sees(steam(1)).await.is_err());
    assert_eq!(bench.providers.count("steam_players"), 10);
    // Others are not affected.
    assert!(bench.sees(psn(1)).await.is_ok());
    bench.providers.mends();
    bench.later(121);
    assert!(bench.sees(steam(1)).await.is_ok());
    assert_eq!(bench.presences.condition(Service::Steam).await, Condition::Up);
}

#[tokio::test]
async fn pr1_nobody_waits_for_ever() {
    let bench = three().await;
    bench.providers.breaks("steam", Fault::Slow(Duration::from_secs(60)));
    let started = Instant::now();
    let found = bench.presences.resolve(Service::Steam, "ann");
    let accounts = [steam(1), psn(1)];
    let (found, report) = tokio::join!(found, bench.look(&accounts));
    assert_eq!(found, Err(Failure::Timeout));
    assert_eq!(report.failures[&Service::Steam], Failure::Timeout);
    assert!(report.seen[&psn(1)].presence.is_ok());
    let took = started.elapsed();
    assert!((9..13).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test]
async fn pr2_presences_are_kept_for_a_minute() {
    let bench = three().await;
    let first = bench.look(&[steam(1), xbox(1)]).await;
    bench.later(50);
    bench.providers.forget();
    let second = bench.look(&[steam(1), xbox(1)]).await;
    assert_eq!(bench.providers.count(""), 0);
    assert_eq!(second.oldest(), first.oldest());
    bench.later(11);
    assert!(bench.look(&[steam(1), xbox(1)]).await.oldest() > first.oldest());
    assert_eq!(bench.providers.count(""), 2);
    let text = bench.metrics.text();
    assert!(
        text.contains(r#"gsm_presence_cache_total{outcome="hit",provider="steam"} 1"#),
        "{text}"
    );
}

#[tokio::test]
async fn pr2_what_cannot_be_seen_is_kept_for_five_minutes() {
    let bench = three().await;
    bench.providers.psn_private("Ben", 2);
    assert_eq!(bench.sees(psn(2)).await, Err(Failure::Private));
    assert_eq!(bench.presences.resolve(Service::Psn, "nobody").await, Err(Failure::NotFound));
    bench.providers.forget();
    bench.later(299);
    assert_eq!(bench.sees(psn(2)).await, Err(Failure::Private));
    assert_eq!(bench.presences.resolve(Service::Psn, "NOBODY").await, Err(Failure::NotFound));
    assert_eq!(bench.providers.count("psn_p"), 0);
    bench.later(2);
    assert_eq!(bench.sees(psn(2)).await, Err(Failure::Private));
    assert_eq!(bench.presences.resolve(Service::Psn, "nobody").await, Err(Failure::NotFound));
    assert!(bench.providers.count("psn_p") >= 3);
}

#[tokio::test]
async fn pr2_during_an_outage_old_presences_are_shown_as_such() {
    let bench = three().await;
    bench.sees(steam(1)).await.unwrap();
    bench.providers.breaks("steam", Fault::Status(502));
    bench.later(14 * 60);
    let report = bench.look(&[steam(1), steam(2)]).await;
    assert!(report.failures.contains_key(&Service::Steam));
    let old = &report.seen[&steam(1)];
    assert!(old.stale && old.presence.is_ok());
    assert!(report.seen[&steam(2)].presence.is_err());
    bench.later(60);
    assert!(bench.sees(steam(1)).await.is_err());
}

#[tokio::test]
async fn pr3_without_credentials_the_others_work() {
    let bench = Bench::with(&[("PSN_NPSSO", "")]).await;
    let id = steam(1).id.0.unsigned_abs();
    bench.providers.steam("ann", id, steam_player("Ann", 1, ""));
    assert_eq!(bench.presences.condition(Service::Psn).await, Condition::NotConfigured);
    assert_eq!(bench.presences.condition(Service::Xbox).await, Condition::Down);
    assert_eq!(bench.presences.condition(Service::Steam).await, Condition::Up);
    assert!(bench.sees(steam(1)).await.is_ok());
    assert!(matches!(bench.sees(xbox(1)).await, Err(Failure::SignedOut(_))));
    assert!(matches!(bench.sees(psn(1)).await, Err(Failure::SignedOut(_))));
    assert_eq!(bench.providers.count("xbox"), 0);
    assert_eq!(bench.providers.count("psn"), 0);
    let warnings = bench.presences.warnings().await;
    let xbox = |it: &Warning| matches!(it, Warning::SignedOut { service: Service::Xbox, .. });
    assert!(warnings.iter().any(xbox), "{warnings:?}");
}

#[tokio::test]
async fn pr3_a_service_that_is_not_configured_is_reported_as_such() {
    let bench =
        Bench::with(&[("STEAM_API_KEY", ""), ("XBOX_CLIENT_ID", ""), ("XBOX_CLIENT_SECRET", "")])
            .await;
    assert_eq!(bench.sees(steam(1)).await, Err(Failure::NotConfigured));
    assert_eq!(bench.presences.resolve(Service::Xbox, "x").await, Err(Failure::NotConfigured));
    assert_eq!(bench.presences.condition(Service::Xbox).await, Condition::NotConfigured);
    assert_eq!(bench.providers.count(""), 0);
}

#[tokio::test]
async fn x10_the_end_of_the_client_secret_only_warns() {
    let date = chrono::Utc::now() + chrono::TimeDelta::days(5);
    let date = date.format("%Y-%m-%d").to_string();
    let bench = Bench::with(&[("XBOX_CLIENT_SECRET_EXPIRY_DATE", &date)]).await;
    let ends = |days| move |it: &Warning| matches!(it, Warning::ClientSecretEnds { days: due, .. } if *due == days);
    assert!(bench.presences.warnings().await.iter().any(ends(7)));
    bench.later(10 * 24 * 3600);
    assert!(bench.presences.warnings().await.iter().any(ends(0)));
    let refresh = bench.providers.xbox_refresh_token();
    bench.stores(Service::Xbox, &format!(r#"{{ "refresh": "{refresh}" }}"#)).await;
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    assert_eq!(bench.sees(xbox(1)).await.map(|it| it.state), Ok(State::Online));
}

#[tokio::test]
async fn pr4_services_are_asked_at_the_same_time() {
    let bench = three().await;
    bench.look(&[xbox(1), psn(1), steam(1)]).await;
    bench.later(61);
    // No service answers before all are asked.
    let together = Arc::new(Barrier::new(3));
    for call in ["xbox_presence", "psn_presences", "steam_players"] {
        bench.providers.fails(call, Fault::Together(Arc::clone(&together)));
    }
    let report = bench.look(&[xbox(1), psn(1), steam(1)]).await;
    assert!(report.seen.values().all(|it| it.presence.is_ok()), "{report:?}");
}

#[tokio::test]
async fn s062_one_service_down_leaves_the_others() {
    let bench = three().await;
    bench.providers.breaks("xbox", Fault::Status(500));
    let report = bench.look(&[xbox(1), psn(1), steam(1)]).await;
    assert_eq!(report.failures.keys().collect::<Vec<_>>(), [&Service::Xbox]);
    assert!(report.seen[&xbox(1)].presence.is_err());
    assert!(report.seen[&psn(1)].presence.is_ok() && report.seen[&steam(1)].presence.is_ok());
}

#[tokio::test]
async fn st17_who_asks_at_the_same_time_shares_the_answer() {
    let bench = three().await;
    bench.sees(steam(2)).await.unwrap_err();
    bench.providers.forget();
    bench.providers.fails("steam_players", Fault::Slow(Duration::from_millis(300)));
    let (both, one) = ([steam(1), psn(1)], [steam(1)]);
    let looks = tokio::join!(bench.look(&both), bench.look(&one), bench.look(&both));
    assert!([looks.0, looks.1, looks.2].iter().all(|it| it.seen[&steam(1)].presence.is_ok()));
    assert_eq!(bench.providers.count("steam_players"), 1);
    assert_eq!(bench.providers.count("psn_presences"), 1);
}

#[tokio::test]
async fn st17_who_gives_up_does_not_spoil_it_for_others() {
    let bench = three().await;
    bench.providers.fails("steam_players", Fault::Slow(Duration::from_millis(300)));
    let accounts = [steam(1)];
    let impatient = tokio::time::timeout(Duration::from_millis(50), bench.look(&accounts));
    let (impatient, patient) = tokio::join!(impatient, bench.look(&accounts));
    assert!(impatient.is_err());
    assert!(patient.seen[&steam(1)].presence.is_ok());
    assert_eq!(bench.providers.count("steam_players"), 1);
}
