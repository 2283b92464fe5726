//! `ci.github_actions`: GitHub's machines build and deploy, and prove by OpenID Connect which branch they work for.

use super::super::reader::{Field, Wrong};

/// A workflow of GitHub Actions that deploys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubActions {
    /// `owner/name` on GitHub, with its capitals: GitHub's tokens have them, and AWS compares them.
    pub repository: String,
    /// The only branch that may deploy; `main` unless told otherwise.
    pub branch: String,
    /// The numbers of owner and repository, if the tokens have them beside the names.
    pub ids: Option<RepositoryIds>,
}

/// By which GitHub knows a repository whatever it is called. Tokens of repositories made, renamed or transferred since
/// July 2026 have them in their subject ("immutable subject claims"); older ones if their administrators say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryIds {
    /// The number of the user or organization.
    pub owner: u64,
    /// The number of the repository.
    pub repository: u64,
}

impl GithubActions {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut section = field.section()?;
        let actions = Self {
            repository: section
                .required("repository", "owner/name")
                .and_then(|field| field.parsed(repository))
                .unwrap_or_default(),
            branch: section.parsed("branch", branch).unwrap_or_else(|| "main".to_owned()),
            ids: ids(section.optional("owner_id"), section.optional("repository_id")),
        };
        section.finish();
        Some(actions)
    }

    /// The `sub` of GitHub's tokens for a push to the branch.
    pub fn subject(&self) -> String {
        let Self { repository, branch, ids } = self;
        let who = match (repository.split_once('/'), ids) {
            (Some((owner, name)), Some(ids)) => {
                format!("{owner}@{}/{name}@{}", ids.owner, ids.repository)
            }
            _ => repository.clone(),
        };
        format!("repo:{who}:ref:refs/heads/{branch}")
    }
}

fn ids(owner: Option<Field<'_>>, repository: Option<Field<'_>>) -> Option<RepositoryIds> {
    let lonely = |field: &Field<'_>, other: &str| {
        field.refuse_key(&format!("is given without `{other}`"), |problem| {
            problem.help(
                "GitHub's tokens have both numbers or none: `gh api repos/OWNER/NAME --jq '.owner.id, .id'` prints them",
            )
        });
    };
    match (owner, repository) {
        (Some(owner), Some(repository)) => {
            let (owner, repository) = (owner.parsed_scalar(id), repository.parsed_scalar(id));
            Some(RepositoryIds { owner: owner?, repository: repository? })
        }
        (Some(owner), None) => {
            lonely(&owner, "repository_id");
            None
        }
        (None, Some(repository)) => {
            lonely(&repository, "owner_id");
            None
        }
        (None, None) => None,
    }
}

/// As GitHub allows owners and repositories to be called.
fn repository(text: &str) -> Result<String, Wrong> {
    let is_owner = |it: &str| {
        (1..=39).contains(&it.len()) && it.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let is_name = |it: &str| {
        (1..=100).contains(&it.len())
            && it != "."
            && it != ".."
            && it.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    match text.split_once('/') {
        Some((owner, name)) if is_owner(owner) && is_name(name) => Ok(text.to_owned()),
        _ => Err(Wrong::new("is not a repository on GitHub")
            .help("`owner/name`, spelt as in its address, capitals too")),
    }
}

/// See git-check-ref-format(1). One branch, no pattern: AWS is asked to compare it letter by letter.
fn branch(text: &str) -> Result<String, Wrong> {
    let is_part = |it: &str| {
        !it.is_empty() && !it.starts_with('.') && !it.ends_with('.') && !it.ends_with(".lock")
    };
    let right = text.len() <= 255
        && text != "@"
        && !text.starts_with('-')
        && !text.contains("..")
        && !text.contains("@{")
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c))
        && text.split('/').all(is_part);
    match right {
        true => Ok(text.to_owned()),
        false => Err(Wrong::new("is not the name of a branch")
            .help("one branch, without `refs/heads/` and without patterns, such as `main`")),
    }
}

fn id(text: &str) -> Result<u64, Wrong> {
    let number = text.parse().ok().filter(|it| *it > 0 && !text.starts_with('+'));
    number.ok_or_else(|| {
        Wrong::new("is not a number of GitHub's")
            .help("`gh api repos/OWNER/NAME --jq '.owner.id, .id'` prints both")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories() {
        for good in ["owner/name", "Owner-1/a.b_c-D", "a/.github"] {
            assert_eq!(repository(good), Ok(good.to_owned()));
        }
        for bad in ["", "name", "a/b/c", "a/", "/b", "a/..", "a_b/c", "a b/c", "a/b:c", "a/*"] {
            assert!(repository(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn branches() {
        for good in ["main", "release/1.0", "feature/ä", "@a", "a@b"] {
            assert_eq!(branch(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "*",
            "release/*",
            "a b",
            "a:b",
            "/a",
            "a/",
            "a//b",
            "a..b",
            ".a",
            "a.",
            "a.lock",
            "-a",
            "@",
            "a@{b",
            "a\\b",
        ] {
            assert!(branch(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(id("123456"), Ok(123_456));
        for bad in ["", "0", "-1", "+1", "1.5", "x"] {
            assert!(id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_subject_has_names_and_numbers_as_tokens_have() {
        let mut actions = GithubActions {
            repository: "octocat/my-repo".to_owned(),
            branch: "main".to_owned(),
            ids: None,
        };
        assert_eq!(actions.subject(), "repo:octocat/my-repo:ref:refs/heads/main");
        actions.ids = Some(RepositoryIds { owner: 123_456, repository: 456_789 });
        assert_eq!(actions.subject(), "repo:octocat@123456/my-repo@456789:ref:refs/heads/main");
    }
}
