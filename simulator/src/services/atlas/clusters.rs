//! Clusters: flex ones through an API of their own, free (M0) and dedicated ones through another.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    contract::{invalid, is_cluster_name, like, missing, no_such_word, not_here, refusal},
    project,
};
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
const SIZES: &[&str] = &[
    "M0", "M10", "M20", "M30", "M40", "M50", "M60", "M80", "M140", "M200", "M300", "R40", "R50",
    "R60", "R80", "R200", "R300", "R400", "R700",
];
/// Regions of AWS with the free and the flex tier.
#[rustfmt::skip]
const SHARED_REGIONS: &[&str] = &[
    "AF_SOUTH_1", "AP_EAST_1", "AP_NORTHEAST_1", "AP_NORTHEAST_2", "AP_SOUTHEAST_1", "AP_SOUTHEAST_2", "AP_SOUTH_1",
    "CA_CENTRAL_1", "EU_CENTRAL_1", "EU_NORTH_1", "EU_WEST_1", "EU_WEST_2", "EU_WEST_3", "ME_SOUTH_1", "SA_EAST_1",
    "US_EAST_1", "US_EAST_2", "US_WEST_2",
];
/// Regions of AWS with dedicated clusters only.
#[rustfmt::skip]
const OTHER_REGIONS: &[&str] = &[
    "AP_NORTHEAST_3", "AP_SOUTHEAST_3", "AP_SOUTHEAST_4", "AP_SOUTH_2", "CA_WEST_1", "EU_CENTRAL_2", "EU_SOUTH_1",
    "EU_SOUTH_2", "IL_CENTRAL_1", "ME_CENTRAL_1", "MX_CENTRAL_1", "US_WEST_1",
];

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

    fn shown(&self, now: Time) -> Value {
        let mut shown = self.shown_as(self.state(now));
        shown["tags"] = json!(self.tags.as_deref().unwrap_or_default());
        shown
    }

    fn shown_as(&self, state: &str) -> Value {
        let created = self.created.iso();
        let mut shown = json!({
            "clusterType": "REPLICASET",
            "connectionStrings": self.connection_strings(state),
            "createDate": format!("{}Z", created.split('.').next().unwrap_or_default()),
            "groupId": self.group,
            "id": self.id,
            "mongoDBVersion": "8.0.29",
            "name": self.name,
            "stateName": state,
            "terminationProtectionEnabled": self.protected,
            "versionReleaseSystem": "LTS",
        });
        if let Some(tags) = &self.tags {
            shown["tags"] = json!(tags);
        }
        if self.flex() {
            shown["backupSettings"] = json!({ "enabled": true });
            shown["providerSettings"] = json!({
                "backingProviderName": "AWS",
                "diskSizeGB": 5.0,
                "providerName": "FLEX",
                "regionName": self.region,
            });
        }
        for (name, value) in &self.settings {
            shown[name] = value.clone();
        }
        shown
    }

    fn connection_strings(&self, state: &str) -> Value {
        let host = &self.host;
        let mut strings = json!({ "standardSrv": format!("mongodb+srv://{}.{host}.mongodb.net", prefix(&self.name)) });
        if state != "CREATING" {
            let hosts = [0, 1, 2]
                .map(|it| format!("ac-{host}-shard-00-0{it}.{host}.mongodb.net:27017"))
                .join(",");
            let replicas = &host[..6];
            strings["standard"] = json!(format!(
                "mongodb://{hosts}/?ssl=true&authSource=admin&replicaSet=atlas-{replicas}-shard-0"
            ));
        }
        strings
    }

    /// For tests.
    pub(super) fn dumped(&self, now: Time) -> Value {
        let mut dumped = self.shown(now);
        dumped["tier"] = json!(self.tier);
        dumped
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

fn check_name<'a>(
    name: &str,
    mut others: impl Iterator<Item = &'a String> + Clone,
    group: &str,
) -> Result<(), Refusal> {
    if name.len() > 64 {
        let words = format!("Cluster name {name} is limited to 64 characters.");
        return Err(refusal("CLUSTER_NAME_TOO_LONG", words, json!([name, 64])));
    }
    if !is_cluster_name(name) {
        let words = format!(
            "The cluster name {name} is invalid. The name can only contain ASCII letters, numbers, and hyphens."
        );
        return Err(refusal("CLUSTER_NAME_INVALID", words, json!([name])));
    }
    if others.clone().any(|it| it.eq_ignore_ascii_case(name)) {
        let words = format!("A cluster named {name} is already present in group {group}.");
        return Err(refusal("DUPLICATE_CLUSTER_NAME", words, json!([name, group])));
    }
    let prefix_here = prefix(name);
    if others.any(|it| prefix(it) == prefix_here) {
        let words = format!(
            "Cluster name {name} cannot have same first {PREFIX} characters as another cluster name in same group."
        );
        return Err(refusal("DUPLICATE_CLUSTER_NAME_PREFIX", words, json!([name, PREFIX])));
    }
    if prefix_here.ends_with('-') {
        let words = format!(
            "Cluster name \"{name}\" is invalid. Atlas truncates cluster names to {PREFIX} characters which results in an invalid hostname due to a trailing \"-\" in the generated cluster name prefix \"{prefix_here}\"."
        );
        let parameters = json!([name, PREFIX, prefix_here]);
        return Err(refusal("CLUSTER_NAME_PREFIX_INVALID", words, parameters));
    }
    if like("^atlas-[a-z0-9]{6}$", name) {
        let words = format!(
            "The provided cluster name {name} creates a conflict with our internal hostnames."
        );
        return Err(refusal("ATLAS_RESERVED_CLUSTER_NAME", words, json!([name])));
    }
    Ok(())
}

/// What of a name is in the host names.
fn prefix(name: &str) -> String {
    name.chars().take(PREFIX).collect::<String>().to_lowercase()
}

fn check_provider(provider: Provider, region: &str) -> Result<(), Refusal> {
    match provider {
        Provider::Aws => Ok(()),
        Provider::Tenant => Err(no_such_word("TENANT")),
        Provider::Azure | Provider::Gcp => Err(Refusal::not_modelled(format_args!(
            "regions of other clouds than AWS, such as {region}"
        ))),
    }
}

fn check_region(region: &str, shared: bool) -> Result<(), Refusal> {
    if SHARED_REGIONS.contains(&region) || !shared && OTHER_REGIONS.contains(&region) {
        return Ok(());
    }
    let words = format!("No region {region} exists for provider AWS.");
    Err(refusal("INVALID_REGION", words, json!([region, "AWS"])))
}

fn check_tags(tags: Option<&[Tag]>) -> Result<(), Refusal> {
    let tags = tags.unwrap_or_default();
    if tags.len() > 50 {
        return Err(invalid("tags", "must have at most 50 elements"));
    }
    for (index, tag) in tags.iter().enumerate() {
        for text in [&tag.key, &tag.value] {
            if text.len() > 255 || !like("^[a-zA-Z0-9 ;@_.+-]+$", text) {
                let rule = "must have 1 to 255 letters, digits, spaces or ;@_-.+";
                return Err(invalid("tags", rule));
            }
        }
        if tags[..index].iter().any(|it| it.key == tag.key) {
            return Err(invalid("tags", "must have unique keys"));
        }
    }
    Ok(())
}

fn check_type(name: &str) -> Result<(), Refusal> {
    match name {
        "REPLICASET" => Ok(()),
        "SHARDED" | "GEOSHARDED" => {
            Err(Refusal::not_modelled("clusters that are not one replica set"))
        }
        other => Err(no_such_word(other)),
    }
}

fn only_region(specs: &[ReplicationSpec]) -> Result<&RegionConfig, Refusal> {
    match specs {
        [spec] => match spec.region_configs.as_slice() {
            [region] => Ok(region),
            [] => Err(invalid("replicationSpecs.regionConfigs", "must not be empty")),
            _ => Err(Refusal::not_modelled("clusters in several regions")),
        },
        [] => Err(invalid("replicationSpecs", "must not be empty")),
        _ => Err(Refusal::not_modelled("clusters of several shards")),
    }
}

fn check_region_config(region: &RegionConfig) -> Result<(), Refusal> {
    let Nodes { instance_size: size, node_count, .. } = &region.electable_specs;
    if !SIZES.contains(&size.as_str()) {
        return Err(no_such_word(size));
    }
    if region.priority > 7 {
        return Err(invalid("replicationSpecs.regionConfigs.priority", "must be at most 7"));
    }
    match (region.provider_name, region.backing_provider_name) {
        (Provider::Tenant, None) => Err(missing("backingProviderName")),
        (Provider::Tenant, Some(_)) if size != "M0" => Err(no_such_word(size)),
        (Provider::Tenant, Some(backing)) => check_provider(backing, &region.region_name),
        (_, Some(_)) => Err(not_here("backingProviderName")),
        (_, None) if size == "M0" => Err(no_such_word(size)),
        (_, None) if !matches!(node_count, Some(3 | 5 | 7)) => {
            let words = "The cluster's replication factor must be either 3, 5, or 7.";
            Err(refusal("CLUSTER_REPLICATION_FACTOR_INVALID", words, json!([])))
        }
        (provider, None) => check_provider(provider, &region.region_name),
    }
}

fn specs(id: &str, zone: &str, region: &RegionConfig) -> Value {
    let size = &region.electable_specs.instance_size;
    let mut region = json!(region);
    let nodes = &mut region["electableSpecs"];
    nodes["effectiveInstanceSize"] = json!(size);
    if nodes["diskSizeGB"].is_null() {
        nodes["diskSizeGB"] = json!(if *size == "M0" { 0.5 } else { 10.0 });
    }
    json!([{ "id": id, "zoneId": zone, "zoneName": "Zone 1", "regionConfigs": [region] }])
}

fn set<const N: usize>(settings: &mut Map<String, Value>, given: [(&str, Option<Value>); N]) {
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    settings.extend(given);
}

fn new_id(chance: &mut Chance) -> String {
    chance.hex(24)
}
