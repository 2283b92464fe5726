//! Puts a new image into service and follows its deployment to the end.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::load;
use crate::{
    cli::{Deploy, Global},
    cloud::Cloud,
    config::{Config, image},
    deployment::{
        self, Begun, Current, End, Ending, Event, Ours, Pace, Subject, TaskCounts, short,
    },
    failure::{Exit, Failure},
    place::Place,
    ui::{Ui, harmless, seconds},
};

/// What a clock cannot reach any more is about as far.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// Nobody means longer ones, and they must not overflow.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

pub(super) async fn run(
    global: &Global,
    args: Deploy,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let config = load(&global.file, ui)?;
    let name = chosen(&config, args.service.as_deref())?;
    check(&args.image)?;
    let subject = Subject::of(&config, name);
    let look = async {
        let cloud = place.connect(&config.name, &config.region).await?;
        let current = deployment::find(&subject, &cloud).await?;
        Ok::<_, Failure>((cloud, current.ok_or_else(|| missing(&subject))?))
    };
    let (cloud, current) = tokio::select! {
        biased;
        Ok(_) = interrupted.wait_for(|it| *it) => {
            return Err(Failure::new(Exit::Interrupted, "interrupted; nothing was changed"));
        }
        found = look => found?,
    };
    // Not to be broken off: nobody would know whether it has begun.
    let begun = deployment::begin(&subject, &current, &args.image, &cloud).await?;
    let ours = match &begun {
        Begun::Nothing => return Ok(nothing(&subject, &current, &args.image, ui)),
        Begun::Joined(ours) | Begun::Deployment(ours) => ours,
    };
    let began = Instant::now();
    let tell = |event: Event| ui.deployment(began.elapsed(), &event);
    tell(beginning(&subject, &current, &begun, ours, &args.image)?);
    let told = Told { subject: &subject, ours, args: &args, config: &config };
    if args.no_wait {
        let text = format!("{} is being deployed; nobody waits for it", short(&ours.revision));
        ui.result(&text, "deploy_outcome", told.object("started", began.elapsed()));
        return Ok(Exit::Ok);
    }
    let deadline = began.checked_add(args.timeout).unwrap_or(began + FOR_EVER);
    let pace = Pace { poll: global.poll.min(LONGEST_PAUSE), deadline, interrupted };
    let end = deployment::follow(&subject, ours, current.events(), &cloud, pace, &tell)
        .await
        .map_err(|error| {
            Failure::from(error)
                .hint(format!("the deployment of {} goes on in AWS", short(&ours.revision)))
        })?;
    told.end(&end, began.elapsed(), &current, &cloud, ui).await
}

/// The service that is meant.
fn chosen<'a>(config: &'a Config, wanted: Option<&str>) -> Result<&'a str, Failure> {
    let wrong = |message: String| Failure::new(Exit::Configuration, message);
    let names: Vec<&str> = config.services.keys().map(String::as_str).collect();
    let all = names.join(", ");
    match (wanted, names.as_slice()) {
        (None, [only]) => Ok(only),
        (None, []) => Err(wrong("stack.yaml has no services".to_owned())),
        (None, _) => Err(wrong("stack.yaml has several services".to_owned())
            .hint(format!("name one with `--service`: {all}"))),
        (Some(wanted), _) => names.iter().copied().find(|it| *it == wanted).ok_or_else(|| {
            let nearest = names
                .iter()
                .max_by(|a, b| strsim::jaro(a, wanted).total_cmp(&strsim::jaro(b, wanted)));
            let meant = nearest.map(|it| format!("did you mean `{it}`? ")).unwrap_or_default();
            wrong(format!("stack.yaml has no service `{}`", harmless(wanted)))
                .hint(format!("{meant}there are: {all}"))
        }),
    }
}

fn check(reference: &str) -> Result<(), Failure> {
    image::check(reference).map_err(|wrong| {
        let failure =
            Failure::new(Exit::Configuration, format!("`{}` {}", harmless(reference), wrong.what));
        wrong.help.into_iter().fold(failure, Failure::hint)
    })
}

fn missing(subject: &Subject) -> Failure {
    let Subject { cluster, service, .. } = subject;
    Failure::new(
        Exit::Failed,
        format!("there is no ECS service `{service}` in the cluster `{cluster}`"),
    )
    .hint("`provisioner up` makes it; afterwards `deploy` brings new images")
}

fn nothing(subject: &Subject, current: &Current, image: &str, ui: &Ui) -> Exit {
    let revision = short(current.service.task_definition().unwrap_or_default());
    let text = format!("Nothing to do: {} runs {image} already, by {revision}", subject.service);
    let object = json!({
        "outcome": "unchanged", "service": subject.service, "revision": revision, "image": image, "exit_code": 0,
    });
    ui.result(&text, "deploy_outcome", object);
    if !image.contains('@') {
        ui.say("A tag that was moved to another image is not noticed: deploy a digest (`…@sha256:…`) or a new tag.");
    }
    Exit::Ok
}

fn beginning(
    subject: &Subject,
    current: &Current,
    begun: &Begun,
    ours: &Ours,
    image: &str,
) -> Result<Event, Failure> {
    let (service, new, deployment) =
        (subject.service.clone(), short(&ours.revision).to_owned(), ours.id.clone());
    if matches!(begun, Begun::Joined(_)) {
        return Ok(Event::Joined { service, new, deployment });
    }
    Ok(Event::Begun {
        service,
        new,
        deployment,
        old: short(current.service.task_definition().unwrap_or_default()).to_owned(),
        old_image: deployment::image_of(&current.definition, &subject.container)?.to_owned(),
        new_image: image.to_owned(),
    })
}

/// What is told of one deployment.
struct Told<'a> {
    subject: &'a Subject,
    ours: &'a Ours,
    args: &'a Deploy,
    config: &'a Config,
}

impl Told<'_> {
    /// Tells how it ended.
    async fn end(
        &self,
        end: &End,
        took: Duration,
        current: &Current,
        cloud: &Cloud,
        ui: &Ui,
    ) -> Result<Exit, Failure> {
        let new = short(&self.ours.revision);
        let failure = match &end.ending {
            Ending::Succeeded => {
                ui.result(
                    &self.success(end, took),
                    "deploy_outcome",
                    self.object("succeeded", took),
                );
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
                self.old_ones(Failure::new(Exit::NotRolledBack, message), &end.counts, current)
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
                    self.within()
                ),
            )
            .hint(format!("to follow it further: `{}`", self.command(&self.args.image))),
            Ending::Interrupted => Failure::new(
                Exit::Interrupted,
                format!("interrupted; the deployment of {new} goes on in AWS"),
            )
            .hint(format!("to follow it further: `{}`", self.command(&self.args.image))),
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
            true => Some(deployment::write(end, &current.definition, cloud).await),
            false => None,
        };
        ui.deployment_ended(object, post_mortem.as_ref());
        // The errors' text is shown as it is where it looks like one that was rendered already.
        Err(Failure { message: harmless(&failure.message), ..failure })
    }

    fn success(&self, end: &End, took: Duration) -> String {
        let TaskCounts { wanted, running, .. } = end.counts;
        let (new, image) = (short(&self.ours.revision), &self.args.image);
        let took = format!("{:.1} s", took.as_secs_f64());
        match wanted {
            0 => format!(
                "{new} with {image} is in place after {took}; the service is scaled to 0, so nothing runs"
            ),
            _ => format!("{new} serves {image} after {took}: {running} of {wanted} tasks running"),
        }
    }

    /// What there still is from before, and the way back.
    fn old_ones(&self, failure: Failure, counts: &TaskCounts, current: &Current) -> Failure {
        let failure = failure.hint(match counts.old {
            0 => "no task from before the deployment runs any more".to_owned(),
            1 => "1 task from before the deployment still runs".to_owned(),
            many => format!("{many} tasks from before the deployment still run"),
        });
        match deployment::image_of(&current.definition, &self.subject.container) {
            Ok(image) if image != self.args.image => {
                failure.hint(format!("to go back: `{}`", self.command(&harmless(image))))
            }
            _ => failure,
        }
    }

    fn object(&self, outcome: &str, took: Duration) -> Value {
        json!({
            "outcome": outcome,
            "service": self.subject.service,
            "revision": short(&self.ours.revision),
            "image": self.args.image,
            "deployment": self.ours.id,
            "seconds": seconds(took),
            "exit_code": 0,
        })
    }

    /// The time it had, as it is given on the command line.
    fn within(&self) -> String {
        jiff::SignedDuration::try_from(self.args.timeout)
            .map_or_else(|_| "ever".to_owned(), |it| format!("{it:#}"))
    }

    /// This command with another image.
    fn command(&self, image: &str) -> String {
        let service = match (&self.args.service, self.config.services.len()) {
            (Some(name), 2..) => format!(" --service {name}"),
            _ => String::new(),
        };
        format!("provisioner deploy --image {image}{service}")
    }
}
