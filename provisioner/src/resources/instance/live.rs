//! An instance as EC2 shows it, in our own words.

use aws_sdk_ec2::types::{
    EbsInstanceBlockDevice, Filter, Instance as Live, InstanceAttributeName, InstanceStateName,
    InstanceStatus, Reservation,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::{TryFutureExt as _, future::try_join};

use super::{Instance, InstanceOutputs, MetadataOptions};
use crate::{
    cloud::{Cloud, ec2},
    engine::{Error, Output, Progress, Result},
};

/// The instance found, unless it is as good as gone; the latest, should there be several (a replacement broke off).
pub async fn find(filters: Vec<Filter>, cloud: &Cloud) -> Result<Option<Live>> {
    let request = cloud.ec2.describe_instances().set_filters(Some(filters));
    let found: Vec<Reservation> = request.into_paginator().items().send().try_collect().await?;
    let instances = found.into_iter().flat_map(|it| it.instances.unwrap_or_default());
    let there = instances.filter(|it| {
        !matches!(state(it), InstanceStateName::ShuttingDown | InstanceStateName::Terminated)
    });
    Ok(there.max_by_key(|it| it.launch_time))
}

/// What it runs when it starts for the first time.
pub async fn user_data(id: &str, cloud: &Cloud) -> Result<String> {
    let request = cloud.ec2.describe_instance_attribute().instance_id(id);
    let answer = request.attribute(InstanceAttributeName::UserData).send().await?;
    let encoded = answer.user_data().and_then(|it| it.value()).unwrap_or_default();
    // What is not text (somebody else's, packed) differs from every text, and that is all it has to do.
    let decoded = BASE64_STANDARD.decode(encoded).unwrap_or_else(|_| encoded.as_bytes().to_vec());
    Ok(String::from_utf8_lossy(&decoded).into_owned())
}

/// What is compared of the volume that an instance starts from.
pub struct RootVolume {
    /// Its size in GiB.
    pub gib: i32,
    /// Its type.
    pub volume_type: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Whether it goes when the instance goes.
    pub delete_on_termination: bool,
}

/// Its volume as it is or, while a change of it goes on, as it will be.
pub async fn root_volume(instance: &Live, wanted: &Instance, cloud: &Cloud) -> Result<RootVolume> {
    let mut found = RootVolume {
        gib: wanted.volume_gib,
        volume_type: wanted.volume_type.clone(),
        encrypted: wanted.volume_encrypted,
        delete_on_termination: wanted.delete_on_termination,
    };
    let Some(attached) = root_device(instance) else {
        // A new instance gets its volume, as it was asked for, a moment after it is there. One that has lost its volume
        // shows as having none of any size, which cannot be mended and says so.
        if state(instance) != InstanceStateName::Pending {
            found.gib = 0;
        }
        return Ok(found);
    };
    found.delete_on_termination = attached.delete_on_termination().unwrap_or_default();
    let by_id = ec2::filter("volume-id", attached.volume_id().unwrap_or_default());
    let volumes = cloud.ec2.describe_volumes().filters(by_id.clone()).send();
    let changes = cloud.ec2.describe_volumes_modifications().filters(by_id).send();
    let (volumes, changes) =
        try_join(volumes.map_err(Error::from), changes.map_err(Error::from)).await?;
    let Some(volume) = volumes.volumes().first() else { return Ok(found) };
    (found.gib, found.volume_type) = ec2::size_and_type(volume, changes.volumes_modifications());
    found.encrypted = volume.encrypted().unwrap_or_default();
    Ok(found)
}

/// Why an instance was terminated, in EC2's words.
pub async fn why(id: &str, cloud: &Cloud) -> Result<String> {
    let answer = cloud.ec2.describe_instances().instance_ids(id).send().await?;
    let instance = answer.reservations().iter().flat_map(|it| it.instances()).next();
    let reason = instance.and_then(|it| it.state_reason()).and_then(|it| it.message());
    Ok(reason.filter(|it| !it.is_empty()).unwrap_or("EC2 gives no reason").to_owned())
}

/// How its status checks stand. Where there are none it is enough that it runs.
pub fn checks(id: &str, status: &InstanceStatus) -> Progress {
    for (checks, summary) in
        [("system", status.system_status()), ("instance", status.instance_status())]
    {
        match summary.and_then(|it| it.status()).map_or("ok", |it| it.as_str()) {
            "ok" | "not-applicable" => {}
            "initializing" => {
                return Progress::Waiting(format!("the {checks} checks of {id} are going on"));
            }
            other => return Progress::Waiting(format!("the {checks} checks of {id} say {other}")),
        }
    }
    Progress::Done
}

/// Its state; one that says nothing is about to start.
pub fn state(instance: &Live) -> InstanceStateName {
    instance.state().and_then(|it| it.name()).cloned().unwrap_or(InstanceStateName::Pending)
}

/// What others need of it.
pub fn outputs(instance: &Live) -> Result<InstanceOutputs> {
    Ok(InstanceOutputs {
        id: instance.instance_id().ok_or_else(|| Error::missing("instance id"))?.to_owned(),
        private_ip: instance.private_ip_address().unwrap_or_default().to_owned(),
        volume_id: root_device(instance).and_then(|it| it.volume_id.clone()),
        image_id: instance.image_id().unwrap_or_default().to_owned(),
    })
}

/// The volume it starts from.
fn root_device(instance: &Live) -> Option<&EbsInstanceBlockDevice> {
    let root = instance.root_device_name()?;
    instance.block_device_mappings().iter().find(|it| it.device_name() == Some(root))?.ebs()
}

/// How it gives out its own data.
pub fn metadata_options(instance: &Live) -> MetadataOptions {
    let live = instance.metadata_options();
    // Absent values are what an instance has of which nobody said anything.
    let text = |value: Option<&str>, default: &str| value.unwrap_or(default).to_owned();
    MetadataOptions {
        http_endpoint: text(
            live.and_then(|it| it.http_endpoint()).map(|it| it.as_str()),
            "enabled",
        ),
        http_tokens: text(live.and_then(|it| it.http_tokens()).map(|it| it.as_str()), "optional"),
        http_put_response_hop_limit: live
            .and_then(|it| it.http_put_response_hop_limit())
            .unwrap_or(1),
    }
}

/// The same groups in another order are the same.
pub fn in_wanted_order(sorted: Vec<String>, wanted: &Output<Vec<String>>) -> Output<Vec<String>> {
    let same = wanted.get().is_ok_and(|mut it| {
        it.sort_unstable();
        it == sorted
    });
    if same { wanted.clone() } else { sorted.into() }
}

/// Name of its instance profile; empty if it has none.
pub fn profile(instance: &Live) -> String {
    instance
        .iam_instance_profile()
        .and_then(|it| it.arn())
        .map(name_in)
        .unwrap_or_default()
        .to_owned()
}

/// The name at the end of an ARN, behind the path.
pub fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
