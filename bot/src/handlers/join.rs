//! `/join`: somebody puts themselves on the list of a notify group, if it is open or they are invited.

use super::{call::Call, invitation, notify_group};
use crate::{
    callback::Callback,
    context::Cx,
    store::{Answer, Id, JoinOutcome, NotifyGroup, Policy},
    telegram::{Button, Keyboard, Post},
    text::Html,
};

/// Joins the notify group of this name.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    let words = call.words();
    let Some(name) = words.first() else {
        return cx.reply(cx.html("join-usage", &[])).await;
    };
    let found = cx.app.store.notify_group_called(cx.chat.chat_id, name).await?;
    let Some(group) = found else { return cx.reply(notify_group::unknown(&cx, name)).await };
    let outcome = join(&cx, &group).await?;
    if outcome == JoinOutcome::Refused {
        // Of a hidden one only those know who are invited.
        if !group.is_known_to(cx.user.id) {
            return cx.reply(notify_group::unknown(&cx, name)).await;
        }
        let refusal = refusal(&cx, &group, "join-refused").await?;
        return cx.reply(refusal).await;
    }
    cx.reply(say(&cx, &group, outcome)).await
}

/// The button below a refusal or in the list.
pub async fn press(cx: Cx, id: Id) -> anyhow::Result<()> {
    let found = cx.app.store.notify_group(cx.chat.chat_id, id).await?;
    let Some(group) = found else { return super::expired::press(cx).await };
    let outcome = join(&cx, &group).await?;
    if outcome == JoinOutcome::Refused && !group.is_known_to(cx.user.id) {
        return super::expired::press(cx).await;
    }
    cx.toast(&say(&cx, &group, outcome).readable()).await;
    Ok(())
}

/// Joins it. Who is invited accepts with that; its creator need not be.
async fn join(cx: &Cx, group: &NotifyGroup) -> anyhow::Result<JoinOutcome> {
    let store = &cx.app.store;
    let me = cx.user.id;
    if group.has(me) {
        return Ok(JoinOutcome::Already);
    }
    let open = store.open_invitations(group.id).await?;
    if let Some(invited) = open.iter().find(|it| it.invites(&cx.user)) {
        let answered = invitation::answer(cx, invited, group, Answer::Accepted).await?;
        return Ok(answered.joined.unwrap_or(JoinOutcome::Refused));
    }
    let may = group.creator_id == me;
    Ok(store.join_notify_group(group.chat_id, group.id, me, may).await?)
}

fn say(cx: &Cx, group: &NotifyGroup, outcome: JoinOutcome) -> Html {
    let key = match outcome {
        JoinOutcome::Joined => "join-joined",
        JoinOutcome::Already => "join-already",
        JoinOutcome::Full => "join-full",
        JoinOutcome::Refused => "join-only-invited",
    };
    let person = cx.name(Some(&cx.user));
    cx.html(key, &[("person", person.into()), ("name", notify_group::name_of(group).into())])
}

/// That somebody is not in it, and how they could be: with a button that joins, or asks to be let in.
pub async fn refusal(cx: &Cx, group: &NotifyGroup, key: &str) -> anyhow::Result<Post> {
    let creator = cx.app.store.user(group.creator_id).await?;
    let name = notify_group::name_of(group);
    let whom = cx.user.username_lc.as_deref().map(|it| format!("@{it}"));
    let whom = whom.unwrap_or_else(|| cx.plain("join-your-name", &[]));
    let args = [("name", (&name).into()), ("creator", cx.name(creator.as_ref()).into())];
    let (how, button) = match group.policy {
        Policy::Open => (
            cx.html("join-how-open", &[("name", name.into())]),
            Button::press(cx.plain("join-button", &[]), Callback::Join { id: group.id }),
        ),
        Policy::Invite => (
            // In a code block a username calls nobody.
            cx.html("join-how-invite", &[("name", name.into()), ("whom", whom.into())]),
            Button::press(cx.plain("join-ask-button", &[]), Callback::AskToJoin { id: group.id }),
        ),
    };
    let text = cx.html(key, &args).paragraph(&how);
    Ok(Post::new(text).keyboard(Keyboard::new().row([button])))
}
