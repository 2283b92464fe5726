//! Instance profile: how an EC2 instance takes on a role.

use aws_sdk_iam::types::{InstanceProfile as Live, Tag};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, there},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result, unless_gone},
    resources::Kind,
};

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Its name, unique in the account.
    pub name: String,
    /// Name of its role. A profile holds at most one; one that has none reads as empty.
    pub role: Output<String>,
    /// Its tags.
    pub tags: Tags,
}

/// What others need of an instance profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfileOutputs {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl Resource for InstanceProfile {
    type Outputs = InstanceProfileOutputs;
    const KIND: Kind = Kind::InstanceProfile;
    const REPLACED_BY: &'static [&'static str] = &["name"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut profile = None;
        if let Some(it) = recorded {
            profile = get(&it.outputs.name, cloud).await?;
        }
        if profile.is_none() {
            profile = get(&self.name, cloud).await?;
        }
        let Some(profile) = profile else {
            return Ok(Found::Nothing);
        };
        let live = Tags::found(profile.tags().iter().map(|it| (it.key(), it.value())));
        let role = roles(&profile).next().unwrap_or_default().to_owned();
        let existing = Existing {
            inputs: Self {
                role: role.into(),
                tags: live.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
                name: profile.instance_profile_name.clone(),
            },
            outputs: InstanceProfileOutputs {
                name: profile.instance_profile_name,
                arn: profile.arn,
            },
        };
        Ok(live.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.iam.create_instance_profile().instance_profile_name(&self.name);
        let answer = request.set_tags(Some(tags(self.tags.iter())?)).send().await?;
        let profile = answer.instance_profile.ok_or_else(|| Error::missing("instance profile"))?;
        Ok(Existing {
            inputs: Self { role: "".into(), ..self.clone() },
            outputs: InstanceProfileOutputs {
                name: profile.instance_profile_name,
                arn: profile.arn,
            },
        })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<InstanceProfileOutputs> {
        if self.role != existing.inputs.role {
            self.sync_role(cloud).await?;
        }
        if self.tags != existing.inputs.tags {
            self.sync_tags(&existing.inputs, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &InstanceProfileOutputs, cloud: &Cloud) -> Result<Progress> {
        let name = &outputs.name;
        if let Some(profile) = get(name, cloud).await? {
            for role in roles(&profile) {
                let request =
                    cloud.iam.remove_role_from_instance_profile().instance_profile_name(name);
                unless_gone(request.role_name(role).send().await)?;
            }
        }
        cloud.iam.delete_instance_profile().instance_profile_name(name).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<InstanceProfileOutputs>> {
        let Some(name) = arn.id_of("iam", "instance-profile") else { return Ok(None) };
        let found = get(name, cloud).await?;
        Ok(found.map(|it| InstanceProfileOutputs { name: it.instance_profile_name, arn: it.arn }))
    }
}

impl InstanceProfile {
    async fn sync_role(&self, cloud: &Cloud) -> Result<()> {
        let wanted = self.role.get()?;
        // Asked again rather than taken from what was read: adding the role a second time, after an answer that was
        // lost, fails with LimitExceeded, which also says that the account has too many of something.
        let profile = get(&self.name, cloud).await?;
        let held: Vec<&str> = profile.iter().flat_map(roles).collect();
        for role in held.iter().filter(|it| **it != wanted) {
            let request =
                cloud.iam.remove_role_from_instance_profile().instance_profile_name(&self.name);
            unless_gone(request.role_name(*role).send().await)?;
        }
        if !held.contains(&wanted.as_str()) {
            let request =
                cloud.iam.add_role_to_instance_profile().instance_profile_name(&self.name);
            let added = request.role_name(&wanted).send().await;
            // The SDK tries again by itself when it has heard no answer, and is told that one role is the most.
            if let Err(error) = added
                && !get(&self.name, cloud).await?.iter().flat_map(roles).any(|it| it == wanted)
            {
                return Err(error.into());
            }
        }
        Ok(())
    }

    async fn sync_tags(&self, old: &Self, cloud: &Cloud) -> Result<()> {
        let set = self.tags.to_set(&old.tags);
        if !set.is_empty() {
            let set = tags(set.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
            let request = cloud.iam.tag_instance_profile().instance_profile_name(&self.name);
            request.set_tags(Some(set)).send().await?;
        }
        let remove = self.tags.to_remove(&old.tags);
        if !remove.is_empty() {
            let request = cloud.iam.untag_instance_profile().instance_profile_name(&self.name);
            request.set_tag_keys(Some(remove)).send().await?;
        }
        Ok(())
    }
}

async fn get(name: &str, cloud: &Cloud) -> Result<Option<Live>> {
    let answer = there(cloud.iam.get_instance_profile().instance_profile_name(name).send().await)?;
    Ok(answer.and_then(|it| it.instance_profile))
}

fn roles(profile: &Live) -> impl Iterator<Item = &str> {
    profile.roles().iter().map(|it| it.role_name())
}

fn tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Tag>> {
    tags.map(|(key, value)| Ok(Tag::builder().key(key).value(value).build()?)).collect()
}

impl Output<InstanceProfileOutputs> {
    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }

    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}
