//! EC2 instance: a virtual machine.

mod live;

use aws_sdk_ec2::types::{
    AttributeValue, BlockDeviceMapping, EbsBlockDevice, EbsInstanceBlockDeviceSpecification,
    HttpTokensState, IamInstanceProfileSpecification, InstanceBlockDeviceMappingSpecification,
    InstanceMetadataEndpointState, InstanceMetadataOptionsRequest, InstanceStateName, InstanceType,
    ResourceType, VolumeType,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::future::try_join;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, ec2, there},
    engine::{
        Class, Error, Existing, Found, KnownBy, Output, Progress, Replacement, Resource, Result,
    },
    resources::Kind,
};
use live::{find, name_in};

/// An instance with one volume. Written as `Instance { …, ..Instance::hardened() }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its size, such as `t3.small`. Another one means a stop and a start; what is on the volume stays.
    pub instance_type: String,
    /// The machine image of a new instance. An instance that is there keeps its own: see [`Instance::notes`].
    pub image_id: Output<String>,
    /// The subnet it is in.
    pub subnet_id: Output<String>,
    /// Ids of its security groups.
    pub security_groups: Output<Vec<String>>,
    /// Name of its instance profile; an instance that has none reads as empty.
    pub instance_profile: Output<String>,
    /// What it runs when it starts for the first time (a script or cloud-config), as plain text.
    pub user_data: Output<String>,
    /// Name of the key pair for SSH.
    pub key_pair: Option<String>,
    /// Size of its volume in GiB. It can grow (Ubuntu enlarges the file system at the next start), never shrink.
    pub volume_gib: i32,
    /// Type of its volume, such as `gp3`.
    pub volume_type: String,
    /// Whether its volume is encrypted.
    pub volume_encrypted: bool,
    /// Whether its volume goes when it goes.
    pub delete_on_termination: bool,
    /// How it gives out its own data and credentials.
    pub metadata_options: MetadataOptions,
    /// Whether it runs; otherwise it is stopped.
    pub running: bool,
    /// Its tags and its volume's.
    pub tags: Tags,
}

/// How an instance gives out its own data and credentials (IMDS).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetadataOptions {
    /// `enabled` or `disabled`.
    pub http_endpoint: String,
    /// `required`: only to who asks for a token first (IMDSv2), which a tricked web server does not do; or `optional`.
    pub http_tokens: String,
    /// How many hops an answer may take. A container in a bridged network is the second.
    pub http_put_response_hop_limit: i32,
}

/// What others need of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceOutputs {
    /// Its id.
    pub id: String,
    /// Its address in the VPC.
    pub private_ip: String,
    /// Id of its volume, once that is attached.
    pub volume_id: Option<String>,
    /// The image it was made from.
    pub image_id: String,
}

impl Instance {
    /// What all of our instances have in common: credentials only for who asks for a token first, containers on it
    /// included, and an encrypted gp3 volume that goes with it. The rest is empty and to be filled in.
    pub fn hardened() -> Self {
        Self {
            instance_type: String::new(),
            image_id: "".into(),
            subnet_id: "".into(),
            security_groups: Vec::new().into(),
            instance_profile: "".into(),
            user_data: "".into(),
            key_pair: None,
            volume_gib: 0,
            volume_type: "gp3".to_owned(),
            volume_encrypted: true,
            delete_on_termination: true,
            metadata_options: MetadataOptions {
                http_endpoint: "enabled".to_owned(),
                http_tokens: "required".to_owned(),
                http_put_response_hop_limit: 2,
            },
            running: true,
            tags: Tags::default(),
        }
    }
}

impl Resource for Instance {
    type Outputs = InstanceOutputs;
    const KIND: Kind = Kind::Instance;
    const REPLACED_BY: &'static [&'static str] =
        &["subnet_id", "user_data", "key_pair", "volume_encrypted"];
    // What was attached to the old one is free for the new one only when the old one has ended, and has written everything.
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;
    const KNOWN_BY: KnownBy = KnownBy::Token;

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut instance = None;
        if let Some(it) = recorded {
            instance = find(vec![ec2::filter("instance-id", &it.outputs.id)], cloud).await?;
        }
        if instance.is_none() {
            instance = find(ec2::marked(&self.tags, cloud), cloud).await?;
        }
        let Some(instance) = instance else {
            return Ok(Found::Nothing);
        };
        let outputs = live::outputs(&instance)?;
        let volume = live::root_volume(&instance, self, cloud);
        let (user_data, volume) = try_join(live::user_data(&outputs.id, cloud), volume).await?;
        let tags = ec2::found(instance.tags());
        let mut groups: Vec<String> =
            instance.security_groups().iter().filter_map(|it| it.group_id.clone()).collect();
        groups.sort_unstable();
        let inputs = Self {
            instance_type: instance
                .instance_type()
                .map(|it| it.as_str().to_owned())
                .unwrap_or_default(),
            image_id: self.image_id.clone(),
            subnet_id: instance.subnet_id().unwrap_or_default().into(),
            security_groups: live::in_wanted_order(groups, &self.security_groups),
            instance_profile: live::profile(&instance).into(),
            user_data: user_data.into(),
            key_pair: instance.key_name().map(str::to_owned),
            volume_gib: volume.gib,
            volume_type: volume.volume_type,
            volume_encrypted: volume.encrypted,
            delete_on_termination: volume.delete_on_termination,
            metadata_options: live::metadata_options(&instance),
            running: !matches!(
                live::state(&instance),
                InstanceStateName::Stopping | InstanceStateName::Stopped
            ),
            tags: tags.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
        };
        Ok(tags.sort(Existing { inputs, outputs }, cloud))
    }

    async fn create(&self, token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let image_id = self.image_id.get()?;
        let images = cloud.ec2.describe_images().image_ids(&image_id).send().await?;
        let root = images.images().first().and_then(|it| it.root_device_name());
        let profile_name = self.instance_profile.get()?;
        let options = &self.metadata_options;
        let request = cloud
            .ec2
            .run_instances()
            .min_count(1)
            .max_count(1)
            .client_token(token)
            .image_id(image_id);
        let request = request.instance_type(InstanceType::from(self.instance_type.as_str()));
        let request = request.subnet_id(self.subnet_id.get()?).set_key_name(self.key_pair.clone());
        let request = request.set_security_group_ids(Some(self.security_groups.get()?));
        let request = request.user_data(BASE64_STANDARD.encode(self.user_data.get()?));
        let request = request
            .iam_instance_profile(
                IamInstanceProfileSpecification::builder().name(profile_name).build(),
            )
            .metadata_options(
                InstanceMetadataOptionsRequest::builder()
                    .http_endpoint(InstanceMetadataEndpointState::from(
                        options.http_endpoint.as_str(),
                    ))
                    .http_tokens(HttpTokensState::from(options.http_tokens.as_str()))
                    .http_put_response_hop_limit(options.http_put_response_hop_limit)
                    .build(),
            )
            .block_device_mappings(
                BlockDeviceMapping::builder()
                    .device_name(
                        root.ok_or_else(|| Error::missing("root device name of the image"))?,
                    )
                    .ebs(
                        EbsBlockDevice::builder()
                            .volume_size(self.volume_gib)
                            .volume_type(VolumeType::from(self.volume_type.as_str()))
                            .encrypted(self.volume_encrypted)
                            .delete_on_termination(self.delete_on_termination)
                            .build(),
                    )
                    .build(),
            )
            .tag_specifications(ec2::specification(ResourceType::Instance, &self.tags))
            .tag_specifications(ec2::specification(ResourceType::Volume, &self.tags));
        let answer = request.send().await?;
        let instance = answer.instances().first().ok_or_else(|| Error::missing("instance"))?;
        // EC2 may start an instance without its profile if IAM has not spread that yet: `update` mends it.
        let instance_profile = live::profile(instance).into();
        let inputs = Self { instance_profile, running: true, ..self.clone() };
        Ok(Existing { inputs, outputs: live::outputs(instance)? })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<InstanceOutputs> {
        let (old, id) = (&existing.inputs, existing.outputs.id.as_str());
        if self.instance_type != old.instance_type {
            self.sync_type(id, cloud).await?;
        }
        if self.running != old.running || self.instance_type != old.instance_type {
            self.sync_running(id, cloud).await?;
        }
        if self.security_groups != old.security_groups {
            let groups = Some(self.security_groups.get()?);
            cloud.ec2.modify_instance_attribute().instance_id(id).set_groups(groups).send().await?;
        }
        if self.metadata_options != old.metadata_options {
            self.sync_metadata_options(id, cloud).await?;
        }
        if self.instance_profile != old.instance_profile {
            self.sync_profile(id, cloud).await?;
        }
        if self.tags != old.tags {
            let ids: Vec<&str> =
                [id].into_iter().chain(existing.outputs.volume_id.as_deref()).collect();
            ec2::sync_tags(&ids, &self.tags, &old.tags, cloud).await?;
        }
        if self.delete_on_termination != old.delete_on_termination {
            self.sync_delete_on_termination(id, cloud).await?;
        }
        if (self.volume_gib, &self.volume_type) != (old.volume_gib, &old.volume_type) {
            self.sync_volume(&existing.outputs, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    fn objection(&self, existing: Option<&Existing<Self>>) -> Option<String> {
        let there = existing.filter(|it| self.volume_gib < it.inputs.volume_gib)?;
        Some(format!(
            "the volume of {} has {} GiB, and AWS cannot make a volume smaller. Leave it at {1} GiB, or terminate the \
             instance and run this again for a new one; what is on that volume is lost then",
            there.outputs.id, there.inputs.volume_gib
        ))
    }

    fn notes(&self, existing: &Existing<Self>) -> Vec<String> {
        let runs = &existing.outputs.image_id;
        let newer = self.image_id.get().ok().filter(|it| it != runs);
        let note = |newer| {
            format!(
                "runs {runs}; a newer image, {newer}, is available. It is no reason to replace a running instance: for \
                 the new image terminate it and run `up` (what is on the volume that it starts from is lost)"
            )
        };
        newer.into_iter().map(note).collect()
    }

    async fn ready(outputs: &InstanceOutputs, cloud: &Cloud) -> Result<Progress> {
        let id = &outputs.id;
        let request =
            cloud.ec2.describe_instance_status().instance_ids(id).include_all_instances(true);
        let answer = there(request.send().await)?;
        let status = answer.and_then(|it| it.instance_statuses?.pop());
        let Some(status) = status else {
            return Ok(Progress::Waiting(format!("EC2 does not show {id} yet")));
        };
        match status.instance_state().and_then(|it| it.name()) {
            Some(InstanceStateName::Running) => Ok(live::checks(id, &status)),
            Some(InstanceStateName::Terminated | InstanceStateName::ShuttingDown) => {
                Err(Error::Unexpected(format!(
                    "{id} has been terminated: {}",
                    live::why(id, cloud).await?
                )))
            }
            state => {
                let state = state.map_or("in no known state", InstanceStateName::as_str);
                Ok(Progress::Waiting(format!("{id} is {state}")))
            }
        }
    }

    async fn delete(outputs: &InstanceOutputs, cloud: &Cloud) -> Result<Progress> {
        let id = &outputs.id;
        let reservations =
            cloud.ec2.describe_instances().instance_ids(id).send().await?.reservations;
        let instance = reservations
            .unwrap_or_default()
            .into_iter()
            .flat_map(|it| it.instances.unwrap_or_default());
        match instance.last().as_ref().map(live::state) {
            None | Some(InstanceStateName::Terminated) => return Ok(Progress::Done),
            Some(InstanceStateName::ShuttingDown) => {}
            Some(_) => {
                cloud.ec2.terminate_instances().instance_ids(id).send().await?;
            }
        }
        Ok(Progress::Waiting(format!("{id} is shutting down")))
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<InstanceOutputs>> {
        let Some(id) = arn.id_of("ec2", "instance") else { return Ok(None) };
        let request = cloud.ec2.describe_instances().filters(ec2::filter("instance-id", id));
        let reservations = request.send().await?.reservations.unwrap_or_default();
        let found = reservations.into_iter().flat_map(|it| it.instances.unwrap_or_default()).last();
        let found = found.filter(|it| live::state(it) != InstanceStateName::Terminated);
        found.map(|it| live::outputs(&it)).transpose()
    }
}

impl Instance {
    /// Only a stopped instance can be of another type. Stopping takes a minute: until it is over EC2 refuses the
    /// change (IncorrectInstanceState), and the engine calls again. [`sync_running`](Self::sync_running) starts it.
    async fn sync_type(&self, id: &str, cloud: &Cloud) -> Result<()> {
        let instance = find(vec![ec2::filter("instance-id", id)], cloud).await?;
        if instance
            .and_then(|it| it.instance_type)
            .is_some_and(|it| it.as_str() == self.instance_type)
        {
            return Ok(()); // An earlier call got as far as this.
        }
        cloud.ec2.stop_instances().instance_ids(id).send().await?;
        let value = AttributeValue::builder().value(&self.instance_type).build();
        let request = cloud.ec2.modify_instance_attribute().instance_id(id).instance_type(value);
        let changed = request.send().await.map(drop).map_err(Error::from);
        if changed.as_ref().is_err_and(|it| it.class() == Class::Final) {
            // The type does not fit (another processor, not offered in this zone): better the old size than none. The
            // first error is the one that tells.
            let _ = cloud.ec2.start_instances().instance_ids(id).send().await;
        }
        changed
    }

    async fn sync_running(&self, id: &str, cloud: &Cloud) -> Result<()> {
        if self.running {
            cloud.ec2.start_instances().instance_ids(id).send().await?;
        } else {
            cloud.ec2.stop_instances().instance_ids(id).send().await?;
        }
        Ok(())
    }

    async fn sync_metadata_options(&self, id: &str, cloud: &Cloud) -> Result<()> {
        let options = &self.metadata_options;
        let request = cloud.ec2.modify_instance_metadata_options().instance_id(id);
        let request = request
            .http_endpoint(InstanceMetadataEndpointState::from(options.http_endpoint.as_str()));
        let request = request.http_tokens(HttpTokensState::from(options.http_tokens.as_str()));
        request.http_put_response_hop_limit(options.http_put_response_hop_limit).send().await?;
        Ok(())
    }

    async fn sync_profile(&self, id: &str, cloud: &Cloud) -> Result<()> {
        let wanted = self.instance_profile.get()?;
        let request = cloud.ec2.describe_iam_instance_profile_associations();
        let answer = request.filters(ec2::filter("instance-id", id)).send().await?;
        let associations = answer.iam_instance_profile_associations();
        let in_force = associations
            .iter()
            .find(|it| it.state().is_some_and(|it| it.as_str().starts_with("associat")));
        let profile = IamInstanceProfileSpecification::builder().name(&wanted).build();
        match in_force {
            Some(it)
                if it.iam_instance_profile().and_then(|it| it.arn()).map(name_in)
                    == Some(&wanted) => {}
            Some(it) => {
                let request = cloud.ec2.replace_iam_instance_profile_association();
                let request = request.set_association_id(it.association_id.clone());
                request.iam_instance_profile(profile).send().await?;
            }
            None => {
                let request = cloud.ec2.associate_iam_instance_profile().instance_id(id);
                request.iam_instance_profile(profile).send().await?;
            }
        }
        Ok(())
    }

    async fn sync_delete_on_termination(&self, id: &str, cloud: &Cloud) -> Result<()> {
        let instance = find(vec![ec2::filter("instance-id", id)], cloud).await?;
        let device = instance
            .and_then(|it| it.root_device_name)
            .ok_or_else(|| Error::missing("root device name"))?;
        let volume = EbsInstanceBlockDeviceSpecification::builder()
            .delete_on_termination(self.delete_on_termination);
        let mapping = InstanceBlockDeviceMappingSpecification::builder()
            .device_name(device)
            .ebs(volume.build());
        let request = cloud.ec2.modify_instance_attribute().instance_id(id);
        request.block_device_mappings(mapping.build()).send().await?;
        Ok(())
    }

    async fn sync_volume(&self, outputs: &InstanceOutputs, cloud: &Cloud) -> Result<()> {
        let Some(volume) = &outputs.volume_id else {
            return Err(Error::Refused(format!(
                "{} has lost the volume it starts from. Attach it again, or terminate the instance and run this again \
                 for a new one.",
                outputs.id
            )));
        };
        let request = cloud.ec2.modify_volume().volume_id(volume).size(self.volume_gib);
        request.volume_type(VolumeType::from(self.volume_type.as_str())).send().await?;
        Ok(())
    }
}

impl Output<InstanceOutputs> {
    /// Its id.
    pub fn id(&self) -> Output<String> {
        self.map(|it| it.id)
    }
}
