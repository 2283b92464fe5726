//! What ECS makes of a task definition before it registers it: filled in, and refused if Fargate could not run it.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::{Given, HealthCheck};
use crate::{refusal::Refusal, services::ecs::client};

/// What Fargate offers: CPU units, and MiB from, to, in steps of.
const SIZES: &[(u32, u32, u32, u32)] = &[
    (256, 512, 512, 512),
    (256, 1024, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

impl Given {
    /// As ECS shows what it was given.
    pub(super) fn fill_in(&mut self) {
        let units = |text: &str, unit: &str, thousand: f64| {
            let text = text.trim();
            let number = text.to_ascii_lowercase();
            match number.strip_suffix(unit).and_then(|it| it.trim().parse::<f64>().ok()) {
                Some(many) => format!("{}", (many * thousand) as u64),
                None => text.to_owned(),
            }
        };
        self.cpu = self.cpu.as_deref().map(|it| units(it, "vcpu", 1024.0));
        self.memory = self.memory.as_deref().map(|it| units(it, "gb", 1024.0));
        let awsvpc = self.network_mode.as_deref() == Some("awsvpc");
        for container in &mut self.container_definitions {
            for port in &mut container.port_mappings {
                if awsvpc {
                    port.host_port.get_or_insert(port.container_port);
                }
            }
            container.environment.sort_by(|a, b| a.name.cmp(&b.name));
            container.secrets.sort_by(|a, b| a.name.cmp(&b.name));
            for list in [&mut container.command, &mut container.entry_point] {
                list.take_if(|it| it.is_empty());
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        let matches =
            |pattern: &str, text: &str| Regex::new(pattern).is_ok_and(|it| it.is_match(text));
        if !matches("^[A-Za-z0-9_-]{1,255}$", &self.family) {
            return Err(client(
                "Family contains invalid characters. Only letters, numbers, hyphens and underscores are allowed, up to 255 of them.",
            ));
        }
        if self.container_definitions.is_empty() {
            return Err(client("Container definitions should not be empty."));
        }
        for role in [&self.task_role_arn, &self.execution_role_arn].into_iter().flatten() {
            if role.starts_with("arn:") && !matches(r"^arn:aws:iam::\d{12}:role/.+$", role) {
                return Err(client("Role is not valid"));
            }
        }
        let mut names = BTreeSet::new();
        for container in &self.container_definitions {
            if !matches("^[A-Za-z0-9_-]{1,255}$", &container.name) {
                return Err(client("Container.name contains invalid characters."));
            }
            if !names.insert(&container.name) {
                return Err(client("Container names must be unique within a task definition."));
            }
            if container.image.is_empty() {
                return Err(client("Container.image should not be null or empty."));
            }
            if !matches("^[A-Za-z0-9_./:@-]{1,512}$", &container.image) {
                return Err(client("Container.image contains invalid characters."));
            }
            if container.stop_timeout.is_some_and(|it| it > 120) {
                return Err(client(
                    "Invalid stopTimeout: it can be at most 120 seconds on Fargate.",
                ));
            }
            if let Some(check) = &container.health_check {
                check.check()?;
            }
        }
        if !self.container_definitions.iter().any(|it| it.essential) {
            return Err(client("At least one container must be essential."));
        }
        self.check_fargate()
    }

    fn check_fargate(&self) -> Result<(), Refusal> {
        if !self.requires_compatibilities.iter().any(|it| it == "FARGATE") {
            return Err(Refusal::not_modelled("task definitions for anything but FARGATE"));
        }
        if self.network_mode.as_deref() != Some("awsvpc") {
            return Err(client("Fargate only supports network mode ‘awsvpc’."));
        }
        let needed = |what: &str| {
            client(format!("Fargate requires that '{what}' be defined at the task level."))
        };
        let cpu = self.cpu.as_ref().ok_or_else(|| needed("cpu"))?;
        let memory = self.memory.as_ref().ok_or_else(|| needed("memory"))?;
        if !offered(cpu, memory) {
            return Err(client(format!(
                "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS documentation for the valid values."
            )));
        }
        for container in &self.container_definitions {
            if container.port_mappings.iter().any(|it| it.host_port != Some(it.container_port)) {
                return Err(client(
                    "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
                ));
            }
            if self.execution_role_arn.is_some() {
                continue;
            }
            if !container.secrets.is_empty() {
                return Err(client(
                    "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
                ));
            }
            if container.log_configuration.as_ref().is_some_and(|it| it.log_driver == "awslogs") {
                return Err(client(
                    "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
                ));
            }
            if container.image.contains(".dkr.ecr.") {
                return Err(client(
                    "Fargate requires task definition to have execution role ARN to support ECR images.",
                ));
            }
        }
        Ok(())
    }
}

/// Whether Fargate has such a size.
fn offered(cpu: &str, memory: &str) -> bool {
    let (Ok(cpu), Ok(memory)) = (cpu.parse::<u32>(), memory.parse::<u32>()) else { return false };
    SIZES.iter().any(|(units, from, to, step)| {
        cpu == *units && (*from..=*to).contains(&memory) && (memory - from) % step == 0
    })
}

impl HealthCheck {
    fn check(&self) -> Result<(), Refusal> {
        let within = (5..=300).contains(&self.interval)
            && (2..=60).contains(&self.timeout)
            && (1..=10).contains(&self.retries)
            && self.start_period.is_none_or(|it| it <= 300);
        let kind = self.command.first().map(String::as_str);
        match within && matches!(kind, Some("CMD" | "CMD-SHELL" | "NONE")) {
            true => Ok(()),
            false => Err(client("Container.healthCheck has invalid values.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn fargate_has_certain_sizes() {
        for (cpu, memory) in
            [("256", "512"), ("256", "2048"), ("4096", "30720"), ("16384", "122880")]
        {
            assert!(offered(cpu, memory), "{cpu} {memory}");
        }
        for (cpu, memory) in
            [("256", "1536"), ("256", "4096"), ("512", "512"), ("100", "512"), ("", "512")]
        {
            assert!(!offered(cpu, memory), "{cpu} {memory}");
        }
    }

    #[test]
    fn what_is_left_out_is_filled_in() -> Result<(), serde_json::Error> {
        let mut given: Given = serde_json::from_value(json!({
            "family": "bot", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": ".25 vCPU", "memory": "0.5GB",
            "containerDefinitions": [{
                "name": "bot", "image": "bot:1", "portMappings": [{ "containerPort": 8080 }], "command": [],
                "environment": [{ "name": "B", "value": "" }, { "name": "A", "value": "1" }],
                "healthCheck": { "command": ["CMD", "true"] },
            }],
        }))?;
        given.fill_in();
        assert_eq!(given.check(), Ok(()));
        let shown = json!(given);
        assert_eq!((&shown["cpu"], &shown["memory"]), (&json!("256"), &json!("512")));
        let container = &shown["containerDefinitions"][0];
        let port = &container["portMappings"][0];
        assert_eq!((&port["hostPort"], &port["protocol"]), (&json!(8080), &json!("tcp")));
        assert_eq!(container["environment"][0]["name"], "A");
        assert_eq!(container["healthCheck"]["interval"], 30);
        assert_eq!((&container["essential"], &container["command"]), (&json!(true), &Value::Null));
        Ok(())
    }
}
