//! The resources a program declares.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, join_all},
};

use super::{
    node::{Declared, LookedUp, Node},
    output::Output,
    resource::{Lookup, Resource},
};
use crate::resources::Kind;

/// The resources a program declares, in the order it declares them.
#[derive(Default)]
pub struct Stack {
    pub(super) nodes: Vec<Box<dyn Node>>,
    pub(super) outputs: BTreeMap<String, Output<String>>,
}

impl Stack {
    /// Declares that the resource `name` is to exist as `desired`.
    ///
    /// # Panics
    ///
    /// When the program declares a name twice, which is a mistake in the program.
    pub fn add<R: Resource>(&mut self, name: &str, desired: R) -> Output<R::Outputs> {
        let (node, output) = Declared::new(name, desired);
        self.push(Box::new(node));
        output
    }

    /// Declares that something is to be looked up.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    pub fn look<L: Lookup>(&mut self, name: &str, lookup: L) -> Output<L::Outputs> {
        let (node, output) = LookedUp::new(name, lookup);
        self.push(Box::new(node));
        output
    }

    /// Refuses the deletion and the replacement of the resource `name`. Gives back whether there is one of that name.
    pub fn protect(&mut self, name: &str) -> bool {
        let found = self.nodes.iter_mut().find(|it| it.name() == name);
        found.map(|it| it.protect()).is_some()
    }

    /// Tells the user a value at the end of `up`.
    pub fn output(&mut self, name: &str, value: Output<String>) {
        self.outputs.insert(name.to_owned(), value);
    }

    /// The names of everything declared.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|it| it.name())
    }

    /// The kinds of everything declared.
    pub fn kinds(&self) -> BTreeSet<Kind> {
        self.nodes.iter().filter_map(|it| it.kind()).collect()
    }

    fn push(&mut self, node: Box<dyn Node>) {
        let name = node.name();
        assert!(self.nodes.iter().all(|it| it.name() != name), "`{name}` is declared twice");
        self.nodes.push(node);
    }

    /// Drops everything but `targets` and what they refer to.
    pub(super) fn limit_to(&mut self, targets: &BTreeSet<String>) {
        let mut wanted = targets.clone();
        // What a resource refers to is declared before it.
        for node in self.nodes.iter().rev() {
            if wanted.contains(node.name()) {
                wanted.extend(node.sources().iter().cloned());
            }
        }
        self.nodes.retain(|it| wanted.contains(it.name()));
    }
}

/// What came of visiting a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    Done,
    Failed,
    /// Something it refers to failed or was skipped.
    Skipped,
}

/// Visits each node as soon as everything it refers to is done, all at the same time.
///
/// `visit` says through its second argument when what refers to the node may go on, which is before its own end if
/// there is something left to wait for.
pub(super) async fn walk<F>(nodes: Vec<Box<dyn Node>>, visit: F) -> Vec<(Box<dyn Node>, Visit)>
where
    F: Fn(Box<dyn Node>, Go) -> BoxFuture<'static, (Box<dyn Node>, Visit)> + Send + Sync + 'static,
{
    let visit = Arc::new(visit);
    let mut done: BTreeMap<String, Shared<BoxFuture<'static, bool>>> = BTreeMap::new();
    let mut tasks = Vec::new();
    for node in nodes {
        // An output comes from a node declared before: there can be no cycle. What is not declared in this run, because
        // only some targets are wanted, is not waited for.
        let sources: Vec<_> =
            node.sources().iter().filter_map(|it| done.get(it).cloned()).collect();
        let (tell, told) = tokio::sync::oneshot::channel();
        done.insert(node.name().to_owned(), told.map(|it| it.is_ok()).boxed().shared());
        let visit = Arc::clone(&visit);
        tasks.push(tokio::spawn(async move {
            if join_all(sources).await.into_iter().all(|it| it) {
                visit(node, Go(Arc::new(Mutex::new(Some(tell))))).await
            } else {
                (node, Visit::Skipped)
            }
        }));
    }
    // A task that panicked has reported itself through the panic hook; its node counts as lost.
    join_all(tasks).await.into_iter().filter_map(Result::ok).collect()
}

/// Lets what refers to a node go on. Dropped without being called, it lets nothing go on.
#[derive(Clone)]
pub(super) struct Go(Arc<Mutex<Option<tokio::sync::oneshot::Sender<()>>>>);

impl Go {
    pub(super) fn on(&self) {
        let sender = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(sender) = sender {
            let _ = sender.send(());
        }
    }
}
