//! Keeps requests of one kind below limits that a service is known to have.

use std::{collections::VecDeque, time::Duration};

use crate::clock::Time;

/// At most so many requests in a window of so many seconds.
type Limit = (usize, u64);

/// Remembers when requests were made, for as long as its longest window.
#[derive(Debug)]
pub struct Limiter {
    limits: &'static [Limit],
    made: VecDeque<Time>,
}

impl Limiter {
    /// Keeps to all of `limits`.
    pub const fn new(limits: &'static [Limit]) -> Self {
        Self { limits, made: VecDeque::new() }
    }

    /// Counts a request, or says how long to wait for the next.
    pub fn take(&mut self, now: Time) -> Result<(), Duration> {
        let longest = self.limits.iter().map(|limit| limit.1).max().unwrap_or(0);
        while self.made.front().is_some_and(|made| *made + Duration::from_secs(longest) <= now) {
            self.made.pop_front();
        }
        for (count, seconds) in self.limits {
            let Some(first) = self.made.len().checked_sub(*count) else { continue };
            let free = self.made[first] + Duration::from_secs(*seconds);
            if now < free {
                return Err(free.since(now));
            }
        }
        self.made.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_windows_hold() {
        let mut limiter = Limiter::new(&[(2, 10), (3, 100)]);
        let at = Time::from_seconds;
        assert_eq!(limiter.take(at(0)), Ok(()));
        assert_eq!(limiter.take(at(4)), Ok(()));
        assert_eq!(limiter.take(at(5)), Err(Duration::from_secs(5)));
        assert_eq!(limiter.take(at(10)), Ok(()));
        assert_eq!(limiter.take(at(50)), Err(Duration::from_secs(50)));
        assert_eq!(limiter.take(at(100)), Ok(()));
        assert_eq!(limiter.take(at(101)), Err(Duration::from_secs(3)));
    }
}
