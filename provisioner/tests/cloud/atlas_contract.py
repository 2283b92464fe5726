"""The contract of the Atlas stand-in: atlas-openapi.yaml, applied to requests and answers."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

METHODS = ("get", "post", "put", "patch", "delete")
VERSIONED = re.compile(r"application/vnd\.atlas\.(\d{4}-\d{2}-\d{2})\+json$")
# Every resource is offered under its own version and under this one; the service answers with the resource's own.
ALIAS = "2025-03-12"


class AtlasError(Exception):
    """An answer in the shape of Atlas' errors."""

    def __init__(self, status, code, detail, *parameters, fields=None):
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.parameters = list(parameters)
        self.fields = fields


class Operation:
    def __init__(self, contract, path, method, spec, shared):
        self.contract = contract
        self.id = spec["operationId"]
        self.method = method
        self.segments = path.strip("/").split("/")
        self.spec = spec
        self.parameters = [contract.resolve(p) for p in shared + spec.get("parameters", [])]

    def match(self, segments):
        """The path's parameters, still percent-encoded, or None."""
        if len(segments) != len(self.segments):
            return None
        found = {}
        for pattern, actual in zip(self.segments, segments):
            if pattern.startswith("{"):
                found[pattern[1:-1]] = actual
            elif pattern != actual:
                return None
        return found

    def read_parameters(self, path, query):
        """Decoded, typed and checked path and query parameters, with defaults."""
        values = {}
        for parameter in self.parameters:
            name, schema = parameter["name"], parameter["schema"]
            if parameter["in"] == "path":
                value, code, status = unquote(path[name]), "INVALID_PATH_PARAMETER", 400
                if name == "groupId":
                    code, status = "INVALID_GROUP_ID", 404
            elif name in query:
                value, code, status = query[name], "INVALID_QUERY_PARAMETER", 400
            else:
                values[name] = self.contract.resolve(schema).get("default")
                continue
            kind = self.contract.resolve(schema).get("type")
            if kind == "integer" and re.fullmatch(r"-?\d+", value):
                value = int(value)
            elif kind == "boolean" and value in ("true", "false"):
                value = value == "true"
            if not self.contract.validator(schema).is_valid(value):
                raise AtlasError(status, code, f"Invalid parameter {name} specified: {value}.", name)
            values[name] = value
        unknown = set(query) - set(values) - {"pretty", "envelope"}
        if unknown:
            name = sorted(unknown)[0]
            raise AtlasError(400, "INVALID_QUERY_PARAMETER", f"Invalid query parameter {name} specified.", name)
        return values

    def resource_version(self, accept):
        """The version that answers: the latest one not after the date in the Accept header."""
        dates = [VERSIONED.match(part.split(";")[0].strip()) for part in (accept or "").split(",")]
        asked = next((match.group(1) for match in dates if match), None)
        if asked is None:
            raise AtlasError(406, "INVALID_VERSION_DATE", "Invalid accept header or version date.")
        offered = self._versions(self._success()[1].get("content", {}))
        if not offered:
            return asked
        usable = [version for version in offered if version <= asked]
        if not usable:
            raise AtlasError(406, "INVALID_VERSION_DATE", f"No version of this resource is as old as {asked}.", asked)
        return max(usable)

    def check_body(self, content_type, body):
        """Raises the error Atlas would answer if the body does not satisfy the contract."""
        request = self.spec.get("requestBody")
        if request is None:
            if body is not None:
                raise AtlasError(400, "INVALID_JSON", "This resource takes no body.")
            return
        media = (content_type or "").split(";")[0].strip()
        version = VERSIONED.match(media)
        content = request["content"]
        if version:
            usable = [v for v in self._versions(content) if v <= version.group(1)]
            media = f"application/vnd.atlas.{max(usable)}+json" if usable else media
        if media not in content:
            raise AtlasError(
                415, "UNSUPPORTED_MEDIA_TYPE", f"The media type {media or '(none)'} is not supported.", media
            )
        if body is None:
            raise AtlasError(400, "INVALID_JSON", "Received JSON does not match expected format.")
        error = best_match(self.contract.validator(content[media]["schema"]).iter_errors(body))
        if error is not None:
            raise as_atlas_error(error)

    def check_answer(self, status, body):
        """Complains when the stand-in itself breaks the contract, so that its bugs are not taken for the product's."""
        if str(status) not in self.spec["responses"]:
            raise AssertionError(f"{self.id}: status {status} is not in the contract")
        content = self.contract.resolve(self.spec["responses"][str(status)]).get("content")
        if content:
            schema = next(iter(content.values()))["schema"]
            self.contract.validator(schema).validate(body)

    def _success(self):
        return next((int(s), self.contract.resolve(r)) for s, r in self.spec["responses"].items() if s.startswith("2"))

    @staticmethod
    def _versions(content):
        dates = sorted(match.group(1) for match in map(VERSIONED.match, content) if match)
        return [date for date in dates if date != ALIAS] or dates


class Contract:
    def __init__(self, path):
        self.document = yaml.load(Path(path).read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self.operations = [
            Operation(self, route, method, item[method], item.get("parameters", []))
            for route, item in self.document["paths"].items()
            for method in METHODS
            if method in item
        ]
        self._validators = {}

    def find(self, method, raw_path):
        """The operation, its path parameters, and whether the path at least exists for other methods."""
        segments = raw_path.strip("/").split("/")
        candidates = [(op, found) for op in self.operations if (found := op.match(segments)) is not None]
        for operation, found in candidates:
            if operation.method == method.lower():
                return operation, found, True
        return None, {}, bool(candidates)

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def validator(self, schema):
        key = id(schema)
        if key not in self._validators:
            root = {"components": self.document["components"], "allOf": [schema]}
            self._validators[key] = Draft202012Validator(root)
        return self._validators[key]


def as_atlas_error(error):
    """A violation of the schema in the words of Atlas' documented error codes."""
    path = ".".join(str(step) for step in error.absolute_path)
    if error.validator == "additionalProperties":
        extra = sorted(set(error.instance) - set(error.schema.get("properties", {})))[0]
        return AtlasError(400, "INVALID_ATTRIBUTE", f"Invalid attribute {extra} specified.", extra)
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return AtlasError(400, "MISSING_ATTRIBUTE", f"The required attribute {missing} was not specified.", missing)
    if error.validator == "enum":
        value = error.instance
        return AtlasError(400, "INVALID_ENUM_VALUE", f"An invalid enumeration value {value} was specified.", value)
    if error.validator == "type":
        name = path or "(root)"
        return AtlasError(
            400,
            "INVALID_JSON_ATTRIBUTE",
            f"Received JSON for the {name} attribute does not match expected format.",
            name,
        )
    if path == "name" and error.validator == "pattern":
        detail = f"The cluster name {error.instance} is invalid. The name can only contain ASCII letters, numbers, and hyphens."
        return AtlasError(400, "CLUSTER_NAME_INVALID", detail, error.instance)
    if path == "name" and error.validator == "maxLength":
        return AtlasError(
            400,
            "CLUSTER_NAME_TOO_LONG",
            f"Cluster name {error.instance} is limited to 64 characters.",
            error.instance,
            64,
        )
    # The value itself stays out of the message: it may be a password.
    fields = [{"field": path, "description": f"violates {error.validator}: {error.validator_value}"}]
    return AtlasError(
        400,
        "VALIDATION_ERROR",
        f"The request content produced the validation error: {path} violates {error.validator}.",
        path,
        fields=fields,
    )


@cache
def load():
    return Contract(Path(__file__).with_name("atlas-openapi.yaml"))
