//! A stand-in for Telegram: a Bot API server on loopback that checks every call and plays what it does.
//!
//! `description` and `limits` say what a call has to look like, `methods` what it does to the `world`. What breaks a
//! rule is refused as Telegram would, and is remembered as a defect, which fails the test at its end.

mod delivery;
pub mod description;
pub mod generated;
mod limits;
pub mod markup;
mod messages;
mod methods;
mod requests;
pub mod second_opinion;
pub mod world;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::Router;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

pub use self::{
    description::BOT_API,
    methods::{indented, migrate, place},
    world::World,
};

/// The bot's token. The part after the colon is a canary: it must be in no log.
pub const TOKEN: &str = "900000001:CANARY-bot-token-AAAAAAAAAAAAAAAAAAAAA";

/// The stand-in, shared by the test and the server's tasks.
pub struct Telegram {
    /// Where the Bot API is: `http://127.0.0.1:PORT`.
    pub url: String,
    world: Mutex<World>,
    record: Mutex<Record>,
    in_flight: AtomicUsize,
    /// Told whenever an update is queued.
    queued: Notify,
    client: reqwest::Client,
}

/// What happened so far.
#[derive(Default)]
struct Record {
    calls: Vec<Call>,
    lines: Vec<String>,
    defects: Vec<String>,
    faults: Vec<Fault>,
    queue: VecDeque<Value>,
    /// Where the bot's replicas listen, for the webhook.
    listeners: Vec<SocketAddr>,
    turn: usize,
    polls: usize,
    last_call: Option<Instant>,
    /// Kinds of updates that the bot asked for; `None` is Telegram's default.
    allowed: Option<Vec<String>>,
}

/// A call of the bot, and how it ended.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub parameters: Value,
    /// The result, or what Telegram said against it.
    pub outcome: Result<Value, String>,
}

/// Trouble that a test orders for calls to come.
#[derive(Clone, Debug)]
pub struct Fault {
    pub method: String,
    /// Only in this chat.
    pub chat: Option<i64>,
    /// How many calls it hits.
    pub times: usize,
    pub trouble: Trouble,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// Telegram says no.
    Refuses(Refused),
    /// It takes this long.
    Slow(Duration),
    /// It is done at once, but the answer takes this long.
    AnswersLate(Duration),
    /// It is done, but the connection breaks before the answer.
    AnswerLost,
}

/// Telegram's "no".
#[derive(Clone, Debug)]
pub struct Refused {
    code: u16,
    what: String,
    parameters: Option<Value>,
    /// Whether a correct bot would never have asked.
    defect: bool,
}

impl Refused {
    /// 400, as it can happen to a correct bot.
    pub fn bad(what: &str) -> Self {
        Self { code: 400, what: format!("Bad Request: {what}"), parameters: None, defect: false }
    }

    /// 400 that only a mistake in the bot brings about.
    fn defect(what: &str) -> Self {
        Self { defect: true, ..Self::bad(what) }
    }

    /// 403.
    pub fn forbidden(what: &str) -> Self {
        Self { code: 403, what: format!("Forbidden: {what}"), ..Self::bad("") }
    }

    /// 429: too many requests, try again after so many seconds.
    pub fn too_many(retry_after: u32) -> Self {
        Self {
            code: 429,
            what: format!("Too Many Requests: retry after {retry_after}"),
            parameters: Some(json!({ "retry_after": retry_after })),
            defect: false,
        }
    }

    /// The group is a supergroup now.
    pub fn migrated(to: i64) -> Self {
        Self {
            parameters: Some(json!({ "migrate_to_chat_id": to })),
            ..Self::bad("group chat was upgraded to a supergroup chat")
        }
    }

    fn json(&self) -> Value {
        let mut it = json!({ "ok": false, "error_code": self.code, "description": self.what });
        if let Some(parameters) = &self.parameters {
            it["parameters"] = parameters.clone();
        }
        it
    }
}

impl Telegram {
    /// Starts a server with an empty world.
    pub async fn start() -> std::io::Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build();
        let it = Arc::new(Self {
            url: format!("http://{}", listener.local_addr()?),
            world: Mutex::new(World::new()),
            record: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            queued: Notify::new(),
            client: client.map_err(std::io::Error::other)?,
        });
        let router = Router::new().fallback(requests::answer).with_state(it.clone());
        let router = router.layer(axum::extract::DefaultBodyLimit::max(64 << 20));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(it)
    }

    /// The world, to look at or to change. Not to be held across an `await`.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Adds what a person does to the transcript.
    pub fn note(&self, line: String) {
        self.record().lines.push(line);
    }

    /// The transcript since this was last asked for.
    pub fn take_lines(&self) -> Vec<String> {
        std::mem::take(&mut self.record().lines)
    }

    /// What the bot did wrong so far; asked for, it is forgotten.
    pub fn take_defects(&self) -> Vec<String> {
        std::mem::take(&mut self.record().defects)
    }

    /// Every call of this method, in order.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.record().calls.iter().filter(|it| it.method == method).cloned().collect()
    }

    /// How many calls there were of every method.
    pub fn census(&self) -> std::collections::BTreeMap<String, usize> {
        let mut census = std::collections::BTreeMap::new();
        for call in &self.record().calls {
            *census.entry(call.method.clone()).or_default() += 1;
        }
        census
    }

    /// Forgets calls and transcript.
    pub fn forget(&self) {
        let mut record = self.record();
        record.calls.clear();
        record.lines.clear();
    }

    /// Orders trouble.
    pub fn order(&self, fault: Fault) {
        self.record().faults.push(fault);
    }

    /// Whether all trouble that was ordered has come.
    pub fn had_its_trouble(&self) -> bool {
        self.record().faults.iter().all(|it| it.times == 0)
    }

    /// Where the webhook's address leads to: the replicas behind the load balancer.
    pub fn listeners(&self, addresses: Vec<SocketAddr>) {
        self.record().listeners = addresses;
    }

    /// How long the bot has not called, and whether a call is under way or an update waits to be fetched.
    pub fn quiet_for(&self) -> Option<Duration> {
        let record = self.record();
        let busy = self.in_flight.load(Ordering::SeqCst) > 0 || !record.queue.is_empty();
        (!busy).then(|| record.last_call.map_or(Duration::MAX, |it| it.elapsed()))
    }

    /// Checks and plays a call.
    async fn call(&self, method: &str, parameters: Value) -> Result<Value, Option<Refused>> {
        let Some(described) = BOT_API.method(method) else {
            self.record().defects.push(format!("no method `{method}`"));
            return Err(Some(Refused {
                code: 404,
                what: "Not Found".to_owned(),
                ..Refused::bad("")
            }));
        };
        let name = described.name.clone();
        let mut wrong = BOT_API.misfits_of_call(described, &parameters);
        wrong.extend(limits::broken(&name, &parameters));
        if wrong.is_empty() {
            wrong.extend(second_opinion::misfits(&name, &parameters));
        }
        let (mut lost, mut late) = (false, Duration::ZERO);
        let outcome = if !wrong.is_empty() {
            Err(Refused::defect(&wrong.join("; ")))
        } else {
            match self.trouble(&name, &parameters) {
                Some(Trouble::Refuses(refused)) => Err(refused),
                trouble => {
                    if let Some(Trouble::Slow(time)) = trouble {
                        tokio::time::sleep(time).await;
                    }
                    lost = matches!(trouble, Some(Trouble::AnswerLost));
                    if let Some(Trouble::AnswersLate(time)) = trouble {
                        late = time;
                    }
                    self.play(&name, &parameters).await
                }
            }
        };
        if let Ok(result) = &outcome {
            let misfits = BOT_API.compare(&described.returns, result, &name);
            assert!(
                misfits.is_empty(),
                "the stand-in answers what Telegram would not: {misfits:#?}"
            );
        }
        self.remember(name, parameters, &outcome);
        tokio::time::sleep(late).await;
        if lost { Err(None) } else { outcome.map_err(Some) }
    }

    fn remember(&self, name: String, parameters: Value, outcome: &Result<Value, Refused>) {
        let told = outcome.clone().map_err(|it| it.what);
        let mut record = self.record();
        if let Err(refused) = outcome {
            if refused.defect {
                record.defects.push(refused.what.clone());
            }
            if name != "getUpdates" {
                record.lines.push(format!("  Telegram refuses {name}: {}", refused.what));
            }
        }
        record.calls.push(Call { method: name, parameters, outcome: told });
    }

    /// The trouble ordered for this call, if any.
    fn trouble(&self, method: &str, parameters: &Value) -> Option<Trouble> {
        let mut record = self.record();
        let fault = record.faults.iter_mut().find(|it| {
            let here = it.chat.is_none_or(|chat| parameters["chat_id"].as_i64() == Some(chat));
            it.times > 0 && it.method == method && here
        })?;
        fault.times -= 1;
        Some(fault.trouble.clone())
    }

    async fn play(&self, method: &str, parameters: &Value) -> Result<Value, Refused> {
        if method == "getUpdates" {
            return self.updates(parameters).await;
        }
        let (result, seen) = methods::play(&mut self.world(), method, parameters)?;
        let mut record = self.record();
        record.lines.extend(seen.map(|it| format!("  {it}")));
        if method == "setWebhook" {
            record.allowed =
                delivery::asked_for(&parameters["allowed_updates"]).or(record.allowed.take());
        }
        if method.ends_with("Webhook") && parameters["drop_pending_updates"] == true {
            record.queue.clear();
        }
        Ok(result)
    }
}
