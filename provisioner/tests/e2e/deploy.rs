//! `deploy`, as Jenkins calls it, and what its user is shown.

#[cfg(feature = "sandbox")]
mod around;
#[cfg(feature = "sandbox")]
mod exec;
#[cfg(feature = "sandbox")]
mod fates;
mod rollouts;
mod script;
#[cfg(feature = "sandbox")]
mod virtual_time;

use std::{collections::HashSet, process::Command};

use serde_json::{Value, json};

use crate::{
    cli::{Folder, Ran, stable},
    support::Rehearsal,
};

const STACK: &str = "\
name: gsm
region: eu-central-1
tags: { team: bots }
services:
  bot:
    image: docker.io/me/bot:1
    cpu: 256
    memory: 512
    count: 1
    environment: { MODE: poll }
    secrets:
      BOT_TOKEN: { env: GSM_BOT_TOKEN }
    deployment: { minimum_healthy_percent: 0, maximum_percent: 100 }
";
/// How many tasks run at which moment depends on the machine, and moto tells no events. What is shown of both is seen in
/// virtual time, in `fates.rs`.
const MOMENTARY: [&str; 3] = [" new tasks running", " ecs: ", "task TASK pending"];

/// All that a run printed.
fn whole(ran: &Ran) -> String {
    let code = ran.code.map_or("none".to_owned(), |it| it.to_string());
    let text = format!("{}{}exit code {code}", ran.stdout, ran.stderr);
    let patterns = [
        (r"after \d+\.\d s", "after TIME"),
        (r#""(at|seconds)":("[^"]*"|[\d.]+)"#, r#""$1":TIME"#),
        (r"\b[0-9a-f]{32}\b", "TASK"),
        (r"ecs-svc/\d{18,19}\b", "ecs-svc/NUMBER"),
    ];
    let mut text = stable(&text);
    for (pattern, with) in patterns {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, with).into_owned();
    }
    text
}

/// The same without what depends on the moment, and without the service's events.
fn lasting(ran: &Ran) -> String {
    let text = whole(ran);
    let mut in_events = false;
    let lines = text.lines().filter(|line| {
        in_events = *line == "last events of the service:" || in_events && line.starts_with("  ");
        !in_events && !MOMENTARY.iter().any(|it| line.contains(it))
    });
    // One task after the other stops in the same words; how many of them are seen stopping depends on the moment, too.
    let mut said = HashSet::new();
    lines.filter(|it| said.insert(*it)).collect::<Vec<_>>().join("\n")
}

/// A folder whose stack is up, and in which only what `deploy` needs is left.
async fn deployed(rehearsal: &Rehearsal, stack: &str) -> Folder {
    let mut folder = Folder::new(rehearsal);
    folder.write(stack);
    folder.ok(&["up", "--yes"]);
    folder.lose_state();
    for name in ["GSM_BOT_TOKEN", "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"] {
        folder.set(name, None);
    }
    rehearsal.forget().await;
    folder
}

async fn control(rehearsal: &Rehearsal, what: &str, body: Value) {
    let request =
        reqwest::Client::new().put(format!("{}/__cloud/{what}", rehearsal.url)).json(&body);
    assert!(request.send().await.unwrap().status().is_success());
}

/// Returns when a run that was started has looked at its deployment.
async fn followed(rehearsal: &Rehearsal) {
    for _ in 0..300 {
        let looks = rehearsal.calls().await.iter().filter(|it| it.action == "ListTasks").count();
        if looks > 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("nobody looks");
}

/// The images of every revision, by the tag that `up` looks at.
async fn images(rehearsal: &Rehearsal) -> Vec<(String, String)> {
    let cloud = rehearsal.cloud().await;
    let mut images = Vec::new();
    let list = cloud.ecs.list_task_definitions().family_prefix("gsm-bot").send().await.unwrap();
    for arn in list.task_definition_arns() {
        let request = cloud.ecs.describe_task_definition().task_definition(arn);
        let answer =
            request.include(aws_sdk_ecs::types::TaskDefinitionField::Tags).send().await.unwrap();
        let tag = answer
            .tags()
            .iter()
            .find(|it| it.key() == Some("provisioner:image"))
            .and_then(|it| it.value.clone());
        let definition = answer.task_definition.unwrap();
        images.push((
            definition.container_definitions()[0].image.clone().unwrap(),
            tag.unwrap_or_default(),
        ));
    }
    images
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_is_put_into_service_and_stays() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = deployed(&rehearsal, STACK).await;
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:2"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    insta::assert_snapshot!(lasting(&ran), @"
    gsm-bot:2 serves docker.io/me/bot:2 after TIME: 1 of 1 tasks running
    TIME gsm-bot: old revision gsm-bot:1 (docker.io/me/bot:1), new gsm-bot:2 (docker.io/me/bot:2)
    exit code 0
    ");
    assert_eq!(rehearsal.changes().await, ["ecs RegisterTaskDefinition", "ecs UpdateService"]);
    let one = "docker.io/me/bot:1".to_owned();
    assert_eq!(
        images(&rehearsal).await,
        [(one.clone(), one.clone()), ("docker.io/me/bot:2".to_owned(), one)]
    );

    rehearsal.forget().await;
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:2", "--service", "bot"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    insta::assert_snapshot!(whole(&ran), @"
    Nothing to do: gsm-bot runs docker.io/me/bot:2 already, by gsm-bot:2
    A tag that was moved to another image is not noticed: deploy a digest (`…@sha256:…`) or a new tag.
    exit code 0
    ");
    assert_eq!(rehearsal.changes().await, [""; 0]);

    folder.set("GSM_BOT_TOKEN", Some("1:bot-token"));
    folder.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_found_before_anything_is_contacted() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.write(STACK);
    let image = "docker.io/me/bot:2";
    let wrong = |args: &[&str]| {
        let ran = folder.run(&[&["deploy"], args].concat());
        assert_eq!(ran.code, Some(3));
        ran.stderr
    };
    let mut said = wrong(&["--image", "https://docker.io/me/bot:2"]);
    said += &wrong(&["--image", image, "--service", "bto"]);
    folder.write(&format!(
        "{STACK}  worker: {{image: docker.io/me/worker:1, cpu: 256, memory: 512}}\n"
    ));
    said += &wrong(&["--image", image]);
    insta::assert_snapshot!(said, @"
    error: `https://docker.io/me/bot:2` is not a reference to an image
    hint: leave the scheme out: `docker.io/me/bot:2`
    error: stack.yaml has no service `bto`
    hint: did you mean `bot`? there are: bot
    error: stack.yaml has several services
    hint: name one with `--service`: bot, worker
    ");
    assert_eq!(rehearsal.calls().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.write(STACK);
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:2"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(whole(&ran), @"
    error: there is no ECS service `gsm-bot` in the cluster `gsm`
    hint: `provisioner up` makes it; afterwards `deploy` brings new images
    exit code 1
    ");
    // ECS remembers a deleted service for a while.
    folder.ok(&["up", "--yes"]);
    folder.ok(&["destroy", "--yes"]);
    let again = folder.run(&["deploy", "--image", "docker.io/me/bot:2"]);
    assert_eq!((again.code, whole(&again)), (Some(1), whole(&ran)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_exits_is_rolled_back_and_explained() {
    let rehearsal = Rehearsal::start().await;
    let folder = deployed(&rehearsal, STACK).await;
    let stopped = json!({ "exit_code": 101, "log": ["starting", "no \u{1b}[31mtoken"] });
    control(&rehearsal, "rollouts", json!({ "outcome": "fail", "stopped": stopped })).await;
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:2"]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    insta::assert_snapshot!(lasting(&ran), @"
    TIME gsm-bot: old revision gsm-bot:1 (docker.io/me/bot:1), new gsm-bot:2 (docker.io/me/bot:2)
    TIME ✗ task TASK stopped: Essential container in task exited (bot: exit code 101)
    TIME ✗ the deployment failed: ECS brings the old revision back
    3 tasks stopped, the last of them TASK (EssentialContainerExited): Essential container in task exited
      container bot: exit code 101
      last lines of bot/bot/TASK in gsm:
      │ starting
      │ no ␛[31mtoken
    what changed from gsm-bot:1 to gsm-bot:2:
      ~ bot.image: docker.io/me/bot:1 → docker.io/me/bot:2
    error: the deployment of gsm-bot:2 failed and was rolled back, gsm-bot:1 serves again: ECS deployment circuit breaker: tasks failed to start.
    hint: to look further: `provisioner status`, `provisioner logs --since 1h`
    exit code 6
    ");
    // The old one serves.
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:1"]);
    assert!(ran.stdout.starts_with("Nothing to do"), "{}", whole(&ran));

    // The same where ECS does not know service deployments.
    control(&rehearsal, "aws", json!({ "service_deployments": false })).await;
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:2"]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    control(&rehearsal, "rollouts", json!({})).await;
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:2"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_circuit_breaker_nothing_is_rolled_back() {
    let rehearsal = Rehearsal::start().await;
    let stack =
        STACK.replace("maximum_percent: 100 ", "maximum_percent: 100, circuit_breaker: false ");
    let folder = deployed(&rehearsal, &stack).await;
    let stopped = json!({ "code": "TaskFailedToStart", "exit_code": null, "reason":
        "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException" });
    control(&rehearsal, "rollouts", json!({ "outcome": "fail", "stopped": stopped })).await;
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:2"]);
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    let said = lasting(&ran);
    if crate::support::simulated() {
        // As the documentation has it: with no task needed meanwhile, the old one goes first.
        insta::assert_snapshot!(said, @"
        TIME gsm-bot: old revision gsm-bot:1 (docker.io/me/bot:1), new gsm-bot:2 (docker.io/me/bot:2)
        TIME ✗ task TASK stopped: ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException
        TIME ✗ this will not go away by itself: nothing is rolled back, for the service has no circuit breaker that does; ECS goes on trying
        task TASK stopped (TaskFailedToStart): ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException
        what changed from gsm-bot:1 to gsm-bot:2:
          ~ bot.image: docker.io/me/bot:1 → docker.io/me/bot:2
        error: the deployment of gsm-bot:2 failed and was not rolled back: ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException
        hint: no task from before the deployment runs any more
        hint: to go back: `provisioner deploy --image docker.io/me/bot:1`
        hint: to look further: `provisioner status`, `provisioner logs --since 1h`
        exit code 7
        ");
        return;
    }
    insta::assert_snapshot!(said, @"
    TIME gsm-bot: old revision gsm-bot:1 (docker.io/me/bot:1), new gsm-bot:2 (docker.io/me/bot:2)
    TIME ✗ task TASK stopped: ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException
    TIME ✗ this will not go away by itself: nothing is rolled back, for the service has no circuit breaker that does; ECS goes on trying
    3 tasks stopped, the last of them TASK (TaskFailedToStart): ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException
    what changed from gsm-bot:1 to gsm-bot:2:
      ~ bot.image: docker.io/me/bot:1 → docker.io/me/bot:2
    error: the deployment of gsm-bot:2 failed and was not rolled back: ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException
    hint: 1 task from before the deployment still runs
    hint: to go back: `provisioner deploy --image docker.io/me/bot:1`
    hint: to look further: `provisioner status`, `provisioner logs --since 1h`
    exit code 7
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_left_and_followed_again() {
    let rehearsal = Rehearsal::start().await;
    let folder = deployed(&rehearsal, STACK).await;
    control(&rehearsal, "rollouts", json!({ "outcome": "hang" })).await;
    let two = ["deploy", "--image", "docker.io/me/bot:2"];
    let ran = folder.run(&[&two[..], &["--no-wait"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    insta::assert_snapshot!(whole(&ran), @"
    gsm-bot:2 is being deployed; nobody waits for it
    TIME gsm-bot: old revision gsm-bot:1 (docker.io/me/bot:1), new gsm-bot:2 (docker.io/me/bot:2)
    exit code 0
    ");

    rehearsal.forget().await;
    let ran = folder.run(&[&two[..], &["--timeout", "1s"]].concat());
    assert_eq!(ran.code, Some(10), "{}", ran.stderr);
    insta::assert_snapshot!(lasting(&ran), @"
    TIME gsm-bot: gsm-bot:2 with this image is being deployed already; following that deployment
    error: the deployment of gsm-bot:2 was not over within 1s; it goes on in AWS
    hint: to follow it further: `provisioner deploy --image docker.io/me/bot:2`
    hint: to look further: `provisioner status`, `provisioner logs --since 1h`
    exit code 10
    ");

    rehearsal.forget().await;
    let child = folder.start(&two);
    followed(&rehearsal).await;
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert_eq!(ran.code, Some(130));
    insta::assert_snapshot!(lasting(&ran), @"
    TIME gsm-bot: gsm-bot:2 with this image is being deployed already; following that deployment
    Stopping: what is in flight is finished and recorded. Once more stops at once.
    error: interrupted; the deployment of gsm-bot:2 goes on in AWS
    hint: to follow it further: `provisioner deploy --image docker.io/me/bot:2`
    exit code 130
    ");
    assert_eq!(rehearsal.changes().await, [""; 0]);

    // Somebody else deploys something else.
    rehearsal.forget().await;
    let left = folder.start(&two);
    followed(&rehearsal).await;
    control(&rehearsal, "rollouts", json!({})).await;
    let three = folder.run(&["deploy", "--image", "docker.io/me/bot:3"]);
    assert_eq!(three.code, Some(0), "{}", three.stderr);
    assert_eq!(left.wait_with_output().unwrap().status.code(), Some(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions() {
    let rehearsal = Rehearsal::start().await;
    let folder = deployed(&rehearsal, STACK).await;
    let denied = |action: &str| {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecs:{action}"
        );
        json!({
            "match": { "service": "ecs", "action": action }, "code": "AccessDeniedException", "status": 400,
            "message": message, "times": null,
        })
    };
    // What only helps to understand is not needed.
    for action in ["ListServiceDeployments", "ListTasks"] {
        rehearsal.fault(denied(action)).await;
    }
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:2"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    rehearsal.fault(denied("UpdateService")).await;
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:3"]);
    assert_eq!(ran.code, Some(4));
    insta::assert_snapshot!(whole(&ran), @r#"
    error: ECS UpdateService: User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecs:UpdateService (AccessDeniedException)
    hint: the caller's policies must allow {"Action":"ecs:UpdateService","Effect":"Allow","Resource":"*"}; `provisioner permissions` prints all that the stack needs
    exit code 4
    "#);
}
