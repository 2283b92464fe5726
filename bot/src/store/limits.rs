//! `limits`: how often somebody did something lately, for cool-downs that hold for all replicas.
//!
//! A document has the last times, the newest first: that there is room is a question about two places in it, so one
//! operation asks and counts.

use std::time::Duration;

use mongodb::bson::{Document, doc};

use super::{Result, Store, is_duplicate};
use crate::clock::Time;

/// It was done too often. How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

const LIMITS: &str = "limits";

impl Store {
    /// Does something at most `times` within `window`: notes it and allows it, or says how long to wait. `what` names
    /// the thing and whose it is, such as `feedback:42`.
    pub async fn limit(
        &self,
        what: &str,
        times: usize,
        window: Duration,
    ) -> Result<std::result::Result<(), Wait>> {
        self.limit_all(what, &[(times, window)], None).await
    }

    /// The same for something that an update asks for, which counts once however often that update comes.
    pub async fn limit_once(
        &self,
        what: &str,
        times: usize,
        window: Duration,
        update: i64,
    ) -> Result<std::result::Result<(), Wait>> {
        self.limit_all(what, &[(times, window)], Some(update)).await
    }

    /// Keeps to several limits at once: what one of them forbids counts for none.
    pub async fn limit_all(
        &self,
        what: &str,
        limits: &[(usize, Duration)],
        update: Option<i64>,
    ) -> Result<std::result::Result<(), Wait>> {
        let now = self.clock.now();
        let longest = limits.iter().map(|it| it.1).max().unwrap_or_default();
        let most = limits.iter().map(|it| it.0).max().unwrap_or_default();
        // If there is no room the filter finds nothing, the upsert inserts, and the id is in its way.
        let mut room = doc! { "_id": what };
        let free = limits.iter().map(|(times, window)| {
            let last = place(*times);
            let (empty, over) = (doc! { "$exists": false }, doc! { "$lte": now - *window });
            doc! { "$or": [{ last.as_str(): empty }, { last.as_str(): over }] }
        });
        room.insert("$and", free.collect::<Vec<_>>());
        let newest = |it: mongodb::bson::Bson| {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            doc! { "$each": [it], "$position": 0, "$slice": most }
        };
        let mut push = doc! { "at": newest(now.into()) };
        if let Some(update) = update {
            room.insert("by", doc! { "$ne": update });
            push.insert("by", newest(update.into()));
        }
        let set = doc! { "expires_at": now + longest, "of": numbers(what) };
        let note = doc! { "$push": push, "$set": set };
        match self.documents(LIMITS).update_one(room, note).upsert(true).await {
            Ok(_) => return Ok(Ok(())),
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let found: Option<Document> = self.documents(LIMITS).find_one(doc! { "_id": what }).await?;
        let list = |name| found.as_ref().and_then(|it| it.get_array(name).ok());
        let counted = |it: i64| list("by").is_some_and(|by| by.contains(&it.into()));
        if update.is_some_and(counted) {
            return Ok(Ok(()));
        }
        let ends = limits.iter().filter_map(|(times, window)| {
            let last = list("at")?.get(times.checked_sub(1)?)?.as_datetime()?;
            Some((Time(last.timestamp_millis()) + *window).since(now))
        });
        // Rounded up, so that nobody is told to wait for nothing.
        Ok(Err(Wait(ends.max().unwrap_or_default().max(Duration::from_secs(1)))))
    }
}

/// The numbers in a name: by them what is about somebody is found when they are forgotten.
fn numbers(what: &str) -> Vec<i64> {
    what.split(':').filter_map(|it| it.parse().ok()).collect()
}

/// Where the time stands that has to be over: of ten that are allowed, the tenth newest.
fn place(times: usize) -> String {
    format!("at.{}", times.saturating_sub(1))
}
