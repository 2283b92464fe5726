//! Everything that can go wrong, for as long as one likes: each call and each write of each scenario once, in an order
//! that the seed decides, and then random lives. In virtual time, on the simulated clouds.
//!
//! ```console
//! $ cargo run --release --example torture -- --minutes 60
//! $ cargo run --release --example torture -- --minutes 60 --seed 7
//! $ cargo run --release --example torture -- --minutes 1 --lives
//! $ cargo run --example torture -- --schedule 'update/killed:After(118)'
//! $ cargo run --example torture -- --life 20780000017
//! ```
//!
//! The last two replay what an earlier run printed. Exit code 1: something did not go as it should.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

#[allow(missing_docs, dead_code, unreachable_pub)]
#[path = "../tests/e2e/simulation/life.rs"]
mod life;
#[allow(missing_docs, dead_code, unreachable_pub)]
#[path = "../tests/e2e/simulation/process.rs"]
mod process;
#[allow(missing_docs, dead_code, unreachable_pub)]
#[path = "../tests/e2e/simulation/schedule.rs"]
mod schedule;
#[allow(missing_docs, dead_code, unreachable_pub)]
#[path = "../tests/e2e/simulation/wishes.rs"]
mod wishes;

use life::{Story, live};
use schedule::{Scenario, Schedule, Stage};

#[derive(Parser)]
struct Args {
    /// How long to go on.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Decides the order of the schedules, and the lives.
    #[arg(long)]
    seed: Option<u64>,
    /// Plays no schedules, only lives.
    #[arg(long)]
    lives: bool,
    /// Plays only this one.
    #[arg(long)]
    schedule: Option<String>,
    /// Lives only this life.
    #[arg(long)]
    life: Option<u64>,
}

/// What went wrong, printed as soon as it does.
#[derive(Default)]
struct Told(Mutex<usize>);

impl Told {
    fn take(&self, what: &str, play: impl FnOnce() -> Result<(), String>) {
        let played = catch_unwind(AssertUnwindSafe(play));
        if let Err(why) = played.unwrap_or_else(|_| Err("it panicked".to_owned())) {
            *self.0.lock().unwrap() += 1;
            println!("FAILED {what}\n  {why}");
        }
    }

    fn exit(&self) -> ExitCode {
        let failed = *self.0.lock().unwrap();
        println!("{failed} failed");
        ExitCode::from(u8::from(failed > 0))
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let told = Told::default();
    if let Some(seed) = args.life {
        let mut story = Story::default();
        told.take(&format!("--life {seed}"), || live(seed, &mut story));
        println!("{:#?}", story.lines);
        return told.exit();
    }
    let stages: Vec<Stage> = Scenario::ALL
        .into_iter()
        .map(|it| Stage::set(it).unwrap_or_else(|why| panic!("{it:?}: {why}")))
        .collect();
    let mut all: Vec<(&Stage, Schedule)> = stages
        .iter()
        .flat_map(|stage| {
            let schedules = stage.schedules().into_iter().chain(stage.combs());
            schedules.map(move |it| (stage, it))
        })
        .collect();
    if let Some(only) = &args.schedule {
        all.retain(|(_, it)| it.to_string() == *only);
        assert!(!all.is_empty(), "there is no schedule `{only}`");
        for (stage, it) in all {
            told.take(&format!("--schedule '{it}'"), || stage.play(it.trouble));
        }
        return told.exit();
    }
    if args.lives {
        all.clear();
    }
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("--seed {seed}: {} schedules, then lives", all.len());
    all.shuffle(&mut StdRng::seed_from_u64(seed));
    torture(&all, seed, Duration::from_secs(args.minutes * 60), &told);
    told.exit()
}

/// On all cores, until the time is over.
fn torture(all: &[(&Stage, Schedule)], seed: u64, time: Duration, told: &Told) {
    let began = Instant::now();
    let (next, lives, over) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while began.elapsed() < time {
                    match all.get(next.fetch_add(1, Ordering::Relaxed)) {
                        Some((stage, it)) => {
                            told.take(&format!("--schedule '{it}'"), || stage.play(it.trouble));
                        }
                        None => {
                            let life = seed + lives.fetch_add(1, Ordering::Relaxed);
                            let mut story = Story::default();
                            told.take(&format!("--life {life}"), || live(life, &mut story));
                        }
                    }
                }
                over.store(true, Ordering::Relaxed);
            });
        }
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_secs(1));
                if began.elapsed().as_secs().is_multiple_of(60) {
                    let played = next.load(Ordering::Relaxed).min(all.len());
                    let lived = lives.load(Ordering::Relaxed);
                    println!("{played} of {} schedules, {lived} lives", all.len());
                }
            }
        });
    });
    let played = next.load(Ordering::Relaxed).min(all.len());
    println!(
        "{played} schedules, {} lives in {:.0?}",
        lives.load(Ordering::Relaxed),
        began.elapsed()
    );
}
