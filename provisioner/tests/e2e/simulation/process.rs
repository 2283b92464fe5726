//! One run of the program as a process of its own would be: on a runtime of its own, with virtual time, killed at will.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use provisioner::{
    cloud::{Cloud, in_process::InProcess},
    commands,
    config::{Config, StateBucket},
    engine::{
        self, Event, Keeper, Observer, Options, Outcome, Plan, Run, Stack, State, Store,
        store::{StoreError, file},
    },
    sandbox,
    shared_state::SharedState,
};
use simulator::{Simulator, Time};
use tokio::sync::{Notify, watch};

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kill {
    /// Before its Nth call reaches the cloud.
    Before(u32),
    /// After the Nth call has had its effect, before the program hears of it.
    After(u32),
    /// Before its Nth change of the state is on disk.
    BeforeWrite(u32),
    /// After the Nth change of the state is on disk, before the program hears of it.
    AfterWrite(u32),
}

/// Who starts a program again needs a moment. Before AWS shows what was made last, which takes up to five seconds, a run
/// may plan for what is there; a later one puts that right (docs/reliability.md).
const PAUSE_MS: u64 = 6_000;

/// What decides how long a process lives.
#[derive(Debug)]
struct Fate {
    kill: Option<Kill>,
    calls: AtomicU32,
    writes: AtomicU32,
    killed: Notify,
}

impl Fate {
    async fn meet(&self, kill: Kill) {
        if self.kill == Some(kill) {
            self.killed.notify_one();
            std::future::pending().await
        }
    }
}

/// How a process ended.
pub enum Ended<T> {
    /// By itself.
    With(T),
    /// It was killed.
    Killed,
}

/// The cloud as a process sees it.
#[derive(Debug)]
struct Watched {
    simulator: Simulator,
    fate: Arc<Fate>,
}

impl InProcess for Watched {
    fn answer(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        async move {
            let number = self.fate.calls.fetch_add(1, Ordering::Relaxed) + 1;
            self.fate.meet(Kill::Before(number)).await;
            let answer = self.simulator.call(request).await;
            self.fate.meet(Kill::After(number)).await;
            answer.map_err(|broken| broken.to_string())
        }
        .boxed()
    }
}

/// The disk, of which a process sees nothing but that its state is kept.
struct Disk {
    fate: Arc<Fate>,
    state: Arc<Mutex<State>>,
}

impl Keeper for Disk {
    fn keep(&self, state: &State) -> BoxFuture<'static, io::Result<()>> {
        let (fate, disk, state) = (Arc::clone(&self.fate), Arc::clone(&self.state), state.clone());
        async move {
            let number = fate.writes.fetch_add(1, Ordering::Relaxed) + 1;
            fate.meet(Kill::BeforeWrite(number)).await;
            *disk.lock().unwrap() = state;
            fate.meet(Kill::AfterWrite(number)).await;
            Ok(())
        }
        .boxed()
    }
}

struct Nobody;

impl Observer for Nobody {
    fn event(&self, _: &str, _: Event) {}
}

/// What a process works on: the clouds, and the state.
pub struct Machine {
    pub simulator: Simulator,
    /// As the last process that was not killed left it, or as it is on the disk.
    pub state: State,
    pub home: Home,
    pub seed: u64,
}

/// Where the state is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Home {
    /// On the disk.
    Disk,
    /// In S3. Every process runs on another machine: what a killed one held is free when its time has run out.
    Bucket,
}

/// In which region the bucket is, and where in it the state.
pub const BUCKET: &str = "states/team";

impl Machine {
    /// Plans and, if `go`, carries it out. The state stays as it was when the process ended or was killed.
    pub fn up(
        &mut self,
        config: &Config,
        go: bool,
        kill: Option<Kill>,
    ) -> Ended<Result<Done, String>> {
        self.process(config, go, kill, async |run: Arc<Run>| {
            let secret = |name: &str| Some(format!("value-of-{name}"));
            let stack = commands::declare(config, &run.cloud, &secret)
                .await
                .map_err(|failure| format!("{failure:?}"))?;
            finish(engine::plan(stack, &run).await, &run, go).await
        })
    }

    /// Deletes everything that the state knows, or that `config` leads to.
    pub fn destroy(&mut self, config: &Config, kill: Option<Kill>) -> Ended<Result<Done, String>> {
        self.process(config, true, kill, async |run: Arc<Run>| {
            if run.store.state().is_empty() {
                let stack = commands::declare(config, &run.cloud, &|_| None)
                    .await
                    .map_err(|failure| format!("{failure:?}"))?;
                let found = engine::plan(stack, &run).await.found();
                run.store
                    .change(|state| state.resources = found)
                    .await
                    .map_err(|error| error.to_string())?;
            }
            let done = finish(engine::plan(Stack::default(), &run).await, &run, true).await?;
            let left_over = engine::left_overs(&run).await.map_err(|error| error.to_string())?;
            Ok(Done { left_over, ..done })
        })
    }

    pub(super) fn process<T>(
        &mut self,
        config: &Config,
        changes: bool,
        kill: Option<Kill>,
        work: impl AsyncFnOnce(Arc<Run>) -> Result<T, String>,
    ) -> Ended<Result<T, String>> {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // The jitter of the SDK and of our own retries comes from here.
        fastrand::seed(self.seed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let fate = Arc::new(Fate {
            kill,
            calls: AtomicU32::new(0),
            writes: AtomicU32::new(0),
            killed: Notify::new(),
        });
        let cloud =
            Arc::new(Watched { simulator: self.simulator.clone(), fate: Arc::clone(&fate) });
        let state = Arc::new(Mutex::new(self.state.clone()));
        let disk = Disk { fate: Arc::clone(&fate), state: Arc::clone(&state) };
        let now = Time(self.simulator.now().0 + PAUSE_MS);
        self.simulator.hold(now);
        let (ended, now) = runtime.block_on(async {
            self.simulator.resume(now);
            let begun = async {
                let cloud =
                    Cloud::in_process(cloud, &config.name, &config.region, sandbox::variable)
                        .await
                        .map_err(|error| error.to_string())?;
                // Most calls of a life are looks at what takes time; fewer of them are more lives.
                let poll = Duration::from_secs(8);
                let options = Options { seed: self.seed, poll, ..Options::default() };
                let store = match self.home {
                    Home::Disk => Store::kept_by(disk, self.state.clone()),
                    Home::Bucket => shared(&cloud, config, changes).await?,
                };
                let store = Arc::new(store);
                let (_, interrupted) = watch::channel(false);
                let kept = Arc::clone(&store);
                let run = Arc::new(Run::new(cloud, kept, options, Arc::new(Nobody), interrupted));
                let result = work(run).await;
                store.release().await;
                if self.home == Home::Bucket {
                    *state.lock().unwrap() = store.state();
                }
                result
            };
            let ended = tokio::select! {
                biased;
                () = fate.killed.notified() => Ended::Killed,
                result = begun => Ended::With(result),
            };
            // Virtual time is known only in here.
            (ended, self.simulator.now())
        });
        // Every task dies here, as with the process.
        drop(runtime);
        self.simulator.hold(now);
        self.state = state.lock().unwrap().clone();
        ended
    }
}

/// Opens the state in S3 on a machine on which no other process has run.
async fn shared(cloud: &Cloud, config: &Config, changes: bool) -> Result<Store, String> {
    let at = StateBucket::parse(BUCKET).map_err(|wrong| wrong.what)?;
    let shared = SharedState::new(cloud, &at, &config.name);
    let said = |error: StoreError| error.to_string();
    if !changes {
        return Ok(Store::in_memory(shared.read(None).await.map_err(said)?.unwrap_or_default()));
    }
    let machine = tempfile::tempdir().expect("a folder");
    let patience = Duration::from_secs(120);
    let lock = file::lock(machine.path(), &config.name, patience).map_err(said)?;
    shared.open(&config.region, lock, patience, &|_| ()).await.map_err(said)
}

/// What a process did.
#[derive(Debug)]
pub struct Done {
    /// Whether there was nothing to do.
    pub nothing: bool,
    /// The steps of the plan that were not `Keep`, as `ACTION NAME`.
    pub steps: Vec<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// What still carries the stack's tags after a `destroy`.
    pub left_over: Vec<String>,
}

impl Done {
    /// Without a plan.
    pub(super) fn nothing(nothing: bool) -> Self {
        Self { nothing, steps: Vec::new(), outcome: Outcome::default(), left_over: Vec::new() }
    }
}

async fn finish(plan: Plan, run: &Arc<Run>, go: bool) -> Result<Done, String> {
    if !plan.problems.is_empty() {
        return Err(format!("{:?}", plan.problems));
    }
    if let Some((name, why)) = plan.objections().next() {
        return Err(format!("objection to `{name}`: {why}"));
    }
    let nothing = plan.is_empty();
    let to_do = plan.steps.iter().filter(|it| it.action != engine::Action::Keep);
    let steps = to_do.map(|it| format!("{:?} {} {:?}", it.action, it.name, it.changes)).collect();
    let outcome = if go { engine::apply(plan, run).await } else { Outcome::default() };
    Ok(Done { nothing, steps, outcome, left_over: Vec::new() })
}
