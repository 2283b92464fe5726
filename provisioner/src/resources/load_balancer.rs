//! Application load balancer: the one address of all services.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancer as Live, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerStateEnum,
};
use futures::future::try_join;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, elb, there},
    engine::{Error, Existing, Found, Output, Progress, Replacement, Resource, Result},
    resources::Kind,
};

/// An application load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its name, unique in account and region: at most 32 letters, digits and hyphens.
    pub name: String,
    /// `internet-facing`, or `internal` for one that only its VPC reaches.
    pub scheme: String,
    /// Id of the VPC that its subnets are in; it follows from them and is here because it cannot change.
    pub vpc_id: Output<String>,
    /// Ids of its subnets, each in another availability zone, in any order.
    pub subnets: Output<Vec<String>>,
    /// Ids of its security groups, in any order.
    pub security_groups: Output<Vec<String>>,
    /// How it treats connections and requests.
    pub attributes: LoadBalancerAttributes,
    /// Its tags.
    pub tags: Tags,
}

/// How a load balancer treats connections and requests. The default is what AWS creates one with, by
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html>.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerAttributes {
    /// Seconds without traffic after which a connection is closed, 1 to 4000.
    pub idle_timeout_seconds: i32,
    /// AWS refuses to delete it.
    pub deletion_protection: bool,
    /// Header fields whose names are not valid are taken out, rather than handed on.
    pub drop_invalid_header_fields: bool,
    /// Clients may speak HTTP/2.
    pub http2: bool,
}

/// What others need of a load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerOutputs {
    /// Its ARN.
    pub arn: String,
    /// Its name in DNS.
    pub dns_name: String,
    /// Id of the hosted zone that its name in DNS is in, for alias records. Not a zone of ours.
    pub zone_id: String,
}

impl Default for LoadBalancerAttributes {
    fn default() -> Self {
        Self {
            idle_timeout_seconds: 60,
            deletion_protection: false,
            drop_invalid_header_fields: false,
            http2: true,
        }
    }
}

impl Resource for LoadBalancer {
    type Outputs = LoadBalancerOutputs;
    const KIND: Kind = Kind::LoadBalancer;
    const REPLACED_BY: &'static [&'static str] = &["name", "scheme", "vpc_id"];
    // Two of one name cannot be, and a change of scheme or VPC does not change the name.
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut live = None;
        if let Some(it) = recorded {
            live = by_arn(&it.outputs.arn, cloud).await?;
        }
        if live.is_none() {
            let found = cloud.elb.describe_load_balancers().names(&self.name).send().await;
            live = there(found)?.and_then(|it| it.load_balancers.unwrap_or_default().pop());
        }
        let Some(live) = live else {
            return Ok(Found::Nothing);
        };
        let outputs = outputs(&live)?;
        let (attributes, tags) =
            try_join(attributes(&outputs.arn, cloud), elb::found(&outputs.arn, cloud)).await?;
        let subnets =
            live.availability_zones().iter().filter_map(|it| it.subnet_id()).map(str::to_owned);
        let existing = Existing {
            inputs: Self {
                name: live.load_balancer_name().unwrap_or_default().to_owned(),
                scheme: live.scheme().map_or("", LoadBalancerSchemeEnum::as_str).to_owned(),
                vpc_id: live.vpc_id().unwrap_or_default().into(),
                subnets: in_order_of(&self.subnets, subnets.collect()),
                security_groups: in_order_of(
                    &self.security_groups,
                    live.security_groups().to_vec(),
                ),
                attributes,
                tags: tags.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs,
        };
        Ok(tags.sort(existing, cloud))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.elb.create_load_balancer().name(&self.name);
        let request = request.scheme(LoadBalancerSchemeEnum::from(self.scheme.as_str()));
        let request = request.set_subnets(Some(self.subnets.get()?));
        let request = request.set_security_groups(Some(self.security_groups.get()?));
        let answer = request.set_tags(Some(elb::tags(&self.tags))).send().await?;
        let live =
            answer.load_balancers().first().ok_or_else(|| Error::missing("load balancer"))?;
        Ok(Existing {
            inputs: Self { attributes: LoadBalancerAttributes::default(), ..self.clone() },
            outputs: outputs(live)?,
        })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<LoadBalancerOutputs> {
        let (arn, old) = (&existing.outputs.arn, &existing.inputs);
        if self.subnets != old.subnets {
            let request = cloud.elb.set_subnets().load_balancer_arn(arn);
            request.set_subnets(Some(self.subnets.get()?)).send().await?;
        }
        if self.security_groups != old.security_groups {
            let request = cloud.elb.set_security_groups().load_balancer_arn(arn);
            request.set_security_groups(Some(self.security_groups.get()?)).send().await?;
        }
        if self.attributes != old.attributes {
            self.sync_attributes(arn, &old.attributes, cloud).await?;
        }
        if self.tags != old.tags {
            elb::sync_tags(arn, &self.tags, &old.tags, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn ready(outputs: &LoadBalancerOutputs, cloud: &Cloud) -> Result<Progress> {
        let Some(live) = by_arn(&outputs.arn, cloud).await? else {
            // What was just made is not always seen at once.
            return Ok(Progress::Waiting("the load balancer to be visible".to_owned()));
        };
        let state = live.state();
        match state.and_then(|it| it.code()) {
            // Impaired: it works, and cannot grow for want of addresses in a subnet.
            Some(LoadBalancerStateEnum::Active | LoadBalancerStateEnum::ActiveImpaired) => {
                Ok(Progress::Done)
            }
            Some(LoadBalancerStateEnum::Failed) => Err(Error::Refused(format!(
                "AWS could not set it up: {}. Mend that, delete the load balancer with `aws elbv2 delete-load-balancer \
                 --load-balancer-arn {}`, and run `up` again.",
                state.and_then(|it| it.reason()).unwrap_or("it gives no reason"),
                outputs.arn
            ))),
            Some(other) => Ok(Progress::Waiting(other.as_str().to_owned())),
            None => Err(Error::missing("state of the load balancer")),
        }
    }

    async fn delete(outputs: &LoadBalancerOutputs, cloud: &Cloud) -> Result<Progress> {
        // Its listeners and their rules go with it.
        let request = cloud.elb.delete_load_balancer().load_balancer_arn(&outputs.arn);
        match request.send().await.map_err(Error::from) {
            Ok(_) => Ok(Progress::Done),
            Err(Error::Api(api))
                if api.code == "OperationNotPermitted" && is_protected(&api.message) =>
            {
                Err(Error::Refused(format!(
                    "AWS refuses to delete it: its deletion protection is on. Set `deletion_protection: false` under \
                     `load_balancer` in stack.yaml and run `up`, or, without a stack.yaml, run `aws elbv2 \
                     modify-load-balancer-attributes --load-balancer-arn {} --attributes \
                     Key=deletion_protection.enabled,Value=false`; then try again. AWS says: {}",
                    outputs.arn, api.message
                )))
            }
            Err(error) => Err(error),
        }
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<LoadBalancerOutputs>> {
        let Some(_) = arn.id_of("elasticloadbalancing", "loadbalancer") else { return Ok(None) };
        by_arn(arn.whole, cloud).await?.map(|it| outputs(&it)).transpose()
    }
}

impl LoadBalancer {
    async fn sync_attributes(
        &self,
        arn: &str,
        old: &LoadBalancerAttributes,
        cloud: &Cloud,
    ) -> Result<()> {
        let old = old.as_aws_says();
        let changed = self.attributes.as_aws_says().into_iter().filter(|it| !old.contains(it));
        let changed = changed
            .map(|(key, value)| LoadBalancerAttribute::builder().key(key).value(value).build());
        let request = cloud.elb.modify_load_balancer_attributes().load_balancer_arn(arn);
        request.set_attributes(Some(changed.collect())).send().await?;
        Ok(())
    }
}

impl LoadBalancerAttributes {
    const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";
    const DELETION_PROTECTION: &str = "deletion_protection.enabled";
    const DROP_INVALID: &str = "routing.http.drop_invalid_header_fields.enabled";
    const HTTP2: &str = "routing.http2.enabled";

    fn as_aws_says(&self) -> [(&'static str, String); 4] {
        [
            (Self::IDLE_TIMEOUT, self.idle_timeout_seconds.to_string()),
            (Self::DELETION_PROTECTION, self.deletion_protection.to_string()),
            (Self::DROP_INVALID, self.drop_invalid_header_fields.to_string()),
            (Self::HTTP2, self.http2.to_string()),
        ]
    }

    fn as_found(found: &BTreeMap<String, String>) -> Self {
        let default = Self::default();
        let flag = |key: &str, default| found.get(key).map_or(default, |it| it == "true");
        Self {
            idle_timeout_seconds: found
                .get(Self::IDLE_TIMEOUT)
                .and_then(|it| it.parse().ok())
                .unwrap_or(default.idle_timeout_seconds),
            deletion_protection: flag(Self::DELETION_PROTECTION, default.deletion_protection),
            drop_invalid_header_fields: flag(
                Self::DROP_INVALID,
                default.drop_invalid_header_fields,
            ),
            http2: flag(Self::HTTP2, default.http2),
        }
    }
}

async fn by_arn(arn: &str, cloud: &Cloud) -> Result<Option<Live>> {
    let found = cloud.elb.describe_load_balancers().load_balancer_arns(arn).send().await;
    Ok(there(found)?.and_then(|it| it.load_balancers.unwrap_or_default().pop()))
}

async fn attributes(arn: &str, cloud: &Cloud) -> Result<LoadBalancerAttributes> {
    let found = cloud.elb.describe_load_balancer_attributes().load_balancer_arn(arn).send().await?;
    let found = found.attributes.unwrap_or_default().into_iter();
    Ok(LoadBalancerAttributes::as_found(&found.filter_map(|it| it.key.zip(it.value)).collect()))
}

fn outputs(live: &Live) -> Result<LoadBalancerOutputs> {
    Ok(LoadBalancerOutputs {
        arn: live
            .load_balancer_arn()
            .ok_or_else(|| Error::missing("load balancer's ARN"))?
            .to_owned(),
        dns_name: live.dns_name().unwrap_or_default().to_owned(),
        zone_id: live.canonical_hosted_zone_id().unwrap_or_default().to_owned(),
    })
}

/// The code also stands for what is not permitted for other reasons.
fn is_protected(message: &str) -> bool {
    message.to_lowercase().contains("deletion protection")
}

/// The same ids in the order they were asked for, as far as they are the same: AWS gives them in an order of its own.
fn in_order_of(wanted: &Output<Vec<String>>, mut live: Vec<String>) -> Output<Vec<String>> {
    let Ok(wanted) = wanted.get() else {
        live.sort_unstable();
        return live.into();
    };
    live.sort_by_key(|id| {
        (wanted.iter().position(|it| it == id).unwrap_or(usize::MAX), id.clone())
    });
    live.into()
}

impl Output<LoadBalancerOutputs> {
    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }

    /// Its name in DNS.
    pub fn dns_name(&self) -> Output<String> {
        self.map(|it| it.dns_name)
    }

    /// Id of the hosted zone that its name in DNS is in, for alias records.
    pub fn zone_id(&self) -> Output<String> {
        self.map(|it| it.zone_id)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_ids_is_no_difference() {
        let ids = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let wanted: Output<Vec<String>> = ids(&["b", "a"]).into();
        assert_eq!(in_order_of(&wanted, ids(&["a", "b"])), wanted);
        assert_eq!(in_order_of(&wanted, ids(&["c", "a"])).get().unwrap(), ["a", "c"]);
    }

    #[test]
    fn attributes_are_read_as_they_are_written() {
        let ours = LoadBalancerAttributes {
            idle_timeout_seconds: 400,
            deletion_protection: true,
            drop_invalid_header_fields: true,
            http2: false,
        };
        let said =
            ours.as_aws_says().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        assert_eq!(LoadBalancerAttributes::as_found(&said), ours);
        assert_eq!(
            LoadBalancerAttributes::as_found(&BTreeMap::new()),
            LoadBalancerAttributes::default()
        );
    }
}
