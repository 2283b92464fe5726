//! Certificate: what a load balancer shows for a domain of ours; ACM renews it by itself as long as the validation
//! record exists.

use aws_sdk_acm::{
    config::{Config, retry::RetryConfig},
    types::{CertificateDetail, CertificateStatus, Tag, ValidationMethod},
};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, there},
    engine::{Error, Existing, Found, KnownBy, Output, Progress, Resource, Result},
    resources::Kind,
};

/// A public certificate that is validated by DNS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The name it is for, at most 64 characters.
    pub domain_name: String,
    /// Whether it is of any use; what we want is [`Standing::Usable`].
    ///
    /// One that ACM gave up or that has expired never becomes usable again. It is replaced rather than taken as absent,
    /// so that it is deleted in the end and not left behind.
    pub status: Standing,
    /// Its tags.
    pub tags: Tags,
}

/// Whether a certificate is of any use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It is issued, or will be once it is validated.
    #[serde(rename = "usable")]
    Usable,
    /// It is not and will not be; ACM's status and reason.
    #[serde(untagged)]
    Useless(String),
}

/// What others need of a certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertificateOutputs {
    /// Its ARN.
    pub arn: String,
}

impl Resource for Certificate {
    type Outputs = CertificateOutputs;
    const KIND: Kind = Kind::Certificate;
    const REPLACED_BY: &'static [&'static str] = &["domain_name", "status"];
    const KNOWN_BY: KnownBy = KnownBy::Token;

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        if let Some(it) = recorded
            && let Some(live) = describe(&it.outputs.arn, cloud).await?
        {
            let tags = found_tags(&it.outputs.arn, cloud).await?;
            return Ok(tags.sort(self.existing(&live, &tags, recorded)?, cloud));
        }
        self.find_marked(recorded, cloud).await
    }

    async fn create(&self, token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.acm.request_certificate().domain_name(&self.domain_name);
        let request = request.validation_method(ValidationMethod::Dns);
        // At most 32 characters of `\w`; ours is as many hexadecimal digits.
        let token: String = token.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        let request = request.idempotency_token(token).set_tags(Some(tags(self.tags.iter())?));
        // ACM forgets the token after an hour. The engine looks before it tries again.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let answer = request.customize().config_override(once).send().await?;
        let arn = answer.certificate_arn.ok_or_else(|| Error::missing("certificate's ARN"))?;
        Ok(Existing { inputs: self.clone(), outputs: CertificateOutputs { arn } })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<CertificateOutputs> {
        if self.tags != existing.inputs.tags {
            self.sync_tags(existing, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &CertificateOutputs, cloud: &Cloud) -> Result<Progress> {
        // Refused while a listener shows it, and for some minutes after that.
        cloud.acm.delete_certificate().certificate_arn(&outputs.arn).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<CertificateOutputs>> {
        let Some(_) = arn.id_of("acm", "certificate") else { return Ok(None) };
        let found = describe(arn.whole, cloud).await?;
        Ok(found.map(|_| CertificateOutputs { arn: arn.whole.to_owned() }))
    }

    async fn held_by(outputs: &CertificateOutputs, cloud: &Cloud) -> Result<Vec<String>> {
        let live = describe(&outputs.arn, cloud).await?;
        Ok(live.and_then(|it| it.in_use_by).unwrap_or_default())
    }
}

impl Certificate {
    /// A certificate has no name. Of several with our marks (a creation was repeated after its token was forgotten) an
    /// issued one is taken, then one that may become so; the others are what `destroy` finds left over.
    async fn find_marked(
        &self,
        recorded: Option<&Existing<Self>>,
        cloud: &Cloud,
    ) -> Result<Found<Self>> {
        // Without a filter this gives certificates in every status with RSA keys of at most 2048 bits: all of ours.
        let listed = cloud.acm.list_certificates().into_paginator().items().send();
        let listed: Vec<_> = listed.try_collect().await?;
        let is_for_us =
            |it: Option<&str>| it.is_some_and(|it| it.eq_ignore_ascii_case(&self.domain_name));
        let mut candidates: Vec<_> =
            listed.iter().filter(|it| is_for_us(it.domain_name())).collect();
        candidates.sort_by_key(|it| (rank(it.status()), it.certificate_arn()));
        for arn in candidates.into_iter().filter_map(|it| it.certificate_arn()) {
            let Some(tags) = there(found_tags(arn, cloud).await)? else { continue };
            if tags.stack() != Some(&cloud.stack) {
                continue;
            }
            // There may be many certificates for one domain: somebody else's is in nobody's way.
            if let Some(live) = describe(arn, cloud).await? {
                return Ok(Found::Ours(self.existing(&live, &tags, recorded)?));
            }
        }
        Ok(Found::Nothing)
    }

    fn existing(
        &self,
        live: &CertificateDetail,
        tags: &Tags,
        recorded: Option<&Existing<Self>>,
    ) -> Result<Existing<Self>> {
        let domain_name = live.domain_name().unwrap_or_default();
        let is_the_same = domain_name.eq_ignore_ascii_case(&self.domain_name);
        Ok(Existing {
            inputs: Self {
                domain_name: if is_the_same { &self.domain_name } else { domain_name }.to_owned(),
                status: standing(live),
                tags: tags.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs: CertificateOutputs {
                arn: live
                    .certificate_arn()
                    .ok_or_else(|| Error::missing("certificate's ARN"))?
                    .to_owned(),
            },
        })
    }

    async fn sync_tags(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<()> {
        let (arn, old) = (&existing.outputs.arn, &existing.inputs.tags);
        let set = self.tags.to_set(old);
        if !set.is_empty() {
            let set = tags(set.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
            cloud
                .acm
                .add_tags_to_certificate()
                .certificate_arn(arn)
                .set_tags(Some(set))
                .send()
                .await?;
        }
        let remove = self.tags.to_remove(old);
        if !remove.is_empty() {
            // A tag without a value stands for whatever value it has.
            let remove = remove.into_iter().map(|key| Tag::builder().key(key).build());
            let remove = remove.collect::<std::result::Result<Vec<_>, _>>()?;
            cloud
                .acm
                .remove_tags_from_certificate()
                .certificate_arn(arn)
                .set_tags(Some(remove))
                .send()
                .await?;
        }
        Ok(())
    }
}

fn rank(status: Option<&CertificateStatus>) -> u8 {
    match status {
        Some(CertificateStatus::Issued) => 0,
        Some(CertificateStatus::PendingValidation) | None => 1,
        Some(_) => 2,
    }
}

fn standing(live: &CertificateDetail) -> Standing {
    match live.status() {
        // A moment after the request there may be no status.
        Some(CertificateStatus::Issued | CertificateStatus::PendingValidation) | None => {
            Standing::Usable
        }
        Some(status) => {
            let reason = live.failure_reason().map(|it| it.as_str());
            let reason = reason.or_else(|| live.revocation_reason().map(|it| it.as_str()));
            let reason = reason.map(|it| format!(" ({it})")).unwrap_or_default();
            Standing::Useless(format!("{}{reason}", status.as_str()))
        }
    }
}

async fn describe(arn: &str, cloud: &Cloud) -> Result<Option<CertificateDetail>> {
    let found = cloud.acm.describe_certificate().certificate_arn(arn).send().await;
    Ok(there(found)?.and_then(|it| it.certificate))
}

async fn found_tags(arn: &str, cloud: &Cloud) -> Result<Tags> {
    let found = cloud.acm.list_tags_for_certificate().certificate_arn(arn).send().await?;
    let tags = found.tags.unwrap_or_default().into_iter();
    Ok(Tags::found(tags.map(|it| (it.key, it.value.unwrap_or_default()))))
}

fn tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Tag>> {
    let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
    Ok(tags.collect::<std::result::Result<_, _>>()?)
}

impl Output<CertificateOutputs> {
    /// Its ARN. It may not be issued yet: see [`IssuedCertificate`](crate::lookups::IssuedCertificate).
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use aws_sdk_acm::types::FailureReason;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_certificate_that_acm_gave_up_is_of_no_use() {
        let live = |status| CertificateDetail::builder().status(status);
        assert_eq!(standing(&live(CertificateStatus::PendingValidation).build()), Standing::Usable);
        let failed =
            live(CertificateStatus::Failed).failure_reason(FailureReason::CaaError).build();
        assert_eq!(standing(&failed), Standing::Useless("FAILED (CAA_ERROR)".to_owned()));
    }

    #[test]
    fn the_standing_is_plain_text_in_the_state() {
        for (standing, text) in
            [(Standing::Usable, "usable"), (Standing::Useless("EXPIRED".to_owned()), "EXPIRED")]
        {
            assert_eq!(serde_json::to_value(&standing).unwrap(), json!(text));
            assert_eq!(serde_json::from_value::<Standing>(json!(text)).unwrap(), standing);
        }
    }
}
