//! Jenkins on an instance of its own, which may deploy and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::{Base, policies};
use crate::{
    config::Jenkins,
    engine::{Output, Stack},
    lookups::UbuntuImage,
    resources::{
        Direction, ElasticIp, Instance, InstanceProfile, Peer, Role, SecurityGroup,
        SecurityGroupRule,
    },
};

/// Installs Java, Jenkins and Docker at the first start.
const USER_DATA: &str = include_str!("jenkins-cloud-config.yaml");

const SSH: i32 = 22;
const WEB: i32 = 8080;

/// Declares the instance. `roles`: those that a deployment passes on to the tasks.
pub(super) fn declare(
    stack: &mut Stack,
    base: &Base<'_>,
    jenkins: &Jenkins,
    roles: Vec<Output<String>>,
) {
    let cloud = base.around.cloud;
    let name = base.named("jenkins");

    // Not before what it names is there.
    let named = Output::all(roles).zip(&base.logs.arn());
    let deploy = Output::from(policies::deploy(cloud, base.config)).after(&named);
    let role = Role {
        name: name.clone(),
        description: format!("Jenkins of {}: deploys", base.config.name),
        trust_policy: policies::trust("ec2.amazonaws.com", cloud),
        managed_policies: BTreeSet::new(),
        inline_policies: BTreeMap::from([("deploy".to_owned(), deploy)]),
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
    let admins: BTreeSet<String> = jenkins.admin_cidrs.iter().map(ToString::to_string).collect();
    // What an administrator may do already needs no rule of its own: EC2 has each range once.
    let hooks = base.around.github_hooks.iter().filter(|it| !admins.contains(*it));
    let hooks = hooks.map(|it| ("github", WEB, it.clone()));
    let both = |it: &String| [("ssh", SSH, it.clone()), ("web", WEB, it.clone())];
    for (what, port, range) in admins.iter().flat_map(both).chain(hooks) {
        let name = format!("jenkins-{what}:{range}");
        let rule = SecurityGroupRule {
            group_id: group.id(),
            direction: Direction::Ingress,
            protocol: "tcp".to_owned(),
            from_port: port,
            to_port: port,
            peer: Peer::Cidr(range),
            description: match what {
                // EC2 allows no apostrophe here.
                "github" => "Webhooks of GitHub",
                "ssh" => "SSH for administrators",
                _ => "Jenkins for administrators",
            }
            .to_owned(),
            tags: base.tags(&name),
        };
        stack.add(&name, rule);
    }

    let image = stack.look("ubuntu", UbuntuImage { architecture: "x86_64".to_owned() });
    let instance = Instance {
        instance_type: jenkins.instance_type.clone(),
        image_id: image.image_id(),
        subnet_id: base.network.first_subnet(),
        security_groups: group.id().map(|it| vec![it]),
        instance_profile: profile.name(),
        user_data: USER_DATA.into(),
        key_pair: jenkins.key_pair.clone(),
        volume_gib: jenkins.disk,
        tags: base.tags("jenkins").with("Name", &name),
        ..Instance::hardened()
    };
    let instance = stack.add("jenkins", instance);
    let address = ElasticIp {
        instance_id: instance.id(),
        tags: base.tags("jenkins-address").with("Name", &name),
    };
    let address = stack.add("jenkins-address", address);
    stack.output("jenkins", address.public_ip().map(|it| format!("http://{it}:{WEB}")));
}
