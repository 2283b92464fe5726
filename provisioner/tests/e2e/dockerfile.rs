//! The Dockerfile: whether Cargo takes the workspace of placeholders in which the crates we depend on are compiled. To build
//! the images takes a container engine, and a quarter of an hour.

use std::{fs, path::Path, process::Command};

/// The instructions of one stage, each on one line.
fn stage(name: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Dockerfile");
    let text = fs::read_to_string(file).expect("the Dockerfile").replace("\\\n", " ");
    let lines = text.lines().skip_while(|it| !it.ends_with(&format!(" AS {name}"))).skip(1);
    lines.take_while(|it| !it.starts_with("FROM ")).map(str::to_owned).collect()
}

#[test]
fn cargo_takes_the_placeholders_for_a_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace = tempfile::tempdir().expect("a folder");
    let mut ran = 0;
    for instruction in stage("workspace") {
        match instruction.split_once(' ') {
            Some(("COPY", files)) => {
                let mut files: Vec<&str> = files.split(' ').collect();
                let to = workspace.path().join(files.pop().expect("where to"));
                fs::create_dir_all(&to).expect("a folder");
                for file in files {
                    let name = Path::new(file).file_name().expect("its name");
                    fs::copy(root.join(file), to.join(name)).expect(file);
                }
            }
            Some(("RUN", script)) => {
                let mut shell = Command::new("sh");
                let shell = shell.arg("-euc").arg(script).current_dir(workspace.path());
                assert!(shell.status().expect("a shell").success(), "{script}");
                ran += 1;
            }
            _ => {}
        }
    }
    assert!(ran > 0, "no placeholders are made");
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--no-deps", "--format-version", "1"])
        .current_dir(workspace.path())
        .output()
        .expect("Cargo");
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
}
