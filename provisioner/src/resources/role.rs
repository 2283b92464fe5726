//! IAM role: what somebody may do who takes it on, and who may take it on.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{InstanceProfile, Role as Live, Tag};
use futures::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    cloud::{Arn, Cloud, Tags, policy, there},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result, unless_gone},
    resources::Kind,
};

/// A role with exactly these rights: a policy that somebody else gave it is taken away again, for a role of ours with
/// rights that nobody declared is a hole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its name, unique in the account.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who may take it on.
    pub trust_policy: Value,
    /// ARNs of the policies attached to it.
    pub managed_policies: BTreeSet<String>,
    /// The policies that are part of it, by name.
    pub inline_policies: BTreeMap<String, Output<Value>>,
    /// Its tags.
    pub tags: Tags,
}

/// What others need of a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleOutputs {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl Resource for Role {
    type Outputs = RoleOutputs;
    const KIND: Kind = Kind::Role;
    const REPLACED_BY: &'static [&'static str] = &["name"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut role = None;
        if let Some(it) = recorded {
            role = get(&it.outputs.name, cloud).await?;
        }
        if role.is_none() {
            role = get(&self.name, cloud).await?;
        }
        let Some(role) = role else {
            return Ok(Found::Nothing);
        };
        let (managed_policies, inline_policies) =
            try_join(attached(&role.role_name, cloud), self.inline(&role.role_name, cloud)).await?;
        let trust_policy = policy::parse(role.assume_role_policy_document().unwrap_or_default());
        let live = Tags::found(role.tags().iter().map(|it| (it.key(), it.value())));
        let existing = Existing {
            inputs: Self {
                description: role.description.unwrap_or_default(),
                trust_policy: policy::normalised(trust_policy, &self.trust_policy),
                managed_policies,
                inline_policies,
                tags: live.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
                name: role.role_name.clone(),
            },
            outputs: RoleOutputs { name: role.role_name, arn: role.arn },
        };
        Ok(live.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.iam.create_role().role_name(&self.name).description(&self.description);
        let request = request.assume_role_policy_document(self.trust_policy.to_string());
        let answer = request.set_tags(Some(tags(self.tags.iter())?)).send().await?;
        let role = answer.role.ok_or_else(|| Error::missing("role"))?;
        let (managed_policies, inline_policies) = Default::default();
        Ok(Existing {
            inputs: Self { managed_policies, inline_policies, ..self.clone() },
            outputs: RoleOutputs { name: role.role_name, arn: role.arn },
        })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<RoleOutputs> {
        let old = &existing.inputs;
        if self.trust_policy != old.trust_policy {
            let request = cloud.iam.update_assume_role_policy().role_name(&self.name);
            request.policy_document(self.trust_policy.to_string()).send().await?;
        }
        if self.description != old.description {
            cloud
                .iam
                .update_role()
                .role_name(&self.name)
                .description(&self.description)
                .send()
                .await?;
        }
        if self.managed_policies != old.managed_policies {
            self.sync_managed_policies(old, cloud).await?;
        }
        if self.inline_policies != old.inline_policies {
            self.sync_inline_policies(old, cloud).await?;
        }
        if self.tags != old.tags {
            self.sync_tags(old, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &RoleOutputs, cloud: &Cloud) -> Result<Progress> {
        // IAM deletes no role that has anything left.
        let name = &outputs.name;
        for arn in attached(name, cloud).await? {
            unless_gone(
                cloud.iam.detach_role_policy().role_name(name).policy_arn(arn).send().await,
            )?;
        }
        for policy in inline_names(name, cloud).await? {
            unless_gone(
                cloud.iam.delete_role_policy().role_name(name).policy_name(policy).send().await,
            )?;
        }
        let request = cloud.iam.list_instance_profiles_for_role().role_name(name);
        let profiles: Vec<InstanceProfile> =
            request.into_paginator().items().send().try_collect().await?;
        for profile in profiles {
            let request = cloud.iam.remove_role_from_instance_profile().role_name(name);
            unless_gone(request.instance_profile_name(profile.instance_profile_name).send().await)?;
        }
        cloud.iam.delete_role().role_name(name).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<RoleOutputs>> {
        let Some(name) = arn.id_of("iam", "role") else { return Ok(None) };
        let found = get(name, cloud).await?;
        Ok(found.map(|it| RoleOutputs { name: it.role_name, arn: it.arn }))
    }
}

impl Role {
    /// The live inline policies, in our own words wherever they say what we say.
    async fn inline(&self, role: &str, cloud: &Cloud) -> Result<BTreeMap<String, Output<Value>>> {
        let documents = inline_names(role, cloud).await?.into_iter().map(async |name| {
            let request = cloud.iam.get_role_policy().role_name(role).policy_name(&name);
            let live = policy::parse(&request.send().await?.policy_document);
            let wanted = self.inline_policies.get(&name).and_then(|it| it.get().ok());
            let policy = match wanted {
                Some(wanted) => policy::normalised(live, &wanted),
                None => live,
            };
            Ok::<_, Error>((name, policy.into()))
        });
        Ok(try_join_all(documents).await?.into_iter().collect())
    }

    async fn sync_managed_policies(&self, old: &Self, cloud: &Cloud) -> Result<()> {
        for arn in self.managed_policies.difference(&old.managed_policies) {
            cloud.iam.attach_role_policy().role_name(&self.name).policy_arn(arn).send().await?;
        }
        for arn in old.managed_policies.difference(&self.managed_policies) {
            unless_gone(
                cloud.iam.detach_role_policy().role_name(&self.name).policy_arn(arn).send().await,
            )?;
        }
        Ok(())
    }

    async fn sync_inline_policies(&self, old: &Self, cloud: &Cloud) -> Result<()> {
        for (name, policy) in &self.inline_policies {
            if old.inline_policies.get(name) != Some(policy) {
                let request = cloud.iam.put_role_policy().role_name(&self.name).policy_name(name);
                request.policy_document(policy.get()?.to_string()).send().await?;
            }
        }
        for name in old.inline_policies.keys().filter(|it| !self.inline_policies.contains_key(*it))
        {
            unless_gone(
                cloud.iam.delete_role_policy().role_name(&self.name).policy_name(name).send().await,
            )?;
        }
        Ok(())
    }

    async fn sync_tags(&self, old: &Self, cloud: &Cloud) -> Result<()> {
        let set = self.tags.to_set(&old.tags);
        if !set.is_empty() {
            let set = tags(set.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
            cloud.iam.tag_role().role_name(&self.name).set_tags(Some(set)).send().await?;
        }
        let remove = self.tags.to_remove(&old.tags);
        if !remove.is_empty() {
            cloud.iam.untag_role().role_name(&self.name).set_tag_keys(Some(remove)).send().await?;
        }
        Ok(())
    }
}

async fn get(name: &str, cloud: &Cloud) -> Result<Option<Live>> {
    let answer = there(cloud.iam.get_role().role_name(name).send().await)?;
    Ok(answer.and_then(|it| it.role))
}

async fn attached(role: &str, cloud: &Cloud) -> Result<BTreeSet<String>> {
    let request = cloud.iam.list_attached_role_policies().role_name(role);
    let policies: Vec<_> = request.into_paginator().items().send().try_collect().await?;
    Ok(policies.into_iter().filter_map(|it| it.policy_arn).collect())
}

async fn inline_names(role: &str, cloud: &Cloud) -> Result<Vec<String>> {
    let request = cloud.iam.list_role_policies().role_name(role);
    Ok(request.into_paginator().items().send().try_collect().await?)
}

fn tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Tag>> {
    tags.map(|(key, value)| Ok(Tag::builder().key(key).value(value).build()?)).collect()
}

impl Output<RoleOutputs> {
    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }

    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}
