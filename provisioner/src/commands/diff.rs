//! Shows what `up` would do.

use std::sync::Arc;

use tokio::sync::watch;

use super::{home::Home, load, options, plan};
use crate::{
    cli::{Diff, Global},
    engine::Store,
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
    let home = Home::of(&config, global, place, ui);
    let state = home.read().await?.unwrap_or_default();
    let cloud = home.cloud(&config.region).await?;
    let store = Arc::new(Store::in_memory(state));
    let options = options(global, args.scope);
    let planned = plan(&config, cloud, store, options, place, ui, interrupted).await?;
    ui.plan(&planned.plan, &planned.heading);
    Ok(if args.exit_code && !planned.plan.is_empty() { Exit::Changes } else { Exit::Ok })
}
