//! `ci: {github_actions: …}`: what is made, who can take the role on, and the way there from Jenkins.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    cli::{Folder, stable, stack_yaml},
    permissions::{actions, called, percent_decoded, policy},
    support::Rehearsal,
};

const ARN: &str = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";

/// The repository's stack.yaml with GitHub Actions instead of Jenkins.
fn yaml(actions: &str) -> String {
    let (before, _) =
        stack_yaml().split_once("\nci:").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    format!("{before}\nci:\n  github_actions: {{ {actions} }}\n")
}

/// A small stack that deploys by GitHub Actions.
fn small(name: &str, repository: &str) -> String {
    format!(
        "name: {name}\nregion: eu-central-1\nservices: {{ bot: {{ image: \"nginx:1\" }} }}\nci: {{ github_actions: {{ repository: {repository} }} }}\n"
    )
}

fn plan(folder: &Folder) -> String {
    let text = folder.ok(&["diff"]);
    let body = text.split_once("\n\n").map_or(text.as_str(), |(_, body)| body);
    stable(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_the_place_of_jenkins() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes"]);
    folder.write(&yaml("repository: octocat/gsm"));
    insta::assert_snapshot!("from_jenkins_to_github_actions", plan(&folder));
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
    insta::assert_snapshot!("outputs_of_github_actions", stable(&folder.ok(&["outputs"])));

    // Jenkins is gone, with its machine and its rights.
    let census = rehearsal.census().await;
    assert_eq!(census["oidc_providers"], json!([{ "OpenIDConnectProviderArn": ARN }]));
    let roles = census["roles"].to_string();
    assert!(roles.contains("gsm-github") && !roles.contains("gsm-jenkins"), "{roles}");

    // Another branch, and a repository whose tokens have numbers, change who is trusted and nothing else.
    folder.edit(
        "octocat/gsm",
        "octocat/gsm, branch: release/1, owner_id: 123456, repository_id: 456789",
    );
    insta::assert_snapshot!("another_branch_for_github_actions", plan(&folder));
    folder.ok(&["up", "--yes"]);
    folder.is_settled();

    // Whom somebody else lets in besides is turned away again.
    let cloud = rehearsal.cloud().await;
    let role = cloud.iam.get_role().role_name("gsm-github").send().await.unwrap().role.unwrap();
    let trust = role.assume_role_policy_document.unwrap();
    let trust = percent_decoded(&trust);
    let anybody = trust.replace("StringEquals", "StringLike").replace("release/1", "*");
    assert_ne!(trust, anybody);
    let request = cloud.iam.update_assume_role_policy().role_name("gsm-github");
    request.policy_document(anybody).send().await.unwrap();
    insta::assert_snapshot!("drift_of_the_trust_in_github_actions", plan(&folder));
    folder.ok(&["up", "--yes"]);
    folder.is_settled();

    // With the state lost, everything is found again and nothing is changed.
    folder.lose_state();
    rehearsal.forget().await;
    folder.ok(&["up", "--yes"]);
    assert_eq!(rehearsal.changes().await, [""; 0]);

    // With the state lost and Jenkins back, what nobody declares any more is found by the role that trusts it.
    folder.lose_state();
    folder.write(&stack_yaml());
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
    let census = rehearsal.census().await;
    assert_eq!(census["oidc_providers"], json!([]));
    assert!(!census["roles"].to_string().contains("gsm-github"));
    folder.ok(&["destroy", "--yes", "--unprotect", "database"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stacks_share_the_provider_of_the_account() {
    let rehearsal = Rehearsal::start().await;
    let (first, second) = (Folder::new(&rehearsal), Folder::new(&rehearsal));
    first.write(&small("gsm", "octocat/gsm"));
    second.write(&small("two", "octocat/two"));
    first.ok(&["up", "--yes"]);
    second.ok(&["up", "--yes"]);
    first.is_settled();
    second.is_settled();
    insta::assert_snapshot!("provider_of_another_stack", stable(&second.ok(&["diff", "-v"])));

    // The one that made it leaves it to the other, which takes it away no more than it brought it.
    let gone = first.run(&["destroy", "--yes"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    insta::assert_snapshot!("destroy_of_a_shared_provider", stable(&gone.stdout));
    second.is_settled();
    let census = rehearsal.census().await;
    assert_eq!(census["oidc_providers"], json!([{ "OpenIDConnectProviderArn": ARN }]));
    let gone = second.ok(&["destroy", "--yes"]);
    assert!(gone.contains("it is not this stack's: it stays"), "{gone}");
    let census = rehearsal.census().await;
    assert_eq!(census["oidc_providers"], json!([{ "OpenIDConnectProviderArn": ARN }]));
}

/// A token as GitHub makes it, but for the signature, at which the simulator does not look.
fn token(claims: &Value) -> String {
    let part = |it: &Value| BASE64_URL_SAFE_NO_PAD.encode(it.to_string());
    format!("{}.{}.c2lnbmF0dXJl", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(claims))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_this_repository_and_branch_can_take_the_role_on() {
    let rehearsal = Rehearsal::simulated();
    let folder = Folder::new(&rehearsal);
    folder.write(&small("gsm", "octocat/gsm"));
    folder.ok(&["up", "--yes"]);
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .region(aws_sdk_sts::config::Region::new("eu-central-1"))
        .endpoint_url(&rehearsal.url)
        .build();
    let sts = aws_sdk_sts::Client::from_conf(config);
    let assume = async |issuer: &str, audience: &str, subject: &str| {
        let claims = json!({ "iss": format!("https://{issuer}"), "aud": audience, "sub": subject });
        let request = sts.assume_role_with_web_identity().role_session_name("deploy-1");
        let request = request.role_arn(folder.ok(&["outputs", "deploy_role"]).trim());
        match request.web_identity_token(token(&claims)).send().await {
            Ok(answer) => answer.assumed_role_user.unwrap().arn,
            Err(error) => error.into_service_error().meta().code().unwrap_or_default().to_owned(),
        }
    };
    const GITHUB: &str = "token.actions.githubusercontent.com";
    const STS: &str = "sts.amazonaws.com";
    let main = "repo:octocat/gsm:ref:refs/heads/main";
    assert_eq!(
        assume(GITHUB, STS, main).await,
        "arn:aws:sts::123456789012:assumed-role/gsm-github/deploy-1"
    );
    for other in [
        "repo:octocat/gsm:ref:refs/heads/develop",
        "repo:octocat/gsm:ref:refs/heads/main2",
        "repo:octocat/gsm:ref:refs/tags/main",
        "repo:octocat/gsm:pull_request",
        "repo:octocat/gsm:environment:main",
        "repo:octocat/other:ref:refs/heads/main",
        "repo:octocat2/gsm:ref:refs/heads/main",
        "repo:Octocat/gsm:ref:refs/heads/main",
        "repo:octocat@1/gsm@2:ref:refs/heads/main",
        "",
    ] {
        assert_eq!(assume(GITHUB, STS, other).await, "AccessDenied", "{other}");
    }
    assert_eq!(assume(GITHUB, "https://github.com/octocat", main).await, "InvalidIdentityToken");
    assert_eq!(assume("tokens.example.com", STS, main).await, "InvalidIdentityToken");

    // An audience that the provider knows for others is none for this role.
    let cloud = rehearsal.cloud().await;
    let request = cloud.iam.add_client_id_to_open_id_connect_provider().client_id("others");
    request.open_id_connect_provider_arn(ARN).send().await.unwrap();
    assert_eq!(assume(GITHUB, "others", main).await, "AccessDenied");

    // Repositories that have numbers in their tokens are trusted by those, and by those alone.
    folder.edit("octocat/gsm", "octocat/gsm, owner_id: 1, repository_id: 2");
    folder.ok(&["up", "--yes"]);
    let numbered = "repo:octocat@1/gsm@2:ref:refs/heads/main";
    assert!(assume(GITHUB, STS, numbered).await.starts_with("arn:"));
    for other in [main, "repo:octocat@1/gsm@3:ref:refs/heads/main"] {
        assert_eq!(assume(GITHUB, STS, other).await, "AccessDenied", "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_suffice_and_nothing_can_be_taken_away() {
    let rehearsal = Rehearsal::simulated();
    let folder = Folder::new(&rehearsal);
    folder.write(&small("gsm", "octocat/gsm"));
    let (up, deploy, destroy) =
        (policy(&folder, "up"), policy(&folder, "deploy"), policy(&folder, "destroy"));
    let of_providers = |all: std::collections::BTreeSet<String>| {
        let mut those: Vec<String> = all.into_iter().collect();
        those.retain(|it| it.contains("OpenIDConnect"));
        those
    };
    rehearsal.allow_only(&up).await;
    folder.ok(&["up", "--yes"]);
    folder.edit("name: gsm", "name: gsm\ntags: { team: players }");
    folder.ok(&["up", "--yes"]);
    folder.edit("\ntags: { team: players }", "");
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
    let mut called_by_up = of_providers(called(&rehearsal).await);
    // Behind the creating call, and only where somebody took the audience away.
    called_by_up.push("iam:AddClientIDToOpenIDConnectProvider".to_owned());
    called_by_up.push("iam:DeleteOpenIDConnectProvider".to_owned());
    called_by_up.sort();
    assert_eq!(called_by_up, of_providers(actions(&up)));

    // What the role may do is what `permissions deploy` prints.
    let cloud = rehearsal.cloud().await;
    rehearsal.allow_only(&Value::Null).await;
    let role = cloud.iam.get_role_policy().role_name("gsm-github").policy_name("deploy");
    let live = percent_decoded(&role.send().await.unwrap().policy_document);
    let live: Value = serde_json::from_str(&live).unwrap();
    assert_eq!(live, deploy);
    rehearsal.allow_only(&live).await;
    folder.ok(&["deploy", "--service", "bot", "--image", "nginx:2"]);

    // Nobody else's role is looked at by more than its listing.
    rehearsal.allow_only(&destroy).await;
    rehearsal.forget().await;
    folder.ok(&["destroy", "--yes"]);
    let called = of_providers(called(&rehearsal).await);
    let mut expected = of_providers(actions(&destroy));
    // Only where others trust it, which a test of the kind shows.
    expected.retain(|it| it != "iam:UntagOpenIDConnectProvider");
    assert_eq!(called, expected);
}
