//! An invitation: its message, what is pressed on it, and its end.
//!
//! The message shows how everybody stands. It is drawn from what is stored, so whoever draws last draws it right.

use std::collections::HashMap;

use super::{expired, notify_group};
use crate::{
    callback::{Callback, Press},
    context::{App, Cx},
    store::{
        Answer, Answered, Id, Invitation, InvitationState, Invitee, JoinOutcome, MEMBERS,
        NotifyGroup, User,
    },
    telegram::{Button, Keyboard, Place, Post},
    text::{Args, Html, Lang, made_up_name, mention, plain_name},
};

/// How many people one message calls: Telegram notifies no more than the first few.
pub const MENTIONS_PER_MESSAGE: usize = 5;

/// How often a message is drawn again because somebody answered meanwhile.
const REDRAWS: usize = 4;

/// How many overdue invitations are closed at once.
const OVERDUE: i64 = 50;

/// What came of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// What to tell them: the key of a text.
    key: &'static str,
    /// For who accepted: whether they are members now.
    pub joined: Option<JoinOutcome>,
}

/// Somebody accepts.
pub async fn accept(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    pressed(cx, press, id, Answer::Accepted).await
}

/// Somebody declines.
pub async fn decline(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    pressed(cx, press, id, Answer::Declined).await
}

async fn pressed(cx: Cx, press: Press, id: Id, says: Answer) -> anyhow::Result<()> {
    let Some((invitation, group)) = find(&cx, &press, id).await? else { return Ok(()) };
    let said = answer(&cx, &invitation, &group, says).await?;
    let args = [("name", group.name.as_str().into())];
    cx.toast(&cx.plain(said.key, &args)).await;
    Ok(())
}

/// The invitation and its notify group. Without one there is nothing to answer, and that is said.
async fn find(cx: &Cx, press: &Press, id: Id) -> anyhow::Result<Option<(Invitation, NotifyGroup)>> {
    let store = &cx.app.store;
    let Some(mut invitation) = store.invitation(cx.chat.chat_id, id).await? else {
        expired::press(cx.clone()).await?;
        return Ok(None);
    };
    // The message that was pressed is the one to draw, if sending it was cut off before it was noted.
    invitation.message_id = invitation.message_id.or(press.message);
    let group = store.notify_group(cx.chat.chat_id, invitation.notify_group_id).await?;
    if let Some(group) = group {
        return Ok(Some((invitation, group)));
    }
    close(&cx.app, &invitation, InvitationState::Closed, None).await?;
    cx.toast(&cx.plain("invitation-group-gone", &[])).await;
    Ok(None)
}

/// Notes an answer, makes a member of who accepted, and draws the message anew.
pub async fn answer(
    cx: &Cx,
    invitation: &Invitation,
    group: &NotifyGroup,
    says: Answer,
) -> anyhow::Result<Said> {
    let (store, me) = (&cx.app.store, cx.user.id);
    let said = |key| Said { key, joined: None };
    let full = group.members.len() >= MEMBERS && !group.has(me);
    if says == Answer::Accepted && full && invitation.invites(&cx.user) {
        return Ok(Said { joined: Some(JoinOutcome::Full), ..said("invitation-full") });
    }
    let username = cx.user.username_lc.as_deref();
    let (chat_id, id) = (invitation.chat_id, invitation.id);
    let (now, key) = match store.answer_invitation(chat_id, id, me, username, says).await? {
        Answered::Noted(it) if says == Answer::Accepted => (it, "invitation-you-accepted"),
        Answered::Noted(it) => (it, "invitation-you-declined"),
        Answered::Before(it) => match it.answer_of(&cx.user) {
            Some(Answer::Accepted) if says == Answer::Accepted => {
                (it, "invitation-accepted-before")
            }
            Some(Answer::Accepted) => return Ok(said("invitation-you-are-in")),
            _ => return Ok(said("invitation-declined-before")),
        },
        Answered::Stranger => return Ok(said("invitation-not-yours")),
        Answered::Unknown => return Ok(said("callback-expired")),
        Answered::Over(it) => {
            let it = Invitation { message_id: it.message_id.or(invitation.message_id), ..it };
            return Ok(said(over(cx, &it, group).await?));
        }
    };
    let now = Invitation { message_id: now.message_id.or(invitation.message_id), ..now };
    let mut joined = None;
    if says == Answer::Accepted {
        joined = Some(store.join_notify_group(chat_id, group.id, me, true).await?);
    }
    if now.is_complete() {
        close(&cx.app, &now, InvitationState::Closed, Some(group)).await?;
    } else {
        draw(&cx.app, &now, Some(group)).await?;
    }
    let key = if joined == Some(JoinOutcome::Full) { "invitation-full" } else { key };
    Ok(Said { key, joined })
}

/// What to say of an invitation that cannot be answered any more. Its message says so too.
async fn over(
    cx: &Cx,
    invitation: &Invitation,
    group: &NotifyGroup,
) -> anyhow::Result<&'static str> {
    Ok(match invitation.state {
        InvitationState::Open | InvitationState::Expired => {
            close(&cx.app, invitation, InvitationState::Expired, Some(group)).await?;
            "invitation-too-late"
        }
        InvitationState::Revoked => {
            draw(&cx.app, invitation, Some(group)).await?;
            "invitation-was-revoked"
        }
        InvitationState::Closed => {
            draw(&cx.app, invitation, Some(group)).await?;
            "invitation-is-closed"
        }
    })
}

/// Takes the invitation back, if this is the creator's wish or an administrator's.
pub async fn revoke(cx: Cx, press: Press, id: Id) -> anyhow::Result<()> {
    let Some((invitation, group)) = find(&cx, &press, id).await? else { return Ok(()) };
    let me = cx.user.id;
    if group.creator_id != me && !cx.app.telegram.is_admin_now(cx.chat.chat_id, me).await? {
        cx.toast(&cx.plain("invitation-not-yours-to-revoke", &[])).await;
        return Ok(());
    }
    close(&cx.app, &invitation, InvitationState::Revoked, Some(&group)).await?;
    cx.toast(&cx.plain("invitation-you-revoked", &[])).await;
    Ok(())
}

/// Ends an invitation and says so in its message. One that has ended already is only drawn.
pub async fn close(
    app: &App,
    invitation: &Invitation,
    state: InvitationState,
    group: Option<&NotifyGroup>,
) -> anyhow::Result<()> {
    let closed = app.store.close_invitation(invitation.chat_id, invitation.id, state).await?;
    let closed = match closed {
        Some(closed) => closed,
        None => match app.store.invitation(invitation.chat_id, invitation.id).await? {
            Some(it) => it,
            None => return Ok(()),
        },
    };
    let message_id = closed.message_id.or(invitation.message_id);
    draw(app, &Invitation { message_id, ..closed }, group).await
}

/// Closes what nobody closed although its time is up.
pub async fn close_overdue(app: &App) -> anyhow::Result<()> {
    for invitation in app.store.overdue_invitations(OVERDUE).await? {
        let group = app.store.notify_group(invitation.chat_id, invitation.notify_group_id).await?;
        close(app, &invitation, InvitationState::Expired, group.as_ref()).await?;
    }
    Ok(())
}

/// Draws the message of an invitation as it stands, and again if somebody answered while it was drawn.
pub async fn draw(
    app: &App,
    invitation: &Invitation,
    group: Option<&NotifyGroup>,
) -> anyhow::Result<()> {
    let Some(message) = invitation.message_id else { return Ok(()) };
    let chat = app.store.chat(invitation.chat_id).await?;
    let lang = app.lang_in(chat.as_ref());
    let mut shown = invitation.clone();
    for _ in 0..REDRAWS {
        let users = people(app, &shown).await?;
        let post = post(app, lang, &shown, group, &users, false);
        match app.telegram.edit(shown.chat_id, message, post).await {
            // Somebody deleted the message, or the bot was removed: there is nothing to show it on.
            Err(refusal) if refusal.is_fate() => return Ok(()),
            other => other?,
        }
        match app.store.invitation(shown.chat_id, shown.id).await? {
            Some(now) if now.state != shown.state || now.invitees != shown.invitees => shown = now,
            _ => break,
        }
    }
    Ok(())
}

/// Sends an invitation, and calls everybody who is invited. If it may have been sent before, by somebody who died then,
/// it comes again and calls nobody: without its buttons nobody could answer it.
pub async fn send(cx: &Cx, invitation: &Invitation, group: &NotifyGroup) -> anyhow::Result<()> {
    let app = &cx.app;
    let users = people(app, invitation).await?;
    app.telegram.turn(invitation.chat_id).await;
    let first = app.store.first_time(&format!("invitation:{}", invitation.id)).await?;
    let post = post(app, cx.lang, invitation, Some(group), &users, first);
    let post = if first { post } else { post.silent() };
    let message = app.telegram.send_now(cx.reply_place(), post).await?;
    app.store.set_invitation_message(invitation.id, message).await?;
    call_others(cx, invitation, group, message).await
}

/// Calls those for whom there is no room in the invitation itself, a few in each message, and nobody twice.
pub async fn call_others(
    cx: &Cx,
    invitation: &Invitation,
    group: &NotifyGroup,
    message: i32,
) -> anyhow::Result<()> {
    let app = &cx.app;
    if invitation.invitees.len() <= MENTIONS_PER_MESSAGE {
        return Ok(());
    }
    let users = people(app, invitation).await?;
    let place = Place { reply_to: Some(message), ..cx.place() };
    for (number, more) in invitation.invitees.chunks(MENTIONS_PER_MESSAGE).enumerate().skip(1) {
        app.telegram.turn(invitation.chat_id).await;
        if !app.store.first_time(&format!("invitation:{}:{number}", invitation.id)).await? {
            continue;
        }
        let called: Vec<Html> = more.iter().map(|it| called(app, cx.lang, it, &users)).collect();
        let args = [
            ("name", notify_group::name_of(group).into()),
            ("people", Html::join(&called, ", ").into()),
        ];
        app.telegram.send_now(place, cx.html("invitation-more", &args)).await?;
    }
    Ok(())
}

/// Everybody an invitation speaks of, in one request.
async fn people(app: &App, invitation: &Invitation) -> anyhow::Result<HashMap<i64, User>> {
    let mut ids: Vec<i64> = invitation.invitees.iter().filter_map(|it| it.user_id).collect();
    ids.push(invitation.inviter_id);
    Ok(app.store.users(&ids).await?)
}

/// How somebody is called so that they notice: by the username they were invited by, else by their id.
fn called(app: &App, lang: Lang, invitee: &Invitee, users: &HashMap<i64, User>) -> Html {
    match (&invitee.username_lc, invitee.user_id) {
        (Some(username), _) => Html::escape(&format!("@{username}")),
        (None, Some(id)) => mention(id, &named(app, lang, invitee, users)),
        (None, None) => made_up_name(&invitee.label),
    }
}

/// How somebody is called without noticing.
fn named(app: &App, lang: Lang, invitee: &Invitee, users: &HashMap<i64, User>) -> Html {
    match invitee.user_id.and_then(|it| users.get(&it)) {
        Some(user) => {
            let first = user.first_name.as_deref();
            plain_name(&app.texts, lang, first, user.username_lc.as_deref())
        }
        None => made_up_name(&invitee.label),
    }
}

fn post(
    app: &App,
    lang: Lang,
    invitation: &Invitation,
    group: Option<&NotifyGroup>,
    users: &HashMap<i64, User>,
    calling: bool,
) -> Post {
    let html = |key: &str, args: Args<'_>| app.texts.html(lang, key, args);
    let inviter = users.get(&invitation.inviter_id);
    let first = inviter.and_then(|it| it.first_name.as_deref());
    let username = inviter.and_then(|it| it.username_lc.as_deref());
    let inviter = plain_name(&app.texts, lang, first, username);
    let heading = match group {
        Some(group) => {
            let name = notify_group::name_of(group);
            html("invitation-heading", &[("person", inviter.into()), ("name", name.into())])
        }
        None => html("invitation-heading-gone", &[("person", inviter.into())]),
    };
    let mut text = heading;
    if let Some(description) = group.and_then(|it| it.description.as_ref()) {
        let description = made_up_name(description);
        text = text.line(&html("notify-group-description", &[("text", description.into())]));
    }
    let lines = invitation.invitees.iter().enumerate().map(|(index, it)| {
        let key = match it.state {
            Answer::Pending => "invitation-pending",
            Answer::Accepted => "invitation-accepted",
            Answer::Declined => "invitation-declined",
        };
        let person = if calling && index < MENTIONS_PER_MESSAGE {
            called(app, lang, it, users)
        } else {
            named(app, lang, it, users)
        };
        html(key, &[("person", person.into())])
    });
    text = text.paragraph(&Html::join(&lines.collect::<Vec<_>>(), "\n"));
    let end = match invitation.state {
        InvitationState::Open => {
            let id = invitation.id;
            let label = |key| app.texts.plain(lang, key, &[]);
            let keyboard = Keyboard::new()
                .row([
                    Button::press(label("invitation-accept"), Callback::Accept { id }),
                    Button::press(label("invitation-decline"), Callback::Decline { id }),
                ])
                .row([Button::press(label("invitation-revoke"), Callback::Revoke { id })]);
            return Post::new(text).keyboard(keyboard);
        }
        InvitationState::Closed if group.is_none() => "invitation-end-gone",
        InvitationState::Closed => "invitation-end-closed",
        InvitationState::Revoked => "invitation-end-revoked",
        InvitationState::Expired => "invitation-end-expired",
    };
    Post::new(text.paragraph(&html(end, &[])))
}
