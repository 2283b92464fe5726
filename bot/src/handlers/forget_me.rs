//! `/forget_me`: forgets whoever says so, after asking once.

use crate::{
    callback::{Callback, Press},
    context::Cx,
    store::HandedOver,
    telegram::{Button, Keyboard, Place, Post, Refusal},
    text::{Html, plain_name},
};

/// Says what would happen, and asks.
pub async fn run(cx: Cx) -> anyhow::Result<()> {
    let keyboard = Keyboard::new()
        .row([Button::press(cx.plain("forget-me-yes", &[]), Callback::ForgetMe)])
        .row([Button::press(cx.plain("forget-me-no", &[]), Callback::ForgetNot)]);
    cx.reply(Post::new(cx.html("forget-me-ask", &[])).keyboard(keyboard)).await
}

/// Forgets them.
pub async fn confirm(cx: Cx, press: Press) -> anyhow::Result<()> {
    if !cx.is_private() {
        return super::expired::press(cx).await;
    }
    let handed_over = cx.app.store.forget(cx.user.id).await?;
    show(&cx, press, cx.html("forget-me-done", &[])).await?;
    for it in handed_over {
        tell_group(&cx, &it).await?;
    }
    Ok(())
}

/// Does not forget them.
pub async fn cancel(cx: Cx, press: Press) -> anyhow::Result<()> {
    show(&cx, press, cx.html("forget-me-cancelled", &[])).await
}

async fn show(cx: &Cx, press: Press, text: Html) -> anyhow::Result<()> {
    let Some(message) = press.message else { return cx.reply(text).await };
    match cx.app.telegram.edit(cx.chat.chat_id, message, text.clone()).await {
        Err(Refusal::Uneditable) => cx.reply(text).await,
        other => Ok(other?),
    }
}

/// Tells a group who has one of its notify groups now, without naming who had it.
async fn tell_group(cx: &Cx, it: &HandedOver) -> anyhow::Result<()> {
    let app = &cx.app;
    let chat = app.store.chat(it.group.chat_id).await?;
    let lang = app.lang_in(chat.as_ref());
    let heir = app.store.user(it.heir).await?;
    let first = heir.as_ref().and_then(|it| it.first_name.as_deref());
    let username = heir.as_ref().and_then(|it| it.username_lc.as_deref());
    let person = plain_name(&app.texts, lang, first, username);
    let args = [("person", person.into()), ("name", it.group.name.as_str().into())];
    let text = app.texts.html(lang, "forget-me-handed-over", &args);
    let post = Post::new(text).silent();
    if !app.store.first_time(&format!("handed-over:{}", it.group.id)).await? {
        return Ok(());
    }
    if let Err(refusal) = app.telegram.send(Place::chat(it.group.chat_id), post).await {
        tracing::info!(%refusal, "a group could not be told");
    }
    Ok(())
}
