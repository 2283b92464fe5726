//! MongoDB Atlas: a cluster, a user for the bot, and who may connect.

use super::{Base, names};
use crate::{
    cloud::mark,
    config::{BackingProvider, Database, Tier},
    engine::{Output, Stack},
    lookups::AtlasProject,
    resources::{AccessEntry, AtlasCluster, DatabaseUser, DatabaseUserOutputs},
};

/// Declares the database; gives its user, whose parameter holds the connection string.
pub(super) fn declare(
    stack: &mut Stack,
    base: &Base<'_>,
    database: &Database,
) -> Output<DatabaseUserOutputs> {
    let project =
        stack.look("database-project", AtlasProject { project: database.project.clone() });

    let (tier, instance_size) = match &database.tier {
        Tier::Free => ("free", None),
        Tier::Flex => ("flex", None),
        Tier::Dedicated(size) => ("dedicated", Some(size.clone())),
    };
    let cluster = AtlasCluster {
        project_id: project.id(),
        name: database.cluster.clone(),
        tier: tier.to_owned(),
        instance_size,
        provider: match database.provider {
            BackingProvider::Aws => "AWS",
            BackingProvider::Gcp => "GCP",
            BackingProvider::Azure => "AZURE",
        }
        .to_owned(),
        region: database.region.clone(),
        termination_protection: database.protect && database.tier != Tier::Free,
        has_address: true,
        tags: base.tags("database"),
    };
    let cluster = stack.add("database", cluster);
    if database.protect {
        stack.protect("database");
    }

    for range in &database.allow_from {
        let entry = AccessEntry {
            project_id: project.id(),
            cidr: range.to_string(),
            comment: mark(&base.config.name),
        };
        stack.add(&format!("database-access:{range}"), entry);
    }

    let roles = database.roles.iter().map(|it| format!("{}@{}", it.role, it.database));
    let user = DatabaseUser {
        project_id: project.id(),
        cluster: cluster.name(),
        username: database.user.clone(),
        roles: roles.collect(),
        srv: cluster.srv(),
        database: database.name.clone().unwrap_or_default(),
        parameter: names::database_uri(base.config),
        key_id: base.key.arn(),
        in_step: true,
        tags: base.tags("database-user"),
    };
    stack.output("database", cluster.srv());
    stack.add("database-user", user)
}
