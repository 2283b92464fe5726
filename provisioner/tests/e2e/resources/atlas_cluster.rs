//! An Atlas cluster of each tier from nothing to nothing.

use std::time::Duration;

use provisioner::{
    cloud::Cloud,
    engine::{Class, Error, Existing, Found, Progress, Resource},
    resources::{AtlasCluster, AtlasClusterOutputs},
};
use serde_json::{Value, json};

use super::{
    atlas_project::PROJECT,
    life::{absent, differing, gone, ours},
};
use crate::support::{Rehearsal, apply, read, tags};

pub fn cluster(tier: &str) -> AtlasCluster {
    AtlasCluster {
        project_id: PROJECT.into(),
        name: "gsm-db".to_owned(),
        tier: tier.to_owned(),
        instance_size: (tier == "dedicated").then(|| "M10".to_owned()),
        provider: "AWS".to_owned(),
        region: "EU_CENTRAL_1".to_owned(),
        termination_protection: false,
        has_address: true,
        tags: tags("database"),
    }
}

/// Waits until it is ready; gives what was said meanwhile.
async fn ready(outputs: &AtlasClusterOutputs, cloud: &Cloud) -> Vec<String> {
    let mut said = Vec::new();
    for _ in 0..100 {
        match AtlasCluster::ready(outputs, cloud).await.unwrap() {
            Progress::Done => return said,
            Progress::Waiting(why) => said.push(why),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never becomes ready: {said:?}")
}

/// Another client changes a flex cluster.
async fn patch(body: Value, cloud: &Cloud) {
    let path = ["groups", PROJECT, "flexClusters", "gsm-db"];
    let _: Value = cloud.atlas().patch("updateFlexCluster", &path, &body).await.unwrap();
}

#[tokio::test]
async fn a_flex_cluster_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = cluster("flex");
    absent(&wanted, &cloud).await;
    let made = apply(&wanted, &cloud).await;
    assert!(made.outputs.srv.as_deref().is_some_and(|it| it.starts_with("mongodb+srv://gsm-db.")));
    let said = ready(&made.outputs, &cloud).await;
    assert_eq!(said.first().map(String::as_str), Some("Atlas says CREATING"));
    assert_eq!(
        rehearsal.atlas().await["gsm"]["clusters"][0]["tags"][1]["key"],
        "provisioner-resource"
    );

    let changed = AtlasCluster {
        termination_protection: true,
        tags: tags("database").with("repo", "github:gsm/bot"),
        ..wanted.clone()
    };
    apply(&changed, &cloud).await;
    // Others may have tags of their own on it; ours are mended and theirs are left alone.
    patch(
        json!({
            "terminationProtectionEnabled": false,
            "tags": [{ "key": "cost", "value": "9" }, { "key": "provisioner-stack", "value": "gsm" }],
        }),
        &cloud,
    )
    .await;
    let drifted = ours(&changed, None, &cloud).await;
    assert_eq!(differing(&changed, &drifted), ["tags", "termination_protection"]);
    apply(&changed, &cloud).await;
    let live = rehearsal.atlas().await;
    let live = live["gsm"]["clusters"][0]["tags"].as_array().unwrap();
    assert!(live.contains(&json!({ "key": "cost", "value": "9" })), "{live:?}");
    // A tag that is no longer wanted goes.
    let recorded = ours(&changed, None, &cloud).await;
    let found = ours(&wanted, Some(&recorded), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["tags", "termination_protection"]);
    wanted.update(&found, &cloud).await.unwrap();
    assert!(differing(&wanted, &ours(&wanted, Some(&recorded), &cloud).await).is_empty());

    // With termination protection on: what may be deleted at all is the engine's to know.
    apply(&changed, &cloud).await;
    gone::<AtlasCluster>(&made.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    assert_eq!(AtlasCluster::delete(&made.outputs, &cloud).await.unwrap(), Progress::Done);
}

#[tokio::test]
async fn the_name_of_a_cluster_that_is_being_deleted_is_waited_for() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    for tier in ["flex", "free"] {
        let wanted = cluster(tier);
        let made = apply(&wanted, &cloud).await;
        let going = AtlasCluster::delete(&made.outputs, &cloud).await.unwrap();
        assert_eq!(going, Progress::Waiting("Atlas is deleting the cluster".to_owned()));
        absent(&wanted, &cloud).await;
        let taken = wanted.create("", &cloud).await.err().unwrap();
        assert_eq!(taken.class(), Class::Blocked, "{taken}");
        gone::<AtlasCluster>(&made.outputs, &cloud).await;
        apply(&wanted, &cloud).await;
        gone::<AtlasCluster>(&made.outputs, &cloud).await;
    }
}

#[tokio::test]
async fn a_free_cluster_is_never_asked_to_change() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = AtlasCluster { termination_protection: true, ..cluster("free") };
    absent(&wanted, &cloud).await;
    let made = apply(&wanted, &cloud).await;
    let live = rehearsal.atlas().await["gsm"]["clusters"][0].clone();
    assert_eq!(
        (&live["tier"], &live["terminationProtectionEnabled"]),
        (&json!("M0"), &json!(false))
    );
    assert_eq!(wanted.notes(&made).len(), 1);
    rehearsal.forget().await;
    apply(&AtlasCluster { tags: tags("database").with("new", "1"), ..cluster("free") }, &cloud)
        .await;
    assert_eq!(rehearsal.changes().await, [""; 0]);
    assert!(!ready(&made.outputs, &cloud).await.is_empty());
    gone::<AtlasCluster>(&made.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
}

#[tokio::test]
async fn a_dedicated_cluster_changes_its_size_in_place() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = AtlasCluster { termination_protection: true, ..cluster("dedicated") };
    absent(&wanted, &cloud).await;
    let made = apply(&wanted, &cloud).await;
    let larger = AtlasCluster { instance_size: Some("M20".to_owned()), ..wanted.clone() };
    apply(&larger, &cloud).await;
    assert_eq!(rehearsal.atlas().await["gsm"]["clusters"][0]["tier"], "M20");
    ready(&made.outputs, &cloud).await;
    gone::<AtlasCluster>(&made.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
}

#[tokio::test]
async fn what_needs_the_address_waits_for_it() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = cluster("dedicated");
    // A dedicated cluster has none in the first minutes.
    let without = json!({
        "stateName": "CREATING",
        "connectionStrings": {},
        "replicationSpecs": [{ "regionConfigs": [{ "providerName": "AWS", "regionName": "EU_CENTRAL_1" }] }],
    });
    let fault = |action: &str, times: u32| {
        json!({
            "match": { "service": "atlas", "action": action },
            "status": 200, "body": without, "after_effect": true, "times": times,
        })
    };
    rehearsal.fault(fault("createCluster", 1)).await;
    let made = wanted.create("", &cloud).await.unwrap();
    assert_eq!(differing(&wanted, &made), ["has_address"]);
    assert!(wanted.foresee(&made).is_none());
    rehearsal.fault(fault("getCluster", 1)).await;
    // Refusing to change the size of the odd thing above would hide what is tested.
    let any = AtlasCluster { instance_size: None, tags: Default::default(), ..wanted.clone() };
    let made =
        Existing { inputs: AtlasCluster { tags: Default::default(), ..made.inputs }, ..made };
    let error = any.update(&made, &cloud).await.unwrap_err();
    assert_eq!(error.class(), Class::Blocked, "{error}");
    assert!(wanted.update(&made, &cloud).await.unwrap().srv.is_some());
}

#[tokio::test]
async fn another_tier_under_the_name_is_seen() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    for (one, other) in [("flex", "dedicated"), ("free", "flex"), ("dedicated", "free")] {
        let made = apply(&cluster(one), &cloud).await;
        let wanted = cluster(other);
        for recorded in [None, Some(&made)] {
            let found = read(&wanted, recorded, &cloud).await.unwrap();
            assert!(differing(&wanted, &found).contains(&"tier".to_owned()));
            assert_eq!(found.inputs.tier, one);
        }
        // A wrong record still leads to it.
        let outputs = AtlasClusterOutputs { tier: other.to_owned(), ..made.outputs };
        gone::<AtlasCluster>(&outputs, &cloud).await;
    }
}

#[tokio::test]
async fn a_cluster_of_others_is_theirs() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let theirs = async || match cluster("flex").read(None, &cloud).await.unwrap() {
        Found::Theirs(existing, whose) => (existing, whose),
        _ => panic!("it is ours"),
    };
    let body = json!({
        "name": "gsm-db",
        "providerSettings": { "backingProviderName": "AWS", "regionName": "EU_CENTRAL_1" },
    });
    let path = ["groups", PROJECT, "flexClusters"];
    let _: Value = cloud.atlas().post("createFlexCluster", &path, &body).await.unwrap();
    let (existing, whose) = theirs().await;
    assert_eq!(whose, "it has no tag `provisioner:stack`");
    patch(json!({ "tags": [{ "key": "provisioner-stack", "value": "other" }] }), &cloud).await;
    assert_eq!(theirs().await.1, "it belongs to the stack `other`");
    // Taken over on request.
    cluster("flex").update(&existing, &cloud).await.unwrap();
    ours(&cluster("flex"), None, &cloud).await;
}

#[tokio::test]
async fn a_lost_answer_makes_nothing_twice() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = cluster("flex");
    for fault in [json!({ "drop": true }), json!({ "truncate": 40 })] {
        let mut fault = fault;
        fault["match"] = json!({ "service": "atlas", "action": "createFlexCluster" });
        fault["after_effect"] = true.into();
        rehearsal.fault(fault).await;
        let lost = wanted.create("", &cloud).await.err().unwrap();
        assert_eq!(lost.class(), Class::Transient, "{lost}");
        let made = ours(&wanted, None, &cloud).await;
        let twice = wanted.create("", &cloud).await.err().unwrap();
        assert!(matches!(&twice, Error::Api(it) if it.class == Class::Exists), "{twice}");
        gone::<AtlasCluster>(&made.outputs, &cloud).await;
    }
}
