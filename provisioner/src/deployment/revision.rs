//! The next revision of a task definition: the same with another image.

use aws_sdk_ecs::{
    operation::register_task_definition::builders::RegisterTaskDefinitionInputBuilder,
    types::{ContainerDefinition, Tag, TaskDefinition},
};

use crate::{
    engine::{Error, Result},
    resources::IMAGE_TAG,
};

/// What to register so that `container` runs `image`; `None` if it does already. Everything else is as it was, whether
/// or not the provisioner would have put it there.
///
/// # Errors
///
/// When there is no such container.
pub fn next(
    current: &TaskDefinition,
    tags: &[Tag],
    container: &str,
    image: &str,
) -> Result<Option<RegisterTaskDefinitionInputBuilder>> {
    let old_image = image_of(current, container)?;
    if old_image == image {
        return Ok(None);
    }
    let mut containers = current.container_definitions.clone();
    let ours = |it: &&mut ContainerDefinition| it.name() == Some(container);
    if let Some(it) = containers.iter_mut().flatten().find(ours) {
        it.image = Some(image.to_owned());
    }
    let current = current.clone();
    #[expect(deprecated, reason = "whoever still has accelerators keeps them")]
    let input = RegisterTaskDefinitionInputBuilder::default()
        .set_family(current.family)
        .set_task_role_arn(current.task_role_arn)
        .set_execution_role_arn(current.execution_role_arn)
        .set_network_mode(current.network_mode)
        .set_container_definitions(containers)
        .set_volumes(current.volumes)
        .set_placement_constraints(current.placement_constraints)
        .set_requires_compatibilities(current.requires_compatibilities)
        .set_cpu(current.cpu)
        .set_memory(current.memory)
        .set_pid_mode(current.pid_mode)
        .set_ipc_mode(current.ipc_mode)
        .set_proxy_configuration(current.proxy_configuration)
        .set_inference_accelerators(current.inference_accelerators)
        .set_ephemeral_storage(current.ephemeral_storage)
        .set_runtime_platform(current.runtime_platform)
        .set_enable_fault_injection(current.enable_fault_injection)
        .set_tags(Some(carried(tags, old_image)));
    Ok(Some(input))
}

/// The image that `container` runs.
///
/// # Errors
///
/// When there is no such container.
pub fn image_of<'a>(definition: &'a TaskDefinition, container: &str) -> Result<&'a str> {
    let all = definition.container_definitions();
    let ours = all.iter().find(|it| it.name() == Some(container));
    ours.and_then(ContainerDefinition::image).ok_or_else(|| {
        let names: Vec<_> = all.iter().filter_map(ContainerDefinition::name).collect();
        Error::Refused(format!(
            "{}:{} has no container `{container}`; it has: {}",
            definition.family().unwrap_or_default(),
            definition.revision,
            names.join(", ")
        ))
    })
}

/// The tags of the new revision. By one of them `up` knows the image of `stack.yaml` that the running one descends from;
/// where it is missing `up` takes the running image for that, and must be able to do so after us.
fn carried(tags: &[Tag], old_image: &str) -> Vec<Tag> {
    // AWS sets and refuses these itself.
    let reserved = |it: &&Tag| it.key().is_some_and(|key| key.starts_with("aws:"));
    let mut tags: Vec<Tag> = tags.iter().filter(|it| !reserved(it)).cloned().collect();
    if !tags.iter().any(|it| it.key() == Some(IMAGE_TAG)) {
        tags.push(Tag::builder().key(IMAGE_TAG).value(old_image).build());
    }
    tags
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{
        Compatibility, EphemeralStorage, FirelensConfiguration, FirelensConfigurationType,
        HostVolumeProperties, IpcMode, NetworkMode, PidMode, ProxyConfiguration, RuntimePlatform,
        TaskDefinitionPlacementConstraint, Volume,
    };

    use super::*;

    fn container(name: &str, image: &str) -> ContainerDefinition {
        ContainerDefinition::builder().name(name).image(image).essential(true).build()
    }

    fn tag(key: &str, value: &str) -> Tag {
        Tag::builder().key(key).value(value).build()
    }

    /// With every field that can be set.
    #[expect(deprecated, reason = "whoever still has accelerators keeps them")]
    fn full() -> TaskDefinition {
        let router = FirelensConfiguration::builder()
            .r#type(FirelensConfigurationType::Fluentbit)
            .build()
            .unwrap();
        let router = ContainerDefinition::builder()
            .name("log")
            .image("fluent:1")
            .firelens_configuration(router);
        let accelerator =
            aws_sdk_ecs::types::InferenceAccelerator::builder().device_name("a").device_type("b");
        TaskDefinition::builder()
            .task_definition_arn("arn:aws:ecs:eu-central-1:123456789012:task-definition/gsm-bot:3")
            .family("gsm-bot")
            .revision(3)
            .task_role_arn("task")
            .execution_role_arn("execution")
            .network_mode(NetworkMode::Awsvpc)
            .container_definitions(container("bot", "me/bot:1"))
            .container_definitions(router.build())
            .volumes(
                Volume::builder()
                    .name("v")
                    .host(HostVolumeProperties::builder().source_path("/v").build())
                    .build(),
            )
            .placement_constraints(
                TaskDefinitionPlacementConstraint::builder().expression("x").build(),
            )
            .requires_compatibilities(Compatibility::Fargate)
            .cpu("256")
            .memory("512")
            .pid_mode(PidMode::Task)
            .ipc_mode(IpcMode::None)
            .proxy_configuration(
                ProxyConfiguration::builder().container_name("log").build().unwrap(),
            )
            .inference_accelerators(accelerator.build().unwrap())
            .ephemeral_storage(EphemeralStorage::builder().size_in_gib(30).build())
            .runtime_platform(RuntimePlatform::builder().cpu_architecture("ARM64".into()).build())
            .enable_fault_injection(true)
            .registered_by("somebody")
            .build()
    }

    fn lines(value: &impl std::fmt::Debug) -> Vec<String> {
        let text = format!("{value:#?}");
        let is_field = |line: &&str| {
            line.starts_with("    ") && !line.starts_with("     ") && line.contains(": ")
        };
        text.lines().filter(is_field).map(|it| it.trim().to_owned()).collect()
    }

    #[test]
    fn only_the_image_changes() {
        let tags = [tag("provisioner:image", "me/bot:0"), tag("team", "a")];
        let input = next(&full(), &tags, "bot", "me/bot:2").unwrap().unwrap().build().unwrap();
        let mut expected = full().container_definitions.unwrap();
        expected[0].image = Some("me/bot:2".to_owned());
        assert_eq!(input.container_definitions(), expected);
        assert_eq!(input.tags(), tags);
        // Every field that a registration has was set from what there was. A field that AWS adds one day fails here,
        // for it would be lost.
        let unset: Vec<_> =
            lines(&input).into_iter().filter(|it| it.ends_with(": None,")).collect();
        assert_eq!(unset, [""; 0]);
        let old = lines(&full());
        let input = lines(&input);
        let differing: Vec<_> = input.iter().filter(|it| !old.contains(it)).collect();
        assert_eq!(differing, ["tags: Some("]);
    }

    #[test]
    fn the_same_image_is_nothing_new() {
        assert_eq!(next(&full(), &[], "bot", "me/bot:1").unwrap(), None);
    }

    #[test]
    fn tags_are_carried_on() {
        let input = |tags: &[Tag]| {
            next(&full(), tags, "bot", "me/bot:2").unwrap().unwrap().build().unwrap()
        };
        let origin = tag("provisioner:image", "me/bot:1");
        assert_eq!(input(&[]).tags(), std::slice::from_ref(&origin));
        assert_eq!(
            input(&[tag("aws:cloudformation:stack-name", "x"), tag("a", "")]).tags(),
            [tag("a", ""), origin]
        );
    }

    #[test]
    fn a_container_that_is_not_there() {
        let error = next(&full(), &[], "bto", "me/bot:2").unwrap_err().to_string();
        assert_eq!(error, "gsm-bot:3 has no container `bto`; it has: bot, log");
    }
}
