//! `--sandbox`: the program without an account, in processes of its own that share nothing but a folder.

use std::{path::Path, process::Command};

use crate::cli::stack_yaml;

/// A newcomer's folder, with nothing in the environment.
struct Newcomer(tempfile::TempDir);

impl Newcomer {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("stack.yaml"), stack_yaml()).expect("it is written");
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Exit code (none: killed), standard output, standard error.
    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provisioner"));
        command.current_dir(self.path()).env_clear().env("HOME", self.path());
        // Another endpoint has no say in a sandbox.
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        let output = command.arg("--sandbox").args(args).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let (code, stdout, stderr) = self.run(args);
        assert_eq!(code, Some(0), "{args:?}\n{stdout}\n{stderr}");
        stdout
    }
}

#[test]
fn a_newcomer_needs_no_account() {
    let newcomer = Newcomer::new();
    let up = newcomer.ok(&["up", "--yes"]);
    assert!(up.contains("Done: 40 created"), "{up}");
    assert!(newcomer.ok(&["diff"]).contains("Nothing to do"));
    assert_eq!(newcomer.ok(&["outputs", "address"]), "https://bot.example.com\n");
    let deployed = newcomer.ok(&["deploy", "--image", "docker.io/me/bot:2"]);
    assert!(deployed.contains("serves docker.io/me/bot:2"), "{deployed}");
    assert!(newcomer.ok(&["diff"]).contains("Nothing to do"), "the image is the deployment's");

    // A rollout that fails is explained; the old revision serves again.
    let failing = ["deploy", "--image", "docker.io/me/bot:3", "--sandbox-fault", "container-exits"];
    let (code, _, stderr) = newcomer.run(&failing);
    assert_eq!(code, Some(6), "{stderr}");
    assert!(stderr.contains("failed and was rolled back, gsm-bot:2 serves again"), "{stderr}");

    // No word of a secret of the sandbox is there in plain text.
    let world = std::fs::read_to_string(newcomer.path().join("state/sandbox-world.json")).unwrap();
    assert!(!world.contains("sandbox-value-of-GSM_BOT_TOKEN"));
    assert!(!newcomer.path().join("state/gsm.json").exists(), "the real state is touched");

    let (code, _, stderr) = newcomer.run(&["destroy", "--yes", "--unprotect", "database"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("Nothing that carries the stack's tags is left."), "{stderr}");
}

#[test]
fn what_was_killed_is_finished_by_the_next_run() {
    let newcomer = Newcomer::new();
    for after in ["20", "50", "80"] {
        let fault = format!("killed-after:{after}");
        let (code, stdout, stderr) = newcomer.run(&["up", "--yes", "--sandbox-fault", &fault]);
        assert_eq!(code, None, "it was not killed\n{stdout}\n{stderr}");
    }
    let up = newcomer.ok(&["up", "--yes", "--sandbox-fault", "throttling"]);
    assert!(up.contains("Done: "), "{up}");
    assert!(newcomer.ok(&["diff"]).contains("Nothing to do"));
    assert_eq!(newcomer.run(&["sandbox", "reset"]).0, Some(0));
    assert!(!newcomer.path().join("state/sandbox-world.json").exists());
}
