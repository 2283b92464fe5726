//! EBS volume: a disk of its own, which outlives the instances that it is attached to.

use aws_sdk_ec2::types::{Filter, ResourceType, Volume as Live, VolumeState, VolumeType};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, ec2},
    engine::{Error, Existing, Found, KnownBy, Output, Progress, Resource, Result},
    resources::Kind,
};

/// An EBS volume. It is never replaced, since what is on it would be lost: what cannot be changed in place is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// The availability zone it is in, and with it every instance that it can be attached to.
    pub availability_zone: Output<String>,
    /// Its size in GiB. It can grow, never shrink; the file system on it does not grow by itself.
    pub size_gib: i32,
    /// Its type, such as `gp3`.
    pub volume_type: String,
    /// Whether it is encrypted; with the account's default key for EBS.
    pub encrypted: bool,
    /// Its tags.
    pub tags: Tags,
}

/// What others need of a volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeOutputs {
    /// Its id.
    pub id: String,
}

impl Resource for Volume {
    type Outputs = VolumeOutputs;
    const KIND: Kind = Kind::Volume;
    const REPLACED_BY: &'static [&'static str] = &[];
    const KNOWN_BY: KnownBy = KnownBy::Token;

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut volume = None;
        if let Some(it) = recorded {
            volume = find(vec![by_id(&it.outputs.id)], cloud).await?;
        }
        if volume.is_none() {
            volume = find(ec2::marked(&self.tags, cloud), cloud).await?;
        }
        let Some(volume) = volume else {
            return Ok(Found::Nothing);
        };
        let outputs = outputs(volume.volume_id.clone())?;
        let request = cloud.ec2.describe_volumes_modifications().filters(by_id(&outputs.id));
        let changes = request.send().await?;
        let (size_gib, volume_type) = ec2::size_and_type(&volume, changes.volumes_modifications());
        let tags = ec2::found(volume.tags());
        let inputs = Self {
            availability_zone: volume.availability_zone().unwrap_or_default().into(),
            size_gib,
            volume_type,
            encrypted: volume.encrypted().unwrap_or_default(),
            tags: tags.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
        };
        Ok(tags.sort(Existing { inputs, outputs }, cloud))
    }

    async fn create(&self, token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.ec2.create_volume().client_token(token);
        let request = request.availability_zone(self.availability_zone.get()?).size(self.size_gib);
        let request = request.volume_type(VolumeType::from(self.volume_type.as_str()));
        let request = request
            .encrypted(self.encrypted)
            .tag_specifications(ec2::specification(ResourceType::Volume, &self.tags));
        let answer = request.send().await?;
        Ok(Existing { inputs: self.clone(), outputs: outputs(answer.volume_id)? })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<VolumeOutputs> {
        if let Some(why) = self.objection(Some(existing)) {
            return Err(Error::Refused(why));
        }
        let (old, id) = (&existing.inputs, existing.outputs.id.as_str());
        if self.tags != old.tags {
            ec2::sync_tags(&[id], &self.tags, &old.tags, cloud).await?;
        }
        if (self.size_gib, &self.volume_type) != (old.size_gib, &old.volume_type) {
            let request = cloud.ec2.modify_volume().volume_id(id).size(self.size_gib);
            request.volume_type(VolumeType::from(self.volume_type.as_str())).send().await?;
        }
        Ok(existing.outputs.clone())
    }

    fn objection(&self, existing: Option<&Existing<Self>>) -> Option<String> {
        let Existing { inputs: old, outputs: VolumeOutputs { id } } = existing?;
        if self.size_gib < old.size_gib {
            return Some(format!(
                "{id} has {} GiB, and AWS cannot make a volume smaller. Leave it at {0} GiB or more",
                old.size_gib
            ));
        }
        let (wanted, zone) =
            (self.availability_zone.get().ok()?, old.availability_zone.get().ok()?);
        if wanted != zone {
            return Some(format!(
                "{id} is in {zone}, and AWS cannot move a volume to {wanted}. Keep {zone} the first \
                 availability zone, by name, of `network`; or, if what is on it may be lost, delete it with \
                 `aws ec2 delete-volume --volume-id {id}` once nothing uses it, and run this again"
            ));
        }
        (self.encrypted != old.encrypted).then(|| {
            let (is, wanted) = if old.encrypted { ("", "not ") } else { ("not ", "") };
            format!(
                "{id} is {is}encrypted and is to be {wanted}encrypted, which AWS cannot change. Copy what is on it to \
                 another volume"
            )
        })
    }

    async fn ready(outputs: &VolumeOutputs, cloud: &Cloud) -> Result<Progress> {
        let id = &outputs.id;
        match find(vec![by_id(id)], cloud).await?.as_ref().and_then(|it| it.state()) {
            Some(VolumeState::Available | VolumeState::InUse) => Ok(Progress::Done),
            Some(VolumeState::Error) => Err(Error::Unexpected(format!(
                "EBS could not make {id}, and does not say why. Delete it with \
                 `aws ec2 delete-volume --volume-id {id}`, and run this again"
            ))),
            Some(state) => Ok(Progress::Waiting(format!("{id} is {}", state.as_str()))),
            None => Ok(Progress::Waiting(format!("EC2 does not show {id} yet"))),
        }
    }

    async fn delete(outputs: &VolumeOutputs, cloud: &Cloud) -> Result<Progress> {
        let id = &outputs.id;
        let found = cloud.ec2.describe_volumes().filters(by_id(id)).send().await?;
        match found.volumes().first().and_then(|it| it.state()) {
            None | Some(VolumeState::Deleted) => return Ok(Progress::Done),
            Some(VolumeState::Deleting) => {}
            Some(_) => {
                cloud.ec2.delete_volume().volume_id(id).send().await?;
            }
        }
        Ok(Progress::Waiting(format!("{id} is being deleted")))
    }

    fn parting(_outputs: &VolumeOutputs) -> Option<String> {
        Some(
            "everything on it is gone for good then; a snapshot, if you make one, stays".to_owned(),
        )
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<VolumeOutputs>> {
        let Some(id) = arn.id_of("ec2", "volume") else { return Ok(None) };
        let found = find(vec![by_id(id)], cloud).await?;
        // What an instance starts from is made of a snapshot, and is the instance's own.
        let found = found.filter(|it| {
            let goes = |it: &aws_sdk_ec2::types::VolumeAttachment| {
                it.delete_on_termination().unwrap_or_default()
            };
            it.snapshot_id().is_none_or(str::is_empty) && !it.attachments().iter().any(goes)
        });
        found.map(|it| outputs(it.volume_id)).transpose()
    }

    async fn held_by(outputs: &VolumeOutputs, cloud: &Cloud) -> Result<Vec<String>> {
        let found = find(vec![by_id(&outputs.id)], cloud).await?;
        let attachments = found.and_then(|it| it.attachments).unwrap_or_default();
        Ok(attachments.into_iter().filter_map(|it| it.instance_id).collect())
    }
}

fn by_id(id: &str) -> Filter {
    ec2::filter("volume-id", id)
}

/// The volume found, unless it is as good as gone. Of several with our marks (a creation was repeated after its token was
/// forgotten) always the same one, in use if one is. The others are what `destroy` finds left over.
async fn find(filters: Vec<Filter>, cloud: &Cloud) -> Result<Option<Live>> {
    let found = cloud.ec2.describe_volumes().set_filters(Some(filters)).send().await?;
    let is_there =
        |it: &Live| !matches!(it.state(), Some(VolumeState::Deleting | VolumeState::Deleted));
    let there = found.volumes.unwrap_or_default().into_iter().filter(is_there);
    Ok(there.min_by_key(|it| (it.attachments().is_empty(), it.create_time, it.volume_id.clone())))
}

fn outputs(id: Option<String>) -> Result<VolumeOutputs> {
    Ok(VolumeOutputs { id: id.ok_or_else(|| Error::missing("volume id"))? })
}

impl Output<VolumeOutputs> {
    /// Its id.
    pub fn id(&self) -> Output<String> {
        self.map(|it| it.id)
    }
}
