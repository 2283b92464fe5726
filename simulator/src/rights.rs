//! What a caller may do: every call is denied that a policy does not allow, so that a test can show which rights suffice.
//!
//! The policy is one of an identity. Which actions on which resources a call needs is in the tables of `rights/tables/`.
//! Sources: Service Authorization Reference; IAM user guide, "Policy evaluation logic", "AWS global condition context keys";
//! each service's guide on tags at creation.

mod input;
mod resources;
mod s3;
mod table;

use std::collections::BTreeSet;

use serde_json::Value;

use self::table::Word;
use crate::{
    call::{Call, Service},
    refusal::Refusal,
    services::{
        iam::{
            self,
            policy::{self, Effect, Place, Principal, Request},
        },
        kms, ssm, tagging,
    },
    world::Context,
};

/// The rights of whoever calls.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    policy: Value,
    needed: BTreeSet<(String, String)>,
}

/// One right that a call needs.
#[derive(Debug)]
struct Need {
    action: String,
    resource: String,
    /// What is known besides what is known of every call.
    context: Vec<(String, String)>,
}

impl Rights {
    /// Those of an identity policy. The error says what is wrong with it.
    pub(crate) fn read(policy: &str) -> Result<Self, String> {
        Ok(Self { policy: policy::read(policy, Place::Identity)?, needed: BTreeSet::new() })
    }

    /// Every action and resource that was asked about so far, allowed or not.
    pub(crate) fn needed(&self) -> impl Iterator<Item = &(String, String)> {
        self.needed.iter()
    }

    /// Refuses a call that the policy does not allow, as its service does.
    pub(crate) fn check(&mut self, cx: &Context<'_>, call: &Call) -> Result<(), Refusal> {
        let Some((service, table)) = table::of(call.service) else { return Ok(()) };
        let words = table::words(table, &call.action).ok_or_else(|| {
            let what = format_args!("what rights {service}:{} needs", call.action);
            Refusal::not_modelled(what)
        })?;
        let input = call.input_value();
        let caller = iam::caller(cx);
        let mut needs = Vec::new();
        for word in words {
            needs.extend(self::needs(cx, call, &input, service, word));
        }
        if call.service == Service::S3 {
            needs.iter_mut().for_each(|it| it.context.extend(s3::context(call)));
        }
        if needs.is_empty() {
            let action = format!("{service}:{}", call.action);
            needs.push(Need { action, resource: "*".to_owned(), context: Vec::new() });
        }
        let tagged = tagging::everything(cx);
        for need in needs {
            let context = context(cx, &input, &need, &caller, &tagged);
            self.ask(call.service, &caller, &need, &context)?;
        }
        Ok(())
    }

    /// Tells a caller less than a service would, if that needs a right that the policy does not give.
    pub(crate) fn hide(&mut self, cx: &Context<'_>, call: &Call, refusal: Refusal) -> Refusal {
        let Some(need) = s3::needed_to_hear(call, &refusal) else { return refusal };
        let caller = iam::caller(cx);
        let context = context(cx, &Value::Null, &need, &caller, &[]);
        self.ask(call.service, &caller, &need, &context).err().unwrap_or(refusal)
    }

    fn ask(
        &mut self,
        service: Service,
        caller: &str,
        need: &Need,
        context: &[(String, String)],
    ) -> Result<(), Refusal> {
        self.needed.insert((need.action.clone(), need.resource.clone()));
        let context: Vec<(&str, &str)> =
            context.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let request = Request {
            principal: Principal::Aws(caller),
            action: &need.action,
            resource: &need.resource,
            context: &context,
        };
        match policy::judge(&self.policy, &request) {
            Some(Effect::Allow) => Ok(()),
            judged => Err(denied(service, caller, need, judged)),
        }
    }
}

fn needs(cx: &Context<'_>, call: &Call, input: &Value, service: &str, word: Word) -> Vec<Need> {
    let need = |action: &str, resource, context: &[(&str, &str)]| {
        let context = context.iter().map(|(key, it)| ((*key).to_owned(), (*it).to_owned()));
        Need { action: action.to_owned(), resource, context: context.collect() }
    };
    let pass = |role: String, to: &str| need("iam:PassRole", role, &[("iam:PassedToService", to)]);
    let on = |resource| resources::arns(cx, call, input, service, resource).into_iter();
    let via = format!("ssm.{}.amazonaws.com", cx.region.name);
    let via = [("kms:ViaService", via.as_str()), ("kms:CallerAccount", cx.account)];
    match word {
        Word::On(resource) => {
            let action = format!("{service}:{}", call.action);
            on(resource).map(|it| need(&action, it, &[])).collect()
        }
        Word::If(name, ..) if !s3::names(call, name) => Vec::new(),
        Word::Unless(name, ..) if s3::names(call, name) => Vec::new(),
        Word::As(action, resource)
        | Word::If(_, action, resource)
        | Word::Unless(_, action, resource) => {
            let action = format!("{service}:{action}");
            on(resource).map(|it| need(&action, it, &[])).collect()
        }
        Word::IfTagged(..) if input::tags(input).is_empty() => Vec::new(),
        Word::IfTagged(action, resource) => {
            let (action, by) = (format!("{service}:{action}"), format!("{service}:CreateAction"));
            on(resource).map(|it| need(&action, it, &[(&by, &call.action)])).collect()
        }
        Word::Ec2Tags => {
            let kinds = input::specified(input).into_iter().map(|(kind, _)| kind);
            let by = [("ec2:CreateAction", call.action.as_str())];
            kinds.map(|it| need("ec2:CreateTags", cx.arn("ec2", &format!("{it}/*")), &by)).collect()
        }
        Word::Pass(field, to) => {
            let roles = input::texts(input, field).into_iter();
            roles.map(|it| pass(iam::arn_of(cx, "role", &it).unwrap_or(it), to)).collect()
        }
        Word::PassProfile(field) => {
            let named = ["Name", "Arn"].map(|it| input::texts(input, &format!("{field}.{it}")));
            let roles = named.concat().into_iter().filter_map(|it| iam::role_of_profile(cx, &it));
            roles.map(|it| pass(it, "ec2.amazonaws.com")).collect()
        }
        Word::Encrypts(field) => {
            let action = match input["Tier"].as_str() {
                Some("Advanced") => "kms:GenerateDataKey",
                _ => "kms:Encrypt",
            };
            let keys = input::texts(input, field).into_iter();
            keys.filter_map(|it| kms::customer_key(cx, &it))
                .map(|it| need(action, it, &via))
                .collect()
        }
        Word::Decrypts(_) if input["WithDecryption"] != true => Vec::new(),
        Word::Decrypts(field) => {
            let names = input::texts(input, field).into_iter();
            let keys = names.filter_map(|it| kms::customer_key(cx, ssm::key_of(cx, &it)?));
            keys.map(|it| need("kms:Decrypt", it, &via)).collect()
        }
    }
}

/// What conditions can ask about.
fn context(
    cx: &Context<'_>,
    input: &Value,
    need: &Need,
    caller: &str,
    tagged: &[(String, std::collections::BTreeMap<String, String>)],
) -> Vec<(String, String)> {
    let service = need.action.split(':').next().unwrap_or_default();
    let mut context = need.context.clone();
    let mut known = |key: &str, value: &str| context.push((key.to_owned(), value.to_owned()));
    known("aws:PrincipalArn", caller);
    known("aws:PrincipalAccount", cx.account);
    known("aws:ResourceAccount", cx.account);
    known("aws:RequestedRegion", &cx.region.name);
    // In EC2, tags are given to types of resources.
    let kind = need.resource.rsplit(':').next().and_then(|it| it.split('/').next());
    let specified = input::specified(input).into_iter().filter(|(it, _)| Some(it.as_str()) == kind);
    let specified: Vec<_> = specified.flat_map(|(_, tags)| tags).collect();
    for (key, value) in input::tags(input).iter().chain(&specified) {
        known(&format!("aws:RequestTag/{key}"), value);
    }
    let keys = specified.iter().map(|(key, _)| key.clone()).chain(input::tag_keys(input));
    for key in keys {
        known("aws:TagKeys", &key);
    }
    let arn = need.resource.trim_end_matches(":log-stream:");
    let own = tagged.iter().filter(|(it, _)| it == arn).flat_map(|(_, tags)| tags);
    for (key, value) in own {
        known(&format!("aws:ResourceTag/{key}"), value);
        known(&format!("{service}:ResourceTag/{key}"), value);
    }
    match service {
        "ecs" => {
            for cluster in input::texts(input, "cluster") {
                let name = cluster.rsplit('/').next().unwrap_or_default();
                known("ecs:cluster", &cx.arn("ecs", &format!("cluster/{name}")));
            }
        }
        "iam" => {
            for arn in input::texts(input, "PolicyArn") {
                known("iam:PolicyARN", &arn);
            }
        }
        _ => {}
    }
    context
}

/// As each service says it.
fn denied(service: Service, caller: &str, need: &Need, judged: Option<Effect>) -> Refusal {
    let Need { action, resource, .. } = need;
    let why = match judged {
        Some(_) => "with an explicit deny in an identity-based policy".to_owned(),
        None => format!("because no identity-based policy allows the {action} action"),
    };
    // S3 quotes the ARN.
    let quote = if service == Service::S3 { "\"" } else { "" };
    let words = format!(
        "User: {caller} is not authorized to perform: {action} on resource: {quote}{resource}{quote} {why}"
    );
    match service {
        Service::Ec2 => {
            let words = format!("You are not authorized to perform this operation. {words}");
            Refusal::new("UnauthorizedOperation", words).with_status(403)
        }
        Service::Elb | Service::Iam | Service::Route53 | Service::S3 => {
            Refusal::new("AccessDenied", words).with_status(403)
        }
        _ => Refusal::new("AccessDeniedException", words),
    }
}

#[cfg(test)]
mod tests;
