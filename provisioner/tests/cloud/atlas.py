"""The Atlas stand-in over HTTP: authentication, contract, paging and the shape of answers; atlas_world.py has the rules.

The environment may set how long a cluster stays CREATING, UPDATING or DELETING (ATLAS_SETTLE, seconds).
"""

import json
import os
from urllib.parse import parse_qsl

from werkzeug.wrappers import Response

import atlas_contract
from atlas_auth import Authenticator, Refused
from atlas_contract import AtlasError
from atlas_world import World

REASONS = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 409: "Conflict", 415: "Unsupported Media Type",
    429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
READS_DESPITE_POST = {"oauthToken"}


class Atlas:
    def __init__(self):
        self.world = World(settle=float(os.environ.get("ATLAS_SETTLE", "0.5")))
        self.auth = Authenticator()

    @staticmethod
    def owns(path):
        return path.startswith("/api/")

    @staticmethod
    def name_call(method, raw_path):
        """What the recorder and the faults call this request: the contract's operation, and whether it changes anything."""
        operation, _, _ = atlas_contract.load().find(method, raw_path)
        name = operation.id if operation else f"{method} {raw_path}"
        return name, method != "GET" and name not in READS_DESPITE_POST

    def answer(self, request, target):
        """`target` is the raw request target: WSGI's PATH_INFO is decoded, and there a %2F cannot be told from a slash."""
        raw_path, _, raw_query = target.partition("?")
        try:
            operation, path, known = atlas_contract.load().find(request.method, raw_path)
            if operation is not None and operation.id == "oauthToken":
                return self._token(request)
            try:
                self.auth.check(request.method, target, request.headers.get("Authorization"))
            except Refused as refusal:
                return unauthorized(refusal.challenge)
            if operation is None:
                if known:
                    raise AtlasError(405, "METHOD_NOT_ALLOWED", f"The method {request.method} is not allowed here.")
                raise AtlasError(404, "RESOURCE_NOT_FOUND", f"Cannot find resource {raw_path}.", raw_path)
            return self._perform(operation, path, dict(parse_qsl(raw_query)), request, raw_path)
        except AtlasError as error:
            return error_response(error)

    def _perform(self, operation, path, query, request, raw_path):
        version = operation.resource_version(request.headers.get("Accept"))
        parameters = operation.read_parameters(path, query)
        body = None
        if data := request.get_data():
            try:
                body = json.loads(data)
            except ValueError:
                raise AtlasError(400, "MALFORMED_JSON", "Received JSON is malformed.") from None
        operation.check_body(request.headers.get("Content-Type"), body)
        status, answer = self.world.perform(operation.id, parameters, body)
        if isinstance(answer, list):
            answer = page(answer, parameters, request.host_url.rstrip("/") + raw_path)
        operation.check_answer(status, answer)
        return versioned(status, answer, version)

    def _token(self, request):
        token = self.auth.issue_token(request.headers.get("Authorization"))
        if token is None:
            return json_response(401, {"error": "invalid_client", "error_description": "Invalid client credentials."})
        if request.form.get("grant_type") != "client_credentials":
            return json_response(400, {"error": "unsupported_grant_type"})
        return json_response(200, token)


def page(items, parameters, href):
    size, number = parameters.get("itemsPerPage") or 100, parameters.get("pageNum") or 1
    count = "true" if parameters.get("includeCount") else "false"

    def link(rel, page_number):
        return {"href": f"{href}?includeCount={count}&pageNum={page_number}&itemsPerPage={size}", "rel": rel}

    links = [link("self", number)]
    if number > 1:
        links.append(link("previous", number - 1))
    if number * size < len(items):
        links.append(link("next", number + 1))
    out = {"links": links, "results": items[(number - 1) * size : number * size]}
    if parameters.get("includeCount"):
        out["totalCount"] = len(items)
    return out


def versioned(status, answer, version):
    body = b"" if answer is None else json.dumps(answer).encode()
    response = Response(body, status, content_type=f"application/vnd.atlas.{version}+json;charset=utf-8")
    response.headers["RateLimit-Limit"] = "1200"
    response.headers["RateLimit-Remaining"] = "1199"
    return response


def error_body(status, code, detail, parameters=(), fields=None):
    body = {
        "detail": detail,
        "error": status,
        "errorCode": code,
        "parameters": list(parameters),
        "reason": REASONS.get(status, "Error"),
    }
    if fields:
        body["badRequestDetail"] = {"fields": fields}
    return body


def error_response(error):
    body = error_body(error.status, error.code, error.detail, error.parameters, error.fields)
    return json_response(error.status, body, {"X-Error-Code": error.code})


def unauthorized(challenge):
    body = {"error": 401, "reason": "Unauthorized", "detail": "You are not authorized for this resource."}
    return json_response(401, body, {"WWW-Authenticate": challenge})


def json_response(status, body, headers=None):
    return Response(json.dumps(body), status, headers, content_type="application/json")
