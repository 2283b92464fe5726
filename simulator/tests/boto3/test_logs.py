"""Log groups, and the keys that encrypt them."""

import json

ARN = "arn:aws:logs:eu-central-1:123456789012:log-group:"


def key_for(cloud, group):
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Principal": {"Service": "logs.eu-central-1.amazonaws.com"},
            "Action": ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": ARN + group}},
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return cloud.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]


def test_life_of_a_group(cloud, refused):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="life", tags={"a": "1"})
    with refused("ResourceAlreadyExistsException"):
        logs.create_log_group(logGroupName="life")
    logs.put_retention_policy(logGroupName="life", retentionInDays=30)
    with refused("InvalidParameterException"):
        logs.put_retention_policy(logGroupName="life", retentionInDays=31)
    logs.tag_resource(resourceArn=ARN + "life", tags={"b": "2"})
    logs.untag_resource(resourceArn=ARN + "life", tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=ARN + "life")["tags"] == {"b": "2"}
    (group,) = logs.describe_log_groups(logGroupNamePrefix="life")["logGroups"]
    assert (group["retentionInDays"], group["arn"], group["logGroupArn"]) == (30, ARN + "life:*", ARN + "life")
    logs.delete_retention_policy(logGroupName="life")
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix="life")["logGroups"][0]
    assert cloud.census() == {"log_groups": [{"logGroupName": "life"}]}
    logs.delete_log_group(logGroupName="life")
    for gone in (logs.delete_log_group, logs.describe_log_streams, logs.delete_retention_policy):
        with refused("ResourceNotFoundException"):
            gone(logGroupName="life")
    with refused("ResourceNotFoundException"):
        logs.list_tags_for_resource(resourceArn=ARN + "life")
    with refused("InvalidParameterException"):
        logs.list_tags_for_resource(resourceArn=ARN + "life:*")
    for name in ("a b", "x" * 513):
        with refused("InvalidParameterException"):
            logs.create_log_group(logGroupName=name)


def test_a_key_must_let_the_service_use_it_for_this_group(cloud, refused):
    logs, kms = cloud.client("logs"), cloud.client("kms")
    key = key_for(cloud, "sealed")
    with refused("InvalidParameterException") as it:
        logs.create_log_group(logGroupName="another", kmsKeyId=key)
    assert "does not exist or is not allowed to be used" in it.message
    logs.create_log_group(logGroupName="sealed", kmsKeyId=key)
    assert logs.describe_log_groups(logGroupNamePrefix="sealed")["logGroups"][0]["kmsKeyId"] == key
    logs.disassociate_kms_key(logGroupName="sealed")
    assert "kmsKeyId" not in logs.describe_log_groups(logGroupNamePrefix="sealed")["logGroups"][0]
    logs.associate_kms_key(logGroupName="sealed", kmsKeyId=key)
    kms.disable_key(KeyId=key)
    with refused("InvalidParameterException"):
        logs.associate_kms_key(logGroupName="sealed", kmsKeyId=key)
    logs.delete_log_group(logGroupName="sealed")


def test_lists_come_in_pages(cloud):
    logs = cloud.client("logs")
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        logs.create_log_group(logGroupName=name)
    pages = list(logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 2}))
    assert [it["logGroupName"] for page in pages for it in page["logGroups"]] == names and len(pages) == 3
    for name in names:
        logs.delete_log_group(logGroupName=name)
