//! Leaves a service alone that keeps failing, and lets one request through now and then to see whether it is back.

use std::time::Duration;

use crate::clock::Time;

/// So many failures in a row open it.
const FAILURES: u32 = 5;

/// It stays open for so long.
const PAUSE: Duration = Duration::from_secs(2 * 60);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub struct Breaker {
    failures: u32,
    open_until: Option<Time>,
}

impl Breaker {
    /// Whether requests are refused.
    pub fn is_open(&self, now: Time) -> bool {
        self.open_until.is_some_and(|until| now < until)
    }

    /// Whether a request may go out. After a pause only one may: it is open again until that one succeeds, so a
    /// request that is given up without a result does no harm.
    pub fn admit(&mut self, now: Time) -> bool {
        if self.is_open(now) {
            return false;
        }
        if self.open_until.is_some() {
            self.open_until = Some(now + PAUSE);
        }
        true
    }

    /// A request was answered.
    pub fn success(&mut self) {
        *self = Self::default();
    }

    /// A request was not answered.
    pub fn failure(&mut self, now: Time) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.open_until = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: i64) -> Time {
        Time::from_seconds(seconds)
    }

    #[test]
    fn it_opens_after_five_failures_in_a_row() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert!(breaker.admit(after(0)));
            breaker.failure(after(0));
        }
        breaker.success();
        for _ in 0..4 {
            breaker.failure(after(1));
            assert!(breaker.admit(after(1)));
        }
        breaker.failure(after(1));
        assert!(!breaker.admit(after(1)));
        assert!(!breaker.admit(after(120)));
    }

    #[test]
    fn after_the_pause_one_request_decides() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            breaker.failure(after(0));
        }
        assert!(breaker.admit(after(121)));
        assert!(!breaker.admit(after(121)), "only one");
        breaker.failure(after(122));
        assert!(!breaker.admit(after(241)));
        assert!(breaker.admit(after(243)));
        breaker.success();
        assert!(breaker.admit(after(243)) && breaker.admit(after(243)));
    }
}
