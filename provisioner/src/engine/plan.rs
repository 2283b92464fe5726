//! Looks at everything and decides, without changing anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use futures::FutureExt as _;
use serde::Serialize;

use super::{
    decide::{Action, Change},
    error::Error,
    forgotten,
    node::Node,
    output::Output,
    run::{Event, Run},
    stack::{Stack, Visit, walk},
    state::{Record, State},
};
use crate::resources::Kind;

/// What is to be done, and nothing else will be.
pub struct Plan {
    /// A step for each resource, in the order of declaration; deletions last.
    pub steps: Vec<Step>,
    /// What keeps the plan from being carried out.
    pub problems: Vec<Failure>,
    pub(super) nodes: Vec<Box<dyn Node>>,
    pub(super) doomed: Vec<Doomed>,
    pub(super) outputs: BTreeMap<String, Output<String>>,
}

/// What is to be done about one resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Its name in the program.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// What is to be done.
    pub action: Action,
    /// What differs.
    pub changes: Vec<Change>,
    /// What the user should know all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why it cannot be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objection: Option<String>,
    /// It was found in the cloud and is not in the state.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
}

/// Something that went wrong with one resource.
#[derive(Debug)]
pub struct Failure {
    /// Its name in the program.
    pub name: String,
    /// What was being done, such as `create`.
    pub verb: &'static str,
    /// Why it failed.
    pub error: Error,
}

/// Something that is to be deleted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doomed {
    pub(super) name: String,
    pub(super) record: Record,
    pub(super) doom: Doom,
}

/// Why something is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doom {
    /// It is recorded, and no longer declared.
    Undeclared,
    /// It was replaced: something else has its name now.
    Replaced,
    /// It carries the stack's tags, and neither the state nor the program knows it: the state was lost.
    Forgotten,
}

impl Doom {
    fn note(self) -> Option<&'static str> {
        match self {
            Self::Undeclared => None,
            Self::Replaced => Some("left over from a replacement"),
            Self::Forgotten => {
                Some("has the stack's tags; neither stack.yaml nor the state knows it")
            }
        }
    }
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|it| it.action == Action::Keep)
    }

    /// The steps that cannot be done, and why.
    pub fn objections(&self) -> impl Iterator<Item = (&str, &str)> {
        self.steps.iter().filter_map(|it| Some((it.name.as_str(), it.objection.as_deref()?)))
    }

    /// How many steps there are of each action.
    pub fn summary(&self) -> BTreeMap<Action, usize> {
        let mut summary = BTreeMap::new();
        for step in &self.steps {
            *summary.entry(step.action).or_default() += 1;
        }
        summary
    }

    /// Records of everything that was found, for a state that was lost.
    pub fn found(&self) -> BTreeMap<String, Record> {
        self.nodes.iter().filter_map(|it| Some((it.name().to_owned(), it.found()?))).collect()
    }
}

/// Looks at everything the stack declares, concurrently, and decides what to do.
pub async fn plan(mut stack: Stack, run: &Arc<Run>) -> Plan {
    let declared: BTreeSet<String> = stack.names().map(str::to_owned).collect();
    if !run.options.targets.is_empty() {
        stack.limit_to(&run.options.targets);
    }
    let order: Vec<String> = stack.names().map(str::to_owned).collect();
    let tagged = forgotten::tagged(run);
    let steps: Arc<Mutex<BTreeMap<String, Step>>> = Arc::default();
    let problems: Arc<Mutex<Vec<Failure>>> = Arc::default();
    let visited = walk(stack.nodes, {
        let (run, steps, problems) = (Arc::clone(run), Arc::clone(&steps), Arc::clone(&problems));
        move |mut node, go| {
            let (run, steps, problems) =
                (Arc::clone(&run), Arc::clone(&steps), Arc::clone(&problems));
            async move {
                let result = node.plan(&run).await;
                run.tell(node.name(), Event::Looked);
                let visit = match result {
                    Ok(step) => {
                        let name = node.name().to_owned();
                        let mut steps = steps.lock().unwrap_or_else(PoisonError::into_inner);
                        steps.extend(step.map(|it| (name, it)));
                        go.on();
                        Visit::Done
                    }
                    Err(error) => {
                        let failure = Failure { name: node.name().to_owned(), verb: "plan", error };
                        problems.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                        Visit::Failed
                    }
                };
                (node, visit)
            }
            .boxed()
        }
    });
    let (visited, tagged) = tokio::join!(visited, tagged);
    let mut steps = std::mem::take(&mut *steps.lock().unwrap_or_else(PoisonError::into_inner));
    let mut steps: Vec<Step> = order.iter().filter_map(|it| steps.remove(it)).collect();
    let mut problems =
        std::mem::take(&mut *problems.lock().unwrap_or_else(PoisonError::into_inner));

    let mut doomed = doomed(run, &declared, &mut problems).await;
    let nodes: Vec<Box<dyn Node>> = visited.into_iter().map(|(node, _)| node).collect();
    match forgotten::find(tagged, &nodes, &declared, &doomed, run).await {
        Ok(forgotten) => doomed.extend(forgotten),
        Err(error) => {
            problems.push(Failure { name: forgotten::NAME.to_owned(), verb: "read", error })
        }
    }
    let protected =
        doomed.iter().filter(|it| it.record.protect && !run.options.unprotect.contains(&it.name));
    problems.extend(protected.map(protection));
    steps.extend(doomed.iter().map(|it| {
        Step {
            name: it.name.clone(),
            kind: it.record.kind,
            action: Action::Delete,
            changes: Vec::new(),
            notes: [it.doom.note().map(str::to_owned), it.record.kind.parting(&it.record)]
                .into_iter()
                .flatten()
                .collect(),
            objection: None,
            adopted: false,
        }
    }));
    problems.sort_by_key(|it| order.iter().position(|name| *name == it.name));
    Plan { steps, problems, nodes, doomed, outputs: stack.outputs }
}

/// What is recorded and no longer declared, was replaced, or was being created when a run was cut off; dependents first.
async fn doomed(
    run: &Run,
    declared: &BTreeSet<String>,
    problems: &mut Vec<Failure>,
) -> Vec<Doomed> {
    let state = run.store.state();
    let targeted =
        |name: &String| run.options.targets.is_empty() || run.options.targets.contains(name);
    let mut doomed: Vec<Doomed> = state
        .retired
        .iter()
        .map(|it| Doomed { name: it.name.clone(), record: it.record.clone(), doom: Doom::Replaced })
        .collect();
    for name in dependents_first(&state) {
        if !declared.contains(&name) {
            doomed.extend(state.resources.get(&name).map(|it| Doomed {
                name: name.clone(),
                record: it.clone(),
                doom: Doom::Undeclared,
            }));
        }
    }
    for (name, intent) in &state.intents {
        if declared.contains(name) || state.resources.contains_key(name) {
            continue;
        }
        match intent.kind.recover(intent, &run.cloud).await {
            Ok(Some(record)) => {
                doomed.insert(0, Doomed { name: name.clone(), record, doom: Doom::Undeclared })
            }
            Ok(None) => {}
            Err(error) => problems.push(Failure { name: name.clone(), verb: "read", error }),
        }
    }
    doomed.retain(|it| targeted(&it.name));
    doomed
}

/// Why what is protected is not deleted.
fn protection(doomed: &Doomed) -> Failure {
    let error = Error::Refused(format!(
        "it is protected and would be deleted. Declare it again, or run again with `--unprotect {}`",
        doomed.name
    ));
    Failure { name: doomed.name.clone(), verb: "delete", error }
}

/// The names of everything recorded, each before what it refers to.
fn dependents_first(state: &State) -> Vec<String> {
    let mut order = Vec::new();
    let mut left: BTreeSet<&String> = state.resources.keys().collect();
    while !left.is_empty() {
        let is_free = |name: &&String| {
            !left
                .iter()
                .any(|it| state.resources.get(*it).is_some_and(|it| it.sources.contains(*name)))
        };
        let mut free: Vec<&String> = left.iter().copied().filter(is_free).collect();
        if free.is_empty() {
            // A file that somebody edited may have a cycle; then there is no better order than any.
            free = left.iter().copied().collect();
        }
        for name in free {
            left.remove(name);
            order.push(name.clone());
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(resources: &[(&str, &[&str])]) -> State {
        let record = |sources: &[&str]| Record {
            kind: Kind::LogGroup,
            outputs: json!({}),
            inputs: json!({}),
            sources: sources.iter().map(|it| (*it).to_owned()).collect(),
            protect: false,
        };
        let resources = resources.iter().map(|(name, them)| ((*name).to_owned(), record(them)));
        State { resources: resources.collect(), ..State::default() }
    }

    #[test]
    fn what_refers_to_something_is_deleted_before_it() {
        let state = state(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"]), ("d", &["gone"])]);
        assert_eq!(dependents_first(&state), ["c", "d", "b", "a"]);
    }

    #[test]
    fn a_state_that_somebody_edited_into_a_circle_can_still_be_deleted() {
        let state = state(&[("a", &["b"]), ("b", &["a"])]);
        assert_eq!(dependents_first(&state), ["a", "b"]);
    }
}
