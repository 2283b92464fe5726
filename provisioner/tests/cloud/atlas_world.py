"""What exists in the Atlas stand-in, and the rules by which it changes. One method per operation of the contract."""

import hashlib
import re
import threading

from atlas_clusters import PREFIX, Cluster, cluster_settings, now
from atlas_contract import AtlasError
from atlas_rules import (
    REGIONS,
    SHARED_REGIONS,
    access_entry,
    check_region_config,
    check_tags,
    check_user,
    render_user,
)

ORG = "5f0000000000000000000001"
PROJECTS = {"5f00000000000000000000a1": "gsm", "5f00000000000000000000b2": "other"}


class Project:
    def __init__(self, group, name):
        self.id, self.name, self.created = group, name, now()
        self.clusters, self.users, self.access = {}, {}, {}

    def render(self):
        self.sweep()
        return {
            "id": self.id,
            "name": self.name,
            "orgId": ORG,
            "clusterCount": len(self.clusters),
            "created": self.created,
            "links": [],
        }

    def sweep(self):
        self.clusters = {name: cluster for name, cluster in self.clusters.items() if not cluster.gone()}

    def cluster(self, name):
        self.sweep()
        if name not in self.clusters:
            raise AtlasError(
                404, "CLUSTER_NOT_FOUND", f"No cluster named {name} exists in group {self.id}.", name, self.id
            )
        return self.clusters[name]


class World:
    def __init__(self, settle=0.5):
        self.settle = settle
        self.lock = threading.RLock()
        self.projects = {group: Project(group, name) for group, name in PROJECTS.items()}

    def perform(self, operation, parameters, body):
        """(status, answer) of the operation; lists are still whole."""
        method = getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
        with self.lock:
            return method(parameters, body)

    def dump(self):
        """Everything, for tests; a password only as its hash."""
        with self.lock:
            return {project.name: self._dump_project(project) for project in self.projects.values()}

    def _dump_project(self, project):
        project.sweep()
        return {
            "id": project.id,
            "clusters": [c.render() | {"tier": c.tier} for c in project.clusters.values()],
            "users": [
                render_user(u) | {"password_sha256": hashlib.sha256((u["password"] or "").encode()).hexdigest()}
                for u in project.users.values()
            ],
            "accessList": list(project.access.values()),
        }

    def project(self, parameters):
        group = parameters["groupId"]
        if group not in self.projects:
            raise AtlasError(404, "GROUP_NOT_FOUND", f"No group with ID {group} exists.", group)
        return self.projects[group]

    # Projects

    def list_groups(self, parameters, body):
        return 200, [project.render() for project in self.projects.values()]

    def get_group(self, parameters, body):
        return 200, self.project(parameters).render()

    # Clusters

    def add_cluster(self, project, body, tier, region):
        project.sweep()
        name = body["name"]
        if any(other.lower() == name.lower() for other in project.clusters):
            raise AtlasError(
                400,
                "DUPLICATE_CLUSTER_NAME",
                f"A cluster named {name} is already present in group {project.id}.",
                name,
                project.id,
            )
        prefix = name[:PREFIX].lower()
        if any(other[:PREFIX].lower() == prefix for other in project.clusters):
            raise AtlasError(
                400,
                "DUPLICATE_CLUSTER_NAME_PREFIX",
                f"Cluster name {name} cannot have same first {PREFIX} characters as another cluster name in same group.",
                name,
                PREFIX,
            )
        if prefix.endswith("-"):
            raise AtlasError(
                400,
                "CLUSTER_NAME_PREFIX_INVALID",
                f'Cluster name "{name}" is invalid. Atlas truncates cluster names to {PREFIX} characters which results in an invalid hostname due to a trailing "-" in the generated cluster name prefix "{prefix}".',
                name,
                PREFIX,
                prefix,
            )
        if re.fullmatch(r"atlas-[a-z0-9]{6}", name):
            raise AtlasError(
                400,
                "ATLAS_RESERVED_CLUSTER_NAME",
                f"The provided cluster name {name} creates a conflict with our internal hostnames.",
                name,
            )
        if region not in (SHARED_REGIONS if tier in ("FLEX", "M0") else REGIONS):
            raise AtlasError(400, "INVALID_REGION", f"No region {region} exists for provider AWS.", region, "AWS")
        check_tags(body)
        cluster = Cluster(project.id, name, tier, region, self.settle)
        cluster.tags = body.get("tags")
        cluster.protected = body.get("terminationProtectionEnabled", False)
        project.clusters[name] = cluster
        return cluster

    def remove_cluster(self, cluster):
        if cluster.state == "DELETING":
            raise AtlasError(
                400,
                "CLUSTER_ALREADY_REQUESTED_DELETION",
                f"The cluster {cluster.name} has already been requested for deletion.",
                cluster.name,
            )
        if cluster.protected:
            raise AtlasError(
                400,
                "CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED",
                "Cannot terminate a cluster when termination protection is enabled. Disable termination protection and try again.",
            )
        cluster.begin("DELETING", self.settle)

    def change_cluster(self, cluster, body):
        if cluster.state == "DELETING":
            raise AtlasError(
                400,
                "CLUSTER_ALREADY_REQUESTED_DELETION",
                f"The cluster {cluster.name} has already been requested for deletion.",
                cluster.name,
            )
        check_tags(body)
        cluster.tags = body.get("tags", cluster.tags)
        cluster.protected = body.get("terminationProtectionEnabled", cluster.protected)
        if cluster.visible_state() == "IDLE":
            cluster.begin("UPDATING", self.settle)

    def list_flex_clusters(self, parameters, body):
        project = self.project(parameters)
        project.sweep()
        return 200, [c.render() for c in project.clusters.values() if c.flex]

    def create_flex_cluster(self, parameters, body):
        provider = body["providerSettings"]
        if provider["backingProviderName"] != "AWS":
            raise AtlasError(
                400,
                "INVALID_REGION",
                f"No region {provider['regionName']} exists for provider {provider['backingProviderName']}.",
                provider["regionName"],
            )
        cluster = self.add_cluster(self.project(parameters), body, "FLEX", provider["regionName"])
        return 201, cluster.render(first=True)

    def flex(self, parameters):
        cluster = self.project(parameters).cluster(parameters["name"])
        if not cluster.flex:
            raise AtlasError(
                400,
                "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API",
                f"Cluster {cluster.name} cannot be used in the Flex API.",
                cluster.name,
            )
        return cluster

    def get_flex_cluster(self, parameters, body):
        return 200, self.flex(parameters).render()

    def update_flex_cluster(self, parameters, body):
        cluster = self.flex(parameters)
        self.change_cluster(cluster, body)
        return 200, cluster.render()

    def delete_flex_cluster(self, parameters, body):
        self.remove_cluster(self.flex(parameters))
        return 204, None

    def dedicated(self, parameters):
        cluster = self.project(parameters).cluster(parameters["clusterName"])
        if cluster.flex:
            raise AtlasError(
                400,
                "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API",
                f"Flex cluster {cluster.name} cannot be used in the Cluster API.",
                cluster.name,
            )
        return cluster

    def list_clusters(self, parameters, body):
        project = self.project(parameters)
        project.sweep()
        return 200, [c.render() for c in project.clusters.values() if not c.flex]

    def create_cluster(self, parameters, body):
        project = self.project(parameters)
        project.sweep()
        region = check_region_config(body)
        tier = region["electableSpecs"]["instanceSize"]
        if tier == "M0" and any(c.tier == "M0" for c in project.clusters.values()):
            raise AtlasError(
                400,
                "CANNOT_CREATE_FREE_CLUSTER_VIA_PUBLIC_API",
                "Cannot create a cluster with instance size M0 via the public api: This project already has another free cluster.",
                "M0",
            )
        cluster = self.add_cluster(project, body, tier, region["regionName"])
        cluster.settings = cluster_settings(body, region)
        return 201, cluster.render(first=True)

    def get_cluster(self, parameters, body):
        return 200, self.dedicated(parameters).render()

    def update_cluster(self, parameters, body):
        cluster = self.dedicated(parameters)
        if cluster.tier == "M0":
            raise AtlasError(
                400, "TENANT_CLUSTER_UPDATE_UNSUPPORTED", "Cannot update a M0/M2/M5 cluster through the public API."
            )
        if "replicationSpecs" in body:
            region = check_region_config(body)
            if region["providerName"] != "AWS":
                raise AtlasError(
                    400, "CLUSTER_CANNOT_CHANGE_PROVIDER_NAME", "Cannot change the cloud provider of a cluster."
                )
            if region["regionName"] not in REGIONS:
                raise AtlasError(
                    400,
                    "INVALID_REGION",
                    f"No region {region['regionName']} exists for provider AWS.",
                    region["regionName"],
                    "AWS",
                )
            cluster.tier, cluster.region = region["electableSpecs"]["instanceSize"], region["regionName"]
            cluster.settings |= cluster_settings(body, region)
        plain = ("backupEnabled", "mongoDBMajorVersion", "paused", "pitEnabled")
        cluster.settings |= {name: body[name] for name in plain if name in body}
        self.change_cluster(cluster, body)
        return 200, cluster.render()

    def delete_cluster(self, parameters, body):
        self.remove_cluster(self.dedicated(parameters))
        return 202, {}

    # Database users

    def user(self, parameters):
        project, key = self.project(parameters), (parameters["databaseName"], parameters["username"])
        if key not in project.users:
            raise AtlasError(404, "USERNAME_NOT_FOUND", f"No user with username {key[1]} exists.", key[1])
        return project.users[key]

    def list_database_users(self, parameters, body):
        return 200, [render_user(user) for user in self.project(parameters).users.values()]

    def create_database_user(self, parameters, body):
        project = self.project(parameters)
        if body["groupId"] != project.id:
            raise AtlasError(
                400,
                "GROUP_MISMATCH",
                f"The specified group ID {body['groupId']} does not match the URL.",
                body["groupId"],
            )
        if body["databaseName"] == "admin" and "password" not in body:
            raise AtlasError(400, "MISSING_ATTRIBUTE", "The required attribute password was not specified.", "password")
        key = (body["databaseName"], body["username"])
        if key in project.users:
            raise AtlasError(409, "USER_ALREADY_EXISTS", f"A user with username {key[1]} already exists.", key[1])
        check_user(body)
        project.users[key] = {"password": None, "scopes": [], "labels": []} | body
        return 201, render_user(project.users[key])

    def get_database_user(self, parameters, body):
        return 200, render_user(self.user(parameters))

    def update_database_user(self, parameters, body):
        user = self.user(parameters)
        for field, code, what in (
            ("username", "DATABASE_USERNAME_CANNOT_BE_CHANGED", "username"),
            ("databaseName", "DATABASE_NAME_CANNOT_BE_CHANGED", "authentication database"),
        ):
            if body.get(field, user[field]) != user[field]:
                raise AtlasError(409, code, f"Cannot modify the {what} of an existing database user.")
        if body.get("groupId", user["groupId"]) != user["groupId"]:
            raise AtlasError(
                400,
                "GROUP_MISMATCH",
                f"The specified group ID {body['groupId']} does not match the URL.",
                body["groupId"],
            )
        check_user(body)
        user.update(body)
        return 200, render_user(user)

    def delete_database_user(self, parameters, body):
        user = self.user(parameters)
        del self.project(parameters).users[user["databaseName"], user["username"]]
        return 204, None

    # Access list

    def list_access_list_entries(self, parameters, body):
        return 200, list(self.project(parameters).access.values())

    def create_access_list_entry(self, parameters, body):
        project = self.project(parameters)
        entries = [access_entry(project.id, item) for item in body]
        # An entry that is there already is replaced: adding it again only changes the comment.
        project.access.update({entry["cidrBlock"]: entry for entry in entries})
        return 201, list(project.access.values())

    def access(self, parameters):
        project, value = self.project(parameters), parameters["entryValue"]
        for cidr, entry in project.access.items():
            if value in (cidr, entry.get("ipAddress")):
                return project, cidr, entry
        raise AtlasError(
            404,
            "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND",
            f"IP Address {value} not on Atlas access list for group {project.id}.",
            value,
            project.id,
        )

    def get_access_list_entry(self, parameters, body):
        return 200, self.access(parameters)[2]

    def delete_access_list_entry(self, parameters, body):
        project, cidr, _ = self.access(parameters)
        del project.access[cidr]
        return 204, None
