//! What the state has forgotten and the program does not declare any more: only its tags tell that it is the stack's.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use serde_json::{Value, json};

use super::{
    error::{Error, Result},
    node::Node,
    patience::Patience,
    plan::{Doom, Doomed},
    run::Run,
    state::Record,
};
use crate::{
    cloud::{Arn, Tagged},
    resources::Kind,
};

/// What problems with the search are told of.
pub(super) const NAME: &str = "tags";

/// Everything that carries the stack's tags. Whoever names targets wants nothing else to be touched.
pub(super) async fn tagged(run: &Run) -> Result<Vec<Tagged>> {
    if !run.options.targets.is_empty() {
        return Ok(Vec::new());
    }
    let mut patience = Patience::new(run, NAME);
    loop {
        match run.with_permit(run.cloud.tagged()).await {
            Ok(tagged) => return Ok(tagged),
            Err(error) => patience.after(error).await?,
        }
    }
}

/// What of all that nobody knows: neither the state, nor what was found of the declared resources.
pub(super) async fn find(
    tagged: Result<Vec<Tagged>>,
    nodes: &[Box<dyn Node>],
    declared: &BTreeSet<String>,
    doomed: &[Doomed],
    run: &Run,
) -> Result<Vec<Doomed>> {
    let tagged = tagged?;
    let state = run.store.state();
    let found: Vec<(&str, Record)> =
        nodes.iter().filter_map(|it| Some((it.name(), it.found()?))).collect();
    let mut known = BTreeSet::new();
    let recorded = state.resources.values().chain(state.retired.iter().map(|it| &it.record));
    let doomed = doomed.iter().map(|it| &it.record);
    for record in recorded.chain(doomed).chain(found.iter().map(|(_, it)| it)) {
        strings(&record.outputs, &mut known);
    }
    // What is declared and was not found may be there all the same and not be visible yet: it is no stranger.
    let unseen = |name: &str| declared.contains(name) && !found.iter().any(|(it, _)| *it == name);
    let unknown: Vec<&Tagged> = tagged
        .iter()
        .filter(|it| Arn::parse(&it.arn).is_some_and(|arn| known.insert(key(arn).to_owned())))
        .filter(|it| !it.resource().is_some_and(unseen))
        .collect();
    let looks = unknown.into_iter().map(|it| look(it, run));
    let forgotten = try_join_all(looks).await?.into_iter().flatten();
    let mut forgotten: Vec<Doomed> = forgotten.filter(|it| !unseen(&it.name)).collect();
    // Ids are in no order that a reader of the plan could see.
    forgotten.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(forgotten)
}

/// The ARNs of what still carries the stack's tags and is there, for a last look after everything was deleted.
///
/// # Errors
///
/// When one of the services cannot be asked.
pub async fn left_overs(run: &Run) -> Result<Vec<String>> {
    let tagged = tagged(run).await?;
    let looks = tagged.iter().map(|it| async move {
        let left = look(it, run).await?.is_some() || run.cloud.is_volume(&it.arn).await?;
        Ok::<_, Error>(left.then(|| it.arn.clone()))
    });
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}

async fn look(tagged: &Tagged, run: &Run) -> Result<Option<Doomed>> {
    let mut patience = Patience::new(run, NAME);
    loop {
        match run.with_permit(recall(tagged, run)).await {
            Ok(doomed) => return Ok(doomed),
            Err(error) => patience.after(error).await?,
        }
    }
}

async fn recall(tagged: &Tagged, run: &Run) -> Result<Option<Doomed>> {
    let Some(arn) = Arn::parse(&tagged.arn) else { return Ok(None) };
    let tags = match &tagged.tags {
        Some(tags) => Some(tags.clone()),
        None => run.cloud.tags_in_iam(arn).await?,
    };
    let Some((name, tags)) = tags.as_ref().and_then(|it| Some((it.resource()?, it))) else {
        return Ok(None);
    };
    let Some((kind, outputs)) = Kind::at(arn, &run.cloud).await? else { return Ok(None) };
    let (inputs, protect) = (json!({}), tags.protect());
    let record = Record { kind, outputs, inputs, sources: BTreeSet::new(), protect };
    Ok(Some(Doomed { name: name.to_owned(), record, doom: Doom::Forgotten }))
}

/// What of an ARN the outputs of a record have in them.
fn key<'a>(arn: Arn<'a>) -> &'a str {
    match (arn.service, arn.kind) {
        ("ec2" | "kms", _) => arn.id,
        // A family is one resource, whatever its revisions.
        ("ecs", "task-definition") => arn.id.split_once(':').map_or(arn.id, |(family, _)| family),
        _ => arn.whole,
    }
}

fn strings(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(into.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|it| strings(it, into)),
        Value::Object(fields) => fields.values().for_each(|it| strings(it, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_known_by_what_is_recorded_of_them() {
        let known = |arn| key(Arn::parse(arn).unwrap());
        assert_eq!(known("arn:aws:ec2:eu-central-1:1:security-group/sg-1"), "sg-1");
        assert_eq!(known("arn:aws:kms:eu-central-1:1:key/a-b"), "a-b");
        assert_eq!(known("arn:aws:ecs:eu-central-1:1:task-definition/gsm-bot:7"), "gsm-bot");
        let group = "arn:aws:logs:eu-central-1:1:log-group:gsm";
        assert_eq!(known(group), group);
    }
}
