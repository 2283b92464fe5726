//! Listener rule: which requests of a listener go to which service.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, Listener, PathPatternConditionConfig, Rule, RuleCondition,
    RulePriorityPair,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{
    cloud::{Arn, Cloud, Tags, elb, there},
    engine::{Class, Error, Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

const HOST: &str = "host-header";
const PATH: &str = "path-pattern";

/// The highest priority there is, by
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html>.
const LAST: i32 = 50_000;

/// Held by whoever changes priorities: rules that change places would otherwise push each other around.
static TURN: Mutex<()> = Mutex::const_new(());

/// A rule of a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerRule {
    /// ARN of the load balancer that has the listener. It says nothing about the rule: a listener that does not exist
    /// yet cannot be asked where the rule was before.
    #[serde(skip, default = "nowhere")]
    pub load_balancer_arn: Output<String>,
    /// ARN of the listener it belongs to.
    pub listener_arn: Output<String>,
    /// Its place among the listener's rules, 1 to 50,000: the first that fits a request decides.
    pub priority: i32,
    /// Requests for this host: a name in which `*` and `?` stand for any characters.
    pub host: Option<String>,
    /// Requests for this path: a pattern such as `/api/*`. With a host as well, both must fit.
    pub path: Option<String>,
    /// Conditions of other kinds, and changes to requests, in words. We make none; what is found is somebody else's.
    pub extras: Vec<String>,
    /// ARN of the target group that requests go to; where a rule does something else, that in words.
    pub target_group_arn: Output<String>,
    /// Its tags.
    pub tags: Tags,
}

/// What others need of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerRuleOutputs {
    /// Its ARN.
    pub arn: String,
}

impl Resource for ListenerRule {
    type Outputs = ListenerRuleOutputs;
    const KIND: Kind = Kind::ListenerRule;
    const REPLACED_BY: &'static [&'static str] = &["listener_arn"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        if let Some(it) = recorded {
            let found = cloud.elb.describe_rules().rule_arns(&it.outputs.arn).send().await;
            if let Some(live) = there(found)?.and_then(|it| it.rules.unwrap_or_default().pop()) {
                let tags = elb::found(&it.outputs.arn, cloud).await?;
                return self.found(&live, &tags, recorded, cloud);
            }
        }
        let listener = self.listener_arn.get().ok();
        let mut found = None;
        if let Some(listener) = &listener {
            found = self.search(listener, cloud).await?;
        }
        if found.is_none() {
            found = self.search_beside(listener.as_deref(), cloud).await?;
        }
        match found {
            Some((live, tags)) => self.found(&live, &tags, recorded, cloud),
            None => Ok(Found::Nothing),
        }
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let listener = self.listener_arn.get()?;
        let request = cloud.elb.create_rule().listener_arn(&listener).priority(self.priority);
        let request = request.set_conditions(Some(self.conditions()));
        let request = request.actions(elb::forward(self.target_group_arn.get()?));
        let request = request.set_tags(Some(elb::tags(&self.tags)));
        let mut answer = request.clone().send().await.map_err(Error::from);
        if answer.as_ref().is_err_and(|it| it.class() == Class::Exists) {
            let _turn = TURN.lock().await;
            // A refused call had no effect: there is still only one that creates something.
            if self.make_way(&rules(&listener, cloud).await?, cloud).await? {
                answer = request.send().await.map_err(Error::from);
            }
        }
        let answer = answer?;
        let live = answer.rules().first().ok_or_else(|| Error::missing("rule"))?;
        Ok(Existing { inputs: self.clone(), outputs: outputs(live)? })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<ListenerRuleOutputs> {
        let (arn, old) = (&existing.outputs.arn, &existing.inputs);
        if self.priority != old.priority {
            self.sync_priority(arn, cloud).await?;
        }
        if self.conditions() != old.conditions()
            || self.extras != old.extras
            || self.target_group_arn != old.target_group_arn
        {
            let request =
                cloud.elb.modify_rule().rule_arn(arn).set_conditions(Some(self.conditions()));
            let request = request.actions(elb::forward(self.target_group_arn.get()?));
            request
                .set_reset_transforms((self.extras != old.extras).then_some(true))
                .send()
                .await?;
        }
        if self.tags != old.tags {
            elb::sync_tags(arn, &self.tags, &old.tags, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &ListenerRuleOutputs, cloud: &Cloud) -> Result<Progress> {
        cloud.elb.delete_rule().rule_arn(&outputs.arn).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<ListenerRuleOutputs>> {
        let Some(_) = arn.id_of("elasticloadbalancing", "listener-rule") else { return Ok(None) };
        let found = there(cloud.elb.describe_rules().rule_arns(arn.whole).send().await)?;
        let found = found.filter(|it| !it.rules().is_empty());
        Ok(found.map(|_| ListenerRuleOutputs { arn: arn.whole.to_owned() }))
    }
}

impl ListenerRule {
    /// Ours within its listener: by its tags, or at its place.
    async fn search(&self, listener: &str, cloud: &Cloud) -> Result<Option<(Rule, Tags)>> {
        let mut rules = rules(listener, cloud).await?;
        let tags = tags_of_each(&rules, cloud).await?;
        let tags_of =
            |it: &Rule| it.rule_arn().and_then(|it| tags.get(it)).cloned().unwrap_or_default();
        let marked = elb::marked(&self.tags, &tags, cloud);
        let is_marked = |it: &Rule| marked.is_some() && it.rule_arn() == marked;
        // Another rule of ours may have this place until it gets its own.
        let is_at_our_place = |it: &Rule| {
            priority(it) == Some(self.priority) && !elb::is_another(&tags_of(it), &self.tags, cloud)
        };
        let ours =
            rules.iter().position(is_marked).or_else(|| rules.iter().position(is_at_our_place));
        Ok(ours.map(|it| rules.swap_remove(it)).map(|it| (it.clone(), tags_of(&it))))
    }

    /// Ours within another listener of the load balancer, where it was before it was declared for this one.
    async fn search_beside(
        &self,
        listener: Option<&str>,
        cloud: &Cloud,
    ) -> Result<Option<(Rule, Tags)>> {
        let balancer = self.load_balancer_arn.get()?;
        let request = cloud.elb.describe_listeners().load_balancer_arn(balancer);
        let listeners = request.into_paginator().items().send().try_collect().await;
        let listeners: Vec<Listener> = there(listeners)?.unwrap_or_default();
        let arns =
            listeners.iter().filter_map(Listener::listener_arn).filter(|it| Some(*it) != listener);
        for arn in arns {
            let mut rules = rules(arn, cloud).await?;
            let mut tags = tags_of_each(&rules, cloud).await?;
            let Some(marked) = elb::marked(&self.tags, &tags, cloud).map(str::to_owned) else {
                continue;
            };
            let Some(at) = rules.iter().position(|it| it.rule_arn() == Some(&marked)) else {
                continue;
            };
            return Ok(Some((rules.swap_remove(at), tags.remove(&marked).unwrap_or_default())));
        }
        Ok(None)
    }

    /// Within a listener of ours even a rule without tags is ours.
    fn found(
        &self,
        live: &Rule,
        tags: &Tags,
        recorded: Option<&Existing<Self>>,
        cloud: &Cloud,
    ) -> Result<Found<Self>> {
        let outputs = outputs(live)?;
        let Conditions { host, path, extras } = Conditions::as_found(live);
        let is_ours =
            |it: &String| self.host.as_ref().is_some_and(|ours| ours.eq_ignore_ascii_case(it));
        let to = elb::forwards_to(live.actions()).map(str::to_owned);
        let existing = Existing {
            inputs: Self {
                load_balancer_arn: self.load_balancer_arn.clone(),
                listener_arn: listener_of(&outputs.arn).into(),
                priority: priority(live).unwrap_or_default(),
                // Upper and lower case are the same in a host name.
                host: if host.as_ref().is_some_and(is_ours) { self.host.clone() } else { host },
                path,
                extras,
                target_group_arn: to.unwrap_or_else(|| elb::in_words(live.actions())).into(),
                tags: tags.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs,
        };
        Ok(if tags.stack().is_none() { Found::Ours(existing) } else { tags.sort(existing, cloud) })
    }

    fn conditions(&self) -> Vec<RuleCondition> {
        let host = self.host.as_ref().map(|it| {
            let config = HostHeaderConditionConfig::builder().values(it).build();
            RuleCondition::builder().field(HOST).host_header_config(config).build()
        });
        let path = self.path.as_ref().map(|it| {
            let config = PathPatternConditionConfig::builder().values(it).build();
            RuleCondition::builder().field(PATH).path_pattern_config(config).build()
        });
        host.into_iter().chain(path).collect()
    }

    async fn sync_priority(&self, arn: &str, cloud: &Cloud) -> Result<()> {
        let _turn = TURN.lock().await;
        // Others may have moved since we were planned.
        let rules = rules(&listener_of(arn), cloud).await?;
        let own = rules.iter().find(|it| it.rule_arn() == Some(arn));
        if own.and_then(priority) != Some(self.priority) {
            self.make_way(&rules, cloud).await?;
            set_priority(arn, self.priority, cloud).await?;
        }
        Ok(())
    }

    /// Sends the rule at our place to the end if it is another of this stack: it goes to its own place, or is deleted,
    /// in its turn. One that somebody else put there stays, and AWS refuses ours.
    async fn make_way(&self, rules: &[Rule], cloud: &Cloud) -> Result<bool> {
        let at_our_place = rules.iter().find(|it| priority(it) == Some(self.priority));
        let Some(arn) = at_our_place.and_then(Rule::rule_arn) else { return Ok(false) };
        let taken: BTreeSet<i32> = rules.iter().filter_map(priority).collect();
        let Some(free) = (1..=LAST).rev().find(|it| !taken.contains(it)) else { return Ok(false) };
        let is_ours = elb::is_another(&elb::found(arn, cloud).await?, &self.tags, cloud);
        if is_ours {
            set_priority(arn, free, cloud).await?;
        }
        Ok(is_ours)
    }
}

/// What a rule asks of a request.
#[derive(Debug, Default, PartialEq)]
struct Conditions {
    host: Option<String>,
    path: Option<String>,
    extras: Vec<String>,
}

impl Conditions {
    fn as_found(rule: &Rule) -> Self {
        let mut found = Self::default();
        for condition in rule.conditions() {
            let host = condition.host_header_config();
            let path = condition.path_pattern_config();
            let values =
                [host.map(|it| it.values()), path.map(|it| it.values()), Some(condition.values())];
            let values = values.into_iter().flatten().find(|it| !it.is_empty()).unwrap_or_default();
            // Several values are none of ours: they read as what no name or path can be.
            let values = Some(values.join(", ")).filter(|it| !it.is_empty());
            match (condition.field(), values) {
                (Some(HOST), Some(values)) if found.host.is_none() => found.host = Some(values),
                (Some(PATH), Some(values)) if found.path.is_none() => found.path = Some(values),
                (field, _) => found
                    .extras
                    .push(format!("condition {}", field.unwrap_or("of an unknown kind"))),
            }
        }
        for transform in rule.transforms() {
            let kind = transform.r#type().map_or("of an unknown kind", |it| it.as_str());
            found.extras.push(format!("transform {kind}"));
        }
        found
    }
}

/// Every rule of a listener but the default one, which has no priority and belongs to the listener itself.
async fn rules(listener: &str, cloud: &Cloud) -> Result<Vec<Rule>> {
    let request = cloud.elb.describe_rules().listener_arn(listener);
    let found = request.into_paginator().items().send().try_collect().await;
    let mut rules: Vec<Rule> = there(found)?.unwrap_or_default();
    rules.retain(|it| it.is_default() != Some(true));
    Ok(rules)
}

async fn tags_of_each(rules: &[Rule], cloud: &Cloud) -> Result<BTreeMap<String, Tags>> {
    let arns: Vec<String> = rules.iter().filter_map(|it| it.rule_arn.clone()).collect();
    elb::found_on_each(&arns, cloud).await
}

async fn set_priority(arn: &str, priority: i32, cloud: &Cloud) -> Result<()> {
    let pair = RulePriorityPair::builder().rule_arn(arn).priority(priority).build();
    cloud.elb.set_rule_priorities().rule_priorities(pair).send().await?;
    Ok(())
}

fn priority(rule: &Rule) -> Option<i32> {
    rule.priority()?.parse().ok()
}

/// The listener's ARN, which a rule's contains: `…:listener/app/NAME/ID/ID` and `…:listener-rule/app/NAME/ID/ID/ID`.
fn listener_of(arn: &str) -> String {
    let listener = arn.rsplit_once('/').map_or(arn, |(listener, _)| listener);
    listener.replacen(":listener-rule/", ":listener/", 1)
}

fn nowhere() -> Output<String> {
    "".into()
}

fn outputs(live: &Rule) -> Result<ListenerRuleOutputs> {
    Ok(ListenerRuleOutputs {
        arn: live.rule_arn().ok_or_else(|| Error::missing("rule's ARN"))?.to_owned(),
    })
}

impl Output<ListenerRuleOutputs> {
    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_in_either_of_the_forms_aws_gives_them_in() {
        let host = RuleCondition::builder().field(HOST).values("a.example.com").build();
        let paths = PathPatternConditionConfig::builder().values("/a").values("/b").build();
        let path = RuleCondition::builder().field(PATH).path_pattern_config(paths).build();
        let source = RuleCondition::builder().field("source-ip").build();
        let rule = Rule::builder().conditions(host).conditions(path).conditions(source).build();
        let expected = Conditions {
            host: Some("a.example.com".to_owned()),
            path: Some("/a, /b".to_owned()),
            extras: vec!["condition source-ip".to_owned()],
        };
        assert_eq!(Conditions::as_found(&rule), expected);
    }

    #[test]
    fn a_rule_names_its_listener() {
        let at = |it: &str| format!("arn:aws:elasticloadbalancing:eu-central-1:1:{it}");
        let rule = at("listener-rule/app/gsm/0a/1b/2c");
        assert_eq!(listener_of(&rule), at("listener/app/gsm/0a/1b"));
    }
}
