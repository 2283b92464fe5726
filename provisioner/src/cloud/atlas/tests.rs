use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use digest_auth::{AuthContext, AuthorizationHeader, HttpMethod};
use serde_json::json;

use super::*;

/// One request as the server below saw it.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    target: String,
    headers: HashMap<String, String>,
    body: String,
}

impl Seen {
    fn authorization(&self) -> &str {
        self.headers.get("authorization").map_or("", String::as_str)
    }
}

/// Answers every request with what `answer` says (status line, further headers, body), one connection each.
fn serve(
    answer: impl Fn(&Seen) -> (&'static str, String, String) + Send + 'static,
) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let log: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let seen = Arc::clone(&log);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let mut words = line.split_whitespace();
            let (method, target) = (words.next().unwrap().into(), words.next().unwrap().into());
            let mut headers = HashMap::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim().split_once(": ") else { break };
                headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
            let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let request = Seen { method, target, headers, body: String::from_utf8(body).unwrap() };
            let (status, headers, body) = answer(&request);
            seen.lock().unwrap().push(request);
            let length = if headers.contains("content-length") {
                String::new()
            } else {
                format!("content-length: {}\r\n", body.len())
            };
            let head = format!("HTTP/1.1 {status}\r\n{headers}{length}connection: close\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    (address, log)
}

fn client(variables: &[(&str, &str)]) -> Atlas {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Atlas::from_variables(Http::network().unwrap(), move |name| variables.get(name).cloned())
}

fn with_key(base: &str) -> Atlas {
    client(&[
        ("MONGODB_ATLAS_BASE_URL", base),
        ("MONGODB_ATLAS_PUBLIC_KEY", "public"),
        ("MONGODB_ATLAS_PRIVATE_KEY", "canary-private"),
    ])
}

fn challenge(nonce: &str, stale: bool) -> (&'static str, String, String) {
    let header = format!(
        "www-authenticate: Digest realm=\"MMS Public API\", domain=\"\", nonce=\"{nonce}\", algorithm=MD5, \
         qop=\"auth\", stale={stale}\r\n"
    );
    ("401 Unauthorized", header, json!({ "error": 401, "detail": "No." }).to_string())
}

fn ok(body: Value) -> (&'static str, String, String) {
    ("200 OK", String::new(), body.to_string())
}

/// Nonce and count of a rightly signed request.
fn signed(request: &Seen) -> Option<(String, u32)> {
    let given = AuthorizationHeader::parse(request.authorization()).ok()?;
    assert_eq!(given.uri, request.target, "the signature is for what was sent");
    let method = HttpMethod::from(request.method.as_str());
    let context = AuthContext::new_with_method::<_, _, _, &[u8]>(
        "public",
        "canary-private",
        request.target.as_str(),
        None,
        method,
    );
    let mut right = given.clone();
    right.digest(&context);
    (right.response == given.response).then_some((given.nonce, given.nc))
}

#[tokio::test]
async fn a_challenge_is_asked_for_once_and_its_count_grows() {
    let (base, seen) = serve(|request| match signed(request) {
        Some((nonce, count)) if nonce == "one" && count < 3 => ok(json!({ "count": count })),
        Some((nonce, _)) if nonce == "one" => challenge("two", true),
        Some((_, count)) => ok(json!({ "count": count })),
        None => challenge("one", false),
    });
    let atlas = with_key(&base);
    let path = ["groups", "1", "accessList", "0.0.0.0/0"];
    let mut counts = Vec::new();
    for _ in 0..4 {
        let answer: Value = atlas.get("getAccessListEntry", &path).await.unwrap();
        counts.push(answer["count"].as_u64().unwrap());
    }
    // One, two; the third finds the nonce stale and is signed anew; the fourth uses the new nonce.
    assert_eq!(counts, [1, 2, 1, 2]);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4 + 2);
    assert_eq!(seen[0].target, "/api/atlas/v2/groups/1/accessList/0.0.0.0%2F0");
    assert_eq!(seen[0].headers["accept"], MEDIA_TYPE);
}

#[tokio::test]
async fn a_wrong_key_is_refused_after_two_attempts_and_shows_nowhere() {
    let (base, seen) = serve(|_| challenge("nonce", false));
    let atlas = with_key(&base);
    let error = atlas.get::<Value>("listGroups", &["groups"]).await.unwrap_err();
    assert_eq!(error.class(), Class::Unauthenticated);
    let message = error.to_string();
    assert!(message.contains("MONGODB_ATLAS_PUBLIC_KEY"), "{message}");
    assert_eq!(seen.lock().unwrap().len(), 2);
    let everything = format!("{atlas:?} {error:?} {message}");
    assert!(!everything.contains("canary"), "{everything}");
}

#[tokio::test]
async fn missing_credentials_show_at_the_first_call() {
    let message = async |variables: &[(&str, &str)]| {
        let error = client(variables).get::<Value>("listGroups", &["groups"]).await.unwrap_err();
        assert_eq!(error.class(), Class::Unauthenticated);
        error.to_string()
    };
    let none = message(&[]).await;
    assert!(
        none.contains("MONGODB_ATLAS_PRIVATE_KEY") && none.contains("MONGODB_ATLAS_CLIENT_ID"),
        "{none}"
    );
    assert_eq!(
        message(&[("MONGODB_ATLAS_PUBLIC_KEY", "a"), ("MONGODB_ATLAS_PRIVATE_KEY", "")]).await,
        "Atlas listGroups: MONGODB_ATLAS_PUBLIC_KEY is set but MONGODB_ATLAS_PRIVATE_KEY is not: set both"
    );
    assert_eq!(
        message(&[("MONGODB_ATLAS_CLIENT_SECRET", "a")]).await,
        "Atlas listGroups: MONGODB_ATLAS_CLIENT_SECRET is set but MONGODB_ATLAS_CLIENT_ID is not: set both"
    );
    let error = client(&[("MONGODB_ATLAS_BASE_URL", "cloud.mongodb.com")]);
    let error = error.get::<Value>("listGroups", &["groups"]).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

#[tokio::test]
async fn a_service_account_fetches_one_token_and_another_when_it_is_refused() {
    let (base, seen) = serve(|request| match request.target.as_str() {
        "/api/oauth/token" => {
            assert_eq!(request.authorization(), "Basic aWQ6Y2FuYXJ5");
            assert_eq!(request.body, "grant_type=client_credentials");
            ok(json!({ "access_token": "fresh", "expires_in": 3600, "token_type": "Bearer" }))
        }
        "/api/atlas/v2/revoked" => ("401 Unauthorized", String::new(), "{}".to_owned()),
        _ => ok(json!({})),
    });
    let atlas = client(&[
        ("MONGODB_ATLAS_BASE_URL", &base),
        ("MONGODB_ATLAS_CLIENT_ID", "id"),
        ("MONGODB_ATLAS_CLIENT_SECRET", "canary"),
    ]);
    let tokens = || {
        let seen = seen.lock().unwrap();
        seen.iter().filter(|it| it.target == "/api/oauth/token").count()
    };
    let get = |path| atlas.get::<Value>("get", path);
    let (one, two) = tokio::join!(get(&["a"]), get(&["b"]));
    one.and(two).unwrap();
    assert_eq!(tokens(), 1);
    assert_eq!(get(&["revoked"]).await.unwrap_err().class(), Class::Unauthenticated);
    assert_eq!(tokens(), 2);
    assert!(
        seen.lock()
            .unwrap()
            .iter()
            .all(|it| it.target.contains("oauth") || it.authorization() == "Bearer fresh")
    );
    assert!(!format!("{atlas:?}").contains("canary"));
}

#[tokio::test]
async fn faults_are_outlived_where_that_is_safe() {
    let left = Mutex::new(2);
    let (base, seen) = serve(move |request| {
        if signed(request).is_none() {
            return challenge("nonce", false);
        }
        let mut left = left.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            return ("503 Service Unavailable", String::new(), "<html>".to_owned());
        }
        *left = 2;
        ok(json!({ "fine": true }))
    });
    let atlas = with_key(&base);
    let answer: Value = atlas.get("get", &["a"]).await.unwrap();
    assert_eq!(answer, json!({ "fine": true }));
    let before = seen.lock().unwrap().len();
    let error = atlas.post::<Value>("create", &["a"], &json!({})).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(error.to_string(), "Atlas create: 503 Service Unavailable");
    assert_eq!(seen.lock().unwrap().len(), before + 1);
}

#[tokio::test]
async fn an_answer_that_broke_off_is_no_answer() {
    let (base, _) = serve(|_| {
        // Announced whole, sent in part; and a part that pretends to be the whole.
        ("200 OK", "content-length: 90\r\n".to_owned(), "{\"results\": [".to_owned())
    });
    let (other, _) = serve(|_| ("200 OK", String::new(), "{\"results\": [".to_owned()));
    for base in [base, other] {
        let error = with_key(&base).post::<Value>("create", &["a"], &json!({})).await.unwrap_err();
        assert_eq!(error.class(), Class::Transient, "{error}");
    }
}

#[tokio::test]
async fn every_page_is_read() {
    let (base, _) = serve(|request| {
        let page = request.target.rsplit('=').next().unwrap_or_default().to_owned();
        let links = if page == "3" { json!([]) } else { json!([{ "rel": "next", "href": "" }]) };
        ok(json!({ "results": [page], "links": links, "totalCount": 3 }))
    });
    let all: Vec<String> = with_key(&base).list("list", &["groups"]).await.unwrap();
    assert_eq!(all, ["1", "2", "3"]);
}

#[test]
fn a_refusal_is_in_atlas_words_without_the_password() {
    let said = |status, code: &str, detail: &str| {
        let body = json!({
            "error": status,
            "errorCode": code,
            "detail": detail,
            "badRequestDetail": { "fields": [{ "field": "password", "description": "canary is weak" }] },
        });
        let status = StatusCode::from_u16(status).unwrap();
        refusal("createDatabaseUser", status, None, body.to_string().as_bytes(), Some("canary"))
    };
    let error = said(400, "VALIDATION_ERROR", "Invalid.");
    assert_eq!(
        error.to_string(),
        "Atlas createDatabaseUser: Invalid.; password: … is weak (VALIDATION_ERROR)"
    );
    let class = |status, code| said(status, code, "").class;
    assert_eq!(class(400, "DUPLICATE_CLUSTER_NAME"), Class::Exists);
    // Another cluster, whose name begins in the same way.
    assert_eq!(class(400, "DUPLICATE_CLUSTER_NAME_PREFIX"), Class::Final);
    assert_eq!(class(409, "USER_ALREADY_EXISTS"), Class::Exists);
    assert_eq!(class(409, "CANNOT_UPDATE_PAUSED_CLUSTER"), Class::Final);
    assert_eq!(class(404, "GROUP_NOT_FOUND"), Class::Gone);
    assert_eq!(class(429, "RATE_LIMITED_TOKEN_BUCKET"), Class::Transient);
    let denied =
        said(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", "IP address 203.0.113.9 is not allowed.");
    assert_eq!(denied.class, Class::Denied);
    assert!(denied.message.contains("API access list"), "{}", denied.message);
}

#[test]
fn what_is_not_unreserved_is_encoded() {
    assert_eq!(percent_encode("10.0.0.0/8"), "10.0.0.0%2F8");
    assert_eq!(percent_encode("a:b@c é"), "a%3Ab%40c%20%C3%A9");
}
