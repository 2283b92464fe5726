//! Identity and Access Management: roles, their policies, instance profiles. What changes here reaches the other
//! services only after [`Times::iam`](crate::Times): what they see is what has spread.
//!
//! Sources: IAM API Reference and the service model of botocore (shapes, limits, errors); IAM User Guide, "IAM and STS
//! quotas", "Changes that I make are not always immediately visible".

mod managed;
mod oidc;
pub(crate) mod policy;
mod profiles;
mod roles;
mod tags;

use std::{collections::BTreeMap, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::{
    oidc::Provider,
    policy::Principal,
    profiles::Profile,
    roles::Role,
    tags::{Tag, Tagged, Tags, add_tags, tags_json},
};
use crate::{
    call::Call,
    clock::Time,
    page::page,
    refusal::{Answer, Refusal},
    visibility::hiding,
    world::Context,
};

/// Every role, instance profile and OIDC provider of the account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Iam {
    roles: BTreeMap<String, Role>,
    profiles: BTreeMap<String, Profile>,
    /// By their ARNs.
    #[serde(default)]
    providers: BTreeMap<String, Provider>,
}

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    match call.action.as_str() {
        "AddClientIDToOpenIDConnectProvider" => oidc::add_audience(cx, call.input()?),
        "AddRoleToInstanceProfile" => profiles::add_role(cx, call.input()?),
        "AttachRolePolicy" => roles::attach_policy(cx, call.input()?),
        "CreateInstanceProfile" => profiles::create(cx, call.input()?),
        "CreateOpenIDConnectProvider" => oidc::create(cx, call.input()?),
        "CreateRole" => roles::create(cx, call.input()?),
        "DeleteInstanceProfile" => profiles::delete(cx, call.input()?),
        "DeleteOpenIDConnectProvider" => oidc::delete(cx, call.input()?),
        "DeleteRole" => roles::delete(cx, call.input()?),
        "DeleteRolePolicy" => roles::delete_policy(cx, call.input()?),
        "DetachRolePolicy" => roles::detach_policy(cx, call.input()?),
        "GetInstanceProfile" => profiles::get(cx, call.input()?),
        "GetOpenIDConnectProvider" => oidc::get(cx, call.input()?),
        "GetRole" => roles::get(cx, call.input()?),
        "GetRolePolicy" => roles::get_policy(cx, call.input()?),
        "ListAttachedRolePolicies" => roles::list_attached_policies(cx, call.input()?),
        "ListInstanceProfileTags" => tags::list(cx, call, Tagged::InstanceProfile),
        "ListInstanceProfiles" => profiles::list(cx, call.input()?),
        "ListInstanceProfilesForRole" => profiles::list_for_role(cx, call.input()?),
        "ListOpenIDConnectProviderTags" => tags::list(cx, call, Tagged::OidcProvider),
        "ListOpenIDConnectProviders" => oidc::list(cx, call.input()?),
        "ListRolePolicies" => roles::list_policies(cx, call.input()?),
        "ListRoleTags" => tags::list(cx, call, Tagged::Role),
        "ListRoles" => roles::list(cx, call.input()?),
        "PutRolePolicy" => roles::put_policy(cx, call.input()?),
        "RemoveClientIDFromOpenIDConnectProvider" => oidc::remove_audience(cx, call.input()?),
        "RemoveRoleFromInstanceProfile" => profiles::remove_role(cx, call.input()?),
        "TagInstanceProfile" => tags::add(cx, call, Tagged::InstanceProfile),
        "TagOpenIDConnectProvider" => tags::add(cx, call, Tagged::OidcProvider),
        "TagRole" => tags::add(cx, call, Tagged::Role),
        "UntagInstanceProfile" => tags::remove(cx, call, Tagged::InstanceProfile),
        "UntagOpenIDConnectProvider" => tags::remove(cx, call, Tagged::OidcProvider),
        "UntagRole" => tags::remove(cx, call, Tagged::Role),
        "UpdateAssumeRolePolicy" => roles::update_trust(cx, call.input()?),
        "UpdateRole" => roles::update(cx, call.input()?),
        _ => Err(call.not_modelled()),
    }
}

pub(crate) use oidc::assume as assume_with_web_identity;

/// Answers a read by who has not heard of what was just made.
pub(crate) fn as_seen(
    cx: &mut Context<'_>,
    act: impl FnOnce(&mut Context<'_>) -> Answer,
) -> Answer {
    let after = cx.times.of(|it| it.iam_seen);
    let act = |cx: &mut Context<'_>| hiding(cx, after, |cx| &mut cx.global.iam.providers, act);
    let act = |cx: &mut Context<'_>| hiding(cx, after, |cx| &mut cx.global.iam.profiles, act);
    hiding(cx, after, |cx| &mut cx.global.iam.roles, act)
}

/// What is there.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let Iam { roles, profiles, providers } = &cx.global.iam;
    vec![
        (
            "oidc_providers",
            providers.keys().map(|it| json!({ "OpenIDConnectProviderArn": it })).collect(),
        ),
        ("roles", roles.keys().map(|it| json!({ "RoleName": it })).collect()),
        (
            "instance_profiles",
            profiles.keys().map(|it| json!({ "InstanceProfileName": it })).collect(),
        ),
    ]
}

/// Everything with tags, by ARN.
pub(crate) fn tagged(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let Iam { roles, profiles, providers } = &cx.global.iam;
    let providers = providers.iter().map(|(arn, it)| (arn.clone(), it.tags.clone()));
    let roles = roles.values().map(|it| (it.arn.clone(), it.tags.clone()));
    let profiles = profiles.values().map(|it| (it.arn.clone(), it.tags.clone()));
    roles.chain(profiles).chain(providers).collect()
}

/// The ARN of a `role` or an `instance-profile` by its name, if there is one.
pub(crate) fn arn_of(cx: &Context<'_>, kind: &str, name: &str) -> Option<String> {
    let Iam { roles, profiles, .. } = &cx.global.iam;
    match kind {
        "role" => roles.get(name).map(|it| it.arn.clone()),
        _ => profiles.get(name).map(|it| it.arn.clone()),
    }
}

/// The ARN of the role of an instance profile, by the profile's name or ARN.
pub(crate) fn role_of_profile(cx: &Context<'_>, profile: &str) -> Option<String> {
    let name = profile.rsplit('/').next().unwrap_or_default();
    let role = cx.global.iam.profiles.get(name)?.role.latest().as_ref()?;
    arn_of(cx, "role", role)
}

/// Why a service cannot use a role or profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unusable {
    /// There is none.
    Missing,
    /// It is there, but what IAM knows has not reached the other services.
    NotYet,
    /// Its trust policy does not name the service; or the profile holds no role.
    Untrusted,
}

/// Whether a service (such as `ecs-tasks.amazonaws.com`) can assume a role, by its ARN.
pub(crate) fn assumable(cx: &Context<'_>, role: &str, service: &str) -> Result<(), Unusable> {
    let role = roles::by_arn(cx, role).ok_or(Unusable::Missing)?;
    let after = cx.times.of(|it| it.iam);
    let seen = role.rights.seen(cx.now, after).ok_or(Unusable::NotYet)?;
    if trusts(cx, &seen.trust, service) {
        return Ok(());
    }
    match trusts(cx, &role.rights.latest().trust, service) {
        true => Err(Unusable::NotYet),
        false => Err(Unusable::Untrusted),
    }
}

/// Whether EC2 can give an instance profile, by name or ARN, to an instance; its ARN and id.
pub(crate) fn instance_profile(
    cx: &Context<'_>,
    profile: &str,
) -> Result<(String, String), Unusable> {
    let name = profile.rsplit('/').next().unwrap_or_default();
    let profile = cx
        .global
        .iam
        .profiles
        .get(name)
        .filter(|it| !profile.starts_with("arn:") || it.arn == profile)
        .ok_or(Unusable::Missing)?;
    let role = profile.role.seen(cx.now, cx.times.of(|it| it.iam)).ok_or(Unusable::NotYet)?;
    match (role, profile.role.latest()) {
        (Some(_), _) => Ok((profile.arn.clone(), profile.id.clone())),
        (None, Some(_)) => Err(Unusable::NotYet),
        (None, None) => Err(Unusable::Untrusted),
    }
}

/// Whether a role's policies (inline and managed), as far as they have spread, allow an action on a resource.
pub(crate) fn allows(cx: &Context<'_>, role: &str, action: &str, resource: &str) -> bool {
    let Some(seen) = roles::by_arn(cx, role)
        .and_then(|it| it.rights.seen(cx.now, cx.times.of(|times| times.iam)))
    else {
        return false;
    };
    let inline = seen.inline.values().map(String::as_str);
    let attached = seen.attached.iter().filter_map(|it| managed::document(it));
    let policies: Vec<Value> =
        inline.chain(attached).filter_map(|it| serde_json::from_str(it).ok()).collect();
    let context = [("aws:PrincipalArn", role), ("aws:PrincipalAccount", cx.account)];
    let principal = Principal::Aws(role);
    policy::allowed(&policies, &policy::Request { principal, action, resource, context: &context })
}

/// Whether a principal that a policy of a resource names is there and has spread. Principals of other accounts are
/// taken as they are.
pub(crate) fn knows(cx: &Context<'_>, principal: &str) -> bool {
    let role = roles::by_arn(cx, principal);
    let spread = role.and_then(|it| it.rights.seen(cx.now, cx.times.of(|times| times.iam)));
    spread.is_some() || is_other_principal(cx, principal)
}

/// The ARN of whoever calls: a user that may do everything.
pub(crate) fn caller(cx: &Context<'_>) -> String {
    format!("arn:aws:iam::{}:user/{}", cx.account, CALLER)
}

/// The name of the user who calls.
const CALLER: &str = "simulator";

/// Something that other services see some seconds late: the present one and those before it that they may still see.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Spreading<T>(Vec<(Time, T)>);

impl<T> Spreading<T> {
    fn new(now: Time, first: T) -> Self {
        Self(vec![(now, first)])
    }

    /// As IAM itself says.
    fn latest(&self) -> &T {
        // There is always one: `new` puts it in, and `set` takes only what another one follows.
        #[allow(clippy::expect_used)]
        &self.0.last().expect("there is always one").1
    }

    /// As the others see it; None: not at all.
    fn seen(&self, now: Time, after: Duration) -> Option<&T> {
        self.0.iter().rev().find(|(since, _)| *since + after <= now).map(|(_, it)| it)
    }

    fn set(&mut self, now: Time, after: Duration, next: T) {
        let spread = self.0.iter().rposition(|(since, _)| *since + after <= now);
        self.0.drain(..spread.unwrap_or(0));
        self.0.push((now, next));
    }
}

/// Whether a trust policy lets a service assume the role.
fn trusts(cx: &Context<'_>, trust: &str, service: &str) -> bool {
    let source = format!("arn:aws:ecs:{}:{}:*", cx.region.name, cx.account);
    let context = match service {
        // EC2 says on whose behalf it asks neither way.
        "ec2.amazonaws.com" => vec![],
        _ => vec![("aws:SourceAccount", cx.account), ("aws:SourceArn", source.as_str())],
    };
    let trust = serde_json::from_str(trust).unwrap_or_default();
    let request = policy::Request {
        principal: Principal::Service(service),
        action: "sts:AssumeRole",
        resource: "*",
        context: &context,
    };
    policy::allowed([&trust], &request)
}

/// Whether it is a principal other than a role of this account: everybody, an account, the caller, somebody elsewhere.
fn is_other_principal(cx: &Context<'_>, principal: &str) -> bool {
    let is_account = |it: &str| it.len() == 12 && it.bytes().all(|it| it.is_ascii_digit());
    match principal.split(':').collect::<Vec<_>>()[..] {
        ["*"] => true,
        [account] => is_account(account),
        ["arn", _, "iam", "", account, who] if account == cx.account => {
            who == "root" || principal == caller(cx)
        }
        ["arn", _, "iam" | "sts", "", account, _] => is_account(account),
        _ => false,
    }
}

/// A page of a list, under its name, with the marker of the next one.
fn listed(
    name: &str,
    all: impl IntoIterator<Item = Value>,
    marker: Option<&str>,
    max_items: Option<usize>,
) -> Answer {
    let size = max_items.unwrap_or(100);
    if !(1..=1000).contains(&size) {
        return Err(invalid(format!("MaxItems must be between 1 and 1000, not {size}")));
    }
    let (items, next) =
        page(all, marker, size).ok_or_else(|| invalid("Invalid Marker.".to_owned()))?;
    let mut answer = Map::new();
    answer.insert(name.to_owned(), items.into());
    answer.insert("IsTruncated".to_owned(), next.is_some().into());
    answer.insert("Marker".to_owned(), next.into());
    Ok(answer.into())
}

/// A document as IAM gives it: encoded for URLs, RFC 3986.
fn encoded(document: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(document, KEPT).to_string()
}

/// Checks a value against the pattern of the API Reference.
fn check(value: &str, field: &str, pattern: &str) -> Result<(), Refusal> {
    if Regex::new(pattern).is_ok_and(|it| it.is_match(value)) {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}"
    )))
}

fn check_path(path: &str) -> Result<(), Refusal> {
    match path.starts_with('/') && path.ends_with('/') && path.len() <= 512 {
        true => check(path, "path", r"^[!-~]+$"),
        false => Err(invalid(format!(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters. ({path})"
        ))),
    }
}

fn check_name(name: &str, field: &str, longest: usize) -> Result<(), Refusal> {
    if name.len() > longest {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at '{field}' failed to satisfy constraint: Member must have length less than or equal to {longest}"
        )));
    }
    check(name, field, r"^[\w+=,.@-]+$")
}

fn invalid(words: String) -> Refusal {
    Refusal::new("ValidationError", words)
}

fn malformed(words: String) -> Refusal {
    Refusal::new("MalformedPolicyDocument", words)
}

fn no_such(words: String) -> Refusal {
    Refusal::new("NoSuchEntity", words).with_status(404)
}

fn exists(words: String) -> Refusal {
    Refusal::new("EntityAlreadyExists", words).with_status(409)
}

fn in_use(words: &str) -> Refusal {
    Refusal::new("DeleteConflict", words).with_status(409)
}

fn limit(words: impl Into<String>) -> Refusal {
    Refusal::new("LimitExceeded", words).with_status(409)
}

/// Such as `AROA` and 17 letters and digits.
fn id(cx: &mut Context<'_>, prefix: &str) -> String {
    format!("{prefix}{}", cx.chance.letters(17))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{times::Times, world::World};

    const SOON: Duration = Duration::from_secs(8);

    #[test]
    fn others_see_what_has_spread() {
        let start = Time(1_000);
        let mut it = Spreading::new(start, 'a');
        assert_eq!((it.latest(), it.seen(start, SOON)), (&'a', None));
        it.set(start + SOON, SOON, 'b');
        assert_eq!((it.latest(), it.seen(start + SOON, SOON)), (&'b', Some(&'a')));
        it.set(start + SOON * 2, SOON, 'c');
        assert_eq!((it.latest(), it.seen(start + SOON * 2, SOON)), (&'c', Some(&'b')));
        assert_eq!(it.seen(start + SOON * 3, SOON), Some(&'c'));
        assert_eq!(it.0.len(), 2);
    }

    #[test]
    fn a_role_is_assumed_by_whom_it_trusts_once_it_has_spread() -> Result<(), Refusal> {
        let mut world = World::new(Time(0), Times::real(), 1);
        let trust = r#"{"Statement": {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}}"#;
        let rights =
            r#"{"Statement": {"Effect": "Allow", "Action": "ssm:Get*", "Resource": "arn:a"}}"#;
        let cx = &mut world.context("eu-central-1");
        roles::make(cx, "r", trust, rights)?;
        let role = "arn:aws:iam::123456789012:role/r";
        let ecs = "ecs-tasks.amazonaws.com";
        assert_eq!(assumable(cx, role, ecs), Err(Unusable::NotYet));
        assert!(!allows(cx, role, "ssm:GetParameters", "arn:a"));
        cx.now = Time(8_000);
        assert_eq!(assumable(cx, role, ecs), Ok(()));
        assert_eq!(assumable(cx, role, "ec2.amazonaws.com"), Err(Unusable::Untrusted));
        assert_eq!(assumable(cx, "arn:aws:iam::123456789012:role/s", ecs), Err(Unusable::Missing));
        assert!(allows(cx, role, "ssm:GetParameters", "arn:a"));
        assert!(!allows(cx, role, "ssm:GetParameters", "arn:b"));
        Ok(())
    }
}
