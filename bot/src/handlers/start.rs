//! `/start`: the greeting, and what deep links carry.

use super::{call::Call, hand_off, help};
use crate::{
    callback::{Callback, Press, Token},
    context::Cx,
    store::Rights,
    telegram::{Asset, Button, Keyboard, Media, Post},
    text::Lang,
};

const GREETING: Asset = Asset { file: "greeting.mp4", media: Media::Animation };

/// Greets, or does what the deep link is for.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    let brand = cx.app.config.brand.name.as_str();
    if !cx.is_private() {
        let link = cx.app.telegram.me.deep_link("help");
        let open = Button::open(cx.plain("start-open", &[]), link);
        let text = cx.html("start-group", &[("brand", brand.into())]);
        return cx.reply(Post::new(text).keyboard(Keyboard::new().row([open]))).await;
    }
    if cx.app.is_operator(cx.user.id)
        && let Err(refusal) = cx.app.telegram.set_operators_menu(&cx.app.texts, cx.user.id).await
    {
        tracing::warn!(%refusal, "an operator's menu could not be set");
    }
    // Whoever presses Start lets the bot write again.
    cx.app.store.chat_is_active(cx.chat.chat_id, Rights { can_delete: false }).await?;
    match call.arguments.as_str() {
        "help" => help::show(&cx).await,
        payload if hand_off::is_payload(payload) => {
            let token = payload.strip_prefix("i_").and_then(Token::parse);
            hand_off::open(&cx, token).await
        }
        _ => greet(&cx).await,
    }
}

async fn greet(cx: &Cx) -> anyhow::Result<()> {
    let config = &cx.app.config;
    let post = greeting(cx, cx.lang);
    cx.app.telegram.send_media(cx.place(), config.assets.as_deref(), GREETING, post).await?;
    Ok(())
}

fn greeting(cx: &Cx, lang: Lang) -> Post {
    let texts = &cx.app.texts;
    let label = |key| texts.plain(lang, key, &[]);
    let add = format!("https://t.me/{}?startgroup=1", cx.app.telegram.me.username);
    let help = Callback::Help { page: crate::commands::Page::Main };
    let keyboard = Keyboard::new()
        .row([Button::press(label("start-help"), help)])
        .row([Button::open(label("start-add-to-group"), add)])
        .row([Button::press(label("start-language"), Callback::Languages)]);
    let brand = cx.app.config.brand.name.as_str();
    let name = cx.name(Some(&cx.user));
    let args = [("brand", brand.into()), ("name", name.into())];
    Post::new(texts.html(lang, "start-private", &args)).keyboard(keyboard)
}

/// Shows the choice of languages.
pub async fn languages(cx: Cx) -> anyhow::Result<()> {
    let button = |it: Lang| Button::press(it.own_name(), Callback::Language { lang: it });
    let keyboard = Keyboard::new().row(Lang::ALL.map(button));
    let post = Post::new(cx.html("start-choose-language", &[])).keyboard(keyboard);
    cx.app.telegram.send(cx.place(), post).await?;
    Ok(())
}

/// Chooses the language of somebody's private chat. In a group the button is not ours: `/settings` does that there.
pub async fn choose_language(cx: Cx, press: Press, lang: Lang) -> anyhow::Result<()> {
    if !cx.is_private() {
        return super::expired::press(cx).await;
    }
    cx.app.store.set_user_lang(cx.user.id, lang).await?;
    let done = cx.app.texts.html(lang, "start-language-chosen", &[]);
    match press.message {
        Some(message) => cx.app.telegram.edit(cx.chat.chat_id, message, done).await?,
        None => cx.reply(done).await?,
    }
    Ok(())
}
