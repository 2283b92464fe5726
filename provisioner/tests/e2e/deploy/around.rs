//! `rollback`, `restart`, `scale`, `status` and `logs`, in virtual time.

use std::collections::BTreeSet;

use provisioner::failure::Exit;
use tokio::sync::watch;

use super::{
    fates::STACK,
    virtual_time::{Rehearsed, without_chance},
};

async fn ok(it: &Rehearsed, args: &[&str]) -> String {
    let (exit, said) = it.run(args).await;
    assert_eq!(exit, Exit::Ok, "{args:?}\n{said}");
    without_chance(&said)
}

async fn refused(it: &Rehearsed, args: &[&str], expected: Exit) -> String {
    let (exit, said) = it.run(args).await;
    assert_eq!(exit, expected, "{args:?}\n{said}");
    without_chance(&said)
}

#[test]
fn a_rollback_brings_back_what_served_before() {
    Rehearsed::play(STACK, async |it: &Rehearsed| {
        let mut said = refused(it, &["rollback"], Exit::Failed).await;
        ok(it, &["deploy", "--image", "docker.io/me/bot:2"]).await;
        // What failed was never in service.
        let failing = ["deploy", "--image", "docker.io/me/bot:image-cannot-be-pulled"];
        refused(it, &failing, Exit::RolledBack).await;
        said += &ok(it, &["rollback"]).await;
        assert!(ok(it, &["diff"]).await.contains("Nothing to do"));
        said += &ok(it, &["rollback", "--to", "1"]).await;
        said += &ok(it, &["rollback", "--to", "gsm-bot:2", "--no-wait"]).await;
        insta::assert_snapshot!("rollback", said);
    });
}

#[test]
fn a_rollback_to_what_cannot_run_is_refused() {
    Rehearsed::play(STACK, async |it: &Rehearsed| {
        ok(it, &["deploy", "--image", "docker.io/me/bot:2"]).await;
        let cloud = it.cloud().await;
        let one = cloud.ecs.deregister_task_definition().task_definition("gsm-bot:1");
        one.send().await.unwrap();
        let mut said = String::new();
        for (wanted, exit) in [
            ("1", Exit::Failed),
            ("9", Exit::Failed),
            ("0", Exit::Configuration),
            ("latest", Exit::Configuration),
            ("gsm-worker:1", Exit::Configuration),
        ] {
            said += &refused(it, &["rollback", "--to", wanted], exit).await;
        }
        insta::assert_snapshot!("rollback_refused", said);
        assert!(ok(it, &["rollback", "--to", "2"]).await.starts_with("Nothing to do"));
    });
}

#[test]
fn a_rollback_that_fails_is_explained_like_a_deployment() {
    Rehearsed::play(STACK, async |it: &Rehearsed| {
        let failing = ["deploy", "--image", "docker.io/me/bot:container-exits"];
        refused(it, &failing, Exit::RolledBack).await;
        let said = refused(it, &["rollback", "--to", "2"], Exit::RolledBack).await;
        insta::assert_snapshot!("rollback_failed", said);
    });
}

#[test]
fn status_tells_what_runs() {
    Rehearsed::play(STACK, async |it: &Rehearsed| {
        let mut said = ok(it, &["status"]).await;
        ok(it, &["deploy", "--image", "docker.io/me/bot:2"]).await;
        let failing = ["deploy", "--image", "docker.io/me/bot:health-check-fails", "--no-wait"];
        ok(it, &failing).await;
        tokio::time::sleep(std::time::Duration::from_secs(90)).await;
        said += &ok(it, &["status"]).await;
        insta::assert_snapshot!("status", said);
    });
}

#[test]
fn logs_are_told_once_and_in_order() {
    Rehearsed::play(STACK, async |it: &Rehearsed| {
        assert_eq!(ok(it, &["logs"]).await, "");
        let (interrupt, told) = watch::channel(false);
        let logs = it.run_until(&["logs", "--follow"], told);
        let deploy = async {
            let image = "docker.io/me/bot:container-exits";
            let (_, said) = it.run(&["deploy", "--image", image]).await;
            tokio::time::sleep(std::time::Duration::from_secs(10)).await;
            interrupt.send(true).unwrap();
            said
        };
        let ((exit, rest), said) = tokio::join!(logs, deploy);
        assert_eq!(exit, Exit::Ok);
        let said = said + &rest;
        // A line of a log begins with its moment and its task.
        let lines: Vec<_> = said.lines().filter(|it| it.starts_with("20")).collect();
        let different: BTreeSet<_> = lines.iter().collect();
        assert_eq!(lines.len(), different.len(), "{said}");
        assert!(lines.is_sorted_by_key(|it| &it[..24]), "{said}");
        let all = ok(it, &["logs", "--since", "1h"]).await;
        assert_eq!(lines.len(), all.lines().count(), "{said}\n{all}");
        let some = ok(it, &["logs", "--since", "1h", "--filter", "error -giving"]).await;
        assert_eq!(some.lines().count() * 3, all.lines().count());
        insta::assert_snapshot!("logs", all + &some);
        let wrong = refused(it, &["logs", "--filter", "\"open"], Exit::Failed).await;
        insta::assert_snapshot!("logs_wrong_filter", wrong);
    });
}

#[test]
fn scale_says_that_it_will_not_last() {
    Rehearsed::play(STACK, async |it: &Rehearsed| {
        let mut said = ok(it, &["scale", "2"]).await;
        said += &ok(it, &["scale", "2"]).await;
        let diff = ok(it, &["diff"]).await;
        assert!(diff.contains("desired_count: 2 → 1"), "{diff}");
        said += &ok(it, &["scale", "0", "--no-wait"]).await;
        tokio::time::sleep(std::time::Duration::from_secs(300)).await;
        said += &ok(it, &["status"]).await;
        insta::assert_snapshot!("scale", said.replace(it.path().to_str().unwrap(), "FOLDER"));
        ok(it, &["up", "--yes"]).await;
        let status = ok(it, &["status"]).await;
        assert!(status.contains(" of 1 wanted"), "{status}");
    });
}

#[test]
fn restart_replaces_the_tasks() {
    Rehearsed::play(STACK, async |it: &Rehearsed| {
        let cloud = it.cloud().await;
        let tasks = async || {
            let list = cloud.ecs.list_tasks().cluster("gsm").service_name("gsm-bot");
            list.send().await.unwrap().task_arns.unwrap()
        };
        let before = tasks().await;
        let said = ok(it, &["restart"]).await;
        let after = tasks().await;
        assert_eq!((before.len(), after.len()), (1, 1));
        assert_ne!(before, after);
        insta::assert_snapshot!("restart", said);
    });
}
