//! One's own notify groups of a group, hidden ones included, in private: to look, and not to be called for a while.

use std::time::Duration;

use super::{expired, notify_group};
use crate::{
    callback::{Callback, Press},
    context::Cx,
    store::{Id, NotifyGroup},
    telegram::{Button, Keyboard, Place, Post, Refusal},
    text::{Lang, span},
};

/// For how many hours one can choose not to be called.
const HOURS: [u16; 3] = [1, 8, 24];

/// Asked for in a group: writes to whoever pressed.
pub async fn ask(cx: Cx) -> anyhow::Result<()> {
    let lang = cx.app.lang_of(Some(&cx.user));
    let post = list(&cx, lang, cx.chat.chat_id).await?;
    let sent = cx.app.telegram.send(Place::chat(cx.user.id), post).await.is_ok();
    let key = if sent { "mine-in-private" } else { "mine-press-start" };
    cx.toast(&cx.plain(key, &[])).await;
    Ok(())
}

/// Goes back to the list.
pub async fn back(cx: Cx, press: Press, chat_id: i64) -> anyhow::Result<()> {
    if !cx.is_private() {
        return expired::press(cx).await;
    }
    let post = list(&cx, cx.lang, chat_id).await?;
    show(&cx, press, post).await
}

/// Shows one of them.
pub async fn one(cx: Cx, press: Press, (chat_id, id): (i64, Id)) -> anyhow::Result<()> {
    if !cx.is_private() {
        return expired::press(cx).await;
    }
    let found = cx.app.store.notify_group(chat_id, id).await?;
    match found.filter(|it| it.may_be_called_by(cx.user.id)) {
        Some(group) => show(&cx, press, details(&cx, &group)).await,
        None => expired::press(cx).await,
    }
}

/// Does not want to be called for so many hours, or wants it again.
pub async fn mute(
    cx: Cx,
    press: Press,
    (chat_id, id, hours): (i64, Id, u16),
) -> anyhow::Result<()> {
    if !cx.is_private() || !(hours == 0 || HOURS.contains(&hours)) {
        return expired::press(cx).await;
    }
    let until = (hours > 0).then(|| cx.now + Duration::from_secs(u64::from(hours) * 3600));
    let store = &cx.app.store;
    if !store.mute_notify_group(chat_id, id, cx.user.id, until).await? {
        cx.toast(&cx.plain("mine-not-in", &[])).await;
        return Ok(());
    }
    match store.notify_group(chat_id, id).await? {
        Some(group) => show(&cx, press, details(&cx, &group)).await,
        None => expired::press(cx).await,
    }
}

async fn list(cx: &Cx, lang: Lang, chat_id: i64) -> anyhow::Result<Post> {
    let groups = cx.app.store.notify_groups_with(chat_id, cx.user.id).await?;
    let texts = &cx.app.texts;
    if groups.is_empty() {
        return Ok(texts.html(lang, "mine-none", &[]).into());
    }
    let chat = cx.app.store.chat(chat_id).await?;
    let title = chat.and_then(|it| it.title).unwrap_or_default();
    let text = texts.html(lang, "mine-heading", &[("title", title.into())]);
    let button = |it: &NotifyGroup| {
        let mark = if it.is_muted_by(cx.user.id, cx.now) { "🔕 " } else { "" };
        let one = Callback::MineOne { chat: chat_id, id: it.id };
        Button::press(format!("{mark}{}", it.name), one)
    };
    Ok(Post::new(text).keyboard(Keyboard::new().grid(groups.iter().map(button), 2)))
}

fn details(cx: &Cx, group: &NotifyGroup) -> Post {
    let (chat, id, me) = (group.chat_id, group.id, cx.user.id);
    let mut text = cx
        .html("notify-group-name", &[("name", notify_group::name_of(group).into())])
        .line(&notify_group::description(cx, group));
    let back = Button::press(cx.plain("dialogue-back", &[]), Callback::MineOf { chat });
    let mute = |hours| Callback::Mute { chat, id, hours };
    if !group.has(me) {
        let text = text.paragraph(&cx.html("mine-creator-only", &[]));
        return Post::new(text).keyboard(Keyboard::new().row([back]));
    }
    let muted = group.muted.iter().find(|it| it.user_id == me && it.until > cx.now);
    let state = match muted {
        Some(muted) => {
            let rest = span(&cx.app.texts, cx.lang, muted.until.since(cx.now), 2);
            cx.html("mine-muted", &[("span", rest.into())])
        }
        None => cx.html("mine-called", &[]),
    };
    text = text.paragraph(&state);
    let hours = HOURS.map(|hours| {
        Button::press(cx.plain("mine-mute", &[("hours", i64::from(hours).into())]), mute(hours))
    });
    let unmute = muted.map(|_| Button::press(cx.plain("mine-unmute", &[]), mute(0)));
    Post::new(text).keyboard(Keyboard::new().row(hours).row(unmute).row([back]))
}

async fn show(cx: &Cx, press: Press, post: Post) -> anyhow::Result<()> {
    let Some(message) = press.message else { return cx.reply(post).await };
    match cx.app.telegram.edit(cx.chat.chat_id, message, post.clone()).await {
        Err(Refusal::Uneditable) => cx.reply(post).await,
        other => Ok(other?),
    }
}
