//! Looks into the state, and moves it.

mod migrate;

use std::{io::Read as _, path::Path};

use serde_json::{Value, json};

use super::{home::Home, load, unknown_name};
use crate::{
    cli::{Global, State as Args},
    engine::{Record, State, store},
    failure::{Exit, Failure},
    place::Place,
    ui::Ui,
};

pub(super) async fn run(
    global: &Global,
    args: Args,
    place: &Place,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let config = load(&global.file, ui)?;
    let home = Home::of(&config, global, place, ui);
    match args {
        Args::List => list(&home.read().await?.unwrap_or_default(), ui),
        Args::Show { name } => {
            let state = home.read().await?.unwrap_or_default();
            let record = find(&state, &name)?;
            let object = json!({ "name": name, "record": record });
            ui.result(&format!("{:#}", json!(record)), "resource", object);
        }
        Args::Rm { name, yes } => forget(&home, name, yes).await?,
        Args::Pull { version } => pull(&home, version.as_deref()).await?,
        Args::Push { from, yes } => push(&home, &from, yes).await?,
        Args::Versions => versions(&home).await?,
        Args::Migrate { from, yes } => migrate::run(&config, home, from.as_deref(), yes).await?,
    }
    Ok(Exit::Ok)
}

async fn forget(home: &Home<'_>, name: String, yes: bool) -> Result<(), Failure> {
    find(&home.read().await?.unwrap_or_default(), &name)?;
    let question =
        format!("Forget `{name}`? It stays in the cloud; the next `up` finds and adopts it again.");
    if !yes && !home.ui.confirm(&question, "--yes")? {
        return Err(Failure::new(Exit::Failed, "nothing was forgotten"));
    }
    let store = home.open().await?;
    let forget = |state: &mut State| {
        state.resources.remove(&name);
        state.intents.remove(&name);
    };
    let forgotten = store.change(forget).await;
    store.release().await;
    forgotten?;
    home.ui.say(&format!("`{name}` is forgotten; it was not deleted."));
    Ok(())
}

async fn pull(home: &Home<'_>, version: Option<&str>) -> Result<(), Failure> {
    let state = match (home.shared().await?, version) {
        (Some(shared), Some(version)) => shared.read(Some(version)).await?,
        (None, Some(_)) => return Err(no_versions()),
        (_, None) => home.read().await?,
    };
    let Some(state) = state else {
        let address = home.address().await?;
        return Err(Failure::new(Exit::Failed, format!("there is no state in {address}"))
            .hint("`provisioner up` makes one, and finds again what exists already"));
    };
    let text = store::text(&state).map_err(crate::engine::Error::from)?;
    home.ui.result(text.trim_end(), "pulled", json!({ "state": state }));
    Ok(())
}

/// Replaces the whole state by what somebody has kept, or mended by hand. The cloud stays the truth: what is wrong in it is
/// seen by the next look.
async fn push(home: &Home<'_>, from: &Path, yes: bool) -> Result<(), Failure> {
    let name = match from.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => from.display().to_string(),
    };
    let mut text = String::new();
    let read = match from.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text),
        _ => std::fs::File::open(from).and_then(|mut it| it.read_to_string(&mut text)),
    };
    read.map_err(|error| Failure::new(Exit::Configuration, format!("{name}: {error}")))?;
    let new = store::parse(&text, &home.stack)
        .map_err(|why| Failure::new(Exit::Configuration, format!("{name}: {why}")))?;
    let old = home.read().await?.unwrap_or_default();
    let (address, count) = (home.address().await?, |it: &State| it.resources.len());
    let question = format!(
        "Replace the state in {address} (serial {}, {} resources) by that of {name} (serial {}, {} resources)?",
        old.serial,
        count(&old),
        new.serial,
        count(&new)
    );
    if !yes && !home.ui.confirm(&question, "--yes")? {
        return Err(Failure::new(Exit::Failed, "nothing was changed"));
    }
    let store = home.open().await?;
    let pushed = store
        .change(|state| {
            // It grows with each write, whatever was written.
            let serial = state.serial.max(new.serial);
            *state = State { serial, ..new };
        })
        .await;
    store.release().await;
    pushed?;
    home.ui.say(&format!("The state in {address} is that of {name}."));
    Ok(())
}

async fn versions(home: &Home<'_>) -> Result<(), Failure> {
    let shared = home.shared().await?.ok_or_else(no_versions)?;
    let versions = shared.versions().await?;
    let lines = versions.iter().map(|it| format!("{:.0}  {:>8} B  {}", it.at, it.size, it.id));
    let text = match versions.is_empty() {
        true => format!("There is no version of {}.", shared.address()),
        false => lines.collect::<Vec<_>>().join("\n"),
    };
    let objects =
        versions.iter().map(|it| json!({ "id": it.id, "at": it.at.to_string(), "size": it.size }));
    home.ui.result(&text, "versions", json!({ "versions": objects.collect::<Vec<_>>() }));
    Ok(())
}

fn no_versions() -> Failure {
    Failure::new(Exit::Configuration, "only a state in S3 has versions")
        .hint("`state: {s3: BUCKET/PREFIX}` in stack.yaml, then `provisioner state migrate`")
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
    let keys =
        ["arn", "id", "volume_id", "allocation_id", "parameter_arn", "name", "username", "cidr"];
    keys.iter().find_map(|it| record.outputs.get(it).and_then(Value::as_str)).unwrap_or_default()
}
