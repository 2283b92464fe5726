//! Every kind of resource. To add one: a file here, and a line in the table below.

mod access_entry;
mod atlas_cluster;
mod certificate;
mod database_user;
mod dns_record;
mod ecs_cluster;
mod ecs_service;
mod elastic_ip;
mod instance;
mod instance_profile;
mod kms_key;
mod listener;
mod listener_rule;
mod load_balancer;
mod log_group;
mod oidc_provider;
mod parameter;
mod role;
mod security_group;
mod security_group_rule;
mod target_group;
mod task_definition;
mod volume;
mod volume_attachment;
mod webhook;

pub use access_entry::{AccessEntry, AccessEntryOutputs};
pub use atlas_cluster::{AtlasCluster, AtlasClusterOutputs};
pub use certificate::{Certificate, CertificateOutputs, Standing};
pub use database_user::{DatabaseUser, DatabaseUserOutputs};
pub use dns_record::{DnsRecord, DnsRecordOutputs, DnsTarget};
pub use ecs_cluster::{EcsCluster, EcsClusterOutputs, ExecLogging};
pub use ecs_service::{DeploymentConfiguration, EcsService, EcsServiceOutputs, ServiceTarget};
pub use elastic_ip::{ElasticIp, ElasticIpOutputs};
pub use instance::{Instance, InstanceOutputs, MetadataOptions};
pub use instance_profile::{InstanceProfile, InstanceProfileOutputs};
pub use kms_key::{KmsKey, KmsKeyOutputs, key_arn};
pub use listener::{Listener, ListenerAction, ListenerOutputs};
pub use listener_rule::{ListenerRule, ListenerRuleOutputs};
pub use load_balancer::{LoadBalancer, LoadBalancerAttributes, LoadBalancerOutputs};
pub use log_group::{LogGroup, LogGroupOutputs};
pub use oidc_provider::{OidcProvider, OidcProviderOutputs};
pub use parameter::{Parameter, ParameterOutputs, ParameterSource, has_parameter};
pub use role::{Role, RoleOutputs};
pub use security_group::{SecurityGroup, SecurityGroupOutputs};
pub use security_group_rule::{Direction, Peer, SecurityGroupRule, SecurityGroupRuleOutputs};
pub use target_group::{TargetGroup, TargetGroupAttributes, TargetGroupOutputs, TargetHealthCheck};
pub use task_definition::{
    Container, ContainerHealthCheck, IMAGE_TAG, TaskDefinition, TaskDefinitionOutputs,
};
pub use volume::{Volume, VolumeOutputs};
pub use volume_attachment::{VolumeAttachment, VolumeAttachmentOutputs};
pub use webhook::{Webhook, WebhookOutputs};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    cloud::{Arn, Cloud},
    engine::{Found, Intent, Progress, Record, Resource, Result},
};

macro_rules! kinds {
    ($($kind:ident $label:literal),* $(,)?) => {
        /// Every kind of resource, by its name in the state file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $(#[doc = $label] $kind),*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// What its service calls it, in full.
            pub fn label(self) -> &'static str {
                match self { $(Self::$kind => $label),* }
            }

            /// Deletes a resource from its record alone: the program may no longer declare it.
            ///
            /// # Errors
            ///
            /// As [`Resource::delete`].
            pub async fn delete(self, record: &Record, cloud: &Cloud) -> Result<Progress> {
                match self { $(Self::$kind => $kind::delete(&record.outputs::<$kind>()?, cloud).await),* }
            }

            /// The record of something whose creation was begun, if it is there and ours.
            ///
            /// # Errors
            ///
            /// As [`Resource::read`].
            pub async fn recover(self, intent: &Intent, cloud: &Cloud) -> Result<Option<Record>> {
                match self { $(Self::$kind => recover::<$kind>(intent, cloud).await),* }
            }

            /// The kind and the outputs of what has this ARN, if it is of a kind that we know, and there.
            ///
            /// # Errors
            ///
            /// As [`Resource::at`].
            pub async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<(Self, Value)>> {
                $(if let Some(outputs) = $kind::at(arn, cloud).await? {
                    return Ok(Some((Self::$kind, serde_json::to_value(outputs)?)));
                })*
                Ok(None)
            }

            /// What should be known before it is deleted.
            pub fn parting(self, record: &Record) -> Option<String> {
                match self {
                    $(Self::$kind => record.outputs::<$kind>().ok().and_then(|it| $kind::parting(&it))),*
                }
            }

            /// What keeps a resource from being deleted.
            ///
            /// # Errors
            ///
            /// As [`Resource::held_by`].
            pub async fn held_by(self, record: &Record, cloud: &Cloud) -> Result<Vec<String>> {
                match self { $(Self::$kind => $kind::held_by(&record.outputs::<$kind>()?, cloud).await),* }
            }
        }
    };
}

kinds! {
    AccessEntry "Atlas IP access list entry",
    AtlasCluster "Atlas cluster",
    Certificate "ACM certificate",
    DatabaseUser "Atlas database user",
    DnsRecord "DNS record",
    EcsCluster "ECS cluster",
    EcsService "ECS service",
    ElasticIp "Elastic IP address",
    Instance "EC2 instance",
    InstanceProfile "IAM instance profile",
    KmsKey "KMS key",
    Listener "listener",
    ListenerRule "listener rule",
    LoadBalancer "load balancer",
    LogGroup "CloudWatch log group",
    OidcProvider "IAM OIDC provider",
    Parameter "SSM parameter",
    Role "IAM role",
    SecurityGroup "security group",
    SecurityGroupRule "security group rule",
    TargetGroup "target group",
    TaskDefinition "ECS task definition",
    Volume "EBS volume",
    VolumeAttachment "EBS volume attachment",
    Webhook "GitHub webhook",
}

async fn recover<R: Resource>(intent: &Intent, cloud: &Cloud) -> Result<Option<Record>> {
    let wanted: R = serde_json::from_value(intent.inputs.clone())?;
    let Found::Ours(found) = wanted.read(None, cloud).await? else { return Ok(None) };
    Ok(Some(Record {
        kind: R::KIND,
        outputs: serde_json::to_value(found.outputs)?,
        inputs: intent.inputs.clone(),
        sources: BTreeSet::new(),
        protect: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_file_and_every_file_a_kind() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/src/resources");
        let files = std::fs::read_dir(dir).unwrap().map(|it| it.unwrap().path());
        let rust = files.filter(|it| it.extension().is_some_and(|it| it == "rs"));
        let names = rust.map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned());
        let files: BTreeSet<_> = names.filter(|it| it != "mod").collect();
        let kinds = Kind::ALL.iter().map(|it| serde_json::to_value(it).unwrap());
        let kinds: BTreeSet<_> = kinds.map(|it| it.as_str().unwrap().to_owned()).collect();
        assert_eq!(files, kinds);
    }
}
