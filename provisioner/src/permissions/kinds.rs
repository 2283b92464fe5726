//! The calls that each kind of resource makes, with what it looks up. `*` stands where a call takes no resource; what is
//! found by its id rather than its name is known by the stack's tag.
//!
//! Source: the Service Authorization Reference. A test runs the program and compares.

use super::right::{
    Conditions, FREE, IN_CLUSTER, Right, TAGGED, TAGGING, TO_INSTANCES, TO_TASKS, VIA_SSM,
};
use crate::resources::Kind;

/// The calls of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    /// To find it, and to see how it is.
    pub(super) look: &'static [Right],
    /// To create and to change it.
    pub(super) make: &'static [Right],
    /// To delete it.
    pub(super) remove: &'static [Right],
}

const ELB: &str = "elasticloadbalancing";
pub(super) const ROLES: &[&str] = &["iam/role/{stack}-*"];
pub(super) const PROFILES: &[&str] = &["iam/instance-profile/{stack}-*"];
/// Named after its issuer, of which the program knows one.
const PROVIDERS: &[&str] = &["iam/oidc-provider/token.actions.githubusercontent.com"];
const PARAMETERS: &[&str] = &["ssm/parameter/{stack}/*"];
const KEYS: &[&str] = &["kms/key/*"];
const CERTIFICATES: &[&str] = &["acm/certificate/*"];
const GROUPS: &[&str] = &["ec2/security-group/*"];
const RULES: &[&str] = &["ec2/security-group-rule/*"];
const INSTANCES: &[&str] = &["ec2/instance/*"];
const VOLUMES: &[&str] = &["ec2/volume/*"];
const ADDRESSES: &[&str] = &["ec2/elastic-ip/*"];
const BALANCERS: &[&str] = &["elasticloadbalancing/loadbalancer/app/{stack}/*"];
const LISTENERS: &[&str] = &["elasticloadbalancing/listener/app/{stack}/*"];
const LISTENER_RULES: &[&str] = &["elasticloadbalancing/listener-rule/app/{stack}/*"];
const TARGETS: &[&str] = &["elasticloadbalancing/targetgroup/{stack}-*"];
/// CloudWatch Logs asks for a log group under an ARN that goes on, but not where tags are concerned; of those that come
/// with a creation it does not say. Source: its `LogGroup`, fields `arn` and `logGroupArn`.
const LOG_GROUPS: &[&str] = &["logs/log-group:{stack}:*"];
const TAGS_OF_LOG_GROUPS: &[&str] = &["logs/log-group:{stack}", "logs/log-group:{stack}:*"];
const CLUSTERS: &[&str] = &["ecs/cluster/{stack}"];
const SERVICES: &[&str] = &["ecs/service/{stack}/*"];
const REVISIONS: &[&str] = &["ecs/task-definition/{stack}-*"];

/// Roles that a service of AWS has for itself, once for each account: made with the first thing that needs one.
const FOR_ECS: Right = Right(
    "iam",
    &["CreateServiceLinkedRole"],
    &["iam/role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"],
    &[("StringEquals", "iam:AWSServiceName", &["ecs.amazonaws.com"])],
);
const FOR_ELB: Right = Right(
    "iam",
    &["CreateServiceLinkedRole"],
    &[
        "iam/role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
    ],
    &[("StringEquals", "iam:AWSServiceName", &["elasticloadbalancing.amazonaws.com"])],
);
/// Which names may be changed in a hosted zone, whose id nobody knows beforehand.
const IN_ZONE: Conditions = &[(
    "ForAllValues:StringLike",
    "route53:ChangeResourceRecordSetsNormalizedRecordNames",
    &["{zone}", "*.{zone}"],
)];

/// The calls of a kind.
pub(super) fn calls(kind: Kind) -> Calls {
    match kind {
        // Atlas asks its own API key.
        Kind::AccessEntry | Kind::AtlasCluster => Calls { look: &[], make: &[], remove: &[] },
        // A user is in Atlas; the address to connect to, with the password, is in Systems Manager.
        Kind::DatabaseUser | Kind::Parameter => Calls {
            look: &[
                Right("ssm", &["DescribeParameters"], &["*"], FREE),
                Right("ssm", &["GetParameter", "ListTagsForResource"], PARAMETERS, FREE),
                Right("kms", &["Decrypt"], KEYS, VIA_SSM),
            ],
            make: &[
                Right(
                    "ssm",
                    &["AddTagsToResource", "PutParameter", "RemoveTagsFromResource"],
                    PARAMETERS,
                    FREE,
                ),
                Right("kms", &["Encrypt"], KEYS, VIA_SSM),
            ],
            remove: &[Right("ssm", &["DeleteParameter"], PARAMETERS, FREE)],
        },
        Kind::Certificate => Calls {
            look: &[
                Right("acm", &["ListCertificates"], &["*"], FREE),
                // To tell ours from others, so on all of them.
                Right(
                    "acm",
                    &["DescribeCertificate", "ListTagsForCertificate"],
                    CERTIFICATES,
                    FREE,
                ),
            ],
            make: &[
                Right("acm", &["RequestCertificate"], &["*"], TAGGING),
                Right("acm", &["AddTagsToCertificate"], CERTIFICATES, TAGGING),
                Right(
                    "acm",
                    &["AddTagsToCertificate", "RemoveTagsFromCertificate"],
                    CERTIFICATES,
                    TAGGED,
                ),
            ],
            remove: &[Right("acm", &["DeleteCertificate"], CERTIFICATES, TAGGED)],
        },
        Kind::DnsRecord => Calls {
            look: &[
                Right("route53", &["ListHostedZonesByName"], &["*"], FREE),
                Right("route53", &["ListResourceRecordSets"], &["route53/hostedzone/*"], FREE),
            ],
            make: &[Right(
                "route53",
                &["ChangeResourceRecordSets"],
                &["route53/hostedzone/*"],
                IN_ZONE,
            )],
            remove: &[Right(
                "route53",
                &["ChangeResourceRecordSets"],
                &["route53/hostedzone/*"],
                IN_ZONE,
            )],
        },
        Kind::EcsCluster => Calls {
            look: &[Right("ecs", &["DescribeClusters"], CLUSTERS, FREE)],
            make: &[
                Right(
                    "ecs",
                    &["CreateCluster", "TagResource", "UntagResource", "UpdateCluster"],
                    CLUSTERS,
                    FREE,
                ),
                FOR_ECS,
            ],
            remove: &[
                Right("ecs", &["DeleteCluster"], CLUSTERS, FREE),
                // What is still in it, when it cannot be deleted.
                Right("ecs", &["ListServices", "ListTasks"], &["*"], IN_CLUSTER),
            ],
        },
        Kind::EcsService => Calls {
            look: &[Right("ecs", &["DescribeServices"], SERVICES, FREE)],
            make: &[
                Right(
                    "ecs",
                    &["CreateService", "TagResource", "UntagResource", "UpdateService"],
                    SERVICES,
                    FREE,
                ),
                FOR_ECS,
            ],
            remove: &[Right("ecs", &["DeleteService", "UpdateService"], SERVICES, FREE)],
        },
        Kind::ElasticIp => Calls {
            look: &[Right("ec2", &["DescribeAddresses"], &["*"], FREE)],
            make: &[
                Right("ec2", &["AllocateAddress"], ADDRESSES, TAGGING),
                Right("ec2", &["CreateTags"], ADDRESSES, CREATION),
                Right(
                    "ec2",
                    &["AssociateAddress"],
                    &["ec2/elastic-ip/*", "ec2/instance/*"],
                    TAGGED,
                ),
                Right("ec2", &["CreateTags", "DeleteTags"], ADDRESSES, TAGGED),
            ],
            remove: &[Right("ec2", &["DisassociateAddress", "ReleaseAddress"], ADDRESSES, TAGGED)],
        },
        Kind::Instance => Calls {
            look: &[
                Right(
                    "ec2",
                    &[
                        "DescribeImages",
                        "DescribeInstances",
                        "DescribeVolumes",
                        "DescribeVolumesModifications",
                    ],
                    &["*"],
                    FREE,
                ),
                Right("ec2", &["DescribeInstanceAttribute"], INSTANCES, TAGGED),
            ],
            make: &[
                Right(
                    "ec2",
                    &["DescribeIamInstanceProfileAssociations", "DescribeInstanceStatus"],
                    &["*"],
                    FREE,
                ),
                Right("ec2", &["RunInstances"], &["ec2/instance/*", "ec2/volume/*"], TAGGING),
                Right("ec2", &["RunInstances"], GROUPS, TAGGED),
                // Made along with it, or there already and nobody's in particular.
                Right(
                    "ec2",
                    &["RunInstances"],
                    &["ec2/image/*", "ec2/key-pair/*", "ec2/network-interface/*", "ec2/subnet/*"],
                    FREE,
                ),
                Right("ec2", &["CreateTags"], &["ec2/instance/*", "ec2/volume/*"], CREATION),
                Right(
                    "ec2",
                    &["CreateTags", "DeleteTags"],
                    &["ec2/instance/*", "ec2/volume/*"],
                    TAGGED,
                ),
                Right(
                    "ec2",
                    &[
                        "AssociateIamInstanceProfile",
                        "ModifyInstanceMetadataOptions",
                        "ReplaceIamInstanceProfileAssociation",
                        "StartInstances",
                        "StopInstances",
                    ],
                    INSTANCES,
                    TAGGED,
                ),
                Right(
                    "ec2",
                    &["ModifyInstanceAttribute"],
                    &["ec2/instance/*", "ec2/security-group/*"],
                    TAGGED,
                ),
                Right("ec2", &["ModifyVolume"], &["ec2/volume/*"], TAGGED),
                Right("iam", &["PassRole"], &["iam/{instance roles}"], TO_INSTANCES),
            ],
            remove: &[Right("ec2", &["TerminateInstances"], INSTANCES, TAGGED)],
        },
        Kind::InstanceProfile => Calls {
            look: &[Right("iam", &["GetInstanceProfile"], PROFILES, FREE)],
            make: &[
                Right(
                    "iam",
                    &[
                        "AddRoleToInstanceProfile",
                        "CreateInstanceProfile",
                        "RemoveRoleFromInstanceProfile",
                        "TagInstanceProfile",
                        "UntagInstanceProfile",
                    ],
                    PROFILES,
                    FREE,
                ),
                Right("iam", &["PassRole"], &["iam/{instance roles}"], TO_INSTANCES),
            ],
            remove: &[Right(
                "iam",
                &["DeleteInstanceProfile", "RemoveRoleFromInstanceProfile"],
                PROFILES,
                FREE,
            )],
        },
        Kind::KmsKey => Calls {
            look: &[
                Right("kms", &["ListAliases", "ListKeys"], &["*"], FREE),
                // Our own is found by the tags of all.
                Right("kms", &["DescribeKey", "ListResourceTags"], KEYS, FREE),
                Right("kms", &["GetKeyPolicy", "GetKeyRotationStatus"], KEYS, TAGGED),
            ],
            make: &[
                Right("kms", &["CreateKey"], &["*"], TAGGING),
                Right("kms", &["TagResource"], KEYS, TAGGING),
                Right(
                    "kms",
                    &[
                        "CancelKeyDeletion",
                        "CreateAlias",
                        "EnableKey",
                        "EnableKeyRotation",
                        "PutKeyPolicy",
                        "TagResource",
                        "UntagResource",
                        "UpdateKeyDescription",
                    ],
                    KEYS,
                    TAGGED,
                ),
                Right("kms", &["CreateAlias"], &["kms/alias/{stack}"], FREE),
                // It may lead to somebody else's key.
                Right("kms", &["UpdateAlias"], &["kms/alias/{stack}", "kms/key/*"], FREE),
            ],
            remove: &[
                Right("kms", &["DeleteAlias", "ScheduleKeyDeletion"], KEYS, TAGGED),
                Right("kms", &["DeleteAlias"], &["kms/alias/{stack}"], FREE),
            ],
        },
        Kind::Listener => Calls {
            look: &[Right(ELB, &["DescribeListeners", "DescribeTags"], &["*"], FREE)],
            make: &[
                Right(ELB, &["CreateListener"], BALANCERS, FREE),
                Right(ELB, &["AddTags", "ModifyListener", "RemoveTags"], LISTENERS, FREE),
            ],
            remove: &[Right(ELB, &["DeleteListener"], LISTENERS, FREE)],
        },
        Kind::ListenerRule => Calls {
            look: &[Right(ELB, &["DescribeRules", "DescribeTags"], &["*"], FREE)],
            make: &[
                Right(ELB, &["CreateRule"], LISTENERS, FREE),
                Right(
                    ELB,
                    &["AddTags", "ModifyRule", "RemoveTags", "SetRulePriorities"],
                    LISTENER_RULES,
                    FREE,
                ),
            ],
            remove: &[Right(ELB, &["DeleteRule"], LISTENER_RULES, FREE)],
        },
        Kind::LoadBalancer => Calls {
            look: &[Right(
                ELB,
                &["DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeTags"],
                &["*"],
                FREE,
            )],
            make: &[
                Right(
                    ELB,
                    &[
                        "AddTags",
                        "CreateLoadBalancer",
                        "ModifyLoadBalancerAttributes",
                        "RemoveTags",
                        "SetSecurityGroups",
                        "SetSubnets",
                    ],
                    BALANCERS,
                    FREE,
                ),
                FOR_ELB,
            ],
            remove: &[Right(ELB, &["DeleteLoadBalancer"], BALANCERS, FREE)],
        },
        Kind::LogGroup => Calls {
            look: &[
                Right("logs", &["DescribeLogGroups"], &["*"], FREE),
                Right("logs", &["ListTagsForResource"], TAGS_OF_LOG_GROUPS, FREE),
            ],
            make: &[
                Right(
                    "logs",
                    &[
                        "AssociateKmsKey",
                        "CreateLogGroup",
                        "DeleteRetentionPolicy",
                        "PutRetentionPolicy",
                    ],
                    LOG_GROUPS,
                    FREE,
                ),
                Right("logs", &["TagResource", "UntagResource"], TAGS_OF_LOG_GROUPS, FREE),
            ],
            remove: &[Right("logs", &["DeleteLogGroup"], LOG_GROUPS, FREE)],
        },
        Kind::OidcProvider => Calls {
            look: &[Right("iam", &["GetOpenIDConnectProvider"], PROVIDERS, FREE)],
            make: &[Right(
                "iam",
                &[
                    "AddClientIDToOpenIDConnectProvider",
                    "CreateOpenIDConnectProvider",
                    "TagOpenIDConnectProvider",
                    "UntagOpenIDConnectProvider",
                ],
                PROVIDERS,
                FREE,
            )],
            remove: &[
                Right(
                    "iam",
                    &["DeleteOpenIDConnectProvider", "UntagOpenIDConnectProvider"],
                    PROVIDERS,
                    FREE,
                ),
                // Whether others trust it.
                Right("iam", &["ListRoles"], &["*"], FREE),
                Right("iam", &["GetRole"], ROLES, FREE),
            ],
        },
        Kind::Role => Calls {
            look: &[Right(
                "iam",
                &["GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies"],
                ROLES,
                FREE,
            )],
            make: &[
                Right(
                    "iam",
                    &[
                        "CreateRole",
                        "DeleteRolePolicy",
                        "DetachRolePolicy",
                        "PutRolePolicy",
                        "TagRole",
                        "UntagRole",
                        "UpdateAssumeRolePolicy",
                        "UpdateRole",
                    ],
                    ROLES,
                    FREE,
                ),
                Right(
                    "iam",
                    &["AttachRolePolicy"],
                    ROLES,
                    &[(
                        "ArnEquals",
                        "iam:PolicyARN",
                        &[
                            "arn:{partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
                        ],
                    )],
                ),
            ],
            remove: &[Right(
                "iam",
                &[
                    "DeleteRole",
                    "DeleteRolePolicy",
                    "DetachRolePolicy",
                    "ListInstanceProfilesForRole",
                ],
                ROLES,
                FREE,
            )],
        },
        Kind::SecurityGroup => Calls {
            // With the network that it is in.
            look: &[Right(
                "ec2",
                &["DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"],
                &["*"],
                FREE,
            )],
            make: &[
                Right("ec2", &["CreateSecurityGroup"], GROUPS, TAGGING),
                Right("ec2", &["CreateSecurityGroup"], &["ec2/vpc/*"], FREE),
                Right("ec2", &["CreateTags"], GROUPS, CREATION),
                Right("ec2", &["CreateTags", "DeleteTags"], GROUPS, TAGGED),
            ],
            remove: &[
                Right("ec2", &["DeleteSecurityGroup"], GROUPS, TAGGED),
                // Who still holds it, when it cannot be deleted.
                Right("ec2", &["DescribeNetworkInterfaces"], &["*"], FREE),
            ],
        },
        Kind::SecurityGroupRule => Calls {
            look: &[Right("ec2", &["DescribeSecurityGroupRules"], &["*"], FREE)],
            make: &[
                Right(
                    "ec2",
                    &["AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"],
                    GROUPS,
                    TAGGED,
                ),
                Right("ec2", &["AuthorizeSecurityGroupIngress"], RULES, TAGGING),
                Right("ec2", &["CreateTags"], RULES, CREATION),
                Right(
                    "ec2",
                    &["CreateTags", "DeleteTags", "ModifySecurityGroupRules"],
                    RULES,
                    TAGGED,
                ),
            ],
            remove: &[Right("ec2", &["RevokeSecurityGroupIngress"], GROUPS, TAGGED)],
        },
        Kind::TargetGroup => Calls {
            look: &[Right(
                ELB,
                &[
                    "DescribeTags",
                    "DescribeTargetGroupAttributes",
                    "DescribeTargetGroups",
                    "DescribeTargetHealth",
                ],
                &["*"],
                FREE,
            )],
            make: &[Right(
                ELB,
                &[
                    "AddTags",
                    "CreateTargetGroup",
                    "DeregisterTargets",
                    "ModifyTargetGroup",
                    "ModifyTargetGroupAttributes",
                    "RegisterTargets",
                    "RemoveTags",
                ],
                TARGETS,
                FREE,
            )],
            remove: &[Right(ELB, &["DeleteTargetGroup"], TARGETS, FREE)],
        },
        Kind::TaskDefinition => Calls {
            // The first two take no resource.
            look: &[
                Right("ecs", &["DescribeTaskDefinition", "ListTaskDefinitions"], &["*"], FREE),
                Right("ecs", &["DescribeServices"], SERVICES, FREE),
            ],
            make: &[
                Right(
                    "ecs",
                    &["RegisterTaskDefinition", "TagResource", "UntagResource"],
                    REVISIONS,
                    FREE,
                ),
                Right("iam", &["PassRole"], &["iam/{task roles}"], TO_TASKS),
            ],
            remove: &[
                // Takes no resource.
                Right("ecs", &["DeregisterTaskDefinition"], &["*"], FREE),
                Right("ecs", &["DeleteTaskDefinitions"], REVISIONS, FREE),
            ],
        },
        Kind::Volume => Calls {
            look: &[Right(
                "ec2",
                &["DescribeVolumes", "DescribeVolumesModifications"],
                &["*"],
                FREE,
            )],
            make: &[
                Right("ec2", &["CreateVolume"], VOLUMES, TAGGING),
                Right("ec2", &["CreateTags"], VOLUMES, CREATION),
                Right("ec2", &["CreateTags", "DeleteTags", "ModifyVolume"], VOLUMES, TAGGED),
            ],
            remove: &[Right("ec2", &["DeleteVolume"], VOLUMES, TAGGED)],
        },
        Kind::VolumeAttachment => Calls {
            look: &[Right("ec2", &["DescribeVolumes"], &["*"], FREE)],
            make: &[Right("ec2", &["AttachVolume"], &["ec2/instance/*", "ec2/volume/*"], TAGGED)],
            remove: &[
                Right("ec2", &["DescribeInstances"], &["*"], FREE),
                // Nothing is taken from an instance that runs.
                Right("ec2", &["StopInstances"], INSTANCES, TAGGED),
                Right("ec2", &["DetachVolume"], &["ec2/instance/*", "ec2/volume/*"], TAGGED),
            ],
        },
        // GitHub asks its own token; the secret that it is given is in Systems Manager.
        Kind::Webhook => Calls {
            look: &[],
            make: &[
                Right("ssm", &["GetParameter"], PARAMETERS, FREE),
                Right("kms", &["Decrypt"], KEYS, VIA_SSM),
            ],
            remove: &[],
        },
    }
}

/// By the call that makes what is tagged.
const CREATION: Conditions = &[(
    "StringEquals",
    "ec2:CreateAction",
    &[
        "AllocateAddress",
        "AuthorizeSecurityGroupIngress",
        "CreateSecurityGroup",
        "CreateVolume",
        "RunInstances",
    ],
)];
