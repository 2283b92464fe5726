"""Which call a request is, and the list of all calls made so far."""

import re
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from atlas import Atlas

# Signing names that differ from the names the SDKs use.
SERVICES = {"elasticloadbalancing": "elbv2", "tagging": "resourcegroupstaggingapi"}
SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]*)/([^/]+)/aws4_request")
READ = re.compile(r"(Describe|List|Get|Search|Lookup|Filter|Simulate|BatchGet|Test|Verify|Head)[A-Z]?")
# Calls that change nothing although their names do not say so.
OTHER_READS = {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "AssumeRole"}
ROUTE53 = [
    ("GET", r"/hostedzone/?", "ListHostedZones"),
    ("POST", r"/hostedzone/?", "CreateHostedZone"),
    ("GET", r"/hostedzonesbyname/?", "ListHostedZonesByName"),
    ("GET", r"/hostedzonesbyvpc/?", "ListHostedZonesByVPC"),
    ("GET", r"/hostedzone/[^/]+/?", "GetHostedZone"),
    ("DELETE", r"/hostedzone/[^/]+/?", "DeleteHostedZone"),
    ("GET", r"/hostedzone/[^/]+/rrset/?", "ListResourceRecordSets"),
    ("POST", r"/hostedzone/[^/]+/rrset/?", "ChangeResourceRecordSets"),
    ("GET", r"/change/.+", "GetChange"),
    ("GET", r"/tags/hostedzone/[^/]+/?", "ListTagsForResource"),
    ("POST", r"/tags/hostedzone/[^/]+/?", "ChangeTagsForResource"),
]
# Of a bucket: what is asked for in the query, and what that is called.
S3_OF_BUCKET = {
    "versioning": "BucketVersioning",
    "lifecycle": "BucketLifecycleConfiguration",
    "publicAccessBlock": "PublicAccessBlock",
}


@dataclass
class Call:
    service: str
    action: str
    mutating: bool
    protocol: str  # the shape of errors: ec2, query, json, rest-xml, s3 or atlas
    method: str
    path: str
    body: str
    at: float
    region: str = ""
    status: int | None = None
    took_ms: float | None = None
    fault: bool = False
    started: float = field(default_factory=time.monotonic)

    def describe(self, bodies):
        names = ("service", "action", "mutating", "status", "method", "path", "at", "took_ms", "region", "fault")
        out = {name: getattr(self, name) for name in names}
        return out | {"body": self.body} if bodies else out


def identify(request, target):
    body = request.get_data(cache=True).decode("utf-8", "replace")
    common = {"method": request.method, "path": target, "body": body, "at": time.time()}
    if Atlas.owns(request.path):
        action, mutating = Atlas.name_call(request.method, target.partition("?")[0])
        return Call("atlas", action, mutating, "atlas", **common)

    scope = SCOPE.search(request.headers.get("Authorization", ""))
    region, service = scope.groups() if scope else ("", "unsigned")
    service = SERVICES.get(service, service)
    dry_run = False
    if header := request.headers.get("X-Amz-Target"):
        protocol, action = "json", header.rpartition(".")[2]
    elif service == "route53":
        protocol, action = "rest-xml", route53_action(request.method, request.path)
    elif service == "s3":
        protocol, action = "s3", s3_action(request.method, target)
    else:
        form = parse_qs(body) | parse_qs(target.partition("?")[2])
        protocol = "ec2" if service == "ec2" else "query"
        action = form.get("Action", [f"{request.method} {request.path}"])[0]
        dry_run = form.get("DryRun") == ["true"]
    reads = bool(READ.match(action)) or action in OTHER_READS or service == "sts" or dry_run
    return Call(service, action, not reads, protocol, region=region, **common)


def route53_action(method, path):
    rest = re.sub(r"^/\d{4}-\d{2}-\d{2}", "", path)
    for verb, pattern, action in ROUTE53:
        if verb == method and re.fullmatch(pattern, rest):
            return action
    return f"{method} {path}" if method != "GET" else f"Get {path}"


def s3_action(method, target):
    """As moto is asked: the bucket is the first part of the path."""
    path, _, query = target.partition("?")
    of_object = "/" in path.strip("/")
    verb = method.capitalize()
    if of_object:
        return f"{verb}Object"
    asked = parse_qs(query, keep_blank_values=True)
    for name, what in S3_OF_BUCKET.items():
        if name in asked:
            return f"{verb}{what}"
    if method == "GET":
        return "ListObjectVersions" if "versions" in asked else "ListObjectsV2"
    return {"PUT": "Create"}.get(method, verb) + "Bucket"


class Recorder:
    def __init__(self):
        self._lock = threading.Lock()
        self._calls = []

    def begin(self, call):
        with self._lock:
            self._calls.append(call)

    @staticmethod
    def end(call, status, fault):
        """`status` is None when the connection was closed without an answer."""
        call.status, call.fault = status, fault
        if call.service == "atlas" and status == 401:
            call.mutating = False  # Digest's first request, turned away at the door
        call.took_ms = round((time.monotonic() - call.started) * 1000, 1)

    def calls(self, bodies=False):
        with self._lock:
            return [call.describe(bodies) for call in self._calls]

    def clear(self):
        with self._lock:
            self._calls = []
