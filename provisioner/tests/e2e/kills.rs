//! A real process over HTTP, killed with SIGKILL at each of its calls in turn: `up` from nothing, and `destroy`.
//!
//! It takes a quarter of an hour, so it runs by its name only; `KILL_EVERY=10` kills at each tenth call.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{cli::Folder, failures::twice, support::Rehearsal};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a quarter of an hour"]
async fn at_every_call_the_next_run_goes_on() {
    let every = std::env::var("KILL_EVERY").ok().and_then(|it| it.parse().ok()).unwrap_or(1);
    let mut number = 0;
    loop {
        let rehearsal = Rehearsal::start().await;
        let folder = Folder::new(&rehearsal);
        let before = counts(&rehearsal.census().await);
        let up = is_killed_at(number, &["up", "--yes"], &rehearsal, &folder).await;
        folder.ok(&["up", "--yes"]);
        let census = rehearsal.census().await;
        assert_eq!(twice(&census), [""; 0], "`up` was killed at call {number}: {census:#}");
        folder.is_settled();

        let destroy = ["destroy", "--yes", "--unprotect", "database"];
        let down = is_killed_at(number, &destroy, &rehearsal, &folder).await;
        folder.ok(&destroy);
        let left = counts(&rehearsal.census().await);
        assert_eq!(left, before, "`destroy` was killed at call {number}");
        if !up && !down {
            break;
        }
        number += every;
    }
    println!("killed at {number} calls, each {every}th");
}

/// Starts a run and kills it at a call, from 0; false if it has ended before, well.
async fn is_killed_at(
    number: usize,
    args: &[&str],
    rehearsal: &Rehearsal,
    folder: &Folder,
) -> bool {
    rehearsal.forget().await;
    rehearsal.fault(json!({ "skip": number, "delay_ms": 600_000 })).await;
    let mut child = folder.start(args);
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if rehearsal.faults().await.iter().all(|it| it["left"] == 0) {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{args:?} ended with {status}");
            rehearsal.no_faults().await;
            return false;
        }
    }
}

/// How many there are of each kind, but for keys that wait for their end.
fn counts(census: &Value) -> BTreeMap<String, usize> {
    let kinds = census.as_object().unwrap().iter();
    let counts = kinds.map(|(kind, all)| (kind.clone(), all.as_array().map_or(0, Vec::len)));
    counts.filter(|(kind, _)| kind != "keys_pending_deletion").collect()
}
