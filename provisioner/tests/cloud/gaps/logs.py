"""CloudWatch Logs: the key of a log group, and the retentions there are."""

import json
from fnmatch import fnmatchcase

from gaps import add, replace

RETENTIONS = {
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}  # fmt: skip


def install():
    from moto.logs.exceptions import LogsClientError, ResourceNotFoundException
    from moto.logs.responses import LogsResponse

    def group(self):
        name = self._get_param("logGroupName") or self._get_param("resourceIdentifier", "")
        name = name.removesuffix(":*").rpartition(":log-group:")[2]
        if name not in self.logs_backend.groups:
            raise ResourceNotFoundException()
        return self.logs_backend.groups[name]

    # moto takes any key; AWS tries it, and the key's policy must let it.
    def check_key(self, name):
        key = self._get_param("kmsKeyId")
        arn = f"arn:aws:logs:{self.region}:{self.current_account}:log-group:{name}"
        if key and not may_encrypt(self.current_account, self.region, key, arn):
            raise LogsClientError(
                "InvalidParameterException",
                f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{arn}'.",
            )

    @replace(LogsResponse)
    def create_log_group(original, self):
        check_key(self, self._get_param("logGroupName"))
        return original(self)

    # moto has neither of these two.
    @add(LogsResponse)
    def associate_kms_key(self):
        found = group(self)
        check_key(self, found.name)
        found.kms_key_id = self._get_param("kmsKeyId")
        return ""

    @add(LogsResponse)
    def disassociate_kms_key(self):
        group(self).kms_key_id = None
        return ""

    # moto takes any number of days.
    @replace(LogsResponse)
    def put_retention_policy(original, self):
        days = self._get_param("retentionInDays")
        if days not in RETENTIONS:
            raise LogsClientError("InvalidParameterException", f"Invalid retentionInDays: {days}")
        return original(self)


def may_encrypt(account, region, key, log_group):
    from moto.kms.models import kms_backends

    found = kms_backends[account][region].keys.get(key.rpartition("/")[2])
    if found is None or found.key_state != "Enabled":
        return False
    statements = json.loads(found.policy or "{}").get("Statement", [])
    return any(allows(statement, region, log_group) for statement in statements)


def allows(statement, region, log_group):
    principal = statement.get("Principal", {})
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    if statement.get("Effect") != "Allow" or f"logs.{region}.amazonaws.com" not in as_list(services):
        return False
    conditions = [tests.get("kms:EncryptionContext:aws:logs:arn") for tests in statement.get("Condition", {}).values()]
    return all(any(fnmatchcase(log_group, one) for one in as_list(wanted)) for wanted in conditions if wanted)


def as_list(value):
    return [value] if isinstance(value, str) else value
