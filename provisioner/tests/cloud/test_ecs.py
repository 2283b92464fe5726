import time

import pytest

from test_aws import TAGS, balancer, target_group, wait

LOWER_TAGS = [{"key": tag["Key"], "value": tag["Value"]} for tag in TAGS]
BREAKER = {
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    "minimumHealthyPercent": 0,
    "maximumPercent": 100,
}


@pytest.fixture
def cluster(aws, name, control):
    aws.ecs.create_cluster(
        clusterName=name, settings=[{"name": "containerInsights", "value": "enabled"}], tags=LOWER_TAGS
    )
    yield name
    control.put("rollouts", {"drain_seconds": 0})
    for arn in aws.ecs.list_services(cluster=name)["serviceArns"]:
        if aws.ecs.describe_services(cluster=name, services=[arn])["services"][0]["status"] == "ACTIVE":
            aws.ecs.delete_service(cluster=name, service=arn, force=True)
    wait(lambda: not aws.ecs.list_services(cluster=name)["serviceArns"])
    aws.ecs.delete_cluster(cluster=name)


def register(aws, family, image="bot:1"):
    container = {
        "name": "bot", "image": image, "portMappings": [{"containerPort": 8080}],
        "environment": [{"name": "B", "value": "1"}, {"name": "A", "value": "2"}],
        "healthCheck": {"command": ["CMD", "true"]},
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": family, "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "x"}},
    }  # fmt: skip
    definition = aws.ecs.register_task_definition(
        family=family, networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        taskRoleArn="arn:aws:iam::123456789012:role/task", containerDefinitions=[container], tags=LOWER_TAGS,
    )  # fmt: skip
    return definition["taskDefinition"]


def create(aws, cluster, **change):
    request = {
        "cluster": cluster, "serviceName": "bot", "desiredCount": 1, "launchType": "FARGATE", "tags": LOWER_TAGS,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": aws.subnets()[:2], "securityGroups": [aws.group()], "assignPublicIp": "ENABLED"}},
    }  # fmt: skip
    return aws.ecs.create_service(**request | change)["service"]


def described(aws, cluster):
    return aws.ecs.describe_services(cluster=cluster, services=["bot"], include=["TAGS"])["services"][0]


def settled(aws, cluster):
    return wait(
        lambda: (
            (s := described(aws, cluster))["deployments"][0]["rolloutState"] == "COMPLETED"
            and len(s["deployments"]) == 1
            and s
        )
    )


def test_clusters(aws, cluster, refused):
    assert aws.ecs.create_cluster(clusterName=cluster)["cluster"]["settings"][0]["value"] == "enabled"
    aws.ecs.update_cluster_settings(cluster=cluster, settings=[{"name": "containerInsights", "value": "disabled"}])
    [plain] = aws.ecs.describe_clusters(clusters=[cluster])["clusters"]
    [full] = aws.ecs.describe_clusters(clusters=[cluster], include=["TAGS", "SETTINGS"])["clusters"]
    assert "settings" not in plain and full["settings"] == [{"name": "containerInsights", "value": "disabled"}]
    create(aws, cluster, taskDefinition=register(aws, cluster)["taskDefinitionArn"])
    with refused("ClusterContainsServicesException"):
        aws.ecs.delete_cluster(cluster=cluster)


def test_task_definitions_are_filled_in(aws, name):
    container = register(aws, name)["containerDefinitions"][0]
    assert container["portMappings"] == [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}]
    assert [item["name"] for item in container["environment"]] == ["A", "B"]
    assert container["healthCheck"] == {"command": ["CMD", "true"], "interval": 30, "retries": 3, "timeout": 5}
    second = register(aws, name)["taskDefinitionArn"]
    listed = aws.ecs.list_task_definitions(familyPrefix=name, sort="DESC", maxResults=1)
    assert listed["taskDefinitionArns"] == [second] and "nextToken" in listed
    aws.ecs.deregister_task_definition(taskDefinition=second)
    assert aws.ecs.delete_task_definitions(taskDefinitions=[second])["failures"] == []


def test_services_keep_what_they_are_given(aws, cluster, refused):
    definition = register(aws, cluster)["taskDefinitionArn"]
    create(
        aws,
        cluster,
        taskDefinition=definition,
        clientToken="t",
        enableExecuteCommand=True,
        deploymentConfiguration=BREAKER,
    )
    assert create(aws, cluster, taskDefinition=definition, clientToken="t")["status"] == "ACTIVE"
    with refused("InvalidParameterException"):
        create(aws, cluster, taskDefinition=definition, clientToken="other")
    service = settled(aws, cluster)
    assert service["enableExecuteCommand"] and service["platformVersion"] == "LATEST" and service["tags"] == LOWER_TAGS
    assert service["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert (service["runningCount"], service["pendingCount"]) == (1, 0)
    before = service["deployments"][0]["id"]
    same = aws.ecs.update_service(
        cluster=cluster,
        service="bot",
        enableExecuteCommand=False,
        desiredCount=2,
        deploymentConfiguration={"maximumPercent": 200},
    )["service"]
    assert same["deployments"][0]["id"] == before and not same["enableExecuteCommand"]
    assert same["deploymentConfiguration"]["minimumHealthyPercent"] == 0
    assert same["deploymentConfiguration"]["maximumPercent"] == 200
    wait(lambda: described(aws, cluster)["runningCount"] == 2)


def test_target_group_needs_a_load_balancer(aws, cluster, refused):
    definition = register(aws, cluster)["taskDefinitionArn"]
    target = target_group(aws, cluster)["TargetGroupArn"]
    more = {
        "taskDefinition": definition,
        "loadBalancers": [{"targetGroupArn": target, "containerName": "bot", "containerPort": 8080}],
    }
    with refused("InvalidParameterException"):
        create(aws, cluster, **more)
    with refused("InvalidParameterException"):
        create(aws, cluster, taskDefinition=definition, healthCheckGracePeriodSeconds=60)
    arn = balancer(aws, cluster)["LoadBalancerArn"]
    aws.elbv2.create_listener(
        LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": target}]
    )
    create(aws, cluster, **more, healthCheckGracePeriodSeconds=60)
    assert settled(aws, cluster)["healthCheckGracePeriodSeconds"] == 60
    [health] = aws.elbv2.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
    assert (health["TargetHealth"]["State"], health["Target"]["Port"]) == ("healthy", 8080)
    aws.ecs.delete_service(cluster=cluster, service="bot", force=True)
    assert not aws.elbv2.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
    aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    aws.elbv2.delete_target_group(TargetGroupArn=target)


def test_deleted_services_drain(aws, cluster, control, refused):
    control.put("rollouts", {"drain_seconds": 0.3})
    service = create(aws, cluster, taskDefinition=register(aws, cluster)["taskDefinitionArn"])
    group = service["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"][0]
    settled(aws, cluster)
    with refused("DependencyViolation"):
        aws.ec2.delete_security_group(GroupId=group)
    with refused("InvalidParameterException"):
        aws.ecs.delete_service(cluster=cluster, service="bot")
    assert aws.ecs.delete_service(cluster=cluster, service="bot", force=True)["service"]["status"] == "DRAINING"
    with refused("InvalidParameterException"):
        create(aws, cluster, taskDefinition=service["taskDefinition"])
    wait(lambda: described(aws, cluster)["status"] == "INACTIVE")
    assert aws.ecs.list_services(cluster=cluster)["serviceArns"] == []
    with refused("ServiceNotActiveException"):
        aws.ecs.update_service(cluster=cluster, service="bot", desiredCount=1)
    aws.ec2.delete_security_group(GroupId=group)


# Deployments


def deploy(aws, cluster, image="bot:2"):
    definition = register(aws, cluster, image)["taskDefinitionArn"]
    deployments = aws.ecs.update_service(cluster=cluster, service="bot", taskDefinition=definition)["service"][
        "deployments"
    ]
    [mine] = [d for d in deployments if d["status"] == "PRIMARY"]
    assert mine["taskDefinition"] == definition and mine["rolloutState"] == "IN_PROGRESS"
    return mine["id"], definition


def service_deployment(aws, cluster, deployment):
    for summary in aws.ecs.list_service_deployments(cluster=cluster, service="bot")["serviceDeployments"]:
        if summary["targetServiceRevisionArn"].endswith(deployment.removeprefix("ecs-svc/")):
            arns = [summary["serviceDeploymentArn"]]
            return aws.ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"][0]


@pytest.fixture
def service(aws, cluster):
    definition = register(aws, cluster)["taskDefinitionArn"]
    create(aws, cluster, taskDefinition=definition, deploymentConfiguration=BREAKER)
    settled(aws, cluster)
    return definition


def test_success(aws, cluster, service):
    deployment, definition = deploy(aws, cluster)
    during = described(aws, cluster)["deployments"]
    assert [d["status"] for d in during] == ["PRIMARY", "ACTIVE"] and during[1]["runningCount"] == 1
    after = settled(aws, cluster)
    assert after["deployments"][0]["id"] == deployment and after["taskDefinition"] == definition
    assert service_deployment(aws, cluster, deployment)["status"] == "SUCCESSFUL"
    [task] = aws.ecs.list_tasks(cluster=cluster, serviceName="bot")["taskArns"]
    [task] = aws.ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"]
    assert task["startedBy"] == deployment and task["taskDefinitionArn"] == definition


def test_failure_is_rolled_back(aws, cluster, service, control):
    aws.logs.create_log_group(logGroupName=cluster)
    control.put("rollouts", {"outcome": "fail", "stopped": {"exit_code": 101, "log": ["no token", "bye"]}})
    deployment, _ = deploy(aws, cluster)
    after = settled(aws, cluster)
    assert after["taskDefinition"] == service and after["deployments"][0]["id"] != deployment
    mine = service_deployment(aws, cluster, deployment)
    assert (mine["status"], mine["deploymentCircuitBreaker"]["status"]) == ("ROLLBACK_SUCCESSFUL", "TRIGGERED")
    arns = aws.ecs.list_tasks(cluster=cluster, serviceName="bot", desiredStatus="STOPPED")["taskArns"]
    failed = [t for t in aws.ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if t["startedBy"] == deployment]
    assert len(failed) == 3 and failed[0]["stoppedReason"] == "Essential container in task exited"
    assert failed[0]["containers"][0]["exitCode"] == 101
    stream = f"x/bot/{failed[0]['taskArn'].rpartition('/')[2]}"
    events = aws.logs.get_log_events(logGroupName=cluster, logStreamName=stream)["events"]
    assert [event["message"] for event in events] == ["no token", "bye"]


def test_failure_without_rollback(aws, cluster, service, control):
    aws.ecs.update_service(
        cluster=cluster,
        service="bot",
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}},
    )
    control.put("rollouts", {"outcome": "fail"})
    deployment, _ = deploy(aws, cluster)
    failed = wait(lambda: [d for d in described(aws, cluster)["deployments"] if d["rolloutState"] == "FAILED"])
    assert failed[0]["id"] == deployment and failed[0]["failedTasks"] == 3
    assert service_deployment(aws, cluster, deployment)["status"] == "STOPPED"


def test_superseded_and_hanging(aws, cluster, service, control):
    control.put("rollouts", {"outcome": "hang"})
    first, _ = deploy(aws, cluster)
    time.sleep(0.3)
    assert described(aws, cluster)["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    control.put("rollouts", {"outcome": "succeed"})
    second, _ = deploy(aws, cluster, "bot:3")
    assert service_deployment(aws, cluster, first)["status"] == "STOPPED"
    assert settled(aws, cluster)["deployments"][0]["id"] == second


def test_service_deployments_can_be_switched_off(aws, cluster, service, control, refused):
    control.put("aws", {"service_deployments": False})
    with refused("UnknownOperationException"):
        aws.ecs.list_service_deployments(cluster=cluster, service="bot")
    control.put("aws", {"service_deployments": True})
