//! A target group from nothing to nothing.

use aws_sdk_elasticloadbalancingv2::types::{Matcher, TargetDescription, TargetGroupAttribute};
use provisioner::{
    cloud::Cloud,
    engine::{Class, Existing, Found, Resource},
    resources::{ListenerAction, TargetGroup, TargetGroupAttributes, TargetHealthCheck},
};

use super::{
    instance,
    life::{absent, differing, gone, ours},
    listener, load_balancer, security_group,
};
use crate::support::{Rehearsal, apply, tags};

pub async fn group(name: &str, cloud: &Cloud) -> TargetGroup {
    TargetGroup {
        name: name.to_owned(),
        port: 8080,
        protocol: "HTTP".to_owned(),
        target_type: "ip".to_owned(),
        vpc_id: security_group::vpc(cloud).await.into(),
        health_check: TargetHealthCheck {
            path: "/healthz".to_owned(),
            interval_seconds: 5,
            timeout_seconds: 2,
            healthy_threshold: 2,
            ..TargetHealthCheck::default()
        },
        attributes: TargetGroupAttributes::default(),
        instance_ids: Vec::new().into(),
        tags: tags(name),
    }
}

pub async fn applied(name: &str, cloud: &Cloud) -> Existing<TargetGroup> {
    apply(&group(name, cloud).await, cloud).await
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let mut wanted = group("gsm-bot", &cloud).await;
    absent(&wanted, &cloud).await;
    let first = apply(&wanted, &cloud).await;

    let check = wanted.health_check.clone();
    for health_check in [
        TargetHealthCheck { path: "/".to_owned(), matcher: "200,302".to_owned(), ..check.clone() },
        TargetHealthCheck { port: "9090".to_owned(), ..check.clone() },
        TargetHealthCheck { interval_seconds: 60, timeout_seconds: 30, ..check.clone() },
        TargetHealthCheck { healthy_threshold: 7, unhealthy_threshold: 9, ..check.clone() },
        check,
    ] {
        wanted.health_check = health_check;
        apply(&wanted, &cloud).await;
    }
    for attributes in [
        TargetGroupAttributes {
            deregistration_delay_seconds: 10,
            ..TargetGroupAttributes::default()
        },
        TargetGroupAttributes {
            slow_start_seconds: 30,
            stickiness: true,
            ..TargetGroupAttributes::default()
        },
        TargetGroupAttributes::default(),
    ] {
        wanted.attributes = attributes;
        apply(&wanted, &cloud).await;
    }
    wanted.tags = wanted.tags.with("team", "a");
    apply(&wanted, &cloud).await;

    let (elb, arn) = (&cloud.elb, &first.outputs.arn);
    let matcher = Matcher::builder().http_code("200-499").build();
    elb.modify_target_group().target_group_arn(arn).matcher(matcher).send().await.unwrap();
    let delay = TargetGroupAttribute::builder()
        .key("deregistration_delay.timeout_seconds")
        .value("3000")
        .build();
    elb.modify_target_group_attributes()
        .target_group_arn(arn)
        .attributes(delay)
        .send()
        .await
        .unwrap();
    elb.remove_tags().resource_arns(arn).tag_keys("team").send().await.unwrap();
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["attributes", "health_check", "tags"]);
    assert_eq!(apply(&wanted, &cloud).await.outputs, first.outputs, "all that happened in place");

    let changed = TargetGroup { name: "gsm-bot-2".to_owned(), port: 9090, ..wanted.clone() };
    let found = ours(&changed, Some(&first), &cloud).await;
    let fields = differing(&changed, &found);
    assert_eq!(fields, ["name", "port"]);
    assert!(fields.iter().all(|it| TargetGroup::REPLACED_BY.contains(&it.as_str())));

    gone::<TargetGroup>(&first.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<TargetGroup>(&first.outputs, &cloud).await;
}

/// A target group of instances, and the ids of two that run.
async fn of_instances(cloud: &Cloud) -> (TargetGroup, [String; 2]) {
    let mut ids = Vec::new();
    for name in ["gsm-one", "gsm-two"] {
        let made = apply(&instance::jenkins(name, cloud).await, cloud).await;
        ids.push(made.outputs.id);
    }
    let wanted = TargetGroup { target_type: "instance".to_owned(), ..group("gsm-ci", cloud).await };
    (wanted, ids.try_into().unwrap())
}

#[tokio::test]
async fn instances_come_and_go() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (mut wanted, [one, two]) = of_instances(&cloud).await;
    wanted.instance_ids = vec![one.clone()].into();
    let made = wanted.create("token", &cloud).await.unwrap();
    assert_eq!(differing(&wanted, &made), ["instance_ids"], "it begins with none");
    let first = apply(&wanted, &cloud).await;
    wanted.instance_ids = vec![two.clone()].into();
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["instance_ids"]);
    rehearsal.forget().await;
    assert_eq!(apply(&wanted, &cloud).await.outputs, first.outputs);
    assert_eq!(rehearsal.changes().await.len(), 2, "the new one comes before the old one goes");
    assert!(rehearsal.changes().await[0].ends_with("RegisterTargets"));

    // By hand: another one, at a port of its own, and ours taken out.
    let target = |it: &str| TargetDescription::builder().id(it);
    let request = cloud.elb.register_targets().target_group_arn(&first.outputs.arn);
    request.targets(target(&one).port(9090).build()).send().await.unwrap();
    let request = cloud.elb.deregister_targets().target_group_arn(&first.outputs.arn);
    request.targets(target(&two).build()).send().await.unwrap();
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["instance_ids"]);
    let settled = apply(&wanted, &cloud).await;
    assert_eq!(settled.inputs.instance_ids, vec![two].into());

    gone::<TargetGroup>(&first.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
}

#[tokio::test]
async fn a_listener_that_forwards_to_it_keeps_it() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let group = applied("gsm-bot", &cloud).await;
    let balancer = load_balancer::applied("gsm-lb", &cloud).await;
    let forward = ListenerAction::Forward { target_group_arn: group.outputs.arn.as_str().into() };
    let listener = apply(&listener::listener("http", &balancer, forward), &cloud).await;
    let error = TargetGroup::delete(&group.outputs, &cloud).await.unwrap_err();
    assert_eq!(error.class(), Class::Blocked, "{error}");
    let held_by = TargetGroup::held_by(&group.outputs, &cloud).await.unwrap();
    assert_eq!(
        held_by,
        [format!("listeners or rules of the load balancer {}", balancer.outputs.arn)]
    );
    gone::<provisioner::resources::Listener>(&listener.outputs, &cloud).await;
    gone::<TargetGroup>(&group.outputs, &cloud).await;
}

#[tokio::test]
async fn one_without_our_tags_is_somebody_elses() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = group("gsm-bot", &cloud).await;
    let request = cloud
        .elb
        .create_target_group()
        .name(&wanted.name)
        .port(80)
        .vpc_id(wanted.vpc_id.get().unwrap());
    let request = request.protocol(aws_sdk_elasticloadbalancingv2::types::ProtocolEnum::Http);
    request.send().await.unwrap();
    assert!(matches!(wanted.read(None, &cloud).await.unwrap(), Found::Theirs(..)));
}
