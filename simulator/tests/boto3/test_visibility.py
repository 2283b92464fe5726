"""What was just made is not seen at first."""

import pytest


@pytest.fixture
def cloud(new_cloud):
    """One in which nothing that is new is seen for years, give or take: a test is quicker."""
    cloud = new_cloud()
    cloud.set(seen_after=1e9)
    return cloud


def seen(cloud):
    cloud.set(seen_after=0)


def test_a_security_group_is_neither_described_nor_used(cloud, refused):
    ec2 = cloud.client("ec2")
    group = ec2.create_security_group(GroupName="new", Description="d")["GroupId"]
    with refused("InvalidGroup.NotFound"):
        ec2.describe_security_groups(GroupIds=[group])
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    with refused("InvalidGroup.NotFound"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    names = [it["GroupName"] for it in ec2.describe_security_groups()["SecurityGroups"]]
    assert names == ["default"]
    with refused("InvalidGroup.Duplicate"):
        ec2.create_security_group(GroupName="new", Description="d")
    assert len(cloud.census()["security_groups"]) == 1
    seen(cloud)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert found["IpPermissions"]


def test_other_services_say_so_in_their_own_way(cloud, refused):
    iam, kms, ecs, ssm = (cloud.client(it) for it in ("iam", "kms", "ecs", "ssm"))
    trust = '{"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}'
    iam.create_role(RoleName="new", AssumeRolePolicyDocument=trust)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/new", TargetKeyId=key)
    ecs.create_cluster(clusterName="new")
    ssm.put_parameter(Name="/new", Value="a", Type="String")
    with refused("NoSuchEntity"):
        iam.get_role(RoleName="new")
    with refused("NotFoundException"):
        kms.describe_key(KeyId=key)
    assert kms.list_aliases()["Aliases"] == [] and iam.list_roles()["Roles"] == []
    assert ecs.describe_clusters(clusters=["new"])["failures"][0]["reason"] == "MISSING"
    # Parameter Store is consistent at once.
    assert ssm.get_parameter(Name="/new")["Parameter"]["Value"] == "a"
    seen(cloud)
    assert iam.get_role(RoleName="new")["Role"]["RoleName"] == "new"
    assert kms.describe_key(KeyId="alias/new")["KeyMetadata"]["KeyId"] == key
    assert ecs.describe_clusters(clusters=["new"])["clusters"][0]["status"] == "ACTIVE"
