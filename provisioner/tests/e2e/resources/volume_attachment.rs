//! An EBS volume attachment from nothing to nothing.

use provisioner::{
    cloud::Cloud,
    engine::{Class, Error, Progress, Resource},
    resources::{Volume, VolumeAttachment},
};
use serde_json::json;

use super::{
    instance,
    life::{absent, differing, gone, ours},
    volume::volume,
};
use crate::support::{Rehearsal, apply, tags};

async fn running(name: &str, cloud: &Cloud) -> String {
    let instance = instance::jenkins(name, cloud).await;
    apply(&instance, cloud).await;
    ours(&instance, None, cloud).await.outputs.id
}

async fn disk(cloud: &Cloud) -> String {
    let disk = volume("disk", cloud);
    apply(&disk, cloud).await;
    ours(&disk, None, cloud).await.outputs.id
}

fn attachment(instance: &str, disk: &str) -> VolumeAttachment {
    VolumeAttachment {
        instance_id: instance.into(),
        volume_id: disk.into(),
        device: "/dev/sdf".to_owned(),
    }
}

#[tokio::test]
async fn it_goes_from_one_instance_to_the_next_when_the_first_has_stopped() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (one, two) = (running("one", &cloud).await, running("two", &cloud).await);
    let disk = disk(&cloud).await;
    let (first, second) = (attachment(&one, &disk), attachment(&two, &disk));
    absent(&first, &cloud).await;
    apply(&first, &cloud).await;
    let there = ours(&first, None, &cloud).await;
    assert_eq!(VolumeAttachment::ready(&there.outputs, &cloud).await.unwrap(), Progress::Done);
    assert_eq!(first.notes(&there), [""; 0]);

    // It cannot be in two places, and EC2 says so.
    let error = second.create("token", &cloud).await.err().unwrap();
    assert_eq!(error.class(), Class::Blocked, "{error}");
    let found = ours(&second, Some(&there), &cloud).await;
    assert_eq!(differing(&second, &found), ["instance_id"]);
    let notes = second.notes(&found);
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains(&format!("{disk} and everything on it stay")), "{notes:?}");

    rehearsal.forget().await;
    gone::<VolumeAttachment>(&there.outputs, &cloud).await;
    assert_eq!(rehearsal.changes().await, ["ec2 StopInstances", "ec2 DetachVolume"]);
    absent(&second, &cloud).await;
    apply(&second, &cloud).await;

    // What is no longer there is gone, also if the volume is somewhere else.
    rehearsal.forget().await;
    gone::<VolumeAttachment>(&there.outputs, &cloud).await;
    assert_eq!(rehearsal.changes().await, [""; 0]);
    let there = ours(&second, None, &cloud).await;
    cloud.ec2.terminate_instances().instance_ids(&two).send().await.unwrap();
    gone::<VolumeAttachment>(&there.outputs, &cloud).await;
    absent(&second, &cloud).await;
    assert_eq!(rehearsal.changes().await, ["ec2 TerminateInstances"], "termination detaches");
    gone::<Volume>(&ours(&volume("disk", &cloud), None, &cloud).await.outputs, &cloud).await;
}

#[tokio::test]
async fn a_lost_answer_is_no_second_attempt() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = attachment(&running("one", &cloud).await, &disk(&cloud).await);
    let attach = json!({ "action": "AttachVolume" });
    rehearsal.fault(json!({ "match": attach, "status": 500, "after_effect": true })).await;
    rehearsal.forget().await;
    let error = wanted.create("token", &cloud).await.err().unwrap();
    assert_eq!(error.class(), Class::Transient);
    // The engine looks before it tries again.
    apply(&wanted, &cloud).await;
    assert_eq!(rehearsal.changes().await, ["ec2 AttachVolume"]);
}

#[tokio::test]
async fn an_instance_of_somebody_else_is_not_stopped() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let mut theirs = instance::jenkins("one", &cloud).await;
    theirs.tags = tags("one").with("provisioner:stack", "other");
    let theirs = theirs.create("token", &cloud).await.unwrap().outputs.id;
    let wanted = attachment(&theirs, &disk(&cloud).await);
    apply(&wanted, &cloud).await;
    let there = ours(&wanted, None, &cloud).await;
    rehearsal.forget().await;
    let error = VolumeAttachment::delete(&there.outputs, &cloud).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert!(error.to_string().contains("which is not this stack's. Unmount it there"), "{error}");
    assert_eq!(rehearsal.changes().await, [""; 0]);
}
