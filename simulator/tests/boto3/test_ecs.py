"""Clusters, task definitions, services, and how deployments go and fail."""

import json
import time

import pytest
from test_elb import Stage as Balanced, forward

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
ALONE = BREAKER | {"minimumHealthyPercent": 0, "maximumPercent": 100}
TAGS = [{"key": "team", "value": "a"}]
SCALING = "Scaling activity initiated by"


class Stage(Balanced):
    """A cloud with what services need."""

    def __init__(self, cloud, cluster):
        super().__init__(cloud)
        self.ecs, self.iam, self.logs, self.ssm = map(cloud.client, ("ecs", "iam", "logs", "ssm"))
        self.cluster = cluster
        self.ecs.create_cluster(clusterName=cluster)
        self.role = self.make_role(f"{cluster}-role")
        self.logs.create_log_group(logGroupName=f"/{cluster}")
        self.group = self.security_group(cluster)

    def make_role(self, name):
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        self.iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED)
        return role

    def register(self, image="me/bot:1", role=None, family=None, container={}, **more):
        options = {"awslogs-group": f"/{self.cluster}", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "b"}
        bot = {
            "name": "bot", "image": image, "portMappings": [{"containerPort": 8080}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        } | container  # fmt: skip
        request = {
            "family": family or self.cluster, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": "256", "memory": "512", "executionRoleArn": role or self.role, "taskRoleArn": self.role,
            "containerDefinitions": [bot],
        } | more  # fmt: skip
        return self.ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]

    def network(self, public=True, **more):
        ip = "ENABLED" if public else "DISABLED"
        return {
            "awsvpcConfiguration": {"subnets": self.subnets[:2], "securityGroups": [self.group], "assignPublicIp": ip}
            | more
        }

    def create(self, **more):
        request = {
            "cluster": self.cluster, "serviceName": "bot", "desiredCount": 1, "launchType": "FARGATE",
            "networkConfiguration": self.network(), "deploymentConfiguration": BREAKER,
        }  # fmt: skip
        if "taskDefinition" not in more:
            request["taskDefinition"] = self.register()
        request = {name: value for name, value in (request | more).items() if value is not None}
        return self.ecs.create_service(**request)["service"]

    def update(self, **more):
        return self.ecs.update_service(cluster=self.cluster, service="bot", **more)["service"]

    def deploy(self, image="me/bot:2", **more):
        revision = self.register(image, **more)
        primary = self.update(taskDefinition=revision)["deployments"][0]
        assert (primary["status"], primary["taskDefinition"]) == ("PRIMARY", revision)
        return primary["id"]

    def service(self):
        return self.ecs.describe_services(cluster=self.cluster, services=["bot"], include=["TAGS"])["services"][0]

    def steady(self):
        def settled():
            found = self.service()
            done = [it["rolloutState"] for it in found["deployments"]] == ["COMPLETED"]
            return found if done and found["runningCount"] == found["desiredCount"] else None

        return wait(settled)

    def record(self, deployment):
        number = deployment.removeprefix("ecs-svc/")
        for brief in self.ecs.list_service_deployments(cluster=self.cluster, service="bot")["serviceDeployments"]:
            if brief["targetServiceRevisionArn"].endswith(number):
                arns = [brief["serviceDeploymentArn"]]
                return self.ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"][0]

    def ended(self, deployment, *statuses):
        return wait(lambda: (found := self.record(deployment))["status"] in statuses and found)

    def tasks(self, status="RUNNING", deployment=None):
        arns = self.ecs.list_tasks(cluster=self.cluster, serviceName="bot", desiredStatus=status)["taskArns"]
        if not arns:
            return []
        tasks = self.ecs.describe_tasks(cluster=self.cluster, tasks=arns, include=["TAGS"])["tasks"]
        return [it for it in tasks if deployment in (None, it["startedBy"])]

    def failed(self, deployment):
        stopped = self.tasks("STOPPED", deployment)
        return [it for it in stopped if not it["stoppedReason"].startswith(SCALING)]

    def said(self):
        return [it["message"] for it in reversed(self.service()["events"])]

    def balanced(self, name):
        """A target group behind a listener."""
        group = self.target_group(name)["TargetGroupArn"]
        self.elb.modify_target_group_attributes(
            TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "10"}]
        )
        self.listener(self.balancer(name)["LoadBalancerArn"], forward(group))
        return {"targetGroupArn": group, "containerName": "bot", "containerPort": 8080}


def wait(condition, seconds=10):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)
    return found


@pytest.fixture
def stage(new_cloud):
    return Stage(new_cloud(), "gsm")


@pytest.fixture(scope="module")
def shared(cloud):
    """For tests that leave nothing behind."""
    return Stage(cloud, "gsm")


# Clusters


def test_cluster(stage, refused):
    ecs = stage.ecs
    insights = [{"name": "containerInsights", "value": "enabled"}]
    log = {"cloudWatchLogGroupName": "/gsm", "cloudWatchEncryptionEnabled": True}
    exec_ = {"executeCommandConfiguration": {"kmsKeyId": "k", "logging": "OVERRIDE", "logConfiguration": log}}
    made = ecs.create_cluster(clusterName="one", settings=insights, configuration=exec_, tags=TAGS)["cluster"]
    assert (made["status"], made["settings"], made["tags"]) == ("ACTIVE", insights, TAGS)
    assert ecs.create_cluster(clusterName="one")["cluster"]["settings"] == insights
    [plain] = ecs.describe_clusters(clusters=["one"])["clusters"]
    assert plain["settings"] == plain["tags"] == [] and "configuration" not in plain
    include = ["TAGS", "SETTINGS", "CONFIGURATIONS"]
    [full] = ecs.describe_clusters(clusters=[made["clusterArn"]], include=include)["clusters"]
    shown = full["configuration"]["executeCommandConfiguration"]
    assert shown["logConfiguration"]["cloudWatchLogGroupName"] == "/gsm" and full["tags"] == TAGS
    off = [{"name": "containerInsights", "value": "disabled"}]
    assert ecs.update_cluster(cluster="one", settings=off)["cluster"]["settings"] == off
    assert ecs.update_cluster_settings(cluster="one", settings=insights)["cluster"]["settings"] == insights
    ecs.tag_resource(resourceArn=made["clusterArn"], tags=[{"key": "b", "value": "1"}])
    ecs.untag_resource(resourceArn=made["clusterArn"], tagKeys=["team"])
    assert ecs.list_tags_for_resource(resourceArn=made["clusterArn"])["tags"] == [{"key": "b", "value": "1"}]
    assert made["clusterArn"] in ecs.list_clusters()["clusterArns"]
    with refused("InvalidParameterException"):
        ecs.update_cluster(cluster="one", settings=[{"name": "containerInsights", "value": "on"}])
    with refused("InvalidParameterException"):
        ecs.create_cluster(clusterName="no spaces")
    assert ecs.delete_cluster(cluster="one")["cluster"]["status"] == "INACTIVE"
    assert ecs.describe_clusters(clusters=["one"])["clusters"][0]["status"] == "INACTIVE"
    assert made["clusterArn"] not in ecs.list_clusters()["clusterArns"]
    assert ecs.describe_clusters(clusters=["none"])["failures"][0]["reason"] == "MISSING"
    for cluster in ("one", "none"):
        with refused("ClusterNotFoundException"):
            ecs.delete_cluster(cluster=cluster)
        with refused("ClusterNotFoundException"):
            ecs.describe_services(cluster=cluster, services=["x"])
    assert ecs.create_cluster(clusterName="one")["cluster"]["tags"] == []


# Task definitions


def test_task_definition(stage, refused):
    ecs = stage.ecs
    secret = {"name": "A", "valueFrom": "/x"}
    container = {
        "environment": [{"name": "B", "value": "1"}, {"name": "A", "value": "2"}],
        "healthCheck": {"command": ["CMD", "true"]},
        "secrets": [secret],
    }
    first = stage.register(container=container, tags=TAGS, cpu="0.25 vCPU", memory="0.5 GB")
    described = ecs.describe_task_definition(taskDefinition="gsm", include=["TAGS"])
    definition, tags = described["taskDefinition"], described["tags"]
    assert (definition["taskDefinitionArn"], definition["revision"], tags) == (first, 1, TAGS)
    assert (definition["cpu"], definition["memory"], definition["status"]) == ("256", "512", "ACTIVE")
    [bot] = definition["containerDefinitions"]
    assert bot["portMappings"] == [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}]
    assert [it["name"] for it in bot["environment"]] == ["A", "B"]
    assert bot["healthCheck"] == {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3}
    assert (bot["essential"], bot["mountPoints"], bot["cpu"]) == (True, [], 0)
    second, third = stage.register(), stage.register()
    other = stage.register(family="gsm-other")
    listed = ecs.list_task_definitions(familyPrefix="gsm", sort="DESC", maxResults=2)
    assert listed["taskDefinitionArns"] == [third, second]
    rest = ecs.list_task_definitions(familyPrefix="gsm", sort="DESC", maxResults=2, nextToken=listed["nextToken"])
    assert rest["taskDefinitionArns"] == [first] and "nextToken" not in rest
    assert set(ecs.list_task_definitions()["taskDefinitionArns"]) == {first, second, third, other}
    ecs.deregister_task_definition(taskDefinition=third)
    assert ecs.describe_task_definition(taskDefinition="gsm")["taskDefinition"]["revision"] == 2
    assert ecs.describe_task_definition(taskDefinition=third)["taskDefinition"]["status"] == "INACTIVE"
    answer = ecs.delete_task_definitions(taskDefinitions=[second, third, "gsm:9"])
    assert [it["status"] for it in answer["taskDefinitions"]] == ["DELETE_IN_PROGRESS"]
    assert len(answer["failures"]) == 2 and "ACTIVE status" in answer["failures"][0]["reason"]
    assert ecs.list_task_definitions(familyPrefix="gsm", status="INACTIVE")["taskDefinitionArns"] == []
    with refused("ClientException"):
        ecs.describe_task_definition(taskDefinition="none")
    with refused("ClientException"):
        ecs.deregister_task_definition(taskDefinition="gsm")
    with refused("ClientException"):
        stage.create(taskDefinition=third)


@pytest.mark.parametrize(
    "words, change",
    [
        ("No Fargate configuration exists", {"cpu": "256", "memory": "4096"}),
        ("'cpu'", {"cpu": None}),
        ("network mode", {"networkMode": "bridge"}),
        ("Family", {"family": "a b"}),
        ("Role", {"executionRoleArn": "arn:aws:iam::123456789012:user/x"}),
        ("container secrets", {"executionRoleArn": None, "container": {"secrets": [{"name": "A", "valueFrom": "x"}]}}),
        ("log driver awslogs", {"executionRoleArn": None}),
        ("image", {"container": {"image": ""}}),
        ("host ports", {"container": {"portMappings": [{"containerPort": 80, "hostPort": 81}]}}),
        ("healthCheck", {"container": {"healthCheck": {"command": ["CMD", "x"], "interval": 1}}}),
        ("essential", {"container": {"essential": False}}),
    ],
)
def test_wrong_task_definitions(shared, refused, words, change):
    with refused("ClientException") as it:
        shared.register(**change)
    assert words in it.message


# Services


def test_service_and_its_task(stage, refused):
    revision = stage.register()
    token = {"clientToken": "t", "taskDefinition": revision, "tags": TAGS, "propagateTags": "SERVICE"}
    made = stage.create(**token, enableExecuteCommand=True)
    [deployment] = made["deployments"]
    assert (made["status"], deployment["status"], deployment["rolloutState"]) == ("ACTIVE", "PRIMARY", "IN_PROGRESS")
    service = stage.steady()
    assert service["tags"] == TAGS and service["platformVersion"] == "LATEST"
    assert service["deploymentConfiguration"]["maximumPercent"] == 200
    assert [it.partition(") ")[2].split(":")[0] for it in stage.said()] == [
        "has started 1 tasks",
        f"(deployment {deployment['id']}) deployment completed.".split(":")[0],
        "has reached a steady state.",
    ]
    [task] = stage.tasks()
    assert (task["lastStatus"], task["startedBy"], task["group"]) == ("RUNNING", deployment["id"], "service:bot")
    assert task["tags"] == TAGS and task["attachments"][0]["status"] == "ATTACHED"
    details = {it["name"]: it["value"] for it in task["attachments"][0]["details"]}
    interface = details["networkInterfaceId"]
    [found] = stage.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
    assert found["PrivateIpAddress"] == details["privateIPv4Address"]
    with refused("DependencyViolation"):
        stage.ec2.delete_security_group(GroupId=stage.group)
    session = stage.ecs.execute_command(cluster="gsm", task=task["taskArn"], command="sh", interactive=True)
    assert session["containerName"] == "bot" and session["session"]["tokenValue"]

    assert stage.create(**token, enableExecuteCommand=True)["serviceArn"] == made["serviceArn"]
    with refused("InvalidParameterException") as it:
        stage.create(**token)
    assert "idempotent request" in it.message
    with refused("InvalidParameterException") as it:
        stage.create(taskDefinition=revision)
    assert it.message == "Creation of service was not idempotent."
    with refused("ClusterContainsServicesException"):
        stage.ecs.delete_cluster(cluster="gsm")
    with refused("InvalidParameterException") as it:
        stage.ecs.delete_service(cluster="gsm", service="bot")
    assert "scaled above 0" in it.message

    same = stage.update(enableExecuteCommand=False, desiredCount=3, deploymentConfiguration={"maximumPercent": 250})
    assert same["deployments"][0]["id"] == deployment["id"] and not same["enableExecuteCommand"]
    assert same["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert wait(lambda: len(stage.tasks()) == 3)
    assert stage.update(desiredCount=1)["desiredCount"] == 1
    assert wait(lambda: len(stage.tasks()) == 1)
    stage.ecs.stop_task(cluster="gsm", task=stage.tasks()[0]["taskArn"], reason="I want so")
    stage.steady()
    assert "I want so" in [it["stoppedReason"] for it in stage.tasks("STOPPED")]
    assert stage.update(forceNewDeployment=True)["deployments"][0]["id"] != deployment["id"]
    stage.steady()

    assert stage.ecs.delete_service(cluster="gsm", service="bot", force=True)["service"]["status"] == "DRAINING"
    wait(lambda: stage.service()["status"] == "INACTIVE")
    assert stage.ecs.list_services(cluster="gsm")["serviceArns"] == []
    assert {it["lastStatus"] for it in stage.tasks("STOPPED")} == {"STOPPED"}
    with refused("ServiceNotActiveException"):
        stage.update(desiredCount=1)
    with refused("ServiceNotFoundException"):
        stage.ecs.delete_service(cluster="gsm", service="bot")
    stage.ec2.delete_security_group(GroupId=stage.group)
    stage.ecs.delete_cluster(cluster="gsm")
    assert not {"clusters", "services", "network_interfaces"} & set(stage.cloud.census())


def test_lists_have_limits_and_pages(stage, refused):
    revision = stage.register()
    for number in range(11):
        stage.create(serviceName=f"s{number:02}", taskDefinition=revision)
    first = stage.ecs.list_services(cluster="gsm")
    second = stage.ecs.list_services(cluster="gsm", nextToken=first["nextToken"])
    assert (len(first["serviceArns"]), len(second["serviceArns"])) == (10, 1) and "nextToken" not in second
    with refused("InvalidParameterException"):
        stage.ecs.describe_services(cluster="gsm", services=first["serviceArns"] + second["serviceArns"])
    with refused("InvalidParameterException"):
        stage.ecs.list_services(cluster="gsm", maxResults=101)
    wait(lambda: len(stage.ecs.list_tasks(cluster="gsm")["taskArns"]) == 11)
    page = stage.ecs.list_tasks(cluster="gsm", family="gsm", maxResults=4)
    assert len(page["taskArns"]) == 4 and "nextToken" in page
    with refused("InvalidParameterException"):
        stage.ecs.describe_tasks(cluster="gsm", tasks=["x"] * 101)
    assert stage.ecs.describe_tasks(cluster="gsm", tasks=["x"])["failures"][0]["reason"] == "MISSING"
    assert stage.ecs.describe_services(cluster="gsm", services=["x"])["failures"][0]["reason"] == "MISSING"
    with refused("ServiceNotFoundException"):
        stage.ecs.list_tasks(cluster="gsm", serviceName="x")


def test_wrong_services(stage, refused):
    unused = stage.target_group("unused")["TargetGroupArn"]
    target = {"targetGroupArn": unused, "containerName": "bot", "containerPort": 8080}
    revision = stage.register()
    for words, change in [
        ("does not have an associated load balancer", {"loadBalancers": [target]}),
        ("target group does not exist", {"loadBalancers": [target | {"targetGroupArn": unused + "0"}]}),
        ("does not exist in the task definition", {"loadBalancers": [target | {"containerName": "x"}]}),
        ("did not have a container port 1", {"loadBalancers": [target | {"containerPort": 1}]}),
        ("only valid for services configured", {"healthCheckGracePeriodSeconds": 60}),
        ("subnet-0", {"networkConfiguration": stage.network(subnets=["subnet-0"])}),
        ("sg-0", {"networkConfiguration": stage.network(securityGroups=["sg-0"])}),
        ("Network Configuration must be provided", {"networkConfiguration": None}),
        ("will block deployments", {"deploymentConfiguration": {"maximumPercent": 100}}),
    ]:
        with refused("InvalidParameterException") as it:
            stage.create(taskDefinition=revision, **change)
        assert words in it.message
    with refused("ClientException"):
        stage.create(taskDefinition="none")
    with refused("ClusterNotFoundException"):
        stage.create(cluster="none", taskDefinition=revision)
    with refused("ServiceNotFoundException"):
        stage.update(desiredCount=1)


# Deployments


def test_success_behind_a_load_balancer(new_cloud):
    stage = Stage(new_cloud(times="fast"), "gsm")
    target = stage.balanced("bot")
    stage.create(loadBalancers=[target], healthCheckGracePeriodSeconds=300)
    stage.steady()
    [old] = stage.tasks()
    assert [it["State"] for it in stage.health(target["targetGroupArn"])] == ["healthy"]
    deployment = stage.deploy()
    seen = set()

    def done():
        service = stage.service()
        seen.update((it["status"], it["runningCount"]) for it in service["deployments"])
        seen.update(it["lastStatus"] for it in stage.tasks() + stage.tasks("STOPPED"))
        return stage.record(deployment)["status"] == "SUCCESSFUL"

    wait(done)
    assert {("PRIMARY", 0), ("PRIMARY", 1), ("ACTIVE", 1)} <= seen
    assert {"PROVISIONING", "PENDING", "RUNNING"} <= seen
    [new] = stage.tasks()
    assert new["startedBy"] == deployment and new["taskArn"] != old["taskArn"]
    wait(lambda: stage.tasks("STOPPED")[0]["lastStatus"] == "STOPPED")
    said = " ".join(stage.said())
    for words in ("registered 1 targets in", "draining connections on 1 tasks", "deregistered 1 targets in"):
        assert words in said
    assert stage.record(deployment)["deploymentCircuitBreaker"]["status"] == "MONITORING_COMPLETE"


@pytest.mark.parametrize(
    "fate, code, reason, exit_code",
    [
        ("image-cannot-be-pulled", "TaskFailedToStart", "CannotPullContainerError: ", None),
        ("pull-rate-exceeded", "TaskFailedToStart", "CannotPullContainerError: ", None),
        ("command-not-found", "TaskFailedToStart", "CannotStartContainerError: ", None),
        ("secret-missing", "TaskFailedToStart", "ResourceInitializationError: ", None),
        ("container-exits", "EssentialContainerExited", "Essential container in task exited", 1),
        ("wrong-architecture", "EssentialContainerExited", "Essential container in task exited", 255),
        ("out-of-memory", "EssentialContainerExited", "Essential container in task exited", 137),
    ],
)
def test_the_tag_of_an_image_is_its_fate(stage, fate, code, reason, exit_code):
    stage.create(deploymentConfiguration=ALONE)
    before = stage.steady()
    deployment = stage.deploy(f"docker.io/me/bot:{fate}")
    record = stage.ended(deployment, "ROLLBACK_SUCCESSFUL")
    assert record["statusReason"] == "ECS deployment circuit breaker: tasks failed to start."
    assert record["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert record["rollback"]["serviceRevisionArn"] == record["sourceServiceRevisions"][0]["arn"]
    after = stage.steady()
    assert after["taskDefinition"] == before["taskDefinition"]
    assert after["deployments"][0]["id"] not in (deployment, before["deployments"][0]["id"])
    failed = stage.failed(deployment)
    assert len(failed) == 3
    for task in failed:
        assert task["stopCode"] == code and task["stoppedReason"].startswith(reason)
        assert task["containers"][0].get("exitCode") == exit_code
    if fate == "container-exits":
        stream = f"b/bot/{failed[0]['taskArn'].rpartition('/')[2]}"
        events = stage.logs.get_log_events(logGroupName="/gsm", logStreamName=stream)["events"]
        assert "not valid" in events[1]["message"]


def test_checks_that_fail(new_cloud):
    stage = Stage(new_cloud(times=1000), "gsm")
    target = stage.balanced("bot")
    check = {"healthCheck": {"command": ["CMD", "true"], "interval": 5, "retries": 2}}
    stage.create(loadBalancers=[target], healthCheckGracePeriodSeconds=60)
    stage.steady()
    deployment = stage.deploy("me/bot:health-check-fails")
    wait(lambda: stage.ended(deployment, "ROLLBACK_SUCCESSFUL", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS"))
    stage.ended(deployment, "ROLLBACK_SUCCESSFUL")
    [reason] = {it["stoppedReason"] for it in stage.failed(deployment)}
    assert reason == f"Task failed ELB health checks in (target-group {target['targetGroupArn']})"
    assert any("is unhealthy in (target-group" in it for it in stage.said())
    stage.steady()
    deployment = stage.deploy("me/bot:container-unhealthy", container=check)
    stage.ended(deployment, "ROLLBACK_SUCCESSFUL")
    [task, *_] = stage.failed(deployment)
    assert task["stoppedReason"] == "Task failed container health checks"
    assert task["containers"][0]["healthStatus"] == "UNHEALTHY"


def test_rules_that_tasks_meet(stage):
    stage.create()
    stage.steady()

    def why(**more):
        deployment = stage.deploy(**more)
        stage.ended(deployment, "ROLLBACK_SUCCESSFUL")
        found = {it["stoppedReason"] for it in stage.failed(deployment)}
        stage.steady()
        return found.pop() if found else ""

    secret = {"secrets": [{"name": "A", "valueFrom": "arn:aws:ssm:eu-central-1:123456789012:parameter/gsm/a"}]}
    reason = why(container=secret)
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth:")
    assert "assumed-role/gsm-role/" in reason and "not authorized to perform: ssm:GetParameters" in reason
    allow = {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    stage.iam.put_role_policy(RoleName="gsm-role", PolicyName="secrets", PolicyDocument=document)
    assert "invalid ssm parameters: /gsm/a" in why(container=secret)
    stage.ssm.put_parameter(Name="/gsm/a", Value="x", Type="String")
    deployment = stage.deploy(container=secret)
    stage.ended(deployment, "SUCCESSFUL")
    options = {"awslogs-group": "/none", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "b"}
    log = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    assert "The specified log group does not exist" in why(container=log)
    assert why(role="arn:aws:iam::123456789012:role/none") == ""
    assert any("unable to assume the role 'arn:aws:iam::123456789012:role/none'" in it for it in stage.said())
    deployment = stage.update(networkConfiguration=stage.network(public=False))["deployments"][0]["id"]
    stage.ended(deployment, "ROLLBACK_SUCCESSFUL")
    assert "i/o timeout" in stage.failed(deployment)[0]["stoppedReason"] or "deadline" in str(stage.failed(deployment))
    network = stage.steady()["networkConfiguration"]
    assert network["awsvpcConfiguration"]["assignPublicIp"] == "ENABLED"


def test_a_role_that_is_new_is_waited_for(new_cloud):
    cloud = new_cloud(times="fast")
    cloud.set(iam_spreads_after=0.3)
    stage = Stage(cloud, "gsm")
    stage.create()
    stage.steady()
    assert any("unable to assume the role" in it for it in stage.said())


def test_without_rollback(stage):
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    stage.create(deploymentConfiguration=breaker)
    before = stage.steady()
    deployment = stage.deploy("me/bot:container-exits")
    record = stage.ended(deployment, "STOPPED")
    assert record["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    primary, old = stage.service()["deployments"]
    assert (primary["id"], primary["rolloutState"], primary["failedTasks"]) == (deployment, "FAILED", 3)
    assert (old["id"], old["runningCount"]) == (before["deployments"][0]["id"], 1)


def test_nothing_to_roll_back_to(stage):
    deployment = stage.create(taskDefinition=stage.register("me/bot:container-exits"))["deployments"][0]["id"]
    assert "No rollback candidate" in stage.ended(deployment, "ROLLBACK_FAILED")["statusReason"]
    assert stage.deploy() != deployment
    stage.steady()


def test_stopped_and_superseded(stage, refused):
    stage.create()
    before = stage.steady()
    deployment = stage.deploy("me/bot:never-starts")
    record = wait(lambda: (found := stage.record(deployment))["status"] == "IN_PROGRESS" and found)
    arn = record["serviceDeploymentArn"]
    assert stage.service()["currentServiceDeployment"] == arn
    assert stage.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")["serviceDeploymentArn"] == arn
    stage.ended(deployment, "ROLLBACK_SUCCESSFUL")
    assert stage.steady()["taskDefinition"] == before["taskDefinition"]
    with refused("ConflictException"):
        stage.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    with refused("ServiceDeploymentNotFoundException"):
        stage.ecs.stop_service_deployment(serviceDeploymentArn=arn + "0")
    target = record["targetServiceRevision"]["arn"]
    [revision] = stage.ecs.describe_service_revisions(serviceRevisionArns=[target])["serviceRevisions"]
    assert revision["taskDefinition"].endswith("gsm:2")

    first = stage.deploy("me/bot:never-starts")
    wait(lambda: stage.record(first)["status"] == "IN_PROGRESS")
    second = stage.deploy("me/bot:4")
    assert stage.record(first)["status"] == "STOPPED"
    stage.ended(second, "SUCCESSFUL")
    listed = stage.ecs.list_service_deployments(cluster="gsm", service="bot", status=["SUCCESSFUL"])
    assert len(listed["serviceDeployments"]) == 2


def test_a_test_can_plan(stage):
    stage.cloud.control("PUT", "rollouts", {"seconds": 0.3})
    # A plan takes the place of the rules.
    stage.create(taskDefinition=stage.register(role="arn:aws:iam::123456789012:role/none"))
    time.sleep(0.1)
    assert stage.service()["pendingCount"] == 1
    stage.steady()
    stopped = {"exit_code": 101, "log": ["no token", "bye"]}
    stage.cloud.control("PUT", "rollouts", {"outcome": "fail", "seconds": 0.1, "stopped": stopped})
    deployment = stage.deploy()
    stage.ended(deployment, "ROLLBACK_SUCCESSFUL")
    failed = stage.failed(deployment)
    assert [it["containers"][0]["exitCode"] for it in failed] == [101] * 3
    stage.steady()
    stage.cloud.control("PUT", "rollouts", {"outcome": "hang", "service": "bot"})
    deployment = stage.deploy()
    time.sleep(0.2)
    assert stage.record(deployment)["status"] == "IN_PROGRESS"
    stage.cloud.control("PUT", "rollouts", {"service": "bot", "drain_seconds": 0.4})
    stage.ended(stage.deploy(), "SUCCESSFUL")
    stage.ecs.delete_service(cluster="gsm", service="bot", force=True)
    time.sleep(0.2)
    assert stage.service()["status"] == "DRAINING"
    wait(lambda: stage.service()["status"] == "INACTIVE")
