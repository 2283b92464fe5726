//! How much the bot bears: updates per second, how long they take, memory, and how long it takes to start.
//!
//! ```sh
//! cargo run --release -p gsm-bot --example load -- --updates 100000
//! ```
//!
//! The bot is a process of its own, started by this one with `run`. It gets its updates over the webhook, keeps its
//! data in a real database server and talks to a Bot API on loopback, which says yes to everything at once: what is
//! measured is the bot and its database, not Telegram.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use axum::{Json, Router, extract::State, http::Uri};
use clap::Parser;
use serde_json::{Value, json};

const TOKEN: &str = "1:abcdefghijklmnopqrstuvwxyz0123456789";
const SECRET: &str = "load";

/// How much the bot bears
#[derive(Parser)]
struct Args {
    /// How many updates to send in all
    #[arg(long, default_value_t = 2000)]
    updates: usize,
    /// How many people use the bot at the same time, each waiting for their answer
    #[arg(long, default_value_t = 32)]
    people: usize,
}

fn main() -> Result<std::process::ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    if std::env::args().nth(1).as_deref() == Some("run") {
        return Ok(runtime.block_on(gsm_bot::cli::Cli::parse().run()));
    }
    runtime.block_on(measure(&Args::parse()))?;
    Ok(std::process::ExitCode::SUCCESS)
}

async fn measure(args: &Args) -> Result<()> {
    ensure!(args.people > 0 && args.updates >= args.people, "at least one update for each person");
    let (database, _server) = Database::start()?;
    let (telegram, api) = telegram().await?;
    let began = Instant::now();
    let bot = Bot::start(&database, api)?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    bot.is_ready(&client).await?;
    let start_up = began.elapsed();

    let before = bot.memory()?;
    let load = Arc::new(Load {
        client,
        url: format!("http://{}/telegram", bot.address),
        telegram,
        next_update: AtomicI64::new(1),
    });
    let began = Instant::now();
    let people = (0..args.people).map(|index| {
        let extra = usize::from(index < args.updates % args.people);
        tokio::spawn(person(load.clone(), index, args.updates / args.people + extra))
    });
    let mut took = Vec::new();
    let mut refused = 0;
    for person in futures::future::join_all(people).await {
        let (times, again) = person??;
        took.extend(times);
        refused += again;
    }
    let all = began.elapsed();
    let after = bot.memory()?;
    database.clean_up().await?;

    took.sort();
    let percentile = |percent: usize| took.get((took.len() - 1) * percent / 100).copied();
    let [half, most, worst] = [50, 99, 100].map(|it| percentile(it).unwrap_or_default());
    let profile = if cfg!(debug_assertions) { "dev: for trying out only" } else { "release" };
    println!("profile     {profile}");
    println!("database    {}", database.what);
    println!("start-up    {} ms, until /readyz says yes", start_up.as_millis());
    println!("updates     {} by {} people, {refused} sent again", took.len(), args.people);
    println!("rate        {:.0} updates/s", took.len() as f64 / all.as_secs_f64());
    println!("latency     {half:.1?} median, {most:.1?} 99th percentile, {worst:.1?} longest");
    println!("memory      {before} MiB before, {after} MiB after (resident)");
    Ok(())
}

/// What one person does, over and over: reads the help, looks around in a group, begins a dialogue and cancels it.
/// Answers with how long each update took, and how many had to be sent again.
async fn person(load: Arc<Load>, index: usize, count: usize) -> Result<(Vec<Duration>, usize)> {
    let id = 1000 + i64::try_from(index)?;
    let group = -1_000_000_000_000 - i64::try_from(index % 10)?;
    let (mut took, mut again) = (Vec::with_capacity(count), 0);
    for step in 0..count {
        let update = match step % 8 {
            0 => load.message(id, id, "/help"),
            1 => load.press(id, First),
            2 => load.message(id, group, "/about"),
            3 => load.message(id, group, "/list_notify_groups"),
            4 => load.message(id, id, "/add_status_user"),
            5 => load.message(id, id, "Ann"),
            6 => load.press(id, Last),
            _ => load.message(id, id, "/settings"),
        };
        let began = Instant::now();
        again += load.deliver(&update?).await?;
        took.push(began.elapsed());
    }
    Ok((took, again))
}

/// Which button of the last card.
enum Which {
    First,
    Last,
}
use Which::{First, Last};

struct Load {
    client: reqwest::Client,
    url: String,
    telegram: Telegram,
    next_update: AtomicI64,
}

impl Load {
    fn update(&self, kind: &str, what: Value) -> Value {
        let id = self.next_update.fetch_add(1, Ordering::Relaxed);
        json!({ "update_id": id, kind: what })
    }

    fn message(&self, from: i64, chat: i64, text: &str) -> Result<Value> {
        let mut message = self.telegram.message(chat);
        message["from"] = someone(from);
        message["text"] = text.into();
        let end = text.find(' ').unwrap_or(text.len());
        if text.starts_with('/') {
            message["entities"] = json!([{ "type": "bot_command", "offset": 0, "length": end }]);
        }
        Ok(self.update("message", message))
    }

    fn press(&self, from: i64, which: Which) -> Result<Value> {
        let card = self.telegram.card(from).context("there is no card to press a button of")?;
        let (message_id, buttons) = card;
        let data = match which {
            First => buttons.first(),
            Last => buttons.last(),
        };
        let mut message = self.telegram.message(from);
        message["message_id"] = message_id.into();
        message["text"] = "a card".into();
        let press = json!({
            "id": message_id.to_string(), "from": someone(from), "chat_instance": "1",
            "message": message, "data": data.context("a card without buttons")?,
        });
        Ok(self.update("callback_query", press))
    }

    /// Sends an update until it is taken, as Telegram does, and says how often that was in vain.
    async fn deliver(&self, update: &Value) -> Result<usize> {
        for again in 0..100 {
            let request = self.client.post(&self.url).json(update);
            let answer = request.header("x-telegram-bot-api-secret-token", SECRET).send().await?;
            match answer.status().as_u16() {
                200 => return Ok(again),
                503 => tokio::time::sleep(Duration::from_millis(50)).await,
                other => anyhow::bail!("the webhook answers {other}"),
            }
        }
        anyhow::bail!("an update was refused a hundred times")
    }
}

fn someone(id: i64) -> Value {
    json!({ "id": id, "is_bot": false, "first_name": format!("Person {id}"), "language_code": "en" })
}

/// A Bot API that agrees to everything, and remembers the last card of each chat.
#[derive(Clone, Default)]
struct Telegram {
    next_message: Arc<AtomicI64>,
    cards: Arc<Mutex<HashMap<i64, Card>>>,
}

/// A message and what its buttons would send.
type Card = (i64, Vec<String>);

impl Telegram {
    /// A message in a chat, without content.
    fn message(&self, chat: i64) -> Value {
        let id = self.next_message.fetch_add(1, Ordering::Relaxed) % 1_000_000_000 + 1;
        let date = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let chat = if chat > 0 {
            json!({ "id": chat, "type": "private", "first_name": "Person" })
        } else {
            json!({ "id": chat, "type": "supergroup", "title": "Gamers" })
        };
        json!({ "message_id": id, "date": date, "chat": chat })
    }

    fn card(&self, chat: i64) -> Option<Card> {
        self.cards.lock().ok()?.get(&chat).cloned()
    }

    fn answer(&self, method: &str, call: &Value) -> Value {
        let chat = call["chat_id"].as_i64().unwrap_or_default();
        match method {
            "getme" => json!({
                "id": 1, "is_bot": true, "first_name": "Bot", "username": "LoadBot",
                "can_join_groups": true, "can_read_all_group_messages": false,
                "supports_inline_queries": false, "can_connect_to_business": false,
                "has_main_web_app": false,
            }),
            "getwebhookinfo" => json!({
                "url": "", "has_custom_certificate": false, "pending_update_count": 0,
            }),
            "getchatadministrators" => json!([]),
            "getchatmember" => json!({ "status": "member", "user": someone(1) }),
            it if it.starts_with("send") && it != "sendchataction" || it == "editmessagetext" => {
                let mut message = self.message(chat);
                message["text"] = call["text"].clone();
                if let Some(id) = call["message_id"].as_i64() {
                    message["message_id"] = id.into();
                }
                self.remember(chat, message["message_id"].as_i64(), &call["reply_markup"]);
                message
            }
            _ => true.into(),
        }
    }

    fn remember(&self, chat: i64, message: Option<i64>, markup: &Value) {
        let rows = markup["inline_keyboard"].as_array().into_iter().flatten();
        let buttons = rows.flat_map(|it| it.as_array()).flatten();
        let data: Vec<String> =
            buttons.filter_map(|it| it["callback_data"].as_str()).map(str::to_owned).collect();
        if let (Some(message), false, Ok(mut cards)) = (message, data.is_empty(), self.cards.lock())
        {
            cards.insert(chat, (message, data));
        }
    }
}

async fn telegram() -> Result<(Telegram, SocketAddr)> {
    let telegram = Telegram::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answer = async |State(it): State<Telegram>, uri: Uri, body: axum::body::Bytes| {
        let method = uri.path().rsplit('/').next().unwrap_or_default().to_lowercase();
        let call = serde_json::from_slice(&body).unwrap_or_default();
        Json(json!({ "ok": true, "result": it.answer(&method, &call) }))
    };
    let routes = Router::new().fallback(answer).with_state(telegram.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok((telegram, address))
}

/// The bot's process.
struct Bot {
    child: Child,
    address: SocketAddr,
}

impl Bot {
    fn start(database: &Database, api: SocketAddr) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new(std::env::current_exe()?)
            .arg("run")
            .env_clear()
            .env("BOT_TOKEN", TOKEN)
            .env("BOT_API_URL", format!("http://{api}"))
            .env("THROTTLE", "off")
            .env("LISTEN_ADDR", address.to_string())
            .env("WEBHOOK_URL", "https://bot.example.org")
            .env("WEBHOOK_SECRET", SECRET)
            .env("MONGODB_URI", &database.uri)
            .env("MONGODB_DATABASE", &database.name)
            // So that there is a service to add status users of. It is never asked.
            .env("STEAM_API_KEY", "none")
            .env("STEAM_URL", format!("http://{api}"))
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, address })
    }

    async fn is_ready(&self, client: &reqwest::Client) -> Result<()> {
        let url = format!("http://{}/readyz", self.address);
        for _ in 0..6000 {
            if client.get(&url).send().await.is_ok_and(|it| it.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::bail!("the bot was not ready within 30 s")
    }

    /// What it has of the machine's memory, in MiB.
    fn memory(&self) -> Result<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
        let kib = line.and_then(|it| it.split_whitespace().next()).context("no VmRSS")?;
        Ok(kib.parse::<usize>()? / 1024)
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Database {
    what: &'static str,
    uri: String,
    name: String,
}

impl Database {
    /// The server that `TEST_MONGODB_URI` names, or one of our own, which ends with the process that is given back.
    fn start() -> Result<(Self, Option<Child>)> {
        let name = format!("gsm_load_{:016x}", rand::random::<u64>());
        if let Ok(uri) = std::env::var("TEST_MONGODB_URI") {
            return Ok((Self { what: "the server of TEST_MONGODB_URI", uri, name }, None));
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/database");
        ensure!(
            Command::new(here.join("setup")).status()?.success(),
            "tests/database/setup failed"
        );
        let mut server = Command::new(here.join("../../../target/bot-venv/bin/python"))
            .arg(here.join("serve"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(server.stdout.take().context("a pipe")?).read_line(&mut line)?;
        let port = line.trim().strip_prefix("listening on ").context("`listening on PORT`")?;
        // At each write SecantusDB goes through all that it could be asked for again: soon that would be all it does.
        let uri = format!("mongodb://127.0.0.1:{port}/?directConnection=true&retryWrites=false");
        Ok((Self { what: "SecantusDB, in memory (not MongoDB)", uri, name }, Some(server)))
    }

    async fn clean_up(&self) -> Result<()> {
        let client = mongodb::Client::with_uri_str(&self.uri).await?;
        Ok(client.database(&self.name).drop().await?)
    }
}
