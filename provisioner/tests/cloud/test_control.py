"""Recorder, faults, latency, census and the way the cloud is started."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from conftest import GROUP, HERE
from test_aws import TAGS, record


def names(calls):
    return [(call["service"], call["action"], call["mutating"], call["status"]) for call in calls]


def test_recorder(aws, atlas, control, name):
    aws.vpc()
    with pytest.raises(ClientError):
        aws.ec2.run_instances(MinCount=1, MaxCount=1, ImageId="ami-0a1b2c3d4e5f60001", DryRun=True)
    aws.elbv2.describe_load_balancers()
    aws.iam.list_roles()
    aws.sts.get_caller_identity()
    key = aws.kms.create_key()["KeyMetadata"]["KeyId"]
    aws.kms.schedule_key_deletion(KeyId=key)
    aws.ecs.describe_clusters(clusters=["x"])
    aws.logs.create_log_group(logGroupName=name)
    aws.logs.delete_log_group(logGroupName=name)
    aws.ssm.get_parameters(Names=["/x"])
    aws.acm.list_certificates()
    aws.route53.list_hosted_zones_by_name(DNSName="example.com")
    with pytest.raises(ClientError):
        record(aws, "DELETE", Name="x.example.com", Type="A", TTL=1, ResourceRecords=[{"Value": "192.0.2.1"}])
    aws.resourcegroupstaggingapi.get_resources()
    assert names(control.get("calls")) == [
        ("ec2", "DescribeVpcs", False, 200),
        ("ec2", "RunInstances", False, 412),
        ("elbv2", "DescribeLoadBalancers", False, 200),
        ("iam", "ListRoles", False, 200),
        ("sts", "GetCallerIdentity", False, 200),
        ("kms", "CreateKey", True, 200),
        ("kms", "ScheduleKeyDeletion", True, 200),
        ("ecs", "DescribeClusters", False, 200),
        ("logs", "CreateLogGroup", True, 200),
        ("logs", "DeleteLogGroup", True, 200),
        ("ssm", "GetParameters", False, 200),
        ("acm", "ListCertificates", False, 200),
        ("route53", "ListHostedZonesByName", False, 200),
        ("route53", "ListHostedZonesByName", False, 200),
        ("route53", "ChangeResourceRecordSets", True, 400),
        ("resourcegroupstaggingapi", "GetResources", False, 200),
    ]
    control.delete("calls")
    atlas("GET", "groups")
    atlas("DELETE", f"groups/{GROUP}/databaseUsers/admin/nobody")
    calls = control.get("calls")
    # Digest asks first, unless it has a nonce already.
    assert [c for c in names(calls) if c[3] != 401] == [
        ("atlas", "listGroups", False, 200),
        ("atlas", "deleteDatabaseUser", True, 404),
    ]
    assert calls[0]["path"] == "/api/atlas/v2/groups" and calls[0]["method"] == "GET" and calls[0]["took_ms"] >= 0


def test_bodies_only_when_asked_for(aws, control):
    aws.ssm.get_parameters(Names=["/canary"])
    assert "canary" not in json.dumps(control.get("calls"))
    assert "canary" in control.get("calls?bodies=1")[0]["body"]


REGION = {"LocationConstraint": "eu-central-1"}
FAULTS = [
    ("ec2", "DescribeVpcs", lambda aws: aws.ec2.describe_vpcs()),
    ("elbv2", "DescribeLoadBalancers", lambda aws: aws.elbv2.describe_load_balancers()),
    ("iam", "ListRoles", lambda aws: aws.iam.list_roles()),
    ("sts", "GetCallerIdentity", lambda aws: aws.sts.get_caller_identity()),
    ("kms", "ListKeys", lambda aws: aws.kms.list_keys()),
    ("ecs", "ListClusters", lambda aws: aws.ecs.list_clusters()),
    ("logs", "DescribeLogGroups", lambda aws: aws.logs.describe_log_groups()),
    ("ssm", "DescribeParameters", lambda aws: aws.ssm.describe_parameters()),
    ("acm", "ListCertificates", lambda aws: aws.acm.list_certificates()),
    ("route53", "ListHostedZones", lambda aws: aws.route53.list_hosted_zones()),
    ("resourcegroupstaggingapi", "GetResources", lambda aws: aws.resourcegroupstaggingapi.get_resources()),
    ("s3", "CreateBucket", lambda aws: aws.s3.create_bucket(Bucket="faulty", CreateBucketConfiguration=REGION)),
]


@pytest.mark.parametrize("service, action, call", FAULTS, ids=[fault[0] for fault in FAULTS])
def test_faults_speak_the_protocol_of_the_service(aws, control, service, action, call):
    control.post(
        "faults", {"match": {"service": service, "action": action}, "code": "Throttling", "message": "Rate <exceeded>"}
    )
    with pytest.raises(ClientError) as raised:
        call(aws)
    assert raised.value.response["Error"]["Code"] == "Throttling"
    assert raised.value.response["Error"]["Message"].startswith("Rate <exceeded>")
    call(aws)
    assert [(c["status"], c["fault"]) for c in control.get("calls")] == [(400, True), (200, False)]


def test_calls_of_s3_have_their_names(aws, control):
    aws.s3.create_bucket(Bucket="states", CreateBucketConfiguration=REGION)
    aws.s3.head_bucket(Bucket="states")
    aws.s3.put_bucket_versioning(Bucket="states", VersioningConfiguration={"Status": "Enabled"})
    aws.s3.get_bucket_versioning(Bucket="states")
    aws.s3.put_object(Bucket="states", Key="team/gsm.json", Body=b"{}")
    aws.s3.get_object(Bucket="states", Key="team/gsm.json")
    aws.s3.list_objects_v2(Bucket="states")
    aws.s3.list_object_versions(Bucket="states")
    aws.s3.delete_object(Bucket="states", Key="team/gsm.json")
    assert [(call["action"], call["mutating"]) for call in control.get("calls")] == [
        ("CreateBucket", True),
        ("HeadBucket", False),
        ("PutBucketVersioning", True),
        ("GetBucketVersioning", False),
        ("PutObject", True),
        ("GetObject", False),
        ("ListObjectsV2", False),
        ("ListObjectVersions", False),
        ("DeleteObject", True),
    ]


def test_fault_of_atlas(atlas, control):
    fault = {
        "match": {"service": "atlas", "action": "listGroups"},
        "status": 429,
        "code": "RATE_LIMITED_TOKEN_BUCKET",
        "headers": {"Retry-After": "1"},
    }
    control.post("faults", fault)
    answer = atlas("GET", "groups")
    assert answer.json() | {"detail": ""} == {
        "detail": "",
        "error": 429,
        "errorCode": "RATE_LIMITED_TOKEN_BUCKET",
        "parameters": [],
        "reason": "Too Many Requests",
    }
    assert answer.headers["Retry-After"] == "1"


def test_skip_times_and_contains(aws, control):
    control.post("faults", {"match": {"service": "ssm", "contains": "/mine"}, "status": 500, "skip": 1, "times": 2})
    outcomes = []
    for parameter in ("/other", "/mine", "/mine", "/other", "/mine", "/mine"):
        try:
            aws.ssm.get_parameters(Names=[parameter])
            outcomes.append("ok")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])
    assert outcomes == ["ok", "ok", "InternalFailure", "ok", "InternalFailure", "ok"]
    assert control.get("faults")[0]["struck"] == 2


def test_after_effect_and_drop(aws, control, name):
    control.post("faults", {"match": {"action": "CreateLogGroup"}, "status": 500, "after_effect": True})
    with pytest.raises(ClientError, match="InternalFailure"):
        aws.logs.create_log_group(logGroupName=name)
    control.post("faults", {"match": {"action": "DeleteLogGroup"}, "drop": True})
    with pytest.raises(ConnectionClosedError):
        aws.logs.delete_log_group(logGroupName=name)
    assert aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    control.post("faults", {"match": {"action": "DeleteLogGroup"}, "drop": True, "after_effect": True})
    with pytest.raises(ConnectionClosedError):
        aws.logs.delete_log_group(logGroupName=name)
    assert not aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    statuses = [call["status"] for call in control.get("calls") if call["action"] == "DeleteLogGroup"]
    assert statuses == [None, None]


def test_truncated_answer(url, atlas, control):
    control.post("faults", {"match": {"action": "listGroups"}, "truncate": 10})
    with pytest.raises(requests.exceptions.RequestException):
        atlas("GET", "groups").json()


def test_latency_is_per_call_and_not_for_one_after_the_other(aws, control):
    aws.kms.list_keys()
    control.put("latency", {"ms": 200})
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: aws.kms.list_keys(), range(4)))
    assert 0.2 <= time.monotonic() - began < 0.6


def test_typos_are_refused(control):
    control.post("faults", {"mach": {}}, status=400)
    control.post("faults", {"match": {"servce": "ec2"}}, status=400)
    control.put("aws", {"x": 1}, status=400)
    control.put("rollouts", {"outcome": "perhaps"}, status=400)
    control.get("nothing", status=404)


def test_census(aws, atlas, url, control, name):
    def taken():
        return control.get("census")

    before = taken()
    group = aws.group()
    key = aws.kms.create_key()["KeyMetadata"]["KeyId"]
    aws.ssm.put_parameter(Name=f"/{name}", Value="x", Type="SecureString", Tags=TAGS)
    atlas("POST", f"groups/{GROUP}/accessList", [{"cidrBlock": "0.0.0.0/0"}])
    control.delete("calls")
    during = taken()
    assert control.get("calls") == []
    changed = {kind for kind in during if during[kind] != before[kind]}
    assert changed == {"security_groups", "security_group_rules", "keys", "parameters", "atlas_accessList"}
    program = subprocess.run([sys.executable, HERE / "census.py", url], capture_output=True, text=True, check=True)
    assert json.loads(program.stdout) == during
    aws.ec2.delete_security_group(GroupId=group)
    aws.ssm.delete_parameter(Name=f"/{name}")
    aws.kms.schedule_key_deletion(KeyId=key)
    atlas("DELETE", f"groups/{GROUP}/accessList/0.0.0.0%2F0")
    after = taken()
    assert after.pop("keys_pending_deletion") == before.pop("keys_pending_deletion") + [{"KeyId": key}]
    assert after == before


def test_github_meta(url):
    assert "192.30.252.0/22" in requests.get(url + "/meta").json()["hooks"]


def test_github_webhooks(url, control):
    def taken():
        return control.get("census")

    hooks = url + "/repos/octocat/gsm/hooks"
    token = {"Authorization": "Bearer test-github-token"}
    config = {"url": "https://ci.example.com/github-webhook/", "content_type": "json", "secret": "s3cret"}
    assert requests.get(hooks).status_code == 404
    assert requests.get(hooks, headers={"Authorization": "Bearer wrong"}).json()["message"] == "Bad credentials"
    assert requests.get(url + "/repos/nobody/gsm/hooks", headers=token).status_code == 404
    made = requests.post(hooks, headers=token, json={"name": "web", "events": ["push"], "config": config})
    assert made.status_code == 201
    hook = made.json()
    assert hook["active"] and hook["config"] == {**config, "insecure_ssl": "0", "secret": "********"}
    assert taken()["github_webhooks"] == [
        {
            "id": hook["id"],
            "repository": "octocat/gsm",
            "url": config["url"],
            "events": ["push"],
            "secret_sha256": hashlib.sha256(b"s3cret").hexdigest(),
        }
    ]
    again = requests.post(hooks, headers=token, json={"name": "web", "events": ["push"], "config": config})
    assert again.status_code == 422 and "already exists" in again.json()["errors"][0]["message"]
    for wrong in ({"config": {}}, {"config": {"url": "ci.example.com"}}, {"config": config, "evnts": []}):
        assert requests.post(hooks, headers=token, json=wrong).status_code == 422, wrong
    one = f"{hooks}/{hook['id']}"
    # What is not given again is gone.
    changed = requests.patch(one, headers=token, json={"config": {"url": config["url"]}}).json()
    assert changed["config"] == {"url": config["url"], "content_type": "form", "insecure_ssl": "0"}
    assert requests.get(one, headers=token).json() == changed
    assert [it["id"] for it in requests.get(hooks, headers=token).json()] == [hook["id"]]
    assert requests.get(hooks, headers=token, params={"page": 2}).json() == []
    assert requests.delete(one, headers=token).status_code == 204
    assert requests.delete(one, headers=token).status_code == 404
    assert taken()["github_webhooks"] == []


def test_registry(url):
    there = requests.get(url + "/v2/me/bot/manifests/1")
    assert there.headers["Content-Type"] == "application/vnd.oci.image.index.v1+json"
    assert [it["platform"]["architecture"] for it in there.json()["manifests"]] == ["amd64", "arm64"]
    assert requests.head(url + "/v2/me/bot/manifests/1").status_code == 200
    absent = requests.get(url + "/v2/me/bot/manifests/absent-1")
    assert (absent.status_code, absent.json()["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")


def test_with_cloud(tmp_path):
    seen = tmp_path / "seen"
    script = f"env > {seen}; exit 42"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CLOUD_", "GSM_"))}
    began = time.monotonic()
    result = subprocess.run([HERE / "with-cloud", "bash", "-c", script], env=environment)
    assert result.returncode == 42 and time.monotonic() - began < 10
    values = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
    assert values["AWS_REGION"] == "eu-central-1" and values["GSM_BOT_TOKEN"]
    assert (
        values["AWS_ENDPOINT_URL"]
        == values["MONGODB_ATLAS_BASE_URL"]
        == values["GITHUB_API_URL"]
        == values["CLOUD_URL"]
    )
    port = int(values["CLOUD_URL"].rpartition(":")[2])
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()


def test_a_stopped_test_leaves_no_orphan():
    process = subprocess.Popen(
        [sys.executable, HERE / "cloud.py", "--exit-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    url = process.stdout.readline().decode().split()[-1]
    client = boto3.client(
        "sts", "eu-central-1", endpoint_url=url, aws_access_key_id="test", aws_secret_access_key="test", config=Config()
    )
    assert client.get_caller_identity()["Account"] == "123456789012"
    process.stdin.close()
    assert process.wait(5) == 0


def test_each_connection_has_a_cloud_of_its_own_which_ends_with_it():
    process = subprocess.Popen(
        [sys.executable, HERE / "cloud.py", "--for-each-connection"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    port = int(process.stdout.readline().decode().rpartition(":")[2])
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    urls = [connection.makefile().readline().split()[-1] for connection in connections]
    groups = [
        boto3.client("logs", "eu-central-1", endpoint_url=url, aws_access_key_id="t", aws_secret_access_key="t")
        for url in urls
    ]
    groups[0].create_log_group(logGroupName="mine")
    assert [len(it.describe_log_groups()["logGroups"]) for it in groups] == [1, 0]

    connections[0].close()
    connections[0] = None
    for _ in range(50):
        time.sleep(0.1)
        try:
            requests.get(urls[0] + "/meta", timeout=1)
        except requests.ConnectionError:
            break
    else:
        raise AssertionError("it goes on")
    process.stdin.close()
    assert process.wait(5) == 0
    assert requests.get(urls[1] + "/meta", timeout=5).ok
    connections[1].close()
