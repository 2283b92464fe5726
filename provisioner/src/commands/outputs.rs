//! Shows what the last `up` told.

use serde_json::json;

use super::load;
use crate::{
    cli::{Global, Outputs},
    engine::store,
    failure::{Exit, Failure},
    ui::Ui,
};

pub(super) fn run(global: &Global, args: &Outputs, ui: &Ui) -> Result<Exit, Failure> {
    let config = load(&global.file, ui)?;
    let state = store::read(&global.state_dir, &config.name)?.unwrap_or_default();
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
