//! Deployments of a service: the list in its description, and the service deployments that ECS keeps on record.
//!
//! The two have no more in common than a number: a deployment `ecs-svc/N` brings the service revision `N`. A rollback is a
//! deployment of its own, but belongs to the service deployment that failed.

mod described;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) use self::described::{current_revisions, describe, describe_revisions, list};
use super::{
    fates::Course,
    scheduler,
    services::{Revision, Rolling, Service},
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    world::Context,
};

/// A deployment, as the description of its service lists it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Deployment {
    /// `ecs-svc/N`
    pub(super) id: String,
    /// The number of the service revision that it brings.
    number: String,
    pub(super) revision: Revision,
    created: Time,
    pub(super) updated: Time,
    pub(super) state: State,
    pub(super) reason: String,
    /// Tasks that failed, since the last that did not.
    pub(super) failed: u32,
    pub(super) course: Course,
    /// Before this the scheduler does nothing.
    pub(super) starts: Time,
    /// Before this it launches no further task.
    pub(super) retry: Time,
    /// Whether it brings back what ran before.
    pub(super) rollback: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum State {
    InProgress,
    Completed,
    Failed,
}

/// A service deployment.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Record {
    pub(super) arn: String,
    /// The number of the service revision that it brings.
    number: String,
    revision: Revision,
    source: Option<String>,
    created: Time,
    started: Option<Time>,
    updated: Time,
    finished: Option<Time>,
    pub(super) status: Status,
    pub(super) reason: Option<String>,
    rollback: Option<Rollback>,
    rolling: Rolling,
    /// Whether the circuit breaker found it to have failed.
    triggered: bool,
    failed: u32,
    threshold: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Pending,
    InProgress,
    Successful,
    Stopped,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Rollback {
    reason: String,
    started: Time,
    /// The number of the service revision that it brings back.
    number: String,
}

const TOO_MANY: &str = "ECS deployment circuit breaker: tasks failed to start.";
const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";
const STOP_REQUESTED: &str = "Service deployment rolled back because of a stop request.";
/// ECS keeps records for 90 days; this many are plenty.
const RECORDS: usize = 50;

impl Service {
    /// Begins the deployment of a revision.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>, revision: Revision) {
        self.abandon(cx.now, "A newer service deployment took its place.");
        let course = self.course(cx, &revision);
        let number = number(cx);
        let arn = format!("service-deployment/{}/{}", self.key(), short_id(cx));
        let record = Record {
            arn: cx.arn("ecs", &arn),
            number: number.clone(),
            revision: revision.clone(),
            source: self.deployments.first().map(|it| it.number.clone()),
            created: cx.now,
            started: None,
            updated: cx.now,
            finished: None,
            status: Status::Pending,
            reason: None,
            rollback: None,
            rolling: self.rolling,
            triggered: false,
            failed: 0,
            threshold: Rolling::threshold(self.desired),
        };
        self.records.insert(0, record);
        self.records.truncate(RECORDS);
        let starts = cx.now + cx.times.of(|it| it.scheduler);
        let reason = |id: &str| format!("ECS deployment {id} in progress.");
        self.deployments.insert(0, Deployment::new(cx, number, revision, course, starts, reason));
        self.unsettle(cx);
    }

    /// Whatever goes on will not be ended.
    pub(super) fn abandon(&mut self, now: Time, why: &str) {
        if let Some(it) = self.records.first_mut().filter(|it| it.is_under_way()) {
            it.conclude(now, Status::Stopped, Some(why));
        }
    }

    /// The scheduler takes notice of the current deployment.
    pub(super) fn take_up(&mut self, now: Time) -> bool {
        match self.records.first_mut() {
            Some(it) if it.status == Status::Pending => {
                it.status = Status::InProgress;
                it.started = Some(now);
                it.updated = now;
                true
            }
            _ => false,
        }
    }

    /// The current deployment is what it was to become.
    pub(super) fn complete(&mut self, cx: &mut Context<'_>) {
        let Some(primary) = self.deployments.first_mut() else { return };
        primary.state = State::Completed;
        primary.reason = format!("ECS deployment {} completed.", primary.id);
        primary.updated = cx.now;
        let said = format!("(deployment {}) deployment completed.", primary.id);
        self.proven = Some(primary.clone());
        if let Some(record) = self.records.first_mut().filter(|it| it.is_under_way()) {
            let (status, reason) = match record.status {
                Status::RollbackInProgress => (Status::RollbackSuccessful, record.reason.clone()),
                _ => (Status::Successful, None),
            };
            record.conclude(cx.now, status, reason.as_deref());
        }
        self.deployments.truncate(1);
        self.say(cx, said);
    }

    /// A task of the current deployment failed, or could not be launched.
    pub(super) fn count_failure(&mut self, cx: &mut Context<'_>, wait: Time) {
        let Some(primary) = self.deployments.first_mut() else { return };
        primary.failed += 1;
        primary.retry = primary.retry.max(wait);
        primary.updated = cx.now;
        let (failed, rollback) = (primary.failed, primary.rollback);
        // The record goes on counting what made the rollback necessary.
        if let Some(record) = self.records.first_mut().filter(|it| !rollback && it.is_under_way()) {
            record.failed = failed;
            record.updated = cx.now;
        }
        if failed == 3 {
            self.say(
                cx,
                "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
            );
        }
    }

    /// A task of the current deployment runs well.
    pub(super) fn forget_failures(&mut self) {
        let Some(primary) = self.deployments.first_mut() else { return };
        primary.failed = 0;
        let rollback = primary.rollback;
        if let Some(record) = self.records.first_mut().filter(|it| !rollback && it.is_under_way()) {
            record.failed = 0;
        }
    }

    /// Does what the circuit breaker or a stop request wants. Says whether that was anything.
    pub(super) fn give_up(&mut self, cx: &mut Context<'_>) -> bool {
        let threshold = Rolling::threshold(self.desired);
        let (Some(primary), Some(record)) =
            (self.deployments.first_mut(), self.records.first_mut())
        else {
            return false;
        };
        if record.status == Status::RollbackRequested {
            primary.fail(cx.now, "ECS deployment stopped by a stop request.");
            self.roll_back(cx, STOP_REQUESTED, "ECS deployment stopped");
            return true;
        }
        let trips = self.rolling.breaker && primary.failed >= threshold;
        if primary.state != State::InProgress || !trips || !record.is_under_way() {
            return false;
        }
        primary.fail(cx.now, TOO_MANY);
        record.triggered = true;
        let said = format!("(deployment {}) deployment failed: tasks failed to start.", primary.id);
        let again = primary.rollback;
        if again {
            record.conclude(cx.now, Status::RollbackFailed, Some(TOO_MANY));
        } else if !self.rolling.rollback {
            record.conclude(cx.now, Status::Stopped, Some(TOO_MANY));
        }
        self.say(cx, said);
        if self.rolling.rollback && !again {
            self.roll_back(cx, TOO_MANY, "ECS deployment circuit breaker");
        }
        true
    }

    /// Brings the last deployment back that was completed.
    fn roll_back(&mut self, cx: &mut Context<'_>, why: &str, who: &str) {
        let (Some(failed), Some(record)) = (self.deployments.first_mut(), self.records.first_mut())
        else {
            return;
        };
        let Some(good) = self.proven.clone() else {
            failed.reason = format!("{} {NO_CANDIDATE}", failed.reason);
            record.conclude(cx.now, Status::RollbackFailed, Some(NO_CANDIDATE));
            return;
        };
        record.status = Status::RollbackInProgress;
        record.reason = Some(why.to_owned());
        record.updated = cx.now;
        record.rollback =
            Some(Rollback { reason: why.to_owned(), started: cx.now, number: good.number.clone() });
        let course = failed.course.of_rollback();
        let reason = |_: &str| format!("{who}: rolling back to deploymentId {}.", good.id);
        let number = number(cx);
        let new = Deployment::new(cx, number, good.revision, course, cx.now, reason);
        self.deployments.insert(0, Deployment { number: good.number, rollback: true, ..new });
        self.steady = false;
        self.say(cx, format!("rolling back to deployment {}.", good.id));
    }
}

impl Deployment {
    fn new(
        cx: &Context<'_>,
        number: String,
        revision: Revision,
        course: Course,
        starts: Time,
        reason: impl FnOnce(&str) -> String,
    ) -> Self {
        let id = format!("ecs-svc/{number}");
        Self {
            reason: reason(&id),
            id,
            number,
            revision,
            created: cx.now,
            updated: cx.now,
            state: State::InProgress,
            failed: 0,
            course,
            starts,
            retry: cx.now,
            rollback: false,
        }
    }

    fn fail(&mut self, now: Time, why: &str) {
        self.state = State::Failed;
        why.clone_into(&mut self.reason);
        self.updated = now;
    }
}

impl Record {
    /// Whether its end is open.
    pub(super) fn is_under_way(&self) -> bool {
        self.finished.is_none()
    }

    fn conclude(&mut self, now: Time, status: Status, reason: Option<&str>) {
        self.status = status;
        self.reason = reason.map(str::to_owned);
        self.updated = now;
        self.finished = Some(now);
    }

    fn revision_arn(&self, cx: &Context<'_>, service: &Service, number: &str) -> String {
        cx.arn("ecs", &format!("service-revision/{}/{number}", service.key()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Stop {
    service_deployment_arn: String,
    stop_type: Option<String>,
}

pub(super) fn stop(cx: &mut Context<'_>, input: Stop) -> Answer {
    let arn = input.service_deployment_arn;
    if input.stop_type.is_some_and(|it| it != "ROLLBACK") {
        return Err(Refusal::not_modelled("StopServiceDeployment of any type but ROLLBACK"));
    }
    let Some((service, record)) = records(cx).find(|(_, it)| it.arn == arn) else {
        let words = format!("Service deployment {arn} not found.");
        return Err(Refusal::new("ServiceDeploymentNotFoundException", words));
    };
    if !matches!(record.status, Status::Pending | Status::InProgress) {
        let words = "The service deployment cannot be stopped, for it is not in progress.";
        return Err(Refusal::new("ConflictException", words));
    }
    let key = service.key();
    scheduler::with(cx, &key, |cx, service| {
        if let Some(record) = service.records.first_mut() {
            record.status = Status::RollbackRequested;
            record.updated = cx.now;
        }
        service.unsettle(cx);
    });
    Ok(json!({ "serviceDeploymentArn": arn }))
}

fn records<'a>(cx: &'a Context<'_>) -> impl Iterator<Item = (&'a Service, &'a Record)> {
    let services = cx.region.ecs.services.values();
    services.flat_map(|it| it.records.iter().map(move |record| (it, record)))
}

fn number(cx: &mut Context<'_>) -> String {
    cx.chance.between(1_000_000_000_000_000_000, 9_000_000_000_000_000_000).to_string()
}

fn short_id(cx: &mut Context<'_>) -> String {
    cx.chance.hex(21)
}
