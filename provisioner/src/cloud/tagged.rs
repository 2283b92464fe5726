//! What carries a stack's tags, whoever remembers it.

use aws_sdk_resourcegroupstagging::types::TagFilter;

use super::{Arn, Cloud, Tags, ec2, policy, tags::STACK, there};
use crate::engine::Result;

/// Something that carries the stack's tags, or may do so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// Its ARN.
    pub arn: String,
    /// Its tags, among them the name in the program. `None`: only a look at it tells whether it has any.
    pub tags: Option<Tags>,
}

impl Tagged {
    /// The name in the program, if that is known without a look.
    pub fn resource(&self) -> Option<&str> {
        self.tags.as_ref().and_then(Tags::resource)
    }
}

impl Cloud {
    /// Everything that Resource Groups Tagging lists as the stack's, and what has a name as the stack gives it in IAM,
    /// of which Resource Groups Tagging knows nothing. An OIDC provider has no such name, but roles that trust it do.
    ///
    /// The list lags behind: what was deleted some minutes ago may still be in it, and what is new not yet.
    ///
    /// # Errors
    ///
    /// When one of the services cannot be asked.
    pub async fn tagged(&self) -> Result<Vec<Tagged>> {
        let (mut tagged, named) = futures::try_join!(self.with_tags(), self.with_names())?;
        tagged.extend(named);
        tagged.sort_by(|a, b| a.arn.cmp(&b.arn));
        Ok(tagged)
    }

    /// The tags of something in IAM, if they say that it is the stack's.
    ///
    /// # Errors
    ///
    /// When IAM cannot be asked.
    pub async fn tags_in_iam(&self, arn: Arn<'_>) -> Result<Option<Tags>> {
        let tags = if let Some(name) = arn.id_of("iam", "role") {
            let found = there(self.iam.get_role().role_name(name).send().await)?;
            found.and_then(|it| it.role).and_then(|it| it.tags)
        } else if let Some(name) = arn.id_of("iam", "instance-profile") {
            let request = self.iam.get_instance_profile().instance_profile_name(name);
            there(request.send().await)?.and_then(|it| it.instance_profile).and_then(|it| it.tags)
        } else if arn.id_of("iam", "oidc-provider").is_some() {
            let request = self.iam.get_open_id_connect_provider();
            let request = request.open_id_connect_provider_arn(arn.whole);
            there(request.send().await)?.and_then(|it| it.tags)
        } else {
            None
        };
        let tags = Tags::found(tags.iter().flatten().map(|it| (it.key(), it.value())));
        Ok((tags.stack() == Some(&self.stack)).then_some(tags))
    }

    /// Whether this is a volume that is there: one of an instance goes with it, unless somebody wanted it to stay.
    ///
    /// # Errors
    ///
    /// When EC2 cannot be asked.
    pub async fn is_volume(&self, arn: &str) -> Result<bool> {
        let Some(id) = Arn::parse(arn).and_then(|it| it.id_of("ec2", "volume")) else {
            return Ok(false);
        };
        let request = self.ec2.describe_volumes().filters(ec2::filter("volume-id", id));
        Ok(!request.send().await?.volumes().is_empty())
    }

    async fn with_tags(&self) -> Result<Vec<Tagged>> {
        let filter = TagFilter::builder().key(STACK).values(&self.stack).build();
        let mut found =
            self.tagging.get_resources().tag_filters(filter).into_paginator().items().send();
        let mut tagged = Vec::new();
        while let Some(found) = found.next().await {
            let found = found?;
            let tags = Tags::found(found.tags().iter().map(|it| (it.key(), it.value())));
            tagged.extend(found.resource_arn.map(|arn| Tagged { arn, tags: Some(tags) }));
        }
        Ok(tagged)
    }

    async fn with_names(&self) -> Result<Vec<Tagged>> {
        let prefix = format!("{}-", self.stack);
        let mut named = Vec::new();
        let mut roles = self.iam.list_roles().into_paginator().items().send();
        while let Some(role) = roles.next().await {
            let role = role?;
            if role.role_name.starts_with(&prefix) {
                let trust = policy::parse(role.assume_role_policy_document().unwrap_or_default());
                let trusted = policy::federated(&trust).into_iter();
                named.extend(trusted.map(|arn| Tagged { arn, tags: None }));
                named.push(Tagged { arn: role.arn, tags: None });
            }
        }
        let mut profiles = self.iam.list_instance_profiles().into_paginator().items().send();
        while let Some(profile) = profiles.next().await {
            let profile = profile?;
            if profile.instance_profile_name.starts_with(&prefix) {
                named.push(Tagged { arn: profile.arn, tags: None });
            }
        }
        Ok(named)
    }
}
