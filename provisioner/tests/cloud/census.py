"""Another client's view of everything in the account that a stack may consist of. Empty lists mean that nothing is left.

As a program: `census.py URL` prints it as JSON. Over HTTP: GET /__cloud/census.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from urllib.request import urlopen

REGION = "eu-central-1"


@cache  # making the clients takes longer than the calls
def account_of(url, region):
    return Account(url, region)


class Account:
    def __init__(self, url, region):
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
        import boto3
        from botocore.config import Config

        session = boto3.Session("test", "test", region_name=region)
        config = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False)

        def client(name):
            made = session.client(name, endpoint_url=url, config=config)
            made.meta.events.register("before-sign", unrecorded)
            return made

        names = ("ec2", "elbv2", "iam", "kms", "logs", "ssm", "acm", "route53", "ecs")
        self.ec2, self.elbv2, self.iam, self.kms, self.logs, self.ssm, self.acm, self.route53, self.ecs = map(
            client, names
        )

    def security_groups(self):
        groups = pages(self.ec2, "describe_security_groups", "SecurityGroups")
        return [pick(g, "GroupId", "GroupName") for g in groups if g["GroupName"] != "default"]

    def security_group_rules(self):
        ours = {group["GroupId"] for group in self.security_groups()}
        rules = pages(self.ec2, "describe_security_group_rules", "SecurityGroupRules")
        return [pick(r, "SecurityGroupRuleId", "GroupId", "IsEgress") for r in rules if r["GroupId"] in ours]

    def instances(self):
        reservations = pages(self.ec2, "describe_instances", "Reservations")
        instances = [instance for reservation in reservations for instance in reservation["Instances"]]
        return [pick(i, "InstanceId", "State") for i in instances if i["State"]["Name"] != "terminated"]

    def volumes(self):
        return [pick(v, "VolumeId", "Size") for v in pages(self.ec2, "describe_volumes", "Volumes")]

    def addresses(self):
        return [pick(a, "AllocationId", "PublicIp") for a in self.ec2.describe_addresses()["Addresses"]]

    def network_interfaces(self):
        interfaces = pages(self.ec2, "describe_network_interfaces", "NetworkInterfaces")
        return [pick(i, "NetworkInterfaceId", "Description") for i in interfaces]

    def load_balancers(self):
        return [pick(b, "LoadBalancerArn") for b in pages(self.elbv2, "describe_load_balancers", "LoadBalancers")]

    def target_groups(self):
        groups = pages(self.elbv2, "describe_target_groups", "TargetGroups")
        return [pick(group, "TargetGroupArn", "TargetGroupName") for group in groups]

    def listeners(self):
        arns = [balancer["LoadBalancerArn"] for balancer in self.load_balancers()]
        listeners = [
            l for arn in arns for l in pages(self.elbv2, "describe_listeners", "Listeners", LoadBalancerArn=arn)
        ]
        return [pick(l, "ListenerArn", "Port", "Protocol") for l in listeners]

    def listener_rules(self):
        arns = [listener["ListenerArn"] for listener in self.listeners()]
        rules = [r for arn in arns for r in pages(self.elbv2, "describe_rules", "Rules", ListenerArn=arn)]
        return [pick(r, "RuleArn", "Priority") for r in rules if not r["IsDefault"]]

    def roles(self):
        return [
            pick(r, "RoleName") for r in pages(self.iam, "list_roles", "Roles") if "/aws-service-role/" not in r["Path"]
        ]

    def oidc_providers(self):
        providers = self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        return [{"OpenIDConnectProviderArn": it["Arn"]} for it in providers]

    def instance_profiles(self):
        return [pick(p, "InstanceProfileName") for p in pages(self.iam, "list_instance_profiles", "InstanceProfiles")]

    def keys_by_state(self):
        # Services make keys of their own, found by the aliases that start with alias/aws/.
        aliases = pages(self.kms, "list_aliases", "Aliases")
        others = {a.get("TargetKeyId") for a in aliases if a["AliasName"].startswith("alias/aws/")}
        keys = [self.kms.describe_key(KeyId=k["KeyId"])["KeyMetadata"] for k in pages(self.kms, "list_keys", "Keys")]
        keys = [key for key in keys if key["KeyManager"] == "CUSTOMER" and key["KeyId"] not in others]
        pending = [pick(k, "KeyId") for k in keys if k["KeyState"] == "PendingDeletion"]
        return pending, [pick(k, "KeyId", "KeyState") for k in keys if k["KeyState"] != "PendingDeletion"]

    def aliases(self):
        aliases = pages(self.kms, "list_aliases", "Aliases")
        return [pick(a, "AliasName", "TargetKeyId") for a in aliases if not a["AliasName"].startswith("alias/aws/")]

    def log_groups(self):
        return [pick(g, "logGroupName") for g in pages(self.logs, "describe_log_groups", "logGroups")]

    def parameters(self):
        return [pick(p, "Name", "Type") for p in pages(self.ssm, "describe_parameters", "Parameters")]

    def certificates(self):
        certificates = pages(self.acm, "list_certificates", "CertificateSummaryList")
        return [pick(certificate, "CertificateArn", "DomainName", "Status") for certificate in certificates]

    def records(self):
        found = []
        for zone in pages(self.route53, "list_hosted_zones", "HostedZones"):
            records = pages(self.route53, "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"])
            found += [pick(r, "Name", "Type") for r in records if r["Type"] not in ("NS", "SOA")]
        return found

    def clusters(self):
        arns = pages(self.ecs, "list_clusters", "clusterArns")
        clusters = self.ecs.describe_clusters(clusters=arns)["clusters"] if arns else []
        return [pick(c, "clusterArn", "status") for c in clusters if c["status"] != "INACTIVE"]

    def services(self):
        found = []
        for cluster in self.clusters():
            arns = pages(self.ecs, "list_services", "serviceArns", cluster=cluster["clusterArn"])
            described = (
                self.ecs.describe_services(cluster=cluster["clusterArn"], services=arns)["services"] if arns else []
            )
            found += [pick(s, "serviceArn", "status") for s in described if s["status"] != "INACTIVE"]
        return found

    def task_definitions(self):
        return pages(self.ecs, "list_task_definitions", "taskDefinitionArns", status="ACTIVE")


def take(url, region=None):
    account = account_of(url, region or REGION)
    kinds = [
        "security_groups",
        "security_group_rules",
        "instances",
        "volumes",
        "addresses",
        "network_interfaces",
        "load_balancers",
        "target_groups",
        "listeners",
        "listener_rules",
        "oidc_providers",
        "roles",
        "instance_profiles",
        "aliases",
        "log_groups",
        "parameters",
        "certificates",
        "records",
        "clusters",
        "services",
        "task_definitions",
    ]
    with ThreadPoolExecutor(4) as pool:
        asked = {kind: pool.submit(getattr(account, kind)) for kind in kinds}
        keys = pool.submit(account.keys_by_state)
        census = {kind: future.result() for kind, future in asked.items()}
        census["keys_pending_deletion"], census["keys"] = keys.result()
    with urlopen(url + "/__cloud/atlas") as answer:
        projects = json.load(answer).values()
    for kind in ("clusters", "users", "accessList"):
        census["atlas_" + kind] = [entry for project in projects for entry in project[kind]]
    with urlopen(url + "/__cloud/github") as answer:
        census["github_webhooks"] = json.load(answer)
    return census


def pages(client, operation, key, **arguments):
    if client.can_paginate(operation):
        return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]
    return getattr(client, operation)(**arguments)[key]


def pick(item, *names):
    return {name: item.get(name) for name in names}


def unrecorded(request, **_):
    request.headers["X-Cloud-Unrecorded"] = "census"


if __name__ == "__main__":
    print(json.dumps(take(sys.argv[1] if len(sys.argv) > 1 else os.environ["CLOUD_URL"]), indent=1, default=str))
