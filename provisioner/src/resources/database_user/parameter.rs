//! The half in AWS: the parameter that holds the connection string.

use aws_sdk_ssm::{
    operation::get_parameter::GetParameterOutput,
    types::{ParameterStringFilter, ParameterType, ResourceTypeForTagging, Tag},
};
use futures::try_join;
use secrecy::{ExposeSecret, SecretString};

use super::DatabaseUser;
use crate::{
    cloud::{Cloud, Tags},
    engine::{Class, Error, Output, Result},
};

/// On a parameter, this tag says that the connection string in it may not be true.
const PENDING: &str = "provisioner:pending";

/// The parameter as it is.
pub struct Held {
    value: Option<SecretString>,
    pub arn: Option<String>,
    pub version: i64,
    /// As it was given when the parameter was set: an id, an ARN or an alias.
    pub key_id: Option<String>,
    pub pending: bool,
    /// Without the one that marks it as pending.
    pub tags: Tags,
}

impl Held {
    /// What is in it; `None` if nobody can decrypt it.
    pub fn value(&self) -> Option<&str> {
        self.value.as_ref().map(ExposeSecret::expose_secret)
    }
}

pub async fn find(name: &str, cloud: &Cloud) -> Result<Option<Held>> {
    match look(name, cloud).await {
        Ok(held) => Ok(Some(held)),
        Err(error) if error.class() == Class::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

async fn look(name: &str, cloud: &Cloud) -> Result<Held> {
    let (parameter, readable) = get(name, cloud).await?;
    let parameter = parameter.parameter.ok_or_else(|| Error::missing("parameter"))?;
    let (key_id, tags) = try_join!(key_of(name, cloud), tags_of(name, cloud))?;
    let (pending, tags): (Vec<_>, Vec<_>) = tags.into_iter().partition(|(key, _)| key == PENDING);
    Ok(Held {
        value: parameter.value.filter(|_| readable).map(SecretString::from),
        arn: parameter.arn,
        version: parameter.version,
        key_id,
        pending: !pending.is_empty(),
        tags: Tags::found(tags),
    })
}

async fn key_of(name: &str, cloud: &Cloud) -> Result<Option<String>> {
    let filter =
        ParameterStringFilter::builder().key("Name").option("Equals").values(name).build()?;
    // SSM cuts the list into pages before it filters: the first ones may be empty.
    let mut pages =
        cloud.ssm.describe_parameters().parameter_filters(filter).into_paginator().send();
    while let Some(page) = pages.next().await {
        let found = page?.parameters.unwrap_or_default();
        if let Some(found) = found.into_iter().find(|it| it.name() == Some(name)) {
            return Ok(found.key_id);
        }
    }
    Ok(None)
}

async fn tags_of(name: &str, cloud: &Cloud) -> Result<Vec<(String, String)>> {
    let request = cloud.ssm.list_tags_for_resource().resource_id(name);
    let answer = request.resource_type(ResourceTypeForTagging::Parameter).send().await?;
    let tags = answer.tag_list.unwrap_or_default().into_iter();
    Ok(tags.map(|it| (it.key, it.value)).collect())
}

/// The parameter, and whether it could be decrypted: not if its key is disabled or about to be deleted.
async fn get(name: &str, cloud: &Cloud) -> Result<(GetParameterOutput, bool)> {
    match cloud.ssm.get_parameter().name(name).with_decryption(true).send().await {
        Ok(found) => Ok((found, true)),
        Err(error) if error.as_service_error().is_some_and(|it| it.is_invalid_key_id()) => {
            Ok((cloud.ssm.get_parameter().name(name).with_decryption(false).send().await?, false))
        }
        Err(error) => Err(error.into()),
    }
}

/// The ARN of the parameter of that name.
pub fn arn(name: &str, cloud: &Cloud) -> String {
    cloud.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')))
}

impl DatabaseUser {
    /// The key as we call it, if it is the one we want.
    pub(super) fn known_key(&self, live: Option<&str>) -> Output<String> {
        match (live, self.key_id.get()) {
            (Some(live), Ok(wanted)) if !same_key(live, &wanted) => live.into(),
            (Some(live), Err(_)) => live.into(),
            // A parameter set a moment ago may not be described yet.
            _ => self.key_id.clone(),
        }
    }

    /// Creates the parameter, marked as pending from the start; gives its version.
    pub(super) async fn create_parameter(&self, value: &str, cloud: &Cloud) -> Result<i64> {
        let request = cloud.ssm.put_parameter().name(&self.parameter).value(value);
        let request = request.r#type(ParameterType::SecureString).key_id(self.key_id.get()?);
        Ok(request.set_tags(Some(tags(self.announced())?)).send().await?.version())
    }

    /// Sets the parameter, which is there; gives its version.
    pub(super) async fn put_parameter(&self, value: &str, cloud: &Cloud) -> Result<i64> {
        let request = cloud.ssm.put_parameter().name(&self.parameter).value(value).overwrite(true);
        let request = request.r#type(ParameterType::SecureString).key_id(self.key_id.get()?);
        Ok(request.send().await?.version())
    }

    /// Sets the parameter to what is in it, with another key; gives its version.
    pub(super) async fn encrypt_again(&self, cloud: &Cloud) -> Result<i64> {
        let held = look(&self.parameter, cloud).await?;
        let value = held.value().ok_or_else(|| Error::missing("value of the parameter"))?;
        self.put_parameter(value, cloud).await
    }

    /// Marks the parameter as pending; says whether it is there.
    pub(super) async fn announce(&self, cloud: &Cloud) -> Result<bool> {
        let request = cloud.ssm.add_tags_to_resource().resource_id(&self.parameter);
        let request = request.resource_type(ResourceTypeForTagging::Parameter);
        match request.set_tags(Some(tags(self.announced())?)).send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|it| it.is_invalid_resource_id()) =>
            {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes away what [`announce`](Self::announce) set, and tags that are no longer wanted.
    pub(super) async fn conclude(&self, old: &Tags, cloud: &Cloud) -> Result<()> {
        let mut keys = self.tags.to_remove(old);
        keys.push(PENDING.to_owned());
        self.remove_tags(keys, cloud).await
    }

    pub(super) async fn sync_tags(&self, old: &Tags, cloud: &Cloud) -> Result<()> {
        let set = self.tags.to_set(old);
        if !set.is_empty() {
            let request = cloud.ssm.add_tags_to_resource().resource_id(&self.parameter);
            let request = request.resource_type(ResourceTypeForTagging::Parameter);
            request.set_tags(Some(tags(set)?)).send().await?;
        }
        let remove = self.tags.to_remove(old);
        if !remove.is_empty() {
            self.remove_tags(remove, cloud).await?;
        }
        Ok(())
    }

    async fn remove_tags(&self, keys: Vec<String>, cloud: &Cloud) -> Result<()> {
        let request = cloud.ssm.remove_tags_from_resource().resource_id(&self.parameter);
        let request = request.resource_type(ResourceTypeForTagging::Parameter);
        request.set_tag_keys(Some(keys)).send().await?;
        Ok(())
    }

    /// The wanted tags and the one that marks the parameter as pending.
    fn announced(&self) -> impl Iterator<Item = (String, String)> {
        let tags = self.tags.clone().with(PENDING, "true");
        tags.to_map().into_iter()
    }
}

fn tags(tags: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Tag>> {
    tags.into_iter().map(|(key, value)| Ok(Tag::builder().key(key).value(value).build()?)).collect()
}

/// Whether two names of a key, an id and an ARN perhaps, are of the same key.
fn same_key(one: &str, other: &str) -> bool {
    let id = |name: &str| name.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
    one == other || id(one) == id(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_an_id_and_an_arn() {
        let arn = "arn:aws:kms:eu-central-1:1:key/5f0c-1";
        assert!(same_key(arn, "5f0c-1") && same_key("5f0c-1", arn));
        assert!(!same_key(arn, "5f0c-2"));
        assert!(!same_key("alias/aws/ssm", arn));
    }
}
