//! What is kept under a key: one object, or with versioning every object and delete marker that ever was.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Versioning, checksums::Algorithm};
use crate::clock::Time;

/// The id of what is written while there are no versions.
pub(super) const NULL: &str = "null";

/// The versions of a key, the oldest first.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Versions(Vec<Version>);

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Version {
    pub(super) id: String,
    /// To the second.
    pub(super) modified: Time,
    pub(super) held: Held,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Held {
    Object(Object),
    /// The key was deleted.
    Marker,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Object {
    pub(super) content: Content,
    /// With its quotes.
    pub(super) etag: String,
    pub(super) media_type: String,
    pub(super) algorithm: Algorithm,
    pub(super) checksum: String,
}

/// Bytes, in base64 where they are saved.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Content(pub(super) Bytes);

impl TryFrom<String> for Content {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Ok(Self(BASE64_STANDARD.decode(text)?.into()))
    }
}

impl From<Content> for String {
    fn from(content: Content) -> Self {
        BASE64_STANDARD.encode(content.0)
    }
}

impl Version {
    /// The object; None: it is a delete marker.
    pub(super) fn object(&self) -> Option<&Object> {
        match &self.held {
            Held::Object(object) => Some(object),
            Held::Marker => None,
        }
    }
}

impl Versions {
    pub(super) fn all(&self) -> &[Version] {
        &self.0
    }

    /// What was written last.
    pub(super) fn latest(&self) -> Option<&Version> {
        self.0.last()
    }

    /// The object that a read gets who names no version.
    pub(super) fn current(&self) -> Option<&Object> {
        self.latest()?.object()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Version> {
        self.0.iter().find(|it| it.id == id)
    }

    /// Writes something now; its version. `fresh` is the id it gets if older ones are kept.
    pub(super) fn add(
        &mut self,
        versioning: Versioning,
        fresh: String,
        now: Time,
        held: Held,
    ) -> &Version {
        let id = match versioning {
            Versioning::Enabled => fresh,
            Versioning::Never | Versioning::Suspended => {
                self.remove(NULL);
                NULL.to_owned()
            }
        };
        let modified = Time(now.0 / 1000 * 1000);
        self.0.push(Version { id, modified, held });
        &self.0[self.0.len() - 1]
    }

    /// Takes a version away for good.
    pub(super) fn remove(&mut self, id: &str) -> Option<Version> {
        let index = self.0.iter().position(|it| it.id == id)?;
        Some(self.0.remove(index))
    }
}
