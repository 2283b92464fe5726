//! Shows what runs, since when, which image, and whether it is well.

use serde_json::json;
use tokio::sync::watch;

use super::service::Chosen;
use crate::{
    cli::{Global, Status},
    deployment,
    failure::{Exit, Failure},
    place::Place,
    ui::{Ui, condition_text},
};

pub(super) async fn run(
    global: &Global,
    args: Status,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let chosen = Chosen::read(global, args.service.as_deref(), ui)?;
    let (cloud, current) = chosen.look(place, &mut interrupted).await?;
    let condition = deployment::condition(&chosen.subject, &current, &cloud).await?;
    ui.result(condition_text(&condition).trim_end(), "status", json!(condition));
    Ok(Exit::Ok)
}
