//! All that exists in the simulated cloud.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    call::Call,
    chance::Chance,
    clock::{Queue, Time},
    refusal::Answer,
    services::{self, Event, acm, atlas, ec2, ecs, elb, github, iam, kms, logs, route53, s3, ssm},
    times::Times,
};

/// An account of AWS and an organization of Atlas, and the time in them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct World {
    /// The account, twelve digits.
    pub account: String,
    /// How long things take.
    pub times: Times,
    /// What belongs to no region.
    pub global: Global,
    /// What belongs to a region, by its name. A region begins with what AWS puts into every account.
    pub regions: BTreeMap<String, Region>,
    pub(crate) chance: Chance,
    queue: Queue,
    now: Time,
}

/// What belongs to no region.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Global {
    /// MongoDB Atlas.
    pub atlas: atlas::Atlas,
    /// GitHub; worlds that were saved before it had anything have none.
    #[serde(default)]
    pub github: github::GitHub,
    /// Identity and Access Management.
    pub iam: iam::Iam,
    /// Route 53.
    pub route53: route53::Route53,
    /// S3; worlds that were saved before it was modelled have no bucket.
    #[serde(default)]
    pub s3: s3::S3,
}

/// What belongs to a region.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Region {
    /// Such as `eu-central-1`.
    pub name: String,
    /// Certificate Manager.
    pub acm: acm::Acm,
    /// EC2 and its network.
    pub ec2: ec2::Ec2,
    /// Elastic Container Service.
    pub ecs: ecs::Ecs,
    /// Elastic Load Balancing.
    pub elb: elb::Elb,
    /// Key Management Service.
    pub kms: kms::Kms,
    /// CloudWatch Logs.
    pub logs: logs::Logs,
    /// Systems Manager.
    pub ssm: ssm::Ssm,
}

/// What a service sees while it answers a call or does what was planned.
#[derive(Debug)]
pub struct Context<'a> {
    /// The time.
    pub now: Time,
    /// The account, twelve digits.
    pub account: &'a str,
    /// What belongs to no region.
    pub global: &'a mut Global,
    /// The region of the call.
    pub region: &'a mut Region,
    /// How long things take.
    pub times: &'a Times,
    /// Where ids and delays come from.
    pub chance: &'a mut Chance,
    queue: &'a mut Queue,
}

impl World {
    /// A world as new accounts are, at a time, with everything that chance decides decided by the seed.
    pub fn new(now: Time, times: Times, seed: u64) -> Self {
        let mut world = Self {
            account: "123456789012".to_owned(),
            times,
            global: Global::default(),
            regions: BTreeMap::new(),
            chance: Chance::seeded(seed),
            queue: Queue::default(),
            now,
        };
        world.region("eu-central-1");
        world
    }

    /// A region, which is there from its first use on.
    pub fn region(&mut self, name: &str) -> &mut Region {
        let chance = &mut self.chance;
        self.regions.entry(name.to_owned()).or_insert_with(|| Region {
            name: name.to_owned(),
            acm: acm::Acm::default(),
            ec2: ec2::Ec2::new(name, chance),
            ecs: ecs::Ecs::default(),
            elb: elb::Elb::default(),
            kms: kms::Kms::default(),
            logs: logs::Logs::default(),
            ssm: ssm::Ssm::default(),
        })
    }

    /// The same with other times: they belong to who looks on, not to what is saved.
    pub(crate) fn with_times(self, times: Times) -> Self {
        Self { times, ..self }
    }

    /// The same with the times, and the plans for ECS, of another: they belong to who looks on.
    pub(crate) fn seen_like(mut self, other: &Self) -> Self {
        for (name, region) in &other.regions {
            self.region(name).ecs.plan_like(&region.ecs);
        }
        self.with_times(other.times.clone())
    }

    /// Lets happen what is due.
    pub fn advance(&mut self, now: Time) {
        while let Some((at, region, event)) = self.queue.take_due(now) {
            self.now = self.now.max(at);
            services::wake(&mut self.context(&region), event);
        }
        self.now = self.now.max(now);
    }

    /// What time it is in it: that of its latest look at the clock.
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Answers a call.
    pub fn answer(&mut self, call: &Call) -> Answer {
        services::answer(&mut self.context(&call.region), call)
    }

    /// What the world looks like from a region.
    pub fn context(&mut self, region: &str) -> Context<'_> {
        self.region(region);
        let region = self.regions.get_mut(region);
        // Just made by `region`.
        #[allow(clippy::expect_used)]
        let region = region.expect("a region is there from its first use on");
        Context {
            now: self.now,
            account: &self.account,
            global: &mut self.global,
            region,
            times: &self.times,
            chance: &mut self.chance,
            queue: &mut self.queue,
        }
    }
}

impl Context<'_> {
    /// Lets something happen in this region after a time (as it passes here: see [`Times::of`]).
    pub fn later(&mut self, after: std::time::Duration, event: impl Into<Event>) {
        self.queue.plan(self.now + after, &self.region.name, event.into());
    }

    /// The ARN of something in this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region.name, self.account)
    }
}
