//! `chats`: every chat the bot is or was in, with its settings.

use mongodb::{
    bson::{Document, doc, to_bson},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{Error, Policy, Result, Store, is_duplicate};
use crate::{clock::Time, text::Lang};

/// A chat. What the original stored has only the id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chat {
    /// Telegram's id.
    pub chat_id: i64,
    /// What kind of chat it is, once something was heard of it.
    #[serde(default)]
    pub kind: Option<ChatKind>,
    /// Its title, or the person's first name.
    #[serde(default)]
    pub title: Option<String>,
    /// Whether the bot can write there.
    #[serde(default = "yes")]
    pub active: bool,
    /// Whether the bot may delete other people's messages.
    #[serde(default)]
    pub can_delete: bool,
    /// Whether it has topics.
    #[serde(default)]
    pub is_forum: bool,
    /// The language chosen for a group.
    #[serde(default)]
    pub lang: Option<Lang>,
    /// Settings.
    #[serde(default)]
    pub settings: Settings,
    /// Since when the bot cannot write there.
    #[serde(default)]
    pub inactive_since: Option<Time>,
}

/// Kinds of chats that the bot is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    /// One person and the bot.
    Private,
    /// A basic group.
    Group,
    /// A supergroup.
    Supergroup,
}

/// What `/settings` changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Whether there are joke commands.
    pub jokes: bool,
    /// Whether announcements come.
    pub announcements: bool,
    /// Who may create notify groups.
    pub creators: Creators,
    /// Who may join a new notify group, unless its creator says otherwise.
    pub default_policy: Policy,
    /// Whether the bot deletes `/notify` commands, if it may.
    pub delete_commands: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            jokes: true,
            announcements: true,
            creators: Creators::Everyone,
            default_policy: Policy::Invite,
            delete_commands: true,
        }
    }
}

/// A setting with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Whether there are joke commands.
    Jokes(bool),
    /// Whether announcements come.
    Announcements(bool),
    /// Who may create notify groups.
    Creators(Creators),
    /// Who may join a new notify group, unless its creator says otherwise.
    DefaultPolicy(Policy),
    /// Whether the bot deletes `/notify` commands, if it may.
    DeleteCommands(bool),
}

/// Who may create notify groups in a chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Creators {
    /// Every member.
    #[default]
    Everyone,
    /// Only administrators.
    Admins,
}

/// What the bot may do in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Delete other people's messages.
    pub can_delete: bool,
}

fn yes() -> bool {
    true
}

const CHATS: &str = "chats";

impl Store {
    /// Something came from this chat: stores it if it is new, refreshes what Telegram says of it, and answers with what
    /// is stored. Whether the bot can write there stays as it is.
    pub async fn see_chat(
        &self,
        chat_id: i64,
        kind: ChatKind,
        title: Option<&str>,
        is_forum: bool,
    ) -> Result<Chat> {
        let seen = doc! { "kind": to_bson(&kind).unwrap_or_default(), "title": title, "is_forum": is_forum };
        let update = doc! {
            "$set": seen,
            "$setOnInsert": { "active": true, "can_delete": false, "added_at": self.clock.now() },
        };
        // Two updates may insert it at the same moment: the second then finds it.
        for attempt in 0..2 {
            let outcome = self
                .collection::<Chat>(CHATS)
                .find_one_and_update(doc! { "chat_id": chat_id }, update.clone())
                .upsert(true)
                .return_document(ReturnDocument::After)
                .await;
            match outcome {
                Ok(Some(chat)) => return Ok(chat),
                Err(error) if attempt > 0 || !is_duplicate(&error) => return Err(error.into()),
                Ok(None) | Err(_) => {}
            }
        }
        Err(Error::Refused("a chat cannot be stored".to_owned()))
    }

    /// A chat, if something was ever heard of it.
    pub async fn chat(&self, chat_id: i64) -> Result<Option<Chat>> {
        Ok(self.collection(CHATS).find_one(doc! { "chat_id": chat_id }).await?)
    }

    /// The bot can write in this chat, and may do this.
    pub async fn chat_is_active(&self, chat_id: i64, rights: Rights) -> Result<()> {
        let change = doc! {
            "$set": { "active": true, "can_delete": rights.can_delete },
            "$unset": { "inactive_since": "" },
        };
        self.change_chat(chat_id, change).await
    }

    /// The bot cannot write in this chat any more. The first time counts. A private chat's person cannot be written to.
    pub async fn chat_is_gone(&self, chat_id: i64) -> Result<()> {
        let change = doc! { "$set": { "active": false, "inactive_since": self.clock.now() } };
        let active = doc! { "chat_id": chat_id, "active": { "$ne": false } };
        self.documents(CHATS).update_one(active, change).await?;
        if chat_id > 0 {
            self.set_can_dm(chat_id, false).await?;
        }
        Ok(())
    }

    /// The chat has another title.
    pub async fn set_title(&self, chat_id: i64, title: &str) -> Result<()> {
        self.change_chat(chat_id, doc! { "$set": { "title": title } }).await
    }

    /// The chat speaks this language.
    pub async fn set_chat_lang(&self, chat_id: i64, lang: Lang) -> Result<()> {
        self.change_chat(chat_id, doc! { "$set": { "lang": lang.code() } }).await
    }

    /// One setting of a chat has this value; the others stay as they are.
    pub async fn set_setting(&self, chat_id: i64, setting: Setting) -> Result<()> {
        let (name, value) = match setting {
            Setting::Jokes(on) => ("jokes", on.into()),
            Setting::Announcements(on) => ("announcements", on.into()),
            Setting::Creators(who) => ("creators", to_bson(&who).unwrap_or_default()),
            Setting::DefaultPolicy(who) => ("default_policy", to_bson(&who).unwrap_or_default()),
            Setting::DeleteCommands(on) => ("delete_commands", on.into()),
        };
        self.change_chat(chat_id, doc! { "$set": { format!("settings.{name}"): value } }).await
    }

    async fn change_chat(&self, chat_id: i64, change: Document) -> Result<()> {
        self.documents(CHATS).update_one(doc! { "chat_id": chat_id }, change).await?;
        Ok(())
    }

    /// Chats in which the bot could not write since before `moment`.
    pub async fn chats_gone_since(&self, moment: Time) -> Result<Vec<i64>> {
        let gone = doc! { "active": false, "inactive_since": { "$lt": moment } };
        let mut cursor = self.collection::<Chat>(CHATS).find(gone).await?;
        let mut ids = Vec::new();
        while cursor.advance().await? {
            ids.push(cursor.deserialize_current()?.chat_id);
        }
        Ok(ids)
    }

    /// The chat has a new id: in every collection, as often as it is said.
    ///
    /// What could not be moved, because the new id has it already, is dropped: it was moved before, or came into being
    /// after the move.
    pub async fn move_chat(&self, old: i64, new: i64) -> Result<()> {
        for (collection, field) in super::indexes::CHAT_IDS {
            let here = doc! { *field: old };
            let there = doc! { "$set": { *field: new } };
            let all = self.documents(collection).update_many(here.clone(), there.clone()).await;
            if all.as_ref().is_err_and(is_duplicate) {
                self.move_one_by_one(collection, here, there).await?;
            } else {
                all?;
            }
        }
        Ok(())
    }

    async fn move_one_by_one(
        &self,
        collection: &str,
        here: Document,
        there: Document,
    ) -> Result<()> {
        let mut cursor = self.documents(collection).find(here).await?;
        while cursor.advance().await? {
            let found = cursor.deserialize_current()?;
            let Some(id) = found.get("_id") else { continue };
            let moved =
                self.documents(collection).update_one(doc! { "_id": id }, there.clone()).await;
            match moved {
                Err(error) if is_duplicate(&error) => {
                    self.documents(collection).delete_one(doc! { "_id": id }).await?;
                }
                other => {
                    other?;
                }
            }
        }
        Ok(())
    }

    /// Removes everything that belongs to a chat, the chat itself last.
    pub async fn purge_chat(&self, chat_id: i64) -> Result<()> {
        for (collection, field) in super::indexes::CHAT_IDS.iter().rev() {
            self.documents(collection).delete_many(doc! { *field: chat_id }).await?;
        }
        Ok(())
    }
}
