//! All services together: asked at the same time, reported apart, and never asked twice for what is known or on its way.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, join_all},
};

use super::{
    Account, AccountId, Batch, Condition, Credentials, Failure, Found, Presence, PresenceProvider,
    Service, Warning,
    cache::{Cache, Sight},
    http::{self, Http},
    psn::Psn,
    steam::Steam,
    xbox::Xbox,
};
use crate::{
    clock::{Clock, Time},
    config::Services,
    metrics::Metrics,
};

/// No service is waited for longer, whatever it is doing, so that `/status` can answer within 15 seconds.
const LOOK: Duration = Duration::from_secs(12);

/// Somebody who has typed a name waits for no longer.
const RESOLVE: Duration = Duration::from_secs(10);

/// All services that are set up. Clones share everything.
#[derive(Clone)]
pub struct Presences {
    providers: BTreeMap<Service, Arc<dyn PresenceProvider>>,
    desk: Arc<Mutex<Desk>>,
    clock: Clock,
    metrics: Metrics,
}

impl std::fmt::Debug for Presences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.providers.keys()).finish()
    }
}

/// What is known, and what is being asked for.
#[derive(Default)]
struct Desk {
    cache: Cache,
    flights: HashMap<Account, Flight>,
}

/// A batch on its way, for everybody who wants something of it.
type Flight = Shared<BoxFuture<'static, Result<(), Failure>>>;

/// What is known about accounts.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Each account that was asked for.
    pub seen: HashMap<Account, Seen>,
    /// Services that gave no answer.
    pub failures: BTreeMap<Service, Failure>,
}

/// What is known about one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its presence, or why there is none to be seen.
    pub presence: Result<Presence, Failure>,
    /// When its service said so.
    pub at: Time,
    /// Whether it is older than it should be, because the service is out of reach.
    pub stale: bool,
}

impl Report {
    /// How old the oldest presence in it is: the age of the whole.
    pub fn oldest(&self) -> Option<Time> {
        self.seen.values().filter(|seen| seen.presence.is_ok()).map(|seen| seen.at).min()
    }
}

impl Presences {
    /// The services that are configured. It asks none of them: the start does not depend on any.
    pub fn new(
        services: &Services,
        credentials: Option<Arc<dyn Credentials>>,
        clock: Clock,
        metrics: Metrics,
    ) -> anyhow::Result<Self> {
        let client = http::client()?;
        let http = |service| {
            let http = Http::new(service, client.clone(), clock.clone(), metrics.clone());
            Arc::new(http)
        };
        let mut providers: Vec<Arc<dyn PresenceProvider>> = Vec::new();
        if let (Some(settings), Some(credentials)) = (&services.xbox, &credentials) {
            let http = http(Service::Xbox);
            let xbox = Xbox::new(settings, http, Arc::clone(credentials), clock.clone());
            providers.push(Arc::new(xbox));
        }
        if let (Some(settings), Some(credentials)) = (&services.psn, &credentials) {
            let http = http(Service::Psn);
            let psn = Psn::new(settings, http, Arc::clone(credentials), clock.clone());
            providers.push(Arc::new(psn));
        }
        if let Some(settings) = &services.steam {
            let steam = Steam::new(settings.clone(), http(Service::Steam), clock.clone());
            providers.push(Arc::new(steam));
        }
        Ok(Self {
            providers: providers.into_iter().map(|it| (it.service(), it)).collect(),
            desk: Arc::default(),
            clock,
            metrics,
        })
    }

    /// Whether a service can be asked.
    pub async fn condition(&self, service: Service) -> Condition {
        match self.providers.get(&service) {
            Some(provider) => provider.condition().await,
            None => Condition::NotConfigured,
        }
    }

    /// What the operator should know about credentials.
    pub async fn warnings(&self) -> Vec<Warning> {
        let warnings = self.providers.values().map(|provider| provider.warnings());
        join_all(warnings).await.into_iter().flatten().collect()
    }

    /// The account behind a name that somebody typed.
    pub async fn resolve(&self, service: Service, name: &str) -> Result<Found, Failure> {
        let provider = self.providers.get(&service).ok_or(Failure::NotConfigured)?;
        if let Some(known) = self.desk().cache.name(service, name, self.clock.now()) {
            return known;
        }
        let result = tokio::time::timeout(RESOLVE, provider.resolve(name)).await;
        let result = result.unwrap_or(Err(Failure::Timeout));
        if result.as_ref().err().is_none_or(Failure::is_about_the_account) {
            self.desk().cache.put_name(service, name, result.clone(), self.clock.now());
        }
        result
    }

    /// The presence of accounts. Whoever asks for an account that is being asked for waits for the same answer.
    pub async fn look(&self, accounts: &[Account]) -> Report {
        let accounts: HashSet<Account> = accounts.iter().copied().collect();
        let flights = self.depart(&accounts).into_iter();
        let landed = flights.map(|(service, flight)| flight.map(move |result| (service, result)));
        let landed = join_all(landed).await.into_iter();
        let failures = landed.filter_map(|(service, result)| Some((service, result.err()?)));
        self.report(accounts, failures.collect())
    }

    /// Starts asking for what is neither known nor on its way; returns all flights to wait for, some more than once.
    fn depart(&self, accounts: &HashSet<Account>) -> Vec<(Service, Flight)> {
        let now = self.clock.now();
        let mut desk = self.desk();
        let mut flights = Vec::new();
        let mut wanted: BTreeMap<Service, (usize, Vec<AccountId>)> = BTreeMap::new();
        for account in accounts {
            let (hits, misses) = wanted.entry(account.service).or_default();
            if desk.cache.fresh(*account, now).is_some() {
                *hits += 1;
            } else if let Some(flight) = desk.flights.get(account) {
                flights.push((account.service, flight.clone()));
            } else {
                misses.push(account.id);
            }
        }
        for (service, (hits, misses)) in wanted {
            self.count(service, hits, misses.len());
            let Some(provider) = self.providers.get(&service).filter(|_| !misses.is_empty()) else {
                continue;
            };
            let flight = self.fly(Arc::clone(provider), misses.clone());
            for id in misses {
                desk.flights.insert(Account { service, id }, flight.clone());
            }
            flights.push((service, flight));
        }
        flights
    }

    fn count(&self, service: Service, hits: usize, misses: usize) {
        for (outcome, count) in [("hit", hits), ("miss", misses)] {
            let counter = self.metrics.presence_cache.with_label_values(&[service.key(), outcome]);
            counter.inc_by(count as u64);
        }
    }

    /// Asks a service in a task of its own, so that it goes on for others if one of those who wait gives up.
    fn fly(&self, provider: Arc<dyn PresenceProvider>, ids: Vec<AccountId>) -> Flight {
        let this = self.clone();
        let task = tokio::spawn(async move {
            let fetch = AssertUnwindSafe(provider.fetch(&ids)).catch_unwind();
            let result = match tokio::time::timeout(LOOK, fetch).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(Failure::Unavailable("a mistake of ours".to_owned())),
                Err(_) => Err(Failure::Timeout),
            };
            this.land(provider.service(), &ids, result)
        });
        let stopped = |error: tokio::task::JoinError| Err(Failure::Unavailable(error.to_string()));
        task.map(move |result| result.unwrap_or_else(stopped)).boxed().shared()
    }

    /// Remembers what a service said.
    fn land(
        &self,
        service: Service,
        ids: &[AccountId],
        result: Result<Batch, Failure>,
    ) -> Result<(), Failure> {
        let at = self.clock.now();
        let mut desk = self.desk();
        let mut failure = None;
        let mut batch = result.unwrap_or_else(|error| {
            failure = Some(error);
            Batch::new()
        });
        for id in ids {
            let account = Account { service, id: *id };
            desk.flights.remove(&account);
            let presence = match batch.remove(id) {
                // A failure of the service in the middle of a batch says nothing about the account.
                Some(Err(error)) if !error.is_about_the_account() => {
                    failure = Some(error);
                    continue;
                }
                Some(presence) => presence,
                None if failure.is_some() => continue,
                // Services leave out accounts that they may not show.
                None => Err(Failure::Private),
            };
            desk.cache.put(account, Sight { presence, at });
        }
        failure.map_or(Ok(()), Err)
    }

    /// What is known now.
    fn report(
        &self,
        accounts: HashSet<Account>,
        mut failures: BTreeMap<Service, Failure>,
    ) -> Report {
        let now = self.clock.now();
        let desk = self.desk();
        let seen = accounts.into_iter().map(|account| {
            if let Some(sight) = desk.cache.fresh(account, now) {
                return (account, seen(sight, false));
            }
            let unknown = if self.providers.contains_key(&account.service) {
                // Known a moment ago and too old by now: the answer took its time.
                Failure::Timeout
            } else {
                Failure::NotConfigured
            };
            let failure = failures.entry(account.service).or_insert(unknown).clone();
            let seen = match desk.cache.stale(account, now) {
                Some(sight) => seen(sight, true),
                None => Seen { presence: Err(failure), at: now, stale: false },
            };
            (account, seen)
        });
        let seen = seen.collect();
        Report { seen, failures }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seen(sight: &Sight, stale: bool) -> Seen {
    Seen { presence: sight.presence.clone(), at: sight.at, stale }
}
