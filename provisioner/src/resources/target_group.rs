//! Target group: the running copies of one service, as the load balancer sees them, or instances.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, TargetDescription, TargetGroup as Live, TargetGroupAttribute,
    TargetHealthReasonEnum, TargetHealthStateEnum, TargetTypeEnum,
};
use futures::future::try_join3;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, elb, there},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

/// A target group.
///
/// A replacement is created first, so what forces one must be part of the name: two of one name cannot be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Its name, unique in account and region: at most 32 letters, digits and hyphens.
    pub name: String,
    /// Where targets listen, if they do not say so themselves; ECS does.
    pub port: i32,
    /// `HTTP`: what the load balancer speaks with the targets.
    pub protocol: String,
    /// What a target is: `ip`, as Fargate's tasks have no other identity, or `instance`.
    pub target_type: String,
    /// Id of the VPC that the targets are in.
    pub vpc_id: Output<String>,
    /// How the load balancer finds out which targets work.
    pub health_check: TargetHealthCheck,
    /// How targets come and go.
    pub attributes: TargetGroupAttributes,
    /// The ids of the instances that are its targets; what is found at another port than the group's is `ID:PORT`.
    /// Addresses are none of ours: ECS registers its tasks itself.
    #[serde(default = "nobody")]
    pub instance_ids: Output<Vec<String>>,
    /// Its tags.
    pub tags: Tags,
}

/// How a load balancer finds out which targets work. The default is what AWS creates a target group with, by
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetHealthCheck {
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// A port, or `traffic-port`: where each target gets its requests.
    pub port: String,
    /// What is asked for.
    pub path: String,
    /// The status codes of a healthy target: `200`, `200,302`, `200-299`.
    pub matcher: String,
    /// Seconds between two checks, 5 to 300.
    pub interval_seconds: i32,
    /// Seconds without an answer after which a check has failed, 2 to 120, less than the interval.
    pub timeout_seconds: i32,
    /// How many checks in a row must succeed before a target is healthy, 2 to 10.
    pub healthy_threshold: i32,
    /// How many checks in a row must fail before a target is unhealthy, 2 to 10.
    pub unhealthy_threshold: i32,
}

/// How targets come and go. The default is what AWS creates a target group with, by
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html>.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetGroupAttributes {
    /// Seconds that a target has for the requests it is still at when it is taken out, 0 to 3600.
    pub deregistration_delay_seconds: i32,
    /// Seconds in which a new target gets a growing share of the requests: 0, or 30 to 900.
    pub slow_start_seconds: i32,
    /// A client's requests go to the same target as long as it lives.
    pub stickiness: bool,
}

/// What others need of a target group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetGroupOutputs {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
}

impl Default for TargetHealthCheck {
    fn default() -> Self {
        Self {
            protocol: ProtocolEnum::Http.as_str().to_owned(),
            port: "traffic-port".to_owned(),
            path: "/".to_owned(),
            matcher: "200".to_owned(),
            interval_seconds: 30,
            timeout_seconds: 6,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
        }
    }
}

impl Default for TargetGroupAttributes {
    fn default() -> Self {
        Self { deregistration_delay_seconds: 300, slow_start_seconds: 0, stickiness: false }
    }
}

impl Resource for TargetGroup {
    type Outputs = TargetGroupOutputs;
    const KIND: Kind = Kind::TargetGroup;
    const REPLACED_BY: &'static [&'static str] =
        &["name", "port", "protocol", "target_type", "vpc_id"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut live = None;
        if let Some(it) = recorded {
            live = by_arn(&it.outputs.arn, cloud).await?;
        }
        if live.is_none() {
            let found = cloud.elb.describe_target_groups().names(&self.name).send().await;
            live = there(found)?.and_then(|it| it.target_groups.unwrap_or_default().pop());
        }
        let Some(live) = live else {
            return Ok(Found::Nothing);
        };
        let outputs = outputs(&live)?;
        let (attributes, tags, instance_ids) = try_join3(
            attributes(&outputs.arn, cloud),
            elb::found(&outputs.arn, cloud),
            instances(&live, cloud),
        )
        .await?;
        let existing = Existing {
            inputs: Self {
                name: outputs.name.clone(),
                port: live.port().unwrap_or_default(),
                protocol: live.protocol().map_or("", ProtocolEnum::as_str).to_owned(),
                target_type: live.target_type().map_or("", TargetTypeEnum::as_str).to_owned(),
                vpc_id: live.vpc_id().unwrap_or_default().into(),
                health_check: TargetHealthCheck::as_found(&live),
                attributes,
                instance_ids: instance_ids.into(),
                tags: tags.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs,
        };
        Ok(tags.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let check = &self.health_check;
        let request = cloud
            .elb
            .create_target_group()
            .name(&self.name)
            .port(self.port)
            .vpc_id(self.vpc_id.get()?);
        let request = request.protocol(ProtocolEnum::from(self.protocol.as_str()));
        let request = request.target_type(TargetTypeEnum::from(self.target_type.as_str()));
        let request = request
            .health_check_protocol(ProtocolEnum::from(check.protocol.as_str()))
            .health_check_port(&check.port)
            .health_check_path(&check.path)
            .matcher(Matcher::builder().http_code(&check.matcher).build())
            .health_check_interval_seconds(check.interval_seconds)
            .health_check_timeout_seconds(check.timeout_seconds)
            .healthy_threshold_count(check.healthy_threshold)
            .unhealthy_threshold_count(check.unhealthy_threshold);
        let answer = request.set_tags(Some(elb::tags(&self.tags))).send().await?;
        let live = answer.target_groups().first().ok_or_else(|| Error::missing("target group"))?;
        Ok(Existing {
            inputs: Self {
                attributes: TargetGroupAttributes::default(),
                instance_ids: nobody(),
                ..self.clone()
            },
            outputs: outputs(live)?,
        })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<TargetGroupOutputs> {
        let (arn, old) = (&existing.outputs.arn, &existing.inputs);
        if self.health_check != old.health_check {
            self.sync_health_check(arn, cloud).await?;
        }
        if self.attributes != old.attributes {
            self.sync_attributes(arn, &old.attributes, cloud).await?;
        }
        if self.instance_ids != old.instance_ids {
            self.sync_instances(arn, &old.instance_ids.get()?, cloud).await?;
        }
        if self.tags != old.tags {
            elb::sync_tags(arn, &self.tags, &old.tags, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &TargetGroupOutputs, cloud: &Cloud) -> Result<Progress> {
        // Refused while a listener or a rule forwards to it; those of ours are deleted before it.
        cloud.elb.delete_target_group().target_group_arn(&outputs.arn).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<TargetGroupOutputs>> {
        let Some(_) = arn.id_of("elasticloadbalancing", "targetgroup") else { return Ok(None) };
        let found = by_arn(arn.whole, cloud).await?;
        Ok(found.map(|it| TargetGroupOutputs {
            arn: arn.whole.to_owned(),
            name: it.target_group_name.unwrap_or_default(),
        }))
    }

    async fn held_by(outputs: &TargetGroupOutputs, cloud: &Cloud) -> Result<Vec<String>> {
        let live = by_arn(&outputs.arn, cloud).await?;
        let load_balancers = live.and_then(|it| it.load_balancer_arns).unwrap_or_default();
        Ok(load_balancers
            .iter()
            .map(|it| format!("listeners or rules of the load balancer {it}"))
            .collect())
    }
}

impl TargetGroup {
    async fn sync_health_check(&self, arn: &str, cloud: &Cloud) -> Result<()> {
        let check = &self.health_check;
        let request = cloud.elb.modify_target_group().target_group_arn(arn);
        let request = request
            .health_check_protocol(ProtocolEnum::from(check.protocol.as_str()))
            .health_check_port(&check.port)
            .health_check_path(&check.path)
            .matcher(Matcher::builder().http_code(&check.matcher).build())
            .health_check_interval_seconds(check.interval_seconds)
            .health_check_timeout_seconds(check.timeout_seconds)
            .healthy_threshold_count(check.healthy_threshold)
            .unhealthy_threshold_count(check.unhealthy_threshold);
        request.send().await?;
        Ok(())
    }

    async fn sync_attributes(
        &self,
        arn: &str,
        old: &TargetGroupAttributes,
        cloud: &Cloud,
    ) -> Result<()> {
        let old = old.as_aws_says();
        let changed = self.attributes.as_aws_says().into_iter().filter(|it| !old.contains(it));
        let changed = changed
            .map(|(key, value)| TargetGroupAttribute::builder().key(key).value(value).build());
        let request = cloud.elb.modify_target_group_attributes().target_group_arn(arn);
        request.set_attributes(Some(changed.collect())).send().await?;
        Ok(())
    }
}

impl TargetGroup {
    /// The new ones first: somebody is always there.
    async fn sync_instances(&self, arn: &str, old: &[String], cloud: &Cloud) -> Result<()> {
        let wanted = self.instance_ids.get()?;
        let target = |it: &String| {
            let (id, port) = it
                .split_once(':')
                .map_or((it.as_str(), None), |(id, port)| (id, port.parse().ok()));
            TargetDescription::builder().id(id).set_port(port).build()
        };
        let come: Vec<_> = wanted.iter().filter(|it| !old.contains(it)).map(target).collect();
        if !come.is_empty() {
            let request = cloud.elb.register_targets().target_group_arn(arn);
            request.set_targets(Some(come)).send().await?;
        }
        let go: Vec<_> = old.iter().filter(|it| !wanted.contains(it)).map(target).collect();
        if !go.is_empty() {
            let request = cloud.elb.deregister_targets().target_group_arn(arn);
            there(request.set_targets(Some(go)).send().await)?;
        }
        Ok(())
    }
}

impl TargetHealthCheck {
    fn as_found(live: &Live) -> Self {
        Self {
            protocol: live.health_check_protocol().map_or("", ProtocolEnum::as_str).to_owned(),
            port: live.health_check_port().unwrap_or_default().to_owned(),
            path: live.health_check_path().unwrap_or_default().to_owned(),
            matcher: live.matcher().and_then(|it| it.http_code()).unwrap_or_default().to_owned(),
            interval_seconds: live.health_check_interval_seconds().unwrap_or_default(),
            timeout_seconds: live.health_check_timeout_seconds().unwrap_or_default(),
            healthy_threshold: live.healthy_threshold_count().unwrap_or_default(),
            unhealthy_threshold: live.unhealthy_threshold_count().unwrap_or_default(),
        }
    }
}

impl TargetGroupAttributes {
    const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
    const SLOW_START: &str = "slow_start.duration_seconds";
    const STICKINESS: &str = "stickiness.enabled";

    fn as_aws_says(&self) -> [(&'static str, String); 3] {
        [
            (Self::DEREGISTRATION_DELAY, self.deregistration_delay_seconds.to_string()),
            (Self::SLOW_START, self.slow_start_seconds.to_string()),
            (Self::STICKINESS, self.stickiness.to_string()),
        ]
    }

    fn as_found(found: &BTreeMap<String, String>) -> Self {
        let default = Self::default();
        let seconds =
            |key: &str, default| found.get(key).and_then(|it| it.parse().ok()).unwrap_or(default);
        Self {
            deregistration_delay_seconds: seconds(
                Self::DEREGISTRATION_DELAY,
                default.deregistration_delay_seconds,
            ),
            slow_start_seconds: seconds(Self::SLOW_START, default.slow_start_seconds),
            stickiness: found.get(Self::STICKINESS).map_or(default.stickiness, |it| it == "true"),
        }
    }
}

async fn by_arn(arn: &str, cloud: &Cloud) -> Result<Option<Live>> {
    let found = cloud.elb.describe_target_groups().target_group_arns(arn).send().await;
    Ok(there(found)?.and_then(|it| it.target_groups.unwrap_or_default().pop()))
}

fn nobody() -> Output<Vec<String>> {
    Vec::new().into()
}

/// The instances that are registered, healthy or not. One that is leaving has left; one that has been terminated is
/// forgotten by AWS sooner or later, and meanwhile there to be taken out.
async fn instances(live: &Live, cloud: &Cloud) -> Result<Vec<String>> {
    if live.target_type() != Some(&TargetTypeEnum::Instance) {
        return Ok(Vec::new());
    }
    let request = cloud.elb.describe_target_health();
    let found =
        request.target_group_arn(live.target_group_arn().unwrap_or_default()).send().await?;
    let found = found.target_health_descriptions.unwrap_or_default().into_iter();
    let staying = found.filter(|it| {
        let health = it.target_health();
        health.and_then(|it| it.state()) != Some(&TargetHealthStateEnum::Draining)
            && health.and_then(|it| it.reason()) != Some(&TargetHealthReasonEnum::NotRegistered)
    });
    let mut ids: Vec<_> = staying
        .filter_map(|it| {
            let TargetDescription { id, port, .. } = it.target?;
            // To take one out AWS wants to be told its port if that is another than the group's.
            Some(match (id?, port.filter(|it| live.port() != Some(*it))) {
                (id, Some(port)) => format!("{id}:{port}"),
                (id, None) => id,
            })
        })
        .collect();
    ids.sort();
    Ok(ids)
}

async fn attributes(arn: &str, cloud: &Cloud) -> Result<TargetGroupAttributes> {
    let found = cloud.elb.describe_target_group_attributes().target_group_arn(arn).send().await?;
    let found = found.attributes.unwrap_or_default().into_iter();
    Ok(TargetGroupAttributes::as_found(&found.filter_map(|it| it.key.zip(it.value)).collect()))
}

fn outputs(live: &Live) -> Result<TargetGroupOutputs> {
    Ok(TargetGroupOutputs {
        arn: live
            .target_group_arn()
            .ok_or_else(|| Error::missing("target group's ARN"))?
            .to_owned(),
        name: live.target_group_name().unwrap_or_default().to_owned(),
    })
}

impl Output<TargetGroupOutputs> {
    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }

    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_they_are_written() {
        let ours = TargetGroupAttributes {
            deregistration_delay_seconds: 10,
            slow_start_seconds: 30,
            stickiness: true,
        };
        let said =
            ours.as_aws_says().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        assert_eq!(TargetGroupAttributes::as_found(&said), ours);
        assert_eq!(
            TargetGroupAttributes::as_found(&BTreeMap::new()),
            TargetGroupAttributes::default()
        );
    }
}
