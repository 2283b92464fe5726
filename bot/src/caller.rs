//! Sends calls of notify groups, message by message, and goes on with those that were cut off.
//!
//! What was sent is in the database before and after each message. Killed at any moment, another replica, or this one
//! after its restart, goes on with the next message. The one message at which we were cut off may have arrived or not,
//! and Telegram tells nobody which: it is sent again so that it calls nobody. So nobody is called twice, and nobody's
//! text is lost.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    context::App,
    handlers::who_is_in,
    store::{LEASE, Notification, NotifyCall},
    telegram::{Place, Post, Refusal},
};

/// How often to look for calls that somebody left.
const EVERY: Duration = Duration::from_secs(2);

/// Works until the bot stops.
pub async fn run(app: Arc<App>) {
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = sleep(EVERY) => {}
        }
        if let Err(error) = once(&app).await {
            tracing::warn!(error = %format!("{error:#}"), "a call was interrupted");
        }
    }
}

/// Goes on with every call whose owner has died.
pub async fn once(app: &App) -> anyhow::Result<()> {
    while let Some(mut left) = app.store.take_over_notification().await? {
        tracing::info!(update = left.update, next = left.next, "going on with a call");
        match (left.sending, left.quietly) {
            (false, _) => {}
            (true, false) => left.quietly = true,
            // Twice is enough: it was repeated, and that was cut off as well.
            (true, true) => {
                left.next += 1;
                left.quietly = false;
            }
        }
        go_on(app, left).await?;
    }
    Ok(())
}

/// Notes a call and sends its first message; says what speaks against it. The rest is for `go_on`. Without an answer
/// the call was noted before, and somebody is at it.
pub async fn begin(app: &App, call: Notification) -> anyhow::Result<Option<Notification>> {
    let mut call = call;
    app.telegram.turn(call.chat_id).await;
    if !app.store.begin_notification(&call).await? {
        return Ok(None);
    }
    let (update, owner) = (call.update, call.owner);
    holding(app, update, owner, async {
        match send(app, &call).await {
            Ok(()) => {
                call.next = 1;
                app.store.settle_message(&call).await?;
            }
            // Nobody knows.
            Err(Refusal::Unknown(_)) => call.quietly = true,
            Err(refusal) => {
                app.store.end_notification(&call).await?;
                return Err(refusal.into());
            }
        }
        Ok(Some(call))
    })
    .await
}

/// Sends what is left of a call, and deletes the command in the end.
pub async fn go_on(app: &App, call: Notification) -> anyhow::Result<()> {
    holding(app, call.update, call.owner, deliver(app, call)).await
}

async fn deliver(app: &App, mut call: Notification) -> anyhow::Result<()> {
    while usize::try_from(call.next).is_ok_and(|it| it < call.messages.len()) {
        app.telegram.turn(call.chat_id).await;
        if !app.store.take_message(&call).await? {
            anyhow::bail!("another replica took over");
        }
        match send(app, &call).await {
            Ok(()) => {}
            Err(Refusal::Unknown(_)) if !call.quietly => {
                call.quietly = true;
                continue;
            }
            Err(refusal) if refusal.is_fate() => {
                app.store.end_notification(&call).await?;
                return Err(refusal.into());
            }
            Err(refusal) => tracing::warn!(%refusal, "a part of a call could not be sent"),
        }
        call.next += 1;
        call.quietly = false;
        if !app.store.settle_message(&call).await? {
            anyhow::bail!("another replica took over");
        }
    }
    let chat = app.store.chat(call.chat_id).await?;
    if chat.is_some_and(|it| it.can_delete && it.settings.delete_commands) {
        app.telegram.delete(call.chat_id, call.command).await;
    }
    app.store.end_notification(&call).await?;
    Ok(())
}

async fn send(app: &App, call: &Notification) -> Result<(), Refusal> {
    let next = usize::try_from(call.next).unwrap_or_default();
    let Some(message) = call.messages.get(next) else { return Ok(()) };
    let text = if call.quietly { &message.quiet } else { &message.text };
    let mut post = Post::new(text.clone());
    if call.quietly {
        post = post.silent();
    }
    if let Some((id, notify_group_id)) = message.asks {
        post = post.keyboard(question(app, call.chat_id, id, notify_group_id).await);
    }
    let reply_to = call.reply_to.filter(|_| next == 0);
    let place = Place { chat_id: call.chat_id, thread_id: call.thread_id, reply_to };
    app.telegram.send_now(place, post).await?;
    Ok(())
}

/// The buttons of the question who is in, which can be answered from now on.
async fn question(
    app: &App,
    chat_id: i64,
    id: crate::store::Id,
    notify_group_id: crate::store::Id,
) -> crate::telegram::Keyboard {
    let call = NotifyCall { id, chat_id, notify_group_id, yes: Vec::new(), no: Vec::new() };
    if let Err(error) = app.store.create_call(&call).await {
        tracing::warn!(%error, "nobody can say who is in");
    }
    let chat = app.store.chat(chat_id).await.unwrap_or_default();
    who_is_in::buttons(app, app.lang_in(chat.as_ref()), id)
}

/// Holds on to a call while it is worked on, and gives up when it is lost.
async fn holding<T>(
    app: &App,
    update: i64,
    owner: i64,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let lose = async {
        loop {
            sleep(LEASE / 4).await;
            match app.store.renew_notification(update, owner).await {
                Ok(true) => {}
                Ok(false) => return anyhow::anyhow!("another replica took over"),
                Err(error) => tracing::warn!(update, %error, "a call could not be held"),
            }
        }
    };
    tokio::select! {
        done = work => done,
        lost = lose => Err(lost),
    }
}
