//! A cluster through whichever of Atlas's two APIs knows it, in one form.
//!
//! Flex clusters have an API of their own; free (M0) and dedicated ones share the clusters API. Each refuses the other's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    cloud::{Cloud, Tags},
    engine::{Class, Error, Result},
};

/// A tag as Atlas has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireTag {
    key: String,
    value: String,
}

/// A cluster as Atlas has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Id of the project.
    pub project_id: String,
    /// Its name.
    pub name: String,
    /// `free`, `flex` or `dedicated`.
    pub tier: String,
    /// Size of a dedicated cluster's machines.
    pub instance_size: Option<String>,
    /// `AWS`, `GCP` or `AZURE`.
    pub provider: String,
    /// Its region.
    pub region: String,
    /// `IDLE`, `CREATING`, `UPDATING`, `DELETING`, `REPAIRING`.
    pub state: String,
    /// `mongodb+srv://` and the host, once there is one.
    pub srv: Option<String>,
    /// Whether Atlas refuses to delete it.
    pub protected: bool,
    /// Its tags.
    pub tags: Vec<WireTag>,
    /// Id of its only replication spec, if it is one shard in one region with three nodes.
    pub only_spec: Option<String>,
}

impl Live {
    /// Finds a cluster by its name; first through the API of the tier it is believed to have.
    ///
    /// # Errors
    ///
    /// Whatever keeps from looking.
    pub async fn find(
        project_id: &str,
        name: &str,
        tier: &str,
        cloud: &Cloud,
    ) -> Result<Option<Self>> {
        let order = if tier == "flex" { [FLEX, CLUSTERS] } else { [CLUSTERS, FLEX] };
        for api in order {
            let path = ["groups", project_id, api.segment, name];
            match cloud.atlas().get::<Answer>(api.get, &path).await {
                Ok(found) => return found.read(project_id, name).map(Some),
                Err(error) if error.class() == Class::Gone || is_of_the_other(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Creates a flex cluster (`body` has `providerSettings`) or another.
    ///
    /// # Errors
    ///
    /// [`Class::Exists`] if the name is taken.
    pub async fn create(project_id: &str, body: &Value, cloud: &Cloud) -> Result<Self> {
        let api = if body.get("providerSettings").is_some() { FLEX } else { CLUSTERS };
        let path = ["groups", project_id, api.segment];
        let answer: Answer = cloud.atlas().post(api.create, &path, body).await?;
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
        answer.read(project_id, name)
    }

    /// Changes it in place.
    ///
    /// # Errors
    ///
    /// Whatever keeps from it.
    pub async fn change(&self, body: &Value, cloud: &Cloud) -> Result<Self> {
        let Self { project_id, name, .. } = self;
        let path = ["groups", project_id, self.api().segment, name];
        let answer: Answer = cloud.atlas().patch(self.api().update, &path, body).await?;
        answer.read(project_id, name)
    }

    /// Begins its deletion.
    ///
    /// # Errors
    ///
    /// Whatever keeps from it.
    pub async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let path = ["groups", &self.project_id, self.api().segment, &self.name];
        cloud.atlas().delete(self.api().delete, &path).await
    }

    /// Whether it is on its way out.
    pub fn deleting(&self) -> bool {
        self.state == "DELETING"
    }

    fn api(&self) -> Api {
        if self.tier == "flex" { FLEX } else { CLUSTERS }
    }
}

/// One of the two APIs: the segment in its paths and the names of its operations.
#[derive(Clone, Copy)]
struct Api {
    segment: &'static str,
    get: &'static str,
    create: &'static str,
    update: &'static str,
    delete: &'static str,
}

const FLEX: Api = Api {
    segment: "flexClusters",
    get: "getFlexCluster",
    create: "createFlexCluster",
    update: "updateFlexCluster",
    delete: "deleteFlexCluster",
};
const CLUSTERS: Api = Api {
    segment: "clusters",
    get: "getCluster",
    create: "createCluster",
    update: "updateCluster",
    delete: "deleteCluster",
};

/// Atlas's refusals of a cluster that the other API knows.
fn is_of_the_other(error: &Error) -> bool {
    const CODES: [&str; 2] =
        ["CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API"];
    matches!(error, Error::Api(it) if CODES.contains(&it.code.as_str()))
}

/// What either API answers, as far as we read it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    state_name: Option<String>,
    connection_strings: Option<ConnectionStrings>,
    termination_protection_enabled: Option<bool>,
    tags: Option<Vec<WireTag>>,
    /// Of flex clusters only.
    provider_settings: Option<Region>,
    /// Of the others only.
    replication_specs: Option<Vec<ReplicationSpec>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionStrings {
    standard_srv: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReplicationSpec {
    id: Option<String>,
    region_configs: Option<Vec<Region>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    provider_name: Option<String>,
    backing_provider_name: Option<String>,
    region_name: Option<String>,
    electable_specs: Option<Nodes>,
    read_only_specs: Option<Nodes>,
    analytics_specs: Option<Nodes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Nodes {
    instance_size: Option<String>,
    node_count: Option<u32>,
}

impl Answer {
    fn read(self, project_id: &str, name: &str) -> Result<Live> {
        let flex = self.provider_settings.is_some();
        let specs = self.replication_specs.unwrap_or_default();
        let only_spec = match specs.as_slice() {
            [spec] if spec.is_plain() => spec.id.clone(),
            _ => None,
        };
        let region = specs.into_iter().flat_map(|it| it.region_configs.unwrap_or_default()).next();
        let region = self.provider_settings.or(region);
        let region = region.ok_or_else(|| Error::missing("region of the cluster"))?;
        let size = region.electable_specs.and_then(|it| it.instance_size);
        let tier = match region.provider_name.as_deref() {
            _ if flex => "flex",
            // M2 and M5 shared clusters were turned into flex clusters in 2025.
            Some("TENANT") => "free",
            _ => "dedicated",
        };
        Ok(Live {
            project_id: project_id.to_owned(),
            name: name.to_owned(),
            tier: tier.to_owned(),
            instance_size: size.filter(|_| tier == "dedicated"),
            provider: region.backing_provider_name.or(region.provider_name).unwrap_or_default(),
            region: region.region_name.unwrap_or_default(),
            state: self.state_name.unwrap_or_default(),
            srv: self.connection_strings.and_then(|it| it.standard_srv).filter(|it| !it.is_empty()),
            protected: self.termination_protection_enabled.unwrap_or_default(),
            tags: self.tags.unwrap_or_default(),
            only_spec,
        })
    }
}

impl ReplicationSpec {
    fn is_plain(&self) -> bool {
        let count = |nodes: &Option<Nodes>| nodes.as_ref().and_then(|it| it.node_count);
        match self.region_configs.as_deref() {
            Some([it]) => {
                count(&it.electable_specs) == Some(3)
                    && count(&it.read_only_specs).unwrap_or_default() == 0
                    && count(&it.analytics_specs).unwrap_or_default() == 0
            }
            _ => false,
        }
    }
}

/// Atlas allows letters, digits, spaces and `;@_-.+` in tags (mongodb.com/docs/atlas/tags), so not the colon of
/// `provisioner:stack`, and no empty values: what it does not allow becomes a hyphen on the wire, and only there.
fn wire(text: &str) -> String {
    let allowed = |it: char| it.is_alphanumeric() || " ;@_-.+".contains(it);
    let text: String = text.chars().map(|it| if allowed(it) { it } else { '-' }).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

fn wire_tag((key, value): (&str, &str)) -> WireTag {
    WireTag { key: wire(key), value: wire(value) }
}

/// Tags as Atlas takes them.
pub fn write_tags(tags: &Tags) -> Vec<WireTag> {
    tags.iter().map(wire_tag).collect()
}

/// Tags as we know them: one that is the wire form of a known tag is that tag.
pub fn read_tags(live: &[WireTag], desired: &Tags, recorded: Option<&Tags>) -> Tags {
    let known = || desired.iter().chain(recorded.into_iter().flat_map(Tags::iter));
    Tags::found(live.iter().map(|tag| {
        if let Some((key, value)) = known().find(|it| wire_tag(*it) == *tag) {
            return (key.to_owned(), value.to_owned());
        }
        let key = known().map(|(key, _)| key).find(|key| wire(key) == tag.key);
        let own = tag.key.strip_prefix("provisioner-").map(|rest| format!("provisioner:{rest}"));
        let key = key.map(str::to_owned).or(own).unwrap_or_else(|| tag.key.clone());
        (key, tag.value.clone())
    }))
}

/// The whole list that makes `old` of `live` become `new` and leaves alone what is neither.
pub fn merge_tags(live: &[WireTag], old: &Tags, new: &Tags) -> Vec<WireTag> {
    let wanted = write_tags(new);
    let ours = |tag: &WireTag| {
        wanted.iter().any(|it| it.key == tag.key) || old.iter().any(|(key, _)| wire(key) == tag.key)
    };
    let mut merged: Vec<_> =
        live.iter().filter(|it| wanted.contains(it) || !ours(it)).cloned().collect();
    merged.extend(wanted.into_iter().filter(|it| !live.contains(it)));
    merged
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tag(key: &str, value: &str) -> WireTag {
        WireTag { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn tags_survive_the_way_there_and_back() {
        let tags = Tags::found([
            ("provisioner:stack", "gsm"),
            ("repo", "github:gsm/bot"),
            ("empty", ""),
            ("team", "a b"),
        ]);
        let wire = write_tags(&tags);
        assert!(wire.contains(&tag("provisioner-stack", "gsm")), "{wire:?}");
        assert!(wire.contains(&tag("repo", "github-gsm-bot")) && wire.contains(&tag("empty", "-")));
        assert_eq!(read_tags(&wire, &tags, None), tags);
        // Somebody else's stack is still seen as one.
        let theirs = read_tags(&[tag("provisioner-stack", "other")], &Tags::default(), None);
        assert_eq!(theirs.stack(), Some("other"));
        let changed = read_tags(&[tag("repo", "mine")], &tags, None);
        assert_eq!(changed.get("repo"), Some("mine"));
    }

    #[test]
    fn tags_of_others_stay() {
        let live =
            [tag("cost", "9"), tag("provisioner-stack", "gsm"), tag("old", "1"), tag("team", "a")];
        let old = Tags::found([("provisioner:stack", "gsm"), ("old", "1"), ("team", "a")]);
        let new = Tags::found([("provisioner:stack", "gsm"), ("team", "b")]);
        let merged = merge_tags(&live, &old, &new);
        assert_eq!(merged, [tag("cost", "9"), tag("provisioner-stack", "gsm"), tag("team", "b")]);
        assert_eq!(merge_tags(&merged, &new, &new), merged);
    }

    #[test]
    fn a_cluster_reads_the_same_from_either_api() {
        let read = |answer: Value| {
            serde_json::from_value::<Answer>(answer).unwrap().read("p", "c").unwrap()
        };
        let flex = read(json!({
            "connectionStrings": { "standardSrv": "mongodb+srv://c.x.mongodb.net" },
            "providerSettings": { "backingProviderName": "AWS", "providerName": "FLEX", "regionName": "EU_WEST_1" },
            "stateName": "CREATING",
        }));
        assert_eq!((flex.tier.as_str(), flex.provider.as_str()), ("flex", "AWS"));
        let free = read(json!({
            "replicationSpecs": [{ "regionConfigs": [{
                "backingProviderName": "AWS", "providerName": "TENANT", "regionName": "EU_WEST_1",
                "electableSpecs": { "instanceSize": "M0" },
            }] }],
        }));
        assert_eq!((free.tier.as_str(), free.instance_size), ("free", None));
        let region = json!({
            "providerName": "AWS", "regionName": "EU_WEST_1",
            "electableSpecs": { "instanceSize": "M10", "nodeCount": 3 },
            "analyticsSpecs": { "instanceSize": "M10", "nodeCount": 0 },
        });
        let dedicated = |regions: Value| {
            read(
                json!({ "connectionStrings": {}, "replicationSpecs": [{ "id": "s", "regionConfigs": regions }] }),
            )
        };
        let plain = dedicated(json!([region]));
        assert_eq!((plain.tier.as_str(), plain.srv), ("dedicated", None));
        assert_eq!(plain.instance_size.as_deref(), Some("M10"));
        assert_eq!(plain.only_spec.as_deref(), Some("s"));
        assert_eq!(dedicated(json!([region, region])).only_spec, None);
    }
}
