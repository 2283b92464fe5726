//! What every kind of resource knows how to do.

use std::{future::Future, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::error::Result;
use crate::{
    cloud::{Arn, Cloud},
    resources::Kind,
};

/// A kind of resource. The type itself holds the inputs: what we want to exist.
///
/// A resource makes calls and compares nothing, retries nothing, waits for nothing and records nothing: the engine
/// decides from [`read`](Self::read), retries by the class of the error, polls, and keeps the state.
pub trait Resource: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// What other resources may need once it exists, and what it takes to find and delete it again.
    type Outputs: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    /// Its name in the state file.
    const KIND: Kind;
    /// Inputs that cannot be changed in place. Any other changed input is an update.
    const REPLACED_BY: &'static [&'static str];
    /// In which order a replacement happens.
    const REPLACEMENT: Replacement = Replacement::CreateFirst;
    /// What tells the service that a second creating call means the same resource.
    const KNOWN_BY: KnownBy = KnownBy::Name;
    /// How long [`ready`](Self::ready) may take before that counts as a failure.
    const READY_WITHIN: Duration = Duration::from_secs(15 * 60);

    /// Finds what is there now: by `recorded` if there is a record, and if that finds nothing, by name or tag.
    ///
    /// Gives the inputs in our own form: what a service says differently has not drifted, and a default that a service
    /// filled in reads as the default that we would have asked for. Accepts whatever half-made thing it finds.
    fn read(
        &self,
        recorded: Option<&Existing<Self>>,
        cloud: &Cloud,
    ) -> impl Future<Output = Result<Found<Self>>> + Send;

    /// Makes *one* call that creates it, and says what that call alone brought about.
    ///
    /// What the call cannot set is to appear in the returned inputs as the service leaves it: the engine then sees the
    /// difference and calls [`update`](Self::update). `token` is the same for every attempt at this creation, also
    /// after a restart, for services that take a client token (at most 36 characters, `[a-z0-9-]`).
    fn create(
        &self,
        token: &str,
        cloud: &Cloud,
    ) -> impl Future<Output = Result<Existing<Self>>> + Send;

    /// Changes in place whatever differs between `existing` and `self`.
    fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> impl Future<Output = Result<Self::Outputs>> + Send;

    /// The outputs that an update will have, as far as they are known beforehand. Overridden by kinds whose updates
    /// give new outputs.
    fn foresee(&self, existing: &Existing<Self>) -> Option<Self::Outputs> {
        Some(existing.outputs.clone())
    }

    /// Why this cannot be done, as far as can be said without asking a cloud; `up` refuses it before anything is changed.
    fn objection(&self, _existing: Option<&Existing<Self>>) -> Option<String> {
        None
    }

    /// What a user should know although it changes nothing, such as that a newer image is available.
    fn notes(&self, _existing: &Existing<Self>) -> Vec<String> {
        Vec::new()
    }

    /// Whether it works. What refers to it does not wait for this; the end of the run does. Called again and again.
    fn ready(
        _outputs: &Self::Outputs,
        _cloud: &Cloud,
    ) -> impl Future<Output = Result<Progress>> + Send {
        async { Ok(Progress::Done) }
    }

    /// Deletes it. Called again and again until it is [`Progress::Done`] or [`Class::Gone`](super::error::Class::Gone).
    fn delete(
        outputs: &Self::Outputs,
        cloud: &Cloud,
    ) -> impl Future<Output = Result<Progress>> + Send;

    /// What a user should know before it is deleted, such as that others may keep it.
    fn parting(_outputs: &Self::Outputs) -> Option<String> {
        None
    }

    /// What has this ARN, if it is of this kind and there: how something is deleted of which only its tags tell that it
    /// is the stack's. `None` for kinds that have no ARN.
    ///
    /// # Errors
    ///
    /// When the service cannot be asked.
    fn at(
        _arn: Arn<'_>,
        _cloud: &Cloud,
    ) -> impl Future<Output = Result<Option<Self::Outputs>>> + Send {
        async { Ok(None) }
    }

    /// What keeps it from being deleted, in words, when the service does not say so itself.
    fn held_by(
        _outputs: &Self::Outputs,
        _cloud: &Cloud,
    ) -> impl Future<Output = Result<Vec<String>>> + Send {
        async { Ok(Vec::new()) }
    }
}

/// Something that is looked up and never created or deleted.
pub trait Lookup: Serialize + Send + Sync + 'static {
    /// What was found.
    type Outputs: Serialize + Clone + Send + Sync + 'static;

    /// Finds it. `None`: it is not there yet, but will be; the engine asks again while it acts.
    fn find(&self, cloud: &Cloud) -> impl Future<Output = Result<Option<Self::Outputs>>> + Send;
}

/// A resource as it was found to be, or as it was recorded.
#[derive(Clone)]
pub struct Existing<R: Resource> {
    /// Its inputs in our own form.
    pub inputs: R,
    /// Its outputs.
    pub outputs: R::Outputs,
}

/// What reading gives.
#[derive(Clone)]
pub enum Found<R: Resource> {
    /// It is not there.
    Nothing,
    /// It is there and belongs to this stack: it carries our tags, or lies within something that does.
    Ours(Existing<R>),
    /// Something with its name or address is there, and nothing shows that it is ours; whose it seems to be, in words
    /// (`it belongs to stack other`, `it has no tag provisioner:stack`).
    Theirs(Existing<R>, String),
}

/// What tells the service that a second creating call means the same resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// Its name, address or content, of which there can be only one.
    Name,
    /// The client token, for as long as the same one is given: until the creation is recorded.
    Token,
    /// Nothing: each call makes another one.
    Nothing,
}

/// Which comes first in a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The new one is created, dependents are pointed at it, and the old one is deleted at the end.
    CreateFirst,
    /// A fixed name or address forces the old one away first.
    DeleteFirst,
}

/// Whether something that takes time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is over.
    Done,
    /// It goes on; what is being waited for, in words.
    Waiting(String),
}
