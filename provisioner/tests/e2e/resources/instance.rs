//! An EC2 instance from nothing to nothing.

use aws_sdk_ec2::types::{
    EbsInstanceBlockDeviceSpecification, HttpTokensState, InstanceBlockDeviceMappingSpecification,
};
use provisioner::{
    cloud::Cloud,
    engine::{Class, Lookup, Progress, Resource},
    lookups::{Network, UbuntuImage},
    resources::Instance,
};
use serde_json::json;

use super::{
    instance_profile,
    life::{absent, differing, gone, ours},
    security_group,
};
use crate::support::{Rehearsal, apply, tags};

pub async fn jenkins(name: &str, cloud: &Cloud) -> Instance {
    let group = security_group::group(name, cloud).await;
    apply(&group, cloud).await;
    let profile = instance_profile::profile(name, cloud).await;
    apply(&profile, cloud).await;
    let network = Network { vpc: None, subnets: Vec::new() }.find(cloud).await.unwrap().unwrap();
    let image =
        UbuntuImage { architecture: "x86_64".to_owned() }.find(cloud).await.unwrap().unwrap();
    Instance {
        instance_type: "t3.small".to_owned(),
        image_id: image.image_id.into(),
        subnet_id: network.subnet_ids[0].clone().into(),
        security_groups: vec![ours(&group, None, cloud).await.outputs.id].into(),
        instance_profile: name.into(),
        user_data: "#!/bin/sh\necho grüezi\n".into(),
        volume_gib: 30,
        tags: tags(name).with("Name", name),
        ..Instance::hardened()
    }
}

#[tokio::test]
async fn it_is_made_changed_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let mut wanted = jenkins("gsm-jenkins", &cloud).await;
    absent(&wanted, &cloud).await;
    apply(&wanted, &cloud).await;
    let first = ours(&wanted, None, &cloud).await;
    assert_eq!(Instance::ready(&first.outputs, &cloud).await.unwrap(), Progress::Done);

    wanted.instance_type = "t3.medium".to_owned();
    apply(&wanted, &cloud).await;
    wanted.volume_gib = 40;
    apply(&wanted, &cloud).await;
    let other = security_group::group("gsm-other", &cloud).await;
    apply(&other, &cloud).await;
    let mut groups = wanted.security_groups.get().unwrap();
    groups.push(ours(&other, None, &cloud).await.outputs.id);
    groups.sort_unstable();
    groups.reverse();
    wanted.security_groups = groups.into();
    apply(&wanted, &cloud).await;
    wanted.tags = wanted.tags.with("team", "a");
    apply(&wanted, &cloud).await;
    wanted.running = false;
    apply(&wanted, &cloud).await;
    wanted.running = true;
    apply(&wanted, &cloud).await;
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(found.outputs.id, first.outputs.id, "all that happened in place");
    let volume = found.outputs.volume_id.as_deref().unwrap();
    let volumes = cloud.ec2.describe_volumes().volume_ids(volume).send().await.unwrap();
    assert!(
        volumes.volumes()[0].tags().iter().any(|it| it.key() == Some("team")),
        "the volume has the tags too"
    );

    gone::<Instance>(&found.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<Instance>(&found.outputs, &cloud).await;
}

#[tokio::test]
async fn what_cannot_change_in_place_is_told() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = jenkins("gsm-jenkins", &cloud).await;
    apply(&wanted, &cloud).await;
    let existing = ours(&wanted, None, &cloud).await;

    let mut changed = Instance {
        user_data: "#!/bin/sh\n".into(),
        key_pair: Some("admin".to_owned()),
        ..wanted.clone()
    };
    changed.volume_encrypted = false;
    let found = ours(&changed, Some(&existing), &cloud).await;
    let fields = differing(&changed, &found);
    assert_eq!(fields, ["key_pair", "user_data", "volume_encrypted"]);
    assert!(fields.iter().all(|it| Instance::REPLACED_BY.contains(&it.as_str())));

    let smaller = Instance { volume_gib: 10, ..wanted.clone() };
    assert_eq!(wanted.objection(Some(&existing)), None);
    let error = smaller.objection(Some(&existing)).unwrap();
    assert!(
        error.contains("has 30 GiB, and AWS cannot make a volume smaller. Leave it at 30 GiB"),
        "{error}"
    );

    // A newer image is no difference, but worth a word.
    assert_eq!(wanted.notes(&existing), [""; 0]);
    let newer = Instance { image_id: "ami-9".into(), ..wanted.clone() };
    let found = ours(&newer, Some(&existing), &cloud).await;
    assert_eq!(differing(&newer, &found), [""; 0]);
    assert!(newer.notes(&found)[0].contains("a newer image, ami-9, is available"));
}

#[tokio::test]
async fn what_somebody_else_changed_is_mended() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = jenkins("gsm-jenkins", &cloud).await;
    apply(&wanted, &cloud).await;
    let id = ours(&wanted, None, &cloud).await.outputs.id;
    let ec2 = &cloud.ec2;

    let request =
        ec2.modify_instance_metadata_options().instance_id(&id).http_put_response_hop_limit(1);
    request.http_tokens(HttpTokensState::Optional).send().await.unwrap();
    let volume =
        EbsInstanceBlockDeviceSpecification::builder().delete_on_termination(false).build();
    let mapping = InstanceBlockDeviceMappingSpecification::builder()
        .device_name("/dev/sda1")
        .ebs(volume)
        .build();
    ec2.modify_instance_attribute()
        .instance_id(&id)
        .block_device_mappings(mapping)
        .send()
        .await
        .unwrap();
    let associations = ec2.describe_iam_instance_profile_associations().send().await.unwrap();
    let association = associations.iam_instance_profile_associations()[0].association_id().unwrap();
    ec2.disassociate_iam_instance_profile().association_id(association).send().await.unwrap();
    ec2.stop_instances().instance_ids(&id).send().await.unwrap();
    let found = ours(&wanted, None, &cloud).await;
    let drifted = ["delete_on_termination", "instance_profile", "metadata_options", "running"];
    assert_eq!(differing(&wanted, &found), drifted);
    apply(&wanted, &cloud).await;

    // An update that is repeated because its answer was lost.
    wanted.update(&found, &cloud).await.unwrap();

    ec2.terminate_instances().instance_ids(&id).send().await.unwrap();
    absent(&wanted, &cloud).await;
    apply(&wanted, &cloud).await;
    assert_ne!(
        ours(&wanted, None, &cloud).await.outputs.id,
        id,
        "a terminated instance is as good as gone"
    );
}

#[tokio::test]
async fn a_creation_that_is_repeated_makes_one_instance() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = jenkins("gsm-jenkins", &cloud).await;
    let one = wanted.create("token-1", &cloud).await.unwrap();
    let two = wanted.create("token-1", &cloud).await.unwrap();
    assert_eq!(one.outputs.id, two.outputs.id);
}

#[tokio::test]
async fn another_profile_takes_the_place_of_the_first() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = jenkins("gsm-jenkins", &cloud).await;
    let existing = apply(&wanted, &cloud).await;
    let profile = instance_profile::profile("gsm-other", &cloud).await;
    apply(&profile, &cloud).await;
    let changed = Instance { instance_profile: "gsm-other".into(), ..wanted };
    assert_eq!(differing(&changed, &ours(&changed, None, &cloud).await), ["instance_profile"]);
    changed.update(&existing, &cloud).await.unwrap();
    // moto's instance goes on showing the profile it had, so this looks at the association.
    let found = cloud.ec2.describe_iam_instance_profile_associations().send().await.unwrap();
    let associations = found.iam_instance_profile_associations();
    let arns: Vec<_> =
        associations.iter().filter_map(|it| it.iam_instance_profile()?.arn()).collect();
    assert!(matches!(arns[..], [arn] if arn.ends_with("/gsm-other")), "{arns:?}");
    // Repeated because its answer was lost.
    rehearsal.forget().await;
    changed.update(&existing, &cloud).await.unwrap();
    assert_eq!(rehearsal.changes().await, [""; 0]);
}

#[tokio::test]
async fn a_new_size_waits_until_the_instance_has_stopped() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = jenkins("gsm-jenkins", &cloud).await;
    let existing = apply(&wanted, &cloud).await;
    let larger = Instance { instance_type: "t3.medium".to_owned(), ..wanted.clone() };
    let modify = json!({ "action": "ModifyInstanceAttribute" });
    rehearsal.fault(json!({ "match": modify, "code": "IncorrectInstanceState" })).await;
    let error = larger.update(&existing, &cloud).await.unwrap_err();
    assert_eq!(error.class(), Class::Blocked, "the engine tries again");
    rehearsal.forget().await;
    larger.update(&existing, &cloud).await.unwrap();
    let calls = ["ec2 StopInstances", "ec2 ModifyInstanceAttribute", "ec2 StartInstances"];
    assert_eq!(rehearsal.changes().await, calls);
    assert_eq!(differing(&larger, &ours(&larger, None, &cloud).await), [""; 0]);
    // A run that broke off between the change and the start.
    let id = &existing.outputs.id;
    cloud.ec2.stop_instances().instance_ids(id).send().await.unwrap();
    rehearsal.forget().await;
    larger.update(&existing, &cloud).await.unwrap();
    assert_eq!(rehearsal.changes().await, ["ec2 StartInstances"]);
}

#[tokio::test]
async fn a_size_that_does_not_fit_leaves_it_running() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = jenkins("gsm-jenkins", &cloud).await;
    let existing = apply(&wanted, &cloud).await;
    let other = Instance { instance_type: "t4g.small".to_owned(), ..wanted.clone() };
    let modify = json!({ "action": "ModifyInstanceAttribute" });
    rehearsal.fault(json!({ "match": modify, "code": "InvalidParameterCombination" })).await;
    assert_eq!(other.update(&existing, &cloud).await.unwrap_err().class(), Class::Final);
    assert_eq!(differing(&wanted, &ours(&wanted, None, &cloud).await), [""; 0]);
}
