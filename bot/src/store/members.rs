//! Who is on the list of a notify group, who wants to be, and who does not want to be called.
//!
//! Everything is looked up together with its chat, and changes carry the permission in their filter.

use mongodb::bson::{Bson, doc};
use serde::{Deserialize, Serialize};

use super::{Id, Policy, Result, Store, notify_groups::GROUPS};
use crate::clock::Time;

/// How many members one may have.
pub const MEMBERS: usize = 100;

/// Somebody who does not want to be called for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muted {
    /// Who.
    pub user_id: i64,
    /// Until when.
    pub until: Time,
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

impl Store {
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
}
