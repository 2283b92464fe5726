//! Objects: written, read and deleted, on conditions.

use md5::{Digest as _, Md5};
use serde_json::json;

use super::{
    Versioning,
    asked::Asked,
    checksums::Algorithm,
    versions::{Content, Held, NULL, Object, Version, Versions},
};
use crate::{protocol::Reply, refusal::Refusal, world::Context};

pub(super) fn put_object(cx: &mut Context<'_>, asked: &Asked<'_>) -> Result<Reply, Refusal> {
    let now = cx.now;
    match asked.header("x-amz-server-side-encryption") {
        None | Some("AES256") => {}
        Some(other) => {
            return Err(Refusal::not_modelled(format_args!("the encryption {other} in S3")));
        }
    }
    let fresh = cx.chance.letters(32);
    let bucket = asked.bucket(cx)?;
    let current = bucket.objects.get(&asked.key).and_then(Versions::current);
    check_write(asked, current)?;
    let content = asked.body.content.clone();
    let (algorithm, checksum) = asked.body.checksum.clone().unwrap_or_else(|| {
        let usual = Algorithm::Crc64Nvme;
        (usual, usual.of(&content))
    });
    let etag = format!("\"{}\"", hex::encode(Md5::digest(&content)));
    let reply = Reply::empty(200)
        .with("etag", &etag)
        .with(&algorithm.header(), &checksum)
        .with("x-amz-checksum-type", "FULL_OBJECT")
        .with("x-amz-server-side-encryption", "AES256");
    let media_type = asked.header("content-type").unwrap_or("binary/octet-stream").to_owned();
    let object = Object { content: Content(content), etag, media_type, algorithm, checksum };
    let versioning = bucket.versioning;
    let versions = bucket.objects.entry(asked.key.clone()).or_default();
    let id = versions.add(versioning, fresh, now, Held::Object(object)).id.clone();
    Ok(match versioning {
        Versioning::Enabled => reply.with("x-amz-version-id", id),
        Versioning::Never | Versioning::Suspended => reply,
    })
}

/// Of HeadObject as well: the protocol leaves the content out.
pub(super) fn get_object(cx: &mut Context<'_>, asked: &Asked<'_>) -> Result<Reply, Refusal> {
    let wanted = wanted_version(asked)?;
    let bucket = asked.bucket(cx)?;
    let versioned = bucket.versioning != Versioning::Never;
    let versions = bucket.objects.get(&asked.key);
    let found = match &wanted {
        Some(id) => {
            versions.and_then(|it| it.find(id)).ok_or_else(|| no_such_version(asked, id))?
        }
        None => versions.and_then(Versions::latest).ok_or_else(|| no_such_key(asked))?,
    };
    let object = found.object().ok_or_else(|| is_marker(asked, found, wanted.is_some()))?;
    if let Some(refusal) =
        asked.header("if-match").filter(|it| !names(it, &object.etag)).map(|_| failed("If-Match"))
    {
        return Err(refusal);
    }
    let mut headers = vec![
        ("etag".to_owned(), object.etag.clone()),
        ("last-modified".to_owned(), found.modified.http()),
    ];
    if versioned {
        headers.push(("x-amz-version-id".to_owned(), found.id.clone()));
    }
    if asked.header("if-none-match").is_some_and(|it| names(it, &object.etag)) {
        return Ok(Reply::empty(304).with_all(headers));
    }
    if asked.header("x-amz-checksum-mode") == Some("ENABLED") {
        headers.push((object.algorithm.header(), object.checksum.clone()));
        headers.push(("x-amz-checksum-type".to_owned(), "FULL_OBJECT".to_owned()));
    }
    let reply = Reply::raw(&object.content.0)
        .with("content-type", &object.media_type)
        .with("accept-ranges", "bytes")
        .with("x-amz-server-side-encryption", "AES256");
    Ok(reply.with_all(headers))
}

pub(super) fn delete_object(cx: &mut Context<'_>, asked: &Asked<'_>) -> Result<Reply, Refusal> {
    let now = cx.now;
    let wanted = wanted_version(asked)?;
    let fresh = cx.chance.letters(32);
    let bucket = asked.bucket(cx)?;
    let versioning = bucket.versioning;
    check_delete(asked, bucket.objects.get(&asked.key))?;
    let gone = Reply::empty(204);
    let versions = bucket.objects.entry(asked.key.clone()).or_default();
    let reply = match wanted {
        Some(id) => {
            let removed = versions.remove(&id);
            let marker = removed.is_some_and(|it| it.object().is_none());
            let reply = gone.with("x-amz-version-id", id);
            if marker { reply.with("x-amz-delete-marker", "true") } else { reply }
        }
        None if versioning == Versioning::Never => {
            versions.remove(NULL);
            gone
        }
        None => {
            let marker = versions.add(versioning, fresh, now, Held::Marker);
            gone.with("x-amz-delete-marker", "true").with("x-amz-version-id", &marker.id)
        }
    };
    if versions.all().is_empty() {
        bucket.objects.remove(&asked.key);
    }
    Ok(reply)
}

/// What must be so for a write to happen.
fn check_write(asked: &Asked<'_>, current: Option<&Object>) -> Result<(), Refusal> {
    match (asked.header("if-match"), asked.header("if-none-match")) {
        (None, None) => Ok(()),
        (None, Some("*")) if current.is_none() => Ok(()),
        (None, Some("*")) => Err(failed("If-None-Match")),
        // Expected: an asterisk there, an ETag here, and one of both.
        (_, Some(_)) => Err(not_implemented("If-None-Match")),
        (Some("*"), None) => Err(not_implemented("If-Match")),
        (Some(wanted), None) => match current {
            None => Err(no_such_key(asked)),
            Some(object) if names(wanted, &object.etag) => Ok(()),
            Some(_) => Err(failed("If-Match")),
        },
    }
}

/// What must be so for a deletion to happen.
fn check_delete(asked: &Asked<'_>, versions: Option<&Versions>) -> Result<(), Refusal> {
    let current = versions.and_then(Versions::current);
    match (asked.header("if-match"), current) {
        (None, _) => Ok(()),
        (Some("*"), None) => Err(failed("If-Match")),
        (Some(_), None) => Err(no_such_key(asked)),
        (Some(wanted), Some(object)) if names(wanted, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(failed("If-Match")),
    }
}

/// Whether a condition names this ETag, with its quotes or without; an asterisk names any.
fn names(condition: &str, etag: &str) -> bool {
    let bare = |it: &str| it.trim().trim_matches('"').to_owned();
    condition.split(',').any(|it| it.trim() == "*" || bare(it) == bare(etag))
}

/// The version that is asked for.
fn wanted_version(asked: &Asked<'_>) -> Result<Option<String>, Refusal> {
    let Some(id) = asked.parameter("versionId") else { return Ok(None) };
    let legal = |it: u8| it.is_ascii_alphanumeric() || it == b'.' || it == b'_';
    let words = match id.as_str() {
        "" => "Version id cannot be the empty string",
        NULL => return Ok(Some(id)),
        it if it.len() == 32 && it.bytes().all(legal) => return Ok(Some(id)),
        _ => "Invalid version id specified",
    };
    let more = json!({ "ArgumentName": "versionId", "ArgumentValue": id });
    Err(Refusal::new("InvalidArgument", words).with(more))
}

fn no_such_key(asked: &Asked<'_>) -> Refusal {
    let refusal = Refusal::new("NoSuchKey", "The specified key does not exist.").with_status(404);
    refusal.with(json!({ "Key": asked.key }))
}

fn no_such_version(asked: &Asked<'_>, id: &str) -> Refusal {
    let words = "The specified version does not exist.";
    let refusal = Refusal::new("NoSuchVersion", words).with_status(404);
    refusal.with(json!({ "Key": asked.key, "VersionId": id }))
}

/// What is said of a delete marker: the key is not there, or, to who named the marker, that it cannot be read.
fn is_marker(asked: &Asked<'_>, marker: &Version, named: bool) -> Refusal {
    let refusal = match named {
        false => no_such_key(asked),
        true => {
            let words = "The specified method is not allowed against this resource.";
            let more = json!({ "Method": asked.method(), "ResourceType": "DeleteMarker" });
            let refusal = Refusal::new("MethodNotAllowed", words).with_status(405).with(more);
            let refusal = refusal.with_header("allow", "DELETE");
            refusal.with_header("last-modified", marker.modified.http())
        }
    };
    refusal.with_header("x-amz-delete-marker", "true").with_header("x-amz-version-id", &marker.id)
}

fn failed(condition: &str) -> Refusal {
    let words = "At least one of the pre-conditions you specified did not hold";
    let refusal = Refusal::new("PreconditionFailed", words).with_status(412);
    refusal.with(json!({ "Condition": condition }))
}

fn not_implemented(header: &str) -> Refusal {
    let words = "A header you provided implies functionality that is not implemented";
    let refusal = Refusal::new("NotImplemented", words).with_status(501);
    refusal.with(json!({ "Header": header }))
}
