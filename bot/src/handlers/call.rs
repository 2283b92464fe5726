//! A command as somebody gave it, and what speaks against doing it, whichever it is.

use std::time::Duration;

use teloxide::types::Message;

use crate::{
    clock::Time,
    commands::{self, Category, Command, Flag, Parsed, Place, Who},
    context::Cx,
};

/// How late a perishable command may be.
const FRESH: Duration = Duration::from_secs(600);

/// A command as somebody gave it.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which command.
    pub command: Command,
    /// What follows it, as it was written, without spaces around it.
    pub arguments: String,
    /// The message it is in.
    pub message: Message,
}

impl Call {
    /// The arguments as words.
    pub fn words(&self) -> Vec<&str> {
        self.arguments.split_whitespace().collect()
    }

    /// The message that the command replies to. In a topic, every message replies to the topic's first; that is none.
    pub fn replies_to(&self) -> Option<&Message> {
        let reply = self.message.reply_to_message()?;
        let opens_topic = self.message.is_topic_message
            && self.message.thread_id.is_some_and(|it| it.0 == reply.id);
        (!opens_topic).then_some(reply)
    }
}

/// The command in a message.
pub fn of(cx: Cx, message: Message) -> Option<Call> {
    match commands::parse(message.text()?, &cx.app.telegram.me.username) {
        Parsed::Ours(command, arguments) => Some(Call { command, arguments, message }),
        Parsed::Unknown | Parsed::ForAnotherBot | Parsed::Text => None,
    }
}

/// What speaks against a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// For this person there is no such command.
    Unknown,
    /// It only works in groups.
    OnlyInGroups,
    /// It only works in private.
    OnlyInPrivate,
    /// It has to be known who gives it.
    AsOneself,
    /// Nobody wants an answer any more, or here.
    Silence,
}

/// What speaks against this command, from the table of commands.
pub fn objection(cx: Cx, call: Call) -> Option<Objection> {
    let spec = call.command.spec();
    let sent = Time::from_seconds(call.message.date.timestamp());
    if spec.who == Who::Operators && !cx.app.is_operator(cx.user.id) {
        return Some(Objection::Unknown);
    }
    if spec.is(Flag::Perishable) && cx.now.since(sent) > FRESH {
        return Some(Objection::Silence);
    }
    if spec.category == Category::Jokes && !cx.chat.settings.jokes {
        return Some(Objection::Silence);
    }
    match spec.place {
        Place::Group if cx.is_private() => Some(Objection::OnlyInGroups),
        Place::Private if !cx.is_private() => Some(Objection::OnlyInPrivate),
        _ if spec.is(Flag::AsOneself) && !cx.as_oneself => Some(Objection::AsOneself),
        _ => None,
    }
}

/// Says what speaks against it.
pub async fn object(cx: Cx, call: Call, objection: Objection) -> anyhow::Result<()> {
    let name = call.command.name();
    let key = match objection {
        Objection::Unknown if cx.is_private() => return super::unknown::command(cx).await,
        Objection::Unknown | Objection::Silence => return Ok(()),
        Objection::OnlyInGroups => "error-only-in-groups",
        Objection::OnlyInPrivate => "error-only-in-private",
        Objection::AsOneself => "error-as-oneself",
    };
    cx.reply(cx.html(key, &[("command", name.into())])).await
}
