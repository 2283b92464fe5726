//! `/modify_status_user`: a list of status users, and for each what may be done with it.
//!
//! Every change is stored at once. Who may do what is asked at the moment of the press: the owner everything, an
//! administrator of the group only deleting.

use serde::{Deserialize, Serialize};

use super::{
    call::Call,
    hand_off,
    status_user::{
        Problem, account_line, announce, ask_account, ask_name, check_name, explain, heading,
        look_up, other_with,
    },
};
use crate::{
    callback::Op,
    context::Cx,
    dialogue::{Input, Kind, Talk, Turn},
    presence::{Condition, Found, Service},
    store::{Changed, Id, StatusUser, User},
    telegram::{Button, Keyboard, Post, Refusal},
    text::{Html, made_up_name},
};

/// How many are on a page.
const PAGE: usize = 8;

/// `Op::Choose` of an account to disconnect: this, and the number of the service.
const DISCONNECT: u16 = 10;

/// `Op::Choose` of deleting.
const DELETE: u16 = 20;

/// What is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    view: View,
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
    Rename(Id),
    Account(Id, Service),
    /// Another status user has the same account: on purpose?
    Twice {
        id: Id,
        service: Service,
        found: Found,
        other: String,
    },
    /// The last account shall go.
    LastAccount(Id, Service),
    Delete(Id),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notice {
    Gone,
    NotAllowed,
    Deleted(String),
    Saved,
}

/// Starts it: the command.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    hand_off::run(&cx, &call, Kind::ModifyStatusUser).await
}

/// The list, if there is anything in it.
pub async fn begin(talk: Talk<'_>) -> anyhow::Result<Turn<State>> {
    list(talk, 0, None).await
}

/// What an answer makes of it.
pub async fn turn(talk: Talk<'_>, state: State, input: Input) -> anyhow::Result<Turn<State>> {
    let page = state.page;
    let state = State { problem: None, notice: None, ..state };
    match (state.view.clone(), input) {
        (View::List, Input::Press(Op::Page(page))) => list(talk, page, None).await,
        (View::List, Input::Press(Op::Item(id))) => open(talk, state, id).await,
        (View::List | View::Details(_), Input::Press(Op::Skip)) => {
            Ok(Turn::End(talk.cx.html("modify-status-user-closed", &[]).into()))
        }
        (View::Details(_), Input::Press(Op::Back)) => list(talk, page, None).await,
        (View::Details(id), Input::Press(Op::Edit)) => {
            edit(talk, state, id, View::Rename(id)).await
        }
        (View::Details(id), Input::Press(Op::Choose(DELETE))) => may_delete(talk, state, id).await,
        (View::Details(id), Input::Press(Op::Choose(choice))) if choice >= DISCONNECT => {
            let Some(service) = service(choice - DISCONNECT) else { return foreign(talk) };
            disconnect(talk, state, id, service).await
        }
        (View::Details(id), Input::Press(Op::Choose(choice))) => {
            let Some(service) = service(choice) else { return foreign(talk) };
            edit(talk, state, id, View::Account(id, service)).await
        }
        (View::Rename(id), Input::Text(text)) => rename(talk, state, id, &text).await,
        (View::Account(id, service), Input::Text(text)) => {
            let found = match look_up(talk, service, &text).await? {
                Ok(found) => found,
                Err(problem) => return Ok(Turn::Ask(State { problem: Some(problem), ..state })),
            };
            match other_with(talk, service, &found, id).await? {
                Some(other) => {
                    let view = View::Twice { id, service, found, other };
                    Ok(Turn::Ask(State { view, ..state }))
                }
                None => link(talk, state, id, service, &found).await,
            }
        }
        (View::Twice { id, service, found, .. }, Input::Press(Op::Save)) => {
            link(talk, state, id, service, &found).await
        }
        (View::Twice { id, service, .. }, Input::Press(Op::Back)) => {
            Ok(Turn::Ask(State { view: View::Account(id, service), ..state }))
        }
        (View::LastAccount(id, _), Input::Press(Op::Choose(DELETE))) => {
            delete(talk, state, id).await
        }
        (View::Delete(id), Input::Press(Op::Save)) => delete(talk, state, id).await,
        (
            View::Rename(id) | View::Account(id, _) | View::LastAccount(id, _) | View::Delete(id),
            Input::Press(Op::Back),
        ) => Ok(Turn::Ask(State { view: View::Details(id), ..state })),
        (_, Input::Text(_)) => Ok(Turn::Ask(state)),
        _ => foreign(talk),
    }
}

fn foreign(talk: Talk<'_>) -> anyhow::Result<Turn<State>> {
    Ok(Turn::Toast(talk.cx.plain("callback-expired", &[])))
}

fn service(number: u16) -> Option<Service> {
    Service::ALL.get(usize::from(number)).copied()
}

/// A page of the list; the end if nothing is in the list.
async fn list(talk: Talk<'_>, page: u16, notice: Option<Notice>) -> anyhow::Result<Turn<State>> {
    let count = visible(talk).await?.len();
    if count == 0 {
        let hint = talk.cx.html("modify-status-user-none", &[]);
        let text = notice.map_or_else(Html::default, |it| tell(talk, &it)).paragraph(&hint);
        return Ok(Turn::End(text.into()));
    }
    let last = u16::try_from((count - 1) / PAGE).unwrap_or(u16::MAX);
    let page = page.min(last);
    Ok(Turn::Ask(State { view: View::List, page, problem: None, notice }))
}

/// What this person gets to see: their own first, and everything if they are an administrator.
async fn visible(talk: Talk<'_>) -> anyhow::Result<Vec<StatusUser>> {
    let mut users = talk.cx.app.store.status_users(talk.target.chat_id).await?;
    let me = talk.cx.user.id;
    if !is_admin(talk).await {
        users.retain(|it| it.owner_id == me);
    }
    users.sort_by_key(|it| it.owner_id != me);
    Ok(users)
}

/// For showing only.
async fn is_admin(talk: Talk<'_>) -> bool {
    let (chat_id, me) = (talk.target.chat_id, talk.cx.user.id);
    !talk.target.is_private() && talk.cx.app.telegram.is_admin(chat_id, me).await.unwrap_or(false)
}

/// At this moment, for what cannot be undone.
async fn is_admin_now(talk: Talk<'_>) -> Result<bool, Refusal> {
    if talk.target.is_private() {
        return Ok(false);
    }
    talk.cx.app.telegram.is_admin_now(talk.target.chat_id, talk.cx.user.id).await
}

async fn find(talk: Talk<'_>, id: Id) -> anyhow::Result<Option<StatusUser>> {
    Ok(talk.cx.app.store.status_user(talk.target.chat_id, id).await?)
}

async fn open(talk: Talk<'_>, state: State, id: Id) -> anyhow::Result<Turn<State>> {
    match find(talk, id).await? {
        Some(user) if user.owner_id == talk.cx.user.id || is_admin(talk).await => {
            Ok(Turn::Ask(State { view: View::Details(id), ..state }))
        }
        Some(_) => list(talk, state.page, Some(Notice::NotAllowed)).await,
        None => list(talk, state.page, Some(Notice::Gone)).await,
    }
}

/// Opens a view that only the owner may see.
async fn edit(talk: Talk<'_>, state: State, id: Id, view: View) -> anyhow::Result<Turn<State>> {
    match find(talk, id).await? {
        Some(user) if user.owner_id == talk.cx.user.id => Ok(Turn::Ask(State { view, ..state })),
        Some(_) => Ok(Turn::Toast(talk.cx.plain("modify-status-user-not-yours", &[]))),
        None => list(talk, state.page, Some(Notice::Gone)).await,
    }
}

async fn rename(talk: Talk<'_>, state: State, id: Id, text: &str) -> anyhow::Result<Turn<State>> {
    let Some(name) = check_name(text) else {
        return Ok(Turn::Ask(State { problem: Some(Problem::Name), ..state }));
    };
    let (chat_id, me) = (talk.target.chat_id, talk.cx.user.id);
    let changed = talk.cx.app.store.rename_status_user(chat_id, id, me, &name).await?;
    saved(talk, state, id, changed).await
}

async fn link(
    talk: Talk<'_>,
    state: State,
    id: Id,
    service: Service,
    found: &Found,
) -> anyhow::Result<Turn<State>> {
    let (chat_id, me) = (talk.target.chat_id, talk.cx.user.id);
    let changed = talk.cx.app.store.link_account(chat_id, id, me, service, found).await?;
    saved(talk, state, id, changed).await
}

/// Takes an account away. If it is the last one, asks what shall become of the whole.
async fn disconnect(
    talk: Talk<'_>,
    state: State,
    id: Id,
    service: Service,
) -> anyhow::Result<Turn<State>> {
    let (chat_id, me) = (talk.target.chat_id, talk.cx.user.id);
    let changed = talk.cx.app.store.unlink_account(chat_id, id, me, service).await?;
    if changed == Changed::Refused {
        return edit(talk, state, id, View::LastAccount(id, service)).await;
    }
    saved(talk, state, id, changed).await
}

async fn saved(
    talk: Talk<'_>,
    state: State,
    id: Id,
    changed: Changed,
) -> anyhow::Result<Turn<State>> {
    match changed {
        Changed::Done => {
            let notice = Some(Notice::Saved);
            Ok(Turn::Ask(State { view: View::Details(id), notice, ..state }))
        }
        Changed::Taken => Ok(Turn::Ask(State { problem: Some(Problem::Taken), ..state })),
        Changed::Refused => list(talk, state.page, Some(Notice::Gone)).await,
    }
}

async fn may_delete(talk: Talk<'_>, state: State, id: Id) -> anyhow::Result<Turn<State>> {
    match find(talk, id).await? {
        Some(user) if user.owner_id == talk.cx.user.id || is_admin(talk).await => {
            Ok(Turn::Ask(State { view: View::Delete(id), ..state }))
        }
        Some(_) => list(talk, state.page, Some(Notice::NotAllowed)).await,
        None => list(talk, state.page, Some(Notice::Gone)).await,
    }
}

async fn delete(talk: Talk<'_>, state: State, id: Id) -> anyhow::Result<Turn<State>> {
    let (chat_id, me) = (talk.target.chat_id, talk.cx.user.id);
    let Some(user) = find(talk, id).await? else {
        return list(talk, state.page, Some(Notice::Gone)).await;
    };
    let owner = (user.owner_id == me).then_some(me);
    if owner.is_none() && !is_admin_now(talk).await? {
        return list(talk, state.page, Some(Notice::NotAllowed)).await;
    }
    // It goes last: whoever was cut off before finds it again and does the rest.
    announce(talk, "modify-status-user-announced", id, &user.display_name).await;
    let notice = match talk.cx.app.store.delete_status_user(chat_id, id, owner).await? {
        Some(deleted) => Notice::Deleted(deleted.display_name),
        None => Notice::Gone,
    };
    list(talk, state.page, Some(notice)).await
}

/// What is shown.
pub async fn card(talk: Talk<'_>, state: &State) -> anyhow::Result<Post> {
    let mut text = heading(talk, "modify-status-user-heading");
    if let Some(notice) = &state.notice {
        text = text.paragraph(&tell(talk, notice));
    }
    let id = match &state.view {
        View::List => return card_of_list(talk, state, text).await,
        View::Details(id)
        | View::Rename(id)
        | View::Account(id, _)
        | View::LastAccount(id, _)
        | View::Delete(id)
        | View::Twice { id, .. } => *id,
    };
    let Some(user) = find(talk, id).await? else {
        // Gone between the turn and now.
        let text = text.paragraph(&tell(talk, &Notice::Gone));
        return card_of_list(talk, state, text).await;
    };
    text = text.paragraph(&details(talk, &user).await?);
    if let Some(problem) = &state.problem {
        let service = match &state.view {
            View::Account(_, service) => Some(*service),
            _ => None,
        };
        text = text.paragraph(&explain(talk.cx, problem, service));
    }
    let (question, keyboard) = questions(talk, &state.view, &user).await;
    Ok(Post::new(text.paragraph(&question)).keyboard(keyboard))
}

async fn questions(talk: Talk<'_>, view: &View, user: &StatusUser) -> (Html, Keyboard) {
    let cx = talk.cx;
    let back = talk.button("dialogue-back", &[], Op::Back);
    let name = made_up_name(&user.display_name);
    match view {
        View::List | View::Details(_) => (Html::default(), menu(talk, user).await),
        View::Rename(_) => (ask_name(cx), row([back])),
        View::Account(_, service) => {
            let up = cx.app.presences.condition(*service).await == Condition::Up;
            let args = [("service", service.to_string().into())];
            let question = if up {
                ask_account(cx, *service)
            } else {
                cx.html("modify-status-user-down", &args)
            };
            (question, row([back]))
        }
        View::Twice { service, found, other, .. } => {
            let args = [
                ("account", account_line(*service, &found.name).into()),
                ("other", made_up_name(other).into()),
            ];
            let all_the_same = talk.button("status-user-all-the-same", &[], Op::Save);
            (cx.html("status-user-twice", &args), row([back, all_the_same]))
        }
        View::LastAccount(_, service) => {
            let args = [("service", service.to_string().into()), ("name", name.into())];
            let keep = talk.button("modify-status-user-keep-account", &[], Op::Back);
            let delete = talk.button("modify-status-user-delete", &[], Op::Choose(DELETE));
            (cx.html("modify-status-user-last-account", &args), row([keep, delete]))
        }
        View::Delete(_) => {
            let confirm = talk.button("modify-status-user-delete", &[], Op::Save);
            let question = cx.html("modify-status-user-ask-delete", &[("name", name.into())]);
            (question, row([back, confirm]))
        }
    }
}

fn row<const N: usize>(buttons: [Button; N]) -> Keyboard {
    Keyboard::new().row(buttons)
}

/// What may be done with it: by its owner everything, by an administrator only deleting.
async fn menu(talk: Talk<'_>, user: &StatusUser) -> Keyboard {
    let mut buttons: Vec<Button> = Vec::new();
    if user.owner_id == talk.cx.user.id {
        buttons.push(talk.button("modify-status-user-rename", &[], Op::Edit));
        for (number, service) in (0..).zip(Service::ALL) {
            let condition = talk.cx.app.presences.condition(service).await;
            let args = [("service", service.to_string().into())];
            if condition != Condition::NotConfigured {
                let linked = user.on(service).is_some();
                let key =
                    if linked { "modify-status-user-replace" } else { "modify-status-user-set" };
                buttons.push(talk.button(key, &args, Op::Choose(number)));
            }
            if user.on(service).is_some() {
                let op = Op::Choose(DISCONNECT + number);
                buttons.push(talk.button("modify-status-user-disconnect", &args, op));
            }
        }
    }
    buttons.push(talk.button("modify-status-user-delete", &[], Op::Choose(DELETE)));
    let back = talk.button("dialogue-back", &[], Op::Back);
    let close = talk.button("modify-status-user-close", &[], Op::Skip);
    Keyboard::new().grid(buttons, 2).row([back, close])
}

async fn card_of_list(talk: Talk<'_>, state: &State, text: Html) -> anyhow::Result<Post> {
    let users = visible(talk).await?;
    let me = talk.cx.user.id;
    let pages = users.len().div_ceil(PAGE);
    let page = usize::from(state.page);
    let mut keyboard = Keyboard::new().grid(
        users.iter().skip(page * PAGE).take(PAGE).map(|it| {
            let mark = if it.owner_id == me { "" } else { "👥 " };
            talk.labelled(format!("{mark}{}", it.display_name), Op::Item(it.id))
        }),
        2,
    );
    let turn =
        |to: usize, label: &str| Some(talk.labelled(label, Op::Page(u16::try_from(to).ok()?)));
    let previous = page.checked_sub(1).and_then(|it| turn(it, "◀️"));
    let next = if page + 1 < pages { turn(page + 1, "▶️") } else { None };
    keyboard = keyboard.row(previous.into_iter().chain(next));
    let close = talk.button("modify-status-user-close", &[], Op::Skip);
    let others = users.iter().any(|it| it.owner_id != me);
    let key = if others { "modify-status-user-ask-admin" } else { "modify-status-user-ask" };
    let text = text.paragraph(&talk.cx.html(key, &[]));
    Ok(Post::new(text).keyboard(keyboard.row([close])))
}

/// What is known of it. Names of accounts are for the owner only.
async fn details(talk: Talk<'_>, user: &StatusUser) -> anyhow::Result<Html> {
    let cx = talk.cx;
    let is_mine = user.owner_id == cx.user.id;
    let name = made_up_name(&user.display_name);
    let mut text = cx.html("status-user-name", &[("name", name.into())]);
    if !is_mine {
        let owner: Option<User> = cx.app.store.user(user.owner_id).await?;
        let args = [("owner", cx.name(owner.as_ref()).into())];
        text = text.line(&cx.html("modify-status-user-owner", &args));
    }
    for linked in user.linked() {
        let line = if is_mine {
            account_line(linked.service, &linked.name)
        } else {
            let args = [("service", linked.service.to_string().into())];
            cx.html("modify-status-user-linked", &args)
        };
        text = text.line(&line);
    }
    Ok(text)
}

fn tell(talk: Talk<'_>, notice: &Notice) -> Html {
    match notice {
        Notice::Gone => talk.cx.html("modify-status-user-gone", &[]),
        Notice::NotAllowed => talk.cx.html("modify-status-user-not-allowed", &[]),
        Notice::Saved => talk.cx.html("modify-status-user-saved", &[]),
        Notice::Deleted(name) => {
            let args = [("name", made_up_name(name).into())];
            talk.cx.html("modify-status-user-deleted", &args)
        }
    }
}
