//! An Elastic IP address from nothing to nothing.

use aws_sdk_ec2::types::Tag;
use provisioner::{
    cloud::Cloud,
    engine::{Class, Found, Resource},
    resources::ElasticIp,
};
use serde_json::json;

use super::{
    instance,
    life::{absent, differing, gone, ours},
};
use crate::support::{Rehearsal, apply, tags};

async fn running(name: &str, cloud: &Cloud) -> String {
    let instance = instance::jenkins(name, cloud).await;
    apply(&instance, cloud).await;
    ours(&instance, None, cloud).await.outputs.id
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, two) = (running("one", &cloud).await, running("two", &cloud).await);
    let address = ElasticIp { instance_id: one.as_str().into(), tags: tags("address") };
    absent(&address, &cloud).await;
    apply(&address, &cloud).await;
    let first = ours(&address, None, &cloud).await;

    let moved = ElasticIp { instance_id: two.into(), tags: address.tags.clone().with("team", "a") };
    apply(&moved, &cloud).await;
    let request =
        cloud.ec2.associate_address().allocation_id(&first.outputs.allocation_id).instance_id(one);
    request.allow_reassociation(true).send().await.unwrap();
    let found = ours(&moved, Some(&first), &cloud).await;
    assert_eq!(differing(&moved, &found), ["instance_id"]);
    assert_eq!(found.outputs, first.outputs);
    apply(&moved, &cloud).await;

    gone::<ElasticIp>(&found.outputs, &cloud).await;
    absent(&moved, &cloud).await;
    gone::<ElasticIp>(&found.outputs, &cloud).await;
}

#[tokio::test]
async fn an_address_that_lost_its_tags_is_no_longer_known_to_be_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let address = ElasticIp { instance_id: "".into(), tags: tags("address") };
    apply(&address, &cloud).await;
    let found = ours(&address, None, &cloud).await;
    let mark = Tag::builder().key("provisioner:stack").build();
    let request = cloud.ec2.delete_tags().resources(&found.outputs.allocation_id).tags(mark);
    request.send().await.unwrap();
    let read = address.read(Some(&found), &cloud).await.unwrap();
    assert!(matches!(read, Found::Theirs(..)));
    absent(&address, &cloud).await;
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_address() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let address = ElasticIp { instance_id: "".into(), tags: tags("address") };
    let allocate = json!({ "action": "AllocateAddress" });
    rehearsal.fault(json!({ "match": allocate, "status": 500, "after_effect": true })).await;
    let error = address.create("token", &cloud).await.err().unwrap();
    assert_eq!(error.class(), Class::Transient);
    // The engine looks before it tries again.
    apply(&address, &cloud).await;
    assert_eq!(rehearsal.changes().await, ["ec2 AllocateAddress"]);
}
