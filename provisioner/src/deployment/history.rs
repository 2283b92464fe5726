//! What was deployed before, and how it ended: ECS keeps a record of each service deployment for 90 days.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::ServiceDeploymentStatus as Status;
use aws_smithy_types::DateTime;
use serde::Serialize;

use super::{Subject, short};
use crate::{cloud::Cloud, engine::Result};

/// DescribeServiceRevisions takes no more at once; so many deployments are looked back at.
const AT_ONCE: usize = 20;

/// A deployment of the past, or the one that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Past {
    /// The revision that it brought, such as `gsm-bot:3`; none: ECS does not know it any more.
    pub revision: Option<String>,
    /// How it ended, in ECS's word, such as `SUCCESSFUL` or `ROLLBACK_SUCCESSFUL`.
    pub status: String,
    /// Why, if ECS says so.
    pub reason: Option<String>,
    /// When it began, in UTC.
    pub began: Option<String>,
    /// When it was over, in UTC.
    pub ended: Option<String>,
}

impl Past {
    /// Whether its revision came into service.
    pub fn succeeded(&self) -> bool {
        self.status == Status::Successful.as_str()
    }
}

/// The last deployments of a service, the newest first.
///
/// # Errors
///
/// When ECS cannot be asked, or knows no service deployments.
pub async fn history(subject: &Subject, cloud: &Cloud) -> Result<Vec<Past>> {
    let Subject { cluster, service, .. } = subject;
    let ecs = &cloud.ecs;
    let answer = ecs.list_service_deployments().cluster(cluster).service(service).send().await?;
    let mut briefs = answer.service_deployments.unwrap_or_default();
    briefs.truncate(AT_ONCE);
    let arns: Vec<_> =
        briefs.iter().filter_map(|it| it.target_service_revision_arn.clone()).collect();
    let mut revisions = BTreeMap::new();
    if !arns.is_empty() {
        let request = ecs.describe_service_revisions().set_service_revision_arns(Some(arns));
        for it in request.send().await?.service_revisions.unwrap_or_default() {
            if let (Some(arn), Some(definition)) = (it.service_revision_arn, it.task_definition) {
                revisions.insert(arn, short(&definition).to_owned());
            }
        }
    }
    let past = |it: aws_sdk_ecs::types::ServiceDeploymentBrief| Past {
        revision: it.target_service_revision_arn.and_then(|it| revisions.get(&it).cloned()),
        status: it.status.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        reason: it.status_reason,
        began: it.created_at.as_ref().and_then(moment),
        ended: it.finished_at.as_ref().and_then(moment),
    };
    Ok(briefs.into_iter().map(past).collect())
}

/// A time as RFC 3339 has it, to the second.
pub(super) fn moment(time: &DateTime) -> Option<String> {
    Some(jiff::Timestamp::from_second(time.secs()).ok()?.to_string())
}
