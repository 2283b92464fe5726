//! A parameter from nothing to nothing.

use provisioner::{
    cloud::Cloud,
    engine::{Found, Resource, Sealed},
    resources::{Parameter, ParameterSource},
};
use serde_json::json;

use super::kms_key;
use super::life::{absent, differing, gone, ours};
use crate::support::{Rehearsal, apply, tags};

const NAME: &str = "/gsm/bot/BOT_TOKEN";

fn parameter(source: ParameterSource, key: &str) -> Parameter {
    let description = "BOT_TOKEN of service bot".to_owned();
    Parameter {
        name: NAME.to_owned(),
        key_id: key.into(),
        source,
        description,
        tags: tags("bot-token"),
    }
}

fn env(value: Option<&str>) -> ParameterSource {
    ParameterSource::Env { variable: "GSM_BOT_TOKEN".to_owned(), value: value.map(Sealed::new) }
}

async fn key(name: &str, cloud: &Cloud) -> String {
    apply(&kms_key::key(name), cloud).await.outputs.arn
}

async fn value(cloud: &Cloud) -> String {
    let answer = cloud.ssm.get_parameter().name(NAME).with_decryption(true).send().await.unwrap();
    answer.parameter.unwrap().value.unwrap()
}

#[tokio::test]
async fn one_from_the_environment_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, two) = (key("one", &cloud).await, key("two", &cloud).await);
    let wanted = parameter(env(Some("canary-1")), &one);
    absent(&wanted, &cloud).await;
    let Err(refused) = parameter(env(None), &one).create("", &cloud).await else { panic!() };
    assert_eq!(
        refused.to_string(),
        "set GSM_BOT_TOKEN in the environment: `/gsm/bot/BOT_TOKEN` has no value yet"
    );

    rehearsal.forget().await;
    let found = apply(&wanted, &cloud).await;
    assert_eq!(rehearsal.changes().await, ["ssm PutParameter"]);
    assert_eq!(found.outputs.arn, cloud.arn("ssm", "parameter/gsm/bot/BOT_TOKEN"));
    assert_eq!((found.outputs.version, value(&cloud).await.as_str()), (1, "canary-1"));

    // Without the variable nothing is asked for and nothing is changed.
    let silent = parameter(env(None), &one);
    assert_eq!(apply(&silent, &cloud).await.outputs.version, 1);
    assert_eq!(silent.notes(&found).len(), 1);
    assert!(wanted.notes(&found).is_empty());

    let changed = parameter(env(Some("canary-2")), &one);
    assert!(changed.foresee(&found).is_none());
    assert_eq!(apply(&changed, &cloud).await.outputs.version, 2);
    assert_eq!(value(&cloud).await, "canary-2");

    // Another key or description without the variable: the value is put again.
    let moved = Parameter { description: String::new(), ..parameter(env(None), &two) };
    assert_eq!(apply(&moved, &cloud).await.outputs.version, 3);
    assert_eq!(value(&cloud).await, "canary-2");
    let bare = two.rsplit('/').next().unwrap();
    let same_key = Parameter { key_id: bare.into(), ..moved.clone() };
    assert_eq!(apply(&same_key, &cloud).await.outputs.version, 3);

    let tagged = Parameter { tags: moved.tags.clone().with("team", "a"), ..moved.clone() };
    assert!(tagged.foresee(&found).is_none(), "its key differs, too");
    let found = ours(&tagged, None, &cloud).await;
    assert_eq!(tagged.foresee(&found), Some(found.outputs.clone()));
    let found = apply(&tagged, &cloud).await;
    assert_eq!(found.outputs.version, 3);
    let existing = ours(&moved, Some(&found), &cloud).await;
    assert_eq!(differing(&moved, &existing), ["tags"]);
    moved.update(&existing, &cloud).await.unwrap();
    assert_eq!(differing(&moved, &ours(&moved, Some(&found), &cloud).await), [""; 0]);

    // Somebody else's doing.
    let wanted = parameter(env(Some("canary-1")), &one);
    let found = apply(&wanted, &cloud).await;
    let put =
        cloud.ssm.put_parameter().name(NAME).value("mine").overwrite(true).description("mine");
    let put = put.r#type(aws_sdk_ssm::types::ParameterType::SecureString).key_id(&two);
    put.send().await.unwrap();
    let drifted = ours(&wanted, Some(&found), &cloud).await;
    assert_eq!(differing(&wanted, &drifted), ["description", "key_id", "source"]);
    apply(&wanted, &cloud).await;
    assert_eq!(value(&cloud).await, "canary-1");

    gone::<Parameter>(&found.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<Parameter>(&found.outputs, &cloud).await;
}

#[tokio::test]
async fn one_made_up_is_kept() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let key = key("one", &cloud).await;
    let generated = |length| parameter(ParameterSource::Generated { length }, &key);
    let found = apply(&generated(32), &cloud).await;
    let first = value(&cloud).await;
    assert_eq!(first.len(), 32);
    // Telegram takes these in a secret_token.
    assert!(first.chars().all(|it| it.is_ascii_alphanumeric() || "_-".contains(it)));
    apply(&generated(32), &cloud).await;
    let described = Parameter { description: "other".to_owned(), ..generated(32) };
    apply(&described, &cloud).await;
    assert_eq!(value(&cloud).await, first);
    apply(&generated(48), &cloud).await;
    assert_eq!(value(&cloud).await.len(), 48);

    // The same length, but from elsewhere.
    let wanted = parameter(env(Some(&"x".repeat(48))), &key);
    apply(&wanted, &cloud).await;
    let recorded = ours(&wanted, Some(&found), &cloud).await;
    let existing = ours(&generated(48), Some(&recorded), &cloud).await;
    assert_eq!(differing(&generated(48), &existing), ["source"]);
    generated(48).update(&existing, &cloud).await.unwrap();
    assert_ne!(value(&cloud).await, "x".repeat(48));
}

#[test]
fn what_ssm_cannot_keep_is_refused_without_showing_it() {
    for value in [String::new(), "canary".repeat(1000)] {
        let objection = parameter(env(Some(&value)), "k").objection(None).unwrap();
        assert!(!objection.contains("canary"), "{objection}");
    }
    assert_eq!(parameter(env(Some("short")), "k").objection(None), None);
}

#[tokio::test]
async fn one_whose_key_is_of_no_use_any_more_gets_another_value() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, two) = (key("one", &cloud).await, key("two", &cloud).await);
    apply(&parameter(ParameterSource::Generated { length: 32 }, &one), &cloud).await;
    rehearsal
        .fault(json!({
            "match": { "service": "ssm", "action": "GetParameter" },
            "code": "InvalidKeyId", "message": "key/1 is pending deletion.",
        }))
        .await;
    let wanted = parameter(ParameterSource::Generated { length: 32 }, &two);
    let existing = ours(&wanted, None, &cloud).await;
    assert_eq!(differing(&wanted, &existing), ["key_id", "source"]);
    wanted.update(&existing, &cloud).await.unwrap();
    apply(&wanted, &cloud).await;
}

#[tokio::test]
async fn somebody_elses_is_not_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let put = cloud.ssm.put_parameter().name(NAME).value("theirs");
    put.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.unwrap();
    let wanted = parameter(env(Some("ours")), "k");
    assert!(matches!(wanted.read(None, &cloud).await.unwrap(), Found::Theirs(..)));
    let Err(error) = wanted.create("", &cloud).await else { panic!("it is overwritten") };
    assert_eq!(error.class(), provisioner::engine::Class::Exists);
}
