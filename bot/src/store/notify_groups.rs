//! `notifygroups`: named lists of people inside one group. Who is on them: `members`.
//!
//! Everything is looked up together with its chat, and changes carry the permission in their filter.

use std::time::Duration;

use mongodb::{
    Cursor,
    bson::{Bson, Document, doc, to_bson},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{Id, Muted, Result, Store, is_duplicate, is_duplicate_of};
use crate::clock::Time;

/// How many notify groups a chat may have.
pub const PER_CHAT: u64 = 50;
/// How many of them may be of one person.
pub const PER_CREATOR: u64 = 20;
/// A notify group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotifyGroup {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Its chat.
    pub chat_id: i64,
    /// Who created it, or took it over.
    pub creator_id: i64,
    /// Its name.
    pub name: String,
    /// By which it is found: `name_key` of the name. The original has none; `migrate` adds it.
    #[serde(default)]
    pub name_key: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Who is called.
    #[serde(default)]
    pub members: Vec<i64>,
    /// Who may join.
    #[serde(default)]
    pub policy: Policy,
    /// Whether only members see it.
    #[serde(default)]
    pub hidden: bool,
    /// Whether notifications ask who is in.
    #[serde(default)]
    pub asks: bool,
    /// Who does not want to be called for a while.
    #[serde(default)]
    pub muted: Vec<Muted>,
    /// Somebody who was asked to take it over.
    #[serde(default)]
    pub offered_to: Option<i64>,
    /// Who asked to be let in.
    #[serde(default)]
    pub requests: Vec<i64>,
    /// When it was last called.
    #[serde(default)]
    pub last_notified_at: Option<Time>,
    /// The update that asked for that.
    #[serde(default)]
    pub last_call: Option<i64>,
    /// When it was created.
    #[serde(default)]
    pub created_at: Option<Time>,
    /// Counts changes.
    #[serde(default)]
    pub rev: i64,
}

impl NotifyGroup {
    /// Whether somebody is on the list.
    pub fn has(&self, user: i64) -> bool {
        self.members.contains(&user)
    }

    /// Whether somebody may call it: who is on the list, and its creator in any case.
    pub fn may_be_called_by(&self, user: i64) -> bool {
        self.creator_id == user || self.has(user)
    }

    /// Whether somebody may know of it.
    pub fn is_known_to(&self, user: i64) -> bool {
        !self.hidden || self.may_be_called_by(user)
    }

    /// Whether somebody does not want to be called at the moment.
    pub fn is_muted_by(&self, user: i64, now: Time) -> bool {
        self.muted.iter().any(|it| it.user_id == user && it.until > now)
    }
}

/// Who may join a notify group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Whoever is invited.
    #[default]
    Invite,
    /// Everybody in the chat.
    Open,
}

/// A notify group that is about to be.
#[derive(Clone, Debug)]
pub struct NewNotifyGroup {
    /// Made before, so that creating it twice creates it once.
    pub id: Id,
    /// Its chat.
    pub chat_id: i64,
    /// Its creator and first member.
    pub creator_id: i64,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Who may join.
    pub policy: Policy,
}

/// By what a name is found: its Unicode lower case. A name with an `@` in it is shown with a word joiner, so that it
/// mentions nobody; whoever copies it from there means the same.
pub fn name_key(name: &str) -> String {
    name.trim().replace('\u{2060}', "").to_lowercase()
}

pub(super) const GROUPS: &str = "notifygroups";

impl Store {
    /// Creates a notify group; says whether the name was free. Creating the same one again succeeds and changes
    /// nothing.
    pub async fn create_notify_group(&self, new: &NewNotifyGroup) -> Result<bool> {
        let group = NotifyGroup {
            id: new.id,
            chat_id: new.chat_id,
            creator_id: new.creator_id,
            name: new.name.clone(),
            name_key: name_key(&new.name),
            description: new.description.clone(),
            members: vec![new.creator_id],
            policy: new.policy,
            hidden: false,
            asks: false,
            muted: Vec::new(),
            offered_to: None,
            requests: Vec::new(),
            last_notified_at: None,
            last_call: None,
            created_at: Some(self.clock.now()),
            rev: 0,
        };
        match self.collection(GROUPS).insert_one(group).await {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate(&error) => {
                // Ours from an attempt that was cut off, or somebody else's with the same name?
                let mine = doc! { "_id": new.id, "chat_id": new.chat_id };
                Ok(self.documents(GROUPS).find_one(mine).await?.is_some())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The notify group of this name in this chat.
    pub async fn notify_group_called(
        &self,
        chat_id: i64,
        name: &str,
    ) -> Result<Option<NotifyGroup>> {
        let filter = doc! { "chat_id": chat_id, "name_key": name_key(name) };
        Ok(self.collection(GROUPS).find_one(filter).await?)
    }

    /// The notify groups of these names in this chat, in one request.
    pub async fn notify_groups_called(
        &self,
        chat_id: i64,
        names: &[String],
    ) -> Result<Vec<NotifyGroup>> {
        let keys: Vec<String> = names.iter().map(|it| name_key(it)).collect();
        self.sorted_groups(doc! { "chat_id": chat_id, "name_key": { "$in": keys } }).await
    }

    /// A notify group of this chat.
    pub async fn notify_group(&self, chat_id: i64, id: Id) -> Result<Option<NotifyGroup>> {
        Ok(self.collection(GROUPS).find_one(doc! { "_id": id, "chat_id": chat_id }).await?)
    }

    /// Every notify group of a chat, by name.
    pub async fn notify_groups(&self, chat_id: i64) -> Result<Vec<NotifyGroup>> {
        self.sorted_groups(doc! { "chat_id": chat_id }).await
    }

    /// Those that somebody is a member or the creator of, by name.
    pub async fn notify_groups_with(&self, chat_id: i64, user: i64) -> Result<Vec<NotifyGroup>> {
        let theirs = [doc! { "members": user }, doc! { "creator_id": user }];
        self.sorted_groups(doc! { "chat_id": chat_id, "$or": theirs.to_vec() }).await
    }

    /// Those that somebody created, by name.
    pub async fn notify_groups_of(&self, chat_id: i64, creator: i64) -> Result<Vec<NotifyGroup>> {
        self.sorted_groups(doc! { "chat_id": chat_id, "creator_id": creator }).await
    }

    /// Whether somebody can create one more in a chat.
    pub async fn room_for_notify_group(&self, chat_id: i64, creator: i64) -> Result<bool> {
        let groups = self.documents(GROUPS);
        let all = groups.count_documents(doc! { "chat_id": chat_id }).limit(PER_CHAT).await?;
        let theirs = doc! { "chat_id": chat_id, "creator_id": creator };
        let theirs = groups.count_documents(theirs).limit(PER_CREATOR).await?;
        Ok(all < PER_CHAT && theirs < PER_CREATOR)
    }

    /// Gives it another name; `None` if it is gone or not theirs, `Some(false)` if the name is taken.
    pub async fn rename_notify_group(
        &self,
        chat_id: i64,
        id: Id,
        creator: i64,
        name: &str,
    ) -> Result<Option<bool>> {
        let set =
            doc! { "$set": { "name": name, "name_key": name_key(name) }, "$inc": { "rev": 1 } };
        let theirs = doc! { "_id": id, "chat_id": chat_id, "creator_id": creator };
        match self.documents(GROUPS).update_one(theirs, set).await {
            Ok(it) => Ok((it.matched_count > 0).then_some(true)),
            Err(error) if is_duplicate_of(&error, "name_key") || is_duplicate(&error) => {
                Ok(Some(false))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Describes it otherwise; says whether it was theirs to describe.
    pub async fn describe_notify_group(
        &self,
        chat_id: i64,
        id: Id,
        creator: i64,
        description: Option<&str>,
    ) -> Result<bool> {
        self.change_own_group(chat_id, id, creator, doc! { "$set": { "description": description } })
            .await
    }

    /// Changes who may join; says whether it was theirs to change.
    pub async fn set_policy(
        &self,
        chat_id: i64,
        id: Id,
        creator: i64,
        policy: Policy,
    ) -> Result<bool> {
        let policy = to_bson(&policy).unwrap_or_default();
        self.change_own_group(chat_id, id, creator, doc! { "$set": { "policy": policy } }).await
    }

    /// Hides it, or shows it; says whether it was theirs to hide.
    pub async fn set_hidden(&self, chat_id: i64, id: Id, creator: i64, on: bool) -> Result<bool> {
        self.change_own_group(chat_id, id, creator, doc! { "$set": { "hidden": on } }).await
    }

    /// Lets notifications ask who is in, or not; says whether it was theirs to change.
    pub async fn set_asks(&self, chat_id: i64, id: Id, creator: i64, on: bool) -> Result<bool> {
        self.change_own_group(chat_id, id, creator, doc! { "$set": { "asks": on } }).await
    }

    pub(super) async fn change_own_group(
        &self,
        chat_id: i64,
        id: Id,
        creator: i64,
        mut change: Document,
    ) -> Result<bool> {
        let theirs = doc! { "_id": id, "chat_id": chat_id, "creator_id": creator };
        change.insert("$inc", doc! { "rev": 1 });
        Ok(self.documents(GROUPS).update_one(theirs, change).await?.matched_count > 0)
    }

    /// Notes that it is called now, unless that was done less than `pause` ago; says whether it may be called. The update
    /// that asks for it may come again.
    pub async fn call_notify_group(
        &self,
        chat_id: i64,
        id: Id,
        pause: Duration,
        update: i64,
    ) -> Result<bool> {
        let now = self.clock.now();
        let rested = [
            doc! { "last_notified_at": Bson::Null },
            doc! { "last_notified_at": { "$lte": now - pause } },
            doc! { "last_call": update },
        ];
        let this = doc! { "_id": id, "chat_id": chat_id, "$or": rested.to_vec() };
        let change = doc! { "$set": { "last_notified_at": now, "last_call": update } };
        Ok(self.documents(GROUPS).update_one(this, change).await?.matched_count > 0)
    }

    /// Offers it to a member; says whether it was this creator's still, and that one is a member. For a creator who left
    /// the group an administrator may do it.
    pub async fn offer_notify_group(
        &self,
        chat_id: i64,
        id: Id,
        creator: i64,
        to: i64,
    ) -> Result<bool> {
        let theirs = doc! { "_id": id, "chat_id": chat_id, "creator_id": creator, "members": to };
        let change = doc! { "$set": { "offered_to": to }, "$inc": { "rev": 1 } };
        Ok(self.documents(GROUPS).update_one(theirs, change).await?.matched_count > 0)
    }

    /// Somebody takes over what was offered to them; answers with how it was before, if it was.
    pub async fn take_over_notify_group(
        &self,
        chat_id: i64,
        id: Id,
        user: i64,
    ) -> Result<Option<NotifyGroup>> {
        let offered = doc! { "_id": id, "chat_id": chat_id, "offered_to": user, "members": user };
        let change = doc! {
            "$set": { "creator_id": user }, "$unset": { "offered_to": "" }, "$inc": { "rev": 1 },
        };
        let before = self
            .collection(GROUPS)
            .find_one_and_update(offered, change)
            .return_document(ReturnDocument::Before)
            .await?;
        Ok(before)
    }

    /// Somebody does not want what was offered to them.
    pub async fn decline_notify_group(&self, chat_id: i64, id: Id, user: i64) -> Result<bool> {
        let offered = doc! { "_id": id, "chat_id": chat_id, "offered_to": user };
        let change = doc! { "$unset": { "offered_to": "" } };
        Ok(self.documents(GROUPS).update_one(offered, change).await?.matched_count > 0)
    }

    /// Deletes it; answers with what it was. `creator` is `None` when an administrator does it.
    pub async fn delete_notify_group(
        &self,
        chat_id: i64,
        id: Id,
        creator: Option<i64>,
    ) -> Result<Option<NotifyGroup>> {
        let mut theirs = doc! { "_id": id, "chat_id": chat_id };
        if let Some(creator) = creator {
            theirs.insert("creator_id", creator);
        }
        Ok(self.collection(GROUPS).find_one_and_delete(theirs).await?)
    }

    async fn sorted_groups(&self, filter: Document) -> Result<Vec<NotifyGroup>> {
        let groups = self.collection::<NotifyGroup>(GROUPS);
        let mut cursor: Cursor<NotifyGroup> =
            groups.find(filter).sort(doc! { "name_key": 1 }).await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    }
}
