//! The load balancer: where the world reaches the services.

use super::Base;
use crate::{
    config::LoadBalancer as Wanted,
    engine::{Output, Stack},
    lookups::{HostedZone, IssuedCertificate, ValidationRecord},
    resources::{
        Certificate, Direction, DnsRecord, DnsTarget, Listener, ListenerAction, ListenerOutputs,
        LoadBalancer, LoadBalancerAttributes, LoadBalancerOutputs, Peer, SecurityGroup,
        SecurityGroupOutputs, SecurityGroupRule, Standing,
    },
};

/// TLS 1.2 and 1.3 only; see "Security policies for your Application Load Balancer" in the user guide.
const SSL_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// What the services need of the load balancer.
pub(super) struct Balancer {
    pub(super) group: Output<SecurityGroupOutputs>,
    balancer: Output<LoadBalancerOutputs>,
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

    let certificate = wanted.domain.as_ref().zip(wanted.zone.as_ref()).map(|(domain, zone)| {
        let zone = stack.look("zone", HostedZone { name: zone.clone() });
        let alias = DnsRecord {
            zone_id: zone.id(),
            name: domain.as_str().into(),
            record_type: "A".into(),
            target: DnsTarget::Alias {
                dns_name: balancer.dns_name(),
                zone_id: balancer.zone_id(),
                evaluate_target_health: false,
            },
        };
        stack.add("domain", alias);

        let certificate = Certificate {
            domain_name: domain.clone(),
            status: Standing::Usable,
            tags: base.tags("certificate"),
        };
        let certificate = stack.add("certificate", certificate);
        let proof = stack
            .look("certificate-proof", ValidationRecord { certificate_arn: certificate.arn() });
        let record = DnsRecord {
            zone_id: zone.id(),
            name: proof.name(),
            record_type: proof.record_type(),
            target: DnsTarget::Values { ttl: 300, values: proof.value().map(|it| vec![it]) },
        };
        let record = stack.add("certificate-record", record);
        // A listener cannot begin with a certificate that is not issued, and it is issued once the record is there.
        let issued = IssuedCertificate { certificate_arn: certificate.arn().after(&record) };
        stack.look("certificate-issued", issued).arn()
    });
    let address = match &wanted.domain {
        Some(domain) => format!("https://{domain}").into(),
        None => balancer.dns_name().map(|it| format!("http://{it}")),
    };
    stack.output("address", address);
    stack.output("load_balancer", balancer.dns_name());
    Balancer { group, balancer, certificate }
}

impl Balancer {
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
        let https = Listener {
            load_balancer_arn: self.balancer.arn(),
            port: 443,
            protocol: "HTTPS".to_owned(),
            certificate_arn: certificate.map(Some),
            ssl_policy: Some(SSL_POLICY.to_owned()),
            default_action: serve,
            tags: base.tags("https"),
        };
        stack.add("https", https)
    }
}
