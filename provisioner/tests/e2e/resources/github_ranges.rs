//! The addresses of GitHub's webhooks.

use provisioner::{
    cloud::github::GitHub,
    engine::{Class, Lookup},
    lookups::GithubHooks,
};

use crate::support::Rehearsal;

#[tokio::test]
async fn the_addresses_of_both_families_are_found() {
    let rehearsal = Rehearsal::start().await;
    let mut cloud = rehearsal.cloud().await;
    let found = GithubHooks {}.find(&cloud).await.unwrap().unwrap();
    assert_eq!(
        found.cidrs,
        [
            "140.82.112.0/20",
            "143.55.64.0/20",
            "185.199.108.0/22",
            "192.30.252.0/22",
            "2606:50c0::/32",
            "2a0a:a440::/29",
        ]
    );
    let nowhere = |name: &str| (name == "GITHUB_API_URL").then(|| "http://127.0.0.1:1".to_owned());
    cloud.github = GitHub::from_variables(cloud.http.clone(), nowhere);
    let error = GithubHooks {}.find(&cloud).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error}");
}
