//! Shows what the last `up` told.

use serde_json::json;

use super::{home::Home, load};
use crate::{
    cli::{Global, Outputs},
    failure::{Exit, Failure},
    place::Place,
    ui::Ui,
};

pub(super) async fn run(
    global: &Global,
    args: &Outputs,
    place: &Place,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let config = load(&global.file, ui)?;
    let home = Home::of(&config, global, place, ui);
    let state = home.read().await?.unwrap_or_default();
    let nothing = || {
        Failure::new(Exit::Failed, format!("nothing is known of `{}`", config.name))
            .hint("run `provisioner up` first; it also finds again what exists already")
    };
    if state.outputs.is_empty() {
        return Err(nothing());
    }
    match &args.name {
        None => {
            let width = state.outputs.keys().map(String::len).max().unwrap_or_default();
            let lines: Vec<_> =
                state.outputs.iter().map(|(name, it)| format!("{name:<width$}  {it}")).collect();
            ui.result(&lines.join("\n"), "outputs", json!({ "outputs": state.outputs }));
        }
        Some(name) => {
            let value = state.outputs.get(name).ok_or_else(|| {
                let names: Vec<_> = state.outputs.keys().map(String::as_str).collect();
                Failure::new(Exit::Configuration, format!("there is no output `{name}`"))
                    .hint(format!("there are: {}", names.join(", ")))
            })?;
            ui.result(value, "output", json!({ "name": name, "value": value }));
        }
    }
    Ok(Exit::Ok)
}
