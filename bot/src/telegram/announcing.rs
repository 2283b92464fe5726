//! Sending to one chat exactly: a chat that has moved is not followed, so that nobody gets twice what goes to many.

use teloxide::{
    requests::Requester as _,
    types::{ChatId, MessageId},
};

use super::{Place, Post, Refusal, Telegram};

impl Telegram {
    /// Sends a message to this chat and to no other: if it has moved, that is the answer.
    pub async fn send_here(&self, chat_id: i64, post: &Post) -> Result<i32, Refusal> {
        self.turn(chat_id).await;
        self.send_once(Place::chat(chat_id), post).await
    }

    /// Copies a message, whatever it is, into this chat and no other.
    pub async fn copy_here(
        &self,
        chat_id: i64,
        from_chat: i64,
        message: i32,
    ) -> Result<i32, Refusal> {
        let request = self.bot.copy_message(ChatId(chat_id), ChatId(from_chat), MessageId(message));
        Ok(self.say("copyMessage", chat_id, request).await?.0)
    }
}
