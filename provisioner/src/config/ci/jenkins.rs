//! `ci.jenkins`: a Jenkins server on a machine of its own.

use ipnet::IpNet;

use super::super::names;
use super::super::reader::{Field, Wrong};

/// A Jenkins server on an EC2 instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jenkins {
    /// The machine's type; `t3.small` unless told otherwise.
    pub instance_type: String,
    /// Who may reach Jenkins (8080) and SSH (22); at least one range, and never everybody.
    pub admin_cidrs: Vec<IpNet>,
    /// The repository whose webhooks start builds: `owner/name` on GitHub, or an https address, as the file has it.
    pub repository: Option<String>,
    /// The disk's size in GiB, 8 to 16384; 30 unless told otherwise.
    pub disk: i32,
    /// The name of an existing EC2 key pair for SSH.
    pub key_pair: Option<String>,
}

impl Jenkins {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut section = field.section()?;
        let jenkins = Self {
            instance_type: section
                .parsed("instance_type", instance_type)
                .unwrap_or_else(|| "t3.small".to_owned()),
            admin_cidrs: section
                .required("admin_cidrs", "[203.0.113.7/32]")
                .map(|field| {
                    if field.elements().is_some_and(|list| list.is_empty()) {
                        field.refuse("is empty: nobody could reach Jenkins", |problem| {
                            problem.help("at least your own address, as in `[203.0.113.7/32]`")
                        });
                    }
                    field.list(admin_cidr)
                })
                .unwrap_or_default(),
            repository: section.parsed("repository", repository),
            disk: section.number("disk", 30, 8..=16_384),
            key_pair: section.parsed("key_pair", key_pair),
        };
        section.finish();
        Some(jenkins)
    }
}

fn instance_type(text: &str) -> Result<String, Wrong> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match text.split_once('.') {
        Some((family, size))
            if family.len() >= 2
                && family.starts_with(|c: char| c.is_ascii_lowercase())
                && !size.is_empty()
                && family.chars().chain(size.chars()).all(fits) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(Wrong::new("is not a type of EC2 instance").help("for example `t3.small`")),
    }
}

fn admin_cidr(text: &str) -> Result<IpNet, Wrong> {
    let net = names::cidr(text)?;
    if net.prefix_len() == 0 {
        return Err(Wrong::new("would open Jenkins and SSH to the whole world")
            .help("the addresses of those who administer it, as in `203.0.113.7/32`; GitHub's webhooks are let in by themselves where `repository` is given"));
    }
    Ok(net)
}

fn repository(text: &str) -> Result<String, Wrong> {
    let path = text
        .strip_prefix("https://")
        .map_or(Some(text), |rest| rest.split_once('/').map(|(_, path)| path));
    let fits = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let parts =
        path.map(|path| path.split('/').filter(|part| fits(part)).count()).unwrap_or_default();
    let all = path.map(|path| path.split('/').count()).unwrap_or_default();
    let host = text.strip_prefix("https://").and_then(|rest| rest.split('/').next());
    let right = match host {
        None => all == 2 && parts == 2,
        Some(host) => names::domain(host).is_ok() && all >= 2 && parts == all,
    };
    if right {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("is not a repository").help(
        "`owner/name` for one on GitHub, or an address such as `https://github.com/owner/name`",
    ))
}

fn key_pair(text: &str) -> Result<String, Wrong> {
    if text.len() <= 255
        && text.trim() == text
        && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
    {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("is not the name of a key pair").help("at most 255 letters, digits and signs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories() {
        for good in
            ["owner/name", "https://github.com/owner/name.git", "https://git.example.com/a/b/c"]
        {
            assert_eq!(repository(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "name",
            "a/b/c",
            "a/",
            "/b",
            "http://github.com/a/b",
            "https://github.com/a",
            "git@github.com:a/b",
            "https://",
            "https:///a/b",
            "https://user:secret@github.com/a/b",
            "a/..",
            "a b/c",
        ] {
            assert!(repository(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_whole_world_is_refused() {
        assert!(admin_cidr("203.0.113.0/24").is_ok());
        assert!(admin_cidr("0.0.0.0/0").is_err() && admin_cidr("::/0").is_err());
    }

    #[test]
    fn instance_types() {
        for good in ["t3.small", "m7i-flex.large", "u-6tb1.112xlarge"] {
            assert_eq!(instance_type(good), Ok(good.to_owned()));
        }
        for bad in ["", "t3", "t3.", ".small", "T3.small", "t3 small", "3t.small"] {
            assert!(instance_type(bad).is_err(), "{bad}");
        }
    }
}
