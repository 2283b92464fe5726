//! Why a command did not succeed: message, what to do next, exit code. Errors get these here and nowhere else.

use std::fmt;

use crate::{
    config::Invalid,
    engine::{Class, Error, Failure as Failed, store::StoreError},
};

/// How a command ends. The numbers are documented in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Failed.
    Failed = 1,
    /// There are changes.
    Changes = 2,
    /// stack.yaml or the command line is wrong; nothing was changed.
    Configuration = 3,
    /// Credentials or permissions.
    Credentials = 4,
    /// Partly done and recorded.
    Partly = 5,
    /// The deployment failed and was rolled back.
    RolledBack = 6,
    /// The deployment failed and was not rolled back.
    NotRolledBack = 7,
    /// Another run holds the state.
    Locked = 8,
    /// The deployment was superseded by a later one.
    Superseded = 9,
    /// The deployment was not over in time.
    TimedOut = 10,
    /// Interrupted.
    Interrupted = 130,
}

/// Why a command did not succeed.
#[derive(Debug)]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    /// What happened.
    pub message: String,
    /// What to do next, one sentence each.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure with nothing to add.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new() }
    }

    /// The same with something to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What several resources' failures come to: `exit` unless all are of one kind.
    pub fn of_many(failures: &[Failed], exit: Exit, message: impl Into<String>) -> Self {
        let all = |class: Class| failures.iter().all(|it| it.error.class() == class);
        let exit = match exit {
            Exit::Failed if all(Class::Denied) || all(Class::Unauthenticated) => Exit::Credentials,
            other => other,
        };
        let mut failure = Self::new(exit, message);
        for hint in failures.iter().filter_map(|it| advice(&it.error)) {
            if !failure.hints.contains(&hint) {
                failure.hints.push(hint);
            }
        }
        failure
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error.class() {
            Class::Denied | Class::Unauthenticated => Exit::Credentials,
            _ if matches!(error, Error::Interrupted) => Exit::Interrupted,
            _ => Exit::Failed,
        };
        let hints = advice(&error).into_iter().collect();
        Self { exit, message: error.to_string(), hints }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Locked(_) => Self::new(Exit::Locked, message)
                .hint("wait for it to end, or let this run wait: `--lock-timeout 10m`"),
            StoreError::Unreadable { .. } => Self::new(Exit::Failed, message),
            StoreError::Io { .. } => Self::new(Exit::Failed, message).hint(
                "the state folder must be writable; another one can be named with `--state-dir`",
            ),
        }
    }
}

impl From<Invalid> for Failure {
    fn from(error: Invalid) -> Self {
        // Renders itself with the lines concerned.
        Self::new(Exit::Configuration, error.to_string())
    }
}

/// What to do about an error, if we know better than the service's own message.
pub fn advice(error: &Error) -> Option<String> {
    let Error::Api(api) = error else { return None };
    let of = |class| api.class == class;
    Some(match api.code.as_str() {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            "the AWS session has expired: sign in again (`aws sso login` or `aws login`)".to_owned()
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => {
            "AWS does not know this access key: check AWS_PROFILE and the keys it stands for".to_owned()
        }
        "SignatureDoesNotMatch" if api.message.contains("Signature expired") => {
            "this machine's clock is off by more than five minutes: set it".to_owned()
        }
        "SignatureDoesNotMatch" => "the secret access key does not fit the access key id".to_owned(),
        "IP_ADDRESS_NOT_ON_ACCESS_LIST" => {
            "add this machine's address to the API access list of the Atlas key".to_owned()
        }
        _ if of(Class::Unauthenticated) && api.service == "Atlas" => {
            "set MONGODB_ATLAS_PUBLIC_KEY and MONGODB_ATLAS_PRIVATE_KEY, or MONGODB_ATLAS_CLIENT_ID and \
             MONGODB_ATLAS_CLIENT_SECRET"
                .to_owned()
        }
        _ if of(Class::Unauthenticated) => {
            "give AWS credentials: `AWS_PROFILE`, `aws sso login`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                .to_owned()
        }
        _ if of(Class::Denied) && api.service == "Atlas" => {
            format!("the Atlas key needs the role Project Owner for {}", api.action)
        }
        _ if of(Class::Denied) => format!(
            "the credentials in use need a policy that allows `{}`",
            iam_action(&api.service, &api.action)
        ),
        code if code.contains("LimitExceeded") || code.ends_with("QuotaExceeded") => {
            format!("ask for a higher quota of {} in Service Quotas, or remove what is not needed", api.service)
        }
        "" if of(Class::Transient) => {
            "the service could not be reached: check the network, the region and AWS_ENDPOINT_URL, and run again"
                .to_owned()
        }
        _ => return None,
    })
}

/// The name under which IAM knows an operation.
fn iam_action(service: &str, action: &str) -> String {
    let prefix = match service {
        "CloudWatch Logs" => "logs",
        "Elastic Load Balancing" => "elasticloadbalancing",
        "Resource Groups Tagging" => "tag",
        "Route 53" => "route53",
        "Systems Manager" => "ssm",
        other => return format!("{}:{action}", other.to_lowercase()),
    };
    format!("{prefix}:{action}")
}
