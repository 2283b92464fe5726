//! Jenkins on an instance of its own, which may deploy and read its own secrets, and nothing else. Nobody sets it up by
//! hand: what it is to be stands in its user data, and what it has to know in parameters of Systems Manager.

mod configuration;
mod entrance;
mod machine;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use entrance::Entrance;

use super::{Base, balancer::Balancer, policies};
use crate::{
    config::Jenkins,
    engine::{Output, Sealed, Stack},
    lookups::UbuntuImage,
    resources::{
        ElasticIp, Instance, InstanceProfile, MetadataOptions, Parameter, ParameterOutputs,
        ParameterSource, Role, SecurityGroup, Volume, VolumeAttachment, VolumeOutputs, Webhook,
    },
};

/// Where Jenkins listens on its machine.
const WEB: i32 = 8080;
/// Where the disk is attached; `machine/jenkins-disk` knows what the machine makes of it.
const DEVICE: &str = "/dev/sdf";
/// Characters of what is made up.
const GENERATED: usize = 32;

/// What Jenkins must know and nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secret {
    AdminPassword,
    GithubToken,
    RegistryToken,
    Webhook,
}

impl Secret {
    /// Its name in the configuration, and the last part of the parameter's.
    fn name(self) -> &'static str {
        match self {
            Self::AdminPassword => "ADMIN_PASSWORD",
            Self::GithubToken => "GITHUB_TOKEN",
            Self::RegistryToken => "REGISTRY_TOKEN",
            Self::Webhook => "WEBHOOK_SECRET",
        }
    }

    /// How the configuration refers to it.
    fn reference(self) -> String {
        format!("${{{}}}", self.name())
    }

    fn description(self) -> &'static str {
        match self {
            Self::AdminPassword => "Password of the user admin of Jenkins",
            Self::GithubToken => "With which Jenkins fetches its repository",
            Self::RegistryToken => "With which Jenkins pushes images",
            Self::Webhook => "Signs the webhooks from GitHub to Jenkins",
        }
    }

    /// Those that a Jenkins has, each with the variable that holds it, unless it is made up.
    fn of(wanted: &Jenkins) -> Vec<(Self, Option<&str>)> {
        let mut all = vec![(Self::AdminPassword, None)];
        if let Some(pipeline) = &wanted.pipeline {
            let github = pipeline.github_token.as_deref();
            let registry = pipeline.registry.as_ref().map(|it| it.token.as_str());
            all.extend(github.map(|it| (Self::GithubToken, Some(it))));
            all.extend(registry.map(|it| (Self::RegistryToken, Some(it))));
            all.extend(pipeline.on_github().map(|_| (Self::Webhook, None)));
        }
        all
    }
}

/// The secrets of a Jenkins, each in a parameter of its own.
struct Secrets {
    /// The name of each parameter, by that of the secret in the configuration.
    paths: BTreeMap<&'static str, String>,
    /// Known once they are there.
    arns: Vec<Output<String>>,
    /// That of the webhook.
    webhook: Option<Output<ParameterOutputs>>,
}

/// Declares the instance. `roles`: those that a deployment passes on to the tasks.
pub(super) fn declare(
    stack: &mut Stack,
    base: &Base<'_>,
    jenkins: &Jenkins,
    roles: Vec<Output<String>>,
    balancer: Option<&Balancer>,
) {
    let cloud = base.around.cloud;
    let name = base.named("jenkins");

    let secrets = secrets(stack, base, jenkins);
    let reader = cloud.clone();
    let read = Output::all(secrets.arns.clone())
        .zip(&base.key.arn())
        .map(move |(them, key)| policies::fetch_parameters(&reader, them, &key));
    // Not before what it names is there.
    let named = Output::all(roles).zip(&base.logs.arn());
    let deploy = Output::from(policies::deploy(cloud, base.config)).after(&named);
    let role = Role {
        name: name.clone(),
        description: format!("Jenkins of {}: deploys, and reads its own secrets", base.config.name),
        trust_policy: policies::trust("ec2.amazonaws.com", cloud),
        managed_policies: BTreeSet::new(),
        inline_policies: BTreeMap::from([
            ("deploy".to_owned(), deploy),
            ("secrets".to_owned(), read),
        ]),
        tags: base.tags("jenkins-role"),
    };
    let role = stack.add("jenkins-role", role);
    let profile = InstanceProfile {
        name: name.clone(),
        role: role.name(),
        tags: base.tags("jenkins-profile"),
    };
    let profile = stack.add("jenkins-profile", profile);

    let group = SecurityGroup {
        name: name.clone(),
        description: format!("Jenkins of {}", base.config.name),
        vpc_id: base.network.vpc_id(),
        tags: base.tags("jenkins-group"),
    };
    let group = stack.add("jenkins-group", group);
    let entrance = Entrance::new(jenkins, balancer);
    entrance.admit(stack, base, jenkins, &group);

    let disk = disk(stack, base, jenkins);
    let image = stack.look("ubuntu", UbuntuImage { architecture: "x86_64".to_owned() });
    let hardened = Instance::hardened();
    let instance = Instance {
        instance_type: jenkins.instance_type.clone(),
        image_id: image.image_id(),
        subnet_id: base.network.first_subnet(),
        security_groups: group.id().map(|it| vec![it]),
        instance_profile: profile.name(),
        user_data: {
            let (name, region) = (base.config.name.clone(), cloud.region.clone());
            let (jenkins, paths) = (jenkins.clone(), secrets.paths.clone());
            disk.id().map(move |it| machine::user_data(&name, &region, &jenkins, &paths, &it))
        },
        key_pair: jenkins.key_pair.clone(),
        volume_gib: jenkins.disk,
        // One hop: what runs while an image is built, in a container, gets no credentials of the machine's.
        metadata_options: MetadataOptions {
            http_put_response_hop_limit: 1,
            ..hardened.metadata_options
        },
        tags: base.tags("jenkins").with("Name", &name),
        ..hardened
    };
    let instance = stack.add("jenkins", instance);
    let attachment = VolumeAttachment {
        instance_id: instance.id(),
        volume_id: disk.id(),
        device: DEVICE.to_owned(),
    };
    stack.add("jenkins-disk-attachment", attachment);
    let address = ElasticIp {
        instance_id: instance.id(),
        tags: base.tags("jenkins-address").with("Name", &name),
    };
    let address = stack.add("jenkins-address", address);
    stack.output("jenkins_address", address.public_ip());
    let url = entrance.lead(stack, base, &instance, &address);
    stack.output("jenkins", url.clone());
    webhook(stack, jenkins, &secrets, &url);
    tell(stack, base, jenkins, &secrets.paths, &url);
}

/// The disk with what Jenkins keeps. Other machines get it one after the other; it goes only when Jenkins does.
fn disk(stack: &mut Stack, base: &Base<'_>, jenkins: &Jenkins) -> Output<VolumeOutputs> {
    let disk = Volume {
        availability_zone: base.network.first_zone(),
        size_gib: jenkins.data_disk,
        volume_type: "gp3".to_owned(),
        encrypted: true,
        tags: base.tags("jenkins-disk").with("Name", &base.named("jenkins")),
    };
    stack.add("jenkins-disk", disk)
}

/// Keeps each secret in a parameter.
fn secrets(stack: &mut Stack, base: &Base<'_>, jenkins: &Jenkins) -> Secrets {
    let mut secrets = Secrets { paths: BTreeMap::new(), arns: Vec::new(), webhook: None };
    for (secret, variable) in Secret::of(jenkins) {
        let source = match variable {
            Some(variable) => ParameterSource::Env {
                variable: variable.to_owned(),
                value: (base.around.variable)(variable).map(Sealed::new),
            },
            None => ParameterSource::Generated { length: GENERATED },
        };
        let name = secret.name();
        let resource = format!("jenkins-secret:{name}");
        let path = format!("/{}/jenkins/{name}", base.config.name);
        let arn = base.parameter_arn(&path);
        let parameter = Parameter {
            name: path.clone(),
            key_id: base.key.arn(),
            source,
            description: secret.description().to_owned(),
            tags: base.tags(&resource),
        };
        let parameter = stack.add(&resource, parameter);
        secrets.paths.insert(name, path);
        secrets.arns.push(arn.behind(&parameter));
        if secret == Secret::Webhook {
            secrets.webhook = Some(parameter);
        }
    }
    secrets
}

/// Has GitHub tell Jenkins of each push.
fn webhook(stack: &mut Stack, jenkins: &Jenkins, secrets: &Secrets, url: &Output<String>) {
    let pipeline = jenkins.pipeline.as_ref().filter(|it| it.webhook);
    let repository = pipeline.and_then(|it| it.on_github());
    if let (Some((owner, name)), Some(secret)) = (repository, &secrets.webhook) {
        let url = url.map(|it| webhook_url(&it));
        let repository = format!("{owner}/{name}");
        let webhook = Webhook::of_pushes(&repository, url, secret.name(), secret.version());
        stack.add("jenkins-webhook", webhook);
    }
}

/// Where the plugin `github` listens.
fn webhook_url(url: &str) -> String {
    format!("{url}/github-webhook/")
}

/// Tells the user what is left to do: sign in, and have GitHub send its webhooks where that is not ours to do.
fn tell(
    stack: &mut Stack,
    base: &Base<'_>,
    jenkins: &Jenkins,
    paths: &BTreeMap<&'static str, String>,
    url: &Output<String>,
) {
    let region = &base.around.cloud.region;
    let print = |secret: Secret| {
        let path = paths.get(secret.name()).map(String::as_str).unwrap_or_default();
        format!(
            "aws ssm get-parameter --region {region} --name {path} --with-decryption --query Parameter.Value --output text"
        )
    };
    stack.output("jenkins_password", print(Secret::AdminPassword).into());
    let by_hand = jenkins.pipeline.as_ref().filter(|it| !it.webhook);
    if let Some((owner, name)) = by_hand.and_then(|it| it.on_github()) {
        let secret = print(Secret::Webhook);
        let hooks = format!("repos/{owner}/{name}/hooks");
        let tell = url.map(move |it| {
            // The secret goes through a pipe: arguments are seen by everybody on the machine.
            format!(
                "{secret} | tr -d '\\n' | gh api {hooks} -f 'config[url]={}' \
                 -f 'config[content_type]=json' -F 'config[secret]=@-'",
                webhook_url(&it)
            )
        });
        stack.output("jenkins_webhook", tell);
    }
}
