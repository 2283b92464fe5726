//! `notifygroups`: named lists of people inside one group.
//!
//! Everything is looked up together with its chat, and changes carry the permission in their filter.

use std::time::Duration;

use mongodb::{
    Cursor,
    bson::{Bson, Document, doc, to_bson},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{Id, Result, Store, is_duplicate, is_duplicate_of};
use crate::clock::Time;

/// How many notify groups a chat may have.
pub const PER_CHAT: u64 = 50;
/// How many of them may be of one person.
pub const PER_CREATOR: u64 = 20;
/// How many members one may have.
pub const MEMBERS: usize = 100;

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

/// Somebody who does not want to be called for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muted {
    /// Who.
    pub user_id: i64,
    /// Until when.
    pub until: Time,
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

/// What came of the wish to become a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOutcome {
    /// Is a member now.
    Joined,
    /// Was one before.
    Already,
    /// There are `MEMBERS` members.
    Full,
    /// The notify group is not there, or does not let everybody in.
    Refused,
}

/// By what a name is found: its Unicode lower case. A name with an `@` in it is shown with a word joiner, so that it
/// mentions nobody; whoever copies it from there means the same.
pub fn name_key(name: &str) -> String {
    name.trim().replace('\u{2060}', "").to_lowercase()
}

const GROUPS: &str = "notifygroups";

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

    /// Removes members; says whether it was theirs to do.
    pub async fn remove_members(
        &self,
        chat_id: i64,
        id: Id,
        creator: i64,
        members: &[i64],
    ) -> Result<bool> {
        let gone = members.to_vec();
        let pull = doc! {
            "members": { "$in": gone.clone() }, "muted": { "user_id": { "$in": gone } },
        };
        self.change_own_group(chat_id, id, creator, doc! { "$pull": pull }).await
    }

    async fn change_own_group(
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

    /// Makes somebody a member of an open notify group, or of any if they were let in (`invited`).
    pub async fn join_notify_group(
        &self,
        chat_id: i64,
        id: Id,
        user: i64,
        invited: bool,
    ) -> Result<JoinOutcome> {
        let full = format!("members.{}", MEMBERS - 1);
        let mut room = doc! {
            "_id": id, "chat_id": chat_id, "members": { "$ne": user }, full: { "$exists": false },
        };
        if !invited {
            room.insert("policy", "open");
        }
        let add = doc! {
            "$addToSet": { "members": user }, "$pull": { "requests": user }, "$inc": { "rev": 1 },
        };
        if self.documents(GROUPS).update_one(room, add).await?.modified_count > 0 {
            return Ok(JoinOutcome::Joined);
        }
        Ok(match self.notify_group(chat_id, id).await? {
            Some(group) if group.members.contains(&user) => JoinOutcome::Already,
            Some(group) if !invited && group.policy != Policy::Open => JoinOutcome::Refused,
            Some(_) => JoinOutcome::Full,
            None => JoinOutcome::Refused,
        })
    }

    /// Takes somebody off the list; says whether they were on it.
    pub async fn leave_notify_group(&self, chat_id: i64, id: Id, user: i64) -> Result<bool> {
        let member = doc! { "_id": id, "chat_id": chat_id, "members": user };
        let pull = doc! { "members": user, "muted": { "user_id": user } };
        let change = doc! { "$pull": pull, "$inc": { "rev": 1 } };
        Ok(self.documents(GROUPS).update_one(member, change).await?.modified_count > 0)
    }

    /// Does not call somebody until then, or calls them again; says whether they are a member.
    pub async fn mute_notify_group(
        &self,
        chat_id: i64,
        id: Id,
        user: i64,
        until: Option<Time>,
    ) -> Result<bool> {
        let member = doc! { "_id": id, "chat_id": chat_id, "members": user };
        let pull = doc! { "$pull": { "muted": { "user_id": user } } };
        let matched = self.documents(GROUPS).update_one(member.clone(), pull).await?.matched_count;
        if let Some(until) = until {
            let push = doc! { "$push": { "muted": { "user_id": user, "until": until } } };
            self.documents(GROUPS).update_one(member, push).await?;
        }
        Ok(matched > 0)
    }

    /// Notes that it is called now, unless that was done less than `pause` ago; says whether it may be called.
    pub async fn call_notify_group(&self, chat_id: i64, id: Id, pause: Duration) -> Result<bool> {
        let now = self.clock.now();
        let rested = [
            doc! { "last_notified_at": Bson::Null },
            doc! { "last_notified_at": { "$lte": now - pause } },
        ];
        let this = doc! { "_id": id, "chat_id": chat_id, "$or": rested.to_vec() };
        let change = doc! { "$set": { "last_notified_at": now } };
        Ok(self.documents(GROUPS).update_one(this, change).await?.matched_count > 0)
    }

    /// Somebody asks to be let in; says whether they could ask: it is there, and they are not in it.
    pub async fn ask_to_join(&self, chat_id: i64, id: Id, user: i64) -> Result<bool> {
        let without = doc! { "_id": id, "chat_id": chat_id, "members": { "$ne": user } };
        let change = doc! { "$addToSet": { "requests": user } };
        Ok(self.documents(GROUPS).update_one(without, change).await?.matched_count > 0)
    }

    /// Its creator lets in somebody who asked for it.
    pub async fn let_in(
        &self,
        chat_id: i64,
        id: Id,
        creator: i64,
        user: i64,
    ) -> Result<JoinOutcome> {
        let full = format!("members.{}", MEMBERS - 1);
        let asked = doc! {
            "_id": id, "chat_id": chat_id, "creator_id": creator, "requests": user,
            full: { "$exists": false },
        };
        let change = doc! {
            "$addToSet": { "members": user }, "$pull": { "requests": user }, "$inc": { "rev": 1 },
        };
        if self.documents(GROUPS).update_one(asked, change).await?.modified_count > 0 {
            return Ok(JoinOutcome::Joined);
        }
        Ok(match self.notify_group(chat_id, id).await? {
            Some(group) if group.creator_id != creator => JoinOutcome::Refused,
            Some(group) if group.members.contains(&user) => JoinOutcome::Already,
            Some(group) if group.requests.contains(&user) => JoinOutcome::Full,
            _ => JoinOutcome::Refused,
        })
    }

    /// Its creator does not let in somebody who asked for it; says whether they had asked.
    pub async fn keep_out(&self, chat_id: i64, id: Id, creator: i64, user: i64) -> Result<bool> {
        let asked = doc! {
            "_id": id, "chat_id": chat_id, "creator_id": creator, "requests": user,
        };
        let change = doc! { "$pull": { "requests": user } };
        Ok(self.documents(GROUPS).update_one(asked, change).await?.modified_count > 0)
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

    /// Somebody left a chat: takes them off every list there.
    pub async fn leave_every_notify_group(&self, chat_id: i64, user: i64) -> Result<()> {
        let theirs = doc! { "chat_id": chat_id, "members": user };
        let pull = doc! { "members": user, "muted": { "user_id": user } };
        let change = doc! { "$pull": pull, "$inc": { "rev": 1 } };
        self.documents(GROUPS).update_many(theirs, change).await?;
        let offered = doc! { "chat_id": chat_id, "offered_to": user };
        let back = doc! { "$set": { "offered_to": Bson::Null } };
        self.documents(GROUPS).update_many(offered, back).await?;
        let asking = doc! { "chat_id": chat_id, "requests": user };
        let change = doc! { "$pull": { "requests": user } };
        self.documents(GROUPS).update_many(asking, change).await?;
        Ok(())
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
