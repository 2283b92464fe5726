//! What a service says: its answer, or why there is none.

use serde_json::Value;

/// What comes of a call: the fields of the answer under their names at the wire, or a refusal.
///
/// Fields that are null are left out; in XML an array is a list in the protocol's way.
pub type Answer = Result<Value, Refusal>;

/// An error of a service, whatever its protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The service's own code, such as `DependencyViolation`.
    pub code: String,
    /// The service's own words.
    pub message: String,
    /// Headers beside it, such as `Retry-After`.
    pub headers: Vec<(String, String)>,
    /// Fields beside it that the service adds to this error.
    pub more: Value,
}

impl Refusal {
    /// An error of the caller: 400.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: code.into(),
            message: message.into(),
            headers: Vec::new(),
            more: Value::Null,
        }
    }

    /// The same with another HTTP status.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with a header.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with fields of its own.
    pub fn with(self, more: Value) -> Self {
        Self { more, ..self }
    }

    /// The simulator does not know this: said loudly, because silence would look like success.
    pub fn not_modelled(what: impl std::fmt::Display) -> Self {
        Self::new("NotModelled", format!("the simulator does not model {what}")).with_status(501)
    }
}
