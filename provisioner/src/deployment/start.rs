//! Finds the service, registers the revision, updates the service.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{Deployment, Service, Tag, TaskDefinition, TaskDefinitionField};

use super::{Ending, Judge, Ours, Subject, Verdict, primary, revision};
use crate::{
    cloud::{Cloud, ecs, patiently},
    engine::{Error, Result},
};

/// What runs now.
#[derive(Clone, Debug)]
pub struct Current {
    /// The service.
    pub service: Service,
    /// The revision it uses.
    pub definition: TaskDefinition,
    /// The tags of that revision.
    pub tags: Vec<Tag>,
}

/// What came of the wish to run an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It runs already.
    Nothing,
    /// A deployment that brings it is under way.
    Joined(Ours),
    /// A deployment of ours brings it.
    Deployment(Ours),
}

impl Current {
    /// Ids of the events there are, which are not news.
    pub fn events(&self) -> BTreeSet<String> {
        self.service.events().iter().filter_map(|it| it.id.clone()).collect()
    }
}

/// What runs now; `None` if there is no such service, or only what is left of a deleted one.
///
/// # Errors
///
/// When ECS cannot be asked.
pub async fn find(subject: &Subject, cloud: &Cloud) -> Result<Option<Current>> {
    let describe = || ecs::describe_service(&subject.cluster, &subject.service, cloud);
    let service = patiently(describe).await?.filter(|it| it.status() == Some(ecs::ACTIVE));
    let Some(service) = service else { return Ok(None) };
    let arn = service.task_definition().ok_or_else(|| Error::missing("task definition"))?;
    let (definition, tags) = definition(arn, cloud).await?;
    Ok(Some(Current { service, definition, tags }))
}

/// A revision, by its ARN or as `FAMILY:NUMBER`, and its tags.
///
/// # Errors
///
/// When ECS cannot be asked, or knows of none.
pub async fn definition(name: &str, cloud: &Cloud) -> Result<(TaskDefinition, Vec<Tag>)> {
    let describe = || async {
        let request = cloud.ecs.describe_task_definition().task_definition(name);
        Ok(request.include(TaskDefinitionField::Tags).send().await?)
    };
    let answer = patiently(describe).await?;
    let definition = answer.task_definition.ok_or_else(|| Error::missing("task definition"))?;
    Ok((definition, answer.tags.unwrap_or_default()))
}

/// Makes ECS begin to run `image`, if it does not yet.
///
/// # Errors
///
/// When ECS refuses. Nothing is deployed then.
pub async fn begin(
    subject: &Subject,
    current: &Current,
    image: &str,
    cloud: &Cloud,
) -> Result<Begun> {
    let Some(input) =
        revision::next(&current.definition, &current.tags, &subject.container, image)?
    else {
        return again(subject, current, cloud).await;
    };
    let register = || async { Ok(input.clone().send_with(&cloud.ecs).await?) };
    let registered = patiently(register).await?.task_definition;
    let arn = registered
        .and_then(|it| it.task_definition_arn)
        .ok_or_else(|| Error::missing("task definition"))?;
    update(subject, &arn, false, cloud).await.map(Begun::Deployment)
}

/// Makes ECS begin to run `revision`, an ARN, if it does not yet.
///
/// # Errors
///
/// When ECS refuses. Nothing is deployed then.
pub async fn bring(
    subject: &Subject,
    current: &Current,
    revision: &str,
    cloud: &Cloud,
) -> Result<Begun> {
    if current.service.task_definition() == Some(revision) {
        return again(subject, current, cloud).await;
    }
    update(subject, revision, false, cloud).await.map(Begun::Deployment)
}

/// Makes ECS replace all tasks by new ones of the same revision.
///
/// # Errors
///
/// When ECS refuses.
pub async fn renew(subject: &Subject, current: &Current, cloud: &Cloud) -> Result<Ours> {
    let revision = current.service.task_definition();
    let revision = revision.ok_or_else(|| Error::missing("task definition"))?;
    update(subject, revision, true, cloud).await
}

/// Makes ECS run so many tasks. That is no deployment.
///
/// # Errors
///
/// When ECS refuses.
pub async fn scale(subject: &Subject, count: i32, cloud: &Cloud) -> Result<()> {
    let Subject { cluster, service, .. } = subject;
    let update = || async {
        let request = cloud.ecs.update_service().cluster(cluster).service(service);
        Ok(request.desired_count(count).send().await?)
    };
    patiently(update).await.map(drop)
}

/// The revision with the image is there. If its deployment failed, or its tasks do not run, whoever deploys it again
/// wants another try, which ECS gives only if forced.
async fn again(subject: &Subject, current: &Current, cloud: &Cloud) -> Result<Begun> {
    let service = &current.service;
    let ours = primary(service).and_then(Ours::of).ok_or_else(|| Error::missing("deployment"))?;
    match Judge::new(ours.clone()).look(service, None) {
        Verdict::Going => Ok(Begun::Joined(ours)),
        Verdict::Over(Ending::Succeeded) if service.running_count >= service.desired_count => {
            Ok(Begun::Nothing)
        }
        _ => update(subject, &ours.revision, true, cloud).await.map(Begun::Deployment),
    }
}

async fn update(subject: &Subject, revision: &str, force: bool, cloud: &Cloud) -> Result<Ours> {
    let update = || async {
        let request =
            cloud.ecs.update_service().cluster(&subject.cluster).service(&subject.service);
        let request =
            request.task_definition(revision).set_force_new_deployment(force.then_some(true));
        Ok(request.send().await?)
    };
    let service = patiently(update).await?.service.ok_or_else(|| Error::missing("service"))?;
    let is_ours = |it: &&Deployment| it.task_definition() == Some(revision);
    // Somebody may have been quicker than ECS's answer: then ours is not the primary one any more.
    let ours =
        primary(&service).filter(is_ours).or_else(|| service.deployments().iter().find(is_ours));
    ours.and_then(Ours::of).ok_or_else(|| Error::missing("deployment"))
}
