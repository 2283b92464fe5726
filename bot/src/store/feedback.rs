//! `feedback`: what people want the operators to know, and where it was delivered, so that an answer finds its way back.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};

use super::{ChatKind, Id, Result, Store};
use crate::{clock::Time, text::Lang};

/// For how long a delivery that failed is tried again.
const DELIVERED_WITHIN: Duration = Duration::from_secs(3 * 24 * 3600);

/// Feedback.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Feedback {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// The update that brought it.
    pub update: i64,
    /// Who wrote it; nobody any more, once they were forgotten.
    pub user_id: Option<i64>,
    /// What they wrote, as they wrote it.
    pub text: String,
    /// Where they wrote it.
    pub chat_kind: Option<ChatKind>,
    /// In which language they see the bot.
    pub lang: Lang,
    /// When.
    pub at: Time,
    /// Operators who have not got it yet.
    #[serde(default)]
    pub waiting: Vec<i64>,
    /// The messages by which operators got it.
    #[serde(default)]
    pub operator_messages: Vec<Delivered>,
}

/// A message by which an operator got feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The operator's private chat.
    pub chat_id: i64,
    /// The message.
    pub message_id: i32,
}

const FEEDBACK: &str = "feedback";

impl Store {
    /// The feedback that this update of theirs brought, if it was stored.
    pub async fn feedback_from(&self, user_id: i64, update: i64) -> Result<Option<Feedback>> {
        let lately = self.clock.now() - Duration::from_secs(2 * 24 * 3600);
        let filter = doc! { "user_id": user_id, "at": { "$gt": lately }, "update": update };
        Ok(self.collection(FEEDBACK).find_one(filter).await?)
    }

    /// Stores feedback.
    pub async fn create_feedback(&self, feedback: &Feedback) -> Result<()> {
        self.collection::<Feedback>(FEEDBACK).insert_one(feedback).await?;
        Ok(())
    }

    /// An operator got it by this message. `None` where an answer could not come back to us.
    pub async fn feedback_delivered(
        &self,
        id: Id,
        operator: i64,
        message: Option<i32>,
    ) -> Result<()> {
        let mut change = doc! { "$pull": { "waiting": operator } };
        if let Some(message) = message {
            let delivered = doc! { "chat_id": operator, "message_id": message };
            change.insert("$push", doc! { "operator_messages": delivered });
        }
        self.documents(FEEDBACK).update_one(doc! { "_id": id }, change).await?;
        Ok(())
    }

    /// Feedback that was stored before `before` and has not reached every operator; not what is too old to matter.
    pub async fn feedback_waiting(&self, before: Time) -> Result<Vec<Feedback>> {
        let since = self.clock.now() - DELIVERED_WITHIN;
        let filter = doc! {
            // Ids of people are positive: whoever waits.
            "waiting": { "$gt": 0 }, "at": { "$gt": since, "$lt": before },
        };
        let mut cursor =
            self.collection::<Feedback>(FEEDBACK).find(filter).sort(doc! { "at": 1 }).await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    }

    /// The feedback that an operator got by this message.
    pub async fn feedback_behind(&self, chat_id: i64, message_id: i32) -> Result<Option<Feedback>> {
        let delivered: Document = doc! { "chat_id": chat_id, "message_id": message_id };
        // The first field is for the index.
        let filter = doc! {
            "operator_messages.chat_id": chat_id, "operator_messages": { "$elemMatch": delivered },
        };
        Ok(self.collection(FEEDBACK).find_one(filter).await?)
    }
}
