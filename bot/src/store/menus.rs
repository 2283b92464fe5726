//! `menus`: which menus of commands Telegram has of a bot, so that no start sets them for nothing.

use mongodb::bson::{Document, doc};

use super::{Result, Store};

const MENUS: &str = "menus";

impl Store {
    /// The fingerprint of the menus that were set last.
    pub async fn menus_of(&self, bot: i64) -> Result<Option<String>> {
        let found: Option<Document> = self.documents(MENUS).find_one(doc! { "_id": bot }).await?;
        Ok(found.and_then(|it| it.get_str("fingerprint").map(String::from).ok()))
    }

    /// Menus with this fingerprint were set.
    pub async fn menus_are(&self, bot: i64, fingerprint: &str) -> Result<()> {
        let set = doc! { "$set": { "fingerprint": fingerprint } };
        self.documents(MENUS).update_one(doc! { "_id": bot }, set).upsert(true).await?;
        Ok(())
    }
}
