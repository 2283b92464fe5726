//! Starting the bot, and stopping it so that nothing is lost.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    announcer, caller,
    clock::Clock,
    config::{Config, Mode},
    context::App,
    house_keeping,
    metrics::Metrics,
    polling,
    presence::{Credentials, Presences},
    store::{self, Store, Vault},
    telegram::Telegram,
    text::Texts,
    updates::Updates,
    webhook,
};

/// How long what is under way may take when the bot stops.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// A running bot.
#[derive(Debug)]
pub struct Running {
    app: Arc<App>,
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    servers: Vec<JoinHandle<()>>,
}

/// Starts the bot. When this answers, it listens.
pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Running> {
    let metrics = Metrics::new()?;
    let store = Store::connect(&config.mongodb, clock.clone()).await?;
    report_index_troubles(&store).await?;
    let telegram =
        Telegram::connect(&config, store.clone(), clock.clone(), metrics.clone()).await?;
    let presences = presences(&config, &store, &clock, &metrics)?;
    let app = Arc::new(App {
        config,
        clock,
        store,
        telegram,
        presences,
        texts: Texts::load(),
        metrics,
        tasks: TaskTracker::new(),
        announcer: tokio::sync::Notify::new(),
        stopping: CancellationToken::new(),
    });
    let updates = Updates::new(app.clone());
    let listener = listen(app.config.listen).await?;
    let address = listener.local_addr()?;
    let mut servers = Vec::new();
    let mut metrics_address = None;
    if let Some(wanted) = app.config.metrics {
        let listener = listen(wanted).await?;
        metrics_address = Some(listener.local_addr()?);
        servers.push(serve(&app, listener, app.metrics.clone().routes()));
    }
    match app.config.mode {
        Mode::Webhook => {
            servers.push(serve(&app, listener, webhook::routes(app.clone(), Some(updates))));
            if let Some(url) = &app.config.webhook.url {
                let secret = webhook::secret(&app.config);
                let set = app.telegram.set_webhook(url, secret.expose_secret()).await?;
                tracing::info!(set, "the webhook is as it should be");
            }
        }
        Mode::Polling => {
            servers.push(serve(&app, listener, webhook::routes(app.clone(), None)));
            app.telegram.delete_webhook().await?;
            servers.push(tokio::spawn(polling::run(app.clone(), updates)));
        }
    }
    servers.push(tokio::spawn(house_keeping::run(app.clone())));
    servers.push(tokio::spawn(announcer::run(app.clone())));
    servers.push(tokio::spawn(caller::run(app.clone())));
    let menus = app.clone();
    app.tasks.spawn(async move { crate::menus::keep(&menus).await });
    tracing::info!(%address, bot = app.telegram.me.username, "running");
    Ok(Running { app, address, metrics_address, servers })
}

impl Running {
    /// Where webhook and health checks are.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the metrics are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Whether nothing is being done at the moment, neither for an update nor after one.
    pub fn is_idle(&self) -> bool {
        self.app.tasks.is_empty()
    }

    /// Does now what house-keeping does from time to time.
    pub async fn keep_house(&self) -> anyhow::Result<()> {
        house_keeping::once(&self.app).await
    }

    /// Stops: is not ready any more, takes nothing in, finishes what was begun. The webhook stays as it is, since
    /// another replica may need it. Answers whether everything was finished in time.
    pub async fn stop(self) -> bool {
        tracing::info!("stopping");
        self.app.stopping.cancel();
        self.app.tasks.close();
        let finish = async {
            for server in self.servers {
                let _ = server.await;
            }
            self.app.tasks.wait().await;
        };
        let finished = tokio::time::timeout(STOP_WITHIN, finish).await.is_ok();
        tracing::info!(finished, "stopped");
        finished
    }
}

/// The services that know who is playing. Whether they can be asked turns out when they are.
fn presences(
    config: &Config,
    store: &Store,
    clock: &Clock,
    metrics: &Metrics,
) -> anyhow::Result<Presences> {
    let services = &config.services;
    let credentials = match &services.credentials_key {
        Some(key) => Some(Arc::new(Vault::new(store.clone(), key)?) as Arc<dyn Credentials>),
        None => None,
    };
    Presences::new(services, credentials, clock.clone(), metrics.clone())
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

fn serve(app: &Arc<App>, listener: TcpListener, routes: axum::Router) -> JoinHandle<()> {
    let stopping = app.stopping.clone();
    tokio::spawn(async move {
        let served =
            axum::serve(listener, routes).with_graceful_shutdown(stopping.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "a server ended");
        }
    })
}

/// Trouble with the database at the start, and what to do about it.
pub(crate) fn advise(error: store::Error) -> anyhow::Error {
    match error {
        store::Error::Unreachable(_) => {
            anyhow::anyhow!("{error}; is MongoDB running where MONGODB_URI says?")
        }
        store::Error::Refused(_) => anyhow::anyhow!("{error}; is MONGODB_URI right?"),
    }
}

/// Makes the indexes. Trouble with one is told and stops nothing.
pub(crate) async fn report_index_troubles(store: &Store) -> anyhow::Result<()> {
    for trouble in store.make_indexes().await.map_err(advise)? {
        tracing::error!(
            collection = trouble.collection,
            fields = trouble.fields,
            error = trouble.error,
            documents = trouble.offending.join(" "),
            "an index cannot be made; `gsm-bot migrate` may help",
        );
    }
    Ok(())
}
