"""One cloud for all tests of the stand-in, and clients for it."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import requests
from botocore.config import Config
from requests.auth import HTTPDigestAuth

HERE = Path(__file__).parent
GROUP = "5f00000000000000000000a1"
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def url():
    if "CLOUD_URL" in os.environ:
        yield os.environ["CLOUD_URL"]
        return
    process = subprocess.Popen(
        [sys.executable, HERE / "cloud.py", "--exit-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process.stdout.readline().split()[-1]
    process.stdin.close()
    assert process.wait(10) == 0


class Control:
    def __init__(self, url):
        self.base = url + "/__cloud/"

    def __getattr__(self, method):
        def call(name, body=None, status=None):
            answer = requests.request(method, self.base + name, json=body, timeout=30)
            assert answer.status_code == status or status is None and answer.ok, answer.text
            return answer.json() if answer.content else None

        return call


@pytest.fixture
def control(url):
    control = Control(url)
    control.delete("calls")
    control.delete("faults")
    yield control
    control.delete("faults")
    control.put("latency", {"ms": 0})
    control.put("rollouts", {"outcome": "succeed"})
    control.put("atlas", {"settle": 0.2})


class Atlas:
    """A client with Digest; `version` is the date in the Accept header."""

    def __init__(self, url, auth=None):
        self.base = url + "/api/atlas/v2/"
        self.auth = auth or HTTPDigestAuth("test-public", "test-private")

    def __call__(self, method, path, body=None, version="2025-03-12", **rest):
        headers = {"Accept": f"application/vnd.atlas.{version}+json"} | rest.pop("headers", {})
        return requests.request(
            method, self.base + path, json=body, headers=headers, auth=self.auth, timeout=30, **rest
        )

    def refused(self, status, code, method, path, body=None, **rest):
        answer = self(method, path, body, **rest)
        assert (answer.status_code, answer.json().get("errorCode")) == (status, code), answer.text
        assert answer.json()["error"] == status
        return answer.json()


@pytest.fixture
def atlas(url, control):
    control.put("atlas", {"settle": 0.2})
    client = Atlas(url)
    yield client
    for path in ("flexClusters", "clusters"):
        for cluster in client("GET", f"groups/{GROUP}/{path}").json()["results"]:
            if cluster["stateName"] != "DELETING":
                client("DELETE", f"groups/{GROUP}/{path}/{cluster['name']}")
    for user in client("GET", f"groups/{GROUP}/databaseUsers").json()["results"]:
        client("DELETE", f"groups/{GROUP}/databaseUsers/admin/{user['username']}")


class Aws:
    def __init__(self, url):
        self.url = url
        self.session = boto3.Session("test", "test", region_name="eu-central-1")
        self.clients = {}

    def __getattr__(self, name):
        if name not in self.clients:
            config = Config(retries={"total_max_attempts": 1})
            self.clients[name] = self.session.client(name, endpoint_url=self.url, config=config)
        return self.clients[name]

    def subnets(self):
        return [subnet["SubnetId"] for subnet in self.ec2.describe_subnets()["Subnets"]]

    def vpc(self):
        return self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]

    def group(self):
        name = f"group-{next(numbers)}"
        return self.ec2.create_security_group(GroupName=name, Description="d", VpcId=self.vpc())["GroupId"]


@pytest.fixture(scope="session")
def aws(url):
    return Aws(url)


@pytest.fixture
def name():
    return f"name-{next(numbers)}"


class Refusal:
    """Checks the error code of a refused call."""

    def __init__(self, code):
        self.code = code

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        assert error is not None, f"{self.code} was expected"
        assert getattr(error, "response", {}).get("Error", {}).get("Code") == self.code, error
        return True


@pytest.fixture
def refused():
    return Refusal
