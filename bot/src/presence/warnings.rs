//! What the operator should know about credentials, as data; somebody else says it, at most once a day.

use std::time::Duration;

use super::Service;
use crate::clock::Time;

/// Days before the end on which to warn.
const DAYS: [u64; 4] = [1, 3, 7, 14];

/// Something about a service's credentials that only the operator can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Nobody is signed in: `gsm-bot auth` is due.
    SignedOut {
        /// Where.
        service: Service,
        /// Why, for the operator.
        why: String,
    },
    /// The refresh token ends soon: `gsm-bot auth` is due by then.
    SignInEnds {
        /// Where.
        service: Service,
        /// When.
        at: Time,
        /// The nearest of the days to warn on: 14, 7, 3 or 1; 0 when it is over.
        days: u64,
    },
    /// The secret of the application at Microsoft ends soon.
    ClientSecretEnds {
        /// When.
        at: Time,
        /// As above.
        days: u64,
    },
}

/// On which of the days to warn `at` is now, if any: 14 from the fourteenth day before on, then 7, 3, 1, and 0 when it is
/// over. A warning that was given for one number need not be repeated until there is another.
pub fn due(at: Time, now: Time) -> Option<u64> {
    if at <= now {
        return Some(0);
    }
    DAYS.into_iter().find(|days| at.since(now) <= Duration::from_secs(days * 24 * 60 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_days_to_warn_on() {
        let now = Time::from_seconds(1_000_000);
        let due_in = |hours: i64| due(Time::from_seconds(1_000_000 + hours * 60 * 60), now);
        assert_eq!(due_in(15 * 24), None);
        assert_eq!(due_in(14 * 24), Some(14));
        assert_eq!(due_in(7 * 24 + 1), Some(14));
        assert_eq!(due_in(7 * 24), Some(7));
        assert_eq!(due_in(3 * 24), Some(3));
        assert_eq!(due_in(24), Some(1));
        assert_eq!(due_in(1), Some(1));
        assert_eq!(due_in(0), Some(0));
        assert_eq!(due_in(-5), Some(0));
    }
}
