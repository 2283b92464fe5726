"""GitHub's REST API as far as the provisioner uses it: `GET /meta`, and the webhooks of repositories.

Every repository is there and the token's, but for those of `nobody`. Source: GitHub's "Repository webhooks".
"""

import hashlib
import json
import re

from werkzeug.wrappers import Response

TOKEN = "test-github-token"
# The shape of GitHub's GET /meta, as far as the provisioner reads it.
META = {
    "verifiable_password_authentication": False,
    "hooks": [
        "192.30.252.0/22",
        "185.199.108.0/22",
        "140.82.112.0/20",
        "143.55.64.0/20",
        "2a0a:a440::/29",
        "2606:50c0::/32",
    ],
}
HOOKS = re.compile(r"/repos/([^/]+/[^/]+)/hooks(?:/(\d+))?")
FIELDS = {"name", "active", "events", "config"}
CONFIG = {"url", "content_type", "insecure_ssl", "secret"}


class Refused(Exception):
    def __init__(self, status, message, *errors):
        self.status = status
        self.body = {"message": message, "status": str(status)}
        if errors:
            self.body["errors"] = [{"resource": "Hook"} | error for error in errors]


class GitHub:
    def __init__(self):
        self.last = 0
        self.hooks = {}

    @staticmethod
    def owns(request):
        return request.path == "/meta" or request.path.startswith("/repos/")

    def answer(self, request):
        try:
            status, body = self.perform(request)
        except Refused as refused:
            status, body = refused.status, refused.body
        text = "" if body is None else json.dumps(body)
        return Response(text, status, content_type="application/json; charset=utf-8")

    def perform(self, request):
        if request.path == "/meta" and request.method == "GET":
            return 200, META
        match = HOOKS.fullmatch(request.path)
        if match is None:
            raise Refused(404, "Not Found")
        repository, number = match[1], match[2] and int(match[2])
        given = request.headers.get("Authorization")
        if given is not None and given not in (f"Bearer {TOKEN}", f"token {TOKEN}"):
            raise Refused(401, "Bad credentials")
        # Whom the token does not open something to is told that it is not there.
        if given is None or repository.startswith("nobody/"):
            raise Refused(404, "Not Found")
        hooks = self.hooks.setdefault(repository, {})
        if number is None and request.method == "GET":
            size = min(int(request.args.get("per_page", 30)), 100)
            first = (int(request.args.get("page", 1)) - 1) * size
            return 200, [shown(repository, *it) for it in list(hooks.items())[first : first + size]]
        if number is None and request.method == "POST":
            hook = {"active": True, "events": ["push"]} | wish(request, needs_config=True)
            if any((it["config"]["url"], it["events"]) == (hook["config"]["url"], hook["events"]) for it in hooks.values()):
                raise Refused(422, "Validation Failed", {"code": "custom", "message": "Hook already exists on this repository"})
            self.last += 1
            hooks[self.last] = hook
            return 201, shown(repository, self.last, hook)
        if number not in hooks:
            raise Refused(404, "Not Found")
        if request.method == "DELETE":
            del hooks[number]
            return 204, None
        if request.method == "PATCH":
            # The configuration as a whole: also without a secret, if it is not given again.
            hooks[number] |= wish(request, needs_config=False)
        return 200, shown(repository, number, hooks[number])

    def census(self):
        return [
            {
                "id": number,
                "repository": repository,
                "url": hook["config"]["url"],
                "events": hook["events"],
                "secret_sha256": fingerprint(hook["config"].get("secret")),
            }
            for repository, hooks in self.hooks.items()
            for number, hook in hooks.items()
        ]


def fingerprint(secret):
    return secret and hashlib.sha256(secret.encode()).hexdigest()


def wish(request, needs_config):
    asked = json.loads(request.get_data() or b"{}")
    if unknown := set(asked) - FIELDS | set(asked.get("config", {})) - CONFIG:
        raise Refused(422, "Validation Failed", *({"code": "invalid", "field": it} for it in sorted(unknown)))
    if asked.pop("name", "web") != "web":
        raise Refused(422, "Validation Failed", {"code": "invalid", "field": "name"})
    config = asked.get("config", {} if needs_config else None)
    if config is not None and not config.get("url"):
        raise Refused(422, "Validation Failed", {"code": "missing_field", "field": "config"})
    if config is not None and not config["url"].startswith(("http://", "https://")):
        raise Refused(422, "Validation Failed", {"code": "custom", "message": "Config URL is not valid"})
    return asked


def shown(repository, number, hook):
    config = {"content_type": "form", "insecure_ssl": "0"} | hook["config"]
    if "secret" in config:
        # Whoever asks is told that there is one.
        config["secret"] = "********"
    return {
        "type": "Repository",
        "id": number,
        "name": "web",
        "active": hook["active"],
        "events": hook["events"],
        "config": config,
        "url": f"https://api.github.com/repos/{repository}/hooks/{number}",
    }
