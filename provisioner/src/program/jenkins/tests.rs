//! What the machine is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use super::{Secret, machine::user_data};
use crate::config::{Ci, Jenkins, parse};

/// A Jenkins out of the fields of `ci.jenkins`.
fn jenkins(fields: &str) -> Jenkins {
    let yaml = format!(
        "name: gsm\nregion: eu-central-1\nservices: {{ bot: {{ image: \"docker.io/owner/bot:1\" }} }}\nci:\n  jenkins:\n    \
         admin_cidrs: [203.0.113.7/32]\n{fields}"
    );
    match parse("stack.yaml", &yaml, &|_| None).map(|it| it.ci) {
        Ok(Some(Ci::Jenkins(jenkins))) => *jenkins,
        other => panic!("{other:?}"),
    }
}

const EVERYTHING: &str = "    repository: owner/name\n    branch: release/1\n    github: { env: GITHUB_TOKEN }\n    \
     registry: { user: owner, token: { env: REGISTRY_TOKEN } }\n";

fn told(wanted: &Jenkins) -> String {
    let parameters: BTreeMap<_, _> = Secret::of(wanted)
        .into_iter()
        .map(|(it, _)| (it.name(), format!("/gsm/jenkins/{}", it.name())))
        .collect();
    user_data("gsm", "eu-central-1", wanted, &parameters, "vol-0123456789abcdef0")
}

/// The files that cloud-init writes, by path.
fn files(user_data: &str) -> BTreeMap<String, String> {
    let config: serde_yaml::Value = serde_yaml::from_str(user_data).unwrap();
    let text = |it: &serde_yaml::Value| it.as_str().unwrap().to_owned();
    let files = config["write_files"].as_sequence().unwrap();
    files.iter().map(|it| (text(&it["path"]), text(&it["content"]))).collect()
}

#[test]
fn everything_there_is_to_tell() {
    let told = told(&jenkins(EVERYTHING));
    insta::assert_snapshot!(told);
    // EC2's limit, before base64, with room for what a stack.yaml may yet say.
    assert!(told.len() < 14_000, "{}", told.len());
    assert_eq!(told, self::told(&jenkins(EVERYTHING)), "it is the same each time");
}

#[test]
fn the_least_has_no_job_and_one_secret() {
    let files = files(&told(&jenkins("")));
    insta::assert_snapshot!(files["/etc/jenkins/configuration.yaml"]);
    assert_eq!(
        files["/etc/jenkins/secrets.json"],
        r#"{"parameters":{"ADMIN_PASSWORD":"/gsm/jenkins/ADMIN_PASSWORD"},"region":"eu-central-1"}"#
    );
}

#[test]
fn behind_a_load_balancer_it_knows_its_address() {
    let location = |wanted: &Jenkins| {
        let configuration = &files(&told(wanted))["/etc/jenkins/configuration.yaml"];
        let read: serde_yaml::Value = serde_yaml::from_str(configuration).unwrap();
        let url = read.get("unclassified").and_then(|it| it.get("location")?.get("url")?.as_str());
        url.map(str::to_owned)
    };
    for fields in ["", EVERYTHING] {
        let mut wanted = jenkins(fields);
        assert_eq!(location(&wanted), None);
        wanted.domain = Some("ci.example.com".to_owned());
        assert_eq!(location(&wanted).as_deref(), Some("https://ci.example.com:8443/"));
    }
}

#[test]
fn a_repository_elsewhere_has_no_webhook() {
    let fields = "    repository: https://git.example.com/a/b.git\n";
    insta::assert_snapshot!(files(&told(&jenkins(fields)))["/etc/jenkins/configuration.yaml"]);
}

#[test]
fn every_secret_that_the_configuration_names_is_fetched_and_nothing_else_is_replaced() {
    for fields in ["", EVERYTHING, "    repository: https://git.example.com/a/b\n"] {
        let files = files(&told(&jenkins(fields)));
        let configuration = &files["/etc/jenkins/configuration.yaml"];
        let named = configuration.split("${").skip(1).map(|it| it.split_once('}').unwrap().0);
        let named: BTreeSet<_> = named.collect();
        let fetched: serde_json::Value =
            serde_json::from_str(&files["/etc/jenkins/secrets.json"]).unwrap();
        let fetched = fetched["parameters"].as_object().unwrap().keys();
        assert_eq!(named, fetched.map(String::as_str).collect(), "{fields}");
    }
}

#[test]
fn what_stack_yaml_says_reaches_no_script_and_ends_no_text() {
    // The worst that the rules of stack.yaml let through.
    let branch = "it-s/+#@=,..ä".replace("..", ".");
    let fields = format!(
        "    repository: https://git.example.com/-x/..a.git\n    branch: \"{branch}\"\n    registry: {{ user: \"-me+@x\", token: {{ env: T }} }}\n"
    );
    let (plain, worst) = (told(&jenkins("")), told(&jenkins(&fields)));
    let (plain, worst) = (files(&plain), files(&worst));
    for (path, text) in &plain {
        let of_stack = ["/etc/jenkins/configuration.yaml", "/etc/jenkins/secrets.json"];
        assert_eq!(*text == worst[path], !of_stack.contains(&path.as_str()), "{path}");
    }
    let read: serde_yaml::Value =
        serde_yaml::from_str(&worst["/etc/jenkins/configuration.yaml"]).unwrap();
    let environment = &read["jenkins"]["globalNodeProperties"][0]["envVars"]["env"];
    assert_eq!(environment[0]["value"].as_str(), Some(branch.as_str()));
    let job = read["jobs"][0]["script"].as_str().unwrap();
    assert!(job.contains(&format!("\n          branch('refs/heads/{branch}')\n")), "{job}");
}

const INSTALL: &str = include_str!("machine/jenkins-install");
const KEY: &str = "pub:-:4096:1:7198F4B714ABFC68:1:::-:::scESC:\nfpr:::::::::5E386EADB55F01504CAE8BCF7198F4B714ABFC68:\nsub:-:4096\nfpr:::::::::AB:\n";

/// Runs `jenkins-install` in a folder that stands for the whole machine, where every program that would change it only
/// notes what it is asked; gives what came of it, and the notes.
fn install(key: &str, manager: &str, checksum: &str) -> (Output, String) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().display().to_string();
    let bin = dir.path().join("bin");
    for folder in ["bin", "usr/local/sbin", "etc/apt/sources.list.d", "opt", "files"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    fs::write(dir.path().join("files/key"), key).unwrap();
    fs::write(dir.path().join("files/jar"), manager).unwrap();
    let note = "#!/bin/sh\necho \"$(basename \"$0\") $*\" >> \"$ROOT/notes\"\n";
    let curl = format!(
        "{note}while [ \"$1\" != -o ]; do shift; done\ncase $3 in *.key) cp \"$ROOT/files/key\" \"$2\" ;; *) cp \"$ROOT/files/jar\" \"$2\" ;; esac\n"
    );
    // What `gpg --show-keys --with-colons` says of a key is here the key itself.
    let gpg = "#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\ncat \"$1\"\n".to_owned();
    let java = format!(
        "{note}while [ \"$1\" != --plugin-download-directory ]; do shift; done\nmkdir \"$2\"\ntouch \"$2/new.jpi\"\n"
    );
    let quiet = ["apt-get", "chown", "usermod", "systemctl"];
    let programs = quiet.map(|it| (it, note.to_owned())).into_iter();
    let disk = ("../usr/local/sbin/jenkins-disk", note.to_owned());
    for (name, text) in programs.chain([("curl", curl), ("gpg", gpg), ("java", java), disk]) {
        program(&bin.join(name), &text);
    }
    // Of an earlier machine, with a plugin that is no longer wanted.
    fs::create_dir_all(dir.path().join("var/lib/jenkins/plugins")).unwrap();
    fs::write(dir.path().join("var/lib/jenkins/plugins/old.jpi"), "").unwrap();
    let mut script = INSTALL.to_owned();
    for path in
        ["/var/lib/jenkins", "/etc/apt", "/etc/jenkins", "/opt/", "/usr/share/java", "/usr/local"]
    {
        assert!(script.contains(path), "{path}");
        script = script.replace(path, &format!("{root}{path}"));
    }
    let sum = script.split("checksum=").nth(1).unwrap().lines().next().unwrap().to_owned();
    script = script.replace(&sum, checksum);
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env_clear().env("ROOT", &root);
    let output = command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).output().unwrap();
    let notes = fs::read_to_string(dir.path().join("notes")).unwrap_or_default();
    let plugins = fs::read_dir(dir.path().join("var/lib/jenkins/plugins")).unwrap();
    let plugins: Vec<_> = plugins.map(|it| it.unwrap().file_name()).collect();
    // What the plugin manager fetches takes the place of all there was; if it fetches nothing, they stay.
    let expected = if output.status.success() { "new.jpi" } else { "old.jpi" };
    assert_eq!(plugins, [expected]);
    (output, notes.replace(&root, ""))
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The SHA-256 of `a jar`.
const SUM: &str = "fc8bd814a3051a9717431182d5af2a2d654481aac82a028c05c73afa4ca38823";

#[test]
fn it_installs_what_it_knows() {
    let (output, notes) = install(KEY, "a jar", SUM);
    assert!(output.status.success(), "{output:?}");
    insta::assert_snapshot!(notes);
}

#[test]
fn another_key_and_another_program_are_refused_before_they_are_used() {
    let two = format!("{KEY}pub:-:4096\nfpr:::::::::00{}:\n", "1".repeat(38));
    for key in ["", "pub:-:4096\nfpr:::::::::1234:\n", &two] {
        let (output, notes) = install(key, "a jar", SUM);
        assert!(!output.status.success(), "{key}");
        assert!(!notes.contains("apt-get"), "{key}: {notes}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("not the key of Jenkins"), "{said}");
    }
    let (output, notes) = install(KEY, "another jar", SUM);
    assert!(!output.status.success());
    assert!(notes.contains("apt-get") && !notes.contains("java "), "{notes}");
    assert!(!notes.contains("systemctl unmask"), "it would start without plugins: {notes}");
}

const DISK: &str = include_str!("machine/jenkins-disk");

/// A folder that stands for the whole machine, on which `jenkins-disk` runs: what it finds out about the disk, and what it
/// writes to it, is real; the rest is noted.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for folder in ["bin", "etc/jenkins", "dev/disk/by-id", "var/lib"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        fs::write(machine.path("etc/jenkins/volume"), "vol-0123456789abcdef0").unwrap();
        fs::write(machine.path("etc/fstab"), "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n")
            .unwrap();
        let note = "#!/bin/sh\necho \"$(basename \"$0\") $*\" >> \"$ROOT/notes\"\n";
        // It is mounted once it has been mounted.
        let mounted = format!("{note}[ -e \"$ROOT/mounted\" ]\n");
        let mount = format!("{note}touch \"$ROOT/mounted\"\n");
        // Its file system has to be there by now.
        let grow = format!("{note}blkid -p \"$1\" > /dev/null\n");
        // The disk comes while it is waited for, if at all.
        let sleep = format!(
            "{note}if [ -e \"$ROOT/late\" ]; then mv \"$ROOT/late\" \"$ROOT/dev/xvdf\"; fi\n"
        );
        for (name, text) in [
            ("systemctl", note),
            ("mountpoint", &mounted),
            ("mount", &mount),
            ("resize2fs", &grow),
            ("sleep", &sleep),
        ] {
            program(&machine.path(&format!("bin/{name}")), text);
        }
        machine
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    /// A disk of 8 MiB with this at its beginning.
    fn disk(&self, at: &str, begins: &[u8]) {
        fs::write(self.path(at), begins).unwrap();
        fs::File::options().write(true).open(self.path(at)).unwrap().set_len(8 << 20).unwrap();
    }

    /// Runs it; what it said if it failed, and the notes since the last time.
    fn run(&self) -> (Result<(), String>, String) {
        let root = self.0.path().display().to_string();
        let mut script = DISK.to_owned();
        for path in ["/var/lib/jenkins", "/etc/", "/dev/disk/", "/dev/xvdf"] {
            assert!(script.contains(path), "{path}");
            script = script.replace(path, &format!("{root}{path}"));
        }
        let mut command = Command::new("sh");
        command.args(["-c", &script]).env_clear().env("ROOT", &root);
        let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", self.path("bin").display());
        let output = command.env("PATH", path).output().unwrap();
        let notes = fs::read_to_string(self.path("notes")).unwrap_or_default();
        let _ = fs::remove_file(self.path("notes"));
        let said = String::from_utf8(output.stderr).unwrap();
        let result = if output.status.success() { Ok(()) } else { Err(said) };
        (result, notes.replace(&root, ""))
    }

    fn uuid(&self, disk: &str) -> String {
        let mut blkid = Command::new("/usr/sbin/blkid");
        blkid.args(["-p", "-s", "UUID", "-o", "value"]).arg(self.path(disk));
        String::from_utf8(blkid.output().unwrap().stdout).unwrap().trim().to_owned()
    }
}

const NAMED: &str = "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0";

#[test]
fn a_new_disk_gets_a_file_system_and_one_that_has_been_used_is_left_as_it_is() {
    let machine = Machine::new();
    machine.disk(NAMED, b"");
    let (result, notes) = machine.run();
    assert_eq!(result, Ok(()));
    insta::assert_snapshot!(notes);
    let uuid = machine.uuid(NAMED);
    assert_eq!(uuid.len(), 36, "{uuid}");
    let fstab = fs::read_to_string(machine.path("etc/fstab")).unwrap();
    let entries: Vec<&str> = fstab.lines().collect();
    assert_eq!(entries.len(), 2, "{fstab}");
    let home = machine.path("var/lib/jenkins").display().to_string();
    let options = "defaults,nofail,x-systemd.device-timeout=10min,x-systemd.growfs";
    assert_eq!(entries[1], format!("UUID={uuid} {home} ext4 {options} 0 2"));

    // Once more, and on the next machine: the same file system, and no second entry.
    let (result, notes) = machine.run();
    assert_eq!(result, Ok(()));
    assert!(!notes.contains("mount /"), "it is mounted: {notes}");
    assert!(notes.contains("resize2fs"), "{notes}");
    let next = Machine::new();
    fs::copy(machine.path(NAMED), next.path(NAMED)).unwrap();
    assert_eq!(next.run().0, Ok(()));
    assert_eq!([machine.uuid(NAMED), next.uuid(NAMED)], [uuid.clone(), uuid]);
    assert_eq!(fs::read_to_string(machine.path("etc/fstab")).unwrap(), fstab);
}

#[test]
fn what_is_on_a_disk_is_not_written_over() {
    let machine = Machine::new();
    // No file system that anybody knows, but not nothing either.
    machine.disk(NAMED, &[&[0; 4096], "a database of my own".as_bytes()].concat());
    let before = fs::read(machine.path(NAMED)).unwrap();
    let (result, notes) = machine.run();
    let said = result.unwrap_err();
    assert!(said.contains("vol-0123456789abcdef0 has something on it"), "{said}");
    assert_eq!(notes, "");
    assert!(before == fs::read(machine.path(NAMED)).unwrap());
}

#[test]
fn it_waits_for_its_disk_but_not_for_ever() {
    let machine = Machine::new();
    machine.disk("late", b"");
    let (result, notes) = machine.run();
    assert_eq!(result, Ok(()));
    assert!(notes.starts_with("sleep 5\nsystemctl daemon-reload\n"), "{notes}");
    assert!(notes.ends_with("resize2fs /dev/xvdf\n"), "{notes}");

    let machine = Machine::new();
    let (result, notes) = machine.run();
    assert_eq!(
        result.unwrap_err(),
        "vol-0123456789abcdef0 has not been attached within half an hour\n"
    );
    assert_eq!(notes, "sleep 5\n".repeat(359));
}
