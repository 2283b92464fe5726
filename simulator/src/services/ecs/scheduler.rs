//! The scheduler: what makes tasks of what a service wants. The only one in the simulated AWS that acts by itself.
//!
//! It looks at a service when something is due and plans its next look then; a service in steady state plans none. What
//! nobody announces, such as a target's becoming healthy, is looked at again after times that grow with the waiting.

use std::time::Duration;

use super::{
    Event,
    deployments::{Deployment, State},
    fates::Stop,
    services::{Service, Status},
    tasks::{Opinion, Status as TaskStatus, Task},
};
use crate::{clock::Time, services::iam, world::Context};

/// The shortest time between two looks: time must go on.
const MOMENT: Duration = Duration::from_millis(1);
/// How long the scheduler waits, at most, before it starts a task after many that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// How long it waits after a launch that was refused.
const REFUSED: Duration = Duration::from_secs(30);
/// Who assumes the roles of tasks.
const TASKS: &str = "ecs-tasks.amazonaws.com";

/// Works on a service that is there.
pub(super) fn with(
    cx: &mut Context<'_>,
    key: &str,
    work: impl FnOnce(&mut Context<'_>, &mut Service),
) {
    if let Some(mut service) = cx.region.ecs.services.remove(key) {
        work(cx, &mut service);
        cx.region.ecs.services.insert(key.to_owned(), service);
    }
}

/// It is time for a look that was planned.
pub(super) fn wake(cx: &mut Context<'_>, key: &str) {
    with(cx, key, |cx, service| {
        // An earlier look may have taken its place.
        if service.look_at.is_some_and(|it| it <= cx.now) {
            service.look_at = None;
            look(cx, service);
        }
    });
}

/// Plans a look at a service that was changed.
pub(super) fn soon(cx: &mut Context<'_>, service: &mut Service) {
    let at = cx.now + cx.times.of(|it| it.scheduler);
    plan(cx, service, at);
}

fn plan(cx: &mut Context<'_>, service: &mut Service, at: Time) {
    if service.look_at.is_none_or(|it| at < it) {
        service.look_at = Some(at);
        cx.later(at.since(cx.now), Event::Look { service: service.key() });
    }
}

/// Lets happen all that is due, and plans the next look.
fn look(cx: &mut Context<'_>, service: &mut Service) {
    // It ends: every failure is followed by a pause, and all else leads to a steady state.
    while step_tasks(cx, service) | steer(cx, service) {}
    service.tasks.retain(|it| it.is_remembered(cx));
    if let Some(at) = next(cx, service) {
        plan(cx, service, at.max(cx.now + MOMENT));
    }
}

fn step_tasks(cx: &mut Context<'_>, service: &mut Service) -> bool {
    let mut acted = false;
    let mut tasks = std::mem::take(&mut service.tasks);
    for task in &mut tasks {
        while {
            let (before, wanted) = (task.status, task.is_wanted());
            let stepped = task.step(cx);
            if stepped {
                notice(cx, service, task, before, wanted);
            }
            stepped
        } {
            acted = true;
        }
    }
    service.tasks = tasks;
    acted
}

/// Notices what a task did by itself.
fn notice(
    cx: &mut Context<'_>,
    service: &mut Service,
    task: &Task,
    before: TaskStatus,
    was_wanted: bool,
) {
    if task.status == TaskStatus::Activating && before != TaskStatus::Activating {
        for (group, _) in task.ports() {
            service.say(cx, format!("registered 1 targets in (target-group {group})"));
        }
    }
    if was_wanted && !task.is_wanted() {
        service.steady = false;
        if is_primary(service, task) {
            let wait = pause(cx, service);
            service.count_failure(cx, wait);
        }
    }
}

/// Takes the next steps towards what is wanted. Says whether there were any.
fn steer(cx: &mut Context<'_>, service: &mut Service) -> bool {
    match service.status {
        Status::Inactive => false,
        Status::Draining => drain(cx, service),
        Status::Active => {
            let Some(primary) = service.deployments.first() else { return false };
            if primary.starts > cx.now {
                return false;
            }
            service.take_up(cx.now)
                | service.give_up(cx)
                | judge(cx, service)
                | scale(cx, service)
                | settle(cx, service)
        }
    }
}

fn drain(cx: &mut Context<'_>, service: &mut Service) -> bool {
    let id = service.deployments.first().map(|it| it.id.clone()).unwrap_or_default();
    let stopped = stop(cx, service, |_, task| task.is_wanted(), usize::MAX, &id);
    if service.tasks.iter().all(Task::is_over) {
        service.status = Status::Inactive;
        if let Some(last) = service.deployments.drain(..).next() {
            service.proven.get_or_insert(last);
        }
        return true;
    }
    stopped
}

/// Finds out which new tasks run well, and which do not.
fn judge(cx: &mut Context<'_>, service: &mut Service) -> bool {
    let grace = service.grace_period(cx);
    let mut acted = false;
    for index in 0..service.tasks.len() {
        let task = &service.tasks[index];
        if task.up || !task.is_running() || !task.is_wanted() || !is_primary(service, task) {
            continue;
        }
        match task.opinion(cx, grace) {
            Opinion::Open(_) => continue,
            Opinion::Up => {
                service.tasks[index].up = true;
                service.forget_failures();
            }
            Opinion::Ill(why) => {
                let id = task.id.clone();
                let ports: Vec<_> =
                    task.ports().map(|(group, port)| (group.to_owned(), port)).collect();
                match why.contains("target-group") {
                    true => {
                        for (group, port) in ports {
                            service.say(cx, format!(
                                "(task {id}) (port {port}) is unhealthy in (target-group {group}) due to (reason Health checks failed)"
                            ));
                        }
                    }
                    false => {
                        service.say(cx, format!("(task {id}) failed container health checks."))
                    }
                }
                service.tasks[index].end(cx, Stop::by_scheduler(why));
                service.say(cx, format!("has stopped 1 running tasks: (task {id})."));
                let wait = pause(cx, service);
                service.count_failure(cx, wait);
            }
        }
        acted = true;
    }
    acted
}

/// Starts and stops tasks within the percentages.
fn scale(cx: &mut Context<'_>, service: &mut Service) -> bool {
    let Some(primary) = service.deployments.first().cloned() else { return false };
    if primary.state == State::Failed {
        return false;
    }
    let desired = service.desired as usize;
    let (least, most) =
        (service.rolling.least(service.desired), service.rolling.most(service.desired));
    let mine = |it: &Task| it.is_wanted() && it.deployment == primary.id;
    let old = |it: &Task| it.is_wanted() && it.deployment != primary.id;
    let count = |service: &Service, which: &dyn Fn(&Task) -> bool| {
        service.tasks.iter().filter(|it| which(it)).count()
    };
    let mut acted = stop(cx, service, |_, it| old(it) && !it.up, usize::MAX, &primary.id);
    let excess = count(service, &mine).saturating_sub(desired);
    acted |= stop(cx, service, |_, it| mine(it) && !it.up, excess, &primary.id);
    let excess = count(service, &mine).saturating_sub(desired);
    acted |= stop(cx, service, |_, it| mine(it), excess, &primary.id);
    let well = count(service, &|it| it.is_wanted() && it.up);
    acted |= stop(cx, service, |_, it| old(it), well.saturating_sub(least), &primary.id);
    let missing = desired.saturating_sub(count(service, &mine));
    let room = most.saturating_sub(count(service, &Task::occupies));
    if missing.min(room) > 0 && primary.retry <= cx.now {
        launch(cx, service, &primary, missing.min(room));
        acted = true;
    }
    acted
}

/// Says that all is as it should be, once.
fn settle(cx: &mut Context<'_>, service: &mut Service) -> bool {
    let Some(primary) = service.deployments.first() else { return false };
    let open = primary.state == State::InProgress;
    if service.steady || primary.state == State::Failed {
        return false;
    }
    let up =
        service.tasks.iter().filter(|it| it.is_wanted() && it.up && it.deployment == primary.id);
    let others = service.tasks.iter().any(|it| it.deployment != primary.id && it.occupies());
    if up.count() != service.desired as usize || others {
        return false;
    }
    service.steady = true;
    if open {
        service.complete(cx);
    }
    service.say(cx, "has reached a steady state.");
    true
}

/// Stops some tasks, the oldest first. Says whether there were any.
fn stop(
    cx: &mut Context<'_>,
    service: &mut Service,
    which: impl Fn(&Service, &Task) -> bool,
    most: usize,
    deployment: &str,
) -> bool {
    let chosen = (0..service.tasks.len()).filter(|it| which(service, &service.tasks[*it]));
    let chosen: Vec<_> = chosen.take(most).collect();
    let mut stopped = Vec::new();
    for index in &chosen {
        let reason = format!("Scaling activity initiated by (deployment {deployment})");
        let task = &mut service.tasks[*index];
        let ran = task.is_running();
        let groups: Vec<_> = task.ports().map(|it| it.0.to_owned()).collect();
        stopped.push(format!("(task {})", task.id));
        task.end(cx, Stop::by_scheduler(reason));
        for group in groups.into_iter().filter(|_| ran) {
            service.say(cx, "has begun draining connections on 1 tasks.");
            service.say(cx, format!("deregistered 1 targets in (target-group {group})"));
        }
    }
    if !stopped.is_empty() {
        let (many, tasks) = (stopped.len(), stopped.join(" "));
        service.say(cx, format!("has stopped {many} running tasks: {tasks}."));
    }
    !chosen.is_empty()
}

fn launch(cx: &mut Context<'_>, service: &mut Service, primary: &Deployment, many: usize) {
    if let Some(role) = unusable_role(cx, primary) {
        service.say(cx, format!(
            "failed to launch a task with (error ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.)."
        ));
        let wait = pause(cx, service).max(cx.now + cx.times.paced(REFUSED));
        return service.count_failure(cx, wait);
    }
    let mut started = Vec::new();
    for _ in 0..many {
        let task = Task::launch(cx, service, primary);
        started.push(format!("(task {})", task.id));
        service.tasks.push(task);
    }
    service.say(cx, format!("has started {many} tasks: {}.", started.join(" ")));
}

/// A role of the tasks of a deployment that ECS cannot assume.
fn unusable_role(cx: &Context<'_>, deployment: &Deployment) -> Option<String> {
    if !deployment.course.by_rules() {
        return None;
    }
    let definition = super::task_definitions::of(cx, &deployment.revision.task_definition)?;
    let roles = [&definition.execution_role_arn, &definition.task_role_arn].into_iter().flatten();
    // A name will do in the place of an ARN.
    let mut roles = roles.map(|it| match it.starts_with("arn:") {
        true => it.clone(),
        false => format!("arn:aws:iam::{}:role/{it}", cx.account),
    });
    roles.find(|it| iam::assumable(cx, it, TASKS).is_err())
}

fn is_primary(service: &Service, task: &Task) -> bool {
    service.deployments.first().is_some_and(|it| it.id == task.deployment)
}

/// How long to wait after another failure: twice as long each time.
fn pause(cx: &Context<'_>, service: &Service) -> Time {
    let failed = service.deployments.first().map_or(0, |it| it.failed);
    let longest = Some(cx.times.paced(LONGEST_PAUSE)).filter(|it| !it.is_zero());
    let first = cx.times.of(|it| it.scheduler).max(MOMENT);
    let pause = first.saturating_mul(1 << failed.min(20));
    cx.now + pause.min(longest.unwrap_or(LONGEST_PAUSE)).max(MOMENT)
}

/// When something is due next.
fn next(cx: &Context<'_>, service: &Service) -> Option<Time> {
    // Of what has no announced time: soon at first, then as long again as a sixteenth of the waiting so far.
    let again = |since: Time| {
        let usual = cx.times.of(|it| it.scheduler).max(MOMENT);
        cx.now + usual.max(cx.now.since(since) / 16)
    };
    let mut due: Vec<Time> = service.tasks.iter().filter_map(|it| it.next(cx, again)).collect();
    if service.status == Status::Active
        && let Some(primary) = service.deployments.first()
    {
        let grace = service.grace_period(cx);
        let mine =
            || service.tasks.iter().filter(|it| it.is_wanted() && it.deployment == primary.id);
        for task in mine().filter(|it| it.is_running() && !it.up) {
            if let (Opinion::Open(at), Some(started)) = (task.opinion(cx, grace), task.started) {
                due.push(at.unwrap_or_else(|| again(started)));
            }
        }
        let misses = mine().count() < service.desired as usize && primary.state != State::Failed;
        due.extend(Some(primary.starts).filter(|it| *it > cx.now));
        due.extend(Some(primary.retry).filter(|it| *it > cx.now && misses));
    }
    due.into_iter().min()
}

#[cfg(test)]
mod tests;
