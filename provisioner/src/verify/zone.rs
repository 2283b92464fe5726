//! The hosted zone: whether there is one, and only one, that the domain can be entered in.

use super::{Check, Subject, Verdict, look};
use crate::{
    cloud::Cloud,
    engine::{Error, Lookup as _},
    lookups::HostedZone,
};

pub(super) async fn check(zone: &str, cloud: Option<&Cloud>) -> Check {
    let zone = &HostedZone { name: zone.to_owned() };
    let find = |cloud: Cloud| async move {
        zone.find(&cloud).await?.ok_or_else(|| Error::missing("hosted zone"))
    };
    let verdict = match look(cloud, find).await {
        Ok(found) => Verdict::Well(format!("{} ({})", found.name, found.id)),
        Err(verdict) => verdict,
    };
    Check { subject: Subject::Zone, service: None, verdict }
}
