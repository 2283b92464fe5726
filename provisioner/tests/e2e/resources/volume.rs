//! An EBS volume from nothing to nothing.

use aws_sdk_ec2::types::Tag;
use provisioner::{
    cloud::{Arn, Cloud},
    engine::{Class, Found, Progress, Resource},
    resources::{Instance, Volume},
};
use serde_json::json;

use super::{
    instance,
    life::{absent, differing, gone, ours},
};
use crate::support::{Rehearsal, apply, simulated, tags};

pub fn volume(name: &str, cloud: &Cloud) -> Volume {
    Volume {
        availability_zone: format!("{}a", cloud.region).into(),
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        encrypted: true,
        tags: tags(name),
    }
}

#[tokio::test]
async fn it_is_made_grown_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let mut wanted = volume("disk", &cloud);
    absent(&wanted, &cloud).await;
    apply(&wanted, &cloud).await;
    let first = ours(&wanted, None, &cloud).await;
    assert_eq!(Volume::ready(&first.outputs, &cloud).await.unwrap(), Progress::Done);

    wanted.size_gib = 40;
    apply(&wanted, &cloud).await;
    wanted.tags = wanted.tags.with("team", "a");
    apply(&wanted, &cloud).await;
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(found.outputs, first.outputs, "all that happened in place");

    let request = cloud.ec2.delete_tags().resources(&found.outputs.id);
    request.tags(Tag::builder().key("team").build()).send().await.unwrap();
    let drifted = ours(&wanted, Some(&found), &cloud).await;
    assert_eq!(differing(&wanted, &drifted), ["tags"]);
    apply(&wanted, &cloud).await;

    gone::<Volume>(&found.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<Volume>(&found.outputs, &cloud).await;
}

#[tokio::test]
async fn what_would_lose_what_is_on_it_is_refused() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = volume("disk", &cloud);
    apply(&wanted, &cloud).await;
    let existing = ours(&wanted, None, &cloud).await;
    assert_eq!(wanted.objection(None), None);
    assert_eq!(wanted.objection(Some(&existing)), None);
    assert_eq!(Volume::REPLACED_BY, [""; 0], "it is never replaced");
    let id = &existing.outputs.id;
    let zone = |it: &str| format!("{}{it}", cloud.region);
    let cases = [
        (
            Volume { size_gib: 19, ..wanted.clone() },
            format!("{id} has 20 GiB, and AWS cannot make a volume smaller. Leave it at 20 GiB"),
        ),
        (
            Volume { availability_zone: zone("b").into(), ..wanted.clone() },
            format!("{id} is in {}, and AWS cannot move a volume to {}", zone("a"), zone("b")),
        ),
        (
            Volume { encrypted: false, ..wanted.clone() },
            format!("{id} is encrypted and is to be not encrypted"),
        ),
    ];
    rehearsal.forget().await;
    for (changed, why) in cases {
        let found = ours(&changed, Some(&existing), &cloud).await;
        let objection = changed.objection(Some(&found)).unwrap();
        assert!(objection.starts_with(&why), "{objection}");
        // Not even if nobody has asked before.
        assert!(changed.update(&found, &cloud).await.is_err());
    }
    assert_eq!(rehearsal.changes().await, [""; 0]);
}

#[tokio::test]
async fn a_creation_that_is_repeated_makes_one_volume() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = volume("disk", &cloud);
    let create = json!({ "action": "CreateVolume" });
    rehearsal.fault(json!({ "match": create, "status": 500, "after_effect": true })).await;
    let one = wanted.create("token-1", &cloud).await.unwrap();
    let two = wanted.create("token-1", &cloud).await.unwrap();
    assert_eq!(one.outputs, two.outputs);
    assert_eq!(rehearsal.census().await["volumes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_without_our_tags_is_not_known_to_be_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = volume("disk", &cloud);
    apply(&wanted, &cloud).await;
    let found = ours(&wanted, None, &cloud).await;
    let mark = Tag::builder().key("provisioner:stack").build();
    cloud.ec2.delete_tags().resources(&found.outputs.id).tags(mark).send().await.unwrap();
    let read = wanted.read(Some(&found), &cloud).await.unwrap();
    assert!(matches!(read, Found::Theirs(..)));
    absent(&wanted, &cloud).await;
}

#[tokio::test]
async fn one_in_use_stays_and_says_who_has_it() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let machine = instance::jenkins("gsm-jenkins", &cloud).await;
    apply(&machine, &cloud).await;
    let machine = ours(&machine, None, &cloud).await.outputs;
    let wanted = volume("disk", &cloud);
    apply(&wanted, &cloud).await;
    let disk = ours(&wanted, None, &cloud).await.outputs;
    let attach = cloud.ec2.attach_volume().device("/dev/sdf").volume_id(&disk.id);
    attach.instance_id(&machine.id).send().await.unwrap();
    let error = Volume::delete(&disk, &cloud).await.unwrap_err();
    assert_eq!(error.class(), Class::Blocked, "{error}");
    assert_eq!(Volume::held_by(&disk, &cloud).await.unwrap(), std::slice::from_ref(&machine.id));

    // By its ARN it is a volume; what the instance starts from is the instance's own.
    let root = machine.volume_id.clone();
    let root = match root {
        Some(it) => it,
        None => Instance::at(Arn::parse(&arn(&cloud, "instance", &machine.id)).unwrap(), &cloud)
            .await
            .unwrap()
            .and_then(|it| it.volume_id)
            .unwrap(),
    };
    for (id, known) in [(&disk.id, true), (&root, false)] {
        let arn = arn(&cloud, "volume", id);
        let at = Volume::at(Arn::parse(&arn).unwrap(), &cloud).await.unwrap();
        assert_eq!(at.is_some(), known, "{id}");
    }
    // It outlives the instance, and is free again.
    gone::<Instance>(&machine, &cloud).await;
    let found = ours(&wanted, None, &cloud).await;
    assert_eq!(found.outputs, disk);
    assert_eq!(Volume::held_by(&disk, &cloud).await.unwrap(), [""; 0]);
    gone::<Volume>(&disk, &cloud).await;
    if simulated() {
        assert_eq!(rehearsal.census().await["volumes"], json!([]));
    }
}

fn arn(cloud: &Cloud, kind: &str, id: &str) -> String {
    format!("arn:aws:ec2:{}:{}:{kind}/{id}", cloud.region, cloud.account)
}
