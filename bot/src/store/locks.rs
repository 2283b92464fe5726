//! `locks`: what only one replica may do at a time.

use std::time::Duration;

use mongodb::bson::doc;

use super::{Result, Store, is_duplicate};

/// Held until it is released, or until its time is up.
#[derive(Clone, Debug)]
pub struct Lock {
    name: String,
    owner: String,
}

const LOCKS: &str = "locks";

impl Store {
    /// Takes a lock, unless somebody else has it.
    pub async fn lock(&self, name: &str, life: Duration) -> Result<Option<Lock>> {
        let now = self.clock.now();
        let owner = format!("{:016x}", rand::random::<u64>());
        // A lock whose time is not up is not found, the upsert inserts, and the id is in its way.
        let free = doc! { "_id": name, "until": { "$lte": now } };
        let mine = doc! { "$set": { "owner": owner.as_str(), "until": now + life } };
        match self.documents(LOCKS).update_one(free, mine).upsert(true).await {
            Ok(_) => Ok(Some(Lock { name: name.to_owned(), owner })),
            Err(error) if is_duplicate(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Holds on to a lock; says whether it was still ours.
    pub async fn renew_lock(&self, lock: &Lock, life: Duration) -> Result<bool> {
        let mine = doc! { "_id": lock.name.as_str(), "owner": lock.owner.as_str() };
        let later = doc! { "$set": { "until": self.clock.now() + life } };
        Ok(self.documents(LOCKS).update_one(mine, later).await?.matched_count > 0)
    }

    /// Gives a lock back.
    pub async fn unlock(&self, lock: Lock) -> Result<()> {
        let mine = doc! { "_id": lock.name, "owner": lock.owner };
        self.documents(LOCKS).delete_one(mine).await?;
        Ok(())
    }
}
