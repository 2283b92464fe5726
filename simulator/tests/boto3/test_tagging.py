"""Everything with tags, across the services of a region."""

import pytest
from test_acm import request


def arns(tagging, **filters):
    pages = tagging.get_paginator("get_resources").paginate(**filters)
    return [it["ResourceARN"] for page in pages for it in page["ResourceTagMappingList"]]


def stack(*names):
    return [{"Key": "provisioner:stack", "Values": list(names)}]


@pytest.fixture(scope="module")
def tagging(cloud):
    return cloud.client("resourcegroupstaggingapi")


def test_what_carries_a_tag_is_found(cloud, tagging, refused):
    acm, logs = cloud.client("acm"), cloud.client("logs")
    tags = [{"Key": "provisioner:stack", "Value": "gsm"}]
    certificates = [request(acm, f"{name}.example.com", Tags=tags) for name in "abc"]
    request(acm, "untagged.example.com")
    logs.create_log_group(logGroupName="/gsm", tags={"provisioner:stack": "gsm", "team": "a"})
    logs.create_log_group(logGroupName="/other", tags={"provisioner:stack": "other"})

    [group] = arns(tagging, TagFilters=stack("gsm"), ResourceTypeFilters=["logs:log-group"])
    assert group.endswith(":log-group:/gsm")
    assert sorted(arns(tagging, TagFilters=stack("gsm"))) == sorted([*certificates, group])
    assert sorted(arns(tagging, TagFilters=stack("gsm"), ResourceTypeFilters=["acm"])) == sorted(certificates)
    assert len(arns(tagging, TagFilters=stack("gsm", "other"))) == 5
    assert len(arns(tagging, TagFilters=stack())) == 5
    assert arns(tagging, TagFilters=[*stack("gsm"), {"Key": "team"}]) == [group]
    assert arns(tagging, TagFilters=stack("none")) == []
    assert arns(tagging, ResourceARNList=[group, "arn:aws:acm:eu-central-1:1:certificate/x"]) == [group]

    first = tagging.get_resources(TagFilters=stack("gsm"), ResourcesPerPage=3)
    second = tagging.get_resources(
        TagFilters=stack("gsm"), ResourcesPerPage=3, PaginationToken=first["PaginationToken"]
    )
    assert [len(it["ResourceTagMappingList"]) for it in (first, second)] == [3, 1]
    assert first["PaginationToken"] and second["PaginationToken"] == ""
    for wrong in ({"ResourcesPerPage": 101}, {"PaginationToken": "x"}):
        with refused("InvalidParameterException"):
            tagging.get_resources(**wrong)
