//! `media_cache`: what Telegram calls the files that were uploaded.

use mongodb::bson::{Document, doc};

use super::{Result, Store};

const MEDIA: &str = "media_cache";

impl Store {
    /// What Telegram calls this file, if it was uploaded by this bot with this content.
    pub async fn file_id(&self, bot: i64, asset: &str, sha256: &str) -> Result<Option<String>> {
        let filter = doc! { "_id": format!("{asset}:{bot}"), "sha256": sha256 };
        let found: Option<Document> = self.documents(MEDIA).find_one(filter).await?;
        Ok(found.and_then(|it| it.get_str("file_id").ok().map(str::to_owned)))
    }

    /// Notes what Telegram calls a file.
    pub async fn set_file_id(
        &self,
        bot: i64,
        asset: &str,
        sha256: &str,
        file_id: &str,
    ) -> Result<()> {
        let this = doc! { "_id": format!("{asset}:{bot}") };
        let change = doc! { "$set": { "file_id": file_id, "sha256": sha256 } };
        self.documents(MEDIA).update_one(this, change).upsert(true).await?;
        Ok(())
    }
}
