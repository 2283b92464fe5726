//! `/about` and `/age`: what the bot is, and how old.

use crate::{context::Cx, text::span};

/// Says what the bot is.
pub async fn run(cx: Cx) -> anyhow::Result<()> {
    let brand = &cx.app.config.brand;
    let args =
        [("brand", brand.name.as_str().into()), ("version", env!("CARGO_PKG_VERSION").into())];
    let mut text = cx.html("about", &args);
    if let Some(url) = &brand.source_url {
        text = text.paragraph(&cx.html("about-source", &[]).link(url.as_str()));
    }
    cx.reply(text).await
}

/// Says how old the bot is, now.
pub async fn age(cx: Cx) -> anyhow::Result<()> {
    let age = cx.now.since(cx.app.config.brand.birthday);
    let age = span(&cx.app.texts, cx.lang, age, 2);
    cx.reply(cx.html("about-age", &[("age", age.into())])).await
}
