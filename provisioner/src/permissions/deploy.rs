//! The calls of `deploy`: see `provisioner/src/deployment/`.

use super::right::{FREE, IN_CLUSTER, Right, TO_TASKS};

pub(super) const RIGHTS: &[Right] = &[
    Right(
        "ecs",
        &["DescribeServices", "ListServiceDeployments", "UpdateService"],
        &["ecs/service/{stack}/*"],
        FREE,
    ),
    Right(
        "ecs",
        &["DescribeServiceDeployments", "StopServiceDeployment"],
        &["ecs/service/{stack}/*", "ecs/service-deployment/{stack}/*"],
        FREE,
    ),
    Right("ecs", &["RegisterTaskDefinition"], &["ecs/task-definition/{stack}-*"], FREE),
    // Takes no resource.
    Right("ecs", &["DescribeTaskDefinition"], &["*"], FREE),
    Right(
        "ecs",
        &["TagResource"],
        &["ecs/task-definition/{stack}-*"],
        &[("StringEquals", "ecs:CreateAction", &["RegisterTaskDefinition"])],
    ),
    Right("ecs", &["DescribeTasks"], &["ecs/task/{stack}/*"], FREE),
    // Its only resource is a container instance, which Fargate has not.
    Right("ecs", &["ListTasks"], &["*"], IN_CLUSTER),
    Right("iam", &["PassRole"], &["iam/{task roles}"], TO_TASKS),
    Right("logs", &["GetLogEvents"], &["logs/log-group:{stack}:log-stream:*"], FREE),
];

/// With a load balancer.
pub(super) const WITH_TARGETS: &[Right] =
    &[Right("elasticloadbalancing", &["DescribeTargetHealth"], &["*"], FREE)];
