//! Clusters: flex ones through an API of their own, free (M0) and dedicated ones through another.

mod checked;
mod described;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::{
    checked::{
        check_name, check_provider, check_region, check_region_config, check_tags, check_type,
        only_region,
    },
    described::specs,
};
use super::{contract::refusal, project};
use crate::{
    chance::Chance,
    clock::Time,
    refusal::{Answer, Refusal},
    world::Context,
};

/// A cluster. What it is doing follows from when it began to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Cluster {
    id: String,
    group: String,
    name: String,
    /// `FLEX`, or the size of its machines.
    tier: String,
    region: String,
    created: Time,
    work: Work,
    began: Time,
    /// When it becomes IDLE, or when it is gone.
    until: Time,
    /// The part of its host names that is its own.
    host: String,
    /// Left out of the answer to the creation when none were given; an empty list afterwards.
    tags: Option<Vec<Tag>>,
    protected: bool,
    /// Further fields of one that is not flex, as they are shown.
    settings: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
enum Work {
    Creating,
    Updating,
    Deleting,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    key: String,
    value: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Provider {
    Aws,
    Azure,
    Gcp,
    Tenant,
}

/// The host name of a cluster is made of this many characters of its name.
const PREFIX: usize = 23;

pub(super) fn list(cx: &mut Context<'_>, group: &str, flex: bool) -> Result<Vec<Value>, Refusal> {
    let now = cx.now;
    let clusters = project(cx, group)?.clusters.values().filter(|it| it.flex() == flex);
    Ok(clusters.map(|it| it.shown(now)).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateFlex {
    name: String,
    provider_settings: ProviderSettings,
    tags: Option<Vec<Tag>>,
    #[serde(default)]
    termination_protection_enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProviderSettings {
    backing_provider_name: Provider,
    region_name: String,
}

pub(super) fn create_flex(cx: &mut Context<'_>, group: &str, input: CreateFlex) -> Answer {
    let ProviderSettings { backing_provider_name: provider, region_name: region } =
        input.provider_settings;
    check_provider(provider, &region)?;
    let new = New {
        name: input.name,
        tier: "FLEX".to_owned(),
        region,
        tags: input.tags,
        protected: input.termination_protection_enabled,
        settings: Map::new(),
    };
    add(cx, group, new)
}

pub(super) fn get_flex(cx: &mut Context<'_>, group: &str, name: &str) -> Answer {
    let now = cx.now;
    find_flex(cx, group, name).map(|it| it.shown(now))
}

/// What can be changed of a flex cluster.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateFlex {
    tags: Option<Vec<Tag>>,
    termination_protection_enabled: Option<bool>,
}

pub(super) fn update_flex(
    cx: &mut Context<'_>,
    group: &str,
    name: &str,
    input: UpdateFlex,
) -> Answer {
    let (now, time) = (cx.now, cx.times.of(|it| it.atlas_updating));
    find_flex(cx, group, name)?.change(now, time, input)
}

pub(super) fn delete_flex(cx: &mut Context<'_>, group: &str, name: &str) -> Answer {
    let (now, time) = (cx.now, cx.times.of(|it| it.atlas_deleting));
    find_flex(cx, group, name)?.delete(now, time)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    cluster_type: String,
    replication_specs: Vec<ReplicationSpec>,
    backup_enabled: Option<bool>,
    #[serde(rename = "mongoDBMajorVersion")]
    major_version: Option<String>,
    pit_enabled: Option<bool>,
    tags: Option<Vec<Tag>>,
    #[serde(default)]
    termination_protection_enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReplicationSpec {
    id: Option<String>,
    region_configs: Vec<RegionConfig>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RegionConfig {
    provider_name: Provider,
    #[serde(skip_serializing_if = "Option::is_none")]
    backing_provider_name: Option<Provider>,
    region_name: String,
    priority: u8,
    electable_specs: Nodes,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Nodes {
    instance_size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_count: Option<u32>,
    #[serde(rename = "diskSizeGB", skip_serializing_if = "Option::is_none")]
    disk_size: Option<f64>,
}

pub(super) fn create(cx: &mut Context<'_>, group: &str, input: Create) -> Answer {
    project(cx, group)?;
    check_type(&input.cluster_type)?;
    let region = only_region(&input.replication_specs)?.clone();
    check_region_config(&region)?;
    let tier = region.electable_specs.instance_size.clone();
    let plain = [
        ("backupEnabled", input.backup_enabled.map(Value::from)),
        ("mongoDBMajorVersion", input.major_version.map(Value::from)),
        ("pitEnabled", input.pit_enabled.map(Value::from)),
    ];
    if tier == "M0" {
        let set = plain.iter().find(|(_, it)| it.as_ref().is_some_and(|it| *it != json!(false)));
        if let Some((name, _)) = set {
            let words = format!(
                "The attribute {name} is read-only for tenant clusters and cannot be changed by the user."
            );
            return Err(refusal("TENANT_ATTRIBUTE_READ_ONLY", words, json!([name])));
        }
        if project(cx, group)?.clusters.values().any(|it| it.tier == "M0") {
            let code = "CANNOT_CREATE_FREE_CLUSTER_VIA_PUBLIC_API";
            let words = "Cannot create a cluster with instance size M0 via the public api: This project already has another free cluster.";
            return Err(refusal(code, words, json!(["M0"])));
        }
    }
    let mut settings = Map::from_iter([
        ("backupEnabled".to_owned(), json!(false)),
        ("labels".to_owned(), json!([])),
        ("mongoDBMajorVersion".to_owned(), json!("8.0")),
        ("paused".to_owned(), json!(false)),
        ("pitEnabled".to_owned(), json!(false)),
    ]);
    set(&mut settings, plain);
    let (spec, zone) = (new_id(cx.chance), new_id(cx.chance));
    settings.insert("replicationSpecs".to_owned(), specs(&spec, &zone, &region));
    let new = New {
        name: input.name,
        tier,
        region: region.region_name,
        tags: input.tags,
        protected: input.termination_protection_enabled,
        settings,
    };
    add(cx, group, new)
}

pub(super) fn get(cx: &mut Context<'_>, group: &str, name: &str) -> Answer {
    let now = cx.now;
    find(cx, group, name).map(|it| it.shown(now))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Update {
    cluster_type: Option<String>,
    replication_specs: Option<Vec<ReplicationSpec>>,
    backup_enabled: Option<bool>,
    #[serde(rename = "mongoDBMajorVersion")]
    major_version: Option<String>,
    paused: Option<bool>,
    pit_enabled: Option<bool>,
    tags: Option<Vec<Tag>>,
    termination_protection_enabled: Option<bool>,
}

pub(super) fn update(cx: &mut Context<'_>, group: &str, name: &str, input: Update) -> Answer {
    let (now, time) = (cx.now, cx.times.of(|it| it.atlas_updating));
    let cluster = find(cx, group, name)?;
    if cluster.tier == "M0" {
        let words = "Cannot update a M0/M2/M5 cluster through the public API.";
        return Err(refusal("TENANT_CLUSTER_UPDATE_UNSUPPORTED", words, json!([])));
    }
    input.cluster_type.as_deref().map_or(Ok(()), check_type)?;
    cluster.check_not_deleting()?;
    // A refusal changes nothing.
    let mut changed = cluster.clone();
    if let Some(wanted) = &input.replication_specs {
        let region = only_region(wanted)?;
        check_region_config(region)?;
        if region.provider_name == Provider::Tenant {
            let words = "Cannot change the cloud provider of a cluster.";
            return Err(refusal("CLUSTER_CANNOT_CHANGE_PROVIDER_NAME", words, json!([])));
        }
        check_region(&region.region_name, false)?;
        let spec = &changed.settings["replicationSpecs"][0];
        let id = |name: &str| spec[name].as_str().unwrap_or_default().to_owned();
        // A spec that is not named by its id is a new one in the place of the old.
        let spec = wanted[0].id.clone().unwrap_or_else(|| id("id"));
        let shown = specs(&spec, &id("zoneId"), region);
        changed.settings.insert("replicationSpecs".to_owned(), shown);
        changed.tier = region.electable_specs.instance_size.clone();
        changed.region = region.region_name.clone();
    }
    let plain = [
        ("backupEnabled", input.backup_enabled.map(Value::from)),
        ("mongoDBMajorVersion", input.major_version.map(Value::from)),
        ("paused", input.paused.map(Value::from)),
        ("pitEnabled", input.pit_enabled.map(Value::from)),
    ];
    set(&mut changed.settings, plain);
    let Update { tags, termination_protection_enabled, .. } = input;
    let shown = changed.change(now, time, UpdateFlex { tags, termination_protection_enabled })?;
    *cluster = changed;
    Ok(shown)
}

pub(super) fn delete(cx: &mut Context<'_>, group: &str, name: &str) -> Answer {
    let (now, time) = (cx.now, cx.times.of(|it| it.atlas_deleting));
    find(cx, group, name)?.delete(now, time)?;
    Ok(json!({}))
}

impl Cluster {
    pub(super) fn gone(&self, now: Time) -> bool {
        self.work == Work::Deleting && now >= self.until
    }

    fn flex(&self) -> bool {
        self.tier == "FLEX"
    }

    fn state(&self, now: Time) -> &'static str {
        let half = self.until.since(self.began) / 2;
        match self.work {
            Work::Deleting => "DELETING",
            _ if now >= self.until => "IDLE",
            // A free cluster is UPDATING, with both connection strings, before it is IDLE for the first time.
            Work::Creating if self.tier == "M0" && now >= self.began + half => "UPDATING",
            Work::Creating => "CREATING",
            Work::Updating => "UPDATING",
        }
    }

    fn begin(&mut self, work: Work, now: Time, time: Duration) {
        (self.work, self.began, self.until) = (work, now, now + time);
    }

    fn change(&mut self, now: Time, time: Duration, input: UpdateFlex) -> Answer {
        self.check_not_deleting()?;
        check_tags(input.tags.as_deref())?;
        self.tags = input.tags.or_else(|| self.tags.take());
        self.protected = input.termination_protection_enabled.unwrap_or(self.protected);
        if self.state(now) != "IDLE" {
            return Ok(self.shown(now));
        }
        self.begin(Work::Updating, now, time);
        Ok(self.shown_as("UPDATING"))
    }

    fn delete(&mut self, now: Time, time: Duration) -> Result<(), Refusal> {
        self.check_not_deleting()?;
        if self.protected {
            let code = "CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED";
            let words = "Cannot terminate a cluster when termination protection is enabled. Disable termination protection and try again.";
            return Err(refusal(code, words, json!([])));
        }
        self.begin(Work::Deleting, now, time);
        Ok(())
    }

    fn check_not_deleting(&self) -> Result<(), Refusal> {
        if self.work != Work::Deleting {
            return Ok(());
        }
        let name = &self.name;
        let words = format!("The cluster {name} has already been requested for deletion.");
        Err(refusal("CLUSTER_ALREADY_REQUESTED_DELETION", words, json!([name])))
    }
}

/// What a cluster begins with.
struct New {
    name: String,
    tier: String,
    region: String,
    tags: Option<Vec<Tag>>,
    protected: bool,
    settings: Map<String, Value>,
}

fn add(cx: &mut Context<'_>, group: &str, new: New) -> Answer {
    let New { name, tier, region, tags, protected, settings } = new;
    let others = project(cx, group)?.clusters.keys();
    check_name(&name, others, group)?;
    check_region(&region, tier == "FLEX" || tier == "M0")?;
    check_tags(tags.as_deref())?;
    let cluster = Cluster {
        id: new_id(cx.chance),
        group: group.to_owned(),
        name: name.clone(),
        tier,
        region,
        created: cx.now,
        work: Work::Creating,
        began: cx.now,
        until: cx.now + cx.times.of(|it| it.atlas_creating),
        host: cx.chance.hex(7),
        tags,
        protected,
        settings,
    };
    let shown = cluster.shown_as("CREATING");
    project(cx, group)?.clusters.insert(name, cluster);
    Ok(shown)
}

fn any<'a>(cx: &'a mut Context<'_>, group: &str, name: &str) -> Result<&'a mut Cluster, Refusal> {
    project(cx, group)?.clusters.get_mut(name).ok_or_else(|| {
        let words = format!("No cluster named {name} exists in group {group}.");
        refusal("CLUSTER_NOT_FOUND", words, json!([name, group])).with_status(404)
    })
}

fn find<'a>(cx: &'a mut Context<'_>, group: &str, name: &str) -> Result<&'a mut Cluster, Refusal> {
    let cluster = any(cx, group, name)?;
    if cluster.flex() {
        let words = format!("Flex cluster {name} cannot be used in the Cluster API.");
        return Err(refusal("CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", words, json!([name])));
    }
    Ok(cluster)
}

fn find_flex<'a>(
    cx: &'a mut Context<'_>,
    group: &str,
    name: &str,
) -> Result<&'a mut Cluster, Refusal> {
    let cluster = any(cx, group, name)?;
    if !cluster.flex() {
        let words = format!("Cluster {name} cannot be used in the Flex API.");
        return Err(refusal("CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API", words, json!([name])));
    }
    Ok(cluster)
}

/// What of a name is in the host names.
fn prefix(name: &str) -> String {
    name.chars().take(PREFIX).collect::<String>().to_lowercase()
}

fn set<const N: usize>(settings: &mut Map<String, Value>, given: [(&str, Option<Value>); N]) {
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    settings.extend(given);
}

fn new_id(chance: &mut Chance) -> String {
    chance.hex(24)
}
