//! Hosted zone: where the names of a domain are kept in Route 53.

use aws_sdk_route53::types::HostedZone as Live;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::Cloud,
    engine::{Error, Lookup, Output, Result},
};

/// The public hosted zone of a domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostedZone {
    /// The domain, in lower case and without a dot at the end.
    pub name: String,
}

/// The zone that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostedZoneOutputs {
    /// Its id, without `/hostedzone/`.
    pub id: String,
    /// The domain, in lower case and without a dot at the end.
    pub name: String,
}

impl Lookup for HostedZone {
    type Outputs = HostedZoneOutputs;

    async fn find(&self, cloud: &Cloud) -> Result<Option<HostedZoneOutputs>> {
        // The answer begins at this name and goes on with whatever comes after; nobody has a page full of one name.
        let request = cloud.route53.list_hosted_zones_by_name().dns_name(&self.name);
        let mut zones = public(request.send().await?.hosted_zones);
        zones.retain(|(name, _)| *name == self.name);
        match zones.as_slice() {
            [(name, id)] => Ok(Some(HostedZoneOutputs { id: id.clone(), name: name.clone() })),
            [] => Err(self.missing(cloud).await?),
            several => {
                let ids: Vec<_> = several.iter().map(|(_, id)| id.as_str()).collect();
                Err(Error::Refused(format!(
                    "There are {} public hosted zones of the name `{}` in this account: {}. Which of them the world \
                     asks is known to the domain's registrar: compare its name servers with those that `aws route53 \
                     get-hosted-zone --id ID` gives, and delete the other zones.",
                    several.len(),
                    self.name,
                    ids.join(", ")
                )))
            }
        }
    }
}

impl HostedZone {
    async fn missing(&self, cloud: &Cloud) -> Result<Error> {
        let all = cloud.route53.list_hosted_zones().into_paginator().items().send();
        let mut others: Vec<_> =
            public(all.try_collect().await?).into_iter().map(|(name, _)| name).collect();
        others.sort_unstable();
        let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        let name = &self.name;
        Ok(Error::Refused(format!(
            "There is no public hosted zone `{name}` in this account (there is: {others}). Correct \
             `load_balancer.zone`, or make the zone with `aws route53 create-hosted-zone --name {name} \
             --caller-reference {name}` and enter its name servers at the domain's registrar."
        )))
    }
}

/// Names and ids, as we write them, of the zones that everybody can ask.
fn public(zones: Vec<Live>) -> Vec<(String, String)> {
    let is_public = |it: &Live| it.config.as_ref().is_none_or(|it| !it.private_zone);
    let plain = |it: Live| {
        let id = it.id.strip_prefix("/hostedzone/").unwrap_or(&it.id).to_owned();
        (it.name.strip_suffix('.').unwrap_or(&it.name).to_ascii_lowercase(), id)
    };
    zones.into_iter().filter(is_public).map(plain).collect()
}

impl Output<HostedZoneOutputs> {
    /// Its id, without `/hostedzone/`.
    pub fn id(&self) -> Output<String> {
        self.map(|it| it.id)
    }

    /// The domain.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use aws_sdk_route53::types::HostedZoneConfig;

    use super::*;

    #[test]
    fn private_zones_do_not_count_and_names_are_plain() {
        let zone = |id: &str, is_private| {
            let config = HostedZoneConfig::builder().private_zone(is_private).build();
            let zone = Live::builder()
                .id(format!("/hostedzone/{id}"))
                .name("Example.com.")
                .caller_reference("x");
            zone.config(config).build().unwrap()
        };
        let found = public(vec![zone("Z1", false), zone("Z2", true)]);
        assert_eq!(found, [("example.com".to_owned(), "Z1".to_owned())]);
    }
}
