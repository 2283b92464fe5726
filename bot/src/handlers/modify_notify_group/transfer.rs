//! Handing a notify group on: it is offered to a member, in the group, and that member takes it over or does not.

use super::{
    super::{expired, notify_group},
    Notice, State, done, find, foreign, is_admin_now, noticed,
};
use crate::{
    callback::{Callback, Press},
    context::Cx,
    dialogue::{Talk, Turn},
    store::{Id, NotifyGroup},
    telegram::{Button, Keyboard, Membership, Post, Refusal},
    text::{Html, mention, plain_name},
};

/// Offers it to a member: by its creator or, if they left the group, by an administrator.
pub(super) async fn offer(
    talk: Talk<'_>,
    state: State,
    id: Id,
    to: i64,
) -> anyhow::Result<Turn<State>> {
    let (app, chat_id, me) = (&talk.cx.app, talk.target.chat_id, talk.cx.user.id);
    let Some(group) = find(talk, id).await? else { return done(talk, state, id, false).await };
    if to == group.creator_id {
        return foreign(talk);
    }
    if group.creator_id != me {
        if !is_admin_now(talk).await? {
            return done(talk, state, id, false).await;
        }
        if app.telegram.membership(chat_id, group.creator_id).await != Membership::Left {
            return noticed(state, id, Notice::CreatorIsThere);
        }
    }
    if !app.store.offer_notify_group(chat_id, id, group.creator_id, to).await? {
        return done(talk, state, id, false).await;
    }
    ask(talk, &group, to).await?;
    noticed(state, id, Notice::Offered(to))
}

/// Asks the member, in the group, where they can be asked in any case.
async fn ask(talk: Talk<'_>, group: &NotifyGroup, to: i64) -> anyhow::Result<()> {
    let app = &talk.cx.app;
    let (chat, user) = futures::try_join!(app.store.chat(group.chat_id), app.store.user(to))?;
    let lang = app.lang_in(chat.as_ref());
    let first = user.as_ref().and_then(|it| it.first_name.as_deref());
    let username = user.as_ref().and_then(|it| it.username_lc.as_deref());
    let person = mention(to, &plain_name(&app.texts, lang, first, username));
    let args = [
        ("person", talk.cx.name(Some(&talk.cx.user)).into()),
        ("to", person.into()),
        ("name", notify_group::name_of(group).into()),
    ];
    let label = |key| app.texts.plain(lang, key, &[]);
    let id = group.id;
    let buttons = [
        Button::press(label("transfer-take"), Callback::TakeOver { id }),
        Button::press(label("transfer-take-not"), Callback::TakeNot { id }),
    ];
    let text = app.texts.html(lang, "transfer-ask", &args);
    let post = Post::new(text).keyboard(Keyboard::new().row(buttons));
    app.telegram.turn(group.chat_id).await;
    if app.store.first_time(&format!("offered:{}", talk.cx.update)).await? {
        app.telegram.send_now(talk.target.place(), post).await?;
    }
    Ok(())
}

/// The member takes it over.
pub async fn take_over(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    let taken = cx.app.store.take_over_notify_group(cx.chat.chat_id, id, cx.user.id).await?;
    let Some(group) = taken else { return refuse(cx, id).await };
    end(&cx, press, &group, "transfer-taken").await
}

/// The member does not want it.
pub async fn take_not(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    let store = &cx.app.store;
    let Some(group) = store.notify_group(cx.chat.chat_id, id).await? else {
        return expired::press(cx).await;
    };
    if !store.decline_notify_group(cx.chat.chat_id, id, cx.user.id).await? {
        return refuse(cx, id).await;
    }
    end(&cx, press, &group, "transfer-not-taken").await
}

/// It was offered to somebody else, or to nobody any more.
async fn refuse(cx: Cx, id: Id) -> anyhow::Result<()> {
    let found = cx.app.store.notify_group(cx.chat.chat_id, id).await?;
    if found.is_none_or(|it| it.offered_to.is_none()) {
        return expired::press(cx).await;
    }
    cx.toast(&cx.plain("transfer-not-for-you", &[])).await;
    Ok(())
}

async fn end(cx: &Cx, press: Press, group: &NotifyGroup, key: &str) -> anyhow::Result<()> {
    let person = cx.name(Some(&cx.user));
    let args = [("person", person.into()), ("name", notify_group::name_of(group).into())];
    let text: Html = cx.html(key, &args);
    let Some(message) = press.message else { return cx.reply(text).await };
    match cx.app.telegram.edit(cx.chat.chat_id, message, text.clone()).await {
        Err(Refusal::Uneditable) => cx.reply(text).await,
        other => Ok(other?),
    }
}
