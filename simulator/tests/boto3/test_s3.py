"""Buckets and objects: made, written on conditions, read, deleted."""

import datetime
import email.utils
import hashlib

import pytest
from botocore.exceptions import ClientError

HERE = {"LocationConstraint": "eu-central-1"}


@pytest.fixture(scope="module")
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def bucket(s3, request):
    """An empty bucket of a test's own."""
    name = f"b-{hashlib.sha256(request.node.name.encode()).hexdigest()[:16]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=HERE)
    yield name
    while found := s3.list_object_versions(Bucket=name):
        versions = found.get("Versions", []) + found.get("DeleteMarkers", [])
        for it in versions:
            s3.delete_object(Bucket=name, Key=it["Key"], VersionId=it["VersionId"])
        if not versions:
            break
    s3.delete_bucket(Bucket=name)


def headers(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"]


def error(call, **wish):
    """The whole refusal of a call."""
    with pytest.raises(ClientError) as it:
        call(**wish)
    return it.value.response


def test_life_of_a_bucket(cloud, s3, refused):
    with refused("404") as it:
        s3.head_bucket(Bucket="life")
    assert it.message == "Not Found"
    made = s3.create_bucket(Bucket="life", CreateBucketConfiguration=HERE)
    assert made["Location"] == "http://life.s3.amazonaws.com/"
    assert cloud.census() == {"buckets": [{"Name": "life", "Region": "eu-central-1"}]}
    assert s3.head_bucket(Bucket="life")["BucketRegion"] == "eu-central-1"
    s3.head_bucket(Bucket="life", ExpectedBucketOwner="123456789012")
    with refused("BucketAlreadyOwnedByYou") as it:
        s3.create_bucket(Bucket="life", CreateBucketConfiguration=HERE)
    assert it.status == 409
    s3.put_object(Bucket="life", Key="k", Body=b"x")
    with refused("BucketNotEmpty") as it:
        s3.delete_bucket(Bucket="life")
    assert it.status == 409
    s3.delete_object(Bucket="life", Key="k")
    s3.delete_bucket(Bucket="life")
    with refused("NoSuchBucket") as it:
        s3.delete_bucket(Bucket="life")
    assert it.status == 404 and cloud.census() == {}


def test_names_are_taken_by_others(s3, refused):
    with refused("BucketAlreadyExists") as it:
        s3.create_bucket(Bucket="taken-by-somebody-else", CreateBucketConfiguration=HERE)
    assert it.status == 409
    with refused("403") as it:
        s3.head_bucket(Bucket="taken-by-somebody-else")
    with refused("AccessDenied") as it:
        s3.put_object(Bucket="taken-by-somebody-else", Key="k", Body=b"x")
    assert it.status == 403


def test_a_bucket_is_in_one_region(cloud, s3, bucket, refused):
    elsewhere = cloud.session.client("s3", region_name="eu-west-1", endpoint_url=cloud.url)
    with refused("BucketAlreadyOwnedByYou"):
        elsewhere.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    # boto3 reads where the bucket is, and asks again there.
    elsewhere.head_bucket(Bucket=bucket)
    asked = [(it["region"], it["status"]) for it in cloud.control("GET", "calls")]
    assert asked[-2:] == [("eu-west-1", 301), ("eu-central-1", 200)]
    with refused("IllegalLocationConstraintException"):
        s3.create_bucket(Bucket="elsewhere")
    with refused("IllegalLocationConstraintException"):
        s3.create_bucket(Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with refused("InvalidLocationConstraint"):
        s3.create_bucket(Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    first = cloud.session.client("s3", region_name="us-east-1", endpoint_url=cloud.url)
    for _ in range(2):
        assert first.create_bucket(Bucket="first")["Location"] == "/first"
    first.delete_bucket(Bucket="first")


@pytest.mark.parametrize("name", ["ab", "Upper", "a_b", "192.168.5.4", "xn--a", "a..b", "a-s3alias"])
def test_names_that_no_bucket_has(s3, refused, name):
    # botocore would not even send some of them.
    s3.meta.events.unregister("before-parameter-build.s3", "validate_bucket_name")
    with refused("InvalidBucketName") as it:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=HERE)
    assert it.status == 400


def test_life_of_an_object(s3, bucket, refused):
    of = {"Bucket": bucket, "Key": "a/b c/ä+.json"}
    etag = f'"{hashlib.md5(b"{}").hexdigest()}"'
    put = s3.put_object(Body=b"{}", ContentType="application/json", **of)
    assert (put["ETag"], put["ServerSideEncryption"]) == (etag, "AES256") and "VersionId" not in put
    got = s3.get_object(ChecksumMode="ENABLED", **of)
    assert got["Body"].read() == b"{}"
    assert (got["ETag"], got["ContentType"], got["ContentLength"]) == (etag, "application/json", 2)
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"] and "VersionId" not in got
    head = s3.head_object(**of)
    assert (head["ETag"], head["ContentLength"], head["LastModified"]) == (etag, 2, got["LastModified"])
    [listed] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert (listed["Key"], listed["ETag"], listed["Size"]) == (of["Key"], etag, 2)
    assert listed["LastModified"] == got["LastModified"]
    for _ in range(2):
        assert "DeleteMarker" not in s3.delete_object(**of)
    answer = error(s3.get_object, **of)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert (answer["Error"]["Code"], answer["Error"]["Key"]) == ("NoSuchKey", of["Key"])
    with refused("404"):
        s3.head_object(**of)
    for call in (s3.get_object, s3.delete_object):
        with refused("NoSuchBucket"):
            call(Bucket="absent", Key="k")
        with refused("AccessDenied"):
            call(ExpectedBucketOwner="210987654321", **of)
        with refused("InvalidBucketOwnerAWSAccountID"):
            call(ExpectedBucketOwner="x", **of)


def test_every_answer_has_the_time_and_an_id(s3, bucket):
    put = headers(s3.put_object(Bucket=bucket, Key="k", Body=b"x"))
    written = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    refusal = headers(error(s3.get_object, Bucket=bucket, Key="none"))
    for found in (put, refusal, headers(error(s3.head_object, Bucket=bucket, Key="none"))):
        date = email.utils.parsedate_to_datetime(found["date"])
        assert datetime.timedelta() <= date - written <= datetime.timedelta(seconds=5)
        assert found["x-amz-request-id"] and found["x-amz-id-2"]


def test_contents_arrive_whole(s3, bucket, refused):
    of = {"Bucket": bucket, "Key": "k"}
    for algorithm in ("CRC32", "SHA256"):
        s3.put_object(Body=b"hello", ChecksumAlgorithm=algorithm, **of)
        assert s3.get_object(ChecksumMode="ENABLED", **of)[f"Checksum{algorithm}"]
    with refused("BadDigest"):
        s3.put_object(Body=b"hello", ChecksumCRC32="AAAAAA==", **of)
    with refused("InvalidRequest"):
        s3.put_object(Body=b"hello", ChecksumCRC32="AA==", **of)
    with refused("BadDigest"):
        s3.put_object(Body=b"hello", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==", **of)
    with refused("InvalidDigest"):
        s3.put_object(Body=b"hello", ContentMD5="AA==", **of)
    with refused("KeyTooLongError"):
        s3.put_object(Bucket=bucket, Key="k" * 1025, Body=b"")


def test_writes_on_the_condition_that_nothing_is_there(s3, bucket):
    of = {"Bucket": bucket, "Key": "k"}
    s3.put_object(Body=b"first", IfNoneMatch="*", **of)
    answer = error(s3.put_object, Body=b"second", IfNoneMatch="*", **of)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert (answer["Error"]["Code"], answer["Error"]["Condition"]) == ("PreconditionFailed", "If-None-Match")
    assert s3.get_object(**of)["Body"].read() == b"first"


def test_writes_on_the_condition_that_nothing_has_changed(s3, bucket, refused):
    of = {"Bucket": bucket, "Key": "k"}
    with refused("NoSuchKey") as it:
        s3.put_object(Body=b"x", IfMatch='"0123"', **of)
    assert it.status == 404
    first = s3.put_object(Body=b"first", **of)["ETag"]
    second = s3.put_object(Body=b"second", IfMatch=first, **of)["ETag"]
    answer = error(s3.put_object, Body=b"third", IfMatch=first, **of)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert (answer["Error"]["Code"], answer["Error"]["Condition"]) == ("PreconditionFailed", "If-Match")
    assert s3.get_object(**of)["Body"].read() == b"second"
    s3.put_object(Body=b"third", IfMatch=second.strip('"'), **of)


def test_conditions_that_s3_does_not_know(s3, bucket, refused):
    of = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    for unknown in ({"IfMatch": "*"}, {"IfNoneMatch": '"0123"'}, {"IfNoneMatch": "*", "IfMatch": '"0123"'}):
        with refused("NotImplemented") as it:
            s3.put_object(**of, **unknown)
        assert it.status == 501


def test_reads_and_deletions_on_conditions(s3, bucket, refused):
    of = {"Bucket": bucket, "Key": "k"}
    with refused("PreconditionFailed"):
        s3.delete_object(IfMatch="*", **of)
    with refused("NoSuchKey"):
        s3.delete_object(IfMatch='"0123"', **of)
    etag = s3.put_object(Body=b"x", **of)["ETag"]
    s3.get_object(IfMatch=etag, IfNoneMatch='"0123"', **of)
    with refused("PreconditionFailed"):
        s3.get_object(IfMatch='"0123"', **of)
    with refused("304"):
        s3.get_object(IfNoneMatch=etag, **of)
    with refused("PreconditionFailed") as it:
        s3.delete_object(IfMatch='"0123"', **of)
    assert it.status == 412
    s3.delete_object(IfMatch=etag, **of)
    with refused("NoSuchKey"):
        s3.get_object(**of)


def test_what_is_not_modelled_is_refused(s3, bucket, refused):
    of = {"Bucket": bucket, "Key": "k"}
    for call, wish in [
        (s3.put_object, {"Body": b"x", "ACL": "private", **of}),
        (s3.put_object, {"Body": b"x", "Metadata": {"a": "b"}, **of}),
        (s3.put_object, {"Body": b"x", "ServerSideEncryption": "aws:kms", **of}),
        (s3.get_object, {"Range": "bytes=0-1", **of}),
        (s3.get_object_tagging, of),
        (s3.list_objects, {"Bucket": bucket}),
        (s3.list_objects_v2, {"Bucket": bucket, "Delimiter": "/"}),
        (s3.list_buckets, {}),
    ]:
        with refused("NotModelled") as it:
            call(**wish)
        assert it.status == 501


def test_faults_are_of_its_own_shape(cloud, s3, bucket, refused):
    of = {"Bucket": bucket, "Key": "k"}
    fault = {"match": {"service": "s3", "action": "PutObject", "contains": bucket}}
    cloud.control("POST", "faults", fault | {"status": 503, "code": "SlowDown"})
    with refused("SlowDown") as it:
        s3.put_object(Body=b"x", **of)
    assert it.status == 503
    cloud.control("POST", "faults", fault | {"status": 500})
    answer = error(s3.put_object, Body=b"x", **of)
    assert answer["Error"]["Code"] == "InternalError" and "date" in headers(answer)
    # The answer is lost; the object is there.
    cloud.control("POST", "faults", fault | {"drop": True, "after_effect": True})
    with pytest.raises(Exception, match="Connection was closed"):
        s3.put_object(Body=b"x", IfNoneMatch="*", **of)
    with refused("PreconditionFailed"):
        s3.put_object(Body=b"x", IfNoneMatch="*", **of)
    kinds = [(it["action"], it["mutating"]) for it in cloud.control("GET", "calls") if it["service"] == "s3"]
    assert ("PutObject", True) in kinds and ("HeadBucket", False) in kinds and ("GetObject", False) in kinds
