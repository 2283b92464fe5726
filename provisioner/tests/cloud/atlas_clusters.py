"""Clusters of the Atlas stand-in: the states they pass through, and how they are shown."""

import secrets
import time
from datetime import datetime, timezone

# The host name of a cluster is made of this many characters of its name.
PREFIX = 23


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_id():
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


class Cluster:
    """Flex, free and dedicated clusters alike; `settling` is when the state becomes IDLE, or when it is gone."""

    def __init__(self, group, name, tier, region, settle):
        self.id, self.group, self.name, self.tier, self.region = new_id(), group, name, tier, region
        self.created = now()
        self.state, self.began, self.until = "CREATING", time.monotonic(), time.monotonic() + settle
        self.host = secrets.token_hex(4)[:7]
        self.tags = None  # left out of the answer to the creation when none were given, an empty list afterwards
        self.protected = False
        self.settings = {}

    @property
    def flex(self):
        return self.tier == "FLEX"

    def begin(self, state, settle):
        self.state, self.began, self.until = state, time.monotonic(), time.monotonic() + settle

    def gone(self):
        return self.state == "DELETING" and time.monotonic() >= self.until

    def visible_state(self):
        moment = time.monotonic()
        if self.state == "DELETING":
            return "DELETING"
        if moment >= self.until:
            return "IDLE"
        # A free cluster passes through UPDATING, with both connection strings set, before it is IDLE for the first time.
        if self.state == "CREATING" and self.tier == "M0" and moment >= (self.began + self.until) / 2:
            return "UPDATING"
        return self.state

    def connection_strings(self):
        prefix = self.name[:PREFIX].lower()
        strings = {"standardSrv": f"mongodb+srv://{prefix}.{self.host}.mongodb.net"}
        if self.visible_state() != "CREATING":
            hosts = ",".join(f"ac-{self.host}-shard-00-0{n}.{self.host}.mongodb.net:27017" for n in range(3))
            strings["standard"] = (
                f"mongodb://{hosts}/?ssl=true&authSource=admin&replicaSet=atlas-{self.host[:6]}-shard-0"
            )
        return strings

    def render(self, first=False):
        out = {
            "clusterType": "REPLICASET",
            "connectionStrings": self.connection_strings(),
            "createDate": self.created,
            "groupId": self.group,
            "id": self.id,
            "mongoDBVersion": "8.0.29",
            "name": self.name,
            "stateName": self.visible_state(),
            "terminationProtectionEnabled": self.protected,
            "versionReleaseSystem": "LTS",
        }
        if self.tags is not None or not first:
            out["tags"] = self.tags or []
        if self.flex:
            out["backupSettings"] = {"enabled": True}
            out["providerSettings"] = {
                "backingProviderName": "AWS",
                "diskSizeGB": 5.0,
                "providerName": "FLEX",
                "regionName": self.region,
            }
        else:
            out |= {
                "backupEnabled": False,
                "paused": False,
                "pitEnabled": False,
                "labels": [],
                "mongoDBMajorVersion": "8.0",
            }
            out |= self.settings
        return out


def cluster_settings(body, region):
    size = region["electableSpecs"]["instanceSize"]
    specs = {"diskSizeGB": 0.5 if size == "M0" else 10.0} | region["electableSpecs"] | {"effectiveInstanceSize": size}
    rendered = region | {"electableSpecs": specs}
    plain = ("backupEnabled", "mongoDBMajorVersion", "pitEnabled")
    settings = {name: body[name] for name in plain if name in body}
    return settings | {
        "replicationSpecs": [{"id": new_id(), "zoneId": new_id(), "zoneName": "Zone 1", "regionConfigs": [rendered]}]
    }
