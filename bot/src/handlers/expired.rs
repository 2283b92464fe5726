//! Presses on buttons that mean nothing any more, or never did.

use crate::context::Cx;

/// Says that the button has expired.
pub async fn press(cx: Cx) -> anyhow::Result<()> {
    cx.toast(&cx.plain("callback-expired", &[])).await;
    Ok(())
}
