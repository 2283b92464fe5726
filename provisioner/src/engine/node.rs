//! One declared resource on its way through planning and acting.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{FutureExt as _, future::BoxFuture};
use serde_json::Value;

use super::{
    act,
    decide::{Action, decide, permits},
    error::{Error, Result},
    output::{Output, Wiring, unknown_sources},
    patience::Patience,
    plan::Step,
    resource::{Existing, Found, Lookup, Progress, Resource},
    run::Run,
    secret::conceal,
    state::Record,
};
use crate::resources::Kind;

/// What planning and acting need of a declared resource, whatever its kind.
pub(super) trait Node: Send {
    fn name(&self) -> &str;
    /// `None`: it is only looked up.
    fn kind(&self) -> Option<Kind>;
    /// What its inputs refer to.
    fn sources(&self) -> &BTreeSet<String>;
    fn protect(&mut self);
    /// Looks at it and decides. `None`: there is nothing to decide, it is only looked up.
    fn plan<'a>(&'a mut self, run: &'a Run) -> BoxFuture<'a, Result<Option<Step>>>;
    /// Does what was planned; gives what was done in the end.
    fn act<'a>(&'a mut self, run: &'a Run) -> BoxFuture<'a, Result<Action>>;
    /// Waits until it works.
    fn ready<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<()>>;
    /// The record of what was found while planning, if anything was.
    fn found(&self) -> Option<Record>;
}

/// Where the outputs of a resource are for those who refer to them.
struct Cell<T>(Arc<Mutex<Option<T>>>);

impl<T: Clone + Send + 'static> Cell<T> {
    fn new(name: &str) -> (Self, Output<T>) {
        let value: Arc<Mutex<Option<T>>> = Arc::default();
        let cell = Self(Arc::clone(&value));
        (
            cell,
            Output::of(name, move || value.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        )
    }

    fn set(&self, value: Option<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    fn get(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A resource that is to exist.
pub(super) struct Declared<R: Resource> {
    name: String,
    desired: R,
    sources: BTreeSet<String>,
    protect: bool,
    outputs: Cell<R::Outputs>,
    /// What planning found.
    live: Option<Existing<R>>,
    planned: Action,
}

impl<R: Resource> Declared<R> {
    pub(super) fn new(name: &str, desired: R) -> (Self, Output<R::Outputs>) {
        let (outputs, output) = Cell::new(name);
        // Inputs are plain data; were they not, the plan would say so.
        let sources = Wiring::of(&desired).map(|it| it.sources).unwrap_or_default();
        let name = name.to_owned();
        let node = Self {
            name,
            desired,
            sources,
            protect: false,
            outputs,
            live: None,
            planned: Action::Keep,
        };
        (node, output)
    }

    /// Reads what is there, and refuses what is somebody else's.
    async fn look(&self, run: &Run, record: Option<&Record>) -> Result<Option<Existing<R>>> {
        let recorded = record.and_then(Record::existing::<R>);
        let mut patience = Patience::new(run, &self.name);
        let found = loop {
            match run.with_permit(self.desired.read(recorded.as_ref(), &run.cloud)).await {
                Ok(found) => break found,
                // What it refers to does not exist, so it does not either.
                Err(Error::Unknown(_)) => break Found::Nothing,
                Err(error) if error.class() == super::Class::Gone => break Found::Nothing,
                Err(error) => patience.after(error).await?,
            }
        };
        match found {
            Found::Nothing => Ok(None),
            Found::Ours(existing) => Ok(Some(existing)),
            Found::Theirs(existing, _)
                if record.is_some() || run.options.adopt.contains(&self.name) =>
            {
                Ok(Some(existing))
            }
            Found::Theirs(_, whose) => match self.intended(run).await? {
                Some(existing) => Ok(Some(existing)),
                None => Err(Error::Refused(act::foreign(&self.name, &self.desired, &whose))),
            },
        }
    }

    /// What an earlier run made, if it was cut off before it could record that. What takes no tags is known as ours by
    /// what it says, and what it should say may depend on what this plan does not know yet.
    async fn intended(&self, run: &Run) -> Result<Option<Existing<R>>> {
        let state = run.store.state();
        let intent = state.intents.get(&self.name).filter(|it| it.kind == R::KIND);
        let intended = intent.and_then(|it| serde_json::from_value::<R>(it.inputs.clone()).ok());
        let Some(intended) = intended else { return Ok(None) };
        let mut patience = Patience::new(run, &self.name);
        loop {
            match run.with_permit(intended.read(None, &run.cloud)).await {
                Ok(Found::Ours(existing)) => return Ok(Some(existing)),
                Ok(Found::Theirs(..) | Found::Nothing) => return Ok(None),
                Err(error) => patience.after(error).await?,
            }
        }
    }

    fn record(&self, inputs: Value, outputs: &R::Outputs) -> Result<Record> {
        Ok(Record {
            kind: R::KIND,
            outputs: serde_json::to_value(outputs)?,
            inputs: conceal(inputs),
            sources: self.sources.clone(),
            protect: self.protect,
        })
    }
}

impl<R: Resource> Node for Declared<R> {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Option<Kind> {
        Some(R::KIND)
    }

    fn sources(&self) -> &BTreeSet<String> {
        &self.sources
    }

    fn protect(&mut self) {
        self.protect = true;
    }

    fn plan<'a>(&'a mut self, run: &'a Run) -> BoxFuture<'a, Result<Option<Step>>> {
        async move {
            let state = run.store.state();
            // A record of another kind under this name is of something else, which is deleted in the end.
            let record = state.resources.get(&self.name).filter(|it| it.kind == R::KIND);
            let live = self.look(run, record).await?;
            let live_inputs = live.as_ref().map(|it| Wiring::of(&it.inputs)).transpose()?;
            let live_inputs = live_inputs.map(|it| it.plain);
            let desired = Wiring::of(&self.desired)?.plain;
            let recorded = record.map(|it| &it.inputs);
            let decision = decide(live_inputs.as_ref(), &desired, recorded, R::REPLACED_BY);
            self.outputs.set(match (decision.action, &live) {
                (Action::Keep, Some(live)) => Some(live.outputs.clone()),
                (Action::Update, Some(live)) => self.desired.foresee(live),
                _ => None,
            });
            let protected = self.protect || record.is_some_and(|it| it.protect);
            if decision.action == Action::Replace && protected && !run.options.unprotect.contains(&self.name) {
                let fields: Vec<_> =
                    decision.changes.iter().filter(|it| it.replaces).map(|it| it.field.as_str()).collect();
                return Err(Error::Refused(format!(
                    "it is protected, and a change of {} would replace it: what is in it would be lost. Undo the \
                     change, or run again with `--unprotect {}`",
                    fields.join(", "),
                    self.name
                )));
            }
            let notes = live.as_ref().map(|it| self.desired.notes(it)).unwrap_or_default();
            let objection = match decision.action {
                Action::Keep => None,
                _ => self.desired.objection(live.as_ref()),
            };
            let adopted = live.is_some() && record.is_none();
            (self.planned, self.live) = (decision.action, live);
            Ok(Some(Step {
                name: self.name.clone(),
                kind: R::KIND,
                action: decision.action,
                changes: decision.changes,
                notes,
                objection,
                adopted,
            }))
        }
        .boxed()
    }

    fn act<'a>(&'a mut self, run: &'a Run) -> BoxFuture<'a, Result<Action>> {
        async move {
            let desired = Wiring::of(&self.desired)?.plain;
            if let Some(unknown) = unknown_sources(&desired).first() {
                return Err(Error::Unexpected(format!("`{unknown}` has not told a value that this needs")));
            }
            let live_inputs = self.live.as_ref().map(|it| Wiring::of(&it.inputs)).transpose()?;
            let live_inputs = live_inputs.map(|it| it.plain);
            let action = decide(live_inputs.as_ref(), &desired, None, R::REPLACED_BY).action;
            if !permits(self.planned, action) {
                return Err(Error::Refused(format!(
                    "the plan said {:?} and now it would be {action:?}, because something changed in between; run \
                     again to see the new plan",
                    self.planned
                )));
            }
            let outputs = match (action, self.live.take()) {
                (Action::Keep, Some(live)) => live.outputs,
                (Action::Update, Some(live)) => act::update(run, &self.name, &self.desired, &live).await?,
                (Action::Replace, Some(live)) => {
                    act::make_way::<R>(run, &self.name, &live).await?;
                    act::create(run, &self.name, &self.desired, self.protect).await?
                }
                _ => act::create(run, &self.name, &self.desired, self.protect).await?,
            };
            let record = self.record(desired, &outputs)?;
            if run.store.state().resources.get(&self.name) != Some(&record) {
                let name = self.name.clone();
                run.store
                    .change(move |state| {
                        state.intents.remove(&name);
                        state.resources.insert(name, record);
                    })
                    .await?;
            }
            self.outputs.set(Some(outputs));
            Ok(action)
        }
        .boxed()
    }

    fn ready<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<()>> {
        async move {
            let Some(outputs) = self.outputs.get() else { return Ok(()) };
            let began = tokio::time::Instant::now();
            let mut patience = Patience::new(run, &self.name);
            loop {
                match run.with_permit(R::ready(&outputs, &run.cloud)).await {
                    Ok(Progress::Done) => return Ok(()),
                    Ok(Progress::Waiting(why)) if began.elapsed() < R::READY_WITHIN => {
                        run.waiting(&self.name, &why);
                        run.sleep(run.poll()).await?;
                        patience = Patience::new(run, &self.name);
                    }
                    Ok(Progress::Waiting(why)) => {
                        let minutes = R::READY_WITHIN.as_secs() / 60;
                        return Err(Error::Refused(format!(
                            "not ready after {minutes} minutes: {why}"
                        )));
                    }
                    Err(error) => patience.after(error).await?,
                }
            }
        }
        .boxed()
    }

    fn found(&self) -> Option<Record> {
        let live = self.live.as_ref()?;
        self.record(Wiring::of(&live.inputs).ok()?.plain, &live.outputs).ok()
    }
}

/// Something that is looked up.
pub(super) struct LookedUp<L: Lookup> {
    name: String,
    lookup: L,
    sources: BTreeSet<String>,
    outputs: Cell<L::Outputs>,
}

/// How long something that will be there may take to appear: a certificate, once its validation record exists, is
/// usually issued within minutes.
const APPEARS_WITHIN: std::time::Duration = std::time::Duration::from_secs(30 * 60);

impl<L: Lookup> LookedUp<L> {
    pub(super) fn new(name: &str, lookup: L) -> (Self, Output<L::Outputs>) {
        let (outputs, output) = Cell::new(name);
        let sources = Wiring::of(&lookup).map(|it| it.sources).unwrap_or_default();
        // A lookup is not recorded, so whoever refers to it refers to what is behind it: what refers to something goes
        // before it when both are deleted.
        let output = output.also_from(&sources);
        (Self { name: name.to_owned(), lookup, sources, outputs }, output)
    }

    async fn find(&self, run: &Run) -> Result<Option<L::Outputs>> {
        let mut patience = Patience::new(run, &self.name);
        loop {
            match run.with_permit(self.lookup.find(&run.cloud)).await {
                Ok(found) => return Ok(found),
                Err(Error::Unknown(_)) => return Ok(None),
                Err(error) => patience.after(error).await?,
            }
        }
    }
}

impl<L: Lookup> Node for LookedUp<L> {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Option<Kind> {
        None
    }

    fn sources(&self) -> &BTreeSet<String> {
        &self.sources
    }

    fn protect(&mut self) {}

    fn plan<'a>(&'a mut self, run: &'a Run) -> BoxFuture<'a, Result<Option<Step>>> {
        async move {
            self.outputs.set(self.find(run).await?);
            Ok(None)
        }
        .boxed()
    }

    fn act<'a>(&'a mut self, run: &'a Run) -> BoxFuture<'a, Result<Action>> {
        async move {
            let began = tokio::time::Instant::now();
            // What was found while planning is found; what it refers to may have been replaced since.
            while self.outputs.get().is_none() || !self.sources.is_empty() {
                self.outputs.set(self.find(run).await?);
                if self.outputs.get().is_some() {
                    break;
                }
                if began.elapsed() > APPEARS_WITHIN {
                    let minutes = APPEARS_WITHIN.as_secs() / 60;
                    return Err(Error::Refused(format!(
                        "it has not appeared within {minutes} minutes"
                    )));
                }
                run.waiting(&self.name, "not there yet");
                run.sleep(run.poll()).await?;
            }
            Ok(Action::Keep)
        }
        .boxed()
    }

    fn ready<'a>(&'a self, _: &'a Run) -> BoxFuture<'a, Result<()>> {
        async { Ok(()) }.boxed()
    }

    fn found(&self) -> Option<Record> {
        None
    }
}
