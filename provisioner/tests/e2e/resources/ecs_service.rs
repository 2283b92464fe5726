//! A service from nothing to nothing, and how its deployments end.

use std::time::Duration;

use aws_sdk_ec2::types::Filter;
use aws_sdk_ecs::types::{AwsVpcConfiguration, NetworkConfiguration};
use provisioner::{
    cloud::Cloud,
    engine::{Class, Error, Found, Progress, Resource},
    resources::{
        DeploymentConfiguration, EcsService, EcsServiceOutputs, Role, ServiceTarget, TaskDefinition,
    },
};
use serde_json::{Value, json};

use super::life::{absent, differing, gone, ours};
use super::{ecs_cluster, log_group, role, task_definition};
use crate::support::{Rehearsal, apply, plain, tags};

pub async fn bot(task_definition_arn: &str, cloud: &Cloud) -> EcsService {
    EcsService {
        name: "bot".to_owned(),
        cluster: "gsm".into(),
        task_definition_arn: task_definition_arn.into(),
        desired_count: 1,
        subnets: subnets(cloud).await.into(),
        security_groups: vec![group("one", cloud).await].into(),
        assign_public_ip: true,
        load_balancer: None,
        health_check_grace_period_seconds: None,
        deployment: DeploymentConfiguration {
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: true,
        },
        enable_execute_command: false,
        propagate_tags: "SERVICE".to_owned(),
        tags: tags("bot"),
    }
}

/// In an order that is not the sorted one.
async fn subnets(cloud: &Cloud) -> Vec<String> {
    let answer = cloud.ec2.describe_subnets().send().await.unwrap();
    let mut ids: Vec<_> =
        answer.subnets.unwrap().into_iter().filter_map(|it| it.subnet_id).collect();
    ids.sort_by(|a, b| b.cmp(a));
    ids
}

async fn group(name: &str, cloud: &Cloud) -> String {
    let filter = Filter::builder().name("group-name").values(name).build();
    let found = cloud.ec2.describe_security_groups().filters(filter).send().await.unwrap();
    if let Some(group) = found.security_groups().first() {
        return group.group_id.clone().unwrap();
    }
    let made = cloud.ec2.create_security_group().group_name(name).description(name);
    made.send().await.unwrap().group_id.unwrap()
}

/// A target group that a listener uses.
async fn target(name: &str, cloud: &Cloud) -> ServiceTarget {
    use aws_sdk_elasticloadbalancingv2::types::{
        Action, ActionTypeEnum, ProtocolEnum, TargetTypeEnum,
    };
    let vpc =
        cloud.ec2.describe_vpcs().send().await.unwrap().vpcs.unwrap()[0].vpc_id.clone().unwrap();
    let request =
        cloud.elb.create_load_balancer().name(name).set_subnets(Some(subnets(cloud).await));
    let balancer =
        request.send().await.unwrap().load_balancers.unwrap()[0].load_balancer_arn.clone();
    let request =
        cloud.elb.create_target_group().name(name).protocol(ProtocolEnum::Http).port(8080);
    let request = request.vpc_id(vpc).target_type(TargetTypeEnum::Ip);
    let group =
        request.send().await.unwrap().target_groups.unwrap()[0].target_group_arn.clone().unwrap();
    let action = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(&group).build();
    let request =
        cloud.elb.create_listener().set_load_balancer_arn(balancer).default_actions(action);
    request.protocol(ProtocolEnum::Http).port(80).send().await.unwrap();
    ServiceTarget {
        target_group_arn: group.into(),
        container_name: "bot".to_owned(),
        container_port: 8080,
    }
}

async fn revision(wanted: &TaskDefinition, cloud: &Cloud) -> String {
    wanted.create("", cloud).await.unwrap().outputs.arn
}

/// A cluster, and two revisions that can be run, whose container can be behind a load balancer.
async fn surroundings(cloud: &Cloud) -> (String, String) {
    apply(&ecs_cluster::cluster("gsm"), cloud).await;
    let fetch = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy".to_owned();
    let execution = Role { managed_policies: [fetch].into(), ..role::role("gsm-execution") };
    apply(&execution, cloud).await;
    apply(&role::role("gsm-task"), cloud).await;
    apply(&log_group::group(None, None), cloud).await;
    let mut first = task_definition::bot();
    first.container.port = Some(8080);
    let second = TaskDefinition { memory: 1024, ..first.clone() };
    (revision(&first, cloud).await, revision(&second, cloud).await)
}

async fn rollouts(rehearsal: &Rehearsal, plan: Value) {
    let request =
        reqwest::Client::new().put(format!("{}/__cloud/rollouts", rehearsal.url)).json(&plan);
    assert!(request.send().await.unwrap().status().is_success());
}

/// Waits as the engine does; gives what was said last before it was over, and how it ended.
async fn end(outputs: &EcsServiceOutputs, cloud: &Cloud) -> (String, Result<(), Error>) {
    let mut said = String::new();
    for _ in 0..100 {
        match EcsService::ready(outputs, cloud).await {
            Ok(Progress::Done) => return (said, Ok(())),
            Ok(Progress::Waiting(why)) => said = why,
            Err(error) => return (said, Err(error)),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not end: {said}");
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = bot("", &cloud).await;
    absent(&wanted, &cloud).await;
    let (one, two) = surroundings(&cloud).await;
    let wanted = EcsService { task_definition_arn: one.as_str().into(), ..wanted };
    absent(&wanted, &cloud).await;
    rehearsal.forget().await;
    let found = apply(&wanted, &cloud).await;
    assert_eq!(rehearsal.changes().await, ["ecs CreateService"]);
    assert_eq!(found.outputs.arn, cloud.arn("ecs", "service/gsm/bot"));
    let by_arn = EcsService { cluster: cloud.arn("ecs", "cluster/gsm").into(), ..wanted.clone() };
    assert_eq!(differing(&by_arn, &ours(&by_arn, Some(&found), &cloud).await), [""; 0]);

    let (first, second) = (target("one", &cloud).await, target("two", &cloud).await);
    let (other, third) = (group("two", &cloud).await, group("three", &cloud).await);
    type Step<'a> = Box<dyn Fn(&mut EcsService) + 'a>;
    let steps: [(&str, Step<'_>); 14] = [
        ("revision", Box::new(|it| it.task_definition_arn = two.as_str().into())),
        ("count", Box::new(|it| it.desired_count = 3)),
        (
            "fewer subnets",
            Box::new(|it| it.subnets = it.subnets.get().unwrap()[..2].to_vec().into()),
        ),
        ("groups", Box::new(|it| it.security_groups = vec![third.clone(), other.clone()].into())),
        ("no address", Box::new(|it| it.assign_public_ip = false)),
        ("a balancer", Box::new(|it| it.load_balancer = Some(first.clone()))),
        ("grace", Box::new(|it| it.health_check_grace_period_seconds = Some(60))),
        ("another balancer", Box::new(|it| it.load_balancer = Some(second.clone()))),
        ("no grace", Box::new(|it| it.health_check_grace_period_seconds = None)),
        (
            "percents",
            Box::new(|it| {
                it.deployment.minimum_healthy_percent = 0;
                it.deployment.maximum_percent = 100;
            }),
        ),
        ("no breaker", Box::new(|it| it.deployment.circuit_breaker = false)),
        ("exec", Box::new(|it| it.enable_execute_command = true)),
        ("tags of the tasks", Box::new(|it| it.propagate_tags = "TASK_DEFINITION".to_owned())),
        ("tags", Box::new(|it| it.tags = it.tags.clone().with("team", "a"))),
    ];
    let mut changed = wanted.clone();
    for (name, step) in steps {
        step(&mut changed);
        rehearsal.forget().await;
        apply(&changed, &cloud).await;
        let call = if name == "tags" { "ecs TagResource" } else { "ecs UpdateService" };
        let mut changes = rehearsal.changes().await;
        // The stand-in fails once where tasks leave a target group, and is called again.
        changes.dedup();
        assert_eq!(changes, [call], "{name}");
    }
    // All at once, made anew as well as changed back.
    let last = ours(&changed, None, &cloud).await;
    gone::<EcsService>(&last.outputs, &cloud).await;
    absent(&changed, &cloud).await;
    gone::<EcsService>(&last.outputs, &cloud).await;
    changed.health_check_grace_period_seconds = Some(30);
    rehearsal.forget().await;
    apply(&changed, &cloud).await;
    assert_eq!(rehearsal.changes().await, ["ecs CreateService"]);
    let plainer = EcsService { load_balancer: Some(first), ..wanted.clone() };
    apply(&plainer, &cloud).await;
}

#[tokio::test]
async fn it_can_leave_the_load_balancer() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, _) = surroundings(&cloud).await;
    let load_balancer = Some(target("one", &cloud).await);
    let without = bot(&one, &cloud).await;
    let with = EcsService { load_balancer, ..without.clone() };
    apply(&with, &cloud).await;
    apply(&without, &cloud).await;
    apply(&with, &cloud).await;
}

#[tokio::test]
async fn what_somebody_changed_is_seen_and_mended() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, two) = surroundings(&cloud).await;
    let wanted = EcsService {
        load_balancer: Some(target("one", &cloud).await),
        health_check_grace_period_seconds: Some(60),
        ..bot(&one, &cloud).await
    };
    let found = apply(&wanted, &cloud).await;
    let theirs = target("two", &cloud).await;
    let both = [wanted.load_balancer.clone().unwrap(), theirs].map(|it| {
        let target = aws_sdk_ecs::types::LoadBalancer::builder()
            .target_group_arn(it.target_group_arn.get().unwrap());
        target.container_name(it.container_name).container_port(it.container_port).build()
    });
    let network =
        AwsVpcConfiguration::builder().set_subnets(Some(subnets(&cloud).await[..1].to_vec()));
    let network = network.security_groups(group("two", &cloud).await).build().unwrap();
    let deployment = aws_sdk_ecs::types::DeploymentConfiguration::builder().maximum_percent(150);
    let breaker =
        aws_sdk_ecs::types::DeploymentCircuitBreaker::builder().enable(true).rollback(false);
    let update = cloud.ecs.update_service().cluster("gsm").service("bot");
    let update = update
        .task_definition(two)
        .desired_count(0)
        .set_load_balancers(Some(both.to_vec()))
        .network_configuration(
            NetworkConfiguration::builder().awsvpc_configuration(network).build(),
        )
        .deployment_configuration(deployment.deployment_circuit_breaker(breaker.build()).build())
        .health_check_grace_period_seconds(5)
        .enable_execute_command(true)
        .propagate_tags(aws_sdk_ecs::types::PropagateTags::None);
    update.send().await.unwrap();
    cloud
        .ecs
        .untag_resource()
        .resource_arn(&found.outputs.arn)
        .tag_keys("project")
        .send()
        .await
        .unwrap();
    let drifted = ours(&wanted, Some(&found), &cloud).await;
    let plain = plain(&wanted);
    let all: Vec<_> =
        plain.as_object().unwrap().keys().filter(|it| *it != "name" && *it != "cluster").collect();
    assert_eq!(differing(&wanted, &drifted).iter().collect::<Vec<_>>(), all);
    wanted.update(&drifted, &cloud).await.unwrap();
    apply(&wanted, &cloud).await;
}

#[tokio::test]
async fn it_is_ready_when_its_own_deployment_has_succeeded() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, two) = surroundings(&cloud).await;
    rollouts(&rehearsal, json!({ "seconds": 0.5 })).await;
    let first = bot(&one, &cloud).await;
    let made = first.create(&"1".repeat(32), &cloud).await.unwrap();
    let again = first.create(&"1".repeat(32), &cloud).await.unwrap();
    assert_eq!(made.outputs, again.outputs, "the token makes it the same call");
    let (said, result) = end(&made.outputs, &cloud).await;
    result.unwrap();
    assert!(said.starts_with("0 of 1 tasks running: "), "{said}");

    // A rollback leaves a service that is as stable as ever.
    rollouts(&rehearsal, json!({ "outcome": "fail", "seconds": 0.2 })).await;
    let second = EcsService { task_definition_arn: two.as_str().into(), ..first.clone() };
    let outputs = second.update(&ours(&second, None, &cloud).await, &cloud).await.unwrap();
    let (_, result) = end(&outputs, &cloud).await;
    let failed = result.unwrap_err().to_string();
    assert!(
        failed
            .starts_with("the deployment of service `bot` failed: ECS deployment circuit breaker"),
        "{failed}"
    );
    for _ in 0..20 {
        // Whoever looks late learns the same.
        let now = first.read(None, &cloud).await.unwrap();
        let Found::Ours(now) = now else { panic!() };
        if EcsService::ready(&now.outputs, &cloud).await.is_ok_and(|it| it == Progress::Done) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (_, result) = end(&outputs, &cloud).await;
    let rolled_back = result.unwrap_err().to_string();
    assert!(rolled_back.contains("gsm-bot:1 runs now"), "{rolled_back}");

    // Another one takes its place.
    rollouts(&rehearsal, json!({ "outcome": "hang" })).await;
    let superseded = second.update(&ours(&second, None, &cloud).await, &cloud).await.unwrap();
    rollouts(&rehearsal, json!({ "seconds": 0.2 })).await;
    let last = first.update(&ours(&first, None, &cloud).await, &cloud).await.unwrap();
    assert!(end(&last, &cloud).await.1.is_ok());
    let (_, result) = end(&superseded, &cloud).await;
    assert!(result.unwrap_err().to_string().contains("another one took its place"));
}

#[tokio::test]
async fn a_service_that_is_draining_is_waited_for() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, _) = surroundings(&cloud).await;
    rollouts(&rehearsal, json!({ "drain_seconds": 0.5 })).await;
    let wanted = bot(&one, &cloud).await;
    let found = apply(&wanted, &cloud).await;
    let progress = EcsService::delete(&found.outputs, &cloud).await.unwrap();
    assert_eq!(progress, Progress::Waiting("draining".to_owned()));
    assert_eq!(EcsService::delete(&found.outputs, &cloud).await.unwrap(), progress);
    absent(&wanted, &cloud).await;
    let Err(error) = wanted.create(&"2".repeat(32), &cloud).await else { panic!("ECS refuses it") };
    assert_eq!(error.class(), Class::Blocked);
    gone::<EcsService>(&found.outputs, &cloud).await;
    apply(&wanted, &cloud).await;
}

#[tokio::test]
async fn a_broken_service_is_deleted_all_the_same() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, _) = surroundings(&cloud).await;
    let found = apply(&bot(&one, &cloud).await, &cloud).await;
    let refusal = json!({
        "match": { "service": "ecs", "action": "UpdateService" },
        "code": "InvalidParameterException", "message": "The target group does not exist.",
    });
    rehearsal.fault(refusal).await;
    gone::<EcsService>(&found.outputs, &cloud).await;
}

#[tokio::test]
async fn somebody_elses_is_not_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, _) = surroundings(&cloud).await;
    let wanted = bot(&one, &cloud).await;
    let found = apply(&wanted, &cloud).await;
    let untag = cloud.ecs.untag_resource().resource_arn(&found.outputs.arn);
    untag.tag_keys("provisioner:stack").send().await.unwrap();
    assert!(matches!(wanted.read(None, &cloud).await.unwrap(), Found::Theirs(..)));
}
