//! Which rights calls need, and what is said of those that are not given.

use regex_lite::Regex;
use serde_json::json;

use super::*;
use crate::{Time, Times, World};

const EVERYTHING: &str = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
const TRUST: &str = r#"{"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}"#;

fn world() -> World {
    World::new(Time(0), Times::none(), 1)
}

fn rights(policy: &str) -> Rights {
    Rights::read(policy).unwrap()
}

fn check(
    world: &mut World,
    rights: &mut Rights,
    (service, action, body): (&str, &str, &str),
) -> Result<(), Refusal> {
    rights.check(&world.context("eu-central-1"), &Call::sample(service, action, body))
}

/// What a call needs, without the account's part of the ARNs.
fn needed(world: &mut World, call: (&str, &str, &str)) -> Vec<String> {
    let mut rights = rights(EVERYTHING);
    check(world, &mut rights, call).unwrap();
    let short = |arn: &str| arn.rsplit("123456789012:").next().unwrap_or_default().to_owned();
    rights.needed().map(|(action, resource)| format!("{action} {}", short(resource))).collect()
}

fn make(world: &mut World, service: &str, action: &str, body: &str) -> Value {
    world.answer(&Call::sample(service, action, body)).unwrap()
}

#[test]
fn every_call_that_is_modelled_has_a_line_and_no_other() {
    let sources = [
        (Service::Acm, include_str!("../services/acm.rs")),
        (Service::Ec2, include_str!("../services/ec2/mod.rs")),
        (Service::Ecs, include_str!("../services/ecs/mod.rs")),
        (Service::Elb, include_str!("../services/elb/mod.rs")),
        (Service::Iam, include_str!("../services/iam/mod.rs")),
        (Service::Kms, include_str!("../services/kms/mod.rs")),
        (Service::Logs, include_str!("../services/logs.rs")),
        (Service::Route53, include_str!("../services/route53/mod.rs")),
        (Service::S3, include_str!("../services/s3/mod.rs")),
        (Service::Ssm, include_str!("../services/ssm.rs")),
        (Service::Tagging, include_str!("../services/tagging.rs")),
    ];
    let arm = Regex::new(r#"(?m)^ {8}"([A-Z][A-Za-z]*[a-z][A-Za-z0-9]*)" =>"#).unwrap();
    for (service, source) in sources {
        let (_, table) = table::of(service).unwrap();
        let found = arm.captures_iter(source).filter_map(|it| it.get(1)).map(|it| it.as_str());
        let mut modelled: Vec<&str> = found.collect();
        let mut listed: Vec<&str> =
            table.lines().filter_map(|it| it.split_whitespace().next()).collect();
        modelled.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, modelled, "{service}");
    }
}

#[test]
fn what_no_statement_allows_is_denied_in_each_services_way() {
    let mut world = world();
    let mut rights = rights(
        r#"{"Statement": [
            {"Effect": "Allow", "Action": ["ecs:List*", "kms:*"], "Resource": "*"},
            {"Effect": "Deny", "Action": "kms:List*", "Resource": "*"}
        ]}"#,
    );
    let user = "User: arn:aws:iam::123456789012:user/simulator is not authorized to perform:";
    let mut denied = |call| match check(&mut world, &mut rights, call) {
        Ok(()) => None,
        Err(it) => Some((it.status, it.code, it.message)),
    };
    let because = |code: &str, status, words: String| Some((status, code.to_owned(), words));
    assert_eq!(denied(("ecs", "ListClusters", "{}")), None);
    assert_eq!(denied(("sts", "", "Action=GetCallerIdentity")), None);
    assert_eq!(
        denied(("ec2", "", "Action=DescribeVpcs")),
        because(
            "UnauthorizedOperation",
            403,
            format!(
                "You are not authorized to perform this operation. {user} ec2:DescribeVpcs on resource: * because no identity-based policy allows the ec2:DescribeVpcs action"
            )
        )
    );
    assert_eq!(
        denied(("iam", "", "Action=GetRole&RoleName=a")),
        because(
            "AccessDenied",
            403,
            format!(
                "{user} iam:GetRole on resource: arn:aws:iam::123456789012:role/a because no identity-based policy allows the iam:GetRole action"
            )
        )
    );
    assert_eq!(
        denied(("kms", "ListKeys", "{}")),
        because(
            "AccessDeniedException",
            400,
            format!(
                "{user} kms:ListKeys on resource: * with an explicit deny in an identity-based policy"
            )
        )
    );
}

#[test]
fn calls_need_rights_to_what_they_name() {
    let mut world = world();
    let account = "arn:aws:ecs:eu-central-1:123456789012";
    let deployment =
        format!(r#"{{"serviceDeploymentArns": ["{account}:service-deployment/c/s/d"]}}"#);
    let balancer = "Action=CreateListener&LoadBalancerArn=arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0&Tags.member.1.Key=k&Tags.member.1.Value=v";
    for (call, expected) in [
        (("ec2", "", "Action=DescribeInstances"), vec!["ec2:DescribeInstances *"]),
        (
            (
                "ec2",
                "",
                "Action=ModifySecurityGroupRules&GroupId=sg-1&SecurityGroupRule.1.SecurityGroupRuleId=sgr-1",
            ),
            vec![
                "ec2:ModifySecurityGroupRules security-group-rule/sgr-1",
                "ec2:ModifySecurityGroupRules security-group/sg-1",
            ],
        ),
        (
            (
                "ec2",
                "",
                "Action=CreateSecurityGroup&GroupName=a&VpcId=vpc-1&TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=k",
            ),
            vec![
                "ec2:CreateSecurityGroup security-group/*",
                "ec2:CreateSecurityGroup vpc/vpc-1",
                "ec2:CreateTags security-group/*",
            ],
        ),
        (
            ("ec2", "", "Action=DeleteTags&ResourceId.1=sg-1"),
            vec!["ec2:DeleteTags security-group/sg-1"],
        ),
        (
            ("ecs", "UpdateService", r#"{"cluster": "c", "service": "s"}"#),
            vec!["ecs:UpdateService service/c/s"],
        ),
        (("ecs", "DescribeClusters", "{}"), vec!["ecs:DescribeClusters cluster/default"]),
        (
            ("ecs", "DescribeServiceDeployments", &deployment),
            vec![
                "ecs:DescribeServiceDeployments service-deployment/c/s/d",
                "ecs:DescribeServiceDeployments service/c/s",
            ],
        ),
        (
            (
                "ecs",
                "RegisterTaskDefinition",
                r#"{"family": "f", "taskRoleArn": "arn:aws:iam::123456789012:role/t", "tags": [{"key": "k", "value": "v"}]}"#,
            ),
            vec![
                "ecs:RegisterTaskDefinition task-definition/f:*",
                "ecs:TagResource task-definition/f:*",
                "iam:PassRole role/t",
            ],
        ),
        (
            ("elasticloadbalancing", "", balancer),
            vec![
                "elasticloadbalancing:AddTags listener/app/a/0/*",
                "elasticloadbalancing:CreateListener loadbalancer/app/a/0",
            ],
        ),
        (
            ("logs", "CreateLogGroup", r#"{"logGroupName": "/a", "tags": {"k": "v"}}"#),
            vec![
                "logs:CreateLogGroup log-group:/a:log-stream:",
                "logs:TagResource log-group:/a:log-stream:",
            ],
        ),
        (("kms", "CreateKey", "{}"), vec!["kms:CreateKey *"]),
        (
            (
                "iam",
                "",
                "Action=CreateRole&RoleName=a&Path=/p/&Tags.member.1.Key=k&Tags.member.1.Value=v",
            ),
            vec!["iam:CreateRole role/p/a", "iam:TagRole role/p/a"],
        ),
        (
            ("ssm", "GetParameters", r#"{"Names": ["/a", "b"]}"#),
            vec!["ssm:GetParameters parameter/a", "ssm:GetParameters parameter/b"],
        ),
    ] {
        assert_eq!(needed(&mut world, call), expected);
    }
}

#[test]
fn what_is_meant_is_looked_up_in_the_world() {
    let mut world = world();
    let trust = percent_encoding::utf8_percent_encode(TRUST, percent_encoding::NON_ALPHANUMERIC);
    let role = format!("Action=CreateRole&RoleName=r&Path=/p/&AssumeRolePolicyDocument={trust}");
    make(&mut world, "iam", "", &role);
    make(&mut world, "iam", "", "Action=CreateInstanceProfile&InstanceProfileName=i");
    make(&mut world, "iam", "", "Action=AddRoleToInstanceProfile&InstanceProfileName=i&RoleName=r");
    let key = make(&mut world, "kms", "CreateKey", "{}")["KeyMetadata"]["KeyId"].clone();
    let key = key.as_str().unwrap_or_default();
    let alias = json!({ "AliasName": "alias/a", "TargetKeyId": key }).to_string();
    make(&mut world, "kms", "CreateAlias", &alias);
    let secret = |name: &str, key: Option<&str>| {
        json!({ "Name": name, "Value": "v", "Type": "SecureString", "KeyId": key }).to_string()
    };
    let call = ("kms", "DescribeKey", r#"{"KeyId": "alias/a"}"#);
    assert_eq!(needed(&mut world, call), [format!("kms:DescribeKey key/{key}")]);
    let put = secret("/s", Some("alias/a"));
    assert_eq!(
        needed(&mut world, ("ssm", "PutParameter", &put)),
        [format!("kms:Encrypt key/{key}"), "ssm:PutParameter parameter/s".to_owned()]
    );
    make(&mut world, "ssm", "PutParameter", &put);
    // AWS's own key lets everybody of the account use it through Systems Manager.
    make(&mut world, "ssm", "PutParameter", &secret("/t", None));
    let get = r#"{"Names": ["/s", "/t"], "WithDecryption": true}"#;
    assert_eq!(
        needed(&mut world, ("ssm", "GetParameters", get)),
        [
            format!("kms:Decrypt key/{key}"),
            "ssm:GetParameters parameter/s".to_owned(),
            "ssm:GetParameters parameter/t".to_owned(),
        ]
    );
    let run = "Action=RunInstances&ImageId=ami-1&SubnetId=subnet-1&SecurityGroupId.1=sg-1&IamInstanceProfile.Name=i";
    let run = needed(&mut world, ("ec2", "", run));
    assert!(run.contains(&"iam:PassRole role/p/r".to_owned()), "{run:?}");
    assert!(
        run.contains(&"ec2:RunInstances arn:aws:ec2:eu-central-1::image/ami-1".to_owned()),
        "{run:?}"
    );
}

#[test]
fn conditions_know_tags_and_whom_a_role_is_passed_to() {
    let mut world = world();
    let mine = |key: &str| json!({ "StringEquals": { key: "gsm" } });
    let mut rights = rights(
        &json!({ "Statement": [
            { "Effect": "Allow", "Action": ["ec2:CreateSecurityGroup", "ec2:CreateTags"],
              "Resource": "arn:aws:ec2:*:*:security-group/*", "Condition": mine("aws:RequestTag/stack") },
            { "Effect": "Allow", "Action": "ec2:CreateSecurityGroup", "Resource": "arn:aws:ec2:*:*:vpc/*" },
            { "Effect": "Allow", "Action": "ec2:DeleteSecurityGroup", "Resource": "*",
              "Condition": mine("aws:ResourceTag/stack") },
            { "Effect": "Allow", "Action": "ecs:RegisterTaskDefinition", "Resource": "*" },
            { "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
              "Condition": { "StringEquals": { "iam:PassedToService": "ecs-tasks.amazonaws.com" } } },
        ] })
        .to_string(),
    );
    let group = |name: &str, stack: &str| {
        format!(
            "Action=CreateSecurityGroup&GroupName={name}&GroupDescription=d&TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=stack&TagSpecification.1.Tag.1.Value={stack}"
        )
    };
    let mut may =
        |world: &mut World, call: (&str, &str, &str)| check(world, &mut rights, call).is_ok();
    assert!(may(&mut world, ("ec2", "", &group("a", "gsm"))));
    assert!(!may(&mut world, ("ec2", "", &group("a", "other"))));
    assert!(!may(&mut world, ("ec2", "", "Action=CreateSecurityGroup&GroupName=a")));
    for (stack, allowed) in [("gsm", true), ("other", false)] {
        let made = make(&mut world, "ec2", "", &group(stack, stack));
        let id = made["groupId"].as_str().unwrap_or_default();
        let delete = format!("Action=DeleteSecurityGroup&GroupId={id}");
        assert_eq!(may(&mut world, ("ec2", "", &delete)), allowed, "{stack}");
    }
    let register = r#"{"family": "f", "executionRoleArn": "arn:aws:iam::123456789012:role/e"}"#;
    assert!(may(&mut world, ("ecs", "RegisterTaskDefinition", register)));
    let pass = "Action=AddRoleToInstanceProfile&InstanceProfileName=i&RoleName=r";
    assert!(!may(&mut world, ("iam", "", pass)));
}

fn of_s3(method: &str, path: &str, header: Option<(&str, &str)>) -> Call {
    let scope = "AWS4-HMAC-SHA256 Credential=x/20261123/eu-central-1/s3/aws4_request";
    let request = http::Request::builder().method(method).uri(path).header("authorization", scope);
    let request = match header {
        Some((name, value)) => request.header(name, value),
        None => request,
    };
    Call::of(&request.body(bytes::Bytes::new()).unwrap()).unwrap()
}

#[test]
fn in_s3_the_address_and_the_headers_tell_what_is_needed() {
    let mut world = world();
    let mut needed = |method, path, header| {
        let mut rights = rights(EVERYTHING);
        rights.check(&world.context("eu-central-1"), &of_s3(method, path, header)).unwrap();
        let needed = rights.needed().map(|(action, resource)| format!("{action} {resource}"));
        needed.collect::<Vec<_>>().join(", ")
    };
    for (method, path, header, expected) in [
        ("HEAD", "/b", None, "s3:ListBucket arn:aws:s3:::b"),
        ("GET", "/b?list-type=2", None, "s3:ListBucket arn:aws:s3:::b"),
        ("GET", "/b?versions", None, "s3:ListBucketVersions arn:aws:s3:::b"),
        ("PUT", "/b?lifecycle", None, "s3:PutLifecycleConfiguration arn:aws:s3:::b"),
        ("PUT", "/b?publicAccessBlock", None, "s3:PutBucketPublicAccessBlock arn:aws:s3:::b"),
        ("GET", "/b/k/%C3%A4", None, "s3:GetObject arn:aws:s3:::b/k/ä"),
        ("HEAD", "/b/k", None, "s3:GetObject arn:aws:s3:::b/k"),
        ("GET", "/b/k?versionId=null", None, "s3:GetObjectVersion arn:aws:s3:::b/k"),
        ("DELETE", "/b/k?versionId=null", None, "s3:DeleteObjectVersion arn:aws:s3:::b/k"),
        ("DELETE", "/b/k", Some(("if-match", "*")), "s3:DeleteObject arn:aws:s3:::b/k"),
        ("PUT", "/b/k", Some(("if-none-match", "*")), "s3:PutObject arn:aws:s3:::b/k"),
        (
            "PUT",
            "/b/k",
            Some(("if-match", "\"0\"")),
            "s3:GetObject arn:aws:s3:::b/k, s3:PutObject arn:aws:s3:::b/k",
        ),
    ] {
        assert_eq!(needed(method, path, header), expected, "{method} {path}");
    }
}

#[test]
fn who_may_not_list_a_bucket_is_not_told_that_a_key_is_absent() {
    let mut world = world();
    let absent = || Refusal::new("NoSuchKey", "The specified key does not exist.").with_status(404);
    let get = of_s3("GET", "/b/k", None);
    let mut told = |policy: &str, call: &Call, refusal: Refusal| {
        let refusal = rights(policy).hide(&world.context("eu-central-1"), call, refusal);
        (refusal.status, refusal.code, refusal.message)
    };
    let reader = r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}"#;
    let user = "arn:aws:iam::123456789012:user/simulator";
    let words = format!(
        "User: {user} is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::b\" because no identity-based policy allows the s3:ListBucket action"
    );
    assert_eq!(told(reader, &get, absent()), (403, "AccessDenied".to_owned(), words));
    assert_eq!(told(EVERYTHING, &get, absent()).0, 404);
    assert_eq!(told(reader, &get, Refusal::new("NoSuchBucket", "").with_status(404)).0, 404);
    // A write on the condition of an ETag hears that there is none.
    assert_eq!(told(reader, &of_s3("PUT", "/b/k", None), absent()).0, 404);
}

#[test]
fn conditions_know_what_a_call_of_s3_asks_for() {
    let mut world = world();
    let mut rights = rights(
        &json!({ "Statement": [
            { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*",
              "Condition": { "StringEquals": { "s3:prefix": "gsm/" } } },
            { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*",
              "Condition": { "Null": { "s3:if-none-match": "false" } } },
        ] })
        .to_string(),
    );
    let mut may = |method, path, header| {
        rights.check(&world.context("eu-central-1"), &of_s3(method, path, header)).is_ok()
    };
    assert!(may("GET", "/b?list-type=2&prefix=gsm%2F", None));
    assert!(!may("GET", "/b?list-type=2&prefix=other", None));
    assert!(!may("GET", "/b?list-type=2", None));
    assert!(may("PUT", "/b/k", Some(("if-none-match", "*"))));
    assert!(!may("PUT", "/b/k", None));
}
