//! What is in a bucket, page by page.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    asked::Asked,
    versions::{Object, Version},
};
use crate::{protocol::Reply, refusal::Refusal, world::Context};

/// The most that a page holds.
const MOST: usize = 1000;
/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

pub(super) fn list_objects_v2(cx: &mut Context<'_>, asked: &Asked<'_>) -> Result<Reply, Refusal> {
    if asked.parameter("list-type").as_deref() != Some("2") {
        return Err(invalid("list-type", "Invalid List Type", asked));
    }
    let size = size(asked)?;
    let written = writing(asked)?;
    let prefix = asked.parameter("prefix").unwrap_or_default();
    let token = asked.parameter("continuation-token");
    let after = match &token {
        Some(token) => Some(last_key(token).ok_or_else(|| {
            invalid("continuation-token", "The continuation token provided is incorrect", asked)
        })?),
        None => asked.parameter("start-after"),
    };
    let bucket = asked.bucket(cx)?;
    let all = bucket.objects.iter().filter_map(|(key, it)| {
        let latest = it.latest()?;
        Some((key, latest, latest.object()?))
    });
    let mut rest = all
        .filter(|(key, ..)| key.starts_with(&prefix))
        .filter(|(key, ..)| after.as_ref().is_none_or(|after| *key > after));
    let page: Vec<_> = rest.by_ref().take(size).collect();
    let next = rest.next().and(page.last()).map(|it| BASE64_URL_SAFE_NO_PAD.encode(it.0));
    let contents: Vec<_> = page
        .iter()
        .map(|(key, version, object)| {
            let mut shown = described(version, object);
            shown["Key"] = json!(written(key));
            shown
        })
        .collect();
    Ok(Reply::xml(
        "ListBucketResult",
        json!({
            "Name": asked.bucket,
            "Prefix": written(&prefix),
            "MaxKeys": size,
            "KeyCount": contents.len(),
            "EncodingType": asked.parameter("encoding-type"),
            "StartAfter": asked.parameter("start-after").map(|it| written(&it)),
            "ContinuationToken": token,
            "IsTruncated": next.is_some(),
            "NextContinuationToken": next,
            "Contents": contents,
        }),
    ))
}

pub(super) fn list_object_versions(
    cx: &mut Context<'_>,
    asked: &Asked<'_>,
) -> Result<Reply, Refusal> {
    let size = size(asked)?;
    let written = writing(asked)?;
    let prefix = asked.parameter("prefix").unwrap_or_default();
    let given = |name| asked.parameter(name).filter(|it| !it.is_empty());
    let (key_marker, id_marker) = (given("key-marker"), given("version-id-marker"));
    if key_marker.is_none() && id_marker.is_some() {
        let words = "A version-id marker cannot be specified without a key marker.";
        return Err(invalid("version-id-marker", words, asked));
    }
    let owner = json!({ "ID": canonical_id(cx.account) });
    let bucket = asked.bucket(cx)?;
    let keys = bucket.objects.iter().filter(|(key, _)| key.starts_with(&prefix));
    // Of each key the newest version first.
    let all: Vec<(&String, &Version, bool)> = keys
        .flat_map(|(key, it)| {
            it.all().iter().rev().enumerate().map(move |(age, it)| (key, it, age == 0))
        })
        .collect();
    let start = match (&key_marker, &id_marker) {
        (Some(key), Some(id)) => {
            let at = all.iter().position(|it| it.0 == key && it.1.id == *id);
            at.map_or_else(|| all.partition_point(|it| it.0 <= key), |it| it + 1)
        }
        (Some(key), None) => all.partition_point(|it| it.0 <= key),
        (None, _) => 0,
    };
    let page: Vec<_> = all.iter().skip(start).take(size).collect();
    let truncated = size > 0 && start + page.len() < all.len();
    let next = page.last().filter(|_| truncated);
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for (key, version, latest) in &page {
        let (kind, mut shown) = match version.object() {
            Some(object) => (&mut versions, described(version, object)),
            None => (&mut markers, json!({ "LastModified": version.modified.iso() })),
        };
        shown["Key"] = json!(written(key));
        shown["VersionId"] = json!(version.id);
        shown["IsLatest"] = json!(latest);
        shown["Owner"] = owner.clone();
        kind.push(shown);
    }
    Ok(Reply::xml(
        "ListVersionsResult",
        json!({
            "Name": asked.bucket,
            "Prefix": written(&prefix),
            "KeyMarker": written(key_marker.as_deref().unwrap_or_default()),
            "VersionIdMarker": id_marker.unwrap_or_default(),
            "MaxKeys": size,
            "EncodingType": asked.parameter("encoding-type"),
            "IsTruncated": truncated,
            "NextKeyMarker": next.map(|it| written(it.0)),
            "NextVersionIdMarker": next.map(|it| &it.1.id),
            "Version": versions,
            "DeleteMarker": markers,
        }),
    ))
}

fn described(version: &Version, object: &Object) -> Value {
    json!({
        "LastModified": version.modified.iso(),
        "ETag": object.etag,
        "ChecksumAlgorithm": object.algorithm.name(),
        "ChecksumType": "FULL_OBJECT",
        "Size": object.content.0.len(),
        "StorageClass": "STANDARD",
    })
}

fn size(asked: &Asked<'_>) -> Result<usize, Refusal> {
    let Some(text) = asked.parameter("max-keys") else { return Ok(MOST) };
    match text.parse::<i32>() {
        Ok(size) if size >= 0 => Ok(usize::try_from(size).unwrap_or(MOST).min(MOST)),
        Ok(_) => {
            let words = "Argument maxKeys must be an integer between 0 and 2147483647";
            Err(invalid("maxKeys", words, asked))
        }
        Err(_) => {
            let words = "Provided max-keys not an integer or within integer range";
            Err(invalid("max-keys", words, asked))
        }
    }
}

/// How keys are written: as they are, or, for callers whose XML cannot hold every character, percent-encoded.
fn writing(asked: &Asked<'_>) -> Result<fn(&str) -> String, Refusal> {
    match asked.parameter("encoding-type").as_deref() {
        None => Ok(str::to_owned),
        Some("url") => Ok(|it| utf8_percent_encode(it, PLAIN).to_string()),
        Some(_) => {
            Err(invalid("encoding-type", "Invalid Encoding Method specified in Request", asked))
        }
    }
}

/// The key after which a page begins. Callers must not know that it is one.
fn last_key(token: &str) -> Option<String> {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

/// The id under which S3 knows an account: 64 digits.
fn canonical_id(account: &str) -> String {
    format!("{account:0>64}")
}

fn invalid(argument: &str, words: &str, asked: &Asked<'_>) -> Refusal {
    let more = json!({ "ArgumentName": argument, "ArgumentValue": asked.parameter(argument) });
    Refusal::new("InvalidArgument", words).with(more)
}
