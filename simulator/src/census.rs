//! What exists now, without what AWS puts into every account.

use serde_json::{Map, Value};

use crate::{
    services::{acm, atlas, ec2, ecs, elb, github, iam, kms, logs, route53, s3, ssm},
    world::World,
};

/// Everything, by kind; each kind is there, if only as an empty list.
pub(crate) fn take(world: &mut World) -> Value {
    let mut census = Map::new();
    for name in world.regions.keys().cloned().collect::<Vec<_>>() {
        let cx = &world.context(&name);
        for part in [
            acm::census(cx),
            ec2::census(cx),
            ecs::census(cx),
            elb::census(cx),
            kms::census(cx),
            logs::census(cx),
            ssm::census(cx),
        ] {
            add(&mut census, part);
        }
    }
    let cx = &world.context("eu-central-1");
    let parts = [
        iam::census(cx),
        route53::census(cx),
        s3::census(cx),
        atlas::census(cx),
        github::census(cx),
    ];
    for part in parts {
        add(&mut census, part);
    }
    Value::Object(census)
}

fn add(census: &mut Map<String, Value>, part: Vec<(&'static str, Vec<Value>)>) {
    for (kind, found) in part {
        let all = census.entry(kind).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(all) = all {
            all.extend(found);
        }
    }
}
