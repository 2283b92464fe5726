"""The network, security groups and their rules, instances with volumes and addresses, images, tags."""

import base64
import json
import time

import pytest

AMD, ARM = "ami-0a1b2c3d4e5f60002", "ami-0a1b2c3d4e5f60004"


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture
def group(ec2):
    """Makes security groups, which are deleted after the test if it has not done so."""
    made = []

    def make(name, **more):
        answer = ec2.create_security_group(GroupName=name, Description="of a test", **more)
        made.append(answer["GroupId"])
        return made[-1]

    yield make
    left = ec2.describe_security_groups(Filters=by("group-id", *made))["SecurityGroups"] if made else []
    for it in left:
        if it["IpPermissions"]:
            ec2.revoke_security_group_ingress(GroupId=it["GroupId"], IpPermissions=it["IpPermissions"])
    for it in left:
        ec2.delete_security_group(GroupId=it["GroupId"])


def by(name, *values):
    return [{"Name": name, "Values": list(values)}]


def tcp(port, *, cidr=None, v6=None, group=None, description=None):
    said = {"Description": description} if description else {}
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    if cidr:
        permission["IpRanges"] = [{"CidrIp": cidr} | said]
    if v6:
        permission["Ipv6Ranges"] = [{"CidrIpv6": v6} | said]
    if group:
        permission["UserIdGroupPairs"] = [{"GroupId": group} | said]
    return [permission]


def specified(kind, **tags):
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def run(ec2, **more):
    wanted = {"ImageId": AMD, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
    return ec2.run_instances(**wanted | more)["Instances"][0]


def instance(ec2, name):
    return ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]


def state(ec2, name):
    return instance(ec2, name)["State"]["Name"]


def until(look, wanted, seconds=5):
    end = time.monotonic() + seconds
    while look() != wanted:
        assert time.monotonic() < end, f"{look()} instead of {wanted}"
        time.sleep(0.01)


def profile(cloud, name):
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    arn = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    return iam, arn


# The network


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1"])
def test_every_region_has_a_default_network(cloud, region):
    ec2 = cloud.session.client("ec2", region, endpoint_url=cloud.url)
    (vpc,) = ec2.describe_vpcs(Filters=by("is-default", "true"))["Vpcs"]
    assert (vpc["CidrBlock"], vpc["State"]) == ("172.31.0.0/16", "available")
    subnets = ec2.describe_subnets(Filters=by("vpc-id", vpc["VpcId"]))["Subnets"]
    assert {it["AvailabilityZone"] for it in subnets} == {region + zone for zone in "abc"}
    assert all(it["DefaultForAz"] and it["MapPublicIpOnLaunch"] for it in subnets)
    (default,) = ec2.describe_security_groups(Filters=by("vpc-id", vpc["VpcId"]) + by("group-name", "default"))[
        "SecurityGroups"
    ]
    assert default["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == default["GroupId"]
    assert default["IpPermissionsEgress"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]


def test_what_is_not_there_and_filters_that_do_not_exist(ec2, refused):
    for code, ask in {
        "InvalidVpcID.NotFound": lambda: ec2.describe_vpcs(VpcIds=["vpc-00000000000000000"]),
        "InvalidSubnetID.NotFound": lambda: ec2.describe_subnets(SubnetIds=["subnet-00000000000000000"]),
        "InvalidGroup.NotFound": lambda: ec2.describe_security_groups(GroupIds=["sg-00000000000000000"]),
        "InvalidGroupId.Malformed": lambda: ec2.describe_security_groups(GroupIds=["group"]),
        "InvalidSecurityGroupRuleId.NotFound": lambda: ec2.describe_security_group_rules(
            SecurityGroupRuleIds=["sgr-00000000000000000"]
        ),
        "InvalidInstanceID.NotFound": lambda: ec2.describe_instances(InstanceIds=["i-00000000000000000"]),
        "InvalidInstanceID.Malformed": lambda: ec2.terminate_instances(InstanceIds=["web"]),
        "InvalidVolume.NotFound": lambda: ec2.describe_volumes(VolumeIds=["vol-00000000000000000"]),
        "InvalidAllocationID.NotFound": lambda: ec2.release_address(AllocationId="eipalloc-00000000000000000"),
        "InvalidAssociationID.NotFound": lambda: ec2.disassociate_address(AssociationId="eipassoc-00000000000000000"),
        "InvalidNetworkInterfaceID.NotFound": lambda: ec2.describe_network_interfaces(
            NetworkInterfaceIds=["eni-00000000000000000"]
        ),
        "InvalidAMIID.NotFound": lambda: ec2.describe_images(ImageIds=["ami-00000000000000000"]),
        "InvalidNextToken": lambda: ec2.describe_vpcs(NextToken="another"),
    }.items():
        with refused(code):
            ask()
    for describe in (
        ec2.describe_vpcs,
        ec2.describe_subnets,
        ec2.describe_security_groups,
        ec2.describe_security_group_rules,
        ec2.describe_instances,
        ec2.describe_volumes,
        ec2.describe_addresses,
        ec2.describe_network_interfaces,
        ec2.describe_images,
        ec2.describe_tags,
        ec2.describe_iam_instance_profile_associations,
    ):
        with refused("InvalidParameterValue") as it:
            describe(Filters=by("colour", "red"))
        assert "'colour'" in it.message
    with refused("InvalidParameterValue"):
        ec2.describe_security_groups(MaxResults=4)


# Security groups


def test_life_of_a_group(cloud, ec2, group, refused):
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    made = ec2.create_security_group(
        GroupName="life", Description="first", VpcId=vpc, TagSpecifications=[specified("security-group", a="1")]
    )
    it = made["GroupId"]
    (found,) = ec2.describe_security_groups(Filters=by("group-name", "li*") + by("tag:a", "1"))["SecurityGroups"]
    assert (found["GroupId"], found["Description"], found["VpcId"]) == (it, "first", vpc)
    assert found["Tags"] == made["Tags"] == [{"Key": "a", "Value": "1"}]
    assert (found["IpPermissions"], found["IpPermissionsEgress"][0]["IpProtocol"]) == ([], "-1")
    assert cloud.census()["security_groups"] == [{"GroupId": it, "GroupName": "life"}]
    with refused("InvalidGroup.Duplicate") as error:
        ec2.create_security_group(GroupName="life", Description="second", VpcId=vpc)
    assert error.message == f"The security group 'life' already exists for VPC '{vpc}'"
    with refused("DryRunOperation") as error:
        ec2.delete_security_group(GroupId=it, DryRun=True)
    assert error.status == 412
    with refused("InvalidGroup.Duplicate"):
        ec2.create_security_group(GroupName="life", Description="second", VpcId=vpc, DryRun=True)
    ec2.delete_security_group(GroupId=it)
    with refused("InvalidGroup.NotFound"):
        ec2.delete_security_group(GroupId=it)
    assert cloud.census() == {}


def test_names_of_groups(ec2, refused):
    with refused("InvalidVpcID.NotFound"):
        ec2.create_security_group(GroupName="lost", Description="d", VpcId="vpc-00000000000000000")
    for name, description in [("sg-web", "d"), ("", "d"), ("x" * 256, "d"), ("größer", "d"), ("web", "größer")]:
        with refused("InvalidParameterValue", "MissingParameter"):
            ec2.create_security_group(GroupName=name, Description=description)
    with refused("MissingParameter"):
        ec2.create_security_group(GroupName="web")
    (default,) = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"]
    with refused("CannotDelete"):
        ec2.delete_security_group(GroupId=default["GroupId"])


def test_life_of_a_rule(cloud, ec2, group, refused):
    web = group("rules")
    answer = ec2.authorize_security_group_ingress(
        GroupId=web,
        IpPermissions=tcp(443, cidr="203.0.113.7/24", v6="2001:db8::1/32", description="all"),
        TagSpecifications=[specified("security-group-rule", a="1")],
    )
    rules = {it.get("CidrIpv4", it.get("CidrIpv6")): it for it in answer["SecurityGroupRules"]}
    # What is behind the prefix is forgotten.
    assert set(rules) == {"203.0.113.0/24", "2001:db8::/32"}
    rule = rules["203.0.113.0/24"]
    assert (rule["FromPort"], rule["Description"], rule["IsEgress"]) == (443, "all", False)
    assert rule["Tags"] == [{"Key": "a", "Value": "1"}]
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=tcp(443, cidr="203.0.113.0/24"))
    with refused("InvalidParameterValue") as error:
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=tcp(80, cidr="10.0.0.0/8") * 2)
    assert "multiple times" in error.message
    # The same traffic the other way is another rule, and so is that which is there from the beginning.
    with refused("InvalidPermission.Duplicate"):
        everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2.authorize_security_group_egress(GroupId=web, IpPermissions=[everything])

    one = rule["SecurityGroupRuleId"]
    change = {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8444, "CidrIpv4": "203.0.113.0/24", "Description": "new"}
    update = [{"SecurityGroupRuleId": one, "SecurityGroupRule": change}]
    ec2.modify_security_group_rules(GroupId=web, SecurityGroupRules=update)
    (found,) = ec2.describe_security_group_rules(SecurityGroupRuleIds=[one])["SecurityGroupRules"]
    assert (found["FromPort"], found["ToPort"], found["Description"]) == (8443, 8444, "new")
    assert found["Tags"] == [{"Key": "a", "Value": "1"}]
    with refused("InvalidParameterValue"):
        other = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIpv6": "::/0"}
        update = [{"SecurityGroupRuleId": one, "SecurityGroupRule": other}]
        ec2.modify_security_group_rules(GroupId=web, SecurityGroupRules=update)
    with refused("InvalidSecurityGroupRuleId.NotFound"):
        update = [{"SecurityGroupRuleId": "sgr-00000000000000000", "SecurityGroupRule": change}]
        ec2.modify_security_group_rules(GroupId=web, SecurityGroupRules=update)

    with refused("InvalidSecurityGroupRuleId.NotFound"):
        ec2.revoke_security_group_egress(GroupId=web, SecurityGroupRuleIds=[one])
    ec2.revoke_security_group_ingress(GroupId=web, SecurityGroupRuleIds=[one])
    with refused("InvalidSecurityGroupRuleId.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=web, SecurityGroupRuleIds=[one])
    same = {"GroupId": web, "IpPermissions": tcp(443, v6="2001:db8::/32")}
    assert ec2.revoke_security_group_ingress(**same)["UnknownIpPermissions"] == []
    (unknown,) = ec2.revoke_security_group_ingress(**same)["UnknownIpPermissions"]
    assert (unknown["FromPort"], unknown["Ipv6Ranges"]) == (443, [{"CidrIpv6": "2001:db8::/32"}])
    left = ec2.describe_security_group_rules(Filters=by("group-id", web))["SecurityGroupRules"]
    assert [(it["IsEgress"], it["IpProtocol"], it["FromPort"]) for it in left] == [(True, "-1", -1)]


def test_rules_that_are_none(ec2, group, refused):
    web = group("none")
    for code, permissions in [
        ("InvalidParameterValue", tcp(443, cidr="10.0.0.0/33")),
        ("InvalidParameterValue", tcp(443, v6="10.0.0.0/8")),
        ("InvalidParameterValue", tcp(65536, cidr="10.0.0.0/8")),
        ("InvalidParameterValue", [{"IpProtocol": "ucp", "FromPort": 1, "ToPort": 1}]),
        ("InvalidParameterValue", [{"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]),
        ("InvalidParameterValue", tcp(443, cidr="10.0.0.0/8", description="größer")),
        ("InvalidGroup.NotFound", tcp(443, group="sg-00000000000000000")),
        ("MissingParameter", []),
    ]:
        with refused(code):
            ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=permissions)
    # One that is refused takes the others with it.
    with refused("InvalidParameterValue"):
        permissions = tcp(443, cidr="10.0.0.0/8") + tcp(443, cidr="10.0.0.0/33")
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=permissions)
    assert len(ec2.describe_security_group_rules(Filters=by("group-id", web))["SecurityGroupRules"]) == 1


def test_sixty_rules_are_most_and_come_in_pages(ec2, group, refused):
    web = group("many")
    many = [it for port in range(60) for it in tcp(1000 + port, cidr="10.0.0.0/8")]
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=many)
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=tcp(80, cidr="10.0.0.0/8"))
    # IPv6 is counted apart.
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=tcp(80, v6="::/0"))
    paginator = ec2.get_paginator("describe_security_group_rules")
    pages = list(paginator.paginate(Filters=by("group-id", web), PaginationConfig={"PageSize": 25}))
    assert [len(it["SecurityGroupRules"]) for it in pages] == [25, 25, 12]
    assert len({it["SecurityGroupRuleId"] for page in pages for it in page["SecurityGroupRules"]}) == 62


def test_a_group_is_held_by_rules_and_by_interfaces(ec2, group, refused):
    web, data = group("web"), group("data")
    ec2.authorize_security_group_ingress(GroupId=data, IpPermissions=tcp(27017, group=web))
    # Its own rules do not hold it.
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=tcp(80, group=web))
    with refused("DependencyViolation") as error:
        ec2.delete_security_group(GroupId=web)
    assert error.message == f"resource {web} has a dependent object"
    (holder,) = ec2.describe_security_groups(Filters=by("ip-permission.group-id", web) + by("group-name", "data"))[
        "SecurityGroups"
    ]
    assert holder["GroupId"] == data
    ec2.delete_security_group(GroupId=data)
    it = run(ec2, SecurityGroupIds=[web])["InstanceId"]
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=web)
    (interface,) = ec2.describe_network_interfaces(Filters=by("group-id", web))["NetworkInterfaces"]
    assert interface["Attachment"]["InstanceId"] == it
    assert interface["Association"]["PublicIp"] == instance(ec2, it)["PublicIpAddress"]
    other = group("other")
    ec2.modify_instance_attribute(InstanceId=it, Groups=[other])
    ec2.delete_security_group(GroupId=web)
    ec2.terminate_instances(InstanceIds=[it])
    ec2.delete_security_group(GroupId=other)


def test_a_load_balancer_holds_its_group_for_a_while(new_cloud, refused):
    cloud = new_cloud()
    cloud.set(interfaces_linger=0.2)
    ec2, elb = cloud.client("ec2"), cloud.client("elbv2")
    web = ec2.create_security_group(GroupName="web", Description="d")["GroupId"]
    subnets = [it["SubnetId"] for it in ec2.describe_subnets()["Subnets"]]
    balancer = elb.create_load_balancer(Name="web", Subnets=subnets[:2], SecurityGroups=[web])
    found = ec2.describe_network_interfaces(Filters=by("group-id", web))["NetworkInterfaces"]
    assert [it["Description"].split("/")[:2] for it in found] == [["ELB app", "web"]] * 2
    assert all(it["RequesterManaged"] and it["RequesterId"] == "amazon-elb" for it in found)
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"])
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=web)
    until(lambda: ec2.describe_network_interfaces(Filters=by("group-id", web))["NetworkInterfaces"], [])
    ec2.delete_security_group(GroupId=web)


# Instances


def test_life_of_an_instance(new_cloud, refused):
    cloud = new_cloud(times="fast")
    ec2 = cloud.client("ec2")
    mapping = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True}}
    wanted = {
        "UserData": "#!/bin/sh\n",
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "HttpEndpoint": "enabled"},
        "BlockDeviceMappings": [mapping],
        "TagSpecifications": [specified("instance", a="1"), specified("volume", b="2")],
    }
    made = run(ec2, **wanted)
    it = made["InstanceId"]
    assert (made["State"], made["BlockDeviceMappings"]) == ({"Code": 0, "Name": "pending"}, [])
    with refused("IncorrectInstanceState") as error:
        ec2.stop_instances(InstanceIds=[it])
    assert "never reached the 'running' state" in error.message
    (status,) = ec2.describe_instance_status(InstanceIds=[it], IncludeAllInstances=True)["InstanceStatuses"]
    assert status["InstanceStatus"]["Status"] == "initializing"
    assert ec2.describe_instance_status(InstanceIds=[it])["InstanceStatuses"] == []
    until(lambda: state(ec2, it), "running")
    found = instance(ec2, it)
    assert (found["ImageId"], found["InstanceType"], found["Architecture"]) == (AMD, "t3.small", "x86_64")
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["Tags"] == [{"Key": "a", "Value": "1"}]
    (status,) = ec2.describe_instance_status(InstanceIds=[it])["InstanceStatuses"]
    assert (status["SystemStatus"]["Status"], status["InstanceStatus"]["Status"]) == ("ok", "ok")
    data = ec2.describe_instance_attribute(InstanceId=it, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(data) == b"#!/bin/sh\n"
    disk = found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    (volume,) = ec2.describe_volumes(VolumeIds=[disk])["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"], volume["State"]) == (20, "gp3", True, "in-use")
    assert volume["Tags"] == [{"Key": "b", "Value": "2"}]

    (change,) = ec2.stop_instances(InstanceIds=[it])["StoppingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    with refused("IncorrectInstanceState"):
        ec2.start_instances(InstanceIds=[it])
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=it, InstanceType={"Value": "t3.medium"})
    until(lambda: state(ec2, it), "stopped")
    assert "PublicIpAddress" not in instance(ec2, it)
    ec2.modify_instance_attribute(InstanceId=it, InstanceType={"Value": "t3.medium"})
    ec2.modify_instance_attribute(InstanceId=it, UserData={"Value": b"new"})
    ec2.start_instances(InstanceIds=[it])
    until(lambda: state(ec2, it), "running")
    again = instance(ec2, it)
    assert again["InstanceType"] == "t3.medium"
    assert again["PrivateIpAddress"] == found["PrivateIpAddress"]
    assert again["PublicIpAddress"] != found["PublicIpAddress"]
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=it, UserData={"Value": b"newer"})
    for several in ({}, {"DisableApiStop": {"Value": False}, "DisableApiTermination": {"Value": False}}):
        with refused("InvalidParameterCombination"):
            ec2.modify_instance_attribute(InstanceId=it, **several)

    (change,) = ec2.terminate_instances(InstanceIds=[it])["TerminatingInstances"]
    assert change["CurrentState"] == {"Code": 32, "Name": "shutting-down"}
    assert set(cloud.census()) == {"instances", "network_interfaces", "volumes"}
    until(cloud.census, {})
    gone = instance(ec2, it)
    assert (gone["State"]["Name"], gone["SecurityGroups"]) == ("terminated", [])
    assert gone["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    with refused("IncorrectInstanceState"):
        ec2.start_instances(InstanceIds=[it])
    assert ec2.terminate_instances(InstanceIds=[it])["TerminatingInstances"][0]["CurrentState"]["Name"] == "terminated"


def test_a_token_gives_the_same_instance_once_more(ec2, refused):
    one = run(ec2, ClientToken="token")["InstanceId"]
    assert run(ec2, ClientToken="token")["InstanceId"] == one
    with refused("IdempotentParameterMismatch"):
        run(ec2, ClientToken="token", InstanceType="t3.medium")
    (found,) = ec2.describe_instances(Filters=by("client-token", "token"))["Reservations"]
    assert [it["InstanceId"] for it in found["Instances"]] == [one]
    ec2.terminate_instances(InstanceIds=[one])
    with refused("IdempotentInstanceTerminated"):
        run(ec2, ClientToken="token")
    with refused("InvalidParameterValue"):
        run(ec2, ClientToken="t" * 65)


def test_instances_that_cannot_be(cloud, ec2, group, refused):
    before = cloud.census()
    for code, wanted in [
        ("InvalidAMIID.NotFound", {"ImageId": "ami-00000000000000000"}),
        ("InvalidParameterValue", {"InstanceType": "t3.gigantic"}),
        ("InvalidParameterValue", {"ImageId": ARM}),
        ("InvalidParameterValue", {"InstanceType": "t4g.small"}),
        ("InvalidSubnetID.NotFound", {"SubnetId": "subnet-00000000000000000"}),
        ("InvalidGroup.NotFound", {"SecurityGroupIds": ["sg-00000000000000000"]}),
        ("SecurityGroupsPerInterfaceLimitExceeded", {"SecurityGroupIds": [f"sg-{n}" for n in range(6)]}),
        ("InvalidParameterValue", {"UserData": "x" * 16385}),
        ("InvalidParameterValue", {"MetadataOptions": {"HttpTokens": "perhaps"}}),
        ("InvalidParameterValue", {"MetadataOptions": {"HttpPutResponseHopLimit": 65}}),
        ("InvalidParameterValue", {"IamInstanceProfile": {"Name": "unknown"}}),
        ("InvalidParameterValue", {"TagSpecifications": [specified("security-group", a="1")]}),
        ("InvalidBlockDeviceMapping", {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 7}}]}),
        ("NotModelled", {"MaxCount": 2}),
        ("NotModelled", {"CpuOptions": {"CoreCount": 1}}),
    ]:
        with refused(code):
            run(ec2, **wanted)
    with refused("MissingParameter"):
        ec2.run_instances(ImageId=AMD, InstanceType="t3.small")
    assert cloud.census() == before
    arm = run(ec2, ImageId=ARM, InstanceType="t4g.small")
    assert arm["Architecture"] == "arm64"
    ec2.terminate_instances(InstanceIds=[arm["InstanceId"]])


def test_a_protected_instance_goes_on(ec2, refused):
    it = run(ec2, DisableApiTermination=True, DisableApiStop=True)["InstanceId"]
    for act, attribute in (
        (ec2.terminate_instances, "disableApiTermination"),
        (ec2.stop_instances, "disableApiStop"),
    ):
        with refused("OperationNotPermitted") as error:
            act(InstanceIds=[it])
        assert attribute in error.message
        assert ec2.describe_instance_attribute(InstanceId=it, Attribute=attribute)[
            attribute[0].upper() + attribute[1:]
        ] == {"Value": True}
    ec2.modify_instance_attribute(InstanceId=it, DisableApiTermination={"Value": False})
    ec2.modify_instance_attribute(InstanceId=it, DisableApiStop={"Value": False})
    ec2.stop_instances(InstanceIds=[it])
    ec2.terminate_instances(InstanceIds=[it])
    # One of several that must not go keeps the others, too.
    free, kept = run(ec2)["InstanceId"], run(ec2, DisableApiTermination=True)["InstanceId"]
    with refused("OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[free, kept])
    assert state(ec2, free) == "running"
    ec2.modify_instance_attribute(InstanceId=kept, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[free, kept])


def test_metadata_options_that_are_not_named_stay(ec2, refused):
    it = run(ec2)["InstanceId"]
    options = instance(ec2, it)["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("optional", 1)
    ec2.modify_instance_metadata_options(InstanceId=it, HttpPutResponseHopLimit=2)
    ec2.modify_instance_metadata_options(InstanceId=it, HttpTokens="required")
    options = instance(ec2, it)["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 2)
    with refused("InvalidParameterValue"):
        ec2.modify_instance_metadata_options(InstanceId=it, HttpPutResponseHopLimit=0)
    ec2.terminate_instances(InstanceIds=[it])


def test_a_profile_is_usable_when_iam_has_spread_it(new_cloud, refused):
    cloud = new_cloud()
    cloud.set(iam_spreads_after=0.3)
    ec2 = cloud.client("ec2")
    iam, arn = profile(cloud, "web")
    with refused("InvalidParameterValue") as error:
        run(ec2, IamInstanceProfile={"Name": "web"})
    assert "Invalid IAM Instance Profile name" in error.message
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")

    def asked():
        try:
            run(ec2, IamInstanceProfile={"Arn": arn}, DryRun=True)
        except ec2.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    assert asked() == "InvalidParameterValue"
    until(asked, "DryRunOperation")
    assert "instances" not in cloud.census()
    it = run(ec2, IamInstanceProfile={"Name": "web"})["InstanceId"]
    assert instance(ec2, it)["IamInstanceProfile"]["Arn"] == arn


def test_life_of_a_profiles_association(new_cloud, refused):
    cloud = new_cloud()
    ec2 = cloud.client("ec2")
    arns = []
    for name in ("one", "two"):
        iam, arn = profile(cloud, name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        arns.append(arn)
    it = run(ec2)["InstanceId"]
    made = ec2.associate_iam_instance_profile(InstanceId=it, IamInstanceProfile={"Name": "one"})
    with refused("IncorrectState"):
        ec2.associate_iam_instance_profile(InstanceId=it, IamInstanceProfile={"Name": "two"})
    association = made["IamInstanceProfileAssociation"]["AssociationId"]
    ec2.replace_iam_instance_profile_association(AssociationId=association, IamInstanceProfile={"Name": "two"})
    with refused("InvalidAssociationID.NotFound"):
        ec2.replace_iam_instance_profile_association(AssociationId=association, IamInstanceProfile={"Name": "one"})
    found = ec2.describe_iam_instance_profile_associations(Filters=by("instance-id", it))
    (association,) = found["IamInstanceProfileAssociations"]
    assert (association["IamInstanceProfile"]["Arn"], association["State"]) == (arns[1], "associated")
    ec2.terminate_instances(InstanceIds=[it])
    assert ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"] == []
    slow = new_cloud(times="real").client("ec2")
    pending = run(slow)["InstanceId"]
    with refused("IncorrectInstanceState"):
        slow.associate_iam_instance_profile(InstanceId=pending, IamInstanceProfile={"Name": "one"})


def test_a_volume_grows_and_stays_if_told(new_cloud, refused):
    cloud = new_cloud(times="fast")
    ec2 = cloud.client("ec2")
    it = run(ec2)["InstanceId"]
    until(lambda: state(ec2, it), "running")
    disk = instance(ec2, it)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    change = ec2.modify_volume(VolumeId=disk, Size=16, VolumeType="gp3")["VolumeModification"]
    assert (change["TargetSize"], change["ModificationState"]) == (16, "modifying")
    assert (change["OriginalSize"], change["OriginalVolumeType"]) == (8, "gp2")

    def modification():
        (seen,) = ec2.describe_volumes_modifications(VolumeIds=[disk])["VolumesModifications"]
        assert (seen["TargetSize"], seen["TargetVolumeType"]) == (16, "gp3")
        return seen["ModificationState"]

    until(modification, "optimizing")
    (volume,) = ec2.describe_volumes(Filters=by("attachment.instance-id", it))["Volumes"]
    assert (volume["Size"], volume["VolumeType"]) == (16, "gp3")
    with refused("IncorrectModificationState") as error:
        ec2.modify_volume(VolumeId=disk, Size=32)
    assert error.message == f"Volume {disk} cannot be modified in modification state OPTIMIZING"
    with refused("InvalidParameterValue"):
        ec2.modify_volume(VolumeId=disk, Size=8)
    with refused("InvalidParameterValue"):
        ec2.modify_volume(VolumeId=disk, VolumeType="floppy")
    keep = {"DeviceName": "/dev/sda1", "Ebs": {"DeleteOnTermination": False}}
    ec2.modify_instance_attribute(InstanceId=it, BlockDeviceMappings=[keep])
    assert instance(ec2, it)["BlockDeviceMappings"][0]["Ebs"]["DeleteOnTermination"] is False
    ec2.terminate_instances(InstanceIds=[it])
    until(lambda: state(ec2, it), "terminated")
    (volume,) = ec2.describe_volumes(VolumeIds=[disk])["Volumes"]
    assert (volume["State"], volume["Attachments"]) == ("available", [])


def test_life_of_a_volume(new_cloud, refused):
    cloud = new_cloud(times="fast")
    ec2 = cloud.client("ec2")
    wanted = {
        "AvailabilityZone": "eu-central-1a",
        "Size": 20,
        "VolumeType": "gp3",
        "Encrypted": True,
        "ClientToken": "one",
        "TagSpecifications": [specified("volume", a="1")],
    }
    made = ec2.create_volume(**wanted)
    disk = made["VolumeId"]
    assert (made["State"], made["Size"], made["Encrypted"], made["Tags"]) == (
        "creating",
        20,
        True,
        [{"Key": "a", "Value": "1"}],
    )
    assert ec2.create_volume(**wanted)["VolumeId"] == disk
    with refused("IdempotentParameterMismatch"):
        ec2.create_volume(**wanted | {"Size": 21})

    def status():
        return ec2.describe_volumes(VolumeIds=[disk])["Volumes"][0]["State"]

    until(status, "available")
    assert ec2.describe_volumes(Filters=by("status", "available") + by("tag:a", "1"))["Volumes"][0]["VolumeId"] == disk
    assert ec2.modify_volume(VolumeId=disk, Size=30)["VolumeModification"]["TargetSize"] == 30
    ec2.delete_volume(VolumeId=disk)
    assert status() == "deleting"

    def left():
        return ec2.describe_volumes(Filters=by("volume-id", disk))["Volumes"]

    until(left, [])
    assert cloud.census() == {}
    for code, change in {
        "InvalidZone.NotFound": {"AvailabilityZone": "eu-central-1z"},
        "InvalidParameterValue": {"Size": 0},
    }.items():
        with refused(code):
            ec2.create_volume(**wanted | {"ClientToken": "two"} | change)
    with refused("InvalidParameterValue"):
        ec2.create_volume(AvailabilityZone="eu-central-1a", Size=8, VolumeType="floppy")
    # Its token is forgotten with it.
    assert ec2.create_volume(**wanted)["VolumeId"] != disk


def test_a_volume_is_with_one_instance_at_a_time(new_cloud, refused):
    cloud = new_cloud(times="fast")
    ec2 = cloud.client("ec2")
    subnets = {it["AvailabilityZone"][-1]: it["SubnetId"] for it in ec2.describe_subnets()["Subnets"]}
    one, two = (run(ec2, SubnetId=subnets["a"])["InstanceId"] for _ in range(2))
    far = run(ec2, SubnetId=subnets["b"])["InstanceId"]
    disk, other = (ec2.create_volume(AvailabilityZone="eu-central-1a", Size=8)["VolumeId"] for _ in range(2))
    at = {"VolumeId": disk, "Device": "/dev/sdf"}
    with refused("IncorrectState"):
        ec2.attach_volume(**at, InstanceId=one)
    for it in (one, two, far):
        until(lambda it=it: state(ec2, it), "running")

    def volume(name=disk):
        return ec2.describe_volumes(VolumeIds=[name])["Volumes"][0]

    def attached(name=disk):
        return [(it["InstanceId"], it["State"]) for it in volume(name)["Attachments"]]

    until(lambda: volume()["State"], "available")
    until(lambda: volume(other)["State"], "available")
    for code, change in {
        "InvalidVolume.NotFound": {"VolumeId": "vol-00000000000000000"},
        "InvalidInstanceID.NotFound": {"InstanceId": "i-00000000000000000"},
        "InvalidVolume.ZoneMismatch": {"InstanceId": far},
        "InvalidParameterValue": {"Device": "/dev/sda1"},
    }.items():
        with refused(code):
            ec2.attach_volume(**at | {"InstanceId": one} | change)
    assert ec2.attach_volume(**at, InstanceId=one)["State"] == "attaching"
    with refused("VolumeInUse") as error:
        ec2.attach_volume(**at, InstanceId=two)
    assert error.message == f"{disk} is already attached to an instance"
    with refused("InvalidParameterValue"):
        ec2.attach_volume(VolumeId=other, Device="/dev/sdf", InstanceId=one)
    until(attached, [(one, "attached")])
    assert volume()["State"] == "in-use"
    mapped = {it["DeviceName"]: it["Ebs"] for it in instance(ec2, one)["BlockDeviceMappings"]}
    assert {name: it["DeleteOnTermination"] for name, it in mapped.items()} == {"/dev/sda1": True, "/dev/sdf": False}
    with refused("VolumeInUse") as error:
        ec2.delete_volume(VolumeId=disk)
    assert error.message == f"Volume {disk} is currently attached to {one}"

    root = mapped["/dev/sda1"]["VolumeId"]
    assert volume(root)["SnapshotId"].startswith("snap-") and not volume().get("SnapshotId")
    with refused("OperationNotPermitted"):
        ec2.detach_volume(VolumeId=root)
    with refused("InvalidAttachment.NotFound"):
        ec2.detach_volume(VolumeId=disk, InstanceId=two)
    assert ec2.detach_volume(VolumeId=disk, InstanceId=one)["State"] == "detaching"
    with refused("IncorrectState"):
        ec2.detach_volume(VolumeId=disk)
    until(lambda: volume()["State"], "available")
    with refused("IncorrectState") as error:
        ec2.detach_volume(VolumeId=disk)
    assert error.message == f"Volume '{disk}' is in the 'available' state."

    # A stopped instance takes it; termination gives it back.
    ec2.stop_instances(InstanceIds=[two])
    with refused("IncorrectState"):
        ec2.attach_volume(**at, InstanceId=two)
    until(lambda: state(ec2, two), "stopped")
    ec2.attach_volume(**at, InstanceId=two)
    ec2.terminate_instances(InstanceIds=[two])
    with refused("VolumeInUse"):
        ec2.attach_volume(**at, InstanceId=one)
    until(lambda: volume()["State"], "available")
    assert state(ec2, two) == "terminated" and attached() == []
    ec2.attach_volume(**at, InstanceId=one)


# Addresses


def test_life_of_an_address(new_cloud, refused):
    cloud = new_cloud(times="fast")
    ec2 = cloud.client("ec2")
    made = ec2.allocate_address(Domain="vpc", TagSpecifications=[specified("elastic-ip", a="1")])
    address = made["AllocationId"]
    one = run(ec2)["InstanceId"]
    with refused("InvalidInstanceID") as error:
        ec2.associate_address(AllocationId=address, InstanceId=one)
    assert error.message == f"The pending instance '{one}' is not in a valid state for this operation."
    until(lambda: state(ec2, one), "running")
    own = instance(ec2, one)["PublicIpAddress"]
    first = ec2.associate_address(AllocationId=address, InstanceId=one)["AssociationId"]
    (found,) = ec2.describe_addresses(Filters=by("tag:a", "1"))["Addresses"]
    assert (found["InstanceId"], found["AssociationId"], found["PublicIp"]) == (one, first, made["PublicIp"])
    assert instance(ec2, one)["PublicIpAddress"] == made["PublicIp"]
    with refused("InvalidIPAddress.InUse"):
        ec2.release_address(AllocationId=address)
    two = run(ec2)["InstanceId"]
    until(lambda: state(ec2, two), "running")
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_address(AllocationId=address, InstanceId=two, AllowReassociation=False)
    second = ec2.associate_address(AllocationId=address, InstanceId=two, AllowReassociation=True)["AssociationId"]
    with refused("InvalidAssociationID.NotFound"):
        ec2.disassociate_address(AssociationId=first)
    assert instance(ec2, one)["PublicIpAddress"] not in (made["PublicIp"], own)
    ec2.disassociate_address(AssociationId=second)
    ec2.associate_address(AllocationId=address, InstanceId=two)
    ec2.terminate_instances(InstanceIds=[one, two])
    until(lambda: state(ec2, two), "terminated")
    assert "InstanceId" not in ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]
    ec2.release_address(AllocationId=address)
    with refused("InvalidAllocationID.NotFound"):
        ec2.describe_addresses(AllocationIds=[address])


def test_five_addresses_are_most(ec2, refused):
    made = [ec2.allocate_address()["AllocationId"] for _ in range(5)]
    with refused("AddressLimitExceeded"):
        ec2.allocate_address()
    for it in made:
        ec2.release_address(AllocationId=it)


# Images


def test_images_are_found_by_name_and_owner(ec2):
    name = by("name", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*")
    found = ec2.describe_images(Owners=["099720109477"], Filters=name + by("state", "available"))["Images"]
    newest = max(found, key=lambda it: (it["CreationDate"], it["Name"]))
    assert newest["Name"].endswith("20260713.1")
    assert (newest["Architecture"], newest["RootDeviceName"]) == ("x86_64", "/dev/sda1")
    assert len(ec2.describe_images(Filters=name)["Images"]) == len(found) + 1
    (arm,) = ec2.describe_images(Filters=by("architecture", "arm64"))["Images"]
    assert arm["ImageId"] == ARM


# Tags


def test_tags_of_everything(ec2, group, refused):
    web = group("tagged", TagSpecifications=[specified("security-group", a="1", b="2")])
    ec2.create_tags(Resources=[web], Tags=[{"Key": "a", "Value": "new"}, {"Key": "c"}])
    found = ec2.describe_tags(Filters=by("resource-id", web))["Tags"]
    assert {it["Key"]: it["Value"] for it in found} == {"a": "new", "b": "2", "c": ""}
    assert {it["ResourceType"] for it in found} == {"security-group"}
    # A value that is another one keeps the tag.
    ec2.delete_tags(Resources=[web], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}, {"Key": "c"}])
    (left,) = ec2.describe_tags(Filters=by("resource-id", web) + by("key", "*"))["Tags"]
    assert (left["Key"], left["Value"]) == ("a", "new")
    assert ec2.describe_security_groups(Filters=by("tag-key", "a"))["SecurityGroups"][0]["GroupId"] == web
    ec2.delete_tags(Resources=[web])
    assert ec2.describe_tags(Filters=by("resource-id", web))["Tags"] == []


def test_tags_that_cannot_be(ec2, group, refused):
    web = group("untagged")
    for tags in ({"aws:mine": ""}, {"AWS:mine": ""}, {"k" * 128: ""}, {"k": "v" * 257}):
        with refused("InvalidParameterValue"):
            ec2.create_tags(Resources=[web], Tags=specified("", **tags)["Tags"])
        with refused("InvalidParameterValue"):
            ec2.create_security_group(
                GroupName="lost", Description="d", TagSpecifications=[specified("security-group", **tags)]
            )
    ec2.create_tags(Resources=[web], Tags=specified("", **{f"k{n}": "" for n in range(50)})["Tags"])
    with refused("TagLimitExceeded"):
        ec2.create_tags(Resources=[web], Tags=[{"Key": "one more", "Value": ""}])
    with refused("InvalidParameterValue"):
        twice = {"ResourceType": "security-group", "Tags": [{"Key": "k", "Value": "1"}] * 2}
        ec2.create_security_group(GroupName="lost", Description="d", TagSpecifications=[twice])
    for code, name in [("InvalidInstanceID.NotFound", "i-00000000000000000"), ("InvalidID", "something")]:
        with refused(code):
            ec2.create_tags(Resources=[web, name], Tags=[{"Key": "k0", "Value": "changed"}])
    (kept,) = ec2.describe_tags(Filters=by("resource-id", web) + by("key", "k0"))["Tags"]
    assert kept["Value"] == ""
