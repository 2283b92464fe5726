//! A request to S3: what it is about, and that nothing in it is overlooked.

use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    Bucket,
    addressing::place,
    body::{Body, received},
    buckets::check_name,
};
use crate::{call::Call, refusal::Refusal, world::Context};

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    call: &'a Call,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) body: Body,
}

/// Headers that any call may have.
const HEADERS: &[&str] = &[
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha256",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-trailer",
    "x-amz-user-agent",
];

/// Headers of HTTP that would change what a call does or keeps.
const MEANINGFUL: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// The parameters and the headers that a call has of its own.
fn known(action: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match action {
        "CreateBucket" => (&[], &["x-amz-object-ownership"]),
        "DeleteObject" => (&["versionId"], &["if-match"]),
        "GetBucketLifecycleConfiguration" => (&["lifecycle"], &[]),
        "PutBucketLifecycleConfiguration" => {
            (&["lifecycle"], &["x-amz-transition-default-minimum-object-size"])
        }
        "GetBucketVersioning" | "PutBucketVersioning" => (&["versioning"], &[]),
        "GetPublicAccessBlock" | "PutPublicAccessBlock" => (&["publicAccessBlock"], &[]),
        "GetObject" | "HeadObject" => {
            (&["versionId"], &["if-match", "if-none-match", "x-amz-checksum-mode"])
        }
        "ListObjectVersions" => (
            &["encoding-type", "key-marker", "max-keys", "prefix", "version-id-marker", "versions"],
            &[],
        ),
        "ListObjectsV2" => (
            &[
                "continuation-token",
                "encoding-type",
                "list-type",
                "max-keys",
                "prefix",
                "start-after",
            ],
            &[],
        ),
        "PutObject" => (&[], &["if-match", "if-none-match", "x-amz-server-side-encryption"]),
        _ => (&[], &[]),
    }
}

impl<'a> Asked<'a> {
    /// Reads a call; what it says that is not modelled is refused.
    pub(super) fn of(call: &'a Call) -> Result<Self, Refusal> {
        let (parameters, headers) = known(&call.action);
        let query = call.path.split_once('?').map_or("", |it| it.1);
        for pair in query.split('&').filter(|it| !it.is_empty()) {
            let name = pair.split('=').next().unwrap_or_default();
            // Some SDKs name the operation.
            if name != "x-id" && !parameters.contains(&name) {
                let what = format_args!("the parameter {name} of {}", call.action);
                return Err(Refusal::not_modelled(what));
            }
        }
        for name in call.headers.keys().map(http::HeaderName::as_str) {
            let counts = name.starts_with("x-amz-") || MEANINGFUL.contains(&name);
            if counts && !HEADERS.contains(&name) && !headers.contains(&name) {
                let what = format_args!("the header {name} of {}", call.action);
                return Err(Refusal::not_modelled(what));
            }
        }
        let (bucket, key) = place(&call.path);
        if key.len() > 1024 {
            let more = json!({ "Size": key.len(), "MaxSizeAllowed": 1024 });
            return Err(Refusal::new("KeyTooLongError", "Your key is too long").with(more));
        }
        Ok(Self { call, bucket, key, body: received(call)? })
    }

    /// A header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.call.headers.get(name).and_then(|it| it.to_str().ok())
    }

    /// A parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.call.query(name)
    }

    /// The method, in capitals.
    pub(super) fn method(&self) -> &str {
        &self.call.method
    }

    /// The document in its body.
    pub(super) fn document<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.call.input()
    }

    /// The bucket, if the caller may use it, and here.
    pub(super) fn bucket<'b>(&self, cx: &'b mut Context<'_>) -> Result<&'b mut Bucket, Refusal> {
        let (name, account, region) = (&self.bucket, cx.account, &cx.region.name);
        let Some(bucket) = cx.global.s3.buckets.get_mut(name) else {
            check_name(name)?;
            let words = "The specified bucket does not exist";
            let refusal = Refusal::new("NoSuchBucket", words).with_status(404);
            return Err(refusal.with(json!({ "BucketName": name })));
        };
        if bucket.region != *region {
            let words = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.";
            let more = json!({
                "Bucket": name,
                "Endpoint": format!("{name}.s3.{}.amazonaws.com", bucket.region),
            });
            let refusal = Refusal::new("PermanentRedirect", words).with_status(301).with(more);
            return Err(refusal.with_header("x-amz-bucket-region", &bucket.region));
        }
        let expected = self.header("x-amz-expected-bucket-owner");
        if expected.is_some_and(|it| it.len() != 12 || !it.bytes().all(|it| it.is_ascii_digit())) {
            let words =
                "The value of the expected bucket owner parameter must be an AWS account ID";
            return Err(Refusal::new("InvalidBucketOwnerAWSAccountID", words));
        }
        if bucket.owner != account || expected.is_some_and(|it| it != bucket.owner) {
            return Err(Refusal::new("AccessDenied", "Access Denied").with_status(403));
        }
        Ok(bucket)
    }
}
