//! What can go wrong at each call and at each write, as far as the suite has the time: a share of all schedules, decided
//! by a seed. `cargo run --example torture` plays all of them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use super::schedule::{Scenario, Schedule, Stage, Trouble};

/// How many of each scenario the suite plays; `SIMULATION_SCHEDULES` says another number.
const SHARE: usize = 8;
/// Which; `SIMULATION_FIRST` says another seed.
const SEED: u64 = 20_780_000_000;

#[test]
fn killed_at_any_call_or_write_the_next_run_finishes() {
    play(|stage| {
        let kills = stage.schedules().into_iter();
        kills.filter(|it| matches!(it.trouble, Trouble::Kill(_))).collect()
    });
}

#[test]
fn what_goes_wrong_once_is_outlasted_by_the_same_run() {
    play(|stage| {
        let once = stage.schedules().into_iter();
        once.filter(|it| !matches!(it.trouble, Trouble::Kill(_))).collect()
    });
}

#[test]
fn what_goes_wrong_everywhere_is_outlasted_by_the_same_run() {
    play(Stage::combs);
}

/// Plays some of the schedules of each scenario, or those whose name begins as `SIMULATION_SCHEDULE` says.
fn play(of: impl Fn(&Stage) -> Vec<Schedule>) {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let share = number("SIMULATION_SCHEDULES").map_or(SHARE, |it| it as usize);
    let seed = number("SIMULATION_FIRST").unwrap_or(SEED);
    let only = std::env::var("SIMULATION_SCHEDULE").ok();
    let began = Instant::now();
    let mut chance = StdRng::seed_from_u64(seed);
    let stages =
        Scenario::ALL.map(|it| Stage::set(it).unwrap_or_else(|why| panic!("{it:?}: {why}")));
    let mut all = Vec::new();
    let mut of_how_many = 0;
    for stage in &stages {
        let mut schedules = of(stage);
        of_how_many += schedules.len();
        schedules.shuffle(&mut chance);
        match &only {
            Some(only) => schedules.retain(|it| it.to_string().starts_with(only)),
            None => schedules.truncate(share),
        }
        all.extend(schedules.into_iter().map(|it| (stage, it)));
    }
    println!("{} of {of_how_many} schedules, seed {seed}", all.len());
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((stage, schedule)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let played = catch_unwind(AssertUnwindSafe(|| stage.play(schedule.trouble)));
                    if let Err(why) = played.unwrap_or_else(|_| Err("it panicked".to_owned())) {
                        failed
                            .lock()
                            .unwrap()
                            .push(format!("SIMULATION_SCHEDULE='{schedule}'\n  {why}"));
                    }
                }
            });
        }
    });
    println!("in {:.1?}", began.elapsed());
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}
