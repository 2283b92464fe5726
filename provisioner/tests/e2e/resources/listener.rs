//! A listener from nothing to nothing.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, ProtocolEnum, RedirectActionConfig,
    RedirectActionStatusCodeEnum, Tag, TargetGroupTuple,
};
use provisioner::{
    engine::{Existing, Found, Resource},
    resources::{Listener, ListenerAction, LoadBalancer},
};

use super::{
    certificate,
    life::{absent, differing, gone, ours},
    load_balancer, target_group,
};
use crate::support::{Rehearsal, apply, tags};

const MODERN: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

pub fn listener(
    name: &str,
    balancer: &Existing<LoadBalancer>,
    default_action: ListenerAction,
) -> Listener {
    Listener {
        load_balancer_arn: balancer.outputs.arn.as_str().into(),
        port: 80,
        protocol: "HTTP".to_owned(),
        certificate_arn: None.into(),
        ssl_policy: None,
        default_action,
        tags: tags(name),
    }
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let balancer = load_balancer::applied("gsm-lb", &cloud).await;
    let (one, two) =
        (target_group::applied("one", &cloud).await, target_group::applied("two", &cloud).await);
    let forward = |arn: &str| ListenerAction::Forward { target_group_arn: arn.into() };
    let mut wanted = listener("http", &balancer, forward(&one.outputs.arn));
    absent(&wanted, &cloud).await;
    let first = apply(&wanted, &cloud).await;
    for action in [
        forward(&two.outputs.arn),
        ListenerAction::NotFound,
        ListenerAction::RedirectToHttps,
        forward(&one.outputs.arn),
    ] {
        wanted.default_action = action;
        apply(&wanted, &cloud).await;
    }
    wanted.port = 8080;
    apply(&wanted, &cloud).await;
    wanted.tags = wanted.tags.with("team", "a");
    apply(&wanted, &cloud).await;

    let (elb, arn) = (&cloud.elb, &first.outputs.arn);
    let elsewhere = RedirectActionConfig::builder()
        .host("example.org")
        .status_code(RedirectActionStatusCodeEnum::Http302);
    let elsewhere = Action::builder()
        .r#type(ActionTypeEnum::Redirect)
        .redirect_config(elsewhere.build())
        .build();
    elb.modify_listener()
        .listener_arn(arn)
        .port(81)
        .default_actions(elsewhere)
        .send()
        .await
        .unwrap();
    elb.add_tags()
        .resource_arns(arn)
        .tags(Tag::builder().key("team").value("b").build())
        .send()
        .await
        .unwrap();
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["default_action", "port", "tags"]);
    let words = "redirect to #{protocol}://example.org:#{port}/#{path}?#{query} HTTP_302";
    assert_eq!(found.inputs.default_action, ListenerAction::Other(words.to_owned()));
    assert_eq!(apply(&wanted, &cloud).await.outputs, first.outputs, "all that happened in place");

    // Two target groups are a difference, and one is none, however it is said.
    let group = |it: &str| TargetGroupTuple::builder().target_group_arn(it).weight(1).build();
    let to = ForwardActionConfig::builder().target_groups(group(&one.outputs.arn));
    for (config, differs) in
        [(to.clone(), false), (to.target_groups(group(&two.outputs.arn)), true)]
    {
        let action = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .forward_config(config.build())
            .build();
        elb.modify_listener().listener_arn(arn).default_actions(action).send().await.unwrap();
        let found = ours(&wanted, Some(&first), &cloud).await;
        assert_eq!(differing(&wanted, &found).is_empty(), !differs);
    }

    let moved = Listener { load_balancer_arn: "arn:other".into(), ..wanted.clone() };
    let found = ours(&moved, Some(&first), &cloud).await;
    assert_eq!(differing(&moved, &found), ["default_action", "load_balancer_arn"]);
    assert_eq!(Listener::REPLACED_BY, ["load_balancer_arn"]);

    gone::<Listener>(&first.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<Listener>(&first.outputs, &cloud).await;
    // Also when the load balancer took it along.
    gone::<LoadBalancer>(&balancer.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<Listener>(&first.outputs, &cloud).await;
}

#[tokio::test]
async fn it_shows_a_certificate() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let balancer = load_balancer::applied("gsm-lb", &cloud).await;
    let (one, two) = (
        certificate::issued("bot.example.com", "certificate", &cloud).await,
        certificate::issued("other.example.com", "other", &cloud).await,
    );
    let http = listener("https", &balancer, ListenerAction::NotFound);
    let https = |arn: &str| Listener {
        port: 443,
        protocol: "HTTPS".to_owned(),
        certificate_arn: Some(arn.to_owned()).into(),
        ssl_policy: Some(MODERN.to_owned()),
        ..http.clone()
    };
    apply(&https(&one), &cloud).await;
    apply(&https(&two), &cloud).await;
    let strict = Listener {
        ssl_policy: Some("ELBSecurityPolicy-TLS13-1-3-2021-06".to_owned()),
        ..https(&two)
    };
    let first = apply(&strict, &cloud).await;
    let request = cloud.elb.modify_listener().listener_arn(&first.outputs.arn);
    request
        .ssl_policy("ELBSecurityPolicy-2016-08")
        .default_actions(not_found())
        .send()
        .await
        .unwrap();
    let found = ours(&strict, Some(&first), &cloud).await;
    assert_eq!(differing(&strict, &found), ["default_action", "ssl_policy"]);
    apply(&strict, &cloud).await;
    apply(&http, &cloud).await;
    apply(&https(&one), &cloud).await;
}

fn not_found() -> Action {
    use aws_sdk_elasticloadbalancingv2::types::FixedResponseActionConfig;
    let config = FixedResponseActionConfig::builder().status_code("404").build();
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config).build()
}

#[tokio::test]
async fn within_our_load_balancer_one_without_tags_is_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let balancer = load_balancer::applied("gsm-lb", &cloud).await;
    let request = cloud.elb.create_listener().load_balancer_arn(&balancer.outputs.arn);
    request
        .port(80)
        .protocol(ProtocolEnum::Http)
        .default_actions(not_found())
        .send()
        .await
        .unwrap();
    let wanted = listener("http", &balancer, ListenerAction::NotFound);
    let found = ours(&wanted, None, &cloud).await;
    assert_eq!(differing(&wanted, &found), ["default_action", "tags"]);
    apply(&wanted, &cloud).await;

    // Another resource of ours is not taken for this one, and neither is another stack's.
    let other = Listener { tags: tags("other"), ..wanted.clone() };
    absent(&other, &cloud).await;
    let theirs = rehearsal.cloud_of("other").await;
    assert!(matches!(wanted.read(None, &theirs).await.unwrap(), Found::Theirs(..)));
}
