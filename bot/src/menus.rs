//! The menus of commands at the start: set if they are not what this version and configuration want, and left alone
//! otherwise, so that starts and replicas cost Telegram nothing.

use crate::{context::App, telegram::fingerprint};

/// Sets menus and descriptions unless these very ones were set before. Trouble with it stops nothing; the next start
/// tries again.
pub async fn keep(app: &App) {
    match set_if_changed(app).await {
        Ok(false) => {}
        Ok(true) => tracing::info!("menus and descriptions are set"),
        Err(error) => tracing::warn!(error = %format!("{error:#}"), "the menus could not be set"),
    }
}

async fn set_if_changed(app: &App) -> anyhow::Result<bool> {
    let bot = app.telegram.me.id;
    let wanted = fingerprint(&app.texts, &app.config.operators);
    if app.store.menus_of(bot).await?.is_some_and(|it| it == wanted) {
        return Ok(false);
    }
    app.telegram.set_commands(&app.texts, &app.config.operators).await?;
    app.store.menus_are(bot, &wanted).await?;
    Ok(true)
}
