//! Why a command did not succeed: message, what to do next, exit code. Errors get these here and nowhere else.

use std::fmt;

use serde_json::json;

use crate::{
    config::Invalid,
    engine::{ApiError, Class, Error, Failure as Failed, store::StoreError},
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
    /// Whether the message is a picture of our own, to be shown as it is. Of any other, what a terminal would obey is
    /// taken out: it may hold words of others.
    pub drawn: bool,
}

impl Failure {
    /// A failure with nothing to add.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new(), drawn: false }
    }

    /// A failure that a picture shows.
    pub fn drawn(exit: Exit, picture: impl Into<String>) -> Self {
        Self { drawn: true, ..Self::new(exit, picture) }
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
        Self { hints, ..Self::new(exit, error.to_string()) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Locked(_) => Self::new(Exit::Locked, message)
                .hint("wait for it to end, or let this run wait: `--lock-timeout 10m`"),
            StoreError::Unreadable { .. } => Self::new(Exit::Failed, message),
            StoreError::Cloud(error) => error.into(),
            StoreError::Io { .. } => Self::new(Exit::Failed, message).hint(
                "the state folder must be writable; another one can be named with `--state-dir`",
            ),
        }
    }
}

impl From<Invalid> for Failure {
    fn from(error: Invalid) -> Self {
        // Renders itself with the lines concerned.
        Self::drawn(Exit::Configuration, error.to_string())
    }
}

/// What to do about an error, if we know better than the service's own message.
pub fn advice(error: &Error) -> Option<String> {
    let Error::Api(api) = error else { return None };
    let of = |class| api.class == class;
    let says = |words: &str| api.message.contains(words);
    if let Some(quota) = quota(api) {
        return Some(format!(
            "the quota {quota} is used up: ask for a higher one in Service Quotas, or remove what is not needed"
        ));
    }
    Some(match api.code.as_str() {
        _ if says("Signature expired") || says("Signature not yet current") => {
            "this machine's clock is off by more than five minutes: set it".to_owned()
        }
        "RequestExpired" => {
            "the AWS session has expired (sign in again: `aws sso login` or `aws login`), or this machine's clock is off"
                .to_owned()
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            "the AWS session has expired: sign in again (`aws sso login` or `aws login`)".to_owned()
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => {
            "AWS does not know this access key: check AWS_PROFILE and the keys it stands for, and that the account has \
             enabled the region"
                .to_owned()
        }
        "OptInRequired" => {
            "the account has not enabled the region, or has not signed up for the service".to_owned()
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            "the secret access key does not fit the access key id".to_owned()
        }
        "NoSuchBucket" => {
            "`provisioner state migrate` makes the bucket, and brings the state of this folder there".to_owned()
        }
        "IP_ADDRESS_NOT_ON_ACCESS_LIST" => {
            "add this machine's address to the API access list of the Atlas key".to_owned()
        }
        _ if of(Class::Unauthenticated) && api.service == "Atlas" => {
            "set MONGODB_ATLAS_PUBLIC_KEY and MONGODB_ATLAS_PRIVATE_KEY, or MONGODB_ATLAS_CLIENT_ID and \
             MONGODB_ATLAS_CLIENT_SECRET"
                .to_owned()
        }
        _ if api.service == "GitHub" && (of(Class::Unauthenticated) || of(Class::Denied)) => {
            "set GITHUB_TOKEN to a token that may read and write the webhooks of the repository (a classic one: \
             `admin:repo_hook`), or `webhook: false` in stack.yaml and make the webhook by hand"
                .to_owned()
        }
        _ if of(Class::Unauthenticated) => {
            "give AWS credentials: `AWS_PROFILE`, `aws sso login`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                .to_owned()
        }
        _ if of(Class::Denied) && api.service == "Atlas" => {
            format!("the Atlas key needs the role Project Owner for {}", api.action)
        }
        // S3 does not say why.
        _ if of(Class::Denied) && api.service == "S3" => {
            "the bucket of the state belongs to another account (`account` below `state` of stack.yaml says which), or \
             the caller's policies lack what `provisioner permissions` prints"
                .to_owned()
        }
        _ if of(Class::Denied) => missing_right(api),
        "" if of(Class::Transient) => {
            "the service could not be reached: check the network, the region and AWS_ENDPOINT_URL, and run again"
                .to_owned()
        }
        _ if of(Class::Transient) => {
            format!("{} has been refusing this for minutes: run again later", api.service)
        }
        _ => return None,
    })
}

/// The quota that is used up, as Service Quotas calls it where we know.
fn quota(api: &ApiError) -> Option<String> {
    let name = match api.code.as_str() {
        // Calls in a time, not things.
        _ if api.class == Class::Transient => return None,
        "AddressLimitExceeded" => "EC2-VPC Elastic IPs",
        "VcpuLimitExceeded" => "Running On-Demand Standard instances",
        "SecurityGroupLimitExceeded" => "VPC security groups per Region",
        "RulesPerSecurityGroupLimitExceeded" => "Inbound or outbound rules per security group",
        "TooManyLoadBalancers" => "Application Load Balancers per Region",
        "TooManyTargetGroups" => "Target Groups per Region",
        "TooManyListeners" => "Listeners per Application Load Balancer",
        "TooManyRules" => "Rules per Application Load Balancer",
        "ParameterLimitExceeded" => "Standard parameters",
        // Its message names the quota.
        "LimitExceeded" if api.service == "IAM" => return Some("that IAM names".to_owned()),
        code if code.contains("LimitExceeded") || code.contains("QuotaExceeded") => {
            return Some(format!("of {} for {}", api.service, api.action));
        }
        _ => return None,
    };
    Some(format!("`{name}`"))
}

/// The statement that a policy lacks. AWS's message is better to take it from than the operation: what is denied may be
/// another action that it needs as well, such as to tag, or to pass a role.
fn missing_right(api: &ApiError) -> String {
    let after = |words: &str| {
        let (_, rest) = api.message.split_once(words)?;
        let word = rest.split_whitespace().next()?;
        Some(word.trim_end_matches(['.', ',']).to_owned())
    };
    let action = after("not authorized to perform: ")
        .unwrap_or_else(|| iam_action(&api.service, &api.action));
    if api.message.contains("explicit deny") {
        return format!(
            "a policy denies `{action}` explicitly, which no other policy can outweigh: ask who administers the account"
        );
    }
    let who = match &api.message {
        it if it.contains("service control policy") => {
            "the service control policies of the organization"
        }
        it if it.contains("permissions boundary") => "the caller's permissions boundary",
        _ => "the caller's policies",
    };
    let resource = after("on resource: ").unwrap_or_else(|| "*".to_owned());
    let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    format!(
        "{who} must allow {statement}; `provisioner permissions` prints all that the stack needs"
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(service: &str, action: &str, code: &str, message: &str, class: Class) -> String {
        let (service, action) = (service.to_owned(), action.to_owned());
        let (code, message) = (code.to_owned(), message.to_owned());
        let error =
            ApiError { service, action, code, message, request_id: None, class, retry_after: None };
        advice(&error.into()).unwrap_or_else(|| "-".to_owned())
    }

    #[test]
    fn what_is_denied_is_given_as_the_statement_that_is_missing() {
        let denied = |message: &str| told("EC2", "RunInstances", "X", message, Class::Denied);
        let who = "User: arn:aws:iam::123456789012:user/me is not authorized to perform:";
        let all = [
            denied("no"),
            denied(&format!(
                "{who} iam:PassRole on resource: arn:aws:iam::123456789012:role/a because no"
            )),
            denied(&format!(
                "{who} ec2:CreateTags with an explicit deny in an identity-based policy"
            )),
            denied(&format!(
                "{who} ec2:CreateTags on resource: * because no service control policy allows the action"
            )),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        the caller's policies must allow {"Action":"ec2:RunInstances","Effect":"Allow","Resource":"*"}; `provisioner permissions` prints all that the stack needs
        the caller's policies must allow {"Action":"iam:PassRole","Effect":"Allow","Resource":"arn:aws:iam::123456789012:role/a"}; `provisioner permissions` prints all that the stack needs
        a policy denies `ec2:CreateTags` explicitly, which no other policy can outweigh: ask who administers the account
        the service control policies of the organization must allow {"Action":"ec2:CreateTags","Effect":"Allow","Resource":"*"}; `provisioner permissions` prints all that the stack needs
        "#);
    }

    #[test]
    fn credentials_clocks_regions_and_quotas_are_told_apart() {
        let nobody =
            |code, message| told("STS", "GetCallerIdentity", code, message, Class::Unauthenticated);
        let full = |service, code| told(service, "Create", code, "", Class::Final);
        let expired = "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z";
        let all = [
            nobody("SignatureDoesNotMatch", expired),
            nobody("InvalidSignatureException", "Signature not yet current"),
            nobody("SignatureDoesNotMatch", "The request signature we calculated does not match"),
            nobody("ExpiredToken", ""),
            nobody("RequestExpired", "Request has expired."),
            nobody("InvalidClientTokenId", ""),
            nobody("OptInRequired", ""),
            nobody("", "no credentials"),
            full("EC2", "AddressLimitExceeded"),
            full("IAM", "LimitExceeded"),
            full("KMS", "LimitExceededException"),
            told("EC2", "RunInstances", "RequestLimitExceeded", "", Class::Transient),
            told("EC2", "RunInstances", "", "", Class::Transient),
            told("EC2", "RunInstances", "InvalidParameterValue", "", Class::Final),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        this machine's clock is off by more than five minutes: set it
        this machine's clock is off by more than five minutes: set it
        the secret access key does not fit the access key id
        the AWS session has expired: sign in again (`aws sso login` or `aws login`)
        the AWS session has expired (sign in again: `aws sso login` or `aws login`), or this machine's clock is off
        AWS does not know this access key: check AWS_PROFILE and the keys it stands for, and that the account has enabled the region
        the account has not enabled the region, or has not signed up for the service
        give AWS credentials: `AWS_PROFILE`, `aws sso login`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
        the quota `EC2-VPC Elastic IPs` is used up: ask for a higher one in Service Quotas, or remove what is not needed
        the quota that IAM names is used up: ask for a higher one in Service Quotas, or remove what is not needed
        the quota of KMS for Create is used up: ask for a higher one in Service Quotas, or remove what is not needed
        EC2 has been refusing this for minutes: run again later
        the service could not be reached: check the network, the region and AWS_ENDPOINT_URL, and run again
        -
        "#);
    }
}
