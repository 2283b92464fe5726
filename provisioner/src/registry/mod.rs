//! Container registries, asked as Fargate asks them: without credentials, for the service has none to give.
//!
//! The protocol is the OCI Distribution Specification 1.1, with tokens as in the "Token Authentication Specification" of
//! Docker's distribution project. There is a crate for it, `oci-client`; it brings an HTTP client of its own, which
//! nothing can answer in process, and so neither the sandbox nor a test could play the registry.

mod challenge;
mod image;
mod manifest;
mod session;
#[cfg(test)]
mod tests;

use std::fmt;

pub use image::Image;
pub use manifest::{Manifest, Platform};

use crate::cloud::http::Http;
use session::Session;

/// The variable with the address that is asked in place of each image's own registry.
pub const MIRROR: &str = "PROVISIONER_REGISTRY_MIRROR";

/// Every registry there is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Registries {
    http: Http,
    /// Without a slash at the end.
    mirror: Option<String>,
}

/// What a registry says of an image.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// It is there.
    There(Manifest),
    /// There is no such tag, digest or repository, in the registry's words.
    Absent(String),
    /// Not for everybody to see, in the registry's words. Many registries say so of what does not exist, too.
    Closed(String),
    /// Nobody knows: the registry was not reached, or answered something else.
    Unclear(String),
}

impl Registries {
    /// Uses this client, and the mirror that a variable names.
    pub fn from_variables(http: Http, variable: impl Fn(&str) -> Option<String>) -> Self {
        let mirror = variable(MIRROR).filter(|it| !it.is_empty());
        Self { http, mirror: mirror.map(|it| it.trim_end_matches('/').to_owned()) }
    }

    /// What there is to know about an image: its digest, and the platforms it is built for.
    pub async fn look(&self, image: &Image) -> Look {
        match Session::new(&self.http, self.mirror.as_deref(), image).manifest().await {
            Ok(manifest) => Look::There(manifest),
            Err(other) => other,
        }
    }

    /// The registry's words if it has no such image; `None` in every other case, also if nobody knows.
    ///
    /// Registries count what is read from them and limit it, and do not count this question.
    pub async fn lacks(&self, image: &Image) -> Option<String> {
        match Session::new(&self.http, self.mirror.as_deref(), image).exists().await {
            Err(Look::Absent(words)) => Some(words),
            _ => None,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}
