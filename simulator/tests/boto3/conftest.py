"""A simulated cloud of its own for each test module, and boto3 to look at it.

Answers are checked against botocore's own model of each operation: an element or a field that the model does not know
would be dropped by every SDK without a word, so it fails the test that met it.
"""

import functools
import json
import os
import subprocess
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
SERVE = TARGET / "debug" / "examples" / "serve"
REGION = "eu-central-1"
ACCOUNT = "123456789012"
# One for all: it reads the model of a service once, and EC2's takes long.
SESSION = boto3.Session("test", "test", region_name=REGION)


class Cloud:
    """A served simulator; `times` is `real`, `fast` (100 times faster), how many times faster, or `none`."""

    def __init__(self, times="none", seed=0):
        command = [SERVE, "--port", "0", "--times", str(times), "--seed", str(seed)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.session = SESSION

    def client(self, name, **config):
        """A client that asks once, and checks its inputs only where the service must not: pass
        `parameter_validation=True` to have botocore check them."""
        options = {"retries": {"total_max_attempts": 1}, "inject_host_prefix": False, "parameter_validation": False}
        config = Config(**(options | config))
        client = self.session.client(name, endpoint_url=self.url, config=config)
        client.meta.events.register("before-parse", functools.partial(check_answer, client=client))
        return client

    def control(self, method, path, body=None):
        """Sees or sets something under `/__cloud/`."""
        body = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/__cloud/{path}", body, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def census(self):
        """What there is, by kind, as far as there is any."""
        return {kind: found for kind, found in self.control("GET", "census").items() if found}

    def set(self, **times):
        """Sets times, in seconds: `iam_spreads_after`, `balancer_active_after`, ..."""
        self.control("PUT", "aws", times)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


@pytest.fixture(scope="module")
def cloud():
    """One that takes no time, for all tests of a module: each cleans up or uses names of its own."""
    cloud = Cloud()
    yield cloud
    cloud.close()


@pytest.fixture
def new_cloud():
    """Makes clouds of a test's own: `new_cloud(times="fast")`. What is new is seen at once there."""
    clouds = []

    def make(**options):
        clouds.append(Cloud(**options))
        clouds[-1].set(seen_after=0)
        return clouds[-1]

    yield make
    for cloud in clouds:
        cloud.close()


class Refused:
    code = None
    message = None
    status = None

    def __init__(self, *codes):
        self.codes = codes

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        assert kind is not None, f"went well, instead of {self.codes}"
        if not issubclass(kind, ClientError):
            return False
        self.code, self.message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        self.status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert self.code in self.codes, f"{self.code} instead of {self.codes}: {self.message}"
        return True


@pytest.fixture
def refused():
    """`with refused("NoSuchEntity") as it: ...`; then `it.message` and `it.status`."""
    return Refused


def check_answer(operation_model, response_dict, client, **_):
    if response_dict["status_code"] >= 300:
        return
    body, output = response_dict["body"], operation_model.output_shape
    protocol = client.meta.service_model.resolved_protocol
    name = f"{operation_model.service_model.service_name} {operation_model.name}"
    payload = (output.serialization if output else {}).get("payload")
    if payload:
        output = output.members[payload]
    if protocol == "rest-xml" and (not body or output.type_name == "blob"):
        # In S3, all of it is in the headers, or the body is the object.
        return
    if protocol == "json":
        found = json.loads(body) if body else {}
        problems = list(unknown_in_json(found, output, name)) if found or output else []
    else:
        root = ElementTree.fromstring(body)
        problems = list(unknown_in_xml(answer_of(root, operation_model, protocol), output, name))
    assert not problems, "not in botocore's model: " + "; ".join(problems)


def unknown_in_json(value, shape, at):
    if shape is None:
        yield at
    elif shape.type_name == "structure":
        if not isinstance(value, dict):
            yield f"{at} is {value!r}"
            return
        for name, inner in value.items():
            members = {member.serialization.get("name", key): member for key, member in shape.members.items()}
            yield from unknown_in_json(inner, members.get(name), f"{at}.{name}")
    elif shape.type_name == "list":
        if not isinstance(value, list):
            yield f"{at} is {value!r}"
            return
        for inner in value:
            yield from unknown_in_json(inner, shape.member, f"{at}[]")
    elif shape.type_name == "map":
        for name, inner in value.items():
            yield from unknown_in_json(inner, shape.value, f"{at}[{name}]")
    else:
        kinds = {"string": str, "boolean": bool, "timestamp": (int, float), "blob": str}
        kind = kinds.get(shape.type_name, (int, float))
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
            yield f"{at} is {value!r}, not {shape.type_name}"
        yield from unknown_word(value, shape, at)


def answer_of(root, operation_model, protocol):
    """The element that holds the output, without what the protocol puts beside it."""
    strip(root)
    if protocol == "query":
        assert root.tag == f"{operation_model.name}Response", root.tag
        wrapper = (operation_model.output_shape.serialization if operation_model.output_shape else {}).get(
            "resultWrapper", f"{operation_model.name}Result"
        )
        assert {it.tag for it in root} <= {wrapper, "ResponseMetadata"}, [it.tag for it in root]
        found = root.find(wrapper)
        return ElementTree.Element(wrapper) if found is None else found
    for child in root.findall("requestId"):
        root.remove(child)
    return root


def strip(element):
    element.tag = element.tag.rpartition("}")[2]
    for child in element:
        strip(child)


def unknown_in_xml(element, shape, at):
    if shape is None:
        yield from (f"{at}.{child.tag}" for child in element)
    elif shape.type_name == "structure":
        members = {wire_name(key, member): member for key, member in shape.members.items()}
        for child in element:
            member = members.get(child.tag)
            if member is None:
                yield f"{at}.{child.tag}"
            elif member.type_name == "list" and member.serialization.get("flattened"):
                yield from unknown_in_xml(child, member.member, f"{at}.{child.tag}")
            else:
                yield from unknown_in_xml(child, member, f"{at}.{child.tag}")
        if (element.text or "").strip():
            yield f"{at} is {element.text!r}"
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        for child in element:
            if child.tag != item:
                yield f"{at}.{child.tag}, not {item}"
            yield from unknown_in_xml(child, shape.member, f"{at}.{child.tag}")
    elif len(element):
        yield f"{at} has {[it.tag for it in element]}"
    else:
        text = element.text or ""
        if shape.type_name == "boolean" and text not in ("true", "false"):
            yield f"{at} is {text!r}"
        if shape.type_name in ("integer", "long") and not text.lstrip("-").isdigit():
            yield f"{at} is {text!r}"
        yield from unknown_word(text, shape, at)


def wire_name(key, member):
    # Flattened lists repeat the name of their elements.
    if member.type_name == "list" and member.serialization.get("flattened"):
        return member.member.serialization.get("name", member.serialization.get("name", key))
    return member.serialization.get("name", key)


def unknown_word(value, shape, at):
    words = getattr(shape, "enum", None)
    if words and value not in words:
        yield f"{at} is {value!r}, none of {words}"
