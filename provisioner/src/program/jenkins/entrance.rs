//! The way to Jenkins: by HTTPS through the load balancer where that has a name, and otherwise straight to the machine, by
//! plain HTTP.
//!
//! Behind the load balancer Jenkins has a port of its own rather than rules of the services' listener: who may come is
//! decided before anything is said, by the same ranges, and the services' own rules have nothing to do with it.

use std::collections::BTreeSet;

use super::WEB;
use crate::{
    config::Jenkins,
    engine::{Output, Stack},
    lookups::HostedZoneOutputs,
    program::{
        Base,
        balancer::{Balancer, DEREGISTRATION_DELAY},
        services::target_group_name,
    },
    resources::{
        Direction, ElasticIpOutputs, InstanceOutputs, ListenerAction, Peer, SecurityGroupOutputs,
        SecurityGroupRule, TargetGroup, TargetGroupAttributes, TargetHealthCheck,
    },
};

const SSH: i32 = 22;
/// Where the load balancer takes requests for Jenkins.
const SECURE: i32 = 8443;

/// The way to Jenkins.
pub(super) enum Entrance<'a> {
    /// Straight to the machine.
    Machine,
    /// Through the load balancer, by this name in this zone.
    Balancer { balancer: &'a Balancer, domain: &'a str, zone: &'a Output<HostedZoneOutputs> },
}

/// The address by which browsers know Jenkins, if that follows from stack.yaml.
pub(super) fn url(jenkins: &Jenkins) -> Option<String> {
    jenkins.domain.as_deref().map(secure)
}

fn secure(domain: &str) -> String {
    format!("https://{domain}:{SECURE}")
}

impl<'a> Entrance<'a> {
    pub(super) fn new(jenkins: &'a Jenkins, balancer: Option<&'a Balancer>) -> Self {
        let domain = jenkins.domain.as_deref();
        match balancer.and_then(|it| Some((it, it.zone.as_ref()?))).zip(domain) {
            Some(((balancer, zone), domain)) => Self::Balancer { balancer, domain, zone },
            None => Self::Machine,
        }
    }

    /// Lets in whom stack.yaml names, and GitHub. `machine`: the security group of Jenkins' machine.
    pub(super) fn admit(
        &self,
        stack: &mut Stack,
        base: &Base<'_>,
        jenkins: &Jenkins,
        machine: &Output<SecurityGroupOutputs>,
    ) {
        let (group, port) = match self {
            Self::Machine => (machine, WEB),
            Self::Balancer { balancer, .. } => (&balancer.group, SECURE),
        };
        let admins: BTreeSet<String> =
            jenkins.admin_cidrs.iter().map(ToString::to_string).collect();
        for range in &admins {
            let peer = Peer::Cidr(range.clone());
            let name = format!("jenkins-ssh:{range}");
            allow(stack, base, &name, machine, SSH, peer.clone(), "SSH for administrators");
            let name = format!("jenkins-web:{range}");
            allow(stack, base, &name, group, port, peer, "Jenkins for administrators");
        }
        // What an administrator may do already needs no rule of its own: EC2 has each range once.
        for range in base.around.github_hooks.iter().filter(|it| !admins.contains(*it)) {
            let (name, peer) = (format!("jenkins-github:{range}"), Peer::Cidr(range.clone()));
            // EC2 allows no apostrophe here.
            allow(stack, base, &name, group, port, peer, "Webhooks of GitHub");
        }
        if let Self::Balancer { balancer, .. } = self {
            let peer = Peer::Group(balancer.group.id());
            allow(stack, base, "jenkins-ingress", machine, WEB, peer, "From the load balancer");
        }
    }

    /// Leads there; gives the address by which browsers know Jenkins.
    pub(super) fn lead(
        &self,
        stack: &mut Stack,
        base: &Base<'_>,
        instance: &Output<InstanceOutputs>,
        address: &Output<ElasticIpOutputs>,
    ) -> Output<String> {
        let Self::Balancer { balancer, domain, zone } = self else {
            return address.public_ip().map(|it| format!("http://{it}:{WEB}"));
        };
        let targets = TargetGroup {
            // A service may be called `ci` as well, and have the same port.
            name: target_group_name(base, "ci", &format!("jenkins {WEB}")),
            port: WEB,
            protocol: "HTTP".to_owned(),
            target_type: "instance".to_owned(),
            vpc_id: base.network.vpc_id(),
            health_check: TargetHealthCheck {
                path: "/login".to_owned(),
                interval_seconds: 10,
                timeout_seconds: 5,
                ..TargetHealthCheck::default()
            },
            attributes: TargetGroupAttributes {
                deregistration_delay_seconds: DEREGISTRATION_DELAY,
                ..TargetGroupAttributes::default()
            },
            instance_ids: instance.id().map(|it| vec![it]),
            tags: base.tags("jenkins-targets"),
        };
        let targets = stack.add("jenkins-targets", targets);
        let certificate = balancer.certified(stack, base, zone, "jenkins-", domain);
        let forward = ListenerAction::Forward { target_group_arn: targets.arn() };
        let listener = balancer.https(base, "jenkins-https", SECURE, &certificate, forward);
        let listener = stack.add("jenkins-https", listener);
        Output::from(secure(domain)).behind(&listener)
    }
}

/// Declares that `peer` reaches a port of what is in a security group.
fn allow(
    stack: &mut Stack,
    base: &Base<'_>,
    name: &str,
    group: &Output<SecurityGroupOutputs>,
    port: i32,
    peer: Peer,
    description: &str,
) {
    let rule = SecurityGroupRule {
        group_id: group.id(),
        direction: Direction::Ingress,
        protocol: "tcp".to_owned(),
        from_port: port,
        to_port: port,
        peer,
        description: description.to_owned(),
        tags: base.tags(name),
    };
    stack.add(name, rule);
}
