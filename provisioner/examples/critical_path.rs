//! How long an `up` of the repository's stack takes on AWS, and why: the simulated clouds at the times of the real ones,
//! in virtual time, with the chain of resources that the whole run had to wait for.
//!
//! ```console
//! $ cargo run --example critical_path            # stack.yaml of this repository
//! $ cargo run --example critical_path -- FILE
//! ```

use std::{
    collections::BTreeMap,
    error::Error,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use provisioner::{
    cloud::Cloud,
    commands,
    config::{self, Config},
    engine::{self, Event, Observer, Options, Outcome, Run, Stack, Store},
    sandbox::{self, Clouds},
};
use simulator::{Setup, Simulator, Times};
use tokio::sync::watch;

/// Calls over a network to a region near by.
const LATENCY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(150));

/// When work on each resource began, when it was made, and when it worked.
#[derive(Default)]
struct Watcher(Mutex<BTreeMap<String, Spans>>);

#[derive(Clone, Copy, Default)]
struct Spans {
    began: Option<tokio::time::Instant>,
    made: Option<tokio::time::Instant>,
    ready: Option<tokio::time::Instant>,
}

impl Observer for Watcher {
    fn event(&self, name: &str, event: Event) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spans = all.entry(name.to_owned()).or_default();
        let now = Some(tokio::time::Instant::now());
        match event {
            Event::Started(..) => spans.began = spans.began.or(now),
            Event::Finished(..) => spans.made = now,
            Event::Ready(_) => spans.ready = now,
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stack.yaml");
    let file = std::env::args().nth(1).map_or(here, Into::into);
    let config =
        config::load(&file, &|name| std::env::var(name).ok()).map_err(|it| it.render(false))?;
    tokio::time::pause();

    let simulator = Simulator::new(Setup { times: Times::real(), seed: 1, now: None });
    simulator.faults(|it| it.latency = LATENCY);
    println!("Simulated clouds at the times of the real ones, {LATENCY:?} a call.\n");
    let state = engine::State::default();
    let (state, ..) = act(&simulator, &config, state, "up from nothing", Some(&config)).await?;
    let (state, ..) =
        act(&simulator, &config, state, "up with nothing to do", Some(&config)).await?;
    act(&simulator, &config, state, "destroy", None).await?;
    Ok(())
}

/// One run: of the program of `wanted`, or of the empty one.
async fn act(
    simulator: &Simulator,
    config: &Config,
    state: engine::State,
    what: &str,
    wanted: Option<&Config>,
) -> Result<(engine::State, Outcome), Box<dyn Error>> {
    simulator.forget();
    let (real, began) = (Instant::now(), tokio::time::Instant::now());
    let clouds = Arc::new(Clouds(simulator.clone()));
    let cloud = Cloud::in_process(clouds, &config.name, &config.region, sandbox::variable).await?;
    let watcher = Arc::new(Watcher::default());
    let (_, interrupted) = watch::channel(false);
    let options = Options {
        unprotect: state.resources.keys().cloned().collect(),
        seed: 1,
        ..Options::default()
    };
    let store = Store::in_memory(state);
    let run = Arc::new(Run::new(cloud, store, options, watcher.clone(), interrupted));
    let stack = match wanted {
        Some(config) => {
            let secret = |name: &str| Some(format!("value-of-{name}"));
            commands::declare(config, &run.cloud, &secret).await.map_err(|it| format!("{it:?}"))?
        }
        None => Stack::default(),
    };
    let plan = engine::plan(stack, &run).await;
    if !plan.problems.is_empty() {
        return Err(format!("{:?}", plan.problems).into());
    }
    let planned = began.elapsed();
    let outcome = engine::apply(plan, &run).await;
    if !outcome.failures.is_empty() {
        return Err(format!("{:?}", outcome.failures).into());
    }
    println!(
        "{what}: {:.1} s ({:.1} s of it planning), {} changes, {} calls; simulated in {:.2} s",
        began.elapsed().as_secs_f64(),
        planned.as_secs_f64(),
        outcome.done.len(),
        simulator.calls().len(),
        real.elapsed().as_secs_f64(),
    );
    let spans = watcher.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if wanted.is_some() && !outcome.done.is_empty() {
        critical_path(&spans, &run, began);
    }
    Ok((run.store.state(), outcome))
}

/// From what worked last back to the beginning, each time to the source that was there last.
fn critical_path(spans: &BTreeMap<String, Spans>, run: &Run, began: tokio::time::Instant) {
    let at = |it: Option<tokio::time::Instant>| it.map_or(0.0, |it| (it - began).as_secs_f64());
    let state = run.store.state();
    let last = spans.iter().max_by_key(|(_, it)| it.ready.or(it.made));
    let mut chain: Vec<&str> = last.iter().map(|(name, _)| name.as_str()).collect();
    while let Some(record) = chain.last().and_then(|name| state.resources.get(*name)) {
        let made = |name: &&String| spans.get(*name).and_then(|it| it.made);
        let Some((before, _)) = record
            .sources
            .iter()
            .filter(|it| made(it).is_some())
            .max_by_key(|it| made(it))
            .and_then(|name| spans.get_key_value(name))
        else {
            break;
        };
        chain.push(before);
    }
    println!("  the critical path:");
    for name in chain.into_iter().rev() {
        let Some(spans) = spans.get(name) else { continue };
        let ready =
            spans.ready.map_or(String::new(), |it| format!(", works at {:.1} s", at(Some(it))));
        println!(
            "    {name:<24} begun at {:>6.1} s, made at {:>6.1} s{ready}",
            at(spans.began),
            at(spans.made)
        );
    }
    println!();
}
