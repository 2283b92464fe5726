//! How a service, and what belongs to it, is shown; DescribeServices and ListServices.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Network, Revision, Rolling, Service, Status};
use crate::{
    refusal::Answer,
    services::ecs::{clusters, deployments, invalid, paged, short, tags::rendered},
    world::Context,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::services::ecs) struct Describe {
    cluster: Option<String>,
    services: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(in crate::services::ecs) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    if input.services.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if input.services.len() > 10 {
        return Err(invalid("Services cannot have more than 10 elements."));
    }
    let with_tags = input.include.iter().any(|it| it == "TAGS");
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for one in &input.services {
        let key = format!("{cluster}/{}", short(one));
        match cx.region.ecs.services.get(&key) {
            Some(it) => services.push(it.render(cx, with_tags)),
            None => {
                let arn = cx.arn("ecs", &format!("service/{key}"));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::services::ecs) struct List {
    cluster: Option<String>,
    launch_type: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(in crate::services::ecs) fn list(cx: &mut Context<'_>, input: List) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    let services = cx.region.ecs.services.iter().filter(|(_, it)| {
        it.cluster == cluster
            && it.status != Status::Inactive
            && input.launch_type.as_deref().is_none_or(|it| it == "FARGATE")
    });
    let arns = services.map(|(key, _)| cx.arn("ecs", &format!("service/{key}")));
    let (arns, next) = paged(arns, input.next_token.as_deref(), input.max_results, 10)?;
    Ok(json!({ "serviceArns": arns, "nextToken": next }))
}

impl Service {
    pub(in crate::services::ecs) fn render(&self, cx: &Context<'_>, with_tags: bool) -> Value {
        let primary = self.deployments.first().or(self.proven.as_ref());
        let revision = primary.map(|it| &it.revision);
        let running = self.tasks.iter().filter(|it| it.is_running()).count();
        let pending = self.tasks.iter().filter(|it| it.is_pending()).count();
        let events = self.events.iter();
        let events = events
            .map(|it| json!({ "id": it.id, "createdAt": it.at.seconds(), "message": it.text }));
        let balancers = revision.map(|it| it.balancers.as_slice()).unwrap_or_default();
        let role = format!(
            "arn:aws:iam::{}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
            cx.account
        );
        let current = deployments::current_revisions(cx, self);
        let under_way = self.records.first().filter(|it| it.is_under_way());
        json!({
            "serviceArn": cx.arn("ecs", &format!("service/{}", self.key())),
            "serviceName": self.name,
            "clusterArn": cx.arn("ecs", &format!("cluster/{}", self.cluster)),
            "loadBalancers": balancers,
            "serviceRegistries": [],
            "status": self.status,
            "desiredCount": self.desired,
            "runningCount": running,
            "pendingCount": pending,
            "launchType": "FARGATE",
            "platformVersion": revision.map(|it| &it.platform),
            "platformFamily": "Linux",
            "taskDefinition": revision.map(|it| &it.task_definition),
            "deploymentConfiguration": self.rolling.render(),
            "deployments": self.deployments.iter().map(|it| it.render(self)).collect::<Vec<_>>(),
            "roleArn": (!balancers.is_empty()).then_some(role),
            "events": events.collect::<Vec<_>>(),
            "createdAt": self.created.seconds(),
            "currentServiceDeployment": under_way.map(|it| &it.arn),
            "currentServiceRevisions": current,
            "placementConstraints": [],
            "placementStrategy": [],
            "networkConfiguration": revision.map(|it| it.network.render()),
            "healthCheckGracePeriodSeconds": self.grace.unwrap_or(0),
            "schedulingStrategy": "REPLICA",
            "deploymentController": { "type": "ECS" },
            "tags": with_tags.then(|| rendered(&self.tags)),
            "createdBy": format!("arn:aws:iam::{}:root", cx.account),
            "enableECSManagedTags": self.managed_tags,
            "propagateTags": self.propagate,
            "enableExecuteCommand": self.exec,
            "availabilityZoneRebalancing": self.rebalancing,
        })
    }
}

impl Revision {
    /// As a service revision shows it.
    pub(in crate::services::ecs) fn render(&self) -> Value {
        json!({
            "taskDefinition": self.task_definition,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "loadBalancers": self.balancers,
            "networkConfiguration": self.network.render(),
        })
    }
}

impl Network {
    pub(in crate::services::ecs) fn render(&self) -> Value {
        json!({ "awsvpcConfiguration": {
            "subnets": self.subnets,
            "securityGroups": self.security_groups,
            "assignPublicIp": if self.public { "ENABLED" } else { "DISABLED" },
        }})
    }
}

impl Rolling {
    pub(in crate::services::ecs) fn render(self) -> Value {
        json!({
            "deploymentCircuitBreaker": { "enable": self.breaker, "rollback": self.rollback },
            "maximumPercent": self.maximum,
            "minimumHealthyPercent": self.minimum,
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
        })
    }
}
