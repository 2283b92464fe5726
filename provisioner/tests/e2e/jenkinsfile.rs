//! The Jenkinsfile: its shell steps, in order, with a `docker` that notes what it is asked, and the real program in the
//! place of the image that it is put into; and under which conditions each stage runs.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::cli::stack_yaml;

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// What stands in the place of Docker. Nobody is logged in who did not log in here.
const DOCKER: &str = r#"#!/bin/sh
echo "docker $*" >> "$LOG"
session="$DOCKER_CONFIG/session"
case "$1 $2" in
  "login "*)
    for registry; do :; done
    [ "$(cat)" = canary-token ] || exit 1
    mkdir -p "$DOCKER_CONFIG" && echo "$registry" > "$session" ;;
  "logout "*) rm "$session" ;;
  "push "*) [ "$(cat "$session")" = "${2%%/*}" ] || exit 1 ;;
  "image inspect") echo "$REPOSITORY@$PUSHED" ;;
  "run "*)
    while [ "$1" != deploy ]; do shift; done
    exec "$PROVISIONER" --sandbox "$@" ;;
esac
"#;

fn jenkinsfile() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Jenkinsfile");
    fs::read_to_string(file).expect("the Jenkinsfile")
}

/// Every shell script of the Jenkinsfile, in the order in which they stand there.
fn scripts() -> Vec<String> {
    let text = jenkinsfile();
    let mut scripts = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(" sh '").into_iter().chain(rest.find(" sh(")).min() {
        rest = &rest[at + 3..];
        let Some(quote) = rest.find('\'') else { break };
        let (end, from) =
            if rest[quote..].starts_with("'''") { ("'''", quote + 3) } else { ("'", quote + 1) };
        let length = rest[from..].find(end).expect("it ends");
        // Groovy's own escape in such a text.
        scripts.push(rest[from..from + length].replace("\\\\", "\\"));
        rest = &rest[from + length + end.len()..];
    }
    scripts
}

/// A folder in which the steps run.
struct Workspace(tempfile::TempDir);

impl Workspace {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("stack.yaml"), stack_yaml()).expect("it is written");
        let docker = dir.path().join("bin/docker");
        fs::create_dir(dir.path().join("bin")).expect("a folder");
        fs::write(&docker, DOCKER).expect("it is written");
        fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).expect("it may run");
        Self(dir)
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).env_clear().env("HOME", self.path());
        command
    }

    fn provisioner(&self, args: &[&str]) {
        let mut command = self.command(env!("CARGO_BIN_EXE_provisioner"));
        let output = command.arg("--sandbox").args(args).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a step as Jenkins does; gives its exit code, and all that it said.
    fn step(&self, script: &str, token: &str) -> (i32, String) {
        let mut command = self.command("sh");
        let path = format!("{}:/usr/bin:/bin", self.path().join("bin").display());
        let output = command
            .args(["-xec", script])
            .env("PATH", path)
            .env("LOG", self.path().join("log"))
            .env("PROVISIONER", env!("CARGO_BIN_EXE_provisioner"))
            .env("PUSHED", DIGEST)
            .env("WORKSPACE", self.path())
            .env("DOCKER_CONFIG", self.path().join(".docker"))
            .env("REPOSITORY", "docker.io/owner/bot")
            .env("SERVICE", "bot")
            .env("TAG", "7-0123456789ab")
            .env("REVISION", "0123456789ab")
            .env("DIGEST", DIGEST)
            .env("REGISTRY_USER", "owner")
            .env("REGISTRY_TOKEN", token)
            .output()
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.path().join("log")).expect("docker was called");
        log.replace(&self.path().display().to_string(), "/workspace")
    }
}

#[test]
fn its_steps_build_push_deploy_and_log_out() {
    let workspace = Workspace::new();
    workspace.provisioner(&["up", "--yes"]);
    let scripts = scripts();
    let (checkout, steps) = scripts.split_first().expect("steps");
    assert_eq!(checkout, "git rev-parse HEAD");
    let mut said = String::new();
    for step in steps {
        let (code, text) = workspace.step(step, "canary-token");
        assert_eq!(code, 0, "{step}\n{text}");
        if step.contains("image inspect") {
            assert!(text.contains(&format!("{DIGEST}\n")), "{text}");
        }
        said += &text;
    }
    assert!(said.contains(&format!("serves docker.io/owner/bot@{DIGEST}")), "{said}");
    // `sh -x` shows what it runs.
    assert!(!said.contains("canary-token"), "{said}");
    insta::assert_snapshot!("what_the_jenkinsfile_asks_of_docker", workspace.log());
    assert!(!workspace.path().join(".docker").exists(), "somebody is still logged in");
}

#[test]
fn a_login_and_a_deployment_that_fail_fail_the_step() {
    let workspace = Workspace::new();
    workspace.provisioner(&["up", "--yes"]);
    let step = |part: &str| scripts().into_iter().find(|it| it.contains(part)).expect("a step");
    let (code, text) = workspace.step(&step("docker login"), "wrong");
    assert_ne!(code, 0, "{text}");
    let (code, text) = workspace.step(&step("docker push"), "wrong");
    assert_ne!(code, 0, "pushed without being logged in: {text}");
    // Logging out of nothing is no reason to fail.
    let (code, text) = workspace.step(&step("docker logout"), "wrong");
    assert_eq!(code, 0, "{text}");

    let failing = step("deploy --image")
        .replace("deploy --image", "deploy --sandbox-fault container-exits --image");
    let (code, text) = workspace.step(&failing, "canary-token");
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("failed and was rolled back"), "{text}");
}

/// The lines of a block that begins with `head {` in a part of the Jenkinsfile.
fn block(part: &str, head: &str) -> String {
    let Some(at) = part.find(&format!("{head} {{\n")) else { return String::new() };
    let indent = at - part[..at].rfind('\n').map_or(0, |it| it + 1);
    let end = format!("\n{}}}\n", " ".repeat(indent));
    let body = &part[at + head.len() + 3..];
    body[..body.find(&end).expect("it ends")].to_owned()
}

#[test]
fn only_the_branch_is_pushed_and_deployed_and_never_a_pull_request() {
    let text = jenkinsfile();
    let mut stages: Vec<&str> = text.split("stage('").skip(1).collect();
    let last = stages.pop().expect("stages");
    stages.push(last.split("\n  post {").next().expect("the last stage"));
    let mut guarded = Vec::new();
    for stage in stages {
        let name = stage.split('\'').next().expect("a name");
        let when = block(stage, "when");
        let conditions: Vec<_> = when.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
        if !conditions.is_empty() {
            assert_eq!(
                conditions,
                [
                    "beforeAgent true",
                    "not { changeRequest() }",
                    "expression { env.BRANCH == (env.DEPLOY_BRANCH ?: 'main') }"
                ],
                "{name}"
            );
            guarded.push(name);
        } else {
            // No credentials, nothing that leaves the machine.
            for harm in ["withCredentials", "docker push", "docker run", "deploy", "--network"] {
                assert!(!stage.contains(harm), "{harm} in {name}, which runs for every branch");
            }
        }
    }
    assert_eq!(guarded, ["Push", "Deploy"]);
    let post = block(&text, "always");
    assert!(post.contains("docker logout"), "{post}");
}
