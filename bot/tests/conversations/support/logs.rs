//! What the bot logs, in this process and in processes of its own, and whether it should have.
//!
//! Secrets must be in no line, at no level. Texts of messages may be in lines below `INFO` only.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    net::SocketAddr,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use tokio::sync::oneshot;
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// What every secret of the tests contains, so that it is recognised wherever it turns up.
pub const CANARY: &str = "CANARY";

/// Everything that was logged at `INFO` and above, and every line with a secret.
#[derive(Default)]
struct Logs {
    lines: Vec<String>,
    leaks: Vec<String>,
}

static LOGS: Mutex<Logs> = Mutex::new(Logs { lines: Vec::new(), leaks: Vec::new() });

fn logs() -> MutexGuard<'static, Logs> {
    LOGS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Collects what this process logs from now on.
pub fn collect() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let filter = EnvFilter::new("debug,gsm_bot=trace,h2=info,hyper=info,hyper_util=info");
        let lines =
            tracing_subscriber::fmt::layer().json().with_writer(Collector).with_filter(filter);
        tracing_subscriber::registry().with(lines).init();
    });
}

/// Collects what a process writes, until it ends, and gives the address at which it says that it is running.
pub fn collect_from(output: impl Read + Send + 'static) -> oneshot::Receiver<SocketAddr> {
    let (running, address) = oneshot::channel();
    std::thread::spawn(move || {
        let mut running = Some(running);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            take(&line);
            if let Some(address) = runs_at(&line)
                && let Some(running) = running.take()
            {
                let _ = running.send(address);
            }
        }
    });
    address
}

fn runs_at(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    (fields["message"] == "running").then(|| fields["address"].as_str()?.parse().ok()).flatten()
}

/// How many lines there are: where a test begins.
pub fn here() -> usize {
    logs().lines.len()
}

/// Every line since then.
pub fn since(begin: usize) -> Vec<String> {
    logs().lines.iter().skip(begin).cloned().collect()
}

/// Lines with secrets, of all tests so far.
pub fn leaks() -> Vec<String> {
    logs().leaks.clone()
}

/// Lines since then that contain one of these texts.
pub fn telling(begin: usize, texts: &[String]) -> Vec<String> {
    let escaped: Vec<String> = texts.iter().filter_map(|it| distinctive(it)).collect();
    let tells = |line: &String| escaped.iter().any(|text| line.contains(text));
    since(begin).into_iter().filter(tells).collect()
}

/// A text as it would stand in a line of JSON, if it is one that nobody logs by chance: a bare command is no secret.
fn distinctive(text: &str) -> Option<String> {
    let said = text.split_whitespace().nth(1).is_some() || !text.starts_with('/');
    let escaped = serde_json::to_string(text).unwrap_or_default();
    (said && text.chars().count() >= 8).then(|| escaped.trim_matches('"').to_owned())
}

fn take(line: &str) {
    let mut logs = logs();
    if line.contains(CANARY) {
        logs.leaks.push(line.to_owned());
    }
    if !line.contains("\"level\":\"DEBUG\"") && !line.contains("\"level\":\"TRACE\"") {
        logs.lines.push(line.to_owned());
    }
}

/// Where `tracing` writes.
struct Collector;

impl<'a> MakeWriter<'a> for Collector {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        take(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
