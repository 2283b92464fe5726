//! `/notify`: calls everybody in a notify group.
//!
//! Telegram notifies only the first few people whom a message mentions, so it takes several messages. The command is
//! deleted last, and only if the bot may: what was written must not get lost.

use std::{collections::HashMap, time::Duration};

use teloxide::types::{Message, Update, UpdateKind};

use super::{call::Call, expired, invitation::MENTIONS_PER_MESSAGE, join, notify_group, who_is_in};
use crate::{
    callback::{Callback, Press},
    commands::{self, Command, Parsed},
    context::Cx,
    store::{Id, NotifyGroup, User, Wait, name_key},
    telegram::{Button, Keyboard, Place, Post},
    text::{Html, span},
};

/// Longest text of a call, in characters.
const TEXT: usize = 1000;

/// How long a notify group rests between two calls.
const PAUSE: Duration = Duration::from_secs(30);

/// How often somebody may call within `WINDOW`.
const TIMES: usize = 5;
const WINDOW: Duration = Duration::from_secs(600);

/// Calls the notify group of this name. Without a name, offers the caller's own.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    let (name, text) = split(&call.arguments);
    if name.is_empty() {
        return offer(&cx).await;
    }
    let Some(group) = notify_group::meant(&cx, name).await? else {
        return unknown(&cx, name, &call.arguments).await;
    };
    let answers = call.replies_to().map(|it| it.id.0);
    let command = call.message.id.0;
    match attempt(&cx, &group, text, answers, command).await? {
        Ok(()) => Ok(()),
        Err(refusal) => cx.reply(refusal).await,
    }
}

/// The name, and everything after it, as it was written.
fn split(arguments: &str) -> (&str, &str) {
    match arguments.split_once(char::is_whitespace) {
        Some((name, text)) => (name, text.trim()),
        None => (arguments, ""),
    }
}

/// Buttons with the notify groups that the caller may call.
async fn offer(cx: &Cx) -> anyhow::Result<()> {
    let groups = cx.app.store.notify_groups_with(cx.chat.chat_id, cx.user.id).await?;
    if groups.is_empty() {
        return cx.reply(cx.html("notify-none", &[])).await;
    }
    let button = |it: &NotifyGroup| Button::press(&it.name, Callback::Notify { id: it.id });
    // A hidden one is not shown to the whole group.
    let shown: Vec<Button> = groups.iter().filter(|it| !it.hidden).map(button).collect();
    let key = if shown.is_empty() { "notify-only-hidden" } else { "notify-which" };
    let keyboard = Keyboard::new().grid(shown, 2);
    cx.reply(Post::new(cx.html(key, &[])).keyboard(keyboard)).await
}

/// There is none of that name. If the caller has only one, perhaps all of it was meant as text.
async fn unknown(cx: &Cx, name: &str, arguments: &str) -> anyhow::Result<()> {
    let text = notify_group::unknown(cx, name);
    let groups = cx.app.store.notify_groups_with(cx.chat.chat_id, cx.user.id).await?;
    let [only] = groups.as_slice() else { return cx.reply(text).await };
    if only.hidden || arguments.chars().count() > TEXT {
        return cx.reply(text).await;
    }
    let question = cx.html("notify-did-you-mean", &[("name", notify_group::name_of(only).into())]);
    let label = cx.plain("notify-call", &[("name", only.name.as_str().into())]);
    let button = Button::press(label, Callback::Notify { id: only.id });
    let post = Post::new(text.paragraph(&question)).keyboard(Keyboard::new().row([button]));
    cx.reply(post).await
}

/// A press on the name of a notify group below a command, by whoever gave the command.
pub async fn press(cx: Cx, press: Press, update: Update, id: Id) -> anyhow::Result<()> {
    let Some(command) = command_above(update) else { return expired::press(cx).await };
    let author = command.from.as_ref().map(crate::store::user_id);
    if author != Some(cx.user.id) {
        cx.toast(&cx.plain("notify-not-your-button", &[])).await;
        return Ok(());
    }
    let username = &cx.app.telegram.me.username;
    let Parsed::Ours(Command::Notify, arguments) =
        commands::parse(command.text().unwrap_or_default(), username)
    else {
        return expired::press(cx).await;
    };
    let found = cx.app.store.notify_group(cx.chat.chat_id, id).await?;
    let Some(group) = found.filter(|it| it.is_known_to(cx.user.id)) else {
        return expired::press(cx).await;
    };
    let (name, text) = split(&arguments);
    let text = if name_key(name) == group.name_key { text } else { &arguments };
    match attempt(&cx, &group, text, None, command.id.0).await? {
        Ok(()) => {
            if let Some(card) = press.message {
                cx.app.telegram.delete(cx.chat.chat_id, card).await;
            }
        }
        Err(refusal) => cx.toast(&refusal.text().readable()).await,
    }
    Ok(())
}

/// The command that the message with the button replies to.
fn command_above(update: Update) -> Option<Message> {
    let UpdateKind::CallbackQuery(query) = update.kind else { return None };
    query.regular_message()?.reply_to_message().cloned()
}

/// Calls everybody but the caller, or answers why not.
async fn attempt(
    cx: &Cx,
    group: &NotifyGroup,
    text: &str,
    answers: Option<i32>,
    command: i32,
) -> anyhow::Result<Result<(), Post>> {
    let me = cx.user.id;
    let name = notify_group::name_of(group);
    let no = |key: &str| Ok(Err(Post::from(cx.html(key, &[("name", (&name).into())]))));
    if !group.may_be_called_by(me) {
        return Ok(Err(join::refusal(cx, group, "notify-not-in").await?));
    }
    if text.chars().count() > TEXT {
        let length = text.chars().count();
        let args = [("limit", TEXT.into()), ("length", length.into())];
        return Ok(Err(cx.html("notify-too-long", &args).into()));
    }
    let others: Vec<i64> = group.members.iter().copied().filter(|it| *it != me).collect();
    let (muted, called): (Vec<i64>, Vec<i64>) =
        others.iter().partition(|it| group.is_muted_by(**it, cx.now));
    if others.is_empty() {
        return no("notify-alone");
    } else if called.is_empty() {
        return no("notify-all-muted");
    }
    let wait = |wait: Wait| {
        let wait = span(&cx.app.texts, cx.lang, wait.0, 2);
        Ok(Err(Post::from(cx.html("notify-wait", &[("span", wait.into())]))))
    };
    let rests = |since: Duration| Wait(PAUSE.saturating_sub(since));
    if let Some(last) = group.last_notified_at.filter(|it| cx.now.since(*it) < PAUSE) {
        return wait(rests(cx.now.since(last)));
    }
    let limit = format!("notify:{me}");
    if let Err(too_often) = cx.app.store.limit(&limit, TIMES, WINDOW).await? {
        return wait(too_often);
    }
    if !cx.app.store.call_notify_group(group.chat_id, group.id, PAUSE).await? {
        // Somebody called at the same moment.
        return wait(rests(Duration::ZERO));
    }
    let users = cx.app.store.users(&others).await?;
    let mut posts = posts(cx, group, text, &called, &muted, &users).into_iter();
    let place = Place { reply_to: answers, ..cx.place() };
    // The first one here, so that whatever speaks against it is heard; the others take their time.
    if let Some(first) = posts.next() {
        cx.app.telegram.send(place, first).await?;
    }
    let (cx, group, rest) = (cx.clone(), group.clone(), posts.collect());
    let app = cx.app.clone();
    app.tasks.spawn(async move {
        if let Err(error) = go_on(&cx, &group, rest, command).await {
            tracing::warn!(error = %format!("{error:#}"), "a call was cut off");
        }
    });
    Ok(Ok(()))
}

/// The other messages, the question who is in, and last the end of the command.
async fn go_on(cx: &Cx, group: &NotifyGroup, rest: Vec<Html>, command: i32) -> anyhow::Result<()> {
    for post in rest {
        cx.app.telegram.send(cx.place(), post).await?;
    }
    if group.asks {
        who_is_in::ask(cx, group).await?;
    }
    if cx.chat.can_delete && cx.chat.settings.delete_commands {
        cx.app.telegram.delete(cx.chat.chat_id, command).await;
    }
    Ok(())
}

/// The messages of a call: the text in the first, a few mentions in each, who is not called in the last.
fn posts(
    cx: &Cx,
    group: &NotifyGroup,
    text: &str,
    called: &[i64],
    muted: &[i64],
    users: &HashMap<i64, User>,
) -> Vec<Html> {
    let name = notify_group::name_of(group);
    let caller = cx.name(Some(&cx.user));
    let args = [("person", caller.into()), ("name", (&name).into())];
    let mut first = cx.html("notify-heading", &args);
    first = match text {
        "" => first.paragraph(&cx.html("notify-attention", &[])),
        text => first.paragraph(&Html::escape(text)),
    };
    let mut posts: Vec<Html> = Vec::new();
    for people in called.chunks(MENTIONS_PER_MESSAGE) {
        let mentions: Vec<Html> = people.iter().map(|it| cx.mention(*it, users.get(it))).collect();
        let mentions = Html::join(&mentions, " ");
        posts.push(match posts.is_empty() {
            true => first.clone().paragraph(&mentions),
            false => {
                let args = [("name", (&name).into()), ("people", mentions.into())];
                cx.html("notify-more", &args)
            }
        });
    }
    if let Some(last) = posts.last_mut().filter(|_| !muted.is_empty()) {
        let names = notify_group::names(cx, muted, users);
        *last = last.clone().paragraph(&cx.html("notify-muted", &[("people", names.into())]));
    }
    posts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_after_the_name_is_text() {
        assert_eq!(split("raid hi\n  there"), ("raid", "hi\n  there"));
        assert_eq!(split("raid\n\nhi"), ("raid", "hi"));
        assert_eq!(split("raid"), ("raid", ""));
        assert_eq!(split(""), ("", ""));
    }
}
