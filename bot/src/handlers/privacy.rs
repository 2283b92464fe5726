//! `/privacy`: what is stored, why and how long.

use crate::context::Cx;

/// Says it.
pub async fn run(cx: Cx) -> anyhow::Result<()> {
    let brand = cx.app.config.brand.name.as_str();
    cx.reply(cx.html("privacy", &[("brand", brand.into())])).await
}
