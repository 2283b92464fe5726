//! Names of keys.

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{keys, listed, not_found, resolve};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
    visibility::Made,
    world::Context,
};

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Alias {
    /// Id of its key.
    pub(super) key: String,
    pub(super) created: Time,
    pub(super) updated: Time,
}

impl Made for Alias {
    fn made(&self) -> Time {
        self.created
    }
}

/// How the names of AWS's own keys begin.
pub(super) const RESERVED: &str = "alias/aws/";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfBoth {
    alias_name: String,
    target_key_id: String,
}

pub(super) fn create(cx: &mut Context<'_>, input: OfBoth) -> Answer {
    let name = input.alias_name;
    check_name(&name)?;
    let key = target(cx, &input.target_key_id)?;
    if cx.region.kms.aliases.contains_key(&name) {
        let words = format!("An alias with the name {} already exists", arn(cx, &name));
        return Err(Refusal::new("AlreadyExistsException", words));
    }
    let alias = Alias { key, created: cx.now, updated: cx.now };
    cx.region.kms.aliases.insert(name, alias);
    Ok(Value::Null)
}

pub(super) fn update(cx: &mut Context<'_>, input: OfBoth) -> Answer {
    check_name(&input.alias_name)?;
    let key = target(cx, &input.target_key_id)?;
    let (now, missing) = (cx.now, no_alias(cx, &input.alias_name));
    let alias = cx.region.kms.aliases.get_mut(&input.alias_name).ok_or(missing)?;
    alias.key = key;
    alias.updated = now;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    alias_name: String,
}

pub(super) fn delete(cx: &mut Context<'_>, input: Delete) -> Answer {
    check_name(&input.alias_name)?;
    match cx.region.kms.aliases.remove(&input.alias_name) {
        Some(_) => Ok(Value::Null),
        None => Err(no_alias(cx, &input.alias_name)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    key_id: Option<String>,
    limit: Option<usize>,
    marker: Option<String>,
}

pub(super) fn list(cx: &mut Context<'_>, input: List) -> Answer {
    let of = input.key_id.map(|it| resolve(cx, &it, false)).transpose()?;
    let limit = keys::checked_limit(input.limit, 50, 100)?;
    let aliases = cx.region.kms.aliases.iter();
    let aliases = aliases.filter(|(_, it)| of.as_ref().is_none_or(|of| *of == it.key));
    let aliases = aliases.map(|(name, it)| {
        json!({
            "AliasName": name,
            "AliasArn": arn(cx, name),
            "TargetKeyId": it.key,
            "CreationDate": it.created.seconds(),
            "LastUpdatedDate": it.updated.seconds(),
        })
    });
    listed("Aliases", aliases, input.marker.as_deref(), limit)
}

/// A key that an alias may name.
fn target(cx: &Context<'_>, key: &str) -> Result<String, Refusal> {
    let id = resolve(cx, key, false)?;
    let (arn, key) = (super::arn(cx, &id), &cx.region.kms.keys[&id]);
    key.check_not_pending(&arn)?;
    Ok(id)
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let legal = Regex::new(r"^alias/[a-zA-Z0-9/_-]{1,250}$").is_ok_and(|it| it.is_match(name));
    if legal && name.starts_with(RESERVED) {
        let words = format!("{name} begins with {RESERVED}, which is reserved for AWS");
        return Err(Refusal::new("NotAuthorizedException", words));
    }
    match legal {
        true => Ok(()),
        false => {
            let words = "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";
            Err(Refusal::new("ValidationException", words))
        }
    }
}

fn arn(cx: &Context<'_>, name: &str) -> String {
    cx.arn("kms", name)
}

fn no_alias(cx: &Context<'_>, name: &str) -> Refusal {
    not_found(format!("Alias {} is not found.", arn(cx, name)))
}
