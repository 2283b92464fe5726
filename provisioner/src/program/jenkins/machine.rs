//! What the machine runs at its first start: cloud-config, made from values and never from pieces of text.
//!
//! It holds no secret: whoever may describe the instance sees it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::configuration::configuration;
use crate::config::Jenkins;

/// What mounts its disk, what installs Jenkins, and what fetches its secrets. No value of stack.yaml is in them.
const SCRIPTS: [(&str, &str); 3] = [
    ("jenkins-disk", include_str!("machine/jenkins-disk")),
    ("jenkins-install", include_str!("machine/jenkins-install")),
    ("jenkins-secrets", include_str!("machine/jenkins-secrets")),
];

/// The plugins by version, as the Jenkins project's own servers ran them together. What they need beyond these comes in
/// the oldest version that will do: the same on every machine.
const PLUGINS: &str = include_str!("machine/plugins.txt");

/// What is different from the unit of the package. What is in /run is in memory, and gone when Jenkins stops.
/// Never does it run on the disk that the machine starts from: Jenkins in an empty home has no plugins, and lets everybody
/// in.
const SERVICE: &str = "\
[Unit]
RequiresMountsFor=/var/lib/jenkins
AssertPathIsMountPoint=/var/lib/jenkins
[Service]
RuntimeDirectory=jenkins-secrets
RuntimeDirectoryMode=0700
ExecStartPre=+/usr/local/sbin/jenkins-secrets /etc/jenkins/secrets.json /run/jenkins-secrets jenkins
TimeoutStartSec=20min
Environment=SECRETS=/run/jenkins-secrets
Environment=CASC_JENKINS_CONFIG=/etc/jenkins/configuration.yaml
Environment=\"JAVA_OPTS=-Djava.awt.headless=true -Djenkins.install.runSetupWizard=false -Xmx768m\"
";

/// A build of this repository needs more than a small machine has.
const SWAP: u64 = 4 << 30;

/// What of cloud-config we use; see "Module reference" in cloud-init's documentation.
#[derive(Serialize)]
struct CloudConfig {
    package_update: bool,
    package_upgrade: bool,
    packages: [&'static str; 9],
    swap: Value,
    write_files: Vec<File>,
    runcmd: Vec<Vec<&'static str>>,
}

#[derive(Serialize)]
struct File {
    path: String,
    permissions: &'static str,
    content: String,
}

impl File {
    fn new(path: impl Into<String>, permissions: &'static str, content: impl Into<String>) -> Self {
        Self { path: path.into(), permissions, content: content.into() }
    }
}

/// The user data. `parameters`: where each secret is kept, by the name that it has in the configuration; `volume`: the id
/// of the disk with what Jenkins keeps.
pub(super) fn user_data(
    stack: &str,
    region: &str,
    wanted: &Jenkins,
    parameters: &BTreeMap<&'static str, String>,
    volume: &str,
) -> String {
    let secrets = json!({ "region": region, "parameters": parameters });
    let mut files = vec![
        File::new("/etc/jenkins/configuration.yaml", "0644", yaml(&configuration(stack, wanted))),
        File::new("/etc/jenkins/plugins.txt", "0644", PLUGINS),
        File::new("/etc/jenkins/secrets.json", "0644", secrets.to_string()),
        File::new("/etc/jenkins/volume", "0644", volume),
        File::new("/etc/systemd/system/jenkins.service.d/provisioner.conf", "0644", SERVICE),
    ];
    files.extend(
        SCRIPTS.map(|(name, text)| File::new(format!("/usr/local/sbin/{name}"), "0755", text)),
    );
    let config = CloudConfig {
        package_update: true,
        package_upgrade: true,
        packages: [
            "ca-certificates",
            "curl",
            "docker-buildx",
            "docker.io",
            "fontconfig",
            "git",
            "gpg",
            "openjdk-21-jre-headless",
            "python3-boto3",
        ],
        swap: json!({ "filename": "/swap.img", "size": SWAP }),
        write_files: files,
        runcmd: vec![vec!["/usr/local/sbin/jenkins-install"]],
    };
    format!("#cloud-config\n{}", yaml(&config))
}

/// Values of our own making, all of which YAML can express.
fn yaml(value: &impl Serialize) -> String {
    serde_yaml::to_string(value).unwrap_or_default()
}
