//! Rollouts in an exact order, and all that the user is shown of them.

use super::{
    script::{Frame, LATER, OLD, OURS, Script, Stage, deployment, stopped},
    whole,
};

const BROKE: &str = "ECS deployment circuit breaker: tasks failed to start.";
const NO_IMAGE: &str = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                        docker.io/me/bot:2: docker.io/me/bot:2: not found";

fn old_alone() -> Frame {
    Frame {
        deployments: vec![deployment(OLD, "PRIMARY", 3, "COMPLETED", 1)],
        events: vec!["(service gsm-bot) has reached a steady state."],
        targets: vec![("172.31.0.4:8080", "healthy", "")],
        ..Frame::default()
    }
}

/// Ours has begun and the old one still serves.
fn begun(record: &'static str) -> Frame {
    Frame {
        deployments: vec![
            deployment(OURS, "PRIMARY", 4, "IN_PROGRESS", 0),
            deployment(OLD, "ACTIVE", 3, "COMPLETED", 1),
        ],
        record: Some((record, "")),
        ..old_alone()
    }
}

fn rolled_back(reason: &'static str) -> Frame {
    Frame {
        deployments: vec![deployment(LATER, "PRIMARY", 3, "COMPLETED", 1)],
        record: Some(("ROLLBACK_SUCCESSFUL", reason)),
        ..old_alone()
    }
}

fn script(frames: Vec<Frame>) -> Script {
    Script {
        before: old_alone(),
        frames,
        rolls_back: true,
        log: vec!["starting", "no token"],
        ..Script::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn success() {
    let mut started = begun("IN_PROGRESS");
    started.events.push("(service gsm-bot) has started 1 tasks: (task 0a).");
    let mut running = started.clone();
    running.deployments[0] = deployment(OURS, "PRIMARY", 4, "IN_PROGRESS", 1);
    running.targets.push(("172.31.0.5:8080", "initial", "Target registration is in progress"));
    running.events.push("(service gsm-bot) registered 1 targets in (target-group gsm-bot)");
    let mut healthy = running.clone();
    healthy.targets =
        vec![("172.31.0.4:8080", "draining", "leaving"), ("172.31.0.5:8080", "healthy", "")];
    let mut done = healthy.clone();
    done.deployments = vec![deployment(OURS, "PRIMARY", 4, "COMPLETED", 1)];
    done.record = Some(("SUCCESSFUL", ""));
    done.events.push("(service gsm-bot) has reached a steady state.");
    let stage = Stage::play(script(vec![
        begun("PENDING"),
        started,
        running.clone(),
        running,
        healthy,
        done,
    ]))
    .await;
    insta::assert_snapshot!(whole(&stage.deploy(&[])), @"");
    assert_eq!(stage.changes(), ["RegisterTaskDefinition", "UpdateService"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_back_by_the_circuit_breaker() {
    let mut ill = begun("IN_PROGRESS");
    ill.targets.push((
        "172.31.0.5:8080",
        "unhealthy",
        "Health checks failed with these codes: [500]",
    ));
    let mut failing = ill.clone();
    let reason = "Task failed ELB health checks in (target-group gsm-bot)";
    failing.stopped = vec![stopped("0a", "ServiceSchedulerInitiated", reason, Some(143))];
    failing.deployments[0]["failedTasks"] = 1.into();
    let mut back = failing.clone();
    back.deployments = vec![
        deployment(LATER, "PRIMARY", 3, "IN_PROGRESS", 1),
        deployment(OURS, "ACTIVE", 4, "FAILED", 0),
    ];
    back.record = Some(("ROLLBACK_IN_PROGRESS", BROKE));
    back.events.push("(service gsm-bot) rolling back to deployment ecs-svc/1111111111111111111.");
    let mut over = rolled_back(BROKE);
    (over.stopped, over.events) = (back.stopped.clone(), back.events.clone());
    let stage = Stage::play(script(vec![begun("IN_PROGRESS"), ill, failing, back, over])).await;
    let ran = stage.deploy(&[]);
    assert_eq!(ran.code, Some(6));
    insta::assert_snapshot!(whole(&ran), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_there_is_rolled_back_at_once() {
    let mut failing = begun("IN_PROGRESS");
    failing.stopped = vec![stopped("0a", "TaskFailedToStart", NO_IMAGE, None)];
    let mut back = failing.clone();
    back.record = Some(("ROLLBACK_REQUESTED", ""));
    let mut over = rolled_back("Service deployment rolled back because of a stop request.");
    over.stopped = failing.stopped.clone();
    let mut script = script(vec![begun("IN_PROGRESS"), failing]);
    script.rollback = vec![back, over];
    script.log.clear();
    let stage = Stage::play(script).await;
    let ran = stage.deploy(&[]);
    assert_eq!(ran.code, Some(6));
    insta::assert_snapshot!(whole(&ran), @"");
    assert_eq!(
        stage.changes(),
        ["RegisterTaskDefinition", "UpdateService", "StopServiceDeployment ROLLBACK"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_ecs_cannot_be_asked_to_roll_back_its_breaker_is_waited_for() {
    let mut failing = Frame { record: None, ..begun("") };
    failing.stopped = vec![stopped("0a", "TaskFailedToStart", NO_IMAGE, None)];
    let mut broken = failing.clone();
    broken.deployments[0] = deployment(OURS, "PRIMARY", 4, "FAILED", 0);
    let mut over = Frame { record: None, ..rolled_back("") };
    over.stopped = failing.stopped.clone();
    let stage = Stage::play(script(vec![failing.clone(), failing, broken, over])).await;
    let ran = stage.deploy(&[]);
    assert_eq!(ran.code, Some(6));
    insta::assert_snapshot!(whole(&ran), @"");
    assert_eq!(stage.changes(), ["RegisterTaskDefinition", "UpdateService"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_circuit_breaker_it_is_not_rolled_back() {
    let exits = "Essential container in task exited";
    let task = |id| stopped(id, "EssentialContainerExited", exits, Some(127));
    let failing = |tasks: Vec<serde_json::Value>| Frame { stopped: tasks, ..begun("IN_PROGRESS") };
    let frames = vec![failing(vec![task("0a")]), failing(vec![task("0a"), task("0b")])];
    let third = failing(vec![task("0a"), task("0b"), task("0c")]);
    let script = Script { rolls_back: false, ..script([frames, vec![third]].concat()) };
    let stage = Stage::play(script).await;
    let ran = stage.deploy(&[]);
    assert_eq!(ran.code, Some(7));
    insta::assert_snapshot!(whole(&ran), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_fails_is_none() {
    let mut over = begun("ROLLBACK_FAILED");
    over.record = Some(("ROLLBACK_FAILED", "No rollback candidate was found to run the rollback."));
    let ran = Stage::play(script(vec![begun("IN_PROGRESS"), over])).await.deploy(&[]);
    assert_eq!(ran.code, Some(7));
    insta::assert_snapshot!(whole(&ran), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn superseded() {
    let mut later = begun("STOPPED");
    later.deployments = vec![
        deployment(LATER, "PRIMARY", 5, "IN_PROGRESS", 0),
        deployment(OURS, "ACTIVE", 4, "IN_PROGRESS", 0),
    ];
    let ran = Stage::play(script(vec![begun("IN_PROGRESS"), later])).await.deploy(&[]);
    assert_eq!(ran.code, Some(9));
    insta::assert_snapshot!(whole(&ran), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_stable_after_a_rollback_is_no_success() {
    // Without a record, as an emulator or an older region has it; the failure itself is never seen, only its event.
    let mut over = Frame { record: None, ..rolled_back("") };
    over.events.push("(service gsm-bot) (deployment ecs-svc/2222222222222222222) deployment failed: tasks failed to start.");
    let ran =
        Stage::play(script(vec![Frame { record: None, ..begun("") }, over])).await.deploy(&[]);
    assert_eq!(ran.code, Some(6), "{}", whole(&ran));
}

#[tokio::test(flavor = "multi_thread")]
async fn not_over_in_time() {
    let ran = Stage::play(script(vec![begun("IN_PROGRESS")])).await.deploy(&["--timeout", "1s"]);
    assert_eq!(ran.code, Some(10));
    insta::assert_snapshot!(whole(&ran), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_pass_do_not_end_it() {
    let trouble =
        Frame { error: Some(("OperationAbortedException", "try again")), ..begun("IN_PROGRESS") };
    let done = Frame {
        deployments: vec![deployment(OURS, "PRIMARY", 4, "COMPLETED", 1)],
        record: Some(("SUCCESSFUL", "")),
        ..old_alone()
    };
    let frames = vec![begun("IN_PROGRESS"), trouble.clone(), trouble.clone(), trouble, done];
    let ran = Stage::play(script(frames)).await.deploy(&[]);
    assert_eq!(ran.code, Some(0));
    insta::assert_snapshot!(whole(&ran), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_stay_end_the_watch_and_say_that_it_goes_on() {
    let expired = Frame {
        error: Some(("ExpiredTokenException", "The security token has expired")),
        ..begun("")
    };
    let ran = Stage::play(script(vec![begun("IN_PROGRESS"), expired])).await.deploy(&[]);
    assert_eq!(ran.code, Some(4));
    insta::assert_snapshot!(whole(&ran), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deployment_of_the_same_image_is_tried_again() {
    let mut failed = deployment(OURS, "PRIMARY", 3, "FAILED", 0);
    failed["id"] = OLD.into();
    let before = Frame { deployments: vec![failed], ..old_alone() };
    let done = Frame {
        deployments: vec![deployment(OURS, "PRIMARY", 3, "COMPLETED", 1)],
        record: Some(("SUCCESSFUL", "")),
        ..old_alone()
    };
    let stage = Stage::play(Script { before, rolls_back: false, ..script(vec![done]) }).await;
    let ran = stage.deploy(&["--image", "docker.io/me/bot:1"]);
    assert_eq!(ran.code, Some(0), "{}", whole(&ran));
    insta::assert_snapshot!(whole(&ran), @"");
    assert_eq!(stage.changes(), ["UpdateService force"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_says_the_same() {
    let mut failing = begun("IN_PROGRESS");
    failing.stopped = vec![stopped("0a", "TaskFailedToStart", NO_IMAGE, None)];
    let script = Script { rolls_back: false, log: Vec::new(), ..script(vec![failing]) };
    let ran = Stage::play(script).await.deploy(&["--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(7), ""));
    insta::assert_snapshot!(whole(&ran), @"");
}
