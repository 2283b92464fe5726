//! How a task is shown; DescribeTasks and ListTasks.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Status, Task, in_cluster};
use crate::{
    refusal::{Answer, Refusal},
    services::ecs::{
        clusters, invalid, paged, seconds, services::Service, short, tags::rendered,
        task_definitions,
    },
    world::Context,
};

impl Task {
    fn health(&self, cx: &Context<'_>) -> &'static str {
        match self.checked {
            Some((at, true)) if at <= cx.now => "HEALTHY",
            Some((at, false)) if at <= cx.now => "UNHEALTHY",
            _ => "UNKNOWN",
        }
    }

    pub(super) fn render(&self, cx: &Context<'_>, service: &Service, with_tags: bool) -> Value {
        let arn = self.arn(cx, service);
        let definition = task_definitions::of(cx, &self.definition);
        let health = self.health(cx);
        let address = self.interface.as_ref().map(|it| it.private_ip.as_str());
        let status = match self.status {
            Status::Provisioning | Status::Pending | Status::Activating => "PENDING",
            Status::Running | Status::Deactivating | Status::Stopping => "RUNNING",
            Status::Deprovisioning | Status::Stopped => "STOPPED",
        };
        let agent = if self.is_running() { "RUNNING" } else { "PENDING" };
        let agents =
            self.exec.then(|| json!([{ "name": "ExecuteCommandAgent", "lastStatus": agent }]));
        let containers = self.containers.iter().map(|it| {
            let digest = hex::encode(Sha256::digest(it.image.as_bytes()));
            let interface =
                json!({ "attachmentId": self.attachment, "privateIpv4Address": address });
            json!({
                "containerArn": format!("{}/{}", arn.replacen(":task/", ":container/", 1), it.name),
                "taskArn": arn,
                "name": it.name,
                "image": it.image,
                "imageDigest": self.pulled.map(|_| format!("sha256:{digest}")),
                "runtimeId": self.pulled.map(|_| &it.runtime),
                "lastStatus": status,
                "networkBindings": [],
                "networkInterfaces": if address.is_some() { json!([interface]) } else { json!([]) },
                "healthStatus": health,
                "managedAgents": agents,
                "exitCode": it.exit_code,
                "reason": it.reason,
                "cpu": "0",
            })
        });
        let attached = match self.status {
            Status::Provisioning => "ATTACHING",
            Status::Stopped => "DELETED",
            _ => "ATTACHED",
        };
        let details = self.interface.as_ref().map(|it| {
            json!([
                { "name": "networkInterfaceId", "value": it.id },
                { "name": "privateIPv4Address", "value": it.private_ip },
            ])
        });
        let stop = self.stop.as_ref();
        json!({
            "taskArn": arn,
            "clusterArn": cx.arn("ecs", &format!("cluster/{}", service.cluster)),
            "taskDefinitionArn": self.definition,
            "attachments": [{
                "id": self.attachment,
                "type": "ElasticNetworkInterface",
                "status": attached,
                "details": details.unwrap_or_else(|| json!([])),
            }],
            "attributes": [],
            "availabilityZone": self.zone,
            "connectivity": self.pulled_from.map(|_| "CONNECTED"),
            "connectivityAt": seconds(self.pulled_from),
            "containers": containers.collect::<Vec<_>>(),
            "cpu": definition.and_then(|it| it.cpu.as_ref()),
            "memory": definition.and_then(|it| it.memory.as_ref()),
            "createdAt": self.created.seconds(),
            "pullStartedAt": seconds(self.pulled_from),
            "pullStoppedAt": seconds(self.pulled),
            "startedAt": seconds(self.started),
            "stoppingAt": seconds(self.stopping),
            "executionStoppedAt": seconds(self.halted),
            "stoppedAt": seconds(self.stopped),
            "desiredStatus": if stop.is_some() { "STOPPED" } else { "RUNNING" },
            "lastStatus": self.status,
            "stopCode": stop.map(|it| &it.code),
            "stoppedReason": stop.map(|it| &it.reason),
            "healthStatus": health,
            "enableExecuteCommand": self.exec,
            "group": format!("service:{}", service.name),
            "startedBy": self.deployment,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "ephemeralStorage": { "sizeInGiB": 20 },
            "overrides": { "containerOverrides": [], "inferenceAcceleratorOverrides": [] },
            "tags": if with_tags { rendered(&self.tags) } else { json!([]) },
            "version": 1,
        })
    }

    pub(super) fn arn(&self, cx: &Context<'_>, service: &Service) -> String {
        cx.arn("ecs", &format!("task/{}/{}", service.cluster, self.id))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::services::ecs) struct List {
    cluster: Option<String>,
    service_name: Option<String>,
    desired_status: Option<String>,
    family: Option<String>,
    started_by: Option<String>,
    launch_type: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(in crate::services::ecs) fn list(cx: &mut Context<'_>, input: List) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    let name = input.service_name.as_deref().map(short);
    if name.is_some() && (input.started_by.is_some() || input.family.is_some()) {
        return Err(invalid("Specify only one of serviceName, family and startedBy."));
    }
    if let Some(name) = name
        && !cx.region.ecs.services.contains_key(&format!("{cluster}/{name}"))
    {
        return Err(Refusal::new("ServiceNotFoundException", "Service not found."));
    }
    let wanted = match input.desired_status.as_deref() {
        None | Some("RUNNING") => Some(true),
        Some("STOPPED") => Some(false),
        // ECS knows the word, and no task ever has it.
        _ => None,
    };
    let family = input.family.map(|it| format!("/{it}:"));
    let tasks = in_cluster(cx, &cluster).filter(|(service, task)| {
        name.is_none_or(|it| it == service.name)
            && Some(task.is_wanted()) == wanted
            && family.as_ref().is_none_or(|it| task.definition.contains(it))
            && input.started_by.as_ref().is_none_or(|it| *it == task.deployment)
            && input.launch_type.as_deref().is_none_or(|it| it == "FARGATE")
    });
    let arns = tasks.map(|(service, task)| task.arn(cx, service));
    let (arns, next) = paged(arns, input.next_token.as_deref(), input.max_results, 100)?;
    Ok(json!({ "taskArns": arns, "nextToken": next }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::services::ecs) struct Describe {
    cluster: Option<String>,
    tasks: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(in crate::services::ecs) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    if input.tasks.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    if input.tasks.len() > 100 {
        return Err(invalid("Tasks cannot have more than 100 elements."));
    }
    let with_tags = input.include.iter().any(|it| it == "TAGS");
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for one in &input.tasks {
        let id = short(one);
        match in_cluster(cx, &cluster).find(|(_, it)| it.id == id) {
            Some((service, task)) => tasks.push(task.render(cx, service, with_tags)),
            None => {
                let arn = cx.arn("ecs", &format!("task/{cluster}/{id}"));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "tasks": tasks, "failures": failures }))
}
