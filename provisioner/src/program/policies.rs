//! Policy documents: who may do what, and nothing more.

use serde_json::{Value, json};

use crate::{cloud::Cloud, config::Config, permissions};

/// The managed policy that lets ECS fetch images and write logs.
pub(super) fn managed_execution(cloud: &Cloud) -> String {
    format!("arn:{}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy", cloud.partition)
}

/// Lets a service of AWS take on a role, on behalf of this account alone.
pub(super) fn trust(service: &str, cloud: &Cloud) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "Service": service },
        "Action": "sts:AssumeRole",
    });
    // EC2 gives no source account.
    if service.starts_with("ecs-tasks")
        && let Some(fields) = statement.as_object_mut()
    {
        fields.insert(
            "Condition".to_owned(),
            json!({ "StringEquals": { "aws:SourceAccount": cloud.account } }),
        );
    }
    document([statement])
}

/// Lets whoever has a token of this provider, with this subject and made for this audience, take on a role.
pub(super) fn trust_tokens(provider: &str, issuer: &str, audience: &str, subject: &str) -> Value {
    // Letter by letter: no pattern, of which another repository or branch could be an instance.
    let token = json!({ format!("{issuer}:aud"): audience, format!("{issuer}:sub"): subject });
    document([json!({
        "Effect": "Allow",
        "Principal": { "Federated": provider },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": token },
    })])
}

/// The key: the account's own policies decide, CloudWatch Logs may use it for the stack's log group, and whoever may
/// use ECS Exec in the stack's cluster for the sessions there.
pub(super) fn key(cloud: &Cloud, stack: &str) -> Value {
    let account = format!("arn:{}:iam::{}:root", cloud.partition, cloud.account);
    let group = cloud.arn("logs", &format!("log-group:{stack}"));
    document([
        json!({
            "Sid": "TheAccountsPoliciesDecide",
            "Effect": "Allow",
            "Principal": { "AWS": account },
            "Action": "kms:*",
            "Resource": "*",
        }),
        // See "Encrypt log data in CloudWatch Logs using AWS KMS" in the CloudWatch Logs User Guide.
        json!({
            "Sid": "LogsOfTheStack",
            "Effect": "Allow",
            "Principal": { "Service": format!("logs.{}.amazonaws.com", cloud.region) },
            "Action": ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            "Resource": "*",
            "Condition": { "ArnEquals": { "kms:EncryptionContext:aws:logs:arn": group } },
        }),
        // ECS Exec is a session of Systems Manager whose target is named after cluster and task.
        json!({
            "Sid": "SessionsInTheCluster",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {
                "StringEquals": { "kms:CallerAccount": cloud.account },
                "StringLike": { "kms:EncryptionContext:aws:ssm:TargetId": format!("ecs:{stack}_*") },
            },
        }),
    ])
}

/// Lets ECS fetch exactly these parameters, which this key encrypts.
pub(super) fn read_secrets(parameters: Vec<String>, key: &str) -> Value {
    let mut parameters = parameters;
    parameters.sort();
    parameters.dedup();
    document([
        json!({ "Effect": "Allow", "Action": "ssm:GetParameters", "Resource": parameters }),
        json!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key }),
    ])
}

/// Lets a machine fetch exactly these parameters, which this key encrypts. It may use the key for nothing else.
pub(super) fn fetch_parameters(cloud: &Cloud, parameters: Vec<String>, key: &str) -> Value {
    let mut parameters = parameters;
    parameters.sort();
    let via = json!({ "StringEquals": { "kms:ViaService": format!("ssm.{}.amazonaws.com", cloud.region) } });
    document([
        json!({ "Effect": "Allow", "Action": "ssm:GetParameters", "Resource": parameters }),
        json!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key, "Condition": via }),
    ])
}

/// Lets ECS Exec open sessions in a task, encrypted with the key and logged to the group.
pub(super) fn exec(key: &str, group: &str) -> Value {
    document([
        json!({
            "Effect": "Allow",
            "Action": [
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "Resource": "*",
        }),
        json!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key }),
        json!({ "Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*" }),
        json!({
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": format!("{group}:*"),
        }),
    ])
}

/// What `deploy` needs, and nothing else.
pub(super) fn deploy(cloud: &Cloud, config: &Config) -> Value {
    permissions::Subject::of(config, cloud).deploy_policy()
}

fn document(statements: impl IntoIterator<Item = Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements.into_iter().collect::<Vec<_>>() })
}
