//! `intents`: somebody issued a command in a group and goes on in private.

use std::time::Duration;

use mongodb::{
    bson::{doc, to_bson},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{Error, Result, Store, is_duplicate};
use crate::{callback::Token, clock::Time, dialogue::Kind};

/// How long an intent can be taken up.
pub const INTENT_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long the same command takes up the same intent again.
pub const REPEATED_WITHIN: Duration = Duration::from_secs(60);

/// "This person issued this command in that group."
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Intent {
    /// Its secret name.
    #[serde(rename = "_id")]
    pub token: String,
    /// Who.
    pub user_id: i64,
    /// In which group.
    pub chat_id: i64,
    /// In which of its topics.
    #[serde(default)]
    pub thread_id: Option<i32>,
    /// What for.
    pub kind: Kind,
    /// Until when it can be taken up.
    pub expires_at: Time,
    /// When the command was issued.
    pub issued_at: Time,
    /// The update that brought it.
    #[serde(default)]
    pub update: i64,
}

const INTENTS: &str = "intents";

impl Store {
    /// Notes an intent. Says whether it is new: the same command within a minute is the same intent.
    pub async fn intend(
        &self,
        user_id: i64,
        chat_id: i64,
        thread_id: Option<i32>,
        kind: Kind,
        update: i64,
    ) -> Result<(Intent, bool)> {
        let now = self.clock.now();
        let kind_text = to_bson(&kind).unwrap_or_default();
        let open = doc! {
            "user_id": user_id, "chat_id": chat_id, "kind": kind_text,
            "issued_at": { "$gt": now - REPEATED_WITHIN },
        };
        let token = Token::random();
        let new = doc! {
            "_id": token.as_str(), "thread_id": thread_id,
            "expires_at": now + INTENT_LIFE, "issued_at": now,
            "update": update,
        };
        for _ in 0..2 {
            let found = self
                .collection::<Intent>(INTENTS)
                .find_one_and_update(open.clone(), doc! { "$setOnInsert": new.clone() })
                .upsert(true)
                .return_document(ReturnDocument::After)
                .await;
            match found {
                Ok(Some(intent)) => {
                    let is_new = intent.token == token.as_str();
                    return Ok((intent, is_new));
                }
                Err(error) if !is_duplicate(&error) => return Err(error.into()),
                Ok(None) | Err(_) => {}
            }
        }
        Err(Error::Refused("an intent cannot be stored".to_owned()))
    }

    /// The intent of this name, if it is this person's and has not expired.
    pub async fn intent(&self, token: &Token, user_id: i64) -> Result<Option<Intent>> {
        let filter = doc! {
            "_id": token.as_str(), "user_id": user_id, "expires_at": { "$gt": self.clock.now() },
        };
        Ok(self.collection(INTENTS).find_one(filter).await?)
    }
}
