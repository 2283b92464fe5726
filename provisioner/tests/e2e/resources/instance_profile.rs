//! An instance profile from nothing to nothing.

use provisioner::{
    cloud::Cloud,
    engine::{Found, Resource},
    resources::InstanceProfile,
};

use super::{
    life::{absent, differing, gone, ours},
    role,
};
use crate::support::{Rehearsal, apply, tags};

pub async fn profile(name: &str, cloud: &Cloud) -> InstanceProfile {
    let mut role = role::role(name);
    role.trust_policy = role::trust("ec2.amazonaws.com");
    apply(&role, cloud).await;
    InstanceProfile { name: name.to_owned(), role: name.into(), tags: tags(name) }
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let profile = profile("gsm-jenkins", &cloud).await;
    absent(&profile, &cloud).await;
    apply(&profile, &cloud).await;
    let mut other = role::role("gsm-other");
    other.trust_policy = role::trust("ec2.amazonaws.com");
    apply(&other, &cloud).await;
    let changed = InstanceProfile {
        role: "gsm-other".into(),
        tags: profile.tags.clone().with("team", "a"),
        ..profile
    };
    apply(&changed, &cloud).await;

    let request =
        cloud.iam.remove_role_from_instance_profile().instance_profile_name(&changed.name);
    request.role_name("gsm-other").send().await.unwrap();
    let untag = cloud.iam.untag_instance_profile().instance_profile_name(&changed.name);
    untag.tag_keys("team").send().await.unwrap();
    let found = ours(&changed, None, &cloud).await;
    assert_eq!(differing(&changed, &found), ["role", "tags"]);
    apply(&changed, &cloud).await;
    // An update that is repeated because its answer was lost.
    changed.update(&found, &cloud).await.unwrap();

    gone::<InstanceProfile>(&found.outputs, &cloud).await;
    absent(&changed, &cloud).await;
    gone::<InstanceProfile>(&found.outputs, &cloud).await;
}

#[tokio::test]
async fn a_profile_without_our_tags_is_somebody_elses() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let profile = profile("gsm-jenkins", &cloud).await;
    cloud.iam.create_instance_profile().instance_profile_name(&profile.name).send().await.unwrap();
    assert!(matches!(profile.read(None, &cloud).await.unwrap(), Found::Theirs(..)));
}
