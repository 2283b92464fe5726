"""Parameters, and the keys that encrypt them."""

import pytest


def test_life_of_a_parameter(new_cloud, refused):
    cloud = new_cloud()
    ssm, kms = cloud.client("ssm"), cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    given = {"Name": "/a/secret", "Type": "SecureString", "KeyId": key}
    made = ssm.put_parameter(Value="quite secret", Description="d", Tags=[{"Key": "a", "Value": "1"}], **given)
    assert (made["Version"], made["Tier"]) == (1, "Standard")
    with refused("ParameterAlreadyExists"):
        ssm.put_parameter(Value="another", **given)
    with refused("ValidationException"):
        ssm.put_parameter(Value="another", Overwrite=True, Tags=[{"Key": "a", "Value": "1"}], **given)
    found = ssm.get_parameter(Name="/a/secret", WithDecryption=True)["Parameter"]
    assert found["Value"] == "quite secret" and found["ARN"].endswith(":parameter/a/secret")
    assert "secret" not in ssm.get_parameter(Name="/a/secret")["Parameter"]["Value"]
    assert ssm.put_parameter(Value="another", Overwrite=True, **given)["Version"] == 2
    found = ssm.get_parameters(Names=[found["ARN"], "/none"], WithDecryption=True)
    assert [it["Value"] for it in found["Parameters"]] == ["another"] and found["InvalidParameters"] == ["/none"]

    of = {"ResourceType": "Parameter", "ResourceId": "/a/secret"}
    ssm.add_tags_to_resource(Tags=[{"Key": "b", "Value": "2"}], **of)
    ssm.remove_tags_from_resource(TagKeys=["a"], **of)
    assert ssm.list_tags_for_resource(**of)["TagList"] == [{"Key": "b", "Value": "2"}]
    with refused("InvalidResourceId"):
        ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/none")

    kms.disable_key(KeyId=key)
    with refused("InvalidKeyId"):
        ssm.get_parameter(Name="/a/secret", WithDecryption=True)
    ssm.get_parameter(Name="/a/secret")
    ssm.delete_parameter(Name="/a/secret")
    for gone in (ssm.get_parameter, ssm.delete_parameter):
        with refused("ParameterNotFound"):
            gone(Name="/a/secret")
    assert "parameters" not in cloud.census()


def test_who_names_no_key_gets_that_of_the_service(new_cloud):
    cloud = new_cloud()
    ssm, kms = cloud.client("ssm"), cloud.client("kms")
    ssm.put_parameter(Name="default", Type="SecureString", Value="v")
    assert ssm.get_parameter(Name="default", WithDecryption=True)["Parameter"]["Value"] == "v"
    assert ssm.describe_parameters()["Parameters"][0]["KeyId"] == "alias/aws/ssm"
    assert kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyManager"] == "AWS"
    assert set(cloud.census()) == {"parameters"}


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("InvalidKeyId", {"KeyId": "alias/none"}),
        ("ValidationException", {"Name": "a/b"}),
        ("ValidationException", {"Name": "ssm-a"}),
        ("AccessDeniedException", {"Name": "/aws/a"}),
        ("HierarchyLevelLimitExceededException", {"Name": "/a" * 16}),
        ("ValidationException", {"Value": "x" * 4097}),
        ("ValidationException", {"Value": ""}),
        ("ValidationException", {"Type": "String", "KeyId": "alias/aws/ssm"}),
    ],
)
def test_what_is_wrong_with_parameters(cloud, refused, code, wrong):
    with refused(code):
        cloud.client("ssm").put_parameter(**({"Name": "/wrong", "Type": "SecureString", "Value": "v"} | wrong))


def test_type_and_tier_stay(cloud, refused):
    ssm = cloud.client("ssm")
    ssm.put_parameter(Name="stays", Type="String", Value="x" * 5000, Tier="Advanced")
    with refused("HierarchyTypeMismatchException"):
        ssm.put_parameter(Name="stays", Type="SecureString", Value="v", Overwrite=True)
    with refused("ValidationException"):
        ssm.put_parameter(Name="stays", Type="String", Value="v", Tier="Standard", Overwrite=True)
    ssm.delete_parameters(Names=["stays"])


def test_pages_are_cut_before_they_are_filtered(cloud):
    ssm = cloud.client("ssm")
    names = [f"/pages/{number}" for number in range(5)]
    for name in names:
        ssm.put_parameter(Name=name, Type="String", Value="v")
    wanted = [{"Key": "Name", "Option": "Equals", "Values": ["/pages/4"]}]
    pages = ssm.get_paginator("describe_parameters").paginate(
        ParameterFilters=wanted, PaginationConfig={"PageSize": 2}
    )
    found = [[it["Name"] for it in page["Parameters"]] for page in pages]
    assert found[0] == [] and found[-1] == ["/pages/4"]
    assert [it["Name"] for it in ssm.get_parameters_by_path(Path="/pages")["Parameters"]] == names
    assert sorted(ssm.delete_parameters(Names=names)["DeletedParameters"]) == names
