//! `statususers`: named players of a chat, and the accounts by which their presence is found.
//!
//! Everything is looked up together with its chat, and changes carry the owner in their filter.

use mongodb::{
    Cursor,
    bson::{Bson, Document, doc},
};
use serde::{Deserialize, Serialize};

use super::{Id, Result, Store, is_duplicate, is_duplicate_of, name_key};
use crate::{
    clock::Time,
    presence::{Account, AccountId, Found, Service},
};

/// How many status users a chat may have.
pub const PER_CHAT: u64 = 50;
/// How many of them may be of one person.
pub const PER_OWNER: u64 = 10;

/// A status user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusUser {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Its chat; for a private chat, the person.
    pub chat_id: i64,
    /// Who added it.
    #[serde(rename = "user_id")]
    pub owner_id: i64,
    /// Its name.
    pub display_name: String,
    /// By which it is found. The original has none; `migrate` adds it.
    #[serde(default)]
    pub display_key: String,
    #[serde(default)]
    xbox_gamertag: Option<String>,
    #[serde(default)]
    xbox_account_id: Option<i64>,
    #[serde(default)]
    psn_online_id: Option<String>,
    #[serde(default)]
    psn_account_id: Option<i64>,
    #[serde(default)]
    steam_name: Option<String>,
    #[serde(default)]
    steam_id: Option<i64>,
    /// When it was added.
    #[serde(default)]
    pub created_at: Option<Time>,
    /// When it was changed last.
    #[serde(default)]
    pub updated_at: Option<Time>,
    /// Counts changes.
    #[serde(default)]
    pub rev: i64,
}

/// An account that a status user has on a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Where.
    pub service: Service,
    /// Its name there, as it was when it was linked.
    pub name: String,
    /// Its number. The original stored some without.
    pub id: Option<AccountId>,
}

/// A status user that is about to be.
#[derive(Clone, Debug)]
pub struct NewStatusUser {
    /// Made before, so that adding it twice adds it once.
    pub id: Id,
    /// Its chat.
    pub chat_id: i64,
    /// Who adds it.
    pub owner_id: i64,
    /// Its name.
    pub display_name: String,
    /// Its accounts, at least one.
    pub accounts: Vec<(Service, Found)>,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is as it should be.
    Done,
    /// The name is another's.
    Taken,
    /// There is none, or it is somebody else's; or it has no other account left.
    Refused,
}

impl StatusUser {
    /// Its accounts, in the order of the services.
    pub fn linked(&self) -> impl Iterator<Item = Linked> {
        Service::ALL.into_iter().filter_map(|service| self.on(service))
    }

    /// Its account on a service.
    pub fn on(&self, service: Service) -> Option<Linked> {
        let (name, id) = match service {
            Service::Xbox => (&self.xbox_gamertag, self.xbox_account_id),
            Service::Psn => (&self.psn_online_id, self.psn_account_id),
            Service::Steam => (&self.steam_name, self.steam_id),
        };
        // Where a look-up failed, the original kept a number that belonged to no name.
        let name = name.clone().filter(|it| !it.is_empty())?;
        Some(Linked { service, name, id: id.map(AccountId) })
    }

    /// Its accounts, as the services are asked for them.
    pub fn accounts(&self) -> impl Iterator<Item = Account> {
        let account = |it: Linked| Some(Account { service: it.service, id: it.id? });
        self.linked().filter_map(account)
    }
}

/// In which fields an account is: its name and its number.
fn fields(service: Service) -> (&'static str, &'static str) {
    match service {
        Service::Xbox => ("xbox_gamertag", "xbox_account_id"),
        Service::Psn => ("psn_online_id", "psn_account_id"),
        Service::Steam => ("steam_name", "steam_id"),
    }
}

const STATUS_USERS: &str = "statususers";

impl Store {
    /// Adds a status user; says whether the name was free. Adding the same one again succeeds and changes nothing.
    pub async fn create_status_user(&self, new: &NewStatusUser) -> Result<bool> {
        let now = self.clock.now();
        let mut document = doc! {
            "_id": new.id, "chat_id": new.chat_id, "user_id": new.owner_id,
            "display_name": &new.display_name, "display_key": name_key(&new.display_name),
            "created_at": now, "updated_at": now, "rev": 0_i64,
        };
        for service in Service::ALL {
            let found = new.accounts.iter().find(|it| it.0 == service).map(|it| &it.1);
            let (name, id) = fields(service);
            document.insert(name, found.map(|it| it.name.as_str()));
            document.insert(id, found.map(|it| it.id.0));
        }
        match self.documents(STATUS_USERS).insert_one(document).await {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate(&error) => {
                // Ours from an attempt that was cut off, or somebody else's with the same name?
                Ok(self.status_user(new.chat_id, new.id).await?.is_some())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A status user of this chat.
    pub async fn status_user(&self, chat_id: i64, id: Id) -> Result<Option<StatusUser>> {
        let filter = doc! { "_id": id, "chat_id": chat_id };
        Ok(self.collection(STATUS_USERS).find_one(filter).await?)
    }

    /// Every status user of a chat, by name.
    pub async fn status_users(&self, chat_id: i64) -> Result<Vec<StatusUser>> {
        let users = self.collection::<StatusUser>(STATUS_USERS);
        let mut cursor: Cursor<StatusUser> =
            users.find(doc! { "chat_id": chat_id }).sort(doc! { "display_key": 1 }).await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    }

    /// Whether a chat has a status user of this name.
    pub async fn has_status_user(&self, chat_id: i64, name: &str) -> Result<bool> {
        let filter = doc! { "chat_id": chat_id, "display_key": name_key(name) };
        Ok(self.documents(STATUS_USERS).find_one(filter).await?.is_some())
    }

    /// Whether somebody can add one more to a chat.
    pub async fn room_for_status_user(&self, chat_id: i64, owner: i64) -> Result<bool> {
        let users = self.documents(STATUS_USERS);
        let all = users.count_documents(doc! { "chat_id": chat_id }).limit(PER_CHAT).await?;
        let theirs = doc! { "chat_id": chat_id, "user_id": owner };
        let theirs = users.count_documents(theirs).limit(PER_OWNER).await?;
        Ok(all < PER_CHAT && theirs < PER_OWNER)
    }

    /// The name of the status user in a chat that has this account already, other than `but`.
    pub async fn status_user_with(
        &self,
        chat_id: i64,
        account: Account,
        but: Id,
    ) -> Result<Option<String>> {
        let (_, id) = fields(account.service);
        let filter = doc! { "chat_id": chat_id, id: account.id.0, "_id": { "$ne": but } };
        let found: Option<StatusUser> = self.collection(STATUS_USERS).find_one(filter).await?;
        Ok(found.map(|it| it.display_name))
    }

    /// Gives it another name.
    pub async fn rename_status_user(
        &self,
        chat_id: i64,
        id: Id,
        owner: i64,
        name: &str,
    ) -> Result<Changed> {
        let theirs = doc! { "_id": id, "chat_id": chat_id, "user_id": owner };
        let set = doc! { "display_name": name, "display_key": name_key(name) };
        self.change(theirs, set).await
    }

    /// Links an account, in place of any other on that service. Name and number change together or not at all.
    pub async fn link_account(
        &self,
        chat_id: i64,
        id: Id,
        owner: i64,
        service: Service,
        found: &Found,
    ) -> Result<Changed> {
        let theirs = doc! { "_id": id, "chat_id": chat_id, "user_id": owner };
        let (name, number) = fields(service);
        self.change(theirs, doc! { name: &found.name, number: found.id.0 }).await
    }

    /// Takes an account away, unless it is the only one.
    pub async fn unlink_account(
        &self,
        chat_id: i64,
        id: Id,
        owner: i64,
        service: Service,
    ) -> Result<Changed> {
        let others = Service::ALL.into_iter().filter(|it| *it != service);
        let another: Vec<Document> =
            others.map(|it| doc! { fields(it).0: { "$nin": [Bson::Null, ""] } }).collect();
        let theirs = doc! { "_id": id, "chat_id": chat_id, "user_id": owner, "$or": another };
        let (name, number) = fields(service);
        self.change(theirs, doc! { name: Bson::Null, number: Bson::Null }).await
    }

    async fn change(&self, theirs: Document, mut set: Document) -> Result<Changed> {
        set.insert("updated_at", self.clock.now());
        let change = doc! { "$set": set, "$inc": { "rev": 1_i64 } };
        match self.documents(STATUS_USERS).update_one(theirs, change).await {
            Ok(it) if it.matched_count > 0 => Ok(Changed::Done),
            Ok(_) => Ok(Changed::Refused),
            Err(error) if is_duplicate_of(&error, "display_key") => Ok(Changed::Taken),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes it; answers with what it was. `owner` is `None` when an administrator does it.
    pub async fn delete_status_user(
        &self,
        chat_id: i64,
        id: Id,
        owner: Option<i64>,
    ) -> Result<Option<StatusUser>> {
        let mut theirs = doc! { "_id": id, "chat_id": chat_id };
        if let Some(owner) = owner {
            theirs.insert("user_id", owner);
        }
        Ok(self.collection(STATUS_USERS).find_one_and_delete(theirs).await?)
    }
}
