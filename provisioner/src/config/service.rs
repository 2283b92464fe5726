//! `services.*`: a container that runs on Fargate.

use std::collections::BTreeMap;

use super::container_check::ContainerCheck;
use super::reader::{Field, Section, Wrong};
use super::secrets::{self, SecretSource};
use super::{Stack, fargate, image, names};

/// A container that runs on Fargate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The first image. From then on `deploy` owns it, until this value changes.
    pub image: String,
    /// CPU units, 1024 of them a vCPU: one of Fargate's sizes, 256 to 16384; 256 unless told otherwise.
    pub cpu: i32,
    /// Memory in MiB, of those Fargate has for `cpu`; 512 unless told otherwise.
    pub memory: i32,
    /// The processor the image is built for.
    pub architecture: Architecture,
    /// How many tasks run at once, 0 to 1000; 1 unless told otherwise.
    pub count: i32,
    /// The port the container listens on. With it the service is behind the load balancer.
    pub port: Option<u16>,
    /// Requests for these host names come here: a name, in which `*` and `?` stand for any characters, in lower case.
    pub host: Option<String>,
    /// Requests for these paths come here: a pattern such as `/api/*`. A service with neither `host` nor `path` takes
    /// what no other one takes; there is exactly one such service among those with a port.
    pub path: Option<String>,
    /// How the load balancer finds out whether a task works. Of use only with `port`.
    pub health_check: HealthCheck,
    /// A check that runs inside the container; none unless told otherwise.
    pub container_check: Option<ContainerCheck>,
    /// The command, in place of the image's own; empty for the image's own.
    pub command: Vec<String>,
    /// The user inside the container, in place of the image's own.
    pub user: Option<String>,
    /// Whether the container's file system cannot be written; off unless told otherwise.
    pub read_only_root: bool,
    /// Seconds between SIGTERM and SIGKILL, 2 to 120; 30 unless told otherwise.
    pub stop_timeout: i32,
    /// Whether ECS Exec may open a shell in the container; off unless told otherwise.
    pub exec: bool,
    /// Environment variables, in plain text.
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values are secret.
    pub secrets: BTreeMap<String, SecretSource>,
    /// How a new version takes the place of the old one.
    pub deployment: Deployment,
}

/// A processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Architecture {
    /// Intel and AMD (`x86_64`).
    #[default]
    X86_64,
    /// Graviton (`arm64`).
    Arm64,
}

/// How the load balancer finds out whether a task works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path that is asked for; `/` unless told otherwise.
    pub path: String,
    /// The status codes that mean health, 200 to 499, as in `200`, `200-299` or `200,301`; `200` unless told otherwise.
    pub codes: String,
    /// Seconds from check to check, 5 to 300; 10 unless told otherwise.
    pub interval: i32,
    /// Seconds to wait for an answer, 2 to 120 and less than `interval`; 5 unless told otherwise.
    pub timeout: i32,
    /// Good checks in a row until a task counts as healthy, 2 to 10; 2 unless told otherwise.
    pub healthy: i32,
    /// Bad checks in a row until a task counts as unhealthy, 2 to 10; 3 unless told otherwise.
    pub unhealthy: i32,
    /// Seconds after a task's start in which ECS ignores bad checks; 180 unless told otherwise, which covers the start
    /// of the load balancer itself.
    pub grace: i32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            codes: "200".to_owned(),
            interval: 10,
            timeout: 5,
            healthy: 2,
            unhealthy: 3,
            grace: 180,
        }
    }
}

/// How a new version takes the place of the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Tasks that must be running in a deployment, in per cent of `count`, 0 to 100; 100 unless told otherwise.
    pub minimum_healthy_percent: i32,
    /// Tasks that may be running in a deployment, in per cent of `count`, 100 to 200; 200 unless told otherwise.
    pub maximum_percent: i32,
    /// Whether ECS gives up a deployment that fails, and goes back; on unless told otherwise.
    pub circuit_breaker: bool,
}

impl Default for Deployment {
    fn default() -> Self {
        Self { minimum_healthy_percent: 100, maximum_percent: 200, circuit_breaker: true }
    }
}

impl Service {
    /// Reads the fields; `port`, `host` and `path` against those of other services is the caller's part.
    pub(super) fn read(mut section: Section<'_>, stack: &Stack<'_>) -> Self {
        let image = section.required("image", "docker.io/owner/bot:1.0");
        let image = image
            .and_then(|field| field.parsed(|text| image::check(text).map(|()| text.to_owned())));
        let (cpu, memory) = size(&mut section);
        let port = port(&mut section, stack);
        let environment = environment(&mut section);
        let secrets = secrets::read(&mut section, stack);
        if let Some(field) = section.optional("secrets") {
            for entry in field.entries().unwrap_or_default() {
                if environment.contains_key(entry.name) {
                    entry.refuse_key("is in `environment` as well", |problem| {
                        problem.help("a variable has one value")
                    });
                }
            }
        }
        let count = section.number("count", 1, 0..=1000);
        let service = Self {
            image: image.unwrap_or_default(),
            cpu,
            memory,
            architecture: section
                .optional("architecture")
                .and_then(|field| architecture(&field))
                .unwrap_or_default(),
            count,
            port,
            host: section.parsed("host", host),
            path: section.parsed("path", path),
            health_check: HealthCheck::read(section.optional("health_check")),
            container_check: ContainerCheck::read(&mut section),
            command: section.optional("command").map(|field| command(&field)).unwrap_or_default(),
            user: section.optional("user").and_then(|field| field.parsed_scalar(user)),
            read_only_root: section.boolean("read_only_root", false),
            stop_timeout: section.number("stop_timeout", 30, 2..=120),
            exec: section.boolean("exec", false),
            environment,
            secrets,
            deployment: Deployment::read(&section.optional("deployment"), count),
        };
        section.finish();
        service
    }
}

fn size(section: &mut Section<'_>) -> (i32, i32) {
    const CPU: i32 = 256;
    const MEMORY: i32 = 512;
    let cpu_field = section.optional("cpu");
    let memory_field = section.optional("memory");
    let cpu = cpu_field.as_ref().map_or(Some(CPU), |field| {
        let cpu = field.number(1..=i32::MAX)?;
        fargate::cpu(cpu).map_err(|wrong| field.refuse_value(wrong)).ok().map(|()| cpu)
    });
    let memory = memory_field.as_ref().map_or(Some(MEMORY), |field| field.number(1..=i32::MAX));
    if let (Some(cpu), Some(memory)) = (cpu, memory)
        && let Err(help) = fargate::memory(cpu, memory)
    {
        match (&memory_field, &cpu_field) {
            (Some(field), Some(_)) => {
                field.refuse_value(
                    Wrong::new(format!("MiB do not go with {cpu} CPU units on Fargate")).help(help),
                );
            }
            (Some(field), None) => {
                let wrong = Wrong::new(format!(
                    "MiB do not go with {cpu} CPU units, the default, on Fargate"
                ));
                field.refuse_value(wrong.help(help));
            }
            (None, Some(field)) => {
                let wrong = Wrong::new(format!(
                    "CPU units do not go with {memory} MiB, the default, on Fargate"
                ));
                field.refuse_value(wrong.help(help));
            }
            // The defaults go together.
            (None, None) => {}
        }
    }
    (cpu.unwrap_or(CPU), memory.unwrap_or(MEMORY))
}

fn port(section: &mut Section<'_>, stack: &Stack<'_>) -> Option<u16> {
    let field = section.optional("port");
    let Some(field) = field else {
        for name in ["host", "path", "health_check"] {
            if let Some(field) = section.optional(name) {
                field.refuse_key("has no use without `port`", |problem| {
                    problem.help("the load balancer sends requests to services with a port only")
                });
            }
        }
        return None;
    };
    if !stack.has_load_balancer {
        field.refuse_key("needs a load balancer, and the stack has none", |problem| {
            problem.help("add `load_balancer: {}`, or take `port` out if nothing is to reach the service from outside")
        });
    }
    field.number(1..=65_535).and_then(|port| u16::try_from(port).ok())
}

fn architecture(field: &Field<'_>) -> Option<Architecture> {
    match field.text()? {
        "amd64" => field.refuse_value(Wrong::new("is called `x86_64` here")),
        "aarch64" => field.refuse_value(Wrong::new("is called `arm64` here")),
        _ => {
            return field
                .choice(&[("x86_64", Architecture::X86_64), ("arm64", Architecture::Arm64)]);
        }
    }
    None
}

fn environment(section: &mut Section<'_>) -> BTreeMap<String, String> {
    let entries =
        section.optional("environment").and_then(|field| field.entries()).unwrap_or_default();
    let mut environment = BTreeMap::new();
    for entry in entries {
        if let Err(wrong) = names::variable(entry.name) {
            entry.refuse_name(wrong);
        }
        let value = entry.scalar_or_empty().unwrap_or_default();
        environment.insert(entry.name.to_owned(), value.to_owned());
    }
    environment
}

fn command(field: &Field<'_>) -> Vec<String> {
    let elements = field.elements().unwrap_or_default();
    elements.iter().filter_map(|field| field.scalar_or_empty().map(ToOwned::to_owned)).collect()
}

fn host(text: &str) -> Result<String, Wrong> {
    let wrong =
        Wrong::new("is not a host name").help("for example `api.example.com` or `*.example.com`");
    let fits = |c: char| c.is_ascii_alphanumeric() || "-.*?".contains(c);
    match text.rsplit_once('.') {
        Some((first, last))
            if text.len() <= 128
                && !first.is_empty()
                && text.chars().all(fits)
                && !last.is_empty()
                && last.chars().all(|c| c.is_ascii_alphabetic()) =>
        {
            Ok(text.to_lowercase())
        }
        _ => Err(wrong),
    }
}

fn path(text: &str) -> Result<String, Wrong> {
    let wrong = Wrong::new("is not a pattern for paths");
    if !text.starts_with('/') && !text.starts_with('*') {
        return Err(wrong.help(format!("it starts with `/`, as in `/{}`", text.trim_start())));
    }
    if text.len() > 128 {
        return Err(wrong.help("at most 128 characters"));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?".contains(*c))) {
        None => Ok(text.to_owned()),
        Some(c) => Err(wrong.help(format!("the load balancer does not allow `{c}` in it"))),
    }
}

fn user(text: &str) -> Result<String, Wrong> {
    let name = |name: &str| {
        !name.is_empty()
            && name.len() <= 32
            && !name.starts_with('-')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    let (user, group) = text.split_once(':').unwrap_or((text, text));
    if name(user) && name(group) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("is not a user")
        .help("a name or a number, with a group after a colon if need be: `1000:1000`"))
}

impl HealthCheck {
    fn read(field: Option<Field<'_>>) -> Self {
        let defaults = Self::default();
        let Some(mut section) = field.and_then(|field| field.section()) else { return defaults };
        let interval = section.number("interval", defaults.interval, 5..=300);
        let timeout = section.number("timeout", defaults.timeout, 2..=120);
        if timeout >= interval {
            let default = |given: bool| if given { "" } else { " (the default)" };
            let text = format!(
                "has a `timeout` of {timeout} s{} and an `interval` of {interval} s{}",
                default(section.has("timeout")),
                default(section.has("interval"))
            );
            section
                .field()
                .refuse_key(&text, |problem| problem.help("the timeout must be the shorter one"));
        }
        let check = Self {
            path: section.parsed("path", health_path).unwrap_or(defaults.path),
            codes: section
                .optional("codes")
                .and_then(|field| field.parsed_scalar(codes))
                .unwrap_or(defaults.codes),
            interval,
            timeout,
            healthy: section.number("healthy", defaults.healthy, 2..=10),
            unhealthy: section.number("unhealthy", defaults.unhealthy, 2..=10),
            grace: section.number("grace", defaults.grace, 0..=i32::MAX),
        };
        section.finish();
        check
    }
}

fn health_path(text: &str) -> Result<String, Wrong> {
    let wrong = Wrong::new("is not a path");
    if !text.starts_with('/') {
        return Err(wrong.help(format!("it starts with `/`, as in `/{}`", text.trim_start())));
    }
    if text.len() > 1024 || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(wrong.help("at most 1024 characters of ASCII, without spaces"));
    }
    Ok(text.to_owned())
}

fn codes(text: &str) -> Result<String, Wrong> {
    let code = |text: &str| {
        text.parse::<u16>().ok().filter(|code| text.len() == 3 && (200..=499).contains(code))
    };
    let part = |text: &str| match text.split_once('-') {
        None => code(text).is_some(),
        Some((first, last)) => {
            matches!((code(first), code(last)), (Some(first), Some(last)) if first <= last)
        }
    };
    if text.split(',').all(part) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("are not status codes of HTTP")
        .help("codes from 200 to 499, as in `200`, `200-299` or `200,301`"))
}

impl Deployment {
    fn read(field: &Option<Field<'_>>, count: i32) -> Self {
        let defaults = Self::default();
        let Some(mut section) = field.as_ref().and_then(Field::section) else { return defaults };
        let deployment = Self {
            minimum_healthy_percent: section.number(
                "minimum_healthy_percent",
                defaults.minimum_healthy_percent,
                0..=100,
            ),
            maximum_percent: section.number("maximum_percent", defaults.maximum_percent, 100..=200),
            circuit_breaker: section.boolean("circuit_breaker", defaults.circuit_breaker),
        };
        if deployment.stuck(count) {
            let Self { minimum_healthy_percent: least, maximum_percent: most, .. } = deployment;
            let text = format!(
                "could never replace a task: with a `count` of {count}, at least {least} % and at most {most} % must run"
            );
            section.field().refuse_key(&text, |problem| {
                problem
                    .help("`minimum_healthy_percent: 100` and `maximum_percent: 200` start the new task first")
                    .help("`minimum_healthy_percent: 0` and `maximum_percent: 100` stop the old task first")
            });
        }
        section.finish();
        deployment
    }

    /// ECS rounds the minimum up and the maximum down.
    fn stuck(&self, count: i32) -> bool {
        let (count, least, most) = (
            i64::from(count),
            i64::from(self.minimum_healthy_percent),
            i64::from(self.maximum_percent),
        );
        let may_stop = (count * least + 99) / 100 < count;
        let may_start = count * most / 100 > count;
        count > 0 && !may_stop && !may_start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes() {
        for good in ["200", "200-299", "200,301", "200-204,302,499"] {
            assert_eq!(codes(good), Ok(good.to_owned()));
        }
        for bad in ["", "20", "500", "200-", "299-200", "200, 301", "200,", "2000", "+20", "a"] {
            assert!(codes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_of_the_load_balancer() {
        assert_eq!(host("API.example.com"), Ok("api.example.com".to_owned()));
        assert!(host("*.example.com").is_ok());
        for bad in ["", "localhost", "a.1", ".com", "a..", "a b.com", "https://a.com"] {
            assert!(host(bad).is_err(), "{bad}");
        }
        assert!(path("/api/*").is_ok() && path("*.png").is_ok());
        assert!(path("api").is_err() && path("/a b").is_err() && path("/ä").is_err());
    }

    #[test]
    fn users() {
        for good in ["1000", "1000:1000", "nobody", "app:app"] {
            assert_eq!(user(good), Ok(good.to_owned()));
        }
        for bad in ["", ":", "a:", ":a", "a:b:c", "-a", "a b"] {
            assert!(user(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn deployments_that_cannot_move() {
        let stuck = |least, most, count| {
            let deployment = Deployment {
                minimum_healthy_percent: least,
                maximum_percent: most,
                circuit_breaker: true,
            };
            deployment.stuck(count)
        };
        assert!(stuck(100, 100, 1) && stuck(100, 199, 1) && stuck(90, 110, 3) && stuck(1, 100, 1));
        assert!(
            !stuck(100, 200, 1) && !stuck(0, 100, 1) && !stuck(50, 100, 2) && !stuck(100, 100, 0)
        );
    }
}
