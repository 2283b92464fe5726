//! `/add_status_user`: the dialogue that adds a status user.
//!
//! Name, an account for each service that is set up, summary. Nothing is stored before "save", and no account that its
//! service has not confirmed.

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
    store::{Id, NewStatusUser},
    telegram::{Button, Keyboard, Post},
    text::{Html, made_up_name},
};

/// What was entered so far, and what is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The id that it will have. Saving twice saves once.
    id: Id,
    step: Step,
    name: Option<String>,
    /// Services that are set up.
    services: Vec<Service>,
    accounts: Vec<(Service, Found)>,
    problem: Option<Problem>,
    /// Whether the service that is asked about is out of reach.
    down: bool,
    /// Whether everything was asked once, so that each answer leads back to the summary.
    complete: bool,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Name,
    Account(Service),
    /// Another status user has the same account: on purpose?
    Twice {
        service: Service,
        found: Found,
        other: String,
    },
    Summary,
}

/// Starts it: the command.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    hand_off::run(&cx, &call, Kind::AddStatusUser).await
}

/// The first question, unless there is no room for another or no service to ask.
pub async fn begin(talk: Talk<'_>) -> anyhow::Result<Turn<State>> {
    let (cx, app) = (talk.cx, &talk.cx.app);
    let mut services = Vec::new();
    for service in Service::ALL {
        if app.presences.condition(service).await != Condition::NotConfigured {
            services.push(service);
        }
    }
    if services.is_empty() {
        return Ok(Turn::End(cx.html("add-status-user-no-service", &[]).into()));
    }
    if !app.store.room_for_status_user(talk.target.chat_id, cx.user.id).await? {
        return Ok(Turn::End(cx.html("add-status-user-no-room", &[]).into()));
    }
    Ok(Turn::Ask(State {
        id: Id::new(),
        step: Step::Name,
        name: None,
        services,
        accounts: Vec::new(),
        problem: None,
        down: false,
        complete: false,
    }))
}

/// What an answer makes of it.
pub async fn turn(talk: Talk<'_>, state: State, input: Input) -> anyhow::Result<Turn<State>> {
    let state = State { problem: None, ..state };
    let state = match (state.step.clone(), input) {
        (Step::Name, Input::Text(text)) => return named(talk, state, &text).await,
        (Step::Name, Input::Press(Op::Suggested)) if state.name.is_some() => {
            after(talk, state).await
        }
        (Step::Account(service), Input::Text(text)) => {
            return looked_up(talk, state, service, &text).await;
        }
        (Step::Account(service), Input::Press(Op::Skip)) => {
            after(talk, state.without(service)).await
        }
        (Step::Account(service), Input::Press(Op::Suggested)) if state.on(service).is_some() => {
            after(talk, state).await
        }
        (Step::Account(_), Input::Press(Op::Back)) => before(talk, state).await,
        (Step::Twice { service, found, .. }, Input::Press(Op::Save)) => {
            let state = State { step: Step::Account(service), ..state };
            after(talk, state.with(service, found)).await
        }
        (Step::Twice { service, .. }, Input::Press(Op::Back)) => {
            enter(talk, state, Step::Account(service)).await
        }
        (Step::Summary, Input::Press(Op::Choose(choice))) => {
            let step = match usize::from(choice) {
                0 => Step::Name,
                number => match state.services.get(number - 1) {
                    Some(service) => Step::Account(*service),
                    None => return foreign(talk),
                },
            };
            enter(talk, state, step).await
        }
        (Step::Summary, Input::Press(Op::Save)) => return save(talk, state).await,
        (Step::Summary | Step::Twice { .. }, Input::Text(_)) => state,
        _ => return foreign(talk),
    };
    Ok(Turn::Ask(state))
}

impl State {
    fn on(&self, service: Service) -> Option<&Found> {
        self.accounts.iter().find(|it| it.0 == service).map(|it| &it.1)
    }

    fn without(mut self, service: Service) -> Self {
        self.accounts.retain(|it| it.0 != service);
        self
    }

    fn with(self, service: Service, found: Found) -> Self {
        let mut state = self.without(service);
        state.accounts.push((service, found));
        state.accounts.sort_by_key(|it| it.0);
        state
    }
}

fn foreign(talk: Talk<'_>) -> anyhow::Result<Turn<State>> {
    Ok(Turn::Toast(talk.cx.plain("callback-expired", &[])))
}

/// Goes to a step, and finds out whether its service can be asked.
async fn enter(talk: Talk<'_>, state: State, step: Step) -> State {
    let down = match step {
        Step::Account(service) => talk.cx.app.presences.condition(service).await != Condition::Up,
        Step::Name | Step::Twice { .. } | Step::Summary => false,
    };
    State { complete: state.complete || step == Step::Summary, step, down, ..state }
}

/// The step after this one: the next service, or the summary.
async fn after(talk: Talk<'_>, state: State) -> State {
    let next = match state.step {
        _ if state.complete => None,
        Step::Name => state.services.first(),
        Step::Account(service) => state.services.iter().find(|it| **it > service),
        Step::Twice { .. } | Step::Summary => None,
    };
    let step = next.map_or(Step::Summary, |it| Step::Account(*it));
    enter(talk, state, step).await
}

/// The step before this one.
async fn before(talk: Talk<'_>, state: State) -> State {
    let previous = match state.step {
        _ if state.complete => Step::Summary,
        Step::Account(service) => {
            let previous = state.services.iter().rev().find(|it| **it < service);
            previous.map_or(Step::Name, |it| Step::Account(*it))
        }
        Step::Name | Step::Twice { .. } | Step::Summary => Step::Name,
    };
    enter(talk, state, previous).await
}

async fn named(talk: Talk<'_>, state: State, text: &str) -> anyhow::Result<Turn<State>> {
    let problem = match check_name(text) {
        None => Problem::Name,
        Some(name) => {
            if !talk.cx.app.store.has_status_user(talk.target.chat_id, &name).await? {
                return Ok(Turn::Ask(after(talk, State { name: Some(name), ..state }).await));
            }
            Problem::Taken
        }
    };
    Ok(Turn::Ask(State { problem: Some(problem), ..state }))
}

async fn looked_up(
    talk: Talk<'_>,
    state: State,
    service: Service,
    text: &str,
) -> anyhow::Result<Turn<State>> {
    let found = match look_up(talk, service, text).await? {
        Ok(found) => found,
        Err(problem) => return Ok(Turn::Ask(State { problem: Some(problem), ..state })),
    };
    Ok(Turn::Ask(match other_with(talk, service, &found, state.id).await? {
        Some(other) => enter(talk, state, Step::Twice { service, found, other }).await,
        None => after(talk, state.with(service, found)).await,
    }))
}

async fn save(talk: Talk<'_>, state: State) -> anyhow::Result<Turn<State>> {
    let Some(name) = state.name.clone() else { return foreign(talk) };
    if state.accounts.is_empty() {
        return Ok(Turn::Ask(state));
    }
    let new = NewStatusUser {
        id: state.id,
        chat_id: talk.target.chat_id,
        owner_id: talk.cx.user.id,
        display_name: name.clone(),
        accounts: state.accounts.clone(),
    };
    if !talk.cx.app.store.create_status_user(&new).await? {
        // Somebody was faster.
        let problem = Some(Problem::Taken);
        return Ok(Turn::Ask(State { step: Step::Name, problem, ..state }));
    }
    announce(talk, "add-status-user-announced", new.id, &name).await;
    let saved = talk.cx.html("add-status-user-saved", &[("name", made_up_name(&name).into())]);
    Ok(Turn::End(saved.paragraph(&details(talk, &state)).into()))
}

/// What is shown of it.
pub async fn card(talk: Talk<'_>, state: &State) -> anyhow::Result<Post> {
    let cx = talk.cx;
    let mut text = heading(talk, "add-status-user-heading");
    if state.name.is_some() {
        text = text.paragraph(&details(talk, state));
    }
    if let Some(problem) = &state.problem {
        let service = match state.step {
            Step::Account(service) => Some(service),
            Step::Name | Step::Twice { .. } | Step::Summary => None,
        };
        text = text.paragraph(&explain(cx, problem, service));
    }
    let (question, keyboard) = match &state.step {
        Step::Name => {
            let keep =
                state.name.is_some().then(|| talk.button("status-user-keep", &[], Op::Suggested));
            (ask_name(cx), talk.buttons(keep))
        }
        Step::Account(service) => account_question(talk, state, *service),
        Step::Twice { service, found, other } => {
            let args = [
                ("account", account_line(*service, &found.name).into()),
                ("other", made_up_name(other).into()),
            ];
            let buttons = [
                talk.button("dialogue-back", &[], Op::Back),
                talk.button("status-user-all-the-same", &[], Op::Save),
            ];
            (cx.html("status-user-twice", &args), talk.buttons(buttons))
        }
        Step::Summary => summary(talk, state),
    };
    Ok(Post::new(text.paragraph(&question)).keyboard(keyboard))
}

fn account_question(talk: Talk<'_>, state: &State, service: Service) -> (Html, Keyboard) {
    let mut buttons = vec![talk.button("dialogue-back", &[], Op::Back)];
    if state.on(service).is_some() {
        buttons.push(talk.button("status-user-keep", &[], Op::Suggested));
        buttons.push(talk.button("status-user-without", &[], Op::Skip));
    } else {
        buttons.push(talk.button("dialogue-skip", &[], Op::Skip));
    }
    let question = if state.down {
        talk.cx.html("status-user-down", &[("service", service.to_string().into())])
    } else {
        ask_account(talk.cx, service)
    };
    (question, talk.buttons(buttons))
}

fn summary(talk: Talk<'_>, state: &State) -> (Html, Keyboard) {
    let mut edits: Vec<Button> = vec![talk.button("status-user-edit-name", &[], Op::Choose(0))];
    for (number, service) in (1..).zip(&state.services) {
        edits.push(talk.labelled(format!("✏️ {service}"), Op::Choose(number)));
    }
    let cancel = talk.button("dialogue-cancel", &[], Op::Cancel);
    let edits = Keyboard::new().grid(edits, 2);
    if state.accounts.is_empty() {
        return (talk.cx.html("add-status-user-no-account", &[]), edits.row([cancel]));
    }
    let save = talk.button("dialogue-save", &[], Op::Save);
    (talk.cx.html("add-status-user-ask-save", &[]), edits.row([save, cancel]))
}

fn details(talk: Talk<'_>, state: &State) -> Html {
    let name = made_up_name(state.name.as_deref().unwrap_or_default());
    let name = talk.cx.html("status-user-name", &[("name", name.into())]);
    let accounts = state.accounts.iter();
    accounts.fold(name, |text, (service, found)| text.line(&account_line(*service, &found.name)))
}
