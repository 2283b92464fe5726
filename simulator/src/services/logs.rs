//! CloudWatch Logs: groups, their retention and key, and the events of streams.
//!
//! Sources: the CloudWatch Logs API reference; "Encrypt log data in CloudWatch Logs using AWS KMS" for the key's policy.

mod filter;

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    call::Call, clock::Time, page::page, refusal::Answer, refusal::Refusal, services::kms,
    world::Context,
};

/// Every log group of a region.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Logs {
    groups: BTreeMap<String, Group>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Group {
    created: Time,
    retention: Option<u32>,
    key: Option<String>,
    tags: BTreeMap<String, String>,
    streams: BTreeMap<String, Vec<(Time, String)>>,
}

/// The retentions that can be chosen, in days.
const RETENTIONS: &[u32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    match call.action.as_str() {
        "AssociateKmsKey" => associate_kms_key(cx, call.input()?),
        "CreateLogGroup" => create_log_group(cx, call.input()?),
        "DeleteLogGroup" => delete_log_group(cx, call.input()?),
        "DeleteRetentionPolicy" => set_retention(cx, call.input()?, None),
        "DescribeLogGroups" => describe_log_groups(cx, call.input()?),
        "DescribeLogStreams" => describe_log_streams(cx, call.input()?),
        "DisassociateKmsKey" => disassociate_kms_key(cx, call.input()?),
        "FilterLogEvents" => filter::filter_log_events(cx, call.input()?),
        "GetLogEvents" => get_log_events(cx, call.input()?),
        "ListTagsForResource" => list_tags_for_resource(cx, call.input()?),
        "PutRetentionPolicy" => put_retention_policy(cx, call.input()?),
        "TagResource" => tag_resource(cx, call.input()?),
        "UntagResource" => untag_resource(cx, call.input()?),
        _ => Err(call.not_modelled()),
    }
}

/// What is there.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let groups = cx.region.logs.groups.keys();
    vec![("log_groups", groups.map(|it| json!({ "logGroupName": it })).collect())]
}

/// Everything with tags, by ARN.
pub(crate) fn tagged(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let groups = cx.region.logs.groups.iter();
    groups
        .map(|(name, it)| (cx.arn("logs", &format!("log-group:{name}")), it.tags.clone()))
        .collect()
}

/// A line that a container writes. Without its group there is nobody to write to.
pub(crate) fn write(cx: &mut Context<'_>, group: &str, stream: &str, line: &str) {
    if let Some(group) = cx.region.logs.groups.get_mut(group) {
        let events = group.streams.entry(stream.to_owned()).or_default();
        events.push((cx.now, line.to_owned()));
    }
}

/// Whether a task can write to it.
pub(crate) fn exists(cx: &Context<'_>, group: &str) -> bool {
    cx.region.logs.groups.contains_key(group)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateLogGroup {
    log_group_name: String,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

fn create_log_group(cx: &mut Context<'_>, input: CreateLogGroup) -> Answer {
    let name = input.log_group_name;
    check_name(&name)?;
    if cx.region.logs.groups.contains_key(&name) {
        let message = "The specified log group already exists";
        return Err(Refusal::new("ResourceAlreadyExistsException", message));
    }
    if let Some(key) = &input.kms_key_id {
        check_key(cx, key, &name)?;
    }
    let group = Group {
        created: cx.now,
        retention: None,
        key: input.kms_key_id,
        tags: input.tags,
        streams: BTreeMap::new(),
    };
    cx.region.logs.groups.insert(name, group);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfGroup {
    log_group_name: String,
}

fn delete_log_group(cx: &mut Context<'_>, input: OfGroup) -> Answer {
    match cx.region.logs.groups.remove(&input.log_group_name) {
        Some(_) => Ok(Value::Null),
        None => Err(no_such_group()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutRetentionPolicy {
    log_group_name: String,
    retention_in_days: u32,
}

fn put_retention_policy(cx: &mut Context<'_>, input: PutRetentionPolicy) -> Answer {
    let days = input.retention_in_days;
    if !RETENTIONS.contains(&days) {
        let words = format!("retentionInDays must be one of {RETENTIONS:?}, not {days}");
        return Err(Refusal::new("InvalidParameterException", words));
    }
    set_retention(cx, OfGroup { log_group_name: input.log_group_name }, Some(days))
}

fn set_retention(cx: &mut Context<'_>, input: OfGroup, days: Option<u32>) -> Answer {
    group(cx, &input.log_group_name)?.retention = days;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AssociateKmsKey {
    log_group_name: String,
    kms_key_id: String,
}

fn associate_kms_key(cx: &mut Context<'_>, input: AssociateKmsKey) -> Answer {
    group(cx, &input.log_group_name)?;
    check_key(cx, &input.kms_key_id, &input.log_group_name)?;
    group(cx, &input.log_group_name)?.key = Some(input.kms_key_id);
    Ok(Value::Null)
}

fn disassociate_kms_key(cx: &mut Context<'_>, input: OfGroup) -> Answer {
    group(cx, &input.log_group_name)?.key = None;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeLogGroups {
    log_group_name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

fn describe_log_groups(cx: &mut Context<'_>, input: DescribeLogGroups) -> Answer {
    let prefix = input.log_group_name_prefix.unwrap_or_default();
    let names = cx.region.logs.groups.keys().filter(|it| it.starts_with(&prefix));
    let (names, next) = page(names, input.next_token.as_deref(), input.limit.unwrap_or(50))
        .ok_or_else(|| {
            Refusal::new("InvalidParameterException", "The specified nextToken is invalid.")
        })?;
    let described = names.into_iter().map(|name| {
        let group = &cx.region.logs.groups[name];
        let arn = cx.arn("logs", &format!("log-group:{name}"));
        json!({
            "logGroupName": name,
            "creationTime": group.created,
            "retentionInDays": group.retention,
            "metricFilterCount": 0,
            "arn": format!("{arn}:*"),
            "logGroupArn": arn,
            "storedBytes": 0,
            "kmsKeyId": group.key,
            "logGroupClass": "STANDARD",
        })
    });
    Ok(json!({ "logGroups": described.collect::<Vec<_>>(), "nextToken": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeLogStreams {
    log_group_name: String,
    log_stream_name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

fn describe_log_streams(cx: &mut Context<'_>, input: DescribeLogStreams) -> Answer {
    let prefix = input.log_stream_name_prefix.unwrap_or_default();
    let streams = &group(cx, &input.log_group_name)?.streams;
    let names = streams.keys().filter(|it| it.starts_with(&prefix));
    let (names, next) = page(names, input.next_token.as_deref(), input.limit.unwrap_or(50))
        .ok_or_else(|| {
            Refusal::new("InvalidParameterException", "The specified nextToken is invalid.")
        })?;
    let described: Vec<_> = names.iter().map(|it| json!({ "logStreamName": it })).collect();
    Ok(json!({ "logStreams": described, "nextToken": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GetLogEvents {
    log_group_name: String,
    log_stream_name: String,
    limit: Option<usize>,
    start_from_head: Option<bool>,
}

fn get_log_events(cx: &mut Context<'_>, input: GetLogEvents) -> Answer {
    let streams = &group(cx, &input.log_group_name)?.streams;
    let events = streams.get(&input.log_stream_name).ok_or_else(|| {
        let message = "The specified log stream does not exist.";
        Refusal::new("ResourceNotFoundException", message)
    })?;
    let limit = input.limit.unwrap_or(10_000);
    let skipped = match input.start_from_head {
        Some(true) => 0,
        _ => events.len().saturating_sub(limit),
    };
    let shown = events
        .iter()
        .skip(skipped)
        .take(limit)
        .map(|(at, line)| json!({ "timestamp": at, "message": line, "ingestionTime": at }));
    Ok(
        json!({ "events": shown.collect::<Vec<_>>(), "nextForwardToken": "f/0", "nextBackwardToken": "b/0" }),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfResource {
    resource_arn: String,
}

fn list_tags_for_resource(cx: &mut Context<'_>, input: OfResource) -> Answer {
    let name = name_in(&input.resource_arn)?;
    Ok(json!({ "tags": group(cx, name)?.tags }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TagResource {
    resource_arn: String,
    tags: BTreeMap<String, String>,
}

fn tag_resource(cx: &mut Context<'_>, input: TagResource) -> Answer {
    group(cx, name_in(&input.resource_arn)?)?.tags.extend(input.tags);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

fn untag_resource(cx: &mut Context<'_>, input: UntagResource) -> Answer {
    let group = group(cx, name_in(&input.resource_arn)?)?;
    group.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

fn group<'a>(cx: &'a mut Context<'_>, name: &str) -> Result<&'a mut Group, Refusal> {
    cx.region.logs.groups.get_mut(name).ok_or_else(no_such_group)
}

fn no_such_group() -> Refusal {
    Refusal::new("ResourceNotFoundException", "The specified log group does not exist.")
}

/// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`; tags refuse the form that ends with `:*`.
fn name_in(arn: &str) -> Result<&str, Refusal> {
    let name = arn.split_once(":log-group:").map(|it| it.1).filter(|it| !it.contains(':'));
    name.ok_or_else(|| Refusal::new("InvalidParameterException", format!("Invalid ARN: {arn}")))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let legal = Regex::new(r"^[.\-_/#A-Za-z0-9]{1,512}$").is_ok_and(|it| it.is_match(name));
    if legal && !name.starts_with("aws/") {
        return Ok(());
    }
    let words = format!(
        "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
    );
    Err(Refusal::new("InvalidParameterException", words))
}

/// The service itself must be allowed to use the key for this very group.
fn check_key(cx: &Context<'_>, key: &str, name: &str) -> Result<(), Refusal> {
    let arn = cx.arn("logs", &format!("log-group:{name}"));
    let service = format!("logs.{}.amazonaws.com", cx.region.name);
    if kms::usable_by(cx, key, &service, &[("aws:logs:arn", &arn)]) {
        return Ok(());
    }
    let words = "The specified KMS key does not exist or is not allowed to be used with Arn '"
        .to_owned()
        + &arn
        + "'";
    Err(Refusal::new("InvalidParameterException", words))
}
