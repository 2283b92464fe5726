//! `dialogues`: the dialogue that a person is in, at most one each.

use mongodb::bson::{doc, to_bson, to_document};

use super::{Error, Result, Store, is_duplicate};
use crate::dialogue::Dialogue;

const DIALOGUES: &str = "dialogues";

impl Store {
    /// The dialogue in a private chat.
    ///
    /// One that an older version stored and this one cannot read counts as none: the person starts again.
    pub async fn dialogue(&self, chat_id: i64) -> Result<Option<Dialogue>> {
        let found = self.documents(DIALOGUES).find_one(doc! { "_id": chat_id }).await?;
        let Some(found) = found else { return Ok(None) };
        match mongodb::bson::from_document(found) {
            Ok(dialogue) => Ok(Some(dialogue)),
            Err(_) => {
                tracing::warn!(chat_id, "a dialogue cannot be read; it is dropped");
                self.end_dialogue_of(chat_id).await?;
                Ok(None)
            }
        }
    }

    /// Starts a dialogue, in place of any other.
    pub async fn begin_dialogue(&self, dialogue: &Dialogue) -> Result<()> {
        let document = document(dialogue)?;
        let replaced = self
            .documents(DIALOGUES)
            .replace_one(doc! { "_id": dialogue.chat_id }, document)
            .upsert(true)
            .await;
        match replaced {
            // Somebody else inserted at the same moment: the later one holds.
            Err(error) if is_duplicate(&error) => {
                let again = to_document(dialogue).map_err(|_| broken())?;
                self.documents(DIALOGUES)
                    .replace_one(doc! { "_id": dialogue.chat_id }, again)
                    .await?;
            }
            other => {
                other?;
            }
        }
        Ok(())
    }

    /// Stores the next step, if the dialogue is still as it was read; says whether it was.
    pub async fn save_dialogue(&self, dialogue: &mut Dialogue) -> Result<bool> {
        let before = doc! {
            "_id": dialogue.chat_id,
            "nonce": to_bson(&dialogue.nonce).map_err(|_| broken())?,
            "rev": dialogue.rev,
        };
        dialogue.rev += 1;
        let saved = self.documents(DIALOGUES).replace_one(before, document(dialogue)?).await?;
        Ok(saved.matched_count > 0)
    }

    /// Notes which message shows the dialogue.
    pub async fn set_card(&self, dialogue: &Dialogue) -> Result<()> {
        let this = doc! {
            "_id": dialogue.chat_id,
            "nonce": to_bson(&dialogue.nonce).map_err(|_| broken())?,
        };
        let change = doc! { "$set": { "card": dialogue.card } };
        self.documents(DIALOGUES).update_one(this, change).await?;
        Ok(())
    }

    /// Ends this dialogue; says whether it was still there.
    pub async fn end_dialogue(&self, dialogue: &Dialogue) -> Result<bool> {
        let this = doc! {
            "_id": dialogue.chat_id,
            "nonce": to_bson(&dialogue.nonce).map_err(|_| broken())?,
        };
        Ok(self.documents(DIALOGUES).delete_one(this).await?.deleted_count > 0)
    }

    /// Ends whatever dialogue there is in a private chat.
    pub async fn end_dialogue_of(&self, chat_id: i64) -> Result<()> {
        self.documents(DIALOGUES).delete_one(doc! { "_id": chat_id }).await?;
        Ok(())
    }

    /// How many dialogues are going on.
    pub async fn open_dialogues(&self) -> Result<u64> {
        Ok(self.documents(DIALOGUES).estimated_document_count().await?)
    }
}

fn document(dialogue: &Dialogue) -> Result<mongodb::bson::Document> {
    to_document(dialogue).map_err(|_| broken())
}

fn broken() -> Error {
    Error::Refused("a dialogue cannot be stored".to_owned())
}
