//! `/list_notify_groups`, `/groups`: a card with the notify groups of a group, and one with the details of each.
//!
//! The card is everybody's: it calls nobody, shows nothing hidden, and says only in a toast whether one is a member.

use super::{call::Call, expired, notify_group};
use crate::{
    callback::{Callback, Press},
    context::Cx,
    store::{Answer, Id, NotifyGroup, Policy},
    telegram::{Button, Keyboard, Post, Refusal},
    text::{Html, made_up_name, messages},
};

/// How many are on a page.
const PAGE: usize = 8;

/// Shows all of them, page by page, or those of these names.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    if !call.arguments.is_empty() {
        return named(&cx, &call.words()).await;
    }
    let post = page(&cx, 0).await?;
    cx.reply(post).await
}

/// Turns to a page.
pub async fn turn(cx: Cx, press: Press, number: u16) -> anyhow::Result<()> {
    let post = page(&cx, number).await?;
    show(&cx, press, post).await
}

async fn show(cx: &Cx, press: Press, post: Post) -> anyhow::Result<()> {
    let Some(message) = press.message else { return cx.reply(post).await };
    match cx.app.telegram.edit(cx.chat.chat_id, message, post.clone()).await {
        Err(Refusal::Uneditable) => cx.reply(post).await,
        other => Ok(other?),
    }
}

async fn page(cx: &Cx, number: u16) -> anyhow::Result<Post> {
    let mut groups = cx.app.store.notify_groups(cx.chat.chat_id).await?;
    groups.retain(|it| !it.hidden);
    let mine = [Button::press(cx.plain("list-mine", &[]), Callback::Mine)];
    if groups.is_empty() {
        let keyboard = Keyboard::new().row(mine);
        return Ok(Post::new(cx.html("list-none", &[])).keyboard(keyboard));
    }
    let pages = groups.len().div_ceil(PAGE);
    let number = usize::from(number).min(pages - 1);
    let shown = &groups[number * PAGE..groups.len().min((number + 1) * PAGE)];
    let lines: Vec<Html> = shown.iter().map(|it| line(cx, it)).collect();
    let heading = cx.html("list-heading", &[("count", groups.len().into())]);
    let mut keyboard = details_buttons(Keyboard::new(), shown, number);
    let go = |to: usize, label: &str| {
        let page = u16::try_from(to).ok()?;
        Some(Button::press(label, Callback::Groups { page }))
    };
    let before = number.checked_sub(1).and_then(|it| go(it, "◀️"));
    let after = if number + 1 < pages { go(number + 1, "▶️") } else { None };
    keyboard = keyboard.row(before.into_iter().chain(after)).row(mine);
    let text = heading.paragraph(&Html::join(&lines, "\n\n"));
    Ok(Post::new(text).keyboard(keyboard))
}

fn details_buttons(keyboard: Keyboard, groups: &[NotifyGroup], page: usize) -> Keyboard {
    let page = u16::try_from(page).unwrap_or_default();
    let button = |it: &NotifyGroup| Button::press(&it.name, Callback::Group { id: it.id, page });
    keyboard.grid(groups.iter().map(button), 2)
}

/// Those of these names, and which names are nobody's. Hidden ones do not exist here.
async fn named(cx: &Cx, names: &[&str]) -> anyhow::Result<()> {
    let wanted: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
    let mut groups = cx.app.store.notify_groups_called(cx.chat.chat_id, &wanted).await?;
    groups.retain(|it| !it.hidden);
    let found = |name: &&&str| {
        let key = crate::store::name_key(name);
        groups.iter().any(|it| it.name_key == key)
    };
    let missing: Vec<Html> = names
        .iter()
        .filter(|it| !found(it))
        .map(|it| made_up_name(&it.chars().take(64).collect::<String>()))
        .collect();
    let mut lines: Vec<Html> = groups.iter().map(|it| line(cx, it)).collect();
    if !missing.is_empty() {
        let names = Html::join(&missing, ", ");
        lines.push(cx.html("list-not-found", &[("names", names.into())]));
    }
    let heading = match groups.is_empty() {
        true => Html::default(),
        false => cx.html("list-heading-named", &[]),
    };
    let mut posts: Vec<Post> =
        messages(&heading, &lines, "\n\n").into_iter().map(Post::from).collect();
    if let Some(last) = posts.pop() {
        posts.push(last.keyboard(details_buttons(Keyboard::new(), &groups, 0)));
    }
    for post in posts {
        cx.reply(post).await?;
    }
    Ok(())
}

fn line(cx: &Cx, group: &NotifyGroup) -> Html {
    let policy = cx.html(notify_group::policy_key(group.policy), &[]);
    let args = [
        ("name", notify_group::name_of(group).into()),
        ("count", group.members.len().into()),
        ("policy", policy.into()),
    ];
    let line = cx.html("list-line", &args);
    match &group.description {
        Some(text) => line.line(&made_up_name(text)),
        None => line,
    }
}

/// Shows one of them in full.
pub async fn details(cx: Cx, press: Press, (id, page): (Id, u16)) -> anyhow::Result<()> {
    let store = &cx.app.store;
    let found = store.notify_group(cx.chat.chat_id, id).await?;
    let Some(group) = found.filter(|it| !it.hidden) else { return expired::press(cx).await };
    let (users, open) = {
        let mut ids = group.members.clone();
        ids.push(group.creator_id);
        futures::try_join!(store.users(&ids), store.open_invitations(group.id))?
    };
    let policy = cx.html(notify_group::policy_key(group.policy), &[]);
    let creator = cx.name(users.get(&group.creator_id));
    let mut text = cx
        .html("notify-group-name", &[("name", notify_group::name_of(&group).into())])
        .line(&notify_group::description(&cx, &group))
        .line(&cx.html("notify-group-policy", &[("policy", policy.into())]))
        .line(&cx.html("list-creator", &[("person", creator.into())]));
    if !group.members.is_empty() {
        // Who was never seen, and so has no name, goes last.
        let mut members = group.members.clone();
        members.sort_by_key(|it| !users.contains_key(it));
        let names = notify_group::names(&cx, &members, &users);
        let args = [("people", names.into()), ("count", members.len().into())];
        text = text.line(&cx.html("list-members", &args));
    }
    let pending: Vec<Html> = open
        .iter()
        .flat_map(|it| &it.invitees)
        .filter(|it| it.state == Answer::Pending)
        .map(|it| made_up_name(&it.label))
        .take(20)
        .collect();
    if !pending.is_empty() {
        let names = Html::join(&pending, ", ");
        text = text.line(&cx.html("list-invited", &[("people", names.into())]));
    }
    let mut buttons = Vec::new();
    if group.policy == Policy::Open {
        buttons.push(Button::press(cx.plain("join-button", &[]), Callback::Join { id }));
    }
    let back = Button::press(cx.plain("dialogue-back", &[]), Callback::Groups { page });
    let keyboard = Keyboard::new().row(buttons).row([back]);
    let key = if group.has(cx.user.id) { "list-you-are-in" } else { "list-you-are-not-in" };
    cx.toast(&cx.plain(key, &[])).await;
    show(&cx, press, Post::new(text).keyboard(keyboard)).await
}
