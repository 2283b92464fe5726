"""The gaps of moto that gaps/ mends, seen by boto3; and what a stack needs of moto as it is."""

import json
import time

import pytest
from botocore.exceptions import ClientError

NOBLE = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
AMI = "ami-0a1b2c3d4e5f60003"
TAGS = [{"Key": "provisioner:stack", "Value": "gsm"}]
EVERYONE = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def permission(port, **source):
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}]


def wait(condition, seconds=5):
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return result


# EC2


def test_images(aws):
    found = aws.ec2.describe_images(
        Owners=["099720109477"],
        Filters=[{"Name": "name", "Values": [NOBLE]}, {"Name": "architecture", "Values": ["x86_64"]}],
    )["Images"]
    newest = max(found, key=lambda image: (image["CreationDate"], image["Name"]))
    assert len(found) == 3 and newest["ImageId"] == AMI
    everybody = aws.ec2.describe_images(Filters=[{"Name": "name", "Values": [NOBLE]}])["Images"]
    assert max(everybody, key=lambda image: image["CreationDate"])["OwnerId"] != "099720109477"


def test_rules_have_ids_tags_and_descriptions(aws):
    group, source = aws.group(), aws.group()
    spec = [{"ResourceType": "security-group-rule", "Tags": TAGS}]
    pair = {"UserIdGroupPairs": [{"GroupId": source, "Description": "from the other"}]}
    made = aws.ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=permission(80, **pair), TagSpecifications=spec
    )
    [rule] = made["SecurityGroupRules"]
    assert rule["Tags"] == TAGS and rule["Description"] == "from the other"
    changed = {"IpProtocol": "tcp", "FromPort": 81, "ToPort": 81, "ReferencedGroupId": source, "Description": "changed"}
    aws.ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[{"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": changed}],
    )
    filters = [{"Name": "group-id", "Values": [group]}]
    [now] = [
        r for r in aws.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"] if not r["IsEgress"]
    ]
    assert (now["FromPort"], now["Description"], now["Tags"]) == (81, "changed", TAGS)
    assert now["ReferencedGroupInfo"]["GroupId"] == source
    aws.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[now["SecurityGroupRuleId"]])


def test_group_in_use_by_a_rule(aws, refused):
    group, other = aws.group(), aws.group()
    aws.ec2.authorize_security_group_ingress(
        GroupId=other, IpPermissions=permission(80, UserIdGroupPairs=[{"GroupId": group}])
    )
    with refused("DependencyViolation"):
        aws.ec2.delete_security_group(GroupId=group)
    aws.ec2.delete_security_group(GroupId=other)
    aws.ec2.delete_security_group(GroupId=group)
    with refused("InvalidGroup.NotFound"):
        aws.ec2.delete_security_group(GroupId=group)


def run(aws, token, **change):
    request = {
        "ImageId": AMI, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, "ClientToken": token,
        "SubnetId": aws.subnets()[0], "UserData": "#!/bin/sh\n",
        "MetadataOptions": {"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}}],
        "TagSpecifications": [{"ResourceType": kind, "Tags": TAGS} for kind in ("instance", "volume")],
    }  # fmt: skip
    return aws.ec2.run_instances(**request | change)["Instances"][0]["InstanceId"]


def test_run_instances_honours_the_client_token(aws, name, refused):
    group = aws.group()
    instance = run(aws, name, SecurityGroupIds=[group])
    assert run(aws, name, SecurityGroupIds=[group]) == instance
    with refused("IdempotentParameterMismatch"):
        run(aws, name, SecurityGroupIds=[group], InstanceType="t3.large")
    found = aws.ec2.describe_instances(Filters=[{"Name": "client-token", "Values": [name]}])["Reservations"]
    assert [i["InstanceId"] for r in found for i in r["Instances"]] == [instance]
    with refused("DependencyViolation"):
        aws.ec2.delete_security_group(GroupId=group)
    aws.ec2.terminate_instances(InstanceIds=[instance])
    aws.ec2.delete_security_group(GroupId=group)


def test_unknown_images_and_types_are_refused(aws, name, refused):
    with refused("InvalidAMIID.NotFound"):
        run(aws, name, ImageId="ami-00000000000000000")
    with refused("InvalidInstanceType.NotFound"):
        run(aws, name, InstanceType="t3.tiny")


def test_changing_an_instance(aws, name, refused):
    first, second = aws.group(), aws.group()
    instance = run(aws, name, SecurityGroupIds=[first])

    def described():
        return aws.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    aws.ec2.modify_instance_metadata_options(InstanceId=instance, HttpPutResponseHopLimit=2)
    options = described()["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"], options["InstanceMetadataTags"]) == (
        "required",
        2,
        "enabled",
    )

    aws.ec2.modify_instance_attribute(InstanceId=instance, Groups=[second])
    assert [g["GroupId"] for g in described()["NetworkInterfaces"][0]["Groups"]] == [second]
    of_group = [{"Name": "group-id", "Values": [second]}]
    assert len(aws.ec2.describe_network_interfaces(Filters=of_group)["NetworkInterfaces"]) == 1

    for change in ({"InstanceType": {"Value": "t3.medium"}}, {"UserData": {"Value": b"#!/bin/bash\n"}}):
        with refused("IncorrectInstanceState"):
            aws.ec2.modify_instance_attribute(InstanceId=instance, **change)
    aws.ec2.stop_instances(InstanceIds=[instance])
    aws.ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t3.medium"})
    aws.ec2.modify_instance_attribute(InstanceId=instance, UserData={"Value": b"#!/bin/bash\n"})
    aws.ec2.start_instances(InstanceIds=[instance])
    data = aws.ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
    assert (described()["InstanceType"], data) == ("t3.medium", "IyEvYmluL2Jhc2gK")

    [volume] = aws.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
    assert (volume["VolumeType"], volume["Encrypted"], volume["Throughput"], volume["Iops"]) == ("gp3", True, 125, 3000)
    aws.ec2.terminate_instances(InstanceIds=[instance])


def test_address_in_use(aws, name, refused):
    instance = run(aws, name)
    spec = [{"ResourceType": "elastic-ip", "Tags": TAGS}]
    address = aws.ec2.allocate_address(Domain="vpc", TagSpecifications=spec)["AllocationId"]
    association = aws.ec2.associate_address(AllocationId=address, InstanceId=instance)["AssociationId"]
    with refused("InvalidIPAddress.InUse"):
        aws.ec2.release_address(AllocationId=address)
    tagged = aws.resourcegroupstaggingapi.get_resources(TagFilters=[{"Key": "provisioner:stack"}])[
        "ResourceTagMappingList"
    ]
    kinds = {entry["ResourceARN"].split(":")[5].split("/")[0] for entry in tagged}
    assert {"instance", "volume", "elastic-ip"} <= kinds
    aws.ec2.disassociate_address(AssociationId=association)
    aws.ec2.release_address(AllocationId=address)
    aws.ec2.terminate_instances(InstanceIds=[instance])


# KMS, logs, SSM, IAM


def test_keys_by_arn_and_pending_deletion(aws, name, refused):
    key = aws.kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["Arn"]
    aws.kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    assert aws.kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 180
    assert "Policy" in aws.kms.get_key_policy(KeyId=key)
    aws.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    for call, arguments in (
        (aws.kms.schedule_key_deletion, {"KeyId": key}),
        (aws.kms.enable_key, {"KeyId": key}),
        (aws.kms.tag_resource, {"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": "c"}]}),
        (aws.kms.create_alias, {"AliasName": f"alias/{name}", "TargetKeyId": key}),
    ):
        with refused("KMSInvalidStateException"):
            call(**arguments)
    aws.kms.cancel_key_deletion(KeyId=key)
    assert aws.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    aws.kms.enable_key(KeyId=key)
    assert aws.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    aws.kms.schedule_key_deletion(KeyId=key)


def allow_logs(aws, key, log_group):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logs.eu-central-1.amazonaws.com"},
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": log_group}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)


def test_log_group_key_and_retention(aws, name, refused):
    key = aws.kms.create_key()["KeyMetadata"]["Arn"]
    with refused("InvalidParameterException"):
        aws.logs.create_log_group(logGroupName=name, kmsKeyId=key)
    aws.logs.create_log_group(logGroupName=name, tags={"a": "b"})
    arn = f"arn:aws:logs:eu-central-1:123456789012:log-group:{name}"
    allow_logs(aws, key, arn + "-other")
    with refused("InvalidParameterException"):
        aws.logs.associate_kms_key(logGroupName=name, kmsKeyId=key)
    allow_logs(aws, key, arn)

    def described():
        return aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]

    aws.logs.associate_kms_key(logGroupName=name, kmsKeyId=key)
    assert described()["kmsKeyId"] == key
    aws.logs.disassociate_kms_key(resourceIdentifier=described()["arn"])
    assert "kmsKeyId" not in described()
    with refused("InvalidParameterException"):
        aws.logs.put_retention_policy(logGroupName=name, retentionInDays=31)
    assert aws.logs.list_tags_for_resource(resourceArn=described()["logGroupArn"])["tags"] == {"a": "b"}
    with refused("ResourceNotFoundException"):
        aws.logs.associate_kms_key(logGroupName=name + "x", kmsKeyId=key)
    aws.logs.delete_log_group(logGroupName=name)
    aws.kms.schedule_key_deletion(KeyId=key)


def test_parameters(aws, name, refused):
    path = f"/{name}/A"
    assert (
        aws.ssm.put_parameter(Name=path, Value="one", Type="SecureString", KeyId="alias/aws/ssm", Tags=TAGS)["Version"]
        == 1
    )
    with refused("ParameterAlreadyExists"):
        aws.ssm.put_parameter(Name=path, Value="two", Type="SecureString")
    assert aws.ssm.put_parameter(Name=path, Value="two", Type="SecureString", Overwrite=True)["Version"] == 2
    found = aws.ssm.get_parameters(Names=[path, "/none"], WithDecryption=True)
    assert found["Parameters"][0]["Value"] == "two" and found["InvalidParameters"] == ["/none"]
    aws.ssm.delete_parameter(Name=path)


def test_managed_policies(aws, name, refused):
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
    policy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Tags=TAGS)
    aws.iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    with refused("DeleteConflict"):
        aws.iam.delete_role(RoleName=name)
    aws.iam.detach_role_policy(RoleName=name, PolicyArn=policy)
    aws.iam.delete_role(RoleName=name)


# Load balancers, certificates, records


def balancer(aws, name, **change):
    request = {"Name": name, "Subnets": aws.subnets()[:2], "Type": "application", "Tags": TAGS} | change
    return aws.elbv2.create_load_balancer(**request)["LoadBalancers"][0]


def target_group(aws, name, **change):
    request = {
        "Name": name,
        "Protocol": "HTTP",
        "Port": 8080,
        "VpcId": aws.vpc(),
        "TargetType": "ip",
        "Tags": TAGS,
    } | change
    return aws.elbv2.create_target_group(**request)["TargetGroups"][0]


def test_load_balancer(aws, name, control, refused):
    group = aws.group()
    made = balancer(aws, name, SecurityGroups=[group])
    arn = made["LoadBalancerArn"]
    assert (made["State"]["Code"], made["Scheme"]) == ("provisioning", "internet-facing")
    assert balancer(aws, name, SecurityGroups=[group])["LoadBalancerArn"] == arn
    with refused("DuplicateLoadBalancerName"):
        balancer(aws, name, SecurityGroups=[])
    with refused("ValidationError"):
        balancer(aws, name + "x", Subnets=aws.subnets()[:1])
    wait(lambda: aws.elbv2.describe_load_balancers(Names=[name])["LoadBalancers"][0]["State"]["Code"] == "active")
    attributes = aws.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "60"} in attributes

    target = target_group(aws, name)["TargetGroupArn"]
    assert target_group(aws, name)["TargetGroupArn"] == target
    with refused("DuplicateTargetGroupName"):
        target_group(aws, name, Port=81)
    http = {
        "LoadBalancerArn": arn,
        "Protocol": "HTTP",
        "Port": 80,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": target}],
    }
    [listener] = aws.elbv2.create_listener(**http)["Listeners"]
    assert "SslPolicy" not in listener
    with refused("DuplicateListener"):
        aws.elbv2.create_listener(**http)
    assert aws.elbv2.describe_target_groups(TargetGroupArns=[target])["TargetGroups"][0]["LoadBalancerArns"] == [arn]

    protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    aws.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=protect)
    with refused("OperationNotPermitted"):
        aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    aws.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protect[0] | {"Value": "false"}])
    with refused("DependencyViolation"):
        aws.ec2.delete_security_group(GroupId=group)
    of_group = [{"Name": "group-id", "Values": [group]}]
    interfaces = aws.ec2.describe_network_interfaces(Filters=of_group)["NetworkInterfaces"]
    assert len(interfaces) == 2 and interfaces[0]["Description"].startswith(f"ELB app/{name}/")

    control.put("aws", {"interfaces_linger": 0.3})
    aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    control.put("aws", {"interfaces_linger": 0})
    with refused("DependencyViolation"):
        aws.ec2.delete_security_group(GroupId=group)
    wait(lambda: not aws.ec2.describe_network_interfaces(Filters=of_group)["NetworkInterfaces"])
    aws.ec2.delete_security_group(GroupId=group)
    aws.elbv2.delete_target_group(TargetGroupArn=target)


def record(aws, action, **change):
    [zone] = aws.route53.list_hosted_zones_by_name(DNSName="example.com")["HostedZones"]
    assert zone["Name"] == "example.com."
    return aws.route53.change_resource_record_sets(
        HostedZoneId=zone["Id"], ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": change}]}
    )


def test_records(aws, name, refused):
    text = {"Name": f"{name}.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "a.example."}]}
    record(aws, "CREATE", **text)
    with refused("InvalidChangeBatch"):
        record(aws, "CREATE", **text)
    record(aws, "UPSERT", **text | {"TTL": 61})
    with refused("InvalidChangeBatch"):
        record(aws, "DELETE", **text)
    record(aws, "DELETE", **text | {"TTL": 61})
    with refused("InvalidChangeBatch"):
        record(aws, "DELETE", **text | {"TTL": 61})
    alias = {
        "Name": f"{name}.example.com",
        "Type": "A",
        "AliasTarget": {"HostedZoneId": "Z1", "DNSName": "x.amazonaws.com", "EvaluateTargetHealth": False},
    }
    record(aws, "UPSERT", **alias)
    record(aws, "DELETE", **alias)


def test_a_deleted_record_can_be_made_again_before_one_that_follows_it(aws, name):
    text = {"Name": f"a.{name}.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "x.example."}]}
    record(aws, "CREATE", **text)
    record(aws, "DELETE", **text)
    record(aws, "CREATE", **text | {"Name": f"b.{name}.example.com"})
    record(aws, "CREATE", **text)


def test_certificate_is_issued_when_its_record_exists(aws, name, refused):
    request = {
        "DomainName": f"{name}.example.com",
        "ValidationMethod": "DNS",
        "IdempotencyToken": name.replace("-", "_"),
        "Tags": TAGS,
    }
    arn = aws.acm.request_certificate(**request)["CertificateArn"]

    def described():
        return aws.acm.describe_certificate(CertificateArn=arn)["Certificate"]

    assert "ResourceRecord" not in described()["DomainValidationOptions"][0]
    wanted = wait(lambda: described()["DomainValidationOptions"][0].get("ResourceRecord"))
    load_balancer = balancer(aws, name)["LoadBalancerArn"]
    https = {
        "LoadBalancerArn": load_balancer, "Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": arn}],
        "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    }  # fmt: skip
    time.sleep(1.1)
    assert described()["Status"] == "PENDING_VALIDATION"
    with refused("UnsupportedCertificate"):
        aws.elbv2.create_listener(**https)
    cname = {"Name": wanted["Name"], "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": wanted["Value"]}]}
    record(aws, "UPSERT", **cname)
    assert described()["Status"] == "ISSUED"
    aws.elbv2.create_listener(**https)
    assert described()["InUseBy"] == [load_balancer]
    with refused("ResourceInUseException"):
        aws.acm.delete_certificate(CertificateArn=arn)
    aws.elbv2.delete_load_balancer(LoadBalancerArn=load_balancer)
    aws.acm.delete_certificate(CertificateArn=arn)
    record(aws, "DELETE", **cname)


def test_what_moto_lacks_is_an_unknown_operation(aws):
    with pytest.raises(ClientError, match="InvalidAction"):
        aws.iam.simulate_principal_policy(
            PolicySourceArn="arn:aws:iam::123456789012:role/x", ActionNames=["ec2:RunInstances"]
        )


def test_a_bucket_says_whether_it_keeps_versions_and_whose_it_is(aws, refused):
    name = "states-of-a-team"
    aws.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert "Status" not in aws.s3.get_bucket_versioning(Bucket=name)
    aws.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    assert aws.s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    ours, theirs = {"ExpectedBucketOwner": "123456789012"}, {"ExpectedBucketOwner": "999999999999"}
    aws.s3.put_object(Bucket=name, Key="a", Body=b"{}", **ours)
    assert aws.s3.get_object(Bucket=name, Key="a", **ours)["Body"].read() == b"{}"
    with refused("AccessDenied"):
        aws.s3.put_object(Bucket=name, Key="a", Body=b"[]", **theirs)
    with refused("AccessDenied"):
        aws.s3.get_object(Bucket=name, Key="a", **theirs)
