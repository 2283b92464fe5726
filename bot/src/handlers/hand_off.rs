//! From a group to the private chat: dialogues are held in private, even if the command came from a group.
//!
//! The command leaves an intent, whose secret token stands for "this person issued this command in that group". Neither
//! the group nor who is asking has to be believed to the client that brings the token.

use super::call::Call;
use crate::{
    callback::{Callback, Token},
    context::Cx,
    dialogue::{self, Kind, Target},
    store::Intent,
    telegram::{Button, Keyboard, Membership, Place, Post},
};

/// Does what a command is for: at once in private; from a group, by leading there.
pub async fn run(cx: &Cx, call: &Call, kind: Kind) -> anyhow::Result<()> {
    if cx.is_private() {
        let target = Target { chat_id: cx.chat.chat_id, thread_id: None, title: None };
        return dialogue::begin(cx, kind, target).await;
    }
    let (intent, is_new) =
        cx.app.store.intend(cx.user.id, cx.chat.chat_id, cx.thread_id, kind, cx.update).await?;
    // Asked twice within a minute: the first answer still stands. The same update again was cut off before it.
    if !is_new && intent.update != cx.update {
        return Ok(());
    }
    let told = tell_in_private(cx, &intent).await;
    let key = if told { "hand-off-told" } else { "hand-off-press" };
    let link = cx.app.telegram.me.deep_link(&format!("i_{}", intent.token));
    let open = Button::open(cx.plain("hand-off-open", &[]), link);
    let args = [("name", cx.name(Some(&cx.user)).into()), ("command", call.command.name().into())];
    let post = Post::new(cx.html(key, &args)).keyboard(Keyboard::new().row([open]));
    cx.reply(post).await
}

/// Writes to the person, if they let us; says whether they do.
async fn tell_in_private(cx: &Cx, intent: &Intent) -> bool {
    let Some(token) = Token::parse(&intent.token) else { return false };
    let lang = cx.app.lang_of(Some(&cx.user));
    let title = cx.chat.title.as_deref().unwrap_or_default();
    let command = intent.kind.command().name();
    let args = [("title", title.into()), ("command", command.into())];
    let text = cx.app.texts.html(lang, "hand-off-private", &args);
    let label = cx.app.texts.plain(lang, "hand-off-begin", &[]);
    let begin = Button::press(label, Callback::Intent { token });
    let post = Post::new(text).keyboard(Keyboard::new().row([begin]));
    cx.app.telegram.send(Place::chat(cx.user.id), post).await.is_ok()
}

/// Whether a deep link's payload is an intent, of ours or of the original.
pub fn is_payload(payload: &str) -> bool {
    ["i_", "asu_", "msu_", "ang_", "mng_"].iter().any(|it| payload.starts_with(it))
}

/// A press on the button in the private message.
pub async fn press(cx: Cx, token: Token) -> anyhow::Result<()> {
    open(&cx, Some(token)).await
}

/// Goes on with an intent, if it is this person's, and both they and the bot are still in the group.
pub async fn open(cx: &Cx, token: Option<Token>) -> anyhow::Result<()> {
    let intent = match token {
        Some(token) => cx.app.store.intent(&token, cx.user.id).await?,
        None => None,
    };
    let private = Place::chat(cx.user.id);
    let Some(intent) = intent else {
        cx.app.telegram.send(private, cx.html("hand-off-unknown", &[])).await?;
        return Ok(());
    };
    let chat = cx.app.store.chat(intent.chat_id).await?;
    let membership = match &chat {
        Some(chat) if chat.active => cx.app.telegram.membership(intent.chat_id, cx.user.id).await,
        _ => Membership::BotGone,
    };
    let key = match membership {
        Membership::Present | Membership::Unknown => {
            let title = chat.and_then(|it| it.title);
            let target = Target { chat_id: intent.chat_id, thread_id: intent.thread_id, title };
            return dialogue::begin(cx, intent.kind, target).await;
        }
        Membership::Left => "hand-off-you-left",
        Membership::BotGone => "hand-off-bot-gone",
    };
    let command = intent.kind.command().name();
    cx.app.telegram.send(private, cx.html(key, &[("command", command.into())])).await?;
    Ok(())
}
