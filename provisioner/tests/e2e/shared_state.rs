//! A state in S3: for several people and machines.

#[cfg(feature = "sandbox")]
mod in_time;

use std::fs;

use provisioner::{
    config::StateBucket,
    engine::{Store, store::StoreError, store::file},
    shared_state::SharedState,
};
use serde_json::{Value, json};

use crate::{
    cli::{Folder, Ran, stable},
    support::Rehearsal,
};

const IN_S3: &str = "name: gsm\nstate: { s3: gsm-states/team }\n";

fn told(ran: &Ran) -> String {
    let text = stable(&format!("{}{}exit code {:?}", ran.stdout, ran.stderr, ran.code));
    let dates = regex::Regex::new(r"since [-0-9T:]+Z").unwrap();
    let holder = regex::Regex::new(r"`provisioner [^`]*`, process PID of \w* on [\w-]+").unwrap();
    let text = dates.replace_all(&text, "since TIME").into_owned();
    holder.replace_all(&text, "`provisioner ARGS`, process PID of USER on MACHINE").into_owned()
}

/// A machine whose stack.yaml keeps the state in S3.
fn machine(rehearsal: &Rehearsal) -> Folder {
    let folder = Folder::new(rehearsal);
    folder.edit("name: gsm\n", IN_S3);
    folder
}

/// The same with the bucket made.
fn first_machine(rehearsal: &Rehearsal) -> Folder {
    let folder = machine(rehearsal);
    folder.ok(&["state", "migrate", "--yes"]);
    folder
}

async fn shared(rehearsal: &Rehearsal) -> SharedState {
    let at = StateBucket::parse("gsm-states/team").unwrap();
    SharedState::new(&rehearsal.cloud().await, &at, "gsm")
}

/// Opens it as a run on the machine that this folder is of.
async fn open(rehearsal: &Rehearsal, folder: &Folder) -> Result<Store, StoreError> {
    let lock = file::lock(&folder.path("state"), "gsm", std::time::Duration::ZERO)?;
    let shared = shared(rehearsal).await;
    shared.open("eu-central-1", lock, std::time::Duration::ZERO, &|_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_machine_makes_another_one_knows() {
    let rehearsal = Rehearsal::start().await;
    let ana = machine(&rehearsal);
    insta::assert_snapshot!("shared_without_a_bucket", told(&ana.run(&["up", "--yes"])));
    insta::assert_snapshot!("shared_bucket", told(&ana.run(&["state", "migrate", "--yes"])));
    ana.ok(&["up", "--yes"]);
    assert!(!ana.path("state/gsm.json").exists(), "it was kept here as well");

    let ben = machine(&rehearsal);
    ben.is_settled();
    assert_eq!(ben.ok(&["state", "list"]), ana.ok(&["state", "list"]));
    assert_eq!(ben.ok(&["outputs"]), ana.ok(&["outputs"]));
    rehearsal.forget().await;
    ben.edit("retention_days: 30", "retention_days: 60");
    ben.ok(&["up", "--yes"]);
    // One of the two that write the state may write several changes at once.
    let mut changes = rehearsal.changes().await;
    changes.dedup();
    assert_eq!(changes, ["s3 PutObject", "logs PutRetentionPolicy", "s3 PutObject"]);
    ana.edit("retention_days: 30", "retention_days: 60");
    ana.is_settled();
    ana.ok(&["destroy", "--yes", "--unprotect", "database"]);
    let state: Value = serde_json::from_str(&ben.ok(&["state", "pull"])).unwrap();
    assert_eq!(state["resources"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_brought_there_and_back() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes", "--target", "logs"]);
    let list = folder.ok(&["state", "list"]);
    insta::assert_snapshot!(
        "shared_nothing_to_migrate",
        told(&folder.run(&["state", "migrate", "--yes"]))
    );

    folder.edit("name: gsm\n", IN_S3);
    // Not begun anew where nobody has looked.
    folder.ok(&["state", "migrate", "--yes"]);
    assert_eq!(folder.ok(&["state", "list"]), list);
    assert!(
        !folder.path("state/gsm.json").exists() && folder.path("state/gsm.json.moved").exists()
    );

    folder.edit(IN_S3, "name: gsm\n");
    let back = ["state", "migrate", "--yes", "--from", "s3://gsm-states/team"];
    insta::assert_snapshot!("shared_back", told(&folder.run(&back)));
    assert_eq!(folder.ok(&["state", "list"]), list);
    insta::assert_snapshot!("shared_back_again", told(&folder.run(&back)));
    for nonsense in ["gsm-states", "s3://No/x", "s3://gsm-states//x"] {
        let ran = folder.run(&["state", "migrate", "--yes", "--from", nonsense]);
        assert_eq!(ran.code, Some(3), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_not_brought_there_is_not_forgotten() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes", "--target", "logs"]);
    let other = first_machine(&rehearsal);
    folder.edit("name: gsm\n", IN_S3);
    for args in [&["up", "--yes"][..], &["diff"], &["destroy", "--yes"]] {
        insta::assert_snapshot!("shared_unmoved", told(&folder.run(args)));
    }
    // There are two now, and neither may be lost.
    other.ok(&["up", "--yes", "--target", "cluster"]);
    let before = (folder.state(), other.ok(&["state", "pull"]));
    insta::assert_snapshot!("shared_two", told(&folder.run(&["state", "migrate", "--yes"])));
    let pulled: Value = serde_json::from_str(&other.ok(&["state", "pull"])).unwrap();
    let old: Value = serde_json::from_str(&before.1).unwrap();
    assert_eq!((folder.state(), &pulled["resources"]), (before.0, &old["resources"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_is_kept_and_can_be_put_back() {
    let rehearsal = Rehearsal::start().await;
    let folder = first_machine(&rehearsal);
    folder.ok(&["up", "--yes", "--target", "logs"]);
    let good = folder.ok(&["state", "pull"]);
    folder.ok(&["state", "rm", "logs", "--yes"]);
    assert!(!folder.ok(&["state", "list"]).contains("\nlogs "));
    let versions = folder.ok(&["state", "versions"]);
    let ids = versions.lines().map(|it| it.rsplit("  ").next().unwrap());
    let pulled = ids.map(|it| folder.ok(&["state", "pull", "--version", it]));
    assert!(pulled.into_iter().any(|it| it == good), "{versions}");

    fs::write(folder.path("good.json"), &good).unwrap();
    folder.ok(&["state", "push", "good.json", "--yes"]);
    assert!(folder.ok(&["state", "list"]).contains("\nlogs "));
    for (content, why) in [
        ("{", "it is not a whole state file"),
        (
            &good.replace("\"stack\": \"gsm\"", "\"stack\": \"other\""),
            "it belongs to the stack `other`",
        ),
        (&good.replace("\"version\": 1", "\"version\": 7"), "reads up to 1"),
    ] {
        fs::write(folder.path("bad.json"), content).unwrap();
        let ran = folder.run(&["state", "push", "bad.json", "--yes"]);
        assert!(ran.code == Some(3) && ran.stderr.contains(why), "{ran:?}");
    }
    assert!(folder.ok(&["state", "list"]).contains("\nlogs "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_machine_is_told_who_is_at_it() {
    let rehearsal = Rehearsal::start().await;
    let (ana, ben) = (first_machine(&rehearsal), machine(&rehearsal));
    let store = open(&rehearsal, &ana).await.unwrap();
    rehearsal.forget().await;
    insta::assert_snapshot!("shared_held", told(&ben.run(&["up", "--yes"])));
    insta::assert_snapshot!("shared_held", told(&ben.run(&["destroy", "--yes"])));
    let tried = rehearsal.changes().await;
    assert!(tried.iter().all(|it| it == "s3 PutObject"), "{tried:?}");
    // To look is allowed.
    ben.ok(&["diff"]);
    let waits = ben.start(&["up", "--yes", "--target", "logs", "--lock-timeout", "1m"]);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    store.release().await;
    let ran = waits.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let told = String::from_utf8(ran.stderr).unwrap();
    assert!(told.starts_with("Waiting for the state, which is held by `provisioner"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_another_run_can_stop() {
    let rehearsal = Rehearsal::start().await;
    let (ana, ben) = (first_machine(&rehearsal), machine(&rehearsal));
    let store = open(&rehearsal, &ana).await.unwrap();
    for args in [["up", "--yes"], ["destroy", "--yes"]] {
        let waits = ben.start(&[&args[..], &["--lock-timeout", "10m"]].concat());
        std::thread::sleep(std::time::Duration::from_secs(2));
        let pid = waits.id().to_string();
        assert!(
            std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success()
        );
        let ran = waits.wait_with_output().unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(130), "{told}");
        assert!(told.ends_with("interrupted; nothing was changed\n"), "{told}");
    }
    store.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_destroy_a_stack_by_its_name_needs_its_state_as_well() {
    let rehearsal = Rehearsal::start().await;
    let (ana, ben) = (first_machine(&rehearsal), machine(&rehearsal));
    ana.ok(&["up", "--yes", "--target", "logs"]);
    let store = open(&rehearsal, &ana).await.unwrap();
    let by_name = ["destroy", "--yes", "--stack", "gsm"];
    assert_eq!(ben.run(&by_name).code, Some(8), "the lease was not asked for");
    store.release().await;
    ben.ok(&by_name);
    let state: Value = serde_json::from_str(&ana.ok(&["state", "pull"])).unwrap();
    assert_eq!(state["resources"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_a_killed_run_is_gone_at_once_on_its_machine() {
    let rehearsal = Rehearsal::start().await;
    let ana = first_machine(&rehearsal);
    // Nobody lets go of it.
    drop(open(&rehearsal, &ana).await.unwrap());
    ana.ok(&["up", "--yes", "--target", "logs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_taken_for_gone_can_write_no_more() {
    let rehearsal = Rehearsal::start().await;
    let (ana, ben) = (first_machine(&rehearsal), machine(&rehearsal));
    let old = open(&rehearsal, &ana).await.unwrap();
    old.change(|it| drop(it.outputs.insert("from".to_owned(), "ana".to_owned()))).await.unwrap();
    // As if ben's machine were ana's: it knows for certain that her run is over, which it is not.
    fs::create_dir_all(ben.path("state")).unwrap();
    fs::copy(ana.path("state/gsm.lock"), ben.path("state/gsm.lock")).unwrap();
    let new = open(&rehearsal, &ben).await.unwrap();
    let stale = old.change(|it| it.outputs.clear()).await.unwrap_err().to_string();
    assert_eq!(stale, "the state could not be written: another run has written it meanwhile");
    new.change(|it| drop(it.outputs.insert("to".to_owned(), "ben".to_owned()))).await.unwrap();
    new.release().await;
    let state = shared(&rehearsal).await.read(None).await.unwrap().unwrap();
    let outputs: Vec<_> = state.outputs.iter().map(|(name, it)| format!("{name} {it}")).collect();
    assert_eq!(outputs, ["from ana", "to ben"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_others_is_not_written_to() {
    let rehearsal = Rehearsal::start().await;
    let folder = first_machine(&rehearsal);
    folder.edit("gsm-states/team }", "gsm-states/team, account: \"999999999999\" }");
    insta::assert_snapshot!("shared_of_others", told(&folder.run(&["up", "--yes"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_and_throttling_of_s3_are_borne() {
    let rehearsal = Rehearsal::start().await;
    let folder = first_machine(&rehearsal);
    let strikes = [
        json!({ "after_effect": true, "drop": true }),
        json!({ "status": 503, "code": "SlowDown" }),
        json!({ "status": 500, "code": "InternalError" }),
        json!({ "drop": true }),
    ];
    let line = regex::Regex::new(r"retention_days: \d+").unwrap();
    for (number, strike) in strikes.iter().enumerate() {
        for skip in 0..4 {
            let mut fault = strike.clone();
            fault["match"] = json!({ "service": "s3", "action": "PutObject" });
            fault["skip"] = skip.into();
            rehearsal.fault(fault).await;
        }
        let days = [7, 14, 30, 60][number];
        let yaml = fs::read_to_string(folder.path("stack.yaml")).unwrap();
        folder.write(&line.replace(&yaml, format!("retention_days: {days}")));
        folder.ok(&["up", "--yes", "--target", "logs"]);
        let left = rehearsal.faults().await;
        assert!(left.iter().any(|it| it["left"] == 0), "none of them struck: {left:?}");
        rehearsal.no_faults().await;
    }
    let ran = folder.run(&["diff", "--target", "logs", "--exit-code"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
