//! A security group from nothing to nothing.

use aws_sdk_ec2::types::Tag;
use provisioner::{
    cloud::{Cloud, Tags},
    engine::{Found, Lookup, Resource},
    lookups::Network,
    resources::{Direction, Peer, SecurityGroup, SecurityGroupRule},
};

use super::life::{absent, gone, ours};
use crate::support::{Rehearsal, apply, tags};

pub async fn vpc(cloud: &Cloud) -> String {
    let network = Network { vpc: None, subnets: Vec::new() };
    network.find(cloud).await.unwrap().unwrap().vpc_id
}

pub async fn group(name: &str, cloud: &Cloud) -> SecurityGroup {
    SecurityGroup {
        name: name.to_owned(),
        description: "load balancer of gsm".to_owned(),
        vpc_id: vpc(cloud).await.into(),
        tags: tags(name),
    }
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let group = group("gsm-lb", &cloud).await;
    absent(&group, &cloud).await;
    apply(&group, &cloud).await;

    let tagged = SecurityGroup { tags: group.tags.clone().with("team", "a"), ..group.clone() };
    apply(&tagged, &cloud).await;
    // A text is no reason for a new group.
    let described = SecurityGroup { description: "something else".to_owned(), ..tagged.clone() };
    let existing = ours(&described, None, &cloud).await;
    assert_eq!(existing.inputs, described);

    let id = &existing.outputs.id;
    let drifted = Tag::builder().key("team").value("b").build();
    cloud.ec2.create_tags().resources(id).tags(drifted).send().await.unwrap();
    apply(&tagged, &cloud).await;

    // With a record it is found under its old name, and is to be replaced.
    let renamed = SecurityGroup { name: "gsm-other".to_owned(), ..tagged.clone() };
    let existing = ours(&tagged, None, &cloud).await;
    assert_eq!(ours(&renamed, Some(&existing), &cloud).await.inputs.name, "gsm-lb");
    absent(&renamed, &cloud).await;

    gone::<SecurityGroup>(&existing.outputs, &cloud).await;
    absent(&tagged, &cloud).await;
    gone::<SecurityGroup>(&existing.outputs, &cloud).await;
}

#[tokio::test]
async fn a_group_without_our_tags_is_somebody_elses() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let group = group("gsm-lb", &cloud).await;
    let request = cloud.ec2.create_security_group().group_name("gsm-lb").description("mine");
    request.vpc_id(vpc(&cloud).await).send().await.unwrap();
    let Found::Theirs(_, why) = group.read(None, &cloud).await.unwrap() else {
        panic!("it has no tags")
    };
    assert_eq!(why, "it has no tag `provisioner:stack`");

    let theirs = SecurityGroup { name: "theirs".to_owned(), ..group.clone() };
    let other = SecurityGroup { tags: Tags::new(&[].into(), "other", "lb"), ..theirs.clone() };
    other.create("token", &cloud).await.unwrap();
    let Found::Theirs(_, why) = theirs.read(None, &cloud).await.unwrap() else {
        panic!("it has others' tags")
    };
    assert_eq!(why, "it belongs to the stack `other`");
}

#[tokio::test]
async fn what_holds_a_group_is_named() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (lb, service) = (group("gsm-lb", &cloud).await, group("gsm-bot", &cloud).await);
    apply(&lb, &cloud).await;
    apply(&service, &cloud).await;
    let held = ours(&lb, None, &cloud).await.outputs;
    let holder = ours(&service, None, &cloud).await.outputs;
    assert_eq!(SecurityGroup::held_by(&held, &cloud).await.unwrap(), [""; 0]);
    let rule = SecurityGroupRule {
        group_id: holder.id.as_str().into(),
        direction: Direction::Ingress,
        protocol: "tcp".to_owned(),
        from_port: 8080,
        to_port: 8080,
        peer: Peer::Group(held.id.as_str().into()),
        description: String::new(),
        tags: tags("rule"),
    };
    apply(&rule, &cloud).await;
    let network = Network { vpc: None, subnets: Vec::new() }.find(&cloud).await.unwrap().unwrap();
    let request =
        cloud.ec2.create_network_interface().subnet_id(&network.subnet_ids[0]).groups(&held.id);
    let interface =
        request.description("ELB app/gsm/1").send().await.unwrap().network_interface.unwrap();
    let expected = [
        format!("a rule of security group {} (gsm-bot)", holder.id),
        format!("network interface {} (ELB app/gsm/1)", interface.network_interface_id().unwrap()),
    ];
    assert_eq!(SecurityGroup::held_by(&held, &cloud).await.unwrap(), expected);
}
