//! Sends announcements, one chat after the other, whichever replica has the lock.
//!
//! What was sent where is in the database before and after each message. Killed at any moment, another replica, or this
//! one after its restart, goes on with the next chat. The one chat at which we were cut off may have got it or not: it is
//! not tried again, and the report says so.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    callback::Callback,
    context::App,
    store::{
        Announcement, AnnouncementState, AnnouncementTarget, ChatKind, Lock, Source, TargetState,
    },
    telegram::{Button, Keyboard, Place, Post, Refusal},
    text::{Html, Lang},
};

/// How often to look for work that another replica left.
const EVERY: Duration = Duration::from_secs(2);

/// How long the lock lasts if it is not renewed: its holder is dead then.
const LOCK_LIFE: Duration = Duration::from_secs(10);

/// The pause after each message. 20 a second leave a third of what Telegram allows to answers.
const PAUSE: Duration = Duration::from_millis(50);

/// How often the operator sees how far it has come.
const PROGRESS: Duration = Duration::from_secs(3);

/// How often a chat is tried when Telegram has too much to do.
const ATTEMPTS: i64 = 5;

/// Works until the bot stops.
pub async fn run(app: Arc<App>) {
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = app.announcer.notified() => {}
            () = sleep(EVERY) => {}
        }
        if let Err(error) = once(&app).await {
            tracing::warn!(error = %format!("{error:#}"), "an announcement was interrupted");
        }
    }
}

/// Sends what there is to send, unless another replica does.
pub async fn once(app: &App) -> anyhow::Result<()> {
    if app.store.running_announcement().await?.is_none() {
        return Ok(());
    }
    let Some(lock) = app.store.lock("announcer", LOCK_LIFE).await? else { return Ok(()) };
    // Read again: whoever had the lock may have come to the end.
    if let Some(announcement) = app.store.running_announcement().await? {
        tokio::select! {
            done = announce(app, announcement) => done?,
            lost = lose(app, &lock) => return lost,
        }
    }
    app.store.unlock(lock).await?;
    Ok(())
}

/// Renews the lock, and comes to an end only when it is lost.
async fn lose(app: &App, lock: &Lock) -> anyhow::Result<()> {
    loop {
        sleep(LOCK_LIFE / 4).await;
        if !app.store.renew_lock(lock, LOCK_LIFE).await? {
            anyhow::bail!("another replica took over");
        }
    }
}

async fn announce(app: &App, announcement: Announcement) -> anyhow::Result<()> {
    let mut announcement = announcement;
    if announcement.state == AnnouncementState::Preparing {
        app.store.prepare_targets(&announcement).await?;
    }
    app.store.doubt_targets(announcement.id).await?;
    show(app, &mut announcement, false).await?;
    let mut told = Instant::now();
    loop {
        if app.stopping.is_cancelled() {
            return Ok(());
        }
        if app.store.announcement_state(announcement.id).await? != Some(AnnouncementState::Running)
        {
            break;
        }
        let Some(target) = app.store.take_target(announcement.id).await? else { break };
        send(app, &announcement, &target).await?;
        if told.elapsed() >= PROGRESS {
            show(app, &mut announcement, false).await?;
            told = Instant::now();
        }
        sleep(PAUSE).await;
    }
    show(app, &mut announcement, true).await?;
    app.store.finish_announcement(announcement.id).await?;
    tracing::info!(announcement = %announcement.id, "an announcement is over");
    Ok(())
}

/// Sends it to one chat, and notes what came of it.
async fn send(
    app: &App,
    announcement: &Announcement,
    target: &AnnouncementTarget,
) -> anyhow::Result<()> {
    let sent = match &announcement.source {
        Source::Text(text) => {
            let chat = app.store.chat(target.chat_id).await?;
            let is_private = target.chat_id > 0;
            let lang = match chat.as_ref().and_then(|it| it.kind) {
                Some(ChatKind::Group | ChatKind::Supergroup) => app.lang_in(chat.as_ref()),
                _ => app.lang_of(app.store.user(target.chat_id).await?.as_ref()),
            };
            let post = Post::new(message(app, lang, text, !is_private));
            app.telegram.send_here(target.chat_id, &post).await
        }
        Source::Copy { chat_id, message_id } => {
            app.telegram.copy_here(target.chat_id, *chat_id, *message_id).await
        }
    };
    let (state, error) = match sent {
        Ok(_) => (TargetState::Sent, None),
        Err(Refusal::Gone) => (TargetState::Gone, None),
        // Its target has the new id by now, or is gone since the new one has its own.
        Err(Refusal::Migrated(_)) if target.attempts < ATTEMPTS => (TargetState::Pending, None),
        Err(Refusal::TooMany) if target.attempts < ATTEMPTS => (TargetState::Pending, None),
        Err(Refusal::Unknown(why)) => (TargetState::Unsure, Some(why)),
        Err(refusal) => (TargetState::Failed, Some(refusal.kind().to_owned())),
    };
    app.store.settle_target(target.id, state, error.as_deref()).await?;
    Ok(())
}

/// What a chat gets.
pub fn message(app: &App, lang: Lang, text: &str, is_group: bool) -> Html {
    let brand = app.config.brand.name.as_str();
    let heading = app.texts.html(lang, "announcement-heading", &[("brand", brand.into())]);
    let footer = if is_group { "announcement-footer-group" } else { "announcement-footer-private" };
    heading.paragraph(&Html::escape(text)).paragraph(&app.texts.html(lang, footer, &[]))
}

/// How far it has come, with a button that stops it.
async fn progress(app: &App, lang: Lang, it: &Announcement) -> anyhow::Result<Post> {
    let tally = app.store.tally(it.id).await?;
    let args = [
        ("sent", tally.sent.into()),
        ("total", tally.total().into()),
        ("gone", tally.gone.into()),
        ("failed", tally.failed.into()),
    ];
    let stop = Callback::AnnounceStop { id: it.id };
    let stop = Button::press(app.texts.plain(lang, "announce-stop", &[]), stop);
    let text = app.texts.html(lang, "announce-progress", &args);
    Ok(Post::new(text).keyboard(Keyboard::new().row([stop])))
}

/// What came of it.
async fn report(app: &App, lang: Lang, it: &Announcement) -> anyhow::Result<Post> {
    let tally = app.store.tally(it.id).await?;
    let mut lines = Vec::new();
    for (key, count) in [
        ("announce-report-sent", tally.sent),
        ("announce-report-gone", tally.gone),
        ("announce-report-failed", tally.failed),
    ] {
        lines.push(app.texts.html(lang, key, &[("count", count.into())]));
    }
    // Only where there is something to worry about.
    for (key, count) in
        [("announce-report-unsure", tally.unsure), ("announce-report-pending", tally.pending)]
    {
        if count > 0 {
            lines.push(app.texts.html(lang, key, &[("count", count.into())]));
        }
    }
    let key = if tally.pending > 0 { "announce-report-stopped" } else { "announce-report" };
    Ok(app.texts.html(lang, key, &[]).paragraph(&Html::join(&lines, "\n")).into())
}

/// Shows progress or report on the operator's card, or on a new one if that is gone.
async fn show(app: &App, it: &mut Announcement, is_over: bool) -> anyhow::Result<()> {
    let Some(operator) = it.operator_id else { return Ok(()) };
    let lang = app.lang_of(app.store.user(operator).await?.as_ref());
    let post = if is_over { report(app, lang, it).await? } else { progress(app, lang, it).await? };
    let shown = match it.card {
        Some(card) => app.telegram.edit(operator, card, post.clone()).await,
        None => Err(Refusal::Uneditable),
    };
    match shown {
        Err(Refusal::Uneditable) => {
            if let Ok(card) = app.telegram.send(Place::chat(operator), post).await {
                it.card = Some(card);
                app.store.set_announcement_card(it.id, card).await?;
            }
        }
        Err(refusal) => tracing::info!(%refusal, "an operator could not be told"),
        Ok(()) => {}
    }
    Ok(())
}
