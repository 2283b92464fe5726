//! Tasks: the life cycle of each on Fargate, and what can be asked about them.

mod described;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) use self::described::{describe, list};
use super::{
    clusters,
    deployments::Deployment,
    fates::{Course, Stop},
    invalid, scheduler,
    services::{Balancer, Network, Service},
    short, task_definitions,
};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    services::{
        ec2::{self, Interface},
        elb::{self, Health},
        logs,
    },
    world::Context,
};

/// A task of a service.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Task {
    pub(super) id: String,
    /// Id of the deployment that started it.
    pub(super) deployment: String,
    /// ARN of its task definition.
    definition: String,
    course: Course,
    network: Network,
    balancers: Vec<Balancer>,
    exec: bool,
    zone: String,
    attachment: String,
    interface: Option<Interface>,
    containers: Vec<Container>,
    pub(super) status: Status,
    /// When the time in this status is over.
    until: Option<Time>,
    created: Time,
    pulled_from: Option<Time>,
    pulled: Option<Time>,
    pub(super) started: Option<Time>,
    stopping: Option<Time>,
    halted: Option<Time>,
    pub(super) stopped: Option<Time>,
    pub(super) stop: Option<Stop>,
    /// What it will do by itself.
    exits: Option<(Time, Stop)>,
    /// When it counts if nobody finds anything wrong.
    settled: Option<Time>,
    /// When its own health check has decided, and how.
    checked: Option<(Time, bool)>,
    /// Whether the scheduler counts it.
    pub(super) up: bool,
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Container {
    name: String,
    image: String,
    runtime: String,
    exit_code: Option<i32>,
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

/// What the scheduler thinks of a task that runs.
pub(super) enum Opinion {
    /// It counts.
    Up,
    /// Nothing is decided; at the earliest at this time, if that is known.
    Open(Option<Time>),
    /// It has to go, for this reason.
    Ill(String),
}

/// How long the target of a new task takes to be registered.
const REGISTRATION: Duration = Duration::from_secs(1);

impl Task {
    /// Begins a task of a deployment.
    pub(super) fn launch(cx: &mut Context<'_>, service: &Service, deployment: &Deployment) -> Self {
        let id = cx.chance.hex(32);
        let revision = &deployment.revision;
        let network = revision.network.clone();
        let subnets = network.subnets.len().max(1) as u64;
        // One subnet after the other, as ECS spreads tasks over availability zones.
        let turn = service.tasks.len() as u64 % subnets;
        let subnet = network.subnets.get(turn as usize).cloned().unwrap_or_default();
        let attachment = cx.chance.uuid();
        let description =
            format!("arn:aws:ecs:{}:{}:attachment/{attachment}", cx.region.name, cx.account);
        let interface = ec2::add_interface(
            cx,
            "amazon-ecs",
            &description,
            &subnet,
            &network.security_groups,
            network.public,
        );
        let definition = task_definitions::of(cx, &revision.task_definition).cloned();
        let containers = definition.into_iter().flat_map(|it| it.container_definitions);
        let containers = containers
            .map(|it| Container {
                name: it.name,
                image: it.image,
                runtime: format!("{id}-{}", cx.chance.between(100_000_000, 4_000_000_000)),
                exit_code: None,
                reason: None,
            })
            .collect();
        let provisioning = deployment.course.provisioning(cx);
        Self {
            id,
            deployment: deployment.id.clone(),
            definition: revision.task_definition.clone(),
            course: deployment.course.clone(),
            zone: ec2::subnet(cx, &subnet).map(|it| it.zone).unwrap_or_default(),
            network,
            balancers: revision.balancers.clone(),
            exec: service.exec,
            attachment,
            interface,
            containers,
            status: Status::Provisioning,
            until: Some(cx.now + provisioning),
            created: cx.now,
            pulled_from: None,
            pulled: None,
            started: None,
            stopping: None,
            halted: None,
            stopped: None,
            stop: None,
            exits: None,
            settled: None,
            checked: None,
            up: false,
            tags: service.tags_of_tasks(cx, revision),
        }
    }

    /// Lets happen the next thing that is due. Says whether anything did.
    pub(super) fn step(&mut self, cx: &mut Context<'_>) -> bool {
        let due = self.until.is_some_and(|it| it <= cx.now);
        match self.status {
            Status::Provisioning if due => {
                self.status = Status::Pending;
                self.pulled_from = Some(cx.now);
                self.until = self.course.pending(cx).map(|it| cx.now + it);
            }
            Status::Pending if due => self.start(cx),
            Status::Activating if due => self.run(cx),
            Status::Running if self.exits.as_ref().is_some_and(|(at, _)| *at <= cx.now) => {
                if let Some((_, stop)) = self.exits.take() {
                    self.end(cx, stop);
                }
            }
            Status::Deactivating if !self.drains(cx) => {
                self.status = Status::Stopping;
                self.until = Some(cx.now + self.course.stopping(cx) / 2);
            }
            Status::Stopping if due => self.halt(cx),
            Status::Deprovisioning if due => {
                self.status = Status::Stopped;
                self.until = None;
                self.stopped = Some(cx.now);
                if let Some(interface) = &self.interface {
                    ec2::remove_interface(cx, &interface.id, Duration::ZERO);
                }
            }
            _ => return false,
        }
        true
    }

    /// Tells it to stop, or notes that it did.
    pub(super) fn end(&mut self, cx: &mut Context<'_>, stop: Stop) {
        if self.stop.is_some() {
            return;
        }
        self.stopping = Some(cx.now);
        let exited = stop.code == "EssentialContainerExited";
        let ran = self.status >= Status::Activating;
        self.stop = Some(stop);
        if ran {
            for (balancer, address) in self.targets() {
                elb::deregister(cx, &balancer.target_group_arn, &address, balancer.container_port);
            }
        }
        if !ran || exited {
            self.halt(cx);
        } else if self.balancers.is_empty() {
            self.status = Status::Stopping;
            self.until = Some(cx.now + self.course.stopping(cx) / 2);
        } else {
            self.status = Status::Deactivating;
            self.until = None;
        }
    }

    /// When it changes by itself, if it is known. `look`: how often what nobody announces is to be looked at.
    pub(super) fn next(&self, cx: &Context<'_>, look: impl Fn(Time) -> Time) -> Option<Time> {
        match self.status {
            Status::Running => self.exits.as_ref().map(|(at, _)| *at),
            Status::Deactivating => Some(look(self.stopping.unwrap_or(cx.now))),
            _ => self.until,
        }
    }

    /// What the scheduler thinks of it. `grace`: how long it ignores the load balancer's bad checks.
    pub(super) fn opinion(&self, cx: &Context<'_>, grace: Duration) -> Opinion {
        let (Some(started), Some(settled)) = (self.started, self.settled) else {
            return Opinion::Open(None);
        };
        if let Some((at, well)) = self.checked {
            match well {
                _ if at > cx.now => return Opinion::Open(Some(at)),
                true => {}
                false => return Opinion::Ill("Task failed container health checks".to_owned()),
            }
        }
        if settled > cx.now {
            return Opinion::Open(Some(settled));
        }
        for (balancer, address) in self.targets() {
            let group = &balancer.target_group_arn;
            match elb::health(cx, group, &address, balancer.container_port) {
                Health::Healthy => {}
                Health::Unhealthy if cx.now >= started + grace => {
                    let why = format!("Task failed ELB health checks in (target-group {group})");
                    return Opinion::Ill(why);
                }
                _ => return Opinion::Open(None),
            }
        }
        Opinion::Up
    }

    /// Whether it is RUNNING.
    pub(super) fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    /// Whether it is on its way to RUNNING.
    pub(super) fn is_pending(&self) -> bool {
        self.status < Status::Running
    }

    /// Whether it is wanted to run.
    pub(super) fn is_wanted(&self) -> bool {
        self.stop.is_none()
    }

    /// Whether its container may still run.
    pub(super) fn occupies(&self) -> bool {
        self.status < Status::Deprovisioning
    }

    /// Whether it is STOPPED.
    pub(super) fn is_over(&self) -> bool {
        self.status == Status::Stopped
    }

    /// Its interface's address and port, as events name them.
    pub(super) fn ports(&self) -> impl Iterator<Item = (&str, u16)> {
        self.balancers.iter().map(|it| (it.target_group_arn.as_str(), it.container_port))
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        let definition = task_definitions::of(cx, &self.definition);
        let refused =
            definition.and_then(|it| self.course.before_start(cx, &self.id, it, &self.network));
        if let Some(stop) = refused {
            return self.end(cx, stop);
        }
        self.pulled = Some(cx.now);
        if self.balancers.is_empty() {
            return self.run(cx);
        }
        self.status = Status::Activating;
        self.until = Some(cx.now + cx.times.paced(REGISTRATION));
        let healthy_from = self.course.answers().then_some(cx.now);
        for (balancer, address) in self.targets() {
            let (group, port) = (&balancer.target_group_arn, balancer.container_port);
            elb::register(cx, group, &address, port, healthy_from);
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) {
        self.status = Status::Running;
        self.until = None;
        self.started = Some(cx.now);
        self.exits = self.course.after_start(cx).map(|(after, stop)| (cx.now + after, stop));
        let definition = task_definitions::of(cx, &self.definition);
        let checks = definition.iter().flat_map(|it| &it.container_definitions);
        let check = checks.filter_map(|it| it.health_check.as_ref()).next();
        let real = |seconds: u32| Duration::from_secs(seconds.into());
        self.checked = check.map(|it| {
            let well = self.course.well();
            let decided = match well {
                true => real(it.interval),
                false => real(it.start_period.unwrap_or(0) + it.interval * it.retries),
            };
            let decided =
                if self.course.by_rules() { cx.times.paced(decided) } else { Duration::ZERO };
            (cx.now + decided, well)
        });
        let interval = check.map(|it| real(it.interval));
        let settling = self.course.settling(cx, interval, !self.balancers.is_empty());
        self.settled = Some(cx.now + settling);
    }

    /// Its containers have ended.
    fn halt(&mut self, cx: &mut Context<'_>) {
        let ran = self.pulled.is_some();
        self.halted = Some(cx.now);
        self.status = Status::Deprovisioning;
        self.until = Some(cx.now + self.course.stopping(cx) / 2);
        let Some(stop) = self.stop.clone() else { return };
        if let Some(first) = self.containers.first_mut() {
            first.reason.clone_from(&stop.container_reason);
        }
        for (number, container) in self.containers.iter_mut().enumerate().filter(|_| ran) {
            // The others get SIGTERM when the first has ended.
            container.exit_code = if number == 0 { stop.exit_code } else { Some(0) };
        }
        let definition = task_definitions::of(cx, &self.definition);
        let place = definition
            .and_then(|it| it.container_definitions.first()?.log(&self.id))
            .map(|(group, stream)| (group.to_owned(), stream));
        if let Some((group, stream)) = place {
            for line in &stop.log {
                logs::write(cx, &group, &stream, line);
            }
        }
    }

    fn drains(&self, cx: &Context<'_>) -> bool {
        self.targets().any(|(balancer, address)| {
            let group = &balancer.target_group_arn;
            elb::health(cx, group, &address, balancer.container_port) == Health::Draining
        })
    }

    fn targets(&self) -> impl Iterator<Item = (Balancer, String)> + use<> {
        let address = self.interface.as_ref().map(|it| it.private_ip.clone());
        let balancers = self.balancers.clone().into_iter();
        balancers.filter_map(move |it| Some((it, address.clone()?)))
    }

    /// Whether it can still be described.
    pub(super) fn is_remembered(&self, cx: &Context<'_>) -> bool {
        let remembered = cx.times.of(|it| it.task_remembered);
        self.stopped.is_none_or(|it| it + remembered > cx.now)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StopTask {
    cluster: Option<String>,
    task: String,
    reason: Option<String>,
}

pub(super) fn stop(cx: &mut Context<'_>, input: StopTask) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    let (key, id) = find(cx, &cluster, &input.task)?;
    let reason = input.reason.unwrap_or_else(|| "Task stopped by user".to_owned());
    scheduler::with(cx, &key, |cx, service| {
        if let Some(task) = service.tasks.iter_mut().find(|it| it.id == id) {
            task.end(cx, Stop::by_user(reason));
            service.unsettle(cx);
        }
    });
    let found = in_cluster(cx, &cluster).find(|(_, it)| it.id == id);
    Ok(json!({ "task": found.map(|(service, task)| task.render(cx, service, false)) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExecuteCommand {
    cluster: Option<String>,
    container: Option<String>,
    command: String,
    interactive: bool,
    task: String,
}

pub(super) fn execute_command(cx: &mut Context<'_>, input: ExecuteCommand) -> Answer {
    let cluster = clusters::find(cx, input.cluster.as_deref())?;
    let (key, id) = find(cx, &cluster, &input.task)?;
    if input.command.is_empty() || !input.interactive {
        return Err(invalid("Interactive is the only mode supported currently."));
    }
    let token = cx.chance.hex(32);
    let service = &cx.region.ecs.services[&key];
    let task = service.tasks.iter().find(|it| it.id == id && it.is_running() && it.exec);
    let task = task.ok_or_else(|| {
        invalid(
            "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running. Wait and try again or run a new task with execute command enabled and try again.",
        )
    })?;
    let name = input.container.as_ref().or(task.containers.first().map(|it| &it.name));
    let container = task.containers.iter().find(|it| Some(&it.name) == name);
    let container = container.ok_or_else(|| invalid("The container is not part of the task."))?;
    let arn = task.arn(cx, service);
    let session = format!("ecs-execute-command-{}", &token[..17]);
    Ok(json!({
        "clusterArn": cx.arn("ecs", &format!("cluster/{cluster}")),
        "containerArn": format!("{}/{}", arn.replacen(":task/", ":container/", 1), container.name),
        "containerName": container.name,
        "interactive": true,
        "session": {
            "sessionId": session,
            "streamUrl": format!("wss://ssmmessages.{}.amazonaws.com/v1/data-channel/{session}", cx.region.name),
            "tokenValue": token,
        },
        "taskArn": arn,
    }))
}

fn find(cx: &Context<'_>, cluster: &str, task: &str) -> Result<(String, String), Refusal> {
    let id = short(task);
    let found = in_cluster(cx, cluster).find(|(_, it)| it.id == id);
    let found = found.map(|(service, _)| (service.key(), id.to_owned()));
    found.ok_or_else(|| invalid("The referenced task was not found."))
}

fn in_cluster<'a>(
    cx: &'a Context<'_>,
    cluster: &str,
) -> impl Iterator<Item = (&'a Service, &'a Task)> {
    let services = cx.region.ecs.services.values().filter(move |it| it.cluster == cluster);
    services
        .flat_map(|it| it.tasks.iter().map(move |task| (it, task)))
        .filter(|(_, task)| task.is_remembered(cx))
}
