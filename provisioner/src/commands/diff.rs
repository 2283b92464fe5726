//! Shows what `up` would do.

use tokio::sync::watch;

use super::{load, options, plan};
use crate::{
    cli::{Diff, Global},
    engine::{Store, store},
    failure::{Exit, Failure},
    place::Place,
    ui::Ui,
};

pub(super) async fn run(
    global: &Global,
    args: Diff,
    place: &Place,
    ui: &Ui,
    interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let config = load(&global.file, ui)?;
    let state = store::read(&global.state_dir, &config.name)?.unwrap_or_default();
    let planned =
        plan(&config, Store::in_memory(state), options(global, args.scope), place, ui, interrupted)
            .await?;
    ui.plan(&planned.plan, &planned.heading);
    Ok(if args.exit_code && !planned.plan.is_empty() { Exit::Changes } else { Exit::Ok })
}
