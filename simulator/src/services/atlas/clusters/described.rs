//! How a cluster is shown.

use serde_json::{Value, json};

use super::{Cluster, RegionConfig, prefix};
use crate::clock::Time;

impl Cluster {
    pub(super) fn shown(&self, now: Time) -> Value {
        let mut shown = self.shown_as(self.state(now));
        shown["tags"] = json!(self.tags.as_deref().unwrap_or_default());
        shown
    }

    pub(super) fn shown_as(&self, state: &str) -> Value {
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
    pub(in crate::services::atlas) fn dumped(&self, now: Time) -> Value {
        let mut dumped = self.shown(now);
        dumped["tier"] = json!(self.tier);
        dumped
    }
}

pub(super) fn specs(id: &str, zone: &str, region: &RegionConfig) -> Value {
    let size = &region.electable_specs.instance_size;
    let mut region = json!(region);
    let nodes = &mut region["electableSpecs"];
    nodes["effectiveInstanceSize"] = json!(size);
    if nodes["diskSizeGB"].is_null() {
        nodes["diskSizeGB"] = json!(if *size == "M0" { 0.5 } else { 10.0 });
    }
    json!([{ "id": id, "zoneId": zone, "zoneName": "Zone 1", "regionConfigs": [region] }])
}
