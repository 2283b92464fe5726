//! What `/modify_notify_group` shows.

use super::{
    super::{
        notify_group,
        notify_group_name::{DESCRIPTION, NAME, NameMistake},
    },
    Notice, PAGE, Problem, State, View, choice, find, is_admin, visible,
};
use crate::{
    callback::Op,
    dialogue::Talk,
    store::{MEMBERS, NotifyGroup, Policy},
    telegram::{Button, Keyboard, Post},
    text::{Html, made_up_name},
};

/// What is shown of a state.
pub async fn card(talk: Talk<'_>, state: &State) -> anyhow::Result<Post> {
    let title = talk.target.title.as_deref().unwrap_or_default();
    let mut text = talk.cx.html("modify-notify-group-heading", &[("title", title.into())]);
    if let Some(notice) = &state.notice {
        text = text.paragraph(&tell(talk, notice).await?);
    }
    let Some(id) = state.view.id() else { return card_of_list(talk, state, text).await };
    let Some(group) = find(talk, id).await? else {
        // Gone between the turn and now.
        let text = text.paragraph(&tell(talk, &Notice::Gone).await?);
        return card_of_list(talk, state, text).await;
    };
    text = text.paragraph(&details(talk, &group).await?);
    if let Some(problem) = state.problem {
        text = text.paragraph(&explain(talk, problem));
    }
    let (question, keyboard) = question(talk, state, &group).await?;
    Ok(Post::new(text.paragraph(&question)).keyboard(keyboard))
}

async fn question(
    talk: Talk<'_>,
    state: &State,
    group: &NotifyGroup,
) -> anyhow::Result<(Html, Keyboard)> {
    let cx = talk.cx;
    let back = talk.button("dialogue-back", &[], Op::Back);
    let name = notify_group::name_of(group);
    Ok(match &state.view {
        View::List | View::Details(_) => {
            let question = match group.offered_to.map(Notice::Offered) {
                Some(offered) if state.notice.as_ref() != Some(&offered) => {
                    tell(talk, &offered).await?
                }
                _ => cx.html("modify-notify-group-ask-what", &[]),
            };
            (question, menu(talk, group).await)
        }
        View::Rename { suggestion, .. } => {
            let question = cx.html("add-notify-group-ask-name", &[("limit", NAME.into())]);
            let offer = suggestion.as_ref().map(|name| {
                let offer = cx.html("add-notify-group-suggestion", &[("name", name.into())]);
                (offer, talk.button("add-notify-group-use-suggestion", &[], Op::Suggested))
            });
            let (offer, button) = offer.unzip();
            let keyboard = Keyboard::new().row(button).row([back]);
            (offer.unwrap_or_default().paragraph(&question), keyboard)
        }
        View::Describe(_) => {
            let question =
                cx.html("add-notify-group-ask-description", &[("limit", DESCRIPTION.into())]);
            let none = group.description.as_ref().map(|_| {
                let op = Op::Choose(choice::NO_DESCRIPTION);
                talk.button("modify-notify-group-no-description", &[], op)
            });
            (question, Keyboard::new().row(none).row([back]))
        }
        View::Members { page, gone, .. } => members(talk, group, *page, gone).await?,
        View::Invitations { pending, .. } if pending.is_empty() => {
            let question = cx.html("modify-notify-group-no-invitations", &[]);
            (question, Keyboard::new().row([back]))
        }
        View::Invitations { pending, .. } => {
            let numbered = (choice::INVITEE..).zip(pending).take(PAGE * 2);
            let buttons = numbered.map(|(number, (_, invitee))| {
                talk.labelled(format!("➖ {}", invitee.label), Op::Choose(number))
            });
            let all =
                talk.button("modify-notify-group-revoke-all", &[], Op::Choose(choice::REVOKE_ALL));
            let keyboard = Keyboard::new().grid(buttons, 2).row([back, all]);
            (cx.html("modify-notify-group-ask-revoke", &[]), keyboard)
        }
        View::Transfer { page, .. } => {
            let others = || group.members.iter().copied().filter(|it| *it != group.creator_id);
            if others().next().is_none() {
                let question = cx.html("modify-notify-group-nobody-to-transfer", &[]);
                return Ok((question, Keyboard::new().row([back])));
            }
            let people: Vec<i64> = others().collect();
            let keyboard = people_buttons(talk, &people, *page, |_| "").await?.row([back]);
            (cx.html("modify-notify-group-ask-transfer", &[("name", name.into())]), keyboard)
        }
        View::Delete(_) => {
            let confirm = talk.button("modify-notify-group-delete", &[], Op::Save);
            let args = [("name", name.into()), ("count", group.members.len().into())];
            let question = cx.html("modify-notify-group-ask-delete", &args);
            (question, Keyboard::new().row([back, confirm]))
        }
    })
}

/// The page of members. Nothing happens before it is confirmed.
async fn members(
    talk: Talk<'_>,
    group: &NotifyGroup,
    page: u16,
    gone: &[i64],
) -> anyhow::Result<(Html, Keyboard)> {
    let cx = talk.cx;
    let back = talk.button("dialogue-back", &[], Op::Back);
    let me = (!group.has(cx.user.id))
        .then(|| talk.button("modify-notify-group-add-me", &[], Op::Choose(choice::ADD_ME)));
    if group.members.is_empty() {
        let question = cx.html("modify-notify-group-no-members", &[]);
        return Ok((question, Keyboard::new().row(me).row([back])));
    }
    let mark = |it: i64| if gone.contains(&it) { "❌ " } else { "" };
    let mut keyboard = people_buttons(talk, &group.members, page, mark).await?.row(me);
    let mut question = cx.html("modify-notify-group-ask-members", &[]);
    if gone.is_empty() {
        keyboard = keyboard.row([back]);
    } else {
        let count = [("count", gone.len().into())];
        question = question.paragraph(&cx.html("modify-notify-group-marked", &count));
        let remove = talk.button("modify-notify-group-remove", &count, Op::Save);
        keyboard = keyboard.row([back, remove]);
    }
    Ok((question, keyboard))
}

/// A page of people to choose from, with buttons that turn it.
async fn people_buttons(
    talk: Talk<'_>,
    people: &[i64],
    page: u16,
    mark: impl Fn(i64) -> &'static str,
) -> anyhow::Result<Keyboard> {
    let pages = people.len().div_ceil(PAGE);
    let page = usize::from(page).min(pages.saturating_sub(1));
    let shown: Vec<i64> = people.iter().copied().skip(page * PAGE).take(PAGE).collect();
    let users = talk.cx.app.store.users(&shown).await?;
    let button = |id: &i64| {
        let name = talk.cx.name(users.get(id)).readable();
        talk.labelled(format!("{}{name}", mark(*id)), Op::Person(*id))
    };
    Ok(Keyboard::new().grid(shown.iter().map(button), 2).row(turning(talk, page, pages)))
}

fn turning(talk: Talk<'_>, page: usize, pages: usize) -> Vec<Button> {
    let go = |to: usize, label: &str| Some(talk.labelled(label, Op::Page(u16::try_from(to).ok()?)));
    let before = page.checked_sub(1).and_then(|it| go(it, "◀️"));
    let after = if page + 1 < pages { go(page + 1, "▶️") } else { None };
    before.into_iter().chain(after).collect()
}

/// What may be done with it: by its creator everything, by an administrator deleting and handing on.
async fn menu(talk: Talk<'_>, group: &NotifyGroup) -> Keyboard {
    let button = |key: &str, op: Op| talk.button(key, &[], op);
    let choose = |key: &str, what: u16| button(key, Op::Choose(what));
    let switch = |on: bool, off_key: &str, off: u16, on_key: &str, to: u16| {
        if on { choose(off_key, off) } else { choose(on_key, to) }
    };
    let mut buttons: Vec<Button> = Vec::new();
    if group.creator_id == talk.cx.user.id {
        let is_open = group.policy == Policy::Open;
        buttons.extend([
            button("modify-notify-group-rename", Op::Edit),
            choose("modify-notify-group-describe", choice::DESCRIBE),
            switch(
                is_open,
                "modify-notify-group-invite-only",
                choice::INVITE_ONLY,
                "modify-notify-group-open",
                choice::OPEN,
            ),
            switch(
                group.hidden,
                "modify-notify-group-show",
                choice::SHOW,
                "modify-notify-group-hide",
                choice::HIDE,
            ),
            switch(
                group.asks,
                "modify-notify-group-ask-not",
                choice::ASK_NOT,
                "modify-notify-group-ask",
                choice::ASK,
            ),
            choose("modify-notify-group-members", choice::MEMBERS),
            choose("modify-notify-group-invitations", choice::INVITATIONS),
        ]);
    }
    buttons.push(choose("modify-notify-group-transfer", choice::TRANSFER));
    buttons.push(choose("modify-notify-group-delete", choice::DELETE));
    let back = button("dialogue-back", Op::Back);
    let close = button("modify-notify-group-close", Op::Skip);
    Keyboard::new().grid(buttons, 2).row([back, close])
}

async fn card_of_list(talk: Talk<'_>, state: &State, text: Html) -> anyhow::Result<Post> {
    let groups = visible(talk).await?;
    let me = talk.cx.user.id;
    let page = usize::from(state.page);
    let button = |it: &NotifyGroup| {
        let mark = if it.creator_id == me { "" } else { "👥 " };
        talk.labelled(format!("{mark}{}", it.name), Op::Item(it.id))
    };
    let shown = groups.iter().skip(page * PAGE).take(PAGE).map(button);
    let keyboard = Keyboard::new().grid(shown, 2);
    let keyboard = keyboard.row(turning(talk, page, groups.len().div_ceil(PAGE)));
    let others = groups.iter().any(|it| it.creator_id != me);
    let key = if others { "modify-notify-group-which-admin" } else { "modify-notify-group-which" };
    let close = talk.button("modify-notify-group-close", &[], Op::Skip);
    let text = text.paragraph(&talk.cx.html(key, &[]));
    Ok(Post::new(text).keyboard(keyboard.row([close])))
}

async fn details(talk: Talk<'_>, group: &NotifyGroup) -> anyhow::Result<Html> {
    let cx = talk.cx;
    let policy = cx.html(notify_group::policy_key(group.policy), &[]);
    let mut text = cx
        .html("notify-group-name", &[("name", notify_group::name_of(group).into())])
        .line(&notify_group::description(cx, group))
        .line(&cx.html("notify-group-policy", &[("policy", policy.into())]))
        .line(&cx.html("modify-notify-group-count", &[("count", group.members.len().into())]));
    if group.hidden {
        text = text.line(&cx.html("modify-notify-group-is-hidden", &[]));
    }
    if group.asks {
        text = text.line(&cx.html("modify-notify-group-asks", &[]));
    }
    if group.creator_id != cx.user.id {
        let creator = cx.app.store.user(group.creator_id).await?;
        let args = [("person", cx.name(creator.as_ref()).into())];
        text = text.line(&cx.html("list-creator", &args));
        let key = match is_admin(talk).await {
            true => "modify-notify-group-as-admin",
            false => "modify-notify-group-not-yours",
        };
        text = text.paragraph(&cx.html(key, &[]));
    }
    Ok(text)
}

/// What was just done, or found out.
pub(super) async fn tell(talk: Talk<'_>, notice: &Notice) -> anyhow::Result<Html> {
    let cx = talk.cx;
    Ok(match notice {
        Notice::Gone => cx.html("modify-notify-group-gone", &[]),
        Notice::NotAllowed => cx.html("modify-notify-group-not-allowed", &[]),
        Notice::Saved => cx.html("modify-notify-group-saved", &[]),
        Notice::Full => cx.html("modify-notify-group-full", &[("limit", MEMBERS.into())]),
        Notice::Revoked => cx.html("modify-notify-group-revoked", &[]),
        Notice::CreatorIsThere => cx.html("modify-notify-group-creator-is-there", &[]),
        Notice::Removed(people) => {
            let users = cx.app.store.users(people).await?;
            let names = notify_group::names(cx, people, &users);
            cx.html("modify-notify-group-removed", &[("people", names.into())])
        }
        Notice::Offered(to) => {
            let user = cx.app.store.user(*to).await?;
            let args = [("person", cx.name(user.as_ref()).into())];
            cx.html("modify-notify-group-offered", &args)
        }
        Notice::Deleted(name) => {
            cx.html("modify-notify-group-deleted", &[("name", made_up_name(name).into())])
        }
    })
}

fn explain(talk: Talk<'_>, problem: Problem) -> Html {
    let (key, limit) = match problem {
        Problem::Name(NameMistake::Empty) => ("name-empty", NAME),
        Problem::Name(NameMistake::TooLong) => ("name-too-long", NAME),
        Problem::Name(NameMistake::Space) => ("name-space", NAME),
        Problem::Name(NameMistake::LooksLikeSomethingElse) => ("name-looks-like", NAME),
        Problem::Taken => ("name-taken", NAME),
        Problem::Description => ("add-notify-group-description-too-long", DESCRIPTION),
    };
    talk.cx.html(key, &[("limit", limit.into())])
}
