"""Load balancers, target groups, listeners and rules."""

import time

import pytest
from test_acm import issued, request

POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
NOT_FOUND = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}
TO_HTTPS = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}


class Stage:
    """A cloud with what load balancers need."""

    def __init__(self, cloud):
        self.cloud, self.elb, self.ec2 = cloud, cloud.client("elbv2"), cloud.client("ec2")
        self.vpc = self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["Subnets"]
        self.subnets = [it["SubnetId"] for it in subnets]
        self.zones = {it["SubnetId"]: it["AvailabilityZone"] for it in subnets}

    def security_group(self, name):
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)
        return made["GroupId"]

    def balancer(self, name, **more):
        request = {"Name": name, "Subnets": self.subnets[:2]} | more
        return self.elb.create_load_balancer(**request)["LoadBalancers"][0]

    def target_group(self, name, **more):
        request = {"Name": name, "Port": 8080, "Protocol": "HTTP", "VpcId": self.vpc, "TargetType": "ip"} | more
        return self.elb.create_target_group(**request)["TargetGroups"][0]

    def listener(self, balancer, action, **more):
        request = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [action]} | more
        return self.elb.create_listener(**request)["Listeners"][0]

    def interfaces(self, balancer):
        description = "ELB " + balancer.partition(":loadbalancer/")[2]
        filters = [{"Name": "description", "Values": [description]}]
        return self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]

    def health(self, group):
        found = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [it["TargetHealth"] for it in found]


def forward(group):
    return {"Type": "forward", "TargetGroupArn": group}


def path(*values):
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


@pytest.fixture(scope="module")
def stage(cloud):
    return Stage(cloud)


@pytest.fixture
def elb(stage):
    """Afterwards there is nothing left."""
    yield stage.elb
    for balancer in stage.elb.describe_load_balancers()["LoadBalancers"]:
        stage.elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    for group in stage.elb.describe_target_groups()["TargetGroups"]:
        stage.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    kinds = {"load_balancers", "target_groups", "listeners", "listener_rules"}
    assert not kinds & set(stage.cloud.census())


# Load balancers


def test_a_load_balancer_from_nothing_to_nothing(stage, elb, refused):
    group = stage.security_group("gsm-lb")
    made = stage.balancer("gsm", SecurityGroups=[group], Tags=[{"Key": "team", "Value": "a"}])
    arn = made["LoadBalancerArn"]
    assert ":loadbalancer/app/gsm/" in arn and made["Scheme"] == "internet-facing" and made["Type"] == "application"
    assert made["DNSName"].startswith("gsm-") and made["DNSName"].endswith(".eu-central-1.elb.amazonaws.com")
    assert made["CanonicalHostedZoneId"] == "Z215JYRZR1TBD5" and made["VpcId"] == stage.vpc
    assert {it["SubnetId"]: it["ZoneName"] for it in made["AvailabilityZones"]} == {
        subnet: stage.zones[subnet] for subnet in stage.subnets[:2]
    }
    for by in ({"LoadBalancerArns": [arn]}, {"Names": ["gsm"]}, {}):
        [found] = elb.describe_load_balancers(**by)["LoadBalancers"]
        assert found["LoadBalancerArn"] == arn and found["State"]["Code"] == "active"
    assert len(stage.interfaces(arn)) == 2
    with refused("DependencyViolation"):
        stage.ec2.delete_security_group(GroupId=group)

    all_zones = elb.set_subnets(LoadBalancerArn=arn, Subnets=stage.subnets)["AvailabilityZones"]
    assert len(all_zones) == len(stage.interfaces(arn)) == len(stage.subnets)
    other = stage.security_group("gsm-other")
    assert elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])["SecurityGroupIds"] == [other]
    assert {it["GroupId"] for interface in stage.interfaces(arn) for it in interface["Groups"]} == {other}
    stage.ec2.delete_security_group(GroupId=group)

    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.delete_load_balancer(LoadBalancerArn=arn)
    for by in ({"LoadBalancerArns": [arn]}, {"Names": ["gsm"]}):
        with refused("LoadBalancerNotFound"):
            elb.describe_load_balancers(**by)
    assert stage.interfaces(arn) == []
    stage.ec2.delete_security_group(GroupId=other)


def test_names_of_load_balancers(stage, elb, refused):
    for name in ("a" * 33, "under_score", "-gsm", "gsm-", "internal-gsm"):
        with refused("ValidationError"):
            stage.balancer(name)
    one = stage.balancer("gsm")
    assert stage.balancer("gsm", Subnets=stage.subnets[1::-1])["LoadBalancerArn"] == one["LoadBalancerArn"]
    for other in ({"Scheme": "internal"}, {"Subnets": stage.subnets}):
        with refused("DuplicateLoadBalancerName") as it:
            stage.balancer("gsm", **other)
        assert it.message == "A load balancer with the same name 'gsm' exists, but with different settings"


def test_where_a_load_balancer_can_be(stage, elb, refused):
    with refused("ValidationError") as it:
        stage.balancer("gsm", Subnets=stage.subnets[:1])
    assert it.message == "At least two subnets in two different Availability Zones must be specified"
    with refused("InvalidConfigurationRequest"):
        stage.balancer("gsm", Subnets=[stage.subnets[0], stage.subnets[0]])
    with refused("SubnetNotFound"):
        stage.balancer("gsm", Subnets=[stage.subnets[0], "subnet-1"])
    with refused("InvalidSecurityGroup"):
        stage.balancer("gsm", SecurityGroups=["sg-1"])
    internal = stage.balancer("gsm", Scheme="internal")
    assert internal["DNSName"].startswith("internal-gsm-")
    with refused("ValidationError"):
        elb.set_subnets(LoadBalancerArn=internal["LoadBalancerArn"], Subnets=stage.subnets[:1])


def test_attributes_of_a_load_balancer(stage, elb, refused):
    arn = stage.balancer("gsm")["LoadBalancerArn"]

    def modify(key, value):
        attributes = [{"Key": key, "Value": value}]
        return elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)

    found = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    defaults = {it["Key"]: it["Value"] for it in found}
    assert defaults["idle_timeout.timeout_seconds"] == "60" and defaults["routing.http2.enabled"] == "true"
    modify("idle_timeout.timeout_seconds", "400")
    for key, value in (("idle_timeout.timeout_seconds", "4001"), ("routing.http2.enabled", "no"), ("x", "y")):
        with refused("ValidationError"):
            modify(key, value)
    modify("deletion_protection.enabled", "true")
    with refused("OperationNotPermitted") as it:
        elb.delete_load_balancer(LoadBalancerArn=arn)
    assert it.message == f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
    modify("deletion_protection.enabled", "false")


def test_load_balancers_in_pages(stage, elb, refused):
    for number in range(3):
        stage.balancer(f"gsm-{number}")
    pages = elb.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 2})
    pages = [[it["LoadBalancerName"] for it in page["LoadBalancers"]] for page in pages]
    assert pages == [["gsm-0", "gsm-1"], ["gsm-2"]]
    for wrong in ({"PageSize": 0}, {"Marker": "x"}, {"LoadBalancerArns": ["gsm"]}):
        with refused("ValidationError"):
            elb.describe_load_balancers(**wrong)


# Target groups


def test_a_target_group_from_nothing_to_nothing(stage, elb, refused):
    made = stage.target_group("gsm-bot")
    arn = made["TargetGroupArn"]
    defaults = {
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/",
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 6,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [],
    }
    assert {key: made[key] for key in defaults} == defaults
    changed = elb.modify_target_group(
        TargetGroupArn=arn,
        HealthCheckPath="/healthz",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2,
        Matcher={"HttpCode": "200,302"},
    )["TargetGroups"][0]
    assert changed["HealthCheckPath"] == "/healthz" and changed["UnhealthyThresholdCount"] == 2
    assert elb.describe_target_groups(Names=["gsm-bot"])["TargetGroups"] == [changed]

    def modify(key, value):
        attributes = [{"Key": key, "Value": value}]
        return elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)

    modify("deregistration_delay.timeout_seconds", "10")
    for key, value in (("deregistration_delay.timeout_seconds", "3601"), ("slow_start.duration_seconds", "10")):
        with refused("ValidationError"):
            modify(key, value)
    found = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    assert {it["Key"]: it["Value"] for it in found}["deregistration_delay.timeout_seconds"] == "10"
    elb.delete_target_group(TargetGroupArn=arn)
    elb.delete_target_group(TargetGroupArn=arn)
    for by in ({"TargetGroupArns": [arn]}, {"Names": ["gsm-bot"]}):
        with refused("TargetGroupNotFound"):
            elb.describe_target_groups(**by)
    with refused("TargetGroupNotFound"):
        elb.modify_target_group(TargetGroupArn=arn)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Name": "under_score"},
        {"Port": 0},
        {"Port": 65536},
        {"VpcId": "vpc-1"},
        {"HealthCheckIntervalSeconds": 4, "HealthCheckTimeoutSeconds": 2},
        {"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 10},
        {"HealthyThresholdCount": 11},
        {"UnhealthyThresholdCount": 1},
        {"HealthCheckPath": "healthz"},
        {"HealthCheckPort": "http"},
        {"Matcher": {"HttpCode": "200-500"}},
    ],
)
def test_target_groups_that_cannot_be(stage, elb, refused, wrong):
    with refused("ValidationError"):
        stage.target_group(wrong.pop("Name", "gsm-bot"), **wrong)


def test_names_of_target_groups(stage, elb, refused):
    one = stage.target_group("gsm-bot")
    assert stage.target_group("gsm-bot")["TargetGroupArn"] == one["TargetGroupArn"]
    for other in ({"Port": 9090}, {"HealthCheckPath": "/healthz"}):
        with refused("DuplicateTargetGroupName") as it:
            stage.target_group("gsm-bot", **other)
        assert it.message == "A target group with the same name 'gsm-bot' exists, but with different settings"


# Targets


def test_targets_in_time(new_cloud, refused):
    stage = Stage(new_cloud(times="fast"))
    stage.cloud.set(balancer_active_after=0.2)
    arn = stage.target_group(
        "gsm-bot", HealthCheckIntervalSeconds=10, HealthCheckTimeoutSeconds=2, UnhealthyThresholdCount=3
    )["TargetGroupArn"]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    stage.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
    targets = [{"Id": "172.31.0.5", "Port": 8080}]
    with refused("ValidationError"):
        stage.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "i-0"}])
    stage.elb.register_targets(TargetGroupArn=arn, Targets=targets)
    [found] = stage.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert found["Target"] == targets[0] and found["HealthCheckPort"] == "8080"
    assert found["TargetHealth"] == {
        "State": "unused",
        "Reason": "Target.NotInUse",
        "Description": "Target group is not configured to receive traffic from the load balancer",
    }

    balancer = stage.balancer("gsm")["LoadBalancerArn"]
    listener = stage.listener(balancer, forward(arn))["ListenerArn"]
    [health] = stage.health(arn)
    assert (health["State"], health["Reason"]) == ("initial", "Elb.RegistrationInProgress")
    # Nobody answers there, so after three checks of 0.1 s from when the load balancer is active on:
    time.sleep(0.6)
    [health] = stage.health(arn)
    assert (health["State"], health["Reason"]) == ("unhealthy", "Target.ResponseCodeMismatch")
    stage.elb.deregister_targets(TargetGroupArn=arn, Targets=targets)
    [health] = stage.health(arn)
    assert (health["State"], health["Reason"]) == ("draining", "Target.DeregistrationInProgress")
    time.sleep(0.4)
    assert stage.health(arn) == []
    stage.elb.delete_listener(ListenerArn=listener)


def test_instances_as_targets(new_cloud, refused):
    stage = Stage(new_cloud(times="fast"))
    image = stage.ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    run = stage.ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    target = {"Id": run["Instances"][0]["InstanceId"]}
    arn = stage.target_group("gsm-ci", TargetType="instance")["TargetGroupArn"]
    with refused("InvalidTarget") as it:
        stage.elb.register_targets(TargetGroupArn=arn, Targets=[target])
    assert it.message == (
        f"The following targets are not in a running state and cannot be registered: '{target['Id']}'"
    )
    stage.ec2.get_waiter("instance_running").wait(InstanceIds=[target["Id"]], WaiterConfig={"Delay": 1})
    stage.elb.register_targets(TargetGroupArn=arn, Targets=[target])
    [found] = stage.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert found["Target"] == {"Id": target["Id"], "Port": 8080}
    assert found["TargetHealth"]["Reason"] == "Target.NotInUse"
    stage.ec2.terminate_instances(InstanceIds=[target["Id"]])
    [health] = stage.health(arn)
    assert (health["State"], health["Reason"]) == ("unused", "Target.InvalidState")
    # What has ended can be taken out, and what is not there as well.
    for _ in range(2):
        stage.elb.deregister_targets(TargetGroupArn=arn, Targets=[target])
        assert stage.health(arn) == []


def test_a_load_balancer_takes_its_time(new_cloud):
    stage = Stage(new_cloud(times="fast"))
    stage.cloud.set(balancer_active_after=0.3, interfaces_linger=0.3)
    balancer = stage.balancer("gsm")
    arn = balancer["LoadBalancerArn"]
    assert balancer["State"]["Code"] == "provisioning"
    # A listener need not wait.
    stage.listener(arn, NOT_FOUND)
    time.sleep(0.4)
    [found] = stage.elb.describe_load_balancers(Names=["gsm"])["LoadBalancers"]
    assert found["State"]["Code"] == "active"
    stage.elb.delete_load_balancer(LoadBalancerArn=arn)
    assert len(stage.interfaces(arn)) == 2
    time.sleep(0.4)
    assert stage.interfaces(arn) == []


# Listeners


def test_a_listener_from_nothing_to_nothing(stage, elb, refused):
    balancer = stage.balancer("gsm")["LoadBalancerArn"]
    group = stage.target_group("gsm-bot")["TargetGroupArn"]
    made = stage.listener(balancer, forward(group))
    arn = made["ListenerArn"]
    to = {"TargetGroups": [{"TargetGroupArn": group, "Weight": 1}], "TargetGroupStickinessConfig": {"Enabled": False}}
    assert made["DefaultActions"] == [forward(group) | {"ForwardConfig": to}]
    [found] = elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert found["LoadBalancerArns"] == [balancer]
    [found] = elb.describe_target_groups(LoadBalancerArn=balancer)["TargetGroups"]
    assert found["TargetGroupArn"] == group
    with refused("ResourceInUse") as it:
        elb.delete_target_group(TargetGroupArn=group)
    assert it.message == f"Target group '{group}' is currently in use by a listener or a rule"

    [changed] = elb.modify_listener(ListenerArn=arn, Port=8080, DefaultActions=[TO_HTTPS])["Listeners"]
    redirect = changed["DefaultActions"][0]["RedirectConfig"]
    assert changed["Port"] == 8080 and redirect == TO_HTTPS["RedirectConfig"] | {
        "Host": "#{host}",
        "Path": "/#{path}",
        "Query": "#{query}",
    }
    assert elb.describe_listeners(ListenerArns=[arn])["Listeners"] == [changed]
    assert elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"] == [changed]
    elb.delete_target_group(TargetGroupArn=group)
    elb.delete_listener(ListenerArn=arn)
    for call in (elb.delete_listener, elb.modify_listener):
        with refused("ListenerNotFound"):
            call(ListenerArn=arn)
    with refused("ListenerNotFound"):
        elb.describe_listeners(ListenerArns=[arn])
    with refused("ValidationError"):
        elb.describe_listeners()
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    with refused("LoadBalancerNotFound"):
        elb.describe_listeners(LoadBalancerArn=balancer)
    with refused("LoadBalancerNotFound"):
        stage.listener(balancer, NOT_FOUND)


def test_one_listener_for_each_port(stage, elb, refused):
    balancer = stage.balancer("gsm")["LoadBalancerArn"]
    one = stage.listener(balancer, NOT_FOUND)["ListenerArn"]
    assert stage.listener(balancer, NOT_FOUND)["ListenerArn"] == one
    with refused("DuplicateListener") as it:
        stage.listener(balancer, TO_HTTPS)
    assert it.message == f"A listener already exists on this port for this load balancer '{balancer}'"
    two = stage.listener(balancer, NOT_FOUND, Port=81)["ListenerArn"]
    with refused("DuplicateListener"):
        elb.modify_listener(ListenerArn=two, Port=80)
    for wrong in ({"Port": 0}, {"Protocol": "TCP"}, {"Protocol": "SSH"}):
        with refused("ValidationError"):
            stage.listener(balancer, NOT_FOUND, **({"Port": 82} | wrong))


def test_https(stage, elb, refused):
    acm = stage.cloud.client("acm")
    balancer = stage.balancer("gsm")["LoadBalancerArn"]
    certificate, pending = issued(stage.cloud, "lb.example.com"), request(acm, "pending.example.com")

    def https(*certificates, **more):
        certificates = [{"CertificateArn": arn} for arn in certificates]
        more = {"Protocol": "HTTPS", "Port": 443, "Certificates": certificates} | more
        return stage.listener(balancer, NOT_FOUND, **more)

    with refused("ValidationError") as it:
        https()
    assert it.message == "A certificate must be specified for HTTPS listeners"
    with refused("CertificateNotFound"):
        https(certificate[:-1] + "x")
    with refused("UnsupportedCertificate"):
        https(pending)
    with refused("SSLPolicyNotFound"):
        https(certificate, SslPolicy="ELBSecurityPolicy-TLS13-1-4")
    made = https(certificate, SslPolicy=POLICY)
    arn = made["ListenerArn"]
    assert made["Certificates"] == [{"CertificateArn": certificate}] and made["SslPolicy"] == POLICY
    with refused("ResourceInUseException"):
        acm.delete_certificate(CertificateArn=certificate)
    assert acm.describe_certificate(CertificateArn=certificate)["Certificate"]["InUseBy"] == [balancer]

    [http] = elb.modify_listener(ListenerArn=arn, Protocol="HTTP", Port=80)["Listeners"]
    assert "Certificates" not in http and "SslPolicy" not in http
    with refused("ValidationError"):
        elb.modify_listener(ListenerArn=arn, Protocol="HTTPS")
    with refused("ValidationError"):
        elb.modify_listener(ListenerArn=arn, Certificates=[{"CertificateArn": certificate}])
    for it in (certificate, pending):
        acm.delete_certificate(CertificateArn=it)


def test_actions_that_cannot_be(stage, elb, refused):
    one, two = (stage.balancer(name)["LoadBalancerArn"] for name in ("one", "two"))
    group = stage.target_group("gsm-bot")["TargetGroupArn"]
    wrong = [
        ("TargetGroupNotFound", forward(group[:-1] + "x")),
        ("ValidationError", forward(group) | {"RedirectConfig": TO_HTTPS["RedirectConfig"]}),
        ("ValidationError", {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_307", "Port": "443"}}),
        ("InvalidLoadBalancerAction", {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}),
        ("ValidationError", {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "302"}}),
        (
            "InvalidLoadBalancerAction",
            {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/x"}},
        ),
    ]
    for code, action in wrong:
        with refused(code):
            stage.listener(one, action)
    with refused("ValidationError"):
        elb.create_listener(LoadBalancerArn=one, Protocol="HTTP", Port=80, DefaultActions=[NOT_FOUND, NOT_FOUND])
    stage.listener(one, forward(group))
    with refused("TargetGroupAssociationLimit"):
        stage.listener(two, forward(group))


# Rules


@pytest.fixture
def http(stage, elb):
    return stage.listener(stage.balancer("gsm")["LoadBalancerArn"], NOT_FOUND)["ListenerArn"]


def rule(elb, listener, priority, *conditions, action=NOT_FOUND):
    made = elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[action])
    return made["Rules"][0]


def priorities(elb, listener):
    return [it["Priority"] for it in elb.describe_rules(ListenerArn=listener)["Rules"]]


def test_a_rule_from_nothing_to_nothing(stage, elb, http, refused):
    group = stage.target_group("gsm-bot")["TargetGroupArn"]
    made = rule(elb, http, 10, path("/api/*"), action=forward(group))
    arn = made["RuleArn"]
    assert arn.startswith(http.replace(":listener/", ":listener-rule/") + "/")
    assert made["Priority"] == "10" and made["Conditions"] == [path("/api/*") | {"Values": ["/api/*"]}]
    with refused("ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=group)
    host = {"Field": "host-header", "Values": ["api.example.com"]}
    [changed] = elb.modify_rule(RuleArn=arn, Conditions=[host], Actions=[NOT_FOUND])["Rules"]
    assert changed["Conditions"] == [host | {"HostHeaderConfig": {"Values": host["Values"]}}]
    elb.delete_target_group(TargetGroupArn=group)
    found = elb.describe_rules(ListenerArn=http)["Rules"]
    assert [it["IsDefault"] for it in found] == [False, True] and found[0] == changed
    assert elb.describe_rules(RuleArns=[arn])["Rules"] == [changed]
    elb.delete_rule(RuleArn=arn)
    for call in (elb.delete_rule, elb.modify_rule):
        with refused("RuleNotFound"):
            call(RuleArn=arn)
    with refused("RuleNotFound"):
        elb.describe_rules(RuleArns=[arn])
    with refused("ValidationError"):
        elb.describe_rules()


def test_the_default_rule(elb, http, refused):
    [default] = elb.describe_rules(ListenerArn=http)["Rules"]
    assert default["Priority"] == "default" and default["Conditions"] == []
    arn = default["RuleArn"]
    for call in (
        lambda: elb.delete_rule(RuleArn=arn),
        lambda: elb.modify_rule(RuleArn=arn, Actions=[TO_HTTPS]),
        lambda: elb.set_rule_priorities(RulePriorities=[{"RuleArn": arn, "Priority": 1}]),
    ):
        with refused("OperationNotPermitted"):
            call()


def test_priorities(elb, http, refused):
    arns = [rule(elb, http, number, path(f"/{number}"))["RuleArn"] for number in (1, 2, 3)]
    with refused("PriorityInUse") as it:
        rule(elb, http, 2, path("/x"))
    assert it.message == "Priority '2' is currently in use"
    for priority in (0, 50_001):
        with refused("ValidationError"):
            rule(elb, http, priority, path("/x"))

    def set_priorities(*pairs):
        pairs = [{"RuleArn": arn, "Priority": priority} for arn, priority in pairs]
        return [it["Priority"] for it in elb.set_rule_priorities(RulePriorities=pairs)["Rules"]]

    # They change places at once, or not at all.
    assert set_priorities((arns[0], 2), (arns[1], 1)) == ["2", "1"]
    with refused("PriorityInUse"):
        set_priorities((arns[0], 9), (arns[1], 3))
    with refused("ValidationError"):
        set_priorities((arns[0], 9), (arns[1], 9))
    assert priorities(elb, http) == ["1", "2", "3", "default"]
    pages = elb.get_paginator("describe_rules").paginate(ListenerArn=http, PaginationConfig={"PageSize": 3})
    assert [len(page["Rules"]) for page in pages] == [3, 1]


def test_conditions_that_cannot_be(elb, http, refused):
    wrong = [
        [],
        [path()],
        [path("/a"), path("/b")],
        [path("/a", "/b", "/c", "/d", "/e", "/f")],
        [path("/*/*/*/*/*/*/*")],
        [path("/ä")],
        [path("/" + "a" * 128)],
        [{"Field": "host-header", "Values": ["under_score.example.com"]}],
        [{"Field": "cookie", "Values": ["a"]}],
    ]
    for conditions in wrong:
        with refused("ValidationError"):
            rule(elb, http, 1, *conditions)
    header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x", "Values": ["y"]}}
    assert rule(elb, http, 1, header)["Conditions"] == [header]


# Tags


def test_tags(stage, elb, http, refused):
    balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    group = stage.target_group("gsm-bot", Tags=[{"Key": "team", "Value": "a"}])["TargetGroupArn"]
    arns = [balancer, group, http, rule(elb, http, 1, path("/a"))["RuleArn"]]

    def tags(*arns):
        found = elb.describe_tags(ResourceArns=list(arns))["TagDescriptions"]
        return {it["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in it["Tags"]} for it in found}

    assert tags(*arns) == {balancer: {}, group: {"team": "a"}, http: {}, arns[3]: {}}
    elb.add_tags(ResourceArns=arns, Tags=[{"Key": "team", "Value": "b"}, {"Key": "x", "Value": ""}])
    elb.remove_tags(ResourceArns=arns[:2], TagKeys=["team", "none"])
    assert tags(*arns) == {arn: {"x": ""} for arn in arns[:2]} | {arn: {"team": "b", "x": ""} for arn in arns[2:]}
    with refused("ValidationError"):
        tags(*[balancer] * 21)
    for code, arn in zip(("LoadBalancerNotFound", "TargetGroupNotFound", "ListenerNotFound", "RuleNotFound"), arns):
        with refused(code):
            tags(arn[:-1] + "x")
    with refused("DuplicateTagKeys"):
        elb.add_tags(ResourceArns=arns, Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    with refused("TooManyTags"):
        many = [{"Key": str(number), "Value": ""} for number in range(51)]
        elb.add_tags(ResourceArns=arns, Tags=many)
    tagging = stage.cloud.client("resourcegroupstaggingapi")
    found = tagging.get_resources(TagFilters=[{"Key": "x"}])["ResourceTagMappingList"]
    assert sorted(it["ResourceARN"] for it in found) == sorted(arns)
