//! SSM parameter: where a secret of a service is kept.

use aws_sdk_ssm::types::{
    Parameter as Live, ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType,
    ResourceTypeForTagging, Tag,
};
use futures::future::try_join;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result, Sealed},
    resources::Kind,
};

/// The most a parameter of the standard tier holds.
const MAX_BYTES: usize = 4096;

/// A SecureString parameter of the standard tier, encrypted with a key of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, a path such as `/gsm/bot/BOT_TOKEN`; unique in account and region.
    pub name: String,
    /// Id or ARN of the KMS key.
    pub key_id: Output<String>,
    /// Where its value comes from.
    pub source: ParameterSource,
    /// What it is for.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
}

/// Where a parameter's value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterSource {
    /// The environment of the caller.
    Env {
        /// Name of the environment variable.
        variable: String,
        /// Its value; `None`: it is not set in this run, and whatever the parameter holds stays.
        value: Option<Sealed>,
    },
    /// Made up once, and again only when another length is asked for.
    Generated {
        /// Number of characters.
        length: usize,
    },
}

/// What others need of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterOutputs {
    /// Its name.
    pub name: String,
    /// Its ARN, without a version.
    pub arn: String,
    /// The version of its value; each new value has a higher one.
    pub version: i64,
}

impl Resource for Parameter {
    type Outputs = ParameterOutputs;
    const KIND: Kind = Kind::Parameter;
    const REPLACED_BY: &'static [&'static str] = &["name"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let name = recorded.map_or(&self.name, |it| &it.outputs.name);
        let mut metadata = describe(name, cloud).await?;
        if metadata.is_none() && *name != self.name {
            metadata = describe(&self.name, cloud).await?;
        }
        let Some(metadata) = metadata else {
            return Ok(Found::Nothing);
        };
        let name = metadata.name.unwrap_or_else(|| name.clone());
        let (value, live) = try_join(get(&name, cloud), tags(&name, cloud)).await?;
        let recorded = recorded.map(|it| &it.inputs);
        let arn = metadata.arn.unwrap_or_else(|| arn(&name, cloud));
        let existing = Existing {
            inputs: Self {
                key_id: self.key_as_wanted(metadata.key_id.unwrap_or_default()).into(),
                source: self.source.as_found(value, recorded.map(|it| &it.source)),
                description: metadata.description.unwrap_or_default(),
                tags: live.of_ours(&self.tags, recorded.map(|it| &it.tags)),
                name: name.clone(),
            },
            outputs: ParameterOutputs { name, arn, version: metadata.version },
        };
        Ok(live.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let version = self.put(&self.value()?, false, cloud).await?;
        let (name, arn) = (self.name.clone(), arn(&self.name, cloud));
        Ok(Existing { inputs: self.clone(), outputs: ParameterOutputs { name, arn, version } })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<ParameterOutputs> {
        let old = &existing.inputs;
        let mut outputs = existing.outputs.clone();
        if !self.keeps_version(old) {
            // Whatever is changed, SSM wants the value with it.
            let value = if self.source == old.source {
                self.present_value(cloud).await?
            } else {
                self.value()?
            };
            outputs.version = self.put(&value, true, cloud).await?;
        }
        if self.tags != old.tags {
            self.sync_tags(old, cloud).await?;
        }
        Ok(outputs)
    }

    fn foresee(&self, existing: &Existing<Self>) -> Option<ParameterOutputs> {
        self.keeps_version(&existing.inputs).then(|| existing.outputs.clone())
    }

    fn objection(&self, existing: Option<&Existing<Self>>) -> Option<String> {
        let ParameterSource::Env { variable, value } = &self.source else { return None };
        match value.as_ref().and_then(Sealed::reveal) {
            None if existing.is_none() => Some(self.has_no_value(variable)),
            Some("") => {
                Some(format!("{variable} is empty; set it to the value of `{}`", self.name))
            }
            Some(value) if value.len() > MAX_BYTES => Some(format!(
                "{variable} has {} bytes, and SSM keeps up to {MAX_BYTES} in a standard parameter",
                value.len()
            )),
            _ => None,
        }
    }

    fn notes(&self, _existing: &Existing<Self>) -> Vec<String> {
        match &self.source {
            ParameterSource::Env { variable, value: None } => {
                vec![format!(
                    "{variable} is not set in the environment: the value that is there stays"
                )]
            }
            _ => Vec::new(),
        }
    }

    async fn delete(outputs: &ParameterOutputs, cloud: &Cloud) -> Result<Progress> {
        cloud.ssm.delete_parameter().name(&outputs.name).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<ParameterOutputs>> {
        let Some(id) = arn.id_of("ssm", "parameter") else { return Ok(None) };
        // The slash between the kind and a name in a hierarchy is the name's own.
        let name = if id.contains('/') { format!("/{id}") } else { id.to_owned() };
        let found = describe(&name, cloud).await?;
        let arn = arn.whole.to_owned();
        Ok(found.map(|it| ParameterOutputs { name, arn, version: it.version }))
    }
}

impl Parameter {
    /// Puts a value; gives its version.
    async fn put(&self, value: &Sealed, overwrite: bool, cloud: &Cloud) -> Result<i64> {
        let value = value.reveal().ok_or_else(|| Error::missing("secret"))?;
        let request = cloud.ssm.put_parameter().name(&self.name).value(value).overwrite(overwrite);
        let request = request.r#type(ParameterType::SecureString).tier(ParameterTier::Standard);
        let request = request.key_id(self.key_id.get()?).description(&self.description);
        // SSM takes tags with a new parameter only.
        let tags = if overwrite { None } else { Some(sdk_tags(self.tags.iter())?) };
        Ok(request.set_tags(tags).send().await?.version)
    }

    /// A new value.
    fn value(&self) -> Result<Sealed> {
        match &self.source {
            ParameterSource::Generated { length } => Ok(Sealed::generate(*length)),
            ParameterSource::Env { value: Some(value), .. } => Ok(value.clone()),
            ParameterSource::Env { value: None, variable } => {
                Err(Error::Refused(self.has_no_value(variable)))
            }
        }
    }

    fn has_no_value(&self, variable: &str) -> String {
        format!("set {variable} in the environment: `{}` has no value yet", self.name)
    }

    /// The value that is there, to be put again with something else changed.
    async fn present_value(&self, cloud: &Cloud) -> Result<Sealed> {
        let present = get(&self.name, cloud).await?.and_then(|it| it.value);
        present.map(Sealed::new).ok_or_else(|| {
            let name = &self.name;
            let what_to_do = match &self.source {
                ParameterSource::Env { variable, .. } => {
                    format!("set {variable} in the environment")
                }
                ParameterSource::Generated { .. } => {
                    format!("delete `{name}`, so that another value is made up")
                }
            };
            Error::Refused(format!(
                "the value of `{name}` cannot be decrypted any more; {what_to_do}"
            ))
        })
    }

    /// Whether an update changes nothing but tags.
    fn keeps_version(&self, old: &Self) -> bool {
        self.source == old.source
            && self.key_id == old.key_id
            && self.description == old.description
    }

    /// The key in the words of the wanted one if it is the same: SSM gives an id, an ARN or an alias, whichever it was
    /// given itself.
    fn key_as_wanted(&self, live: String) -> String {
        match self.key_id.get() {
            Ok(wanted) if bare_key(&wanted) == bare_key(&live) => wanted,
            _ => live,
        }
    }

    async fn sync_tags(&self, old: &Self, cloud: &Cloud) -> Result<()> {
        let set = self.tags.to_set(&old.tags);
        if !set.is_empty() {
            let set = sdk_tags(set.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
            let request =
                cloud.ssm.add_tags_to_resource().resource_type(ResourceTypeForTagging::Parameter);
            request.resource_id(&self.name).set_tags(Some(set)).send().await?;
        }
        let remove = self.tags.to_remove(&old.tags);
        if !remove.is_empty() {
            let request = cloud
                .ssm
                .remove_tags_from_resource()
                .resource_type(ResourceTypeForTagging::Parameter);
            request.resource_id(&self.name).set_tag_keys(Some(remove)).send().await?;
        }
        Ok(())
    }
}

impl ParameterSource {
    /// The live value as a source of the wanted kind. `None`: it cannot be decrypted any more.
    fn as_found(&self, live: Option<Live>, recorded: Option<&Self>) -> Self {
        let value = live.and_then(|it| it.value);
        match (self, recorded) {
            // A value from the environment is no made-up one, even if it has the right length.
            (Self::Generated { .. }, Some(Self::Env { variable, .. })) => {
                Self::Env { variable: variable.clone(), value: None }
            }
            (Self::Generated { .. }, _) => {
                Self::Generated { length: value.map_or(0, |it| it.chars().count()) }
            }
            (Self::Env { variable, value: None }, _) => {
                Self::Env { variable: variable.clone(), value: None }
            }
            (Self::Env { variable, value: Some(_) }, _) => {
                Self::Env { variable: variable.clone(), value: value.map(Sealed::new) }
            }
        }
    }
}

/// What there is to know about a parameter without its value. Only this names the key.
/// Whether there is a parameter of this name, whoever has made it.
///
/// # Errors
///
/// When Systems Manager does not say.
pub async fn has_parameter(name: &str, cloud: &Cloud) -> Result<bool> {
    Ok(describe(name, cloud).await?.is_some())
}

async fn describe(name: &str, cloud: &Cloud) -> Result<Option<ParameterMetadata>> {
    let filter =
        ParameterStringFilter::builder().key("Name").option("Equals").values(name).build()?;
    // SSM filters after it has cut the list into pages: the first ones may be empty.
    let mut pages =
        cloud.ssm.describe_parameters().parameter_filters(filter).into_paginator().send();
    while let Some(page) = pages.next().await {
        let found =
            page?.parameters.unwrap_or_default().into_iter().find(|it| it.name() == Some(name));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A parameter with its value; `None` if its key has gone or is disabled.
async fn get(name: &str, cloud: &Cloud) -> Result<Option<Live>> {
    match cloud.ssm.get_parameter().name(name).with_decryption(true).send().await {
        Ok(answer) => Ok(answer.parameter),
        Err(error) if error.as_service_error().is_some_and(|it| it.is_invalid_key_id()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn tags(name: &str, cloud: &Cloud) -> Result<Tags> {
    let request =
        cloud.ssm.list_tags_for_resource().resource_type(ResourceTypeForTagging::Parameter);
    let answer = request.resource_id(name).send().await?;
    Ok(Tags::found(answer.tag_list.unwrap_or_default().into_iter().map(|it| (it.key, it.value))))
}

/// The id out of a key's ARN; anything else as it is.
fn bare_key(key: &str) -> &str {
    key.rsplit_once(":key/").map_or(key, |(_, id)| id)
}

fn arn(name: &str, cloud: &Cloud) -> String {
    cloud.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')))
}

fn sdk_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Tag>> {
    tags.map(|(key, value)| Ok(Tag::builder().key(key).value(value).build()?)).collect()
}

impl Output<ParameterOutputs> {
    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }

    /// Its ARN, without a version.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }

    /// The version of its value.
    pub fn version(&self) -> Output<i64> {
        self.map(|it| it.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(value: Option<&str>) -> ParameterSource {
        ParameterSource::Env { variable: "TOKEN".to_owned(), value: value.map(Sealed::new) }
    }

    fn live(value: &str) -> Option<Live> {
        Some(Live::builder().value(value).build())
    }

    #[test]
    fn a_key_is_the_same_in_every_form() {
        let arn = "arn:aws:kms:eu-central-1:123456789012:key/6dbb6cd3";
        assert_eq!(bare_key(arn), "6dbb6cd3");
        assert_eq!(bare_key("6dbb6cd3"), "6dbb6cd3");
        assert_eq!(bare_key("alias/aws/ssm"), "alias/aws/ssm");
    }

    #[test]
    fn a_value_from_the_environment_is_compared_if_it_is_given() {
        assert_eq!(env(Some("a")).as_found(live("a"), None), env(Some("a")));
        assert_ne!(env(Some("a")).as_found(live("b"), None), env(Some("a")));
        assert_ne!(env(Some("a")).as_found(None, None), env(Some("a")));
        assert_eq!(env(None).as_found(live("b"), None), env(None));
    }

    #[test]
    fn a_made_up_value_is_kept_until_another_length_or_source_is_asked_for() {
        let generated = ParameterSource::Generated { length: 4 };
        assert_eq!(generated.as_found(live("abcd"), None), generated);
        assert_eq!(generated.as_found(live("abcd"), Some(&generated)), generated);
        assert_ne!(generated.as_found(live("abc"), None), generated);
        assert_ne!(generated.as_found(None, None), generated);
        assert_ne!(generated.as_found(live("abcd"), Some(&env(None))), generated);
    }
}
