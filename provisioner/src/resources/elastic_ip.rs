//! Elastic IP address: one that stays when the instance behind it is replaced.

use aws_sdk_ec2::{
    config::{Config, retry::RetryConfig},
    types::{Address, DomainType, Filter, ResourceType},
};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, ec2},
    engine::{Error, Existing, Found, KnownBy, Output, Progress, Resource, Result, unless_gone},
    resources::Kind,
};

/// An Elastic IP address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElasticIp {
    /// The instance it leads to; an address that leads to none reads as empty.
    pub instance_id: Output<String>,
    /// Its tags.
    pub tags: Tags,
}

/// What others need of an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElasticIpOutputs {
    /// Its id.
    pub allocation_id: String,
    /// The address itself.
    pub public_ip: String,
}

impl Resource for ElasticIp {
    type Outputs = ElasticIpOutputs;
    const KIND: Kind = Kind::ElasticIp;
    const REPLACED_BY: &'static [&'static str] = &[];
    const KNOWN_BY: KnownBy = KnownBy::Nothing;

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut address = None;
        if let Some(it) = recorded {
            address = find(vec![by_id(&it.outputs)], cloud).await?;
        }
        if address.is_none() {
            address = find(ec2::marked(&self.tags, cloud), cloud).await?;
        }
        let Some(address) = address else {
            return Ok(Found::Nothing);
        };
        let live = ec2::found(address.tags());
        let existing = Existing {
            inputs: Self {
                instance_id: address.instance_id().unwrap_or_default().into(),
                tags: live.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs: outputs(address.allocation_id, address.public_ip)?,
        };
        Ok(live.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.ec2.allocate_address().domain(DomainType::Vpc);
        let request =
            request.tag_specifications(ec2::specification(ResourceType::ElasticIp, &self.tags));
        // The call takes no token: repeated after a lost answer it would give a second address. The engine looks first.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let answer = request.customize().config_override(once).send().await?;
        Ok(Existing {
            inputs: Self { instance_id: "".into(), ..self.clone() },
            outputs: outputs(answer.allocation_id, answer.public_ip)?,
        })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<ElasticIpOutputs> {
        let ElasticIpOutputs { allocation_id, .. } = &existing.outputs;
        if self.instance_id != existing.inputs.instance_id {
            let request = cloud.ec2.associate_address().allocation_id(allocation_id);
            // It may lead to the instance that is being replaced.
            request.instance_id(self.instance_id.get()?).allow_reassociation(true).send().await?;
        }
        if self.tags != existing.inputs.tags {
            ec2::sync_tags(&[allocation_id], &self.tags, &existing.inputs.tags, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &ElasticIpOutputs, cloud: &Cloud) -> Result<Progress> {
        let address = find(vec![by_id(outputs)], cloud).await?;
        if let Some(association) = address.and_then(|it| it.association_id) {
            unless_gone(cloud.ec2.disassociate_address().association_id(association).send().await)?;
        }
        cloud.ec2.release_address().allocation_id(&outputs.allocation_id).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<ElasticIpOutputs>> {
        let Some(id) = arn.id_of("ec2", "elastic-ip") else { return Ok(None) };
        let found = find(vec![ec2::filter("allocation-id", id)], cloud).await?;
        found.map(|it| outputs(it.allocation_id, it.public_ip)).transpose()
    }
}

fn by_id(outputs: &ElasticIpOutputs) -> Filter {
    ec2::filter("allocation-id", &outputs.allocation_id)
}

/// Of several addresses with our marks (a creation was repeated) always the same one, in use if one is. The others
/// are what `destroy` finds left over.
async fn find(filters: Vec<Filter>, cloud: &Cloud) -> Result<Option<Address>> {
    let found = cloud.ec2.describe_addresses().set_filters(Some(filters)).send().await?;
    let rank = |it: &Address| (it.association_id.is_none(), it.allocation_id.clone());
    Ok(found.addresses.unwrap_or_default().into_iter().min_by_key(rank))
}

fn outputs(allocation_id: Option<String>, public_ip: Option<String>) -> Result<ElasticIpOutputs> {
    Ok(ElasticIpOutputs {
        allocation_id: allocation_id.ok_or_else(|| Error::missing("allocation id"))?,
        public_ip: public_ip.ok_or_else(|| Error::missing("public address"))?,
    })
}

impl Output<ElasticIpOutputs> {
    /// The address itself.
    pub fn public_ip(&self) -> Output<String> {
        self.map(|it| it.public_ip)
    }
}
