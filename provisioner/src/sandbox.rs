//! `--sandbox`: the simulated cloud in the place of the real ones.

mod trouble;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use simulator::{Setup, Simulator, Times};

use crate::{
    cloud::{Cloud, http::Http, in_process::InProcess},
    engine,
    failure::{Exit, Failure},
};

pub use trouble::{Trouble, list as list_troubles};

/// How much faster than the real ones the simulated clouds are: what takes AWS two minutes takes four seconds.
const PACE: f64 = 30.0;
/// A call takes as long as one over a network.
const LATENCY: (Duration, Duration) = (Duration::from_millis(15), Duration::from_millis(60));
/// The state of a stack is kept apart from that of its real namesake.
const STATES: &str = "sandbox-state";
/// The world, for all stacks.
const WORLD: &str = "sandbox-world.json";

/// A simulated cloud whose world is a file in the folder of the state files.
#[derive(Clone, Debug)]
pub struct Sandbox {
    simulator: Simulator,
    killed_after: Option<u32>,
}

impl Sandbox {
    /// Longest time between two looks at something that takes time.
    pub const POLL: Duration = Duration::from_millis(250);

    /// Opens the one of a folder of state files; there is an empty one in each.
    ///
    /// # Errors
    ///
    /// When its file cannot be read.
    pub fn open(state_dir: &Path, troubles: &[Trouble]) -> Result<Self, Failure> {
        let setup = Setup { times: Times::faster(PACE), seed: rand::random(), now: None };
        let simulator = Simulator::open(&world(state_dir), setup)
            .map_err(|error| Failure::new(Exit::Failed, format!("the sandbox: {error}")))?;
        simulator.faults(|it| it.latency = LATENCY);
        for trouble in troubles {
            trouble.prepare(&simulator);
        }
        let killed_after = troubles.iter().find_map(|it| match it {
            Trouble::KilledAfter(calls) => Some(*calls),
            _ => None,
        });
        Ok(Self { simulator, killed_after })
    }

    /// One whose world is not kept, as somebody has set it up.
    pub fn of(simulator: Simulator) -> Self {
        Self { simulator, killed_after: None }
    }

    /// Where the states of its stacks are.
    pub fn state_dir(state_dir: &Path) -> PathBuf {
        state_dir.join(STATES)
    }

    /// Forgets it: the clouds are empty again, and the states of its stacks are gone.
    ///
    /// # Errors
    ///
    /// When a file cannot be removed.
    pub fn reset(state_dir: &Path) -> std::io::Result<()> {
        let absent = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        match std::fs::remove_file(world(state_dir)) {
            Err(error) if !absent(&error) => return Err(error),
            _ => {}
        }
        match std::fs::remove_dir_all(Self::state_dir(state_dir)) {
            Err(error) if !absent(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// What is behind it.
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    pub(crate) fn http(&self) -> engine::Result<Http> {
        Http::in_process(Arc::new(Clouds(self.simulator.clone())))
    }

    pub(crate) async fn connect(&self, stack: &str, region: &str) -> engine::Result<Cloud> {
        let simulator = self.simulator.clone();
        let clouds: Arc<dyn InProcess> = match self.killed_after {
            Some(calls) => Arc::new(Mortal { simulator, left: AtomicU32::new(calls) }),
            None => Arc::new(Clouds(simulator)),
        };
        Cloud::in_process(clouds, stack, region, variable).await
    }
}

/// The clients' way into a simulator.
#[derive(Debug)]
pub struct Clouds(pub Simulator);

impl InProcess for Clouds {
    fn answer(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        self.0.call(request).map(|it| it.map_err(|broken| broken.to_string())).boxed()
    }
}

/// The same for a program that does not live long: it ends before it hears the answer of its last call.
#[derive(Debug)]
struct Mortal {
    simulator: Simulator,
    left: AtomicU32,
}

impl InProcess for Mortal {
    fn answer(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        async move {
            let answer = self.simulator.call(request).await;
            if self.left.fetch_sub(1, Ordering::Relaxed) <= 1 {
                // No destructor runs and nothing is flushed, as with SIGKILL.
                std::process::abort();
            }
            answer.map_err(|broken| broken.to_string())
        }
        .boxed()
    }
}

/// Who we are to the simulated Atlas and GitHub.
pub fn variable(name: &str) -> Option<String> {
    let value = match name {
        "MONGODB_ATLAS_PUBLIC_KEY" => "test-public",
        "MONGODB_ATLAS_PRIVATE_KEY" => "test-private",
        "GITHUB_TOKEN" => "test-github-token",
        _ => return None,
    };
    Some(value.to_owned())
}

fn world(state_dir: &Path) -> PathBuf {
    state_dir.join(WORLD)
}
