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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        services::ecs::{
            Fate, deployments::Status as Verdict, meet, services::Revision, services::Rolling,
            task_definitions,
        },
        times::Times,
        world::World,
    };

    const SIDE_BY_SIDE: Rolling =
        Rolling { minimum: 100, maximum: 200, breaker: true, rollback: true };
    const ONE_AT_A_TIME: Rolling = Rolling { minimum: 0, maximum: 100, ..SIDE_BY_SIDE };
    const KEY: &str = "gsm/bot";

    fn world(times: Times, rolling: Rolling) -> World {
        let mut world = World::new(Time(0), times, 1);
        let cx = &mut world.context("eu-central-1");
        cx.region.ecs.services.insert(KEY.to_owned(), Service::sample(rolling));
        deploy(&mut world, "bot:1");
        world
    }

    /// Registers a revision with an image and begins its deployment.
    fn deploy(world: &mut World, image: &str) {
        let cx = &mut world.context("eu-central-1");
        let definition = json!({
            "family": "bot", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": "256", "memory": "512", "containerDefinitions": [{ "name": "bot", "image": image }],
        });
        let registered =
            serde_json::from_value(definition).map(|it| task_definitions::register(cx, it));
        let Ok(Ok(registered)) = registered else { panic!("{registered:?}") };
        let arn = registered["taskDefinition"]["taskDefinitionArn"].as_str().unwrap_or_default();
        let revision = Revision::sample(arn);
        with(cx, KEY, |cx, service| service.begin(cx, revision));
    }

    fn change(world: &mut World, change: impl FnOnce(&mut Service)) {
        with(&mut world.context("eu-central-1"), KEY, |cx, service| {
            change(service);
            service.unsettle(cx);
        });
    }

    fn service(world: &mut World) -> Service {
        world.context("eu-central-1").region.ecs.services[KEY].clone()
    }

    /// The next look, and the service after it; none: nothing is planned.
    fn proceed(world: &mut World) -> Option<(Time, Service)> {
        let at = service(world).look_at?;
        world.advance(at);
        Some((at, service(world)))
    }

    /// Until nothing is planned any more; how many looks it took.
    fn finish(world: &mut World) -> (usize, Service) {
        for looks in 0..1000 {
            if proceed(world).is_none() {
                return (looks, service(world));
            }
        }
        panic!("it does not end: {:?}", service(world).said());
    }

    #[test]
    fn a_task_takes_its_time_and_a_steady_service_plans_nothing() {
        let mut world = world(Times::real(), SIDE_BY_SIDE);
        let mut seen = Vec::new();
        while let Some((at, service)) = proceed(&mut world) {
            seen.push((at.0 / 1000, service.tasks[0].status, service.steady));
        }
        use TaskStatus::{Pending, Provisioning, Running};
        let statuses: Vec<_> = seen.iter().map(|it| (it.1, it.2)).collect();
        assert_eq!(
            statuses,
            [(Provisioning, false), (Pending, false), (Running, false), (Running, true)]
        );
        assert_eq!(seen[0].0, 2);
        assert!((42..=53).contains(&seen[2].0), "{seen:?}");
        assert_eq!(seen[3].0 - seen[2].0, 40);
        assert_eq!(
            service(&mut world).said(),
            [
                "(service bot) has started 1 tasks: (task ID).",
                "(service bot) (deployment ecs-svc/ID) deployment completed.",
                "(service bot) has reached a steady state.",
            ]
        );
    }

    #[test]
    fn the_new_task_runs_before_the_old_one_stops() {
        let mut world = world(Times::real(), SIDE_BY_SIDE);
        finish(&mut world);
        deploy(&mut world, "bot:2");
        let mut both = false;
        while let Some((_, service)) = proceed(&mut world) {
            let running = service.tasks.iter().filter(|it| it.is_running()).count();
            assert!(running >= 1);
            both |= running == 2;
        }
        let service = service(&mut world);
        assert!(both && service.steady);
        assert_eq!(service.deployments.len(), 1);
        assert_eq!(service.records[0].status, Verdict::Successful);
        let stop = service.tasks[0].stop.as_ref().map(|it| it.code.as_str());
        assert_eq!(stop, Some("ServiceSchedulerInitiated"));
    }

    #[test]
    fn where_nothing_may_overlap_the_old_task_stops_first() {
        let mut world = world(Times::real(), ONE_AT_A_TIME);
        finish(&mut world);
        deploy(&mut world, "bot:2");
        while let Some((_, service)) = proceed(&mut world) {
            assert!(service.tasks.iter().filter(|it| it.occupies()).count() <= 1);
        }
        assert_eq!(service(&mut world).records[0].status, Verdict::Successful);
    }

    #[test]
    fn what_fails_is_rolled_back() {
        let mut world = world(Times::real(), SIDE_BY_SIDE);
        finish(&mut world);
        let first = service(&mut world);
        deploy(&mut world, "bot:image-cannot-be-pulled");
        let (_, service) = finish(&mut world);
        assert_eq!(service.records[0].status, Verdict::RollbackSuccessful);
        assert_eq!(service.records.len(), 2);
        let primary = &service.deployments[0];
        assert_eq!(primary.revision, first.deployments[0].revision);
        assert_ne!(primary.id, first.deployments[0].id);
        let failed = service.tasks.iter().filter_map(|it| it.stop.as_ref());
        let failed: Vec<_> = failed.filter(|it| it.code == "TaskFailedToStart").collect();
        assert_eq!(failed.len(), 3);
        assert_eq!(
            failed[0].reason,
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/bot:image-cannot-be-pulled: docker.io/library/bot:image-cannot-be-pulled: not found"
        );
        let said = service.said();
        for words in [
            "(service bot) (deployment ecs-svc/ID) deployment failed: tasks failed to start.",
            "(service bot) rolling back to deployment ecs-svc/ID.",
        ] {
            assert!(said.iter().any(|it| it == words), "{said:?}");
        }
    }

    #[test]
    fn without_anything_to_roll_back_to_it_stays_failed() {
        let mut world = world(Times::real(), SIDE_BY_SIDE);
        meet(&mut world.context("eu-central-1"), None, Fate::ContainerExits);
        change(&mut world, |service| service.deployments.clear());
        deploy(&mut world, "bot:2");
        let (_, service) = finish(&mut world);
        assert_eq!(service.records[0].status, Verdict::RollbackFailed);
        assert_eq!(service.deployments[0].state, State::Failed);
    }

    #[test]
    fn a_rollback_can_be_asked_for() {
        let mut world = world(Times::real(), SIDE_BY_SIDE);
        finish(&mut world);
        deploy(&mut world, "bot:never-starts");
        assert_eq!(finish(&mut world).1.records[0].status, Verdict::InProgress);
        change(&mut world, |service| service.records[0].status = Verdict::RollbackRequested);
        assert_eq!(finish(&mut world).1.records[0].status, Verdict::RollbackSuccessful);
    }

    #[test]
    fn without_a_breaker_it_goes_on_ever_more_slowly() {
        let rolling = Rolling { breaker: false, ..SIDE_BY_SIDE };
        for times in [Times::real(), Times::none()] {
            let mut world = world(times, rolling);
            finish(&mut world);
            deploy(&mut world, "bot:command-not-found");
            let (began, mut looks) = (service(&mut world).look_at.unwrap_or_default(), 0);
            while let Some((at, _)) = proceed(&mut world) {
                looks += 1;
                if at.since(began) > Duration::from_secs(24 * 3600) {
                    break;
                }
            }
            assert!((100..1000).contains(&looks), "{looks} looks");
            assert!(service(&mut world).tasks.iter().filter(|it| it.up).count() == 1);
        }
    }

    #[test]
    fn without_times_everything_happens_at_once() {
        let mut world = world(Times::none(), ONE_AT_A_TIME);
        world.advance(Time(0));
        assert!(service(&mut world).steady);
        deploy(&mut world, "bot:container-exits");
        world.advance(Time(20));
        let failed = service(&mut world);
        assert_eq!(failed.records[0].status, Verdict::RollbackSuccessful);
        assert!(failed.steady);
        change(&mut world, |service| service.status = Status::Draining);
        world.advance(Time(20));
        assert_eq!(service(&mut world).status, Status::Inactive);
    }

    #[test]
    fn it_is_scaled_up_and_down_without_a_deployment() {
        let mut world = world(Times::real(), SIDE_BY_SIDE);
        finish(&mut world);
        for desired in [3, 1, 0] {
            change(&mut world, |service| service.desired = desired);
            let (_, service) = finish(&mut world);
            let running = service.tasks.iter().filter(|it| it.is_running()).count();
            assert_eq!((running, service.records.len()), (desired as usize, 1));
        }
    }

    #[test]
    fn a_world_that_was_saved_goes_on() -> Result<(), serde_json::Error> {
        let mut one = world(Times::real(), SIDE_BY_SIDE);
        one.advance(Time(20_000));
        let mut other: World = serde_json::from_slice(&serde_json::to_vec(&one)?)?;
        one.advance(Time(200_000));
        other.advance(Time(200_000));
        assert_eq!(service(&mut one).said(), service(&mut other).said());
        assert!(service(&mut other).steady);
        Ok(())
    }
}
