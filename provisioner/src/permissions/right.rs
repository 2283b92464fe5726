//! From calls to the statements of a policy.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Subject;

/// The right to make some calls: the service's name in IAM, the calls, what they may be made on, and under which
/// conditions.
///
/// What they may be made on is `*` or `SERVICE/RESOURCE`, for the ARN of that. Words in braces stand for what [`fill`]
/// knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Right(
    pub &'static str,
    pub &'static [&'static str],
    pub &'static [&'static str],
    pub Conditions,
);

/// Operator, key and values of each condition.
pub(super) type Conditions = &'static [(&'static str, &'static str, &'static [&'static str])];

/// Under no condition.
pub(super) const FREE: Conditions = &[];
/// On what carries the stack's tag.
pub(super) const TAGGED: Conditions =
    &[("StringEquals", "aws:ResourceTag/provisioner:stack", &["{stack}"])];
/// If what is made is given the stack's tag.
pub(super) const TAGGING: Conditions =
    &[("StringEquals", "aws:RequestTag/provisioner:stack", &["{stack}"])];
/// On what is in the stack's cluster, where no resource can be named.
pub(super) const IN_CLUSTER: Conditions =
    &[("ArnEquals", "ecs:cluster", &["arn:{partition}:ecs:{region}:{account}:cluster/{stack}"])];
/// By Systems Manager, on behalf of the caller, on the stack's key.
pub(super) const VIA_SSM: Conditions = &[
    ("StringEquals", "aws:ResourceTag/provisioner:stack", &["{stack}"]),
    ("StringEquals", "kms:ViaService", &["ssm.{region}.amazonaws.com"]),
];
/// Handed on to tasks.
pub(super) const TO_TASKS: Conditions =
    &[("StringEquals", "iam:PassedToService", &["ecs-tasks.amazonaws.com"])];
/// Handed on to an instance.
pub(super) const TO_INSTANCES: Conditions =
    &[("StringEquals", "iam:PassedToService", &["ec2.amazonaws.com"])];

/// A policy with these rights, in an order that depends on nothing else.
///
/// A service's calls under the same conditions are one statement, for policies have a longest length. That widens nothing:
/// a call is asked about the kinds of resources that it takes, whatever else the statement lists. Only where the
/// condition is about the request, and not about what is there, would a call that takes several things be let at things
/// of others.
pub(super) fn document(subject: &Subject, rights: impl IntoIterator<Item = Right>) -> Value {
    let mut statements: BTreeMap<(&str, String, String), Statement> = BTreeMap::new();
    for Right(service, calls, on, conditions) in rights {
        let resources: BTreeSet<String> = on.iter().flat_map(|it| arns(subject, it)).collect();
        if resources.is_empty() {
            continue;
        }
        // What takes no resource is one statement for all services; first, as the empty word sorts first.
        let service_or_any = if resources.contains("*") { "" } else { service };
        let of_request = conditions.iter().any(|(_, key, _)| key.starts_with("aws:RequestTag/"));
        let apart = if of_request {
            resources.iter().map(String::as_str).collect::<String>()
        } else {
            String::new()
        };
        let condition = condition(subject, conditions);
        let statement = statements
            .entry((service_or_any, json!(condition).to_string(), apart))
            .or_insert_with(|| Statement { condition, ..Statement::default() });
        statement.actions.extend(calls.iter().map(|it| format!("{service}:{it}")));
        statement.resources.extend(resources);
    }
    let statements = statements.into_values().map(Statement::into_json);
    json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
}

#[derive(Default)]
struct Statement {
    actions: BTreeSet<String>,
    resources: BTreeSet<String>,
    condition: Map<String, Value>,
}

impl Statement {
    fn into_json(self) -> Value {
        let Self { actions, resources, condition } = self;
        let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": resources });
        if let (Some(fields), false) = (statement.as_object_mut(), condition.is_empty()) {
            fields.insert("Condition".to_owned(), condition.into());
        }
        statement
    }
}

fn condition(subject: &Subject, conditions: Conditions) -> Map<String, Value> {
    let mut operators = Map::new();
    for (operator, key, values) in conditions {
        let mut values: Vec<String> = values.iter().map(|it| fill(subject, it)).collect();
        let value = match values.len() {
            1 => Value::from(values.remove(0)),
            _ => Value::from(values),
        };
        let keys = operators.entry(*operator).or_insert_with(|| json!({}));
        if let Some(keys) = keys.as_object_mut() {
            keys.insert((*key).to_owned(), value);
        }
    }
    operators
}

/// The ARNs that a template stands for; none if it is about roles that the stack does not have.
fn arns(subject: &Subject, template: &str) -> Vec<String> {
    let Some((service, resource)) = template.split_once('/') else {
        return vec![template.to_owned()];
    };
    let names = match resource {
        "{task roles}" => subject.task_roles.iter(),
        "{instance roles}" => subject.instance_roles.iter(),
        _ => return vec![arn(subject, service, &fill(subject, resource))],
    };
    names.map(|it| arn(subject, "iam", &format!("role/{it}"))).collect()
}

fn arn(
    Subject { partition, region, account, .. }: &Subject,
    service: &str,
    resource: &str,
) -> String {
    // What is the same in every region has none in its ARN, and what belongs to nobody in particular has no account.
    let (region, account) = match service {
        "iam" => ("", account.as_str()),
        "route53" | "s3" => ("", ""),
        "ec2" if resource.starts_with("image/") => (region.as_str(), ""),
        _ => (region.as_str(), account.as_str()),
    };
    format!("arn:{partition}:{service}:{region}:{account}:{resource}")
}

fn fill(subject: &Subject, template: &str) -> String {
    let Subject { partition, region, account, stack, zone, state, .. } = subject;
    let (bucket, key) = state.clone().unwrap_or_default();
    let words = [
        ("{state}", &format!("{bucket}/{key}")),
        ("{state bucket}", &bucket),
        ("{partition}", partition),
        ("{region}", region),
        ("{account}", account),
        ("{stack}", stack),
        ("{zone}", zone),
    ];
    words.into_iter().fold(template.to_owned(), |text, (word, value)| text.replace(word, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            partition: "aws".to_owned(),
            region: "eu-central-1".to_owned(),
            account: "123456789012".to_owned(),
            stack: "gsm".to_owned(),
            zone: "example.com".to_owned(),
            task_roles: vec!["gsm-bot-task".to_owned()],
            instance_roles: Vec::new(),
            has_targets: false,
            state: Some(("states".to_owned(), "team/gsm".to_owned())),
        }
    }

    #[test]
    fn arns_have_what_their_service_gives_them() {
        let arns = |it| arns(&subject(), it).join(" ");
        assert_eq!(
            arns("ecs/service/{stack}/*"),
            "arn:aws:ecs:eu-central-1:123456789012:service/gsm/*"
        );
        assert_eq!(arns("iam/role/{stack}-*"), "arn:aws:iam::123456789012:role/gsm-*");
        assert_eq!(arns("iam/{task roles}"), "arn:aws:iam::123456789012:role/gsm-bot-task");
        assert_eq!(arns("route53/hostedzone/*"), "arn:aws:route53:::hostedzone/*");
        assert_eq!(arns("ec2/image/*"), "arn:aws:ec2:eu-central-1::image/*");
        assert_eq!(arns("s3/{state}.json"), "arn:aws:s3:::states/team/gsm.json");
        assert_eq!(arns("s3/{state bucket}"), "arn:aws:s3:::states");
        assert_eq!(arns("*"), "*");
    }

    #[test]
    fn what_is_limited_is_never_merged_with_what_is_not() {
        let rights = [
            Right("ec2", &["StopInstances"], &["ec2/instance/*"], TAGGED),
            Right("ec2", &["RunInstances"], &["ec2/image/*"], FREE),
            Right("ec2", &["DescribeImages"], &["*"], FREE),
            Right("iam", &["PassRole"], &["iam/{instance roles}"], TO_INSTANCES),
        ];
        let document = document(&subject(), rights);
        let told = document["Statement"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| format!("{} {} {}", it["Action"][0], it["Resource"][0], it["Condition"]));
        // A right on roles that the stack does not have is none.
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                r#""ec2:DescribeImages" "*" null"#,
                r#""ec2:StopInstances" "arn:aws:ec2:eu-central-1:123456789012:instance/*" {"StringEquals":{"aws:ResourceTag/provisioner:stack":"gsm"}}"#,
                r#""ec2:RunInstances" "arn:aws:ec2:eu-central-1::image/*" null"#,
            ]
        );
    }
}
