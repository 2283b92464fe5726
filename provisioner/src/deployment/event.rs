//! What goes on in a deployment, for whoever shows it.

use serde::Serialize;

/// How many tasks there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TaskCounts {
    /// Tasks that the service is to have.
    pub wanted: i32,
    /// Tasks of the new revision that run.
    pub running: i32,
    /// Tasks of the new revision that are being started.
    pub pending: i32,
    /// Tasks of the new revision that did not come up.
    pub failed: i32,
    /// Tasks of other revisions that still run.
    pub old: i32,
}

/// Something that happened; each thing is told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A revision is being put into service.
    Begun {
        /// The service.
        service: String,
        /// The revision that served before, such as `gsm-bot:3`.
        old: String,
        /// The new one.
        new: String,
        /// The image that ran before.
        old_image: String,
        /// The image that is to run.
        new_image: String,
        /// The id of the deployment.
        deployment: String,
    },
    /// Somebody else's deployment of the same image is under way.
    Joined {
        /// The service.
        service: String,
        /// The revision.
        new: String,
        /// The id of the deployment.
        deployment: String,
    },
    /// All tasks are being replaced by new ones of the same revision.
    Restarted {
        /// The service.
        service: String,
        /// The revision.
        revision: String,
        /// Its image.
        image: String,
        /// The id of the deployment.
        deployment: String,
    },
    /// The numbers of tasks changed.
    Tasks(TaskCounts),
    /// ECS said something about the service.
    Service {
        /// What.
        message: String,
    },
    /// A task of the deployment stopped.
    Stopped {
        /// Its id.
        task: String,
        /// Why, and with what exit codes.
        reason: String,
    },
    /// The load balancer's opinion of a new target changed.
    Target {
        /// Address and port.
        target: String,
        /// The state, and why.
        health: String,
    },
    /// It cannot succeed any more.
    Hopeless {
        /// Why.
        cause: String,
        /// What happens now.
        then: String,
    },
    /// ECS brings the old revision back.
    RollingBack,
    /// ECS cannot be asked at the moment.
    Trouble {
        /// Why.
        error: String,
    },
}
