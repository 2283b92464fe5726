//! How much there is of everything, for whoever runs the bot.

use mongodb::bson::{Bson, doc};

use super::{Result, Store};

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Private chats in which the bot can write.
    pub private_chats: u64,
    /// Groups in which it can.
    pub groups: u64,
    /// Chats in which it cannot any more.
    pub gone: u64,
    /// People who were seen.
    pub users: u64,
    /// Status users.
    pub status_users: u64,
    /// Notify groups.
    pub notify_groups: u64,
    /// Dialogues that are going on.
    pub dialogues: u64,
}

impl Store {
    /// Counts everything.
    pub async fn counts(&self) -> Result<Counts> {
        let all = |collection: &str| {
            let collection = self.documents(collection);
            async move { collection.estimated_document_count().await }
        };
        let chats = |filter| async move { self.documents("chats").count_documents(filter).await };
        let active = doc! { "$in": [Bson::Boolean(true), Bson::Null] };
        // Ids of people are positive, those of groups negative.
        let private = doc! { "active": active.clone(), "chat_id": { "$gt": 0 } };
        let groups = doc! { "active": active, "chat_id": { "$lt": 0 } };
        let (private_chats, groups, gone, users, status_users, notify_groups, dialogues) = futures::try_join!(
            chats(private),
            chats(groups),
            chats(doc! { "active": false }),
            all("users"),
            all("statususers"),
            all("notifygroups"),
            all("dialogues")
        )?;
        Ok(Counts { private_chats, groups, gone, users, status_users, notify_groups, dialogues })
    }
}
