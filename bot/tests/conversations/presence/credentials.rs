//! How credentials come into the database and lie there: `auth`, encryption, and what the original left.

use std::process::Stdio;

use gsm_bot::presence::{Credentials as _, Failure, Service, State, auth};
use mongodb::bson::{Document, doc};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};
use url::Url;

use super::{Bench, psn, xbox};
use crate::support::{
    logs::CANARY,
    providers::{psn_online, xbox_online},
};

async fn stored(bench: &Bench) -> Vec<Document> {
    bench.database.all("credentials").await
}

#[tokio::test]
async fn tokens_are_stored_encrypted() {
    let bench = Bench::new().await;
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "PS5", "Rust"));
    bench.look(&[xbox(1), psn(1)]).await;
    let documents = stored(&bench).await;
    assert_eq!(documents.len(), 2);
    for document in documents {
        let bytes = mongodb::bson::to_vec(&document).unwrap();
        let readable = String::from_utf8_lossy(&bytes);
        assert!(!readable.contains(CANARY), "{readable}");
        assert!(document.get_i64("rev").unwrap() > 0);
    }
    let psn = bench.vault.load(Service::Psn).await.unwrap().unwrap();
    assert!(psn.secrets.json.expose_secret().contains(CANARY));
    assert!(psn.secrets.refresh_expires_at > psn.secrets.access_expires_at);
    assert!(!format!("{psn:?}").contains(CANARY));
}

#[tokio::test]
async fn another_key_opens_nothing_and_a_document_cannot_be_swapped() {
    let bench = Bench::new().await;
    let collection = bench.database.driver().collection::<Document>("credentials");
    let swap = doc! { "$set": { "platform": "psn" } };
    collection.update_one(doc! { "platform": "xbox" }, swap).await.unwrap();
    let error = bench.vault.load(Service::Psn).await.unwrap_err();
    assert!(error.to_string().contains("CREDENTIALS_KEY"), "{error}");
    assert!(matches!(bench.sees(psn(1)).await, Err(Failure::Unavailable(_))));
}

#[tokio::test]
async fn who_saves_must_know_what_was_there() {
    let bench = Bench::new().await;
    let found = bench.vault.load(Service::Xbox).await.unwrap().unwrap();
    let rev = found.rev;
    assert!(bench.vault.save(Service::Xbox, &found.secrets, rev).await.unwrap());
    assert!(!bench.vault.save(Service::Xbox, &found.secrets, rev).await.unwrap());
    assert!(!bench.vault.save(Service::Xbox, &found.secrets, 0).await.unwrap());
    assert!(bench.vault.save(Service::Xbox, &found.secrets, rev + 1).await.unwrap());
    assert_eq!(stored(&bench).await.len(), 1);
}

#[tokio::test]
async fn only_one_replica_renews_at_a_time() {
    let bench = Bench::new().await;
    let other = bench.replica().await;
    assert!(bench.vault.lock(Service::Xbox).await.unwrap());
    assert!(bench.vault.lock(Service::Xbox).await.unwrap(), "some while longer");
    assert!(!other.vault.lock(Service::Xbox).await.unwrap());
    assert!(other.vault.lock(Service::Psn).await.unwrap());
    bench.vault.unlock(Service::Xbox).await.unwrap();
    assert!(other.vault.lock(Service::Xbox).await.unwrap());
    // One that was killed holds it for a while only.
    bench.later(46);
    assert!(bench.vault.lock(Service::Xbox).await.unwrap());
}

#[tokio::test]
async fn what_the_original_stored_is_taken_over() {
    let bench = Bench::with(&[("PSN_NPSSO", "")]).await;
    let refresh = bench.providers.xbox_refresh_token();
    let npsso = format!("{CANARY:0<64}");
    let collection = bench.database.driver().collection::<Document>("credentials");
    let original = [
        doc! { "platform": "xbox", "client_id": "x", "client_secret": "y", "tokens": {
            "token_type": "bearer", "expires_in": 3600, "scope": "s", "access_token": "old",
            "refresh_token": refresh, "user_id": "u", "issued": "2022-10-22T10:00:00.000000+00:00",
        } },
        doc! { "platform": "psn", "npsso": npsso },
    ];
    collection.insert_many(original).await.unwrap();
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "PS5", "Rust"));
    let report = bench.look(&[xbox(1), psn(1)]).await;
    assert!(report.seen.values().all(|it| it.presence.is_ok()), "{report:?}");
    for document in stored(&bench).await {
        assert!(document.get("tokens").or(document.get("npsso")).is_none(), "{document}");
    }
}

#[tokio::test]
async fn auth_psn_stores_what_works_and_nothing_else() {
    let bench = Bench::with(&[("PSN_NPSSO", "")]).await;
    let settings = bench.config.services.psn.clone().unwrap();
    let sign_in = async |npsso: &str| {
        let npsso = SecretString::from(npsso);
        let metrics = bench.metrics.clone();
        auth::psn(&settings, &*bench.vault, &bench.clock, metrics, &npsso).await
    };
    for bad in ["", "too short", &format!("{CANARY:é<64}"), &format!("{CANARY:1<64}")] {
        let error = format!("{:#}", sign_in(bad).await.unwrap_err());
        assert!(!error.contains(CANARY), "{error}");
    }
    assert!(stored(&bench).await.is_empty());
    sign_in(&format!(" {CANARY:0<64}\n")).await.unwrap();
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "PS5", "Rust"));
    assert_eq!(bench.sees(psn(1)).await.map(|it| it.state), Ok(State::Online));
    assert_eq!(bench.providers.count("psn_token"), 1, "its tokens are used as they are");
    // Once more, over what is there.
    sign_in(&format!("{CANARY:0<64}")).await.unwrap();
    assert_eq!(stored(&bench).await.len(), 1);
}

#[tokio::test]
async fn auth_xbox_takes_the_browsers_code_or_a_copied_address() {
    let bench = Bench::signed_out().await;
    let settings = bench.config.services.xbox.clone().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let redirect: Url = format!("http://localhost:{port}/auth/callback").parse().unwrap();
    let consent = auth::Consent::ask(&settings, redirect.clone()).unwrap();
    let asked: std::collections::HashMap<_, _> = consent.url.query_pairs().into_owned().collect();
    assert!(consent.url.path().ends_with("/oauth20_authorize.srf"));
    assert_eq!(asked["scope"], "Xboxlive.signin Xboxlive.offline_access");
    assert_eq!(asked["redirect_uri"], redirect.as_str());

    let address = |state: &str, code: &str| format!("{redirect}?code={code}&state={state}");
    assert!(consent.read(&address("another", "x")).is_err());
    assert!(
        consent.read(&format!("{redirect}?error=access_denied&state={}", asked["state"])).is_err()
    );
    assert!(consent.read("what").is_err());

    // The browser arrives at our own address.
    let code = bench.providers.xbox_code();
    let browser = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let page = reqwest::get(address(&asked["state"], &code)).await.unwrap();
        page.text().await.unwrap()
    };
    let (arrived, page) = tokio::join!(consent.wait(), browser);
    assert!(page.contains("close this page"), "{page}");
    let sign_in = async |code: &SecretString| {
        let metrics = bench.metrics.clone();
        auth::xbox(&settings, &*bench.vault, &bench.clock, metrics, &consent, code).await
    };
    bench.providers.world().xbox.account_problem = Some(2_148_916_238);
    let arrived = arrived.unwrap();
    let error = sign_in(&arrived).await.unwrap_err().to_string();
    assert!(error.contains("child"), "{error}");
    assert!(stored(&bench).await.is_empty());

    bench.providers.world().xbox.account_problem = None;
    let code = bench.providers.xbox_code();
    let code = consent.read(&address(&asked["state"], &code)).unwrap();
    sign_in(&code).await.unwrap();
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    assert_eq!(bench.sees(xbox(1)).await.map(|it| it.state), Ok(State::Online));
}

/// The program itself, with what it reads from its standard input.
async fn command(bench: &Bench, arguments: &[&str], input: impl Fn(&str) -> String) -> String {
    let mut variables = bench.providers.variables();
    variables.extend([
        ("BOT_TOKEN", "1:abcdefghijklmnopqrstuvwxyz".to_owned()),
        ("MODE", "polling".to_owned()),
        ("MONGODB_URI", bench.database.uri.clone()),
        ("MONGODB_DATABASE", bench.database.name.clone()),
    ]);
    variables.retain(|it| it.0 != "PSN_NPSSO");
    let mut child = Command::new(env!("CARGO_BIN_EXE_gsm-bot"))
        .args(arguments)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    // It says what to do first.
    while !said.contains("https://") && !said.contains("http://127") {
        assert!(output.read_line(&mut said).await.unwrap() > 0, "{said}");
    }
    let answer = input(&said);
    child.stdin.take().unwrap().write_all(answer.as_bytes()).await.unwrap();
    output.read_to_string(&mut said).await.unwrap();
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
    assert!(!said.contains(CANARY) && !errors.contains(CANARY), "{said}{errors}");
    said + &errors
}

#[tokio::test]
async fn pr5_auth_psn_reads_the_cookie_from_standard_input() {
    let bench = Bench::with(&[("PSN_NPSSO", "")]).await;
    let said = command(&bench, &["auth", "psn"], |_| "wrong\n".to_owned()).await;
    assert!(said.contains("that is no npsso"), "{said}");
    let said = command(&bench, &["auth", "psn"], |_| format!("{CANARY:0<64}\n")).await;
    assert!(said.contains("signed in"), "{said}");
    bench.providers.psn("Ann", 1, psn_online("availableToPlay", "PS5", "Rust"));
    assert_eq!(bench.sees(psn(1)).await.map(|it| it.state), Ok(State::Online));
}

#[tokio::test]
async fn pr5_auth_xbox_takes_a_pasted_address_even_if_its_port_is_in_use() {
    let bench = Bench::signed_out().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let redirect = format!("http://localhost:{port}/auth/callback");
    let code = bench.providers.xbox_code();
    let paste = |said: &str| {
        let url = said.lines().find(|it| it.starts_with("http")).unwrap();
        let url = Url::parse(url).unwrap();
        let state = url.query_pairs().find(|it| it.0 == "state").unwrap().1.into_owned();
        format!("{redirect}?code={code}&state={state}\n")
    };
    let said = command(&bench, &["auth", "xbox", "--redirect", &redirect], paste).await;
    assert!(said.contains("cannot listen") && said.contains("signed in"), "{said}");
    bench.providers.xbox("Ann", 1, xbox_online("Online", "XboxOne", "Halo"));
    assert_eq!(bench.sees(xbox(1)).await.map(|it| it.state), Ok(State::Online));
}
