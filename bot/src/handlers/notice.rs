//! Telling a group what somebody did in private. If that is not possible, what was done is done all the same.
//!
//! A notice goes out once, even if whoever sends it dies and the update comes again: it counts as told before it is sent.
//! Cut off in just that moment it may be missing; what it tells can be seen in the lists.

use crate::{
    context::App,
    telegram::{Place, Post},
    text::Args,
};

/// Tells a group something in its language, once for this name.
pub async fn tell(app: &App, place: Place, once: &str, key: &str, args: Args<'_>) {
    send(app, place, once, |it| it, key, args).await;
}

/// The same without a sound.
pub async fn tell_quietly(app: &App, place: Place, once: &str, key: &str, args: Args<'_>) {
    send(app, place, once, Post::silent, key, args).await;
}

async fn send(
    app: &App,
    place: Place,
    once: &str,
    how: fn(Post) -> Post,
    key: &str,
    args: Args<'_>,
) {
    let chat = app.store.chat(place.chat_id).await.unwrap_or_default();
    let text = app.texts.html(app.lang_in(chat.as_ref()), key, args);
    app.telegram.turn(place.chat_id).await;
    match app.store.first_time(once).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => tracing::warn!(%error, "a notice is sent without noting it"),
    }
    if let Err(refusal) = app.telegram.send_now(place, how(Post::new(text))).await {
        tracing::info!(%refusal, "a group could not be told");
    }
}
