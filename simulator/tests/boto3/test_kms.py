"""Keys, their policies, aliases, and their slow end."""

import json


def policy(*statements, account="123456789012"):
    root = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [root, *statements]})


def test_life_of_a_key(cloud, refused):
    kms = cloud.client("kms")
    made = kms.create_key(Description="old", Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyMetadata"]
    key, arn = made["KeyId"], made["Arn"]
    assert (made["KeyState"], made["KeyManager"], made["Enabled"]) == ("Enabled", "CUSTOMER", True)
    assert "Enable IAM User Permissions" in kms.get_key_policy(KeyId=key)["Policy"]
    kms.update_key_description(KeyId=arn, Description="new")
    kms.put_key_policy(KeyId=key, Policy=policy())
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == policy()
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)

    kms.create_alias(AliasName="alias/life", TargetKeyId=key)
    with refused("AlreadyExistsException"):
        kms.create_alias(AliasName="alias/life", TargetKeyId=key)
    for name in (key, arn, "alias/life", arn.rpartition(":")[0] + ":alias/life"):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Description"] == "new"
    with refused("NotFoundException"):
        kms.get_key_policy(KeyId="alias/life")
    assert [it["AliasName"] for it in kms.list_aliases(KeyId=key)["Aliases"]] == ["alias/life"]

    kms.disable_key(KeyId=key)
    with refused("DisabledException"):
        kms.disable_key_rotation(KeyId=key)
    with refused("ValidationException"):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=6)
    answer = kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert (answer["KeyId"], answer["KeyState"]) == (arn, "PendingDeletion")
    assert not kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    for refusing in (
        lambda: kms.schedule_key_deletion(KeyId=key),
        lambda: kms.enable_key(KeyId=key),
        lambda: kms.disable_key(KeyId=key),
        lambda: kms.tag_resource(KeyId=key, Tags=[]),
        lambda: kms.update_key_description(KeyId=key, Description=""),
        lambda: kms.create_alias(AliasName="alias/more", TargetKeyId=key),
        lambda: kms.enable_key_rotation(KeyId=key),
    ):
        with refused("KMSInvalidStateException") as it:
            refusing()
        assert "is pending deletion" in it.message
    assert cloud.census() == {
        "keys_pending_deletion": [{"KeyId": key}],
        "aliases": [{"AliasName": "alias/life", "TargetKeyId": key}],
    }
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    with refused("KMSInvalidStateException"):
        kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    kms.delete_alias(AliasName="alias/life")
    with refused("NotFoundException"):
        kms.delete_alias(AliasName="alias/life")


def test_an_alias_can_name_another_key(cloud, refused):
    kms = cloud.client("kms")
    one, other = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    with refused("NotFoundException"):
        kms.update_alias(AliasName="alias/moves", TargetKeyId=other)
    kms.create_alias(AliasName="alias/moves", TargetKeyId=one)
    kms.update_alias(AliasName="alias/moves", TargetKeyId=other)
    assert kms.describe_key(KeyId="alias/moves")["KeyMetadata"]["KeyId"] == other
    with refused("NotAuthorizedException"):
        kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=one)
    with refused("ValidationException"):
        kms.create_alias(AliasName="moves", TargetKeyId=one)


def test_a_policy_leaves_the_key_to_somebody_and_names_nobody_unknown(cloud, refused):
    kms = cloud.client("kms")
    for document in ("{", "{}", policy(account="210987654321"), policy(account="arn:aws:iam::123456789012:role/none")):
        with refused("MalformedPolicyDocumentException"):
            kms.create_key(Policy=document)
    for unknown in ("00000000-0000-4000-8000-000000000000", "alias/unknown"):
        with refused("NotFoundException"):
            kms.describe_key(KeyId=unknown)


def test_lists_come_in_pages(new_cloud):
    kms = new_cloud().client("kms")
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["Keys"]) for page in pages] == [2, 2, 1]
    assert {it["KeyId"] for page in pages for it in page["Keys"]} == made
