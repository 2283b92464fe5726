//! `verify`, as its user sees it before a deployment or an `up`; and what `deploy` itself asks the registry.

use serde_json::{Value, json};

use crate::{
    cli::{Folder, Ran, stable},
    support::Rehearsal,
};

const STACK: &str = "\
name: gsm
region: eu-central-1
database:
  project: gsm
  cluster: gsm-db
  tier: free
  region: EU_CENTRAL_1
  user: gsm-bot
  roles: [readWrite@gsm]
  allow_from: [0.0.0.0/0]
services:
  bot:
    image: docker.io/me/bot:1
    secrets:
      BOT_TOKEN: { env: GSM_BOT_TOKEN }
      SESSION_KEY: { generate: 32 }
      MONGODB_URI: { database: uri }
  worker:
    image: ghcr.io/me/worker:1
    architecture: arm64
";

const SMALL: &str = "\
name: gsm
region: eu-central-1
services:
  bot:
    image: docker.io/me/bot:1
    secrets:
      BOT_TOKEN: { env: GSM_BOT_TOKEN }
";

fn whole(ran: &Ran) -> String {
    let code = ran.code.map_or("none".to_owned(), |it| it.to_string());
    stable(&format!("{}{}exit code {code}", ran.stdout, ran.stderr))
}

fn denied(service: &str, action: &str) -> Value {
    let message = format!(
        "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: {service}:{action}"
    );
    let code = if service == "ec2" { "UnauthorizedOperation" } else { "AccessDeniedException" };
    json!({
        "match": { "service": service, "action": action }, "code": code, "status": 400,
        "message": message, "times": null,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_before_the_first_up_and_after_it() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = Folder::new(&rehearsal);
    folder.write(STACK);
    let ran = folder.run(&["verify"]);
    insta::assert_snapshot!("well", whole(&ran));
    assert_eq!(rehearsal.changes().await, [""; 0]);
    assert!(!folder.path("state").exists(), "not even a lock is left behind");

    folder.ok(&["up", "--yes"]);
    rehearsal.forget().await;
    // A pipeline has no secrets: the values that are there stay.
    folder.set("GSM_BOT_TOKEN", None);
    insta::assert_snapshot!("well_after_up", whole(&folder.run(&["verify"])));
    assert_eq!(rehearsal.changes().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_told_at_once() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = Folder::new(&rehearsal);
    folder.write(&STACK.replace("bot:1", "bot:absent-1"));
    folder.set("GSM_BOT_TOKEN", None);
    folder.set("MONGODB_ATLAS_PRIVATE_KEY", Some("wrong"));
    insta::assert_snapshot!("wrong", whole(&folder.run(&["verify"])));
    folder.set("GSM_BOT_TOKEN", Some(""));
    folder.set("MONGODB_ATLAS_PRIVATE_KEY", Some("test-private"));
    folder.write(&STACK.replace("project: gsm", "project: gmss"));
    insta::assert_snapshot!("wrong_otherwise", whole(&folder.run(&["verify"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_aws_keep_nothing_else_from_being_checked() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = Folder::new(&rehearsal);
    folder.write(STACK);
    folder.set("GSM_BOT_TOKEN", None);
    rehearsal
        .fault(json!({
            "match": { "service": "sts" }, "code": "ExpiredToken", "status": 403, "times": null,
            "message": "The security token included in the request is expired",
        }))
        .await;
    let ran = folder.run(&["verify"]);
    insta::assert_snapshot!("expired", whole(&ran));
    assert_eq!(ran.code, Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_than_the_states_is_noticed() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.write("name: gsm\nregion: eu-central-1\nservices: { bot: { image: \"nginx:1\" } }\n");
    folder.ok(&["up", "--yes"]);
    let state =
        folder.state().replace("\"account\": \"123456789012\"", "\"account\": \"210987654321\"");
    std::fs::write(folder.path("state/gsm.json"), state).unwrap();
    let ran = folder.run(&["verify"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.stdout.contains("the state is of account 210987654321"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_looked_at_is_no_failure() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = Folder::new(&rehearsal);
    folder.write(STACK);
    folder.set("GSM_BOT_TOKEN", None);
    rehearsal.fault(denied("ssm", "DescribeParameters")).await;
    let ran = folder.run(&["verify", "bot"]);
    insta::assert_snapshot!("denied", whole(&ran));
    assert_eq!(ran.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_before_its_deployment() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.write(STACK);
    let image = ["verify", "bot", "--image", "docker.io/me/bot:2"];
    let mut said = whole(&folder.run(&image)) + "\n\n";
    folder.ok(&["up", "--yes"]);
    for (service, image) in [
        ("bot", "docker.io/me/bot:2"),
        ("bot", "docker.io/me/bot:absent-2"),
        ("bto", "docker.io/me/bot:2"),
        ("bot", "https://docker.io/me/bot:2"),
        ("bot", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/bot:2"),
    ] {
        said += &whole(&folder.run(&["verify", service, "--image", image]));
        said += "\n\n";
    }
    said += &whole(&folder.run(&["verify", "--image", "docker.io/me/bot:2"]));
    insta::assert_snapshot!("image", said);

    let ran = folder.run(&["verify", "bot", "--image", "docker.io/me/bot:absent-2", "--json"]);
    let said = stable(&ran.stdout);
    let lines = said.lines().map(|it| serde_json::from_str(it).expect("JSON"));
    let mut lines: Vec<Value> = lines.collect();
    for line in &mut lines {
        line["at"] = Value::Null;
    }
    insta::assert_json_snapshot!("image_json", lines);
}

/// A deployment brings no secrets, whatever is in its environment.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_before_a_deployment() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = Folder::new(&rehearsal);
    folder.write(SMALL);
    folder.ok(&["up", "--yes"]);
    let deploying = ["verify", "bot", "--image", "docker.io/me/bot:2"];
    for set in [None, Some(""), Some("7:new")] {
        folder.set("GSM_BOT_TOKEN", set);
        let said = folder.ok(&deploying);
        assert!(said.contains("✓ bot: BOT_TOKEN       in /gsm/bot/BOT_TOKEN"), "{set:?}: {said}");
    }
    let ssm = rehearsal.cloud().await.ssm;
    ssm.delete_parameter().name("/gsm/bot/BOT_TOKEN").send().await.unwrap();
    insta::assert_snapshot!("secret", whole(&folder.run(&deploying)));
    rehearsal.fault(denied("ssm", "DescribeParameters")).await;
    let said = folder.ok(&deploying);
    assert!(said.contains("not checked: whether /gsm/bot/BOT_TOKEN has a value: "), "{said}");
}

#[cfg(feature = "sandbox")]
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_there_and_cannot_run() {
    let rehearsal = Rehearsal::simulated();
    let folder = Folder::new(&rehearsal);
    folder.write(STACK);
    folder.ok(&["up", "--yes"]);
    let mut said = String::new();
    for (service, tag) in [("bot", "arm64-2"), ("worker", "amd64-2"), ("bot", "private-2")] {
        let image = format!("docker.io/me/bot:{tag}");
        let ran = folder.run(&["verify", service, "--image", &image]);
        assert_eq!(ran.code, Some(1));
        said += &whole(&ran);
        said += "\n\n";
    }
    rehearsal
        .fault(json!({ "match": { "service": "registry" }, "status": 503, "times": null }))
        .await;
    let ran = folder.run(&["verify", "bot"]);
    assert_eq!(ran.code, Some(0));
    said += &whole(&ran);
    insta::assert_snapshot!("image_that_cannot_run", said);
}

#[tokio::test(flavor = "multi_thread")]
async fn network_zone_and_certificate() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    let balanced = |zone: &str, network: &str| {
        format!(
            "name: gsm\nregion: eu-central-1\n{network}load_balancer: {{ domain: bot.{zone}, zone: {zone} }}\n\
             services: {{ bot: {{ image: \"nginx:1\", port: 80 }} }}\n"
        )
    };
    folder.write(&balanced("example.com", ""));
    let mut said = whole(&folder.run(&["verify"]));
    folder.ok(&["up", "--yes"]);
    said += "\n\n";
    said += &whole(&folder.run(&["verify"]));
    folder.write(&balanced("example.net", "network: { vpc: vpc-0123456789abcdef0 }\n"));
    said += "\n\n";
    said += &whole(&folder.run(&["verify"]));
    let said =
        regex::Regex::new(r"\([0-9A-Z]{20,}\)").unwrap().replace_all(&said, "(ZONE)").into_owned();
    insta::assert_snapshot!("surroundings", said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_others_have_changed() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.write(SMALL);
    folder.ok(&["up", "--yes"]);
    let deploying = ["verify", "bot", "--image", "docker.io/me/bot:2"];
    assert_eq!(folder.run(&deploying).code, Some(0));
    let iam = rehearsal.cloud().await.iam;
    let role = "gsm-bot-execution";
    let policy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
    iam.detach_role_policy().role_name(role).policy_arn(policy).send().await.unwrap();
    iam.delete_role_policy().role_name(role).policy_name("secrets").send().await.unwrap();
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ec2.amazonaws.com" },
        }],
    });
    let changed = iam.update_assume_role_policy().role_name(role);
    changed.policy_document(trust.to_string()).send().await.unwrap();
    let said = whole(&folder.run(&deploying)) + "\n\n" + &whole(&folder.run(&["verify", "bot"]));
    insta::assert_snapshot!("role", said);
    folder.ok(&["up", "--yes"]);
    folder.ok(&deploying);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_what_has_to_be_there() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    let stack = "name: gsm\nregion: eu-central-1\nservices: { bot: { image: \"nginx:1\" } }\n";
    folder.write(stack);
    folder.ok(&["up", "--yes"]);
    folder.ok(&["deploy", "--image", "docker.io/me/bot:2"]);
    let said = folder.ok(&["verify"]);
    assert!(said.contains("docker.io/me/bot:2 for linux/amd64"), "{said}");
    // `up` would bring this one.
    folder.write(&stack.replace("nginx:1", "nginx:2"));
    let said = folder.ok(&["verify"]);
    assert!(said.contains("nginx:2 for linux/amd64"), "{said}");
}

#[cfg(feature = "sandbox")]
#[tokio::test(flavor = "multi_thread")]
async fn the_rights_of_up_are_enough_and_those_of_a_deployment_are_no_failure() {
    let rehearsal = Rehearsal::simulated();
    let mut folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes"]);
    folder.set("GSM_BOT_TOKEN", None);
    let policy = |command| crate::permissions::policy(&folder, command);
    let (up, deploy) = (policy("up"), policy("deploy"));
    rehearsal.allow_only(&up).await;
    let said = folder.ok(&["verify"]);
    assert!(!said.contains("not checked"), "{said}");
    rehearsal.allow_only(&deploy).await;
    let said = folder.ok(&["verify", "bot", "--image", "docker.io/me/bot:2"]);
    insta::assert_snapshot!("rights_of_deploy", stable(&said));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_tag_is_no_deployment() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = Folder::new(&rehearsal);
    folder.write("name: gsm\nregion: eu-central-1\nservices: { bot: { image: \"nginx:1\" } }\n");
    folder.ok(&["up", "--yes"]);
    rehearsal.forget().await;
    let ran = folder.run(&["deploy", "--image", "docker.io/me/bot:absent-2"]);
    insta::assert_snapshot!(whole(&ran), @"
    error: docker.io has no image docker.io/me/bot:absent-2: MANIFEST_UNKNOWN: manifest unknown: absent-2; nothing was changed
    hint: correct the tag or the name, or push the image first
    exit code 3
    ");
    assert_eq!(rehearsal.changes().await, [""; 0]);
    // Whether a registry that is not reached has it, nobody knows.
    folder.set("PROVISIONER_REGISTRY_MIRROR", Some("http://127.0.0.1:1"));
    folder.ok(&["deploy", "--image", "docker.io/me/bot:absent-2"]);
}
