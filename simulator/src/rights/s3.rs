//! What is particular to S3: its calls say what they want in headers and parameters, and who may not list a bucket is
//! not told that a key is absent.
//!
//! Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; S3 API Reference,
//! `GetObject` ("Permissions"); S3 User Guide, "Conditional writes", "Conditional deletes".

use super::Need;
use crate::{
    call::{Call, Service},
    refusal::Refusal,
    services::s3::place,
};

/// Condition keys, and the parameters or headers that they ask about.
const CONDITIONS: &[(&str, &str)] = &[
    ("s3:delimiter", "delimiter"),
    ("s3:if-match", "if-match"),
    ("s3:if-none-match", "if-none-match"),
    ("s3:max-keys", "max-keys"),
    ("s3:prefix", "prefix"),
    ("s3:VersionId", "versionId"),
];

/// The ARN of what the path names: `bucket` or `object`.
pub(super) fn arn(call: &Call, kind: &str) -> String {
    let (bucket, key) = place(&call.path);
    match kind {
        "object" => format!("arn:aws:s3:::{bucket}/{key}"),
        _ => format!("arn:aws:s3:::{bucket}"),
    }
}

/// A parameter or a header.
fn given(call: &Call, name: &str) -> Option<String> {
    let header = || call.headers.get(name)?.to_str().ok().map(str::to_owned);
    call.query(name).or_else(header)
}

/// Whether a call names something by a parameter or a header; an asterisk names nothing.
pub(super) fn names(call: &Call, name: &str) -> bool {
    given(call, name).is_some_and(|it| it != "*")
}

/// What conditions can ask about a call.
pub(super) fn context(call: &Call) -> Vec<(String, String)> {
    let known = CONDITIONS.iter().filter_map(|(key, name)| Some((*key, given(call, name)?)));
    known.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What a caller needs to be told that there is no such key.
pub(super) fn needed_to_hear(call: &Call, refusal: &Refusal) -> Option<Need> {
    let reads = ["GetObject", "HeadObject"].contains(&call.action.as_str());
    let tells = call.service == Service::S3 && reads && refusal.code == "NoSuchKey";
    tells.then(|| Need {
        action: "s3:ListBucket".to_owned(),
        resource: arn(call, "bucket"),
        context: Vec::new(),
    })
}
