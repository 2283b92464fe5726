//! `ci.jenkins`: a Jenkins server on a machine of its own.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::super::{
    LoadBalancer, image,
    load_balancer::certified,
    names,
    reader::{Field, Section, Wrong},
    service::Service,
};

/// A Jenkins server on an EC2 instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jenkins {
    /// The machine's type; `t3.medium` unless told otherwise, the smallest that compiles this repository.
    pub instance_type: String,
    /// The name in DNS by which Jenkins is reached, through the load balancer and by HTTPS, in lower case: `jenkins.` before
    /// that of the load balancer unless told otherwise. None: the load balancer has none, and Jenkins is reached by plain
    /// HTTP.
    pub domain: Option<String>,
    /// Who may reach Jenkins (8443, without a domain 8080) and SSH (22); at least one range, and never everybody.
    pub admin_cidrs: Vec<IpNet>,
    /// What is built and deployed. Without it Jenkins has no job.
    pub pipeline: Option<Pipeline>,
    /// Size in GiB of the disk that the machine starts from, 8 to 16384; 30 unless told otherwise. It goes with the machine.
    pub disk: i32,
    /// Size in GiB of the disk with what Jenkins keeps, 8 to 16384; 20 unless told otherwise. It outlives the machine.
    pub data_disk: i32,
    /// The name of an existing EC2 key pair for SSH.
    pub key_pair: Option<String>,
}

/// What Jenkins builds, and with whose accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// `owner/name` on GitHub, or an https address, as the file has it.
    pub repository: String,
    /// The only branch that is built; `main` unless told otherwise.
    pub branch: String,
    /// The service whose image is built and deployed.
    pub service: String,
    /// Where images are pushed to: registry and repository, without a tag.
    pub image: String,
    /// The variable that holds a token of GitHub when `up` runs, for a repository that is not public.
    pub github_token: Option<String>,
    /// With whom images are pushed.
    pub registry: Option<Account>,
    /// Whether the webhook of a repository on GitHub is ours to make.
    pub webhook: bool,
}

/// An account at a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user's name.
    pub user: String,
    /// The variable that holds the password or token when `up` runs.
    pub token: String,
}

impl Jenkins {
    pub(super) fn read(
        field: &Field<'_>,
        services: &BTreeMap<String, Service>,
        load_balancer: Option<&LoadBalancer>,
    ) -> Option<Self> {
        let mut section = field.section()?;
        let jenkins = Self {
            instance_type: section
                .parsed("instance_type", instance_type)
                .unwrap_or_else(|| "t3.medium".to_owned()),
            domain: domain(field, section.optional("domain"), load_balancer),
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
            pipeline: Pipeline::read(&mut section, services),
            disk: section.number("disk", 30, 8..=16_384),
            data_disk: section.number("data_disk", 20, 8..=16_384),
            key_pair: section.parsed("key_pair", key_pair),
        };
        section.finish();
        Some(jenkins)
    }
}

/// The name by which `jenkins` is reached.
fn domain(
    jenkins: &Field<'_>,
    wanted: Option<Field<'_>>,
    load_balancer: Option<&LoadBalancer>,
) -> Option<String> {
    let found = load_balancer.and_then(|it| it.domain.as_deref().zip(it.zone.as_deref()));
    let Some(field) = wanted else {
        let domain = format!("jenkins.{}", found?.0);
        if certified(&domain).is_err() {
            jenkins.refuse_key(&format!("cannot have the name `{domain}`"), |problem| {
                problem.help("it is too long for a certificate: add a shorter one of the same zone, as `domain:`")
            });
        }
        return Some(domain);
    };
    let domain = field.parsed(certified)?;
    let Some((of_balancer, zone)) = found else {
        if load_balancer.is_some_and(|it| it.domain.is_some() || it.zone.is_some()) {
            // What is wrong with the other one has been told.
            return None;
        }
        field.refuse_key("has no use without `load_balancer.domain`", |problem| {
            problem.help("Jenkins is reached by HTTPS through the load balancer: give that one a `domain` and its `zone`, or take this out")
        });
        return None;
    };
    if domain == of_balancer {
        field.refuse_value(
            Wrong::new("is the name of the load balancer itself")
                .help("another one, or browsers send the services what they keep for Jenkins"),
        );
    } else if domain != zone && !domain.ends_with(&format!(".{zone}")) {
        let wrong = Wrong::new(format!("is not in the zone `{zone}`"));
        field.refuse_value(
            wrong.help(format!("`{zone}` itself or a name that ends with `.{zone}`")),
        );
    }
    Some(domain)
}

impl Pipeline {
    /// Out of the fields of `ci.jenkins`.
    fn read(section: &mut Section<'_>, services: &BTreeMap<String, Service>) -> Option<Self> {
        let asked = section.optional("repository");
        let branch_field = section.optional("branch");
        let service_field = section.optional("service");
        let (github, registry) = (section.optional("github"), section.optional("registry"));
        let webhook = section.optional("webhook");
        if asked.is_none() {
            let all = [&branch_field, &service_field, &github, &registry, &webhook];
            for field in all.into_iter().flatten() {
                field.refuse_key("has no use without `repository`", |problem| {
                    problem.help("add the repository to build, as in `repository: owner/name`")
                });
            }
        }
        let repository = asked.as_ref().and_then(|field| field.parsed(repository));
        let branch = branch_field.as_ref().and_then(|field| field.parsed(branch));
        let github_token = github.as_ref().and_then(variable);
        if repository.as_deref().is_some_and(|it| on_github(it).is_none()) {
            for (field, help) in [
                (&github, "take it out: from elsewhere Jenkins fetches what everybody may read"),
                (&webhook, "take it out: Jenkins looks at the branch every five minutes"),
            ] {
                if let Some(field) = field {
                    field.refuse_key("is for repositories on GitHub", |problem| problem.help(help));
                }
            }
        }
        let registry = registry.as_ref().and_then(Account::read);
        let chosen = asked.and_then(|field| service(&field, service_field.as_ref(), services));
        let (name, service) = chosen?;
        Some(Self {
            repository: repository?,
            branch: branch.unwrap_or_else(|| "main".to_owned()),
            service: name.clone(),
            image: image::repository(&service.image),
            github_token,
            registry,
            webhook: webhook.and_then(|field| field.boolean()).unwrap_or(true),
        })
    }

    /// Owner and name on GitHub, if it is there.
    pub fn on_github(&self) -> Option<(&str, &str)> {
        on_github(&self.repository)
    }

    /// The address to clone.
    pub fn url(&self) -> String {
        match self.on_github() {
            Some((owner, name)) => format!("https://github.com/{owner}/{name}.git"),
            None => self.repository.clone(),
        }
    }
}

/// The service that is built: the one named, or the only one.
fn service<'a>(
    repository: &Field<'_>,
    named: Option<&Field<'_>>,
    services: &'a BTreeMap<String, Service>,
) -> Option<(&'a String, &'a Service)> {
    let names = || services.keys().cloned().collect::<Vec<_>>().join("`, `");
    match named {
        Some(field) => {
            let text = field.text()?;
            let found = services.get_key_value(text);
            if found.is_none() && !services.is_empty() {
                let wrong = Wrong::new("is not a service of this stack");
                field.refuse_value(wrong.help(format!("one of `{}`", names())));
            }
            found
        }
        None if services.len() > 1 => {
            repository.refuse_key("does not say whose image it holds", |problem| {
                problem.help(format!("add `service:` with one of `{}`", names()))
            });
            None
        }
        None => services.iter().next(),
    }
}

impl Account {
    fn read(field: &Field<'_>) -> Option<Self> {
        let mut section = field.section()?;
        let user = section.required("user", "owner").and_then(|field| field.parsed(user));
        let token =
            section.required("token", "{ env: REGISTRY_TOKEN }").and_then(|field| variable(&field));
        section.finish();
        Some(Self { user: user?, token: token? })
    }
}

/// `{ env: VARIABLE }`.
fn variable(field: &Field<'_>) -> Option<String> {
    if !field.is_map() {
        // It may well be the token itself, which is why the message does not repeat it.
        field.refuse("must say where the token comes from, not what it is", |problem| {
            problem.help("the variable that holds it when `up` runs, as in `{ env: TOKEN }`")
        });
        return None;
    }
    let mut section = field.section()?;
    let variable = section.required("env", "TOKEN");
    section.finish();
    let variable = variable?;
    let text = variable.text()?;
    if !names::is_variable(text) {
        variable.hide();
        variable.refuse("is not the name of an environment variable", |problem| {
            problem.help("the name of the variable that holds the token when `up` runs")
        });
        return None;
    }
    Some(text.to_owned())
}

/// What git allows (git-check-ref-format), less what Jenkins' Git plugin takes for a pattern or a variable.
fn branch(text: &str) -> Result<String, Wrong> {
    let fits = |c: char| c.is_alphanumeric() || "._-/+#@=,".contains(c);
    let part = |it: &str| {
        !it.is_empty()
            && !it.starts_with(['.', '-'])
            && !it.ends_with('.')
            && !it.ends_with(".lock")
    };
    if text.len() <= 200
        && text != "@"
        && text.chars().all(fits)
        && text.split('/').all(part)
        && !text.contains("..")
    {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("is not the name of a branch").help(
        "one branch, without `refs/heads/` and without patterns: letters, digits and `._-/+#@=,`",
    ))
}

fn user(text: &str) -> Result<String, Wrong> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
    if (1..=100).contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("is not the name of a user").help("letters, digits, `.`, `_`, `-`, `+` and `@`"))
}

/// Owner and name of a repository on GitHub.
fn on_github(repository: &str) -> Option<(&str, &str)> {
    let path = match repository.strip_prefix("https://") {
        Some(address) => address.strip_prefix("github.com/")?,
        None => repository,
    };
    let (owner, name) = path.strip_suffix(".git").unwrap_or(path).split_once('/')?;
    (!name.contains('/')).then_some((owner, name))
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
    fn repositories_on_github() {
        for same in ["a/b", "https://github.com/a/b", "https://github.com/a/b.git"] {
            assert_eq!(on_github(same), Some(("a", "b")));
        }
        assert_eq!(on_github("https://git.example.com/a/b"), None);
    }

    #[test]
    fn branches() {
        for good in ["main", "release/1.0", "a_b-c.d", "fix/#12", "feature/ä"] {
            assert_eq!(branch(good), Ok(good.to_owned()));
        }
        for bad in [
            "", "@", "/a", "a//b", "a b", "$(id)", "${A}", "a..b", "-a", "a.lock", "'a", "a\"b",
            "a\\b", "a.", "*/a", ":a", "a\nb", "a`b",
        ] {
            assert!(branch(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn users() {
        for good in ["owner", "me@example.com", "robot+ci"] {
            assert_eq!(user(good), Ok(good.to_owned()));
        }
        for bad in ["", "a b", "${A}", "a:b", "'", "a\n"] {
            assert!(user(bad).is_err(), "{bad}");
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
