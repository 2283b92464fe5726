//! The services: one file or folder each, all of one shape.
//!
//! - a type of the service's name: everything it holds, saved with the world
//! - `answer`: one arm for each action; each action a function from its typed input to its answer
//! - `Event` and `wake`, where things happen by themselves; what follows from the time alone is computed when asked for
//! - `as_seen`: how a read is answered that has not heard of what was just made, where a service is not consistent at once
//! - `census`: what is there, for tests

pub mod acm;
pub mod atlas;
pub mod ec2;
pub mod ecs;
pub mod elb;
pub mod github;
pub mod iam;
pub mod kms;
pub mod logs;
pub mod registry;
pub mod route53;
pub mod s3;
pub mod ssm;
pub mod sts;
pub mod tagging;

use serde::{Deserialize, Serialize};

use crate::{
    call::{Call, Service},
    refusal::Answer,
    world::Context,
};

/// Something that happens by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Event {
    /// In ECS.
    Ecs(ecs::Event),
}

/// Answers a call of any service.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    let act = |cx: &mut Context<'_>| act(cx, call);
    match call.service {
        Service::Ec2 if call.mutating => {
            ec2::check_heard_of(cx, call)?;
            act(cx)
        }
        _ if call.mutating => act(cx),
        Service::Acm => acm::as_seen(cx, act),
        Service::Ec2 => ec2::as_seen(cx, act),
        Service::Ecs => ecs::as_seen(cx, act),
        Service::Elb => elb::as_seen(cx, act),
        Service::Iam => iam::as_seen(cx, act),
        Service::Kms => kms::as_seen(cx, act),
        // These are consistent at once.
        Service::Atlas
        | Service::GitHub
        | Service::Logs
        | Service::Registry
        | Service::Route53
        | Service::S3
        | Service::Ssm
        | Service::Sts
        | Service::Tagging => act(cx),
    }
}

fn act(cx: &mut Context<'_>, call: &Call) -> Answer {
    match call.service {
        Service::Acm => acm::answer(cx, call),
        Service::Atlas => atlas::answer(cx, call),
        Service::Ec2 => ec2::answer(cx, call),
        Service::Ecs => ecs::answer(cx, call),
        Service::Elb => elb::answer(cx, call),
        Service::GitHub => github::answer(cx, call),
        Service::Iam => iam::answer(cx, call),
        Service::Kms => kms::answer(cx, call),
        Service::Logs => logs::answer(cx, call),
        Service::Registry => registry::answer(cx, call),
        Service::Route53 => route53::answer(cx, call),
        Service::S3 => s3::answer(cx, call),
        Service::Ssm => ssm::answer(cx, call),
        Service::Sts => sts::answer(cx, call),
        Service::Tagging => tagging::answer(cx, call),
    }
}

/// Lets happen what was planned.
pub(crate) fn wake(cx: &mut Context<'_>, event: Event) {
    match event {
        Event::Ecs(event) => ecs::wake(cx, event),
    }
}
