//! One verb each.

mod deploy;
mod destroy;
mod diff;
mod exec;
mod home;
mod logs;
mod outputs;
mod permissions;
mod restart;
mod rollback;
mod rollout;
#[cfg(feature = "sandbox")]
mod sandbox;
mod scale;
mod service;
mod state;
mod status;
mod up;
mod verify;

use std::{path::Path, sync::Arc};

use tokio::sync::watch;

#[cfg(feature = "sandbox")]
use crate::sandbox::Sandbox;
use crate::{
    cli::{Cli, Command, Global, Scope},
    cloud::{Cloud, patiently},
    config::{self, Ci, Config},
    engine::{Lookup as _, Observer, Options, Plan, Run, Stack, State, Store},
    failure::{Exit, Failure},
    lookups::GithubHooks,
    place::Place,
    program::{Surroundings, program},
    ui::Ui,
};

/// Runs a command to its end.
///
/// # Errors
///
/// Whatever keeps the command from succeeding, for the user to read.
pub fn run(cli: Cli, ui: &Ui) -> Result<Exit, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
            Failure::new(Exit::Failed, format!("the program could not start: {error}"))
        })?;
    let Cli { mut global, command } = cli;
    let result = runtime.block_on(async {
        let interrupted = interrupts(ui.json());
        let place = place(&mut global, &command)?;
        perform(&global, command, &place, ui, interrupted).await
    });
    // A task that still sleeps is no reason to stay.
    runtime.shutdown_background();
    result
}

/// Does what a command says, in a certain place.
///
/// # Errors
///
/// Whatever keeps the command from succeeding, for the user to read.
pub async fn perform(
    global: &Global,
    command: Command,
    place: &Place,
    ui: &Ui,
    interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    match command {
        Command::Diff(args) => diff::run(global, args, place, ui, interrupted).await,
        Command::Up(args) => up::run(global, args, place, ui, interrupted).await,
        Command::Destroy(args) => destroy::run(global, args, place, ui, interrupted).await,
        Command::Verify(args) => verify::run(global, &args, place, ui, interrupted).await,
        Command::Deploy(args) => deploy::run(global, args, place, ui, interrupted).await,
        Command::Rollback(args) => rollback::run(global, args, place, ui, interrupted).await,
        Command::Restart(args) => restart::run(global, args, place, ui, interrupted).await,
        Command::Scale(args) => scale::run(global, args, place, ui, interrupted).await,
        Command::Status(args) => status::run(global, args, place, ui, interrupted).await,
        Command::Logs(args) => logs::run(global, args, place, ui, interrupted).await,
        Command::Exec(args) => exec::run(global, args, place, ui, interrupted).await,
        Command::Outputs(args) => outputs::run(global, &args, place, ui).await,
        Command::Permissions(args) => permissions::run(global, &args, place, ui, interrupted).await,
        Command::State(args) => state::run(global, args, place, ui).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(command) => sandbox::run(global, command, ui, interrupted).await,
    }
}

/// Where to work. In a sandbox, state files and the time between two looks are the sandbox's.
#[cfg(feature = "sandbox")]
fn place(global: &mut Global, command: &Command) -> Result<Place, Failure> {
    if !global.sandbox.sandbox || matches!(command, Command::Sandbox(_)) {
        return Ok(Place::Real);
    }
    let sandbox = Sandbox::open(&global.state_dir, &global.sandbox.sandbox_fault)?;
    global.state_dir = Sandbox::state_dir(&global.state_dir);
    global.poll = global.poll.min(Sandbox::POLL);
    Ok(Place::Sandbox(sandbox))
}

#[cfg(not(feature = "sandbox"))]
fn place(_: &mut Global, _: &Command) -> Result<Place, Failure> {
    Ok(Place::Real)
}

/// Says on standard error what goes on inside, as much as `-vv` asks for. The libraries are not asked: what they log can
/// hold secrets.
pub fn trace(verbose: u8) {
    let level = match verbose {
        0 | 1 => "off",
        _ => "provisioner=debug",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}

/// Turns true at the first Ctrl-C or SIGTERM; the second one ends the process at once.
fn interrupts(json: bool) -> watch::Receiver<bool> {
    use tokio::signal::unix::{SignalKind, signal};
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut int), Ok(mut term)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        for again in [false, true] {
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
            }
            if again {
                // Nothing depends on a clean exit: what was begun is on disk.
                std::process::exit(Exit::Interrupted as i32);
            }
            if !json {
                anstream::eprintln!(
                    "Stopping: what is in flight is finished and recorded. Once more stops at once."
                );
            }
            // Told last: the command may be over before this task goes on.
            let _ = tell.send(true);
        }
    });
    told
}

/// Reads and checks stack.yaml.
fn load(file: &Path, ui: &Ui) -> Result<Config, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    config::load(file, &env)
        .map_err(|invalid| Failure::drawn(Exit::Configuration, invalid.render(ui.color())))
}

/// What `up` and `diff` need: the program of stack.yaml, planned.
struct Planned {
    plan: Plan,
    run: Arc<Run>,
    heading: String,
}

/// Looks at everything and decides.
async fn plan(
    config: &Config,
    cloud: Cloud,
    store: Arc<Store>,
    options: Options,
    place: &Place,
    ui: &Ui,
    interrupted: watch::Receiver<bool>,
) -> Result<Planned, Failure> {
    let heading = format!("{} in {}, account {}", config.name, config.region, cloud.account);
    same_place(&store.state(), &cloud)?;
    let stack = declare(config, &cloud, &|name| place.secret(name)).await?;
    let names: Vec<String> = stack.names().map(str::to_owned).collect();
    let known = |name: &String| names.contains(name) || store.state().resources.contains_key(name);
    for name in options.targets.iter().chain(&options.adopt).chain(&options.unprotect) {
        if !known(name) {
            return Err(unknown_name(name, names.iter().map(String::as_str)));
        }
    }
    let progress = ui.progress();
    let observer: Arc<dyn Observer> = progress.clone();
    let run = Arc::new(Run::new(cloud, store, options, observer, interrupted));
    let plan = crate::engine::plan(stack, &run).await;
    progress.clear();
    if !plan.problems.is_empty() {
        ui.failures(&plan.problems);
        let many = plan.problems.len();
        let plural = if many == 1 { "problem" } else { "problems" };
        return Err(Failure::of_many(
            &plan.problems,
            Exit::Failed,
            format!("{many} {plural}; nothing was changed"),
        ));
    }
    Ok(Planned { plan, run, heading })
}

/// Refuses credentials of another account than the state's, and another region: everything would seem to be gone.
fn same_place(state: &State, cloud: &Cloud) -> Result<(), Failure> {
    for (what, recorded, now) in
        [("account", &state.account, &cloud.account), ("region", &state.region, &cloud.region)]
    {
        if !recorded.is_empty() && recorded != now && !state.is_empty() {
            return Err(Failure::new(
                Exit::Credentials,
                format!("the state is of {what} {recorded}, and this would work in {now}; nothing was changed"),
            )
            .hint(format!("use the {what} {recorded} again (`destroy` it there first if you want to move)"))
            .hint("or use another folder for the state: `--state-dir DIR`"));
        }
    }
    Ok(())
}

/// Declares everything that stack.yaml asks for.
///
/// # Errors
///
/// When what the program depends on cannot be looked up, or `protect` names what is not there.
pub async fn declare(
    config: &Config,
    cloud: &Cloud,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Stack, Failure> {
    let pipeline = match &config.ci {
        Some(Ci::Jenkins(it)) => it.pipeline.as_ref(),
        _ => None,
    };
    // How many rules there are is part of the program, so this cannot wait until the program runs.
    let hooks = match pipeline.is_some_and(|it| it.on_github().is_some()) {
        true => patiently(|| GithubHooks {}.find(cloud)).await?,
        false => None,
    };
    let github_hooks = hooks.map(|it| it.cidrs).unwrap_or_default();
    let mut stack = program(config, &Surroundings { cloud, github_hooks, variable });
    for name in &config.protect {
        if !stack.protect(name) {
            return Err(
                unknown_name(name, stack.names()).hint("it stands in `protect` of stack.yaml")
            );
        }
    }
    Ok(stack)
}

fn options(global: &Global, scope: Scope) -> Options {
    Options {
        parallelism: scope.parallelism.into(),
        adopt: scope.adopt.into_iter().collect(),
        unprotect: scope.unprotect.into_iter().collect(),
        targets: scope.target.into_iter().collect(),
        poll: global.poll,
        ..Options::default()
    }
}

/// An error for a resource that does not exist, with the one that was probably meant.
fn unknown_name<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Failure {
    let nearest = names.max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
    let failure = Failure::new(Exit::Configuration, format!("there is no resource `{name}`"));
    match nearest {
        Some(nearest) => {
            failure.hint(format!("did you mean `{nearest}`? `provisioner diff -v` lists all"))
        }
        None => failure,
    }
}
