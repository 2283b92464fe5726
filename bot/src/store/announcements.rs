//! `announcements` and `announcement_targets`: what an operator says to every chat, and how far that has come.
//!
//! A chat gets it at most once. Before anything is sent, its target is taken: it is `sending`. Were we cut off then,
//! nobody can know whether the message went out, so it is never sent again and counts as `unsure`.

use std::time::Duration;

use futures::TryStreamExt as _;
use mongodb::{
    bson::{Bson, Document, doc, to_bson},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{Chat, Id, Result, Store, is_duplicate};
use crate::clock::Time;

/// How long a draft can be confirmed.
pub const DRAFT_LIFE: Duration = Duration::from_secs(3600);

/// How many targets are stored in one request.
const BATCH: usize = 500;

/// Something an operator wants to say to every chat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Whose it is.
    pub operator_id: Option<i64>,
    /// What is said.
    pub source: Source,
    /// How far it is.
    pub state: AnnouncementState,
    /// Whether chats get it that switched announcements off.
    #[serde(default)]
    pub essential: bool,
    /// Until when it can be confirmed, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The message in the operator's chat that shows it.
    #[serde(default)]
    pub card: Option<i32>,
    /// There while it is being sent. The index lets one document have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// When it was confirmed.
    #[serde(default)]
    pub confirmed_at: Option<Time>,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// This text.
    Text(String),
    /// A copy of this message, whatever it is.
    Copy {
        /// Its chat.
        chat_id: i64,
        /// Its number.
        message_id: i32,
    },
}

/// How far an announcement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnouncementState {
    /// It waits for being confirmed.
    Draft,
    /// It will not be sent.
    Cancelled,
    /// It is confirmed; who gets it is being noted.
    Preparing,
    /// It is being sent.
    Running,
    /// It was stopped. What is under way comes to its end.
    Stopping,
    /// Every chat had its turn, or it was stopped.
    Done,
}

/// What came of the wish to send a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// It is going to be sent.
    Yes,
    /// It is being sent, or was, or its time is up.
    TooLate,
    /// Another one is being sent.
    Busy,
}

/// A chat that gets an announcement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnnouncementTarget {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Which announcement.
    pub announcement_id: Id,
    /// Which chat.
    pub chat_id: i64,
    /// Whether it got it.
    pub state: TargetState,
    /// How often Telegram was too busy.
    #[serde(default)]
    pub attempts: i64,
    /// What Telegram said against it, in a word.
    #[serde(default)]
    pub error: Option<String>,
}

/// Whether a chat got an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Not yet.
    Pending,
    /// It is being sent at this moment.
    Sending,
    /// Yes.
    Sent,
    /// No: the bot cannot write there any more.
    Gone,
    /// No: Telegram refused.
    Failed,
    /// Nobody knows: the answer got lost, or we were cut off.
    Unsure,
}

/// How many chats are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not yet, or not any more if it was stopped.
    pub pending: u64,
    /// Got it.
    pub sent: u64,
    /// Cannot be written to.
    pub gone: u64,
    /// Were refused.
    pub failed: u64,
    /// May have got it.
    pub unsure: u64,
}

impl Tally {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.pending + self.sent + self.gone + self.failed + self.unsure
    }
}

const ANNOUNCEMENTS: &str = "announcements";
const TARGETS: &str = "announcement_targets";

impl Store {
    /// Stores a draft. Storing the same one again changes nothing.
    pub async fn draft_announcement(
        &self,
        id: Id,
        operator_id: i64,
        source: Source,
    ) -> Result<Announcement> {
        let draft = Announcement {
            id,
            operator_id: Some(operator_id),
            source,
            state: AnnouncementState::Draft,
            essential: false,
            expires_at: Some(self.clock.now() + DRAFT_LIFE),
            card: None,
            running: None,
            confirmed_at: None,
        };
        self.collection::<Announcement>(ANNOUNCEMENTS).insert_one(&draft).await?;
        Ok(draft)
    }

    /// Confirms a draft of this operator, shown by this message, unless another announcement is being sent.
    pub async fn confirm_announcement(
        &self,
        operator_id: i64,
        id: Id,
        essential: bool,
        card: Option<i32>,
    ) -> Result<Confirmed> {
        let now = self.clock.now();
        let draft = doc! {
            "_id": id, "operator_id": operator_id, "state": "draft", "expires_at": { "$gt": now },
        };
        let confirm = doc! {
            "$set": {
                "state": "preparing", "running": true, "essential": essential, "card": card,
                "confirmed_at": now,
            },
            "$unset": { "expires_at": "" },
        };
        match self.documents(ANNOUNCEMENTS).update_one(draft, confirm).await {
            Ok(it) if it.matched_count > 0 => Ok(Confirmed::Yes),
            Ok(_) => Ok(Confirmed::TooLate),
            Err(error) if is_duplicate(&error) => Ok(Confirmed::Busy),
            Err(error) => Err(error.into()),
        }
    }

    /// Drops a draft of this operator; says whether it was one.
    pub async fn cancel_announcement(&self, operator_id: i64, id: Id) -> Result<bool> {
        let draft = doc! { "_id": id, "operator_id": operator_id, "state": "draft" };
        let cancel = doc! { "$set": { "state": "cancelled" } };
        Ok(self.documents(ANNOUNCEMENTS).update_one(draft, cancel).await?.matched_count > 0)
    }

    /// Stops what is being sent, whichever operator's it is; says whether it was.
    pub async fn stop_announcement(&self, id: Id) -> Result<bool> {
        let running = doc! { "_id": id, "running": true };
        let stop = doc! { "$set": { "state": "stopping" } };
        Ok(self.documents(ANNOUNCEMENTS).update_one(running, stop).await?.matched_count > 0)
    }

    /// The announcement that is being sent.
    pub async fn running_announcement(&self) -> Result<Option<Announcement>> {
        Ok(self.collection(ANNOUNCEMENTS).find_one(doc! { "running": true }).await?)
    }

    /// How far an announcement is.
    pub async fn announcement_state(&self, id: Id) -> Result<Option<AnnouncementState>> {
        let found: Option<Announcement> =
            self.collection(ANNOUNCEMENTS).find_one(doc! { "_id": id }).await?;
        Ok(found.map(|it| it.state))
    }

    /// Notes every chat that gets an announcement, then lets it run. Doing it again notes nobody twice.
    pub async fn prepare_targets(&self, announcement: &Announcement) -> Result<()> {
        // The original stored chats without saying that they are active.
        let active = doc! { "active": { "$in": [Bson::Boolean(true), Bson::Null] } };
        let mut chats = self.collection::<Chat>("chats").find(active).await?;
        let mut targets = Vec::new();
        while let Some(chat) = chats.try_next().await? {
            if announcement.essential || chat.settings.announcements {
                targets.push(AnnouncementTarget {
                    id: Id::new(),
                    announcement_id: announcement.id,
                    chat_id: chat.chat_id,
                    state: TargetState::Pending,
                    attempts: 0,
                    error: None,
                });
            }
            if targets.len() == BATCH {
                self.insert_targets(&std::mem::take(&mut targets)).await?;
            }
        }
        self.insert_targets(&targets).await?;
        let preparing = doc! { "_id": announcement.id, "state": "preparing" };
        let run = doc! { "$set": { "state": "running" } };
        self.documents(ANNOUNCEMENTS).update_one(preparing, run).await?;
        Ok(())
    }

    async fn insert_targets(&self, targets: &[AnnouncementTarget]) -> Result<()> {
        if targets.is_empty() {
            return Ok(());
        }
        let targets_of = self.collection::<AnnouncementTarget>(TARGETS);
        match targets_of.insert_many(targets).ordered(false).await {
            // Those that were noted before we were cut off.
            Err(error) if only_duplicates(&error) => Ok(()),
            other => {
                other?;
                Ok(())
            }
        }
    }

    /// Whoever holds the lock has just got it: what somebody else was sending when they were cut off may have gone out.
    pub async fn doubt_targets(&self, announcement: Id) -> Result<()> {
        let sending = doc! { "announcement_id": announcement, "state": "sending" };
        let doubt = doc! { "$set": { "state": "unsure" } };
        self.documents(TARGETS).update_many(sending, doubt).await?;
        Ok(())
    }

    /// Takes the next chat: from now on it is being sent there.
    pub async fn take_target(&self, announcement: Id) -> Result<Option<AnnouncementTarget>> {
        let pending = doc! { "announcement_id": announcement, "state": "pending" };
        let take = doc! { "$set": { "state": "sending" }, "$inc": { "attempts": 1_i64 } };
        let taken = self
            .collection(TARGETS)
            .find_one_and_update(pending, take)
            .return_document(ReturnDocument::After)
            .await?;
        Ok(taken)
    }

    /// Notes what became of a chat that was taken.
    pub async fn settle_target(
        &self,
        target: Id,
        state: TargetState,
        error: Option<&str>,
    ) -> Result<()> {
        // Whoever thought that we are dead was wrong: we know.
        let taken = doc! { "_id": target, "state": { "$in": ["sending", "unsure"] } };
        let settle = doc! { "$set": {
            "state": to_bson(&state).unwrap_or_default(), "error": error,
        } };
        self.documents(TARGETS).update_one(taken, settle).await?;
        Ok(())
    }

    /// How far it has come.
    pub async fn tally(&self, announcement: Id) -> Result<Tally> {
        let of = |state: &str| {
            let filter = doc! { "announcement_id": announcement, "state": state };
            async move { self.documents(TARGETS).count_documents(filter).await }
        };
        let (pending, sending, sent, gone, failed, unsure) = futures::try_join!(
            of("pending"),
            of("sending"),
            of("sent"),
            of("gone"),
            of("failed"),
            of("unsure")
        )?;
        Ok(Tally { pending: pending + sending, sent, gone, failed, unsure })
    }

    /// The message that shows it is another one now.
    pub async fn set_announcement_card(&self, id: Id, card: i32) -> Result<()> {
        self.change_announcement(id, doc! { "$set": { "card": card } }).await
    }

    /// It is over: another one may be sent.
    pub async fn finish_announcement(&self, id: Id) -> Result<()> {
        let over = doc! { "$set": { "state": "done" }, "$unset": { "running": "" } };
        self.change_announcement(id, over).await
    }

    async fn change_announcement(&self, id: Id, change: Document) -> Result<()> {
        self.documents(ANNOUNCEMENTS).update_one(doc! { "_id": id }, change).await?;
        Ok(())
    }
}

/// Whether all that went wrong is that documents were there already.
fn only_duplicates(error: &mongodb::error::Error) -> bool {
    match error.kind.as_ref() {
        mongodb::error::ErrorKind::InsertMany(it) => {
            let errors = it.write_errors.iter().flatten();
            it.write_concern_error.is_none() && errors.clone().all(|it| it.code == 11000)
        }
        _ => is_duplicate(error),
    }
}
