//! The bot. So far it answers its load balancer's health checks and ends in good order.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use axum::{Router, routing::get};
use clap::Parser;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

/// A Telegram bot for gamers.
#[derive(Debug, Parser)]
#[command(version)]
struct Config {
    /// Address to listen on
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// What to log: `info`, `gsm_bot=debug`, …
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    log: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let config = Config::parse();
    let filter =
        EnvFilter::try_new(&config.log).with_context(|| format!("RUST_LOG is `{}`", config.log))?;
    tracing_subscriber::fmt().json().with_env_filter(filter).init();
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let mut stop = signal(SignalKind::terminate())?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    axum::serve(listener, routes())
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = stop.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        })
        .await?;
    tracing::info!("stopped");
    Ok(())
}

/// Every path the bot answers.
fn routes() -> Router {
    Router::new().route("/healthz", get(|| async { "ok" }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// The status line of the answer to a request.
    async fn status(request: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes()).await });
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn it_is_healthy_and_knows_no_other_path() {
        assert_eq!(status("GET /healthz").await, "HTTP/1.1 200 OK");
        assert_eq!(status("GET /").await, "HTTP/1.1 404 Not Found");
        assert_eq!(status("POST /healthz").await, "HTTP/1.1 405 Method Not Allowed");
    }
}
