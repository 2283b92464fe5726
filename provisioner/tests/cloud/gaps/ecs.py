"""ECS: what CreateService and UpdateService are given is kept, names are unique, task definitions are filled in as AWS does.

How a deployment goes on as time passes is in ecs_rollouts.py: moto's services have one deployment that never changes.
"""

import copy

from gaps import SETTINGS, TICKS, add, ecs_rollouts, replace

KEPT = {
    # request parameter -> what AWS answers when it was not given
    "deploymentConfiguration": {},
    "enableECSManagedTags": False,
    "enableExecuteCommand": False,
    "healthCheckGracePeriodSeconds": None,
    "platformVersion": "LATEST",
    "propagateTags": "NONE",
    "availabilityZoneRebalancing": "ENABLED",
    "networkConfiguration": {},
    "loadBalancers": [],
    "serviceRegistries": [],
}
DEPLOYMENT_DEFAULTS = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}
# Changes of these make a new deployment, changes of the others do not.
REDEPLOYING = ("networkConfiguration", "platformVersion", "loadBalancers", "serviceRegistries")


def install():
    from moto.core.responses import ActionResult
    from moto.core.utils import camelcase_to_underscores, utcnow
    from moto.ec2.models import ec2_backends
    from moto.ecs.exceptions import ECSException, InvalidParameterException, ServiceNotFoundException
    from moto.ecs.models import EC2ContainerServiceBackend, TaskDefinition, ecs_backends
    from moto.ecs.responses import EC2ContainerServiceResponse as Response
    from moto.elbv2.models import elbv2_backends

    def services():
        for account in list(ecs_backends.values()):
            for backend in list(account.values()):
                yield from list(backend.services.values())

    TICKS.append(lambda: [ecs_rollouts.step(service) for service in services()])

    # Clusters

    # moto replaces an existing cluster, together with its services; AWS answers with the one there is.
    @replace(EC2ContainerServiceBackend)
    def create_cluster(original, self, cluster_name, *args, **kwargs):
        existing = self.clusters.get(cluster_name)
        if existing is not None and existing.status == "ACTIVE":
            return existing
        return original(self, cluster_name, *args, **kwargs)

    # moto answers settings and configuration unasked; AWS only when `include` names them.
    @replace(Response)
    def describe_clusters(original, self):
        for name in ("settings", "configuration"):
            path = f"DescribeClustersResponse.clusters.Cluster.{name}"
            asked = {"settings": "SETTINGS", "configuration": "CONFIGURATIONS"}[name] in (
                self._get_param("include") or []
            )
            (self._include_in_response if asked else self._exclude_from_response)(path)
        return original(self)

    # moto does not have this.
    @add(Response)
    def update_cluster_settings(self):
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster"))
        given = {setting["name"]: setting["value"] for setting in self._get_param("settings")}
        merged = {setting["name"]: setting["value"] for setting in cluster.settings} | given
        cluster.settings = [{"name": name, "value": value} for name, value in merged.items()]
        return ActionResult({"cluster": cluster})

    # moto deletes a cluster that has services, and goes on listing deleted ones.
    @replace(EC2ContainerServiceBackend)
    def delete_cluster(original, self, cluster_str):
        cluster = self._get_cluster(cluster_str)
        if any(s.cluster_name == cluster.name and s.status != "INACTIVE" for s in self.services.values()):
            raise ECSException(
                "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
            )
        return original(self, cluster_str)

    @replace(EC2ContainerServiceBackend)
    def list_clusters(original, self):
        return [cluster.arn for cluster in self.clusters.values() if cluster.status == "ACTIVE"]

    # Task definitions

    # moto keeps what it is given; AWS fills in and sorts.
    @replace(TaskDefinition)
    def __init__(original, self, *args, **kwargs):
        original(self, *args, **kwargs)
        self.registered_at = utcnow()
        self.registered_by = "arn:aws:sts::123456789012:user/moto"
        for container in self.container_definitions:
            fill_in(container, self.network_mode)

    @replace(EC2ContainerServiceBackend)
    def deregister_task_definition(original, self, task_definition_str):
        task_definition = original(self, task_definition_str)
        task_definition.deregistered_at = utcnow()
        return task_definition

    # moto ignores order and limit.
    @replace(Response)
    def list_task_definitions(original, self):
        arns = original(self).result["taskDefinitionArns"]
        arns.sort(
            key=lambda arn: (arn.rpartition(":")[0], int(arn.rpartition(":")[2])),
            reverse=self._get_param("sort") == "DESC",
        )
        start, limit = int(self._get_param("nextToken") or 0), self._get_int_param("maxResults", 100)
        result = {"taskDefinitionArns": arns[start : start + limit]}
        if start + limit < len(arns):
            result["nextToken"] = str(start + limit)
        return ActionResult(result)

    # Services

    def check(self, wanted, task_definition):
        # 0 is what ECS itself shows for a service without a load balancer.
        if wanted.get("healthCheckGracePeriodSeconds") and not wanted.get("loadBalancers"):
            raise InvalidParameterException(
                "Health check grace period is only valid for services configured to use load balancers"
            )
        if wanted.get("enableExecuteCommand") and not getattr(task_definition, "task_role_arn", None):
            raise InvalidParameterException(
                "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again."
            )
        for balancer in wanted.get("loadBalancers") or []:
            arn = balancer.get("targetGroupArn")
            group = elbv2_backends[self.current_account][self.region].target_groups.get(arn)
            if group is None:
                raise InvalidParameterException(f"The specified target group does not exist: {arn}")
            if not group.load_balancer_arns:
                raise InvalidParameterException(
                    f"The target group with targetGroupArn {arn} does not have an associated load balancer."
                )
        if task_definition.status != "ACTIVE":
            raise ECSException("ClientException", "TaskDefinition is inactive")

    # moto forgets most of what it is given, and a service of the same name silently replaces the old one.
    @replace(Response)
    def create_service(original, self):
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        if cluster.status != "ACTIVE":
            raise ECSException("ClusterNotFoundException", "Cluster not found.")
        token, existing = (
            self._get_param("clientToken"),
            self.ecs_backend.services.get(f"{cluster.name}:{self._get_param('serviceName')}"),
        )
        if existing is not None and existing.status == "ACTIVE":
            if token and existing.client_token == token:
                return ActionResult({"service": existing})
            raise InvalidParameterException("Creation of service was not idempotent.")
        if existing is not None and existing.status == "DRAINING":
            raise InvalidParameterException("Unable to Start a service that is still Draining.")
        task_definition = self.ecs_backend.describe_task_definition(self._get_param("taskDefinition"))
        wanted = {name: copy.deepcopy(self._get_param(name, default)) for name, default in KEPT.items()}
        check(self, wanted, task_definition)
        service = original(self).result["service"]
        wanted["deploymentConfiguration"] = DEPLOYMENT_DEFAULTS | (wanted["deploymentConfiguration"] or {})
        for name, value in wanted.items():
            setattr(service, camelcase_to_underscores(name), value)
        service.client_token, service.created_at = token, utcnow()
        service.created_by = "arn:aws:sts::123456789012:user/moto"
        service.ec2 = ec2_backends[self.current_account][self.region]
        service.elbv2 = elbv2_backends[self.current_account][self.region]
        ecs_rollouts.adopt(service, task_definition)
        return ActionResult({"service": service})

    # moto's UpdateService leaves the deployments as they are.
    @replace(Response)
    def update_service(original, self):
        service = find(self)
        task_definition = self.ecs_backend.describe_task_definition(
            self._get_param("taskDefinition") or service.task_definition
        )
        given = {name: self._get_param(name) for name in KEPT if self._get_param(name) is not None}
        current = {name: getattr(service, camelcase_to_underscores(name)) for name in KEPT}
        check(self, current | given, task_definition)
        redeploy = self._get_param("forceNewDeployment") or task_definition.arn != service.task_definition
        redeploy = redeploy or any(name in given and given[name] != current[name] for name in REDEPLOYING)
        if "deploymentConfiguration" in given:
            given["deploymentConfiguration"] = current["deploymentConfiguration"] | given["deploymentConfiguration"]
        for name, value in given.items():
            setattr(service, camelcase_to_underscores(name), copy.deepcopy(value))
        if self._get_param("desiredCount") is not None:
            service.desired_count = self._get_int_param("desiredCount")
        if redeploy:
            ecs_rollouts.begin(service, task_definition)
        ecs_rollouts.step(service)
        return ActionResult({"service": service})

    def find(self):
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        name = self._get_param("service") or self._get_param("serviceName")
        service = self.ecs_backend.services.get(f"{cluster.name}:{name.split('/')[-1]}")
        if service is None:
            raise ServiceNotFoundException()
        if service.status != "ACTIVE":
            raise ECSException("ServiceNotActiveException", "Service was not ACTIVE.")
        return service

    # moto's deleted services are INACTIVE at once, listed for ever, and can be deleted again.
    @replace(Response)
    def delete_service(original, self):
        try:
            service = find(self)
        except ECSException:
            raise ServiceNotFoundException() from None
        if service.desired_count > 0 and not self._get_param("force", False):
            raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
        ecs_rollouts.drain(service)
        return ActionResult({"service": service})

    @replace(EC2ContainerServiceBackend)
    def list_services(original, self, cluster_str, *args, **kwargs):
        active = {service.arn for service in self.services.values() if service.status != "INACTIVE"}
        return [arn for arn in original(self, cluster_str, *args, **kwargs) if arn in active]

    # Tasks and deployments of services

    def tasks(self):
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        for service in self.ecs_backend.services.values():
            if service.cluster_name == cluster.name:
                yield from ((service, task) for task in getattr(service, "tasks", []))

    # moto starts no tasks for a service.
    @replace(Response)
    def list_tasks(original, self):
        name, status = self._get_param("serviceName"), self._get_param("desiredStatus") or "RUNNING"
        family, started_by = self._get_param("family"), self._get_param("startedBy")
        return ActionResult({"taskArns": [
            task["taskArn"]
            for service, task in tasks(self)
            if (not name or service.name == name.split("/")[-1])
            and task["desiredStatus"] == status
            and (not family or f"task-definition/{family}:" in task["taskDefinitionArn"])
            and (not started_by or task["startedBy"] == started_by)
        ]})  # fmt: skip

    @replace(Response)
    def describe_tasks(original, self):
        known = {task["taskArn"].rpartition("/")[2]: task for _, task in tasks(self)}
        asked = {arn.rpartition("/")[2]: arn for arn in self._get_param("tasks", [])}
        failures = [{"arn": arn, "reason": "MISSING"} for short, arn in asked.items() if short not in known]
        return ActionResult({"tasks": [known[short] for short in asked if short in known], "failures": failures})

    def deployments(self):
        if not SETTINGS["service_deployments"]:
            raise NotImplementedError("service deployments are switched off")
        return [d for service in self.ecs_backend.services.values() for d in getattr(service, "history", [])]

    # moto has none of the following.
    @add(Response)
    def list_service_deployments(self):
        name, statuses = self._get_param("service").split("/")[-1], self._get_param("status") or []
        found = [d.service_deployment() for d in deployments(self) if d.service.name == name and not d.rollback_of]
        found = [d for d in found if not statuses or d["status"] in statuses]
        return ActionResult({"serviceDeployments": found})

    @add(Response)
    def describe_service_deployments(self):
        known = {d.arn: d for d in deployments(self) if not d.rollback_of}
        asked = self._get_param("serviceDeploymentArns")
        failures = [{"arn": arn, "reason": "MISSING"} for arn in asked if arn not in known]
        return ActionResult(
            {"serviceDeployments": [known[a].service_deployment() for a in asked if a in known], "failures": failures}
        )

    @add(Response)
    def describe_service_revisions(self):
        known = {d.revision_arn: d for d in deployments(self)}
        asked = self._get_param("serviceRevisionArns")
        failures = [{"arn": arn, "reason": "MISSING"} for arn in asked if arn not in known]
        return ActionResult(
            {"serviceRevisions": [known[a].service_revision() for a in asked if a in known], "failures": failures}
        )

    @add(Response)
    def stop_service_deployment(self):
        arn = self._get_param("serviceDeploymentArn")
        for deployment in deployments(self):
            if deployment.arn == arn:
                ecs_rollouts.stop(deployment)
                return ActionResult({"serviceDeploymentArn": arn})
        raise ECSException("ServiceDeploymentNotFoundException", f"Service deployment {arn} not found.")


def fill_in(container, network_mode):
    for mapping in container.get("portMappings", []):
        mapping.setdefault("protocol", "tcp")
        if network_mode == "awsvpc":
            mapping.setdefault("hostPort", mapping["containerPort"])
    for name in ("environment", "secrets"):
        container[name] = sorted(container.get(name) or [], key=lambda item: item["name"])
    if not container["secrets"]:
        del container["secrets"]
    container.setdefault("systemControls", [])
    if health := container.get("healthCheck"):
        for name, value in (("interval", 30), ("timeout", 5), ("retries", 3)):
            health.setdefault(name, value)
