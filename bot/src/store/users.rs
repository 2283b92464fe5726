//! `users`: who was seen, so that nobody has to be looked up.

use std::collections::HashMap;

use mongodb::{
    bson::{Bson, doc},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{Error, Result, Store, is_duplicate};
use crate::{clock::Time, text::Lang};

/// Somebody who was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Telegram's id.
    #[serde(rename = "_id")]
    pub id: i64,
    /// First name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Username in lower case, without `@`.
    #[serde(default)]
    pub username_lc: Option<String>,
    /// The language they chose.
    #[serde(default)]
    pub lang: Option<Lang>,
    /// The language of their Telegram, if it is one of ours.
    #[serde(default)]
    pub telegram_lang: Option<Lang>,
    /// Whether the bot may write to them, as far as is known.
    #[serde(default)]
    pub can_dm: bool,
    /// When they were last seen.
    #[serde(default)]
    pub seen_at: Option<Time>,
}

impl User {
    /// Somebody of whom nothing is known.
    pub fn unseen(id: i64) -> Self {
        Self {
            id,
            first_name: None,
            username_lc: None,
            lang: None,
            telegram_lang: None,
            can_dm: false,
            seen_at: None,
        }
    }

    /// Their language, if it is one of ours.
    pub fn lang(&self) -> Option<Lang> {
        self.lang.or(self.telegram_lang)
    }
}

const USERS: &str = "users";

impl Store {
    /// Somebody was seen, and the bot heard it from them in private or elsewhere.
    pub async fn see_user(&self, user: &teloxide::types::User, in_private: bool) -> Result<User> {
        let id = user_id(user);
        let lang = user.language_code.as_deref().and_then(Lang::of);
        let mut seen = doc! {
            "first_name": user.first_name.as_str(),
            "username_lc": user.username.as_deref().map(str::to_lowercase),
            "telegram_lang": lang.map(Lang::code),
            "seen_at": self.clock.now(),
        };
        if in_private {
            seen.insert("can_dm", true);
        }
        for attempt in 0..2 {
            let outcome = self
                .collection::<User>(USERS)
                .find_one_and_update(doc! { "_id": id }, doc! { "$set": seen.clone() })
                .upsert(true)
                .return_document(ReturnDocument::After)
                .await;
            match outcome {
                Ok(Some(user)) => return Ok(user),
                Err(error) if attempt > 0 || !is_duplicate(&error) => return Err(error.into()),
                Ok(None) | Err(_) => {}
            }
        }
        Err(Error::Refused("a user cannot be stored".to_owned()))
    }

    /// Somebody, if they were ever seen.
    pub async fn user(&self, id: i64) -> Result<Option<User>> {
        Ok(self.collection(USERS).find_one(doc! { "_id": id }).await?)
    }

    /// Everybody of these who was ever seen, in one request.
    pub async fn users(&self, ids: &[i64]) -> Result<HashMap<i64, User>> {
        self.find_users(doc! { "_id": { "$in": ids.to_vec() } }).await
    }

    /// Whoever was last seen with these usernames, given in lower case without `@`, in one request.
    pub async fn users_called(&self, usernames: &[String]) -> Result<HashMap<String, User>> {
        let found = self.find_users(doc! { "username_lc": { "$in": usernames.to_vec() } }).await?;
        let mut called: HashMap<String, User> = HashMap::new();
        for user in found.into_values() {
            let Some(name) = user.username_lc.clone() else { continue };
            // Usernames move: who was seen with it last has it.
            let known = called.get(&name);
            if known.is_none_or(|it| it.seen_at < user.seen_at) {
                called.insert(name, user);
            }
        }
        Ok(called)
    }

    async fn find_users(&self, filter: mongodb::bson::Document) -> Result<HashMap<i64, User>> {
        let mut cursor = self.collection::<User>(USERS).find(filter).await?;
        let mut users = HashMap::new();
        while cursor.advance().await? {
            let user = cursor.deserialize_current()?;
            users.insert(user.id, user);
        }
        Ok(users)
    }

    /// Whether the bot may write to somebody, as it just turned out.
    pub async fn set_can_dm(&self, id: i64, can_dm: bool) -> Result<()> {
        let change = doc! { "$set": { "can_dm": can_dm } };
        self.documents(USERS).update_one(doc! { "_id": id }, change).await?;
        Ok(())
    }

    /// Somebody chose a language.
    pub async fn set_user_lang(&self, id: i64, lang: Lang) -> Result<()> {
        let change = doc! { "$set": { "lang": Bson::from(lang.code()) } };
        self.documents(USERS).update_one(doc! { "_id": id }, change).upsert(true).await?;
        Ok(())
    }
}

/// Telegram promises that ids fit into 52 bits.
pub(crate) fn user_id(user: &teloxide::types::User) -> i64 {
    i64::try_from(user.id.0).unwrap_or_default()
}
