//! Runs a command in a container of a running task, through the Session Manager plugin.

use std::{
    io::ErrorKind,
    process::{Command, Stdio},
};

use serde_json::json;
use tokio::sync::watch;

use super::service::Chosen;
use crate::{
    cli::{Exec, Global},
    deployment::{self, Session},
    failure::{Exit, Failure},
    place::Place,
    ui::Ui,
};

/// What AWS calls the program that carries the session.
const PLUGIN: &str = "session-manager-plugin";

pub(super) async fn run(
    global: &Global,
    args: Exec,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let chosen = Chosen::read(global, args.service.as_deref(), ui)?;
    // Without arguments it only says that it is there.
    let mut there = Command::new(PLUGIN);
    there.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    there.status().map_err(|error| unusable(&error))?;
    let (cloud, current) = chosen.look(place, &mut interrupted).await?;
    let subject = &chosen.subject;
    let off = || {
        Failure::new(
            Exit::Failed,
            format!("ECS Exec is not enabled for the tasks of {}", subject.service),
        )
        .hint(format!(
            "set `exec: true` for the service in {}, and run `provisioner up`",
            global.file.display()
        ))
    };
    let container = args.container.as_deref().unwrap_or(&subject.container);
    let tasks = deployment::tasks(subject, &cloud).await?;
    let running: Vec<_> = tasks.iter().filter(|it| it.last_status() == Some("RUNNING")).collect();
    if running.is_empty() {
        return Err(Failure::new(Exit::Failed, format!("no task of {} runs", subject.service))
            .hint(format!("to see why: `provisioner status{}`", chosen.option)));
    }
    let Some(task) = running.iter().find(|it| it.enable_execute_command) else {
        return Err(match current.service.enable_execute_command {
            true => off().hint(format!(
                "the service allows it, but its tasks are older than that: `provisioner restart{}`",
                chosen.option
            )),
            false => off(),
        });
    };
    let names: Vec<_> = task.containers().iter().filter_map(|it| it.name()).collect();
    if !names.contains(&container) {
        return Err(Failure::new(
            Exit::Configuration,
            format!("the task has no container `{container}`; it has: {}", names.join(", ")),
        ));
    }
    let command = words(&args.command);
    let session = deployment::open_session(subject, task, container, &command, &cloud).await?;
    let Session { id, url, token, target } = session;
    let handed = json!({ "sessionId": id, "streamUrl": url, "tokenValue": token });
    // As the AWS CLI calls it: session, region, operation, profile, the operation's parameters, endpoint.
    let mut plugin = Command::new(PLUGIN);
    plugin
        .arg(handed.to_string())
        .args([chosen.config.region.as_str(), "StartSession", ""])
        .arg(json!({ "Target": target }).to_string())
        .arg(format!("https://ecs.{}.amazonaws.com", chosen.config.region));
    let status = tokio::task::spawn_blocking(move || plugin.status()).await;
    match status {
        Ok(Ok(status)) if status.success() => Ok(Exit::Ok),
        Ok(Ok(status)) => Err(Failure::new(Exit::Failed, format!("{PLUGIN} ended with {status}"))),
        Ok(Err(error)) => Err(unusable(&error)),
        Err(error) => Err(Failure::new(Exit::Failed, error.to_string())),
    }
}

fn unusable(error: &std::io::Error) -> Failure {
    let message = match error.kind() {
        ErrorKind::NotFound => {
            format!("`{PLUGIN}` is not installed, and only it can carry a session")
        }
        _ => format!("`{PLUGIN}` cannot be run: {error}"),
    };
    Failure::new(Exit::Failed, message).hint(
        "install it as \"Install the Session Manager plugin for the AWS CLI\" in the AWS Systems Manager User Guide says",
    )
}

/// One line that a shell would take for these words; ECS takes a command as one text.
fn words(command: &[String]) -> String {
    let plain = |it: &str| {
        !it.is_empty()
            && it.chars().all(|it| it.is_ascii_alphanumeric() || "-_./:=@%+,".contains(it))
    };
    let quoted = command.iter().map(|it| match plain(it) {
        true => it.clone(),
        false => format!("'{}'", it.replace('\'', r"'\''")),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_apart() {
        let words = |it: &[&str]| words(&it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["/bin/sh"]), "/bin/sh");
        assert_eq!(words(&["sh", "-c", "echo it's $HOME", ""]), r"sh -c 'echo it'\''s $HOME' ''");
    }
}
