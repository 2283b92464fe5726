//! A listener rule from nothing to nothing.

use aws_sdk_elasticloadbalancingv2::types::{
    HttpHeaderConditionConfig, RuleCondition, RulePriorityPair,
};
use futures::future::join_all;
use provisioner::{
    cloud::Cloud,
    engine::{Class, Existing, Resource},
    resources::{Listener, ListenerAction, ListenerRule},
};

use super::{
    life::{absent, differing, gone, ours},
    listener, load_balancer, target_group,
};
use crate::support::{Rehearsal, apply, tags};

async fn http(cloud: &Cloud) -> Existing<Listener> {
    let balancer = load_balancer::applied("gsm-lb", cloud).await;
    apply(&listener::listener("http", &balancer, ListenerAction::NotFound), cloud).await
}

fn rule(
    name: &str,
    priority: i32,
    listener: &Existing<Listener>,
    target_group: &str,
) -> ListenerRule {
    ListenerRule {
        load_balancer_arn: listener.inputs.load_balancer_arn.clone(),
        listener_arn: listener.outputs.arn.as_str().into(),
        priority,
        host: None,
        path: Some(format!("/{name}/*")),
        extras: Vec::new(),
        target_group_arn: target_group.into(),
        tags: tags(name),
    }
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let listener = http(&cloud).await;
    let (one, two) =
        (target_group::applied("one", &cloud).await, target_group::applied("two", &cloud).await);
    let mut wanted = rule("api", 10, &listener, &one.outputs.arn);
    absent(&wanted, &cloud).await;
    let first = apply(&wanted, &cloud).await;
    wanted.host = Some("api.example.com".to_owned());
    apply(&wanted, &cloud).await;
    wanted.path = None;
    apply(&wanted, &cloud).await;
    wanted.host = Some("*.example.com".to_owned());
    wanted.path = Some("/v2/*".to_owned());
    apply(&wanted, &cloud).await;
    wanted.target_group_arn = two.outputs.arn.as_str().into();
    apply(&wanted, &cloud).await;
    wanted.priority = 20;
    apply(&wanted, &cloud).await;
    wanted.tags = wanted.tags.with("team", "a");
    apply(&wanted, &cloud).await;

    let (elb, arn) = (&cloud.elb, &first.outputs.arn);
    let header = HttpHeaderConditionConfig::builder().http_header_name("x").values("y").build();
    let header = RuleCondition::builder().field("http-header").http_header_config(header).build();
    let path = RuleCondition::builder().field("path-pattern").values("/v3/*").build();
    elb.modify_rule().rule_arn(arn).conditions(header).conditions(path).send().await.unwrap();
    let pair = RulePriorityPair::builder().rule_arn(arn).priority(30).build();
    elb.set_rule_priorities().rule_priorities(pair).send().await.unwrap();
    elb.remove_tags().resource_arns(arn).tag_keys("provisioner:resource").send().await.unwrap();
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["extras", "host", "path", "priority", "tags"]);
    assert_eq!(found.inputs.extras, ["condition http-header"]);
    wanted.update(&found, &cloud).await.unwrap();
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), [""; 0]);
    assert_eq!(found.outputs, first.outputs, "all that happened in place");

    gone::<ListenerRule>(&first.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<ListenerRule>(&first.outputs, &cloud).await;
}

#[tokio::test]
async fn one_without_tags_at_our_place_is_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let listener = http(&cloud).await;
    let group = target_group::applied("one", &cloud).await;
    let wanted = rule("api", 10, &listener, &group.outputs.arn);
    let first = apply(&wanted, &cloud).await;
    let keys = ["provisioner:resource", "provisioner:stack", "project"].map(str::to_owned).to_vec();
    let request = cloud.elb.remove_tags().resource_arns(&first.outputs.arn);
    request.set_tag_keys(Some(keys)).send().await.unwrap();
    let found = ours(&wanted, None, &cloud).await;
    assert_eq!(differing(&wanted, &found), ["tags"]);
    apply(&wanted, &cloud).await;
}

#[tokio::test]
async fn without_a_record_it_is_found_at_the_listener_where_it_was() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let balancer = load_balancer::applied("gsm-lb", &cloud).await;
    let http =
        apply(&listener::listener("http", &balancer, ListenerAction::NotFound), &cloud).await;
    let mut other = listener::listener("other", &balancer, ListenerAction::NotFound);
    other.port = 81;
    let other = apply(&other, &cloud).await;
    let group = target_group::applied("one", &cloud).await;
    let first = apply(&rule("api", 10, &http, &group.outputs.arn), &cloud).await;
    let moved = rule("api", 10, &other, &group.outputs.arn);
    let found = ours(&moved, None, &cloud).await;
    assert_eq!(differing(&moved, &found), ["listener_arn"]);
    assert_eq!(found.outputs, first.outputs);
    absent(&rule("another", 10, &other, &group.outputs.arn), &cloud).await;
}

#[tokio::test]
async fn rules_change_places_and_make_way_for_new_ones() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let listener = http(&cloud).await;
    let group = target_group::applied("one", &cloud).await;
    let arn = &group.outputs.arn;
    let mut existing = Vec::new();
    for (name, priority) in [("a", 1), ("b", 2), ("c", 3)] {
        existing.push(apply(&rule(name, priority, &listener, arn), &cloud).await);
    }

    // All at once, and from what was there when it was planned, as the engine does.
    let turned =
        [("a", 2), ("b", 3), ("c", 1)].map(|(name, priority)| rule(name, priority, &listener, arn));
    let updates =
        turned.iter().zip(&existing).map(|(wanted, existing)| wanted.update(existing, &cloud));
    for result in join_all(updates).await {
        result.unwrap();
    }
    for (wanted, existing) in turned.iter().zip(&existing) {
        assert_eq!(differing(wanted, &ours(wanted, Some(existing), &cloud).await), [""; 0]);
    }

    // A new rule at the place of one that moves on.
    let new = rule("new", 1, &listener, arn);
    absent(&new, &cloud).await;
    let moved = ListenerRule { priority: 4, ..turned[2].clone() };
    let planned = ours(&moved, None, &cloud).await;
    new.create("token", &cloud).await.unwrap();
    moved.update(&planned, &cloud).await.unwrap();
    for wanted in [&new, &moved, &turned[0], &turned[1]] {
        assert_eq!(differing(wanted, &ours(wanted, None, &cloud).await), [""; 0]);
    }

    // One that somebody else made stays where it is.
    let hand_made = cloud.elb.create_rule().listener_arn(&listener.outputs.arn).priority(9);
    let path = RuleCondition::builder().field("path-pattern").values("/x").build();
    let to = aws_sdk_elasticloadbalancingv2::types::Action::builder().target_group_arn(arn);
    let to = to.r#type(aws_sdk_elasticloadbalancingv2::types::ActionTypeEnum::Forward).build();
    hand_made.conditions(path).actions(to).send().await.unwrap();
    let error = rule("late", 9, &listener, arn).create("token", &cloud).await.err().unwrap();
    assert_eq!(error.class(), Class::Exists, "{error}");
}
