//! `permissions`: what the printed policies allow is what `up`, `deploy` and `destroy` call, no more and no less.

use std::collections::BTreeSet;

use provisioner::permissions::UNSEEN;
use serde_json::Value;

use crate::{
    cli::{Folder, stable},
    support::Rehearsal,
};

/// The policy for a command.
pub fn policy(folder: &Folder, command: &str) -> Value {
    serde_json::from_str(&folder.ok(&["permissions", command])).expect("JSON")
}

pub fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let actions = statements.flat_map(|it| it["Action"].as_array().expect("actions"));
    actions.map(|it| it.as_str().expect("an action").to_owned()).collect()
}

/// The calls to AWS so far, under their names in IAM. Who one is may be asked without any right.
pub async fn called(rehearsal: &Rehearsal) -> BTreeSet<String> {
    let calls = rehearsal.calls().await.into_iter();
    let calls =
        calls.filter(|it| !matches!(it.service.as_str(), "atlas" | "github" | "registry" | "sts"));
    calls
        .map(|it| {
            let service = match it.service.as_str() {
                "elbv2" => "elasticloadbalancing",
                "resourcegroupstaggingapi" => "tag",
                other => other,
            };
            format!("{service}:{}", it.action)
        })
        .collect()
}

/// What the policy lacks, and what could be taken away from it; `spared` is what this test does not provoke.
fn compare(policy: &Value, called: &BTreeSet<String>, spared: &[&str]) -> String {
    let allowed = actions(policy);
    let unseen = |it: &&String| {
        let mut rights = UNSEEN.iter().filter(|(right, _)| *right == it.as_str());
        rights.any(|(_, by)| by.iter().any(|it| called.contains(*it)))
    };
    let lacks = called.iter().filter(|it| !allowed.contains(*it)).map(|it| format!("lacks {it}"));
    let idle = allowed.iter().filter(|it| !called.contains(*it) && !unseen(it));
    let idle = idle.filter(|it| !spared.contains(&it.as_str())).map(|it| format!("needs no {it}"));
    lacks.chain(idle).collect::<Vec<_>>().join("\n")
}

/// Puts right what others changed, which the tests of the single kinds show.
const AGAINST_DRIFT: &[&str] = &[
    "ec2:AssociateIamInstanceProfile",
    "ec2:DescribeIamInstanceProfileAssociations",
    "ec2:ModifyInstanceMetadataOptions",
    "ec2:ReplaceIamInstanceProfileAssociation",
    "elasticloadbalancing:SetSecurityGroups",
    "elasticloadbalancing:SetSubnets",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "kms:CancelKeyDeletion",
    "kms:EnableKey",
    "kms:PutKeyPolicy",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
    "logs:AssociateKmsKey",
    // Only if a group is still in use when it is to be deleted, which depends on the time that others take.
    "ec2:DescribeNetworkInterfaces",
];
/// Only if a cluster or a group is still in use when it is to be deleted, or if the key has lost its alias too.
const WHEN_HELD: &[&str] =
    &["ec2:DescribeNetworkInterfaces", "ecs:ListServices", "ecs:ListTasks", "kms:ListKeys"];
/// Only if a deployment has not rolled itself back before we ask for it.
const WHEN_STOPPED: &[&str] = &["ecs:StopServiceDeployment"];

#[tokio::test(flavor = "multi_thread")]
async fn they_suffice_and_nothing_can_be_taken_away() {
    let rehearsal = Rehearsal::simulated();
    let folder = Folder::new(&rehearsal);
    rehearsal.forget().await;
    folder.ok(&["up", "--yes"]);

    // A life with everything in it that `up` has to be able to do: changes in stack.yaml, ...
    let edits: &[(&str, &str)] = &[
        ("tags: { project: gamers-social-manager }", "tags: { team: players }"),
        ("retention_days: 30", "retention_days: never"),
        ("logs:", "cluster: { container_insights: enhanced }\nlogs:"),
        ("memory: 512", "memory: 1024"),
        ("generate: 32", "generate: 48"),
        ("path: /healthz, codes: \"200\"", "path: /ready, codes: 200-204, interval: 20"),
        ("port: 8080", "port: 9090"),
        ("load_balancer:", "load_balancer:\n  idle_timeout: 120\n  allow_from: [192.0.2.0/24]"),
        ("domain: bot.example.com", "domain: gamers.example.com"),
        (
            "\nci:",
            "\n  api:\n    image: nginx:1\n    port: 80\n    path: /api/*\n    secrets: { URI: { database: uri } }\n    exec: true\n\nci:",
        ),
        ("path: /api/*", "path: /v2/*"),
        ("exec: true", "exec: false"),
        ("t3.medium", "t3.large"),
        ("instance_type: t3.large", "instance_type: t3.large\n    disk: 40"),
        ("203.0.113.7/32", "203.0.113.8/32"),
        ("user: gsm-bot ", "user: gsm-player "),
    ];
    for (old, new) in edits {
        folder.edit(old, new);
        folder.ok(&["up", "--yes"]);
    }
    let (up, destroy, deploy) =
        (policy(&folder, "up"), policy(&folder, "destroy"), policy(&folder, "deploy"));

    // What Jenkins may do is what is printed.
    let cloud = rehearsal.cloud().await;
    let role = cloud.iam.get_role_policy().role_name("gsm-jenkins").policy_name("deploy");
    let live = percent_decoded(&role.send().await.unwrap().policy_document);
    assert_eq!(serde_json::from_str::<Value>(&live).unwrap(), deploy);

    // ... almost everything taken away and made again, and a state that was lost.
    let full = std::fs::read_to_string(folder.path("stack.yaml")).unwrap();
    folder.write("name: gsm\nregion: eu-central-1\nservices: { bot: { image: \"nginx:1\" } }\n");
    folder.ok(&["up", "--yes", "--unprotect", "database"]);
    folder.write(&full);
    folder.ok(&["up", "--yes"]);
    folder.lose_state();
    folder.ok(&["up", "--yes"]);
    // The one call of this test itself is among those of the program.
    assert_eq!(compare(&up, &called(&rehearsal).await, AGAINST_DRIFT), "");

    rehearsal.forget().await;
    folder.ok(&["deploy", "--service", "bot", "--image", "docker.io/me/bot:2"]);
    for fate in ["image-cannot-be-pulled", "container-exits"] {
        let image = format!("docker.io/me/bot:{fate}");
        let failed = folder.run(&["deploy", "--service", "bot", "--image", &image]);
        assert_eq!(failed.code, Some(6), "{failed:?}");
    }
    assert_eq!(compare(&deploy, &called(&rehearsal).await, WHEN_STOPPED), "");

    // With the state lost, it has to look for everything.
    rehearsal.forget().await;
    folder.lose_state();
    folder.ok(&["destroy", "--yes", "--unprotect", "database"]);
    assert_eq!(compare(&destroy, &called(&rehearsal).await, WHEN_HELD), "");
}

/// Conditions and resources of the statements, of which the names of actions tell nothing.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_needs_to_be_allowed() {
    let rehearsal = Rehearsal::simulated();
    let folder = Folder::new(&rehearsal);
    rehearsal.allow_only(&policy(&folder, "up")).await;
    folder.ok(&["up", "--yes"]);
    let edits = [
        ("tags: { project: gamers-social-manager }", "tags: { team: players }"),
        ("retention_days: 30", "retention_days: never"),
        ("memory: 512", "memory: 1024"),
        ("generate: 32", "generate: 48"),
        ("port: 8080", "port: 9090"),
        ("instance_type: t3.medium", "instance_type: t3.large\n    disk: 40"),
        ("203.0.113.7/32", "203.0.113.8/32"),
    ];
    for (old, new) in edits {
        folder.edit(old, new);
    }
    rehearsal.allow_only(&policy(&folder, "up")).await;
    folder.ok(&["up", "--yes"]);
    folder.lose_state();
    folder.is_settled();

    rehearsal.allow_only(&policy(&folder, "deploy")).await;
    folder.ok(&["deploy", "--service", "bot", "--image", "docker.io/me/bot:2"]);
    let refused = folder.run(&["destroy", "--yes", "--unprotect", "database"]);
    assert!(refused.stderr.contains("is not authorized to perform"), "{refused:?}");

    rehearsal.allow_only(&policy(&folder, "destroy")).await;
    folder.lose_state();
    folder.ok(&["destroy", "--yes", "--unprotect", "database"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_in_s3_needs_three_rights_more() {
    let rehearsal = Rehearsal::simulated();
    let folder = Folder::new(&rehearsal);
    let without = policy(&folder, "up");
    folder.edit("name: gsm\n", "name: gsm\nstate: { s3: gsm-states/team }\n");
    let with = policy(&folder, "up");
    let statements = |policy: &Value| policy["Statement"].as_array().expect("statements").clone();
    let (old, mut new) = (statements(&without), statements(&with));
    new.retain(|it| !old.contains(it));
    insta::assert_json_snapshot!(new, @r#"
    [
      {
        "Action": [
          "s3:GetObject",
          "s3:ListBucket",
          "s3:PutObject"
        ],
        "Effect": "Allow",
        "Resource": [
          "arn:aws:s3:::gsm-states",
          "arn:aws:s3:::gsm-states/team/gsm.json",
          "arn:aws:s3:::gsm-states/team/gsm.lock"
        ]
      }
    ]
    "#);
    let others = |right: &str| {
        let mut policy = with.clone();
        for statement in policy["Statement"].as_array_mut().expect("statements") {
            statement["Action"].as_array_mut().expect("actions").retain(|it| it != right);
        }
        policy
    };
    // Who works with it does not make the bucket.
    folder.ok(&["state", "migrate", "--yes"]);
    let up = ["up", "--yes", "--target", "logs"];
    for right in ["s3:ListBucket", "s3:PutObject", "s3:GetObject"] {
        rehearsal.allow_only(&others(right)).await;
        let refused = folder.run(&up);
        assert_eq!(refused.code, Some(4), "without {right}: {refused:?}");
    }
    rehearsal.allow_only(&with).await;
    folder.ok(&up);
    rehearsal.allow_only(&policy(&folder, "destroy")).await;
    folder.ok(&["destroy", "--yes"]);
}

/// A document as IAM gives it, plain.
pub fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&hex, 16).expect("two digits"));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_a_deployment_is_shown_whole() {
    let rehearsal = Rehearsal::simulated();
    let folder = Folder::new(&rehearsal);
    let ran = folder.run(&["permissions", "deploy"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!(stable(&format!("{}{}", ran.stderr, ran.stdout)));
    let again = folder.run(&["permissions", "deploy"]);
    assert_eq!(ran.stdout, again.stdout, "the order is stable");
}
