//! VPC and subnets: whether they are there, of one VPC, and in two availability zones.

use super::{Check, Subject, Verdict, look};
use crate::{
    cloud::Cloud,
    config::Network as Wanted,
    engine::{Error, Lookup as _},
    lookups::Network,
};

pub(super) async fn check(wanted: &Wanted, cloud: Option<&Cloud>) -> Check {
    let network = &Network { vpc: wanted.vpc.clone(), subnets: wanted.subnets.clone() };
    let find = |cloud: Cloud| async move {
        network.find(&cloud).await?.ok_or_else(|| Error::missing("network"))
    };
    let verdict = match look(cloud, find).await {
        Ok(found) => {
            Verdict::Well(format!("{} with {} subnets", found.vpc_id, found.subnet_ids.len()))
        }
        Err(verdict) => verdict,
    };
    Check { subject: Subject::Network, service: None, verdict }
}
