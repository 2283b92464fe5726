//! The load balancer: where the world reaches the services.

use super::Base;
use crate::{
    config::LoadBalancer as Wanted,
    engine::{Output, Stack},
    lookups::{HostedZone, HostedZoneOutputs, IssuedCertificate, ValidationRecord},
    resources::{
        Certificate, Direction, DnsRecord, DnsTarget, Listener, ListenerAction, ListenerOutputs,
        LoadBalancer, LoadBalancerAttributes, LoadBalancerOutputs, Peer, SecurityGroup,
        SecurityGroupOutputs, SecurityGroupRule, Standing,
    },
};

/// TLS 1.2 and 1.3 only; see "Security policies for your Application Load Balancer" in the user guide.
const SSL_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// Long enough for the requests in flight of a bot, and not the five minutes that AWS waits by default.
pub(super) const DEREGISTRATION_DELAY: i32 = 10;

/// What the services need of the load balancer.
pub(super) struct Balancer {
    pub(super) group: Output<SecurityGroupOutputs>,
    pub(super) balancer: Output<LoadBalancerOutputs>,
    /// With a domain: where its names are kept.
    pub(super) zone: Option<Output<HostedZoneOutputs>>,
    /// With a domain: the certificate, issued, with which HTTPS can begin.
    certificate: Option<Output<String>>,
}

/// Declares load balancer, certificate and DNS records.
pub(super) fn declare(stack: &mut Stack, base: &Base<'_>, wanted: &Wanted) -> Balancer {
    let group = SecurityGroup {
        name: base.named("balancer"),
        description: format!("Load balancer of {}", base.config.name),
        vpc_id: base.network.vpc_id(),
        tags: base.tags("balancer-group"),
    };
    let group = stack.add("balancer-group", group);
    let ports: &[(&str, i32)] =
        if wanted.domain.is_some() { &[("http", 80), ("https", 443)] } else { &[("http", 80)] };
    for range in &wanted.allow_from {
        for (protocol, port) in ports {
            let name = format!("balancer-{protocol}:{range}");
            let rule = SecurityGroupRule {
                group_id: group.id(),
                direction: Direction::Ingress,
                protocol: "tcp".to_owned(),
                from_port: *port,
                to_port: *port,
                peer: Peer::Cidr(range.to_string()),
                description: protocol.to_uppercase(),
                tags: base.tags(&name),
            };
            stack.add(&name, rule);
        }
    }

    let balancer = LoadBalancer {
        name: base.config.name.clone(),
        scheme: "internet-facing".to_owned(),
        vpc_id: base.network.vpc_id(),
        subnets: base.network.subnet_ids(),
        security_groups: group.id().map(|it| vec![it]),
        attributes: LoadBalancerAttributes {
            idle_timeout_seconds: wanted.idle_timeout,
            deletion_protection: wanted.deletion_protection,
            drop_invalid_header_fields: true,
            http2: true,
        },
        tags: base.tags("balancer"),
    };
    let balancer = stack.add("balancer", balancer);

    let zone = wanted.zone.as_ref().map(|it| stack.look("zone", HostedZone { name: it.clone() }));
    let mut declared = Balancer { group, balancer, zone, certificate: None };
    declared.certificate = wanted
        .domain
        .as_ref()
        .zip(declared.zone.as_ref())
        .map(|(domain, zone)| declared.certified(stack, base, zone, "", domain));
    let address = match &wanted.domain {
        Some(domain) => format!("https://{domain}").into(),
        None => declared.balancer.dns_name().map(|it| format!("http://{it}")),
    };
    stack.output("address", address);
    stack.output("load_balancer", declared.balancer.dns_name());
    declared
}

impl Balancer {
    /// Declares a name in DNS that leads here, and a certificate for it; gives the certificate once it is issued. What is
    /// declared is called after `prefix`.
    pub(super) fn certified(
        &self,
        stack: &mut Stack,
        base: &Base<'_>,
        zone: &Output<HostedZoneOutputs>,
        prefix: &str,
        domain: &str,
    ) -> Output<String> {
        let named = |name: &str| format!("{prefix}{name}");
        let alias = DnsRecord {
            zone_id: zone.id(),
            name: domain.into(),
            record_type: "A".into(),
            target: DnsTarget::Alias {
                dns_name: self.balancer.dns_name(),
                zone_id: self.balancer.zone_id(),
                evaluate_target_health: false,
            },
        };
        stack.add(&named("domain"), alias);

        let certificate = Certificate {
            domain_name: domain.to_owned(),
            status: Standing::Usable,
            tags: base.tags(&named("certificate")),
        };
        let certificate = stack.add(&named("certificate"), certificate);
        let proof = ValidationRecord { certificate_arn: certificate.arn() };
        let proof = stack.look(&named("certificate-proof"), proof);
        let record = DnsRecord {
            zone_id: zone.id(),
            name: proof.name(),
            record_type: proof.record_type(),
            target: DnsTarget::Values { ttl: 300, values: proof.value().map(|it| vec![it]) },
        };
        let record = stack.add(&named("certificate-record"), record);
        // A listener cannot begin with a certificate that is not issued, and it is issued once the record is there.
        let issued = IssuedCertificate { certificate_arn: certificate.arn().after(&record) };
        stack.look(&named("certificate-issued"), issued).arn()
    }

    /// Declares the listeners; gives the one that the services stand behind.
    pub(super) fn listen(
        &self,
        stack: &mut Stack,
        base: &Base<'_>,
        target_group_arn: Option<Output<String>>,
    ) -> Output<ListenerOutputs> {
        let serve = match target_group_arn {
            Some(target_group_arn) => ListenerAction::Forward { target_group_arn },
            None => ListenerAction::NotFound,
        };
        let http = |default_action| Listener {
            load_balancer_arn: self.balancer.arn(),
            port: 80,
            protocol: "HTTP".to_owned(),
            certificate_arn: None.into(),
            ssl_policy: None,
            default_action,
            tags: base.tags("http"),
        };
        let Some(certificate) = &self.certificate else {
            return stack.add("http", http(serve));
        };
        stack.add("http", http(ListenerAction::RedirectToHttps));
        stack.add("https", self.https(base, "https", 443, certificate, serve))
    }

    /// The listener `name`, which speaks HTTPS.
    pub(super) fn https(
        &self,
        base: &Base<'_>,
        name: &str,
        port: i32,
        certificate: &Output<String>,
        default_action: ListenerAction,
    ) -> Listener {
        Listener {
            load_balancer_arn: self.balancer.arn(),
            port,
            protocol: "HTTPS".to_owned(),
            certificate_arn: certificate.map(Some),
            ssl_policy: Some(SSL_POLICY.to_owned()),
            default_action,
            tags: base.tags(name),
        }
    }
}
