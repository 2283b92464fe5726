//! `/f`, `/mf` and `/wdhs`: a clip each, if the operator provides one, else a line.

use super::call::Call;
use crate::{
    context::Cx,
    telegram::{Asset, Media, Place},
};

/// Pays respects.
pub async fn f(cx: Cx, call: Call) -> anyhow::Result<()> {
    tell(&cx, &call, Asset { file: "f.mp4", media: Media::Animation }, "jokes-f").await
}

/// A mission has failed.
pub async fn mf(cx: Cx, call: Call) -> anyhow::Result<()> {
    tell(&cx, &call, Asset { file: "mf.mp3", media: Media::Audio }, "jokes-mf").await
}

/// Somebody was not understood.
pub async fn wdhs(cx: Cx, call: Call) -> anyhow::Result<()> {
    tell(&cx, &call, Asset { file: "wdhs.mp4", media: Media::Video }, "jokes-wdhs").await
}

/// To whatever the command replies to, or else to the command.
async fn tell(cx: &Cx, call: &Call, asset: Asset, key: &str) -> anyhow::Result<()> {
    let target = call.replies_to().map(|it| it.id.0);
    let place = cx.reply_place();
    let place = Place { reply_to: target.or(place.reply_to), ..place };
    let line = cx.html(key, &[("name", cx.name(Some(&cx.user)).into())]);
    cx.app.telegram.send_media(place, cx.app.config.assets.as_deref(), asset, line).await?;
    Ok(())
}
