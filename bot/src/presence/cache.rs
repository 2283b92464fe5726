//! What was found out about accounts a short while ago.

use std::{collections::HashMap, time::Duration};

use super::{Account, Failure, Found, Presence, Service};
use crate::clock::Time;

/// A presence is as good as new for so long.
const FRESH: Duration = Duration::from_secs(60);

/// That an account is private or gone changes more rarely.
const NEGATIVE: Duration = Duration::from_secs(5 * 60);

/// While a service is out of reach, a presence is shown for so long, as what it is: old.
const STALE: Duration = Duration::from_secs(15 * 60);

/// What was said about an account, and when.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Its presence, or why there is none to be seen.
    pub presence: Result<Presence, Failure>,
    /// When it was said.
    pub at: Time,
}

/// Presences of accounts, and names that nobody has.
#[derive(Debug, Default)]
pub struct Cache {
    sights: HashMap<Account, Sight>,
    names: HashMap<(Service, String), (Result<Found, Failure>, Time)>,
    swept: Time,
}

impl Cache {
    /// What need not be asked for again.
    pub fn fresh(&self, account: Account, now: Time) -> Option<&Sight> {
        let sight = self.sights.get(&account)?;
        let life = if sight.presence.is_ok() { FRESH } else { NEGATIVE };
        Some(sight).filter(|sight| now < sight.at + life)
    }

    /// What is better than nothing.
    pub fn stale(&self, account: Account, now: Time) -> Option<&Sight> {
        let sight = self.sights.get(&account)?;
        Some(sight).filter(|sight| sight.presence.is_ok() && now < sight.at + STALE)
    }

    /// Remembers a presence, or that there is none to be seen.
    pub fn put(&mut self, account: Account, sight: Sight) {
        self.sweep(sight.at);
        self.sights.insert(account, sight);
    }

    /// What a name led to lately.
    pub fn name(&self, service: Service, name: &str, now: Time) -> Option<Result<Found, Failure>> {
        let (result, at) = self.names.get(&(service, key(name)))?;
        let life = if result.is_ok() { FRESH } else { NEGATIVE };
        (now < *at + life).then(|| result.clone())
    }

    /// Remembers what a name led to.
    pub fn put_name(
        &mut self,
        service: Service,
        name: &str,
        result: Result<Found, Failure>,
        at: Time,
    ) {
        self.sweep(at);
        self.names.insert((service, key(name)), (result, at));
    }

    /// Once in a while, throws away what nobody will be shown any more.
    fn sweep(&mut self, now: Time) {
        if now < self.swept + STALE {
            return;
        }
        self.swept = now;
        self.sights.retain(|_, sight| now < sight.at + STALE);
        self.names.retain(|_, (_, at)| now < *at + NEGATIVE);
    }
}

fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::{AccountId, State};

    #[test]
    fn each_kind_of_knowledge_has_its_life() {
        let at = Time::from_seconds;
        let account = |id| Account { service: Service::Psn, id: AccountId(id) };
        let mut cache = Cache::default();
        cache.put(account(1), Sight { presence: Ok(Presence::of(State::Online)), at: at(1000) });
        cache.put(account(2), Sight { presence: Err(Failure::Private), at: at(1000) });
        assert!(cache.fresh(account(1), at(1059)).is_some());
        assert!(cache.fresh(account(1), at(1060)).is_none());
        assert!(cache.stale(account(1), at(1899)).is_some());
        assert!(cache.stale(account(1), at(1900)).is_none());
        assert!(cache.fresh(account(2), at(1299)).is_some());
        assert!(cache.fresh(account(2), at(1300)).is_none());
        assert!(cache.stale(account(2), at(1300)).is_none());
        assert!(cache.fresh(account(3), at(1000)).is_none());
    }

    #[test]
    fn names_are_known_in_any_case_and_nothing_is_kept_for_ever() {
        let at = Time::from_seconds;
        let mut cache = Cache::default();
        cache.put_name(Service::Xbox, "Nobody", Err(Failure::NotFound), at(1000));
        let known = |cache: &Cache, now| cache.name(Service::Xbox, " nobody", at(now));
        assert_eq!(known(&cache, 1299), Some(Err(Failure::NotFound)));
        assert_eq!(known(&cache, 1300), None);
        assert_eq!(cache.name(Service::Psn, "nobody", at(1001)), None);
        cache.put_name(Service::Xbox, "Somebody", Err(Failure::NotFound), at(3000));
        assert_eq!(cache.names.len(), 1);
    }
}
