//! A security group rule from nothing to nothing.

use provisioner::{
    cloud::Cloud,
    engine::Resource,
    resources::{Direction, Peer, SecurityGroupRule},
};

use super::{
    life::{absent, differing, gone, ours},
    security_group,
};
use crate::support::{Rehearsal, apply, tags};

async fn group(name: &str, cloud: &Cloud) -> String {
    let group = security_group::group(name, cloud).await;
    apply(&group, cloud).await;
    ours(&group, None, cloud).await.outputs.id
}

fn rule(group: &str, peer: Peer) -> SecurityGroupRule {
    SecurityGroupRule {
        group_id: group.into(),
        direction: Direction::Ingress,
        protocol: "tcp".to_owned(),
        from_port: 8080,
        to_port: 8080,
        peer,
        description: "web".to_owned(),
        tags: tags("web"),
    }
}

fn cidr(cidr: &str) -> Peer {
    Peer::Cidr(cidr.to_owned())
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let group = group("gsm-bot", &cloud).await;
    let wanted = rule(&group, cidr("203.0.113.7/32"));
    absent(&wanted, &cloud).await;
    apply(&wanted, &cloud).await;
    let first = ours(&wanted, None, &cloud).await;

    let mut changed = wanted.clone();
    changed.description = String::new();
    apply(&changed, &cloud).await;
    changed.description = "ssh".to_owned();
    (changed.from_port, changed.to_port) = (22, 23);
    apply(&changed, &cloud).await;
    changed.protocol = "udp".to_owned();
    apply(&changed, &cloud).await;
    changed.tags = changed.tags.with("team", "a");
    apply(&changed, &cloud).await;
    let existing = ours(&changed, Some(&first), &cloud).await;
    assert_eq!(existing.outputs, first.outputs, "all that happened in place");

    // Another peer needs another rule.
    let elsewhere = SecurityGroupRule { peer: cidr("198.51.100.0/24"), ..changed.clone() };
    let found = ours(&elsewhere, Some(&existing), &cloud).await;
    assert_eq!(differing(&elsewhere, &found), ["peer"]);
    assert!(SecurityGroupRule::REPLACED_BY.contains(&"peer"));

    // Somebody takes it away.
    let request = cloud.ec2.revoke_security_group_ingress().group_id(&group);
    request.security_group_rule_ids(&existing.outputs.id).send().await.unwrap();
    absent(&changed, &cloud).await;
    apply(&changed, &cloud).await;

    let existing = ours(&changed, None, &cloud).await;
    gone::<SecurityGroupRule>(&existing.outputs, &cloud).await;
    absent(&changed, &cloud).await;
    gone::<SecurityGroupRule>(&existing.outputs, &cloud).await;
}

#[tokio::test]
async fn without_a_record_it_is_found_in_the_group_where_it_was() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (old, new) = (group("gsm-bot", &cloud).await, group("gsm-lb", &cloud).await);
    let before = apply(&rule(&old, cidr("203.0.113.7/32")), &cloud).await;
    let wanted = rule(&new, cidr("203.0.113.7/32"));
    let found = ours(&wanted, None, &cloud).await;
    assert_eq!(found.outputs, before.outputs);
    assert_eq!(differing(&wanted, &found), ["group_id"]);
    // A replacement is created first: then there are two, and the one in its place is it.
    let made = wanted.create("token", &cloud).await.unwrap();
    assert_eq!(ours(&wanted, None, &cloud).await.outputs, made.outputs);
    assert_eq!(
        ours(&rule(&old, cidr("203.0.113.7/32")), None, &cloud).await.outputs,
        before.outputs
    );
}

#[tokio::test]
async fn every_kind_of_rule_reads_as_it_was_written() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let (group, other) = (group("gsm-bot", &cloud).await, group("gsm-lb", &cloud).await);
    let all = |rule: SecurityGroupRule| SecurityGroupRule {
        protocol: "-1".to_owned(),
        from_port: 0,
        to_port: 0,
        ..rule
    };
    let mut number = 0;
    for peer in [
        cidr("10.1.2.3/8"),
        cidr("2001:0db8::/32"),
        Peer::Group(other.into()),
        Peer::Group(group.clone().into()),
    ] {
        for direction in [Direction::Ingress, Direction::Egress] {
            let rule = rule(&group, peer.clone());
            let rule = SecurityGroupRule { direction, ..rule };
            for rule in [rule.clone(), all(rule)] {
                number += 1;
                let tags = tags(&format!("rule-{number}"));
                apply(&SecurityGroupRule { tags, ..rule }, &cloud).await;
            }
        }
    }
}

#[tokio::test]
async fn a_rule_that_says_the_same_is_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let group = group("gsm-bot", &cloud).await;
    let mut wanted = rule(&group, cidr("203.0.113.7/32"));
    wanted.description = String::new();
    let request = cloud.ec2.authorize_security_group_ingress().group_id(&group).ip_protocol("tcp");
    request.from_port(8080).to_port(8080).cidr_ip("203.0.113.7/32").send().await.unwrap();
    let found = ours(&wanted, None, &cloud).await;
    assert_eq!(differing(&wanted, &found), ["tags"]);
    apply(&wanted, &cloud).await;

    // So is the one that AWS gives each group.
    let mut everything = rule(&group, cidr("0.0.0.0/0"));
    everything.direction = Direction::Egress;
    everything.protocol = "-1".to_owned();
    everything.tags = tags("everything");
    assert_eq!(
        differing(&everything, &ours(&everything, None, &cloud).await),
        ["description", "tags"]
    );
}
