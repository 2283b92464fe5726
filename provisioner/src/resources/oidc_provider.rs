//! IAM OIDC provider: whose tokens an account takes as a proof of who somebody is.
//!
//! An account has one for each issuer, so stacks, and what others made by hand, share it. One that is there is used as
//! it is. Ours is the one that carries our tags, and even that one is deleted only if nobody else relies on it.

use aws_sdk_iam::{
    operation::get_open_id_connect_provider::GetOpenIdConnectProviderOutput as Live, types::Tag,
};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, policy, there},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

/// A provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OidcProvider {
    /// Who makes the tokens: the address without `https://`.
    pub issuer: String,
    /// For whom the tokens must be made. Others that the provider knows are somebody else's concern; without ours it
    /// reads as empty.
    pub audience: String,
    /// Its tags; those of a provider of somebody else's are not compared.
    pub tags: Tags,
}

/// What others need of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OidcProviderOutputs {
    /// Its ARN.
    pub arn: String,
    /// Whether it is somebody else's, which we only use.
    pub shared: bool,
}

impl Resource for OidcProvider {
    type Outputs = OidcProviderOutputs;
    const KIND: Kind = Kind::OidcProvider;
    const REPLACED_BY: &'static [&'static str] = &["issuer"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let arn = recorded.map_or_else(|| self.arn(cloud), |it| it.outputs.arn.clone());
        let Some(live) = get(&arn, cloud).await? else {
            return Ok(Found::Nothing);
        };
        let tags = tags_of(&live);
        let shared = tags.stack() != Some(&cloud.stack);
        let is_known = live.client_id_list().contains(&self.audience);
        let existing = Existing {
            inputs: Self {
                issuer: live.url.unwrap_or_else(|| self.issuer.clone()),
                audience: if is_known { self.audience.clone() } else { String::new() },
                tags: match shared {
                    true => self.tags.clone(),
                    false => tags.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
                },
            },
            outputs: OidcProviderOutputs { arn, shared },
        };
        // Using what knows our audience changes nothing about it, so nobody has to be asked.
        Ok(match is_known {
            true => Found::Ours(existing),
            false => tags.sort(existing, cloud),
        })
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.iam.create_open_id_connect_provider();
        let request =
            request.url(format!("https://{}", self.issuer)).client_id_list(&self.audience);
        // No thumbprint: IAM trusts the issuer's certificate by its authority.
        let answer = request.set_tags(Some(tags(self.tags.iter())?)).send().await?;
        let arn =
            answer.open_id_connect_provider_arn.ok_or_else(|| Error::missing("OIDC provider"))?;
        let outputs = OidcProviderOutputs { arn, shared: false };
        Ok(Existing { inputs: self.clone(), outputs })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<OidcProviderOutputs> {
        let (old, arn) = (&existing.inputs, &existing.outputs.arn);
        if self.audience != old.audience {
            let request = cloud.iam.add_client_id_to_open_id_connect_provider();
            let request = request.open_id_connect_provider_arn(arn);
            request.client_id(&self.audience).send().await?;
        }
        let set = self.tags.to_set(&old.tags);
        if !set.is_empty() {
            let set = tags(set.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
            let request = cloud.iam.tag_open_id_connect_provider();
            request.open_id_connect_provider_arn(arn).set_tags(Some(set)).send().await?;
        }
        let remove = self.tags.to_remove(&old.tags);
        if !remove.is_empty() {
            untag(arn, remove, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    fn notes(&self, existing: &Existing<Self>) -> Vec<String> {
        let theirs = "it is not this stack's, which uses it as it is and will not delete it";
        existing.outputs.shared.then(|| theirs.to_owned()).into_iter().collect()
    }

    fn parting(outputs: &OidcProviderOutputs) -> Option<String> {
        let text = match outputs.shared {
            true => "it is not this stack's: it stays, and is only forgotten",
            false => "if roles of others trust it, it stays, without the stack's tags",
        };
        Some(text.to_owned())
    }

    async fn delete(outputs: &OidcProviderOutputs, cloud: &Cloud) -> Result<Progress> {
        let arn = &outputs.arn;
        let Some(live) = get(arn, cloud).await? else {
            return Ok(Progress::Done);
        };
        let found = tags_of(&live);
        // Asked of the provider and not of the record: somebody may have taken it over.
        if found.stack() != Some(&cloud.stack) {
            return Ok(Progress::Done);
        }
        if is_trusted_by_others(arn, cloud).await? {
            let ours = found.iter().map(|(key, _)| key).filter(|it| it.starts_with("provisioner:"));
            let ours = ours.map(str::to_owned).collect();
            untag(arn, ours, cloud).await?;
            return Ok(Progress::Done);
        }
        let request = cloud.iam.delete_open_id_connect_provider();
        request.open_id_connect_provider_arn(arn).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<OidcProviderOutputs>> {
        if arn.id_of("iam", "oidc-provider").is_none() {
            return Ok(None);
        }
        let found = get(arn.whole, cloud).await?;
        Ok(found.map(|it| OidcProviderOutputs {
            arn: arn.whole.to_owned(),
            shared: tags_of(&it).stack() != Some(&cloud.stack),
        }))
    }
}

impl OidcProvider {
    /// Its ARN, which follows from the issuer.
    pub fn arn(&self, cloud: &Cloud) -> String {
        format!("arn:{}:iam::{}:oidc-provider/{}", cloud.partition, cloud.account, self.issuer)
    }
}

async fn get(arn: &str, cloud: &Cloud) -> Result<Option<Live>> {
    let request = cloud.iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn);
    there(request.send().await)
}

async fn untag(arn: &str, keys: Vec<String>, cloud: &Cloud) -> Result<()> {
    let request = cloud.iam.untag_open_id_connect_provider().open_id_connect_provider_arn(arn);
    request.set_tag_keys(Some(keys)).send().await?;
    Ok(())
}

/// Whether a role that is not the stack's trusts the provider. IAM would delete it all the same, and leave the role to
/// nobody.
async fn is_trusted_by_others(arn: &str, cloud: &Cloud) -> Result<bool> {
    let prefix = format!("{}-", cloud.stack);
    let mut roles = cloud.iam.list_roles().into_paginator().items().send();
    while let Some(role) = roles.next().await {
        let role = role?;
        let trust = policy::parse(role.assume_role_policy_document().unwrap_or_default());
        if !policy::federated(&trust).iter().any(|it| it == arn) {
            continue;
        }
        // One of ours may be listed for a moment after its deletion. No role without our prefix is ours, and of those
        // with it, only the tags tell whether another stack's name begins like this one's.
        if !role.role_name.starts_with(&prefix) {
            return Ok(true);
        }
        let role = there(cloud.iam.get_role().role_name(role.role_name).send().await)?;
        let tags = role
            .and_then(|it| it.role)
            .map(|it| Tags::found(it.tags().iter().map(|it| (it.key(), it.value()))));
        if tags.is_some_and(|it| it.stack() != Some(&cloud.stack)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn tags_of(live: &Live) -> Tags {
    Tags::found(live.tags().iter().map(|it| (it.key(), it.value())))
}

fn tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Tag>> {
    tags.map(|(key, value)| Ok(Tag::builder().key(key).value(value).build()?)).collect()
}

impl Output<OidcProviderOutputs> {
    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}
