//! `invitations`: who was invited into which notify group, and what they said.

use std::time::Duration;

use mongodb::{
    bson::{Bson, Document, doc, to_bson},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{Id, Result, Store, User};
use crate::clock::Time;

/// How long an invitation can be answered.
pub const INVITATION_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// An invitation: one message, one or several people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Into which notify group.
    pub notify_group_id: Id,
    /// In which chat.
    pub chat_id: i64,
    /// Who invited.
    pub inviter_id: i64,
    /// Who is invited.
    pub invitees: Vec<Invitee>,
    /// The message that shows it, once it is sent.
    #[serde(default)]
    pub message_id: Option<i32>,
    /// The topic of that message.
    #[serde(default)]
    pub thread_id: Option<i32>,
    /// Whether it can be answered.
    pub state: InvitationState,
    /// Until when it can be answered.
    pub expires_at: Time,
    /// The update that brought it: if it comes again, it is the same invitation.
    #[serde(default)]
    pub update: i64,
}

impl Invitation {
    /// Whether somebody is among the invited, by their id or by the name they were invited by.
    pub fn invites(&self, user: &User) -> bool {
        self.answer_of(user).is_some()
    }

    /// What somebody said, if they are among the invited.
    pub fn answer_of(&self, user: &User) -> Option<Answer> {
        self.invitees
            .iter()
            .find(|it| it.is(user.id, user.username_lc.as_deref()))
            .map(|it| it.state)
    }

    /// Whether nobody is waited for any more: everybody accepted, or was taken out.
    pub fn is_complete(&self) -> bool {
        self.invitees.iter().all(|it| it.state == Answer::Accepted)
    }
}

impl Invitee {
    /// Whether this is who has that id or, as long as no id is known, that username.
    pub fn is(&self, user_id: i64, username_lc: Option<&str>) -> bool {
        match self.user_id {
            Some(id) => id == user_id,
            None => self.username_lc.is_some() && self.username_lc.as_deref() == username_lc,
        }
    }
}

/// Somebody who is invited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invitee {
    /// Their id, if it is known.
    #[serde(default)]
    pub user_id: Option<i64>,
    /// Their username in lower case, if they were invited by it.
    #[serde(default)]
    pub username_lc: Option<String>,
    /// What they were called in the invitation.
    pub label: String,
    /// What they said.
    pub state: Answer,
    /// When they said it.
    #[serde(default)]
    pub at: Option<Time>,
}

/// What an invitee said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Nothing yet.
    Pending,
    /// Yes.
    Accepted,
    /// No.
    Declined,
}

/// Whether an invitation can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// It can.
    Open,
    /// Everybody said yes, or the notify group is gone.
    Closed,
    /// It was taken back.
    Revoked,
    /// Its time is up.
    Expired,
}

/// What came of an answer.
#[derive(Clone, Debug)]
pub enum Answered {
    /// It is noted; this is how the invitation stands now.
    Noted(Invitation),
    /// This person had said that before.
    Before(Invitation),
    /// This person is not invited.
    Stranger,
    /// It cannot be answered any more.
    Over(Invitation),
    /// There is no such invitation in this chat.
    Unknown,
}

const INVITATIONS: &str = "invitations";

impl Store {
    /// Stores a new invitation. Storing the same one again changes nothing.
    pub async fn create_invitation(&self, invitation: &Invitation) -> Result<()> {
        match self.collection::<Invitation>(INVITATIONS).insert_one(invitation).await {
            Err(error) if super::is_duplicate(&error) => Ok(()),
            other => {
                other?;
                Ok(())
            }
        }
    }

    /// Notes which message shows an invitation.
    pub async fn set_invitation_message(&self, id: Id, message_id: i32) -> Result<()> {
        let change = doc! { "$set": { "message_id": message_id } };
        self.documents(INVITATIONS).update_one(doc! { "_id": id }, change).await?;
        Ok(())
    }

    /// An invitation of this chat.
    pub async fn invitation(&self, chat_id: i64, id: Id) -> Result<Option<Invitation>> {
        Ok(self.collection(INVITATIONS).find_one(doc! { "_id": id, "chat_id": chat_id }).await?)
    }

    /// The invitations into a notify group that can still be answered.
    pub async fn open_invitations(&self, notify_group: Id) -> Result<Vec<Invitation>> {
        let open = doc! {
            "notify_group_id": notify_group, "state": "open",
            "expires_at": { "$gt": self.clock.now() },
        };
        self.find_invitations(open).await
    }

    /// Those that nobody closed although their time is up: at most `limit`, for the house-keeping.
    pub async fn overdue_invitations(&self, limit: i64) -> Result<Vec<Invitation>> {
        let overdue = doc! { "state": "open", "expires_at": { "$lte": self.clock.now() } };
        let invitations = self.collection::<Invitation>(INVITATIONS);
        let mut cursor = invitations.find(overdue).limit(limit).await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    }

    /// Notes somebody's answer, in one operation, so that two answers at the same moment are both kept. They are known
    /// by their id or, if they were invited by username, by that; from then on by their id.
    pub async fn answer_invitation(
        &self,
        chat_id: i64,
        id: Id,
        user_id: i64,
        username_lc: Option<&str>,
        answer: Answer,
    ) -> Result<Answered> {
        let now = self.clock.now();
        // How they are recognised, and by which part of that the answer does not change anything.
        let mut them = vec![(doc! { "user_id": user_id }, doc! { "them.user_id": user_id })];
        if let Some(username) = username_lc {
            let unknown = doc! { "user_id": Bson::Null, "username_lc": username };
            them.push((unknown, doc! { "them.username_lc": username }));
        }
        let says = to_bson(&answer).unwrap_or_default();
        for (mut undecided, named) in them {
            // Who accepted is a member and leaves with `/leave`; who declined may think better of it.
            let before = if answer == Answer::Accepted {
                vec!["pending", "declined"]
            } else {
                vec!["pending"]
            };
            undecided.insert("state", doc! { "$in": before });
            let open = doc! {
                "_id": id, "chat_id": chat_id, "state": "open", "expires_at": { "$gt": now },
                "invitees": { "$elemMatch": undecided },
            };
            let note = doc! { "$set": {
                "invitees.$[them].state": says.clone(), "invitees.$[them].user_id": user_id,
                "invitees.$[them].at": now,
            } };
            let noted = self
                .collection(INVITATIONS)
                .find_one_and_update(open, note)
                .array_filters([named])
                .return_document(ReturnDocument::After)
                .await?;
            if let Some(invitation) = noted {
                return Ok(Answered::Noted(invitation));
            }
        }
        let Some(invitation) = self.invitation(chat_id, id).await? else {
            return Ok(Answered::Unknown);
        };
        let invited = invitation.invitees.iter().any(|it| it.is(user_id, username_lc));
        let over = invitation.state != InvitationState::Open || invitation.expires_at <= now;
        Ok(match (over, invited) {
            (true, _) => Answered::Over(invitation),
            (false, true) => Answered::Before(invitation),
            (false, false) => Answered::Stranger,
        })
    }

    /// Closes an open invitation and forgets who has not answered; answers with what it became, if it was open.
    pub async fn close_invitation(
        &self,
        chat_id: i64,
        id: Id,
        state: InvitationState,
    ) -> Result<Option<Invitation>> {
        let open = doc! { "_id": id, "chat_id": chat_id, "state": "open" };
        let change = doc! {
            "$set": { "state": to_bson(&state).unwrap_or_default() },
            "$pull": { "invitees": { "state": "pending" } },
        };
        let closed = self
            .collection(INVITATIONS)
            .find_one_and_update(open, change)
            .return_document(ReturnDocument::After)
            .await?;
        Ok(closed)
    }

    /// Takes one person who has not answered out of an open invitation.
    pub async fn revoke_invitee(
        &self,
        chat_id: i64,
        id: Id,
        invitee: &Invitee,
    ) -> Result<Option<Invitation>> {
        let open = doc! { "_id": id, "chat_id": chat_id, "state": "open" };
        let them = doc! {
            "state": "pending", "user_id": invitee.user_id,
            "username_lc": invitee.username_lc.as_deref(),
        };
        let changed = self
            .collection(INVITATIONS)
            .find_one_and_update(open, doc! { "$pull": { "invitees": them } })
            .return_document(ReturnDocument::After)
            .await?;
        Ok(changed)
    }

    /// People were removed from a notify group: what they were invited by lets them in no more.
    pub async fn uninvite(&self, notify_group: Id, users: &[i64]) -> Result<()> {
        let users = users.to_vec();
        let theirs = doc! {
            "notify_group_id": notify_group, "state": "open",
            "invitees.user_id": { "$in": users.clone() },
        };
        let change = doc! { "$pull": { "invitees": { "user_id": { "$in": users } } } };
        self.documents(INVITATIONS).update_many(theirs, change).await?;
        Ok(())
    }

    /// The bot was removed from a chat: nothing there can be answered any more.
    pub async fn close_every_invitation(&self, chat_id: i64) -> Result<()> {
        let open = doc! { "chat_id": chat_id, "state": "open" };
        let change = doc! {
            "$set": { "state": "closed" }, "$pull": { "invitees": { "state": "pending" } },
        };
        self.documents(INVITATIONS).update_many(open, change).await?;
        Ok(())
    }

    /// Somebody left a chat: nobody waits for their answer any more.
    pub async fn leave_every_invitation(&self, chat_id: i64, user_id: i64) -> Result<()> {
        let open = doc! { "chat_id": chat_id, "state": "open", "invitees.user_id": user_id };
        let change = doc! { "$pull": { "invitees": { "state": "pending", "user_id": user_id } } };
        self.documents(INVITATIONS).update_many(open, change).await?;
        Ok(())
    }

    async fn find_invitations(&self, filter: Document) -> Result<Vec<Invitation>> {
        let mut cursor = self.collection::<Invitation>(INVITATIONS).find(filter).await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    }
}
