//! `ci: {jenkins: …}`: where its secrets are, who knows them, and what a change of it means.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use aws_sdk_ec2::types::{Filter, InstanceAttributeName};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    cli::{Folder, stable},
    permissions::percent_decoded,
    support::{Rehearsal, python, simulated},
};

const GITHUB: &str = "canary-of-the-token-of-github";
const REGISTRY: &str = "canary-of-the-token-of-the-registry";
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/program/jenkins/machine");

/// A folder whose Jenkins has everything.
fn folder(rehearsal: &Rehearsal) -> Folder {
    let folder = Folder::new(rehearsal);
    folder.edit(
        "# repository: owner/name ",
        "repository: owner/name\n    github: { env: TOKEN_OF_GITHUB }\n    registry: { user: owner, token: { env: TOKEN_OF_REGISTRY } } ",
    );
    folder
}

fn with_tokens(folder: &mut Folder) {
    folder.set("TOKEN_OF_GITHUB", Some(GITHUB));
    folder.set("TOKEN_OF_REGISTRY", Some(REGISTRY));
}

/// What the instance was told, as EC2 gives it to whoever may look.
async fn user_data(rehearsal: &Rehearsal) -> String {
    let ec2 = rehearsal.cloud().await.ec2;
    let found = ec2.describe_instances().send().await.unwrap();
    let all = found.reservations().iter().flat_map(|it| it.instances());
    let id = all.last().and_then(|it| it.instance_id()).unwrap().to_owned();
    let request = ec2.describe_instance_attribute().instance_id(id);
    let answer = request.attribute(InstanceAttributeName::UserData).send().await.unwrap();
    let data = answer.user_data.and_then(|it| it.value).unwrap();
    String::from_utf8(BASE64_STANDARD.decode(data).unwrap()).unwrap()
}

/// What the machine is to fetch: the file that its user data writes.
fn wanted(user_data: &str) -> String {
    let config: serde_yaml::Value = serde_yaml::from_str(user_data).unwrap();
    let mut files = config["write_files"].as_sequence().unwrap().iter();
    let file = files.find(|it| it["path"].as_str() == Some("/etc/jenkins/secrets.json"));
    file.unwrap()["content"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_secrets_are_in_parameters_and_nowhere_else() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = folder(&rehearsal);
    // Both tokens are missed before anything is made.
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    for name in ["TOKEN_OF_GITHUB", "TOKEN_OF_REGISTRY"] {
        assert!(ran.stderr.contains(&format!("set {name} in the environment")), "{}", ran.stderr);
    }
    with_tokens(&mut folder);
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let answers = "Jenkins answers at https://jenkins.bot.example.com:8443\n";
    assert!(ran.stderr.contains(answers), "{}", ran.stderr);
    folder.is_settled();

    let cloud = rehearsal.cloud().await;
    let mut secrets = BTreeMap::new();
    for name in ["ADMIN_PASSWORD", "GITHUB_TOKEN", "REGISTRY_TOKEN", "WEBHOOK_SECRET"] {
        let request = cloud.ssm.get_parameter().name(format!("/gsm/jenkins/{name}"));
        let found = request.with_decryption(true).send().await.unwrap().parameter.unwrap();
        assert_eq!(found.r#type.unwrap().as_str(), "SecureString");
        secrets.insert(name, found.value.unwrap());
    }
    assert_eq!((&*secrets["GITHUB_TOKEN"], &*secrets["REGISTRY_TOKEN"]), (GITHUB, REGISTRY));
    assert_eq!(secrets["ADMIN_PASSWORD"].len(), 32);
    assert_ne!(secrets["ADMIN_PASSWORD"], secrets["WEBHOOK_SECRET"]);

    let told = user_data(&rehearsal).await;
    let outputs = folder.ok(&["outputs"]);
    let said = format!("{}{}{outputs}", ran.stdout, ran.stderr);
    for (name, secret) in &secrets {
        assert!(told.contains(&format!("/gsm/jenkins/{name}")), "{told}");
        for (place, text) in [("user data", &told), ("state", &folder.state()), ("output", &said)] {
            assert!(!text.contains(secret), "{name} is in the {place}");
        }
    }
    insta::assert_snapshot!("outputs_of_jenkins", stable(&outputs));

    // GitHub calls it, and signs with the secret that it knows.
    let hooks = &rehearsal.census().await["github_webhooks"];
    let held = Sha256::digest(&secrets["WEBHOOK_SECRET"]);
    let held: String = held.iter().map(|it| format!("{it:02x}")).collect();
    assert_eq!((&hooks[0]["secret_sha256"], &hooks[1]), (&held.into(), &Value::Null), "{hooks}");
    insta::assert_snapshot!(
        "webhook_of_jenkins",
        stable(&format!("{} {}", hooks[0]["repository"], hooks[0]["url"]))
    );

    // The machine may read these four, with this key, and deploy.
    let role = cloud.iam.get_role_policy().role_name("gsm-jenkins").policy_name("secrets");
    let policy = percent_decoded(&role.send().await.unwrap().policy_document);
    let policy: Value = serde_json::from_str(&policy).unwrap();
    insta::assert_snapshot!(
        "what_jenkins_may_read",
        stable(&serde_json::to_string_pretty(&policy).unwrap())
    );
    let all = cloud.iam.list_role_policies().role_name("gsm-jenkins").send().await.unwrap();
    assert_eq!(all.policy_names, ["deploy", "secrets"]);

    // Another token changes its parameter and leaves the machine alone.
    folder.set("TOKEN_OF_REGISTRY", Some("canary-of-another-token"));
    let plan = folder.ok(&["diff"]);
    assert!(plan.contains("Plan: 1 to update"), "{plan}");
    let again = folder.run(&["up", "--yes"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(!again.stderr.contains("Jenkins answers"), "nobody waits for an old machine");
    assert_eq!(user_data(&rehearsal).await, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_for_it_can_be_ended() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = folder(&rehearsal);
    with_tokens(&mut folder);
    // Something that takes every connection and never says a word.
    let silence = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    folder.set("https_proxy", Some(&format!("http://{}", silence.local_addr().unwrap())));
    let mut child = folder.start(&["up", "--yes"]);
    std::thread::sleep(std::time::Duration::from_secs(20));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains("Waiting until Jenkins, which installs itself, answers at https://"),
        "{said}"
    );
    assert!(said.contains("interrupted; everything was done"), "{said}");
    folder.is_settled();
}

/// The script that the machine runs before each start of Jenkins, with the rights that the machine has.
#[tokio::test(flavor = "multi_thread")]
async fn the_machine_fetches_them_with_its_own_rights() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = folder(&rehearsal);
    with_tokens(&mut folder);
    folder.ok(&["up", "--yes"]);
    let told = user_data(&rehearsal).await;
    let cloud = rehearsal.cloud().await;
    let role = cloud.iam.get_role_policy().role_name("gsm-jenkins").policy_name("secrets");
    let policy = percent_decoded(&role.send().await.unwrap().policy_document);
    fs::create_dir(folder.path("secrets")).unwrap();
    fs::write(folder.path("secrets.json"), wanted(&told)).unwrap();
    // What an earlier start has left is replaced.
    fs::write(folder.path("secrets/GITHUB_TOKEN"), "old").unwrap();
    let me = Command::new("id").arg("-un").output().unwrap().stdout;
    let me = String::from_utf8(me).unwrap();
    let fetch = || {
        let mut command = Command::new(python());
        command.arg(format!("{SCRIPTS}/jenkins-secrets")).arg(folder.path("secrets.json"));
        command.arg(folder.path("secrets")).arg(me.trim()).env_clear();
        command.envs(rehearsal.environment()).env("HOME", folder.path(""));
        command.output().unwrap()
    };
    if simulated() {
        let client = reqwest::Client::new();
        let request = client.put(format!("{}/__cloud/policy", rehearsal.url)).body(policy);
        assert!(request.send().await.unwrap().status().is_success());
        // These rights and no others.
        assert!(cloud.ssm.get_parameter().name("/gsm/bot/BOT_TOKEN").send().await.is_err());
    }
    let ran = fetch();
    assert!(ran.status.success(), "{ran:?}");
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:?}");
    let mut names = Vec::new();
    for file in fs::read_dir(folder.path("secrets")).unwrap() {
        let file = file.unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o400);
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["ADMIN_PASSWORD", "GITHUB_TOKEN", "REGISTRY_TOKEN", "WEBHOOK_SECRET"]);
    assert_eq!(fs::read_to_string(folder.path("secrets/GITHUB_TOKEN")).unwrap(), GITHUB);
    assert_eq!(fs::read_to_string(folder.path("secrets/REGISTRY_TOKEN")).unwrap(), REGISTRY);
}

#[test]
fn the_scripts_of_the_machine_are_sound() {
    let shellcheck = python().with_file_name("shellcheck");
    for script in ["jenkins-disk", "jenkins-install"].map(|it| format!("{SCRIPTS}/{it}")) {
        for (program, args) in [
            (shellcheck.as_path(), ["--severity=style", "--shell=sh"].as_slice()),
            (Path::new("sh"), &["-n"]),
            (Path::new("bash"), &["-n"]),
        ] {
            let ran = Command::new(program).args(args).arg(&script).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
        }
    }
    let parse = format!("import ast; ast.parse(open('{SCRIPTS}/jenkins-secrets').read())");
    assert!(Command::new(python()).args(["-c", &parse]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn its_webhook_can_be_left_to_the_user_and_needs_a_token_otherwise() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = folder(&rehearsal);
    with_tokens(&mut folder);
    folder.set("GITHUB_TOKEN", None);
    let ran = folder.run(&["diff"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    insta::assert_snapshot!("no_token_for_the_webhook", stable(&ran.stderr));
    folder.edit("repository: owner/name\n", "repository: owner/name\n    webhook: false\n");
    folder.ok(&["up", "--yes", "--no-wait"]);
    assert_eq!(rehearsal.census().await["github_webhooks"], serde_json::json!([]));
    assert!(folder.ok(&["outputs", "jenkins_webhook"]).contains("gh api repos/owner/name/hooks"));

    // Without our state its address still says whose it is.
    folder.edit("    webhook: false\n", "");
    folder.set("GITHUB_TOKEN", Some("test-github-token"));
    folder.ok(&["up", "--yes", "--no-wait"]);
    folder.is_settled();
    assert_eq!(rehearsal.census().await["github_webhooks"].as_array().unwrap().len(), 1);
    folder.lose_state();
    folder.is_settled();
    folder.ok(&["destroy", "--yes", "--unprotect", "database"]);
    assert_eq!(rehearsal.census().await["github_webhooks"], serde_json::json!([]));
}

/// The disk with what Jenkins keeps, and the instances that have it.
async fn disk(rehearsal: &Rehearsal) -> (String, Vec<String>) {
    let marked = Filter::builder().name("tag:provisioner:resource").values("jenkins-disk").build();
    let request = rehearsal.cloud().await.ec2.describe_volumes().filters(marked);
    let found = request.send().await.unwrap();
    let [volume] = found.volumes() else { panic!("{found:?}") };
    let at = volume.attachments().iter().filter_map(|it| it.instance_id.clone());
    (volume.volume_id.clone().unwrap(), at.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_keeps_outlives_its_machine() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = folder(&rehearsal);
    with_tokens(&mut folder);
    folder.ok(&["up", "--yes", "--no-wait"]);
    let (volume, first) = disk(&rehearsal).await;
    let told = user_data(&rehearsal).await;
    assert!(told.contains(&volume), "the machine knows its disk");

    // A new machine: the old one has ended before the new one begins, and nothing else touches the disk.
    folder.edit("repository: owner/name\n", "repository: owner/name\n    branch: release\n");
    let plan = folder.run(&["diff"]);
    insta::assert_snapshot!("a_new_machine_keeps_the_disk", stable(&plan.stdout));
    rehearsal.forget().await;
    folder.ok(&["up", "--yes", "--no-wait"]);
    let (same, second) = disk(&rehearsal).await;
    assert_eq!((&same, second.len()), (&volume, 1));
    assert_ne!(second, first);
    let changes = rehearsal.changes().await;
    let machines: Vec<&str> = changes
        .iter()
        .filter_map(|it| it.strip_prefix("ec2 "))
        .filter(|it| it.contains("Instances") || it.contains("Volume"))
        .collect();
    // Attached once the new one runs, for which EC2 may have to be asked more than once.
    assert_eq!(machines[..2], ["TerminateInstances", "RunInstances"], "{machines:?}");
    assert!(machines.len() > 2, "{machines:?}");
    assert!(machines[2..].iter().all(|it| *it == "AttachVolume"), "{machines:?}");
    folder.is_settled();

    // Without a state it is found by its tags, and where it is attached.
    folder.lose_state();
    folder.is_settled();
    assert_eq!(disk(&rehearsal).await, (volume.clone(), second.clone()));

    // Somebody terminates the machine by hand.
    let ec2 = rehearsal.cloud().await.ec2;
    ec2.terminate_instances().instance_ids(&second[0]).send().await.unwrap();
    folder.ok(&["up", "--yes", "--no-wait"]);
    let (same, third) = disk(&rehearsal).await;
    assert_eq!((&same, third.len()), (&volume, 1));
    assert_ne!(third, second);

    // It grows where it is, and shrinks nowhere.
    folder.edit("repository: owner/name\n", "repository: owner/name\n    data_disk: 40\n");
    folder.ok(&["up", "--yes", "--no-wait"]);
    assert_eq!(disk(&rehearsal).await, (volume.clone(), third));
    folder.is_settled();
    folder.edit("data_disk: 40", "data_disk: 20");
    rehearsal.forget().await;
    let refused = folder.run(&["up", "--yes", "--no-wait"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.stderr.contains("AWS cannot make a volume smaller"), "{}", refused.stderr);
    assert_eq!(rehearsal.changes().await, [""; 0]);

    // With the stack it goes.
    folder.ok(&["destroy", "--yes", "--unprotect", "database"]);
    assert_eq!(rehearsal.census().await["volumes"], serde_json::json!([]));
}
