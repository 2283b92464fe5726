//! `services.*.container_check`: a check that runs inside the container.

use super::reader::{Field, Section};

/// How ECS itself finds out whether a container works: by a command inside it. For services that no load balancer
/// checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerCheck {
    /// The command and its arguments, without a shell; the image must have it. It exits with 0 if all is well.
    pub command: Vec<String>,
    /// Seconds from check to check, 5 to 300; 30 unless told otherwise.
    pub interval: i32,
    /// Seconds to wait for the command, 2 to 60; 5 unless told otherwise.
    pub timeout: i32,
    /// Bad checks in a row until the container counts as unhealthy, 1 to 10; 3 unless told otherwise.
    pub retries: i32,
    /// Seconds after the start in which bad checks do not count, 0 to 300; 30 unless told otherwise.
    pub start_period: i32,
}

impl ContainerCheck {
    pub(super) fn read(service: &mut Section<'_>) -> Option<Self> {
        let mut section = service.optional("container_check")?.section()?;
        let command = section.required("command", "[/bin/bot, check]");
        let words = command.as_ref().and_then(Field::elements).unwrap_or_default();
        let words: Vec<_> = words.iter().filter_map(Field::scalar).map(ToOwned::to_owned).collect();
        if let Some(field) = command.filter(|_| words.is_empty()) {
            field.refuse_key("has no words", |problem| {
                problem.help("the command and its arguments, as in `[/bin/bot, check]`")
            });
        }
        let check = Self {
            command: words,
            interval: section.number("interval", 30, 5..=300),
            timeout: section.number("timeout", 5, 2..=60),
            retries: section.number("retries", 3, 1..=10),
            start_period: section.number("start_period", 30, 0..=300),
        };
        section.finish();
        Some(check)
    }
}
