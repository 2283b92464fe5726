//! How long a lease lasts, in virtual time, in which a minute is nothing.

use std::{sync::Arc, time::Duration};

use provisioner::{
    cloud::Cloud,
    config::StateBucket,
    engine::{Store, store::StoreError, store::file},
    sandbox::{self, Clouds},
    shared_state::SharedState,
};
use simulator::{Setup, Simulator, Times};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Several machines and one bucket.
struct Team {
    simulator: Simulator,
    shared: SharedState,
    machines: Vec<TempDir>,
}

impl Team {
    async fn of(machines: usize) -> Self {
        let setup = Setup { times: Times::none(), seed: 1, now: None };
        let simulator = Simulator::new(setup);
        let clouds = Arc::new(Clouds(simulator.clone()));
        let cloud = Cloud::in_process(clouds, "gsm", "eu-central-1", sandbox::variable);
        let at = StateBucket::parse("states").unwrap();
        let shared = SharedState::new(&cloud.await.unwrap(), &at, "gsm");
        shared.make_bucket().await.unwrap();
        let machines = (0..machines).map(|_| tempfile::tempdir().unwrap()).collect();
        Self { simulator, shared, machines }
    }

    /// Opens the state on one of the machines.
    async fn open(&self, machine: usize, patience: u64) -> Result<Store, StoreError> {
        let lock = file::lock(self.machines[machine].path(), "gsm", Duration::ZERO)?;
        self.shared.open("eu-central-1", lock, Duration::from_secs(patience), &|_| ()).await
    }

    async fn is_refused(&self, machine: usize) -> bool {
        matches!(self.open(machine, 0).await, Err(StoreError::Locked(_)))
    }
}

async fn write(store: &Store) -> Result<(), String> {
    let written = store.change(|it| drop(it.outputs.insert("a".to_owned(), String::new()))).await;
    written.map_err(|error| error.to_string())
}

#[tokio::test(start_paused = true)]
async fn that_of_a_killed_run_lasts_for_a_minute() {
    let team = Team::of(3).await;
    drop(team.open(0, 0).await.unwrap());
    let killed = Instant::now();
    assert!(team.is_refused(1).await);
    // It may still be alive, but it should have been heard of.
    sleep(Duration::from_secs(30)).await;
    let store = team.open(1, 0).await.unwrap();
    let took = killed.elapsed().as_secs();
    assert!((60..65).contains(&took), "{took} s");
    assert!(team.is_refused(2).await);
    store.release().await;
    team.open(2, 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn that_of_a_run_that_goes_on_lasts() {
    let team = Team::of(2).await;
    let store = team.open(0, 0).await.unwrap();
    for _ in 0..20 {
        sleep(Duration::from_secs(61)).await;
        assert!(team.is_refused(1).await);
    }
    write(&store).await.unwrap();
    let began = Instant::now();
    let (waited, ()) = tokio::join!(team.open(1, 600), async {
        sleep(Duration::from_secs(100)).await;
        store.release().await;
    });
    let took = began.elapsed().as_secs();
    assert!(waited.is_ok() && (100..103).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn that_of_a_run_that_was_cut_off_is_its_own_until_somebody_takes_it() {
    let team = Team::of(2).await;
    let store = team.open(0, 0).await.unwrap();
    let away = |times| {
        let fault =
            serde_json::json!({ "match": { "service": "s3" }, "refuse": true, "times": times });
        team.simulator.faults(|it| _ = it.add(serde_json::from_value(fault).unwrap()));
    };
    // S3 cannot be reached for some minutes.
    away(Some(40));
    sleep(Duration::from_secs(150)).await;
    team.simulator.faults(simulator::Faults::clear);
    write(&store).await.unwrap();
    // The renewal under way may have just begun to wait for its next attempt.
    sleep(Duration::from_secs(60)).await;
    assert!(team.is_refused(1).await);

    // Once more, and meanwhile another machine can.
    away(None::<u32>);
    sleep(Duration::from_secs(61)).await;
    team.simulator.faults(simulator::Faults::clear);
    let other = team.open(1, 0).await.unwrap();
    sleep(Duration::from_secs(200)).await;
    let refused = write(&store).await.unwrap_err();
    assert!(refused.contains("it was taken over by `provisioner"), "{refused}");
    write(&other).await.unwrap();
}
