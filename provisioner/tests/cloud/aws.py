"""AWS: moto behind one lock, with its gaps (gaps/) filled when a service is first called."""

import importlib
import importlib.util
import os
import threading
import warnings
from pathlib import Path

import gaps

HERE = Path(__file__).parent
SETTINGS = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_ECS_SERVICE_RUNNING": "1",  # without it a service never runs; gaps/ecs.py counts properly
    "MOTO_ACM_VALIDATION_WAIT": "1",
    "MOTO_AMIS_PATH": str(HERE / "images.json"),
    "MOTO_ENABLE_AMI_VALIDATION": "true",
    "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "true",
}
# What a stack uses. Importing them takes longer than starting, so it happens in the background.
SERVICES = ["ec2", "sts", "iam", "kms", "logs", "ssm", "elbv2", "ecs", "acm", "route53", "resourcegroupstaggingapi"]
ACCOUNT = "123456789012"


class Aws:
    def __init__(self):
        os.environ.update({name: value for name, value in SETTINGS.items() if name not in os.environ})
        # moto signs in to nothing, but boto3 inside it looks for credentials.
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
        # ELB answers UnsupportedCertificate although its own model does not name it.
        warnings.filterwarnings("ignore", message="Exception.*does not match an error shape")
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        def create_app(service):
            fill_gaps(service)
            return create_backend_app(service)

        self._application = DomainDispatcherApplication(create_app)
        # moto's backends are plain dictionaries, not made for several threads.
        self._lock = threading.RLock()

    def answer(self, environ, into):
        """Runs moto on the request; `into` collects a whole response from a WSGI application."""
        with self._lock:
            gaps.tick()
            return into(self._application, environ)

    def load(self):
        for service in SERVICES:
            with self._lock:
                importlib.import_module(f"moto.{service}.responses")

    def warm_up(self):
        threading.Thread(target=self.load, daemon=True).start()


def fill_gaps(service, done=set()):
    """gaps/<service>.py changes moto's own classes; without such a module there is nothing to mend."""
    service = {"elb": "elbv2"}.get(service, service)  # moto answers for both in one application, named after the older
    if service in done:
        return
    done.add(service)
    if importlib.util.find_spec(f"gaps.{service}"):
        importlib.import_module(f"gaps.{service}").install()
