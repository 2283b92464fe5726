//! `/announce`: what an operator wants every chat to know. A draft with a preview, then a job that `announcer` does.

use super::call::Call;
use crate::{
    announcer,
    callback::{Callback, Press},
    context::Cx,
    store::{Confirmed, Id, Source},
    telegram::{Button, Keyboard, Post, Refusal},
    text::Html,
};

/// The longest text, in UTF-16 units, so that a heading and a footer fit into the message.
const LONGEST: usize = 3500;

/// Shows how it would look, and asks.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    let source = match call.replies_to() {
        Some(original) => Source::Copy { chat_id: cx.chat.chat_id, message_id: original.id.0 },
        None if call.arguments.is_empty() => {
            return cx.reply(cx.html("announce-usage", &[])).await;
        }
        None if call.arguments.encode_utf16().count() > LONGEST => {
            return cx.reply(cx.html("announce-too-long", &[("limit", LONGEST.into())])).await;
        }
        None => Source::Text(call.arguments),
    };
    let preview = match &source {
        Source::Text(text) => announcer::message(&cx.app, cx.lang, text, false),
        Source::Copy { chat_id, message_id } => {
            let copied = cx.app.telegram.copy_here(cx.chat.chat_id, *chat_id, *message_id).await;
            if let Err(refusal) = copied {
                tracing::info!(%refusal, "an announcement cannot be copied");
                return cx.reply(cx.html("announce-cannot-copy", &[])).await;
            }
            Html::default()
        }
    };
    let draft = cx.app.store.draft_announcement(Id::new(), cx.user.id, source).await?;
    let button = |key, callback| Button::press(cx.plain(key, &[]), callback);
    let id = draft.id;
    let keyboard = Keyboard::new()
        .row([button("announce-send", Callback::AnnounceSend { id })])
        .row([button("announce-send-to-all", Callback::AnnounceToAll { id })])
        .row([button("announce-cancel", Callback::AnnounceCancel { id })]);
    if !preview.is_empty() {
        cx.app.telegram.send(cx.place(), preview).await?;
    }
    cx.reply(Post::new(cx.html("announce-ask", &[])).keyboard(keyboard)).await
}

/// Sends it, except where announcements are switched off.
pub async fn send(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    confirm(&cx, press, id, false).await
}

/// Sends it everywhere.
pub async fn send_to_all(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    confirm(&cx, press, id, true).await
}

async fn confirm(cx: &Cx, press: Press, id: Id, essential: bool) -> anyhow::Result<()> {
    if !cx.app.is_operator(cx.user.id) {
        return super::expired::press(cx.clone()).await;
    }
    let confirmed =
        cx.app.store.confirm_announcement(cx.user.id, id, essential, press.message).await?;
    let key = match confirmed {
        // From here on the card is the announcer's: it shows how far it has come.
        Confirmed::Yes => {
            cx.app.announcer.notify_one();
            "announce-confirmed"
        }
        Confirmed::Busy => "announce-busy",
        Confirmed::TooLate => "announce-too-late",
    };
    cx.toast(&cx.plain(key, &[])).await;
    Ok(())
}

/// Drops the draft.
pub async fn cancel(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    if !cx.app.store.cancel_announcement(cx.user.id, id).await? {
        cx.toast(&cx.plain("announce-too-late", &[])).await;
        return Ok(());
    }
    show(&cx, press, cx.html("announce-cancelled", &[]).into()).await
}

/// Stops what is being sent. The report comes when what is under way has come to its end.
pub async fn stop(cx: Cx, id: Id) -> anyhow::Result<()> {
    if !cx.app.is_operator(cx.user.id) {
        return super::expired::press(cx).await;
    }
    let stopped = cx.app.store.stop_announcement(id).await?;
    cx.app.announcer.notify_one();
    let key = if stopped { "announce-stopping" } else { "announce-too-late" };
    cx.toast(&cx.plain(key, &[])).await;
    Ok(())
}

async fn show(cx: &Cx, press: Press, post: Post) -> anyhow::Result<()> {
    let Some(message) = press.message else { return cx.reply(post).await };
    match cx.app.telegram.edit(cx.chat.chat_id, message, post.clone()).await {
        Err(Refusal::Uneditable) => cx.reply(post).await,
        other => Ok(other?),
    }
}
