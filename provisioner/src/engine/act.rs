//! Does what was decided about one resource, so that being stopped at any instant loses nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    decide::{Action, decide},
    error::{Class, Error, Result},
    output::Wiring,
    patience::Patience,
    plan::{Doom, Doomed},
    resource::{Existing, Found, KnownBy, Progress, Replacement, Resource},
    run::Run,
    secret::conceal,
    state::{Intent, Record, Retired},
};

/// Creates a resource: an intent on disk, the creating call, the result on disk, then whatever the creating call could
/// not set.
pub(super) async fn create<R: Resource>(
    run: &Run,
    name: &str,
    desired: &R,
    protect: bool,
) -> Result<R::Outputs> {
    let Wiring { plain, sources } = Wiring::of(desired)?;
    let may_exist = may_exist::<R>(run, name);
    let token = intend::<R>(run, name, &plain).await?;
    let created = match make(run, name, desired, &token, may_exist).await {
        Ok(created) => created,
        Err(error) => {
            // A refusal had no effect: nothing is left to look for.
            if !matches!(error.class(), Class::Transient) && !matches!(error, Error::Interrupted) {
                let name = name.to_owned();
                run.store.change(move |state| drop(state.intents.remove(&name))).await?;
            }
            return Err(error);
        }
    };
    let created_inputs = Wiring::of(&created.inputs)?.plain;
    let record = Record {
        kind: R::KIND,
        outputs: serde_json::to_value(&created.outputs)?,
        inputs: conceal(created_inputs.clone()),
        sources,
        protect,
    };
    let at = name.to_owned();
    run.store
        .change(move |state| {
            state.intents.remove(&at);
            state.resources.insert(at, record);
        })
        .await?;
    match decide(Some(&created_inputs), &plain, None, &[]).action {
        Action::Keep => Ok(created.outputs),
        _ => update(run, name, desired, &created).await,
    }
}

/// Changes a resource in place.
pub(super) async fn update<R: Resource>(
    run: &Run,
    name: &str,
    desired: &R,
    existing: &Existing<R>,
) -> Result<R::Outputs> {
    let mut patience = Patience::new(run, name);
    loop {
        match run.with_permit(desired.update(existing, &run.cloud)).await {
            Ok(outputs) => return Ok(outputs),
            Err(error) => patience.after(error).await?,
        }
    }
}

/// Before a replacement is created: notes that the old one is to go, or lets it go at once if its name is fixed.
pub(super) async fn make_way<R: Resource>(run: &Run, name: &str, live: &Existing<R>) -> Result<()> {
    let record = run.store.state().resources.get(name).filter(|it| it.kind == R::KIND).cloned();
    let record = match record {
        Some(record) => record,
        None => Record {
            kind: R::KIND,
            outputs: serde_json::to_value(&live.outputs)?,
            inputs: conceal(Wiring::of(&live.inputs)?.plain),
            sources: Default::default(),
            protect: false,
        },
    };
    let at = name.to_owned();
    match R::REPLACEMENT {
        Replacement::CreateFirst => {
            run.store
                .change(move |state| {
                    state.resources.remove(&at);
                    state.retired.push(Retired { name: at, record });
                })
                .await
        }
        Replacement::DeleteFirst => {
            delete(run, name, &record).await?;
            run.store.change(move |state| drop(state.resources.remove(&at))).await
        }
    }
}

/// Deletes what is doomed, waiting for what goes away by itself, and forgets it.
pub(super) async fn doom(run: &Run, doomed: &Doomed) -> Result<()> {
    delete(run, &doomed.name, &doomed.record).await?;
    let Doomed { name, record, doom } = doomed.clone();
    run.store
        .change(move |state| match doom {
            Doom::Undeclared => {
                state.resources.remove(&name);
                state.intents.remove(&name);
            }
            Doom::Replaced => state.retired.retain(|it| it.name != name || it.record != record),
            Doom::Forgotten => {}
        })
        .await
}

async fn delete(run: &Run, name: &str, record: &Record) -> Result<()> {
    let mut patience = Patience::new(run, name);
    loop {
        match run.with_permit(record.kind.delete(record, &run.cloud)).await {
            Ok(Progress::Done) => return Ok(()),
            Err(error) if error.class() == Class::Gone => return Ok(()),
            Ok(Progress::Waiting(why)) => {
                run.waiting(name, &why);
                run.sleep(run.poll()).await?;
                patience = Patience::new(run, name);
            }
            Err(error) if error.class() == Class::Blocked => {
                // If even this cannot be asked, the service's own message has to do.
                let held_by = record.kind.held_by(record, &run.cloud).await.unwrap_or_default();
                let error = if held_by.is_empty() { error } else { held(error, &held_by) };
                patience.after(error).await?;
            }
            Err(error) => patience.after(error).await?,
        }
    }
}

fn held(error: Error, by: &[String]) -> Error {
    match error {
        Error::Api(mut api) => {
            api.message =
                format!("{}; held by {}", api.message.trim_end_matches('.'), by.join(", "));
            Error::Api(api)
        }
        other => other,
    }
}

/// Whether what is to be created may be there already, only not visible yet.
fn may_exist<R: Resource>(run: &Run, name: &str) -> bool {
    let state = run.store.state();
    // An earlier run was cut off in the middle, or what it made was not found again.
    let attempted = state.intents.get(name).is_some_and(|it| it.kind == R::KIND);
    let recorded = state.resources.get(name).is_some_and(|it| it.kind == R::KIND);
    match R::KNOWN_BY {
        KnownBy::Name => false,
        // The token of what is recorded is forgotten.
        KnownBy::Token => recorded,
        KnownBy::Nothing => attempted || recorded,
    }
}

/// Writes down that a creation begins, and gives its client token: the one of an earlier attempt, if there was one.
async fn intend<R: Resource>(run: &Run, name: &str, inputs: &serde_json::Value) -> Result<String> {
    let state = run.store.state();
    if let Some(Intent { token, .. }) = state.intents.get(name).filter(|it| it.kind == R::KIND) {
        return Ok(token.clone());
    }
    let token = format!("{:032x}", rand::random::<u128>());
    let intent = Intent { kind: R::KIND, token: token.clone(), inputs: conceal(inputs.clone()) };
    let at = name.to_owned();
    run.store.change(move |state| drop(state.intents.insert(at, intent))).await?;
    Ok(token)
}

/// How long a new resource may stay invisible: the services promise seconds at most, without a figure. Bounded by time,
/// and only spent where neither a name nor a token makes the second call harmless.
const SPREADS_WITHIN: Duration = Duration::from_secs(15);

/// The creating call, again if need be; never twice with effect.
async fn make<R: Resource>(
    run: &Run,
    name: &str,
    desired: &R,
    token: &str,
    may_exist: bool,
) -> Result<Existing<R>> {
    let mut patience = Patience::new(run, name);
    if may_exist
        && let Some(existing) =
            look_again(run, name, desired, SPREADS_WITHIN, &mut patience).await?
    {
        return Ok(existing);
    }
    // A second call that is harmless needs no more than one look before it, which saves an error.
    let within = match R::KNOWN_BY {
        KnownBy::Name | KnownBy::Token => Duration::ZERO,
        KnownBy::Nothing => SPREADS_WITHIN,
    };
    loop {
        let error = match run.with_permit(desired.create(token, &run.cloud)).await {
            Ok(created) => return Ok(created),
            Err(error) => error,
        };
        let look = matches!(error.class(), Class::Transient | Class::Exists);
        // First time passes, so that what an attempt brought about is visible.
        patience.after(error).await?;
        if look
            && let Some(existing) = look_again(run, name, desired, within, &mut patience).await?
        {
            return Ok(existing);
        }
    }
}

/// Nobody knows whether an attempt had an effect: looks for it before another one is made, for as long as `within`.
async fn look_again<R: Resource>(
    run: &Run,
    name: &str,
    desired: &R,
    within: Duration,
    patience: &mut Patience<'_>,
) -> Result<Option<Existing<R>>> {
    let began = Instant::now();
    loop {
        match run.with_permit(desired.read(None, &run.cloud)).await {
            Ok(Found::Ours(existing)) => return Ok(Some(existing)),
            Ok(Found::Theirs(existing, _)) if run.options.adopt.contains(name) => {
                return Ok(Some(existing));
            }
            Ok(Found::Theirs(_, whose)) => {
                return Err(Error::Refused(foreign(name, desired, &whose)));
            }
            Ok(Found::Nothing) => {}
            Err(error) if error.class() == Class::Gone => {}
            Err(error) => {
                patience.after(error).await?;
                continue;
            }
        }
        if began.elapsed() >= within {
            return Ok(None);
        }
        run.waiting(name, "it may have been created already: looking once more");
        run.sleep(run.poll()).await?;
    }
}

/// Why something of somebody else is left alone, and what to do.
pub(super) fn foreign<R: Resource>(name: &str, desired: &R, whose: &str) -> String {
    let inputs = Wiring::of(desired).map(|it| it.plain).unwrap_or_default();
    let called = ["name", "alias", "family", "domain_name", "cidr", "username", "port"].into_iter();
    let called = called.filter_map(|it| inputs.get(it)).find(|it| !it.is_object());
    let called = called.map(|it| format!(" {it}")).unwrap_or_default();
    format!(
        "the {}{called} is there already and is not this stack's: {whose}. Rename or remove one of them, or take it \
         over with `provisioner up --adopt {name}`",
        R::KIND.label()
    )
}
