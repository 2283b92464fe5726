//! `/diss`: teases somebody, kindly.

use std::time::Duration;

use rand::RngExt as _;
use teloxide::types::MessageEntityKind;

use super::call::Call;
use crate::{
    context::Cx,
    text::{Html, mention, plain_name},
};

/// How many lines there are, `diss-1` and so on in the catalogues.
pub const LINES: u32 = 12;

/// How often a chat gets one.
const PAUSE: Duration = Duration::from_secs(10);

/// Whom to tease.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Nobody,
    OurselvesTheBot,
    Somebody(Html),
}

/// Teases whoever is named or replied to.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    let key = match target(&cx, &call) {
        Target::Nobody => return cx.reply(cx.html("diss-usage", &[])).await,
        Target::OurselvesTheBot => return cx.reply(cx.html("diss-the-bot", &[])).await,
        Target::Somebody(name) => name,
    };
    let limit = format!("diss:{}", cx.chat.chat_id);
    if cx.app.store.limit_once(&limit, 1, PAUSE, cx.update).await?.is_err() {
        return cx.reply(cx.html("diss-wait", &[])).await;
    }
    let line = rand::rng().random_range(1..=LINES);
    cx.reply(cx.html(&format!("diss-{line}"), &[("name", key.into())])).await
}

/// A mention of somebody without a username, else what was written, else the author of the message replied to.
fn target(cx: &Cx, call: &Call) -> Target {
    let me = &cx.app.telegram.me;
    let named = |user: &teloxide::types::User| {
        let id = crate::store::user_id(user);
        if id == me.id {
            return Target::OurselvesTheBot;
        }
        let username = user.username.as_deref();
        let name = plain_name(&cx.app.texts, cx.lang, Some(&user.first_name), username);
        Target::Somebody(mention(id, &name))
    };
    let entities = call.message.parse_entities().unwrap_or_default();
    for entity in entities {
        if let MessageEntityKind::TextMention { user } = entity.kind() {
            return named(user);
        }
    }
    let written = call.arguments.split_whitespace().collect::<Vec<_>>().join(" ");
    if !written.is_empty() {
        let bare = written.strip_prefix('@').unwrap_or(&written);
        if bare.eq_ignore_ascii_case(&me.username) {
            return Target::OurselvesTheBot;
        }
        let short: String = written.chars().take(64).collect();
        return Target::Somebody(Html::escape(&short));
    }
    match call.replies_to().and_then(|it| it.from.as_ref()) {
        Some(author) => named(author),
        None => Target::Nobody,
    }
}
