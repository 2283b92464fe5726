//! How the deployment of a service goes on, and how it ended.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState as State, Service};

use super::EcsServiceOutputs;
use crate::engine::{Error, Progress, Result};

/// Whether the deployment that we started, or found, is over, and how it ended.
pub(super) fn judge(service: &Service, outputs: &EcsServiceOutputs) -> Result<Progress> {
    let name = &outputs.name;
    let event = last_event(service);
    let Some(ours) = service.deployments().iter().find(|it| it.id() == Some(&outputs.deployment))
    else {
        let primary = primary(service);
        let later = primary
            .and_then(Deployment::created_at)
            .is_some_and(|it| it.secs() >= outputs.deployed_at);
        return if later {
            let revision = service.task_definition().unwrap_or_default();
            let revision = revision.rsplit('/').next().unwrap_or_default();
            Err(Error::Refused(format!(
                "the deployment of service `{name}` was rolled back, or another one took its place: {revision} runs \
                 now. Last event: {event}"
            )))
        } else {
            // ECS answered from before our call.
            Ok(Progress::Waiting("the deployment to be visible".to_owned()))
        };
    };
    let done = match &ours.rollout_state {
        Some(State::Completed) => true,
        Some(State::Failed) => {
            let reason = ours.rollout_state_reason().unwrap_or("no reason given");
            return Err(Error::Refused(format!(
                "the deployment of service `{name}` failed: {reason} Last event: {event}"
            )));
        }
        Some(_) => false,
        // Given for services with rolling updates only, says the API reference.
        None => service.running_count >= service.desired_count,
    };
    if done {
        return Ok(Progress::Done);
    }
    let (running, wanted) = (ours.running_count, service.desired_count);
    Ok(Progress::Waiting(format!("{running} of {wanted} tasks running: {event}")))
}

/// The newest event, without the name of the service that ECS puts before it.
fn last_event(service: &Service) -> &str {
    let event = service.events().first().and_then(|it| it.message()).unwrap_or("none yet");
    let name = format!("(service {})", service.service_name().unwrap_or_default());
    event.strip_prefix(&name).unwrap_or(event).trim()
}

/// The deployment that is to become, or is, the only one.
pub(super) fn primary(service: &Service) -> Option<&Deployment> {
    service.deployments().iter().find(|it| it.status() == Some("PRIMARY"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::ServiceEvent;
    use aws_smithy_types::DateTime;

    fn deployment(id: &str, began: i64, state: Option<State>) -> Deployment {
        let deployment =
            Deployment::builder().id(id).status("PRIMARY").created_at(DateTime::from_secs(began));
        deployment
            .running_count(1)
            .set_rollout_state(state)
            .rollout_state_reason("tasks failed to start.")
            .build()
    }

    fn verdict(deployment: Deployment) -> Result<Progress> {
        let event = ServiceEvent::builder().message("(service bot) has started 1 tasks.").build();
        let service =
            Service::builder().service_name("bot").desired_count(2).running_count(1).events(event);
        let service = service
            .task_definition("arn:aws:ecs:x:1:task-definition/gsm-bot:7")
            .deployments(deployment);
        let (name, arn, cluster) = ("bot".to_owned(), String::new(), "gsm".to_owned());
        let outputs = EcsServiceOutputs {
            name,
            arn,
            cluster,
            deployment: "ecs-svc/2".to_owned(),
            deployed_at: 100,
        };
        judge(&service.build(), &outputs)
    }

    #[test]
    fn a_service_is_judged_by_its_own_deployment() {
        let said = |deployment| match verdict(deployment) {
            Ok(Progress::Done) => "done".to_owned(),
            Ok(Progress::Waiting(why)) => why,
            Err(error) => error.to_string(),
        };
        assert_eq!(said(deployment("ecs-svc/2", 100, Some(State::Completed))), "done");
        assert_eq!(
            said(deployment("ecs-svc/2", 100, Some(State::InProgress))),
            "1 of 2 tasks running: has started 1 tasks."
        );
        // Without a state it is counted.
        assert_eq!(
            said(deployment("ecs-svc/2", 100, None)),
            "1 of 2 tasks running: has started 1 tasks."
        );
        assert_eq!(
            said(deployment("ecs-svc/2", 100, Some(State::Failed))),
            "the deployment of service `bot` failed: tasks failed to start. Last event: has started 1 tasks."
        );
        // An answer from before our call.
        assert_eq!(
            said(deployment("ecs-svc/1", 50, Some(State::Completed))),
            "the deployment to be visible"
        );
        assert_eq!(
            said(deployment("ecs-svc/3", 150, Some(State::Completed))),
            "the deployment of service `bot` was rolled back, or another one took its place: gsm-bot:7 runs now. \
             Last event: has started 1 tasks."
        );
    }
}
