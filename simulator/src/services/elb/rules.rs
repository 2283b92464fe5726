//! Rules: which requests of a listener are treated in another way than by default.

use std::collections::BTreeSet;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    actions::{self, Action},
    invalid, listeners, note_uses, paged,
    tags::{self, Tag},
    within,
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    visibility::Made,
    world::Context,
};

/// A rule. The one without a priority is the listener's default.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) made: Time,
    pub(super) listener: String,
    pub(super) priority: Option<u32>,
    pub(super) conditions: Vec<Condition>,
    pub(super) actions: Vec<Action>,
}

impl Made for Rule {
    fn made(&self) -> Time {
        self.made
    }
}

/// What is asked of a request.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Condition {
    field: String,
    #[serde(default)]
    values: Vec<String>,
    host_header_config: Option<Values>,
    path_pattern_config: Option<Values>,
    http_header_config: Option<Header>,
    http_request_method_config: Option<Values>,
    source_ip_config: Option<Values>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Values {
    values: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Header {
    http_header_name: String,
    values: Vec<String>,
}

/// Most values in the conditions of one rule, and most wildcards in them.
const VALUES: usize = 5;
const WILDCARDS: usize = 6;

/// Most rules on one load balancer, without the default ones.
const RULES: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    listener_arn: String,
    priority: i64,
    #[serde(default)]
    conditions: Vec<Condition>,
    actions: Vec<Action>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Context<'_>, input: Create) -> Answer {
    let listener = listeners::listener_of(cx, &input.listener_arn)?.clone();
    let priority = checked_priority(input.priority)?;
    let conditions = checked_conditions(input.conditions)?;
    let actions = actions::checked(cx, input.actions, &listener.balancer, &listener.protocol)?;
    let tags = tags::checked(input.tags)?;
    let elb = &cx.region.elb;
    let of_listener = |it: &&Rule| it.listener == input.listener_arn;
    if elb.rules.values().filter(of_listener).any(|it| it.priority == Some(priority)) {
        return Err(in_use(priority));
    }
    let of_balancer = |it: &&Rule| {
        it.priority.is_some()
            && elb.listeners.get(&it.listener).is_some_and(|it| it.balancer == listener.balancer)
    };
    if elb.rules.values().filter(of_balancer).count() >= RULES {
        let message = format!(
            "The maximum number of rules has been reached on load balancer '{}'",
            listener.balancer
        );
        return Err(Refusal::new("TooManyRules", message));
    }
    let arn = new_arn(cx, &input.listener_arn);
    let rule = Rule {
        made: cx.now,
        listener: input.listener_arn,
        priority: Some(priority),
        conditions,
        actions,
    };
    let described = describe_one(&arn, &rule);
    cx.region.elb.rules.insert(arn.clone(), rule);
    cx.region.elb.tags.insert(arn, tags);
    note_uses(cx);
    Ok(json!({ "Rules": [described] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    rule_arn: String,
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    actions: Vec<Action>,
    /// There are no transforms here that could be taken away.
    reset_transforms: Option<bool>,
}

pub(super) fn modify(cx: &mut Context<'_>, input: Modify) -> Answer {
    let arn = input.rule_arn;
    let mut rule = rule(cx, &arn)?.clone();
    if rule.priority.is_none() {
        return Err(not_permitted(format!("Default rule '{arn}' cannot be modified")));
    }
    if input.conditions.is_empty() && input.actions.is_empty() && input.reset_transforms.is_none() {
        return Err(invalid("Either conditions or actions must be specified"));
    }
    let listener = listeners::listener_of(cx, &rule.listener)?;
    if !input.actions.is_empty() {
        rule.actions = actions::checked(cx, input.actions, &listener.balancer, &listener.protocol)?;
    }
    if !input.conditions.is_empty() {
        rule.conditions = checked_conditions(input.conditions)?;
    }
    let described = describe_one(&arn, &rule);
    cx.region.elb.rules.insert(arn, rule);
    note_uses(cx);
    Ok(json!({ "Rules": [described] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfRule {
    rule_arn: String,
}

pub(super) fn delete(cx: &mut Context<'_>, input: OfRule) -> Answer {
    let arn = input.rule_arn;
    if rule(cx, &arn)?.priority.is_none() {
        return Err(not_permitted(format!("Default rule '{arn}' cannot be deleted")));
    }
    cx.region.elb.rules.remove(&arn);
    cx.region.elb.tags.remove(&arn);
    note_uses(cx);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    listener_arn: Option<String>,
    #[serde(default)]
    rule_arns: Vec<String>,
    marker: Option<String>,
    page_size: Option<i64>,
}

pub(super) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let arns = input.rule_arns;
    if arns.is_empty() == input.listener_arn.is_none() {
        return Err(invalid("You must specify either listener rule ARNs or a listener ARN"));
    }
    if let Some(arn) = &input.listener_arn {
        listeners::listener_of(cx, arn)?;
    }
    for arn in &arns {
        rule(cx, arn)?;
    }
    let rules = cx.region.elb.rules.iter();
    let mut asked: Vec<_> = rules
        .filter(|(arn, it)| arns.contains(arn) || input.listener_arn.as_ref() == Some(&it.listener))
        .collect();
    // The default rule comes last.
    asked.sort_by_key(|(_, it)| it.priority.unwrap_or(u32::MAX));
    let (page, next) = paged(asked, input.marker.as_deref(), input.page_size)?;
    let described: Vec<_> = page.into_iter().map(|(arn, it)| describe_one(arn, it)).collect();
    Ok(json!({ "Rules": described, "NextMarker": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetPriorities {
    rule_priorities: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Pair {
    rule_arn: String,
    priority: i64,
}

/// Rules may change places: only where all have arrived, no two may have one priority.
pub(super) fn set_priorities(cx: &mut Context<'_>, input: SetPriorities) -> Answer {
    let mut wanted = Vec::new();
    let mut given = BTreeSet::new();
    for Pair { rule_arn: arn, priority } in input.rule_priorities {
        let priority = checked_priority(priority)?;
        if !given.insert(priority) {
            return Err(invalid(format!("Priority '{priority}' was provided multiple times")));
        }
        if rule(cx, &arn)?.priority.is_none() {
            return Err(not_permitted(format!(
                "Priority of default rule '{arn}' cannot be changed"
            )));
        }
        wanted.push((arn, priority));
    }
    let mut rules = cx.region.elb.rules.clone();
    let mut listeners = BTreeSet::new();
    for (arn, priority) in &wanted {
        if let Some(rule) = rules.get_mut(arn) {
            rule.priority = Some(*priority);
            listeners.insert(rule.listener.clone());
        }
    }
    if listeners.len() > 1 {
        return Err(invalid("All rules must belong to the same listener"));
    }
    for (arn, priority) in &wanted {
        let has_it = |(other, it): (&String, &Rule)| {
            other != arn && listeners.contains(&it.listener) && it.priority == Some(*priority)
        };
        if rules.iter().any(has_it) {
            return Err(in_use(*priority));
        }
    }
    cx.region.elb.rules = rules;
    let changed = wanted.iter().filter_map(|(arn, _)| cx.region.elb.rules.get_key_value(arn));
    let described: Vec<_> = changed.map(|(arn, it)| describe_one(arn, it)).collect();
    Ok(json!({ "Rules": described }))
}

/// The ARN of a new rule: its listener's, with an id more.
pub(super) fn new_arn(cx: &mut Context<'_>, listener: &str) -> String {
    let id = cx.chance.hex(16);
    format!("{}/{id}", listener.replacen(":listener/", ":listener-rule/", 1))
}

fn rule<'a>(cx: &'a Context<'_>, arn: &str) -> Result<&'a Rule, Refusal> {
    if !arn.starts_with("arn:") || !arn.contains(":listener-rule/") {
        return Err(invalid(format!("'{arn}' is not a valid listener rule ARN")));
    }
    let found = cx.region.elb.rules.get(arn);
    found.ok_or_else(|| Refusal::new("RuleNotFound", "One or more rules not found"))
}

fn in_use(priority: u32) -> Refusal {
    Refusal::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

fn not_permitted(message: String) -> Refusal {
    Refusal::new("OperationNotPermitted", message)
}

fn checked_priority(priority: i64) -> Result<u32, Refusal> {
    within("priority", priority, 1, 50_000)?;
    Ok(u32::try_from(priority).unwrap_or_default())
}

/// Conditions in the form that AWS gives back: a host or path in both of its places.
fn checked_conditions(conditions: Vec<Condition>) -> Result<Vec<Condition>, Refusal> {
    if conditions.is_empty() {
        return Err(invalid("A condition must be specified"));
    }
    let mut checked: Vec<Condition> = Vec::new();
    for condition in conditions {
        let field = condition.field.clone();
        let once = field != "http-header";
        if once && checked.iter().any(|it| it.field == field) {
            return Err(invalid(format!("A rule can only have one '{field}' condition")));
        }
        checked.push(checked_condition(condition)?);
    }
    let values: Vec<&String> = checked.iter().flat_map(Condition::all_values).collect();
    if values.len() > VALUES {
        return Err(invalid(format!("A rule can only have '{VALUES}' condition values")));
    }
    let is_wildcard = |it: &char| *it == '*' || *it == '?';
    if values.iter().flat_map(|it| it.chars()).filter(is_wildcard).count() > WILDCARDS {
        return Err(invalid(format!("A rule can only have '{WILDCARDS}' condition wildcards")));
    }
    Ok(checked)
}

fn checked_condition(condition: Condition) -> Result<Condition, Refusal> {
    let Condition { field, values, .. } = condition;
    let mut found = Condition { field: field.clone(), ..Condition::default() };
    let either = |config: Option<Values>| match config {
        Some(config) if values.is_empty() => Ok(config.values),
        Some(_) => Err(invalid(format!(
            "You cannot specify both 'Values' and a configuration for a '{field}' condition"
        ))),
        None => Ok(values.clone()),
    };
    match field.as_str() {
        "host-header" => {
            found.values = either(condition.host_header_config)?;
            check_values(&field, &found.values, r"^[A-Za-z0-9.*?-]{1,128}$")?;
            found.host_header_config = Some(Values { values: found.values.clone() });
        }
        "path-pattern" => {
            found.values = either(condition.path_pattern_config)?;
            check_values(&field, &found.values, r#"^[A-Za-z0-9_.$/~"'@:+&*?-]{1,128}$"#)?;
            found.path_pattern_config = Some(Values { values: found.values.clone() });
        }
        "http-header" => found.http_header_config = condition.http_header_config,
        "http-request-method" => {
            found.http_request_method_config = condition.http_request_method_config;
        }
        "source-ip" => found.source_ip_config = condition.source_ip_config,
        "query-string" => return Err(Refusal::not_modelled("conditions on query strings")),
        _ => {
            let known = "[host-header, path-pattern, http-header, http-request-method, query-string, source-ip]";
            return Err(invalid(format!("Condition field '{field}' must be one of '{known}'")));
        }
    }
    if found.all_values().is_empty() {
        return Err(invalid("A condition value must be specified"));
    }
    Ok(found)
}

fn check_values(field: &str, values: &[String], pattern: &str) -> Result<(), Refusal> {
    let legal = Regex::new(pattern).map_err(|error| Refusal::not_modelled(error.to_string()))?;
    match values.iter().find(|it| !legal.is_match(it)) {
        None => Ok(()),
        Some(value) => Err(invalid(format!(
            "The value '{value}' of the '{field}' condition is too long or contains characters that are not valid"
        ))),
    }
}

impl Condition {
    fn all_values(&self) -> Vec<&String> {
        let configs = [&self.http_request_method_config, &self.source_ip_config];
        let header = self.http_header_config.iter().flat_map(|it| &it.values);
        let others = configs.into_iter().flatten().flat_map(|it| &it.values);
        self.values.iter().chain(header).chain(others).collect()
    }
}

fn describe_one(arn: &str, it: &Rule) -> Value {
    let conditions = it.conditions.iter().map(|it| {
        let mut condition = json!(it);
        if it.values.is_empty() {
            condition["Values"] = Value::Null;
        }
        condition
    });
    json!({
        "RuleArn": arn,
        "Priority": it.priority.map_or_else(|| "default".to_owned(), |it| it.to_string()),
        "Conditions": conditions.collect::<Vec<_>>(),
        "Actions": it.actions,
        "IsDefault": it.priority.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(field: &str, values: &[&str]) -> Condition {
        let values = values.iter().map(|it| (*it).to_owned()).collect();
        Condition { field: field.to_owned(), values, ..Condition::default() }
    }

    #[test]
    fn conditions_have_their_limits() {
        let ok = |conditions: Vec<Condition>| checked_conditions(conditions).is_ok();
        let host = |values: &[&str]| condition("host-header", values);
        assert!(ok(vec![host(&["*.example.com"]), condition("path-pattern", &["/api/*"])]));
        assert!(!ok(vec![]));
        assert!(!ok(vec![host(&[])]));
        assert!(!ok(vec![host(&["a"]), host(&["b"])]));
        assert!(!ok(vec![host(&["a", "b", "c", "d", "e", "f"])]));
        assert!(!ok(vec![host(&["*.*.*.*"]), condition("path-pattern", &["/*/*/*/*"])]));
        assert!(!ok(vec![host(&["under_score"])]));
        assert!(!ok(vec![condition("cookie", &["a"])]));
    }

    #[test]
    fn a_host_is_given_back_in_both_places() -> Result<(), Refusal> {
        let config = Some(Values { values: vec!["a.example.com".to_owned()] });
        let given = Condition { host_header_config: config, ..condition("host-header", &[]) };
        let found = checked_condition(given)?;
        assert_eq!(found.values, ["a.example.com"]);
        assert!(found.host_header_config.is_some());
        Ok(())
    }
}
