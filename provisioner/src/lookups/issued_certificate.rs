//! Issued certificate: one that a load balancer accepts.

use aws_sdk_acm::types::{CertificateDetail, CertificateStatus, FailureReason};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::Cloud,
    engine::{Error, Lookup, Output, Result},
};

/// A certificate once it is issued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IssuedCertificate {
    /// ARN of the certificate, [`after`](Output::after) the validation record: without that it is never issued.
    pub certificate_arn: Output<String>,
}

/// The issued certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IssuedCertificateOutputs {
    /// Its ARN.
    pub arn: String,
}

impl Lookup for IssuedCertificate {
    type Outputs = IssuedCertificateOutputs;

    /// `None` until ACM has seen the validation record, usually for some minutes.
    async fn find(&self, cloud: &Cloud) -> Result<Option<IssuedCertificateOutputs>> {
        let arn = self.certificate_arn.get()?;
        let found = cloud.acm.describe_certificate().certificate_arn(&arn).send().await?;
        let found = found.certificate.ok_or_else(|| Error::missing("certificate"))?;
        Ok(is_issued(&found)?.then_some(IssuedCertificateOutputs { arn }))
    }
}

fn is_issued(certificate: &CertificateDetail) -> Result<bool> {
    let status = match certificate.status() {
        Some(CertificateStatus::Issued) => return Ok(true),
        Some(CertificateStatus::PendingValidation) | None => return Ok(false),
        Some(other) => other.as_str(),
    };
    let domain = certificate.domain_name().unwrap_or_default();
    let reason = certificate.failure_reason();
    let why = reason.map(|it| format!(" ({})", it.as_str())).unwrap_or_default();
    Err(Error::Refused(format!(
        "ACM does not issue the certificate for {domain}: its status is {status}{why}. {} Then run `up` again: it asks \
         for a new certificate and deletes this one.",
        remedy(certificate.status(), reason)
    )))
}

/// What helps, by <https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-failed.html>.
fn remedy(status: Option<&CertificateStatus>, reason: Option<&FailureReason>) -> &'static str {
    match (status, reason) {
        (_, Some(FailureReason::CaaError)) => {
            "A CAA record of the domain forbids Amazon to issue certificates for it: add one with the value \
             `0 issue \"amazon.com\"`, or remove them."
        }
        (_, Some(FailureReason::AdditionalVerificationRequired)) => {
            "Amazon wants to know more about this domain: open a case with AWS Support."
        }
        (_, Some(FailureReason::DomainNotAllowed)) => {
            "The domain is on a list of unsafe ones: have it taken off that list, which is Google's Safe Browsing or \
             VirusTotal's, and tell AWS Support."
        }
        (_, Some(FailureReason::InvalidPublicDomain)) => {
            "The name is not one of a public domain: correct `load_balancer.domain`."
        }
        (Some(CertificateStatus::ValidationTimedOut), _) => {
            "The validation record could not be seen for 72 hours: make sure that the domain's registrar names the \
             name servers of the hosted zone."
        }
        _ => "See what ACM's console says about it, and mend that.",
    }
}

impl Output<IssuedCertificateOutputs> {
    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_why_and_what_to_do() {
        let certificate =
            |status| CertificateDetail::builder().domain_name("bot.example.com").status(status);
        assert!(is_issued(&certificate(CertificateStatus::Issued).build()).unwrap());
        assert!(!is_issued(&certificate(CertificateStatus::PendingValidation).build()).unwrap());
        let failed =
            certificate(CertificateStatus::Failed).failure_reason(FailureReason::CaaError).build();
        let said = is_issued(&failed).unwrap_err().to_string();
        assert!(said.contains("FAILED (CAA_ERROR)") && said.contains("amazon.com"), "{said}");
        let late = is_issued(&certificate(CertificateStatus::ValidationTimedOut).build())
            .unwrap_err()
            .to_string();
        assert!(late.contains("name servers"), "{late}");
    }
}
