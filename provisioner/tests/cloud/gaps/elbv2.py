"""ELBv2: names that are taken, listeners' ports, deletion protection, default attributes, the life of a load balancer."""

import time

from gaps import SETTINGS, interfaces, replace

# moto knows three attributes until they are set; AWS answers all of them from the start.
ATTRIBUTES = {
    "access_logs.s3.bucket": "",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}


def install():
    from moto.elbv2.exceptions import (
        DuplicateListenerError,
        DuplicateLoadBalancerName,
        DuplicateTargetGroupName,
        ELBClientError,
    )
    from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer, FakeTargetGroup, elbv2_backends
    from moto.moto_api._internal import mock_random

    # moto makes a second load balancer of the same name; AWS answers with the first if the settings are the same.
    @replace(ELBv2Backend)
    def create_load_balancer(
        original, self, name, security_groups, subnet_ids, subnet_mappings=None, scheme=None, **rest
    ):
        scheme = scheme or "internet-facing"
        subnets = set(subnet_ids or []) | {mapping["SubnetId"] for mapping in subnet_mappings or []}
        for balancer in self.load_balancers.values():
            if balancer.name == name:
                same = (
                    balancer.scheme == scheme
                    and {subnet.id for subnet in balancer.subnets} == subnets
                    and set(balancer.security_groups) == set(security_groups)
                )
                if not same:
                    raise DuplicateLoadBalancerName()
                return balancer
        zones = {self.ec2_backend.get_subnet(subnet).availability_zone for subnet in subnets}
        if len(zones) < 2 and rest.get("loadbalancer_type") in (None, "application"):
            raise ELBClientError(
                "ValidationError", "At least two subnets in two different Availability Zones must be specified"
            )
        for group in security_groups:
            if self.ec2_backend.get_security_group_from_id(group) is None:
                raise ELBClientError("InvalidSecurityGroup", f"Security group {group} does not exist")
        balancer = original(
            self,
            name=name,
            security_groups=security_groups,
            subnet_ids=subnet_ids,
            subnet_mappings=subnet_mappings,
            scheme=scheme,
            **rest,
        )
        balancer.attrs = dict(ATTRIBUTES)
        balancer.born = time.monotonic()
        # moto names every load balancer NAME-1: on AWS a new one of the same name has another address.
        balancer.dns_name = f"{name}-{mock_random.randint(10**8, 10**10)}.{self.region_name}.elb.amazonaws.com"
        hold_interfaces(self, balancer)
        return balancer

    def hold_interfaces(backend, balancer):
        description = "ELB " + balancer.arn.partition(":loadbalancer/")[2]
        interfaces.hold(backend.ec2_backend, balancer.arn, description, balancer.subnets, balancer.security_groups)

    # moto's load balancers are active at the first look.
    @replace(FakeLoadBalancer)
    def activate(original, self):
        if time.monotonic() - getattr(self, "born", 0) >= SETTINGS["balancer_active_after"]:
            original(self)

    @replace(ELBv2Backend)
    def set_security_groups(original, self, arn, sec_groups):
        answer = original(self, arn, sec_groups)
        interfaces.set_groups(self.ec2_backend, arn, sec_groups)
        return answer

    @replace(ELBv2Backend)
    def set_subnets(original, self, arn, *args, **kwargs):
        answer = original(self, arn, *args, **kwargs)
        interfaces.release(self.ec2_backend, arn)
        hold_interfaces(self, self.load_balancers[arn])
        return answer

    # moto deletes a protected load balancer.
    @replace(ELBv2Backend)
    def delete_load_balancer(original, self, arn):
        balancer = self.load_balancers.get(arn)
        if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
            raise ELBClientError(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        original(self, arn)
        interfaces.release(self.ec2_backend, arn)

    # moto compares the port with listeners' ARNs, so it never finds a duplicate; and it gives HTTP listeners a TLS policy.
    @replace(ELBv2Backend)
    def create_listener(original, self, load_balancer_arn, protocol, port, ssl_policy, *args, **kwargs):
        balancer = self.load_balancers.get(load_balancer_arn)
        if balancer is not None and any(int(l.port) == int(port) for l in balancer.listeners.values()):
            raise DuplicateListenerError()
        if protocol == "HTTP":
            ssl_policy = None
        refuse_unissued(self, [kwargs.get("certificate") or (args[0] if args else None)])
        return original(self, load_balancer_arn, protocol, port, ssl_policy, *args, **kwargs)

    # moto takes a certificate that was not issued yet.
    @replace(ELBv2Backend)
    def modify_listener(original, self, arn, *args, **kwargs):
        refuse_unissued(self, [c["CertificateArn"] for c in kwargs.get("certificates") or []])
        return original(self, arn, *args, **kwargs)

    def refuse_unissued(backend, arns):
        from moto.acm.models import acm_backends

        certificates = acm_backends[backend.account_id][backend.region_name]._certificates
        for arn in filter(None, arns):
            if arn not in certificates:
                raise ELBClientError("CertificateNotFound", f"Certificate ARN '{arn}' is not valid")
            certificates[arn].check()
            if certificates[arn].status != "ISSUED":
                raise ELBClientError(
                    "UnsupportedCertificate",
                    f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported key size.",
                )

    # moto refuses a second target group of the same name; AWS answers with the first if the settings are the same.
    @replace(ELBv2Backend)
    def create_target_group(original, self, name, **settings):
        wanted = {key: value for key, value in settings.items() if key != "tags"}
        for group in self.target_groups.values():
            if group.name == name:
                if group.asked_for != wanted:
                    raise DuplicateTargetGroupName()
                return group
        group = original(self, name, **settings)
        group.asked_for = wanted
        return group

    # moto appends to this list at every listener and rule, and never takes anything away.
    def load_balancer_arns(group):
        backend = elbv2_backends[group.account_id][group.region_name]
        return sorted(balancer.arn for balancer in backend.load_balancers.values() if forwards_to(balancer, group.arn))

    FakeTargetGroup.load_balancer_arns = property(load_balancer_arns, lambda group, value: None)

    def forwards_to(balancer, arn):
        actions = [a for l in balancer.listeners.values() for rule in l.rules.values() for a in rule.actions]
        return any(arn in str(action.data) for action in actions)

    # moto's tagging API has neither listeners nor rules.
    from moto.core.resource_tagging import TaggedResource

    @replace(ELBv2Backend)
    def iter_tagged_resources(original, self):
        yield from original(self)
        for balancer in self.load_balancers.values():
            for listener in balancer.listeners.values():
                named = [("listener", listener.arn)]
                named += [("listener-rule", rule.arn) for rule in listener.rules.values() if not rule.is_default]
                for kind, arn in named:
                    tags = self.tagging_service.get_tag_dict_for_resource(arn)
                    yield TaggedResource(arn=arn, tags=tags, resource_type=f"elasticloadbalancing:{kind}")
