//! What a handler gets: the bot, and about this update who, where, when and in which language.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use teloxide::types::{
    CallbackQueryId, ChatKind as TelegramKind, Message, PublicChatKind, Update, UpdateKind,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::{Clock, Time},
    config::Config,
    metrics::Metrics,
    presence::Presences,
    store::{Chat, ChatKind, Store, User},
    telegram::{Place, Post, Telegram},
    text::{Args, Html, Lang, Texts, mention, plain_name},
};

/// What there is once in a running bot.
#[derive(Debug)]
pub struct App {
    /// The configuration.
    pub config: Config,
    /// What time it is.
    pub clock: Clock,
    /// The database.
    pub store: Store,
    /// The way to Telegram.
    pub telegram: Telegram,
    /// The services that know who is playing.
    pub presences: Presences,
    /// Every text.
    pub texts: Texts,
    /// What is measured.
    pub metrics: Metrics,
    /// Work that goes on after its update was handled. Stopping waits for it.
    pub tasks: TaskTracker,
    /// Wakes whoever sends announcements.
    pub announcer: tokio::sync::Notify,
    /// Cancelled when the bot stops.
    pub stopping: CancellationToken,
}

impl App {
    /// The language for somebody in private.
    pub fn lang_of(&self, user: Option<&User>) -> Lang {
        user.and_then(User::lang).unwrap_or(self.config.default_lang)
    }

    /// The language for a group.
    pub fn lang_in(&self, chat: Option<&Chat>) -> Lang {
        chat.and_then(|it| it.lang).unwrap_or(self.config.default_lang)
    }

    /// Whether somebody runs this bot.
    pub fn is_operator(&self, user_id: i64) -> bool {
        self.config.operators.contains(&user_id)
    }
}

/// What a handler gets.
#[derive(Clone, Debug)]
pub struct Cx {
    /// The bot.
    pub app: Arc<App>,
    /// The update's number.
    pub update: i64,
    /// When it began to be handled.
    pub now: Time,
    /// Who caused it.
    pub user: User,
    /// Whether they act as themselves, not as an anonymous administrator or as a channel.
    pub as_oneself: bool,
    /// Where it happened. For what happens in no chat, the private one.
    pub chat: Chat,
    /// In which topic.
    pub thread_id: Option<i32>,
    /// Which message caused it, to reply to.
    pub message_id: Option<i32>,
    /// In which language to answer there.
    pub lang: Lang,
    press: Option<CallbackQueryId>,
    answered: Arc<AtomicBool>,
}

impl Cx {
    /// What is known about an update. `None` if it is nothing for us: from a bot, a channel, or nobody.
    pub async fn of(app: &Arc<App>, update: &Update) -> anyhow::Result<Option<Self>> {
        let Some(from) = update.from() else { return Ok(None) };
        let message = match &update.kind {
            UpdateKind::Message(it) => Some(it),
            UpdateKind::CallbackQuery(it) => it.regular_message(),
            _ => None,
        };
        let is_press = matches!(update.kind, UpdateKind::CallbackQuery(_));
        let as_oneself = is_press || message.is_none_or(|it| it.sender_chat.is_none());
        // Anonymous administrators and channels look like bots too.
        if from.is_bot && as_oneself || message.is_some_and(Message::is_automatic_forward) {
            return Ok(None);
        }
        let user_id = crate::store::user_id(from);
        let (chat_id, kind, title, is_forum) = match update.chat() {
            None => (user_id, ChatKind::Private, Some(from.first_name.as_str()), false),
            Some(chat) => match &chat.kind {
                TelegramKind::Private(_) => {
                    (chat.id.0, ChatKind::Private, chat.first_name(), false)
                }
                TelegramKind::Public(it) => match &it.kind {
                    PublicChatKind::Group => {
                        (chat.id.0, ChatKind::Group, it.title.as_deref(), false)
                    }
                    PublicChatKind::Supergroup(group) => {
                        (chat.id.0, ChatKind::Supergroup, it.title.as_deref(), group.is_forum)
                    }
                    // Channels have a handler of their own, which keeps nothing.
                    PublicChatKind::Channel(_) => return Ok(None),
                },
            },
        };
        // Who removes or adds the bot has not written to it.
        let wrote = is_press || matches!(update.kind, UpdateKind::Message(_));
        let seen = async {
            if as_oneself {
                app.store.see_user(from, wrote && kind == ChatKind::Private).await
            } else {
                // Telegram's stand-in for everybody who hides behind a group or a channel is nobody to remember.
                Ok(User::unseen(user_id))
            }
        };
        let chat = app.store.see_chat(chat_id, kind, title, is_forum);
        let (chat, user) = futures::try_join!(chat, seen)?;
        let lang = match kind {
            ChatKind::Private => app.lang_of(Some(&user)),
            ChatKind::Group | ChatKind::Supergroup => app.lang_in(Some(&chat)),
        };
        let press = match &update.kind {
            UpdateKind::CallbackQuery(it) => Some(it.id.clone()),
            _ => None,
        };
        Ok(Some(Self {
            app: app.clone(),
            update: i64::from(update.id.0),
            now: app.clock.now(),
            user,
            as_oneself,
            chat,
            // Replies outside of forums have a thread id as well, which cannot be sent to.
            thread_id: message
                .filter(|it| it.is_topic_message)
                .and_then(|it| it.thread_id)
                .map(|it| it.0.0),
            message_id: message.map(|it| it.id.0),
            lang,
            press,
            answered: Arc::default(),
        }))
    }

    /// Whether this is a private chat.
    pub fn is_private(&self) -> bool {
        self.chat.chat_id == self.user.id
    }

    /// A text in the language of the chat. Arguments are escaped.
    pub fn html(&self, key: &str, args: Args<'_>) -> Html {
        self.app.texts.html(self.lang, key, args)
    }

    /// The same without markup, for buttons and toasts.
    pub fn plain(&self, key: &str, args: Args<'_>) -> String {
        self.app.texts.plain(self.lang, key, args)
    }

    /// The chat and topic of this update, replying to nothing.
    pub fn place(&self) -> Place {
        Place { chat_id: self.chat.chat_id, thread_id: self.thread_id, reply_to: None }
    }

    /// Answers where this update came from: in a group as a reply.
    pub async fn reply(&self, post: impl Into<Post>) -> anyhow::Result<()> {
        self.app.telegram.send(self.reply_place(), post).await?;
        Ok(())
    }

    /// Where a reply goes.
    pub fn reply_place(&self) -> Place {
        let reply_to = self.message_id.filter(|_| !self.is_private() && self.press.is_none());
        Place { reply_to, ..self.place() }
    }

    /// Answers the press with a short text.
    pub async fn toast(&self, text: &str) {
        self.answer(Some(text)).await;
    }

    /// Answers the press, if nobody did yet. Whoever handles updates does this at the end.
    pub(crate) async fn answer(&self, text: Option<&str>) {
        if let Some(press) = &self.press
            && !self.answered.swap(true, Ordering::SeqCst)
        {
            self.app.telegram.answer(press, text).await;
        }
    }

    /// Whether this update is a press on a button.
    pub fn is_press(&self) -> bool {
        self.press.is_some()
    }

    /// Somebody's name, which notifies nobody.
    pub fn name(&self, user: Option<&User>) -> Html {
        let first = user.and_then(|it| it.first_name.as_deref());
        let username = user.and_then(|it| it.username_lc.as_deref());
        plain_name(&self.app.texts, self.lang, first, username)
    }

    /// A mention of somebody, which notifies them.
    pub fn mention(&self, id: i64, user: Option<&User>) -> Html {
        mention(id, &self.name(user))
    }
}
