//! `limits`: how often somebody did something lately, for cool-downs that hold for all replicas.

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
        let now = self.clock.now();
        let over = doc! { "$pull": { "at": { "$lte": now - window } } };
        let this = doc! { "_id": what };
        self.documents(LIMITS).update_one(this.clone(), over).await?;
        // There is room if the last of the allowed places is empty. If it is not, the filter finds nothing, the upsert
        // inserts, and the id is in its way.
        let last = format!("at.{}", times.saturating_sub(1));
        let room = doc! { "_id": what, last: { "$exists": false } };
        let note = doc! { "$push": { "at": now }, "$set": { "expires_at": now + window } };
        match self.documents(LIMITS).update_one(room, note).upsert(true).await {
            Ok(_) => return Ok(Ok(())),
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let found: Option<Document> = self.documents(LIMITS).find_one(this).await?;
        let oldest = found
            .as_ref()
            .and_then(|it| it.get_array("at").ok())
            .and_then(|it| it.iter().filter_map(|it| it.as_datetime()).min())
            .map_or(now, |it| Time(it.timestamp_millis()));
        // Rounded up, so that nobody is told to wait for nothing.
        let wait = (oldest + window).since(now).max(Duration::from_secs(1));
        Ok(Err(Wait(wait)))
    }
}
