//! What can go wrong with one resource, in classes that decide how to go on.

use std::{fmt, time::Duration};

use super::output::Unknown;

/// The result of everything a resource does.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something a resource did failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A cloud service refused or could not be reached.
    #[error(transparent)]
    Api(Box<ApiError>),
    /// An input is not known yet; while planning this means that the resource cannot exist.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// We do not go on, for a reason that the message gives together with what to do.
    #[error("{0}")]
    Refused(String),
    /// A service answered something that we cannot make sense of.
    #[error("{0}")]
    Unexpected(String),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// How to go on after it.
    pub fn class(&self) -> Class {
        match self {
            Self::Api(error) => error.class,
            Self::Unknown(_) | Self::Refused(_) | Self::Unexpected(_) | Self::Interrupted => {
                Class::Final
            }
        }
    }

    /// A field that a service must give is missing from its answer.
    pub fn missing(what: &str) -> Self {
        Self::Unexpected(format!("the answer has no {what}"))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Unexpected(format!("unexpected data: {error}"))
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Api(Box::new(error))
    }
}

/// How to go on after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nobody knows whether it had an effect: a lost connection, a time-out, a fault of the service, throttling.
    Transient,
    /// Something that was made a moment ago is not visible everywhere yet, or an identity has not spread yet.
    Settling,
    /// Something still uses it; goes away by itself or says what holds it.
    Blocked,
    /// There is no such thing.
    Gone,
    /// Something of that name is there already.
    Exists,
    /// The caller is not allowed to.
    Denied,
    /// The caller is nobody: missing, wrong or expired credentials.
    Unauthenticated,
    /// Trying again will not help.
    Final,
}

/// A refusal by a cloud service, in that service's own words.
#[derive(Debug)]
pub struct ApiError {
    /// The service as its users call it, such as `EC2`.
    pub service: String,
    /// The operation as the service calls it, such as `RunInstances`.
    pub action: String,
    /// The service's code, such as `InvalidParameterValue`; empty if the service was not reached.
    pub code: String,
    /// The service's message.
    pub message: String,
    /// What the service's support asks for.
    pub request_id: Option<String>,
    /// How to go on.
    pub class: Class,
    /// How long the service asked us to wait.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, action, code, message, .. } = self;
        write!(f, "{service} {action}: {message}")?;
        if !code.is_empty() && !message.contains(code.as_str()) {
            write!(f, " ({code})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ApiError {}

/// Deleting what is not there is a success, for a step in the middle of a deletion. The last step needs no such care:
/// the engine takes [`Class::Gone`] from `delete` as done.
///
/// # Errors
///
/// Every error but [`Class::Gone`].
pub fn unless_gone<T>(result: std::result::Result<T, impl Into<Error>>) -> Result<()> {
    match result.map_err(Into::into) {
        Err(error) if error.class() != Class::Gone => Err(error),
        _ => Ok(()),
    }
}
