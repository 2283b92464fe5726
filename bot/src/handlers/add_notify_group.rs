//! `/add_notify_group`: the dialogue that creates a notify group. The model of a dialogue.
//!
//! Name, description, who may join, summary. Nothing is stored before "save".

use serde::{Deserialize, Serialize};

use super::{
    call::Call,
    hand_off, notice,
    notify_group_name::{DESCRIPTION, NAME, NameMistake, check, check_description, suggest},
};
use crate::{
    callback::Op,
    context::Cx,
    dialogue::{Input, Kind, Talk, Turn},
    store::{Creators, Id, NewNotifyGroup, Policy},
    telegram::{Keyboard, Post},
    text::{Html, made_up_name},
};

/// What was entered so far, and what is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The id that it will have. Saving twice saves once.
    id: Id,
    step: Step,
    name: Option<String>,
    description: Option<String>,
    policy: Policy,
    /// What is wrong with the last input.
    problem: Option<Problem>,
    /// A name that would do instead.
    suggestion: Option<String>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Name,
    Description,
    Policy,
    Summary,
}

/// What is wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Problem {
    Name(NameMistake),
    Taken,
    Description,
}

/// Starts it: the command.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    hand_off::run(&cx, &call, Kind::AddNotifyGroup).await
}

/// The first question, unless there is no room for another notify group.
pub async fn begin(talk: Talk<'_>) -> anyhow::Result<Turn<State>> {
    let app = &talk.cx.app;
    let (chat_id, user_id) = (talk.target.chat_id, talk.cx.user.id);
    if !app.store.room_for_notify_group(chat_id, user_id).await? {
        return Ok(Turn::End(talk.cx.html("add-notify-group-no-room", &[]).into()));
    }
    let settings = app.store.chat(chat_id).await?.map(|it| it.settings).unwrap_or_default();
    if settings.creators == Creators::Admins && !app.telegram.is_admin(chat_id, user_id).await? {
        return Ok(Turn::End(talk.cx.html("add-notify-group-only-admins", &[]).into()));
    }
    Ok(Turn::Ask(State {
        id: Id::new(),
        step: Step::Name,
        name: None,
        description: None,
        policy: settings.default_policy,
        problem: None,
        suggestion: None,
    }))
}

/// What an answer makes of it.
pub async fn turn(talk: Talk<'_>, state: State, input: Input) -> anyhow::Result<Turn<State>> {
    let state = State { problem: None, ..state };
    match (state.step, input) {
        (Step::Name, Input::Text(text)) => named(talk, state, &text).await,
        (Step::Name, Input::Press(Op::Suggested)) => match state.suggestion.clone() {
            Some(name) => named(talk, state, &name).await,
            None => foreign(talk),
        },
        // Only when there is a name: on the way through from the summary.
        (Step::Name, Input::Press(Op::Skip)) if state.name.is_some() => {
            Ok(Turn::Ask(after(Step::Name, state)))
        }
        (Step::Description, Input::Text(text)) => Ok(Turn::Ask(match check_description(&text) {
            Some(text) => after(Step::Description, State { description: Some(text), ..state }),
            None => State { problem: Some(Problem::Description), ..state },
        })),
        (Step::Description, Input::Press(Op::Skip)) => {
            Ok(Turn::Ask(after(Step::Description, state)))
        }
        (Step::Description, Input::Press(Op::Back)) => {
            Ok(Turn::Ask(State { step: Step::Name, ..state }))
        }
        (Step::Policy, Input::Press(Op::Choose(choice))) => {
            let policy = if choice == 0 { Policy::Invite } else { Policy::Open };
            Ok(Turn::Ask(State { policy, step: Step::Summary, ..state }))
        }
        (Step::Policy, Input::Press(Op::Back)) => {
            Ok(Turn::Ask(State { step: Step::Description, ..state }))
        }
        (Step::Summary, Input::Press(Op::Edit)) => {
            Ok(Turn::Ask(State { step: Step::Name, ..state }))
        }
        (Step::Summary, Input::Press(Op::Save)) => save(talk, state).await,
        (Step::Policy | Step::Summary, Input::Text(_)) => Ok(Turn::Ask(state)),
        _ => foreign(talk),
    }
}

fn foreign(talk: Talk<'_>) -> anyhow::Result<Turn<State>> {
    Ok(Turn::Toast(talk.cx.plain("callback-expired", &[])))
}

/// The question after this one.
fn after(step: Step, state: State) -> State {
    let step = match step {
        Step::Name => Step::Description,
        Step::Description => Step::Policy,
        Step::Policy | Step::Summary => Step::Summary,
    };
    State { step, ..state }
}

async fn named(talk: Talk<'_>, state: State, text: &str) -> anyhow::Result<Turn<State>> {
    let is_taken = async |name: &str| {
        let found = talk.cx.app.store.notify_group_called(talk.target.chat_id, name).await;
        found.map(|it| it.is_some())
    };
    let problem = match check(text) {
        Ok(name) if !is_taken(&name).await? => {
            let state = State { name: Some(name), suggestion: None, ..state };
            return Ok(Turn::Ask(after(Step::Name, state)));
        }
        Ok(_) => Problem::Taken,
        Err(mistake) => Problem::Name(mistake),
    };
    let suggestion = match suggest(text) {
        Some(name) if !is_taken(&name).await? => Some(name),
        _ => None,
    };
    Ok(Turn::Ask(State { problem: Some(problem), suggestion, ..state }))
}

async fn save(talk: Talk<'_>, state: State) -> anyhow::Result<Turn<State>> {
    let Some(name) = state.name.clone() else { return foreign(talk) };
    let new = NewNotifyGroup {
        id: state.id,
        chat_id: talk.target.chat_id,
        creator_id: talk.cx.user.id,
        name: name.clone(),
        description: state.description.clone(),
        policy: state.policy,
    };
    if !talk.cx.app.store.create_notify_group(&new).await? {
        // Somebody was faster.
        let problem = Some(Problem::Taken);
        return Ok(Turn::Ask(State { step: Step::Name, problem, suggestion: None, ..state }));
    }
    announce(talk, &new).await;
    let saved = talk.cx.html("add-notify-group-saved", &[("name", name.into())]);
    Ok(Turn::End(saved.paragraph(&details(talk, &state)).into()))
}

/// Tells the group.
async fn announce(talk: Talk<'_>, new: &NewNotifyGroup) {
    let key = match new.policy {
        Policy::Invite => "add-notify-group-announced-invite",
        Policy::Open => "add-notify-group-announced-open",
    };
    let name = talk.cx.name(Some(&talk.cx.user));
    let args = [("person", name.into()), ("name", made_up_name(&new.name).into())];
    let once = format!("created:{}", new.id);
    notice::tell(&talk.cx.app, talk.target.place(), &once, key, &args).await;
}

/// What is shown of it.
pub async fn card(talk: Talk<'_>, state: &State) -> anyhow::Result<Post> {
    let cx = talk.cx;
    let title = talk.target.title.as_deref().unwrap_or_default();
    let heading = cx.html("add-notify-group-heading", &[("title", title.into())]);
    let mut text = heading;
    if state.name.is_some() {
        text = text.paragraph(&details(talk, state));
    }
    if let Some(problem) = state.problem {
        text = text.paragraph(&explain(talk, problem));
    }
    let (question, keyboard): (Html, Keyboard) = match state.step {
        Step::Name => {
            let question = cx.html("add-notify-group-ask-name", &[("limit", NAME.into())]);
            let mut buttons = Vec::new();
            let mut offer = Html::default();
            if let Some(name) = &state.suggestion {
                offer = cx.html("add-notify-group-suggestion", &[("name", name.into())]);
                buttons.push(talk.button("add-notify-group-use-suggestion", &[], Op::Suggested));
            }
            if state.name.is_some() {
                buttons.push(talk.button("dialogue-skip", &[], Op::Skip));
            }
            (offer.paragraph(&question), talk.buttons(buttons))
        }
        Step::Description => {
            let args = [("limit", DESCRIPTION.into())];
            let buttons = [
                talk.button("dialogue-back", &[], Op::Back),
                talk.button("dialogue-skip", &[], Op::Skip),
            ];
            (cx.html("add-notify-group-ask-description", &args), talk.buttons(buttons))
        }
        Step::Policy => {
            let choices = [
                talk.button("policy-invite", &[], Op::Choose(0)),
                talk.button("policy-open", &[], Op::Choose(1)),
            ];
            let back = talk.button("dialogue-back", &[], Op::Back);
            let cancel = talk.button("dialogue-cancel", &[], Op::Cancel);
            let keyboard = Keyboard::new().grid(choices, 1).row([back, cancel]);
            (cx.html("add-notify-group-ask-policy", &[]), keyboard)
        }
        Step::Summary => {
            let buttons = [
                talk.button("dialogue-save", &[], Op::Save),
                talk.button("dialogue-edit", &[], Op::Edit),
            ];
            (cx.html("add-notify-group-ask-save", &[]), talk.buttons(buttons))
        }
    };
    Ok(Post::new(text.paragraph(&question)).keyboard(keyboard))
}

fn details(talk: Talk<'_>, state: &State) -> Html {
    let cx = talk.cx;
    let name = state.name.as_deref().unwrap_or_default();
    let mut lines = cx.html("notify-group-name", &[("name", name.into())]);
    if let Some(description) = &state.description {
        lines = lines.line(&cx.html("notify-group-description", &[("text", description.into())]));
    }
    if state.step == Step::Summary {
        let policy = match state.policy {
            Policy::Invite => "policy-invite",
            Policy::Open => "policy-open",
        };
        let policy = cx.html(policy, &[]);
        lines = lines.line(&cx.html("notify-group-policy", &[("policy", policy.into())]));
    }
    lines
}

fn explain(talk: Talk<'_>, problem: Problem) -> Html {
    let cx = talk.cx;
    match problem {
        Problem::Name(NameMistake::Empty) => cx.html("name-empty", &[]),
        Problem::Name(NameMistake::TooLong) => cx.html("name-too-long", &[("limit", NAME.into())]),
        Problem::Name(NameMistake::Space) => cx.html("name-space", &[]),
        Problem::Name(NameMistake::LooksLikeSomethingElse) => cx.html("name-looks-like", &[]),
        Problem::Taken => cx.html("name-taken", &[]),
        Problem::Description => {
            cx.html("add-notify-group-description-too-long", &[("limit", DESCRIPTION.into())])
        }
    }
}
