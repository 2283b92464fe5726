//! Against a registry on this machine that speaks as the OCI Distribution Specification has it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Response, header},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;

use super::*;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SINGLE: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// An answer: status, headers, body.
type Said = (u16, Vec<(&'static str, String)>, String);

/// A registry.
struct Registry {
    host: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Registry {
    /// One that answers by path; who has no `token` is sent to fetch one, if there is a token.
    async fn start(token: Option<Said>, answers: impl Fn(&str) -> Vec<(String, Said)>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let answers: BTreeMap<String, Said> = answers(&host).into_iter().collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, name) = (Arc::clone(&asked), host.clone());
        let answer = move |request: Request| {
            let target = request.uri().path_and_query().unwrap().to_string();
            log.lock().unwrap().push(format!("{} {target}", request.method()));
            let bearer = request.headers().get(header::AUTHORIZATION);
            let bearer = bearer.map(|it| it.to_str().unwrap().to_owned());
            let path = request.uri().path();
            let accept = request.headers().get(header::ACCEPT);
            let accepted = accept.is_some_and(|it| it.to_str().unwrap().contains(INDEX));
            let (status, headers, body) = match (&token, path) {
                (Some(token), "/token") => token.clone(),
                (Some(_), _) if bearer.as_deref() != Some("Bearer open") => {
                    let challenge = format!(
                        r#"Bearer realm="http://{name}/token",service="{name}",scope="repository:me/bot:pull""#
                    );
                    let body = refusal("UNAUTHORIZED", "authentication required");
                    (401, vec![("www-authenticate", challenge)], body)
                }
                // A registry that is not told what is understood gives the oldest form there is.
                _ if path.contains("/manifests/") && !accepted => (200, vec![], "{}".to_owned()),
                _ => answers.get(path).cloned().unwrap_or_else(|| {
                    (404, vec![], refusal("MANIFEST_UNKNOWN", "manifest unknown"))
                }),
            };
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            std::future::ready(response.body(Body::from(body)).unwrap())
        };
        let router = Router::new().fallback(answer);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { host, asked, task }
    }

    fn image(&self, rest: &str) -> Image {
        Image::of(&format!("{}/me/bot{rest}", self.host))
    }

    async fn look(&self, rest: &str) -> Look {
        registries(None).look(&self.image(rest)).await
    }

    fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.into_iter().map(|it| it.replace(&self.host.replace(':', "%3A"), "HOST")).collect()
    }

    /// What a user is told, without the port.
    async fn told(&self, rest: &str) -> String {
        format!("{:?}", self.look(rest).await).replace(&self.host, "HOST")
    }
}

fn registries(mirror: Option<String>) -> Registries {
    Registries::from_variables(Http::network().unwrap(), |name| {
        mirror.clone().filter(|_| name == MIRROR)
    })
}

fn refusal(code: &str, message: &str) -> String {
    json!({ "errors": [{ "code": code, "message": message, "detail": {} }] }).to_string()
}

fn of_kind(kind: &str, body: &Value) -> Said {
    (200, vec![("content-type", kind.to_owned())], body.to_string())
}

fn open() -> Option<Said> {
    Some((200, vec![], json!({ "token": "open", "expires_in": 300 }).to_string()))
}

fn index() -> Value {
    let part = |architecture: &str| {
        json!({
            "mediaType": SINGLE, "size": 1, "digest": format!("sha256:{}", "0".repeat(64)),
            "platform": { "os": "linux", "architecture": architecture },
        })
    };
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [part("amd64"), part("arm64")] })
}

fn manifests(reference: &str) -> String {
    format!("/v2/me/bot/manifests/{reference}")
}

fn sha256(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn platforms(look: &Look) -> Vec<String> {
    let Look::There(manifest) = look else { panic!("{look:?}") };
    manifest.platforms.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_says() {
    let registry =
        Registry::start(open(), |_| vec![(manifests("1"), of_kind(INDEX, &index()))]).await;
    let look = registry.look(":1").await;
    assert_eq!(platforms(&look), ["linux/amd64", "linux/arm64"]);
    let Look::There(manifest) = look else { panic!() };
    assert_eq!(manifest.digest, sha256(&index().to_string()));
    assert_eq!(
        registry.asked(),
        [
            "GET /v2/me/bot/manifests/1",
            "GET /token?service=HOST&scope=repository%3Ame%2Fbot%3Apull",
            "GET /v2/me/bot/manifests/1",
        ]
    );
    // The other name that the specification has for it.
    let token = (200, vec![], json!({ "access_token": "open" }).to_string());
    let registry =
        Registry::start(Some(token), |_| vec![(manifests("1"), of_kind(INDEX, &index()))]).await;
    assert!(matches!(registry.look(":1").await, Look::There(_)));
}

#[tokio::test]
async fn an_image_for_one_platform_says_in_its_configuration_which() {
    let config = json!({ "architecture": "arm64", "os": "linux", "config": {} });
    let digest = sha256(&config.to_string());
    let manifest = json!({ "schemaVersion": 2, "config": { "digest": digest }, "layers": [] });
    let registry = Registry::start(open(), |host| {
        // Registries send to where the blobs are.
        let elsewhere = vec![("location", format!("http://{host}/elsewhere"))];
        vec![
            (manifests("1"), of_kind(SINGLE, &manifest)),
            (format!("/v2/me/bot/blobs/{digest}"), (307, elsewhere, String::new())),
            ("/elsewhere".to_owned(), of_kind("application/octet-stream", &config)),
        ]
    })
    .await;
    assert_eq!(platforms(&registry.look(":1").await), ["linux/arm64"]);
}

#[tokio::test]
async fn a_digest_is_what_it_says() {
    let (right, wrong) = (sha256(&index().to_string()), sha256("something else"));
    let registry = Registry::start(None, |_| {
        [&right, &wrong].map(|it| (manifests(it), of_kind(INDEX, &index()))).into()
    })
    .await;
    assert!(matches!(registry.look(&format!(":9@{right}")).await, Look::There(_)));
    let told = registry.told(&format!("@{wrong}")).await;
    assert_eq!(told, r#"Unclear("HOST answers with something that has another digest")"#);
}

#[tokio::test]
async fn refusals_are_told_in_the_registrys_words() {
    let registry = Registry::start(None, |_| {
        let limited = vec![("retry-after", "30".to_owned())];
        vec![
            (manifests("nowhere"), (404, vec![], refusal("NAME_UNKNOWN", "no such repository"))),
            (manifests("harbor"), (404, vec![], refusal("NOT_FOUND", "artifact not found"))),
            (manifests("page"), (404, vec![], "<html>Not Found</html>".to_owned())),
            (manifests("denied"), (403, vec![], refusal("DENIED", "requested access is denied"))),
            (manifests("limited"), (429, limited, refusal("TOOMANYREQUESTS", "slow down"))),
            (manifests("ill"), (503, vec![], "upstream".to_owned())),
            (manifests("long"), (500, vec![], refusal("UNKNOWN", &"x".repeat(5000)))),
            (manifests("old"), (200, vec![], json!({ "schemaVersion": 1 }).to_string())),
            (manifests("cut"), (200, vec![], "{ \"manifests\": [".to_owned())),
        ]
    })
    .await;
    let mut told = String::new();
    for tag in ["absent", "nowhere", "harbor", "page", "denied", "limited", "ill", "old", "cut"] {
        told += &format!("{tag}: {}\n", registry.told(&format!(":{tag}")).await);
    }
    insta::assert_snapshot!(told);
    assert!(registry.told(":long").await.len() < 400);
}

#[tokio::test]
async fn what_is_private_is_closed_whoever_says_so() {
    for token in [
        (401, vec![], refusal("UNAUTHORIZED", "incorrect username or password")),
        // As GitHub's says of what is private and of what does not exist.
        (403, vec![], refusal("DENIED", "denied")),
    ] {
        let registry = Registry::start(Some(token), |_| Vec::new()).await;
        assert!(matches!(registry.look(":1").await, Look::Closed(_)));
    }
    // As Docker Hub says it: there is a token, and it is good for nothing.
    let useless = (200, vec![], json!({ "token": "useless" }).to_string());
    let registry = Registry::start(Some(useless), |_| Vec::new()).await;
    let told = registry.told(":1").await;
    assert_eq!(told, r#"Closed("UNAUTHORIZED: authentication required")"#);
    assert_eq!(registry.asked().len(), 3, "one token is tried, not one after the other");
    // Who wants a password.
    let basic = vec![("www-authenticate", "Basic realm=\"registry\"".to_owned())];
    let registry =
        Registry::start(None, |_| vec![(manifests("1"), (401, basic.clone(), String::new()))])
            .await;
    assert_eq!(registry.told(":1").await, r#"Closed("401 Unauthorized")"#);
}

#[tokio::test]
async fn who_cannot_be_reached_is_no_registry_that_lacks_an_image() {
    let registry = Registry::start(None, |_| Vec::new()).await;
    // This registry speaks no TLS.
    let tls = registries(Some(format!("https://{}", registry.host)));
    let Look::Unclear(why) = tls.look(&registry.image(":1")).await else { panic!() };
    assert!(why.contains("could not be asked"), "{why}");
    assert_eq!(tls.lacks(&registry.image(":1")).await, None);
    let image = registry.image(":1");
    drop(registry);
    tokio::task::yield_now().await;
    let Look::Unclear(why) = registries(None).look(&image).await else { panic!() };
    assert!(why.contains("could not be asked") && why.contains("refused"), "{why}");
    assert_eq!(registries(None).lacks(&image).await, None);
}

#[tokio::test]
async fn only_what_is_known_to_be_absent_is_lacking() {
    let registry = Registry::start(open(), |_| {
        vec![
            (manifests("1"), of_kind(INDEX, &index())),
            (manifests("page"), (404, vec![], "<html>Not Found</html>".to_owned())),
            (manifests("denied"), (403, vec![], refusal("DENIED", "denied"))),
            (manifests("limited"), (429, vec![], refusal("TOOMANYREQUESTS", "slow down"))),
        ]
    })
    .await;
    let lacks = async |rest: &str| registries(None).lacks(&registry.image(rest)).await;
    assert_eq!(lacks(":1").await, None);
    // What counts against a limit was not asked.
    let manifests = |it: &String| it.contains("/manifests/");
    assert!(registry.asked().iter().filter(|it| manifests(it)).all(|it| it.starts_with("HEAD ")));
    assert_eq!(lacks(":2").await.as_deref(), Some("MANIFEST_UNKNOWN: manifest unknown"));
    for other in [":page", ":denied", ":limited"] {
        assert_eq!(lacks(other).await, None, "{other}");
    }
}

#[tokio::test]
async fn a_mirror_is_told_whose_image_is_meant() {
    let registry =
        Registry::start(None, |_| vec![(manifests("1"), of_kind(INDEX, &index()))]).await;
    let mirror = registries(Some(format!("http://{}/", registry.host)));
    assert!(matches!(mirror.look(&Image::of("docker.io/me/bot:1")).await, Look::There(_)));
    assert_eq!(registry.asked(), ["GET /v2/me/bot/manifests/1?ns=docker.io"]);
}

#[tokio::test]
async fn tokens_come_over_tls_where_the_registry_has_it() {
    let registry = Registry::start(open(), |_| Vec::new()).await;
    let challenge = challenge::Challenge {
        realm: format!("http://{}/token", registry.host),
        ..challenge::Challenge::default()
    };
    let image = Image::of("ghcr.io/me/bot:1");
    let http = Http::network().unwrap();
    let session = Session::new(&http, None, &image);
    assert!(matches!(session.fetch_token(&challenge).await, Err(Look::Unclear(_))));
    assert_eq!(registry.asked(), [""; 0]);
}

#[tokio::test]
async fn a_private_repository_of_ecr_is_not_asked() {
    let image = Image::of("123456789012.dkr.ecr.eu-central-1.amazonaws.com/bot:1");
    let Look::Unclear(why) = registries(None).look(&image).await else { panic!() };
    assert!(why.contains("credentials of AWS"), "{why}");
}
