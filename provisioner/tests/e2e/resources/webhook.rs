//! A webhook of a repository from nothing to nothing.

use provisioner::{
    cloud::Cloud,
    engine::{Class, Found, Resource},
    resources::{Parameter, ParameterSource, Webhook},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    kms_key,
    life::{absent, differing, gone, ours},
};
use crate::support::{Rehearsal, apply, tags};

const NAME: &str = "/gsm/jenkins/webhook-secret";
const REPOSITORY: &str = "octocat/gsm";
const URL: &str = "http://192.0.2.1:8080/github-webhook/";

/// The parameter with the secret, of a length: another one is another secret. Gives its version.
async fn secret(length: usize, cloud: &Cloud) -> i64 {
    let parameter = Parameter {
        name: NAME.to_owned(),
        key_id: apply(&kms_key::key("key"), cloud).await.outputs.arn.into(),
        source: ParameterSource::Generated { length },
        description: "The secret of the webhook".to_owned(),
        tags: tags("jenkins-webhook-secret"),
    };
    apply(&parameter, cloud).await.outputs.version
}

fn webhook(version: i64) -> Webhook {
    Webhook::of_pushes(REPOSITORY, URL.into(), NAME.into(), version.into())
}

/// What is there, as another client sees it, and whether it signs with the secret that the parameter holds.
async fn there(rehearsal: &Rehearsal, cloud: &Cloud) -> (Vec<Value>, bool) {
    let held = cloud.ssm.get_parameter().name(NAME).with_decryption(true).send().await.unwrap();
    let held = Sha256::digest(held.parameter.unwrap().value.unwrap());
    let held: String = held.iter().map(|it| format!("{it:02x}")).collect();
    let census = rehearsal.census().await;
    let all = census["github_webhooks"].as_array().unwrap().clone();
    let signs = all.iter().all(|it| it["secret_sha256"] == held.as_str());
    (all, signs)
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let first = webhook(secret(32, &cloud).await);
    absent(&first, &cloud).await;
    let made = apply(&first, &cloud).await;
    let (all, signs) = there(&rehearsal, &cloud).await;
    assert_eq!((all.len(), signs), (1, true), "{all:?}");
    let marked = format!("{URL}?provisioner%3Astack=gsm&secret=1");
    assert_eq!(all[0]["url"], marked.as_str());

    // Another secret, and another address, are told to GitHub; no second one appears.
    let second = webhook(secret(48, &cloud).await);
    assert_eq!(differing(&second, &ours(&second, None, &cloud).await), ["secret_version"]);
    apply(&second, &cloud).await;
    let (all, signs) = there(&rehearsal, &cloud).await;
    assert_eq!((all.len(), signs), (1, true), "{all:?}");
    let moved = Webhook { url: "https://ci.example.com/github-webhook/".into(), ..second.clone() };
    assert_eq!(differing(&moved, &ours(&moved, None, &cloud).await), ["url"]);
    apply(&moved, &cloud).await;

    // What others changed is seen and put back, also when nothing is left that says whose it is.
    let path = format!("/repos/{REPOSITORY}/hooks/{}", made.outputs.id);
    let change =
        json!({ "active": false, "events": ["push", "pull_request"], "config": { "url": URL } });
    let _: Value = cloud.github.patch(&path, &change).await.unwrap();
    let Found::Theirs(found, _) = moved.read(Some(&made), &cloud).await.unwrap() else { panic!() };
    assert_eq!(
        differing(&moved, &found),
        ["active", "content_type", "events", "secret_version", "url"]
    );
    moved.update(&found, &cloud).await.unwrap();
    apply(&moved, &cloud).await;
    let (all, signs) = there(&rehearsal, &cloud).await;
    assert_eq!((all.len(), signs), (1, true), "{all:?}");

    let elsewhere = Webhook { repository: "octocat/other".to_owned(), ..moved.clone() };
    let found = ours(&elsewhere, Some(&made), &cloud).await;
    assert_eq!(differing(&elsewhere, &found), ["repository"]);

    gone::<Webhook>(&made.outputs, &cloud).await;
    absent(&moved, &cloud).await;
    let again = Webhook::delete(&made.outputs, &cloud).await.unwrap_err();
    assert_eq!(again.class(), Class::Gone);
}

#[tokio::test]
async fn those_of_others_are_theirs() {
    let rehearsal = Rehearsal::start().await;
    let (cloud, other) = (rehearsal.cloud().await, rehearsal.cloud_of("other").await);
    let version = secret(32, &cloud).await;
    // More than one page of them that have nothing to do with us.
    for number in 0..12 {
        for event in
            ["push", "release", "star", "fork", "watch", "issues", "label", "create", "delete"]
        {
            let config =
                json!({ "url": format!("https://example.com/{number}"), "content_type": "json" });
            let body = json!({ "name": "web", "events": [event], "config": config });
            let _: Value =
                cloud.github.post(&format!("/repos/{REPOSITORY}/hooks"), &body).await.unwrap();
        }
    }
    absent(&webhook(version), &cloud).await;
    let by_hand = json!({ "name": "web", "config": { "url": URL } });
    let _: Value =
        cloud.github.post(&format!("/repos/{REPOSITORY}/hooks"), &by_hand).await.unwrap();
    let Found::Theirs(_, whose) = webhook(version).read(None, &cloud).await.unwrap() else {
        panic!("it is not ours");
    };
    assert_eq!(whose, format!("a webhook of {REPOSITORY} that is not the stack's calls {URL}"));

    // Two stacks may have one each in the same repository.
    let theirs = Webhook { url: "https://other.example.com/".into(), ..webhook(version) };
    apply(&theirs, &other).await;
    let ours = Webhook { url: "https://ours.example.com/".into(), ..webhook(version) };
    apply(&ours, &cloud).await;
    apply(&theirs, &other).await;
}

#[tokio::test]
async fn a_repository_that_cannot_be_seen_is_not_one_without_webhooks() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let nobodys = Webhook { repository: "nobody/gsm".to_owned(), ..webhook(1) };
    let error = nobodys.read(None, &cloud).await.err().unwrap();
    assert_eq!(error.class(), Class::Denied);
    assert_eq!(
        error.to_string(),
        "GitHub GET /repos/nobody/gsm/hooks: Not Found: there is no such repository, or the token may not see its webhooks"
    );
}
