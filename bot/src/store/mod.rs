//! What the bot remembers, in MongoDB: one file for each collection, and one function for each thing that can happen to
//! it. Nothing of the driver is seen outside.
//!
//! Every change is one atomic operation on one document, with the permission in its filter: two replicas, or two people
//! at the same moment, cannot undo each other's changes. There are no transactions: a local server has none. Steps are
//! ordered so that repeating the whole repairs what was cut off.

mod announcements;
mod calls;
mod chats;
mod counts;
mod credentials;
mod dialogues;
mod feedback;
mod forget;
mod indexes;
mod intents;
mod invitations;
mod limits;
mod locks;
mod media;
mod members;
mod menus;
mod migrate;
mod notices;
mod notifications;
mod notify_groups;
mod payments;
mod status_users;
mod updates;
mod users;

use std::{fmt, str::FromStr, time::Duration};

use mongodb::{
    Client, Collection, Database,
    bson::{Document, doc, oid::ObjectId},
    error::{ErrorKind, WriteFailure},
    options::{ClientOptions, Credential},
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

pub(crate) use self::users::user_id;
pub use self::{
    announcements::{
        Announcement, AnnouncementState, AnnouncementTarget, Confirmed, Source, Tally, TargetState,
    },
    calls::NotifyCall,
    chats::{Chat, ChatKind, Creators, Rights, Setting, Settings},
    counts::Counts,
    credentials::Vault,
    feedback::{Delivered, Feedback},
    forget::HandedOver,
    indexes::IndexTrouble,
    intents::Intent,
    invitations::{Answer, Answered, INVITATION_LIFE, Invitation, InvitationState, Invitee},
    limits::Wait,
    locks::Lock,
    members::{JoinOutcome, MEMBERS, Muted},
    migrate::Migrated,
    notifications::{Calling, Notification},
    notify_groups::{NewNotifyGroup, NotifyGroup, PER_CHAT, PER_CREATOR, Policy, name_key},
    payments::{Paid, Payment},
    status_users::{Changed, Linked, NewStatusUser, StatusUser},
    updates::{Claim, LEASE},
    users::User,
};
use crate::{clock::Clock, config::Mongodb};

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    clock: Clock,
}

/// What can go wrong with the database.
///
/// It shows what kind of thing went wrong and never what was in the documents.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, or not now. The same may succeed later.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// It does not accept what we ask, or answers what we do not understand.
    #[error("the database refused: {0}")]
    Refused(String),
}

/// The result of asking the database.
pub type Result<T> = std::result::Result<T, Error>;

/// The name of a stored thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(ObjectId);

impl Id {
    /// A new one, unlike every other.
    pub fn new() -> Self {
        Self(ObjectId::new())
    }

    /// From its twelve bytes.
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(ObjectId::from_bytes(bytes))
    }

    /// Its twelve bytes.
    pub fn bytes(&self) -> [u8; 12] {
        self.0.bytes()
    }
}

impl Default for Id {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Id {
    type Err = ();
    fn from_str(hex: &str) -> std::result::Result<Self, ()> {
        ObjectId::from_str(hex).map(Self).map_err(|_| ())
    }
}

impl From<Id> for mongodb::bson::Bson {
    fn from(id: Id) -> Self {
        id.0.into()
    }
}

impl Store {
    /// The database of a configuration. Nothing is asked of it yet.
    pub async fn connect(config: &Mongodb, clock: Clock) -> Result<Self> {
        let mut options = ClientOptions::parse(config.uri.expose_secret())
            .await
            .map_err(|it| Error::Refused(format!("MONGODB_URI: {}", it.kind)))?;
        options.app_name = Some("gsm-bot".to_owned());
        options.server_selection_timeout = Some(Duration::from_secs(5));
        options.connect_timeout = Some(Duration::from_secs(5));
        if let Some((name, password)) = &config.user {
            let credential = Credential::builder()
                .username(name.clone())
                .password(password.expose_secret().to_owned())
                .build();
            options.credential = Some(credential);
        }
        let client = Client::with_options(options)?;
        Ok(Self { database: client.database(&config.database), clock })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.database.run_command(doc! { "ping": 1 }).await?;
        Ok(())
    }

    fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(name)
    }

    fn documents(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }
}

impl From<mongodb::error::Error> for Error {
    fn from(error: mongodb::error::Error) -> Self {
        let transient = error.contains_label("RetryableWriteError")
            || error.contains_label("TransientTransactionError");
        match error.kind.as_ref() {
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. } => Error::Unreachable(kind(&error)),
            _ if transient => Error::Unreachable(kind(&error)),
            _ => Error::Refused(kind(&error)),
        }
    }
}

/// What sort of error it is. Messages of the server may quote documents, so they stay out.
fn kind(error: &mongodb::error::Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(it) => format!("{} ({})", it.code_name, it.code),
        ErrorKind::Write(WriteFailure::WriteError(it)) => format!("write error {}", it.code),
        ErrorKind::Write(_) => "write concern".to_owned(),
        ErrorKind::Io(it) => it.kind().to_string(),
        ErrorKind::ServerSelection { .. } => "no server answers".to_owned(),
        ErrorKind::Authentication { .. } => "user or password".to_owned(),
        ErrorKind::BsonDeserialization(it) => format!("a document is not as expected: {it}"),
        ErrorKind::InvalidArgument { .. } => "invalid argument".to_owned(),
        _ => "another error".to_owned(),
    }
}

/// Whether a unique index, or the `_id`, was in the way.
fn is_duplicate(error: &mongodb::error::Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(it)) => it.code == 11000,
        ErrorKind::Command(it) => it.code == 11000,
        _ => false,
    }
}

/// Whether that was because of this very index. The server names it in its message.
fn is_duplicate_of(error: &mongodb::error::Error, index: &str) -> bool {
    let message = match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(it)) => &it.message,
        ErrorKind::Command(it) => &it.message,
        _ => return false,
    };
    is_duplicate(error) && message.contains(index)
}
