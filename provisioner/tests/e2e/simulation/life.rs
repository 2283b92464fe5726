//! A random life of a stack: made, changed, interrupted, disturbed, and deleted.

use provisioner::engine::State;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use simulator::{Chaos, Setup, Simulator, Time, Times};

use super::{
    process::{Done, Ended, Home, Kill, Machine},
    wishes::Wishes,
};

/// 2026-01-01, when every life begins.
const BEGINNING: Time = Time(1_767_225_600_000);

/// What takes no tags, or is in a project that only the declaration names: with the state lost, nothing else leads to it.
const UNTAGGED: [&str; 4] = ["records", "atlas_clusters", "atlas_users", "atlas_accessList"];

/// What happened in a life, for whoever has to understand it.
#[derive(Debug, Default)]
pub struct Story {
    /// A line for each process.
    pub lines: Vec<String>,
    /// Calls of all of it.
    pub calls: usize,
    /// How long it lasted, in virtual seconds.
    pub seconds: u64,
}

/// Lives one.
///
/// # Errors
///
/// What should not have happened.
pub fn live(seed: u64, story: &mut Story) -> Result<(), String> {
    let mut chance = StdRng::seed_from_u64(seed);
    let setup = Setup { times: Times::real(), seed, now: Some(BEGINNING) };
    let simulator = Simulator::new(setup);
    let latency = |ms| std::time::Duration::from_millis(ms);
    simulator.faults(|it| it.latency = (latency(50), latency(150)));
    simulator.hold(BEGINNING);
    let mut machine =
        Machine { simulator: simulator.clone(), state: State::default(), home: Home::Disk, seed };
    let result = episodes(&mut chance, &mut machine, story);
    story.calls = simulator.calls().len();
    story.seconds = simulator.now().since(BEGINNING).as_secs();
    result
}

fn episodes(chance: &mut StdRng, machine: &mut Machine, story: &mut Story) -> Result<(), String> {
    let mut wishes = Wishes::any(chance);
    // What is neither declared nor recorded, nothing but its tags can find, if it can have any.
    let mut traceable = true;
    let mut all_declared = true;
    let mut all_recorded = true;
    for _ in 0..chance.random_range(1..=3) {
        if chance.random_bool(0.4) {
            wishes = wishes.changed(chance);
            traceable &= all_recorded;
            all_declared = false;
        }
        if chance.random_bool(0.15) {
            traceable &= all_declared;
            all_recorded = false;
            machine.state = State::default();
            story.lines.push("the state is lost".to_owned());
        }
        if chance.random_bool(0.4) {
            let chaos = chaos(chance);
            story.lines.push(format!("{chaos:?}"));
            machine.simulator.faults(|it| it.chaos = chaos);
        }
        let kill = chance.random_bool(0.4).then(|| {
            let number = chance.random_range(1..150);
            if chance.random_bool(0.5) { Kill::Before(number) } else { Kill::After(number) }
        });
        let config = wishes.config();
        if chance.random_bool(0.15) {
            let ended = machine.destroy(&config, kill);
            tell(story, "destroy", kill, &ended);
        } else {
            let ended = machine.up(&config, true, kill);
            tell(story, "up", kill, &ended);
            let complete = whole(ended, "up").is_ok();
            all_declared |= complete;
            all_recorded |= complete;
        }
        machine.simulator.faults(|it| it.chaos = Chaos::default());
    }
    settle(&wishes, traceable, machine, story)
}

/// With nothing going wrong any more, everything becomes as it should be, and then nothing.
fn settle(
    wishes: &Wishes,
    traceable: bool,
    machine: &mut Machine,
    story: &mut Story,
) -> Result<(), String> {
    let config = wishes.config();
    let up = machine.up(&config, true, None);
    tell(story, "up", None, &up);
    whole(up, "the last `up`")?;
    machine.simulator.forget();
    let second = machine.up(&config, false, None);
    tell(story, "diff", None, &second);
    let second = whole(second, "the second `diff`")?;
    if !second.nothing {
        return Err(format!("the second diff is not empty: {:#?}", second.steps));
    }
    let changes = machine.simulator.calls().into_iter().filter(|it| it.mutating);
    let changes: Vec<_> = changes.map(|it| format!("{} {}", it.service, it.action)).collect();
    if !changes.is_empty() {
        return Err(format!("`diff` changed something: {changes:?}"));
    }
    let destroyed = machine.destroy(&config, None);
    tell(story, "destroy", None, &destroyed);
    let destroyed = whole(destroyed, "`destroy`")?;
    let census = machine.simulator.census();
    let left = left(&census);
    let untagged = left.iter().all(|(kind, _)| UNTAGGED.contains(&kind.as_str()));
    match (left.is_empty(), destroyed.left_over.is_empty()) {
        (true, true) => Ok(()),
        // The state was lost together with the declaration.
        (false, true) if !traceable && untagged => Ok(()),
        _ => Err(format!("this is left: {left:#?}, and this was said: {:#?}", destroyed.left_over)),
    }
}

fn chaos(chance: &mut StdRng) -> Chaos {
    let mut some =
        |most: f64| if chance.random_bool(0.5) { chance.random_range(0.0..most) } else { 0.0 };
    Chaos {
        throttled: some(0.2),
        unavailable: some(0.1),
        refused: some(0.1),
        reset: some(0.1),
        lost: some(0.1),
        stale: some(0.2),
        stale_ms: 2_000,
    }
}

fn whole(ended: Ended<Result<Done, String>>, what: &str) -> Result<Done, String> {
    match ended {
        Ended::Killed => Err(format!("{what} was killed, which nobody asked for")),
        Ended::With(Err(error)) => Err(format!("{what} failed: {error}")),
        Ended::With(Ok(done)) if !done.outcome.failures.is_empty() => {
            Err(format!("{what} failed: {:#?}", done.outcome.failures))
        }
        Ended::With(Ok(done)) => Ok(done),
    }
}

fn tell(story: &mut Story, what: &str, kill: Option<Kill>, ended: &Ended<Result<Done, String>>) {
    let how = match ended {
        Ended::Killed => format!("killed {kill:?}"),
        Ended::With(Err(error)) => format!("refused: {error}"),
        Ended::With(Ok(done)) => {
            let failed: Vec<_> = done
                .outcome
                .failures
                .iter()
                .map(|it| format!("{} {}: {}", it.verb, it.name, it.error))
                .collect();
            format!(
                "{} steps, {} done, failed: {failed:?}",
                done.steps.len(),
                done.outcome.done.len()
            )
        }
    };
    story.lines.push(format!("{what}: {how}"));
}

/// What is left in a census after everything was deleted: nothing but keys that wait for their deletion.
fn left(census: &Value) -> Vec<(&String, &Value)> {
    let kinds = census.as_object().into_iter().flatten();
    let there = kinds.filter(|(_, it)| it.as_array().is_none_or(|it| !it.is_empty()));
    there.filter(|(kind, _)| *kind != "keys_pending_deletion").collect()
}
