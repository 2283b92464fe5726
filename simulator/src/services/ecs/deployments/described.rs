//! How deployments, service deployments and service revisions are shown; what can be asked about them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Deployment, Record, Status, records};
use crate::{
    refusal::{Answer, Refusal},
    services::ecs::{clusters, invalid, paged, seconds, services::Service, short},
    world::Context,
};

impl Deployment {
    pub(in crate::services::ecs) fn render(&self, service: &Service) -> Value {
        let is_primary = service.deployments.first().is_some_and(|it| it.id == self.id);
        let tasks = || service.tasks.iter().filter(|it| it.deployment == self.id);
        let wanted = tasks().filter(|it| it.is_wanted()).count();
        json!({
            "id": self.id,
            "status": if is_primary { "PRIMARY" } else { "ACTIVE" },
            "taskDefinition": self.revision.task_definition,
            "desiredCount": if is_primary { service.desired as usize } else { wanted },
            "pendingCount": tasks().filter(|it| it.is_pending()).count(),
            "runningCount": tasks().filter(|it| it.is_running()).count(),
            "failedTasks": self.failed,
            "createdAt": self.created.seconds(),
            "updatedAt": self.updated.seconds(),
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "networkConfiguration": self.revision.network.render(),
            "rolloutState": self.state,
            "rolloutStateReason": self.reason,
        })
    }
}

impl Record {
    fn render(&self, cx: &Context<'_>, service: &Service) -> Value {
        let id = format!("ecs-svc/{}", self.number);
        let tasks = || service.tasks.iter().filter(|it| it.deployment == id);
        let breaker = match self.rolling.breaker {
            _ if self.triggered => "TRIGGERED",
            true if self.is_under_way() => "MONITORING",
            true => "MONITORING_COMPLETE",
            false => "DISABLED",
        };
        let source =
            self.source.iter().map(|it| json!({ "arn": self.revision_arn(cx, service, it) }));
        let rollback = self.rollback.as_ref().map(|it| {
            json!({
                "reason": it.reason,
                "startedAt": it.started.seconds(),
                "serviceRevisionArn": self.revision_arn(cx, service, &it.number),
            })
        });
        json!({
            "serviceDeploymentArn": self.arn,
            "serviceArn": cx.arn("ecs", &format!("service/{}", service.key())),
            "clusterArn": cx.arn("ecs", &format!("cluster/{}", service.cluster)),
            "createdAt": self.created.seconds(),
            "startedAt": seconds(self.started),
            "finishedAt": seconds(self.finished.filter(|_| self.status != Status::Stopped)),
            "stoppedAt": seconds(self.finished.filter(|_| self.status == Status::Stopped)),
            "updatedAt": self.updated.seconds(),
            "sourceServiceRevisions": source.collect::<Vec<_>>(),
            "targetServiceRevision": {
                "arn": self.revision_arn(cx, service, &self.number),
                "requestedTaskCount": service.desired,
                "runningTaskCount": tasks().filter(|it| it.is_running()).count(),
                "pendingTaskCount": tasks().filter(|it| it.is_pending()).count(),
            },
            "status": self.status,
            "statusReason": self.reason,
            "deploymentConfiguration": self.rolling.render(),
            "rollback": rollback,
            "deploymentCircuitBreaker": {
                "status": breaker,
                "failureCount": self.failed,
                "threshold": self.threshold,
            },
        })
    }
}

/// The revisions that a service runs now.
pub(in crate::services::ecs) fn current_revisions(
    cx: &Context<'_>,
    service: &Service,
) -> Vec<Value> {
    let running = service.deployments.iter().map(|it| {
        let tasks = || service.tasks.iter().filter(|task| task.deployment == it.id);
        json!({
            "arn": cx.arn("ecs", &format!("service-revision/{}/{}", service.key(), it.number)),
            "requestedTaskCount": tasks().filter(|it| it.is_wanted()).count(),
            "runningTaskCount": tasks().filter(|it| it.is_running()).count(),
            "pendingTaskCount": tasks().filter(|it| it.is_pending()).count(),
        })
    });
    running.collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::services::ecs) struct List {
    cluster: Option<String>,
    service: String,
    #[serde(default)]
    status: Vec<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(in crate::services::ecs) fn list(cx: &mut Context<'_>, input: List) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    let key = format!("{cluster}/{}", short(&input.service));
    let Some(service) = cx.region.ecs.services.get(&key) else {
        return Err(Refusal::new("ServiceNotFoundException", "Service not found."));
    };
    let asked = |it: &&Record| {
        input.status.is_empty() || input.status.iter().any(|status| json!(it.status) == **status)
    };
    let records = service.records.iter().filter(asked);
    let (records, next) = paged(records, input.next_token.as_deref(), input.max_results, 20)?;
    let briefs = records.into_iter().map(|it| {
        let full = it.render(cx, service);
        json!({
            "serviceDeploymentArn": it.arn,
            "serviceArn": full["serviceArn"],
            "clusterArn": full["clusterArn"],
            "createdAt": full["createdAt"],
            "startedAt": full["startedAt"],
            "finishedAt": full["finishedAt"],
            "targetServiceRevisionArn": full["targetServiceRevision"]["arn"],
            "status": it.status,
            "statusReason": it.reason,
        })
    });
    Ok(json!({ "serviceDeployments": briefs.collect::<Vec<_>>(), "nextToken": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::services::ecs) struct Describe {
    service_deployment_arns: Vec<String>,
}

pub(in crate::services::ecs) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let (mut described, mut failures) = (Vec::new(), Vec::new());
    for arn in limited(input.service_deployment_arns)? {
        match records(cx).find(|(_, it)| it.arn == arn) {
            Some((service, it)) => described.push(it.render(cx, service)),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceDeployments": described, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::services::ecs) struct DescribeRevisions {
    service_revision_arns: Vec<String>,
}

pub(in crate::services::ecs) fn describe_revisions(
    cx: &mut Context<'_>,
    input: DescribeRevisions,
) -> Answer {
    let (mut described, mut failures) = (Vec::new(), Vec::new());
    for arn in limited(input.service_revision_arns)? {
        let found =
            records(cx).find(|(service, it)| it.revision_arn(cx, service, &it.number) == arn);
        let Some((service, it)) = found else {
            failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            continue;
        };
        let mut revision = it.revision.render();
        revision["serviceRevisionArn"] = json!(arn);
        revision["serviceArn"] = json!(cx.arn("ecs", &format!("service/{}", service.key())));
        revision["clusterArn"] = json!(cx.arn("ecs", &format!("cluster/{}", service.cluster)));
        revision["createdAt"] = json!(it.created.seconds());
        described.push(revision);
    }
    Ok(json!({ "serviceRevisions": described, "failures": failures }))
}

fn limited(arns: Vec<String>) -> Result<Vec<String>, Refusal> {
    match arns.len() {
        1..=20 => Ok(arns),
        _ => Err(invalid("Specify between 1 and 20 ARNs.")),
    }
}
