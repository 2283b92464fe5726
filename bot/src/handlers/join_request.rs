//! Somebody asks to be let into a notify group; its creator is asked in private.

use std::time::Duration;

use super::{expired, notice, notify_group};
use crate::{
    callback::{Callback, Press},
    context::Cx,
    store::{Id, JoinOutcome, NotifyGroup, Policy},
    telegram::{Button, Keyboard, Place, Post, Refusal},
    text::Html,
};

/// How often somebody may ask for the same.
const AGAIN: Duration = Duration::from_secs(3600);

/// Asks the creator.
pub async fn ask(cx: Cx, id: Id) -> anyhow::Result<()> {
    let store = &cx.app.store;
    let found = store.notify_group(cx.chat.chat_id, id).await?;
    let Some(group) = found.filter(|it| it.is_known_to(cx.user.id)) else {
        return expired::press(cx).await;
    };
    if group.has(cx.user.id) {
        cx.toast(&cx.plain("join-ask-already-in", &[])).await;
        return Ok(());
    }
    if group.policy == Policy::Open || group.creator_id == cx.user.id {
        // It was opened meanwhile, or handed over to whoever asks.
        return super::join::press(cx, id).await;
    }
    let limit = format!("ask:{}:{}", group.id, cx.user.id);
    if store.limit_once(&limit, 1, AGAIN, cx.update).await?.is_err() {
        cx.toast(&cx.plain("join-ask-asked", &[])).await;
        return Ok(());
    }
    if !store.ask_to_join(group.chat_id, group.id, cx.user.id).await? {
        return expired::press(cx).await;
    }
    let told = tell_creator(&cx, &group).await?;
    if !told {
        // The group is the only place where the creator can hear of it. Nobody is called.
        let args = [
            ("person", cx.name(Some(&cx.user)).into()),
            ("name", notify_group::name_of(&group).into()),
        ];
        cx.app.telegram.send(cx.place(), cx.html("join-ask-in-group", &args)).await?;
    }
    cx.toast(&cx.plain("join-ask-done", &[])).await;
    Ok(())
}

/// Writes to the creator in private, in their language; says whether that worked.
async fn tell_creator(cx: &Cx, group: &NotifyGroup) -> anyhow::Result<bool> {
    let app = &cx.app;
    let creator = app.store.user(group.creator_id).await?;
    let lang = app.lang_of(creator.as_ref());
    let title = cx.chat.title.as_deref().unwrap_or_default();
    let args = [
        ("person", cx.name(Some(&cx.user)).into()),
        ("name", notify_group::name_of(group).into()),
        ("title", title.into()),
    ];
    let (chat, id, user) = (group.chat_id, group.id, cx.user.id);
    let label = |key| app.texts.plain(lang, key, &[]);
    let buttons = [
        Button::press(label("join-ask-let-in"), Callback::LetIn { chat, id, user }),
        Button::press(label("join-ask-keep-out"), Callback::KeepOut { chat, id, user }),
    ];
    let text = app.texts.html(lang, "join-ask-private", &args);
    let post = Post::new(text).keyboard(Keyboard::new().row(buttons));
    Ok(app.telegram.send(Place::chat(group.creator_id), post).await.is_ok())
}

/// The creator lets them in.
pub async fn let_in(cx: Cx, press: Press, asked: (i64, Id, i64)) -> anyhow::Result<()> {
    let (chat_id, id, user_id) = asked;
    let store = &cx.app.store;
    let outcome = store.let_in(chat_id, id, cx.user.id, user_id).await?;
    let key = match outcome {
        JoinOutcome::Joined => "join-ask-let",
        JoinOutcome::Already => "join-ask-is-in",
        JoinOutcome::Full => "join-ask-full",
        JoinOutcome::Refused => return expired::press(cx).await,
    };
    let found = store.notify_group(chat_id, id).await?;
    let Some(group) = found else { return expired::press(cx).await };
    let user = store.user(user_id).await?;
    let args =
        [("person", cx.name(user.as_ref()).into()), ("name", notify_group::name_of(&group).into())];
    if outcome == JoinOutcome::Joined {
        let once = format!("let-in:{}", cx.update);
        notice::tell_quietly(&cx.app, Place::chat(chat_id), &once, "join-joined", &args).await;
    }
    show(&cx, press, cx.html(key, &args)).await
}

/// The creator does not let them in. They are told, if they can be.
pub async fn keep_out(cx: Cx, press: Press, asked: (i64, Id, i64)) -> anyhow::Result<()> {
    let (chat_id, id, user_id) = asked;
    let store = &cx.app.store;
    if !store.keep_out(chat_id, id, cx.user.id, user_id).await? {
        return expired::press(cx).await;
    }
    let found = store.notify_group(chat_id, id).await?;
    let Some(group) = found else { return expired::press(cx).await };
    let user = store.user(user_id).await?;
    let name = notify_group::name_of(&group);
    let lang = cx.app.lang_of(user.as_ref());
    let refused = cx.app.texts.html(lang, "join-ask-refused", &[("name", (&name).into())]);
    let _ = cx.app.telegram.send(Place::chat(user_id), refused).await;
    let args = [("person", cx.name(user.as_ref()).into()), ("name", name.into())];
    show(&cx, press, cx.html("join-ask-kept-out", &args)).await
}

async fn show(cx: &Cx, press: Press, text: Html) -> anyhow::Result<()> {
    let Some(message) = press.message else { return cx.reply(text).await };
    match cx.app.telegram.edit(cx.chat.chat_id, message, text.clone()).await {
        Err(Refusal::Uneditable) => cx.reply(text).await,
        other => Ok(other?),
    }
}
