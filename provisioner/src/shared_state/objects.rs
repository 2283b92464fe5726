//! Objects of one bucket, written only if nobody else has written them since.
//!
//! Sources: S3 User Guide, "Add preconditions to S3 operations with conditional requests" and "Verifying bucket ownership
//! with bucket owner condition".

use std::sync::Arc;

use aws_sdk_s3::{Client, primitives::ByteStream};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::{Timestamp, fmt::rfc2822};

use crate::{
    cloud::{Cloud, patiently},
    config::StateBucket,
    engine::{Class, Error, Result},
};

/// What is below one prefix of one bucket.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) s3: Client,
    at: StateBucket,
    /// The account that the bucket must belong to: names of buckets are free for anybody to take.
    pub(super) owner: String,
    pub(super) region: String,
}

/// An object as it was read.
pub(super) struct Found {
    pub(super) content: String,
    pub(super) etag: String,
    /// By the clock of S3, in whole seconds.
    pub(super) modified: Timestamp,
}

/// What became of a write.
pub(super) enum Put {
    /// It is there; its ETag.
    Done(String),
    /// The object is not what it was expected to be; the time by the clock of S3.
    Refused(Option<Timestamp>),
}

impl Objects {
    pub(super) fn new(cloud: &Cloud, at: &StateBucket) -> Self {
        let region = at.region.clone().unwrap_or_else(|| cloud.region.clone());
        let config = cloud.s3.config().to_builder();
        let s3 = Client::from_conf(
            config.region(aws_sdk_s3::config::Region::new(region.clone())).build(),
        );
        let owner = at.account.clone().unwrap_or_else(|| cloud.account.clone());
        Self { s3, at: at.clone(), owner, region }
    }

    /// The key of one of them.
    pub(super) fn key(&self, name: &str) -> String {
        self.at.key(name)
    }

    /// Its address, for people.
    pub(super) fn address(&self, name: &str) -> String {
        format!("s3://{}/{}", self.bucket(), self.key(name))
    }

    /// The bucket's name.
    pub(super) fn bucket(&self) -> &str {
        &self.at.bucket
    }

    /// The newest version of one, or a certain one; `None`: there is none.
    pub(super) async fn get(&self, name: &str, version: Option<&str>) -> Result<Option<Found>> {
        patiently(|| async {
            let request = self.s3.get_object().bucket(self.bucket()).key(self.key(name));
            let request = request.expected_bucket_owner(&self.owner);
            let found = match request.set_version_id(version.map(str::to_owned)).send().await {
                Ok(found) => found,
                Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
                Err(error) => return Err(self.explained(error)),
            };
            let etag = found.e_tag().ok_or_else(|| Error::missing("ETag"))?.to_owned();
            let modified = found.last_modified().map_or(0, aws_sdk_s3::primitives::DateTime::secs);
            let modified = Timestamp::from_second(modified)
                .map_err(|error| Error::Unexpected(error.to_string()))?;
            let bytes = found.body.collect().await.map_err(|error| broken(&error.to_string()))?;
            let content = String::from_utf8(bytes.to_vec())
                .map_err(|_| Error::Refused(format!("{}: it is not text", self.address(name))))?;
            Ok(Some(Found { content, etag, modified }))
        })
        .await
    }

    /// Writes one if it still has this ETag, or if it is still absent.
    pub(super) async fn put(&self, name: &str, content: &str, etag: Option<&str>) -> Result<Put> {
        patiently(|| async {
            let request = self.s3.put_object().bucket(self.bucket()).key(self.key(name));
            let request = request
                .expected_bucket_owner(&self.owner)
                .content_type("application/json")
                .body(ByteStream::from(content.as_bytes().to_vec()));
            let request = match etag {
                Some(etag) => request.if_match(etag),
                None => request.if_none_match("*"),
            };
            match request.send().await {
                Ok(done) => match done.e_tag() {
                    Some(etag) => Ok(Put::Done(etag.to_owned())),
                    None => Err(Error::missing("ETag")),
                },
                // The latter: it is expected to be something, and is not there.
                Err(error) if matches!(error.code(), Some("PreconditionFailed" | "NoSuchKey")) => {
                    Ok(Put::Refused(date(&error)))
                }
                Err(error) => Err(self.explained(error)),
            }
        })
        .await
    }

    /// An error, or what it means if we know better.
    pub(super) fn explained<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let header = |name| error.raw_response().and_then(|it| it.headers().get(name));
        match header("x-amz-bucket-region") {
            Some(region) if region != self.region => Error::Refused(format!(
                "the bucket `{}` is in the region {region}, not in {}; write `region: {region}` below `state:` in \
                 stack.yaml",
                self.bucket(),
                self.region
            )),
            _ => error.into(),
        }
    }
}

/// When the service answered, by its own clock.
fn date<E>(error: &SdkError<E, HttpResponse>) -> Option<Timestamp> {
    let text = error.raw_response()?.headers().get("date")?;
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

fn broken(message: &str) -> Error {
    crate::cloud::http::error("S3", "GetObject", message, Class::Transient)
}

/// An object that nobody else is to write.
#[derive(Debug)]
pub(super) struct Owned {
    objects: Arc<Objects>,
    name: String,
    /// That of the object as we know it; none if it is not there.
    etag: Option<String>,
    /// What we wrote without hearing of it: an answer can be lost after its effect, and the effect can come later.
    tried: Vec<String>,
}

/// What became of a write.
pub(super) enum Written {
    /// It is there.
    Yes,
    /// Somebody else has written it: what, and the time by the clock of S3.
    No(Found, Option<Timestamp>),
}

impl Owned {
    pub(super) fn new(objects: Arc<Objects>, name: &str, etag: Option<String>) -> Self {
        Self { objects, name: name.to_owned(), etag, tried: Vec::new() }
    }

    /// The next write is to replace this.
    pub(super) fn replaces(&mut self, found: &Found) {
        self.etag = Some(found.etag.clone());
    }

    /// Writes it, unless somebody else has written it since.
    pub(super) async fn write(&mut self, content: &str) -> Result<Written> {
        if !self.tried.iter().any(|it| it == content) {
            self.tried.push(content.to_owned());
        }
        loop {
            let at = match self.objects.put(&self.name, content, self.etag.as_deref()).await? {
                Put::Done(etag) => {
                    self.etag = Some(etag);
                    self.tried.clear();
                    return Ok(Written::Yes);
                }
                Put::Refused(at) => at,
            };
            let Some(found) = self.objects.get(&self.name, None).await? else {
                // Removed by hand. What is to be there is what we say.
                self.etag = None;
                continue;
            };
            if !self.tried.contains(&found.content) {
                return Ok(Written::No(found, at));
            }
            self.replaces(&found);
            if found.content == content {
                self.tried.clear();
                return Ok(Written::Yes);
            }
        }
    }
}
