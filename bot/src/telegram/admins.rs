//! Who runs a chat, and who is in it.

use std::time::Duration;

use teloxide::{
    requests::Requester as _,
    types::{ChatId, ChatMemberKind, UserId},
};

use super::{Refusal, Telegram};

/// How old a list of administrators may be where nothing is lost by a mistake.
const FRESH: Duration = Duration::from_secs(60);

/// How many chats' administrators are remembered at most.
const CHATS: usize = 10_000;

/// Whether somebody is in a chat, as far as Telegram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// They are.
    Present,
    /// They left or were banned.
    Left,
    /// The bot itself is not in the chat.
    BotGone,
    /// Telegram does not say, as it may unless the bot is an administrator.
    Unknown,
}

impl Telegram {
    /// Whether somebody was an administrator of a chat within the last minute. For showing what they may do; before
    /// doing what cannot be undone, ask `is_admin_now`.
    pub async fn is_admin(&self, chat_id: i64, user_id: i64) -> Result<bool, Refusal> {
        let known = match self.admins.lock() {
            Ok(it) => it.get(&chat_id).filter(|it| self.clock.now().since(it.0) < FRESH).cloned(),
            Err(_) => None,
        };
        match known {
            Some((_, admins)) => Ok(admins.contains(&user_id)),
            None => self.is_admin_now(chat_id, user_id).await,
        }
    }

    /// Whether somebody is an administrator of a chat at this moment.
    pub async fn is_admin_now(&self, chat_id: i64, user_id: i64) -> Result<bool, Refusal> {
        let request = self.bot.get_chat_administrators(ChatId(chat_id));
        let found = self.ask("getChatAdministrators", chat_id, request).await?;
        let ids: Vec<i64> = found.iter().map(|it| crate::store::user_id(&it.user)).collect();
        let is_admin = ids.contains(&user_id);
        if let Ok(mut admins) = self.admins.lock() {
            if admins.len() >= CHATS {
                admins.clear();
            }
            admins.insert(chat_id, (self.clock.now(), ids));
        }
        Ok(is_admin)
    }

    /// Whether somebody is in a chat.
    pub async fn membership(&self, chat_id: i64, user_id: i64) -> Membership {
        let Ok(id) = u64::try_from(user_id) else { return Membership::Unknown };
        let request = self.bot.get_chat_member(ChatId(chat_id), UserId(id));
        match self.ask("getChatMember", chat_id, request).await {
            Ok(member) => match member.kind {
                ChatMemberKind::Left | ChatMemberKind::Banned(_) => Membership::Left,
                ChatMemberKind::Restricted(it) if !it.is_member => Membership::Left,
                _ => Membership::Present,
            },
            Err(Refusal::Gone) => Membership::BotGone,
            Err(_) => Membership::Unknown,
        }
    }
}
