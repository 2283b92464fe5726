//! Looks at a deployment until it is over.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_ecs::types::{Service, StopServiceDeploymentStopType as StopType, Task};
use tokio::{sync::watch, time::Instant};

use super::{
    Ending, Event, Judge, Ours, Subject, TaskCounts, Verdict, causes,
    judge::rolls_back,
    look::{Looker, Seen, task_id},
};
use crate::{
    cloud::Cloud,
    engine::{Class, Error, Result},
};

/// After so many looks in vain the user is told.
const LOOKS_IN_VAIN: usize = 3;
/// What is asked for at the end, for the post-mortem only, may take so long.
const LAST_LOOK: Duration = Duration::from_secs(20);

/// How often to look, and for how long.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Time between two looks.
    pub poll: Duration,
    /// When to give up.
    pub deadline: Instant,
    /// Turns true when the user wants to stop.
    pub interrupted: watch::Receiver<bool>,
}

/// How it ended, and what was seen on the way.
#[derive(Debug)]
pub struct End {
    /// How it ended.
    pub ending: Ending,
    /// Its tasks that failed, the oldest first.
    pub stopped: Vec<Task>,
    /// Its tasks that live, if none failed and it did not end well.
    pub living: Vec<Task>,
    /// New targets that were not healthy when last seen, and why.
    pub targets: Vec<String>,
    /// What ECS said about the service meanwhile, the oldest first.
    pub events: Vec<String>,
    /// What could not be looked at, and why.
    pub blind: BTreeSet<String>,
    /// The tasks there were when last seen.
    pub counts: TaskCounts,
}

/// What was said of a deployment so far, so that everything is said once.
struct Told<'a> {
    tell: &'a (dyn Fn(Event) + Sync),
    /// Ids of events from before, or told.
    known: BTreeSet<String>,
    events: Vec<String>,
    counts: Option<TaskCounts>,
    rolling_back: bool,
    in_vain: usize,
}

/// Follows `ours` to its end. `known`: ids of the service's events from before.
///
/// # Errors
///
/// When ECS does not let us look any more. The deployment goes on then.
pub async fn follow(
    subject: &Subject,
    ours: &Ours,
    known: BTreeSet<String>,
    cloud: &Cloud,
    mut pace: Pace,
    tell: &(dyn Fn(Event) + Sync),
) -> Result<End> {
    let mut judge = Judge::new(ours.clone());
    let mut looker = Looker::new(subject, ours, cloud);
    let mut told =
        Told { tell, known, events: Vec::new(), counts: None, rolling_back: false, in_vain: 0 };
    let mut given_up = false;
    let ending = loop {
        let seen = tokio::select! {
            biased;
            stop = pace.stop() => break stop.ending(&judge),
            seen = looker.look() => seen,
        };
        match seen {
            Ok(seen) => {
                told.all(&seen, judge.ours());
                let verdict = judge.look(&seen.service, seen.record.as_ref());
                let rolls_back = rolls_back(&seen.service);
                let wanted = seen.service.desired_count;
                match verdict {
                    Verdict::Over(ending) => break ending,
                    Verdict::RollingBack => told.rolling_back(),
                    Verdict::Going if given_up => {}
                    Verdict::Going => {
                        if let Some(cause) = causes::lasting(&looker.stopped, &told.events, wanted)
                        {
                            if !rolls_back {
                                let then = "nothing is rolled back, for the service has no circuit breaker that \
                                            does; ECS goes on trying";
                                tell(Event::Hopeless {
                                    cause: cause.clone(),
                                    then: then.to_owned(),
                                });
                                break Ending::Failed { why: cause };
                            }
                            // The circuit breaker would come to the same end after many more tries.
                            given_up = give_up(cause, &mut judge, &looker, cloud, tell).await;
                        }
                    }
                }
            }
            Err(error) => told.trouble(error)?,
        }
        // Not all at the same moment, if several wait.
        let pause = pace.poll.mul_f64(0.8 + 0.4 * fastrand::f64());
        tokio::select! {
            biased;
            stop = pace.stop() => break stop.ending(&judge),
            () = tokio::time::sleep(pause) => {}
        }
    };
    let living = match ending {
        Ending::Failed { .. } | Ending::TimedOut if looker.stopped.is_empty() => {
            let living = tokio::time::timeout(LAST_LOOK, looker.living()).await;
            living.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let (targets, events, counts) =
        (looker.bad_targets(), told.events, told.counts.unwrap_or_default());
    let Looker { stopped, blind, .. } = looker;
    Ok(End { ending, stopped, living, targets, events, blind, counts })
}

/// Asks ECS to roll back what cannot succeed any more. Gives whether this is settled, one way or the other.
async fn give_up(
    cause: String,
    judge: &mut Judge,
    looker: &Looker<'_>,
    cloud: &Cloud,
    tell: &(dyn Fn(Event) + Sync),
) -> bool {
    let then = match looker.record_arn() {
        // Perhaps at the next look.
        None if looker.seeks_record() => return false,
        None => "ECS rolls back when its circuit breaker has counted enough failures".to_owned(),
        Some(arn) => {
            let request = cloud.ecs.stop_service_deployment().service_deployment_arn(arn);
            match request.stop_type(StopType::Rollback).send().await.map_err(Error::from) {
                Ok(_) => {
                    judge.given_up(&cause);
                    "asked ECS to roll back now".to_owned()
                }
                Err(error) if error.class() == Class::Transient => return false,
                Err(error) => format!(
                    "ECS rolls back when its circuit breaker says so, and not at once: {error}"
                ),
            }
        }
    };
    tell(Event::Hopeless { cause, then });
    true
}

/// Why nobody looks any further.
enum Stop {
    Interrupted,
    Late,
}

impl Stop {
    fn ending(&self, judge: &Judge) -> Ending {
        match self {
            Self::Interrupted => Ending::Interrupted,
            Self::Late => judge.out_of_time(),
        }
    }
}

impl Pace {
    /// Returns when there is no more looking.
    async fn stop(&mut self) -> Stop {
        tokio::select! {
            biased;
            // If nobody can interrupt any more, nobody will.
            Ok(_) = self.interrupted.wait_for(|it| *it) => Stop::Interrupted,
            () = tokio::time::sleep_until(self.deadline) => Stop::Late,
        }
    }
}

impl Told<'_> {
    fn all(&mut self, seen: &Seen, ours: &Ours) {
        self.in_vain = 0;
        self.events(&seen.service);
        for task in &seen.failed {
            (self.tell)(Event::Stopped {
                task: task_id(task).to_owned(),
                reason: causes::said(task),
            });
        }
        for (target, health) in &seen.targets {
            (self.tell)(Event::Target { target: target.clone(), health: health.clone() });
        }
        let counts = counts(&seen.service, ours);
        if self.counts.as_ref() != Some(&counts) {
            self.counts = Some(counts.clone());
            (self.tell)(Event::Tasks(counts));
        }
    }

    /// The newest come first, at most a hundred.
    fn events(&mut self, service: &Service) {
        let name = format!("(service {})", service.service_name().unwrap_or_default());
        for event in service.events().iter().rev() {
            let (Some(id), Some(message)) = (event.id(), event.message()) else { continue };
            if self.known.insert(id.to_owned()) {
                let message = message.strip_prefix(&name).unwrap_or(message).trim().to_owned();
                self.events.push(message.clone());
                (self.tell)(Event::Service { message });
            }
        }
    }

    fn rolling_back(&mut self) {
        if !std::mem::replace(&mut self.rolling_back, true) {
            (self.tell)(Event::RollingBack);
        }
    }

    /// Goes on after an error that may pass.
    fn trouble(&mut self, error: Error) -> Result<()> {
        // What was just described is there; an answer without it is a late one.
        let passes = matches!(error.class(), Class::Transient | Class::Settling | Class::Gone)
            || matches!(error, Error::Unexpected(_));
        if !passes {
            return Err(error);
        }
        self.in_vain += 1;
        if self.in_vain == LOOKS_IN_VAIN {
            (self.tell)(Event::Trouble { error: error.to_string() });
        }
        Ok(())
    }
}

fn counts(service: &Service, ours: &Ours) -> TaskCounts {
    let mut counts = TaskCounts { wanted: service.desired_count, ..TaskCounts::default() };
    for deployment in service.deployments() {
        if deployment.id() == Some(&ours.id) {
            counts.running = deployment.running_count;
            counts.pending = deployment.pending_count;
            counts.failed = deployment.failed_tasks;
        } else {
            counts.old = counts.old.saturating_add(deployment.running_count);
        }
    }
    counts
}
