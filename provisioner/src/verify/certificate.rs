//! The certificate: whether ACM has issued it, or why it will not.

use super::{Check, Subject, Verdict, look};
use crate::{
    cloud::Cloud,
    config::Config,
    engine::{Found, Lookup as _, Resource as _, Result},
    lookups::IssuedCertificate,
    program,
    resources::{Certificate, Standing},
};

/// How far it is.
enum Stage {
    Absent,
    Awaited,
    Issued,
}

pub(super) async fn check(config: &Config, domain: &str, cloud: Option<&Cloud>) -> Check {
    let certificate = &Certificate {
        domain_name: domain.to_owned(),
        status: Standing::Usable,
        tags: program::tags(config, "certificate"),
    };
    let verdict = match look(cloud, |cloud| stage(certificate, cloud)).await {
        Ok(Stage::Issued) => Verdict::Well(format!("issued for {domain}")),
        Ok(Stage::Awaited) => Verdict::Later(format!(
            "ACM has not seen the validation record of {domain} yet, and waits 72 hours for it"
        )),
        Ok(Stage::Absent) => {
            Verdict::Later(format!("there is none for {domain} yet: `up` asks for it"))
        }
        Err(verdict) => verdict,
    };
    Check { subject: Subject::Certificate, service: None, verdict }
}

async fn stage(certificate: &Certificate, cloud: Cloud) -> Result<Stage> {
    let Found::Ours(found) = certificate.read(None, &cloud).await? else {
        return Ok(Stage::Absent);
    };
    let issued = IssuedCertificate { certificate_arn: found.outputs.arn.into() };
    Ok(match issued.find(&cloud).await? {
        Some(_) => Stage::Issued,
        None => Stage::Awaited,
    })
}
