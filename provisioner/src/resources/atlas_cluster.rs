//! MongoDB Atlas cluster: free, flex or dedicated.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    cloud::{
        Cloud, Tags,
        atlas::cluster::{Live, merge_tags, read_tags, write_tags},
        http,
    },
    engine::{Class, Error, Existing, Found, Output, Progress, Replacement, Resource, Result},
    resources::Kind,
};

/// A cluster of three nodes in one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtlasCluster {
    /// Id of the project.
    pub project_id: Output<String>,
    /// Its name, unique in the project, letters, digits and hyphens. Part of its host name.
    pub name: String,
    /// `free` (M0), `flex` or `dedicated`. Each is another kind of cluster: one does not become the other.
    pub tier: String,
    /// Size of a dedicated cluster's machines, such as `M10`.
    pub instance_size: Option<String>,
    /// Whose machines it runs on: `AWS`, `GCP` or `AZURE`.
    pub provider: String,
    /// Region in Atlas's spelling, such as `EU_CENTRAL_1`.
    pub region: String,
    /// Atlas refuses to delete it. A free cluster goes without: Atlas's API could not take it off again.
    pub termination_protection: bool,
    /// Whether Atlas has given it its address yet; to be asked for as `true`. Atlas gives a dedicated cluster one some
    /// minutes after its creation, and the connection string needs it.
    pub has_address: bool,
    /// Its tags. Those of a free cluster stay as they were when it was created: Atlas's API cannot change them.
    pub tags: Tags,
}

/// What others need of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtlasClusterOutputs {
    /// Id of the project.
    pub project_id: String,
    /// Its name.
    pub name: String,
    /// `free`, `flex` or `dedicated`.
    pub tier: String,
    /// `mongodb+srv://` and the host; absent until Atlas gives it an address.
    pub srv: Option<String>,
}

impl Resource for AtlasCluster {
    type Outputs = AtlasClusterOutputs;
    const KIND: Kind = Kind::AtlasCluster;
    const REPLACED_BY: &'static [&'static str] =
        &["project_id", "name", "tier", "provider", "region"];
    // Two clusters of one name cannot be there at once. What is in the old one is lost either way.
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;
    // A dedicated cluster takes about ten minutes.
    const READY_WITHIN: Duration = Duration::from_secs(40 * 60);

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut live = None;
        if let Some(Existing { outputs, .. }) = recorded {
            let AtlasClusterOutputs { project_id, name, tier, .. } = outputs;
            live = Live::find(project_id, name, tier, cloud).await?;
        }
        if live.is_none() {
            live = Live::find(&self.project_id.get()?, &self.name, &self.tier, cloud).await?;
        }
        let Some(live) = live.filter(|it| !it.deleting()) else { return Ok(Found::Nothing) };
        let all = read_tags(&live.tags, &self.tags, recorded.map(|it| &it.inputs.tags));
        let ours = all.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags));
        let frozen = live.tier == "free";
        let existing = Existing {
            inputs: Self {
                project_id: live.project_id.clone().into(),
                name: live.name.clone(),
                tier: live.tier.clone(),
                instance_size: live.instance_size.clone(),
                provider: live.provider.clone(),
                region: live.region.clone(),
                // What cannot be changed is no difference.
                termination_protection: if frozen {
                    self.termination_protection
                } else {
                    live.protected
                },
                has_address: live.srv.is_some(),
                tags: if frozen { self.tags.clone() } else { ours },
            },
            outputs: outputs(&live),
        };
        Ok(all.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let project_id = self.project_id.get()?;
        let live = match Live::create(&project_id, &self.request(), cloud).await {
            Err(error) if matches!(error.class(), Class::Exists | Class::Final) => {
                return Err(self.why_refused(&project_id, error, cloud).await);
            }
            created => created?,
        };
        let inputs = Self { has_address: live.srv.is_some(), ..self.clone() };
        Ok(Existing { inputs, outputs: outputs(&live) })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<AtlasClusterOutputs> {
        let AtlasClusterOutputs { project_id, name, tier, .. } = &existing.outputs;
        let live = Live::find(project_id, name, tier, cloud).await?;
        let mut live = live.ok_or_else(|| {
            http::error("Atlas", "getCluster", "there is no such cluster", Class::Settling)
        })?;
        if live.tier != "free" {
            let changes = self.changes(&live, &existing.inputs.tags)?;
            if changes.as_object().is_some_and(|it| !it.is_empty()) {
                live = live.change(&changes, cloud).await?;
            }
        }
        let outputs = outputs(&live);
        if outputs.srv.is_none() {
            return Err(not_yet("getCluster", "Atlas has not given the cluster its address yet"));
        }
        Ok(outputs)
    }

    fn foresee(&self, existing: &Existing<Self>) -> Option<AtlasClusterOutputs> {
        existing.inputs.has_address.then(|| existing.outputs.clone())
    }

    fn notes(&self, existing: &Existing<Self>) -> Vec<String> {
        let unguarded = existing.outputs.tier == "free" && self.termination_protection;
        let note = "a free cluster goes without Atlas's termination protection, which Atlas's API cannot take off \
                    again; the protection here, against `destroy` and replacement, holds";
        unguarded.then(|| note.to_owned()).into_iter().collect()
    }

    async fn ready(outputs: &AtlasClusterOutputs, cloud: &Cloud) -> Result<Progress> {
        let AtlasClusterOutputs { project_id, name, tier, .. } = outputs;
        let live = Live::find(project_id, name, tier, cloud).await?;
        Ok(match live {
            Some(live) if live.state == "IDLE" => Progress::Done,
            Some(live) => Progress::Waiting(format!("Atlas says {}", live.state)),
            None => Progress::Waiting("Atlas does not show it yet".to_owned()),
        })
    }

    async fn delete(outputs: &AtlasClusterOutputs, cloud: &Cloud) -> Result<Progress> {
        let AtlasClusterOutputs { project_id, name, tier, .. } = outputs;
        let Some(mut live) = Live::find(project_id, name, tier, cloud).await? else {
            return Ok(Progress::Done);
        };
        if !live.deleting() {
            // What is protected in stack.yaml does not come here: see the engine.
            if live.protected {
                if live.tier == "free" {
                    return Err(Error::Refused(format!(
                        "Termination protection of the free cluster `{name}` was switched on, and Atlas's API cannot \
                         switch it off: do it in Atlas's web console, then run again."
                    )));
                }
                live =
                    live.change(&json!({ "terminationProtectionEnabled": false }), cloud).await?;
            }
            live.delete(cloud).await?;
        }
        Ok(Progress::Waiting("Atlas is deleting the cluster".to_owned()))
    }
}

impl AtlasCluster {
    /// The body of the creating call.
    fn request(&self) -> Value {
        let Self { name, provider, region, .. } = self;
        let tags = write_tags(&self.tags);
        if self.tier == "flex" {
            return json!({
                "name": name,
                "providerSettings": { "backingProviderName": provider, "regionName": region },
                "terminationProtectionEnabled": self.termination_protection,
                "tags": tags,
            });
        }
        let mut body = json!({
            "name": name,
            "clusterType": "REPLICASET",
            "replicationSpecs": [{ "regionConfigs": [self.region_config()] }],
            "tags": tags,
        });
        if self.tier != "free" {
            body["terminationProtectionEnabled"] = self.termination_protection.into();
        }
        body
    }

    fn region_config(&self) -> Value {
        let Self { provider, region, instance_size, .. } = self;
        if self.tier == "free" {
            return json!({
                "providerName": "TENANT",
                "backingProviderName": provider,
                "regionName": region,
                "priority": 7,
                "electableSpecs": { "instanceSize": "M0" },
            });
        }
        json!({
            "providerName": provider,
            "regionName": region,
            "priority": 7,
            "electableSpecs": { "instanceSize": instance_size, "nodeCount": 3 },
        })
    }

    /// What to say to Atlas so that `live`, with `old` as the tags of ours on it, becomes as wanted.
    fn changes(&self, live: &Live, old: &Tags) -> Result<Value> {
        let mut changes = json!({});
        if self.termination_protection != live.protected {
            changes["terminationProtectionEnabled"] = self.termination_protection.into();
        }
        // Atlas replaces the whole list, so those that others set are sent along.
        let tags = merge_tags(&live.tags, old, &self.tags);
        if tags != live.tags {
            changes["tags"] = serde_json::to_value(tags)?;
        }
        if self.instance_size != live.instance_size {
            let Some(id) = &live.only_spec else {
                return Err(Error::Refused(format!(
                    "The cluster `{}` was given more shards, regions or nodes than one region of three nodes, and a \
                     change of its size here would take them away: change the size in Atlas.",
                    self.name
                )));
            };
            changes["replicationSpecs"] =
                json!([{ "id": id, "regionConfigs": [self.region_config()] }]);
        }
        Ok(changes)
    }

    /// While a cluster is being deleted, its name is taken, and so is the project's only free cluster.
    async fn why_refused(&self, project_id: &str, error: Error, cloud: &Cloud) -> Error {
        match Live::find(project_id, &self.name, &self.tier, cloud).await {
            Ok(Some(live)) if live.deleting() => {
                not_yet("createCluster", "Atlas is still deleting the former cluster of this name")
            }
            _ => error,
        }
    }
}

/// Goes away by itself, after some minutes.
fn not_yet(action: &str, message: &str) -> Error {
    http::error("Atlas", action, message, Class::Blocked)
}

fn outputs(live: &Live) -> AtlasClusterOutputs {
    AtlasClusterOutputs {
        project_id: live.project_id.clone(),
        name: live.name.clone(),
        tier: live.tier.clone(),
        srv: live.srv.clone(),
    }
}

impl Output<AtlasClusterOutputs> {
    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }

    /// `mongodb+srv://` and the host.
    pub fn srv(&self) -> Output<String> {
        // Empty only in a record of something half made, which is mended before anybody gets to see it.
        self.map(|it| it.srv.unwrap_or_default())
    }
}
