"""The test's own endpoints, under /__cloud/."""

import json

from werkzeug.wrappers import Response

import gaps
from gaps import ecs_rollouts


class Control:
    PREFIX = "/__cloud/"

    def __init__(self, cloud):
        self.cloud = cloud

    def answer(self, request):
        name = request.path.removeprefix(self.PREFIX).strip("/")
        method = getattr(self, f"{request.method.lower()}_{name}", None)
        if method is None:
            return reply({"error": f"no {request.method} {request.path}"}, 404)
        try:
            return reply(method(request))
        except (ValueError, KeyError, TypeError) as error:
            return reply({"error": f"{type(error).__name__}: {error}"}, 400)

    def get_calls(self, request):
        return self.cloud.recorder.calls(bodies=request.args.get("bodies") in ("1", "true"))

    def delete_calls(self, request):
        self.cloud.recorder.clear()

    def get_faults(self, request):
        return self.cloud.faults.list()

    def post_faults(self, request):
        spec = json.loads(request.get_data())
        return [self.cloud.faults.add(one).id for one in (spec if isinstance(spec, list) else [spec])]

    def delete_faults(self, request):
        self.cloud.faults.clear()

    def get_latency(self, request):
        return {"ms": self.cloud.faults.latency_ms}

    def put_latency(self, request):
        self.cloud.faults.latency_ms = float(json.loads(request.get_data())["ms"])
        return self.get_latency(request)

    def get_atlas(self, request):
        return self.cloud.atlas.world.dump()

    def put_atlas(self, request):
        """{"settle": seconds} for later changes; {"expire_credentials": true} makes nonces stale and tokens invalid."""
        spec = json.loads(request.get_data())
        if unknown := set(spec) - {"settle", "expire_credentials"}:
            raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
        if "settle" in spec:
            self.cloud.atlas.world.settle = float(spec["settle"])
        if spec.get("expire_credentials"):
            self.cloud.atlas.auth.expire()

    def get_github(self, request):
        return self.cloud.github.census()

    def get_aws(self, request):
        return gaps.SETTINGS

    def put_aws(self, request):
        """How long things take by themselves; see gaps/__init__.py."""
        return gaps.configure(json.loads(request.get_data()))

    def put_rollouts(self, request):
        """How later ECS deployments go; see gaps/ecs_rollouts.py."""
        return ecs_rollouts.plan(json.loads(request.get_data()))

    def get_census(self, request):
        import census

        return census.take(self.cloud.url, region=request.args.get("region"))


def reply(value, status=200):
    if value is None:
        return Response(status=204)
    return Response(json.dumps(value, indent=1, default=str), status, content_type="application/json")
