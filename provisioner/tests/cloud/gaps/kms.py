"""KMS: key ARNs where moto takes key ids only, and what a key that is pending deletion refuses."""

import json

from gaps import replace


def install():
    from moto.core.exceptions import JsonRESTError
    from moto.kms.models import Key, KmsBackend
    from moto.kms.responses import KmsResponse

    # moto looks these up in its dictionary of key ids: an ARN crashes it.
    for name in ("schedule_key_deletion", "cancel_key_deletion", "enable_key", "disable_key"):
        by_id = getattr(KmsBackend, name)
        setattr(KmsBackend, name, lambda self, key_id, *rest, by_id=by_id: by_id(self, self.get_key_id(key_id), *rest))

    # moto lets a key that is pending deletion be changed.
    def refuse_when_pending(name, parameter):
        original = getattr(KmsResponse, name)

        def method(self):
            given = self._get_param(parameter)
            key = self.kms_backend.keys.get(self.kms_backend.get_key_id(given)) if given else None
            if key is not None and key.key_state == "PendingDeletion":
                raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
            return original(self)

        method.__name__ = name
        setattr(KmsResponse, name, method)

    for name in ("schedule_key_deletion", "enable_key", "disable_key", "enable_key_rotation", "disable_key_rotation"):
        refuse_when_pending(name, "KeyId")
    for name in ("tag_resource", "untag_resource", "update_key_description"):
        refuse_when_pending(name, "KeyId")
    for name in ("create_alias", "update_alias"):
        refuse_when_pending(name, "TargetKeyId")

    # The policy's name may be left out; moto then finds none.
    @replace(KmsResponse)
    def _get_param(original, self, name, if_none=None):
        value = original(self, name, if_none)
        return "default" if name == "PolicyName" and value is None else value

    # moto forgets the rotation period.
    Key.rotation_period = 365

    @replace(KmsResponse)
    def enable_key_rotation(original, self):
        answer = original(self)
        key = self.kms_backend.keys[self.kms_backend.get_key_id(self._get_param("KeyId"))]
        key.rotation_period = self._get_param("RotationPeriodInDays", 365)
        return answer

    @replace(KmsResponse)
    def get_key_rotation_status(original, self):
        answer = json.loads(original(self))
        key = self.kms_backend.keys[self.kms_backend.get_key_id(self._get_param("KeyId"))]
        answer["KeyId"] = key.arn
        if answer["KeyRotationEnabled"]:
            answer["RotationPeriodInDays"] = key.rotation_period
        return json.dumps(answer)
