//! ECS service: keeps tasks running, and replaces them by those of a new task definition.

mod rollout;

use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, DeploymentCircuitBreaker,
    DeploymentConfiguration as SdkDeploymentConfiguration, LaunchType, LoadBalancer,
    NetworkConfiguration, PropagateTags, Service,
};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, ecs},
    engine::{
        Class, Error, Existing, Found, Output, Progress, Replacement, Resource, Result, unless_gone,
    },
    resources::Kind,
};

/// A service on Fargate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EcsService {
    /// Its name, unique in the cluster.
    pub name: String,
    /// Name or ARN of the cluster.
    pub cluster: Output<String>,
    /// ARN of the revision that its tasks run.
    pub task_definition_arn: Output<String>,
    /// How many tasks are to run.
    pub desired_count: i32,
    /// Ids of the subnets of its tasks.
    pub subnets: Output<Vec<String>>,
    /// Ids of the security groups of its tasks.
    pub security_groups: Output<Vec<String>>,
    /// Whether a task gets a public address; without one it reaches the internet through a NAT gateway only.
    pub assign_public_ip: bool,
    /// Where the load balancer sends requests.
    pub load_balancer: Option<ServiceTarget>,
    /// Seconds after a task's start in which ECS ignores the load balancer's bad checks. Of use only with one.
    pub health_check_grace_period_seconds: Option<i32>,
    /// How a new task definition takes the place of the old one.
    pub deployment: DeploymentConfiguration,
    /// Whether ECS Exec may open sessions in its tasks.
    pub enable_execute_command: bool,
    /// Where its tasks get their tags from: `SERVICE`, `TASK_DEFINITION` or `NONE`.
    pub propagate_tags: String,
    /// Its tags.
    pub tags: Tags,
}

/// Where a load balancer sends requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceTarget {
    /// ARN of the target group; it must be in use by a listener already.
    pub target_group_arn: Output<String>,
    /// Name of the container.
    pub container_name: String,
    /// The port it listens on.
    pub container_port: i32,
}

/// How a new task definition takes the place of the old one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentConfiguration {
    /// The least share of the wanted tasks that run meanwhile.
    pub minimum_healthy_percent: i32,
    /// The greatest share of the wanted tasks that run meanwhile.
    pub maximum_percent: i32,
    /// Whether a deployment whose tasks do not start is given up and rolled back.
    pub circuit_breaker: bool,
}

/// What others need of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EcsServiceOutputs {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Name or ARN of the cluster.
    pub cluster: String,
    /// Id of the deployment that was the current one when we last changed or looked at the service. Whether the service
    /// is ready is judged by this one, for a service is just as stable after a rollback.
    pub deployment: String,
    /// When that deployment began, in seconds of the Unix epoch.
    pub deployed_at: i64,
}

impl Resource for EcsService {
    type Outputs = EcsServiceOutputs;
    const KIND: Kind = Kind::EcsService;
    const REPLACED_BY: &'static [&'static str] = &["name", "cluster"];
    /// Two services that poll Telegram at once disturb each other.
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let mut service = None;
        if let Some(it) = recorded {
            service = describe(&it.outputs.cluster, &it.outputs.name, cloud).await?;
        }
        if service.is_none() {
            service = describe(&self.cluster.get()?, &self.name, cloud).await?;
        }
        let Some(service) = service else {
            return Ok(Found::Nothing);
        };
        let live = ecs::found(service.tags());
        let tags = live.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags));
        let inputs = self.found(&service, tags);
        let cluster = inputs.cluster.get()?;
        Ok(live.sort(Existing { inputs, outputs: outputs(&service, cluster)? }, cloud))
    }

    async fn create(&self, token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let cluster = self.cluster.get()?;
        let request = cloud
            .ecs
            .create_service()
            .client_token(token)
            .cluster(&cluster)
            .service_name(&self.name)
            .task_definition(self.task_definition_arn.get()?)
            .launch_type(LaunchType::Fargate)
            .desired_count(self.desired_count)
            .network_configuration(self.network()?)
            .set_load_balancers(Some(self.load_balancers()?))
            .set_health_check_grace_period_seconds(self.grace_period(None))
            .deployment_configuration(self.deployment.for_sdk())
            // It would start another task before it stops one, which a service that must not overlap cannot bear.
            .availability_zone_rebalancing(AvailabilityZoneRebalancing::Disabled)
            .enable_execute_command(self.enable_execute_command)
            .propagate_tags(PropagateTags::from(self.propagate_tags.as_str()))
            .set_tags(Some(ecs::tags(self.tags.iter())));
        let service = request.send().await?.service.ok_or_else(|| Error::missing("service"))?;
        Ok(Existing { inputs: self.clone(), outputs: outputs(&service, cluster)? })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<EcsServiceOutputs> {
        let old = &existing.inputs;
        let mut outputs = existing.outputs.clone();
        if self.tags != old.tags {
            ecs::sync_tags(&outputs.arn, &self.tags, &old.tags, cloud).await?;
        }
        if (Self { tags: old.tags.clone(), ..self.clone() }) != *old {
            outputs = self.sync(old, outputs.cluster, cloud).await?;
        }
        Ok(outputs)
    }

    async fn ready(outputs: &EcsServiceOutputs, cloud: &Cloud) -> Result<Progress> {
        match describe(&outputs.cluster, &outputs.name, cloud).await? {
            Some(service) => rollout::judge(&service, outputs),
            None => Ok(Progress::Waiting("the service to be visible".to_owned())),
        }
    }

    async fn delete(outputs: &EcsServiceOutputs, cloud: &Cloud) -> Result<Progress> {
        let EcsServiceOutputs { name, cluster, .. } = outputs;
        let status = ecs::describe_service(cluster, name, cloud).await?.and_then(|it| it.status);
        match status.as_deref() {
            None | Some(ecs::INACTIVE) => Ok(Progress::Done),
            Some(ecs::ACTIVE) => {
                let stop = cloud
                    .ecs
                    .update_service()
                    .cluster(cluster)
                    .service(name)
                    .desired_count(0)
                    .send()
                    .await;
                match stop.map_err(Error::from) {
                    // A service that refers to something broken cannot be updated; deleting it by force stops it too.
                    Err(error) if error.class() == Class::Final => {}
                    result => unless_gone(result)?,
                }
                cloud
                    .ecs
                    .delete_service()
                    .cluster(cluster)
                    .service(name)
                    .force(true)
                    .send()
                    .await?;
                Ok(Progress::Waiting("draining".to_owned()))
            }
            Some(_) => Ok(Progress::Waiting("draining".to_owned())),
        }
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<EcsServiceOutputs>> {
        let Some(id) = arn.id_of("ecs", "service") else { return Ok(None) };
        let Some((cluster, name)) = id.split_once('/') else { return Ok(None) };
        // One that drains is waited for as well: it still holds its groups.
        let found = ecs::describe_service(cluster, name, cloud).await?;
        let found = found.filter(|it| it.status() != Some(ecs::INACTIVE));
        found.map(|it| outputs(&it, cluster.to_owned())).transpose()
    }
}

impl EcsService {
    /// What ECS says, in our own words wherever it says what we say.
    fn found(&self, live: &Service, tags: Tags) -> Self {
        let network = live.network_configuration().and_then(|it| it.awsvpc_configuration());
        let subnets = network.map(AwsVpcConfiguration::subnets).unwrap_or_default();
        let groups = network.map(AwsVpcConfiguration::security_groups).unwrap_or_default();
        let public =
            network.and_then(|it| it.assign_public_ip.as_ref()) == Some(&AssignPublicIp::Enabled);
        // If there are several, one that we do not want.
        let targets: Vec<_> =
            live.load_balancers().iter().map(|it| Some(ServiceTarget::found(it))).collect();
        let target = targets.iter().find(|it| **it != self.load_balancer).or(targets.first());
        let load_balancer = target.cloned().flatten();
        let grace = match live.health_check_grace_period_seconds.filter(|it| *it != 0) {
            _ if load_balancer.is_none() => self.health_check_grace_period_seconds,
            None => self.health_check_grace_period_seconds.filter(|it| *it == 0),
            grace => grace,
        };
        let arn = live.cluster_arn().unwrap_or_default();
        let wanted = self.cluster.get().ok();
        let same = |it: &String| arn == it || arn.rsplit('/').next() == Some(it);
        Self {
            name: live.service_name().unwrap_or_default().to_owned(),
            cluster: wanted.filter(same).unwrap_or_else(|| arn.to_owned()).into(),
            task_definition_arn: live.task_definition().unwrap_or_default().into(),
            desired_count: live.desired_count,
            subnets: in_order_of(&self.subnets, subnets).into(),
            security_groups: in_order_of(&self.security_groups, groups).into(),
            assign_public_ip: public,
            load_balancer,
            health_check_grace_period_seconds: grace,
            deployment: self.deployment.found(live.deployment_configuration()),
            enable_execute_command: live.enable_execute_command,
            propagate_tags: live
                .propagate_tags
                .as_ref()
                .unwrap_or(&PropagateTags::None)
                .as_str()
                .to_owned(),
            tags,
        }
    }

    /// One call with only what differs, for some of it starts a deployment even if it is the same.
    async fn sync(&self, old: &Self, cluster: String, cloud: &Cloud) -> Result<EcsServiceOutputs> {
        let network = (&self.subnets, &self.security_groups, self.assign_public_ip);
        let networks = network != (&old.subnets, &old.security_groups, old.assign_public_ip);
        let balances = self.load_balancer != old.load_balancer;
        if self.load_balancer.is_none() && old.grace().is_some_and(|it| it > 0) {
            // ECS refuses a grace period without a load balancer; whether it drops one that is left over is not
            // documented, so it goes first.
            let request = cloud.ecs.update_service().cluster(&cluster).service(&self.name);
            request.health_check_grace_period_seconds(0).send().await?;
        }
        let revision = self.task_definition_arn.get()?;
        let propagation = PropagateTags::from(self.propagate_tags.as_str());
        let exec = self.enable_execute_command;
        let request = cloud
            .ecs
            .update_service()
            .cluster(&cluster)
            .service(&self.name)
            .set_task_definition(
                (self.task_definition_arn != old.task_definition_arn).then_some(revision),
            )
            .set_desired_count(
                (self.desired_count != old.desired_count).then_some(self.desired_count),
            )
            .set_network_configuration(if networks { Some(self.network()?) } else { None })
            .set_load_balancers(if balances { Some(self.load_balancers()?) } else { None })
            .set_health_check_grace_period_seconds(self.grace_period(Some(old)))
            .set_deployment_configuration(
                (self.deployment != old.deployment).then(|| self.deployment.for_sdk()),
            )
            .set_enable_execute_command((exec != old.enable_execute_command).then_some(exec))
            .set_propagate_tags((self.propagate_tags != old.propagate_tags).then_some(propagation));
        let service = request.send().await?.service.ok_or_else(|| Error::missing("service"))?;
        outputs(&service, cluster)
    }

    fn network(&self) -> Result<NetworkConfiguration> {
        let public =
            if self.assign_public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
        let network = AwsVpcConfiguration::builder()
            .set_subnets(Some(self.subnets.get()?))
            .set_security_groups(Some(self.security_groups.get()?))
            .assign_public_ip(public);
        Ok(NetworkConfiguration::builder().awsvpc_configuration(network.build()?).build())
    }

    fn load_balancers(&self) -> Result<Vec<LoadBalancer>> {
        let one = |it: &ServiceTarget| {
            let target = LoadBalancer::builder().target_group_arn(it.target_group_arn.get()?);
            Ok(target.container_name(&it.container_name).container_port(it.container_port).build())
        };
        self.load_balancer.iter().map(one).collect()
    }

    /// ECS takes it with a load balancer only. One that is there cannot be taken away but set to 0, which is the same.
    fn grace_period(&self, old: Option<&Self>) -> Option<i32> {
        let (wanted, had) = (self.health_check_grace_period_seconds, old.and_then(Self::grace));
        self.load_balancer.as_ref().and(if wanted == had { None } else { wanted.or(Some(0)) })
    }

    /// The one that is in force.
    fn grace(&self) -> Option<i32> {
        self.load_balancer.as_ref().and(self.health_check_grace_period_seconds)
    }
}

impl ServiceTarget {
    fn found(live: &LoadBalancer) -> Self {
        Self {
            target_group_arn: live.target_group_arn().unwrap_or_default().into(),
            container_name: live.container_name().unwrap_or_default().to_owned(),
            container_port: live.container_port.unwrap_or_default(),
        }
    }
}

impl DeploymentConfiguration {
    fn for_sdk(&self) -> SdkDeploymentConfiguration {
        let breaker = DeploymentCircuitBreaker::builder()
            .enable(self.circuit_breaker)
            .rollback(self.circuit_breaker);
        SdkDeploymentConfiguration::builder()
            .minimum_healthy_percent(self.minimum_healthy_percent)
            .maximum_percent(self.maximum_percent)
            .deployment_circuit_breaker(breaker.build())
            .build()
    }

    fn found(&self, live: Option<&SdkDeploymentConfiguration>) -> Self {
        let breaker = live.and_then(|it| it.deployment_circuit_breaker());
        let (enabled, rollback) = breaker.map_or((false, false), |it| (it.enable, it.rollback));
        Self {
            // ECS's defaults, by the API reference of DeploymentConfiguration.
            minimum_healthy_percent: live.and_then(|it| it.minimum_healthy_percent).unwrap_or(100),
            maximum_percent: live.and_then(|it| it.maximum_percent).unwrap_or(200),
            // One that gives up without a rollback is neither what we call on nor off.
            circuit_breaker: if self.circuit_breaker { enabled && rollback } else { enabled },
        }
    }
}

/// A service that is there. One that is draining is not: its name becomes free when the last task has stopped, and until
/// then ECS refuses another one.
async fn describe(cluster: &str, name: &str, cloud: &Cloud) -> Result<Option<Service>> {
    Ok(ecs::describe_service(cluster, name, cloud)
        .await?
        .filter(|it| it.status() == Some(ecs::ACTIVE)))
}

/// Live ids, in the wanted order if they are the wanted ones.
fn in_order_of(wanted: &Output<Vec<String>>, live: &[String]) -> Vec<String> {
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    wanted.get().ok().filter(|it| sorted(it) == sorted(live)).unwrap_or_else(|| sorted(live))
}

fn outputs(service: &Service, cluster: String) -> Result<EcsServiceOutputs> {
    let deployment = rollout::primary(service);
    Ok(EcsServiceOutputs {
        name: service.service_name.clone().ok_or_else(|| Error::missing("service name"))?,
        arn: service.service_arn.clone().ok_or_else(|| Error::missing("service ARN"))?,
        cluster,
        deployment: deployment.and_then(|it| it.id.clone()).unwrap_or_default(),
        deployed_at: deployment
            .and_then(|it| it.created_at)
            .map(|it| it.secs())
            .unwrap_or_default(),
    })
}

impl Output<EcsServiceOutputs> {
    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }

    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }

    /// Name or ARN of the cluster.
    pub fn cluster(&self) -> Output<String> {
        self.map(|it| it.cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_compared_whatever_their_order() {
        let ids = |ids: &[&str]| ids.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let wanted = Output::from(ids(&["b", "a"]));
        assert_eq!(in_order_of(&wanted, &ids(&["a", "b"])), ["b", "a"]);
        assert_eq!(in_order_of(&wanted, &ids(&["c", "a"])), ["a", "c"]);
    }
}
