//! How a deployment stands, from what was seen of it.
//!
//! There are two sources. ECS's record of the *service deployment* has a state of its own for each ending, but not every
//! region and account answers for it, and our role may not be allowed to ask. The list of deployments in the description
//! of the service is always there; in it a rollback is just another deployment of somebody, which has to be told from
//! one that took our place.

use aws_sdk_ecs::types::{
    Deployment, DeploymentRolloutState as State, Service, ServiceDeployment,
    ServiceDeploymentRollbackMonitorsStatus as Breaker, ServiceDeploymentStatus as Status,
};

use super::{Ours, primary, short};

/// How long the two sources may disagree, in looks: they are asked at once and need not agree at once. The record may say
/// that a deployment succeeded or was stopped before the description of the service shows its tasks or the reason.
const LOOKS_UNTIL_BOTH_AGREE: usize = 4;

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The new revision serves.
    Succeeded,
    /// It failed, and the old revision serves again.
    RolledBack {
        /// What ECS says about the failure.
        why: String,
        /// The revision that serves, such as `gsm-bot:3`.
        serves: String,
    },
    /// It failed, and nothing was put back.
    Failed {
        /// What ECS says about the failure.
        why: String,
    },
    /// Another deployment took its place.
    Superseded {
        /// The revision which that one brings.
        by: String,
    },
    /// It was not over in time, and goes on.
    TimedOut,
    /// The user did not want to wait for it; it goes on.
    Interrupted,
}

/// How a deployment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Going,
    /// It failed, and ECS brings the old revision back.
    RollingBack,
    /// It is over.
    Over(Ending),
}

/// Judges one deployment, look by look.
#[derive(Clone, Debug)]
pub struct Judge {
    ours: Ours,
    /// Why it failed, once that was seen.
    failure: Option<String>,
    /// In so many looks the two sources disagreed.
    disagreed: usize,
}

impl Judge {
    /// Judges `ours`.
    pub fn new(ours: Ours) -> Self {
        Self { ours, failure: None, disagreed: 0 }
    }

    /// The deployment that is judged.
    pub fn ours(&self) -> &Ours {
        &self.ours
    }

    /// We asked ECS to roll it back.
    pub fn given_up(&mut self, why: &str) {
        self.failure.get_or_insert_with(|| why.to_owned());
    }

    /// How it stands, by the service and, if ECS has one, the record of the service deployment.
    pub fn look(&mut self, service: &Service, record: Option<&ServiceDeployment>) -> Verdict {
        if service.status().is_some_and(|it| it != "ACTIVE") {
            return failed("the service was deleted");
        }
        let listed = self.listed(service);
        if let Some(it) = listed.filter(|it| it.rollout_state == Some(State::Failed)) {
            let reason = it.rollout_state_reason().unwrap_or("no reason given").to_owned();
            self.failure.get_or_insert(reason);
        }
        match record.and_then(|it| Some((it, it.status.as_ref()?))) {
            Some((record, status)) => self.by_record(service, record, status),
            None => self.by_list(service),
        }
    }

    /// How it ended if it is not over in time. What has failed already is a failure, and not slow.
    pub fn out_of_time(&self) -> Ending {
        match &self.failure {
            Some(why) => {
                let why = format!("{why} The rollback was not over in time.");
                Ending::Failed { why }
            }
            None => Ending::TimedOut,
        }
    }

    fn by_record(
        &mut self,
        service: &Service,
        record: &ServiceDeployment,
        status: &Status,
    ) -> Verdict {
        if let Some(reason) = record.status_reason()
            && matches!(
                status,
                Status::RollbackInProgress | Status::RollbackSuccessful | Status::RollbackFailed
            )
        {
            self.failure.get_or_insert(reason.to_owned());
        }
        match status {
            Status::Successful => {
                let listed = self.listed(service);
                match listed.is_some_and(|it| it.rollout_state == Some(State::InProgress)) {
                    true => self.disagreeing(Ending::Succeeded),
                    false => Verdict::Over(Ending::Succeeded),
                }
            }
            Status::RollbackRequested | Status::RollbackInProgress => Verdict::RollingBack,
            Status::RollbackSuccessful => self.proven(service),
            Status::RollbackFailed => failed(&format!(
                "{} The rollback failed.",
                record.status_reason().unwrap_or(self.why())
            )),
            Status::Stopped => {
                let triggered =
                    record.deployment_circuit_breaker().and_then(|it| it.status.as_ref());
                if self.failure.is_some() || triggered == Some(&Breaker::Triggered) {
                    return failed(record.status_reason().unwrap_or(self.why()));
                }
                if let Some(by) = self.later(service) {
                    return superseded(by);
                }
                let why = record.status_reason().unwrap_or("somebody stopped it").to_owned();
                self.disagreeing(Ending::Failed { why })
            }
            _ => Verdict::Going,
        }
    }

    /// The record's word, once the description of the service has had the time to agree.
    fn disagreeing(&mut self, ending: Ending) -> Verdict {
        self.disagreed += 1;
        match self.disagreed >= LOOKS_UNTIL_BOTH_AGREE {
            true => Verdict::Over(ending),
            false => Verdict::Going,
        }
    }

    fn by_list(&self, service: &Service) -> Verdict {
        let Some(listed) = self.listed(service) else {
            // Without ours, either it was replaced, or ECS answers from before our update.
            return match self.later(service) {
                Some(_) if self.was_rolled_back(service) => self.proven(service),
                Some(by) => superseded(by),
                None => Verdict::Going,
            };
        };
        let is_primary = listed.status() == Some("PRIMARY");
        match &listed.rollout_state {
            Some(State::Completed) => Verdict::Over(Ending::Succeeded),
            Some(State::Failed) if is_primary => {
                let hopeless = self.why().contains("No rollback candidate");
                if rolls_back(service) && !hopeless {
                    Verdict::RollingBack
                } else {
                    failed(self.why())
                }
            }
            Some(State::Failed) => self.proven(service),
            Some(_) if is_primary => Verdict::Going,
            // Given for rolling updates only, says the API reference.
            None if is_primary => {
                let alone = service.deployments().len() == 1;
                match alone && settled(listed) {
                    true => Verdict::Over(Ending::Succeeded),
                    false => Verdict::Going,
                }
            }
            _ if self.was_rolled_back(service) => self.proven(service),
            _ => self.later(service).map_or(Verdict::Going, superseded),
        }
    }

    /// A rollback is over when the deployment that took our place has succeeded.
    fn proven(&self, service: &Service) -> Verdict {
        let Some(serving) = primary(service).filter(|it| it.id() != Some(&self.ours.id)) else {
            return Verdict::RollingBack;
        };
        let serves = short(serving.task_definition().unwrap_or_default()).to_owned();
        let over = match &serving.rollout_state {
            Some(State::Completed) => true,
            Some(State::Failed) => {
                return failed(&format!("{} The rollback to {serves} failed as well.", self.why()));
            }
            Some(_) => false,
            None => settled(serving),
        };
        match over {
            true => Verdict::Over(Ending::RolledBack { why: self.why().to_owned(), serves }),
            false => Verdict::RollingBack,
        }
    }

    /// Whether the deployment in our place is a rollback.
    fn was_rolled_back(&self, service: &Service) -> bool {
        let number = self.ours.id.trim_start_matches("ecs-svc/");
        let tells =
            |message: &str| message.contains(number) && message.contains("deployment failed");
        let reason =
            primary(service).and_then(Deployment::rollout_state_reason).unwrap_or_default();
        self.failure.is_some()
            || reason.contains("rolling back to")
            || service.events().iter().filter_map(|it| it.message()).any(tells)
    }

    /// The revision of a deployment that is in our place and younger than ours.
    fn later<'a>(&self, service: &'a Service) -> Option<&'a str> {
        let other = primary(service).filter(|it| it.id() != Some(&self.ours.id))?;
        let younger = match (other.created_at, self.ours.created) {
            (Some(theirs), Some(ours)) => theirs.as_nanos() > ours.as_nanos(),
            _ => true,
        };
        younger.then(|| short(other.task_definition().unwrap_or_default()))
    }

    fn listed<'a>(&self, service: &'a Service) -> Option<&'a Deployment> {
        service.deployments().iter().find(|it| it.id() == Some(&self.ours.id))
    }

    fn why(&self) -> &str {
        self.failure.as_deref().unwrap_or("no reason given")
    }
}

/// Whether ECS brings the old revision back by itself when a deployment fails.
pub fn rolls_back(service: &Service) -> bool {
    let breaker = service.deployment_configuration().and_then(|it| it.deployment_circuit_breaker());
    breaker.is_some_and(|it| it.enable && it.rollback)
}

fn settled(deployment: &Deployment) -> bool {
    deployment.running_count >= deployment.desired_count && deployment.pending_count == 0
}

fn superseded(by: &str) -> Verdict {
    Verdict::Over(Ending::Superseded { by: by.to_owned() })
}

fn failed(why: &str) -> Verdict {
    Verdict::Over(Ending::Failed { why: why.to_owned() })
}

#[cfg(test)]
mod tests;
