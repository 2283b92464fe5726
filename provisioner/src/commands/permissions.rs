//! Prints the smallest IAM policy with which a command works.

use serde_json::json;
use tokio::sync::watch;

use super::load;
use crate::{
    cli::{self, Global},
    config::Config,
    failure::{Exit, Failure},
    permissions::{Purpose, Subject},
    place::Place,
    program::{Surroundings, program},
    ui::Ui,
};

/// The longest document of a managed policy, in characters without white space ("IAM and AWS STS quotas").
const MANAGED: usize = 6144;
/// The longest of all policies within one role, together.
const INLINE: usize = 10_240;

pub(super) async fn run(
    global: &Global,
    args: &cli::Permissions,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let config = load(&global.file, ui)?;
    let (purpose, command) = match args.purpose {
        cli::Purpose::Up => (Purpose::Up, "up"),
        cli::Purpose::Deploy => (Purpose::Deploy, "deploy"),
        cli::Purpose::Destroy => (Purpose::Destroy, "destroy"),
    };
    // Asked for account and partition, which are in every ARN.
    let cloud = tokio::select! {
        biased;
        Ok(_) = interrupted.wait_for(|it| *it) => {
            return Err(Failure::new(Exit::Interrupted, "interrupted"));
        }
        cloud = place.connect(&config.name, &config.region) => cloud?,
    };
    // How many rules there are for GitHub's addresses changes no right.
    let around = Surroundings { cloud: &cloud, github_hooks: Vec::new(), variable: &|_| None };
    let kinds = program(&config, &around).kinds();
    let document = Subject::of(&config, &cloud).policy(purpose, &kinds);
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let length = document.to_string().len();
    for note in notes(&config, purpose, command, length) {
        ui.say(&note);
    }
    ui.result(&text, "permissions", json!({ "command": command, "policy": document }));
    Ok(Exit::Ok)
}

/// What to do with the policy, and what it does not cover.
fn notes(config: &Config, purpose: Purpose, command: &str, length: usize) -> Vec<String> {
    let fits = match length {
        0..=MANAGED => "fits a managed policy",
        _ if length <= INLINE => "fits a role as an inline policy; a managed policy holds 6144",
        _ => "is more than a role holds: split it into several managed policies",
    };
    let mut notes =
        vec![format!("What `{command}` needs in AWS: {length} characters, which {fits}.")];
    if purpose == Purpose::Deploy {
        return notes;
    }
    if config.database.is_some() {
        notes.push(
            "In Atlas: an API key or service account with the role Project Owner on the project, and this machine in its access list."
                .to_owned(),
        );
    }
    notes
}
