//! EBS volume attachment: which instance has a volume. It is only ever taken from an instance that no longer runs, so that
//! nothing is torn from under whoever writes to it.

use aws_sdk_ec2::{
    config::{Config, retry::RetryConfig},
    types::{InstanceStateName, VolumeAttachment as Live, VolumeAttachmentState},
};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Cloud, ec2},
    engine::{Error, Existing, Found, Output, Progress, Replacement, Resource, Result},
    resources::Kind,
};

/// An attachment of a volume to an instance in the same availability zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeAttachment {
    /// The instance.
    pub instance_id: Output<String>,
    /// The volume, which can be attached to one instance only.
    pub volume_id: Output<String>,
    /// The device name that EC2 knows it by, `/dev/sdf` to `/dev/sdp`. What the instance calls it is another matter.
    pub device: String,
}

/// What it takes to find an attachment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeAttachmentOutputs {
    /// The volume.
    pub volume_id: String,
    /// The instance.
    pub instance_id: String,
}

impl Resource for VolumeAttachment {
    type Outputs = VolumeAttachmentOutputs;
    const KIND: Kind = Kind::VolumeAttachment;
    const REPLACED_BY: &'static [&'static str] = &["instance_id", "volume_id", "device"];
    // A volume has one at a time.
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;

    /// It takes no tags: that of a volume of ours is ours.
    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut found = None;
        if let Some(it) = recorded {
            found = find(&it.outputs.volume_id, cloud).await?;
        }
        if found.is_none() {
            found = find(&self.volume_id.get()?, cloud).await?;
        }
        // One that is going is as good as gone.
        let found = found.filter(|it| it.state() != Some(&VolumeAttachmentState::Detaching));
        let Some(found) = found else { return Ok(Found::Nothing) };
        let device = found.device().unwrap_or_default().to_owned();
        let outputs = outputs(found)?;
        let inputs = Self {
            instance_id: outputs.instance_id.as_str().into(),
            volume_id: outputs.volume_id.as_str().into(),
            device,
        };
        Ok(Found::Ours(Existing { inputs, outputs }))
    }

    /// EC2 refuses this while the volume is still with another instance, or the instance is still pending, and the engine
    /// calls again.
    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.ec2.attach_volume().device(&self.device);
        let request = request.instance_id(self.instance_id.get()?).volume_id(self.volume_id.get()?);
        // Repeated after a lost answer it would be refused, as the volume is in use then. The engine looks first.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        request.customize().config_override(once).send().await?;
        let outputs = VolumeAttachmentOutputs {
            volume_id: self.volume_id.get()?,
            instance_id: self.instance_id.get()?,
        };
        Ok(Existing { inputs: self.clone(), outputs })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        _: &Cloud,
    ) -> Result<VolumeAttachmentOutputs> {
        // Every input replaces it.
        Ok(existing.outputs.clone())
    }

    fn notes(&self, existing: &Existing<Self>) -> Vec<String> {
        let VolumeAttachmentOutputs { volume_id, instance_id } = &existing.outputs;
        let other = self.instance_id.get().ok().is_none_or(|it| it != *instance_id);
        let same = self.volume_id.get().ok().is_none_or(|it| it == *volume_id);
        let note = || {
            format!(
                "{volume_id} and everything on it stay: it goes to the new instance once {instance_id} has stopped"
            )
        };
        (other && same).then(note).into_iter().collect()
    }

    async fn ready(outputs: &VolumeAttachmentOutputs, cloud: &Cloud) -> Result<Progress> {
        let VolumeAttachmentOutputs { volume_id, instance_id } = outputs;
        let found = find(volume_id, cloud).await?;
        let found = found.filter(|it| it.instance_id() == Some(instance_id));
        match found.and_then(|it| it.state) {
            Some(VolumeAttachmentState::Attached) => Ok(Progress::Done),
            Some(VolumeAttachmentState::Busy) => Err(Error::Unexpected(format!(
                "{volume_id} is busy, as EC2 says: {instance_id} has to be started again"
            ))),
            _ => Ok(Progress::Waiting(format!("{volume_id} is being attached to {instance_id}"))),
        }
    }

    async fn delete(outputs: &VolumeAttachmentOutputs, cloud: &Cloud) -> Result<Progress> {
        let VolumeAttachmentOutputs { volume_id, instance_id } = outputs;
        let found = find(volume_id, cloud).await?;
        let Some(found) = found.filter(|it| it.instance_id() == Some(instance_id)) else {
            return Ok(Progress::Done);
        };
        let going = Ok(Progress::Waiting(format!("{volume_id} is being detached")));
        if found.state() == Some(&VolumeAttachmentState::Detaching) {
            return going;
        }
        let by_id = ec2::filter("instance-id", instance_id);
        let request = cloud.ec2.describe_instances().filters(by_id);
        let reservations = request.send().await?.reservations.unwrap_or_default();
        let instance =
            reservations.into_iter().flat_map(|it| it.instances.unwrap_or_default()).last();
        let state = instance.as_ref().and_then(|it| it.state()).and_then(|it| it.name());
        match state {
            Some(InstanceStateName::Stopped) => {
                let request = cloud.ec2.detach_volume().volume_id(volume_id);
                request.instance_id(instance_id).send().await?;
                going
            }
            // Gone, and the volume is about to know.
            None | Some(InstanceStateName::Terminated) => going,
            Some(InstanceStateName::ShuttingDown | InstanceStateName::Stopping) => {
                Ok(Progress::Waiting(format!("{instance_id}, which writes to {volume_id}, stops")))
            }
            Some(_) => {
                let tags = instance.map(|it| ec2::found(it.tags())).unwrap_or_default();
                if tags.stack() != Some(&cloud.stack) {
                    return Err(Error::Refused(format!(
                        "{volume_id} is attached to {instance_id}, which is not this stack's. Unmount it there, detach \
                         it with `aws ec2 detach-volume --volume-id {volume_id}`, and run this again"
                    )));
                }
                cloud.ec2.stop_instances().instance_ids(instance_id).send().await?;
                Ok(Progress::Waiting(format!("{instance_id}, which writes to {volume_id}, stops")))
            }
        }
    }
}

/// The attachment of a volume; there can be but one.
async fn find(volume_id: &str, cloud: &Cloud) -> Result<Option<Live>> {
    let by_id = ec2::filter("volume-id", volume_id);
    let found = cloud.ec2.describe_volumes().filters(by_id).send().await?;
    let attachments = found.volumes.unwrap_or_default().into_iter();
    let mut attachments = attachments.flat_map(|it| it.attachments.unwrap_or_default());
    Ok(attachments.find(|it| it.state() != Some(&VolumeAttachmentState::Detached)))
}

fn outputs(found: Live) -> Result<VolumeAttachmentOutputs> {
    Ok(VolumeAttachmentOutputs {
        volume_id: found.volume_id.ok_or_else(|| Error::missing("volume id"))?,
        instance_id: found.instance_id.ok_or_else(|| Error::missing("instance id"))?,
    })
}
