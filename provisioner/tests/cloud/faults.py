"""Faults a test asks for: errors in each service's own shape, delays, closed connections, truncated answers."""

import itertools
import json
import threading
import time
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from atlas import error_body

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
FIELDS = {
    "match", "status", "code", "message", "body", "headers", "times", "skip", "delay_ms", "drop", "truncate", "after_effect",
}  # fmt: skip


class Fault:
    """`match`: service, action (absent: any), contains (a string the request's body or path must have).
    `times`: how often it strikes (default 1, null: for ever), after letting `skip` matching calls pass."""

    numbers = itertools.count(1)

    def __init__(self, spec):
        unknown = set(spec) - FIELDS | set(spec.get("match", {})) - {"service", "action", "contains"}
        if unknown:
            raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
        self.id = next(self.numbers)
        self.spec = spec
        self.match = spec.get("match", {})
        self.left = spec.get("times", 1)
        self.skip = spec.get("skip", 0)
        self.struck = 0
        self.delay = spec.get("delay_ms", 0) / 1000
        self.drop = spec.get("drop", False)
        self.truncate = spec.get("truncate")
        self.after_effect = spec.get("after_effect", False)

    @property
    def answers(self):
        """Whether it replaces the answer; a mere delay does not."""
        return any(self.spec.get(name) is not None for name in ("status", "code", "body"))

    def wants(self, call):
        return (
            self.left != 0
            and self.match.get("service", call.service) == call.service
            and self.match.get("action", call.action) == call.action
            and self.match.get("contains", "") in call.path + " " + call.body
        )

    def describe(self):
        return {"id": self.id, "left": self.left, "struck": self.struck, **self.spec}

    def response(self, call):
        code = self.spec.get("code") or "InternalFailure"
        status = self.spec.get("status") or (400 if self.spec.get("code") else 500)
        if (body := self.spec.get("body")) is not None:
            body = body if isinstance(body, str) else json.dumps(body)
            response = Response(body, status, content_type=CONTENT_TYPES[call.protocol])
        else:
            response = error(call.protocol, status, code, self.spec.get("message") or f"{code} (asked for by the test)")
        response.headers.extend(self.spec.get("headers") or {})
        return response


class Faults:
    def __init__(self):
        self._lock = threading.Lock()
        self._faults = []
        self.latency_ms = 0

    def add(self, spec):
        fault = Fault(spec)
        with self._lock:
            self._faults.append(fault)
        return fault

    def list(self):
        with self._lock:
            return [fault.describe() for fault in self._faults]

    def clear(self):
        with self._lock:
            self._faults = []

    def take(self, call):
        """The first fault that strikes this call; each fault counts its matches on its own."""
        with self._lock:
            for fault in self._faults:
                if not fault.wants(call):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.struck += 1
                if fault.left is not None:
                    fault.left -= 1
                return fault
        return None

    def wait(self, fault):
        time.sleep(self.latency_ms / 1000 + (fault.delay if fault else 0))


CONTENT_TYPES = {
    "ec2": "text/xml;charset=UTF-8",
    "query": "text/xml",
    "rest-xml": "text/xml",
    "s3": "application/xml",
    "json": "application/x-amz-json-1.1",
    "atlas": "application/json",
}


def error(protocol, status, code, message):
    """An error as the service itself would write it."""
    headers = {"x-amzn-RequestId": REQUEST_ID}
    kind = "Sender" if status < 500 else "Receiver"
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "atlas":
        headers = {"X-Error-Code": code}
        body = json.dumps(error_body(status, code, message))
    elif protocol == "json":
        headers["x-amzn-errortype"] = code
        body = json.dumps({"__type": code, "message": message})
    elif protocol == "ec2":
        body = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    elif protocol == "s3":
        body = f"<Error>{inner}<RequestId>{REQUEST_ID}</RequestId></Error>"
    else:
        body = f"<ErrorResponse><Error><Type>{kind}</Type>{inner}</Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    if "xml" in CONTENT_TYPES[protocol]:
        body = '<?xml version="1.0" encoding="UTF-8"?>\n' + body
    return Response(body, status, headers, content_type=CONTENT_TYPES[protocol])
