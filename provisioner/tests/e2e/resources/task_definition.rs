//! A task definition from nothing to nothing, and who owns its image.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    ContainerDefinition, LogConfiguration, LogDriver, PortMapping, TaskDefinition as Live,
    TaskDefinitionStatus, Volume,
};
use provisioner::{
    cloud::Cloud,
    engine::{Found, Resource},
    resources::{Container, ContainerHealthCheck, EcsService, IMAGE_TAG, TaskDefinition},
};

use super::life::{absent, differing, gone, ours};
use super::{ecs_cluster, ecs_service};
use crate::support::{Rehearsal, apply, tags};

pub fn bot() -> TaskDefinition {
    TaskDefinition {
        family: "gsm-bot".to_owned(),
        cluster: "gsm".to_owned(),
        service: "bot".to_owned(),
        image: "example.com/bot:1".to_owned(),
        cpu: 256,
        memory: 512,
        architecture: "X86_64".to_owned(),
        execution_role_arn: "arn:aws:iam::123456789012:role/gsm-execution".into(),
        task_role_arn: "arn:aws:iam::123456789012:role/gsm-task".into(),
        exec: false,
        container: Container {
            name: "bot".to_owned(),
            port: None,
            command: Vec::new(),
            user: None,
            read_only_root: false,
            stop_timeout: 30,
            health_check: None,
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            secret_versions: BTreeMap::new(),
            log_group: "/gsm".into(),
            log_stream_prefix: "bot".to_owned(),
        },
        additions: Vec::new(),
        tags: tags("bot-task"),
    }
}

fn full() -> TaskDefinition {
    let token = "arn:aws:ssm:eu-central-1:123456789012:parameter/gsm/bot/BOT_TOKEN";
    let texts = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    };
    let container = Container {
        port: Some(8080),
        command: vec!["bot".to_owned(), "--verbose".to_owned()],
        user: Some("1000".to_owned()),
        read_only_root: true,
        stop_timeout: 60,
        health_check: Some(ContainerHealthCheck {
            command: vec!["CMD-SHELL".to_owned(), "bot --healthy".to_owned()],
            interval: 10,
            timeout: 2,
            retries: 2,
            start_period: 20,
        }),
        environment: texts(&[("RUST_LOG", "info"), ("MODE", "webhook"), ("EMPTY", "")]),
        secrets: BTreeMap::from([
            ("BOT_TOKEN".to_owned(), token.into()),
            ("A".to_owned(), token.into()),
        ]),
        secret_versions: BTreeMap::from([
            ("BOT_TOKEN".to_owned(), 3.into()),
            ("A".to_owned(), 1.into()),
        ]),
        log_group: "/other".into(),
        log_stream_prefix: "b".to_owned(),
        ..bot().container
    };
    let architecture = "ARM64".to_owned();
    TaskDefinition { cpu: 1024, memory: 2048, architecture, exec: true, container, ..bot() }
}

/// What a deployment tool does: the current revision with one change.
async fn register(
    arn: &str,
    keep_tags: bool,
    change: impl FnOnce(&mut Live),
    cloud: &Cloud,
) -> String {
    let request = cloud.ecs.describe_task_definition().task_definition(arn);
    let answer =
        request.include(aws_sdk_ecs::types::TaskDefinitionField::Tags).send().await.unwrap();
    let (tags, mut live) = (answer.tags, answer.task_definition.unwrap());
    change(&mut live);
    let request = cloud.ecs.register_task_definition();
    let request = request
        .set_family(live.family)
        .set_task_role_arn(live.task_role_arn)
        .set_execution_role_arn(live.execution_role_arn)
        .set_network_mode(live.network_mode)
        .set_container_definitions(live.container_definitions)
        .set_volumes(live.volumes)
        .set_requires_compatibilities(live.requires_compatibilities)
        .set_cpu(live.cpu)
        .set_memory(live.memory)
        .set_runtime_platform(live.runtime_platform)
        .set_tags(tags.filter(|_| keep_tags));
    request.send().await.unwrap().task_definition.unwrap().task_definition_arn.unwrap()
}

fn container(live: &mut Live) -> &mut ContainerDefinition {
    &mut live.container_definitions.as_mut().unwrap()[0]
}

async fn count(status: TaskDefinitionStatus, cloud: &Cloud) -> usize {
    let request = cloud.ecs.list_task_definitions().family_prefix("gsm-bot").status(status);
    let arns: Vec<String> = request.into_paginator().items().send().try_collect().await.unwrap();
    arns.len()
}

#[tokio::test]
async fn it_is_made_changed_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    absent(&bot(), &cloud).await;
    let first = apply(&bot(), &cloud).await;
    assert_eq!(rehearsal.changes().await, ["ecs RegisterTaskDefinition"]);
    assert_eq!((first.outputs.revision, first.outputs.image.as_str()), (1, "example.com/bot:1"));
    // Its name begins with ours.
    apply(&TaskDefinition { family: "gsm-bot2".to_owned(), ..bot() }, &cloud).await;

    let full = full();
    assert_eq!(apply(&full, &cloud).await.outputs.revision, 2);
    // From everything to nothing, one by one.
    let steps: [fn(&mut TaskDefinition); 18] = [
        |it| it.cpu = 256,
        |it| it.memory = 1024,
        |it| it.architecture = bot().architecture,
        |it| it.execution_role_arn = "arn:aws:iam::123456789012:role/a".into(),
        |it| it.task_role_arn = "arn:aws:iam::123456789012:role/b".into(),
        |it| it.exec = false,
        |it| it.container.name = "other".to_owned(),
        |it| it.container.port = None,
        |it| it.container.command.clear(),
        |it| it.container.user = None,
        |it| it.container.read_only_root = false,
        |it| it.container.stop_timeout = 30,
        |it| it.container.health_check = None,
        |it| it.container.environment.clear(),
        |it| it.container.secret_versions.clear(),
        |it| it.container.secrets.clear(),
        |it| it.container.log_group = "/gsm".into(),
        |it| it.container.log_stream_prefix = "c".to_owned(),
    ];
    let mut wanted = full;
    for (revision, step) in (3..).zip(steps) {
        let before = ours(&wanted, None, &cloud).await;
        step(&mut wanted);
        assert!(wanted.foresee(&before).is_none());
        let found = apply(&wanted, &cloud).await;
        assert_eq!(found.outputs.revision, revision);
    }

    // Tags alone need no other revision.
    wanted.tags = wanted.tags.with("team", "a");
    let before = ours(&wanted, None, &cloud).await;
    assert_eq!(wanted.foresee(&before), Some(before.outputs.clone()));
    let found = apply(&wanted, &cloud).await;
    assert_eq!(found.outputs.revision, 20);

    // The record leads to a revision that is not the newest, until that is no longer active.
    let recorded = ours(&bot(), Some(&first), &cloud).await;
    assert_eq!(recorded.outputs, first.outputs);
    let request = cloud.ecs.deregister_task_definition().task_definition(&first.outputs.arn);
    request.send().await.unwrap();
    assert_eq!(ours(&wanted, Some(&first), &cloud).await.outputs.revision, 20);

    gone::<TaskDefinition>(&found.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    assert_eq!(count(TaskDefinitionStatus::Active, &cloud).await, 0);
    assert_eq!(count(TaskDefinitionStatus::Inactive, &cloud).await, 0);
    gone::<TaskDefinition>(&found.outputs, &cloud).await;
    ours(&TaskDefinition { family: "gsm-bot2".to_owned(), ..bot() }, None, &cloud).await;
}

#[tokio::test]
async fn what_somebody_added_is_seen_and_mended() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let found = apply(&full(), &cloud).await;
    type Change = fn(&mut Live);
    let changes: [(Change, &[&str]); 10] = [
        (
            |it| {
                let sidecar = ContainerDefinition::builder().name("spy").image("spy").build();
                it.container_definitions.as_mut().unwrap().push(sidecar);
            },
            &["container spy"],
        ),
        (
            |it| it.volumes = Some(vec![Volume::builder().name("disk").build()]),
            &["volumes: Some([Volume {name: Some(\"disk\"), "],
        ),
        (|it| container(it).privileged = Some(true), &["container bot: privileged: Some(true)"]),
        (
            |it| {
                // Some container must be essential, or ECS refuses the revision.
                let spy = ContainerDefinition::builder().name("spy").image("spy").essential(true);
                it.container_definitions.as_mut().unwrap().push(spy.build());
                container(it).essential = Some(false);
            },
            &["container bot: essential: false", "container spy"],
        ),
        (
            |it| container(it).entry_point = Some(vec!["sh".to_owned(), "-c".to_owned()]),
            &["container bot: entry_point: Some([\"sh\", \"-c\"])"],
        ),
        (
            |it| container(it).memory_reservation = Some(64),
            &["container bot: memory_reservation: Some(64)"],
        ),
        (
            |it| {
                container(it)
                    .docker_labels
                    .get_or_insert_default()
                    .insert("a".to_owned(), "b".to_owned());
            },
            &["container bot: docker_labels: Some({\"a\": \"b\"})"],
        ),
        (
            |it| {
                let port = PortMapping::builder().container_port(9).host_port(9).build();
                container(it).port_mappings.get_or_insert_default().push(port);
            },
            &["container bot: port_mappings: Some([PortMapping {"],
        ),
        (
            |it| container(it).linux_parameters.as_mut().unwrap().shared_memory_size = Some(64),
            &["container bot: linux_parameters: Some(LinuxParameters {"],
        ),
        (
            |it| {
                let log =
                    LogConfiguration::builder().log_driver(LogDriver::Splunk).build().unwrap();
                container(it).log_configuration = Some(log);
            },
            &["container bot: log_configuration: Some(LogConfiguration {log_driver: Splunk, "],
        ),
    ];
    for (change, said) in changes {
        register(&found.outputs.arn, true, change, &cloud).await;
        let drifted = ours(&full(), None, &cloud).await;
        let additions = &drifted.inputs.additions;
        let all = additions.len() == said.len();
        let begins = additions.iter().zip(said).all(|(it, said)| it.starts_with(said));
        assert!(all && begins, "{additions:?} is not {said:?}");
        assert!(differing(&full(), &drifted).contains(&"additions".to_owned()));
        apply(&full(), &cloud).await;
    }
}

#[tokio::test]
async fn the_image_belongs_to_deploy_until_stack_yaml_names_another() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    apply(&ecs_cluster::cluster("gsm"), &cloud).await;
    let first = apply(&bot(), &cloud).await;
    let service = ecs_service::bot(&first.outputs.arn, &cloud).await;
    apply(&service, &cloud).await;
    let deploy = async |arn: &str| {
        let request = cloud.ecs.update_service().cluster("gsm").service("bot").task_definition(arn);
        request.send().await.unwrap();
    };

    // A newer revision does not count unless the service uses it.
    let image = |it: &mut Live| container(it).image = Some("example.com/bot:2".to_owned());
    let second = register(&first.outputs.arn, true, image, &cloud).await;
    assert_eq!(ours(&bot(), None, &cloud).await.outputs.arn, first.outputs.arn);
    deploy(&second).await;
    let deployed = ours(&bot(), Some(&first), &cloud).await;
    assert_eq!(
        (&deployed.outputs.arn, deployed.outputs.image.as_str()),
        (&second, "example.com/bot:2")
    );
    assert_eq!(differing(&bot(), &deployed), [""; 0]);
    assert_eq!(
        bot().notes(&deployed),
        [
            "runs example.com/bot:2, put there by `deploy`; stack.yaml's own example.com/bot:1 is used again only when \
          it changes"
        ]
    );

    // Another change carries the deployed image on.
    let changed = TaskDefinition { memory: 1024, ..bot() };
    let existing = ours(&changed, Some(&first), &cloud).await;
    let third = changed.update(&existing, &cloud).await.unwrap();
    assert_eq!(third.image, "example.com/bot:2");
    deploy(&third.arn).await;

    // stack.yaml's image changed.
    let changed = TaskDefinition { image: "example.com/bot:3".to_owned(), ..changed };
    let existing = ours(&changed, None, &cloud).await;
    assert_eq!(differing(&changed, &existing), ["image"]);
    assert!(changed.notes(&existing).is_empty());
    let fourth = changed.update(&existing, &cloud).await.unwrap();
    assert_eq!(fourth.image, "example.com/bot:3");
    deploy(&fourth.arn).await;
    let existing = ours(&changed, None, &cloud).await;
    assert_eq!(differing(&changed, &existing), [""; 0]);
    assert!(changed.notes(&existing).is_empty());

    // Registered by somebody who knows nothing of tags: the service is ours, and so is what it runs.
    let fifth = register(&fourth.arn, false, image, &cloud).await;
    deploy(&fifth).await;
    let existing = ours(&changed, None, &cloud).await;
    assert_eq!(differing(&changed, &existing), ["image", "tags"]);
    let sixth = changed.update(&existing, &cloud).await.unwrap();
    assert_eq!(sixth.image, "example.com/bot:3");
    deploy(&sixth.arn).await;

    // Nobody's once the service does not use it any more.
    cloud.ecs.deregister_task_definition().task_definition(&fifth).send().await.unwrap();

    // A revision that is no longer active counts as long as the service uses it.
    cloud.ecs.deregister_task_definition().task_definition(&sixth.arn).send().await.unwrap();
    assert_eq!(ours(&changed, None, &cloud).await.outputs.arn, sixth.arn);
    let service = ours(&service, None, &cloud).await;
    gone::<EcsService>(&service.outputs, &cloud).await;
    assert_eq!(ours(&changed, None, &cloud).await.outputs.arn, fourth.arn);
    assert_eq!(IMAGE_TAG, "provisioner:image");
}

#[tokio::test]
async fn a_renamed_family_is_replaced_and_a_foreign_one_is_left_alone() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    apply(&ecs_cluster::cluster("gsm"), &cloud).await;
    let first = apply(&bot(), &cloud).await;
    let service = ecs_service::bot(&first.outputs.arn, &cloud).await;
    apply(&service, &cloud).await;
    let renamed = TaskDefinition { family: "other".to_owned(), ..bot() };
    assert_eq!(differing(&renamed, &ours(&renamed, Some(&first), &cloud).await), ["family"]);

    let other = renamed.create("", &cloud).await.unwrap().outputs.arn;
    let deploy = cloud.ecs.update_service().cluster("gsm").service("bot").task_definition(other);
    deploy.send().await.unwrap();
    for recorded in [Some(&first), None] {
        let found = ours(&bot(), recorded, &cloud).await;
        assert_eq!(differing(&bot(), &found), ["additions"]);
        assert_eq!(found.inputs.additions, ["family other"]);
    }
}

#[tokio::test]
async fn somebody_elses_is_not_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let found = apply(&bot(), &cloud).await;
    register(&found.outputs.arn, false, |_| {}, &cloud).await;
    assert!(matches!(bot().read(None, &cloud).await.unwrap(), Found::Theirs(..)));
}
