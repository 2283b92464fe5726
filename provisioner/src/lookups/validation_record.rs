//! Validation record: what must be in DNS before ACM issues a certificate.

use serde::{Deserialize, Serialize};

use crate::{
    cloud::Cloud,
    engine::{Lookup, Output, Result},
};

/// The DNS record that ACM wants to see for a certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationRecord {
    /// ARN of the certificate.
    pub certificate_arn: Output<String>,
}

/// The record. It is the same for every certificate that one account asks for one domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationRecordOutputs {
    /// Its name.
    pub name: String,
    /// Its type, `CNAME`.
    pub record_type: String,
    /// Its value.
    pub value: String,
}

impl Lookup for ValidationRecord {
    type Outputs = ValidationRecordOutputs;

    /// `None` for some seconds after the certificate was requested.
    async fn find(&self, cloud: &Cloud) -> Result<Option<ValidationRecordOutputs>> {
        let request = cloud.acm.describe_certificate().certificate_arn(self.certificate_arn.get()?);
        let found = request.send().await?.certificate;
        let options = found.and_then(|it| it.domain_validation_options).unwrap_or_default();
        // Our certificates are for one name each.
        let record = options.into_iter().find_map(|it| it.resource_record);
        Ok(record.map(|it| ValidationRecordOutputs {
            name: it.name,
            record_type: it.r#type.as_str().to_owned(),
            value: it.value,
        }))
    }
}

impl Output<ValidationRecordOutputs> {
    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }

    /// Its type, `CNAME`.
    pub fn record_type(&self) -> Output<String> {
        self.map(|it| it.record_type)
    }

    /// Its value.
    pub fn value(&self) -> Output<String> {
        self.map(|it| it.value)
    }
}
