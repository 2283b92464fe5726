//! Makes the cloud be what stack.yaml says.

mod jenkins;

use std::sync::Arc;

use tokio::sync::watch;

use super::{home::Home, load, options, plan};
use crate::{
    cli::{Global, Up},
    config::Config,
    engine::{Store, apply},
    failure::{Exit, Failure},
    place::Place,
    ui::Ui,
};

pub(super) async fn run(
    global: &Global,
    args: Up,
    place: &Place,
    ui: &Ui,
    interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let config = load(&global.file, ui)?;
    let home = Home::of(&config, global, place, ui);
    let store = Arc::new(home.open_unless(&interrupted).await?);
    let result = change(&home, &config, &store, args, interrupted).await;
    store.release().await;
    result
}

async fn change(
    home: &Home<'_>,
    config: &Config,
    store: &Arc<Store>,
    args: Up,
    interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let Home { global, place, ui, .. } = *home;
    let cloud = home.cloud(&config.region).await?;
    let mut options = options(global, args.scope);
    options.wait = !args.no_wait;
    let poll = options.poll;
    let planned = plan(config, cloud, Arc::clone(store), options, place, ui, interrupted).await?;
    ui.plan(&planned.plan, &planned.heading);
    let objections: Vec<_> =
        planned.plan.objections().map(|(name, why)| format!("`{name}`: {why}")).collect();
    if !objections.is_empty() {
        let message =
            format!("this cannot be done, and nothing was changed:\n  {}", objections.join("\n  "));
        return Err(Failure::new(Exit::Configuration, message));
    }
    // With nothing to do there is nothing to ask, but what was found is still recorded and waited for.
    if !planned.plan.is_empty() && !args.yes && !ui.confirm("\nDo this?", "--yes")? {
        return Err(Failure::new(Exit::Failed, "nothing was changed"));
    }
    if planned.run.interrupted() {
        return Err(Failure::new(Exit::Interrupted, "interrupted; nothing was changed"));
    }
    let outcome = apply(planned.plan, &planned.run).await;
    ui.clear();
    ui.outcome(&outcome);
    if planned.run.interrupted() {
        return Err(Failure::new(Exit::Interrupted, "interrupted; what was done is recorded")
            .hint("run `provisioner up` again to go on"));
    }
    if !outcome.failures.is_empty() {
        // What was done before the failure, in this run or an earlier one, is there: the stack is part of what it
        // should be.
        let message = "not everything was done; what was done is recorded";
        return Err(Failure::of_many(&outcome.failures, Exit::Partly, message).hint(
            "run `provisioner up` again once the cause is gone: it goes on where this run stopped",
        ));
    }
    if !args.no_wait
        && let Some(url) = jenkins::made(&outcome)
    {
        let http = &planned.run.cloud.http;
        let page = format!("{url}/login");
        let knock = async || http.knock(&page, "x-jenkins").await;
        jenkins::wait(url, knock, || planned.run.interrupted(), poll, ui).await?;
    }
    Ok(Exit::Ok)
}
