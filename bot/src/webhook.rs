//! Where Telegram calls us, and where the load balancer asks how we are.
//!
//! **When an update is answered 200:** after it was handled, or once `updates` in the database shows that it was handled
//! before. Until then Telegram keeps it and sends it again; it sends the next update of the same chat only after that.
//! So nothing is lost when this process dies, and the order within a chat holds for all replicas together. One that is
//! still being handled after `PATIENCE`, here or in another replica, is answered 503: Telegram asks again, and gets its
//! 200 when it is done.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::IgnoredAny};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use teloxide::types::Update;

use crate::{
    config::Config,
    context::App,
    updates::{Outcome, Updates},
};

/// How long a request waits for its update. Telegram gives up after a minute.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long the database may take to answer before we are not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// Largest update, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

#[derive(Clone)]
struct Entrance {
    app: Arc<App>,
    updates: Updates,
    secret: SecretString,
}

/// Every path that the bot answers. In polling mode there is no webhook.
pub fn routes(app: Arc<App>, updates: Option<Updates>) -> Router {
    let health = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state(app.clone());
    let Some(updates) = updates else { return health };
    let path = app.config.webhook.path.clone();
    let secret = secret(&app.config);
    // GET is answered 405: the original's load balancer takes that for health.
    let webhook = Router::new()
        .route(&path, post(receive))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Entrance { app, updates, secret });
    health.merge(webhook)
}

/// What Telegram has to send along: configured, or the same for every process with this token.
pub fn secret(config: &Config) -> SecretString {
    if let Some(secret) = &config.webhook.secret {
        return secret.clone();
    }
    // A key may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(config.token.expose_secret().as_bytes())
    else {
        return SecretString::default();
    };
    mac.update(b"webhook secret");
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|it| format!("{it:02x}")).collect::<String>().into()
}

async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    match tokio::time::timeout(READY_WITHIN, app.store.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer"),
    }
}

async fn receive(State(entrance): State<Entrance>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let turned_away = |reason| entrance.app.metrics.turned_away.with_label_values(&[reason]).inc();
    let sent = headers.get("x-telegram-bot-api-secret-token").map_or(&[][..], |it| it.as_bytes());
    let expected = entrance.secret.expose_secret().as_bytes();
    if !bool::from(sent.ct_eq(expected)) {
        turned_away("secret");
        return StatusCode::UNAUTHORIZED;
    }
    if entrance.app.stopping.is_cancelled() {
        turned_away("stopping");
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let update = match read(&body) {
        Ok(Some(update)) => update,
        Ok(None) => {
            turned_away("unwanted");
            return StatusCode::OK;
        }
        // It would be as wrong the next time, so Telegram is told to forget it.
        Err(error) => {
            turned_away("unreadable");
            let (line, column) = (error.line(), error.column());
            tracing::warn!(bytes = body.len(), line, column, "an update cannot be read");
            return StatusCode::OK;
        }
    };
    match tokio::time::timeout(PATIENCE, entrance.updates.handle(update)).await {
        Ok(Outcome::Done) => StatusCode::OK,
        Ok(Outcome::Again) | Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The update in a body, if it is of a kind that we ask for. teloxide panics at some of the others.
fn read(body: &[u8]) -> serde_json::Result<Option<Update>> {
    let kind: Kind = serde_json::from_slice(body)?;
    if kind.is_wanted() { serde_json::from_slice(body).map(Some) } else { Ok(None) }
}

#[derive(Deserialize)]
struct Kind {
    message: Option<IgnoredAny>,
    callback_query: Option<IgnoredAny>,
    my_chat_member: Option<IgnoredAny>,
    chat_member: Option<IgnoredAny>,
    pre_checkout_query: Option<IgnoredAny>,
}

impl Kind {
    fn is_wanted(&self) -> bool {
        self.message.is_some()
            || self.callback_query.is_some()
            || self.my_chat_member.is_some()
            || self.chat_member.is_some()
            || self.pre_checkout_query.is_some()
    }
}
