//! A KMS key from nothing to its pending deletion, and back.

use aws_sdk_kms::types::{KeyState, Tag};
use provisioner::{
    cloud::{Cloud, Tags},
    engine::{Class, Found, Resource},
    resources::KmsKey,
};
use serde_json::{Value, json};

use super::life::{absent, differing, gone, ours};
use crate::support::{Rehearsal, apply, tags};

/// What CloudWatch Logs needs of a key.
const USE: [&str; 5] =
    ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"];

fn policy(service: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "Service": [service] }, "Action": USE, "Resource": "*" },
    ]})
}

/// A key that CloudWatch Logs may use.
pub fn key(name: &str) -> KmsKey {
    KmsKey {
        alias: format!("alias/{name}"),
        description: "logs and secrets of gsm".to_owned(),
        policy: policy("logs.eu-central-1.amazonaws.com"),
        rotation: true,
        enabled: true,
        tags: tags(name),
    }
}

async fn state(id: &str, cloud: &Cloud) -> Option<KeyState> {
    let answer = cloud.kms.describe_key().key_id(id).send().await.unwrap();
    answer.key_metadata.and_then(|it| it.key_state)
}

async fn keys(cloud: &Cloud) -> usize {
    cloud.kms.list_keys().send().await.unwrap().keys().len()
}

#[tokio::test]
async fn it_is_made_changed_and_mended() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = key("gsm");
    absent(&wanted, &cloud).await;
    let found = apply(&wanted, &cloud).await;
    let id = &found.outputs.id;
    assert_eq!(
        rehearsal.changes().await,
        ["kms CreateKey", "kms EnableKeyRotation", "kms CreateAlias"]
    );

    apply(&KmsKey { rotation: false, ..wanted.clone() }, &cloud).await;
    apply(&KmsKey { description: String::new(), ..wanted.clone() }, &cloud).await;
    apply(&KmsKey { policy: policy("ecs.amazonaws.com"), ..wanted.clone() }, &cloud).await;
    apply(&KmsKey { tags: wanted.tags.clone().with("team", "a"), ..wanted.clone() }, &cloud).await;
    apply(&KmsKey { enabled: false, rotation: false, ..wanted.clone() }, &cloud).await;
    assert_eq!(apply(&wanted, &cloud).await.outputs, found.outputs);

    let other = KmsKey { alias: "alias/other".to_owned(), ..wanted.clone() };
    let existing = ours(&other, Some(&found), &cloud).await;
    assert_eq!(existing.inputs.alias, "alias/gsm");
    other.update(&existing, &cloud).await.unwrap();
    apply(&other, &cloud).await;
    let old = cloud.kms.describe_key().key_id("alias/gsm").send().await;
    assert!(old.is_err(), "the old alias has gone");
    let existing = ours(&wanted, Some(&ours(&other, Some(&found), &cloud).await), &cloud).await;
    wanted.update(&existing, &cloud).await.unwrap();

    // Somebody else's doing.
    let foreign = cloud.kms.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
    cloud.kms.update_alias().alias_name("alias/gsm").target_key_id(foreign).send().await.unwrap();
    cloud.kms.update_key_description().key_id(id).description("mine").send().await.unwrap();
    cloud.kms.disable_key_rotation().key_id(id).send().await.unwrap();
    let text = policy("lambda.amazonaws.com").to_string();
    cloud.kms.put_key_policy().key_id(id).policy(text).send().await.unwrap();
    let tag = Tag::builder().tag_key("project").tag_value("mine").build().unwrap();
    cloud.kms.tag_resource().key_id(id).tags(tag).send().await.unwrap();
    cloud.kms.disable_key().key_id(id).send().await.unwrap();
    let drifted = ours(&wanted, Some(&found), &cloud).await;
    let all = ["alias", "description", "enabled", "policy", "rotation", "tags"];
    assert_eq!(differing(&wanted, &drifted), all);
    wanted.update(&drifted, &cloud).await.unwrap();
    assert_eq!(apply(&wanted, &cloud).await.outputs, found.outputs);
}

#[tokio::test]
async fn a_key_pending_deletion_is_taken_back_even_with_the_state_lost() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (wanted, decoy) = (key("gsm"), key("decoy"));
    apply(&decoy, &cloud).await;
    let found = apply(&wanted, &cloud).await;
    let id = &found.outputs.id;

    gone::<KmsKey>(&found.outputs, &cloud).await;
    gone::<KmsKey>(&found.outputs, &cloud).await;
    assert_eq!(state(id, &cloud).await, Some(KeyState::PendingDeletion));
    let alias = cloud.kms.describe_key().key_id("alias/gsm").send().await;
    assert!(alias.is_err(), "the alias has gone");
    for recorded in [None, Some(&found)] {
        let pending = ours(&wanted, recorded, &cloud).await;
        assert_eq!(pending.outputs, found.outputs);
        assert_eq!(differing(&wanted, &pending), ["alias", "enabled", "rotation"]);
    }

    assert_eq!(apply(&wanted, &cloud).await.outputs, found.outputs);
    assert_eq!(state(id, &cloud).await, Some(KeyState::Enabled));
    assert_eq!(keys(&cloud).await, 2);
}

#[tokio::test]
async fn what_changed_while_a_deletion_was_pending_is_changed_once_it_is_taken_back() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let found = apply(&key("gsm"), &cloud).await;
    gone::<KmsKey>(&found.outputs, &cloud).await;
    let wanted = KmsKey {
        description: "another".to_owned(),
        policy: policy("ecs.amazonaws.com"),
        tags: tags("gsm").with("team", "a"),
        ..key("gsm")
    };
    assert_eq!(apply(&wanted, &cloud).await.outputs, found.outputs);
}

#[tokio::test]
async fn a_key_whose_creation_was_cut_off_is_found_by_its_tags() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = key("gsm");
    // The call has its effect and the answer is lost: the SDK must not try again on its own.
    let lost = json!({ "match": { "service": "kms", "action": "CreateKey" }, "drop": true, "after_effect": true });
    rehearsal.fault(lost).await;
    let Err(error) = wanted.create("", &cloud).await else { panic!("the answer is lost") };
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(keys(&cloud).await, 1);
    assert_eq!(differing(&wanted, &ours(&wanted, None, &cloud).await), ["alias", "rotation"]);
    apply(&wanted, &cloud).await;
    assert_eq!(keys(&cloud).await, 1);
}

#[tokio::test]
async fn of_several_the_one_with_the_alias_counts_then_an_enabled_one() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = key("gsm");
    let disabled = wanted.create("", &cloud).await.unwrap().outputs;
    cloud.kms.disable_key().key_id(&disabled.id).send().await.unwrap();
    let enabled = wanted.create("", &cloud).await.unwrap().outputs;
    assert_eq!(ours(&wanted, None, &cloud).await.outputs, enabled);
    let named = cloud.kms.create_alias().alias_name("alias/gsm").target_key_id(&disabled.id);
    named.send().await.unwrap();
    assert_eq!(ours(&wanted, None, &cloud).await.outputs, disabled);
}

#[tokio::test]
async fn somebody_elses_is_not_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let theirs = KmsKey { tags: Tags::default(), ..key("gsm") };
    let made = theirs.create("", &cloud).await.unwrap();
    absent(&key("gsm"), &cloud).await;
    theirs.update(&made, &cloud).await.unwrap();
    assert!(matches!(key("gsm").read(None, &cloud).await.unwrap(), Found::Theirs(..)));
}
