//! A canary in every secret: none is found in anything that the program leaves behind, says, or shows of itself.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{cli::Folder, support::Rehearsal};

/// Everything that was seen of the program: its streams, its entry in the list of processes, its files.
#[derive(Default)]
struct Seen(Vec<(String, Vec<u8>)>);

impl Seen {
    /// Runs the program; its exit code.
    fn run(&mut self, folder: &Folder, args: &[&str]) -> Option<i32> {
        let child = folder.start(args);
        let process = format!("/proc/{}/cmdline", child.id());
        std::thread::sleep(Duration::from_millis(50));
        // On a machine without /proc, or if it is over already, nobody sees it.
        self.0.extend(fs::read(&process).map(|it| (process, it)));
        let output = child.wait_with_output().unwrap();
        self.0.push((format!("standard output of {args:?}"), output.stdout));
        self.0.push((format!("standard error of {args:?}"), output.stderr));
        self.files(&folder.path(""));
        output.status.code()
    }

    fn files(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.files(&path);
            } else {
                let content = fs::read(&path).unwrap();
                self.0.push((path.display().to_string(), content));
            }
        }
    }

    /// Where it was seen, as it is or encoded.
    fn places(&self, secret: &str) -> Vec<&str> {
        assert!(secret.len() > 10, "too short to look for");
        // Without what depends on its neighbours.
        let encoded = STANDARD.encode(&secret.as_bytes()[..secret.len() / 3 * 3]);
        let forms = [secret.as_bytes(), encoded.as_bytes()];
        let has = |content: &[u8]| {
            forms.iter().any(|form| content.windows(form.len()).any(|it| it == *form))
        };
        self.0.iter().filter(|(_, content)| has(content)).map(|(place, _)| place.as_str()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_seen_whatever_happens() {
    let rehearsal = Rehearsal::simulated();
    let mut folder = Folder::new(&rehearsal);
    let token = "4242:canary-of-the-bot-token";
    folder.set("GSM_BOT_TOKEN", Some(token));
    folder.set("AWS_SECRET_ACCESS_KEY", Some("canary-of-the-secret-access-key"));
    folder.set("AWS_SESSION_TOKEN", Some("canary-of-the-session-token"));
    let mut seen = Seen::default();
    assert_eq!(seen.run(&folder, &["-vvv", "diff"]), Some(0));
    // The calls that carry secrets are refused, lost, broken off and answered with nonsense.
    for (service, action) in [("ssm", "PutParameter"), ("atlas", "createDatabaseUser")] {
        let matching = json!({ "service": service, "action": action });
        for fault in [
            json!({ "match": matching, "drop": true, "after_effect": true }),
            json!({ "match": matching, "status": 500, "body": "<html>no</html>" }),
            json!({ "match": matching, "truncate": 20, "after_effect": true }),
            json!({ "match": matching, "status": 403, "code": "AccessDeniedException", "message": "no" }),
        ] {
            rehearsal.fault(fault).await;
        }
    }
    let failed = seen.run(&folder, &["-vvv", "up", "--yes"]);
    assert_eq!(failed, Some(5), "a refusal was to be told of");
    assert_eq!(seen.run(&folder, &["-vvv", "--json", "up", "--yes"]), Some(0));
    let cloud = rehearsal.cloud().await;
    let mut secrets = vec![
        token.to_owned(),
        "canary-of-the-secret-access-key".to_owned(),
        "canary-of-the-session-token".to_owned(),
        "test-private".to_owned(),
    ];
    for name in ["/gsm/bot/WEBHOOK_SECRET", "/gsm/database/uri"] {
        let request = cloud.ssm.get_parameter().name(name).with_decryption(true);
        let parameter = request.send().await.unwrap().parameter;
        let value = parameter.and_then(|it| it.value).unwrap();
        // Of the connection string, the password.
        let password = value.split_once("://").and_then(|(_, it)| it.split_once('@'));
        let password = password.and_then(|(it, _)| it.split_once(':')).map(|(_, it)| it.to_owned());
        secrets.push(password.unwrap_or(value));
    }
    folder.set("GSM_BOT_TOKEN", Some("4242:canary-of-another-token"));
    secrets.push("4242:canary-of-another-token".to_owned());
    for args in [
        &["-vvv", "diff"][..],
        &["-vvv", "--json", "diff"],
        &["-vvv", "state", "list"],
        &["-vvv", "state", "show", "bot-secret:BOT_TOKEN"],
        &["-vvv", "state", "show", "database-user"],
        &["-vvv", "--json", "outputs"],
        &["-vvv", "deploy", "--image", "docker.io/me/bot:2"],
        &["-vvv", "--json", "deploy", "--image", "docker.io/me/bot:3"],
        &["-vvv", "up", "--yes"],
        &["-vvv", "--json", "destroy", "--yes", "--unprotect", "database"],
    ] {
        assert_eq!(seen.run(&folder, args), Some(0), "{args:?}");
    }
    // The search would find what it looks for.
    seen.0.push(("the check".to_owned(), format!("x{}x", STANDARD.encode(token)).into_bytes()));
    assert_eq!(seen.places(token), ["the check"]);
    for secret in &secrets[1..] {
        assert_eq!(seen.places(secret), [""; 0], "a secret was seen: {}…", &secret[..4]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_no_image_of_the_memory() {
    // Whether this machine makes such images at all, where nobody forbids it.
    let dir = tempfile::tempdir().unwrap();
    let mut sleep = Command::new("/bin/sh");
    let sleep = sleep.args(["-c", "ulimit -c unlimited; exec sleep 60"]).current_dir(dir.path());
    let dumps = crash(sleep.spawn().unwrap());

    let rehearsal = Rehearsal::simulated();
    rehearsal.latency(2000).await;
    let folder = Folder::new(&rehearsal);
    let child = folder.start_after("ulimit -c unlimited", &["up", "--yes"]);
    std::thread::sleep(Duration::from_millis(500));
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let limit = limits.lines().find_map(|it| it.strip_prefix("Max core file size")).unwrap();
    assert_eq!(limit.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"]);
    assert!(!crash(child), "a dump was made; without the program forbidding it: {dumps}");
}

/// Ends it as a crash would, once it has begun; whether an image of its memory was made.
fn crash(mut child: Child) -> bool {
    std::thread::sleep(Duration::from_millis(500));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-ABRT", &id]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(6), "it was over already");
    status.core_dumped()
}
