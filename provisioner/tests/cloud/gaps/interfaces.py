"""Network interfaces of load balancers and tasks.

moto makes them for instances only. On AWS they are what keeps a security group from being deleted, and they outlive their
owner for a while.
"""

import time

from gaps import SETTINGS, TICKS

_held = {}  # owner -> interfaces
_leaving = []  # (when, backend, interfaces)


def hold(backend, owner, description, subnets, groups):
    """Gives `owner` one interface in each subnet, with the groups; returns them."""
    made = []
    for subnet in subnets:
        interface = backend.create_network_interface(subnet, None, group_ids=list(groups), description=description)
        interface.requester_managed = True
        interface.status = "in-use"
        made.append(interface)
    _held.setdefault(owner, []).extend(made)
    return made


def release(backend, owner):
    if interfaces := _held.pop(owner, []):
        _leaving.append((time.monotonic() + SETTINGS["interfaces_linger"], backend, interfaces))
        sweep()


def set_groups(backend, owner, groups):
    for interface in _held.get(owner, []):
        interface._group_set = [backend.get_security_group_from_id(group) for group in groups]


def sweep():
    for entry in list(_leaving):
        when, backend, interfaces = entry
        if time.monotonic() >= when:
            _leaving.remove(entry)
            for interface in interfaces:
                backend.enis.pop(interface.id, None)


TICKS.append(sweep)
