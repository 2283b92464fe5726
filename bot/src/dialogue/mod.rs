//! Dialogues: questions and answers in a private chat, shown on one card that is edited in place.
//!
//! A conversation is a file with a `State` and three functions. `begin` gives the first state, `turn` what an input
//! makes of a state, `card` what is shown of it. Everything else is here: storing, time-outs, cancelling, buttons of
//! older dialogues, updates that come twice, cards that cannot be edited.

mod nonce;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use teloxide::types::Message;

pub use self::nonce::Nonce;
use crate::{
    callback::{Callback, Op, Press},
    clock::Time,
    commands::Command,
    context::Cx,
    handlers::{
        add_notify_group, add_status_user, donate, modify_notify_group, modify_status_user,
    },
    telegram::{Button, Keyboard, Place, Post, Refusal},
    text::Args,
};

/// How long a dialogue waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What somebody wants to do in private, perhaps for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Create a notify group.
    AddNotifyGroup,
    /// Change or delete notify groups.
    ModifyNotifyGroup,
    /// Add a status user.
    AddStatusUser,
    /// Change or delete status users.
    ModifyStatusUser,
    /// Donate.
    Donate,
}

impl Kind {
    /// The command that starts it.
    pub fn command(self) -> Command {
        match self {
            Kind::AddNotifyGroup => Command::AddNotifyGroup,
            Kind::ModifyNotifyGroup => Command::ModifyNotifyGroup,
            Kind::AddStatusUser => Command::AddStatusUser,
            Kind::ModifyStatusUser => Command::ModifyStatusUser,
            Kind::Donate => Command::Donate,
        }
    }
}

/// Where a dialogue stands: which one it is, and its own state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "dialogue", content = "step", rename_all = "snake_case")]
pub enum State {
    /// Creating a notify group.
    AddNotifyGroup(add_notify_group::State),
    /// Changing and deleting notify groups.
    ModifyNotifyGroup(modify_notify_group::State),
    /// Adding a status user.
    AddStatusUser(add_status_user::State),
    /// Changing and deleting status users.
    ModifyStatusUser(modify_status_user::State),
}

/// A dialogue, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dialogue {
    /// The private chat, which has the id of the person.
    #[serde(rename = "_id")]
    pub chat_id: i64,
    /// In all its buttons.
    pub nonce: Nonce,
    /// Counts steps.
    pub rev: i64,
    /// When the last step was.
    pub updated_at: Time,
    /// The update that made the last step: if it comes again, it makes no other one.
    pub seen: i64,
    /// The message that shows it.
    pub card: Option<i32>,
    /// What it is for.
    pub target: Target,
    /// Where it stands.
    pub state: State,
}

/// The chat that a dialogue is for: a group, or the private chat itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its id.
    pub chat_id: i64,
    /// The topic in which the command was issued.
    pub thread_id: Option<i32>,
    /// Its title; a private chat has none.
    pub title: Option<String>,
}

impl Target {
    /// Where results are announced.
    pub fn place(&self) -> Place {
        Place { chat_id: self.chat_id, thread_id: self.thread_id, reply_to: None }
    }

    /// Whether this is the private chat with this person.
    pub fn is_private(&self) -> bool {
        self.chat_id > 0
    }
}

/// What a person does in a dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Writes something, which is not empty.
    Text(String),
    /// Presses a button.
    Press(Op),
}

/// What an input makes of a state.
#[derive(Debug)]
pub enum Turn<S> {
    /// The dialogue goes on like this.
    Ask(S),
    /// It is over. The card becomes this.
    End(Post),
    /// Nothing changes; a press is answered with this.
    Toast(String),
}

impl<S> Turn<S> {
    fn map<T>(self, wrap: impl Fn(S) -> T) -> Turn<T> {
        match self {
            Turn::Ask(state) => Turn::Ask(wrap(state)),
            Turn::End(post) => Turn::End(post),
            Turn::Toast(text) => Turn::Toast(text),
        }
    }
}

/// What a conversation is told: what every handler is, and about the dialogue.
#[derive(Clone, Copy, Debug)]
pub struct Talk<'a> {
    /// What every handler gets.
    pub cx: &'a Cx,
    /// What the dialogue is for.
    pub target: &'a Target,
    nonce: &'a Nonce,
}

impl Talk<'_> {
    /// A button of this dialogue.
    pub fn button(&self, label: &str, args: Args<'_>, op: Op) -> Button {
        self.labelled(self.cx.plain(label, args), op)
    }

    /// A button whose label is in no catalogue: a name.
    pub fn labelled(&self, label: impl Into<String>, op: Op) -> Button {
        Button::press(label, Callback::Step { nonce: self.nonce.clone(), op })
    }

    /// Buttons, and one below them that cancels.
    pub fn buttons(&self, buttons: impl IntoIterator<Item = Button>) -> Keyboard {
        let cancel = self.button("dialogue-cancel", &[], Op::Cancel);
        Keyboard::new().row(buttons).row([cancel])
    }
}

async fn first(talk: Talk<'_>, kind: Kind) -> anyhow::Result<Turn<State>> {
    Ok(match kind {
        Kind::AddNotifyGroup => add_notify_group::begin(talk).await?.map(State::AddNotifyGroup),
        Kind::ModifyNotifyGroup => {
            modify_notify_group::begin(talk).await?.map(State::ModifyNotifyGroup)
        }
        Kind::AddStatusUser => add_status_user::begin(talk).await?.map(State::AddStatusUser),
        Kind::ModifyStatusUser => {
            modify_status_user::begin(talk).await?.map(State::ModifyStatusUser)
        }
        Kind::Donate => donate::begin(talk).await?,
    })
}

async fn next(talk: Talk<'_>, state: State, input: Input) -> anyhow::Result<Turn<State>> {
    Ok(match state {
        State::AddNotifyGroup(state) => {
            add_notify_group::turn(talk, state, input).await?.map(State::AddNotifyGroup)
        }
        State::ModifyNotifyGroup(state) => {
            modify_notify_group::turn(talk, state, input).await?.map(State::ModifyNotifyGroup)
        }
        State::AddStatusUser(state) => {
            add_status_user::turn(talk, state, input).await?.map(State::AddStatusUser)
        }
        State::ModifyStatusUser(state) => {
            modify_status_user::turn(talk, state, input).await?.map(State::ModifyStatusUser)
        }
    })
}

async fn card(talk: Talk<'_>, state: &State) -> anyhow::Result<Post> {
    match state {
        State::AddNotifyGroup(state) => add_notify_group::card(talk, state).await,
        State::ModifyNotifyGroup(state) => modify_notify_group::card(talk, state).await,
        State::AddStatusUser(state) => add_status_user::card(talk, state).await,
        State::ModifyStatusUser(state) => modify_status_user::card(talk, state).await,
    }
}

impl Dialogue {
    fn talk<'a>(&'a self, cx: &'a Cx) -> Talk<'a> {
        Talk { cx, target: &self.target, nonce: &self.nonce }
    }

    fn is_over(&self, now: Time) -> bool {
        now.since(self.updated_at) > PATIENCE
    }
}

/// Begins a dialogue in the private chat of whoever caused this update, in place of any other.
pub async fn begin(cx: &Cx, kind: Kind, target: Target) -> anyhow::Result<()> {
    let chat_id = cx.user.id;
    let former = cx.app.store.dialogue(chat_id).await?;
    if let Some(former) = &former
        && former.seen == cx.update
    {
        return show(cx, &mut former.clone()).await;
    }
    let nonce = Nonce::random();
    let first = first(Talk { cx, target: &target, nonce: &nonce }, kind).await?;
    let state = match first {
        Turn::Ask(state) => state,
        Turn::End(post) => {
            cx.app.telegram.send(Place::chat(chat_id), post).await?;
            return Ok(());
        }
        Turn::Toast(text) => {
            let text = crate::text::Html::escape(&text);
            cx.app.telegram.send(Place::chat(chat_id), text).await?;
            return Ok(());
        }
    };
    let (rev, updated_at, seen) = (0, cx.now, cx.update);
    let mut dialogue =
        Dialogue { chat_id, nonce, rev, updated_at, seen, card: None, target, state };
    cx.app.store.begin_dialogue(&dialogue).await?;
    if let Some(former) = former.filter(|it| !it.is_over(cx.now)) {
        dropped(cx, &former).await?;
    }
    show(cx, &mut dialogue).await
}

/// Says that another dialogue took a dialogue's place, on its card if that is still there.
async fn dropped(cx: &Cx, former: &Dialogue) -> Result<(), Refusal> {
    let notice = cx.html("dialogue-dropped", &[]);
    if let Some(card) = former.card
        && cx.app.telegram.edit(former.chat_id, card, notice.clone()).await.is_ok()
    {
        return Ok(());
    }
    cx.app.telegram.send(Place::chat(former.chat_id), notice).await?;
    Ok(())
}

/// A message in private that is no command: the answer to a question, if one was asked.
pub async fn message(cx: Cx, message: Message) -> anyhow::Result<()> {
    let place = Place::chat(cx.user.id);
    let Some(mut dialogue) = cx.app.store.dialogue(cx.user.id).await? else {
        cx.app.telegram.send(place, cx.html("dialogue-none", &[])).await?;
        return Ok(());
    };
    if dialogue.seen == cx.update {
        return show(&cx, &mut dialogue).await;
    }
    if dialogue.is_over(cx.now) {
        return timed_out(&cx, &dialogue).await;
    }
    let text = message.text().map(str::trim).filter(|it| !it.is_empty());
    let Some(text) = text else {
        cx.app.telegram.send(place, cx.html("dialogue-text-please", &[])).await?;
        return Ok(());
    };
    let input = Input::Text(text.to_owned());
    let turn = next(dialogue.talk(&cx), dialogue.state.clone(), input).await?;
    let went_on = apply(&cx, &mut dialogue, turn).await?;
    if went_on {
        // The card has what was written; the chat stays short. It does not matter if this fails.
        cx.app.telegram.delete(cx.user.id, message.id.0).await;
    }
    Ok(())
}

/// A press on a button of a dialogue, whichever that was.
pub async fn press(cx: Cx, press: Press, (nonce, op): (Nonce, Op)) -> anyhow::Result<()> {
    let found = cx.app.store.dialogue(cx.user.id).await?.filter(|it| it.nonce == nonce);
    let Some(mut dialogue) = found else {
        cx.toast(&cx.plain("callback-expired", &[])).await;
        return Ok(());
    };
    if dialogue.seen == cx.update {
        return show(&cx, &mut dialogue).await;
    }
    // The card that was pressed is the one to edit, whatever we remember.
    dialogue.card = press.message.or(dialogue.card);
    if dialogue.is_over(cx.now) {
        return timed_out(&cx, &dialogue).await;
    }
    if op == Op::Cancel {
        return cancelled(&cx, &dialogue).await;
    }
    let turn = next(dialogue.talk(&cx), dialogue.state.clone(), Input::Press(op)).await?;
    apply(&cx, &mut dialogue, turn).await?;
    Ok(())
}

/// `/cancel`.
pub async fn cancel(cx: Cx) -> anyhow::Result<()> {
    let dialogue = cx.app.store.dialogue(cx.user.id).await?;
    match dialogue.filter(|it| !it.is_over(cx.now)) {
        Some(dialogue) => cancelled(&cx, &dialogue).await,
        None => {
            cx.app.store.end_dialogue_of(cx.user.id).await?;
            cx.reply(cx.html("dialogue-nothing-to-cancel", &[])).await
        }
    }
}

async fn cancelled(cx: &Cx, dialogue: &Dialogue) -> anyhow::Result<()> {
    close(cx, dialogue, cx.html("dialogue-cancelled", &[]).into()).await
}

async fn timed_out(cx: &Cx, dialogue: &Dialogue) -> anyhow::Result<()> {
    close(cx, dialogue, cx.html("dialogue-timed-out", &[]).into()).await
}

/// Carries out what an input made of a dialogue; says whether it went on or ended.
async fn apply(cx: &Cx, dialogue: &mut Dialogue, turn: Turn<State>) -> anyhow::Result<bool> {
    match turn {
        Turn::Ask(state) => {
            dialogue.state = state;
            dialogue.updated_at = cx.now;
            dialogue.seen = cx.update;
            if !cx.app.store.save_dialogue(dialogue).await? {
                // Another press was faster; what it made of the dialogue is shown already.
                cx.toast(&cx.plain("callback-expired", &[])).await;
                return Ok(false);
            }
            show(cx, dialogue).await?;
            Ok(true)
        }
        Turn::End(post) => {
            close(cx, dialogue, post).await?;
            Ok(true)
        }
        Turn::Toast(text) => {
            cx.toast(&text).await;
            Ok(false)
        }
    }
}

/// Shows where a dialogue stands: on its card, or on a new one if that cannot be edited.
async fn show(cx: &Cx, dialogue: &mut Dialogue) -> anyhow::Result<()> {
    let post = card(dialogue.talk(cx), &dialogue.state).await?;
    let before = dialogue.card;
    dialogue.card = Some(on_card(cx, dialogue, post).await?);
    if dialogue.card != before {
        cx.app.store.set_card(dialogue).await?;
    }
    Ok(())
}

/// Ends a dialogue with a last word on its card. The word first: were we cut off in between, the same input would come
/// again and end it again.
async fn close(cx: &Cx, dialogue: &Dialogue, post: Post) -> anyhow::Result<()> {
    on_card(cx, dialogue, post).await?;
    cx.app.store.end_dialogue(dialogue).await?;
    Ok(())
}

async fn on_card(cx: &Cx, dialogue: &Dialogue, post: Post) -> Result<i32, Refusal> {
    if let Some(card) = dialogue.card {
        match cx.app.telegram.edit(dialogue.chat_id, card, post.clone()).await {
            Ok(()) => return Ok(card),
            Err(Refusal::Uneditable) => {}
            Err(other) => return Err(other),
        }
    }
    cx.app.telegram.send(Place::chat(dialogue.chat_id), post).await
}
