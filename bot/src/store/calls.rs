//! `calls`: what people said to the question who is in. What the caller wrote is not kept.

use std::time::Duration;

use mongodb::{
    bson::{Document, doc},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{Id, Result, Store, is_duplicate};

/// How long a call can be answered.
const CALL_LIFE: Duration = Duration::from_secs(2 * 24 * 3600);

/// A call of a notify group that asks who is in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotifyCall {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// In which chat.
    pub chat_id: i64,
    /// Of which notify group.
    pub notify_group_id: Id,
    /// Who is in, first come first.
    #[serde(default)]
    pub yes: Vec<i64>,
    /// Who cannot.
    #[serde(default)]
    pub no: Vec<i64>,
}

const CALLS: &str = "calls";

impl Store {
    /// Notes a call that can be answered.
    pub async fn create_call(&self, call: &NotifyCall) -> Result<()> {
        let new = doc! {
            "_id": call.id, "chat_id": call.chat_id, "notify_group_id": call.notify_group_id,
            "yes": [], "no": [], "users": [],
            "expires_at": self.clock.now() + CALL_LIFE,
        };
        match self.documents(CALLS).insert_one(new).await {
            Err(error) if is_duplicate(&error) => Ok(()),
            other => {
                other?;
                Ok(())
            }
        }
    }

    /// A call of this chat that can be answered still.
    pub async fn call(&self, chat_id: i64, id: Id) -> Result<Option<NotifyCall>> {
        let this =
            doc! { "_id": id, "chat_id": chat_id, "expires_at": { "$gt": self.clock.now() } };
        Ok(self.collection(CALLS).find_one(this).await?)
    }

    /// Notes that somebody is in or cannot, in one operation; answers with how the call stands now.
    pub async fn answer_call(
        &self,
        chat_id: i64,
        id: Id,
        user: i64,
        is_in: bool,
    ) -> Result<Option<NotifyCall>> {
        let this =
            doc! { "_id": id, "chat_id": chat_id, "expires_at": { "$gt": self.clock.now() } };
        let (to, from) = if is_in { ("yes", "no") } else { ("no", "yes") };
        let change = doc! { "$addToSet": { to: user, "users": user }, "$pull": { from: user } };
        let answered = self
            .collection(CALLS)
            .find_one_and_update(this, change)
            .return_document(ReturnDocument::After)
            .await?;
        Ok(answered)
    }

    /// Takes somebody's answers back.
    pub(super) async fn forget_in_calls(&self, user: i64) -> Result<()> {
        let change = doc! { "$pull": { "yes": user, "no": user, "users": user } };
        let calls = self.collection::<Document>(CALLS);
        calls.update_many(doc! { "users": user }, change).await?;
        Ok(())
    }
}
