"""What Atlas refuses beyond the shape of a request, in the words of its documented error codes."""

import ipaddress

from atlas_contract import AtlasError

# Atlas names AWS regions this way; the list is the regions that offer at least one tier.
REGIONS = set(
    [
        "US_EAST_1",
        "US_EAST_2",
        "US_WEST_1",
        "US_WEST_2",
        "CA_CENTRAL_1",
        "CA_WEST_1",
        "MX_CENTRAL_1",
        "SA_EAST_1",
        "EU_CENTRAL_1",
        "EU_CENTRAL_2",
        "EU_NORTH_1",
        "EU_SOUTH_1",
        "EU_SOUTH_2",
        "EU_WEST_1",
        "EU_WEST_2",
        "EU_WEST_3",
        "AF_SOUTH_1",
        "IL_CENTRAL_1",
        "ME_CENTRAL_1",
        "ME_SOUTH_1",
        "AP_EAST_1",
        "AP_NORTHEAST_1",
        "AP_NORTHEAST_2",
        "AP_NORTHEAST_3",
        "AP_SOUTH_1",
        "AP_SOUTH_2",
        "AP_SOUTHEAST_1",
        "AP_SOUTHEAST_2",
        "AP_SOUTHEAST_3",
        "AP_SOUTHEAST_4",
    ]
)
# The free and the flex tier exist in some regions only.
SHARED_REGIONS = set(
    [
        "US_EAST_1",
        "US_EAST_2",
        "US_WEST_2",
        "CA_CENTRAL_1",
        "SA_EAST_1",
        "EU_CENTRAL_1",
        "EU_NORTH_1",
        "EU_WEST_1",
        "EU_WEST_2",
        "EU_WEST_3",
        "AP_EAST_1",
        "AP_NORTHEAST_1",
        "AP_NORTHEAST_2",
        "AP_SOUTH_1",
        "AP_SOUTHEAST_1",
        "AP_SOUTHEAST_2",
        "ME_SOUTH_1",
        "AF_SOUTH_1",
    ]
)
ADMIN_ROLES = {
    "atlasAdmin",
    "backup",
    "clusterMonitor",
    "dbAdminAnyDatabase",
    "enableSharding",
    "killOpSession",
    "readAnyDatabase",
    "readWriteAnyDatabase",
}
DATABASE_ROLES = {"dbAdmin", "dbAdminAnyDatabase", "read", "readWrite"}
COMMON_PASSWORDS = {"password", "password1", "12345678", "123456789", "qwertyui", "11111111", "iloveyou", "letmein1"}


def check_tags(body):
    keys = [tag["key"] for tag in body.get("tags") or []]
    if len(set(keys)) != len(keys):
        raise AtlasError(
            400,
            "VALIDATION_ERROR",
            "The request content produced the validation error: tag keys must be unique.",
            "tags",
        )


def check_region_config(body):
    region = body["replicationSpecs"][0]["regionConfigs"][0]
    size, nodes = region["electableSpecs"]["instanceSize"], region["electableSpecs"].get("nodeCount")
    if region["providerName"] == "TENANT":
        if "backingProviderName" not in region:
            raise AtlasError(
                400,
                "MISSING_ATTRIBUTE",
                "The required attribute backingProviderName was not specified.",
                "backingProviderName",
            )
        if size != "M0":
            raise AtlasError(400, "INVALID_ENUM_VALUE", f"An invalid enumeration value {size} was specified.", size)
        for name in ("mongoDBMajorVersion", "backupEnabled", "pitEnabled", "autoScaling"):
            if body.get(name) or region.get(name):
                raise AtlasError(
                    400,
                    "TENANT_ATTRIBUTE_READ_ONLY",
                    f"The attribute {name} is read-only for tenant clusters and cannot be changed by the user.",
                    name,
                )
    else:
        if "backingProviderName" in region:
            raise AtlasError(
                400, "INVALID_ATTRIBUTE", "Invalid attribute backingProviderName specified.", "backingProviderName"
            )
        if size == "M0":
            raise AtlasError(400, "INVALID_ENUM_VALUE", f"An invalid enumeration value {size} was specified.", size)
        if nodes not in (3, 5, 7):
            raise AtlasError(
                400, "CLUSTER_REPLICATION_FACTOR_INVALID", "The cluster's replication factor must be either 3, 5, or 7."
            )
    provider = region.get("backingProviderName", region["providerName"])
    if provider != "AWS":
        raise AtlasError(
            400,
            "INVALID_REGION",
            f"No region {region['regionName']} exists for provider {provider}.",
            region["regionName"],
            provider,
        )
    return region


def check_user(body):
    seen = set()
    for role in body.get("roles", []):
        name, database = role["roleName"], role["databaseName"]
        key = (name, database, role.get("collectionName"))
        if key in seen:
            raise AtlasError(
                400,
                "DUPLICATE_DATABASE_ROLES",
                f"Duplicate database roles specified for user: {name}@{database}.",
                name,
            )
        seen.add(key)
        if name in ADMIN_ROLES and name not in DATABASE_ROLES and database != "admin":
            raise AtlasError(
                400,
                "ATLAS_INVALID_ROLE_DATABASE",
                f"The specified role {name} only exists for database admin.",
                name,
                "admin",
            )
        if name not in ADMIN_ROLES | DATABASE_ROLES:
            raise AtlasError(
                400, "ATLAS_INVALID_ROLE", f"The specified role {name}@{database} does not exist.", name, database
            )
    if (body.get("password") or "").lower() in COMMON_PASSWORDS:
        raise AtlasError(
            400,
            "COMMON_PASSWORD",
            "The password provided is too weak, as it can be found in most commonly used password lists.",
        )


def render_user(user):
    out = {name: value for name, value in user.items() if name != "password"}
    for kind in ("awsIAMType", "ldapAuthType", "oidcAuthType", "x509Type"):
        out.setdefault(kind, "NONE")
    return out | {"links": []}


def access_entry(group, item):
    given = [name for name in ("ipAddress", "cidrBlock", "awsSecurityGroup") if name in item]
    if not given:
        raise AtlasError(
            400,
            "MISSING_ONE_OF_THREE_ATTRIBUTES",
            "Either the awsSecurityGroup attribute, the cidrBlock attribute, or the ipAddress attribute must be specified.",
        )
    if len(given) > 1:
        raise AtlasError(
            400,
            "MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY",
            "Should not specify both the IP address and the CIDR block.",
        )
    if "awsSecurityGroup" in item:
        raise AtlasError(
            400,
            "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION",
            "Cannot use aws security groups as access list entries without a vpc peering connection.",
        )
    value = item[given[0]]
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise AtlasError(
            400,
            "INVALID_IP_ADDRESS_OR_CIDR_NOTATION",
            f"The address {value} must be in valid IP address or CIDR notation.",
            value,
        ) from None
    entry = {"cidrBlock": value if "/" in value else str(network), "groupId": group, "links": []}
    if network.num_addresses == 1:
        entry["ipAddress"] = str(network.network_address)
    return entry | {name: item[name] for name in ("comment", "deleteAfterDate") if name in item}
