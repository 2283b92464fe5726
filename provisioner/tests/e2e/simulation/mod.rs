//! Whole lives of stacks in virtual time: thousands of them, each decided by a seed, each the same again with that seed.

mod exhaustive;
mod life;
mod process;
mod schedule;
mod wishes;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use life::{Story, live};

/// How many lives the suite lives; `SIMULATION_LIVES` says another number.
const LIVES: u64 = 2_000;
/// The seed of the first; `SIMULATION_FIRST` says another one.
const FIRST: u64 = 20_780_000_000;

#[test]
fn every_life_ends_well() {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        // The same ones each time, so that a change is what makes the difference.
        None => {
            let first = number("SIMULATION_FIRST").unwrap_or(FIRST);
            first..first + number("SIMULATION_LIVES").unwrap_or(LIVES)
        }
    };
    let alone = seeds.end - seeds.start == 1;
    println!("seeds {seeds:?}; SIMULATION_SEED=N replays one");
    let next = AtomicU64::new(seeds.start);
    let began = Instant::now();
    let told = std::sync::Mutex::new(Told::default());
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let mut story = Story::default();
                    let lived = catch_unwind(AssertUnwindSafe(|| live(seed, &mut story)));
                    let lived = lived.unwrap_or_else(|_| Err("it panicked".to_owned()));
                    if alone {
                        println!("{:#?}", story.lines);
                    }
                    told.lock().unwrap().add(seed, story, lived);
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    println!("{} in {:.1?}", told.summary(), began.elapsed());
    assert!(told.failed.is_empty(), "{} lives failed:\n{}", told.failed.len(), told.failures());
}

#[test]
fn the_same_seed_is_the_same_life() {
    for seed in [1, 2, 3] {
        let lives = [(); 2].map(|()| {
            let mut story = Story::default();
            let lived = live(seed, &mut story);
            (lived, story.lines, story.calls, story.seconds)
        });
        assert_eq!(lives[0], lives[1]);
    }
}

#[derive(Default)]
struct Told {
    lives: u64,
    calls: usize,
    seconds: u64,
    failed: Vec<(u64, Story, String)>,
}

impl Told {
    fn add(&mut self, seed: u64, story: Story, lived: Result<(), String>) {
        self.lives += 1;
        self.calls += story.calls;
        self.seconds += story.seconds;
        if let Err(why) = lived {
            self.failed.push((seed, story, why));
        }
    }

    fn summary(&self) -> String {
        let virtual_time = Duration::from_secs(self.seconds).as_secs_f64() / 86_400.0;
        format!("{} lives, {} calls, {virtual_time:.1} days", self.lives, self.calls)
    }

    fn failures(&self) -> String {
        let first = self.failed.iter().take(5);
        let told = first.map(|(seed, story, why)| {
            format!("SIMULATION_SEED={seed}\n  {}\n  {why}\n", story.lines.join("\n  "))
        });
        told.collect()
    }
}
