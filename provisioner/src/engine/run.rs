//! What everything that happens in one run of the program shares.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

use super::{
    decide::Action,
    error::{Error, Result},
    store::Store,
};
use crate::{cloud::Cloud, resources::Kind};

/// One run: the clouds, the state, who watches, and the user's wishes.
pub struct Run {
    /// The clouds.
    pub cloud: Cloud,
    /// The state.
    pub store: Arc<Store>,
    /// The user's wishes.
    pub options: Options,
    observer: Arc<dyn Observer>,
    interrupted: watch::Receiver<bool>,
    permits: Semaphore,
    chance: Mutex<StdRng>,
}

/// The user's wishes.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many resources are read or changed at once.
    pub parallelism: usize,
    /// Names of resources to take over although nothing shows that they are ours.
    pub adopt: BTreeSet<String>,
    /// Names of protected resources that may be deleted or replaced all the same.
    pub unprotect: BTreeSet<String>,
    /// Only these and what they refer to; empty: everything.
    pub targets: BTreeSet<String>,
    /// Wait until everything works.
    pub wait: bool,
    /// Time between two looks at something that takes time; up to half of it is added by chance.
    pub poll: Duration,
    /// Decides what is left to chance, such as how long exactly it waits; the same seed decides alike.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallelism: 24,
            adopt: BTreeSet::new(),
            unprotect: BTreeSet::new(),
            targets: BTreeSet::new(),
            wait: true,
            poll: Duration::from_secs(2),
            seed: rand::random(),
        }
    }
}

/// Something that happened to a resource.
#[derive(Clone, Debug)]
pub enum Event {
    /// It was read while planning.
    Looked,
    /// Work on it began.
    Started(Kind, Action),
    /// It is being waited for; why, in words.
    Waiting(String),
    /// Work on it is over.
    Finished(Kind, Action, Duration),
    /// It works.
    Ready(Duration),
    /// Work on it failed; what was being done, and why it failed.
    Failed(String),
    /// Nothing was done because of something else, in words.
    Skipped(String),
}

/// Watches a run.
pub trait Observer: Send + Sync {
    /// Something happened to the resource `name`.
    fn event(&self, name: &str, event: Event);
}

impl Run {
    /// A run that ends early once `interrupted` turns true.
    pub fn new(
        cloud: Cloud,
        store: impl Into<Arc<Store>>,
        options: Options,
        observer: Arc<dyn Observer>,
        interrupted: watch::Receiver<bool>,
    ) -> Self {
        let permits = Semaphore::new(options.parallelism.max(1));
        let chance = Mutex::new(StdRng::seed_from_u64(options.seed));
        let store = store.into();
        Self { cloud, store, options, observer, interrupted, permits, chance }
    }

    /// Tells the observer.
    pub(super) fn tell(&self, name: &str, event: Event) {
        self.observer.event(name, event);
    }

    /// Tells the observer what is being waited for.
    pub(super) fn waiting(&self, name: &str, why: &str) {
        self.tell(name, Event::Waiting(why.to_owned()));
    }

    /// Whether the user asked to stop.
    pub fn interrupted(&self) -> bool {
        *self.interrupted.borrow()
    }

    /// Makes the calls of one attempt when there is room for it among what runs at once. What waits takes no room.
    pub(super) async fn with_permit<T>(&self, work: impl Future<Output = T>) -> T {
        // The semaphore is never closed; without a permit the work is done all the same.
        let _permit = self.permits.acquire().await;
        work.await
    }

    /// Sleeps, unless the user asks to stop.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], at once.
    pub(super) async fn sleep(&self, time: Duration) -> Result<()> {
        let mut interrupted = self.interrupted.clone();
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            Ok(_) = interrupted.wait_for(|it| *it) => Err(Error::Interrupted),
        }
    }

    /// The time until the next look at something that takes time.
    pub(super) fn poll(&self) -> Duration {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        self.options.poll.mul_f64(chance.random_range(1.0..1.5))
    }
}

/// Measures how long something takes.
pub(super) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let result = work.await;
    (result, began.elapsed())
}
