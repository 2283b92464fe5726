"""A caller that may do only what a policy allows."""

import json

import pytest


@pytest.fixture
def cloud(new_cloud):
    return new_cloud()


def allow(cloud, *statements):
    cloud.control("PUT", "policy", {"Version": "2012-10-17", "Statement": list(statements)} if statements else None)


def allowed(*actions, on="*", **condition):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return statement | ({"Condition": condition} if condition else {})


def test_each_service_denies_in_its_own_way(cloud, refused):
    allow(cloud, allowed("s3:*"))
    for service, code, status, call in (
        ("acm", "AccessDeniedException", 400, lambda it: it.list_certificates()),
        ("ec2", "UnauthorizedOperation", 403, lambda it: it.describe_vpcs()),
        ("ecs", "AccessDeniedException", 400, lambda it: it.list_clusters()),
        ("elbv2", "AccessDenied", 403, lambda it: it.describe_load_balancers()),
        ("iam", "AccessDenied", 403, lambda it: it.list_roles()),
        ("kms", "AccessDeniedException", 400, lambda it: it.list_keys()),
        ("logs", "AccessDeniedException", 400, lambda it: it.describe_log_groups()),
        ("resourcegroupstaggingapi", "AccessDeniedException", 400, lambda it: it.get_resources()),
        ("route53", "AccessDenied", 403, lambda it: it.list_hosted_zones()),
        ("ssm", "AccessDeniedException", 400, lambda it: it.describe_parameters()),
    ):
        with refused(code) as error:
            call(cloud.client(service))
        assert error.status == status and "is not authorized to perform" in error.message, service
    assert cloud.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_a_denied_call_changes_nothing(cloud, refused):
    ec2 = cloud.client("ec2")
    allow(cloud, allowed("ec2:CreateSecurityGroup"))
    ec2.create_security_group(GroupName="a", Description="d")
    with refused("UnauthorizedOperation") as error:
        tags = [{"ResourceType": "security-group", "Tags": [{"Key": "a", "Value": "1"}]}]
        ec2.create_security_group(GroupName="b", Description="d", TagSpecifications=tags)
    assert "ec2:CreateTags on resource: arn:aws:ec2:eu-central-1:123456789012:security-group/*" in error.message
    assert [it["GroupName"] for it in cloud.census()["security_groups"]] == ["a"]
    # Asking does not need less.
    allow(cloud, allowed("ec2:Describe*"))
    with refused("UnauthorizedOperation"):
        ec2.create_security_group(GroupName="b", Description="d", DryRun=True)


def test_resources_and_conditions_count(cloud, refused):
    ssm, kms = cloud.client("ssm"), cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]
    allow(
        cloud,
        allowed("ssm:PutParameter", "ssm:GetParameter", on="arn:aws:ssm:*:*:parameter/gsm/*"),
        allowed(
            "kms:Decrypt", "kms:Encrypt", on=key["Arn"], StringEquals={"kms:ViaService": "ssm.eu-central-1.amazonaws.com"}
        ),
    )
    ssm.put_parameter(Name="/gsm/a", Value="v", Type="SecureString", KeyId=key["KeyId"])
    assert ssm.get_parameter(Name="/gsm/a", WithDecryption=True)["Parameter"]["Value"] == "v"
    with refused("AccessDeniedException"):
        ssm.put_parameter(Name="/other", Value="v", Type="String")
    allow(cloud, allowed("ssm:*"))
    with refused("AccessDeniedException") as error:
        ssm.get_parameter(Name="/gsm/a", WithDecryption=True)
    assert f"kms:Decrypt on resource: {key['Arn']}" in error.message
    ssm.get_parameter(Name="/gsm/a")


def test_what_was_needed_is_told(cloud):
    allow(cloud, allowed("*"))
    cloud.client("ecs").list_clusters()
    cloud.client("logs").create_log_group(logGroupName="/a")
    assert cloud.control("GET", "policy") == [
        ["ecs:ListClusters", "*"],
        ["logs:CreateLogGroup", "arn:aws:logs:eu-central-1:123456789012:log-group:/a:log-stream:"],
    ]
    allow(cloud)
    assert cloud.control("GET", "policy") == []
    cloud.client("ecs").list_clusters()


def test_a_policy_has_a_form(cloud):
    with pytest.raises(Exception, match="400"):
        cloud.control("PUT", "policy", {"Statement": {"Effect": "Perhaps"}})
