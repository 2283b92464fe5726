//! A load balancer from nothing to nothing.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{LoadBalancerAttribute, Tag};
use provisioner::{
    cloud::Cloud,
    engine::{Existing, Found, Lookup, Progress, Resource},
    lookups::Network,
    resources::{LoadBalancer, LoadBalancerAttributes},
};

use super::{
    life::{absent, differing, gone, ours},
    security_group,
};
use crate::support::{Rehearsal, apply, tags};

pub async fn balancer(name: &str, cloud: &Cloud) -> LoadBalancer {
    let network = Network { vpc: None, subnets: Vec::new() }.find(cloud).await.unwrap().unwrap();
    LoadBalancer {
        name: name.to_owned(),
        scheme: "internet-facing".to_owned(),
        vpc_id: network.vpc_id.into(),
        subnets: network.subnet_ids[..2].to_vec().into(),
        security_groups: vec![group(name, cloud).await].into(),
        attributes: LoadBalancerAttributes::default(),
        tags: tags(name),
    }
}

pub async fn applied(name: &str, cloud: &Cloud) -> Existing<LoadBalancer> {
    apply(&balancer(name, cloud).await, cloud).await
}

async fn group(name: &str, cloud: &Cloud) -> String {
    apply(&security_group::group(name, cloud).await, cloud).await.outputs.id
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let network = Network { vpc: None, subnets: Vec::new() }.find(&cloud).await.unwrap().unwrap();
    let mut wanted = balancer("gsm-lb", &cloud).await;
    wanted.attributes.idle_timeout_seconds = 120;
    absent(&wanted, &cloud).await;
    let first = apply(&wanted, &cloud).await;
    assert!(first.outputs.dns_name.ends_with(".eu-central-1.elb.amazonaws.com"));
    assert!(!first.outputs.zone_id.is_empty());

    for attributes in [
        LoadBalancerAttributes { idle_timeout_seconds: 300, ..wanted.attributes.clone() },
        LoadBalancerAttributes {
            drop_invalid_header_fields: true,
            http2: false,
            ..wanted.attributes.clone()
        },
        LoadBalancerAttributes { deletion_protection: true, ..wanted.attributes.clone() },
        LoadBalancerAttributes::default(),
    ] {
        wanted.attributes = attributes;
        apply(&wanted, &cloud).await;
    }
    wanted.tags = wanted.tags.with("team", "a");
    apply(&wanted, &cloud).await;
    let mut subnets = network.subnet_ids.clone();
    subnets.reverse();
    wanted.subnets = subnets.into();
    apply(&wanted, &cloud).await;
    let other = group("gsm-other", &cloud).await;
    let mut groups = wanted.security_groups.get().unwrap();
    groups.push(other.clone());
    wanted.security_groups = groups.clone().into();
    apply(&wanted, &cloud).await;
    groups.reverse();
    wanted.security_groups = groups.into();
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), [""; 0], "an order is no difference");
    assert_eq!(found.outputs, first.outputs, "all that happened in place");

    let (elb, arn) = (&cloud.elb, &first.outputs.arn);
    let two = Some(network.subnet_ids[..2].to_vec());
    elb.set_subnets().load_balancer_arn(arn).set_subnets(two).send().await.unwrap();
    elb.set_security_groups().load_balancer_arn(arn).security_groups(other).send().await.unwrap();
    let attribute =
        LoadBalancerAttribute::builder().key("routing.http2.enabled").value("false").build();
    elb.modify_load_balancer_attributes()
        .load_balancer_arn(arn)
        .attributes(attribute)
        .send()
        .await
        .unwrap();
    let tag = Tag::builder().key("team").value("b").build();
    elb.add_tags().resource_arns(arn).tags(tag).send().await.unwrap();
    let found = ours(&wanted, Some(&first), &cloud).await;
    assert_eq!(differing(&wanted, &found), ["attributes", "security_groups", "subnets", "tags"]);
    apply(&wanted, &cloud).await;

    let mut internal = balancer("gsm-lb", &cloud).await;
    internal.scheme = "internal".to_owned();
    let found = ours(&internal, Some(&first), &cloud).await;
    let fields = differing(&internal, &found);
    assert!(
        fields.iter().any(|it| it == "scheme") && LoadBalancer::REPLACED_BY.contains(&"scheme")
    );

    gone::<LoadBalancer>(&first.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<LoadBalancer>(&first.outputs, &cloud).await;
    // A record of what is gone is no obstacle.
    assert!(matches!(wanted.read(Some(&first), &cloud).await.unwrap(), Found::Nothing));
}

#[tokio::test]
async fn it_is_ready_when_aws_has_set_it_up() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let existing = applied("gsm-lb", &cloud).await;
    // The stand-in takes a fifth of a second, which a slow machine may have spent already.
    while let Progress::Waiting(why) = LoadBalancer::ready(&existing.outputs, &cloud).await.unwrap()
    {
        assert_eq!(why, "provisioning");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_protected_one_says_what_to_do() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let mut wanted = balancer("gsm-lb", &cloud).await;
    wanted.attributes.deletion_protection = true;
    let existing = apply(&wanted, &cloud).await;
    let error = LoadBalancer::delete(&existing.outputs, &cloud).await.unwrap_err().to_string();
    assert!(
        error.contains("deletion_protection: false") && error.contains("aws elbv2 modify"),
        "{error}"
    );
    ours(&wanted, None, &cloud).await;
}

#[tokio::test]
async fn one_without_our_tags_is_somebody_elses() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = balancer("gsm-lb", &cloud).await;
    let request = cloud.elb.create_load_balancer().name(&wanted.name);
    request.set_subnets(Some(wanted.subnets.get().unwrap())).send().await.unwrap();
    assert!(matches!(wanted.read(None, &cloud).await.unwrap(), Found::Theirs(..)));

    let theirs = rehearsal.cloud_of("other").await;
    let mine = applied("shared", &cloud).await;
    let Found::Theirs(_, whose) = mine.inputs.read(None, &theirs).await.unwrap() else { panic!() };
    assert_eq!(whose, "it belongs to the stack `gsm`");
}
