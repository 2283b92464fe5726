//! Stand-ins for Xbox Live, PlayStation Network and Steam: documented shapes, errors, limits, and tokens that end and
//! are replaced. They take nothing that the services would refuse.

mod psn;
mod steam;
mod xbox;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use gsm_bot::{
    clock::Clock,
    config::Config,
    presence::{Credentials as _, Secrets, Service},
    store::{Store, Vault},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Barrier};

pub use self::{
    psn::{psn_offline, psn_online},
    steam::steam_player,
    xbox::{xbox_offline, xbox_online},
};
use super::{bot::Settings, database::Database, logs::CANARY};

/// 32 bytes in base64.
pub const CREDENTIALS_KEY: &str = "Q0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZLi4=";

/// What a service does instead of answering.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It answers with this status, and nothing that makes sense.
    Status(u16),
    /// The same, with `Retry-After`.
    RetryAfter(u16, &'static str),
    /// It answers after a while.
    Slow(Duration),
    /// It answers once as many requests are waiting as the barrier is for.
    Together(Arc<Barrier>),
    /// It breaks off in the middle of its answer.
    Cut,
    /// It answers with half a document.
    Garbage,
}

/// One request that came in.
#[derive(Clone, Debug)]
pub struct Call {
    /// What was called, by the name it has in our metrics.
    pub name: &'static str,
    /// Path and query as they were on the wire.
    pub target: String,
}

/// All three services.
#[derive(Clone)]
pub struct Providers {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
}

/// What the services know.
pub struct World {
    /// When tokens end, for both sides.
    pub clock: Clock,
    calls: Vec<Call>,
    faults: HashMap<&'static str, VecDeque<Fault>>,
    broken: HashMap<&'static str, Fault>,
    /// Numbers tokens.
    issued: u64,
    /// Tokens that work.
    pub tokens: HashSet<String>,
    pub xbox: xbox::World,
    pub psn: psn::World,
    pub steam: steam::World,
    /// Whether answers come in another order than questions.
    pub shuffled: bool,
}

impl World {
    /// A token that works.
    fn issue(&mut self, kind: &str) -> String {
        self.issued += 1;
        let token = format!("{kind}-{CANARY}-{}", self.issued);
        self.tokens.insert(token.clone());
        token
    }

    /// Takes away all tokens of a kind, as if they had ended.
    pub fn revoke(&mut self, kind: &str) {
        self.tokens.retain(|token| !token.starts_with(kind));
    }
}

impl Providers {
    /// Starts them on a port of their own; `clock` says when tokens end.
    pub async fn start(clock: Clock) -> Self {
        let world = World {
            clock,
            calls: Vec::new(),
            faults: HashMap::new(),
            broken: HashMap::new(),
            issued: 0,
            tokens: HashSet::new(),
            xbox: xbox::World::default(),
            psn: psn::World::default(),
            steam: steam::World::default(),
            shuffled: false,
        };
        let world = Arc::new(Mutex::new(world));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let providers = Self { address, world };
        let routes = Router::new()
            .merge(xbox::routes())
            .merge(psn::routes())
            .merge(steam::routes())
            .fallback(unknown)
            .layer(middleware::from_fn_with_state(providers.clone(), watch))
            .with_state(providers.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        providers
    }

    /// The settings of a bot that uses all of them.
    pub fn settings(&self, settings: Settings) -> Settings {
        self.variables()
            .into_iter()
            .fold(settings, |settings, (name, value)| settings.with(name, value))
    }

    /// The variables of the environment for that.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let url = |service: &str| format!("http://{}/{service}", self.address);
        vec![
            ("CREDENTIALS_KEY", CREDENTIALS_KEY.to_owned()),
            ("XBOX_CLIENT_ID", xbox::CLIENT_ID.to_owned()),
            ("XBOX_CLIENT_SECRET", format!("secret-{CANARY}")),
            ("XBOX_LOGIN_URL", url("xbox-login")),
            ("XBOX_USER_AUTH_URL", url("xbox-user")),
            ("XBOX_XSTS_URL", url("xbox-xsts")),
            ("XBOX_PROFILE_URL", url("xbox-profile")),
            ("XBOX_PRESENCE_URL", url("xbox-presence")),
            ("PSN_NPSSO", psn::npsso()),
            ("PSN_AUTH_URL", url("psn-auth")),
            ("PSN_PROFILE_URL", url("psn-profile")),
            ("PSN_PRESENCE_URL", url("psn-presence")),
            ("STEAM_API_KEY", steam::key()),
            ("STEAM_URL", url("steam")),
        ]
    }

    /// What the services know, to change it.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call of this name fails like this; after it, the call after that.
    pub fn fails(&self, call: &'static str, fault: Fault) {
        self.world().faults.entry(call).or_default().push_back(fault);
    }

    /// From now on all calls whose names begin like this fail.
    pub fn breaks(&self, prefix: &'static str, fault: Fault) {
        self.world().broken.insert(prefix, fault);
    }

    /// Until they do not any more.
    pub fn mends(&self) {
        let mut world = self.world();
        world.broken.clear();
        world.faults.clear();
    }

    /// Every call so far whose name begins like this.
    pub fn calls(&self, prefix: &str) -> Vec<Call> {
        self.world().calls.iter().filter(|call| call.name.starts_with(prefix)).cloned().collect()
    }

    /// How many that are.
    pub fn count(&self, prefix: &str) -> usize {
        self.calls(prefix).len()
    }

    /// Forgets all calls.
    pub fn forget(&self) {
        self.world().calls.clear();
    }
}

/// The name of a call, by its path.
fn name(path: &str) -> &'static str {
    let starts = |start: &str| path.starts_with(start);
    match path {
        "/xbox-login/oauth20_token.srf" => "xbox_login",
        "/xbox-user/user/authenticate" => "xbox_user_token",
        "/xbox-xsts/xsts/authorize" => "xbox_xsts_token",
        "/xbox-presence/users/batch" => "xbox_presence",
        "/psn-auth/api/authz/v3/oauth/authorize" => "psn_code",
        "/psn-auth/api/authz/v3/oauth/token" => "psn_token",
        "/psn-presence/api/userProfile/v2/internal/users/basicPresences" => "psn_presences",
        _ if starts("/xbox-profile/") => "xbox_profile",
        _ if starts("/psn-profile/") => "psn_profile",
        _ if starts("/psn-presence/") => "psn_presence",
        _ if starts("/steam/ISteamUser/ResolveVanityURL/") => "steam_vanity",
        _ if starts("/steam/ISteamUser/GetPlayerSummaries/") => "steam_players",
        _ => "unknown",
    }
}

/// Notes each request, and plays the faults.
async fn watch(State(providers): State<Providers>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let name = name(parts.uri.path());
    let fault = {
        let mut world = providers.world();
        let target = parts.uri.to_string();
        world.calls.push(Call { name, target });
        let broken = world.broken.iter().find(|(prefix, _)| name.starts_with(**prefix));
        let broken = broken.map(|(_, fault)| fault.clone());
        let next = world.faults.get_mut(name).and_then(VecDeque::pop_front);
        next.or(broken)
    };
    let request = Request::from_parts(parts, Body::from(body));
    match fault {
        None => next.run(request).await,
        Some(Fault::Slow(pause)) => {
            tokio::time::sleep(pause).await;
            next.run(request).await
        }
        Some(Fault::Together(others)) => {
            others.wait().await;
            next.run(request).await
        }
        Some(Fault::Status(status)) => refusal(status, "<html>no</html>"),
        Some(Fault::RetryAfter(status, after)) => {
            let mut response = refusal(status, "");
            response.headers_mut().insert("retry-after", after.parse().expect("a header"));
            response
        }
        Some(Fault::Cut) => {
            let parts = [Ok(Bytes::from_static(b"[{")), Err(std::io::Error::other("cut"))];
            Body::from_stream(futures::stream::iter(parts)).into_response()
        }
        Some(Fault::Garbage) => "[{\"xuid\": \"2533".into_response(),
    }
}

async fn unknown(request: Request) -> Response {
    panic!("no service has {} {}", request.method(), request.uri().path())
}

fn refusal(status: u16, body: impl Into<String>) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, body.into()).into_response()
}

fn json(status: u16, body: &Value) -> Response {
    let mut response = refusal(status, body.to_string());
    response.headers_mut().insert("content-type", "application/json".parse().expect("a header"));
    response
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The fields of a form or of a query.
fn fields(encoded: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect()
}

/// The end of a token, so many seconds from now, the way Xbox Live writes it: with seven digits.
fn seven_digits(clock: &Clock, seconds: i64) -> String {
    let end = clock.now().0 / 1000 + seconds;
    let end = chrono::DateTime::from_timestamp(end, 0).expect("a time");
    end.format("%Y-%m-%dT%H:%M:%S.1234567Z").to_string()
}

impl Providers {
    /// Signs in to Xbox Live, as `gsm-bot auth xbox` would have done before the bot was started.
    pub async fn sign_in_to_xbox(&self, database: &Database) {
        let name = |it: &str| match it {
            "BOT_TOKEN" => Some("1:abcdefghijklmnopqrstuvwxyz".to_owned()),
            "MODE" => Some("polling".to_owned()),
            "MONGODB_URI" => Some(database.uri.clone()),
            "MONGODB_DATABASE" => Some(database.name.clone()),
            _ => None,
        };
        let config = Config::read(&name).expect("a configuration");
        let clock = self.world().clock.clone();
        let store = Store::connect(&config.mongodb, clock).await.expect("a database");
        let vault = Vault::new(store, &CREDENTIALS_KEY.into()).expect("a key");
        let json = format!(r#"{{ "refresh": "{}" }}"#, self.xbox_refresh_token()).into();
        let secrets = Secrets { json, access_expires_at: None, refresh_expires_at: None };
        vault.replace(Service::Xbox, &secrets).await.expect("credentials");
    }
}
