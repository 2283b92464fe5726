//! KMS key: what the stack's logs and secrets are encrypted with.

use aws_sdk_kms::{
    config::{Builder, retry::RetryConfig},
    types::{KeyMetadata, KeyState, Tag},
};
use futures::{
    future::try_join4,
    stream::{self, StreamExt, TryStreamExt},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    cloud::{Arn, Cloud, Tags, policy, there},
    engine::{
        Class, Error, Existing, Found, KnownBy, Output, Progress, Resource, Result, unless_gone,
    },
    resources::Kind,
};

/// Days between the deletion of a key and its end: the least KMS offers. Until then the key can be taken back.
const PENDING_WINDOW_DAYS: i32 = 7;
/// How many keys are asked for their tags at once; KMS takes far more requests a second than that gives.
const ASKED_AT_ONCE: usize = 16;

/// A symmetric key with an alias.
///
/// KMS names no keys and takes no client token; an alias can only be given to a key that exists. What makes a key ours
/// are therefore the tags it was created with. A key that an earlier `destroy` left pending deletion has lost its
/// alias, reads as disabled, and is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KmsKey {
    /// Its alias, such as `alias/gsm`; unique in account and region.
    pub alias: String,
    /// What it is for.
    pub description: String,
    /// Who may do what with it.
    pub policy: Value,
    /// Whether KMS makes new key material every year.
    pub rotation: bool,
    /// Whether it can be used. A key that is pending deletion cannot.
    pub enabled: bool,
    /// Its tags.
    pub tags: Tags,
}

/// What others need of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KmsKeyOutputs {
    /// Its id, a UUID.
    pub id: String,
    /// Its ARN.
    pub arn: String,
}

impl Resource for KmsKey {
    type Outputs = KmsKeyOutputs;
    const KIND: Kind = Kind::KmsKey;
    /// None: what a key encrypted is lost without it.
    const REPLACED_BY: &'static [&'static str] = &[];
    const KNOWN_BY: KnownBy = KnownBy::Nothing;

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut key = None;
        if let Some(it) = recorded {
            key = describe(&it.outputs.id, cloud).await?;
        }
        if key.is_none() {
            key = describe(&self.alias, cloud).await?;
        }
        if key.is_none() {
            key = self.search(cloud).await?;
        }
        let Some(key) = key else {
            return Ok(Found::Nothing);
        };
        let recorded = recorded.map(|it| &it.inputs);
        let (live, aliases, policy, rotation) = try_join4(
            tags(&key.key_id, cloud),
            aliases(&key.key_id, cloud),
            key_policy(&key.key_id, cloud),
            rotation(&key, cloud),
        )
        .await?;
        // A key may have more aliases than ours.
        let alias = [Some(&self.alias), recorded.map(|it| &it.alias)].into_iter().flatten();
        let alias = alias.into_iter().find(|it| aliases.contains(it)).cloned();
        let existing = Existing {
            inputs: Self {
                alias: alias.unwrap_or_default(),
                policy: policy::normalised(policy, &self.policy),
                rotation,
                enabled: key.key_state == Some(KeyState::Enabled),
                tags: live.of_ours(&self.tags, recorded.map(|it| &it.tags)),
                description: key.description.clone().unwrap_or_default(),
            },
            outputs: outputs(key)?,
        };
        Ok(live.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request =
            cloud.kms.create_key().description(&self.description).policy(self.policy.to_string());
        let request = request.set_tags(Some(sdk_tags(self.tags.iter())?));
        // Nothing tells KMS that a repeated call is the same one: after a lost answer the engine looks first.
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let answer = request.customize().config_override(once).send().await?;
        let key = answer.key_metadata.ok_or_else(|| Error::missing("key metadata"))?;
        Ok(Existing {
            inputs: Self { alias: String::new(), rotation: false, enabled: true, ..self.clone() },
            outputs: outputs(key)?,
        })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<KmsKeyOutputs> {
        let (id, old) = (&existing.outputs.id, &existing.inputs);
        // First, for a key that cannot be used cannot be changed either.
        if self.enabled && !old.enabled {
            take_back(id, cloud).await?;
        }
        if self.policy != old.policy {
            cloud.kms.put_key_policy().key_id(id).policy(self.policy.to_string()).send().await?;
        }
        if self.description != old.description {
            cloud
                .kms
                .update_key_description()
                .key_id(id)
                .description(&self.description)
                .send()
                .await?;
        }
        match (self.rotation, old.rotation) {
            (true, false) => drop(cloud.kms.enable_key_rotation().key_id(id).send().await?),
            (false, true) => drop(cloud.kms.disable_key_rotation().key_id(id).send().await?),
            _ => {}
        }
        if self.tags != old.tags {
            self.sync_tags(existing, cloud).await?;
        }
        if !self.enabled && old.enabled {
            cloud.kms.disable_key().key_id(id).send().await?;
        }
        // Last, so that who finds the key by its alias finds a complete one.
        if self.alias != old.alias {
            self.sync_alias(existing, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &KmsKeyOutputs, cloud: &Cloud) -> Result<Progress> {
        let id = &outputs.id;
        // An alias would live on as long as the key, and be in the way of another one of that name.
        for alias in aliases(id, cloud).await? {
            unless_gone(cloud.kms.delete_alias().alias_name(alias).send().await)?;
        }
        let key = describe(id, cloud).await?;
        if key.is_some_and(|it| it.key_state != Some(KeyState::PendingDeletion)) {
            let request = cloud.kms.schedule_key_deletion().key_id(id);
            request.pending_window_in_days(PENDING_WINDOW_DAYS).send().await?;
        }
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<KmsKeyOutputs>> {
        let Some(id) = arn.id_of("kms", "key") else { return Ok(None) };
        let found = describe(id, cloud).await?;
        let found = found.filter(|it| it.key_state != Some(KeyState::PendingDeletion));
        found.map(outputs).transpose()
    }
}

impl KmsKey {
    /// Finds a key of ours by its tags: enabled ones first, then the oldest.
    ///
    /// Every key is asked. The Resource Groups Tagging API would answer in one call, but some seconds late, and the one
    /// time it matters most is right after a creation whose answer was lost: a second key would be made. The search is
    /// rare: neither the record nor the alias has led to a key.
    async fn search(&self, cloud: &Cloud) -> Result<Option<KeyMetadata>> {
        let keys: Vec<_> =
            cloud.kms.list_keys().into_paginator().items().send().try_collect().await?;
        let ids = keys.into_iter().filter_map(|it| it.key_id);
        let found: Vec<Option<KeyMetadata>> = stream::iter(ids)
            .map(|id| async move {
                if self.is_tagged(&id, cloud).await? {
                    describe(&id, cloud).await
                } else {
                    Ok(None)
                }
            })
            .buffer_unordered(ASKED_AT_ONCE)
            .try_collect()
            .await?;
        let age = |it: &KeyMetadata| it.creation_date.map(|date| date.secs());
        Ok(found
            .into_iter()
            .flatten()
            .min_by_key(|it| (it.key_state != Some(KeyState::Enabled), age(it))))
    }

    /// Whether a key carries the tags that say what it is to the stack.
    async fn is_tagged(&self, id: &str, cloud: &Cloud) -> Result<bool> {
        match tags(id, cloud).await {
            Ok(live) => {
                let resource = |tags: &Tags| tags.get("provisioner:resource").map(str::to_owned);
                Ok(live.stack() == Some(&cloud.stack) && resource(&live) == resource(&self.tags))
            }
            // Somebody else's key that we may not even look at, or one that has just come to its end.
            Err(error) if matches!(error.class(), Class::Denied | Class::Gone) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn sync_tags(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<()> {
        let (id, old) = (&existing.outputs.id, &existing.inputs.tags);
        let set = self.tags.to_set(old);
        if !set.is_empty() {
            let set = sdk_tags(set.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
            cloud.kms.tag_resource().key_id(id).set_tags(Some(set)).send().await?;
        }
        let remove = self.tags.to_remove(old);
        if !remove.is_empty() {
            cloud.kms.untag_resource().key_id(id).set_tag_keys(Some(remove)).send().await?;
        }
        Ok(())
    }

    async fn sync_alias(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<()> {
        let (id, old) = (&existing.outputs.id, &existing.inputs.alias);
        let create = cloud.kms.create_alias().alias_name(&self.alias).target_key_id(id);
        match create.send().await.map_err(Error::from) {
            // Somebody pointed it to another key.
            Err(error) if error.class() == Class::Exists => {
                cloud.kms.update_alias().alias_name(&self.alias).target_key_id(id).send().await?;
            }
            result => drop(result?),
        }
        if !old.is_empty() {
            unless_gone(cloud.kms.delete_alias().alias_name(old).send().await)?;
        }
        Ok(())
    }
}

/// The ARN of the key that an alias stands for, if there is one.
///
/// # Errors
///
/// When KMS does not say.
pub async fn key_arn(alias: &str, cloud: &Cloud) -> Result<Option<String>> {
    Ok(describe(alias, cloud).await?.and_then(|it| it.arn))
}

/// A key by its id or alias.
async fn describe(key: &str, cloud: &Cloud) -> Result<Option<KeyMetadata>> {
    Ok(there(cloud.kms.describe_key().key_id(key).send().await)?.and_then(|it| it.key_metadata))
}

/// Makes a key usable again that was disabled or is pending deletion.
async fn take_back(id: &str, cloud: &Cloud) -> Result<()> {
    let key = describe(id, cloud).await?;
    if key.is_some_and(|it| it.key_state == Some(KeyState::PendingDeletion)) {
        cloud.kms.cancel_key_deletion().key_id(id).send().await?;
    }
    // Cancelling a deletion leaves a key disabled.
    cloud.kms.enable_key().key_id(id).send().await?;
    Ok(())
}

async fn tags(id: &str, cloud: &Cloud) -> Result<Tags> {
    let request = cloud.kms.list_resource_tags().key_id(id);
    let tags: Vec<Tag> = request.into_paginator().items().send().try_collect().await?;
    Ok(Tags::found(tags.into_iter().map(|it| (it.tag_key, it.tag_value))))
}

async fn aliases(id: &str, cloud: &Cloud) -> Result<Vec<String>> {
    let request = cloud.kms.list_aliases().key_id(id);
    let aliases: Vec<_> = request.into_paginator().items().send().try_collect().await?;
    Ok(aliases.into_iter().filter_map(|it| it.alias_name).collect())
}

async fn key_policy(id: &str, cloud: &Cloud) -> Result<Value> {
    let answer = cloud.kms.get_key_policy().key_id(id).send().await?;
    Ok(policy::parse(answer.policy().unwrap_or_default()))
}

async fn rotation(key: &KeyMetadata, cloud: &Cloud) -> Result<bool> {
    // Suspended while a deletion is pending (KMS developer guide, "Rotating AWS KMS keys").
    if key.key_state == Some(KeyState::PendingDeletion) {
        return Ok(false);
    }
    Ok(cloud.kms.get_key_rotation_status().key_id(&key.key_id).send().await?.key_rotation_enabled)
}

fn outputs(key: KeyMetadata) -> Result<KmsKeyOutputs> {
    Ok(KmsKeyOutputs { arn: key.arn.ok_or_else(|| Error::missing("key ARN"))?, id: key.key_id })
}

fn sdk_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Tag>> {
    tags.map(|(key, value)| Ok(Tag::builder().tag_key(key).tag_value(value).build()?)).collect()
}

impl Output<KmsKeyOutputs> {
    /// Its id, a UUID.
    pub fn id(&self) -> Output<String> {
        self.map(|it| it.id)
    }

    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}
