//! `notices`: what was told to a group, so that it is not told again if whoever told it died right after.

use mongodb::bson::doc;

use super::{Result, Store, is_duplicate};

const NOTICES: &str = "notices";

impl Store {
    /// Whether this is told for the first time; from now on it counts as told. It is named by what is told and by an id or
    /// the number of an update, such as `renamed:4711`.
    pub async fn first_time(&self, what: &str) -> Result<bool> {
        let notice = doc! { "_id": what, "at": self.clock.now() };
        match self.documents(NOTICES).insert_one(notice).await {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
