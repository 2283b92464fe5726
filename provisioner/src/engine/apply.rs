//! Carries a plan out: everything at the same time, each thing as soon as what it needs is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, future::join_all};

use super::{
    act,
    decide::Action,
    error::{Error, Result},
    node::Node,
    plan::{Doom, Doomed, Failure, Plan},
    run::{Event, Run, timed},
    stack::{Go, Visit, walk},
};
use crate::resources::Kind;

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was changed, in the order in which it was done.
    pub done: Vec<Done>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// What was not tried because of a failure or an interrupt.
    pub skipped: Vec<String>,
    /// What the program tells its user, as far as it is known.
    pub outputs: BTreeMap<String, String>,
    /// How long all of it took.
    pub took: Duration,
}

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// The resource's name in the program.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// What was done.
    pub action: Action,
    /// How long it took, without waiting until it works.
    pub took: Duration,
}

type Shared = Arc<Mutex<Outcome>>;

/// Carries out exactly the plan. A failure stops only what depends on it, and everything done is recorded.
pub async fn apply(plan: Plan, run: &Arc<Run>) -> Outcome {
    let began = tokio::time::Instant::now();
    let Plan { steps, nodes, doomed, outputs, .. } = plan;
    let planned: BTreeMap<String, (Kind, Action)> =
        steps.iter().map(|it| (it.name.clone(), (it.kind, it.action))).collect();
    let to_change: BTreeSet<String> =
        steps.into_iter().filter(|it| it.action != Action::Keep).map(|it| it.name).collect();
    let outcome = Shared::default();
    let before = run.store.state();
    let (account, region) = (run.cloud.account.clone(), run.cloud.region.clone());
    if (&before.account, &before.region) != (&account, &region)
        && let Err(error) =
            run.store.change(move |state| (state.account, state.region) = (account, region)).await
    {
        return Outcome {
            failures: vec![Failure { name: "state".to_owned(), verb: "record", error }],
            ..Outcome::default()
        };
    }

    let visited = walk(nodes, {
        let (run, outcome) = (Arc::clone(run), Arc::clone(&outcome));
        move |node, go| {
            let planned = planned.get(node.name()).copied();
            visit(Arc::clone(&run), Arc::clone(&outcome), node, planned, go).boxed()
        }
    })
    .await;

    let mut failed = BTreeSet::new();
    for (node, visit) in &visited {
        if *visit != Visit::Done {
            failed.insert(node.name().to_owned());
            // Whatever refers to it, now or as recorded, still needs what it refers to.
            failed.extend(node.sources().iter().cloned());
            failed.extend(
                before.resources.get(node.name()).into_iter().flat_map(|it| it.sources.clone()),
            );
        }
        if *visit == Visit::Skipped && to_change.contains(node.name()) {
            let why = if run.interrupted() { "interrupted" } else { "something it needs failed" };
            run.tell(node.name(), Event::Skipped(why.to_owned()));
            lock(&outcome).skipped.push(node.name().to_owned());
        }
    }
    delete_all(run, &outcome, doomed, &failed).await;

    let known: BTreeMap<_, _> =
        outputs.iter().filter_map(|(k, it)| Some((k.clone(), it.get().ok()?))).collect();
    if run.options.targets.is_empty() && run.store.state().outputs != known {
        let outputs = known.clone();
        if let Err(error) = run.store.change(move |state| state.outputs = outputs).await {
            lock(&outcome).failures.push(Failure {
                name: "outputs".to_owned(),
                verb: "record",
                error,
            });
        }
    }
    let mut outcome = std::mem::take(&mut *lock(&outcome));
    (outcome.outputs, outcome.took) = (known, began.elapsed());
    outcome
}

async fn visit(
    run: Arc<Run>,
    outcome: Shared,
    mut node: Box<dyn Node>,
    planned: Option<(Kind, Action)>,
    go: Go,
) -> (Box<dyn Node>, Visit) {
    if run.interrupted() {
        return (node, Visit::Skipped);
    }
    let name = node.name().to_owned();
    let change = planned.filter(|(_, action)| *action != Action::Keep);
    let (result, took) = timed(async {
        if let Some((kind, action)) = change {
            run.tell(&name, Event::Started(kind, action));
        }
        node.act(&run).await
    })
    .await;
    let verb = planned.map_or("look up", |(_, action)| verb(action));
    let action = match result {
        Ok(action) => action,
        Err(error) => return (node, fail(&run, &outcome, name, verb, error)),
    };
    go.on();
    if planned.is_none() {
        // What is looked up needs nothing more.
        run.tell(&name, Event::Ready(took));
        return (node, Visit::Done);
    }
    if let (Some((kind, _)), true) = (planned, action != Action::Keep) {
        run.tell(&name, Event::Finished(kind, action, took));
        lock(&outcome).done.push(Done { name: name.clone(), kind, action, took });
    }
    if !run.options.wait {
        return (node, Visit::Done);
    }
    match timed(node.ready(&run)).await {
        (Ok(()), took) => {
            run.tell(&name, Event::Ready(took));
            (node, Visit::Done)
        }
        (Err(error), _) => (node, fail(&run, &outcome, name, "wait for", error)),
    }
}

/// Deletes what is doomed and what this run replaced, dependents first, otherwise at the same time.
async fn delete_all(
    run: &Arc<Run>,
    outcome: &Shared,
    doomed: Vec<Doomed>,
    failed: &BTreeSet<String>,
) {
    let mut doomed = doomed;
    for retired in run.store.state().retired {
        let it = Doomed { name: retired.name, record: retired.record, doom: Doom::Replaced };
        // What was replaced may serve until what replaced it works.
        if run.options.wait && !doomed.contains(&it) {
            doomed.push(it);
        }
    }
    let mut tells: Vec<_> = Vec::new();
    let mut tolds: Vec<_> = Vec::new();
    for _ in &doomed {
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        tells.push(tell);
        tolds.push(told.map(|it| it.is_ok()).boxed().shared());
    }
    let tasks = doomed.iter().zip(tells).enumerate().map(|(index, (it, tell))| {
        // What refers to it goes first; what replaced something has its name, so only the unreplaced are referred to.
        let refers =
            |other: &Doomed| it.doom == Doom::Undeclared && other.record.sources.contains(&it.name);
        let dependents: Vec<_> = doomed
            .iter()
            .zip(&tolds)
            .enumerate()
            .filter(|(at, (other, _))| *at != index && refers(other) && !doomed_by(it, other))
            .map(|(_, (_, told))| told.clone())
            .collect();
        // Of what nobody remembers it is not known what refers to it.
        let is_needed = match it.doom {
            Doom::Forgotten => !failed.is_empty(),
            Doom::Undeclared | Doom::Replaced => failed.contains(&it.name),
        };
        async move {
            let free = join_all(dependents).await.into_iter().all(|it| it);
            if is_needed || !free || run.interrupted() {
                run.tell(
                    &it.name,
                    Event::Skipped("something that refers to it is still there".to_owned()),
                );
                lock(outcome).skipped.push(it.name.clone());
                return;
            }
            run.tell(&it.name, Event::Started(it.record.kind, Action::Delete));
            let (result, took): (Result<()>, _) = timed(act::doom(run, it)).await;
            match result {
                Ok(()) => {
                    let _ = tell.send(());
                    let kind = it.record.kind;
                    run.tell(&it.name, Event::Finished(kind, Action::Delete, took));
                    let done = Done { name: it.name.clone(), kind, action: Action::Delete, took };
                    lock(outcome).done.push(done);
                }
                Err(error) => drop(fail(run, outcome, it.name.clone(), "delete", error)),
            }
        }
    });
    join_all(tasks).await;
}

/// Whether `it` also refers to `other`: only in a file that somebody edited, and then neither waits.
fn doomed_by(it: &Doomed, other: &Doomed) -> bool {
    it.record.sources.contains(&other.name)
}

fn fail(run: &Run, outcome: &Shared, name: String, verb: &'static str, error: Error) -> Visit {
    if matches!(error, Error::Interrupted) {
        run.tell(&name, Event::Skipped("interrupted".to_owned()));
        lock(outcome).skipped.push(name);
    } else {
        run.tell(&name, Event::Failed(format!("{verb}: {error}")));
        lock(outcome).failures.push(Failure { name, verb, error });
    }
    Visit::Failed
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Keep => "keep",
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
    }
}

fn lock(outcome: &Shared) -> std::sync::MutexGuard<'_, Outcome> {
    outcome.lock().unwrap_or_else(PoisonError::into_inner)
}
