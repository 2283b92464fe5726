//! Putting an image into service: the next revision of the task definition, the deployment that brings it, and how that
//! one deployment ended.
//!
//! A service is just as stable after a rollback, so stability says nothing about a deployment. What is judged here is
//! always *one* deployment, known by the id that ECS gave for our own update.
//!
//! - [`revision`]: the next revision of a task definition (pure)
//! - [`start`]: finds the service, registers the revision, updates the service
//! - [`judge`]: from what was seen to how it stands (pure)
//! - [`causes`]: causes that will not go away by themselves (pure)
//! - [`look`]: one look at everything that concerns the deployment
//! - [`watch`]: looks until it is over
//! - [`post_mortem`]: why it failed
//! - [`condition`], [`history`]: how a service is, and what was deployed before
//! - [`lines`]: what its containers write; [`session`]: a command in one of them
//! - [`difference`]: what is different between two revisions (pure)

mod causes;
mod condition;
mod difference;
mod event;
mod history;
mod judge;
mod lines;
mod look;
mod post_mortem;
mod revision;
mod session;
mod start;
mod watch;

use aws_sdk_ecs::types::{Deployment, Service};
use aws_smithy_types::DateTime;

pub use condition::{Condition, Living, condition, tasks};
pub use difference::{Difference, differences};
pub use event::{Event, TaskCounts};
pub use history::{Past, history};
pub use judge::{Ending, Judge, Verdict};
pub use lines::{Line, Reader};
pub use post_mortem::{Changes, Container, Log, PostMortem, Tasks, write};
pub use revision::{image_of, next};
pub use session::{Session, open_session};
pub use start::{Begun, Current, begin, bring, definition, find, renew, scale};
pub use watch::{End, Pace, follow};

use crate::{config::Config, program::names};

/// A service, and what AWS calls its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The ECS cluster.
    pub cluster: String,
    /// The ECS service.
    pub service: String,
    /// The container whose image is deployed.
    pub container: String,
}

impl Subject {
    /// The service `name` of stack.yaml.
    pub fn of(config: &Config, name: &str) -> Self {
        Self {
            cluster: names::cluster(config).to_owned(),
            service: names::service(config, name),
            container: names::container(name).to_owned(),
        }
    }
}

/// The deployment that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// Its id, such as `ecs-svc/1234567890123456789`.
    pub id: String,
    /// When ECS made it.
    pub created: Option<DateTime>,
    /// ARN of the revision it brings.
    pub revision: String,
}

impl Ours {
    /// A deployment out of a service's own list.
    pub fn of(deployment: &Deployment) -> Option<Self> {
        Some(Self {
            id: deployment.id.clone()?,
            created: deployment.created_at,
            revision: deployment.task_definition.clone()?,
        })
    }
}

/// The deployment that a service is to have in the end.
fn primary(service: &Service) -> Option<&Deployment> {
    service.deployments().iter().find(|it| it.status() == Some("PRIMARY"))
}

/// Family and number of a revision, such as `gsm-bot:4`, or the id of a task: the last part of an ARN.
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
