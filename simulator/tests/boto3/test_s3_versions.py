"""Versions of objects, lists in pages, and what is set for a whole bucket."""

import pytest
from test_s3 import HERE, bucket, error, headers, s3  # noqa: F401


@pytest.fixture
def versioned(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    return bucket


def versions(s3, bucket, **wish):
    """Ids by key and kind, the newest first."""
    found = s3.list_object_versions(Bucket=bucket, **wish)
    return {kind: [(it["Key"], it["VersionId"], it["IsLatest"]) for it in found.get(kind, [])] for kind in ("Versions", "DeleteMarkers")}


def test_versions_are_kept(cloud, s3, versioned, refused):
    of = {"Bucket": versioned, "Key": "k"}
    one, two = (s3.put_object(Body=body, **of)["VersionId"] for body in (b"one", b"two"))
    assert versions(s3, versioned)["Versions"] == [("k", two, True), ("k", one, False)]
    got = s3.get_object(**of)
    assert (got["Body"].read(), got["VersionId"]) == (b"two", two)
    got = s3.get_object(VersionId=one, **of)
    assert (got["Body"].read(), got["VersionId"]) == (b"one", one)
    [listed] = s3.list_objects_v2(Bucket=versioned)["Contents"]
    assert listed["Size"] == 3
    with refused("NoSuchVersion") as it:
        s3.get_object(VersionId="A" * 32, **of)
    assert it.status == 404
    for malformed in ("x", ""):
        with refused("InvalidArgument"):
            s3.get_object(VersionId=malformed, **of)
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket=versioned)
    assert s3.delete_object(VersionId=two, **of)["VersionId"] == two
    assert s3.get_object(**of)["Body"].read() == b"one"
    [left] = cloud.census()["objects"]
    assert left == {"Name": f"{versioned}/k", "Bucket": versioned, "Key": "k", "Versions": 1}


def test_what_is_deleted_is_marked(s3, versioned, refused):
    of = {"Bucket": versioned, "Key": "k"}
    first = s3.put_object(Body=b"x", **of)
    gone = s3.delete_object(**of)
    assert gone["DeleteMarker"] and gone["VersionId"] != first["VersionId"]
    for call, codes in ((s3.get_object, ["NoSuchKey"]), (s3.head_object, ["404"])):
        answer = error(call, **of)
        assert answer["Error"]["Code"] in codes
        assert headers(answer)["x-amz-delete-marker"] == "true"
        assert headers(answer)["x-amz-version-id"] == gone["VersionId"]
    answer = error(s3.get_object, VersionId=gone["VersionId"], **of)
    assert (answer["Error"]["Code"], headers(answer)["allow"]) == ("MethodNotAllowed", "DELETE")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 405
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    found = versions(s3, versioned)
    assert found["DeleteMarkers"] == [("k", gone["VersionId"], True)]
    assert found["Versions"] == [("k", first["VersionId"], False)]
    answer = error(s3.delete_bucket, Bucket=versioned)
    assert "delete all versions" in answer["Error"]["Message"]
    # A marked key is not there: to write over it by its ETag is refused, to begin anew is not.
    with refused("NoSuchKey"):
        s3.put_object(Body=b"y", IfMatch=first["ETag"], **of)
    with refused("NoSuchKey"):
        s3.delete_object(IfMatch=first["ETag"], **of)
    again = s3.put_object(Body=b"y", IfNoneMatch="*", **of)
    with refused("PreconditionFailed"):
        s3.put_object(Body=b"z", IfMatch=first["ETag"], **of)
    s3.delete_object(VersionId=again["VersionId"], **of)
    assert s3.delete_object(VersionId=gone["VersionId"], **of)["DeleteMarker"]
    assert s3.get_object(**of)["VersionId"] == first["VersionId"]
    # What was never there is marked as well.
    assert s3.delete_object(Bucket=versioned, Key="never")["DeleteMarker"]


def test_versions_before_and_after(s3, bucket, refused):
    of = {"Bucket": bucket, "Key": "k"}
    s3.put_object(Body=b"before", **of)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_object(**of)["VersionId"] == "null"
    kept = s3.put_object(Body=b"kept", **of)["VersionId"]
    assert s3.get_object(VersionId="null", **of)["Body"].read() == b"before"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Body=b"after", **of)
    assert versions(s3, bucket)["Versions"] == [("k", "null", True), ("k", kept, False)]
    assert s3.delete_object(**of)["VersionId"] == "null"
    found = versions(s3, bucket)
    assert (found["DeleteMarkers"], found["Versions"]) == ([("k", "null", True)], [("k", kept, False)])
    with refused("IllegalVersioningConfigurationException"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={})
    with refused("MalformedXML"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Disabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"


def test_lists_of_objects_come_in_pages(s3, bucket, refused):
    keys = ["a/1", "a/2", "a/ä ö", "a/z&<", "b"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    def pages(**wish):
        found = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **wish)
        return [[it["Key"] for it in page.get("Contents", [])] for page in found]
    ordered = sorted(keys, key=str.encode)
    assert pages() == [ordered]
    assert pages(PaginationConfig={"PageSize": 2}) == [ordered[:2], ordered[2:4], ordered[4:]]
    assert pages(Prefix="a/", PaginationConfig={"PageSize": 4}) == [ordered[:4]]
    assert pages(StartAfter="a/2", Prefix="a/") == [ordered[2:4]]
    first = s3.list_objects_v2(Bucket=bucket, MaxKeys=2)
    assert (first["KeyCount"], first["MaxKeys"], first["IsTruncated"]) == (2, 2, True)
    # Pages go on by key, whatever came and went.
    s3.delete_object(Bucket=bucket, Key=ordered[0])
    rest = s3.list_objects_v2(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert [it["Key"] for it in rest["Contents"]] == ordered[2:]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["IsTruncated"] is False
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="?")
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, MaxKeys=-1)
    for call in (s3.list_objects_v2, s3.list_object_versions):
        with refused("NoSuchBucket"):
            call(Bucket="absent")


def test_lists_of_versions_come_in_pages(s3, versioned, refused):
    made = [(key, s3.put_object(Bucket=versioned, Key=key, Body=b"")["VersionId"]) for key in ["a", "b", "b", "b", "c"]]
    expected = [made[0], made[3], made[2], made[1], made[4]]
    for size in (1, 2, 3, 5):
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": size})
        found = [[(it["Key"], it["VersionId"]) for it in page["Versions"]] for page in pages]
        assert sum(found, []) == expected and {len(it) for it in found[:-1]} <= {size}
    assert [it[0] for it in versions(s3, versioned, KeyMarker="b")["Versions"]] == ["c"]
    assert len(versions(s3, versioned, Prefix="b")["Versions"]) == 3
    with refused("InvalidArgument"):
        s3.list_object_versions(Bucket=versioned, VersionIdMarker="null")


def test_the_life_cycle_of_objects(s3, bucket, refused):
    answer = error(s3.get_bucket_lifecycle_configuration, Bucket=bucket)
    assert answer["Error"]["Code"] == "NoSuchLifecycleConfiguration"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
    old = {"NoncurrentDays": 30, "NewerNoncurrentVersions": 20}
    rules = [
        {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": old},
        {"ID": "marks", "Status": "Disabled", "Filter": {"Prefix": "a/"}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    ]

    def put(*rules):
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})

    put(*rules)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    one = rules[0]
    for code, wrong in [
        ("MalformedXML", []),
        ("InvalidArgument", [one, one]),
        ("InvalidArgument", [one | {"ID": "x" * 256}]),
        ("MalformedXML", [one | {"Status": "enabled"}]),
        ("MalformedXML", [{key: it for key, it in one.items() if key != "Filter"}]),
        ("MalformedXML", [one | {"Prefix": ""}]),
        ("InvalidRequest", [{key: it for key, it in one.items() if key != "NoncurrentVersionExpiration"}]),
        ("InvalidArgument", [one | {"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}]),
        ("InvalidArgument", [one | {"NoncurrentVersionExpiration": old | {"NewerNoncurrentVersions": 101}}]),
        ("MalformedXML", [one | {"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 1}}]),
        ("NotModelled", [one | {"Expiration": {"Days": 1}}]),
    ]:
        with refused(code):
            put(*wrong)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    put({key: it for key, it in one.items() if key != "ID"})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["ID"]


def test_the_public_is_kept_out(s3, bucket):
    names = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]

    def set_now():
        return s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]

    assert set_now() == {it: True for it in names}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert set_now() == {it: it == "BlockPublicAcls" for it in names}


def test_a_policy_decides_what_is_told(new_cloud, refused):
    cloud = new_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="states", CreateBucketConfiguration=HERE)
    put = s3.put_object(Bucket="states", Key="gsm/a", Body=b"x")
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::states/gsm/*"}
    cloud.control("PUT", "policy", {"Statement": statement})
    s3.get_object(Bucket="states", Key="gsm/a")
    s3.put_object(Bucket="states", Key="gsm/a", Body=b"y", IfMatch=put["ETag"])
    answer = error(s3.get_object, Bucket="states", Key="gsm/absent")
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDenied", 403)
    assert 's3:ListBucket on resource: "arn:aws:s3:::states"' in answer["Error"]["Message"]
    with refused("403"):
        s3.head_bucket(Bucket="states")
    with refused("AccessDenied"):
        s3.get_object(Bucket="states", Key="other/a")
    needed = {tuple(it) for it in cloud.control("GET", "policy")}
    assert ("s3:PutObject", "arn:aws:s3:::states/gsm/a") in needed and ("s3:ListBucket", "arn:aws:s3:::states") in needed
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::states"}
    cloud.control("PUT", "policy", {"Statement": [statement, listing]})
    with refused("NoSuchKey"):
        s3.get_object(Bucket="states", Key="gsm/absent")


def test_what_was_just_written_is_read(s3, bucket):
    # S3 is consistent, where other services need a moment.
    for number in range(20):
        key = f"k{number}"
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        assert len(s3.list_objects_v2(Bucket=bucket)["Contents"]) == number + 1
