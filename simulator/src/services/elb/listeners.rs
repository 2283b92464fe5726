//! Listeners: a port of a load balancer, and what becomes of requests there.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    actions::{self, Action, not_one_of},
    balancers, invalid, note_uses, paged,
    rules::{self, Rule},
    tags::{self, Tag},
    within,
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    services::acm,
    visibility::Made,
    world::Context,
};

/// A listener. What it does by default is its default rule's.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Listener {
    #[serde(default)]
    pub(super) made: Time,
    pub(super) balancer: String,
    pub(super) port: u16,
    pub(super) protocol: String,
    pub(super) certificate: Option<String>,
    policy: Option<String>,
    default_rule: String,
}

impl Made for Listener {
    fn made(&self) -> Time {
        self.made
    }
}

/// What an HTTPS listener gets that names none.
const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";

/// The security policies that there are, without those of other kinds of load balancers.
const POLICIES: &[&str] = &[
    DEFAULT_POLICY,
    "ELBSecurityPolicy-FS-1-1-2019-08",
    "ELBSecurityPolicy-FS-1-2-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2020-10",
    "ELBSecurityPolicy-FS-2018-06",
    "ELBSecurityPolicy-TLS-1-0-2015-04",
    "ELBSecurityPolicy-TLS-1-1-2017-01",
    "ELBSecurityPolicy-TLS-1-2-2017-01",
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06",
    "ELBSecurityPolicy-TLS13-1-0-2021-06",
    "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Certificate {
    certificate_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    load_balancer_arn: String,
    protocol: Option<String>,
    port: Option<i64>,
    ssl_policy: Option<String>,
    #[serde(default)]
    certificates: Vec<Certificate>,
    default_actions: Vec<Action>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Context<'_>, input: Create) -> Answer {
    let balancer = input.load_balancer_arn;
    balancers::balancer(cx, &balancer)?;
    let protocol =
        input.protocol.ok_or_else(|| invalid("A listener protocol must be specified"))?;
    check_protocol(&protocol)?;
    let port = input.port.ok_or_else(|| invalid("A listener port must be specified"))?;
    within("port", port, 1, 65_535)?;
    let port = u16::try_from(port).unwrap_or_default();
    let (certificate, policy) = secured(cx, &protocol, input.certificates, input.ssl_policy)?;
    let actions = actions::checked(cx, input.default_actions, &balancer, &protocol)?;
    let tags = tags::checked(input.tags)?;
    if let Some((arn, it)) = at_port(cx, &balancer, port) {
        let same = it.protocol == protocol
            && it.certificate == certificate
            && it.policy == policy
            && cx.region.elb.rules.get(&it.default_rule).is_some_and(|it| it.actions == actions);
        return match same {
            true => Ok(json!({ "Listeners": [describe_one(cx, arn, it)] })),
            false => Err(duplicate(&balancer)),
        };
    }
    let id = cx.chance.hex(16);
    let arn = format!("{}/{id}", balancer.replacen(":loadbalancer/", ":listener/", 1));
    let default_rule = rules::new_arn(cx, &arn);
    let rule = Rule {
        // It is seen with its listener.
        made: Time::default(),
        listener: arn.clone(),
        priority: None,
        conditions: Vec::new(),
        actions,
    };
    let listener = Listener {
        made: cx.now,
        balancer,
        port,
        protocol,
        certificate,
        policy,
        default_rule: default_rule.clone(),
    };
    let elb = &mut cx.region.elb;
    elb.rules.insert(default_rule, rule);
    elb.listeners.insert(arn.clone(), listener);
    elb.tags.insert(arn.clone(), tags);
    note_uses(cx);
    let listener = listener_of(cx, &arn)?;
    Ok(json!({ "Listeners": [describe_one(cx, &arn, listener)] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    listener_arn: String,
    protocol: Option<String>,
    port: Option<i64>,
    ssl_policy: Option<String>,
    #[serde(default)]
    certificates: Vec<Certificate>,
    #[serde(default)]
    default_actions: Vec<Action>,
}

pub(super) fn modify(cx: &mut Context<'_>, input: Modify) -> Answer {
    let arn = input.listener_arn;
    let mut listener = listener_of(cx, &arn)?.clone();
    if let Some(protocol) = input.protocol {
        check_protocol(&protocol)?;
        listener.protocol = protocol;
    }
    if let Some(port) = input.port {
        within("port", port, 1, 65_535)?;
        listener.port = u16::try_from(port).unwrap_or_default();
        if at_port(cx, &listener.balancer, listener.port).is_some_and(|(other, _)| *other != arn) {
            return Err(duplicate(&listener.balancer));
        }
    }
    let mut certificates = input.certificates;
    let mut policy = input.ssl_policy;
    if listener.protocol == "HTTPS" {
        // What is not said stays as it is.
        if certificates.is_empty() {
            let old = listener.certificate.take();
            certificates.extend(old.map(|certificate_arn| Certificate { certificate_arn }));
        }
        policy = policy.or(listener.policy.take());
    }
    let (certificate, policy) = secured(cx, &listener.protocol, certificates, policy)?;
    (listener.certificate, listener.policy) = (certificate, policy);
    let mut actions = None;
    if !input.default_actions.is_empty() {
        let new = input.default_actions;
        actions = Some(actions::checked(cx, new, &listener.balancer, &listener.protocol)?);
    }
    let elb = &mut cx.region.elb;
    if let (Some(actions), Some(rule)) = (actions, elb.rules.get_mut(&listener.default_rule)) {
        rule.actions = actions;
    }
    elb.listeners.insert(arn.clone(), listener);
    note_uses(cx);
    let listener = listener_of(cx, &arn)?;
    Ok(json!({ "Listeners": [describe_one(cx, &arn, listener)] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfListener {
    listener_arn: String,
}

pub(super) fn delete(cx: &mut Context<'_>, input: OfListener) -> Answer {
    let arn = input.listener_arn;
    listener_of(cx, &arn)?;
    let elb = &mut cx.region.elb;
    elb.listeners.remove(&arn);
    elb.rules.retain(|_, it| it.listener != arn);
    tags::forget_the_gone(elb);
    note_uses(cx);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    load_balancer_arn: Option<String>,
    #[serde(default)]
    listener_arns: Vec<String>,
    marker: Option<String>,
    page_size: Option<i64>,
}

pub(super) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let arns = input.listener_arns;
    if arns.is_empty() == input.load_balancer_arn.is_none() {
        return Err(invalid("You must specify either listener ARNs or a load balancer ARN"));
    }
    if let Some(arn) = &input.load_balancer_arn {
        balancers::balancer(cx, arn)?;
    }
    for arn in &arns {
        listener_of(cx, arn)?;
    }
    let asked = cx.region.elb.listeners.iter().filter(|(arn, it)| {
        arns.contains(arn) || input.load_balancer_arn.as_ref() == Some(&it.balancer)
    });
    let (page, next) = paged(asked, input.marker.as_deref(), input.page_size)?;
    let described: Vec<_> = page.into_iter().map(|(arn, it)| describe_one(cx, arn, it)).collect();
    Ok(json!({ "Listeners": described, "NextMarker": next }))
}

/// A listener that a call names.
pub(super) fn listener_of<'a>(cx: &'a Context<'_>, arn: &str) -> Result<&'a Listener, Refusal> {
    if !arn.starts_with("arn:") || !arn.contains(":listener/") {
        return Err(invalid(format!("'{arn}' is not a valid listener ARN")));
    }
    let found = cx.region.elb.listeners.get(arn);
    found.ok_or_else(|| Refusal::new("ListenerNotFound", "One or more listeners not found"))
}

fn at_port<'a>(
    cx: &'a Context<'_>,
    balancer: &str,
    port: u16,
) -> Option<(&'a String, &'a Listener)> {
    let mut listeners = cx.region.elb.listeners.iter();
    listeners.find(|(_, it)| it.balancer == balancer && it.port == port)
}

fn duplicate(balancer: &str) -> Refusal {
    let message =
        format!("A listener already exists on this port for this load balancer '{balancer}'");
    Refusal::new("DuplicateListener", message)
}

fn check_protocol(protocol: &str) -> Result<(), Refusal> {
    match protocol {
        "HTTP" | "HTTPS" => Ok(()),
        "TCP" | "TLS" | "UDP" | "TCP_UDP" | "GENEVE" | "QUIC" | "TCP_QUIC" => {
            let message = format!("Listener protocol '{protocol}' must be one of 'HTTPS, HTTP'");
            Err(invalid(message))
        }
        _ => Err(not_one_of("protocol", protocol, "HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP, GENEVE")),
    }
}

/// The certificate and the policy that a listener of this protocol has.
fn secured(
    cx: &Context<'_>,
    protocol: &str,
    certificates: Vec<Certificate>,
    policy: Option<String>,
) -> Result<(Option<String>, Option<String>), Refusal> {
    if protocol == "HTTP" {
        return match (certificates.as_slice(), &policy) {
            ([], None) => Ok((None, None)),
            ([], Some(_)) => Err(invalid("An SSL policy cannot be specified for HTTP listeners")),
            _ => Err(invalid("Certificates cannot be specified for HTTP listeners")),
        };
    }
    let arn = match certificates.as_slice() {
        [] => return Err(invalid("A certificate must be specified for HTTPS listeners")),
        [one] => &one.certificate_arn,
        _ => return Err(invalid("Only one certificate can be specified for a listener")),
    };
    match acm::issued(cx, arn) {
        Some(true) => {}
        Some(false) => {
            let message = format!(
                "The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a \
                 supported key size."
            );
            return Err(Refusal::new("UnsupportedCertificate", message));
        }
        None => {
            let message = format!("Certificate '{arn}' not found");
            return Err(Refusal::new("CertificateNotFound", message));
        }
    }
    let policy = policy.unwrap_or_else(|| DEFAULT_POLICY.to_owned());
    if !POLICIES.contains(&policy.as_str()) {
        let message = format!("SSL policy '{policy}' not found");
        return Err(Refusal::new("SSLPolicyNotFound", message));
    }
    Ok((Some(arn.clone()), Some(policy)))
}

fn describe_one(cx: &Context<'_>, arn: &str, it: &Listener) -> Value {
    let rule = cx.region.elb.rules.get(&it.default_rule);
    let certificates =
        it.certificate.as_ref().map(|certificate| json!([{ "CertificateArn": certificate }]));
    json!({
        "ListenerArn": arn,
        "LoadBalancerArn": it.balancer,
        "Port": it.port,
        "Protocol": it.protocol,
        "Certificates": certificates,
        "SslPolicy": it.policy,
        "DefaultActions": rule.map(|it| &it.actions),
    })
}
