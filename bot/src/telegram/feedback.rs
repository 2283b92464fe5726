//! Delivering feedback: as the bot itself or, if the operators want that, as another bot.

use secrecy::ExposeSecret as _;
use teloxide::{
    payloads::SendMessageSetters as _,
    requests::Requester as _,
    types::{ChatId, ParseMode},
};

use super::{Place, Refusal, Telegram, no_preview};
use crate::{config::Config, text::Html};

/// The other bot of a configuration.
pub(super) fn other_bot(config: &Config) -> anyhow::Result<Option<teloxide::Bot>> {
    let Some(token) = &config.feedback_token else { return Ok(None) };
    let client = teloxide::net::default_reqwest_settings().build()?;
    let bot = teloxide::Bot::with_client(token.expose_secret(), client);
    Ok(Some(match &config.api_url {
        Some(url) => bot.set_api_url(url.clone()),
        None => bot,
    }))
}

impl Telegram {
    /// Gives feedback to an operator; answers with the message's number. What another bot sends has none: replies to it
    /// never come to us.
    pub async fn deliver_feedback(
        &self,
        operator: i64,
        text: Html,
    ) -> Result<Option<i32>, Refusal> {
        let Some(other) = &self.feedback_bot else {
            return self.send(Place::chat(operator), text).await.map(Some);
        };
        let request = other
            .send_message(ChatId(operator), text.as_str())
            .parse_mode(ParseMode::Html)
            .link_preview_options(no_preview());
        // Whether the other bot can write to them says nothing about this one, so it is not noted.
        request.await.map(|_| None).map_err(|it| Refusal::of(&it))
    }
}
