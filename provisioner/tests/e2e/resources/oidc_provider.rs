//! An IAM OIDC provider from nothing to nothing, and how stacks share the one that an account can have.

use provisioner::{
    cloud::Cloud,
    engine::{Found, Resource},
    resources::OidcProvider,
};
use serde_json::{Value, json};

use super::{
    life::{absent, differing, gone, ours},
    role::trust,
};
use crate::support::{Rehearsal, apply, plain, tags};

const ISSUER: &str = "token.actions.githubusercontent.com";

fn provider() -> OidcProvider {
    OidcProvider {
        issuer: ISSUER.to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        tags: tags("github-provider"),
    }
}

/// Somebody else's, for these audiences.
async fn theirs(audiences: &[&str], cloud: &Cloud) -> String {
    let request = cloud.iam.create_open_id_connect_provider().url(format!("https://{ISSUER}"));
    let audiences = audiences.iter().map(|it| (*it).to_owned()).collect();
    let answer = request.set_client_id_list(Some(audiences)).send().await.unwrap();
    answer.open_id_connect_provider_arn.unwrap()
}

/// A role that trusts the tokens of a provider.
async fn trusting(name: &str, arn: &str, cloud: &Cloud) {
    let statement = json!({
        "Effect": "Allow",
        "Principal": { "Federated": arn },
        "Action": "sts:AssumeRoleWithWebIdentity",
    });
    let trust: Value = json!({ "Version": "2012-10-17", "Statement": [statement] });
    let request = cloud.iam.create_role().role_name(name);
    request.assume_role_policy_document(trust.to_string()).send().await.unwrap();
}

async fn found(arn: &str, cloud: &Cloud) -> Option<Vec<String>> {
    let request = cloud.iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn);
    let tags = request.send().await.ok()?.tags;
    Some(tags.unwrap_or_default().into_iter().map(|it| it.key).collect())
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let mut provider = provider();
    absent(&provider, &cloud).await;
    let made = apply(&provider, &cloud).await;
    assert_eq!(
        made.outputs.arn,
        "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    );
    assert!(!made.outputs.shared);
    provider.tags = provider.tags.with("team", "ä = +");
    apply(&provider, &cloud).await;
    let other = OidcProvider { tags: tags("github-provider"), ..provider.clone() };
    let found = ours(&provider, None, &cloud).await;
    assert_eq!(differing(&other, &ours(&other, Some(&found), &cloud).await), ["tags"]);

    // A tag that somebody takes away is put back.
    let request = cloud.iam.untag_open_id_connect_provider().tag_keys("team");
    request.open_id_connect_provider_arn(&made.outputs.arn).send().await.unwrap();
    assert_eq!(differing(&provider, &ours(&provider, None, &cloud).await), ["tags"]);
    apply(&provider, &cloud).await;

    let moved = OidcProvider { issuer: "tokens.example.com".to_owned(), ..provider.clone() };
    assert_eq!(differing(&moved, &ours(&moved, Some(&found), &cloud).await), ["issuer"]);

    // A role that trusts somebody else is no reason to keep it.
    let request = cloud.iam.create_role().role_name("theirs");
    request
        .assume_role_policy_document(trust("ec2.amazonaws.com").to_string())
        .send()
        .await
        .unwrap();
    gone::<OidcProvider>(&found.outputs, &cloud).await;
    absent(&provider, &cloud).await;
    gone::<OidcProvider>(&found.outputs, &cloud).await;
}

/// moto cannot change the audiences of a provider.
#[tokio::test]
async fn an_audience_that_somebody_takes_away_is_given_back() {
    let rehearsal = Rehearsal::simulated();
    let cloud = rehearsal.cloud().await;
    let provider = provider();
    let made = apply(&provider, &cloud).await;
    let request = cloud.iam.add_client_id_to_open_id_connect_provider().client_id("others");
    request.open_id_connect_provider_arn(&made.outputs.arn).send().await.unwrap();
    assert_eq!(differing(&provider, &ours(&provider, None, &cloud).await), [""; 0]);
    let request = cloud.iam.remove_client_id_from_open_id_connect_provider();
    let request = request.client_id("sts.amazonaws.com");
    request.open_id_connect_provider_arn(&made.outputs.arn).send().await.unwrap();
    assert_eq!(differing(&provider, &ours(&provider, None, &cloud).await), ["audience"]);
    apply(&provider, &cloud).await;

    // One of somebody else's that lacks it is not touched before it is adopted, and is not made ours by that.
    gone::<OidcProvider>(&made.outputs, &cloud).await;
    let arn = theirs(&["others"], &cloud).await;
    let Found::Theirs(existing, whose) = provider.read(None, &cloud).await.unwrap() else {
        panic!("it is somebody else's");
    };
    assert_eq!(whose, "it has no tag `provisioner:stack`");
    provider.update(&existing, &cloud).await.unwrap();
    let now = ours(&provider, None, &cloud).await;
    assert!(now.outputs.shared && differing(&provider, &now).is_empty());
    assert_eq!(found(&arn, &cloud).await, Some(vec![]));
    let live = cloud.iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn);
    assert_eq!(live.send().await.unwrap().client_id_list(), ["others", "sts.amazonaws.com"]);
}

#[tokio::test]
async fn one_of_somebody_elses_is_used_as_it_is_and_never_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let arn = theirs(&["sts.amazonaws.com", "others"], &cloud).await;
    rehearsal.forget().await;
    let mut provider = provider();
    let shared = apply(&provider, &cloud).await;
    assert!(shared.outputs.shared);
    assert_eq!(provider.notes(&shared).len(), 1);
    provider.tags = provider.tags.with("team", "a");
    apply(&provider, &cloud).await;
    gone::<OidcProvider>(&shared.outputs, &cloud).await;
    assert_eq!(rehearsal.changes().await, [""; 0]);
    assert_eq!(found(&arn, &cloud).await, Some(vec![]));

    // Nor one that another stack of this program made.
    let request = cloud.iam.tag_open_id_connect_provider().open_id_connect_provider_arn(&arn);
    let tag = aws_sdk_iam::types::Tag::builder().key("provisioner:stack").value("other");
    request.tags(tag.build().unwrap()).send().await.unwrap();
    let other = ours(&provider, None, &cloud).await;
    assert!(other.outputs.shared);
    assert_eq!(plain(&other.inputs), plain(&provider));
    gone::<OidcProvider>(&other.outputs, &cloud).await;
    assert_eq!(found(&arn, &cloud).await, Some(vec!["provisioner:stack".to_owned()]));
}

#[tokio::test]
async fn ours_stays_if_roles_of_others_trust_it() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    // The name of the second begins like ours.
    for other in ["deployer", "gsm-two-github"] {
        let made = apply(&provider(), &cloud).await;
        let arn = &made.outputs.arn;
        trusting(other, arn, &cloud).await;
        rehearsal.forget().await;
        gone::<OidcProvider>(&made.outputs, &cloud).await;
        assert_eq!(rehearsal.changes().await, ["iam UntagOpenIDConnectProvider"]);
        assert_eq!(found(arn, &cloud).await, Some(vec!["project".to_owned()]));
        // It is nobody's now, and the next stack that needs one shares it.
        assert!(apply(&provider(), &cloud).await.outputs.shared);

        cloud.iam.delete_role().role_name(other).send().await.unwrap();
        let request = cloud.iam.delete_open_id_connect_provider();
        request.open_id_connect_provider_arn(arn).send().await.unwrap();
    }

    // A role of our own keeps nothing: it may be listed for a moment after its deletion.
    let made = apply(&provider(), &cloud).await;
    trusting("gsm-github", &made.outputs.arn, &cloud).await;
    let request = cloud.iam.tag_role().role_name("gsm-github");
    let tag = aws_sdk_iam::types::Tag::builder().key("provisioner:stack").value("gsm");
    request.tags(tag.build().unwrap()).send().await.unwrap();
    gone::<OidcProvider>(&made.outputs, &cloud).await;
    assert_eq!(found(&made.outputs.arn, &cloud).await, None);
}
