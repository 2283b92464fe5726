//! Deletes everything the stack has created: `up` of an empty program.

use std::sync::Arc;

use tokio::sync::watch;

use super::{declare, home::Home, load, same_place};
use crate::{
    cli::{Destroy, Global},
    engine::{Observer, Options, Run, Stack, Store, apply, left_overs, plan, store::file},
    failure::{Exit, Failure},
    place::Place,
    ui::Ui,
};

pub(super) async fn run(
    global: &Global,
    args: Destroy,
    place: &Place,
    ui: &Ui,
    interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let home = which(global, &args, place, ui)?;
    let store = Arc::new(home.open_unless(&interrupted).await?);
    let result = delete(&home, &store, args, interrupted).await;
    store.release().await;
    result
}

async fn delete(
    home: &Home<'_>,
    store: &Arc<Store>,
    args: Destroy,
    interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let Home { global, ui, .. } = *home;
    let region = store.state().region;
    let options = Options {
        parallelism: args.parallelism.into(),
        unprotect: args.unprotect.into_iter().collect(),
        poll: global.poll,
        ..Options::default()
    };
    let cloud = home.cloud(&region).await?;
    let heading = format!("{} in {region}, account {}", home.stack, cloud.account);
    same_place(&store.state(), &cloud)?;
    let progress = ui.progress();
    let observer: Arc<dyn Observer> = progress.clone();
    let run = Arc::new(Run::new(cloud, Arc::clone(store), options, observer, interrupted));
    if run.store.state().is_empty() {
        remember(global, &run, ui).await?;
    }
    let plan = plan(Stack::default(), &run).await;
    progress.clear();
    if !plan.problems.is_empty() {
        ui.failures(&plan.problems);
        return Err(Failure::of_many(&plan.problems, Exit::Failed, "nothing was deleted"));
    }
    ui.plan(&plan, &heading);
    if !plan.is_empty() && !args.yes && !ui.confirm("\nDelete all this, for good?", "--yes")? {
        return Err(Failure::new(Exit::Failed, "nothing was deleted"));
    }
    let outcome = apply(plan, &run).await;
    ui.clear();
    ui.outcome(&outcome);
    if run.interrupted() {
        return Err(Failure::new(Exit::Interrupted, "interrupted; what was done is recorded")
            .hint("run `provisioner destroy` again to go on"));
    }
    if !outcome.failures.is_empty() {
        let message = "not everything was deleted; what was deleted is recorded";
        return Err(Failure::of_many(&outcome.failures, Exit::Partly, message)
            .hint("run `provisioner destroy` again once the cause is gone"));
    }
    last_look(&run, ui).await
}

/// The stack to destroy: that of stack.yaml or, if that is gone, the one that has a state in the folder.
fn which<'a>(
    global: &'a Global,
    args: &Destroy,
    place: &'a Place,
    ui: &'a Ui,
) -> Result<Home<'a>, Failure> {
    let config = || load(&global.file, ui);
    if let Some(name) = &args.stack {
        // Where the state is, a stack.yaml says that is of this stack; another one, or one with mistakes, has no say.
        let config = global.file.exists().then(config).and_then(Result::ok);
        return Ok(match config.filter(|it| it.name == *name) {
            Some(config) => Home::of(&config, global, place, ui),
            None => Home::folder(name.clone(), global, place, ui),
        });
    }
    if global.file.exists() {
        return Ok(Home::of(&config()?, global, place, ui));
    }
    match file::stacks(&global.state_dir).as_slice() {
        [one] => Ok(Home::folder(one.clone(), global, place, ui)),
        [] => Err(Failure::new(
            Exit::Configuration,
            "there is neither a stack.yaml nor a state: nothing says what to destroy",
        )
        .hint("name the file with `-f PATH` or the folder with `--state-dir DIR`")),
        many => Err(Failure::new(
            Exit::Configuration,
            format!("there are several stacks: {}", many.join(", ")),
        )
        .hint("name one with `--stack NAME`")),
    }
}

/// With the state lost, finds everything again that stack.yaml declares.
async fn remember(global: &Global, run: &Arc<Run>, ui: &Ui) -> Result<(), Failure> {
    if !global.file.exists() {
        return Ok(());
    }
    let config = load(&global.file, ui)?;
    ui.say(
        "The state is empty: what to delete is found by name and tag. What takes no tags (DNS records, and everything in \
         MongoDB Atlas) is found only if stack.yaml declares it.",
    );
    // Secrets are not needed to delete them.
    let stack = declare(&config, &run.cloud, &|_| None).await?;
    let found = plan(stack, run).await.found();
    run.store.change(|state| state.resources = found).await?;
    Ok(())
}

/// Looks for what still carries the stack's tags.
async fn last_look(run: &Run, ui: &Ui) -> Result<Exit, Failure> {
    let left = match left_overs(run).await {
        Ok(left) => left,
        Err(error) => {
            ui.say(&format!("Whether anything is left could not be seen: {error}"));
            return Ok(Exit::Ok);
        }
    };
    if left.is_empty() {
        ui.say("Nothing that carries the stack's tags is left.");
        return Ok(Exit::Ok);
    }
    let list: String = left.iter().map(|arn| format!("\n  {arn}")).collect();
    Err(Failure::new(Exit::Partly, format!("these still carry the stack's tags:{list}"))
        .hint("run `provisioner destroy` again: it deletes what carries the stack's tags, remembered or not"))
}
