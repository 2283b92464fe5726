//! "I'm in" and "Can't" below a call: a message of its own, with a list that grows.

use super::{expired, notify_group};
use crate::{
    callback::{Callback, Press},
    context::{App, Cx},
    store::{Id, NotifyCall, NotifyGroup},
    telegram::{Button, Keyboard, Post, Refusal},
    text::{Html, Lang},
};

/// How often the list is drawn again because somebody answered meanwhile.
const REDRAWS: usize = 4;

/// The question, before anybody has answered it.
pub fn question(cx: &Cx, group: &NotifyGroup) -> Html {
    cx.html("who-is-in-heading", &[("name", notify_group::name_of(group).into())])
}

/// The buttons below it.
pub fn buttons(app: &App, lang: Lang, id: Id) -> Keyboard {
    let label = |key| app.texts.plain(lang, key, &[]);
    Keyboard::new().row([
        Button::press(label("who-is-in-button-yes"), Callback::In { id }),
        Button::press(label("who-is-in-button-no"), Callback::Out { id }),
    ])
}

/// Somebody is in.
pub async fn is_in(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    answer(cx, press, id, true).await
}

/// Somebody cannot.
pub async fn is_out(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    answer(cx, press, id, false).await
}

async fn answer(cx: Cx, press: Press, id: Id, is_in: bool) -> anyhow::Result<()> {
    let (store, chat_id) = (&cx.app.store, cx.chat.chat_id);
    let Some(call) = store.call(chat_id, id).await? else { return expired::press(cx).await };
    let found = store.notify_group(chat_id, call.notify_group_id).await?;
    let Some(group) = found else { return expired::press(cx).await };
    if !group.may_be_called_by(cx.user.id) {
        let args = [("name", group.name.as_str().into())];
        cx.toast(&cx.plain("who-is-in-not-you", &args)).await;
        return Ok(());
    }
    let Some(mut call) = store.answer_call(chat_id, id, cx.user.id, is_in).await? else {
        return expired::press(cx).await;
    };
    cx.toast(&cx.plain(if is_in { "who-is-in-you-are" } else { "who-is-in-you-cannot" }, &[]))
        .await;
    let Some(message) = press.message else { return Ok(()) };
    for _ in 0..REDRAWS {
        let post = post(&cx, &group, &call).await?;
        match cx.app.telegram.edit(chat_id, message, post).await {
            Err(Refusal::Uneditable) => return Ok(()),
            other => other?,
        }
        match store.call(chat_id, id).await? {
            Some(now) if now.yes != call.yes || now.no != call.no => call = now,
            _ => break,
        }
    }
    Ok(())
}

async fn post(cx: &Cx, group: &NotifyGroup, call: &NotifyCall) -> anyhow::Result<Post> {
    let ids: Vec<i64> = call.yes.iter().chain(&call.no).copied().collect();
    let users = match ids.is_empty() {
        true => Default::default(),
        false => cx.app.store.users(&ids).await?,
    };
    let mut text = question(cx, group);
    for (key, people) in [("who-is-in-yes", &call.yes), ("who-is-in-no", &call.no)] {
        if !people.is_empty() {
            let names = notify_group::names(cx, people, &users);
            let args = [("people", names.into()), ("count", people.len().into())];
            text = text.line(&cx.html(key, &args));
        }
    }
    Ok(Post::new(text).keyboard(buttons(&cx.app, cx.lang, call.id)))
}
