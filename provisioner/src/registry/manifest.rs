//! What an image is made of, as far as it decides whether it runs.

use serde::Deserialize;

/// What is accepted: indexes, which list an image for each platform, and images for one.
pub(super) const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";
pub(super) const CONFIGS: &str =
    "application/vnd.oci.image.config.v1+json, application/vnd.docker.container.image.v1+json, */*";

/// What there is to know about an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// What the tag stands for now: `sha256:…`.
    pub digest: String,
    /// The platforms it is built for; empty if it does not say.
    pub platforms: Vec<Platform>,
}

/// What an image is built for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Platform {
    /// Such as `linux`.
    pub os: String,
    /// In Go's words, such as `amd64`.
    pub architecture: String,
}

/// A manifest of any kind, as it is at the wire.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
}

/// Where the platforms are.
#[derive(Debug, PartialEq)]
pub(super) enum Platforms {
    /// Here.
    Listed(Vec<Platform>),
    /// In the blob of this digest.
    In(String),
}

impl Document {
    /// `None` if it is no manifest of an image.
    pub(super) fn platforms(self) -> Option<Platforms> {
        if let Some(manifests) = self.manifests {
            let platforms = manifests.into_iter().filter_map(|it| it.platform);
            // Builders keep attestations beside the images, for a platform that does not exist.
            return Some(Platforms::Listed(platforms.filter(|it| it.os != "unknown").collect()));
        }
        self.config.map(|it| Platforms::In(it.digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platforms(json: &str) -> Option<Platforms> {
        serde_json::from_str::<Document>(json).unwrap().platforms()
    }

    #[test]
    fn indexes_images_and_what_is_neither() {
        let index = r#"{ "manifests": [
            { "digest": "sha256:a", "platform": { "os": "linux", "architecture": "arm64", "variant": "v8" } },
            { "digest": "sha256:b", "platform": { "os": "unknown", "architecture": "unknown" } },
            { "digest": "sha256:c" }
        ] }"#;
        let arm = Platform { os: "linux".to_owned(), architecture: "arm64".to_owned() };
        assert_eq!(platforms(index), Some(Platforms::Listed(vec![arm])));
        let image = r#"{ "config": { "digest": "sha256:d" }, "layers": [] }"#;
        assert_eq!(platforms(image), Some(Platforms::In("sha256:d".to_owned())));
        assert_eq!(platforms(r#"{ "schemaVersion": 1, "fsLayers": [] }"#), None);
    }
}
