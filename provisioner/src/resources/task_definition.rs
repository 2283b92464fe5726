//! ECS task definition: what a service runs.

mod container;

use std::cmp::Reverse;

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture, NetworkMode, OsFamily, RuntimePlatform,
    Service, TaskDefinition as Live, TaskDefinitionField, TaskDefinitionStatus,
};
use serde::{Deserialize, Serialize};

pub use container::{Container, ContainerHealthCheck};

use crate::{
    cloud::{Arn, Cloud, Tags, ecs, there},
    engine::{Class, Error, Existing, Found, Output, Progress, Resource, Result, unless_gone},
    resources::Kind,
};

/// The tag of a revision that holds the image of `stack.yaml` that it was derived from. What `deploy` registers must
/// carry it on: by it `up` tells an image that somebody deployed from one that `stack.yaml` now asks for.
pub const IMAGE_TAG: &str = "provisioner:image";
/// How many revisions DeleteTaskDefinitions takes at once.
const DELETED_AT_ONCE: usize = 10;

/// A task definition of one container on Fargate.
///
/// Its revisions cannot be changed: every change registers another one, and the old ones stay for a rollback. The
/// revision that counts is the one that the service uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// The name that its revisions share.
    pub family: String,
    /// Name of the cluster in which the service is, or will be.
    pub cluster: String,
    /// Name of the service whose current task definition counts.
    pub service: String,
    /// The image that `stack.yaml` names; what runs may be another one, put there by `deploy`.
    pub image: String,
    /// CPU units, 1024 of them a vCPU.
    pub cpu: i32,
    /// Memory in MiB.
    pub memory: i32,
    /// The processor: `X86_64` or `ARM64`.
    pub architecture: String,
    /// ARN of the role with which ECS fetches image and secrets and writes logs.
    pub execution_role_arn: Output<String>,
    /// ARN of the role of the container itself.
    pub task_role_arn: Output<String>,
    /// Whether sessions of ECS Exec are provided for.
    pub exec: bool,
    /// The container.
    pub container: Container,
    /// What there is beyond all this, in words, such as somebody's sidecar. We want none of it: always empty in what is
    /// declared.
    pub additions: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

/// What others need of a task definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinitionOutputs {
    /// ARN of the revision.
    pub arn: String,
    /// The name that its revisions share.
    pub family: String,
    /// Number of the revision.
    pub revision: i32,
    /// The image that really runs.
    pub image: String,
}

impl Resource for TaskDefinition {
    type Outputs = TaskDefinitionOutputs;
    const KIND: Kind = Kind::TaskDefinition;
    const REPLACED_BY: &'static [&'static str] = &["family"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let service = ecs::describe_service(&self.cluster, &self.service, cloud).await?;
        let service = service.filter(|it| it.status() == Some(ecs::ACTIVE));
        if let Some(arn) = service.as_ref().and_then(Service::task_definition)
            && let Some((live, tags)) = describe(arn, cloud).await?
        {
            let existing = self.existing(live, &tags, recorded, cloud)?;
            // Whatever a service of ours uses is ours to mend, even if somebody registered it without our tags.
            let services_tags = service.as_ref().map(|it| ecs::found(it.tags()));
            return match services_tags.and_then(|it| it.stack().map(|it| it == cloud.stack)) {
                Some(true) => Ok(Found::Ours(existing)),
                _ => Ok(tags.sort(existing, cloud)),
            };
        }
        let mut found = None;
        if let Some(it) = recorded {
            found = describe(&it.outputs.arn, cloud).await?.filter(|(it, _)| is_active(it));
        }
        if found.is_none()
            && let Some(arn) =
                revisions(&self.family, TaskDefinitionStatus::Active, cloud).await?.first()
        {
            found = describe(arn, cloud).await?;
        }
        match found {
            Some((live, tags)) => {
                Ok(tags.sort(self.existing(live, &tags, recorded, cloud)?, cloud))
            }
            None => Ok(Found::Nothing),
        }
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        Ok(Existing { inputs: self.clone(), outputs: self.register(&self.image, cloud).await? })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<TaskDefinitionOutputs> {
        let old = &existing.inputs;
        if self.differs_in_tags_only(old) {
            ecs::sync_tags(&existing.outputs.arn, &self.tags, &old.tags, cloud).await?;
            return Ok(existing.outputs.clone());
        }
        // The image belongs to `deploy`, until `stack.yaml` names another one than it did.
        let image = if self.image == old.image { &existing.outputs.image } else { &self.image };
        self.register(image, cloud).await
    }

    fn foresee(&self, existing: &Existing<Self>) -> Option<TaskDefinitionOutputs> {
        self.differs_in_tags_only(&existing.inputs).then(|| existing.outputs.clone())
    }

    fn notes(&self, existing: &Existing<Self>) -> Vec<String> {
        let (runs, own) = (&existing.outputs.image, &self.image);
        if *own != existing.inputs.image || runs == own {
            return Vec::new();
        }
        vec![format!(
            "runs {runs}, put there by `deploy`; stack.yaml's own {own} is used again only when it changes"
        )]
    }

    async fn delete(outputs: &TaskDefinitionOutputs, cloud: &Cloud) -> Result<Progress> {
        for arn in revisions(&outputs.family, TaskDefinitionStatus::Active, cloud).await? {
            unless_gone(cloud.ecs.deregister_task_definition().task_definition(arn).send().await)?;
        }
        // What is deregistered harms nobody and costs nothing: whoever may not delete it, leaves it.
        let inactive = revisions(&outputs.family, TaskDefinitionStatus::Inactive, cloud).await?;
        for some in inactive.chunks(DELETED_AT_ONCE) {
            let request =
                cloud.ecs.delete_task_definitions().set_task_definitions(Some(some.to_vec()));
            match request.send().await.map_err(Error::from) {
                Err(error) if error.class() == Class::Transient => return Err(error),
                _ => {}
            }
        }
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<TaskDefinitionOutputs>> {
        let Some(_) = arn.id_of("ecs", "task-definition") else { return Ok(None) };
        let Some((live, _)) = describe(arn.whole, cloud).await? else { return Ok(None) };
        if live.status() != Some(&TaskDefinitionStatus::Active) {
            return Ok(None);
        }
        outputs(&live, String::new()).map(Some)
    }
}

impl TaskDefinition {
    /// What a revision says, in our own form.
    fn existing(
        &self,
        live: Live,
        tags: &Tags,
        recorded: Option<&Existing<Self>>,
        cloud: &Cloud,
    ) -> Result<Existing<Self>> {
        let blank = ContainerDefinition::builder().build();
        let containers = live.container_definitions();
        let container = containers.iter().find(|it| it.name() == Some(&self.container.name));
        let container = container.or(containers.first()).unwrap_or(&blank);
        let image = container.image.clone().unwrap_or_default();
        let architecture = live.runtime_platform().and_then(|it| it.cpu_architecture.as_ref());
        let number = |text: Option<&str>| text.and_then(|it| it.parse().ok()).unwrap_or_default();
        let origin = tags.get(IMAGE_TAG).unwrap_or(&image);
        let mut additions = container::additions(&live, container, cloud);
        let mut family = live.family.clone().unwrap_or_default();
        // Only a family that we know as ours has been renamed. Any other one was given to the service by somebody
        // else: to replace it would be to delete it.
        if family != self.family && recorded.is_none_or(|it| it.outputs.family != family) {
            additions.push(format!("family {family}"));
            family.clone_from(&self.family);
        }
        let comparable = Tags::found(tags.iter().filter(|(key, _)| *key != IMAGE_TAG));
        Ok(Existing {
            inputs: Self {
                family,
                // These two only say where to look.
                cluster: self.cluster.clone(),
                service: self.service.clone(),
                image: origin.to_owned(),
                cpu: number(live.cpu()),
                memory: number(live.memory()),
                architecture: architecture.unwrap_or(&CpuArchitecture::X8664).as_str().to_owned(),
                execution_role_arn: live.execution_role_arn().unwrap_or_default().into(),
                task_role_arn: live.task_role_arn().unwrap_or_default().into(),
                exec: container::exec(container),
                container: Container::found(container),
                additions,
                tags: comparable.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs: outputs(&live, image)?,
        })
    }

    async fn register(&self, image: &str, cloud: &Cloud) -> Result<TaskDefinitionOutputs> {
        let architecture = CpuArchitecture::from(self.architecture.as_str());
        let platform = RuntimePlatform::builder().cpu_architecture(architecture);
        let tags = self.tags.clone().with(IMAGE_TAG, &self.image);
        let request = cloud
            .ecs
            .register_task_definition()
            .family(&self.family)
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(Compatibility::Fargate)
            .cpu(self.cpu.to_string())
            .memory(self.memory.to_string())
            .runtime_platform(platform.operating_system_family(OsFamily::Linux).build())
            .execution_role_arn(self.execution_role_arn.get()?)
            .task_role_arn(self.task_role_arn.get()?)
            .container_definitions(self.container.definition(image, self.exec, cloud)?)
            .set_tags(Some(ecs::tags(tags.iter())));
        let live = request
            .send()
            .await?
            .task_definition
            .ok_or_else(|| Error::missing("task definition"))?;
        outputs(&live, image.to_owned())
    }

    /// Tags are the one thing that can be changed without another revision, and so without a deployment.
    fn differs_in_tags_only(&self, old: &Self) -> bool {
        Self { tags: old.tags.clone(), ..self.clone() } == *old
    }
}

/// A revision and its tags, whatever its status.
async fn describe(arn: &str, cloud: &Cloud) -> Result<Option<(Live, Tags)>> {
    let request = cloud
        .ecs
        .describe_task_definition()
        .task_definition(arn)
        .include(TaskDefinitionField::Tags);
    let Some(answer) = there(request.send().await)? else { return Ok(None) };
    let tags = ecs::found(answer.tags());
    Ok(answer.task_definition.map(|it| (it, tags)))
}

/// ARNs of the revisions of a family, the newest first.
async fn revisions(
    family: &str,
    status: TaskDefinitionStatus,
    cloud: &Cloud,
) -> Result<Vec<String>> {
    let request = cloud.ecs.list_task_definitions().family_prefix(family).status(status);
    let mut arns: Vec<String> = request.into_paginator().items().send().try_collect().await?;
    // Despite its name the prefix is the whole name, says the API reference; a longer one is not ours to touch.
    arns.retain(|it| split(it).is_some_and(|(of, _)| of == family));
    arns.sort_by_key(|it| Reverse(split(it).map(|(_, revision)| revision)));
    Ok(arns)
}

/// Family and revision out of `…:task-definition/FAMILY:REVISION`.
fn split(arn: &str) -> Option<(&str, u32)> {
    let (family, revision) = arn.rsplit_once('/')?.1.split_once(':')?;
    Some((family, revision.parse().ok()?))
}

fn is_active(live: &Live) -> bool {
    live.status == Some(TaskDefinitionStatus::Active)
}

fn outputs(live: &Live, image: String) -> Result<TaskDefinitionOutputs> {
    let arn =
        live.task_definition_arn.clone().ok_or_else(|| Error::missing("task definition ARN"))?;
    let family = live.family.clone().ok_or_else(|| Error::missing("family"))?;
    Ok(TaskDefinitionOutputs { arn, family, revision: live.revision, image })
}

impl Output<TaskDefinitionOutputs> {
    /// ARN of the revision.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }

    /// The name that its revisions share.
    pub fn family(&self) -> Output<String> {
        self.map(|it| it.family)
    }

    /// The image that really runs.
    pub fn image(&self) -> Output<String> {
        self.map(|it| it.image)
    }
}
