//! What becomes of tasks: by the rules of AWS, by a fate that a user gives them, or by the plan of a test.
//!
//! A deployment takes its course when it begins and keeps it: all its tasks meet the same fate. Its rollback runs well.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    services::Network,
    task_definitions::{Container, Given},
};
use crate::{
    services::{iam, logs, ssm},
    world::Context,
};

/// What becomes of the tasks of a deployment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// They run, if the rules let them.
    #[default]
    Runs,
    /// The registry has no such image.
    ImageCannotBePulled,
    /// The registry refuses because of too many pulls.
    PullRateExceeded,
    /// A parameter with a secret is not there.
    SecretMissing,
    /// The image has no such program.
    CommandNotFound,
    /// The image is for another processor.
    WrongArchitecture,
    /// The container writes some lines and exits with an error.
    ContainerExits,
    /// The container takes more memory than it has.
    OutOfMemory,
    /// The container runs, but never answers the checks of the load balancer.
    HealthCheckFails,
    /// The container runs, but fails its own health check.
    ContainerUnhealthy,
    /// The image takes four times as long.
    SlowStart,
    /// They stay PENDING.
    NeverStarts,
}

/// Every fate with its name and what happens. An image whose tag is such a name meets that fate.
pub const FATES: &[(&str, Fate, &str)] = &[
    ("image-cannot-be-pulled", Fate::ImageCannotBePulled, "the registry has no such image"),
    ("pull-rate-exceeded", Fate::PullRateExceeded, "the registry refuses: too many pulls"),
    ("secret-missing", Fate::SecretMissing, "a parameter with a secret is not there"),
    ("command-not-found", Fate::CommandNotFound, "the image has no such program"),
    ("wrong-architecture", Fate::WrongArchitecture, "the image is for another processor"),
    ("container-exits", Fate::ContainerExits, "the container exits with code 1"),
    ("out-of-memory", Fate::OutOfMemory, "the container is killed for lack of memory"),
    ("health-check-fails", Fate::HealthCheckFails, "the load balancer's checks are not answered"),
    ("container-unhealthy", Fate::ContainerUnhealthy, "the container's own health check fails"),
    ("slow-start", Fate::SlowStart, "tasks take four times as long to start"),
    ("never-starts", Fate::NeverStarts, "tasks stay PENDING"),
];

/// After so long a container that exits does so.
const EXITS_AFTER: Duration = Duration::from_secs(3);

/// What later deployments are to do. It belongs to who looks on, and so is not saved.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans {
    fates: BTreeMap<Option<String>, Fate>,
    planned: BTreeMap<Option<String>, Plan>,
}

/// A test's plan: it takes the place of the rules.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    #[serde(default)]
    outcome: Outcome,
    /// From the beginning of a task to its outcome.
    #[serde(default = "fifth")]
    seconds: f64,
    /// From a task's being told to stop to its end.
    #[serde(default = "tenth")]
    drain_seconds: f64,
    /// The service; none: all others.
    service: Option<String>,
    #[serde(default)]
    stopped: Stopped,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    #[default]
    Succeed,
    Fail,
    Hang,
}

/// How a failing task stops.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Stopped {
    reason: String,
    code: String,
    exit_code: Option<i32>,
    container_reason: Option<String>,
    log: Vec<String>,
}

impl Default for Stopped {
    fn default() -> Self {
        Self {
            reason: "Essential container in task exited".to_owned(),
            code: EXITED.to_owned(),
            exit_code: Some(1),
            container_reason: None,
            log: Vec::new(),
        }
    }
}

fn fifth() -> f64 {
    0.2
}
fn tenth() -> f64 {
    0.1
}

/// How later deployments go: the fields of [`Plan`]. Answers with all plans.
pub(crate) fn plan(cx: &mut Context<'_>, how: Value) -> Result<Value, String> {
    let plan: Plan = serde_json::from_value(how).map_err(|error| error.to_string())?;
    if !(plan.seconds >= 0.0 && plan.drain_seconds >= 0.0) {
        return Err("`seconds` and `drain_seconds` cannot be negative".to_owned());
    }
    let planned = &mut cx.region.ecs.plans.planned;
    planned.insert(plan.service.clone(), plan);
    serde_json::to_value(planned.values().collect::<Vec<_>>()).map_err(|error| error.to_string())
}

/// Gives the later deployments of a service, or of all others, a fate.
pub fn meet(cx: &mut Context<'_>, service: Option<&str>, fate: Fate) {
    cx.region.ecs.plans.fates.insert(service.map(str::to_owned), fate);
}

/// The course that a deployment takes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Course {
    fate: Fate,
    plan: Option<Plan>,
}

/// How a task stops.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Stop {
    pub(super) code: String,
    pub(super) reason: String,
    pub(super) exit_code: Option<i32>,
    pub(super) container_reason: Option<String>,
    pub(super) log: Vec<String>,
}

const FAILED_TO_START: &str = "TaskFailedToStart";
const EXITED: &str = "EssentialContainerExited";

impl Stop {
    fn unstarted(reason: impl Into<String>) -> Self {
        Self {
            code: FAILED_TO_START.to_owned(),
            reason: reason.into(),
            exit_code: None,
            container_reason: None,
            log: Vec::new(),
        }
    }

    fn exited(exit_code: i32, log: &[&str]) -> Self {
        Self {
            code: EXITED.to_owned(),
            reason: "Essential container in task exited".to_owned(),
            exit_code: Some(exit_code),
            container_reason: None,
            log: log.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    /// The scheduler does not want it any more; the container ends in peace.
    pub(super) fn by_scheduler(reason: impl Into<String>) -> Self {
        Self {
            code: "ServiceSchedulerInitiated".to_owned(),
            exit_code: Some(0),
            ..Self::unstarted(reason)
        }
    }

    /// Somebody does not want it any more.
    pub(super) fn by_user(reason: impl Into<String>) -> Self {
        Self { code: "UserInitiated".to_owned(), ..Self::by_scheduler(reason) }
    }
}

impl Course {
    /// That of a deployment that begins now.
    pub(super) fn of(cx: &Context<'_>, service: &str, definition: &Given) -> Self {
        fn pick<'a, T>(from: &'a BTreeMap<Option<String>, T>, service: &str) -> Option<&'a T> {
            from.get(&Some(service.to_owned())).or_else(|| from.get(&None))
        }
        let plans = &cx.region.ecs.plans;
        let images = definition.container_definitions.iter();
        let by_image = || images.filter_map(|it| fate_of(&it.image)).next();
        let fate = pick(&plans.fates, service).copied().or_else(by_image).unwrap_or_default();
        Self { fate, plan: pick(&plans.planned, service).cloned() }
    }

    /// The same for a rollback, which brings back what ran.
    pub(super) fn of_rollback(&self) -> Self {
        let plan = self.plan.clone().map(|it| Plan { outcome: Outcome::Succeed, ..it });
        Self { fate: Fate::Runs, plan }
    }

    /// How long a task is PROVISIONING.
    pub(super) fn provisioning(&self, cx: &mut Context<'_>) -> Duration {
        match &self.plan {
            Some(plan) => Duration::from_secs_f64(plan.seconds / 2.0),
            None => varied(cx, cx.times.of(|it| it.task_provisioning)),
        }
    }

    /// How long it is PENDING then; None: for ever.
    pub(super) fn pending(&self, cx: &mut Context<'_>) -> Option<Duration> {
        match (&self.plan, self.fate) {
            (Some(plan), _) if plan.outcome == Outcome::Hang => None,
            (Some(plan), _) => Some(Duration::from_secs_f64(plan.seconds / 2.0)),
            (None, Fate::NeverStarts) => None,
            (None, fate) => {
                let usual = varied(cx, cx.times.of(|it| it.task_pending));
                Some(if fate == Fate::SlowStart { usual * 4 } else { usual })
            }
        }
    }

    /// How long it runs until the scheduler counts it: without any health check 40 seconds, says the experience of users.
    pub(super) fn settling(
        &self,
        cx: &Context<'_>,
        checked: Option<Duration>,
        balanced: bool,
    ) -> Duration {
        match (&self.plan, checked) {
            (Some(_), _) => Duration::ZERO,
            (None, Some(interval)) => cx.times.paced(interval),
            (None, None) if balanced => Duration::ZERO,
            (None, None) => cx.times.paced(Duration::from_secs(40)),
        }
    }

    /// How long a task takes to stop.
    pub(super) fn stopping(&self, cx: &mut Context<'_>) -> Duration {
        match &self.plan {
            Some(plan) => Duration::from_secs_f64(plan.drain_seconds),
            None => varied(cx, cx.times.of(|it| it.task_stopping)),
        }
    }

    /// Why a task does not start, if so.
    pub(super) fn before_start(
        &self,
        cx: &Context<'_>,
        task: &str,
        definition: &Given,
        network: &Network,
    ) -> Option<Stop> {
        if let Some(plan) = &self.plan {
            let fails = plan.outcome == Outcome::Fail && plan.stopped.code == FAILED_TO_START;
            return fails.then(|| plan.stop());
        }
        let container = definition.container_definitions.first()?;
        let image = full_name(&container.image);
        let why = match self.fate {
            Fate::ImageCannotBePulled => format!(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {image}: not found"
            ),
            Fate::PullRateExceeded => format!(
                "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {image}: unexpected status from HEAD request: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit."
            ),
            Fate::SecretMissing => {
                let secret = container.secrets.first().map(|it| it.value_from.as_str());
                missing_secret(secret.unwrap_or("/token"))
            }
            Fate::CommandNotFound => "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/bot\": stat /bot: no such file or directory: unknown".to_owned(),
            _ => by_rules(cx, task, definition, network)?,
        };
        let mut stop = Stop::unstarted(why);
        if stop.reason.starts_with("CannotPull") || stop.reason.starts_with("CannotStart") {
            stop.container_reason = Some(stop.reason.clone());
        }
        Some(stop)
    }

    /// When and why a running task exits by itself, if so.
    pub(super) fn after_start(&self, cx: &Context<'_>) -> Option<(Duration, Stop)> {
        if let Some(plan) = &self.plan {
            let fails = plan.outcome == Outcome::Fail && plan.stopped.code != FAILED_TO_START;
            return fails.then(|| (Duration::ZERO, plan.stop()));
        }
        let stop = match self.fate {
            Fate::ContainerExits => Stop::exited(
                1,
                &["starting", "error: the token is not valid: Unauthorized", "giving up"],
            ),
            Fate::WrongArchitecture => {
                Stop::exited(255, &["exec /usr/local/bin/bot: exec format error"])
            }
            Fate::OutOfMemory => Stop {
                container_reason: Some(
                    "OutOfMemoryError: Container killed due to memory usage".to_owned(),
                ),
                ..Stop::exited(137, &["starting"])
            },
            _ => return None,
        };
        Some((cx.times.paced(EXITS_AFTER), stop))
    }

    /// Whether it answers the checks of a load balancer.
    pub(super) fn answers(&self) -> bool {
        self.plan.is_some() || self.fate != Fate::HealthCheckFails
    }

    /// Whether it passes its own health check.
    pub(super) fn well(&self) -> bool {
        self.plan.is_some() || self.fate != Fate::ContainerUnhealthy
    }

    /// Whether roles are looked at before a task is launched.
    pub(super) fn by_rules(&self) -> bool {
        self.plan.is_none()
    }
}

impl Plan {
    fn stop(&self) -> Stop {
        let Stopped { reason, code, exit_code, container_reason, log } = self.stopped.clone();
        Stop { code, reason, exit_code, container_reason, log }
    }
}

/// What the rules of AWS have against the start of a task.
fn by_rules(cx: &Context<'_>, task: &str, definition: &Given, network: &Network) -> Option<String> {
    const UNABLE: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:";
    let container = definition.container_definitions.first()?;
    let role = definition.execution_role_arn.as_deref().unwrap_or_default();
    let denied = |action: &str, resource: &str| {
        let name = role.rsplit('/').next().unwrap_or_default();
        format!(
            "AccessDeniedException: User: arn:aws:sts::{}:assumed-role/{name}/{task} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action",
            cx.account
        )
    };
    let secrets = || definition.container_definitions.iter().flat_map(|it| &it.secrets);
    // There are no NAT gateways here: without a public address nothing outside is reached.
    if !network.public {
        return Some(match secrets().next() {
            Some(_) => format!(
                "{UNABLE} unable to retrieve secrets from ssm: service call has been retried 5 time(s): RequestCanceled: request context canceled caused by: context deadline exceeded. Please check your task network configuration."
            ),
            None => format!(
                "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {}: failed to do request: dial tcp: i/o timeout. Please check your task network configuration.",
                full_name(&container.image)
            ),
        });
    }
    for secret in secrets() {
        let from = &secret.value_from;
        if from.contains(":secretsmanager:") {
            continue;
        }
        let arn = match from.starts_with("arn:") {
            true => from.clone(),
            false => cx.arn("ssm", &format!("parameter/{}", from.trim_start_matches('/'))),
        };
        if !iam::allows(cx, role, "ssm:GetParameters", &arn) {
            let why = denied("ssm:GetParameters", &arn);
            return Some(format!(
                "{UNABLE} unable to retrieve secrets from ssm: service call has been retried 1 time(s): {why} status code: 400"
            ));
        }
        if !ssm::exists(cx, &arn) {
            return Some(missing_secret(from));
        }
    }
    definition.container_definitions.iter().find_map(|it| without_log(cx, it, role, task, &denied))
}

fn without_log(
    cx: &Context<'_>,
    container: &Container,
    role: &str,
    task: &str,
    denied: &dyn Fn(&str, &str) -> String,
) -> Option<String> {
    let (group, stream) = container.log(task)?;
    let arn = cx.arn("logs", &format!("log-group:{group}:log-stream:{stream}"));
    let why = if !iam::allows(cx, role, "logs:CreateLogStream", &arn) {
        denied("logs:CreateLogStream", &arn)
    } else if !logs::exists(cx, group) {
        "ResourceNotFoundException: The specified log group does not exist.".to_owned()
    } else {
        return None;
    };
    Some(format!(
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: {why} : exit status 1"
    ))
}

fn missing_secret(parameter: &str) -> String {
    let name = parameter.split_once(":parameter").map_or(parameter, |it| it.1);
    format!(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: {name}"
    )
}

/// The fate that the tag of an image names.
fn fate_of(image: &str) -> Option<Fate> {
    let tag = image.split('@').next()?.rsplit('/').next()?.split_once(':')?.1;
    FATES.iter().find(|(name, ..)| *name == tag).map(|(_, fate, _)| *fate)
}

/// As it stands in errors: with registry and tag.
fn full_name(image: &str) -> String {
    let first = image.split('/').next().unwrap_or_default();
    let registry = image.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let name = match (registry, image.contains('/')) {
        (true, _) => image.to_owned(),
        (false, true) => format!("docker.io/{image}"),
        (false, false) => format!("docker.io/library/{image}"),
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) { name } else { format!("{name}:latest") }
}

/// A tenth more or less, by chance.
fn varied(cx: &mut Context<'_>, usual: Duration) -> Duration {
    let usual = u64::try_from(usual.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(cx.chance.between(usual - usual / 10, usual + usual / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_can_name_a_fate() {
        assert_eq!(fate_of("docker.io/me/bot:container-exits"), Some(Fate::ContainerExits));
        assert_eq!(fate_of("localhost:5000/bot"), None);
        assert_eq!(fate_of("me/bot:1@sha256:00"), None);
        for (name, fate, _) in FATES {
            assert_eq!(serde_json::json!(fate), *name);
        }
    }

    #[test]
    fn images_are_named_in_full() {
        assert_eq!(full_name("bot"), "docker.io/library/bot:latest");
        assert_eq!(full_name("me/bot:2"), "docker.io/me/bot:2");
        assert_eq!(full_name("localhost:5000/bot:1"), "localhost:5000/bot:1");
    }

    #[test]
    fn a_plan_is_checked_and_its_gaps_are_filled() {
        let read = |text: &str| serde_json::from_str::<Plan>(text);
        assert!(read("{}").is_ok_and(|it| it.outcome == Outcome::Succeed && it.seconds == 0.2));
        let failing =
            read(r#"{"outcome": "fail", "stopped": {"exit_code": null, "log": ["bye"]}}"#);
        assert!(failing.is_ok_and(|it| it.stop().exit_code.is_none() && it.stop().code == EXITED));
        assert!(read(r#"{"outcome": "maybe"}"#).is_err());
        assert!(read(r#"{"stopped": {"why": "x"}}"#).is_err());
    }
}
