"""Roles, their policies, instance profiles, and who calls."""

import json
import time

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
EXECUTION = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"


def test_the_caller_is_a_user_of_the_account(cloud):
    caller = cloud.client("sts").get_caller_identity()
    assert caller["Account"] == "123456789012"
    assert caller["Arn"] == "arn:aws:iam::123456789012:user/simulator"


def test_life_of_a_role(cloud, refused):
    iam = cloud.client("iam")
    made = iam.create_role(
        RoleName="life",
        Path="/a/",
        Description="old",
        AssumeRolePolicyDocument=TRUST,
        Tags=[{"Key": "stack", "Value": "a"}],
    )["Role"]
    assert made["Arn"] == "arn:aws:iam::123456789012:role/a/life" and made["RoleId"].startswith("AROA")
    assert made["AssumeRolePolicyDocument"] == json.loads(TRUST)
    with refused("EntityAlreadyExists") as it:
        iam.create_role(RoleName="LIFE", AssumeRolePolicyDocument=TRUST)
    assert it.status == 409

    iam.update_role(RoleName="life", Description="new")
    trust = json.loads(TRUST.replace("ecs-tasks", "ec2"))
    iam.update_assume_role_policy(RoleName="life", PolicyDocument=json.dumps(trust))
    iam.tag_role(RoleName="life", Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName="life", TagKeys=["stack"])
    role = iam.get_role(RoleName="life")["Role"]
    assert (role["Description"], role["AssumeRolePolicyDocument"]) == ("new", trust)
    assert role["Tags"] == iam.list_role_tags(RoleName="life")["Tags"] == [{"Key": "b", "Value": "2"}]

    iam.put_role_policy(RoleName="life", PolicyName="p", PolicyDocument=json.dumps(POLICY))
    assert iam.get_role_policy(RoleName="life", PolicyName="p")["PolicyDocument"] == POLICY
    assert iam.list_role_policies(RoleName="life")["PolicyNames"] == ["p"]
    iam.attach_role_policy(RoleName="life", PolicyArn=EXECUTION)
    iam.attach_role_policy(RoleName="life", PolicyArn=EXECUTION)
    attached = iam.list_attached_role_policies(RoleName="life")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonECSTaskExecutionRolePolicy", "PolicyArn": EXECUTION}]

    with refused("DeleteConflict") as it:
        iam.delete_role(RoleName="life")
    assert "detach" in it.message
    iam.detach_role_policy(RoleName="life", PolicyArn=EXECUTION)
    with refused("DeleteConflict"):
        iam.delete_role(RoleName="life")
    iam.delete_role_policy(RoleName="life", PolicyName="p")
    iam.delete_role(RoleName="life")
    with refused("NoSuchEntity") as it:
        iam.get_role(RoleName="life")
    assert it.status == 404
    assert cloud.census() == {}


def test_what_is_wrong_with_roles_and_policies(cloud, refused):
    iam = cloud.client("iam")
    no_resource = {"Statement": [{"Effect": "Allow", "Action": "s3:*"}]}
    stranger = TRUST.replace('"Service": "ecs-tasks.amazonaws.com"', '"AWS": "arn:aws:iam::123456789012:role/none"')
    for document in ("{", "{}", json.dumps(POLICY), stranger):
        with refused("MalformedPolicyDocument"):
            iam.create_role(RoleName="wrong", AssumeRolePolicyDocument=document)
    for name in ("a b", "x" * 65):
        with refused("ValidationError"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    with refused("LimitExceeded"):
        iam.create_role(RoleName="wrong", AssumeRolePolicyDocument=TRUST.replace("sts:AssumeRole", "sts:" + "x" * 2048))
    iam.create_role(RoleName="wrong", AssumeRolePolicyDocument=TRUST)
    for document in ("{", TRUST, json.dumps(no_resource)):
        with refused("MalformedPolicyDocument"):
            iam.put_role_policy(RoleName="wrong", PolicyName="p", PolicyDocument=document)
    big = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:" + "x" * 10240}]})
    with refused("LimitExceeded"):
        iam.put_role_policy(RoleName="wrong", PolicyName="p", PolicyDocument=big)
    for call in (iam.get_role_policy, iam.delete_role_policy):
        with refused("NoSuchEntity"):
            call(RoleName="wrong", PolicyName="p")
    for call in (iam.attach_role_policy, iam.detach_role_policy):
        with refused("NoSuchEntity"):
            call(RoleName="wrong", PolicyArn="arn:aws:iam::aws:policy/NoneSuch")
    with refused("InvalidInput"):
        iam.tag_role(RoleName="wrong", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])
    iam.delete_role(RoleName="wrong")


def test_life_of_an_instance_profile(cloud, refused):
    iam = cloud.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    made = iam.create_instance_profile(InstanceProfileName="p", Tags=[{"Key": "a", "Value": "1"}])["InstanceProfile"]
    assert made["Arn"] == "arn:aws:iam::123456789012:instance-profile/p" and made["Roles"] == []
    with refused("EntityAlreadyExists"):
        iam.create_instance_profile(InstanceProfileName="p")
    with refused("NoSuchEntity"):
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="none")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    with refused("LimitExceeded"):
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.tag_instance_profile(InstanceProfileName="p", Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_instance_profile(InstanceProfileName="p", TagKeys=["a"])
    profile = iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]
    assert [it["RoleName"] for it in profile["Roles"]] == ["r"] and profile["Tags"] == [{"Key": "b", "Value": "2"}]
    assert len(iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]) == 1
    for delete in (lambda: iam.delete_role(RoleName="r"), lambda: iam.delete_instance_profile(InstanceProfileName="p")):
        with refused("DeleteConflict"):
            delete()
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
    with refused("NoSuchEntity"):
        iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="p")
    iam.delete_role(RoleName="r")
    with refused("NoSuchEntity"):
        iam.get_instance_profile(InstanceProfileName="p")


def test_lists_come_in_pages(cloud):
    iam = cloud.client("iam")
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        iam.create_role(RoleName=name, Path="/pages/", AssumeRolePolicyDocument=TRUST)
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 2}))
    assert [len(page["Roles"]) for page in pages] == [2, 2, 1]
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == names
    for name in names:
        iam.delete_role(RoleName=name)


def test_a_role_reaches_other_services_late(new_cloud, refused):
    cloud = new_cloud()
    cloud.set(iam_spreads_after=0.5)
    iam, kms = cloud.client("iam"), cloud.client("kms")
    arn = iam.create_role(RoleName="late", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    statement = {"Effect": "Allow", "Principal": {"AWS": ["123456789012", arn]}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with refused("MalformedPolicyDocumentException") as it:
        kms.create_key(Policy=policy)
    assert "invalid principals" in it.message
    time.sleep(0.6)
    kms.create_key(Policy=policy)
