//! Everything that goes out to Telegram: throttled, counted, and with what a refusal means for the chat noted at once.

mod admins;
mod announcing;
mod commands;
mod feedback;
mod keyboard;
mod media;
mod pace;
mod payments;
mod refusal;
mod webhook;

use std::{collections::HashMap, sync::Mutex, time::Duration};

use secrecy::ExposeSecret as _;
use teloxide::{
    RequestError,
    payloads::{
        AnswerCallbackQuerySetters as _, EditMessageTextSetters as _, SendChatActionSetters as _,
        SendMessageSetters as _,
    },
    requests::{HasPayload, Payload, Request, Requester as _},
    types::{
        CallbackQueryId, ChatAction, ChatId, LinkPreviewOptions, MessageId, ParseMode,
        ReplyParameters, ThreadId,
    },
};

use self::pace::Pace;
pub use self::{
    admins::Membership,
    commands::fingerprint,
    keyboard::{Button, Keyboard},
    media::{Asset, Media},
    payments::{Invoice, STARS},
    refusal::Refusal,
    webhook::ALLOWED_UPDATES,
};
use crate::{
    clock::{Clock, Time},
    config::Config,
    metrics::Metrics,
    store::Store,
    text::Html,
};

/// How long Telegram may ask us to wait before we give up.
const PATIENCE: Duration = Duration::from_secs(90);

/// The way to Telegram.
pub struct Telegram {
    bot: teloxide::Bot,
    /// Delivers feedback, if that is another one's task.
    feedback_bot: Option<teloxide::Bot>,
    pace: Pace,
    /// Who the bot is.
    pub me: Me,
    store: Store,
    clock: Clock,
    metrics: Metrics,
    /// Administrators of chats, and when they were asked for.
    admins: Mutex<HashMap<i64, (Time, Vec<i64>)>>,
}

impl std::fmt::Debug for Telegram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telegram").field("me", &self.me).finish_non_exhaustive()
    }
}

/// Who the bot is.
#[derive(Clone, Debug)]
pub struct Me {
    /// Its id.
    pub id: i64,
    /// Its username, without `@`.
    pub username: String,
}

impl Me {
    /// A link that opens the private chat and presses Start with this payload.
    pub fn deep_link(&self, payload: &str) -> String {
        format!("https://t.me/{}?start={payload}", self.username)
    }
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Into which chat.
    pub chat_id: i64,
    /// Into which of its topics.
    pub thread_id: Option<i32>,
    /// In reply to which message, if that is still there.
    pub reply_to: Option<i32>,
}

impl Place {
    /// A chat, or its general topic.
    pub fn chat(chat_id: i64) -> Self {
        Self { chat_id, thread_id: None, reply_to: None }
    }
}

/// A message that is about to go out.
#[derive(Clone, Debug)]
pub struct Post {
    text: Html,
    keyboard: Keyboard,
    silent: bool,
}

impl Post {
    /// A message with this text.
    pub fn new(text: Html) -> Self {
        Self { text, keyboard: Keyboard::default(), silent: false }
    }

    /// With these buttons below it.
    pub fn keyboard(self, keyboard: Keyboard) -> Self {
        Self { keyboard, ..self }
    }

    /// What it says.
    pub fn text(&self) -> &Html {
        &self.text
    }

    /// Without a sound.
    pub fn silent(self) -> Self {
        Self { silent: true, ..self }
    }
}

impl From<Html> for Post {
    fn from(text: Html) -> Self {
        Self::new(text)
    }
}

impl Telegram {
    /// Finds out who the bot is.
    pub async fn connect(
        config: &Config,
        store: Store,
        clock: Clock,
        metrics: Metrics,
    ) -> anyhow::Result<Self> {
        let bot = client(config)?;
        let me = bot.get_me().await.map_err(|it| advise(&Refusal::of(&it)))?;
        let me = Me {
            id: i64::try_from(me.user.id.0)?,
            username: me.user.username.clone().unwrap_or_default(),
        };
        let feedback_bot = feedback::other_bot(config)?;
        let pace = if config.throttle { Pace::default() } else { Pace::off() };
        Ok(Self { bot, feedback_bot, pace, me, store, clock, metrics, admins: Mutex::default() })
    }

    /// Sends a message, and answers with its number. A group that has become a supergroup gets it there.
    pub async fn send(&self, place: Place, post: impl Into<Post>) -> Result<i32, Refusal> {
        self.turn(place.chat_id).await;
        self.send_now(place, post).await
    }

    /// Waits until Telegram's limits allow one more message to a chat.
    pub async fn turn(&self, chat_id: i64) {
        self.pace.turn(chat_id).await;
    }

    /// The same as `send` for whoever has waited for their `turn`, and has noted since that it goes out now.
    pub async fn send_now(&self, place: Place, post: impl Into<Post>) -> Result<i32, Refusal> {
        let post = post.into();
        let mut place = place;
        loop {
            match self.send_once(place, &post).await {
                Err(Refusal::Migrated(new)) if new != place.chat_id => {
                    place = Place { chat_id: new, reply_to: None, ..place };
                }
                // The topic was deleted meanwhile.
                Err(Refusal::NoSuchTopic) if place.thread_id.is_some() => place.thread_id = None,
                other => return other,
            }
        }
    }

    async fn send_once(&self, place: Place, post: &Post) -> Result<i32, Refusal> {
        let mut request = self
            .bot
            .send_message(ChatId(place.chat_id), post.text.as_str())
            .parse_mode(ParseMode::Html)
            .link_preview_options(no_preview());
        if let Some(thread) = place.thread_id {
            request = request.message_thread_id(ThreadId(MessageId(thread)));
        }
        if let Some(message) = place.reply_to {
            let reply = ReplyParameters::new(MessageId(message)).allow_sending_without_reply();
            request = request.reply_parameters(reply);
        }
        if post.silent {
            request = request.disable_notification(true);
        }
        if !post.keyboard.is_empty() {
            request = request.reply_markup(post.keyboard.markup());
        }
        let sent = self.ask("sendMessage", place.chat_id, request).await?;
        Ok(sent.id.0)
    }

    /// Changes a message of ours. One that is as it should be already is fine.
    pub async fn edit(
        &self,
        chat_id: i64,
        message: i32,
        post: impl Into<Post>,
    ) -> Result<(), Refusal> {
        let post = post.into();
        let mut request = self
            .bot
            .edit_message_text(ChatId(chat_id), MessageId(message), post.text.as_str())
            .parse_mode(ParseMode::Html)
            .link_preview_options(no_preview());
        // Without buttons the field stays out: that takes away the ones that are there.
        if !post.keyboard.is_empty() {
            request = request.reply_markup(post.keyboard.markup());
        }
        match self.ask("editMessageText", chat_id, request).await {
            Ok(_) | Err(Refusal::Harmless) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Deletes a message, if the bot may and it is still there; says whether it did.
    pub async fn delete(&self, chat_id: i64, message: i32) -> bool {
        let request = self.bot.delete_message(ChatId(chat_id), MessageId(message));
        self.ask("deleteMessage", chat_id, request).await.is_ok()
    }

    /// Answers a press: with a short text, or only so that the button stops waiting. A press that is too old to be
    /// answered is left alone.
    pub async fn answer(&self, press: &CallbackQueryId, text: Option<&str>) {
        let mut request = self.bot.answer_callback_query(press.clone());
        if let Some(text) = text {
            // Telegram takes up to 200 characters.
            request = request.text(text.chars().take(200).collect::<String>());
        }
        if let Err(refusal) = self.ask("answerCallbackQuery", 0, request).await {
            tracing::debug!(%refusal, "a press could not be answered");
        }
    }

    /// Shows that the bot is writing.
    pub async fn typing(&self, place: Place) {
        let mut request = self.bot.send_chat_action(ChatId(place.chat_id), ChatAction::Typing);
        if let Some(thread) = place.thread_id {
            request = request.message_thread_id(ThreadId(MessageId(thread)));
        }
        let _ = self.ask("sendChatAction", place.chat_id, request).await;
    }

    /// Leaves a chat, as well as it can.
    pub async fn leave(&self, chat_id: i64) {
        let _ = self.ask("leaveChat", chat_id, self.bot.leave_chat(ChatId(chat_id))).await;
    }

    /// Makes a request that puts a message into a chat, as soon as Telegram's limits allow it.
    async fn say<R>(
        &self,
        method: &'static str,
        chat_id: i64,
        request: R,
    ) -> Result<Answer<R>, Refusal>
    where
        R: Request<Err = RequestError>,
    {
        self.pace.turn(chat_id).await;
        self.ask(method, chat_id, request).await
    }

    /// Makes a request. When Telegram asks to wait, waits and tries again. What came of it is counted, and what that means
    /// for the chat is noted. `chat_id` is 0 where there is none.
    async fn ask<R>(
        &self,
        method: &'static str,
        chat_id: i64,
        request: R,
    ) -> Result<Answer<R>, Refusal>
    where
        R: Request<Err = RequestError>,
    {
        let mut waited = Duration::ZERO;
        let refusal = loop {
            let error = match request.send_ref().await {
                Ok(it) => return Ok(it),
                Err(error) => error,
            };
            let refusal = Refusal::of(&error);
            self.metrics.telegram_errors.with_label_values(&[method, refusal.kind()]).inc();
            let RequestError::RetryAfter(wait) = error else { break refusal };
            waited += wait.duration();
            if waited > PATIENCE {
                break refusal;
            }
            self.pace.hold(chat_id, wait.duration()).await;
            tokio::time::sleep(wait.duration()).await;
        };
        let noted = match refusal {
            Refusal::Gone if chat_id != 0 => self.store.chat_is_gone(chat_id).await,
            Refusal::Migrated(new) if chat_id != 0 => self.store.move_chat(chat_id, new).await,
            _ => Ok(()),
        };
        if let Err(error) = noted {
            tracing::warn!(chat_id, %error, "what became of a chat could not be noted");
        }
        Err(refusal)
    }
}

/// Why the bot cannot even find out who it is, and what to do about it.
fn advise(refusal: &Refusal) -> anyhow::Error {
    match refusal {
        Refusal::Unknown(_) => {
            anyhow::anyhow!(
                "{refusal}; is this machine connected, and BOT_API_URL right if it is set?"
            )
        }
        _ => anyhow::anyhow!("{refusal}; is BOT_TOKEN right? BotFather shows it after /token"),
    }
}

/// What Telegram answers to a request.
type Answer<R> = <<R as HasPayload>::Payload as Payload>::Output;

/// The Bot API of a configuration.
pub(crate) fn client(config: &Config) -> anyhow::Result<teloxide::Bot> {
    let client = teloxide::net::default_reqwest_settings().build()?;
    let bot = teloxide::Bot::with_client(config.token.expose_secret(), client);
    Ok(match &config.api_url {
        Some(url) => bot.set_api_url(url.clone()),
        None => bot,
    })
}

fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}
