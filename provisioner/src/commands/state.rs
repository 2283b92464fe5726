//! Looks into the state file.

use serde_json::{Value, json};

use super::{load, unknown_name};
use crate::{
    cli::{Global, State as Args},
    engine::{Record, State, Store, store},
    failure::{Exit, Failure},
    ui::Ui,
};

pub(super) async fn run(global: &Global, args: Args, ui: &Ui) -> Result<Exit, Failure> {
    let config = load(&global.file, ui)?;
    let state = store::read(&global.state_dir, &config.name)?.unwrap_or_default();
    match args {
        Args::List => list(&state, ui),
        Args::Show { name } => {
            let record = find(&state, &name)?;
            let object = json!({ "name": name, "record": record });
            ui.result(&format!("{:#}", json!(record)), "resource", object);
        }
        Args::Rm { name, yes } => {
            find(&state, &name)?;
            let question = format!(
                "Forget `{name}`? It stays in the cloud; the next `up` finds and adopts it again."
            );
            if !yes && !ui.confirm(&question, "--yes")? {
                return Err(Failure::new(Exit::Failed, "nothing was forgotten"));
            }
            let store =
                Store::open(&global.state_dir, &config.name, &config.region, global.lock_timeout)?;
            store
                .change(|state| {
                    state.resources.remove(&name);
                    state.intents.remove(&name);
                })
                .await?;
            ui.say(&format!("`{name}` is forgotten; it was not deleted."));
        }
    }
    Ok(Exit::Ok)
}

fn find<'a>(state: &'a State, name: &str) -> Result<&'a Record, Failure> {
    let names = state.resources.keys().map(String::as_str);
    state.resources.get(name).ok_or_else(|| unknown_name(name, names))
}

fn list(state: &State, ui: &Ui) {
    let rows: Vec<_> = state.resources.iter().map(|(name, it)| (name, it.kind, id(it))).collect();
    let lines: Vec<_> = rows
        .iter()
        .map(|(name, kind, id)| format!("{name:<28} {:<34} {id}", kind.label()))
        .collect();
    let objects: Vec<_> = rows
        .iter()
        .map(|(name, kind, id)| json!({ "name": name, "kind": kind, "id": id }))
        .collect();
    let text = if lines.is_empty() { "The state is empty.".to_owned() } else { lines.join("\n") };
    ui.result(&text, "state", json!({ "resources": objects }));
}

/// What the service calls it: the first of these outputs that there is.
fn id(record: &Record) -> &str {
    let keys = ["arn", "id", "allocation_id", "parameter_arn", "name", "username", "cidr"];
    keys.iter().find_map(|it| record.outputs.get(it).and_then(Value::as_str)).unwrap_or_default()
}
