//! OIDC providers: whose tokens the account believes, and the roles that such tokens are exchanged for. Of a token, only
//! what it says is looked at: neither its signature nor its age.
//!
//! Sources: IAM and STS API References; IAM User Guide, "Create an OpenID Connect identity provider in IAM", "Available
//! keys for AWS OIDC federation".

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Tag, Tags, add_tags, exists, id, invalid, limit, no_such,
    policy::{self, Principal},
    roles, tags_json,
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    visibility::Made,
    world::Context,
};

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Provider {
    /// Without `https://`.
    issuer: String,
    audiences: Vec<String>,
    thumbprints: Vec<String>,
    created: Time,
    pub(super) tags: Tags,
}

impl Made for Provider {
    fn made(&self) -> Time {
        self.created
    }
}

const AUDIENCES: usize = 100;
const PROVIDERS: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    url: String,
    #[serde(rename = "ClientIDList", default)]
    audiences: Vec<String>,
    #[serde(default)]
    thumbprint_list: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Context<'_>, input: Create) -> Answer {
    let url = input.url;
    let issuer = url.strip_prefix("https://").filter(|it| !it.is_empty() && url.len() <= 255);
    let issuer = issuer
        .ok_or_else(|| invalid("Invalid Open ID Connect Provider URL".to_owned()))?
        .to_owned();
    input.audiences.iter().try_for_each(|it| check_audience(it))?;
    if input.audiences.len() > AUDIENCES {
        return Err(too_many_audiences());
    }
    if input.thumbprint_list.len() > 5 {
        let words = "Thumbprint list must contain fewer than 5 entries.";
        return Err(Refusal::new("InvalidInput", words));
    }
    if let Some(wrong) = input.thumbprint_list.iter().find(|it| it.len() != 40) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{wrong}' at 'thumbprintList' failed to satisfy constraint: Member must have length equal to 40"
        )));
    }
    let arn = format!("arn:aws:iam::{}:oidc-provider/{issuer}", cx.account);
    if cx.global.iam.providers.contains_key(&arn) {
        return Err(exists(format!("Provider with url {url} already exists.")));
    }
    if cx.global.iam.providers.len() >= PROVIDERS {
        return Err(limit(format!(
            "Cannot exceed quota for OpenIdConnectProvidersPerAccount: {PROVIDERS}"
        )));
    }
    let mut tags = Tags::new();
    add_tags(&mut tags, input.tags)?;
    // IAM fetches the one of the issuer's certificate where none is given.
    let thumbprints = match input.thumbprint_list.is_empty() {
        true => vec![hex::encode(&Sha256::digest(&issuer)[..20])],
        false => input.thumbprint_list,
    };
    let provider =
        Provider { issuer, audiences: input.audiences, thumbprints, created: cx.now, tags };
    let answer = json!({
        "OpenIDConnectProviderArn": arn,
        "Tags": (!provider.tags.is_empty()).then(|| tags_json(&provider.tags)),
    });
    cx.global.iam.providers.insert(arn, provider);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
}

pub(super) fn get(cx: &mut Context<'_>, input: OfProvider) -> Answer {
    let it = provider_mut(cx, &input.arn)?;
    Ok(json!({
        "Url": it.issuer,
        "ClientIDList": it.audiences,
        "ThumbprintList": it.thumbprints,
        "CreateDate": it.created.iso(),
        "Tags": tags_json(&it.tags),
    }))
}

/// Succeeds where there is none.
pub(super) fn delete(cx: &mut Context<'_>, input: OfProvider) -> Answer {
    check_arn(&input.arn)?;
    cx.global.iam.providers.remove(&input.arn);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {}

pub(super) fn list(cx: &mut Context<'_>, _: List) -> Answer {
    let all: Vec<Value> = cx.global.iam.providers.keys().map(|it| json!({ "Arn": it })).collect();
    Ok(json!({ "OpenIDConnectProviderList": all }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfAudience {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ClientID")]
    audience: String,
}

pub(super) fn add_audience(cx: &mut Context<'_>, input: OfAudience) -> Answer {
    check_audience(&input.audience)?;
    let provider = provider_mut(cx, &input.arn)?;
    if !provider.audiences.contains(&input.audience) {
        if provider.audiences.len() >= AUDIENCES {
            return Err(too_many_audiences());
        }
        provider.audiences.push(input.audience);
    }
    Ok(Value::Null)
}

pub(super) fn remove_audience(cx: &mut Context<'_>, input: OfAudience) -> Answer {
    provider_mut(cx, &input.arn)?.audiences.retain(|it| *it != input.audience);
    Ok(Value::Null)
}

/// A provider by its ARN.
pub(super) fn provider_mut<'a>(
    cx: &'a mut Context<'_>,
    arn: &str,
) -> Result<&'a mut Provider, Refusal> {
    check_arn(arn)?;
    let found = cx.global.iam.providers.get_mut(arn);
    found.ok_or_else(|| no_such(format!("OpenIDConnect Provider not found for arn {arn}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct WithWebIdentity {
    role_arn: String,
    role_session_name: String,
    web_identity_token: String,
    duration_seconds: Option<u32>,
}

/// STS's AssumeRoleWithWebIdentity.
pub(crate) fn assume(cx: &mut Context<'_>, input: WithWebIdentity) -> Answer {
    let seconds = input.duration_seconds.unwrap_or(3600);
    if seconds < 900 {
        return Err(invalid(format!(
            "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"
        )));
    }
    let claims = claims(&input.web_identity_token).ok_or_else(|| {
        untrusted("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    })?;
    let claim = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    let (issuer, subject, audience) = (claim("iss"), claim("sub"), claim("aud"));
    let host = issuer.trim_start_matches("https://");
    let arn = format!("arn:aws:iam::{}:oidc-provider/{host}", cx.account);
    let provider = cx.global.iam.providers.get(&arn).ok_or_else(|| {
        untrusted(&format!("No OpenIDConnect provider found in your account for {issuer}"))
    })?;
    if !provider.audiences.contains(&audience) {
        return Err(untrusted("Incorrect token audience"));
    }
    let (sub_key, aud_key) = (format!("{host}:sub"), format!("{host}:aud"));
    let context = [(sub_key.as_str(), subject.as_str()), (aud_key.as_str(), audience.as_str())];
    let request = policy::Request {
        principal: Principal::Federated(&arn),
        action: "sts:AssumeRoleWithWebIdentity",
        resource: "*",
        context: &context,
    };
    let role = roles::by_arn(cx, &input.role_arn);
    let seen = role.and_then(|it| it.rights.seen(cx.now, cx.times.of(|times| times.iam)));
    let trust = seen.and_then(|it| serde_json::from_str::<Value>(&it.trust).ok());
    let (Some(role), Some(trust)) = (role, trust) else { return Err(denied()) };
    if !policy::allowed([&trust], &request) {
        return Err(denied());
    }
    let session = &input.role_session_name;
    let name = input.role_arn.rsplit('/').next().unwrap_or_default();
    let assumed = json!({
        "AssumedRoleId": format!("{}:{session}", role.id),
        "Arn": format!("arn:aws:sts::{}:assumed-role/{name}/{session}", cx.account),
    });
    let until = cx.now + std::time::Duration::from_secs(seconds.into());
    Ok(json!({
        "Credentials": {
            "AccessKeyId": id(cx, "ASIA"),
            "SecretAccessKey": cx.chance.letters(40),
            "SessionToken": cx.chance.letters(100),
            "Expiration": until.iso(),
        },
        "AssumedRoleUser": assumed,
        "SubjectFromWebIdentityToken": subject,
        "Audience": audience,
        "Provider": arn,
    }))
}

/// What a JSON Web Token says.
fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    let claims: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.is_object().then_some(claims)
}

fn check_audience(audience: &str) -> Result<(), Refusal> {
    match (1..=255).contains(&audience.len()) {
        true => Ok(()),
        false => Err(invalid(format!(
            "1 validation error detected: Value '{audience}' at 'clientID' failed to satisfy constraint: Member must have length between 1 and 255"
        ))),
    }
}

fn check_arn(arn: &str) -> Result<(), Refusal> {
    match arn.starts_with("arn:") && arn.contains(":oidc-provider/") {
        true => Ok(()),
        false => Err(Refusal::new("InvalidInput", format!("ARN {arn} is not valid."))),
    }
}

fn too_many_audiences() -> Refusal {
    limit(format!("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {AUDIENCES}"))
}

fn untrusted(words: &str) -> Refusal {
    Refusal::new("InvalidIdentityToken", words)
}

fn denied() -> Refusal {
    let words = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    Refusal::new("AccessDenied", words).with_status(403)
}
