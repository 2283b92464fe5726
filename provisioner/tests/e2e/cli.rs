//! The program as its user runs it: a folder with a stack.yaml, an environment, arguments; then exit code and output.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::support::Rehearsal;

/// The stack.yaml of the repository.
pub fn stack_yaml() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../stack.yaml"))
        .expect("stack.yaml")
}

/// A user's folder.
pub struct Folder {
    dir: tempfile::TempDir,
    environment: BTreeMap<&'static str, String>,
}

/// What a run printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    /// A folder with the repository's stack.yaml, whose programs talk to the stand-in.
    pub fn new(rehearsal: &Rehearsal) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut environment = rehearsal.environment();
        environment.insert("GSM_BOT_TOKEN", "1:bot-token".to_owned());
        let folder = Self { dir, environment };
        folder.write(&stack_yaml());
        folder
    }

    /// Replaces stack.yaml.
    pub fn write(&self, yaml: &str) {
        fs::write(self.path("stack.yaml"), yaml).expect("it is written");
    }

    /// Replaces a part of stack.yaml, which must be there.
    pub fn edit(&self, old: &str, new: &str) {
        let yaml = fs::read_to_string(self.path("stack.yaml")).expect("it is there");
        assert!(yaml.contains(old), "stack.yaml has no `{old}`");
        self.write(&yaml.replacen(old, new, 1));
    }

    /// Sets a variable of the environment, or takes it away.
    pub fn set(&mut self, name: &'static str, value: Option<&str>) {
        match value {
            Some(value) => drop(self.environment.insert(name, value.to_owned())),
            None => drop(self.environment.remove(name)),
        }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// The state file, as text.
    pub fn state(&self) -> String {
        fs::read_to_string(self.path("state/gsm.json")).unwrap_or_default()
    }

    /// Forgets everything the program remembers.
    pub fn lose_state(&self) {
        fs::remove_dir_all(self.path("state")).expect("it is there");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provisioner"));
        command.current_dir(self.dir.path()).env_clear().envs(&self.environment);
        // Nothing of the machine's own configuration.
        command.env("HOME", self.dir.path()).args(["--poll", "100ms"]).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the program.
    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().expect("it starts")
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        Self::end(self.command(args))
    }

    /// The same where no file can be longer than so many blocks, as on a full disk.
    pub fn run_with_room_for(&self, blocks: u32, args: &[&str]) -> Ran {
        Self::end(self.command_after(&format!("trap '' XFSZ; ulimit -f {blocks}"), args))
    }

    /// Starts the program from a shell that has set something first.
    pub fn start_after(&self, set: &str, args: &[&str]) -> Child {
        self.command_after(set, args).spawn().expect("it starts")
    }

    fn command_after(&self, set: &str, args: &[&str]) -> Command {
        let command = self.command(args);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{set}; exec \"$0\" \"$@\"")]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.current_dir(self.dir.path()).env_clear();
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        shell
    }

    fn end(mut command: Command) -> Ran {
        let mut child = command.spawn().expect("it starts");
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let read = |pipe: &mut dyn std::io::Read| {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).map(|_| bytes).expect("a pipe")
        };
        let (done, over) = std::sync::mpsc::channel::<()>();
        let pid = child.id().to_string();
        // A run that hangs is ended, so that what it printed tells why.
        std::thread::spawn(move || {
            if over.recv_timeout(std::time::Duration::from_secs(120)).is_err() {
                let _ = Command::new("kill").args(["-KILL", &pid]).status();
            }
        });
        let errors =
            std::thread::spawn(move || stderr.as_mut().map(|it| read(it)).unwrap_or_default());
        let stdout = stdout.as_mut().map(|it| read(it)).unwrap_or_default();
        let status = child.wait().expect("it ends");
        let _ = done.send(());
        let output =
            std::process::Output { status, stdout, stderr: errors.join().expect("a pipe") };
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs the program, which must succeed; gives what it printed on standard output.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// Checks that there is nothing to do.
    #[track_caller]
    pub fn is_settled(&self) {
        let ran = self.run(&["diff", "--exit-code"]);
        assert_eq!(ran.code, Some(0), "there is something to do:\n{}\n{}", ran.stdout, ran.stderr);
    }
}

/// Replaces what differs from run to run, so that whole outputs can be compared.
pub fn stable(text: &str) -> String {
    let patterns = [
        (r"\(\d+\.\d+s\)", "(TIME)"),
        (r"(?m)^ +\d+\.\d+s ", "TIME "),
        (r"[a-z]{10}\.acm-validations", "ZONE.acm-validations"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID"),
        (r"\b(sg|sgr|i|eni|vpc|subnet|eipalloc|vol)-[0-9a-f]{8,}\b", "$1-ID"),
        (r"(targetgroup/[\w-]+|app/[\w-]+)/[0-9a-f]{16}", "$1/ID"),
        (r"(app/[\w-]+/ID)(/[0-9a-f]{16})+", "$1/ID"),
        (r#"zone_id: "[A-Z0-9]+""#, r#"zone_id: "ZONE""#),
        (r"gsm-\d+\.eu-central-1\.elb", "gsm-N.eu-central-1.elb"),
        (r"127\.0\.0\.1:\d+", "HOST"),
        // The clouds make up what nobody has pushed.
        (r"now sha256:[0-9a-f]{64}", "now sha256:DIGEST"),
        (r"\b(127\.\d+|198\.1[89])\.\d+\.\d+\b", "ADDRESS"),
        (r"\b_[0-9a-f]{32}\.", "_HASH."),
        (r"gsm-db\.[0-9a-z]+\.mongodb\.net", "gsm-db.ID.mongodb.net"),
        (r"process \d+", "process PID"),
    ];
    let mut text = text.to_owned();
    for (pattern, with) in patterns {
        text = regex::Regex::new(pattern).expect("a pattern").replace_all(&text, with).into_owned();
    }
    text
}
