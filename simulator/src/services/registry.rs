//! A registry of container images, as all of them: every image is there, for both of Fargate's processors.
//!
//! The tag may say otherwise: `absent…` is not there, `private…` is not for everybody, `arm64…` and `amd64…` are built
//! for one processor. A digest is always there.
//!
//! Source: OCI Distribution Specification 1.1, "Pulling manifests" and "Error Codes"; OCI Image Specification, "Image
//! Index".

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    call::Call,
    refusal::{Answer, Refusal},
    world::Context,
};

/// Whether a path is a registry's.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with("/v2/")
}

/// Which call a request is.
pub(crate) fn action(method: &Method) -> String {
    format!("{method} manifest")
}

/// Answers a call.
pub(crate) fn answer(_cx: &mut Context<'_>, call: &Call) -> Answer {
    let segments = call.segments();
    let [_, repository @ .., kind, reference] = segments.as_slice() else {
        return Err(call.not_modelled());
    };
    if repository.is_empty()
        || kind != "manifests"
        || !matches!(call.method.as_str(), "GET" | "HEAD")
    {
        return Err(call.not_modelled());
    }
    if reference.starts_with("absent") {
        let words = format!("manifest unknown: {reference}");
        return Err(Refusal::new("MANIFEST_UNKNOWN", words).with_status(404));
    }
    if reference.starts_with("private") {
        let words = "authentication required";
        return Err(Refusal::new("UNAUTHORIZED", words).with_status(401));
    }
    let single = ["amd64", "arm64"].into_iter().find(|it| reference.starts_with(it));
    let processors = single.map_or_else(|| vec!["amd64", "arm64"], |it| vec![it]);
    let parts = processors.into_iter().map(|it| part(&repository.join("/"), reference, it));
    Ok(json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": parts.collect::<Vec<_>>(),
    }))
}

/// The image for one processor.
fn part(repository: &str, reference: &str, processor: &str) -> Value {
    let digest = hex::encode(Sha256::digest(format!("{repository} {reference} {processor}")));
    json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": format!("sha256:{digest}"),
        "size": 1024,
        "platform": { "architecture": processor, "os": "linux" },
    })
}
