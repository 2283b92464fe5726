//! The bot under test: in this process, or as processes of its own.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use gsm_bot::{clock::Clock, config::Config, run};

use super::{
    database::Database,
    logs,
    telegram::{TOKEN, Telegram},
};

/// How a test wants the bot.
#[derive(Clone, Debug)]
pub struct Settings {
    manner: Manner,
    /// Variables of the environment, besides those that every bot needs.
    variables: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// Nobody answers; the test speaks to Telegram itself.
    Absent,
    /// In this process, where its clock can be moved.
    Inside,
    /// So many processes, which can be killed.
    Processes(usize),
}

impl Settings {
    /// In this process, behind a webhook.
    pub fn webhook() -> Self {
        Self::of(Manner::Inside, "webhook")
    }

    /// In this process, asking for updates.
    pub fn polling() -> Self {
        Self::of(Manner::Inside, "polling")
    }

    /// So many processes behind a webhook, which take turns.
    pub fn replicas(count: usize) -> Self {
        Self::of(Manner::Processes(count), "webhook")
    }

    /// No bot at all.
    pub fn absent() -> Self {
        Self::of(Manner::Absent, "webhook")
    }

    fn of(manner: Manner, mode: &str) -> Self {
        Self { manner, variables: Vec::new() }.with("MODE", mode)
    }

    /// With this variable in its environment.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// With an operator.
    pub fn with_operator(self, id: i64) -> Self {
        self.with("OPERATOR_IDS", id)
    }

    /// The value of a variable; the last one counts.
    fn value(&self, name: &str) -> Option<String> {
        self.variables.iter().rev().find(|it| it.0 == name).map(|it| it.1.clone())
    }
}

/// The bot.
pub struct Bot {
    telegram: Arc<Telegram>,
    settings: Settings,
    clock: Clock,
    inside: Option<run::Running>,
    pub processes: Vec<Process>,
}

/// A process of the bot's program.
pub struct Process {
    child: Child,
    /// Where its webhook and its health checks are.
    pub address: SocketAddr,
}

impl Bot {
    /// Starts it, and waits until it listens.
    pub async fn start(telegram: &Arc<Telegram>, database: &Database, settings: Settings) -> Self {
        let settings = Settings { manner: settings.manner, variables: Vec::new() }
            .with("BOT_TOKEN", TOKEN)
            .with("BOT_API_URL", &telegram.url)
            .with("MONGODB_URI", &database.uri)
            .with("MONGODB_DATABASE", &database.name)
            .with("WEBHOOK_URL", "https://bot.example")
            .with("LISTEN_ADDR", "127.0.0.1:0")
            // Telegram's limits are counted in real time; a test about them switches this on again.
            .with("THROTTLE", "off")
            .and(settings.variables);
        let mut it = Self {
            telegram: telegram.clone(),
            settings,
            clock: Clock::default(),
            inside: None,
            processes: Vec::new(),
        };
        it.begin().await;
        it
    }

    /// Starts what the settings ask for.
    pub async fn begin(&mut self) {
        match self.settings.manner {
            Manner::Absent => {}
            Manner::Inside => {
                let config =
                    Config::read(&|name| self.settings.value(name)).expect("a configuration");
                let running = run::start(config, self.clock.clone()).await.expect("the bot starts");
                self.telegram.listeners(vec![running.address()]);
                self.inside = Some(running);
            }
            Manner::Processes(count) => {
                for _ in 0..count {
                    self.launch().await;
                }
            }
        }
    }

    /// Starts one more process, and waits until it is ready.
    pub async fn launch(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gsm-bot"))
            .arg("run")
            .env_clear()
            .envs(self.settings.variables.iter().cloned())
            .env("LISTEN_ADDR", "127.0.0.1:0")
            .env("RUST_LOG", "debug,h2=info,hyper=info,hyper_util=info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the bot's program starts");
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            panic!("two pipes");
        };
        let running = logs::collect_from(output);
        drop(logs::collect_from(errors));
        let patience = tokio::time::timeout(Duration::from_secs(30), running);
        let Ok(Ok(address)) = patience.await else {
            panic!("the bot did not start within 30 s:\n{}", logs::since(0).join("\n"));
        };
        self.processes.push(Process { child, address });
        self.telegram.listeners(self.processes.iter().map(|it| it.address).collect());
        for _ in 0..600 {
            if status(address, "/readyz").await == Some(200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the bot was not ready within 30 s:\n{}", logs::since(0).join("\n"));
    }

    /// Kills a process at once, as nothing in it would expect.
    pub fn kill(&mut self, index: usize) {
        let mut process = self.processes.remove(index);
        let _ = process.child.kill();
        let _ = process.child.wait();
        self.telegram.listeners(self.processes.iter().map(|it| it.address).collect());
    }

    /// Asks a process to end, and answers with its exit code.
    pub async fn terminate(&mut self, index: usize) -> Option<i32> {
        let mut process = self.processes.remove(index);
        process.signal("TERM");
        let ended = tokio::task::spawn_blocking(move || process.child.wait()).await;
        self.telegram.listeners(self.processes.iter().map(|it| it.address).collect());
        ended.ok()?.ok()?.code()
    }

    /// Ends the bot in this process, and starts it again: what it only had in memory is gone.
    pub async fn restart(&mut self) {
        if let Some(running) = self.inside.take() {
            running.stop().await;
            self.begin().await;
            return;
        }
        let count = self.processes.len();
        for _ in 0..count {
            self.kill(0);
        }
        for _ in 0..count {
            self.launch().await;
        }
    }

    /// The bot in this process.
    pub fn inside(&self) -> &run::Running {
        self.inside.as_ref().expect("a bot in this process")
    }

    /// Where its webhook and its health checks are.
    pub fn address(&self) -> SocketAddr {
        match &self.inside {
            Some(running) => running.address(),
            None => self.processes[0].address,
        }
    }

    /// Whether nobody fetches updates.
    pub fn absent(&self) -> bool {
        self.settings.manner == Manner::Absent || self.inside.is_none() && self.processes.is_empty()
    }

    /// How long it must have called nobody before it counts as done.
    pub fn quiet_enough(&self) -> Duration {
        match self.inside {
            // It says itself when it is done.
            Some(_) => Duration::ZERO,
            None => Duration::from_millis(200),
        }
    }

    /// Whether it says that it has nothing to do.
    pub fn idle(&self) -> bool {
        match &self.inside {
            Some(running) => running.is_idle(),
            None => true,
        }
    }

    /// Moves its clock.
    pub fn advance(&self, time: Duration) {
        assert!(self.processes.is_empty(), "the clock of another process cannot be moved");
        self.clock.advance(time);
    }
}

impl Settings {
    fn and(mut self, variables: Vec<(String, String)>) -> Self {
        self.variables.extend(variables);
        self
    }
}

impl Process {
    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|it| it.success()), "kill -{name}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of a GET, if there is an answer.
pub async fn status(address: SocketAddr, path: &str) -> Option<u16> {
    let client = reqwest::Client::builder().no_proxy().build().ok()?;
    let answer = client.get(format!("http://{address}{path}")).send().await.ok()?;
    Some(answer.status().as_u16())
}
