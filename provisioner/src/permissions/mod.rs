//! What a principal of AWS must be allowed so that a command works for one stack, and nothing more.
//!
//! - [`kinds`]: the calls that each kind of resource makes
//! - [`deploy`]: those of a deployment
//! - [`state`]: those on a state in S3
//! - [`right`]: from calls to the statements of a policy
//!
//! Names that begin with the stack's stand for what an earlier stack.yaml declared as well: `up` has to delete that.

mod deploy;
mod kinds;
mod right;
mod state;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    cloud::Cloud,
    config::{Ci, Config},
    resources::Kind,
};
use right::{FREE, Right, document};

/// What somebody is to be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `up`, and with it `diff`.
    Up,
    /// `deploy`.
    Deploy,
    /// `destroy`.
    Destroy,
}

/// What every stack has, under a name that never changes: `up` never deletes it.
const ALWAYS: [Kind; 3] = [Kind::EcsCluster, Kind::KmsKey, Kind::LogGroup];

/// Asks for everything that carries the stack's tags, remembered or not.
const TAGGED: [Right; 4] = [
    Right("tag", &["GetResources"], &["*"], FREE),
    // Resource Groups Tagging knows nothing of IAM. Lists take no resource.
    Right("iam", &["ListInstanceProfiles", "ListRoles"], &["*"], FREE),
    Right("iam", &["GetRole"], kinds::ROLES, FREE),
    Right("iam", &["GetInstanceProfile"], kinds::PROFILES, FREE),
];

/// The stack that rights are for, and where it is.
#[derive(Clone, Debug)]
pub struct Subject {
    partition: String,
    region: String,
    account: String,
    stack: String,
    /// The hosted zone of its names, if it has any.
    zone: String,
    /// The roles that its tasks have, or start with.
    task_roles: Vec<String>,
    /// The role of its instance.
    instance_roles: Vec<String>,
    has_targets: bool,
    /// Bucket of the state, and the key of its object without the ending, if it is in S3.
    state: Option<(String, String)>,
}

impl Subject {
    /// The stack of a stack.yaml.
    pub fn of(config: &Config, cloud: &Cloud) -> Self {
        let role = |rest: &str| format!("{}-{rest}", config.name);
        let services = config.services.keys();
        let mut task_roles: Vec<String> = services
            .flat_map(|it| ["execution", "task"].map(|of| role(&format!("{it}-{of}"))))
            .collect();
        task_roles.sort();
        let instance_roles = match &config.ci {
            Some(Ci::Jenkins(_)) => vec![role("jenkins")],
            _ => Vec::new(),
        };
        let zone = config.load_balancer.as_ref().and_then(|it| it.zone.clone());
        Self {
            partition: cloud.partition.clone(),
            region: cloud.region.clone(),
            account: cloud.account.clone(),
            stack: config.name.clone(),
            zone: zone.unwrap_or_default(),
            task_roles,
            instance_roles,
            has_targets: config.load_balancer.is_some(),
            state: config.state.as_ref().map(|it| (it.bucket.clone(), it.key(&config.name))),
        }
    }

    /// The smallest policy with which `purpose` works, if the stack has these kinds of resources.
    pub fn policy(&self, purpose: Purpose, kinds: &BTreeSet<Kind>) -> Value {
        match purpose {
            Purpose::Deploy => self.deploy_policy(),
            Purpose::Up => {
                let all = kinds.iter().map(|it| (ALWAYS.contains(it), kinds::calls(*it)));
                let rights = all.flat_map(|(always, it)| {
                    let remove = if always { &[] } else { it.remove };
                    [it.look, it.make, remove].concat()
                });
                document(self, rights.chain(TAGGED).chain(self.on_state()))
            }
            Purpose::Destroy => {
                let all = kinds.iter().map(|it| kinds::calls(*it));
                let rights = all.flat_map(|it| [it.look, it.remove].concat());
                document(self, rights.chain(TAGGED).chain(self.on_state()))
            }
        }
    }

    fn on_state(&self) -> impl Iterator<Item = Right> {
        state::RIGHTS.iter().filter(|_| self.state.is_some()).copied()
    }

    /// The smallest policy with which `deploy` works.
    pub fn deploy_policy(&self) -> Value {
        let targets = deploy::WITH_TARGETS.iter().filter(|_| self.has_targets);
        document(self, deploy::RIGHTS.iter().chain(targets).copied())
    }
}

/// What happens inside AWS on behalf of a call and needs a right of its own, but is no call that anybody sees: the right,
/// and the calls that need it. The reference is "Actions, resources, and condition keys for AWS services".
pub const UNSEEN: &[(&str, &[&str])] = &[
    ("acm:AddTagsToCertificate", &["acm:RequestCertificate"]),
    (
        "ec2:CreateTags",
        &[
            "ec2:AllocateAddress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:CreateSecurityGroup",
            "ec2:CreateVolume",
            "ec2:RunInstances",
        ],
    ),
    ("ecs:TagResource", &["ecs:CreateCluster", "ecs:CreateService", "ecs:RegisterTaskDefinition"]),
    (
        "elasticloadbalancing:AddTags",
        &[
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:CreateRule",
            "elasticloadbalancing:CreateTargetGroup",
        ],
    ),
    (
        "iam:CreateServiceLinkedRole",
        &["ecs:CreateCluster", "ecs:CreateService", "elasticloadbalancing:CreateLoadBalancer"],
    ),
    (
        "iam:PassRole",
        &[
            "ec2:AssociateIamInstanceProfile",
            "ec2:RunInstances",
            "ecs:RegisterTaskDefinition",
            "iam:AddRoleToInstanceProfile",
        ],
    ),
    ("iam:TagOpenIDConnectProvider", &["iam:CreateOpenIDConnectProvider"]),
    ("iam:TagInstanceProfile", &["iam:CreateInstanceProfile"]),
    ("iam:TagRole", &["iam:CreateRole"]),
    ("kms:Decrypt", &["ssm:GetParameter"]),
    ("kms:Encrypt", &["ssm:PutParameter"]),
    ("kms:TagResource", &["kms:CreateKey"]),
    ("logs:TagResource", &["logs:CreateLogGroup"]),
    ("ssm:AddTagsToResource", &["ssm:PutParameter"]),
];
