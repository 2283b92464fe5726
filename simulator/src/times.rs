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

    /// A time of this list.
    pub fn of(&self, pick: impl FnOnce(&Self) -> u64) -> Duration {
        Duration::from_millis(pick(self))
    }

    /// A configured time, such as the interval of a health check or a delay of deregistration, as it passes here.
    pub fn paced(&self, real: Duration) -> Duration {
        if self.pace.is_infinite() { Duration::ZERO } else { real.div_f64(self.pace.max(0.001)) }
    }

    fn all(&mut self) -> [&mut u64; 16] {
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
