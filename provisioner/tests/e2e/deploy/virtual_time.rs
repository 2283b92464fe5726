//! The program in this process, in virtual time, on a simulator of its own: what a command says is the same each time.

use std::path::Path;

use clap::Parser as _;
use provisioner::{
    cli::Cli, cloud::Cloud, commands, failure::Exit, place::Place, sandbox::Sandbox, ui::Ui,
};
use regex::Regex;
use simulator::{Setup, Simulator, Times};
use tokio::sync::watch;

use crate::cli::stable;

/// A user with a stack.yaml, at a cloud whose hours pass at once.
pub struct Rehearsed {
    place: Place,
    dir: tempfile::TempDir,
    ui: Ui,
}

impl Rehearsed {
    /// Runs `what` at a cloud where `stack` is up.
    pub fn play<T>(stack: &str, what: impl AsyncFnOnce(&Self) -> T) -> T {
        // The jitter of the SDK and of our own looks comes from here.
        fastrand::seed(7);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            // From now on: `logs --since` goes by this machine's clock.
            let setup = Setup { times: Times::real(), seed: 7, now: None };
            let simulator = Simulator::new(setup);
            let place = Place::Sandbox(Sandbox::of(simulator));
            let dir = tempfile::tempdir().expect("a folder");
            let rehearsed = Self { place, dir, ui: Ui::recorded() };
            rehearsed.write(stack);
            let (exit, said) = rehearsed.run(&["up", "--yes"]).await;
            assert_eq!(exit, Exit::Ok, "{said}");
            what(&rehearsed).await
        })
    }

    /// Replaces stack.yaml.
    pub fn write(&self, stack: &str) {
        std::fs::write(self.path().join("stack.yaml"), stack).expect("it is written");
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Another client.
    pub async fn cloud(&self) -> Cloud {
        self.place.connect("gsm", "eu-central-1").await.expect("a cloud")
    }

    /// Exit code, and all that was said.
    pub async fn run(&self, args: &[&str]) -> (Exit, String) {
        let (_tell, told) = watch::channel(false);
        self.run_until(args, told).await
    }

    /// The same with a user who may interrupt.
    pub async fn run_until(&self, args: &[&str], told: watch::Receiver<bool>) -> (Exit, String) {
        let (file, state) = (self.path().join("stack.yaml"), self.path().join("state"));
        let common = ["provisioner", "-f", file.to_str().unwrap(), "--state-dir"];
        let common = common.iter().copied().chain([state.to_str().unwrap()]);
        let cli = Cli::try_parse_from(common.chain(args.iter().copied())).expect("a command line");
        let done = commands::perform(&cli.global, cli.command, &self.place, &self.ui, told).await;
        let exit = match done {
            Ok(exit) => exit,
            Err(failure) => {
                self.ui.failure(&failure);
                failure.exit
            }
        };
        (exit, self.ui.said())
    }
}

/// Without what a change elsewhere in the simulated world would change: ids, addresses and moments. The lines of the live
/// view are left out too: the state file is really written, so virtual time passes a little differently each time, and
/// with it the order in which things are noticed.
pub fn without_chance(said: &str) -> String {
    let lines = stable(said);
    let lines = lines.lines().filter(|it| !it.starts_with("TIME "));
    let mut text: String = lines.map(|it| format!("{it}\n")).collect();
    for (pattern, with) in [
        (r"\b[0-9a-f]{32}\b", "TASK"),
        (r"ecs-svc/\d{18,19}\b", "ecs-svc/NUMBER"),
        (r"deploymentId \d{18,19}\b", "deploymentId NUMBER"),
        (r"\b172\.\d+\.\d+\.\d+\b", "ADDRESS"),
        (r"after \d+\.\d s", "after TIME"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "MOMENT"),
        (r"(?m)^MOMENT [0-9a-f]{8} ", "MOMENT TASK "),
    ] {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, with).into_owned();
    }
    text
}
