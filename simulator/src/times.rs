//! How long things take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long things take here, in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Times {
    /// How many times faster than the real clouds things go; [`paced`](Self::paced) applies it to configured times.
    #[serde(with = "pace")]
    pub pace: f64,
    /// A load balancer: provisioning → active.
    pub balancer: u64,
    /// Network interfaces of a deleted load balancer stay behind.
    pub balancer_interfaces: u64,
    /// A Fargate task: PROVISIONING → PENDING.
    pub task_provisioning: u64,
    /// A Fargate task: PENDING → RUNNING; mostly the pull of its image.
    pub task_pending: u64,
    /// A task: from being told to stop to STOPPED.
    pub task_stopping: u64,
    /// How long a stopped task can be described.
    pub task_remembered: u64,
    /// How often the scheduler of ECS looks at a service.
    pub scheduler: u64,
    /// An instance: pending → running.
    pub instance_pending: u64,
    /// An instance: shutting-down → terminated, and stopping → stopped.
    pub instance_stopping: u64,
    /// How long a terminated instance can be described.
    pub instance_remembered: u64,
    /// A certificate: ISSUED after its validation record is there.
    pub certificate: u64,
    /// What IAM knows reaches the other services.
    pub iam: u64,
    /// A cluster of Atlas: CREATING → IDLE.
    pub atlas_creating: u64,
    /// A cluster of Atlas: UPDATING → IDLE.
    pub atlas_updating: u64,
    /// A cluster of Atlas: DELETING → gone.
    pub atlas_deleting: u64,
    /// Changes of a Route 53 zone: PENDING → INSYNC.
    pub dns: u64,
    /// At most: a new certificate of ACM is seen by reads.
    #[serde(default)]
    pub acm_seen: u64,
    /// At most: a new thing of EC2 is seen by reads; by calls that use it, in half the time.
    #[serde(default)]
    pub ec2_seen: u64,
    /// At most: a new cluster or service of ECS is seen by reads.
    #[serde(default)]
    pub ecs_seen: u64,
    /// At most: a new thing of Elastic Load Balancing is seen by reads.
    #[serde(default)]
    pub elb_seen: u64,
    /// At most: a new role or instance profile is seen by reads of IAM itself.
    #[serde(default)]
    pub iam_seen: u64,
    /// At most: a new key or alias of KMS is seen by reads.
    #[serde(default)]
    pub kms_seen: u64,
}

impl Times {
    /// The real ones: medians of `docs/simulator.md`.
    pub fn real() -> Self {
        Self {
            pace: 1.0,
            balancer: 120_000,
            balancer_interfaces: 20_000,
            task_provisioning: 12_000,
            task_pending: 33_000,
            task_stopping: 5_000,
            task_remembered: 3_600_000,
            scheduler: 2_000,
            instance_pending: 15_000,
            instance_stopping: 30_000,
            instance_remembered: 3_600_000,
            certificate: 60_000,
            iam: 8_000,
            atlas_creating: 90_000,
            atlas_updating: 30_000,
            atlas_deleting: 40_000,
            dns: 30_000,
            acm_seen: 5_000,
            ec2_seen: 2_000,
            ecs_seen: 1_000,
            elb_seen: 1_000,
            iam_seen: 3_000,
            kms_seen: 2_000,
        }
    }

    /// The real ones, so many times faster.
    pub fn faster(pace: f64) -> Self {
        let mut times = Self { pace, ..Self::real() };
        for time in times.all() {
            *time = (*time as f64 / pace) as u64;
        }
        times
    }

    /// Everything happens as soon as somebody looks; only what is over is remembered for its time.
    pub fn none() -> Self {
        let mut times = Self { pace: f64::INFINITY, ..Self::real() };
        for time in times.all() {
            *time = 0;
        }
        let Self { task_remembered, instance_remembered, .. } = Self::real();
        Self { task_remembered, instance_remembered, ..times }
    }

    /// Everything new is seen by reads within so many milliseconds, where it is not seen at once.
    pub fn see_after(&mut self, ms: u64) {
        for time in [
            &mut self.acm_seen,
            &mut self.ec2_seen,
            &mut self.ecs_seen,
            &mut self.elb_seen,
            &mut self.iam_seen,
            &mut self.kms_seen,
        ] {
            *time = ms;
        }
    }

    /// A time of this list.
    pub fn of(&self, pick: impl FnOnce(&Self) -> u64) -> Duration {
        Duration::from_millis(pick(self))
    }

    /// A configured time, such as the interval of a health check or a delay of deregistration, as it passes here.
    pub fn paced(&self, real: Duration) -> Duration {
        if self.pace.is_infinite() { Duration::ZERO } else { real.div_f64(self.pace.max(0.001)) }
    }

    fn all(&mut self) -> [&mut u64; 22] {
        [
            &mut self.balancer,
            &mut self.balancer_interfaces,
            &mut self.task_provisioning,
            &mut self.task_pending,
            &mut self.task_stopping,
            &mut self.task_remembered,
            &mut self.scheduler,
            &mut self.instance_pending,
            &mut self.instance_stopping,
            &mut self.instance_remembered,
            &mut self.certificate,
            &mut self.iam,
            &mut self.atlas_creating,
            &mut self.atlas_updating,
            &mut self.atlas_deleting,
            &mut self.dns,
            &mut self.acm_seen,
            &mut self.ec2_seen,
            &mut self.ecs_seen,
            &mut self.elb_seen,
            &mut self.iam_seen,
            &mut self.kms_seen,
        ]
    }
}

/// JSON knows no infinity: it is saved as null.
mod pace {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(pace: &f64, to: S) -> Result<S::Ok, S::Error> {
        pace.is_finite().then_some(*pace).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
    }
}
