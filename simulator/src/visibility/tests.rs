//! What each service says of something that was just made, and when it has heard of it.

use serde_json::{Value, json};

use crate::{Call, Refusal, Time, Times, World};

const START: Time = Time(1_000_000);

fn world(times: Times, seed: u64) -> World {
    World::new(START, times, seed)
}

fn ask(world: &mut World, service: &str, action: &str, body: &str) -> Result<Value, Refusal> {
    world.answer(&Call::sample(service, action, body))
}

fn code(answer: Result<Value, Refusal>) -> Option<String> {
    answer.err().map(|it| it.code)
}

fn new_group(world: &mut World, name: &str) -> String {
    let body = format!("Action=CreateSecurityGroup&GroupName={name}&GroupDescription=d");
    let made = ask(world, "ec2", "", &body).unwrap();
    made["groupId"].as_str().unwrap_or_default().to_owned()
}

fn describe_group(world: &mut World, id: &str) -> Option<String> {
    code(ask(world, "ec2", "", &format!("Action=DescribeSecurityGroups&GroupId.1={id}")))
}

fn authorize(world: &mut World, id: &str) -> Option<String> {
    let rule = "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1&IpPermissions.1.IpRanges.1.CidrIp=192.0.2.0/24";
    let body = format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}&{rule}");
    code(ask(world, "ec2", "", &body))
}

#[test]
fn a_group_is_seen_in_time_and_used_in_half_of_it() {
    let (mut early, mut late) = (0, 0);
    for seed in 0..40 {
        let mut world = world(Times::real(), seed);
        let id = new_group(&mut world, "a");
        assert_eq!(describe_group(&mut world, &id).as_deref(), Some("InvalidGroup.NotFound"));
        assert_eq!(authorize(&mut world, &id).as_deref(), Some("InvalidGroup.NotFound"));
        let listed = ask(&mut world, "ec2", "", "Action=DescribeSecurityGroups").unwrap();
        assert!(!listed.to_string().contains(&id), "{listed}");
        // Whoever makes things knows them at once.
        let again = "Action=CreateSecurityGroup&GroupName=a&GroupDescription=d";
        let again = code(ask(&mut world, "ec2", "", again));
        assert_eq!(again.as_deref(), Some("InvalidGroup.Duplicate"));
        world.advance(Time(START.0 + 1_000));
        match describe_group(&mut world, &id) {
            None => early += 1,
            Some(code) => {
                assert_eq!(code, "InvalidGroup.NotFound");
                late += 1;
            }
        }
        assert_eq!(authorize(&mut world, &id), None);
        world.advance(Time(START.0 + 2_000));
        assert_eq!(describe_group(&mut world, &id), None);
    }
    assert!(early > 5 && late > 5, "{early} early, {late} late");
}

#[test]
fn it_is_the_same_for_the_same_seed() {
    let seen = |seed| {
        let mut world = world(Times::real(), seed);
        let ids: Vec<String> = (0..20).map(|it| new_group(&mut world, &format!("g{it}"))).collect();
        world.advance(Time(START.0 + 900));
        ids.iter().map(|id| describe_group(&mut world, id).is_none()).collect::<Vec<_>>()
    };
    assert_eq!(seen(1), seen(1));
    assert_ne!(seen(1), seen(2));
}

#[test]
fn what_is_deleted_before_it_is_seen_is_gone() {
    let mut world = world(Times::real(), 1);
    let id = new_group(&mut world, "a");
    let delete = format!("Action=DeleteSecurityGroup&GroupId={id}");
    assert_eq!(code(ask(&mut world, "ec2", "", &delete)), None);
    world.advance(Time(START.0 + 2_000));
    assert_eq!(describe_group(&mut world, &id).as_deref(), Some("InvalidGroup.NotFound"));
}

/// How something is made and read, and what is said of it until it is seen.
struct Case {
    service: &'static str,
    make: (&'static str, &'static str),
    /// `ID` is what the first one answered at this place.
    id: &'static str,
    read: (&'static str, &'static str),
    unseen: Option<&'static str>,
    longest: u64,
}

const TRUST: &str = "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ecs-tasks.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D";

fn cases() -> Vec<Case> {
    let role = format!("Action=CreateRole&RoleName=a&AssumeRolePolicyDocument={TRUST}");
    vec![
        Case {
            service: "iam",
            make: ("", Box::leak(role.into_boxed_str())),
            id: "",
            read: ("", "Action=GetRole&RoleName=a"),
            unseen: Some("NoSuchEntity"),
            longest: 3_000,
        },
        Case {
            service: "iam",
            make: ("", "Action=CreateInstanceProfile&InstanceProfileName=a"),
            id: "",
            read: ("", "Action=GetInstanceProfile&InstanceProfileName=a"),
            unseen: Some("NoSuchEntity"),
            longest: 3_000,
        },
        Case {
            service: "kms",
            make: ("CreateKey", "{}"),
            id: "/KeyMetadata/KeyId",
            read: ("DescribeKey", r#"{"KeyId": "ID"}"#),
            unseen: Some("NotFoundException"),
            longest: 2_000,
        },
        Case {
            service: "elasticloadbalancing",
            make: (
                "",
                "Action=CreateTargetGroup&Name=a&Protocol=HTTP&Port=80&TargetType=ip&VpcId=VPC",
            ),
            id: "/TargetGroups/0/TargetGroupArn",
            read: ("", "Action=DescribeTargetGroups&TargetGroupArns.member.1=ID"),
            unseen: Some("TargetGroupNotFound"),
            longest: 1_000,
        },
        Case {
            service: "acm",
            make: (
                "RequestCertificate",
                r#"{"DomainName": "a.example.com", "ValidationMethod": "DNS"}"#,
            ),
            id: "/CertificateArn",
            read: ("DescribeCertificate", r#"{"CertificateArn": "ID"}"#),
            unseen: Some("ResourceNotFoundException"),
            longest: 5_000,
        },
        Case {
            service: "ec2",
            make: ("", "Action=AllocateAddress&Domain=vpc"),
            id: "/allocationId",
            read: ("", "Action=DescribeAddresses&AllocationId.1=ID"),
            unseen: Some("InvalidAllocationID.NotFound"),
            longest: 2_000,
        },
        Case {
            service: "ssm",
            make: ("PutParameter", r#"{"Name": "/a", "Value": "b", "Type": "String"}"#),
            id: "",
            read: ("GetParameter", r#"{"Name": "/a"}"#),
            unseen: None,
            longest: 0,
        },
    ]
}

#[test]
fn each_service_says_so_in_its_own_code_as_long_as_it_may_last() {
    for case in cases() {
        for times in [Times::real(), Times::none()] {
            let at_once = times == Times::none();
            let mut world = world(times, 7);
            let vpcs = ask(&mut world, "ec2", "", "Action=DescribeVpcs").unwrap();
            let vpc = vpcs["vpcSet"][0]["vpcId"].as_str().unwrap_or_default();
            let (target, body) = case.make;
            let made = ask(&mut world, case.service, target, &body.replace("VPC", vpc));
            let made = made.unwrap();
            let id = made.pointer(case.id).and_then(Value::as_str).unwrap_or_default();
            let (target, body) = case.read;
            let read =
                |world: &mut World| code(ask(world, case.service, target, &body.replace("ID", id)));
            let said = read(&mut world);
            assert_eq!(said.as_deref(), case.unseen.filter(|_| !at_once), "{}", case.service);
            world.advance(Time(START.0 + case.longest));
            assert_eq!(read(&mut world), None, "{}", case.service);
        }
    }
}

#[test]
fn a_cluster_that_is_not_seen_is_missing() {
    let mut world = world(Times::real(), 1);
    let made = ask(&mut world, "ecs", "CreateCluster", r#"{"clusterName": "a"}"#);
    assert_eq!(made.unwrap()["cluster"]["status"], "ACTIVE");
    let describe = |world: &mut World| {
        ask(world, "ecs", "DescribeClusters", r#"{"clusters": ["a"]}"#).unwrap()
    };
    let failures = &describe(&mut world)["failures"];
    assert_eq!(failures[0]["reason"], json!("MISSING"));
    world.advance(Time(START.0 + 1_000));
    assert_eq!(describe(&mut world)["clusters"][0]["status"], "ACTIVE");
}
