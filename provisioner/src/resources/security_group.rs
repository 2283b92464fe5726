//! Security group: a firewall around network interfaces. Its rules are resources of their own.

use aws_sdk_ec2::types::{NetworkInterface, ResourceType, SecurityGroup as Live};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, ec2},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

/// A security group. AWS gives each new one a rule that lets everything out; it stays and is not modelled here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Its name, unique in the VPC.
    pub name: String,
    /// What it is for. AWS sets it for good when the group is made; rather than replace a group, and with it all that
    /// uses it, for the sake of a text, an existing group keeps the description it has.
    pub description: String,
    /// The VPC it belongs to.
    pub vpc_id: Output<String>,
    /// Its tags.
    pub tags: Tags,
}

/// What others need of a security group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroupOutputs {
    /// Its id.
    pub id: String,
}

impl Resource for SecurityGroup {
    type Outputs = SecurityGroupOutputs;
    const KIND: Kind = Kind::SecurityGroup;
    // Either changed gives another address, so the new group can be made while the old one is still in use.
    const REPLACED_BY: &'static [&'static str] = &["name", "vpc_id"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut group = None;
        if let Some(it) = recorded {
            let request = cloud
                .ec2
                .describe_security_groups()
                .filters(ec2::filter("group-id", &it.outputs.id));
            group = request.send().await?.security_groups.unwrap_or_default().pop();
        }
        if group.is_none() {
            let request =
                cloud.ec2.describe_security_groups().filters(ec2::filter("group-name", &self.name));
            let request = request.filters(ec2::filter("vpc-id", self.vpc_id.get()?));
            // The filter knows wildcards.
            let found = request.send().await?.security_groups.unwrap_or_default();
            group = found.into_iter().find(|it| it.group_name() == Some(&self.name));
        }
        let Some(group) = group else {
            return Ok(Found::Nothing);
        };
        let live = ec2::found(group.tags());
        let existing = Existing {
            inputs: Self {
                name: group.group_name().unwrap_or_default().to_owned(),
                description: self.description.clone(),
                vpc_id: group.vpc_id().unwrap_or_default().into(),
                tags: live.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs: SecurityGroupOutputs {
                id: group.group_id.ok_or_else(|| Error::missing("security group id"))?,
            },
        };
        Ok(live.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request =
            cloud.ec2.create_security_group().group_name(&self.name).description(&self.description);
        let request =
            request.tag_specifications(ec2::specification(ResourceType::SecurityGroup, &self.tags));
        let answer = request.vpc_id(self.vpc_id.get()?).send().await?;
        let id = answer.group_id.ok_or_else(|| Error::missing("security group id"))?;
        Ok(Existing { inputs: self.clone(), outputs: SecurityGroupOutputs { id } })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<SecurityGroupOutputs> {
        if self.tags != existing.inputs.tags {
            ec2::sync_tags(&[&existing.outputs.id], &self.tags, &existing.inputs.tags, cloud)
                .await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &SecurityGroupOutputs, cloud: &Cloud) -> Result<Progress> {
        cloud.ec2.delete_security_group().group_id(&outputs.id).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<SecurityGroupOutputs>> {
        let Some(id) = arn.id_of("ec2", "security-group") else { return Ok(None) };
        let request = cloud.ec2.describe_security_groups().filters(ec2::filter("group-id", id));
        let found = request.send().await?;
        Ok(found.security_groups().first().map(|_| SecurityGroupOutputs { id: id.to_owned() }))
    }

    async fn held_by(outputs: &SecurityGroupOutputs, cloud: &Cloud) -> Result<Vec<String>> {
        let request =
            cloud.ec2.describe_network_interfaces().filters(ec2::filter("group-id", &outputs.id));
        let interfaces: Vec<NetworkInterface> =
            request.into_paginator().items().send().try_collect().await?;
        let mut holders: Vec<String> = interfaces.iter().map(interface_in_words).collect();
        for rules in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
            let request =
                cloud.ec2.describe_security_groups().filters(ec2::filter(rules, &outputs.id));
            let groups: Vec<Live> = request.into_paginator().items().send().try_collect().await?;
            // A group that refers to itself does not hold itself.
            let others = groups.iter().filter(|it| it.group_id() != Some(&outputs.id));
            holders.extend(others.map(group_in_words));
        }
        holders.sort_unstable();
        holders.dedup();
        Ok(holders)
    }
}

/// AWS writes into the description whose interface it is (`ELB app/gsm/50dc6c495c0c9188`); an instance's has none.
fn interface_in_words(interface: &NetworkInterface) -> String {
    let id = interface.network_interface_id().unwrap_or_default();
    let instance = interface.attachment().and_then(|it| it.instance_id());
    match (interface.description().filter(|it| !it.is_empty()), instance) {
        (Some(description), _) => format!("network interface {id} ({description})"),
        (None, Some(instance)) => format!("network interface {id} (instance {instance})"),
        (None, None) => format!("network interface {id}"),
    }
}

fn group_in_words(group: &Live) -> String {
    let (id, name) = (group.group_id().unwrap_or_default(), group.group_name().unwrap_or_default());
    format!("a rule of security group {id} ({name})")
}

impl Output<SecurityGroupOutputs> {
    /// Its id.
    pub fn id(&self) -> Output<String> {
        self.map(|it| it.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::NetworkInterfaceAttachment;

    #[test]
    fn an_interface_says_whose_it_is() {
        let interface = NetworkInterface::builder().network_interface_id("eni-1");
        let of_balancer = interface.clone().description("ELB app/gsm/1").build();
        assert_eq!(interface_in_words(&of_balancer), "network interface eni-1 (ELB app/gsm/1)");
        let attachment = NetworkInterfaceAttachment::builder().instance_id("i-1").build();
        let of_instance = interface.clone().description("").attachment(attachment).build();
        assert_eq!(interface_in_words(&of_instance), "network interface eni-1 (instance i-1)");
        assert_eq!(interface_in_words(&interface.build()), "network interface eni-1");
    }
}
