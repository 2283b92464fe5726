//! References to container images, as `docker pull` takes them.

use super::reader::Wrong;

/// Checks `[registry/]repository[:tag][@digest]`.
pub fn check(reference: &str) -> Result<(), Wrong> {
    let wrong = |help: String| Err(Wrong::new("is not a reference to an image").help(help));
    if let Some((_, rest)) = reference.split_once("://") {
        return wrong(format!("leave the scheme out: `{rest}`"));
    }
    if reference.chars().any(char::is_whitespace) {
        return wrong("it has a space in it".to_owned());
    }
    if reference.len() > 255 {
        return wrong("at most 255 characters".to_owned());
    }
    let (rest, digest) = match reference.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (reference, None),
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return wrong("after `@` comes `sha256:` and 64 digits from 0 to f".to_owned());
    }
    // A colon before the last slash is a registry's port.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return wrong(
            "after `:` comes a tag: up to 128 letters, digits, `_`, `.` and `-`".to_owned(),
        );
    }
    let repository = match name.split_once('/') {
        Some((registry, repository))
            if registry.contains(['.', ':']) || registry == "localhost" =>
        {
            if !is_registry(registry) {
                return wrong("a registry is a host name with an optional port, as in `ghcr.io/owner/bot:1.0`".to_owned());
            }
            repository
        }
        _ => name,
    };
    if repository.split('/').all(is_component) {
        return Ok(());
    }
    let lower = repository.to_lowercase();
    if lower.split('/').all(is_component) {
        return wrong(format!("the repository must be lower-case: `{lower}`"));
    }
    wrong("for example `docker.io/owner/bot:1.0` or `ghcr.io/owner/bot@sha256:…`".to_owned())
}

/// Registry and repository of a reference that [`check`] accepts, as Docker completes them, without tag and digest.
pub fn repository(reference: &str) -> String {
    let rest = reference.split_once('@').map_or(reference, |(rest, _)| rest);
    let name = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => rest,
    };
    match name.split_once('/') {
        Some((registry, _)) if registry.contains(['.', ':']) || registry == "localhost" => {
            name.to_owned()
        }
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
    })
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(word)
        && text.len() <= 128
        && text.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "443"));
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Lower-case words joined by one `.`, one or two `_`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let joined = |separator: &str| {
        matches!(separator, "" | "." | "_" | "__") || separator.chars().all(|c| c == '-')
    };
    text.starts_with(word)
        && text.ends_with(word)
        && text.chars().all(|c| word(c) || matches!(c, '.' | '_' | '-'))
        && text.split(word).all(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories() {
        for (reference, repository) in [
            ("nginx", "docker.io/library/nginx"),
            ("owner/bot:1", "docker.io/owner/bot"),
            ("docker.io/owner/bot:latest", "docker.io/owner/bot"),
            ("localhost:5000/bot", "localhost:5000/bot"),
            ("ghcr.io/owner/bot:1@sha256:00", "ghcr.io/owner/bot"),
        ] {
            assert_eq!(super::repository(reference), repository);
        }
    }

    #[test]
    fn references() {
        let digest = format!("ghcr.io/owner/bot@sha256:{}", "a1".repeat(32));
        for good in [
            "nginx",
            "docker.io/jesuisahmedn/gsm-bot:latest",
            "localhost:5000/bot:1.0",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com/bot:v1",
            "owner/a__b/c---d.e:X_1",
            &digest,
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            " ",
            "a b",
            "https://ghcr.io/a/b",
            "Owner/Bot",
            "a:",
            "a:-x",
            "a@sha256:12",
            "a//b",
            "/a",
            "a/",
            "a___b",
            "a..b",
            "ghcr.io:99999/a",
            "-a",
            "a:b c",
            "ä",
            "ghcr.io/",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        let help = check("ghcr.io/Owner/Bot:1").err().and_then(|wrong| wrong.help);
        assert_eq!(help.as_deref(), Some("the repository must be lower-case: `owner/bot`"));
    }
}
