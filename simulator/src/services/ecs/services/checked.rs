//! What a request says of a service, and whether ECS takes it.

use serde::Deserialize;

use super::{Balancer, Network, Revision, Rolling, Service};
use crate::{
    refusal::Refusal,
    services::{
        ec2,
        ecs::{invalid, task_definitions},
        elb,
    },
    world::Context,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NetworkInput {
    awsvpc_configuration: Awsvpc,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Awsvpc {
    subnets: Vec<String>,
    #[serde(default)]
    security_groups: Vec<String>,
    assign_public_ip: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RollingInput {
    deployment_circuit_breaker: Option<Breaker>,
    maximum_percent: Option<u32>,
    minimum_healthy_percent: Option<u32>,
    #[serde(rename = "strategy")]
    _strategy: Option<Strategy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaker {
    enable: bool,
    rollback: bool,
}

#[derive(Deserialize)]
enum Strategy {
    #[serde(rename = "ROLLING")]
    Rolling,
}

#[derive(Deserialize)]
pub(super) enum LaunchType {
    #[serde(rename = "FARGATE")]
    Fargate,
}

impl Service {
    pub(super) fn check(&self, cx: &Context<'_>, revision: &Revision) -> Result<(), Refusal> {
        if self.grace.is_some_and(|it| it > 0) && revision.balancers.is_empty() {
            return Err(invalid(
                "Health check grace period is only valid for services configured to use load balancers",
            ));
        }
        let Some(definition) = task_definitions::of(cx, &revision.task_definition) else {
            return Ok(());
        };
        if self.exec && definition.task_role_arn.is_none() {
            return Err(invalid(
                "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again.",
            ));
        }
        for balancer in &revision.balancers {
            let Balancer { target_group_arn, container_name: name, container_port: port } =
                balancer;
            let containers = &definition.container_definitions;
            let Some(container) = containers.iter().find(|it| it.name == *name) else {
                return Err(invalid(format!(
                    "The container {name} does not exist in the task definition."
                )));
            };
            if !container.port_mappings.iter().any(|it| it.container_port == *port) {
                return Err(invalid(format!(
                    "The container {name} did not have a container port {port} defined."
                )));
            }
            match elb::target_group_in_use(cx, target_group_arn) {
                Some(true) => {}
                Some(false) => {
                    return Err(invalid(format!(
                        "The target group with targetGroupArn {target_group_arn} does not have an associated load balancer."
                    )));
                }
                None => {
                    return Err(invalid(format!(
                        "The specified target group does not exist. (targetGroupArn {target_group_arn})"
                    )));
                }
            }
        }
        Ok(())
    }
}

impl NetworkInput {
    pub(super) fn checked(self, cx: &Context<'_>) -> Result<Network, Refusal> {
        let Awsvpc { subnets, mut security_groups, assign_public_ip } = self.awsvpc_configuration;
        if subnets.is_empty() {
            return Err(invalid("subnets can not be empty."));
        }
        if subnets.len() > 16 {
            return Err(invalid("subnets can have at most 16 items."));
        }
        if security_groups.len() > 5 {
            return Err(invalid("securityGroups can have at most 5 items."));
        }
        let mut vpc = None;
        for subnet in &subnets {
            let found = ec2::subnet(cx, subnet).ok_or_else(|| {
                invalid(format!(
                    "Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist (ErrorCode: InvalidSubnetID.NotFound)"
                ))
            })?;
            if vpc.get_or_insert_with(|| found.vpc.clone()) != &found.vpc {
                return Err(invalid("All subnets must be in the same VPC."));
            }
        }
        for group in &security_groups {
            let found = ec2::security_group_vpc(cx, group).ok_or_else(|| {
                invalid(format!(
                    "Error retrieving security group information for [{group}]: The security group '{group}' does not exist (ErrorCode: InvalidGroup.NotFound)"
                ))
            })?;
            if vpc.as_ref() != Some(&found) {
                return Err(invalid("Subnets and security groups must be in the same VPC."));
            }
        }
        if security_groups.is_empty() {
            let usual = vpc.and_then(|it| ec2::default_security_group(cx, &it));
            security_groups.extend(usual);
        }
        let public = assign_public_ip.as_deref() == Some("ENABLED");
        Ok(Network { subnets, security_groups, public })
    }
}

impl Rolling {
    /// The same with what a request says.
    pub(super) fn with(self, input: Option<RollingInput>) -> Result<Self, Refusal> {
        let Some(RollingInput {
            deployment_circuit_breaker,
            maximum_percent,
            minimum_healthy_percent,
            _strategy: _,
        }) = input
        else {
            return Ok(self);
        };
        let breaker = deployment_circuit_breaker.map(|it| (it.enable, it.rollback));
        let (breaker, rollback) = breaker.unwrap_or((self.breaker, self.rollback));
        let minimum = minimum_healthy_percent.unwrap_or(self.minimum);
        let maximum = maximum_percent.unwrap_or(self.maximum);
        if maximum <= 100 && minimum >= 100 {
            return Err(invalid(
                "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
            ));
        }
        if minimum > maximum {
            return Err(invalid("maximumPercent must not be less than minimumHealthyPercent."));
        }
        Ok(Self { minimum, maximum, breaker, rollback })
    }
}
