//! `/notify`: calls everybody in a notify group.
//!
//! Telegram notifies only the first few people whom a message mentions, so it takes several messages. The command is
//! deleted last, and only if the bot may: what was written must not get lost.

use std::{collections::HashMap, time::Duration};

use teloxide::types::{Message, Update, UpdateKind};

use super::{call::Call, expired, invitation::MENTIONS_PER_MESSAGE, join, notify_group, who_is_in};
use crate::{
    callback::{Callback, Press},
    caller,
    commands::{self, Command, Parsed},
    context::Cx,
    store::{Calling, Id, LEASE, Notification, NotifyGroup, User, Wait, name_key},
    telegram::{Button, Keyboard, Post},
    text::{Html, made_up_name, span},
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
    // This very update may have come before and been cut off: then the pause is its own.
    let before = group.last_call == Some(cx.update);
    if let Some(last) = group.last_notified_at.filter(|it| !before && cx.now.since(*it) < PAUSE) {
        return wait(rests(cx.now.since(last)));
    }
    let limit = format!("notify:{me}");
    if let Err(too_often) = cx.app.store.limit_once(&limit, TIMES, WINDOW, cx.update).await? {
        return wait(too_often);
    }
    if !cx.app.store.call_notify_group(group.chat_id, group.id, PAUSE, cx.update).await? {
        // Somebody called at the same moment.
        return wait(rests(Duration::ZERO));
    }
    let users = cx.app.store.users(&others).await?;
    let call = Notification {
        update: cx.update,
        chat_id: group.chat_id,
        thread_id: cx.thread_id,
        reply_to: answers,
        command,
        messages: messages(cx, group, text, &called, &muted, &users),
        next: 0,
        sending: true,
        quietly: false,
        owner: rand::random(),
        until: cx.app.clock.now() + LEASE,
        at: cx.now,
    };
    // The first message here, so that whatever speaks against it is heard; the others take their time.
    if let Some(rest) = caller::begin(&cx.app, call).await? {
        let app = cx.app.clone();
        cx.app.tasks.spawn(async move {
            if let Err(error) = caller::go_on(&app, rest).await {
                tracing::warn!(error = %format!("{error:#}"), "a call was cut off");
            }
        });
    }
    Ok(Ok(()))
}

/// The messages of a call: the text in the first, a few mentions in each, who is not called in the last of them, and then
/// the question who is in. Each also as it is repeated if it may have got lost, with names that call nobody.
fn messages(
    cx: &Cx,
    group: &NotifyGroup,
    text: &str,
    called: &[i64],
    muted: &[i64],
    users: &HashMap<i64, User>,
) -> Vec<Calling> {
    let name = notify_group::name_of(group);
    let caller = cx.name(Some(&cx.user));
    let args = [("person", caller.into()), ("name", (&name).into())];
    let heading = cx.html("notify-heading", &args);
    let attention = cx.html("notify-attention", &[]);
    let again = cx.html("notify-again", &[]);
    let first = |text: Html, people: &Html| heading.clone().paragraph(&text).paragraph(people);
    let more = |people: Html| {
        cx.html("notify-more", &[("name", (&name).into()), ("people", people.into())])
    };
    let mut messages: Vec<Calling> = Vec::new();
    for people in called.chunks(MENTIONS_PER_MESSAGE) {
        let mentions: Vec<Html> = people.iter().map(|it| cx.mention(*it, users.get(it))).collect();
        let names: Vec<Html> = people.iter().map(|it| cx.name(users.get(it))).collect();
        let (mentions, names) = (Html::join(&mentions, " "), Html::join(&names, ", "));
        let (text, quiet) = match (messages.is_empty(), text) {
            (true, "") => (first(attention.clone(), &mentions), first(attention.clone(), &names)),
            (true, text) => {
                (first(Html::escape(text), &mentions), first(made_up_name(text), &names))
            }
            (false, _) => (more(mentions), more(names)),
        };
        messages.push(Calling { text, quiet: quiet.paragraph(&again), asks: None });
    }
    if let Some(last) = messages.last_mut().filter(|_| !muted.is_empty()) {
        let names = notify_group::names(cx, muted, users);
        last.text =
            last.text.clone().paragraph(&cx.html("notify-muted", &[("people", names.into())]));
    }
    if group.asks {
        let text = who_is_in::question(cx, group);
        let asks = Some((Id::new(), group.id));
        messages.push(Calling { quiet: text.clone(), text, asks });
    }
    messages
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
