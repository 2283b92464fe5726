//! Forgetting somebody: in every collection but `payments`, which the law wants kept.

use mongodb::bson::{Bson, doc};

use super::{NotifyGroup, Result, Store};

/// A notify group that got another creator, since the former one was forgotten.
#[derive(Clone, Debug)]
pub struct HandedOver {
    /// As it was before.
    pub group: NotifyGroup,
    /// Who has it now.
    pub heir: i64,
}

impl Store {
    /// Forgets somebody. What they created for others goes on: a notify group gets the member who is on its list
    /// longest as its creator, and is deleted if there is none. Doing it again finishes what was cut off.
    pub async fn forget(&self, user: i64) -> Result<Vec<HandedOver>> {
        let known = self.user(user).await?;
        let username = known.and_then(|it| it.username_lc);
        let handed_over = self.hand_over_notify_groups(user).await?;
        self.forget_in_notify_groups(user).await?;
        self.forget_in_invitations(user, username.as_deref()).await?;
        self.documents("statususers").delete_many(doc! { "user_id": user }).await?;
        let linked = doc! { "linked_user_id": user };
        let unlink = doc! { "$set": { "linked_user_id": Bson::Null } };
        self.documents("statususers").update_many(linked, unlink).await?;
        self.forget_as_sender_and_operator(user).await?;
        self.forget_in_calls(user).await?;
        self.documents("intents").delete_many(doc! { "user_id": user }).await?;
        self.documents("dialogues").delete_one(doc! { "_id": user }).await?;
        self.documents("limits").delete_many(doc! { "of": user }).await?;
        // Whatever belongs to the private chat, which has their number.
        self.purge_chat(user).await?;
        self.documents("users").delete_one(doc! { "_id": user }).await?;
        Ok(handed_over)
    }

    async fn hand_over_notify_groups(&self, user: i64) -> Result<Vec<HandedOver>> {
        let groups = self.collection::<NotifyGroup>("notifygroups");
        let mut handed_over = Vec::new();
        while let Some(group) = groups.find_one(doc! { "creator_id": user }).await? {
            let this = doc! { "_id": group.id, "creator_id": user };
            if let Some(heir) = group.members.iter().copied().find(|it| *it != user) {
                let change = doc! { "$set": { "creator_id": heir }, "$inc": { "rev": 1_i64 } };
                groups.update_one(this, change).await?;
                handed_over.push(HandedOver { group, heir });
                continue;
            }
            // If somebody joins at this moment nothing is deleted, and they are found in the next round.
            let mut alone = this;
            alone.insert("members", doc! { "$in": [vec![user], Vec::<i64>::new()] });
            let gone = groups.delete_one(alone).await?.deleted_count > 0;
            if gone {
                let into_it = doc! { "notify_group_id": group.id };
                self.documents("invitations").delete_many(into_it).await?;
            }
        }
        Ok(handed_over)
    }

    async fn forget_in_notify_groups(&self, user: i64) -> Result<()> {
        let groups = self.documents("notifygroups");
        for (field, change) in [
            ("members", doc! { "$pull": { "members": user, "muted": { "user_id": user } } }),
            ("muted.user_id", doc! { "$pull": { "muted": { "user_id": user } } }),
            ("offered_to", doc! { "$set": { "offered_to": Bson::Null } }),
            ("requests", doc! { "$pull": { "requests": user } }),
        ] {
            groups.update_many(doc! { field: user }, change).await?;
        }
        Ok(())
    }

    async fn forget_in_invitations(&self, user: i64, username: Option<&str>) -> Result<()> {
        let invitations = self.documents("invitations");
        invitations.delete_many(doc! { "inviter_id": user }).await?;
        let by_id = doc! { "$pull": { "invitees": { "user_id": user } } };
        invitations.update_many(doc! { "invitees.user_id": user }, by_id).await?;
        if let Some(username) = username {
            let by_name = doc! { "$pull": { "invitees": { "username_lc": username } } };
            invitations.update_many(doc! { "invitees.username_lc": username }, by_name).await?;
        }
        Ok(())
    }

    async fn forget_as_sender_and_operator(&self, user: i64) -> Result<()> {
        let feedback = self.documents("feedback");
        let nobody = doc! { "$set": { "user_id": Bson::Null } };
        feedback.update_many(doc! { "user_id": user }, nobody).await?;
        let delivered = doc! { "$pull": { "operator_messages": { "chat_id": user } } };
        feedback.update_many(doc! { "operator_messages.chat_id": user }, delivered).await?;
        let waiting = doc! { "$pull": { "waiting": user } };
        feedback.update_many(doc! { "waiting": user }, waiting).await?;
        // What they announced goes on without them; what it copies from their chat cannot be named any more.
        let theirs = doc! { "operator_id": user };
        let nobody = doc! { "$set": { "operator_id": Bson::Null, "card": Bson::Null } };
        self.documents("announcements").update_many(theirs, nobody).await?;
        let copies = doc! { "source.copy.chat_id": user, "state": { "$in": ["draft", "cancelled", "done"] } };
        self.documents("announcements").delete_many(copies).await?;
        Ok(())
    }
}
