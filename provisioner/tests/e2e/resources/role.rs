//! An IAM role from nothing to nothing.

use std::collections::{BTreeMap, BTreeSet};

use provisioner::{
    engine::{Found, Resource},
    resources::Role,
};
use serde_json::{Value, json};

use super::life::{absent, differing, gone, ours};
use crate::support::{Rehearsal, apply, tags};

const EXECUTION: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

pub fn trust(service: &str) -> Value {
    let statement = json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" });
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

pub fn role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        description: "what the bot may do".to_owned(),
        trust_policy: trust("ecs-tasks.amazonaws.com"),
        managed_policies: BTreeSet::new(),
        inline_policies: BTreeMap::new(),
        tags: tags(name),
    }
}

fn allowing(action: &str) -> Value {
    let statement = json!({ "Effect": "Allow", "Action": [action], "Resource": ["*"] });
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let mut role = role("gsm-task");
    absent(&role, &cloud).await;
    apply(&role, &cloud).await;
    role.description = String::new();
    apply(&role, &cloud).await;
    role.trust_policy = trust("ec2.amazonaws.com");
    apply(&role, &cloud).await;
    role.managed_policies = [EXECUTION.to_owned(), READ_ONLY.to_owned()].into();
    apply(&role, &cloud).await;
    role.managed_policies.remove(READ_ONLY);
    apply(&role, &cloud).await;
    for policies in [vec!["secrets"], vec!["secrets", "logs"], vec!["logs"], vec![]] {
        let policy = |name: &str| (name.to_owned(), allowing(&format!("{name}:Get*")).into());
        role.inline_policies = policies.into_iter().map(policy).collect();
        apply(&role, &cloud).await;
    }
    role.inline_policies =
        BTreeMap::from([("secrets".to_owned(), allowing("ssm:GetParameters").into())]);
    role.tags = role.tags.with("team", "ä = +");
    apply(&role, &cloud).await;

    // Rights that somebody adds are taken away, and those somebody takes away are given back.
    let iam = &cloud.iam;
    iam.attach_role_policy().role_name(&role.name).policy_arn(READ_ONLY).send().await.unwrap();
    iam.detach_role_policy().role_name(&role.name).policy_arn(EXECUTION).send().await.unwrap();
    let put = iam.put_role_policy().role_name(&role.name).policy_name("hole");
    put.policy_document(allowing("*").to_string()).send().await.unwrap();
    let put = iam.put_role_policy().role_name(&role.name).policy_name("secrets");
    put.policy_document(allowing("ssm:*").to_string()).send().await.unwrap();
    let found = ours(&role, None, &cloud).await;
    assert_eq!(differing(&role, &found), ["inline_policies", "managed_policies"]);
    apply(&role, &cloud).await;

    // What is said in other words is the same.
    let words = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "SSM:GetParameters", "Resource": "*",
    }});
    let put = iam.put_role_policy().role_name(&role.name).policy_name("secrets");
    put.policy_document(words.to_string()).send().await.unwrap();
    let found = ours(&role, None, &cloud).await;
    assert_eq!(differing(&role, &found), [""; 0]);

    let renamed = Role { name: "gsm-other".to_owned(), ..role.clone() };
    assert_eq!(differing(&renamed, &ours(&renamed, Some(&found), &cloud).await), ["name"]);

    let profile = iam.create_instance_profile().instance_profile_name("theirs").send().await;
    profile.unwrap();
    let add =
        iam.add_role_to_instance_profile().instance_profile_name("theirs").role_name(&role.name);
    add.send().await.unwrap();
    gone::<Role>(&found.outputs, &cloud).await;
    absent(&role, &cloud).await;
    gone::<Role>(&found.outputs, &cloud).await;
}

#[tokio::test]
async fn a_role_without_our_tags_is_somebody_elses() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let role = role("gsm-task");
    let request = cloud.iam.create_role().role_name(&role.name);
    request
        .assume_role_policy_document(trust("ec2.amazonaws.com").to_string())
        .send()
        .await
        .unwrap();
    assert!(matches!(role.read(None, &cloud).await.unwrap(), Found::Theirs(..)));
}
