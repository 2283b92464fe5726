//! The one place that knows what the services' errors mean for how to go on.

use std::{any::type_name, error::Error as StdError};

use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, client::result::SdkError};
use aws_smithy_types::error::{metadata::ProvideErrorMetadata, operation::BuildError};

use crate::engine::{ApiError, Class, Error, Result};

impl<E> From<SdkError<E, HttpResponse>> for Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let (service, action) = operation(type_name::<E>());
        let headers = error.raw_response().map(HttpResponse::headers);
        let header = |name| headers.and_then(|it| it.get(name)).map(str::to_owned);
        let request_id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id"));
        let retry_after = header("retry-after")
            .and_then(|it| it.parse().ok())
            .map(std::time::Duration::from_secs);
        let (code, message) = match &error {
            SdkError::ServiceError(it) => (
                it.err().code().unwrap_or_default().to_owned(),
                it.err().message().map_or_else(|| chain(it.err()), str::to_owned),
            ),
            other => (String::new(), chain(other)),
        };
        let class = match &error {
            SdkError::ServiceError(it) => {
                let status = it.raw().status().as_u16();
                if status >= 500 && !code.starts_with("ResourceInUse") {
                    Class::Transient
                } else {
                    classify(&code, &message)
                }
            }
            SdkError::ConstructionFailure(_) => Class::Final,
            SdkError::DispatchFailure(_) if message.contains("credential") => {
                Class::Unauthenticated
            }
            // An answer that broke off is no answer.
            _ => Class::Transient,
        };
        ApiError { service, action, code, message, request_id, class, retry_after }.into()
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::Unexpected(chain(&error))
    }
}

/// `None` for what is not there: a search by ARN fails, rather than finding nothing, when there is nothing.
///
/// # Errors
///
/// Every error but [`Class::Gone`].
pub fn there<T>(result: std::result::Result<T, impl Into<Error>>) -> Result<Option<T>> {
    match result.map_err(Into::into) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.class() == Class::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a service's error code means for how to go on.
fn classify(code: &str, message: &str) -> Class {
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "TooManyRequestsException"
        | "PriorRequestNotComplete"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "OperationAbortedException"
        | "TooManyUpdates"
        | "UpdateInProgressException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "InternalError"
        | "InternalFailure"
        | "RequestTimeout"
        | "SlowDown"
        | "ConditionalRequestConflict"
        // S3, of a bucket that is being made or set up.
        | "OperationAborted"
        | "RequestTimeoutException" => Class::Transient,
        // IAM: a role that was made a moment ago is being attached to, or deleted from, somewhere else.
        "EntityTemporarilyUnmodifiable" => Class::Transient,

        // EC2 stops or starts an instance, or makes a volume, and meanwhile refuses this.
        "IncorrectInstanceState" | "IncorrectState" => Class::Blocked,

        "DependencyViolation"
        | "ResourceInUse"
        | "ResourceInUseException"
        | "DeleteConflict"
        | "ClusterContainsServicesException"
        | "ClusterContainsTasksException"
        | "ClusterContainsContainerInstancesException"
        | "InvalidIPAddress.InUse"
        | "VolumeInUse"
        | "CANNOT_DELETE_WHILE_CREATING" => Class::Blocked,

        "NoSuchEntity"
        | "NoSuchBucket"
        | "NoSuchHostedZone"
        | "NoSuchKey"
        | "NoSuchVersion"
        | "NotFoundException"
        | "ResourceNotFoundException"
        | "ResourceNotFound"
        | "ParameterNotFound"
        // SSM's word for it where it takes tags.
        | "InvalidResourceId"
        | "ServiceNotFoundException"
        | "ServiceNotActiveException"
        | "ClusterNotFoundException"
        | "LoadBalancerNotFound"
        | "TargetGroupNotFound"
        | "ListenerNotFound"
        | "RuleNotFound" => Class::Gone,

        "EntityAlreadyExists"
        | "AlreadyExistsException"
        | "BucketAlreadyOwnedByYou"
        | "ResourceAlreadyExistsException"
        | "ParameterAlreadyExists"
        | "InvalidGroup.Duplicate"
        | "InvalidPermission.Duplicate"
        | "DuplicateLoadBalancerName"
        | "DuplicateTargetGroupName"
        | "DuplicateListener"
        | "PriorityInUse" => Class::Exists,

        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedException"
        | "AuthorizationError" => Class::Denied,

        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "IncompleteSignature"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "OptInRequired"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Class::Unauthenticated,

        // Route 53 has one code for everything that is wrong with a change.
        "InvalidChangeBatch" if message.contains("but it already exists") => Class::Exists,
        "InvalidChangeBatch" if message.contains("but it was not found") => Class::Gone,
        // The record was changed between our look at it and its deletion.
        "InvalidChangeBatch" if message.contains("do not match the current values") => Class::Transient,

        // A load balancer does not see a certificate yet that was issued a moment ago.
        "CertificateNotFound" => Class::Settling,
        // ACM is still at a certificate that was requested a moment ago.
        "RequestInProgressException" => Class::Settling,

        // These come from the user, not from us a moment ago.
        "InvalidKeyPair.NotFound" | "InvalidAMIID.NotFound" => Class::Final,
        // EC2 names each kind: InvalidGroup.NotFound, InvalidInstanceID.NotFound, InvalidAllocationID.NotFound, …
        _ if code.ends_with(".NotFound") => Class::Gone,
        _ if settling(code, message) => Class::Settling,
        _ => by_message(code, message).unwrap_or(Class::Final),
    }
}

/// Some services have few codes; what happened shows in the message only.
fn by_message(code: &str, message: &str) -> Option<Class> {
    const MESSAGES: [(&str, &str, Class); 7] = [
        ("ClientException", "Unable to describe task definition", Class::Gone),
        (
            "ClientException",
            "Too many concurrent attempts to create a new revision",
            Class::Transient,
        ),
        ("InvalidParameterException", "Creation of service was not idempotent", Class::Exists),
        // The name of a deleted service becomes free when its last task has stopped.
        ("InvalidParameterException", "service that is still Draining", Class::Blocked),
        // A target that is to be taken out, and has been forgotten together with its instance.
        ("InvalidTarget", "does not exist", Class::Gone),
        // KMS, some moments after a deletion was cancelled or a key was enabled.
        ("KMSInvalidStateException", "is pending deletion", Class::Settling),
        ("DisabledException", "is disabled", Class::Settling),
    ];
    let is = |(of, part, _): &&(&str, &str, Class)| code == *of && message.contains(part);
    MESSAGES.iter().find(is).map(|(_, _, class)| *class)
}

/// IAM spreads slowly: other services refuse a role, a profile or a principal that IAM has had for some seconds. They
/// use codes that also stand for real mistakes, so only the messages tell.
fn settling(code: &str, message: &str) -> bool {
    const MESSAGES: [(&str, &str); 14] = [
        ("InvalidParameterValue", "Invalid IAM Instance Profile"),
        ("InvalidParameterException", "is unable to assume the"),
        ("InvalidParameterException", "unable to assume the service linked role"),
        ("ClientException", "unable to assume"),
        ("MalformedPolicyDocumentException", "invalid principals"),
        ("MalformedPolicyDocument", "Invalid principal"),
        // An address for an instance that is still `pending`.
        ("InvalidInstanceID", "not in a valid state"),
        // The same, of a target group.
        ("InvalidTarget", "not in a running state"),
        // A log group with a key whose policy was set a moment ago.
        ("InvalidParameterException", "does not exist or is not allowed to be used"),
        // A parameter with a key that was made, or taken back, a moment ago.
        ("InvalidKeyId", ""),
        // A service, or a task definition, with a role or a listener that was made a moment ago.
        ("InvalidParameterException", "Unable to assume role"),
        ("InvalidParameterException", "does not have an associated load balancer"),
        ("ClientException", "Role is not valid"),
        ("InvalidParameterException", "Role is not valid"),
    ];
    MESSAGES.iter().any(|(of, part)| code == *of && message.contains(part))
}

/// The service and the operation out of the name of the operation's error type:
/// `aws_sdk_ec2::operation::run_instances::RunInstancesError` is EC2's `RunInstances`. The SDK puts neither into the
/// error; a test holds on to the form of the name.
fn operation(type_name: &str) -> (String, String) {
    let service = type_name.split("::").next().unwrap_or_default().trim_start_matches("aws_sdk_");
    let action = type_name.rsplit("::").next().unwrap_or_default().trim_end_matches("Error");
    let service = match service {
        "acm" => "ACM",
        "cloudwatchlogs" => "CloudWatch Logs",
        "ec2" => "EC2",
        "ecs" => "ECS",
        "elasticloadbalancingv2" => "Elastic Load Balancing",
        "iam" => "IAM",
        "kms" => "KMS",
        "resourcegroupstagging" => "Resource Groups Tagging",
        "route53" => "Route 53",
        "s3" => "S3",
        "ssm" => "Systems Manager",
        "sts" => "STS",
        other => other,
    };
    (service.to_owned(), action.to_owned())
}

/// An error with everything that caused it, each said once.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let cause = error.to_string();
        if !said.iter().any(|it| it.contains(&cause)) {
            said.push(cause);
        }
        next = error.source();
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_is_named_by_its_error_type() {
        let name = type_name::<aws_sdk_ec2::operation::run_instances::RunInstancesError>();
        assert_eq!(operation(name), ("EC2".to_owned(), "RunInstances".to_owned()));
    }

    #[test]
    fn messages_tell_a_slow_role_from_a_mistake() {
        let slow = "Value (gsm-jenkins) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name";
        assert_eq!(classify("InvalidParameterValue", slow), Class::Settling);
        assert_eq!(classify("InvalidParameterValue", "Invalid instance type"), Class::Final);
        assert_eq!(classify("InvalidGroup.NotFound", ""), Class::Gone);
        let there = "[Tried to create resource record set [name='a.example.com.', type='A'] but it already exists]";
        assert_eq!(classify("InvalidChangeBatch", there), Class::Exists);
        let gone = "[Tried to delete resource record set [name='a.example.com.', type='A'] but it was not found]";
        assert_eq!(classify("InvalidChangeBatch", gone), Class::Gone);
        let draining = "Unable to Start a service that is still Draining.";
        assert_eq!(classify("InvalidParameterException", draining), Class::Blocked);
        assert_eq!(classify("ClientException", "Unable to describe task definition."), Class::Gone);
    }
}
