"""What others make by hand in EC2: key pairs, networks, network interfaces, rules in the short form."""

import pytest

from test_ec2 import AMD, by, run, specified, tcp


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture
def vpc(ec2):
    """A network of a test's own."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    yield vpc
    for kind, key, delete in (
        ("network_interfaces", "NetworkInterface", ec2.delete_network_interface),
        ("subnets", "Subnet", ec2.delete_subnet),
        ("security_groups", "Group", ec2.delete_security_group),
    ):
        paginator = ec2.get_paginator(f"describe_{kind}")
        for found in paginator.paginate(Filters=by("vpc-id", vpc)).build_full_result()[
            "".join(word.title() for word in kind.split("_"))
        ]:
            if found.get("GroupName") != "default":
                delete(**{f"{key}Id": found[f"{key}Id"]})
    ec2.delete_vpc(VpcId=vpc)


def subnet(ec2, vpc, cidr="10.0.1.0/24", **more):
    return ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, **more)["Subnet"]


def test_a_key_pair(ec2, cloud, refused):
    made = ec2.create_key_pair(KeyName="admin", TagSpecifications=[specified("key-pair", a="1")])
    assert made["KeyName"] == "admin" and made["KeyPairId"].startswith("key-")
    assert "SIMULATED" in made["KeyMaterial"] and made["Tags"] == [{"Key": "a", "Value": "1"}]
    with refused("InvalidKeyPair.Duplicate"):
        ec2.create_key_pair(KeyName="admin")
    (found,) = ec2.describe_key_pairs(KeyNames=["admin"])["KeyPairs"]
    assert found["KeyFingerprint"] == made["KeyFingerprint"] and found["KeyType"] == "rsa"
    assert "KeyMaterial" not in found
    (found,) = ec2.describe_key_pairs(KeyPairIds=[made["KeyPairId"]])["KeyPairs"]
    assert found["KeyName"] == "admin"
    assert [it["KeyPairId"] for it in cloud.census()["key_pairs"]] == [made["KeyPairId"]]
    with refused("InvalidKeyPair.NotFound"):
        ec2.describe_key_pairs(KeyNames=["nobody"])

    instance = run(ec2, KeyName="admin")
    assert instance["KeyName"] == "admin"
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    with refused("InvalidKeyPair.NotFound"):
        run(ec2, KeyName="nobody")

    ec2.delete_key_pair(KeyName="admin")
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    # Deleting what is gone succeeds.
    ec2.delete_key_pair(KeyName="admin")


def test_a_profile_is_taken_from_an_instance(ec2, cloud, refused):
    iam = cloud.client("iam")
    trust = '{"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}'
    iam.create_role(RoleName="taken", AssumeRolePolicyDocument=trust)
    iam.create_instance_profile(InstanceProfileName="taken")
    iam.add_role_to_instance_profile(InstanceProfileName="taken", RoleName="taken")
    instance = run(ec2, IamInstanceProfile={"Name": "taken"})["InstanceId"]
    describe = ec2.describe_iam_instance_profile_associations
    mine = by("instance-id", instance)
    (one,) = describe(Filters=mine)["IamInstanceProfileAssociations"]
    taken = ec2.disassociate_iam_instance_profile(AssociationId=one["AssociationId"])["IamInstanceProfileAssociation"]
    assert taken["State"] == "disassociating" and taken["InstanceId"] == instance
    assert describe(Filters=mine)["IamInstanceProfileAssociations"] == []
    (found,) = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    assert "IamInstanceProfile" not in found
    with refused("InvalidAssociationID.NotFound"):
        ec2.disassociate_iam_instance_profile(AssociationId=one["AssociationId"])
    ec2.terminate_instances(InstanceIds=[instance])


def test_a_network_is_made_and_deleted(ec2, cloud, refused):
    made = ec2.create_vpc(CidrBlock="10.1.2.3/16", TagSpecifications=[specified("vpc", a="1")])["Vpc"]
    vpc = made["VpcId"]
    assert (made["CidrBlock"], made["State"], made["IsDefault"]) == ("10.1.0.0/16", "pending", False)
    (found,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert found["State"] == "available" and found["Tags"] == [{"Key": "a", "Value": "1"}]
    (group,) = ec2.describe_security_groups(Filters=by("vpc-id", vpc))["SecurityGroups"]
    assert group["GroupName"] == "default"

    one = subnet(ec2, vpc, "10.1.1.0/24", AvailabilityZone="eu-central-1b")
    assert one["AvailabilityZone"] == "eu-central-1b" and one["AvailableIpAddressCount"] == 251
    assert (one["DefaultForAz"], one["MapPublicIpOnLaunch"]) == (False, False)
    (found,) = ec2.describe_subnets(Filters=by("vpc-id", vpc))["Subnets"]
    assert found["SubnetId"] == one["SubnetId"]
    assert cloud.census()["vpcs"] == [{"VpcId": vpc, "CidrBlock": "10.1.0.0/16"}]
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_subnet(SubnetId=one["SubnetId"])
    with refused("InvalidSubnetID.NotFound"):
        ec2.delete_subnet(SubnetId=one["SubnetId"])

    own = ec2.create_security_group(GroupName="own", Description="d", VpcId=vpc)["GroupId"]
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_security_group(GroupId=own)
    ec2.delete_vpc(VpcId=vpc)
    with refused("InvalidVpcID.NotFound"):
        ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_security_groups(Filters=by("vpc-id", vpc))["SecurityGroups"] == []


@pytest.mark.parametrize(
    "cidr, code",
    [
        ("10.0.0.0/15", "InvalidVpc.Range"),
        ("10.0.0.0/29", "InvalidVpc.Range"),
        ("nonsense", "InvalidParameterValue"),
    ],
)
def test_a_network_of_no_good_size(ec2, refused, cidr, code):
    with refused(code):
        ec2.create_vpc(CidrBlock=cidr)


@pytest.mark.parametrize(
    "cidr, zone, code",
    [
        ("10.0.1.128/25", "a", "InvalidSubnet.Conflict"),
        ("10.0.0.0/16", "a", "InvalidSubnet.Conflict"),
        ("10.2.0.0/24", "a", "InvalidSubnet.Range"),
        ("10.0.2.0/29", "a", "InvalidSubnet.Range"),
        ("10.0.2", "a", "InvalidParameterValue"),
        ("10.0.2.0/24", "z", "InvalidParameterValue"),
    ],
)
def test_a_subnet_that_does_not_fit(ec2, vpc, refused, cidr, zone, code):
    subnet(ec2, vpc)
    with refused(code):
        subnet(ec2, vpc, cidr, AvailabilityZone=f"eu-central-1{zone}")


def test_a_network_of_nobody(ec2, refused):
    with refused("InvalidVpcID.NotFound"):
        subnet(ec2, "vpc-0123456789abcdef0")


def test_there_are_five_networks(ec2, refused):
    made = [ec2.create_vpc(CidrBlock=f"10.{it}.0.0/16")["Vpc"]["VpcId"] for it in range(4)]
    with refused("VpcLimitExceeded"):
        ec2.create_vpc(CidrBlock="10.9.0.0/16")
    for it in made:
        ec2.delete_vpc(VpcId=it)


def test_a_network_interface_holds_its_group_and_subnet(ec2, vpc, refused):
    place = subnet(ec2, vpc)["SubnetId"]
    group = ec2.create_security_group(GroupName="held", Description="d", VpcId=vpc)["GroupId"]
    asked = {"SubnetId": place, "Groups": [group], "Description": "ELB app/gsm/1"}
    made = ec2.create_network_interface(**asked, ClientToken="t")["NetworkInterface"]
    interface = made["NetworkInterfaceId"]
    assert made["Status"] == "available" and made["VpcId"] == vpc and made["PrivateIpAddress"] == "10.0.1.4"
    again = ec2.create_network_interface(**asked, ClientToken="t")["NetworkInterface"]
    assert again["NetworkInterfaceId"] == interface
    with refused("IdempotentParameterMismatch"):
        ec2.create_network_interface(SubnetId=place, ClientToken="t")
    (found,) = ec2.describe_network_interfaces(Filters=by("group-id", group))["NetworkInterfaces"]
    assert (found["Status"], found["Description"], found["RequesterManaged"]) == ("available", "ELB app/gsm/1", False)
    assert "Attachment" not in found
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=place)
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    with refused("InvalidNetworkInterfaceID.NotFound"):
        ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=group)
    with refused("InvalidGroup.NotFound"):
        ec2.create_network_interface(SubnetId=place, Groups=[group])
    with refused("InvalidSubnetID.NotFound"):
        ec2.create_network_interface(SubnetId="subnet-0123456789abcdef0")


def test_the_interface_of_an_instance_is_not_deleted_by_hand(ec2, refused):
    instance = run(ec2)["InstanceId"]
    (found,) = ec2.describe_network_interfaces(Filters=by("attachment.instance-id", instance))["NetworkInterfaces"]
    with refused("InvalidParameterValue"):
        ec2.delete_network_interface(NetworkInterfaceId=found["NetworkInterfaceId"])
    ec2.terminate_instances(InstanceIds=[instance])


def test_a_rule_in_the_short_form(ec2, refused):
    group = ec2.create_security_group(GroupName="short", Description="d")["GroupId"]
    short = {"GroupId": group, "IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "CidrIp": "203.0.113.7/32"}
    (made,) = ec2.authorize_security_group_ingress(**short)["SecurityGroupRules"]
    assert (made["FromPort"], made["CidrIpv4"], made["IsEgress"]) == (8080, "203.0.113.7/32", False)
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(8080, cidr="203.0.113.7/32"))
    with refused("InvalidParameterCombination"):
        ec2.authorize_security_group_ingress(**short, IpPermissions=tcp(80, cidr="203.0.113.7/32"))
    for missing in ("IpProtocol", "CidrIp"):
        with refused("MissingParameter"):
            ec2.authorize_security_group_ingress(**{key: it for key, it in short.items() if key != missing})
    # For egress the API reference knows only IpPermissions.
    with refused("InvalidParameterValue"):
        ec2.authorize_security_group_egress(**short)
    ec2.delete_security_group(GroupId=group)


def test_a_rule_that_is_not_there_is_an_error_outside_of_the_default_network(ec2, vpc, refused):
    group = ec2.create_security_group(GroupName="own", Description="d", VpcId=vpc)["GroupId"]
    with refused("InvalidPermission.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=tcp(80, cidr="203.0.113.0/24"))


def test_without_a_default_network(new_cloud, refused):
    ec2 = new_cloud().client("ec2")
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    for it in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=it["SubnetId"])
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    assert ec2.describe_vpcs(Filters=by("is-default", "true"))["Vpcs"] == []
    assert ec2.describe_security_groups()["SecurityGroups"] == []
    with refused("VPCIdNotSpecified"):
        ec2.create_security_group(GroupName="a", Description="d")
    with refused("VPCIdNotSpecified"):
        run(ec2, ImageId=AMD)
