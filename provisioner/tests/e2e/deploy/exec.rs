//! `exec`, in a process of its own with a plugin that only tells how it was called; and `status --json`.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;

use super::fates::STACK;

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(dir: &Path, path: &str, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provisioner"));
    command.current_dir(dir).env_clear().env("HOME", dir).env("PATH", path).arg("--sandbox");
    let output = command.args(args).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn exec_hands_the_session_to_the_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let write = |exec: bool| {
        let stack = STACK.replace("    count: 1\n", &format!("    count: 1\n    exec: {exec}\n"));
        std::fs::write(dir.join("stack.yaml"), stack).unwrap();
    };
    let bin = dir.join("bin");
    std::fs::create_dir(&bin).unwrap();
    let with_plugin = format!("{}:/usr/bin:/bin", bin.display());
    let exec = ["exec", "--", "/bin/echo", "it's", "fine"];
    write(false);

    let ran = run(dir, "/nonexistent", &exec);
    assert_eq!(ran.code, Some(1));
    let missing =
        "error: `session-manager-plugin` is not installed, and only it can carry a session\n";
    assert!(ran.stderr.starts_with(missing), "{}", ran.stderr);

    let plugin = bin.join("session-manager-plugin");
    let script = "#!/bin/sh\n[ $# = 0 ] && exit 0\nfor it in \"$@\"; do printf '%s\\n' \"$it\"; done > called\n";
    std::fs::write(&plugin, script).unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = run(dir, &with_plugin, &["up", "--yes"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let ran = run(dir, &with_plugin, &exec);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.stderr, @"
    error: ECS Exec is not enabled for the tasks of gsm-bot
    hint: set `exec: true` for the service in stack.yaml, and run `provisioner up`
    ");

    write(true);
    let ran = run(dir, &with_plugin, &["up", "--yes"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let ran = run(dir, &with_plugin, &["restart"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let ran = run(dir, &with_plugin, &exec);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let called = std::fs::read_to_string(dir.join("called")).unwrap();
    let called: Vec<&str> = called.split('\n').collect();
    let session: Value = serde_json::from_str(called[0]).unwrap();
    for field in ["sessionId", "streamUrl", "tokenValue"] {
        assert!(session[field].as_str().is_some_and(|it| !it.is_empty()), "{session}");
    }
    assert_eq!(called[1..4], ["eu-central-1", "StartSession", ""]);
    let target: Value = serde_json::from_str(called[4]).unwrap();
    assert!(target["Target"].as_str().unwrap().starts_with("ecs:gsm_"), "{target}");
    assert_eq!(called[5..], ["https://ecs.eu-central-1.amazonaws.com", ""]);
    assert!(!ran.stdout.contains(session["tokenValue"].as_str().unwrap()));

    let ran = run(dir, &with_plugin, &["exec", "--container", "web", "--", "ls"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(3), "error: the task has no container `web`; it has: bot\n")
    );

    let ran = run(dir, &with_plugin, &["--json", "status"]);
    assert_eq!(ran.code, Some(0));
    let status: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (status["type"].as_str(), status["problems"].as_array().map(Vec::len)),
        (Some("status"), Some(0))
    );
    assert!(status["tasks"][0]["digest"].as_str().unwrap().starts_with("sha256:"), "{status}");
}
