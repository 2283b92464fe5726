//! Resource Groups Tagging: everything with tags, across the services of a region.
//!
//! Source: the Resource Groups Tagging API reference.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    call::Call,
    page::page,
    refusal::{Answer, Refusal},
    services::{acm, ec2, ecs, elb, iam, kms, logs, ssm},
    world::Context,
};

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    match call.action.as_str() {
        "GetResources" => get_resources(cx, call.input()?),
        _ => Err(call.not_modelled()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetResources {
    #[serde(default)]
    tag_filters: Vec<TagFilter>,
    #[serde(default)]
    resource_type_filters: Vec<String>,
    #[serde(rename = "ResourceARNList", default)]
    resource_arn_list: Vec<String>,
    pagination_token: Option<String>,
    resources_per_page: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TagFilter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

fn get_resources(cx: &mut Context<'_>, input: GetResources) -> Answer {
    let wrong = |message: &str| Refusal::new("InvalidParameterException", message);
    let size = input.resources_per_page.unwrap_or(50);
    if !(1..=100).contains(&size) {
        return Err(wrong("ResourcesPerPage must be between 1 and 100"));
    }
    let filtered = !input.tag_filters.is_empty() || !input.resource_type_filters.is_empty();
    if filtered && !input.resource_arn_list.is_empty() {
        return Err(wrong("ResourceARNList cannot be combined with other filters"));
    }
    let mut found = tagged(cx);
    found.retain(|(arn, tags)| {
        let has = |it: &TagFilter| {
            let value = tags.get(&it.key);
            value.is_some_and(|value| it.values.is_empty() || it.values.contains(value))
        };
        let types = &input.resource_type_filters;
        let arns = &input.resource_arn_list;
        !tags.is_empty()
            && input.tag_filters.iter().all(has)
            && (types.is_empty() || types.iter().any(|it| is_of_type(arn, it)))
            && (arns.is_empty() || arns.contains(arn))
    });
    found.sort();
    let token = input.pagination_token.filter(|it| !it.is_empty());
    let (page, next) = page(found, token.as_deref(), size)
        .ok_or_else(|| wrong("The pagination token is not valid"))?;
    let listed: Vec<Value> = page
        .into_iter()
        .map(|(arn, tags)| {
            let tags = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
            json!({ "ResourceARN": arn, "Tags": tags.collect::<Vec<_>>() })
        })
        .collect();
    // The last page has an empty token, not none.
    Ok(json!({ "ResourceTagMappingList": listed, "PaginationToken": next.unwrap_or_default() }))
}

/// Everything of the region with tags. IAM's belongs to no region, and is not told.
fn tagged(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    [
        acm::tagged(cx),
        ec2::tagged(cx),
        ecs::tagged(cx),
        elb::tagged(cx),
        kms::tagged(cx),
        logs::tagged(cx),
        ssm::tagged(cx),
    ]
    .concat()
}

/// Everything that has tags, IAM's as well.
pub(crate) fn everything(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    [tagged(cx), iam::tagged(cx)].concat()
}

/// Whether an ARN is of a type such as `ec2`, `ec2:instance` or `elasticloadbalancing:loadbalancer/app`.
fn is_of_type(arn: &str, filter: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let (service, resource) = (parts.nth(2).unwrap_or_default(), parts.nth(2).unwrap_or_default());
    match filter.split_once(':') {
        None => filter == service,
        Some((of, kind)) => {
            let rest = resource.strip_prefix(kind);
            of == service && rest.is_some_and(|it| it.is_empty() || it.starts_with(['/', ':']))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_arns() {
        let instance = "arn:aws:ec2:eu-central-1:1:instance/i-1";
        assert!(is_of_type(instance, "ec2") && is_of_type(instance, "ec2:instance"));
        assert!(!is_of_type(instance, "ec2:inst") && !is_of_type(instance, "ecs:instance"));
        let balancer = "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/gsm/0a";
        assert!(is_of_type(balancer, "elasticloadbalancing:loadbalancer/app"));
        let group = "arn:aws:logs:eu-central-1:1:log-group:/gsm";
        assert!(is_of_type(group, "logs:log-group"));
    }
}
