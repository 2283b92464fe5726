//! Clusters: a name for services to be in, and how ECS Exec is protected there.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{invalid, paged, services::Status, short, tags::Tag, tags::rendered};
use crate::{clock::Time, refusal::Answer, refusal::Refusal, visibility::Made, world::Context};

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Cluster {
    #[serde(default)]
    pub(super) made: Time,
    /// One that was deleted can be described for a while.
    pub(super) active: bool,
    settings: BTreeMap<String, String>,
    configuration: Option<Configuration>,
    pub(super) tags: BTreeMap<String, String>,
}

impl Made for Cluster {
    fn made(&self) -> Time {
        self.made
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Configuration {
    execute_command_configuration: Option<ExecuteCommand>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExecuteCommand {
    kms_key_id: Option<String>,
    logging: Option<String>,
    log_configuration: Option<ExecLog>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExecLog {
    cloud_watch_log_group_name: Option<String>,
    #[serde(default)]
    cloud_watch_encryption_enabled: bool,
    s3_bucket_name: Option<String>,
    #[serde(default)]
    s3_encryption_enabled: bool,
    s3_key_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateCluster {
    cluster_name: Option<String>,
    #[serde(default)]
    settings: Vec<Setting>,
    configuration: Option<Configuration>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Context<'_>, input: CreateCluster) -> Answer {
    let name = input.cluster_name.unwrap_or_else(|| "default".to_owned());
    if !Regex::new("^[A-Za-z0-9_-]{1,255}$").is_ok_and(|it| it.is_match(&name)) {
        return Err(invalid(
            "The specified cluster name is invalid. It can contain up to 255 letters (uppercase and lowercase), numbers, hyphens, and underscores.",
        ));
    }
    // Asked for one that is there, ECS answers with it as it is.
    if !cx.region.ecs.clusters.get(&name).is_some_and(|it| it.active) {
        let mut cluster = Cluster {
            made: cx.now,
            active: true,
            settings: BTreeMap::from([("containerInsights".to_owned(), "disabled".to_owned())]),
            configuration: None,
            tags: super::tags::checked(input.tags)?,
        };
        cluster.set(input.settings, input.configuration)?;
        cx.region.ecs.clusters.insert(name.clone(), cluster);
    }
    Ok(json!({ "cluster": render(cx, &name, EVERYTHING) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateCluster {
    cluster: String,
    #[serde(default)]
    settings: Vec<Setting>,
    configuration: Option<Configuration>,
}

pub(super) fn update(cx: &mut Context<'_>, input: UpdateCluster) -> Answer {
    let name = find(cx, Some(&input.cluster))?;
    if let Some(cluster) = cx.region.ecs.clusters.get_mut(&name) {
        cluster.set(input.settings, input.configuration)?;
    }
    Ok(json!({ "cluster": render(cx, &name, EVERYTHING) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateSettings {
    cluster: String,
    settings: Vec<Setting>,
}

pub(super) fn update_settings(cx: &mut Context<'_>, input: UpdateSettings) -> Answer {
    let UpdateSettings { cluster, settings } = input;
    update(cx, UpdateCluster { cluster, settings, configuration: None })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfCluster {
    cluster: String,
}

pub(super) fn delete(cx: &mut Context<'_>, input: OfCluster) -> Answer {
    let name = find(cx, Some(&input.cluster))?;
    let services = || cx.region.ecs.services.values().filter(|it| it.cluster == name);
    if services().any(|it| it.status != Status::Inactive) {
        let words = "The Cluster cannot be deleted while Services are active.";
        return Err(Refusal::new("ClusterContainsServicesException", words));
    }
    if services().flat_map(|it| &it.tasks).any(|it| !it.is_over()) {
        let words = "The Cluster cannot be deleted while Tasks are active.";
        return Err(Refusal::new("ClusterContainsTasksException", words));
    }
    if let Some(cluster) = cx.region.ecs.clusters.get_mut(&name) {
        cluster.active = false;
    }
    Ok(json!({ "cluster": render(cx, &name, EVERYTHING) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(cx: &mut Context<'_>, input: Describe) -> Answer {
    let asked = if input.clusters.is_empty() { vec!["default".to_owned()] } else { input.clusters };
    if asked.len() > 100 {
        return Err(invalid("Clusters cannot have more than 100 elements."));
    }
    let include: Vec<&str> = input.include.iter().map(String::as_str).collect();
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for one in asked {
        let name = short(&one).to_owned();
        match cx.region.ecs.clusters.contains_key(&name) {
            true => clusters.push(render(cx, &name, &include)),
            false => {
                let arn = cx.arn("ecs", &format!("cluster/{name}"));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "clusters": clusters, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(cx: &mut Context<'_>, input: List) -> Answer {
    let names = cx.region.ecs.clusters.iter().filter(|(_, it)| it.active).map(|(name, _)| name);
    let (names, next) = paged(names, input.next_token.as_deref(), input.max_results, 100)?;
    let arns: Vec<_> = names.iter().map(|it| cx.arn("ecs", &format!("cluster/{it}"))).collect();
    Ok(json!({ "clusterArns": arns, "nextToken": next }))
}

const EVERYTHING: &[&str] = &["CONFIGURATIONS", "SETTINGS", "TAGS"];

/// The name of a cluster that is there, by name or ARN.
pub(super) fn find(cx: &Context<'_>, cluster: Option<&str>) -> Result<String, Refusal> {
    let name = short(cluster.unwrap_or("default"));
    match cx.region.ecs.clusters.get(name) {
        Some(it) if it.active => Ok(name.to_owned()),
        Some(_) => {
            let words = "The referenced cluster was inactive.";
            Err(Refusal::new("ClusterNotFoundException", words))
        }
        None => Err(Refusal::new("ClusterNotFoundException", "Cluster not found.")),
    }
}

impl Cluster {
    fn set(
        &mut self,
        settings: Vec<Setting>,
        configuration: Option<Configuration>,
    ) -> Result<(), Refusal> {
        for Setting { name, value } in settings {
            let known = ["enabled", "disabled", "enhanced"].contains(&value.as_str());
            if name != "containerInsights" || !known {
                return Err(invalid(format!("Invalid cluster setting: {name}={value}")));
            }
            self.settings.insert(name, value);
        }
        if let Some(it) = configuration {
            if let Some(exec) = &it.execute_command_configuration {
                let overrides = exec.logging.as_deref() == Some("OVERRIDE");
                if overrides != exec.log_configuration.is_some() {
                    return Err(invalid(
                        "A log configuration must be specified if, and only if, logging is OVERRIDE.",
                    ));
                }
            }
            self.configuration = Some(it);
        }
        Ok(())
    }
}

fn render(cx: &Context<'_>, name: &str, include: &[&str]) -> Value {
    let cluster = &cx.region.ecs.clusters[name];
    let services = cx.region.ecs.services.values().filter(|it| it.cluster == name);
    let (mut active, mut running, mut pending) = (0, 0, 0);
    for service in services {
        active += i32::from(service.status == Status::Active);
        running += service.tasks.iter().filter(|it| it.is_running()).count();
        pending += service.tasks.iter().filter(|it| it.is_pending()).count();
    }
    let mut described = json!({
        "clusterArn": cx.arn("ecs", &format!("cluster/{name}")),
        "clusterName": name,
        "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": active,
        "statistics": [],
        "tags": [],
        "settings": [],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    });
    for what in include {
        match *what {
            "CONFIGURATIONS" => described["configuration"] = json!(cluster.configuration),
            "SETTINGS" => {
                let settings = cluster.settings.iter();
                let settings =
                    settings.map(|(name, value)| json!({ "name": name, "value": value }));
                described["settings"] = settings.collect();
            }
            "TAGS" => described["tags"] = rendered(&cluster.tags),
            _ => {}
        }
    }
    described
}
