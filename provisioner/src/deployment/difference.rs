//! What is different between two revisions of a task definition. Values of the environment are never told: many people
//! keep secrets there. Of a secret only its place is.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinition};
use serde::Serialize;

/// What every revision has of its own, or what follows from the rest.
const OF_EACH: [&str; 10] = [
    "task_definition_arn",
    "container_definitions",
    "revision",
    "status",
    "requires_attributes",
    "compatibilities",
    "registered_at",
    "deregistered_at",
    "registered_by",
    "delete_requested_at",
];
/// A value that is longer is only said to have changed.
const LONGEST: usize = 160;

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where it is, such as `bot.image` or `cpu`.
    pub field: String,
    /// What it was; none: it was not there, or is not told.
    pub old: Option<String>,
    /// What it is; none: it is not there, or is not told.
    pub new: Option<String>,
}

/// The differences, by field: those of the task first, then each container's.
pub fn differences(old: &TaskDefinition, new: &TaskDefinition) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", fields(old, &OF_EACH), fields(new, &OF_EACH), &mut found);
    // The rendering of what has maps inside differs by chance.
    found.retain(|it| it.field != "volumes" || old.volumes != new.volumes);
    let containers = |of: &TaskDefinition| -> BTreeMap<String, ContainerDefinition> {
        let all = of.container_definitions().iter();
        all.map(|it| (it.name().unwrap_or_default().to_owned(), it.clone())).collect()
    };
    let (old, new) = (containers(old), containers(new));
    for name in old.keys().chain(new.keys().filter(|it| !old.contains_key(*it))) {
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => container(name, old, new, &mut found),
            (old, new) => {
                let image = |of: Option<&ContainerDefinition>| {
                    of.map(|it| it.image().unwrap_or_default().to_owned())
                };
                found.push(Difference { field: name.clone(), old: image(old), new: image(new) });
            }
        }
    }
    // Those of the task have no dot.
    found.sort_by_cached_key(|it| (it.field.contains('.'), it.field.clone()));
    found
}

fn container(
    name: &str,
    old: &ContainerDefinition,
    new: &ContainerDefinition,
    found: &mut Vec<Difference>,
) {
    let apart = [
        "name",
        "environment",
        "secrets",
        "log_configuration",
        "docker_labels",
        "firelens_configuration",
    ];
    compare(&format!("{name}."), fields(old, &apart), fields(new, &apart), found);
    if old.docker_labels != new.docker_labels {
        compare(&format!("{name}.docker_labels."), labels(old), labels(new), found);
    }
    if old.firelens_configuration != new.firelens_configuration {
        let said = |it: &ContainerDefinition| {
            it.firelens_configuration.as_ref().map(|_| "(not shown)".to_owned())
        };
        let field = format!("{name}.firelens_configuration");
        found.push(Difference { field, old: said(old), new: said(new) });
    }
    compare(&format!("{name}.log_configuration."), log(old), log(new), found);
    let secrets = |of: &ContainerDefinition| -> BTreeMap<String, String> {
        of.secrets().iter().map(|it| (it.name.clone(), it.value_from.clone())).collect()
    };
    compare(&format!("{name}.secrets."), secrets(old), secrets(new), found);
    let environment = |of: &ContainerDefinition| -> BTreeMap<String, Option<String>> {
        let all = of.environment().iter();
        all.map(|it| (it.name().unwrap_or_default().to_owned(), it.value.clone())).collect()
    };
    let (old, new) = (environment(old), environment(new));
    for variable in old.keys().chain(new.keys().filter(|it| !old.contains_key(*it))) {
        if old.get(variable) != new.get(variable) {
            let said = |of: &BTreeMap<String, Option<String>>| {
                of.contains_key(variable).then(|| "(not shown)".to_owned())
            };
            let field = format!("{name}.environment.{variable}");
            found.push(Difference { field, old: said(&old), new: said(&new) });
        }
    }
}

fn labels(of: &ContainerDefinition) -> BTreeMap<String, String> {
    of.docker_labels().into_iter().flatten().map(|(key, it)| (key.clone(), it.clone())).collect()
}

fn log(of: &ContainerDefinition) -> BTreeMap<String, String> {
    let Some(log) = of.log_configuration() else { return BTreeMap::new() };
    let driver = ("driver".to_owned(), log.log_driver.as_str().to_owned());
    let options = log.options().into_iter().flatten().map(|(key, it)| (key.clone(), it.clone()));
    let secrets = log.secret_options().iter().map(|it| (it.name.clone(), it.value_from.clone()));
    std::iter::once(driver).chain(options).chain(secrets).collect()
}

fn compare(
    prefix: &str,
    mut old: BTreeMap<String, String>,
    new: BTreeMap<String, String>,
    found: &mut Vec<Difference>,
) {
    let short = |text: String| if text.len() > LONGEST { "(long)".to_owned() } else { text };
    for (field, new) in new {
        let before = old.remove(&field);
        if before.as_ref() != Some(&new) {
            let field = format!("{prefix}{field}");
            found.push(Difference { field, old: before.map(short), new: Some(short(new)) });
        }
    }
    for (field, old) in old {
        found.push(Difference {
            field: format!("{prefix}{field}"),
            old: Some(short(old)),
            new: None,
        });
    }
}

/// Every field that is set, but for some. They are read off the SDK's own rendering, so that none is forgotten that AWS
/// adds one day.
fn fields(of: &impl std::fmt::Debug, but: &[&str]) -> BTreeMap<String, String> {
    let text = format!("{of:#?}");
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        let Some(inner) = line.strip_prefix("    ") else { continue };
        let begins = !inner.starts_with([' ', ')', ']', '}']);
        if let Some((name, rest)) = inner.split_once(": ").filter(|_| begins) {
            fields.insert(name.to_owned(), rest.to_owned());
            current = Some(name.to_owned());
        } else if let Some(value) = current.as_ref().and_then(|it| fields.get_mut(it)) {
            value.push_str(inner.trim());
        }
    }
    fields.retain(|name, _| !but.contains(&name.as_str()));
    let tidied = fields.into_iter().map(|(name, value)| (name, tidy(&value)));
    tidied.filter(|(_, value)| !matches!(value.as_str(), "None" | "[]")).collect()
}

/// A value without what only Rust needs.
fn tidy(value: &str) -> String {
    let value = value.trim_end_matches(',');
    let value = value.replace(",)", ")").replace(",]", "]").replace(",}", "}");
    match value.strip_prefix("Some(").and_then(|it| it.strip_suffix(')')) {
        Some(inner) => inner.trim_matches('"').to_owned(),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{HealthCheck, KeyValuePair, NetworkMode, Secret};

    use super::*;

    fn variable(name: &str, value: &str) -> KeyValuePair {
        KeyValuePair::builder().name(name).value(value).build()
    }

    fn secret(name: &str, from: &str) -> Secret {
        Secret::builder().name(name).value_from(from).build().unwrap()
    }

    #[test]
    fn what_changed_is_told_and_no_value_of_the_environment() {
        let check = |retries| {
            HealthCheck::builder().command("CMD").command("/bot").retries(retries).build().unwrap()
        };
        let container = |image: &str| ContainerDefinition::builder().name("bot").image(image);
        let old = container("me/bot:1")
            .environment(variable("MODE", "hunter2"))
            .environment(variable("GONE", "hunter3"))
            .environment(variable("SAME", "hunter4"))
            .secrets(secret("TOKEN", "arn:aws:ssm:x:1:parameter/a"))
            .health_check(check(2));
        let new = container("me/bot:2")
            .environment(variable("SAME", "hunter4"))
            .environment(variable("MODE", "hunter5"))
            .environment(variable("NEW", "hunter6"))
            .secrets(secret("TOKEN", "arn:aws:ssm:x:1:parameter/b"))
            .health_check(check(3))
            .command("x".repeat(200));
        let side = |name: &str| ContainerDefinition::builder().name(name).image("me/side:1");
        let old = TaskDefinition::builder()
            .revision(3)
            .cpu("256")
            .network_mode(NetworkMode::Awsvpc)
            .container_definitions(old.build())
            .container_definitions(side("agent").build());
        let new = TaskDefinition::builder()
            .revision(4)
            .cpu("512")
            .network_mode(NetworkMode::Awsvpc)
            .execution_role_arn("arn:aws:iam::1:role/x")
            .container_definitions(new.build())
            .container_definitions(side("log").build());
        let found = differences(&old.build(), &new.build());
        let shown = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
        let lines: Vec<_> = found
            .iter()
            .map(|it| format!("{}: {} → {}", it.field, shown(&it.old), shown(&it.new)))
            .collect();
        let text = lines.join("\n");
        assert!(!text.contains("hunter"), "{text}");
        insta::assert_snapshot!(text, @r#"
        agent: me/side:1 → -
        cpu: 256 → 512
        execution_role_arn: - → arn:aws:iam::1:role/x
        log: - → me/side:1
        bot.command: - → (long)
        bot.environment.GONE: (not shown) → -
        bot.environment.MODE: (not shown) → (not shown)
        bot.environment.NEW: - → (not shown)
        bot.health_check: HealthCheck {command: ["CMD","/bot"],interval: None,timeout: None,retries: Some(2),start_period: None} → HealthCheck {command: ["CMD","/bot"],interval: None,timeout: None,retries: Some(3),start_period: None}
        bot.image: me/bot:1 → me/bot:2
        bot.secrets.TOKEN: arn:aws:ssm:x:1:parameter/a → arn:aws:ssm:x:1:parameter/b
        "#);
    }

    #[test]
    fn a_revision_that_is_the_same_again_has_no_differences() {
        let one = |revision| {
            let container = ContainerDefinition::builder().name("bot").image("me/bot:1").build();
            TaskDefinition::builder()
                .revision(revision)
                .registered_by(revision.to_string())
                .container_definitions(container)
                .build()
        };
        assert_eq!(differences(&one(1), &one(2)), []);
    }
}
