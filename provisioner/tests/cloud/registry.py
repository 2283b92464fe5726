"""A registry of container images (OCI Distribution Specification): it has every image, for both of Fargate's processors,
but none whose tag begins with `absent`. The simulator's has the same rules, and more of them."""

import hashlib
import json
import re

from werkzeug.wrappers import Response

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def manifest(path):
    match = re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", path)
    if match is None:
        return refusal("UNSUPPORTED", "the operation is unsupported")
    if match[2].startswith("absent"):
        return refusal("MANIFEST_UNKNOWN", f"manifest unknown: {match[2]}")
    parts = []
    for architecture in ("amd64", "arm64"):
        digest = hashlib.sha256(f"{path} {architecture}".encode()).hexdigest()
        platform = {"architecture": architecture, "os": "linux"}
        parts.append({"mediaType": MANIFEST, "digest": f"sha256:{digest}", "size": 1, "platform": platform})
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": parts}
    return Response(json.dumps(index), 200, content_type=INDEX)


def refusal(code, message):
    body = {"errors": [{"code": code, "message": message}]}
    return Response(json.dumps(body), 404, content_type="application/json")
