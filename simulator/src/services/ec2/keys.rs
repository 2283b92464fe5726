//! Key pairs. What `CreateKeyPair` calls a private key only looks like one: nobody can log in to a simulated instance.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    filters::{Asked, Findable, Found, ReadFound},
    tags::{self, Specification},
};
use crate::{
    call::Call,
    clock::Time,
    refusal::{Answer, Refusal},
    world::Context,
};

/// A key pair; EC2 keeps only its public half.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct KeyPair {
    pub(super) name: String,
    kind: Kind,
    fingerprint: String,
    created: Time,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Ed25519,
    Rsa,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    key_name: String,
    key_type: Option<Kind>,
    #[serde(default)]
    tag_specification: Vec<Specification>,
}

pub(super) fn create(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Create = call.input()?;
    let [tags] = tags::given(&input.tag_specification, ["key-pair"])?;
    let name = input.key_name;
    if name.is_empty() || name.len() > 255 || !name.is_ascii() {
        let words = format!(
            "Value ({name}) for parameter keyName is invalid. It can have up to 255 ASCII characters."
        );
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    if exists(cx, &name) {
        return Err(Refusal::new("InvalidKeyPair.Duplicate", "The keypair already exists"));
    }
    let id = format!("key-{}", cx.chance.hex(17));
    let kind = input.key_type.unwrap_or(Kind::Rsa);
    let fingerprint = fingerprint(&cx.chance.hex(40));
    let answer = json!({
        "keyName": name,
        "keyPairId": id,
        "keyFingerprint": fingerprint,
        "keyMaterial": format!(
            "-----BEGIN SIMULATED PRIVATE KEY-----\n{}\n-----END SIMULATED PRIVATE KEY-----",
            cx.chance.hex(64)
        ),
        "tagSet": tags::shown(&tags),
    });
    let pair = KeyPair { name, kind, fingerprint, created: cx.now };
    cx.region.ec2.keys.insert(id.clone(), pair);
    cx.region.ec2.tags.insert(id, tags);
    Ok(answer)
}

/// Whether there is one of this name.
pub(super) fn exists(cx: &Context<'_>, name: &str) -> bool {
    cx.region.ec2.keys.values().any(|it| it.name == name)
}

pub(super) fn no_such_key(name: &str) -> Refusal {
    Refusal::new("InvalidKeyPair.NotFound", format!("The key pair '{name}' does not exist"))
}

impl Findable for KeyPair {
    fn named(filter: &str) -> Option<ReadFound<Self>> {
        let read: ReadFound<Self> = match filter {
            "key-pair-id" => |it| vec![it.id.to_owned()],
            "key-name" => |it| vec![it.it.name.clone()],
            "fingerprint" => |it| vec![it.it.fingerprint.clone()],
            _ => return None,
        };
        Some(read)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let asked = Asked::of_named(call, "KeyPairId", "KeyName")?;
    if let Some(absent) = asked.names().iter().find(|it| !exists(cx, it)) {
        return Err(no_such_key(absent));
    }
    let ec2 = &cx.region.ec2;
    let (page, _) = asked.among(ec2, &ec2.keys, no_such_key, |_, _| ())?;
    let shown = page.iter().map(|Found { id, it, tags, .. }| {
        json!({
            "keyPairId": id,
            "keyName": it.name,
            "keyType": it.kind,
            "keyFingerprint": it.fingerprint,
            "createTime": it.created.iso(),
            "tagSet": tags::shown(tags),
        })
    });
    Ok(json!({ "keySet": shown.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    key_name: Option<String>,
    key_pair_id: Option<String>,
}

/// Deleting what is not there succeeds.
pub(super) fn delete(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Delete = call.input()?;
    let meant = |id: &str, it: &KeyPair| {
        input.key_pair_id.as_deref() == Some(id) || input.key_name.as_ref() == Some(&it.name)
    };
    if input.key_name.is_none() && input.key_pair_id.is_none() {
        let words = "The request must contain the parameter keyName or keyPairId";
        return Err(Refusal::new("MissingParameter", words));
    }
    let ec2 = &mut cx.region.ec2;
    let id = ec2.keys.iter().find(|(id, it)| meant(id, it)).map(|(id, _)| id.clone());
    if let Some(id) = &id {
        ec2.keys.remove(id);
        ec2.tags.remove(id);
    }
    Ok(json!({ "return": true, "keyPairId": id }))
}

/// Pairs of digits with colons between them.
fn fingerprint(digits: &str) -> String {
    let mut fingerprint = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let colon = if index > 0 && index % 2 == 0 { ":" } else { "" };
        // Writing to a string does not fail.
        let _ = write!(fingerprint, "{colon}{digit}");
    }
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_has_colons_between_its_bytes() {
        assert_eq!(fingerprint("0a1b2c"), "0a:1b:2c");
    }
}
