use aws_sdk_ecs::types::{
    DeploymentCircuitBreaker, DeploymentConfiguration, ServiceDeploymentCircuitBreaker,
    ServiceEvent,
};
use aws_smithy_types::DateTime;

use super::*;

const OURS: &str = "ecs-svc/2222222222222222222";
const OLD: &str = "ecs-svc/1111111111111111111";
const LATER: &str = "ecs-svc/3333333333333333333";
const BROKE: &str = "ECS deployment circuit breaker: tasks failed to start.";

fn ours() -> Ours {
    Ours { id: OURS.to_owned(), created: Some(DateTime::from_secs(200)), revision: revision(4) }
}

fn revision(number: i32) -> String {
    format!("arn:aws:ecs:eu-central-1:123456789012:task-definition/gsm-bot:{number}")
}

/// One entry of `deployments`, of one wanted task.
fn entry(id: &str, status: &str, state: Option<State>, running: i32) -> Deployment {
    let (number, created) = match id {
        OLD => (3, 100),
        OURS => (4, 200),
        _ => (5, 300),
    };
    let reason = match state {
        Some(State::Failed) => BROKE,
        _ => "ECS deployment in progress.",
    };
    Deployment::builder()
        .id(id)
        .status(status)
        .task_definition(revision(number))
        .desired_count(1)
        .running_count(running)
        .created_at(DateTime::from_secs(created))
        .rollout_state_reason(reason)
        .set_rollout_state(state)
        .build()
}

fn done(id: &str) -> Deployment {
    entry(id, "PRIMARY", Some(State::Completed), 1)
}

fn going(id: &str) -> Deployment {
    entry(id, "PRIMARY", Some(State::InProgress), 0)
}

/// A rollback brings the revision of before.
fn rollback(state: State) -> Deployment {
    let mut entry = entry(LATER, "PRIMARY", Some(state), 1);
    entry.task_definition = Some(revision(3));
    entry
}

fn service(deployments: &[Deployment], rolls_back: bool) -> Service {
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(rolls_back).build();
    let configuration =
        DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build();
    Service::builder()
        .service_name("gsm-bot")
        .status("ACTIVE")
        .desired_count(1)
        .set_deployments(Some(deployments.to_vec()))
        .deployment_configuration(configuration)
        .build()
}

fn record(status: Status, reason: Option<&str>) -> ServiceDeployment {
    ServiceDeployment::builder().status(status).set_status_reason(reason.map(str::to_owned)).build()
}

fn by_list(deployments: &[Deployment]) -> Verdict {
    Judge::new(ours()).look(&service(deployments, true), None)
}

fn by_record(status: Status, deployments: &[Deployment]) -> Verdict {
    Judge::new(ours()).look(&service(deployments, true), Some(&record(status, Some(BROKE))))
}

fn rolled_back() -> Verdict {
    Verdict::Over(Ending::RolledBack { why: BROKE.to_owned(), serves: "gsm-bot:3".to_owned() })
}

#[test]
fn the_record_has_a_word_for_each_ending() {
    let both = [going(OURS), entry(OLD, "ACTIVE", Some(State::Completed), 1)];
    for status in [Status::Pending, Status::InProgress, Status::StopRequested, Status::from("NEW")]
    {
        assert_eq!(by_record(status, &both), Verdict::Going);
    }
    assert_eq!(by_record(Status::Successful, &[done(OURS)]), Verdict::Over(Ending::Succeeded));
    // The tasks of the old revision run, which is no success.
    assert_eq!(by_record(Status::InProgress, &[done(OURS)]), Verdict::Going);
    for status in [Status::RollbackRequested, Status::RollbackInProgress] {
        assert_eq!(by_record(status, &both), Verdict::RollingBack);
    }
    let why = format!("{BROKE} The rollback failed.");
    assert_eq!(by_record(Status::RollbackFailed, &both), Verdict::Over(Ending::Failed { why }));
}

#[test]
fn a_success_that_the_service_does_not_show_yet_is_looked_at_again() {
    let succeeded = record(Status::Successful, None);
    let mut judge = Judge::new(ours());
    assert_eq!(judge.look(&service(&[going(OURS)], true), Some(&succeeded)), Verdict::Going);
    let over = Verdict::Over(Ending::Succeeded);
    assert_eq!(judge.look(&service(&[done(OURS)], true), Some(&succeeded)), over);
    // The record is believed in the end.
    let mut judge = Judge::new(ours());
    let looks = [(); 4].map(|()| judge.look(&service(&[going(OURS)], true), Some(&succeeded)));
    assert_eq!(looks, [Verdict::Going, Verdict::Going, Verdict::Going, over]);
}

#[test]
fn a_rollback_is_over_when_the_old_revision_serves() {
    let status = || Status::RollbackSuccessful;
    assert_eq!(by_record(status(), &[rollback(State::Completed)]), rolled_back());
    // ECS does not say everything at once.
    assert_eq!(by_record(status(), &[rollback(State::InProgress)]), Verdict::RollingBack);
    assert_eq!(by_record(status(), &[going(OURS)]), Verdict::RollingBack);
    assert_eq!(by_record(status(), &[]), Verdict::RollingBack);
    let Verdict::Over(Ending::Failed { why }) = by_record(status(), &[rollback(State::Failed)])
    else {
        panic!()
    };
    assert_eq!(why, format!("{BROKE} The rollback to gsm-bot:3 failed as well."));
}

#[test]
fn stopped_is_failed_or_superseded() {
    let failed = Verdict::Over(Ending::Failed { why: BROKE.to_owned() });
    let broken = entry(OURS, "PRIMARY", Some(State::Failed), 0);
    assert_eq!(by_record(Status::Stopped, &[broken]), failed);
    let breaker = ServiceDeploymentCircuitBreaker::builder().status(Breaker::Triggered).build();
    let mut triggered = record(Status::Stopped, Some(BROKE));
    triggered.deployment_circuit_breaker = Some(breaker);
    assert_eq!(Judge::new(ours()).look(&service(&[going(OURS)], false), Some(&triggered)), failed);

    let later = Verdict::Over(Ending::Superseded { by: "gsm-bot:5".to_owned() });
    assert_eq!(by_record(Status::Stopped, &[going(LATER), entry(OURS, "ACTIVE", None, 0)]), later);

    // The list may come later to what the record says; if it never does, somebody stopped it.
    let mut judge = Judge::new(ours());
    let (service, record) = (service(&[going(OURS)], true), record(Status::Stopped, None));
    let verdicts: Vec<_> = (0..4).map(|_| judge.look(&service, Some(&record))).collect();
    assert_eq!(verdicts[..3], [Verdict::Going, Verdict::Going, Verdict::Going]);
    assert_eq!(
        verdicts[3],
        Verdict::Over(Ending::Failed { why: "somebody stopped it".to_owned() })
    );
}

#[test]
fn without_a_record_the_list_tells() {
    assert_eq!(by_list(&[done(OURS)]), Verdict::Over(Ending::Succeeded));
    let old = entry(OLD, "ACTIVE", Some(State::Completed), 1);
    assert_eq!(by_list(&[going(OURS), old.clone()]), Verdict::Going);
    // An answer from before our update.
    assert_eq!(by_list(&[done(OLD)]), Verdict::Going);
    assert_eq!(by_list(&[]), Verdict::Going);

    let superseded = Verdict::Over(Ending::Superseded { by: "gsm-bot:5".to_owned() });
    assert_eq!(
        by_list(&[going(LATER), entry(OURS, "ACTIVE", Some(State::InProgress), 0), old]),
        superseded
    );
    assert_eq!(by_list(&[done(LATER)]), superseded);
}

#[test]
fn without_a_record_a_rollback_is_known_by_its_traces() {
    let failed = entry(OURS, "ACTIVE", Some(State::Failed), 0);
    let mut judge = Judge::new(ours());
    let primary_yet = entry(OURS, "PRIMARY", Some(State::Failed), 0);
    assert_eq!(judge.look(&service(&[primary_yet], true), None), Verdict::RollingBack);
    let both = [rollback(State::InProgress), failed];
    assert_eq!(judge.look(&service(&both, true), None), Verdict::RollingBack);
    assert_eq!(judge.look(&service(&[rollback(State::Completed)], true), None), rolled_back());

    // Whoever comes late finds an event, or the reason of the deployment in our place.
    let event = |message: &str| ServiceEvent::builder().id("1").message(message).build();
    let mut late = service(&[rollback(State::Completed)], true);
    late.events = Some(vec![event(&format!(
        "(service gsm-bot) (deployment {OURS}) deployment failed: tasks failed."
    ))]);
    let verdict = Judge::new(ours()).look(&late, None);
    assert!(matches!(verdict, Verdict::Over(Ending::RolledBack { .. })), "{verdict:?}");
    let mut by_reason = rollback(State::InProgress);
    let reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {OLD}.");
    by_reason.rollout_state_reason = Some(reason);
    assert_eq!(by_list(&[by_reason]), Verdict::RollingBack);
}

#[test]
fn what_is_not_rolled_back_has_failed() {
    let failed = entry(OURS, "PRIMARY", Some(State::Failed), 0);
    let verdict = Judge::new(ours()).look(&service(std::slice::from_ref(&failed), false), None);
    assert_eq!(verdict, Verdict::Over(Ending::Failed { why: BROKE.to_owned() }));
    // The first deployment of a service has nothing to go back to.
    let mut first = failed;
    let why = format!("{BROKE} No rollback candidate was found to run the rollback.");
    first.rollout_state_reason = Some(why.clone());
    assert_eq!(by_list(&[first]), Verdict::Over(Ending::Failed { why }));
}

#[test]
fn without_rollout_states_the_numbers_tell() {
    let old = entry(OLD, "ACTIVE", None, 1);
    assert_eq!(by_list(&[entry(OURS, "PRIMARY", None, 1), old]), Verdict::Going);
    assert_eq!(by_list(&[entry(OURS, "PRIMARY", None, 0)]), Verdict::Going);
    assert_eq!(by_list(&[entry(OURS, "PRIMARY", None, 1)]), Verdict::Over(Ending::Succeeded));
    let ours = entry(OURS, "ACTIVE", None, 1);
    let verdict = by_list(&[entry(LATER, "PRIMARY", None, 1), ours]);
    assert_eq!(verdict, Verdict::Over(Ending::Superseded { by: "gsm-bot:5".to_owned() }));
}

#[test]
fn what_we_gave_up_is_rolled_back_and_not_superseded() {
    let mut judge = Judge::new(ours());
    judge.given_up("CannotPullContainerError: not found");
    let both = [rollback(State::InProgress), entry(OURS, "ACTIVE", Some(State::InProgress), 0)];
    assert_eq!(judge.look(&service(&both, true), None), Verdict::RollingBack);
    let Verdict::Over(Ending::RolledBack { why, serves }) =
        judge.look(&service(&[rollback(State::Completed)], true), None)
    else {
        panic!()
    };
    assert_eq!(
        (why.as_str(), serves.as_str()),
        ("CannotPullContainerError: not found", "gsm-bot:3")
    );
}

#[test]
fn what_is_late_is_late_or_failed() {
    let mut judge = Judge::new(ours());
    assert_eq!(judge.out_of_time(), Ending::TimedOut);
    judge.look(
        &service(
            &[rollback(State::InProgress), entry(OURS, "ACTIVE", Some(State::Failed), 0)],
            true,
        ),
        None,
    );
    let why = format!("{BROKE} The rollback was not over in time.");
    assert_eq!(judge.out_of_time(), Ending::Failed { why });
}

#[test]
fn a_deleted_service_ends_it() {
    for status in ["DRAINING", "INACTIVE"] {
        let mut gone = service(&[], true);
        gone.status = Some(status.to_owned());
        let verdict = Judge::new(ours()).look(&gone, None);
        assert_eq!(
            verdict,
            Verdict::Over(Ending::Failed { why: "the service was deleted".to_owned() })
        );
    }
}
