//! `/modify_notify_group`: a list of notify groups, and for each what may be done with it.
//!
//! Every field is changed by itself and stored at once, with the permission in the same question to the database: what
//! others did meanwhile stays. The creator may do everything; an administrator may delete, and hand on what was created
//! by somebody who left.

mod card;
mod transfer;

use serde::{Deserialize, Serialize};

pub use self::{
    card::card,
    transfer::{take_not, take_over},
};
use super::{
    call::Call,
    hand_off, invitation, notice, notify_group,
    notify_group_name::{NameMistake, check, check_description, suggest},
};
use crate::{
    callback::Op,
    context::Cx,
    dialogue::{Input, Kind, Talk, Turn},
    store::{Answer, Id, InvitationState, Invitee, JoinOutcome, NotifyGroup, Policy},
    telegram::Refusal,
};

/// How many notify groups or people are on a page.
const PAGE: usize = 8;

/// What `Op::Choose` chooses. Switches say how it shall be, so that pressing twice is pressing once.
mod choice {
    pub const DESCRIBE: u16 = 1;
    pub const NO_DESCRIPTION: u16 = 2;
    pub const INVITE_ONLY: u16 = 3;
    pub const OPEN: u16 = 4;
    pub const HIDE: u16 = 5;
    pub const SHOW: u16 = 6;
    pub const ASK: u16 = 7;
    pub const ASK_NOT: u16 = 8;
    pub const MEMBERS: u16 = 9;
    pub const ADD_ME: u16 = 10;
    pub const INVITATIONS: u16 = 11;
    pub const REVOKE_ALL: u16 = 12;
    pub const TRANSFER: u16 = 13;
    pub const DELETE: u16 = 14;
    /// One of the pending invitations: this, and its place in the list.
    pub const INVITEE: u16 = 100;
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    view: View,
    /// Of the list of notify groups.
    page: u16,
    problem: Option<Problem>,
    /// What was just done, or found out.
    notice: Option<Notice>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum View {
    List,
    Details(Id),
    Rename {
        id: Id,
        suggestion: Option<String>,
    },
    Describe(Id),
    /// Who shall be taken off the list, once that is confirmed.
    Members {
        id: Id,
        page: u16,
        gone: Vec<i64>,
    },
    /// Who has not answered, and to which invitation, when the card was drawn.
    Invitations {
        id: Id,
        pending: Vec<(Id, Invitee)>,
    },
    Transfer {
        id: Id,
        page: u16,
    },
    Delete(Id),
}

impl View {
    /// The notify group that it is about.
    fn id(&self) -> Option<Id> {
        match self {
            View::List => None,
            View::Details(id) | View::Describe(id) | View::Delete(id) => Some(*id),
            View::Rename { id, .. }
            | View::Members { id, .. }
            | View::Invitations { id, .. }
            | View::Transfer { id, .. } => Some(*id),
        }
    }
}

/// What is wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Problem {
    Name(NameMistake),
    Taken,
    Description,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notice {
    Gone,
    NotAllowed,
    Saved,
    Full,
    /// These were taken off the list.
    Removed(Vec<i64>),
    Revoked,
    /// It was offered to this member.
    Offered(i64),
    /// Its creator is still there, as far as Telegram says.
    CreatorIsThere,
    Deleted(String),
}

/// Starts it: the command.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    hand_off::run(&cx, &call, Kind::ModifyNotifyGroup).await
}

/// The list, if there is anything in it.
pub async fn begin(talk: Talk<'_>) -> anyhow::Result<Turn<State>> {
    list(talk, 0, None).await
}

/// What an answer makes of it.
pub async fn turn(talk: Talk<'_>, state: State, input: Input) -> anyhow::Result<Turn<State>> {
    let state = State { problem: None, notice: None, ..state };
    let page = state.page;
    match (state.view.clone(), input) {
        (View::List, Input::Press(Op::Page(page))) => list(talk, page, None).await,
        (View::List, Input::Press(Op::Item(id))) => open(talk, state, id, View::Details(id)).await,
        (View::List | View::Details(_), Input::Press(Op::Skip)) => {
            Ok(Turn::End(talk.cx.html("modify-notify-group-closed", &[]).into()))
        }
        (View::Details(_), Input::Press(Op::Back)) => list(talk, page, None).await,
        (View::Details(id), Input::Press(Op::Edit)) => {
            edit(talk, state, id, View::Rename { id, suggestion: None }).await
        }
        (View::Details(id), Input::Press(Op::Choose(what))) => chosen(talk, state, id, what).await,
        (View::Rename { id, .. }, Input::Text(text)) => rename(talk, state, id, &text).await,
        (View::Rename { id, suggestion: Some(name) }, Input::Press(Op::Suggested)) => {
            rename(talk, state, id, &name).await
        }
        (View::Describe(id), Input::Text(text)) => match check_description(&text) {
            Some(text) => describe(talk, state, id, Some(&text)).await,
            None => Ok(Turn::Ask(State { problem: Some(Problem::Description), ..state })),
        },
        (View::Describe(id), Input::Press(Op::Choose(choice::NO_DESCRIPTION))) => {
            describe(talk, state, id, None).await
        }
        (View::Members { id, page, gone }, Input::Press(op)) => {
            members(talk, state, (id, page, gone), op).await
        }
        (View::Invitations { id, pending }, Input::Press(Op::Choose(what))) => {
            revoke(talk, state, id, &pending, what).await
        }
        (View::Transfer { id, .. }, Input::Press(Op::Page(page))) => {
            Ok(Turn::Ask(State { view: View::Transfer { id, page }, ..state }))
        }
        (View::Transfer { id, .. }, Input::Press(Op::Person(to))) => {
            transfer::offer(talk, state, id, to).await
        }
        (View::Delete(id), Input::Press(Op::Save)) => delete(talk, state, id).await,
        (view, Input::Press(Op::Back)) if view.id().is_some() => back(state),
        (_, Input::Text(_)) => Ok(Turn::Ask(state)),
        _ => foreign(talk),
    }
}

fn foreign(talk: Talk<'_>) -> anyhow::Result<Turn<State>> {
    Ok(Turn::Toast(talk.cx.plain("callback-expired", &[])))
}

/// From a question about a notify group to what is known of it.
fn back(state: State) -> anyhow::Result<Turn<State>> {
    let view = state.view.id().map_or(View::List, View::Details);
    Ok(Turn::Ask(State { view, ..state }))
}

fn noticed(state: State, id: Id, notice: Notice) -> anyhow::Result<Turn<State>> {
    Ok(Turn::Ask(State { view: View::Details(id), notice: Some(notice), ..state }))
}

/// A page of the list; the end if nothing is in the list.
async fn list(talk: Talk<'_>, page: u16, notice: Option<Notice>) -> anyhow::Result<Turn<State>> {
    let count = visible(talk).await?.len();
    if count == 0 {
        let hint = talk.cx.html("modify-notify-group-none", &[]);
        let text = match &notice {
            Some(notice) => card::tell(talk, notice).await?.paragraph(&hint),
            None => hint,
        };
        return Ok(Turn::End(text.into()));
    }
    let last = u16::try_from((count - 1) / PAGE).unwrap_or(u16::MAX);
    Ok(Turn::Ask(State { view: View::List, page: page.min(last), problem: None, notice }))
}

/// What this person gets to see: their own first, and everything if they are an administrator.
async fn visible(talk: Talk<'_>) -> anyhow::Result<Vec<NotifyGroup>> {
    let (store, chat_id, me) = (&talk.cx.app.store, talk.target.chat_id, talk.cx.user.id);
    if !is_admin(talk).await {
        return Ok(store.notify_groups_of(chat_id, me).await?);
    }
    let mut groups = store.notify_groups(chat_id).await?;
    groups.sort_by_key(|it| it.creator_id != me);
    Ok(groups)
}

/// For showing only.
async fn is_admin(talk: Talk<'_>) -> bool {
    let found = talk.cx.app.telegram.is_admin(talk.target.chat_id, talk.cx.user.id).await;
    found.unwrap_or(false)
}

/// At this moment, for what cannot be undone.
async fn is_admin_now(talk: Talk<'_>) -> Result<bool, Refusal> {
    talk.cx.app.telegram.is_admin_now(talk.target.chat_id, talk.cx.user.id).await
}

async fn find(talk: Talk<'_>, id: Id) -> anyhow::Result<Option<NotifyGroup>> {
    Ok(talk.cx.app.store.notify_group(talk.target.chat_id, id).await?)
}

/// Opens a view that the creator and administrators may see.
async fn open(talk: Talk<'_>, state: State, id: Id, view: View) -> anyhow::Result<Turn<State>> {
    match find(talk, id).await? {
        Some(group) if group.creator_id == talk.cx.user.id || is_admin(talk).await => {
            Ok(Turn::Ask(State { view, ..state }))
        }
        Some(_) => list(talk, state.page, Some(Notice::NotAllowed)).await,
        None => list(talk, state.page, Some(Notice::Gone)).await,
    }
}

/// Opens a view that only the creator may see.
async fn edit(talk: Talk<'_>, state: State, id: Id, view: View) -> anyhow::Result<Turn<State>> {
    match find(talk, id).await? {
        Some(group) if group.creator_id == talk.cx.user.id => {
            Ok(Turn::Ask(State { view, ..state }))
        }
        Some(_) => Ok(Turn::Toast(talk.cx.plain("modify-notify-group-not-yours", &[]))),
        None => list(talk, state.page, Some(Notice::Gone)).await,
    }
}

/// A press on the menu of a notify group.
async fn chosen(talk: Talk<'_>, state: State, id: Id, what: u16) -> anyhow::Result<Turn<State>> {
    let (store, chat_id, me) = (&talk.cx.app.store, talk.target.chat_id, talk.cx.user.id);
    let saved = match what {
        choice::DESCRIBE => return edit(talk, state, id, View::Describe(id)).await,
        choice::MEMBERS => {
            return edit(talk, state, id, View::Members { id, page: 0, gone: Vec::new() }).await;
        }
        choice::INVITATIONS => {
            let pending = pending(talk, id).await?;
            return edit(talk, state, id, View::Invitations { id, pending }).await;
        }
        choice::TRANSFER => {
            return open(talk, state, id, View::Transfer { id, page: 0 }).await;
        }
        choice::DELETE => return open(talk, state, id, View::Delete(id)).await,
        choice::INVITE_ONLY => store.set_policy(chat_id, id, me, Policy::Invite).await?,
        choice::OPEN => store.set_policy(chat_id, id, me, Policy::Open).await?,
        choice::HIDE => store.set_hidden(chat_id, id, me, true).await?,
        choice::SHOW => store.set_hidden(chat_id, id, me, false).await?,
        choice::ASK => store.set_asks(chat_id, id, me, true).await?,
        choice::ASK_NOT => store.set_asks(chat_id, id, me, false).await?,
        _ => return foreign(talk),
    };
    done(talk, state, id, saved).await
}

/// After a change: the details, or why it was not made.
async fn done(talk: Talk<'_>, state: State, id: Id, saved: bool) -> anyhow::Result<Turn<State>> {
    if saved {
        return noticed(state, id, Notice::Saved);
    }
    let notice = match find(talk, id).await? {
        Some(_) => Notice::NotAllowed,
        None => Notice::Gone,
    };
    list(talk, state.page, Some(notice)).await
}

async fn rename(talk: Talk<'_>, state: State, id: Id, text: &str) -> anyhow::Result<Turn<State>> {
    let (store, chat_id, me) = (&talk.cx.app.store, talk.target.chat_id, talk.cx.user.id);
    let Some(before) = find(talk, id).await? else {
        return list(talk, state.page, Some(Notice::Gone)).await;
    };
    let problem = match check(text) {
        Ok(name) => match store.rename_notify_group(chat_id, id, me, &name).await? {
            Some(true) => {
                if name != before.name {
                    tell_of_rename(talk, &before, &name).await;
                }
                return noticed(state, id, Notice::Saved);
            }
            Some(false) => Problem::Taken,
            None => return done(talk, state, id, false).await,
        },
        Err(mistake) => Problem::Name(mistake),
    };
    let suggestion = match suggest(text) {
        Some(name) if store.notify_group_called(chat_id, &name).await?.is_none() => Some(name),
        _ => None,
    };
    let view = View::Rename { id, suggestion };
    Ok(Turn::Ask(State { view, problem: Some(problem), ..state }))
}

/// Whoever calls it needs its name.
async fn tell_of_rename(talk: Talk<'_>, before: &NotifyGroup, name: &str) {
    let args = [
        ("person", talk.cx.name(Some(&talk.cx.user)).into()),
        ("old", notify_group::name_of(before).into()),
        ("new", crate::text::made_up_name(name).into()),
    ];
    let place = talk.target.place();
    let (key, once) = ("modify-notify-group-renamed", format!("renamed:{}", talk.cx.update));
    notice::tell_quietly(&talk.cx.app, place, &once, key, &args).await;
}

async fn describe(
    talk: Talk<'_>,
    state: State,
    id: Id,
    text: Option<&str>,
) -> anyhow::Result<Turn<State>> {
    let (chat_id, me) = (talk.target.chat_id, talk.cx.user.id);
    let saved = talk.cx.app.store.describe_notify_group(chat_id, id, me, text).await?;
    done(talk, state, id, saved).await
}

/// A press on the page of members: marks people, turns the page, or does what was marked.
async fn members(
    talk: Talk<'_>,
    state: State,
    (id, page, mut gone): (Id, u16, Vec<i64>),
    op: Op,
) -> anyhow::Result<Turn<State>> {
    let (store, chat_id, me) = (&talk.cx.app.store, talk.target.chat_id, talk.cx.user.id);
    match op {
        Op::Page(page) => edit(talk, state, id, View::Members { id, page, gone }).await,
        Op::Person(person) => {
            match gone.iter().position(|it| *it == person) {
                Some(marked) => {
                    gone.remove(marked);
                }
                None => gone.push(person),
            }
            edit(talk, state, id, View::Members { id, page, gone }).await
        }
        Op::Save if !gone.is_empty() => {
            if !store.remove_members(chat_id, id, me, &gone).await? {
                return done(talk, state, id, false).await;
            }
            // An invitation that is still open must not let them in again.
            store.uninvite(id, &gone).await?;
            noticed(state, id, Notice::Removed(gone))
        }
        Op::Choose(choice::ADD_ME) => {
            let Some(group) = find(talk, id).await? else {
                return done(talk, state, id, false).await;
            };
            if group.creator_id != me {
                return done(talk, state, id, false).await;
            }
            match store.join_notify_group(chat_id, id, me, true).await? {
                JoinOutcome::Joined | JoinOutcome::Already => noticed(state, id, Notice::Saved),
                JoinOutcome::Full => noticed(state, id, Notice::Full),
                JoinOutcome::Refused => done(talk, state, id, false).await,
            }
        }
        Op::Back => back(state),
        _ => foreign(talk),
    }
}

/// Who was invited and has not answered.
async fn pending(talk: Talk<'_>, id: Id) -> anyhow::Result<Vec<(Id, Invitee)>> {
    let open = talk.cx.app.store.open_invitations(id).await?;
    let all = open.into_iter().flat_map(|it| it.invitees.into_iter().map(move |who| (it.id, who)));
    Ok(all.filter(|it| it.1.state == Answer::Pending).take(usize::from(u8::MAX)).collect())
}

/// Takes back the invitation of one person, or of all who have not answered.
async fn revoke(
    talk: Talk<'_>,
    state: State,
    id: Id,
    pending: &[(Id, Invitee)],
    what: u16,
) -> anyhow::Result<Turn<State>> {
    let (app, chat_id) = (&talk.cx.app, talk.target.chat_id);
    let group = find(talk, id).await?.filter(|it| it.creator_id == talk.cx.user.id);
    let Some(group) = group else { return done(talk, state, id, false).await };
    if what == choice::REVOKE_ALL {
        for invitation in app.store.open_invitations(id).await? {
            invitation::close(app, &invitation, InvitationState::Revoked, Some(&group)).await?;
        }
        return noticed(state, id, Notice::Revoked);
    }
    let chosen = what.checked_sub(choice::INVITEE).and_then(|it| pending.get(usize::from(it)));
    let Some((invitation_id, invitee)) = chosen else { return foreign(talk) };
    let changed = app.store.revoke_invitee(chat_id, *invitation_id, invitee).await?;
    if let Some(changed) = changed {
        if changed.invitees.is_empty() {
            invitation::close(app, &changed, InvitationState::Revoked, Some(&group)).await?;
        } else if changed.is_complete() {
            invitation::close(app, &changed, InvitationState::Closed, Some(&group)).await?;
        } else {
            invitation::draw(app, &changed, Some(&group)).await?;
        }
    }
    let view = View::Invitations { id, pending: self::pending(talk, id).await? };
    Ok(Turn::Ask(State { view, notice: Some(Notice::Revoked), ..state }))
}

/// Deletes it: by its creator, or by whoever is an administrator at this moment. It goes last, so that whoever was cut
/// off before finds it again and does the rest; the second press finds nothing.
async fn delete(talk: Talk<'_>, state: State, id: Id) -> anyhow::Result<Turn<State>> {
    let (app, chat_id, me) = (&talk.cx.app, talk.target.chat_id, talk.cx.user.id);
    let Some(group) = find(talk, id).await? else {
        return list(talk, state.page, Some(Notice::Gone)).await;
    };
    let creator = (group.creator_id == me).then_some(me);
    if creator.is_none() && !is_admin_now(talk).await? {
        return list(talk, state.page, Some(Notice::NotAllowed)).await;
    }
    let person = talk.cx.name(Some(&talk.cx.user));
    let args = [("person", person.into()), ("name", notify_group::name_of(&group).into())];
    let (key, once) = ("modify-notify-group-deleted-announced", format!("deleted:{id}"));
    notice::tell_quietly(app, talk.target.place(), &once, key, &args).await;
    for invitation in app.store.open_invitations(id).await? {
        invitation::close(app, &invitation, InvitationState::Closed, None).await?;
    }
    let notice = match app.store.delete_notify_group(chat_id, id, creator).await? {
        Some(deleted) => Notice::Deleted(deleted.name),
        None => Notice::Gone,
    };
    list(talk, state.page, Some(notice)).await
}
