//! The command line.

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    clock::Clock,
    config::{Config, Mode, VARIABLES},
    log,
    metrics::Metrics,
    run,
    sign_in::{self, SignIn},
    store::Store,
    telegram::Telegram,
    text::Texts,
};

/// A Telegram bot for gamers
#[derive(Debug, Parser)]
#[command(name = "gsm-bot", version, after_help = environment())]
pub struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// Run the bot
    Run,
    /// Check the configuration, the database and the token
    Check,
    /// Bring the data of the original or of an older version up to date
    Migrate,
    /// Set the menus of commands and the descriptions that Telegram shows
    SetCommands,
    /// Ask a running bot at LISTEN_ADDR whether it is alive, for a container's health check
    Health,
    /// Sign in to a service that knows who is playing
    #[command(subcommand)]
    Auth(SignIn),
}

/// The variables of the environment, for `--help`.
fn environment() -> String {
    let width = VARIABLES.iter().map(|it| it.name.len()).max().unwrap_or_default();
    let lines: Vec<String> =
        VARIABLES.iter().map(|it| format!("  {:width$}  {}", it.name, it.help)).collect();
    format!(
        "Environment (a secret may also be a file, named in <NAME>_FILE):\n{}",
        lines.join("\n")
    )
}

impl Cli {
    /// Does what the command line says.
    pub async fn run(self) -> ExitCode {
        let config = match Config::from_env() {
            Ok(config) => config,
            Err(mistakes) => {
                eprintln!("{mistakes}");
                return ExitCode::from(2);
            }
        };
        let outcome = match self.command {
            Verb::Run => serve(config).await,
            Verb::Check => check(&config).await,
            Verb::Migrate => migrate(&config).await,
            Verb::SetCommands => set_commands(&config).await,
            Verb::Health => health(&config).await,
            Verb::Auth(service) => sign_in::run(service, &config).await,
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    log::begin(&config)?;
    let mut terminated = signal(SignalKind::terminate())?;
    let running = run::start(config, Clock::default()).await?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    // What could not be finished in time, Telegram sends again.
    running.stop().await;
    Ok(())
}

async fn check(config: &Config) -> anyhow::Result<()> {
    println!("configuration: ok");
    let store = Store::connect(&config.mongodb, Clock::default()).await?;
    store.ping().await.map_err(run::advise)?;
    println!("database: ok");
    let telegram = connect(config, store).await?;
    println!("token: ok, @{}", telegram.me.username);
    if config.mode == Mode::Webhook {
        println!("webhook: {}", config.webhook.url.as_ref().map_or("none", |it| it.as_str()));
    }
    Ok(())
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let store = Store::connect(&config.mongodb, Clock::default()).await?;
    let report = store.migrate().await?;
    println!("{report}");
    for trouble in store.make_indexes().await? {
        println!(
            "index of {} on {}: {}; in its way: {}",
            trouble.collection,
            trouble.fields,
            trouble.error,
            trouble.offending.join(" "),
        );
    }
    Ok(())
}

async fn set_commands(config: &Config) -> anyhow::Result<()> {
    let store = Store::connect(&config.mongodb, Clock::default()).await?;
    let telegram = connect(config, store).await?;
    telegram.set_commands(&Texts::load(), &config.operators).await?;
    println!("menus and descriptions are set");
    Ok(())
}

async fn health(config: &Config) -> anyhow::Result<()> {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(4)).build()?;
    client.get(format!("http://{address}/healthz")).send().await?.error_for_status()?;
    Ok(())
}

async fn connect(config: &Config, store: Store) -> anyhow::Result<Telegram> {
    Telegram::connect(config, store, Clock::default(), Metrics::new()?).await
}
