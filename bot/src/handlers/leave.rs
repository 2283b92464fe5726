//! `/leave`: somebody takes themselves off the list of a notify group.

use super::{call::Call, notify_group};
use crate::context::Cx;

/// Leaves the notify group of this name.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    let words = call.words();
    let Some(name) = words.first() else {
        return cx.reply(cx.html("leave-usage", &[])).await;
    };
    let Some(group) = notify_group::meant(&cx, name).await? else {
        return cx.reply(notify_group::unknown(&cx, name)).await;
    };
    let left = cx.app.store.leave_notify_group(group.chat_id, group.id, cx.user.id).await?;
    let key = match (left, group.creator_id == cx.user.id) {
        (false, _) => "leave-not-in",
        (true, false) => "leave-left",
        (true, true) => "leave-left-creator",
    };
    let person = cx.name(Some(&cx.user));
    let name = notify_group::name_of(&group);
    cx.reply(cx.html(key, &[("person", person.into()), ("name", name.into())])).await
}
