//! Commands that nobody knows: silence in groups, a pointer to the help in private.

use teloxide::types::Message;

use crate::{
    commands::{self, Parsed},
    context::Cx,
};

/// Whether a message is a command that is not ours. One of ours never gets this far.
pub fn is_command(cx: Cx, message: Message) -> bool {
    let username = &cx.app.telegram.me.username;
    let parsed = message.text().map(|it| commands::parse(it, username));
    matches!(parsed, Some(Parsed::Unknown | Parsed::ForAnotherBot))
}

/// Whether a message is in private.
pub fn is_private(cx: Cx) -> bool {
    cx.is_private()
}

/// Points to the help, in private.
pub async fn command(cx: Cx) -> anyhow::Result<()> {
    if cx.is_private() {
        cx.reply(cx.html("error-unknown-command", &[])).await?;
    }
    Ok(())
}
