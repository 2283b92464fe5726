//! Everything that can become of a deployment in the simulator's catalogue, and all that the user is shown of it.

use provisioner::failure::Exit;
use simulator::services::ecs::{FATES, Fate};

use super::virtual_time::{Rehearsed, without_chance};

/// With all that can fail: a load balancer, a check in the container, secrets.
pub const STACK: &str = "\
name: gsm
region: eu-central-1
load_balancer: {}
services:
  bot:
    image: docker.io/me/bot:1
    cpu: 256
    memory: 512
    count: 1
    port: 8080
    environment: { MODE: webhook }
    secrets:
      BOT_TOKEN: { env: GSM_BOT_TOKEN }
";

/// The same for a service that nobody calls: its container checks itself.
pub fn unbalanced() -> String {
    let check = "    container_check: { command: [/bot, health], interval: 10, retries: 2 }\n";
    STACK.replace("    port: 8080\n", check).replace("load_balancer: {}\n", "")
}

/// How `deploy` ends. A new fate needs a thought here, and a snapshot.
fn exit(fate: Fate) -> Exit {
    match fate {
        Fate::Runs | Fate::SlowStart => Exit::Ok,
        Fate::NeverStarts => Exit::TimedOut,
        Fate::ImageCannotBePulled
        | Fate::PullRateExceeded
        | Fate::SecretMissing
        | Fate::CommandNotFound
        | Fate::WrongArchitecture
        | Fate::ContainerExits
        | Fate::OutOfMemory
        | Fate::HealthCheckFails
        | Fate::ContainerUnhealthy => Exit::RolledBack,
    }
}

#[test]
fn every_fate_is_explained() {
    let mut differing = Vec::new();
    for (name, fate, _) in FATES {
        let stack = match fate {
            Fate::ContainerUnhealthy => unbalanced(),
            _ => STACK.to_owned(),
        };
        Rehearsed::play(&stack, async |it: &Rehearsed| {
            let image = format!("docker.io/me/bot:{name}");
            // Three tasks have to fail one after the other before ECS gives up, which takes some of them a while.
            let (ended, said) = it.run(&["deploy", "--image", &image, "--timeout", "30m"]).await;
            assert_eq!(ended, exit(*fate), "{name}\n{said}");
            assert!(!said.contains("sandbox-value-of"), "{name} tells a secret\n{said}");
            let said = format!("{}exit code {}", without_chance(&said), ended as i32);
            // All of them are looked at, so that one run tells every difference.
            let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                insta::assert_snapshot!(format!("fate_{}", name.replace('-', "_")), said);
            }));
            if looked.is_err() {
                differing.push(*name);
            }
            if ended == Exit::RolledBack {
                let (ended, said) = it.run(&["deploy", "--image", "docker.io/me/bot:1"]).await;
                assert_eq!(ended, Exit::Ok, "{name}\n{said}");
                assert!(said.starts_with("Nothing to do: gsm-bot runs"), "{name}\n{said}");
            }
        });
    }
    assert!(differing.is_empty(), "differ: {differing:?}");
}

#[test]
fn a_role_that_cannot_be_assumed_is_told_at_once() {
    Rehearsed::play(STACK, async |it: &Rehearsed| {
        let cloud = it.cloud().await;
        let nobody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}"#;
        let roles = cloud.iam.list_roles().send().await.unwrap();
        for role in roles.roles().iter().filter(|it| it.role_name().contains("bot")) {
            let request = cloud.iam.update_assume_role_policy().role_name(role.role_name());
            request.policy_document(nobody).send().await.unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        let (ended, said) = it.run(&["deploy", "--image", "docker.io/me/bot:2"]).await;
        assert!(
            said.contains("this will not go away by itself: asked ECS to roll back now"),
            "{said}"
        );
        let said = format!("{}exit code {}", without_chance(&said), ended as i32);
        insta::assert_snapshot!(said);
    });
}
