//! Which indexes there are, and which fields hold the id of a chat.

use std::time::Duration;

use mongodb::{
    IndexModel,
    bson::{Document, doc},
    options::IndexOptions,
};

use super::{Store, kind};

/// Where chat ids are. Moving goes through them from first to last and can be repeated; purging from last to first, so
/// that a chat stays on the list until all of it is gone.
pub(super) const CHAT_IDS: &[(&str, &str)] = &[
    ("chats", "chat_id"),
    ("notifygroups", "chat_id"),
    ("statususers", "chat_id"),
    ("invitations", "chat_id"),
    ("calls", "chat_id"),
    ("notifications", "chat_id"),
    ("intents", "chat_id"),
    ("dialogues", "target.chat_id"),
    ("announcement_targets", "chat_id"),
];

/// An index that could not be made.
#[derive(Clone, Debug)]
pub struct IndexTrouble {
    /// Of which collection.
    pub collection: &'static str,
    /// Of which fields.
    pub fields: String,
    /// What the server said, in a word.
    pub error: String,
    /// For a unique index: ids of documents that are in its way.
    pub offending: Vec<String>,
}

struct Index {
    collection: &'static str,
    keys: Document,
    unique: bool,
    sparse: bool,
    /// How long after the field's date documents are deleted.
    ttl: Option<Duration>,
}

impl Index {
    fn on(collection: &'static str, keys: Document) -> Self {
        Self { collection, keys, unique: false, sparse: false, ttl: None }
    }
    fn unique(self) -> Self {
        Self { unique: true, ..self }
    }
    fn sparse(self) -> Self {
        Self { sparse: true, ..self }
    }
    fn gone_after(self, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..self }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn indexes() -> Vec<Index> {
    vec![
        Index::on("chats", doc! { "chat_id": 1 }).unique(),
        Index::on("chats", doc! { "active": 1, "inactive_since": 1 }),
        Index::on("users", doc! { "username_lc": 1 }).sparse(),
        Index::on("statususers", doc! { "chat_id": 1, "display_key": 1 }).unique(),
        Index::on("statususers", doc! { "chat_id": 1, "user_id": 1 }),
        Index::on("statususers", doc! { "user_id": 1 }),
        Index::on("statususers", doc! { "linked_user_id": 1 }).sparse(),
        Index::on("notifygroups", doc! { "chat_id": 1, "name_key": 1 }).unique(),
        Index::on("notifygroups", doc! { "chat_id": 1, "creator_id": 1 }),
        Index::on("notifygroups", doc! { "chat_id": 1, "members": 1 }),
        Index::on("notifygroups", doc! { "chat_id": 1, "offered_to": 1 }).sparse(),
        Index::on("notifygroups", doc! { "members": 1 }),
        Index::on("notifygroups", doc! { "creator_id": 1 }),
        Index::on("notifygroups", doc! { "muted.user_id": 1 }),
        Index::on("notifygroups", doc! { "offered_to": 1 }).sparse(),
        Index::on("notifygroups", doc! { "requests": 1 }),
        Index::on("calls", doc! { "chat_id": 1 }),
        Index::on("calls", doc! { "users": 1 }),
        Index::on("calls", doc! { "expires_at": 1 }).gone_after(Duration::ZERO),
        Index::on("notifications", doc! { "chat_id": 1 }),
        Index::on("notifications", doc! { "until": 1 }),
        // What was written to call people stays no longer than it takes, whatever happens.
        Index::on("notifications", doc! { "at": 1 }).gone_after(Duration::from_secs(3600)),
        Index::on("notices", doc! { "at": 1 }).gone_after(2 * DAY),
        Index::on("invitations", doc! { "notify_group_id": 1, "state": 1 }),
        Index::on("invitations", doc! { "chat_id": 1, "state": 1 }),
        Index::on("invitations", doc! { "state": 1, "expires_at": 1 }),
        Index::on("invitations", doc! { "invitees.user_id": 1 }),
        Index::on("invitations", doc! { "invitees.username_lc": 1 }).sparse(),
        Index::on("invitations", doc! { "inviter_id": 1 }),
        // A month longer than they can be answered, so that late presses can be explained.
        Index::on("invitations", doc! { "expires_at": 1 }).gone_after(30 * DAY),
        Index::on("intents", doc! { "expires_at": 1 }).gone_after(Duration::ZERO),
        Index::on("intents", doc! { "user_id": 1, "chat_id": 1, "kind": 1 }),
        Index::on("intents", doc! { "chat_id": 1 }),
        Index::on("dialogues", doc! { "updated_at": 1 }).gone_after(DAY),
        Index::on("dialogues", doc! { "target.chat_id": 1 }).sparse(),
        Index::on("announcements", doc! { "running": 1 }).unique().sparse(),
        Index::on("announcements", doc! { "operator_id": 1 }),
        Index::on("announcements", doc! { "source.copy.chat_id": 1 }).sparse(),
        // Drafts that nobody confirmed.
        Index::on("announcements", doc! { "expires_at": 1 }).gone_after(DAY),
        Index::on("announcement_targets", doc! { "announcement_id": 1, "chat_id": 1 }).unique(),
        Index::on("announcement_targets", doc! { "announcement_id": 1, "state": 1 }),
        Index::on("announcement_targets", doc! { "chat_id": 1 }),
        Index::on("feedback", doc! { "user_id": 1, "at": 1 }),
        Index::on("feedback", doc! { "waiting": 1 }),
        Index::on("feedback", doc! { "at": 1 }).gone_after(365 * DAY),
        Index::on(
            "feedback",
            doc! { "operator_messages.chat_id": 1, "operator_messages.message_id": 1 },
        ),
        Index::on("payments", doc! { "telegram_charge_id": 1 }).unique().sparse(),
        Index::on("payments", doc! { "payload": 1 }),
        // Invoices that nobody paid.
        Index::on("payments", doc! { "expires_at": 1 }).gone_after(Duration::ZERO),
        Index::on("credentials", doc! { "platform": 1 }).unique(),
        Index::on("locks", doc! { "until": 1 }).gone_after(Duration::ZERO),
        Index::on("limits", doc! { "expires_at": 1 }).gone_after(Duration::ZERO),
        Index::on("limits", doc! { "of": 1 }),
        // Telegram keeps updates for a day and sends none again after that.
        Index::on("updates", doc! { "at": 1 }).gone_after(2 * DAY),
    ]
}

impl Store {
    /// Makes every index that is not there. What cannot be made is answered and stops nothing: names may then be given
    /// twice, but the bot works.
    pub async fn make_indexes(&self) -> super::Result<Vec<IndexTrouble>> {
        let mut troubles = Vec::new();
        for index in indexes() {
            let mut options = IndexOptions::default();
            options.unique = index.unique.then_some(true);
            options.sparse = index.sparse.then_some(true);
            options.expire_after = index.ttl;
            let model = IndexModel::builder().keys(index.keys.clone()).options(options).build();
            let Err(error) = self.documents(index.collection).create_index(model).await else {
                continue;
            };
            if let super::Error::Unreachable(why) = super::Error::from(error.clone()) {
                return Err(super::Error::Unreachable(why));
            }
            let fields: Vec<&str> = index.keys.keys().map(String::as_str).collect();
            let offending = match index.unique {
                true => self.duplicates(index.collection, &fields).await.unwrap_or_default(),
                false => Vec::new(),
            };
            troubles.push(IndexTrouble {
                collection: index.collection,
                fields: fields.join(", "),
                error: kind(&error),
                offending,
            });
        }
        Ok(troubles)
    }

    /// Ids of documents that share the values of these fields with another one.
    async fn duplicates(&self, collection: &str, fields: &[&str]) -> super::Result<Vec<String>> {
        let mut seen = std::collections::HashMap::<String, String>::new();
        let mut ids = Vec::new();
        let mut projection = Document::new();
        fields.iter().for_each(|it| {
            projection.insert(*it, 1);
        });
        let mut cursor = self.documents(collection).find(doc! {}).projection(projection).await?;
        while cursor.advance().await? {
            let found = cursor.deserialize_current()?;
            let id = found.get("_id").map(ToString::to_string).unwrap_or_default();
            let key: Vec<String> = fields
                .iter()
                .map(|it| found.get(it).map(ToString::to_string).unwrap_or_default())
                .collect();
            if let Some(first) = seen.insert(key.join("\u{0}"), id.clone()) {
                ids.extend([first, id]);
            }
        }
        Ok(ids)
    }
}
