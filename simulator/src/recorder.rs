//! The calls so far.

use serde::Serialize;

use crate::{
    call::{Call, Service},
    clock::Time,
};

/// A call as it was seen at the wire.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Whom it went to.
    pub service: Service,
    /// What it asked for.
    pub action: String,
    /// Whether it may have changed anything.
    pub mutating: bool,
    /// HTTP status of the answer; None: it got none.
    pub status: Option<u16>,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// When it came.
    pub at: Time,
    /// When its answer went, or its connection was closed.
    pub until: Option<Time>,
    /// Region of AWS.
    pub region: String,
    /// Whether a fault struck it.
    pub fault: bool,
    /// Its body.
    pub body: String,
}

/// The list of all calls since the beginning or the last `forget`.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    seen: Vec<Seen>,
    forgotten: usize,
}

impl Recorder {
    /// A call begins; its number.
    pub(crate) fn begin(&mut self, call: &Call, at: Time) -> usize {
        self.seen.push(Seen {
            service: call.service,
            action: call.action.clone(),
            mutating: call.mutating,
            status: None,
            method: call.method.clone(),
            path: call.path.clone(),
            at,
            until: None,
            region: call.region.clone(),
            fault: false,
            body: String::from_utf8_lossy(&call.body).into_owned(),
        });
        self.forgotten + self.seen.len() - 1
    }

    /// It ended.
    pub(crate) fn end(&mut self, number: usize, at: Time, status: Option<u16>, fault: bool) {
        let Some(seen) = number.checked_sub(self.forgotten).and_then(|it| self.seen.get_mut(it))
        else {
            return;
        };
        // Digest's first request, turned away at the door, is no change.
        if seen.service == Service::Atlas && status == Some(401) {
            seen.mutating = false;
        }
        (seen.until, seen.status, seen.fault) = (Some(at), status, fault);
    }

    pub(crate) fn list(&self) -> &[Seen] {
        &self.seen
    }

    pub(crate) fn forget(&mut self) {
        self.forgotten += self.seen.len();
        self.seen.clear();
    }
}
