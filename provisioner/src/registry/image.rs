//! Which registry an image is in, and what it is called there.

use std::net::IpAddr;

/// Where Docker Hub's registry answers; its images are `docker.io/…` everywhere else.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// An image, as its registry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Host, with a port if one is given, as the reference has it; `docker.io` if it has none.
    pub registry: String,
    /// Such as `library/nginx`.
    pub repository: String,
    /// A tag, or a digest (`sha256:…`).
    pub reference: String,
}

impl Image {
    /// Takes a reference apart that [`config::image::check`](crate::config::image::check) has found right.
    pub fn of(reference: &str) -> Self {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (reference, None),
        };
        // A colon before the last slash is a registry's port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, repository)) if first.contains(['.', ':']) || first == "localhost" => {
                (first, repository)
            }
            _ => ("docker.io", name),
        };
        let hub = is_docker_hub(registry);
        Self {
            registry: if hub { "docker.io".to_owned() } else { registry.to_owned() },
            repository: match repository.contains('/') || !hub {
                true => repository.to_owned(),
                false => format!("library/{repository}"),
            },
            // A digest says which one, whatever the tag beside it is.
            reference: digest.or(tag).unwrap_or("latest").to_owned(),
        }
    }

    /// Whether the reference is a digest.
    pub fn is_digest(&self) -> bool {
        self.reference.contains(':')
    }

    /// The address of the registry, without a slash at the end. As Docker does, one on this machine is asked without TLS.
    pub fn address(&self) -> String {
        match self.registry.as_str() {
            "docker.io" => format!("https://{DOCKER_HUB}"),
            local if is_loopback(local) => format!("http://{local}"),
            other => format!("https://{other}"),
        }
    }

    /// Whether it is in a private registry of ECR, which answers to credentials of AWS only.
    pub fn is_in_ecr(&self) -> bool {
        self.registry.contains(".dkr.ecr.") && self.registry.contains(".amazonaws.com")
    }
}

fn is_docker_hub(registry: &str) -> bool {
    matches!(registry, "docker.io" | "index.docker.io" | DOCKER_HUB)
}

fn is_loopback(registry: &str) -> bool {
    let host = registry.split(':').next().unwrap_or_default();
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let parts = |reference: &str| {
            let it = Image::of(reference);
            format!("{} {} {}", it.address(), it.repository, it.reference)
        };
        let hub = "https://registry-1.docker.io";
        assert_eq!(parts("nginx"), format!("{hub} library/nginx latest"));
        assert_eq!(parts("docker.io/nginx:1"), format!("{hub} library/nginx 1"));
        assert_eq!(parts("index.docker.io/me/bot:1"), format!("{hub} me/bot 1"));
        assert_eq!(parts("me/bot:1.2"), format!("{hub} me/bot 1.2"));
        assert_eq!(parts("ghcr.io/me/bot:1@sha256:ab"), "https://ghcr.io me/bot sha256:ab");
        assert_eq!(parts("localhost:5000/bot"), "http://localhost:5000 bot latest");
        assert_eq!(parts("127.0.0.1:5000/a/b:c"), "http://127.0.0.1:5000 a/b c");
        assert_eq!(parts("localhost.example.com/bot:1"), "https://localhost.example.com bot 1");
        let ecr = Image::of("123456789012.dkr.ecr.eu-central-1.amazonaws.com/bot:1");
        assert!(ecr.is_in_ecr() && !Image::of("public.ecr.aws/me/bot:1").is_in_ecr());
    }
}
