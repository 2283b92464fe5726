"""How ECS deployments go on: running tasks, success, failure, rollback, and the tasks that stopped.

A test says how later deployments go (PUT /__cloud/rollouts), for all services or one:
{"outcome": "succeed" | "fail" | "hang", "seconds": 0.2, "drain_seconds": 0.1, "service": "bot",
 "stopped": {"reason": "...", "code": "...", "exit_code": 1, "container_reason": "...", "log": ["last words"]}}
A failure is noticed by the circuit breaker if the service has one (and rolled back if it says so); else it goes on for ever.
"""

import contextlib
import random
import time
import uuid
from datetime import datetime, timezone

from gaps import interfaces

DEFAULTS = {"outcome": "succeed", "seconds": 0.2, "drain_seconds": 0.1, "service": None, "stopped": {}}
STOPPED = {
    "reason": "Essential container in task exited",
    "code": "EssentialContainerExited",
    "exit_code": 1,
    "container_reason": None,
    "log": [],
}
_plans = {None: dict(DEFAULTS)}  # by service


def plan(spec):
    unknown = set(spec) - set(DEFAULTS) | set(spec.get("stopped", {})) - set(STOPPED)
    if unknown or spec.get("outcome", "succeed") not in ("succeed", "fail", "hang"):
        raise ValueError(f"unknown fields or outcome: {', '.join(sorted(unknown)) or spec['outcome']}")
    _plans[spec.get("service")] = DEFAULTS | spec
    return list(_plans.values())


def now():
    return datetime.now(timezone.utc)


class Deployment:
    def __init__(self, service, task_definition, rollback_of=None):
        self.service = service
        self.task_definition = task_definition
        self.rollback_of = rollback_of
        self.plan = _plans.get(service.name, _plans[None])
        if rollback_of:
            self.plan = self.plan | {"outcome": "succeed"}
        self.number = str(random.randint(10**18, 10**19 - 1))
        self.id = f"ecs-svc/{self.number}"
        self.status, self.state, self.reason = "PRIMARY", "IN_PROGRESS", f"ECS deployment {self.id} in progress."
        self.failed = 0
        self.verdict = "IN_PROGRESS"
        self.began, self.created, self.updated, self.finished = time.monotonic(), now(), now(), None
        self.network = service.network_configuration
        prefix = f"arn:aws:ecs:{service.region_name}:{service._account_id}"
        self.arn = f"{prefix}:service-deployment/{service.cluster_name}/{service.name}/{uuid.uuid4().hex[:21]}"
        self.revision_arn = f"{prefix}:service-revision/{service.cluster_name}/{service.name}/{self.number}"

    @property
    def running(self):
        return sum(task["startedBy"] == self.id and task["lastStatus"] == "RUNNING" for task in self.service.tasks)

    def conclude(self, state, reason, verdict):
        self.state, self.reason, self.verdict = state, reason, verdict
        self.updated = self.finished = now()

    def render(self):
        desired = self.service.desired_count if self.status == "PRIMARY" else 0
        return {
            "id": self.id,
            "status": self.status,
            "taskDefinition": self.task_definition.arn,
            "desiredCount": desired,
            "pendingCount": max(desired - self.running, 0) if self.state == "IN_PROGRESS" else 0,
            "runningCount": self.running,
            "failedTasks": self.failed,
            "createdAt": self.created,
            "updatedAt": self.updated,
            "launchType": self.service.launch_type,
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "networkConfiguration": self.network,
            "rolloutState": self.state,
            "rolloutStateReason": self.reason,
        }

    def service_deployment(self):
        breaker = (self.service.deployment_configuration or {}).get("deploymentCircuitBreaker", {})
        triggered = "TRIGGERED" if self.state == "FAILED" else "MONITORING" if breaker.get("enable") else "DISABLED"
        out = {
            "serviceDeploymentArn": self.arn,
            "serviceArn": self.service.arn,
            "clusterArn": self.service.cluster_arn,
            "createdAt": self.created,
            "startedAt": self.created,
            "updatedAt": self.updated,
            "status": self.verdict,
            "statusReason": self.reason,
            "targetServiceRevision": {
                "arn": self.revision_arn,
                "requestedTaskCount": self.service.desired_count,
                "runningTaskCount": self.running,
                "pendingTaskCount": 0,
            },
            "targetServiceRevisionArn": self.revision_arn,  # of the summaries in ListServiceDeployments
            "deploymentConfiguration": self.service.deployment_configuration,
            "deploymentCircuitBreaker": {"status": triggered, "failureCount": self.failed, "threshold": 3},
        }
        if self.finished:
            out["finishedAt"] = self.finished
        return out

    def service_revision(self):
        return {
            "serviceRevisionArn": self.revision_arn,
            "serviceArn": self.service.arn,
            "clusterArn": self.service.cluster_arn,
            "taskDefinition": self.task_definition.arn,
            "createdAt": self.created,
        }


def adopt(service, task_definition):
    """Takes over from moto, which has just made the service."""
    service.tasks, service.history, service.visible, service.gone_at = [], [], [], None
    service.running_count = service.pending_count = 0
    begin(service, task_definition)


def begin(service, task_definition, rollback_of=None):
    new = Deployment(service, task_definition, rollback_of)
    for older in service.visible:
        older.status = "ACTIVE"
        if older.verdict == "IN_PROGRESS" and older is not rollback_of:
            older.verdict, older.finished = "STOPPED", now()
            older.reason = f"Deployment was superseded by {new.id}."
    service.visible.insert(0, new)
    service.history.insert(0, new)
    service.task_definition = task_definition.arn
    publish(service)


def stop(deployment):
    """StopServiceDeployment: back to the last deployment that succeeded."""
    deployment.conclude("FAILED", "ECS deployment stopped by the user.", "ROLLBACK_IN_PROGRESS")
    roll_back(deployment)


def drain(service):
    service.status, service.desired_count = "DRAINING", 0
    for task in service.tasks:
        stop_task(service, task, "Scaling activity initiated by deployment", "ServiceSchedulerInitiated")
    service.gone_at = time.monotonic() + service.visible[0].plan["drain_seconds"]
    for deployment in service.visible:
        if deployment.verdict == "IN_PROGRESS":
            deployment.verdict, deployment.finished = "STOPPED", now()
    publish(service)


def step(service):
    """What has happened to the service by now."""
    if not hasattr(service, "visible"):
        return
    if service.status == "DRAINING" and time.monotonic() >= service.gone_at:
        service.status, service.visible = "INACTIVE", []
    if service.status == "ACTIVE":
        primary = service.visible[0]
        if primary.state == "IN_PROGRESS" and time.monotonic() - primary.began >= primary.plan["seconds"]:
            if primary.plan["outcome"] == "succeed":
                succeed(service, primary)
            elif primary.plan["outcome"] == "fail" and not primary.failed:
                fail(service, primary)
        elif primary.state == "COMPLETED":
            scale(service, primary)
    publish(service)


def succeed(service, primary):
    scale(service, primary)
    for task in service.tasks:
        if task["startedBy"] != primary.id:
            stop_task(
                service, task, f"Scaling activity initiated by deployment {primary.id}", "ServiceSchedulerInitiated"
            )
    primary.conclude("COMPLETED", f"ECS deployment {primary.id} completed.", "SUCCESSFUL")
    if primary.rollback_of:
        primary.rollback_of.verdict, primary.rollback_of.finished = "ROLLBACK_SUCCESSFUL", now()
    service.visible = [primary]


def fail(service, primary):
    primary.failed = 3
    for _ in range(primary.failed):
        task = start_task(service, primary)
        details = STOPPED | primary.plan["stopped"]
        write_log(service, primary, task, details["log"])
        stop_task(service, task, details["reason"], details["code"], details["exit_code"], details["container_reason"])
    breaker = service.deployment_configuration.get("deploymentCircuitBreaker", {})
    if not breaker.get("enable"):
        return
    verdict = "ROLLBACK_IN_PROGRESS" if breaker.get("rollback") else "STOPPED"
    primary.conclude("FAILED", "ECS deployment circuit breaker: tasks failed to start.", verdict)
    if breaker.get("rollback"):
        roll_back(primary)


def roll_back(failed):
    service = failed.service
    good = next((d for d in service.history if d.verdict == "SUCCESSFUL"), None)
    good = good or next((d for d in service.history if d.rollback_of and d.state == "COMPLETED"), None)
    if good is None:
        failed.verdict, failed.reason = (
            "ROLLBACK_FAILED",
            failed.reason + " No rollback candidate was found to run the rollback.",
        )
        return
    begin(service, good.task_definition, rollback_of=failed)
    service.visible[0].reason = f"ECS deployment circuit breaker: rolling back to deploymentId {good.id}."


def scale(service, deployment):
    mine = [t for t in service.tasks if t["startedBy"] == deployment.id and t["lastStatus"] == "RUNNING"]
    for _ in range(service.desired_count - len(mine)):
        start_task(service, deployment)
    for task in mine[service.desired_count :]:
        stop_task(service, task, "Scaling activity initiated by deployment", "ServiceSchedulerInitiated")


def start_task(service, deployment):
    number = uuid.uuid4().hex
    arn = f"arn:aws:ecs:{service.region_name}:{service._account_id}:task/{service.cluster_name}/{number}"
    vpc = (service.network_configuration or {}).get("awsvpcConfiguration", {})
    attachment = f"arn:aws:ecs:{service.region_name}:{service._account_id}:attachment/{uuid.uuid4()}"
    made = interfaces.hold(service.ec2, arn, attachment, vpc.get("subnets", [])[:1], vpc.get("securityGroups", []))
    address = made[0].private_ip_address if made else None
    for group, port in targets(service):
        group.register([{"Id": address, "Port": port}])
    task = {
        "taskArn": arn,
        "clusterArn": service.cluster_arn,
        "taskDefinitionArn": deployment.task_definition.arn,
        "startedBy": deployment.id,
        "group": f"service:{service.name}",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "launchType": service.launch_type,
        "createdAt": now(),
        "startedAt": now(),
        "containers": [
            container_of(arn, definition) for definition in deployment.task_definition.container_definitions
        ],
        "attachments": [
            {
                "id": attachment.rpartition("/")[2],
                "type": "ElasticNetworkInterface",
                "status": "ATTACHED",
                "details": [{"name": "networkInterfaceId", "value": interface.id} for interface in made],
            }
        ],
        "address": address,  # not serialized: AWS has no such field
    }
    service.tasks.append(task)
    return task


def container_of(task_arn, definition):
    return {
        "containerArn": f"{task_arn}/{definition['name']}",
        "name": definition["name"],
        "image": definition["image"],
        "lastStatus": "RUNNING",
        "healthStatus": "HEALTHY" if definition.get("healthCheck") else "UNKNOWN",
    }


def stop_task(service, task, reason, code, exit_code=0, container_reason=None):
    if task["lastStatus"] == "STOPPED":
        return
    task |= {
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stoppedReason": reason,
        "stopCode": code,
        "stoppedAt": now(),
    }
    for container in task["containers"]:
        container["lastStatus"] = "STOPPED"
        if exit_code is not None:
            container["exitCode"] = exit_code
        if container_reason:
            container["reason"] = container_reason
    from moto.elbv2.exceptions import InvalidTargetError

    interfaces.release(service.ec2, task["taskArn"])
    for group, port in targets(service):
        # A task of an older revision may be registered with another group: one that was replaced since.
        with contextlib.suppress(InvalidTargetError):
            group.deregister([{"Id": task["address"], "Port": port}])


def targets(service):
    for balancer in service.load_balancers or []:
        if group := service.elbv2.target_groups.get(balancer.get("targetGroupArn")):
            yield group, balancer.get("containerPort")


def write_log(service, deployment, task, lines):
    from moto.logs.models import logs_backends

    backend = logs_backends[service._account_id][service.region_name]
    for container in deployment.task_definition.container_definitions:
        options = container.get("logConfiguration", {}).get("options", {})
        group = options.get("awslogs-group")
        if lines and group in backend.groups:
            number = task["taskArn"].rpartition("/")[2]
            stream = f"{options.get('awslogs-stream-prefix', 'ecs')}/{container['name']}/{number}"
            backend.create_log_stream(group, stream)
            moment = int(time.time() * 1000)
            backend.put_log_events(
                group, stream, [{"timestamp": moment + n, "message": line} for n, line in enumerate(lines)]
            )


def publish(service):
    service.deployments = [deployment.render() for deployment in service.visible]
    service.running_count = sum(task["lastStatus"] == "RUNNING" for task in service.tasks)
    service.pending_count = max(service.desired_count - service.running_count, 0)
