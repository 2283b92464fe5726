//! What Atlas refuses in a cluster that it is asked for.

use serde_json::json;

use super::{Nodes, PREFIX, Provider, RegionConfig, ReplicationSpec, Tag, prefix};
use crate::{
    refusal::Refusal,
    services::atlas::contract::{
        invalid, is_cluster_name, like, missing, no_such_word, not_here, refusal,
    },
};

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

pub(super) fn check_name<'a>(
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

pub(super) fn check_provider(provider: Provider, region: &str) -> Result<(), Refusal> {
    match provider {
        Provider::Aws => Ok(()),
        Provider::Tenant => Err(no_such_word("TENANT")),
        Provider::Azure | Provider::Gcp => Err(Refusal::not_modelled(format_args!(
            "regions of other clouds than AWS, such as {region}"
        ))),
    }
}

pub(super) fn check_region(region: &str, shared: bool) -> Result<(), Refusal> {
    if SHARED_REGIONS.contains(&region) || !shared && OTHER_REGIONS.contains(&region) {
        return Ok(());
    }
    let words = format!("No region {region} exists for provider AWS.");
    Err(refusal("INVALID_REGION", words, json!([region, "AWS"])))
}

pub(super) fn check_tags(tags: Option<&[Tag]>) -> Result<(), Refusal> {
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

pub(super) fn check_type(name: &str) -> Result<(), Refusal> {
    match name {
        "REPLICASET" => Ok(()),
        "SHARDED" | "GEOSHARDED" => {
            Err(Refusal::not_modelled("clusters that are not one replica set"))
        }
        other => Err(no_such_word(other)),
    }
}

pub(super) fn only_region(specs: &[ReplicationSpec]) -> Result<&RegionConfig, Refusal> {
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

pub(super) fn check_region_config(region: &RegionConfig) -> Result<(), Refusal> {
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
