//! How long we go on after which error: the one place that retries what a resource does.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use super::{
    error::{Class, Error},
    run::Run,
};

/// Bounded by time, not by count; each class of error has a clock of its own.
const SETTLING_WITHIN: Duration = Duration::from_secs(2 * 60);
const GONE_WITHIN: Duration = Duration::from_secs(30);
const TRANSIENT_WITHIN: Duration = Duration::from_secs(3 * 60);
const BLOCKED_WITHIN: Duration = Duration::from_secs(20 * 60);

/// Waits between the attempts at one thing.
pub struct Patience<'a> {
    run: &'a Run,
    name: &'a str,
    began: Instant,
    settling: ExponentialBackoff,
    transient: ExponentialBackoff,
}

impl<'a> Patience<'a> {
    /// Patience with the resource `name`.
    pub fn new(run: &'a Run, name: &'a str) -> Self {
        // IAM has usually spread after 7 to 9 seconds (see the project's cloud facts): look often, then every 2 s.
        let settling = backoff(Duration::from_millis(250), Duration::from_secs(2));
        let transient = backoff(Duration::from_secs(1), Duration::from_secs(15));
        Self { run, name, began: Instant::now(), settling, transient }
    }

    /// Returns after a while if trying again may help.
    ///
    /// # Errors
    ///
    /// The error itself, if it will not help or has lasted too long.
    pub async fn after(&mut self, error: Error) -> Result<(), Error> {
        let (within, delay) = match error.class() {
            Class::Settling => (SETTLING_WITHIN, self.settling.next()),
            // What was refused as a duplicate and cannot be seen will be seen.
            Class::Gone | Class::Exists => (GONE_WITHIN, self.settling.next()),
            Class::Transient => (TRANSIENT_WITHIN, self.transient.next()),
            Class::Blocked => (BLOCKED_WITHIN, Some(self.run.poll())),
            _ => return Err(error),
        };
        let asked = match &error {
            Error::Api(it) => it.retry_after,
            _ => None,
        };
        let delay = delay.map(|it| it.max(asked.unwrap_or_default()));
        // A service may ask for an hour: who waits should know, and decide.
        let Some(delay) = delay.filter(|it| *it <= within && self.began.elapsed() < within) else {
            return Err(error);
        };
        self.run.waiting(self.name, &error.to_string());
        self.run.sleep(delay).await
    }
}

fn backoff(first: Duration, longest: Duration) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_jitter()
        .without_max_times()
        .build()
}
