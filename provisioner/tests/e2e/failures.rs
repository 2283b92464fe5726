//! What goes wrong, what the user is told, and that nothing is lost.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    cli::{Folder, Ran, stable},
    support::Rehearsal,
};

/// The last lines, which say what to do.
fn errors(ran: &Ran) -> String {
    let lines = ran.stderr.lines().skip_while(|it| !it.starts_with("error"));
    stable(&lines.collect::<Vec<_>>().join("\n"))
}

/// Names that exist more than once in a census.
pub fn twice(census: &Value) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (kind, things) in census.as_object().into_iter().flatten() {
        // Interfaces come and go with what they belong to; two listeners and several rules are as they should be.
        if ["network_interfaces", "security_group_rules", "records", "listeners"]
            .contains(&kind.as_str())
        {
            continue;
        }
        for thing in things.as_array().into_iter().flatten() {
            let name = [
                "GroupName",
                "Name",
                "RoleName",
                "name",
                "logGroupName",
                "family",
                "AliasName",
                "DomainName",
                "TargetGroupName",
                "username",
                "cidrBlock",
                // What a volume is for: that of a machine and that of its data differ in it.
                "Size",
            ];
            let name = name.iter().find_map(|it| thing.get(it)).map(ToString::to_string);
            *seen.entry(format!("{kind} {}", name.unwrap_or_default())).or_default() += 1;
        }
    }
    seen.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_allowed_stops_only_what_depends_on_it() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    rehearsal
        .fault(json!({
            "match": { "service": "kms", "action": "CreateKey" },
            "status": 400,
            "code": "AccessDeniedException",
            "message": "User: arn:aws:iam::123456789012:user/me is not authorized to perform: kms:CreateKey",
        }))
        .await;
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    insta::assert_snapshot!("up_that_may_not_create_a_key", errors(&ran));
    assert!(folder.state().contains("\"balancer\""), "what does not need the key is there");
    assert!(!folder.state().contains("\"intents\""), "a refusal leaves no intent");
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_lost_after_its_effect_makes_nothing_twice() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    let creating = [
        ("kms", "CreateKey"),
        ("ec2", "CreateSecurityGroup"),
        ("ec2", "RunInstances"),
        ("ec2", "AllocateAddress"),
        ("ecs", "CreateService"),
        ("ecs", "CreateCluster"),
        ("elbv2", "CreateLoadBalancer"),
        ("elbv2", "CreateTargetGroup"),
        ("elbv2", "CreateListener"),
        ("iam", "CreateRole"),
        ("iam", "CreateInstanceProfile"),
        ("acm", "RequestCertificate"),
        ("logs", "CreateLogGroup"),
        ("ssm", "PutParameter"),
        ("atlas", "createFlexCluster"),
        ("atlas", "createDatabaseUser"),
    ];
    for (service, action) in creating {
        let fault = json!({ "match": { "service": service, "action": action }, "drop": true, "after_effect": true });
        rehearsal.fault(fault).await;
    }
    folder.ok(&["up", "--yes"]);
    let census = rehearsal.census().await;
    assert_eq!(twice(&census), [""; 0], "{census:#}");
    folder.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_and_faults_of_the_services_are_outlasted() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    for service in ["kms", "ec2", "ecs", "elbv2", "iam", "acm", "logs", "ssm", "route53"] {
        rehearsal
            .fault(json!({ "match": { "service": service }, "status": 400, "code": "ThrottlingException", "times": 2, "skip": 2 }))
            .await;
        rehearsal
            .fault(json!({ "match": { "service": service }, "status": 503, "times": 2, "skip": 6 }))
            .await;
    }
    rehearsal
        .fault(json!({ "match": { "service": "atlas" }, "status": 503, "times": 2, "skip": 1 }))
        .await;
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_time_it_goes_on_where_it_stopped() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    rehearsal.latency(15).await;
    // Later and later, until a run gets to its end, however slow the machine is.
    let mut life = Duration::from_millis(400);
    loop {
        assert!(life < Duration::from_secs(60), "it does not converge");
        let mut child = folder.start(&["up", "--yes"]);
        tokio::time::sleep(life).await;
        life = life.mul_f64(1.08);
        if child.try_wait().unwrap().is_some_and(|it| it.success()) {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    rehearsal.latency(0).await;
    folder.ok(&["up", "--yes"]);
    let census = rehearsal.census().await;
    assert_eq!(twice(&census), [""; 0], "{census:#}");
    folder.is_settled();
    folder.ok(&["destroy", "--yes", "--unprotect", "database"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_finishes_what_is_in_flight() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    rehearsal.latency(50).await;
    let child = folder.start(&["up", "--yes"]);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let signalled = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signalled.success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(
        stderr.contains("what was done is recorded") || stderr.contains("nothing was changed"),
        "{stderr}"
    );
    rehearsal.latency(0).await;
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_others_is_refused_until_it_is_adopted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    cloud.logs.create_log_group().log_group_name("gsm").send().await.unwrap();
    let folder = Folder::new(&rehearsal);
    rehearsal.forget().await;
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!("log_group_of_somebody_else", errors(&ran));
    assert_eq!(rehearsal.changes().await, [""; 0]);
    folder.ok(&["up", "--yes", "--adopt", "logs"]);
    folder.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_changed_is_shown_and_put_back() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes"]);
    let cloud = rehearsal.cloud().await;
    cloud
        .logs
        .put_retention_policy()
        .log_group_name("gsm")
        .retention_in_days(1)
        .send()
        .await
        .unwrap();
    cloud
        .ecs
        .update_service()
        .cluster("gsm")
        .service("gsm-bot")
        .desired_count(3)
        .send()
        .await
        .unwrap();
    // Who names no key takes the account's default one.
    let key = cloud.kms.describe_key().key_id("alias/gsm").send().await.unwrap();
    let key = key.key_metadata.and_then(|it| it.arn);
    let request = cloud.ssm.put_parameter().name("/gsm/bot/BOT_TOKEN").value("2:another");
    request.set_key_id(key).overwrite(true).send().await.unwrap();
    cloud
        .iam
        .delete_role_policy()
        .role_name("gsm-bot-execution")
        .policy_name("secrets")
        .send()
        .await
        .unwrap();
    insta::assert_snapshot!("drift", stable(&folder.ok(&["diff"])));
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_written_down_or_printed() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = Folder::new(&rehearsal);
    folder.set("GSM_BOT_TOKEN", Some("canary-bot-token"));
    let cloud = rehearsal.cloud().await;
    let mut seen = String::new();
    let runs: [&[&str]; 8] = [
        &["diff", "-vvv"],
        &["--json", "diff"],
        &["up", "--yes", "-vvv"],
        &["--json", "up", "--yes"],
        &["state", "list"],
        &["state", "show", "bot-secret:BOT_TOKEN"],
        &["state", "show", "database-user"],
        &["outputs", "--json"],
    ];
    for args in runs {
        let ran = folder.run(args);
        assert_eq!(ran.code, Some(0), "{args:?} {}", ran.stderr);
        seen += &format!("{}{}", ran.stdout, ran.stderr);
    }
    let mut secrets = vec!["canary-bot-token".to_owned(), "test-private".to_owned()];
    for name in ["/gsm/bot/WEBHOOK_SECRET", "/gsm/database/uri"] {
        let parameter =
            cloud.ssm.get_parameter().name(name).with_decryption(true).send().await.unwrap();
        let value = parameter.parameter().and_then(|it| it.value()).unwrap().to_owned();
        // The password of the connection string.
        let password = value
            .split_once("://")
            .and_then(|(_, it)| it.split_once('@'))
            .and_then(|(it, _)| it.split_once(':'));
        secrets.push(password.map_or(value.clone(), |(_, it)| it.to_owned()));
    }
    assert!(secrets.iter().all(|it| it.len() > 10), "a secret is too short to look for");
    folder.set("GSM_BOT_TOKEN", Some("canary-of-another-token"));
    seen += &folder.ok(&["diff", "-vvv"]);
    secrets.push("canary-of-another-token".to_owned());
    for file in std::fs::read_dir(folder.path("state")).unwrap() {
        seen += &std::fs::read_to_string(file.unwrap().path()).unwrap();
    }
    for secret in secrets {
        assert!(!seen.contains(&secret), "a secret was found: {}…", &secret[..4]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_given_is_asked_for_or_stays() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = Folder::new(&rehearsal);
    folder.set("GSM_BOT_TOKEN", None);
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.stdout, ran.stderr);
    insta::assert_snapshot!("a_secret_is_missing", errors(&ran));
    assert_eq!(
        rehearsal.changes().await,
        [""; 0],
        "something was changed before the secret was missed"
    );
    folder.set("GSM_BOT_TOKEN", Some("1:token"));
    folder.ok(&["up", "--yes"]);
    folder.set("GSM_BOT_TOKEN", None);
    let diff = folder.ok(&["diff"]);
    assert!(diff.contains("Nothing to do") && diff.contains("GSM_BOT_TOKEN"), "{diff}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_has_its_exit_code() {
    let rehearsal = Rehearsal::start().await;
    let mut folder = Folder::new(&rehearsal);
    let ran = folder.run(&["up"]);
    assert_eq!(ran.code, Some(3), "without a terminal nobody can agree");
    insta::assert_snapshot!("up_without_a_terminal", errors(&ran));
    let ran = folder.run(&["diff", "--target", "balancr"]);
    assert_eq!(ran.code, Some(3));
    insta::assert_snapshot!("a_name_that_does_not_exist", errors(&ran));
    let ran = folder.run(&["outputs"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!("outputs_before_up", errors(&ran));

    folder.edit("retention_days: 30", "retention_days: 31");
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(3));
    insta::assert_snapshot!("a_mistake_in_stack_yaml", errors(&ran));
    folder.edit("retention_days: 31", "retention_days: 30");

    folder.set("AWS_ACCESS_KEY_ID", None);
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    insta::assert_snapshot!("no_aws_credentials", errors(&ran));
    folder.set("AWS_ACCESS_KEY_ID", Some("test"));
    folder.set("MONGODB_ATLAS_PRIVATE_KEY", Some("wrong-one"));
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    insta::assert_snapshot!("wrong_atlas_key", errors(&ran));
    folder.set("AWS_ENDPOINT_URL", Some("http://127.0.0.1:9"));
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    insta::assert_snapshot!("no_network", errors(&ran));
    folder.set("AWS_ENDPOINT_URL", Some(&rehearsal.url));
    folder.set("MONGODB_ATLAS_PRIVATE_KEY", Some("test-private"));

    rehearsal.latency(300).await;
    let mut child = folder.start(&["up", "--yes"]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(8), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("process {}", child.id())), "{}", ran.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
    rehearsal.latency(0).await;
    // The lock of a killed run is gone at once.
    folder.ok(&["up", "--yes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_state_is_refused_before_anything_happens() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes"]);
    let whole = folder.state();
    std::fs::write(folder.path("state/gsm.json"), &whole[..whole.len() / 2]).unwrap();
    rehearsal.forget().await;
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("not a whole state file") && ran.stderr.contains("up"),
        "{}",
        ran.stderr
    );
    assert_eq!(rehearsal.calls().await, []);
    // As the message says.
    std::fs::remove_file(folder.path("state/gsm.json")).unwrap();
    assert!(folder.ok(&["up", "--yes"]).contains("Nothing to do"));
    assert_eq!(rehearsal.changes().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_another_account_are_noticed() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes", "--target", "logs"]);
    let elsewhere =
        folder.state().replace("\"account\": \"123456789012\"", "\"account\": \"210987654321\"");
    std::fs::write(folder.path("state/gsm.json"), &elsewhere).unwrap();
    rehearsal.forget().await;
    for args in [&["up", "--yes"][..], &["diff"], &["destroy", "--yes"]] {
        let ran = folder.run(args);
        assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        insta::assert_snapshot!("another_account", errors(&ran));
    }
    assert_eq!(rehearsal.changes().await, [""; 0]);
    assert_eq!(folder.state(), elsewhere);
}
