//! Systems Manager: its Parameter Store.
//!
//! Sources: Systems Manager API Reference and the service model of botocore (shapes, errors); Systems Manager User Guide,
//! "Creating Parameter Store parameters" (names), "Managing parameter tiers", "How AWS Systems Manager Parameter Store
//! uses AWS KMS". A SecureString is kept as the key's cipher text: see [`kms::encrypt`].

mod checked;

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::checked::{
    add_tags, check_filter, check_name, check_names, checked_size, is_below, kind, passes, tier,
};
use crate::{
    call::Call,
    clock::Time,
    page::page,
    refusal::{Answer, Refusal},
    services::{iam, kms},
    world::Context,
};

/// Every parameter of a region, by name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Ssm {
    parameters: BTreeMap<String, Parameter>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Parameter {
    kind: Kind,
    /// A SecureString's is encrypted.
    value: String,
    version: u64,
    modified: Time,
    description: String,
    /// As it was given: an id, an ARN or an alias.
    key: Option<String>,
    tier: Tier,
    tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum Kind {
    String,
    StringList,
    SecureString,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum Tier {
    Standard,
    Advanced,
    #[serde(rename = "Intelligent-Tiering")]
    Intelligent,
}

/// The key of who names none.
const DEFAULT_KEY: &str = "alias/aws/ssm";

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    match call.action.as_str() {
        "AddTagsToResource" => add_tags_to_resource(cx, call.input()?),
        "DeleteParameter" => delete_parameter(cx, call.input()?),
        "DeleteParameters" => delete_parameters(cx, call.input()?),
        "DescribeParameters" => describe_parameters(cx, call.input()?),
        "GetParameter" => get_parameter(cx, call.input()?),
        "GetParameters" => get_parameters(cx, call.input()?),
        "GetParametersByPath" => get_parameters_by_path(cx, call.input()?),
        "ListTagsForResource" => list_tags_for_resource(cx, call.input()?),
        "PutParameter" => put_parameter(cx, call.input()?),
        "RemoveTagsFromResource" => remove_tags_from_resource(cx, call.input()?),
        _ => Err(call.not_modelled()),
    }
}

/// What is there.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let parameters = cx.region.ssm.parameters.iter();
    let parameters = parameters.map(|(name, it)| json!({ "Name": name, "Type": it.kind }));
    vec![("parameters", parameters.collect())]
}

/// Everything with tags, by ARN.
pub(crate) fn tagged(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let parameters = cx.region.ssm.parameters.iter();
    parameters.map(|(name, it)| (arn(cx, name), it.tags.clone())).collect()
}

/// Whether there is a parameter, by name or ARN.
pub(crate) fn exists(cx: &Context<'_>, parameter: &str) -> bool {
    find(cx, parameter).is_some()
}

/// The key of a parameter, as it was given, by name or ARN.
pub(crate) fn key_of<'a>(cx: &'a Context<'_>, parameter: &str) -> Option<&'a str> {
    find(cx, parameter)?.1.key.as_deref()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutParameter {
    name: String,
    value: String,
    r#type: Option<Kind>,
    description: Option<String>,
    key_id: Option<String>,
    #[serde(default)]
    overwrite: bool,
    #[serde(default)]
    tags: Vec<Tag>,
    tier: Option<Tier>,
}

fn put_parameter(cx: &mut Context<'_>, input: PutParameter) -> Answer {
    let name = input.name;
    check_name(&name)?;
    if input.overwrite && !input.tags.is_empty() {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    let old = cx.region.ssm.parameters.get(&name).cloned();
    if old.is_some() && !input.overwrite {
        let words = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(Refusal::new("ParameterAlreadyExists", words));
    }
    let kind = kind(input.r#type, old.as_ref())?;
    let tier = tier(input.tier, old.as_ref(), &input.value)?;
    let description = input.description.or_else(|| old.as_ref().map(|it| it.description.clone()));
    let description = description.unwrap_or_default();
    if description.chars().count() > 1024 {
        return Err(invalid(
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1024",
        ));
    }
    let key = match kind {
        Kind::SecureString => Some(input.key_id.unwrap_or_else(|| DEFAULT_KEY.to_owned())),
        _ if input.key_id.is_some() => {
            return Err(invalid("KeyId is only supported for parameters of type SecureString."));
        }
        _ => None,
    };
    let mut tags = old.as_ref().map(|it| it.tags.clone()).unwrap_or_default();
    add_tags(&mut tags, input.tags)?;
    let value = match &key {
        Some(key) => kms::encrypt(cx, key, &input.value).map_err(|it| invalid_key(&it))?,
        None => input.value,
    };
    let version = old.map_or(1, |it| it.version + 1);
    let modified = cx.now;
    let parameter = Parameter { kind, value, version, modified, description, key, tier, tags };
    cx.region.ssm.parameters.insert(name, parameter);
    Ok(json!({ "Version": version, "Tier": tier }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetParameter {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

fn get_parameter(cx: &mut Context<'_>, input: GetParameter) -> Answer {
    let (name, parameter) = find(cx, &input.name).ok_or_else(|| not_found(&input.name))?;
    Ok(json!({ "Parameter": valued(cx, name, parameter, input.with_decryption)? }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetParameters {
    names: Vec<String>,
    #[serde(default)]
    with_decryption: bool,
}

fn get_parameters(cx: &mut Context<'_>, input: GetParameters) -> Answer {
    check_names(&input.names)?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for asked in &input.names {
        match find(cx, asked) {
            Some((name, it)) => found.push(valued(cx, name, it, input.with_decryption)?),
            None => missing.push(asked),
        }
    }
    Ok(json!({ "Parameters": found, "InvalidParameters": missing }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetParametersByPath {
    path: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn get_parameters_by_path(cx: &mut Context<'_>, input: GetParametersByPath) -> Answer {
    let names = cx.region.ssm.parameters.iter();
    let names = names.filter(|(name, _)| is_below(name, &input.path, input.recursive));
    let size = checked_size(input.max_results, 10, 10)?;
    let (found, next) = page(names, input.next_token.as_deref(), size).ok_or_else(bad_token)?;
    let found = found.into_iter().map(|(name, it)| valued(cx, name, it, input.with_decryption));
    let found: Vec<Value> = found.collect::<Result<_, _>>()?;
    Ok(json!({ "Parameters": found, "NextToken": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeParameters {
    #[serde(default)]
    parameter_filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    key: String,
    option: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

fn describe_parameters(cx: &mut Context<'_>, input: DescribeParameters) -> Answer {
    for filter in &input.parameter_filters {
        check_filter(filter)?;
    }
    let size = checked_size(input.max_results, 50, 50)?;
    let all = cx.region.ssm.parameters.iter();
    let (found, next) = page(all, input.next_token.as_deref(), size).ok_or_else(bad_token)?;
    // As the service does it: a page is cut first and filtered then, so it may be empty and not the last.
    let found = found
        .into_iter()
        .filter(|(name, it)| input.parameter_filters.iter().all(|filter| passes(filter, name, it)))
        .map(|(name, it)| {
            json!({
                "Name": name,
                "ARN": arn(cx, name),
                "Type": it.kind,
                "KeyId": it.key,
                "LastModifiedDate": it.modified.seconds(),
                "LastModifiedUser": iam::caller(cx),
                "Description": (!it.description.is_empty()).then_some(&it.description),
                "Version": it.version,
                "Tier": it.tier,
                "Policies": [],
                "DataType": "text",
            })
        });
    Ok(json!({ "Parameters": found.collect::<Vec<_>>(), "NextToken": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteParameter {
    name: String,
}

fn delete_parameter(cx: &mut Context<'_>, input: DeleteParameter) -> Answer {
    match cx.region.ssm.parameters.remove(&input.name) {
        Some(_) => Ok(json!({})),
        None => Err(not_found(&input.name)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteParameters {
    names: Vec<String>,
}

fn delete_parameters(cx: &mut Context<'_>, input: DeleteParameters) -> Answer {
    check_names(&input.names)?;
    let parameters = &mut cx.region.ssm.parameters;
    let (deleted, missing): (Vec<_>, Vec<_>) =
        input.names.into_iter().partition(|it| parameters.remove(it).is_some());
    Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": missing }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AddTags {
    resource_type: String,
    resource_id: String,
    tags: Vec<Tag>,
}

fn add_tags_to_resource(cx: &mut Context<'_>, input: AddTags) -> Answer {
    add_tags(&mut resource(cx, &input.resource_type, &input.resource_id)?.tags, input.tags)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OfResource {
    resource_type: String,
    resource_id: String,
}

fn list_tags_for_resource(cx: &mut Context<'_>, input: OfResource) -> Answer {
    let tags = resource(cx, &input.resource_type, &input.resource_id)?.tags.iter();
    let tags: Vec<_> = tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "TagList": tags }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RemoveTags {
    resource_type: String,
    resource_id: String,
    tag_keys: Vec<String>,
}

fn remove_tags_from_resource(cx: &mut Context<'_>, input: RemoveTags) -> Answer {
    let parameter = resource(cx, &input.resource_type, &input.resource_id)?;
    parameter.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

/// A parameter by name or ARN.
fn find<'a>(cx: &'a Context<'_>, asked: &str) -> Option<(&'a String, &'a Parameter)> {
    let parameters = &cx.region.ssm.parameters;
    match asked.strip_prefix(&cx.arn("ssm", "parameter")) {
        // In an ARN the slash is there whether the name begins with one or not.
        Some(name) => {
            let bare = name.trim_start_matches('/');
            parameters.get_key_value(name).or_else(|| parameters.get_key_value(bare))
        }
        None => parameters.get_key_value(asked),
    }
}

fn resource<'a>(
    cx: &'a mut Context<'_>,
    kind: &str,
    name: &str,
) -> Result<&'a mut Parameter, Refusal> {
    if kind != "Parameter" {
        return Err(Refusal::not_modelled(format_args!("tags of {kind} in Systems Manager")));
    }
    cx.region.ssm.parameters.get_mut(name).ok_or_else(|| {
        let words = format!(
            "The resource ID \"{name}\" is not valid. Verify that you entered the correct ID and try again."
        );
        Refusal::new("InvalidResourceId", words)
    })
}

/// A parameter with its value, decrypted if that is wanted.
fn valued(cx: &Context<'_>, name: &str, it: &Parameter, decrypted: bool) -> Answer {
    let value = match it.kind {
        Kind::SecureString if decrypted => {
            kms::decrypt(cx, &it.value).map_err(|it| invalid_key(&it))?
        }
        Kind::SecureString => BASE64_STANDARD.encode(&it.value),
        Kind::String | Kind::StringList => it.value.clone(),
    };
    Ok(json!({
        "Name": name,
        "Type": it.kind,
        "Value": value,
        "Version": it.version,
        "LastModifiedDate": it.modified.seconds(),
        "ARN": arn(cx, name),
        "DataType": "text",
    }))
}

fn arn(cx: &Context<'_>, name: &str) -> String {
    cx.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')))
}

fn invalid(words: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", words)
}

/// What KMS said, as Systems Manager passes it on.
fn invalid_key(why: &Refusal) -> Refusal {
    let words =
        format!("{} (Service: AWSKMS; Status Code: 400; Error Code: {})", why.message, why.code);
    Refusal::new("InvalidKeyId", words)
}

fn not_found(name: &str) -> Refusal {
    Refusal::new("ParameterNotFound", format!("Parameter {name} not found."))
}

fn bad_token() -> Refusal {
    Refusal::new("InvalidNextToken", "The specified token is not valid.")
}
