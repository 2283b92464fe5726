//! A session in a container: what ECS Exec opens and the Session Manager plugin carries.

use aws_sdk_ecs::types::Task;

use super::{Subject, look::task_id};
use crate::{
    cloud::Cloud,
    engine::{Error, Result},
};

/// What the Session Manager plugin needs to carry a session. Its token is a secret, for as long as the session lasts.
pub struct Session {
    /// Its id.
    pub id: String,
    /// Where the plugin connects to.
    pub url: String,
    /// What lets it.
    pub token: String,
    /// The container in Systems Manager's terms: `ecs:CLUSTER_TASK_RUNTIME`.
    pub target: String,
}

/// Opens a session in which `command` runs in `container` of `task`.
///
/// # Errors
///
/// When ECS refuses.
pub async fn open_session(
    subject: &Subject,
    task: &Task,
    container: &str,
    command: &str,
    cloud: &Cloud,
) -> Result<Session> {
    let id = task_id(task);
    let request = cloud.ecs.execute_command().cluster(&subject.cluster).task(id);
    let request = request.container(container).command(command).interactive(true);
    let session = request.send().await?.session.ok_or_else(|| Error::missing("session"))?;
    let ours = task.containers().iter().find(|it| it.name() == Some(container));
    let runtime =
        ours.and_then(|it| it.runtime_id()).ok_or_else(|| Error::missing("runtime id"))?;
    Ok(Session {
        id: session.session_id.ok_or_else(|| Error::missing("session id"))?,
        url: session.stream_url.ok_or_else(|| Error::missing("stream URL"))?,
        token: session.token_value.ok_or_else(|| Error::missing("token"))?,
        target: format!("ecs:{}_{id}_{runtime}", subject.cluster),
    })
}
