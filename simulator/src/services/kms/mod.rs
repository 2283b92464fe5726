//! Key Management Service: symmetric keys, their policies and aliases, their slow end.
//!
//! Sources: KMS API Reference and the service model of botocore; KMS Developer Guide, "Key states of AWS KMS keys" (which
//! state refuses what), "Deleting AWS KMS keys", "Default key policy". A window of deletion is days at any pace.

mod aliases;
mod keys;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use self::{aliases::Alias, keys::Key};
use crate::{
    call::Call,
    page::page,
    refusal::{Answer, Refusal},
    services::iam::policy::{self, Principal, Request},
    visibility::hiding,
    world::Context,
};

/// Every key of a region, by id, and every alias, by name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Kms {
    keys: BTreeMap<String, Key>,
    aliases: BTreeMap<String, Alias>,
}

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    end_keys(cx);
    match call.action.as_str() {
        "CancelKeyDeletion" => keys::cancel_deletion(cx, call.input()?),
        "CreateAlias" => aliases::create(cx, call.input()?),
        "CreateKey" => keys::create(cx, call.input()?),
        "DeleteAlias" => aliases::delete(cx, call.input()?),
        "DescribeKey" => keys::describe(cx, call.input()?),
        "DisableKey" => keys::disable(cx, call.input()?),
        "DisableKeyRotation" => keys::disable_rotation(cx, call.input()?),
        "EnableKey" => keys::enable(cx, call.input()?),
        "EnableKeyRotation" => keys::enable_rotation(cx, call.input()?),
        "GetKeyPolicy" => keys::get_policy(cx, call.input()?),
        "GetKeyRotationStatus" => keys::get_rotation(cx, call.input()?),
        "ListAliases" => aliases::list(cx, call.input()?),
        "ListKeys" => keys::list(cx, call.input()?),
        "ListResourceTags" => keys::list_tags(cx, call.input()?),
        "PutKeyPolicy" => keys::put_policy(cx, call.input()?),
        "ScheduleKeyDeletion" => keys::schedule_deletion(cx, call.input()?),
        "TagResource" => keys::tag(cx, call.input()?),
        "UntagResource" => keys::untag(cx, call.input()?),
        "UpdateAlias" => aliases::update(cx, call.input()?),
        "UpdateKeyDescription" => keys::update_description(cx, call.input()?),
        _ => Err(call.not_modelled()),
    }
}

/// Answers a read by who has not heard of what was just made.
pub(crate) fn as_seen(
    cx: &mut Context<'_>,
    act: impl FnOnce(&mut Context<'_>) -> Answer,
) -> Answer {
    let after = cx.times.of(|it| it.kms_seen);
    let act = |cx: &mut Context<'_>| hiding(cx, after, |cx| &mut cx.region.kms.aliases, act);
    hiding(cx, after, |cx| &mut cx.region.kms.keys, act)
}

/// What is there, without what AWS keeps itself.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let keys = cx.region.kms.keys.iter();
    let (pending, present): (Vec<_>, Vec<_>) =
        keys.filter(|(_, it)| !it.managed && it.lives(cx)).partition(|(_, it)| it.ends.is_some());
    let aliases = cx.region.kms.aliases.iter();
    vec![
        (
            "keys",
            present.iter().map(|(id, it)| json!({ "KeyId": id, "KeyState": it.state() })).collect(),
        ),
        ("keys_pending_deletion", pending.iter().map(|(id, _)| json!({ "KeyId": id })).collect()),
        (
            "aliases",
            aliases
                .filter(|(name, _)| !name.starts_with(aliases::RESERVED))
                .map(|(name, it)| json!({ "AliasName": name, "TargetKeyId": it.key }))
                .collect(),
        ),
    ]
}

/// Whether a key, by ARN, exists, is enabled, and lets a service use it in an encryption context.
pub(crate) fn usable_by(
    cx: &Context<'_>,
    key: &str,
    service: &str,
    context: &[(&str, &str)],
) -> bool {
    let Some((id, found)) = key.rsplit_once('/').and_then(|(_, id)| find(cx, id)) else {
        return false;
    };
    let names: Vec<String> =
        context.iter().map(|(name, _)| format!("kms:EncryptionContext:{name}")).collect();
    let values = context.iter().map(|(_, value)| *value);
    let mut context: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(values).collect();
    context.push(("aws:SourceAccount", cx.account));
    let policy = serde_json::from_str(&found.policy).unwrap_or_default();
    let may = |action: &&str| {
        let principal = Principal::Service(service);
        policy::allowed([&policy], &Request { principal, action, resource: key, context: &context })
    };
    key == arn(cx, id)
        && found.state() == "Enabled"
        && ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"].iter().all(may)
}

/// Everything with tags, by ARN.
pub(crate) fn tagged(cx: &Context<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let keys = cx.region.kms.keys.iter().filter(|(_, it)| it.lives(cx));
    keys.map(|(id, it)| (arn(cx, id), it.tags.clone())).collect()
}

/// Encrypts a text with a key, by id, ARN or alias. Without its key nobody can read it again. This keeps values out of
/// sight, as far as the world in a file goes; it is no protection from whoever reads that file, for the key is in it too.
pub(crate) fn encrypt(cx: &mut Context<'_>, key: &str, text: &str) -> Result<String, Refusal> {
    if key.starts_with(aliases::RESERVED) {
        keys::provide_managed(cx, key);
    }
    let id = usable(cx, key)?;
    let nonce = cx.chance.hex(16);
    let bytes = masked(&cx.region.kms.keys[&id].material, &nonce, text.as_bytes());
    Ok(format!("{id}:{nonce}:{}", hex::encode(bytes)))
}

/// What was encrypted.
pub(crate) fn decrypt(cx: &Context<'_>, sealed: &str) -> Result<String, Refusal> {
    let mut parts = sealed.splitn(3, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (id, nonce, text) = (part(), part(), part());
    let id = usable(cx, id)?;
    let bytes = hex::decode(text).unwrap_or_default();
    let bytes = masked(&cx.region.kms.keys[&id].material, nonce, &bytes);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// With the key's stream of bytes over it; twice is not at all.
fn masked(material: &str, nonce: &str, bytes: &[u8]) -> Vec<u8> {
    let blocks = bytes.chunks(32).enumerate();
    let masked = blocks.flat_map(|(number, block)| {
        let mask = Sha256::digest(format!("{material}:{nonce}:{number}"));
        block.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect::<Vec<_>>()
    });
    masked.collect()
}

/// The id of a key that can be used now, by id, ARN or alias.
fn usable(cx: &Context<'_>, key: &str) -> Result<String, Refusal> {
    let id = resolve(cx, key, true)?;
    cx.region.kms.keys[&id].check_enabled(&arn(cx, &id))?;
    Ok(id)
}

/// Keys whose window has passed are gone, with their aliases.
fn end_keys(cx: &mut Context<'_>) {
    let now = cx.now;
    let kms = &mut cx.region.kms;
    kms.keys.retain(|_, it| it.ends.is_none_or(|end| now < end));
    let keys = &kms.keys;
    kms.aliases.retain(|_, it| keys.contains_key(&it.key));
}

fn find<'a>(cx: &'a Context<'_>, id: &str) -> Option<(&'a str, &'a Key)> {
    let (id, key) = cx.region.kms.keys.get_key_value(id)?;
    key.lives(cx).then_some((id.as_str(), key))
}

/// The ARN of a key by its id, ARN or alias.
pub(crate) fn key_arn(cx: &Context<'_>, given: &str) -> Option<String> {
    resolve(cx, given, true).ok().map(|id| arn(cx, &id))
}

/// The same, if it is not one that AWS keeps itself.
pub(crate) fn customer_key(cx: &Context<'_>, given: &str) -> Option<String> {
    let id = resolve(cx, given, true).ok()?;
    (!cx.region.kms.keys[&id].managed).then(|| arn(cx, &id))
}

/// The id of a key by its id or ARN, or, where the call takes those, by an alias.
fn resolve(cx: &Context<'_>, given: &str, by_alias: bool) -> Result<String, Refusal> {
    let prefix = cx.arn("kms", "");
    let name = match given.strip_prefix(&prefix) {
        Some(name) => name,
        None if given.starts_with("arn:") => {
            return Err(Refusal::new("InvalidArnException", format!("Invalid arn {given}")));
        }
        None => given,
    };
    if name.starts_with("alias/") {
        if !by_alias {
            return Err(not_found(format!("Invalid keyId '{given}'")));
        }
        let alias = cx.region.kms.aliases.get(name);
        let missing = || not_found(format!("Alias {prefix}{name} is not found."));
        return Ok(alias.filter(|it| find(cx, &it.key).is_some()).ok_or_else(missing)?.key.clone());
    }
    let id = name.strip_prefix("key/").unwrap_or(name);
    match find(cx, id) {
        Some((id, _)) => Ok(id.to_owned()),
        None if id.len() == 36 || name != given => {
            Err(not_found(format!("Key '{}' does not exist", arn(cx, id))))
        }
        None => Err(not_found(format!("Invalid keyId '{given}'"))),
    }
}

fn arn(cx: &Context<'_>, id: &str) -> String {
    cx.arn("kms", &format!("key/{id}"))
}

/// A page of a list, under its name, with the marker of the next one.
fn listed(
    name: &str,
    all: impl IntoIterator<Item = Value>,
    marker: Option<&str>,
    limit: usize,
) -> Answer {
    let invalid = || Refusal::new("InvalidMarkerException", "Could not deserialize marker");
    let (items, next) = page(all, marker, limit).ok_or_else(invalid)?;
    let mut answer = Map::new();
    answer.insert(name.to_owned(), items.into());
    answer.insert("Truncated".to_owned(), next.is_some().into());
    answer.insert("NextMarker".to_owned(), next.into());
    Ok(answer.into())
}

fn not_found(words: String) -> Refusal {
    Refusal::new("NotFoundException", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_comes_off_with_its_own_key_only() {
        let text = "a secret that is longer than one block of the mask";
        let sealed = masked("key", "1", text.as_bytes());
        assert_ne!(sealed, text.as_bytes());
        assert_eq!(masked("key", "1", &sealed), text.as_bytes());
        assert_ne!(masked("another", "1", &sealed), text.as_bytes());
    }
}
