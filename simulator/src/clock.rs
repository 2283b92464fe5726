//! The time of the simulated cloud, and what will happen in it later.

use std::{collections::BTreeMap, ops::Add, time::Duration};

use serde::{Deserialize, Serialize};

use crate::services::Event;

/// A moment: milliseconds since 1970-01-01 UTC.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct Time(pub u64);

impl Time {
    /// As ISO 8601 in UTC with milliseconds, such as `2026-11-22T12:00:00.000Z`.
    pub fn iso(self) -> String {
        let moment = jiff::Timestamp::from_millisecond(i64::try_from(self.0).unwrap_or(i64::MAX));
        moment.map(|it| format!("{it:.3}")).unwrap_or_default()
    }

    /// As HTTP has it, such as `Sun, 22 Nov 2026 12:00:00 GMT`.
    pub fn http(self) -> String {
        let moment = jiff::Timestamp::from_millisecond(i64::try_from(self.0).unwrap_or(i64::MAX));
        moment.map(|it| it.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).unwrap_or_default()
    }

    /// As the JSON protocols write a timestamp: seconds since 1970 with a fraction.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The time since an earlier moment; zero if it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// A clock that runs with tokio's: real in a program, virtual in a test that pauses time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Time,
    at: tokio::time::Instant,
}

impl Clock {
    /// It is `now` now.
    pub fn starting(now: Time) -> Self {
        Self { began: now, at: tokio::time::Instant::now() }
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        self.began + self.at.elapsed()
    }
}

/// What will happen later, in order of time and then of planning.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(from = "Vec<Planned>", into = "Vec<Planned>")]
pub struct Queue {
    planned: BTreeMap<(Time, u64), (String, Event)>,
    next: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Planned {
    at: Time,
    region: String,
    event: Event,
}

impl Queue {
    /// Plans an event of a region.
    pub(crate) fn plan(&mut self, at: Time, region: &str, event: Event) {
        self.planned.insert((at, self.next), (region.to_owned(), event));
        self.next += 1;
    }

    /// The next event that is due, with its time and region.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<(Time, String, Event)> {
        let entry = self.planned.first_entry().filter(|it| it.key().0 <= now)?;
        let ((at, _), (region, event)) = entry.remove_entry();
        Some((at, region, event))
    }
}

impl From<Vec<Planned>> for Queue {
    fn from(planned: Vec<Planned>) -> Self {
        let mut queue = Self::default();
        for it in planned {
            queue.plan(it.at, &it.region, it.event);
        }
        queue
    }
}

impl From<Queue> for Vec<Planned> {
    fn from(queue: Queue) -> Self {
        let planned = queue.planned.into_iter();
        planned.map(|((at, _), (region, event))| Planned { at, region, event }).collect()
    }
}
