//! `/status`: who of the chat's status users is there, and what they play.
//!
//! Services may take their time, so they are asked in a task of their own; a notice says so, and becomes the answer.

use std::time::Duration;

use super::call::Call;
use crate::{
    callback::{Callback, Press},
    context::Cx,
    presence::Account,
    store::{StatusUser, Wait},
    telegram::{Button, Keyboard, Post},
    text::{Html, age, blocks, failures, messages, span},
};

/// How often a chat may ask, and in which time.
const CALLS: (usize, Duration) = (10, Duration::from_secs(60));

/// How often a chat may refresh.
const REFRESH: Duration = Duration::from_secs(15);

/// The command.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    let mut users = cx.app.store.status_users(cx.chat.chat_id).await?;
    if users.is_empty() {
        return cx.reply(cx.html("status-none", &[])).await;
    }
    let filter = call.arguments.trim().to_lowercase();
    users.retain(|it| it.display_name.to_lowercase().contains(&filter));
    if users.is_empty() {
        return cx
            .reply(cx.html("status-no-match", &[("name", call.arguments.trim().into())]))
            .await;
    }
    let (times, window) = CALLS;
    let limit = format!("status:{}", cx.chat.chat_id);
    if let Err(Wait(wait)) = cx.app.store.limit_once(&limit, times, window, cx.update).await? {
        let wait = span(&cx.app.texts, cx.lang, wait, 1);
        return cx.reply(cx.html("status-wait", &[("span", wait.into())])).await;
    }
    cx.app.telegram.typing(cx.place()).await;
    let notice = cx.app.telegram.send(cx.reply_place(), cx.html("status-looking", &[])).await?;
    let task = cx.clone();
    cx.app.tasks.spawn(async move { show(&task, &users, notice, filter.is_empty()).await });
    Ok(())
}

/// The button that looks again, at all of them.
pub async fn refresh(cx: Cx, press: Press) -> anyhow::Result<()> {
    let Some(message) = press.message else { return Ok(()) };
    let users = cx.app.store.status_users(cx.chat.chat_id).await?;
    if users.is_empty() {
        cx.app.telegram.edit(cx.chat.chat_id, message, cx.html("status-none", &[])).await?;
        return Ok(());
    }
    let limit = format!("status-refresh:{}", cx.chat.chat_id);
    if let Err(Wait(wait)) = cx.app.store.limit_once(&limit, 1, REFRESH, cx.update).await? {
        let wait = span(&cx.app.texts, cx.lang, wait, 1).readable();
        cx.toast(&cx.plain("status-refresh-wait", &[("span", wait.into())])).await;
        return Ok(());
    }
    cx.toast(&cx.plain("status-refreshing", &[])).await;
    let task = cx.clone();
    cx.app.tasks.spawn(async move { show(&task, &users, message, true).await });
    Ok(())
}

/// Asks the services and shows the answer, beginning on a message that is there. It takes no longer than they may.
async fn show(cx: &Cx, users: &[StatusUser], message: i32, all: bool) {
    let mut texts = answer(cx, users).await;
    let last = texts.len().saturating_sub(1);
    for (number, text) in texts.drain(..).enumerate() {
        let mut post = Post::new(text);
        if number == last && all {
            let button = Button::press(cx.plain("status-refresh", &[]), Callback::Refresh);
            post = post.keyboard(Keyboard::new().row([button]));
        }
        let chat_id = cx.chat.chat_id;
        let edited =
            number == 0 && cx.app.telegram.edit(chat_id, message, post.clone()).await.is_ok();
        if !edited && let Err(refusal) = cx.app.telegram.send(cx.place(), post).await {
            tracing::info!(%refusal, "a status could not be shown");
            return;
        }
    }
}

async fn answer(cx: &Cx, users: &[StatusUser]) -> Vec<Html> {
    let app = &cx.app;
    let accounts: Vec<Account> = users.iter().flat_map(StatusUser::accounts).collect();
    let report = app.presences.look(&accounts).await;
    let now = app.clock.now();
    let mut items = blocks(&app.texts, cx.lang, now, users, &report);
    let failures = failures(&app.texts, cx.lang, &report);
    let age = age(&app.texts, cx.lang, now, &report);
    let foot = failures.into_iter().chain(age).fold(Html::default(), |foot, it| foot.line(&it));
    items.extend(Some(foot).filter(|it| !it.is_empty()));
    messages(&Html::default(), &items, "\n\n")
}
