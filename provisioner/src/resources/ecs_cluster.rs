//! ECS cluster: where services run.

use aws_sdk_ecs::types::{
    Cluster, ClusterConfiguration, ClusterField, ClusterSetting, ClusterSettingName,
    ExecuteCommandConfiguration, ExecuteCommandLogConfiguration, ExecuteCommandLogging,
};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, ecs, there},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

/// A cluster whose sessions of ECS Exec are encrypted and logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EcsCluster {
    /// Its name, unique in account and region.
    pub name: String,
    /// CloudWatch Container Insights: `disabled`, `enabled` or `enhanced`.
    pub container_insights: String,
    /// How sessions of ECS Exec are protected.
    pub exec: ExecLogging,
    /// Its tags.
    pub tags: Tags,
}

/// How sessions of ECS Exec are encrypted and logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecLogging {
    /// ARN of the KMS key that encrypts what goes between caller and container.
    pub key_id: Output<String>,
    /// Name of the log group that sessions are logged to; it must be encrypted.
    pub log_group: Output<String>,
}

/// What others need of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EcsClusterOutputs {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl Resource for EcsCluster {
    type Outputs = EcsClusterOutputs;
    const KIND: Kind = Kind::EcsCluster;
    const REPLACED_BY: &'static [&'static str] = &["name"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut cluster = None;
        if let Some(it) = recorded {
            cluster = describe(&it.outputs.name, cloud).await?;
        }
        if cluster.is_none() {
            cluster = describe(&self.name, cloud).await?;
        }
        let Some(cluster) = cluster else {
            return Ok(Found::Nothing);
        };
        let insights = cluster
            .settings()
            .iter()
            .find(|it| it.name == Some(ClusterSettingName::ContainerInsights));
        let insights =
            insights.and_then(|it| it.value.clone()).unwrap_or_else(|| "disabled".to_owned());
        let live = ecs::found(cluster.tags());
        let existing = Existing {
            inputs: Self {
                name: cluster.cluster_name.clone().unwrap_or_default(),
                container_insights: insights,
                exec: ExecLogging::found(
                    cluster.configuration.unwrap_or_else(empty).execute_command_configuration,
                ),
                tags: live.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs: outputs(cluster.cluster_name, cluster.cluster_arn)?,
        };
        Ok(live.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.ecs.create_cluster().cluster_name(&self.name);
        let request = request.settings(self.settings()).configuration(self.configuration()?);
        let answer = request.set_tags(Some(ecs::tags(self.tags.iter()))).send().await?;
        let cluster = answer.cluster.ok_or_else(|| Error::missing("cluster"))?;
        Ok(Existing {
            inputs: self.clone(),
            outputs: outputs(cluster.cluster_name, cluster.cluster_arn)?,
        })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<EcsClusterOutputs> {
        let old = &existing.inputs;
        if (&self.container_insights, &self.exec) != (&old.container_insights, &old.exec) {
            let request = cloud.ecs.update_cluster().cluster(&self.name);
            request.settings(self.settings()).configuration(self.configuration()?).send().await?;
        }
        if self.tags != old.tags {
            ecs::sync_tags(&existing.outputs.arn, &self.tags, &old.tags, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &EcsClusterOutputs, cloud: &Cloud) -> Result<Progress> {
        cloud.ecs.delete_cluster().cluster(&outputs.name).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<EcsClusterOutputs>> {
        let Some(name) = arn.id_of("ecs", "cluster") else { return Ok(None) };
        let found = describe(name, cloud).await?;
        found.map(|it| outputs(it.cluster_name, it.cluster_arn)).transpose()
    }

    async fn held_by(outputs: &EcsClusterOutputs, cloud: &Cloud) -> Result<Vec<String>> {
        let services = cloud.ecs.list_services().cluster(&outputs.name).into_paginator().items();
        let services: Vec<String> = services.send().try_collect().await?;
        let tasks = cloud.ecs.list_tasks().cluster(&outputs.name).into_paginator().items();
        let tasks: Vec<String> = tasks.send().try_collect().await?;
        let last = |arn: &String| arn.rsplit('/').next().unwrap_or_default().to_owned();
        let services = services.iter().map(|it| format!("service {}", last(it)));
        Ok(services.chain(tasks.iter().map(|it| format!("task {}", last(it)))).collect())
    }
}

impl EcsCluster {
    fn settings(&self) -> ClusterSetting {
        let setting = ClusterSetting::builder().name(ClusterSettingName::ContainerInsights);
        setting.value(&self.container_insights).build()
    }

    fn configuration(&self) -> Result<ClusterConfiguration> {
        let log = ExecuteCommandLogConfiguration::builder()
            .cloud_watch_log_group_name(self.exec.log_group.get()?)
            .cloud_watch_encryption_enabled(true)
            .build();
        let exec = ExecuteCommandConfiguration::builder()
            .kms_key_id(self.exec.key_id.get()?)
            .logging(ExecuteCommandLogging::Override)
            .log_configuration(log)
            .build();
        Ok(ClusterConfiguration::builder().execute_command_configuration(exec).build())
    }
}

impl ExecLogging {
    /// What is configured; a log group that is not used, or not as we would, carries a remark and so equals none.
    fn found(live: Option<ExecuteCommandConfiguration>) -> Self {
        let key_id = live.as_ref().and_then(|it| it.kms_key_id.clone()).unwrap_or_default();
        let logging = live
            .as_ref()
            .and_then(|it| it.logging.clone())
            .unwrap_or(ExecuteCommandLogging::Default);
        let log = live.and_then(|it| it.log_configuration);
        let encrypted = log.as_ref().is_some_and(|it| it.cloud_watch_encryption_enabled);
        let bucket = log.as_ref().and_then(|it| it.s3_bucket_name.clone());
        let mut log_group = log.and_then(|it| it.cloud_watch_log_group_name).unwrap_or_default();
        if !log_group.is_empty() && !encrypted {
            log_group.push_str(" (need not be encrypted)");
        }
        if let Some(bucket) = bucket {
            log_group = format!("{log_group} (and the bucket {bucket})");
        }
        if logging != ExecuteCommandLogging::Override {
            log_group = format!("{log_group} (logging: {logging})");
        }
        Self { key_id: key_id.into(), log_group: log_group.trim().to_owned().into() }
    }
}

/// A cluster that is there; ECS remembers deleted ones for a while.
async fn describe(name: &str, cloud: &Cloud) -> Result<Option<Cluster>> {
    use ClusterField::{Configurations, Settings, Tags};
    let request = cloud.ecs.describe_clusters().clusters(name);
    let answer =
        there(request.set_include(Some(vec![Configurations, Settings, Tags])).send().await)?;
    let clusters = answer.and_then(|it| it.clusters).unwrap_or_default();
    Ok(clusters.into_iter().find(|it| it.status() != Some(ecs::INACTIVE)))
}

fn empty() -> ClusterConfiguration {
    ClusterConfiguration::builder().build()
}

fn outputs(name: Option<String>, arn: Option<String>) -> Result<EcsClusterOutputs> {
    let name = name.ok_or_else(|| Error::missing("cluster name"))?;
    let arn = arn.ok_or_else(|| Error::missing("cluster ARN"))?;
    Ok(EcsClusterOutputs { name, arn })
}

impl Output<EcsClusterOutputs> {
    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }

    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}
