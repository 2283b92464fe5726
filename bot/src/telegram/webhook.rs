//! Telling Telegram where updates go.

use teloxide::{
    payloads::{GetUpdatesSetters as _, SetWebhookSetters as _},
    requests::Requester as _,
    types::{AllowedUpdate, Update},
};
use url::Url;

use super::{Refusal, Telegram};

/// The kinds of updates that the bot wants. `chat_member` comes only if it is asked for.
pub const ALLOWED_UPDATES: [AllowedUpdate; 5] = [
    AllowedUpdate::Message,
    AllowedUpdate::CallbackQuery,
    AllowedUpdate::MyChatMember,
    AllowedUpdate::ChatMember,
    AllowedUpdate::PreCheckoutQuery,
];

impl Telegram {
    /// Makes sure that updates go to `url` with `secret`; says whether something had to be changed. What waits there is
    /// never dropped.
    ///
    /// Telegram does not tell the secret that it sends along. That it is another one shows in the last error.
    pub async fn set_webhook(&self, url: &Url, secret: &str) -> Result<bool, Refusal> {
        let info = self.ask("getWebhookInfo", 0, self.bot.get_webhook_info()).await?;
        let allowed = info.allowed_updates.unwrap_or_default();
        let same_kinds = allowed.len() == ALLOWED_UPDATES.len()
            && ALLOWED_UPDATES.iter().all(|it| allowed.contains(it));
        let refused = info.last_error_message.is_some_and(|it| it.contains("401"));
        if info.url.as_ref() == Some(url) && same_kinds && !refused {
            return Ok(false);
        }
        let request = self
            .bot
            .set_webhook(url.clone())
            .secret_token(secret)
            .allowed_updates(ALLOWED_UPDATES.to_vec());
        self.ask("setWebhook", 0, request).await?;
        Ok(true)
    }

    /// Takes the webhook away, so that updates can be asked for.
    pub async fn delete_webhook(&self) -> Result<(), Refusal> {
        self.ask("deleteWebhook", 0, self.bot.delete_webhook()).await?;
        Ok(())
    }

    /// Asks for updates from `offset` on, waiting up to `wait` seconds for one.
    pub async fn updates(&self, offset: i32, wait: u32) -> Result<Vec<Update>, Refusal> {
        let request = self
            .bot
            .get_updates()
            .offset(offset)
            .timeout(wait)
            .allowed_updates(ALLOWED_UPDATES.to_vec());
        self.ask("getUpdates", 0, request).await
    }
}
