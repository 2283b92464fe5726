//! CloudWatch log group: where a container's output goes.

use aws_sdk_cloudwatchlogs::types::LogGroup as Live;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

/// A log group, encrypted with a key of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    /// Its name, unique in account and region.
    pub name: String,
    /// How long events are kept; `None`: for ever.
    pub retention_days: Option<i32>,
    /// ARN of the KMS key. Its policy must let CloudWatch Logs use it for this very group.
    pub key_arn: Output<Option<String>>,
    /// Its tags.
    pub tags: Tags,
}

/// What others need of a log group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogGroupOutputs {
    /// Its name.
    pub name: String,
    /// Its ARN, without the `:*` that some calls append.
    pub arn: String,
}

impl Resource for LogGroup {
    type Outputs = LogGroupOutputs;
    const KIND: Kind = Kind::LogGroup;
    const REPLACED_BY: &'static [&'static str] = &["name"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut group = None;
        if let Some(it) = recorded {
            group = describe(&it.outputs.name, cloud).await?;
        }
        if group.is_none() {
            group = describe(&self.name, cloud).await?;
        }
        let Some(group) = group else {
            return Ok(Found::Nothing);
        };
        let name = group.log_group_name.ok_or_else(|| Error::missing("log group name"))?;
        let arn = group.log_group_arn.unwrap_or_else(|| arn(&name, cloud));
        let live = cloud.logs.list_tags_for_resource().resource_arn(&arn).send().await?;
        let live = Tags::found(live.tags().cloned().unwrap_or_default());
        let existing = Existing {
            inputs: Self {
                name: name.clone(),
                retention_days: group.retention_in_days,
                key_arn: group.kms_key_id.into(),
                tags: live.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs: LogGroupOutputs { name, arn },
        };
        Ok(live.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.logs.create_log_group().log_group_name(&self.name);
        request
            .set_kms_key_id(self.key_arn.get()?)
            .set_tags(Some(self.tags.to_map()))
            .send()
            .await?;
        Ok(Existing {
            inputs: Self { retention_days: None, ..self.clone() },
            outputs: LogGroupOutputs { name: self.name.clone(), arn: arn(&self.name, cloud) },
        })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<LogGroupOutputs> {
        if self.retention_days != existing.inputs.retention_days {
            self.sync_retention(cloud).await?;
        }
        if self.key_arn != existing.inputs.key_arn {
            self.sync_key(cloud).await?;
        }
        if self.tags != existing.inputs.tags {
            self.sync_tags(existing, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &LogGroupOutputs, cloud: &Cloud) -> Result<Progress> {
        cloud.logs.delete_log_group().log_group_name(&outputs.name).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<LogGroupOutputs>> {
        let Some(name) = arn.id_of("logs", "log-group") else { return Ok(None) };
        let found = describe(name, cloud).await?;
        Ok(found.map(|_| LogGroupOutputs { name: name.to_owned(), arn: arn.whole.to_owned() }))
    }
}

impl LogGroup {
    async fn sync_retention(&self, cloud: &Cloud) -> Result<()> {
        match self.retention_days {
            Some(days) => {
                let request = cloud.logs.put_retention_policy().log_group_name(&self.name);
                request.retention_in_days(days).send().await?;
            }
            None => {
                cloud.logs.delete_retention_policy().log_group_name(&self.name).send().await?;
            }
        }
        Ok(())
    }

    async fn sync_key(&self, cloud: &Cloud) -> Result<()> {
        match self.key_arn.get()? {
            Some(key) => {
                cloud
                    .logs
                    .associate_kms_key()
                    .log_group_name(&self.name)
                    .kms_key_id(key)
                    .send()
                    .await?;
            }
            None => {
                cloud.logs.disassociate_kms_key().log_group_name(&self.name).send().await?;
            }
        }
        Ok(())
    }

    async fn sync_tags(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<()> {
        let (arn, old) = (&existing.outputs.arn, &existing.inputs.tags);
        let set = self.tags.to_set(old);
        if !set.is_empty() {
            let tags = set.into_iter().collect();
            cloud.logs.tag_resource().resource_arn(arn).set_tags(Some(tags)).send().await?;
        }
        let remove = self.tags.to_remove(old);
        if !remove.is_empty() {
            cloud.logs.untag_resource().resource_arn(arn).set_tag_keys(Some(remove)).send().await?;
        }
        Ok(())
    }
}

async fn describe(name: &str, cloud: &Cloud) -> Result<Option<Live>> {
    let page = cloud.logs.describe_log_groups().log_group_name_prefix(name).send().await?;
    // The search is by prefix: `gsm` also finds `gsm-old`. The exact name sorts first, so it is on the first page.
    let mut groups = page.log_groups.unwrap_or_default().into_iter();
    Ok(groups.find(|it| it.log_group_name() == Some(name)))
}

fn arn(name: &str, cloud: &Cloud) -> String {
    cloud.arn("logs", &format!("log-group:{name}"))
}

impl Output<LogGroupOutputs> {
    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }

    /// Its ARN, without the `:*` that some calls append.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}
