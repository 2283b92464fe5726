//! Whole rollouts, look by look.

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

const SIDE_BY_SIDE: Rolling = Rolling { minimum: 100, maximum: 200, breaker: true, rollback: true };
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
