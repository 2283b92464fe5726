//! Follows a deployment to its end, and says how it ended: what `deploy`, `rollback` and `restart` have in common.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::service::Chosen;
use crate::{
    cloud::Cloud,
    deployment::{self, Current, End, Ending, Event, Ours, Pace, TaskCounts, short},
    failure::{Exit, Failure},
    ui::{Ui, harmless, seconds},
};

/// What a clock cannot reach any more is about as far.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// Nobody means longer ones, and they must not overflow.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// A deployment that has begun.
pub(super) struct Rollout<'a> {
    pub(super) chosen: &'a Chosen,
    /// What ran before.
    pub(super) current: &'a Current,
    pub(super) ours: &'a Ours,
    /// The image that it brings.
    pub(super) image: &'a str,
    /// The command that follows it further.
    pub(super) again: String,
    /// The command that brings back what ran before, if that is something else.
    pub(super) back: Option<String>,
}

/// How long somebody waits.
pub(super) struct Patience {
    pub(super) poll: Duration,
    /// None: not at all.
    pub(super) timeout: Option<Duration>,
    pub(super) interrupted: watch::Receiver<bool>,
}

impl Rollout<'_> {
    /// Follows it, if somebody waits.
    pub(super) async fn follow(
        &self,
        beginning: Event,
        patience: Patience,
        cloud: &Cloud,
        ui: &Ui,
    ) -> Result<Exit, Failure> {
        let began = Instant::now();
        let tell = |event: Event| ui.deployment(began.elapsed(), &event);
        tell(beginning);
        let Some(timeout) = patience.timeout else {
            let text =
                format!("{} is being deployed; nobody waits for it", short(&self.ours.revision));
            ui.result(&text, "deploy_outcome", self.object("started", began.elapsed()));
            return Ok(Exit::Ok);
        };
        let deadline = began.checked_add(timeout).unwrap_or(began + FOR_EVER);
        let poll = patience.poll.min(LONGEST_PAUSE);
        let pace = Pace { poll, deadline, interrupted: patience.interrupted };
        let (subject, known) = (&self.chosen.subject, self.current.events());
        let end = deployment::follow(subject, self.ours, known, cloud, pace, &tell).await.map_err(
            |error| {
                let revision = short(&self.ours.revision);
                Failure::from(error).hint(format!("the deployment of {revision} goes on in AWS"))
            },
        )?;
        self.end(&end, began.elapsed(), timeout, cloud, ui).await
    }

    async fn end(
        &self,
        end: &End,
        took: Duration,
        timeout: Duration,
        cloud: &Cloud,
        ui: &Ui,
    ) -> Result<Exit, Failure> {
        let new = short(&self.ours.revision);
        let further = || format!("to follow it further: `{}`", self.again);
        let failure = match &end.ending {
            Ending::Succeeded => {
                let object = self.object("succeeded", took);
                ui.result(&self.success(end, took), "deploy_outcome", object);
                return Ok(Exit::Ok);
            }
            Ending::RolledBack { why, serves } => Failure::new(
                Exit::RolledBack,
                format!(
                    "the deployment of {new} failed and was rolled back, {serves} serves again: {why}"
                ),
            ),
            Ending::Failed { why } => {
                let message =
                    format!("the deployment of {new} failed and was not rolled back: {why}");
                self.old_ones(Failure::new(Exit::NotRolledBack, message), &end.counts)
            }
            Ending::Superseded { by } => Failure::new(
                Exit::Superseded,
                format!("the deployment of {new} was superseded by a later one, of {by}"),
            )
            .hint("that one decides what runs: look how it ends"),
            Ending::TimedOut => Failure::new(
                Exit::TimedOut,
                format!(
                    "the deployment of {new} was not over within {}; it goes on in AWS",
                    time(timeout)
                ),
            )
            .hint(further()),
            Ending::Interrupted => Failure::new(
                Exit::Interrupted,
                format!("interrupted; the deployment of {new} goes on in AWS"),
            )
            .hint(further()),
        };
        let outcome = match &end.ending {
            Ending::Succeeded => "succeeded",
            Ending::RolledBack { .. } => "rolled_back",
            Ending::Failed { .. } => "failed",
            Ending::Superseded { .. } => "superseded",
            Ending::TimedOut => "timed_out",
            Ending::Interrupted => "interrupted",
        };
        let mut object = self.object(outcome, took);
        object["exit_code"] = json!(failure.exit as i32);
        let is_bad = matches!(
            end.ending,
            Ending::RolledBack { .. } | Ending::Failed { .. } | Ending::TimedOut
        );
        let post_mortem = match is_bad {
            true => Some(deployment::write(end, self.ours, &self.current.definition, cloud).await),
            false => None,
        };
        ui.deployment_ended(object, post_mortem.as_ref());
        let option = &self.chosen.option;
        let look = format!(
            "to look further: `provisioner status{option}`, `provisioner logs --since 1h{option}`"
        );
        let failure = if is_bad { failure.hint(look) } else { failure };
        // The errors' text is shown as it is where it looks like one that was rendered already.
        Err(Failure { message: harmless(&failure.message), ..failure })
    }

    fn success(&self, end: &End, took: Duration) -> String {
        let TaskCounts { wanted, running, .. } = end.counts;
        let (new, image) = (short(&self.ours.revision), self.image);
        let took = format!("{:.1} s", took.as_secs_f64());
        match wanted {
            0 => format!(
                "{new} with {image} is in place after {took}; the service is scaled to 0, so nothing runs"
            ),
            _ => format!("{new} serves {image} after {took}: {running} of {wanted} tasks running"),
        }
    }

    /// What there still is from before, and the way back.
    fn old_ones(&self, failure: Failure, counts: &TaskCounts) -> Failure {
        let failure = failure.hint(match counts.old {
            0 => "no task from before the deployment runs any more".to_owned(),
            1 => "1 task from before the deployment still runs".to_owned(),
            many => format!("{many} tasks from before the deployment still run"),
        });
        match &self.back {
            Some(back) => failure.hint(format!("to go back: `{}`", harmless(back))),
            None => failure,
        }
    }

    fn object(&self, outcome: &str, took: Duration) -> Value {
        json!({
            "outcome": outcome,
            "service": self.chosen.subject.service,
            "revision": short(&self.ours.revision),
            "image": self.image,
            "deployment": self.ours.id,
            "seconds": seconds(took),
            "exit_code": 0,
        })
    }
}

/// A time as it is given on the command line.
fn time(time: Duration) -> String {
    jiff::SignedDuration::try_from(time).map_or_else(|_| "ever".to_owned(), |it| format!("{it:#}"))
}
