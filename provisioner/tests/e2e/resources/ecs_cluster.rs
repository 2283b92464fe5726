//! An ECS cluster from nothing to nothing.

use aws_sdk_ecs::types::{
    ClusterConfiguration, ClusterSetting, ClusterSettingName, ExecuteCommandConfiguration,
    ExecuteCommandLogging,
};
use provisioner::{
    engine::{Class, Found, Resource},
    resources::{EcsCluster, ExecLogging},
};

use super::life::{absent, differing, gone, ours};
use super::{ecs_service, task_definition};
use crate::support::{Rehearsal, apply, tags};

pub fn cluster(name: &str) -> EcsCluster {
    EcsCluster {
        name: name.to_owned(),
        container_insights: "disabled".to_owned(),
        exec: ExecLogging {
            key_id: "arn:aws:kms:eu-central-1:123456789012:key/1".into(),
            log_group: "/gsm".into(),
        },
        tags: tags("cluster"),
    }
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = cluster("gsm");
    absent(&wanted, &cloud).await;
    let found = apply(&wanted, &cloud).await;
    assert_eq!(rehearsal.changes().await, ["ecs CreateCluster"]);
    assert_eq!(found.outputs.arn, cloud.arn("ecs", "cluster/gsm"));

    for insights in ["enabled", "enhanced", "disabled"] {
        apply(&EcsCluster { container_insights: insights.to_owned(), ..wanted.clone() }, &cloud)
            .await;
    }
    let exec = ExecLogging {
        key_id: "arn:aws:kms:eu-central-1:123456789012:key/2".into(),
        log_group: "/b".into(),
    };
    apply(&EcsCluster { exec, ..wanted.clone() }, &cloud).await;
    apply(&EcsCluster { tags: wanted.tags.clone().with("team", "a"), ..wanted.clone() }, &cloud)
        .await;

    // Somebody else's doing.
    let setting =
        ClusterSetting::builder().name(ClusterSettingName::ContainerInsights).value("enabled");
    let exec = ExecuteCommandConfiguration::builder().logging(ExecuteCommandLogging::None).build();
    let exec = ClusterConfiguration::builder().execute_command_configuration(exec).build();
    let update =
        cloud.ecs.update_cluster().cluster("gsm").settings(setting.build()).configuration(exec);
    update.send().await.unwrap();
    cloud
        .ecs
        .untag_resource()
        .resource_arn(&found.outputs.arn)
        .tag_keys("project")
        .send()
        .await
        .unwrap();
    let drifted = ours(&wanted, Some(&found), &cloud).await;
    assert_eq!(differing(&wanted, &drifted), ["container_insights", "exec", "tags"]);
    assert_eq!(drifted.inputs.exec.log_group.get().unwrap(), "(logging: NONE)");
    apply(&wanted, &cloud).await;

    gone::<EcsCluster>(&found.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<EcsCluster>(&found.outputs, &cloud).await;
    apply(&wanted, &cloud).await;
}

#[tokio::test]
async fn it_stays_while_services_remain() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let found = apply(&cluster("gsm"), &cloud).await;
    let revision = apply(&task_definition::bot(), &cloud).await.outputs.arn;
    let service = apply(&ecs_service::bot(&revision, &cloud).await, &cloud).await;
    let Err(error) = EcsCluster::delete(&found.outputs, &cloud).await else { panic!("it is gone") };
    assert_eq!(error.class(), Class::Blocked);
    let holders = EcsCluster::held_by(&found.outputs, &cloud).await.unwrap();
    assert_eq!(holders[0], "service bot");
    gone::<provisioner::resources::EcsService>(&service.outputs, &cloud).await;
    gone::<EcsCluster>(&found.outputs, &cloud).await;
}

#[tokio::test]
async fn somebody_elses_is_not_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    cloud.ecs.create_cluster().cluster_name("gsm").send().await.unwrap();
    assert!(matches!(cluster("gsm").read(None, &cloud).await.unwrap(), Found::Theirs(..)));
}
