//! What has to be done from time to time, by one replica.

use std::{sync::Arc, time::Duration};

use crate::{
    context::App,
    handlers::{feedback, invitation, operator},
};

/// How often to look.
const EVERY: Duration = Duration::from_secs(60);

/// How long the data of a chat without the bot is kept.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Looks until the bot stops.
pub async fn run(app: Arc<App>) {
    let mut due = tokio::time::interval(EVERY);
    while tokio::select! { _ = due.tick() => true, () = app.stopping.cancelled() => false } {
        if let Err(error) = once(&app).await {
            tracing::warn!(error = %format!("{error:#}"), "house-keeping failed");
        }
    }
}

/// Looks once, unless another replica does.
pub async fn once(app: &App) -> anyhow::Result<()> {
    let Some(lock) = app.store.lock("house_keeping", EVERY).await? else { return Ok(()) };
    for chat_id in app.store.chats_gone_since(app.clock.now() - KEPT).await? {
        tracing::info!(chat_id, "the data of a chat without the bot is deleted");
        app.store.purge_chat(chat_id).await?;
    }
    feedback::deliver_waiting(app).await?;
    operator::warn(app).await?;
    invitation::close_overdue(app).await?;
    let open = app.store.open_dialogues().await?;
    app.metrics.dialogues.set(i64::try_from(open).unwrap_or(i64::MAX));
    app.store.unlock(lock).await?;
    Ok(())
}
