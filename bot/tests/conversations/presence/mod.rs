//! The presence services over real HTTP, with credentials in a real database: section 4 of the specification.

mod behaviour;
mod credentials;
mod psn;
mod steam;
mod xbox;

use std::sync::Arc;

use gsm_bot::{
    clock::Clock,
    config::Config,
    metrics::Metrics,
    presence::{
        Account, AccountId, Credentials, Failure, Presence, Presences, Report, Secrets, Service,
    },
    store::{Store, Vault},
};

use crate::support::{database::Database, logs, providers::Providers};

/// The services, and what the bot asks them with.
struct Bench {
    providers: Providers,
    presences: Presences,
    vault: Arc<Vault>,
    database: Database,
    config: Config,
    clock: Clock,
    metrics: Metrics,
}

impl Bench {
    /// With somebody signed in to Xbox Live, and a cookie for PlayStation Network.
    async fn new() -> Self {
        let bench = Self::signed_out().await;
        let refresh = bench.providers.xbox_refresh_token();
        bench.stores(Service::Xbox, &format!(r#"{{ "refresh": "{refresh}" }}"#)).await;
        bench
    }

    /// With nobody signed in.
    async fn signed_out() -> Self {
        Self::with(&[]).await
    }

    /// With other settings than usual.
    async fn with(changes: &[(&str, &str)]) -> Self {
        logs::collect();
        let clock = Clock::default();
        let providers = Providers::start(clock.clone()).await;
        let database = Database::create().await;
        let config = config(&providers, &database, changes);
        Self::on(providers, database, config, clock).await
    }

    async fn on(providers: Providers, database: Database, config: Config, clock: Clock) -> Self {
        let store = Store::connect(&config.mongodb, clock.clone()).await.unwrap();
        store.make_indexes().await.unwrap();
        let key = config.services.credentials_key.clone().unwrap();
        let vault = Arc::new(Vault::new(store, &key).unwrap());
        let metrics = Metrics::new().unwrap();
        let credentials: Arc<dyn Credentials> = vault.clone();
        let presences =
            Presences::new(&config.services, Some(credentials), clock.clone(), metrics.clone())
                .unwrap();
        Self { providers, presences, vault, database, config, clock, metrics }
    }

    /// The same bot once more: after a restart, or as another replica.
    async fn replica(&self) -> Self {
        let (providers, database) = (self.providers.clone(), self.database.clone());
        Self::on(providers, database, self.config.clone(), self.clock.clone()).await
    }

    async fn stores(&self, service: Service, json: &str) {
        let json = json.into();
        let secrets = Secrets { json, access_expires_at: None, refresh_expires_at: None };
        self.vault.replace(service, &secrets).await.unwrap();
    }

    async fn look(&self, accounts: &[Account]) -> Report {
        self.presences.look(accounts).await
    }

    /// What is known about one account.
    async fn sees(&self, account: Account) -> Result<Presence, Failure> {
        self.look(&[account]).await.seen[&account].presence.clone()
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let leaks = logs::leaks();
        assert!(std::thread::panicking() || leaks.is_empty(), "secrets in the log: {leaks:?}");
    }
}

fn config(providers: &Providers, database: &Database, changes: &[(&str, &str)]) -> Config {
    let mut variables: Vec<(String, String)> = vec![
        ("BOT_TOKEN".into(), "1:abcdefghijklmnopqrstuvwxyz".into()),
        ("MODE".into(), "polling".into()),
        ("MONGODB_URI".into(), database.uri.clone()),
        ("MONGODB_DATABASE".into(), database.name.clone()),
    ];
    let usual = providers.variables().into_iter().map(|(name, value)| (name.to_owned(), value));
    variables.extend(usual);
    variables.extend(changes.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let value = |name: &str| variables.iter().rev().find(|it| it.0 == name).map(|it| it.1.clone());
    Config::read(&value).unwrap()
}

fn xbox(id: i64) -> Account {
    Account { service: Service::Xbox, id: AccountId(id) }
}

fn psn(id: i64) -> Account {
    Account { service: Service::Psn, id: AccountId(id) }
}

fn steam(id: i64) -> Account {
    Account { service: Service::Steam, id: AccountId(76_561_197_960_265_728 + id) }
}
