//! `/support`: where help is.

use crate::{context::Cx, text::Html};

/// Lists where to turn to.
pub async fn run(cx: Cx) -> anyhow::Result<()> {
    let brand = &cx.app.config.brand;
    let mut lines = vec![cx.html("support-feedback", &[])];
    for (key, url) in [("support-issues", &brand.issues_url), ("support-chat", &brand.support_url)]
    {
        if let Some(url) = url {
            lines.push(cx.html(key, &[]).link(url.as_str()));
        }
    }
    cx.reply(cx.html("support", &[]).paragraph(&Html::join(&lines, "\n"))).await
}
