//! Looks after the simulated cloud.

use serde_json::json;
use tokio::sync::watch;

use crate::{
    cli::{Global, SandboxCommand},
    failure::{Exit, Failure},
    sandbox::{Sandbox, list_troubles},
    ui::Ui,
};

pub(super) async fn run(
    global: &Global,
    command: SandboxCommand,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    match command {
        SandboxCommand::Serve { port } => {
            let sandbox = Sandbox::open(&global.state_dir, &global.sandbox.sandbox_fault)?;
            let served = sandbox.simulator().serve(port).await.map_err(|error| {
                let message = format!("port {port} of this machine cannot be used: {error}");
                Failure::new(Exit::Failed, message).hint("name another one, or `--port 0` for any")
            })?;
            let url = served.url();
            ui.result(&format!("listening on {url}"), "sandbox", json!({ "url": url }));
            // The sender lives as long as the process waits for signals.
            let _ = interrupted.wait_for(|it| *it).await;
            Ok(Exit::Ok)
        }
        SandboxCommand::Faults => {
            ui.result(
                list_troubles().trim_end(),
                "sandbox_faults",
                json!({ "faults": list_troubles() }),
            );
            Ok(Exit::Ok)
        }
        SandboxCommand::Reset => {
            Sandbox::reset(&global.state_dir)
                .map_err(|error| Failure::new(Exit::Failed, format!("the sandbox: {error}")))?;
            ui.say("The sandbox is empty again.");
            Ok(Exit::Ok)
        }
    }
}
