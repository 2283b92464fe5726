//! `notifications`: calls that are on their way, so that one that was cut off goes on where it was.
//!
//! What the caller wrote is in here only until everybody is called.

use mongodb::{bson::doc, options::ReturnDocument};
use serde::{Deserialize, Serialize};

use super::{Id, LEASE, Result, Store, is_duplicate};
use crate::{clock::Time, text::Html};

/// How long a call that was cut off is worth going on with.
const FRESH: std::time::Duration = std::time::Duration::from_secs(600);

/// A call on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Notification {
    /// The update that asked for it.
    #[serde(rename = "_id")]
    pub update: i64,
    /// Into which chat.
    pub chat_id: i64,
    /// Into which topic.
    pub thread_id: Option<i32>,
    /// What the first message replies to.
    pub reply_to: Option<i32>,
    /// The command, which is deleted in the end.
    pub command: i32,
    /// What is sent, one after the other.
    pub messages: Vec<Calling>,
    /// Which of them is next.
    pub next: i64,
    /// Whether that one is being sent: if whoever sent it is dead, it may have arrived.
    pub sending: bool,
    /// Whether it is being sent in a way that calls nobody, since it may have arrived before.
    pub quietly: bool,
    /// Who is at it.
    pub owner: i64,
    /// How long they are if they do not say so again.
    pub until: Time,
    /// Since when it is under way.
    pub at: Time,
}

/// A message of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calling {
    /// What it says, with mentions.
    pub text: Html,
    /// The same with names that call nobody.
    pub quiet: Html,
    /// If it asks who is in: the call that is answered with its buttons, and of which notify group.
    pub asks: Option<(Id, Id)>,
}

const NOTIFICATIONS: &str = "notifications";

impl Store {
    /// Notes a call whose first message is about to be sent by whoever notes it. False if it was noted before: whoever
    /// did that is at it, or somebody else will be.
    pub async fn begin_notification(&self, it: &Notification) -> Result<bool> {
        match self.collection::<Notification>(NOTIFICATIONS).insert_one(it).await {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The message `next` is about to be sent. False if somebody else is at it meanwhile.
    pub async fn take_message(&self, it: &Notification) -> Result<bool> {
        let set = doc! {
            "next": it.next, "sending": true, "quietly": it.quietly,
            "until": self.clock.now() + LEASE,
        };
        self.change_notification(it, doc! { "$set": set }).await
    }

    /// The message before `next` was sent.
    pub async fn settle_message(&self, it: &Notification) -> Result<bool> {
        let set = doc! {
            "next": it.next, "sending": false, "quietly": false,
            "until": self.clock.now() + LEASE,
        };
        self.change_notification(it, doc! { "$set": set }).await
    }

    /// Holds on to a call; says whether it was still ours.
    pub async fn renew_notification(&self, update: i64, owner: i64) -> Result<bool> {
        let ours = doc! { "_id": update, "owner": owner };
        let later = doc! { "$set": { "until": self.clock.now() + LEASE } };
        Ok(self.documents(NOTIFICATIONS).update_one(ours, later).await?.matched_count > 0)
    }

    async fn change_notification(
        &self,
        it: &Notification,
        change: mongodb::bson::Document,
    ) -> Result<bool> {
        let ours = doc! { "_id": it.update, "owner": it.owner };
        Ok(self.documents(NOTIFICATIONS).update_one(ours, change).await?.matched_count > 0)
    }

    /// Everybody is called, or nobody can be.
    pub async fn end_notification(&self, it: &Notification) -> Result<()> {
        let ours = doc! { "_id": it.update, "owner": it.owner };
        self.documents(NOTIFICATIONS).delete_one(ours).await?;
        Ok(())
    }

    /// Takes over a call whose owner has died, unless nobody wants it any more.
    pub async fn take_over_notification(&self) -> Result<Option<Notification>> {
        let now = self.clock.now();
        let left = doc! { "until": { "$lte": now }, "at": { "$gt": now - FRESH } };
        let mine = doc! { "$set": { "owner": rand::random::<i64>(), "until": now + LEASE } };
        let taken = self
            .collection::<Notification>(NOTIFICATIONS)
            .find_one_and_update(left, mine)
            .return_document(ReturnDocument::After)
            .await?;
        Ok(taken)
    }
}
