//! Every single thing that can go wrong while a user does something: at each call, and at each write to disk.

use std::{collections::BTreeMap, fmt, time::Duration};

use provisioner::{
    config::{self, Config, StateBucket},
    deployment::{self, Begun, Ending, Pace, Subject},
    engine::State,
    shared_state::SharedState,
};
use serde_json::{Value, json};
use simulator::{Fault, Seen, Service, Setup, Simulator, Time, Times, World};
use tokio::sync::watch;

use super::process::{BUCKET, Done, Ended, Home, Kill, Machine};

/// 2026-01-01, when everything begins.
const BEGINNING: Time = Time(1_767_225_600_000);
/// The image that `deploy` brings.
const NEW_IMAGE: &str = "example/bot:2";
/// How many calls in a row a burst strikes, of one service: the SDK alone gives up after six of one call.
const BURST: u32 = 20;
/// The same of GitHub, which is asked without an SDK, and wants to be left alone for a minute each time.
const BURST_OF_GITHUB: u32 = 2;

/// What a user does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scenario {
    /// `up` from nothing.
    First,
    /// `up` with something new in almost everything.
    Update,
    /// `up` with what can only be replaced.
    Replacement,
    /// `up` with half of it taken out.
    Removal,
    /// `destroy`.
    Destroy,
    /// `deploy` of another image.
    Deploy,
    /// `up` from nothing of a small stack, with the state in S3.
    Shared,
}

impl Scenario {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::First,
        Self::Update,
        Self::Replacement,
        Self::Removal,
        Self::Destroy,
        Self::Deploy,
        Self::Shared,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Update => "update",
            Self::Replacement => "replacement",
            Self::Removal => "removal",
            Self::Destroy => "destroy",
            Self::Deploy => "deploy",
            Self::Shared => "shared",
        }
    }

    /// What stack.yaml says then.
    fn config(self) -> Config {
        let (memory, tag, path, port, retention) = match self {
            Self::Update => (1024, "b", "/ready", 8080, 7),
            Self::Replacement => (512, "a", "/healthz", 9090, 30),
            _ => (512, "a", "/healthz", 8080, 30),
        };
        let mut yaml = format!(
            "name: gsm\nregion: eu-central-1\ntags: {{ n: \"{tag}\" }}\nlogs: {{ retention_days: {retention} }}\n\
             load_balancer: {{ domain: bot.example.com, zone: example.com }}\nservices:\n  bot:\n    \
             image: example/bot:1\n    memory: {memory}\n    port: {port}\n    health_check: {{ path: {path} }}\n    \
             secrets:\n      TOKEN: {{ env: TOKEN }}\n      MADE_UP: {{ generate: 32 }}\n"
        );
        if self == Self::Shared {
            yaml = "name: gsm\nregion: eu-central-1\nservices:\n  worker:\n    image: example/worker:1\n    \
                    secrets: { MADE_UP: { generate: 32 } }\n"
                .to_owned();
        } else if self != Self::Removal {
            yaml += "      MONGODB_URI: { database: uri }\n  worker: { image: \"example/worker:1\" }\n\
                     database:\n  { project: gsm, cluster: gsm-db, tier: flex, region: EU_CENTRAL_1, user: gsm-bot,\n    \
                     roles: [readWrite@gsm], allow_from: [0.0.0.0/0], protect: false }\n\
                     ci: { jenkins: { admin_cidrs: [203.0.113.7/32], repository: \"https://github.com/example/bot\", service: bot } }\n";
        }
        if self == Self::Replacement {
            // Also the machine of Jenkins, whose disk goes from the old one to the new one.
            yaml = yaml.replace("service: bot } }", "service: bot, branch: other } }");
        }
        config::parse("stack.yaml", &yaml, &|_| None)
            .unwrap_or_else(|invalid| panic!("{}\n{yaml}", invalid.render(false)))
    }

    fn perform(self, machine: &mut Machine, kill: Option<Kill>) -> Ended<Result<Done, String>> {
        let config = self.config();
        match self {
            Self::First | Self::Update | Self::Replacement | Self::Removal | Self::Shared => {
                machine.up(&config, true, kill)
            }
            Self::Destroy => machine.destroy(&config, kill),
            Self::Deploy => deploy(machine, &config, kill),
        }
    }
}

/// What goes wrong at a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strike {
    /// Too many requests, in the words of the service.
    Throttled,
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// Nobody listens.
    Refused,
    /// The connection is reset before any effect.
    Reset,
    /// No answer for longer than anybody waits.
    Silent,
    /// The answer breaks off in the middle.
    Truncated,
    /// The answer to a read is two seconds old.
    Stale,
    /// The connection is reset after the effect.
    Lost,
}

impl Strike {
    const ALL: [Self; 9] = [
        Self::Throttled,
        Self::InternalError,
        Self::Unavailable,
        Self::Refused,
        Self::Reset,
        Self::Silent,
        Self::Truncated,
        Self::Stale,
        Self::Lost,
    ];

    fn may_strike(self, call: &Seen) -> bool {
        match self {
            Self::Stale => !call.mutating,
            Self::Lost => call.mutating,
            _ => true,
        }
    }

    fn fault(self, service: Service, skip: usize, times: u32) -> Fault {
        let throttled = match service {
            Service::Ec2 => (503, "RequestLimitExceeded"),
            Service::Elb | Service::Iam | Service::Sts => (400, "Throttling"),
            Service::Atlas => (429, "RATE_LIMITED"),
            Service::GitHub => (429, "rate limited"),
            Service::S3 => (503, "SlowDown"),
            _ => (400, "ThrottlingException"),
        };
        let mut fault = match self {
            Self::Throttled => json!({ "status": throttled.0, "code": throttled.1 }),
            Self::InternalError => json!({ "status": 500, "code": "InternalFailure" }),
            Self::Unavailable => json!({ "status": 503, "code": "ServiceUnavailable" }),
            Self::Refused => json!({ "refuse": true }),
            Self::Reset => json!({ "drop": true }),
            Self::Silent => json!({ "delay_ms": 600_000 }),
            Self::Truncated => json!({ "truncate": 20 }),
            Self::Stale => json!({ "stale_ms": 2_000 }),
            Self::Lost => json!({ "drop": true, "after_effect": true }),
        };
        fault["skip"] = json!(skip);
        fault["times"] = json!(times);
        serde_json::from_value(fault).expect("a fault")
    }
}

/// What goes wrong in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// It is killed.
    Kill(Kill),
    /// The Nth call is struck, from 0.
    One(Strike, usize),
    /// From the Nth call on, the calls of its service are struck many times.
    Burst(Strike, usize),
    /// Every so manieth call is struck, from the Nth on.
    Comb(Strike, usize),
}

/// How far the teeth of a comb are apart: the run gets ahead in between.
pub const TEETH: usize = 9;

/// A run of a scenario with a trouble.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// What the user does.
    pub scenario: Scenario,
    /// What goes wrong.
    pub trouble: Trouble,
}

impl fmt::Display for Schedule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.scenario.name();
        match self.trouble {
            Trouble::Kill(kill) => write!(out, "{name}/killed:{kill:?}"),
            Trouble::One(strike, at) => write!(out, "{name}/one:{strike:?}({at})"),
            Trouble::Burst(strike, at) => write!(out, "{name}/burst:{strike:?}({at})"),
            Trouble::Comb(strike, at) => write!(out, "{name}/comb:{strike:?}({at})"),
        }
    }
}

/// A scenario that can begin again and again, and what comes of it when nothing goes wrong.
pub struct Stage {
    scenario: Scenario,
    world: World,
    now: Time,
    state: State,
    seed: u64,
    /// Calls of the process, as it counts them.
    calls: u32,
    writes: u32,
    /// The calls that can be struck.
    struck: Vec<Seen>,
    counts: BTreeMap<String, usize>,
}

impl Stage {
    /// Sets it.
    ///
    /// # Errors
    ///
    /// When it does not even go well by itself.
    pub fn set(scenario: Scenario) -> Result<Self, String> {
        let mut machine = machine(scenario, BEGINNING, None);
        if scenario == Scenario::Shared {
            whole(make_bucket(&mut machine, &scenario.config()), "making the bucket")?;
        } else if scenario != Scenario::First {
            whole(machine.up(&Scenario::First.config(), true, None), "the first `up`")?;
        }
        let simulator = machine.simulator.clone();
        let (now, world) = (simulator.now(), simulator.world(|it| it.clone()));
        let (state, seed) = (machine.state.clone(), machine.seed);
        let mut stage = Self {
            scenario,
            world,
            now,
            state,
            seed,
            calls: 0,
            writes: 0,
            struck: Vec::new(),
            counts: BTreeMap::new(),
        };
        let mut machine = stage.begin();
        whole(scenario.perform(&mut machine, None), scenario.name())?;
        let calls = machine.simulator.calls();
        stage.calls = u32::try_from(calls.len()).expect("not so many");
        // Writes to S3 are calls.
        let writes = match machine.home {
            Home::Disk => machine.state.serial - stage.state.serial,
            Home::Bucket => 0,
        };
        stage.writes = u32::try_from(writes).expect("not so many");
        // A Digest client's first question is not what a fault means.
        let asks_first = |it: &Seen| it.service == Service::Atlas && it.status == Some(401);
        stage.struck = calls.into_iter().filter(|it| !asks_first(it)).collect();
        stage.counts = counts(&machine.simulator.census());
        Ok(stage)
    }

    /// Everything that can go wrong once.
    pub fn schedules(&self) -> Vec<Schedule> {
        let mut troubles = Vec::new();
        for number in 1..=self.calls {
            troubles.extend([Kill::Before(number), Kill::After(number)].map(Trouble::Kill));
        }
        for number in 1..=self.writes {
            let kills = [Kill::BeforeWrite(number), Kill::AfterWrite(number)];
            troubles.extend(kills.map(Trouble::Kill));
        }
        for strike in Strike::ALL {
            let calls = self.struck.iter().enumerate();
            let at = calls.filter(|(_, call)| strike.may_strike(call)).map(|(at, _)| at);
            troubles.extend(at.clone().map(|at| Trouble::One(strike, at)));
            if matches!(strike, Strike::Throttled | Strike::Unavailable | Strike::Reset) {
                // Who we are is asked before anything has begun: if AWS does not say, nothing does begin.
                let at = at.filter(|at| self.struck[*at].service != Service::Sts);
                troubles.extend(at.map(|at| Trouble::Burst(strike, at)));
            }
        }
        self.with(troubles)
    }

    /// The same in few runs: many calls of a run are struck.
    pub fn combs(&self) -> Vec<Schedule> {
        let teeth = |strike| (0..TEETH).map(move |at| Trouble::Comb(strike, at));
        self.with(Strike::ALL.into_iter().flat_map(teeth).collect())
    }

    fn with(&self, troubles: Vec<Trouble>) -> Vec<Schedule> {
        let scenario = self.scenario;
        troubles.into_iter().map(|trouble| Schedule { scenario, trouble }).collect()
    }

    fn begin(&self) -> Machine {
        let mut machine = machine(self.scenario, self.now, Some(&self.world));
        (machine.state, machine.seed) = (self.state.clone(), self.seed);
        machine
    }

    /// Plays it, and what a user does afterwards.
    ///
    /// # Errors
    ///
    /// What should not have happened.
    pub fn play(&self, trouble: Trouble) -> Result<(), String> {
        let mut machine = self.begin();
        let name = self.scenario.name();
        match trouble {
            Trouble::Kill(kill) => match self.scenario.perform(&mut machine, Some(kill)) {
                Ended::Killed => {
                    whole(self.scenario.perform(&mut machine, None), &format!("{name} again"))?
                }
                // It ends by what it does not wait for.
                ended @ Ended::With(_) => whole(ended, name)?,
            },
            _ => {
                let faults = self.faults(trouble);
                machine
                    .simulator
                    .faults(|it| faults.into_iter().for_each(|fault| _ = it.add(fault)));
                let done = whole(self.scenario.perform(&mut machine, None), name)?;
                machine.simulator.faults(simulator::Faults::clear);
                done
            }
        };
        self.judge(&mut machine)
    }

    fn faults(&self, trouble: Trouble) -> Vec<Fault> {
        match trouble {
            Trouble::Kill(_) => Vec::new(),
            Trouble::One(strike, at) => vec![strike.fault(self.struck[at].service, at, 1)],
            Trouble::Burst(strike, at) => {
                let service = self.struck[at].service;
                let before = self.struck[..at].iter().filter(|it| it.service == service).count();
                let times = if service == Service::GitHub { BURST_OF_GITHUB } else { BURST };
                let mut fault = strike.fault(service, before, times);
                fault.matching.service = Some(service.to_string());
                vec![fault]
            }
            Trouble::Comb(strike, first) => {
                let mut by_service: BTreeMap<String, Vec<&Seen>> = BTreeMap::new();
                for call in &self.struck {
                    by_service.entry(call.service.to_string()).or_default().push(call);
                }
                let services = by_service.into_iter();
                services.flat_map(|(name, calls)| teeth(strike, first, &name, &calls)).collect()
            }
        }
    }

    /// Everything is as it would have been; the second `diff` finds nothing; `destroy` leaves nothing.
    fn judge(&self, machine: &mut Machine) -> Result<(), String> {
        let config = self.scenario.config();
        match self.scenario {
            Scenario::Destroy => {}
            Scenario::Deploy => {
                let second = whole(deploy(machine, &config, None), "`deploy` of what runs")?;
                if !second.nothing {
                    return Err("a second `deploy` of the same has something to do".to_owned());
                }
                same(&counts(&machine.simulator.census()), &self.counts)?;
            }
            _ => {
                machine.simulator.forget();
                let second = whole(machine.up(&config, false, None), "the second `diff`")?;
                if !second.nothing {
                    return Err(format!("the second diff is not empty: {:#?}", second.steps));
                }
                let changes = machine.simulator.calls().into_iter().filter(|it| it.mutating);
                let changes: Vec<_> = changes.map(|it| it.action).collect();
                if !changes.is_empty() {
                    return Err(format!("`diff` changed something: {changes:?}"));
                }
                same(&counts(&machine.simulator.census()), &self.counts)?;
            }
        }
        let destroyed = whole(machine.destroy(&config, None), "`destroy`")?;
        let left = counts(&machine.simulator.census());
        match left.is_empty() && destroyed.left_over.is_empty() && machine.state.is_empty() {
            true => Ok(()),
            false => Err(format!("this is left: {left:?}; {:?}", destroyed.left_over)),
        }
    }
}

fn machine(scenario: Scenario, now: Time, world: Option<&World>) -> Machine {
    let setup = Setup { times: Times::real(), seed: 7, now: Some(now) };
    let simulator = Simulator::new(setup);
    simulator.hold(now);
    if let Some(world) = world {
        simulator.world(|it| it.clone_from(world));
    }
    let latency = |ms| Duration::from_millis(ms);
    simulator.faults(|it| it.latency = (latency(50), latency(150)));
    let home = if scenario == Scenario::Shared { Home::Bucket } else { Home::Disk };
    Machine { simulator, state: State::default(), home, seed: 7 }
}

fn make_bucket(machine: &mut Machine, config: &Config) -> Ended<Result<Done, String>> {
    machine.home = Home::Disk;
    let made = machine.process(config, false, None, async |run| {
        let at = StateBucket::parse(BUCKET).map_err(|wrong| wrong.what)?;
        let made = SharedState::new(&run.cloud, &at, &config.name).make_bucket().await;
        made.map(|_| Done::nothing(true)).map_err(|error| error.to_string())
    });
    machine.home = Home::Bucket;
    made
}

fn deploy(
    machine: &mut Machine,
    config: &Config,
    kill: Option<Kill>,
) -> Ended<Result<Done, String>> {
    machine.process(config, true, kill, async |run| {
        let cloud = &run.cloud;
        let said = |error: provisioner::engine::Error| error.to_string();
        let subject = Subject::of(config, "bot");
        let current = deployment::find(&subject, cloud).await.map_err(said)?;
        let current = current.ok_or("there is no service")?;
        let begun = deployment::begin(&subject, &current, NEW_IMAGE, cloud).await.map_err(said)?;
        let ours = match begun {
            Begun::Nothing => return Ok(Done::nothing(true)),
            Begun::Joined(ours) | Begun::Deployment(ours) => ours,
        };
        let (_tell, interrupted) = watch::channel(false);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(3_600);
        let pace = Pace { poll: Duration::from_secs(4), deadline, interrupted };
        let followed =
            deployment::follow(&subject, &ours, current.events(), cloud, pace, &|_| ()).await;
        match followed.map_err(said)?.ending {
            Ending::Succeeded => Ok(Done::nothing(false)),
            other => Err(format!("the deployment ended like this: {other:?}")),
        }
    })
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

/// Every so manieth of a service's calls is struck. Which ones exactly changes with each that is repeated.
fn teeth(strike: Strike, first: usize, service: &str, calls: &[&Seen]) -> Vec<Fault> {
    let at = (first..calls.len()).step_by(TEETH).filter(|at| strike.may_strike(calls[*at]));
    // Those before have taken a call each, which this one does not count.
    let faults = at.enumerate().map(|(taken, at)| {
        let mut fault = strike.fault(calls[at].service, at - taken, 1);
        fault.matching.service = Some(service.to_owned());
        fault
    });
    faults.collect()
}

/// How many there are of each kind.
fn counts(census: &Value) -> BTreeMap<String, usize> {
    let kinds = census.as_object().into_iter().flatten();
    let counts = kinds.map(|(kind, all)| (kind.clone(), all.as_array().map_or(0, Vec::len)));
    // Deleted keys wait for their end; the bucket is nobody's, and the state stays in it, empty.
    let stays = ["keys_pending_deletion", "buckets", "objects"];
    counts.filter(|(kind, count)| *count > 0 && !stays.contains(&kind.as_str())).collect()
}

/// Whether there is as much of everything as there should be.
fn same(now: &BTreeMap<String, usize>, expected: &BTreeMap<String, usize>) -> Result<(), String> {
    let kinds = now.keys().chain(expected.keys());
    let differing = kinds.filter(|kind| match kind.as_str() {
        // Those of tasks that were replaced go when the tasks do.
        "network_interfaces" => false,
        // A revision is a version of what exists once: ECS has no token for a registration that was not heard of.
        "task_definitions" => now.get(*kind) < expected.get(*kind),
        _ => now.get(*kind) != expected.get(*kind),
    });
    let differing: BTreeMap<_, _> =
        differing.map(|it| (it, (now.get(it), expected.get(it)))).collect();
    match differing.is_empty() {
        true => Ok(()),
        false => Err(format!("there are so many, and should be so many: {differing:?}")),
    }
}
