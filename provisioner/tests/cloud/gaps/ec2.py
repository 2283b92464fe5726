"""EC2: client tokens, things in use, where a volume can be attached, and what changing an instance really changes."""

import base64
import hashlib
import json

from gaps import replace


def install():
    from moto.core.exceptions import ServiceException
    from moto.core.resource_tagging import TaggedResource
    from moto.core.responses import ActionResult
    from moto.core.types import Base64EncodedString
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.elastic_block_store import EBSBackend, Volume, VolumeAttachment
    from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend
    from moto.ec2.models.instances import Instance, InstanceBackend
    from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
    from moto.ec2.responses.elastic_block_store import ElasticBlockStore
    from moto.ec2.responses.instances import InstanceResponse
    from moto.ec2.utils import filter_dict_attribute_mapping

    class Refused(ServiceException):
        pass

    tokens = {}  # (region, client token) -> (hash of the request, what was made)

    # moto ignores the client token: a repeated RunInstances starts a second instance, ...
    @replace(InstanceResponse)
    def run_instances(original, self):
        return once(original, self)

    # ... and a repeated CreateVolume makes a second volume.
    @replace(ElasticBlockStore)
    def create_volume(original, self):
        return once(original, self)

    def once(original, self):
        token = self._get_param("ClientToken")
        if not token or self._get_param("DryRun") in ("true", True):
            return original(self)
        request = {k: v for k, v in self._get_params().items() if k not in ("ClientToken", "Action", "Version")}
        fingerprint = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
        key = (self.region, token)
        if key in tokens:
            known, reservation = tokens[key]
            if known != fingerprint:
                raise Refused(
                    "IdempotentParameterMismatch",
                    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
                )
            return ActionResult(reservation)
        result = original(self)
        tokens[key] = (fingerprint, result.result)
        return result

    filter_dict_attribute_mapping["client-token"] = "client_token"

    def instance(self):
        return self.ec2_backend.get_instance(self._get_param("InstanceId"))

    # moto changes type and user data of a running instance, and decodes the user data twice.
    @replace(InstanceResponse)
    def _dot_value_instance_attribute_handler(original, self):
        given = [name for name in ("InstanceType", "UserData") if self._get_param(f"{name}.Value") is not None]
        if given and instance(self).state != "stopped":
            raise Refused(
                "IncorrectInstanceState",
                f"The instance '{self._get_param('InstanceId')}' is not in the 'stopped' state.",
            )
        if given == ["UserData"]:
            data = self._get_param("UserData.Value")
            encoded = base64.b64encode(data).decode() if isinstance(data, bytes) else data
            self.ec2_backend.modify_instance_attribute(
                self._get_param("InstanceId"), "user_data", Base64EncodedString(encoded)
            )
            return True
        return original(self)

    # moto forgets the options that a call does not name.
    @replace(InstanceBackend)
    def modify_instance_metadata_options(original, self, instance_id, **options):
        before = dict(vars(self.get_instance(instance_id).metadata_options))
        changed = original(self, instance_id, **options)
        for name, value in before.items():
            if getattr(changed, name) is None or (
                name == "http_put_response_hop_limit" and options.get("hop_limit") is None
            ):
                setattr(changed, name, value)
        return changed

    # moto leaves an instance's interfaces in the groups they were in.
    @replace(InstanceBackend)
    def modify_instance_security_groups(original, self, instance_id, new_group_id_list):
        changed = original(self, instance_id, new_group_id_list)
        for interface in changed.nics.values():
            interface._group_set = list(changed.security_groups)
        return changed

    # moto keeps the interface of a terminated instance, and with it the instance's groups, for ever.
    @replace(InstanceBackend)
    def terminate_instances(original, self, instance_ids):
        terminated = original(self, instance_ids)
        for one, _ in terminated:
            for interface in one.nics.values():
                self.enis.pop(interface.id, None)
        return terminated

    # moto releases an address that is in use.
    @replace(ElasticAddressBackend)
    def release_address(original, self, address=None, allocation_id=None):
        found = [a for a in self.addresses if allocation_id and a.allocation_id == allocation_id]
        if found and found[0].association_id:
            raise Refused("InvalidIPAddress.InUse", f"Address {found[0].public_ip} is in use.")
        return original(self, address=address, allocation_id=allocation_id)

    # moto takes a volume from one instance and gives it to another, in whatever state they are, wherever they are.
    @replace(EBSBackend)
    def attach_volume(original, self, volume_id, instance_id, device_path, delete_on_termination=False):
        volume, instance = self.get_volume(volume_id), self.get_instance(instance_id)
        if volume.attachment:
            raise Refused("VolumeInUse", f"{volume_id} is already attached to an instance")
        # An instance that is being made has no volume yet.
        if instance.block_device_mapping:
            if instance.state not in ("running", "stopped"):
                raise Refused("IncorrectState", f"Instance '{instance_id}' is not 'running'.")
            if volume.zone.name != instance._placement.zone:
                raise Refused(
                    "InvalidVolume.ZoneMismatch",
                    f"The volume '{volume_id}' is not in the same availability zone as instance '{instance_id}'",
                )
        return original(self, volume_id, instance_id, device_path, delete_on_termination)

    # moto does not say of an attachment whether the volume goes with the instance.
    VolumeAttachment.delete_on_termination = property(
        lambda self: getattr(self.instance.block_device_mapping.get(self.device), "delete_on_termination", False)
    )

    # What an instance starts from is made of a snapshot, of which moto says nothing.
    @replace(Instance)
    def add_block_device(original, self, size, device_path, *args, **kwargs):
        original(self, size, device_path, *args, **kwargs)
        volume = self.ec2_backend.volumes[self.block_device_mapping[device_path].volume_id]
        volume.snapshot_id = volume.snapshot_id or "snap-0123456789abcdef0"

    # moto's gp3 volumes have no throughput until it is changed.
    @replace(Volume)
    def __init__(original, self, *args, **kwargs):
        original(self, *args, **kwargs)
        if self.volume_type == "gp3" and self.throughput is None:
            self.throughput = 125

    # moto deletes a group that is in use.
    @replace(SecurityGroupBackend)
    def delete_security_group(original, self, name=None, group_id=None):
        group = self.get_security_group_by_name_or_id(group_id or name)
        if group is not None and is_in_use(self, group):
            raise Refused("DependencyViolation", f"resource {group.id} has a dependent object")
        return original(self, name=name, group_id=group_id)

    # moto's tagging API does not know elastic addresses and security group rules.
    @replace(EC2Backend)
    def iter_tagged_resources(original, self):
        yield from original(self)
        rules = [
            rule for group in self.describe_security_groups() for rule in [*group.ingress_rules, *group.egress_rules]
        ]
        named = [("elastic-ip", address.allocation_id) for address in self.addresses]
        named += [("security-group-rule", rule.id) for rule in rules]
        for kind, name in named:
            arn = f"arn:{self.partition}:ec2:{self.region_name}:{self.account_id}:{kind}/{name}"
            yield TaggedResource(arn=arn, tags=dict(self.tags.get(name, {})), resource_type=f"ec2:{kind}")

    # moto forgets the description of a rule whose source is a group.
    SecurityGroupRule.description = property(
        lambda self: self.ip_range.get("Description") or self.source_group.get("Description")
    )


def is_in_use(backend, group):
    for other in backend.describe_security_groups():
        if other.id == group.id:
            continue
        if any(rule.source_group.get("GroupId") == group.id for rule in [*other.ingress_rules, *other.egress_rules]):
            return True
    return any(group in interface.group_set for interface in backend.enis.values())
