//! The network everything runs in: a VPC and its subnets.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Subnet, SubnetState};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Cloud, ec2},
    engine::{Error, Lookup, Output, Result},
};

/// Which network: by default the region's default VPC with the default subnet of each availability zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Id of the VPC; `None`: that of the given subnets, or the region's default VPC.
    pub vpc: Option<String>,
    /// Ids of the subnets; empty: one of each availability zone.
    pub subnets: Vec<String>,
}

/// The network that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkOutputs {
    /// Id of the VPC.
    pub vpc_id: String,
    /// Ids of the subnets, in at least two availability zones, by zone and then by id.
    pub subnet_ids: Vec<String>,
    /// The availability zone of the first subnet.
    pub first_zone: String,
}

impl Lookup for Network {
    type Outputs = NetworkOutputs;

    async fn find(&self, cloud: &Cloud) -> Result<Option<NetworkOutputs>> {
        let (vpc_id, subnets) = if self.subnets.is_empty() {
            let vpc_id = self.vpc_id(cloud).await?;
            let all = subnets_by("vpc-id", vec![vpc_id.clone()], cloud).await?;
            (vpc_id, one_of_each_zone(all))
        } else {
            self.given_subnets(cloud).await?
        };
        let mut subnets: Vec<(String, String)> = subnets.iter().filter_map(zone_and_id).collect();
        subnets.sort_unstable();
        subnets.dedup();
        let zones: BTreeSet<&str> = subnets.iter().map(|(zone, _)| zone.as_str()).collect();
        if zones.len() < 2 {
            let whose = if self.subnets.is_empty() { vpc_id } else { self.subnets.join(", ") };
            let zones = zones
                .first()
                .map_or_else(|| "no availability zone".to_owned(), |it| format!("only {it}"));
            return Err(Error::Refused(format!(
                "The subnets of {whose} are in {zones}, and a load balancer needs two availability zones. Add a subnet \
                 in another zone, or set `network.vpc` or `network.subnets` to what has two."
            )));
        }
        Ok(Some(NetworkOutputs {
            vpc_id,
            first_zone: subnets.first().map(|(zone, _)| zone.clone()).unwrap_or_default(),
            subnet_ids: subnets.into_iter().map(|(_, id)| id).collect(),
        }))
    }
}

impl Network {
    async fn vpc_id(&self, cloud: &Cloud) -> Result<String> {
        let wanted = match &self.vpc {
            Some(id) => ec2::filter("vpc-id", id),
            None => ec2::filter("is-default", "true"),
        };
        let found = cloud.ec2.describe_vpcs().filters(wanted).send().await?;
        let id = found.vpcs().first().and_then(|it| it.vpc_id()).map(str::to_owned);
        let region = &cloud.region;
        id.ok_or_else(|| match &self.vpc {
            Some(id) => Error::Refused(format!(
                "There is no VPC {id} in {region}. Set `network.vpc` to one of this region and account, or leave it out \
                 for the default VPC."
            )),
            None => Error::Refused(format!(
                "There is no default VPC in {region}. Set `network.vpc` to the id of one, or make a default VPC with \
                 `aws ec2 create-default-vpc --region {region}`."
            )),
        })
    }

    async fn given_subnets(&self, cloud: &Cloud) -> Result<(String, Vec<Subnet>)> {
        let found = subnets_by("subnet-id", self.subnets.clone(), cloud).await?;
        let vpcs: BTreeMap<&str, &str> =
            found.iter().filter_map(|it| it.subnet_id().zip(it.vpc_id())).collect();
        let absent: Vec<&str> =
            self.subnets.iter().map(String::as_str).filter(|it| !vpcs.contains_key(it)).collect();
        if !absent.is_empty() {
            return Err(Error::Refused(format!(
                "There is no subnet {} in {}. Set `network.subnets` to subnets of this region and account, or leave it \
                 out for those of the VPC.",
                absent.join(", "),
                cloud.region
            )));
        }
        let vpc_id = match &self.vpc {
            Some(_) => self.vpc_id(cloud).await?,
            None => vpcs.values().next().copied().unwrap_or_default().to_owned(),
        };
        if let Some((subnet, other)) = vpcs.iter().find(|(_, it)| **it != vpc_id) {
            return Err(Error::Refused(format!(
                "The subnet {subnet} belongs to the VPC {other}, not to {vpc_id}. All of `network.subnets` must be of \
                 one VPC, and of `network.vpc` if that is set."
            )));
        }
        Ok((vpc_id, found))
    }
}

async fn subnets_by(name: &str, values: Vec<String>, cloud: &Cloud) -> Result<Vec<Subnet>> {
    let wanted = aws_sdk_ec2::types::Filter::builder().name(name).set_values(Some(values)).build();
    Ok(cloud
        .ec2
        .describe_subnets()
        .filters(wanted)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await?)
}

/// The default subnets if there are any. Of the others one of each zone, for a load balancer takes no more than one;
/// where there is a choice, one that gives out public addresses, for without such an address nothing in it reaches the
/// internet, or is reached, unless somebody has set up a NAT gateway.
fn one_of_each_zone(subnets: Vec<Subnet>) -> Vec<Subnet> {
    let rank = |it: &Subnet| {
        let default = it.default_for_az().unwrap_or_default();
        let public = it.map_public_ip_on_launch().unwrap_or_default();
        (!default, !public, it.subnet_id().unwrap_or_default().to_owned())
    };
    let mut usable: Vec<Subnet> = subnets
        .into_iter()
        .filter(|it| it.state().is_none_or(|it| *it == SubnetState::Available))
        .collect();
    if usable.iter().any(|it| it.default_for_az().unwrap_or_default()) {
        usable.retain(|it| it.default_for_az().unwrap_or_default());
    }
    usable.sort_by_key(rank);
    let mut zones = BTreeSet::new();
    usable.retain(|it| zones.insert(it.availability_zone().map(str::to_owned)));
    usable
}

fn zone_and_id(subnet: &Subnet) -> Option<(String, String)> {
    Some((subnet.availability_zone()?.to_owned(), subnet.subnet_id()?.to_owned()))
}

impl Output<NetworkOutputs> {
    /// Id of the VPC.
    pub fn vpc_id(&self) -> Output<String> {
        self.map(|it| it.vpc_id)
    }

    /// Ids of the subnets.
    pub fn subnet_ids(&self) -> Output<Vec<String>> {
        self.map(|it| it.subnet_ids)
    }

    /// Id of the first subnet, for what lives in one only.
    pub fn first_subnet(&self) -> Output<String> {
        // There are at least two, or there would be no outputs.
        self.map(|it| it.subnet_ids.into_iter().next().unwrap_or_default())
    }

    /// The availability zone of the first subnet.
    pub fn first_zone(&self) -> Output<String> {
        self.map(|it| it.first_zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_zone_gives_its_best_subnet() {
        let subnet = |id: &str, zone: &str| Subnet::builder().subnet_id(id).availability_zone(zone);
        let ids = |subnets| {
            one_of_each_zone(subnets)
                .iter()
                .filter_map(zone_and_id)
                .map(|it| it.1)
                .collect::<Vec<_>>()
        };
        let own = vec![
            subnet("s-1", "a").build(),
            subnet("s-2", "a").map_public_ip_on_launch(true).build(),
            subnet("s-4", "b").build(),
            subnet("s-3", "b").build(),
            subnet("s-0", "c").state(SubnetState::Pending).build(),
        ];
        assert_eq!(ids(own.clone()), ["s-2", "s-3"]);
        let default = subnet("s-9", "a").default_for_az(true).build();
        assert_eq!(ids([own, vec![default]].concat()), ["s-9"]);
    }
}
