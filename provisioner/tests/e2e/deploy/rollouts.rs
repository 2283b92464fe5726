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
    insta::assert_snapshot!(whole(&stage.deploy(&[])), @"
    gsm-bot:4 serves docker.io/me/bot:2 after TIME: 1 of 1 tasks running
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    TIME ecs: has started 1 tasks: (task 0a).
    TIME ecs: registered 1 targets in (target-group gsm-bot)
    TIME … target 172.31.0.5:8080 is initial: Target registration is in progress
    TIME 1 of 1 new tasks running, 1 old still running
    TIME ✓ target 172.31.0.5:8080 is healthy
    TIME ecs: has reached a steady state.
    TIME 1 of 1 new tasks running
    exit code 0
    ");
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
    insta::assert_snapshot!(whole(&ran), @"
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    TIME … target 172.31.0.5:8080 is unhealthy: Health checks failed with these codes: [500]
    TIME ✗ task 0a stopped: Task failed ELB health checks in (target-group gsm-bot) (bot: exit code 143, ended by SIGTERM)
    TIME 0 of 1 new tasks running, 1 pending, 1 failed, 1 old still running
    TIME ecs: rolling back to deployment ecs-svc/NUMBER.
    TIME 0 of 1 new tasks running, 1 old still running
    TIME ✗ the deployment failed: ECS brings the old revision back
    task 0a stopped (ServiceSchedulerInitiated): Task failed ELB health checks in (target-group gsm-bot)
      container bot: exit code 143 (ended by SIGTERM)
      last lines of bot/bot/0a in /gsm:
      │ starting
      │ no token
    target 172.31.0.5:8080: unhealthy: Health checks failed with these codes: [500]
    what changed from gsm-bot:3 to gsm-bot:4:
      ~ bot.image: docker.io/me/bot:1 → docker.io/me/bot:2
    last events of the service:
      rolling back to deployment ecs-svc/NUMBER.
    error: the deployment of gsm-bot:4 failed and was rolled back, gsm-bot:3 serves again: ECS deployment circuit breaker: tasks failed to start.
    hint: to look further: `provisioner status`, `provisioner logs --since 1h`
    exit code 6
    ");
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
    insta::assert_snapshot!(whole(&ran), @"
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    TIME ✗ task 0a stopped: CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/bot:2: docker.io/me/bot:2: not found
    TIME ✗ this will not go away by itself: asked ECS to roll back now
    TIME ✗ the deployment failed: ECS brings the old revision back
    TIME 0 of 1 new tasks running, 1 old still running
    task 0a stopped (TaskFailedToStart): CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/bot:2: docker.io/me/bot:2: not found
    what changed from gsm-bot:3 to gsm-bot:4:
      ~ bot.image: docker.io/me/bot:1 → docker.io/me/bot:2
    error: the deployment of gsm-bot:4 failed and was rolled back, gsm-bot:3 serves again: CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/bot:2: docker.io/me/bot:2: not found
    hint: to look further: `provisioner status`, `provisioner logs --since 1h`
    exit code 6
    ");
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
    let mut script = script(vec![failing.clone(), failing, broken, over]);
    script.log.clear();
    let stage = Stage::play(script).await;
    let ran = stage.deploy(&[]);
    assert_eq!(ran.code, Some(6));
    insta::assert_snapshot!(whole(&ran), @"
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME ✗ task 0a stopped: CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/bot:2: docker.io/me/bot:2: not found
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    TIME ✗ this will not go away by itself: ECS rolls back when its circuit breaker has counted enough failures
    TIME 0 of 1 new tasks running, 1 old still running
    TIME ✗ the deployment failed: ECS brings the old revision back
    task 0a stopped (TaskFailedToStart): CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/bot:2: docker.io/me/bot:2: not found
    what changed from gsm-bot:3 to gsm-bot:4:
      ~ bot.image: docker.io/me/bot:1 → docker.io/me/bot:2
    error: the deployment of gsm-bot:4 failed and was rolled back, gsm-bot:3 serves again: ECS deployment circuit breaker: tasks failed to start.
    hint: to look further: `provisioner status`, `provisioner logs --since 1h`
    exit code 6
    ");
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
    insta::assert_snapshot!(whole(&ran), @"
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME ✗ task 0a stopped: Essential container in task exited (bot: exit code 127, the command was not found)
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    TIME ✗ task 0b stopped: Essential container in task exited (bot: exit code 127, the command was not found)
    TIME ✗ task 0c stopped: Essential container in task exited (bot: exit code 127, the command was not found)
    TIME ✗ this will not go away by itself: nothing is rolled back, for the service has no circuit breaker that does; ECS goes on trying
    3 tasks stopped, the last of them 0c (EssentialContainerExited): Essential container in task exited
      container bot: exit code 127 (the command was not found)
      last lines of bot/bot/0c in /gsm:
      │ starting
      │ no token
    what changed from gsm-bot:3 to gsm-bot:4:
      ~ bot.image: docker.io/me/bot:1 → docker.io/me/bot:2
    error: the deployment of gsm-bot:4 failed and was not rolled back: its container exits again and again: bot: exit code 127, the command was not found
    hint: 1 task from before the deployment still runs
    hint: to go back: `provisioner deploy --image docker.io/me/bot:1`
    hint: to look further: `provisioner status`, `provisioner logs --since 1h`
    exit code 7
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_fails_is_none() {
    let mut over = begun("ROLLBACK_FAILED");
    over.record = Some(("ROLLBACK_FAILED", "No rollback candidate was found to run the rollback."));
    let ran = Stage::play(script(vec![begun("IN_PROGRESS"), over])).await.deploy(&[]);
    assert_eq!(ran.code, Some(7));
    insta::assert_snapshot!(whole(&ran), @"
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    what changed from gsm-bot:3 to gsm-bot:4:
      ~ bot.image: docker.io/me/bot:1 → docker.io/me/bot:2
    error: the deployment of gsm-bot:4 failed and was not rolled back: No rollback candidate was found to run the rollback. The rollback failed.
    hint: 1 task from before the deployment still runs
    hint: to go back: `provisioner deploy --image docker.io/me/bot:1`
    hint: to look further: `provisioner status`, `provisioner logs --since 1h`
    exit code 7
    ");
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
    insta::assert_snapshot!(whole(&ran), @"
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    TIME 0 of 1 new tasks running
    error: the deployment of gsm-bot:4 was superseded by a later one, of gsm-bot:5
    hint: that one decides what runs: look how it ends
    exit code 9
    ");
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
    insta::assert_snapshot!(whole(&ran), @"
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    what changed from gsm-bot:3 to gsm-bot:4:
      ~ bot.image: docker.io/me/bot:1 → docker.io/me/bot:2
    error: the deployment of gsm-bot:4 was not over within 1s; it goes on in AWS
    hint: to follow it further: `provisioner deploy --image docker.io/me/bot:2`
    hint: to look further: `provisioner status`, `provisioner logs --since 1h`
    exit code 10
    ");
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
    insta::assert_snapshot!(whole(&ran), @"
    gsm-bot:4 serves docker.io/me/bot:2 after TIME: 1 of 1 tasks running
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    TIME ! ECS does not answer; looking on: ECS DescribeServices: try again (OperationAbortedException)
    TIME 1 of 1 new tasks running
    exit code 0
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_stay_end_the_watch_and_say_that_it_goes_on() {
    let expired = Frame {
        error: Some(("ExpiredTokenException", "The security token has expired")),
        ..begun("")
    };
    let ran = Stage::play(script(vec![begun("IN_PROGRESS"), expired])).await.deploy(&[]);
    assert_eq!(ran.code, Some(4));
    insta::assert_snapshot!(whole(&ran), @"
    TIME gsm-bot: old revision gsm-bot:3 (docker.io/me/bot:1), new gsm-bot:4 (docker.io/me/bot:2)
    TIME 0 of 1 new tasks running, 1 pending, 1 old still running
    error: ECS DescribeServices: The security token has expired (ExpiredTokenException)
    hint: the AWS session has expired: sign in again (`aws sso login` or `aws login`)
    hint: the deployment of gsm-bot:4 goes on in AWS
    exit code 4
    ");
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
    insta::assert_snapshot!(whole(&ran), @"
    gsm-bot:3 serves docker.io/me/bot:1 after TIME: 1 of 1 tasks running
    TIME gsm-bot: another try of gsm-bot:3, which is to run docker.io/me/bot:1
    TIME 1 of 1 new tasks running
    exit code 0
    ");
    assert_eq!(stage.changes(), ["UpdateService force"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_says_the_same() {
    let mut failing = begun("IN_PROGRESS");
    failing.stopped = vec![stopped("0a", "TaskFailedToStart", NO_IMAGE, None)];
    let script = Script { rolls_back: false, log: Vec::new(), ..script(vec![failing]) };
    let ran = Stage::play(script).await.deploy(&["--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(7), ""));
    insta::assert_snapshot!(whole(&ran), @r#"
    {"at":TIME,"deployment":"ecs-svc/NUMBER","event":"begun","new":"gsm-bot:4","new_image":"docker.io/me/bot:2","old":"gsm-bot:3","old_image":"docker.io/me/bot:1","seconds":TIME,"service":"gsm-bot","type":"deploy_start"}
    {"at":TIME,"event":"stopped","reason":"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/bot:2: docker.io/me/bot:2: not found","seconds":TIME,"task":"0a","type":"deploy_event"}
    {"at":TIME,"event":"tasks","failed":0,"old":1,"pending":1,"running":0,"seconds":TIME,"type":"deploy_event","wanted":1}
    {"at":TIME,"cause":"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/bot:2: docker.io/me/bot:2: not found","event":"hopeless","seconds":TIME,"then":"nothing is rolled back, for the service has no circuit breaker that does; ECS goes on trying","type":"deploy_event"}
    {"at":TIME,"deployment":"ecs-svc/NUMBER","exit_code":7,"image":"docker.io/me/bot:2","outcome":"failed","post_mortem":{"blind":[],"changes":{"fields":[{"field":"bot.image","new":"docker.io/me/bot:2","old":"docker.io/me/bot:1"}],"new":"gsm-bot:4","old":"gsm-bot:3"},"events":[],"more":0,"targets":[],"tasks":[{"containers":[{"exit_code":null,"log":null,"meaning":null,"name":"bot","reason":null,"unhealthy":false}],"count":1,"id":"0a","reason":"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/bot:2: docker.io/me/bot:2: not found","status":"STOPPED","stop_code":"TaskFailedToStart"}]},"revision":"gsm-bot:4","seconds":TIME,"service":"gsm-bot","type":"deploy_outcome"}
    {"at":TIME,"exit_code":7,"hints":["1 task from before the deployment still runs","to go back: `provisioner deploy --image docker.io/me/bot:1`","to look further: `provisioner status`, `provisioner logs --since 1h`"],"message":"the deployment of gsm-bot:4 failed and was not rolled back: CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/bot:2: docker.io/me/bot:2: not found","type":"error"}
    exit code 7
    "#);
}
