//! What we remember: types of the state file's own, which are a promise (see docs/state-file.md).
//!
//! Nothing here decides anything. The cloud is the truth; the state only helps to find things and to tell drift from a
//! change of configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    error::Result,
    resource::{Existing, Resource},
};
use crate::resources::Kind;

/// The version this program writes. A file with a higher one is refused; lower ones are read.
pub const VERSION: u32 = 1;

/// The state of one stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Format of the file.
    pub version: u32,
    /// The stack it belongs to.
    pub stack: String,
    /// AWS region of the stack, so that `destroy` needs nothing else.
    pub region: String,
    /// AWS account of the stack, so that credentials of another one are noticed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// Grows by one with each write.
    pub serial: u64,
    /// What exists, by name.
    pub resources: BTreeMap<String, Record>,
    /// What was replaced and is still to be deleted, with the name it had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Retired>,
    /// Creations that were begun and of whose result we do not know.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intents: BTreeMap<String, Intent>,
    /// What the program gives to its user, as of the last `up`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
}

/// One resource as it was last applied. Never contains a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its kind.
    pub kind: Kind,
    /// What it takes to find and delete it.
    pub outputs: Value,
    /// What was last applied, with secrets taken out.
    pub inputs: Value,
    /// Names of the resources its inputs refer to.
    #[serde(default)]
    pub sources: BTreeSet<String>,
    /// Deletion and replacement are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
}

/// Something that was replaced and is still to be deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retired {
    /// The name of what replaced it.
    pub name: String,
    /// What it was.
    #[serde(flatten)]
    pub record: Record,
}

/// A creation that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The kind of what was to be created.
    pub kind: Kind,
    /// The client token of the creating call, so that repeating it creates nothing twice.
    pub token: String,
    /// What was to be created, with secrets taken out, to find it by.
    pub inputs: Value,
}

impl State {
    /// The same as this version of the program keeps it for `stack`; the region stays if there is one.
    pub fn of(mut self, stack: &str, region: &str) -> Self {
        (self.version, self.stack) = (VERSION, stack.to_owned());
        if self.region.is_empty() {
            region.clone_into(&mut self.region);
        }
        self
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.retired.is_empty() && self.intents.is_empty()
    }
}

impl Record {
    /// The typed form, if it can still be read as such.
    pub fn existing<R: Resource>(&self) -> Option<Existing<R>> {
        Some(Existing {
            inputs: serde_json::from_value(self.inputs.clone()).ok()?,
            outputs: self.outputs::<R>().ok()?,
        })
    }

    /// # Errors
    ///
    /// When the record was not written by this kind of resource.
    pub fn outputs<R: Resource>(&self) -> Result<R::Outputs> {
        Ok(serde_json::from_value(self.outputs.clone())?)
    }
}
