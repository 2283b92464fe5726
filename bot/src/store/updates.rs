//! `updates`: which updates were handled, so that one that Telegram sends again is not handled again.

use std::time::Duration;

use mongodb::bson::{Document, doc};

use super::{Result, Store, is_duplicate};

/// How long a claim holds without being renewed: after that, whoever held it is dead, and somebody else may begin.
pub const LEASE: Duration = Duration::from_secs(8);

/// What became of the wish to handle an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours to handle.
    Ours,
    /// Somebody is handling it.
    Taken,
    /// It was handled.
    Done,
}

const UPDATES: &str = "updates";

impl Store {
    /// Claims an update for `LEASE`.
    pub async fn claim_update(&self, id: i64) -> Result<Claim> {
        let now = self.clock.now();
        let until = now + LEASE;
        let new = doc! { "_id": id, "until": until, "done": false, "at": now };
        match self.documents(UPDATES).insert_one(new).await {
            Ok(_) => return Ok(Claim::Ours),
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let abandoned = doc! { "_id": id, "done": false, "until": { "$lte": now } };
        let mine = doc! { "$set": { "until": until } };
        if self.documents(UPDATES).update_one(abandoned, mine).await?.matched_count > 0 {
            return Ok(Claim::Ours);
        }
        let found = self.documents(UPDATES).find_one(doc! { "_id": id }).await?;
        let done = found.is_some_and(|it| it.get_bool("done").unwrap_or(false));
        Ok(if done { Claim::Done } else { Claim::Taken })
    }

    /// Holds on to a claim for another `LEASE`.
    pub async fn renew_update(&self, id: i64) -> Result<()> {
        self.change_update(id, doc! { "$set": { "until": self.clock.now() + LEASE } }).await
    }

    /// The update was handled.
    pub async fn finish_update(&self, id: i64) -> Result<()> {
        self.change_update(id, doc! { "$set": { "done": true } }).await
    }

    /// The update could not be handled now and may be claimed again at once.
    pub async fn release_update(&self, id: i64) -> Result<()> {
        self.change_update(id, doc! { "$set": { "until": self.clock.now() } }).await
    }

    async fn change_update(&self, id: i64, change: Document) -> Result<()> {
        self.documents(UPDATES).update_one(doc! { "_id": id }, change).await?;
        Ok(())
    }
}
