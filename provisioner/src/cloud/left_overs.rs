//! What still carries a stack's tags after it was destroyed.

use aws_sdk_ecs::types::TaskDefinitionStatus;
use aws_sdk_kms::types::KeyState;
use aws_sdk_resourcegroupstagging::types::TagFilter;

use super::{Cloud, tags::STACK};
use crate::engine::{Class, Error, Result};

impl Cloud {
    /// The ARNs of everything that carries the stack's tags and is really there.
    ///
    /// Resource Groups Tagging knows no things of IAM, and lags behind: it goes on listing what was terminated, made
    /// inactive or scheduled for deletion. So each kind of which that is known is asked for.
    ///
    /// # Errors
    ///
    /// When one of the services cannot be asked.
    pub async fn left_overs(&self) -> Result<Vec<String>> {
        let filter = TagFilter::builder().key(STACK).values(&self.stack).build();
        let mut found =
            self.tagging.get_resources().tag_filters(filter).into_paginator().items().send();
        let mut left = Vec::new();
        while let Some(found) = found.next().await {
            let Some(arn) = found?.resource_arn else { continue };
            match self.is_there(&arn).await {
                Ok(false) => {}
                Err(error) if error.class() == Class::Gone => {}
                Ok(true) => left.push(arn),
                Err(error) => return Err(error),
            }
        }
        left.sort();
        Ok(left)
    }

    async fn is_there(&self, arn: &str) -> Result<bool> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, resource) =
            (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
        let (kind, id) = resource.split_once('/').unwrap_or((resource, ""));
        match (service, kind) {
            ("ec2", "instance") => self.instance_is_there(id).await,
            // A volume that goes with its instance is listed on its own for a while.
            ("ec2", "volume") => {
                Ok(!self.ec2.describe_volumes().volume_ids(id).send().await?.volumes().is_empty())
            }
            ("ecs", "cluster") => {
                let answer = self.ecs.describe_clusters().clusters(arn).send().await?;
                Ok(answer.clusters().iter().any(|it| it.status() == Some("ACTIVE")))
            }
            ("ecs", "service") => {
                let cluster = id.split('/').next().unwrap_or_default();
                let answer =
                    self.ecs.describe_services().cluster(cluster).services(arn).send().await?;
                Ok(answer.services().iter().any(|it| it.status() != Some("INACTIVE")))
            }
            ("ecs", "task-definition") => {
                let answer = self.ecs.describe_task_definition().task_definition(arn).send().await;
                match answer.map_err(Error::from) {
                    Ok(it) => Ok(it.task_definition().and_then(|it| it.status())
                        == Some(&TaskDefinitionStatus::Active)),
                    // ECS says so of a revision that is gone.
                    Err(Error::Api(it)) if it.code == "ClientException" => Ok(false),
                    Err(error) => Err(error),
                }
            }
            // Its tasks ended with the service.
            ("ecs", "task" | "service-deployment" | "service-revision") => Ok(false),
            ("kms", "key") => {
                let answer = self.kms.describe_key().key_id(id).send().await?;
                let state = answer.key_metadata().and_then(|it| it.key_state());
                Ok(!matches!(state, Some(KeyState::PendingDeletion)))
            }
            ("elasticloadbalancing", "loadbalancer") => {
                let answer =
                    self.elb.describe_load_balancers().load_balancer_arns(arn).send().await?;
                Ok(!answer.load_balancers().is_empty())
            }
            ("elasticloadbalancing", "targetgroup") => {
                let answer =
                    self.elb.describe_target_groups().target_group_arns(arn).send().await?;
                Ok(!answer.target_groups().is_empty())
            }
            _ => Ok(true),
        }
    }

    async fn instance_is_there(&self, id: &str) -> Result<bool> {
        let answer = self.ec2.describe_instances().instance_ids(id).send().await?;
        let mut instances = answer.reservations().iter().flat_map(|it| it.instances());
        let state = |it: &aws_sdk_ec2::types::Instance| {
            it.state().and_then(|it| it.name()).map(|it| it.as_str().to_owned())
        };
        Ok(instances
            .any(|it| !matches!(state(it).as_deref(), Some("terminated" | "shutting-down"))))
    }
}
