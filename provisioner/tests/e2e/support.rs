//! A stand-in of the cloud for each test, and the program's own clients connected to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use provisioner::{
    cloud::{Cloud, Tags, http::Http},
    engine::{Action, Existing, Found, Resource, Wiring, decide},
};
use serde_json::{Value, json};

/// A stand-in of AWS, Atlas and GitHub that ends with the test: moto with its gaps mended, in a process of its own, or,
/// with `CLOUD=simulator` in the environment, the simulator.
pub struct Rehearsal {
    /// Its address.
    pub url: String,
    http: reqwest::Client,
    _cloud: Stand,
}

/// What keeps a stand-in alive.
enum Stand {
    Moto(#[allow(dead_code)] BufReader<TcpStream>),
    #[cfg(feature = "sandbox")]
    Simulator(#[allow(dead_code)] tokio::sync::oneshot::Sender<()>),
}

/// A call as it was seen at the wire.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Call {
    pub service: String,
    pub action: String,
    pub mutating: bool,
    /// None: it got no answer.
    pub status: Option<u16>,
}

impl Rehearsal {
    /// Starts one.
    pub async fn start() -> Self {
        let (url, _cloud) = match std::env::var("CLOUD").as_deref() {
            #[cfg(feature = "sandbox")]
            Ok("simulator") => Self::start_simulator(),
            _ => Self::start_moto(),
        };
        Self { url, http: reqwest::Client::new(), _cloud }
    }

    /// Starts a simulator, whatever the environment says.
    #[cfg(feature = "sandbox")]
    pub fn simulated() -> Self {
        let (url, _cloud) = Self::start_simulator();
        Self { url, http: reqwest::Client::new(), _cloud }
    }

    /// On a thread of its own: tests block theirs while the program runs.
    #[cfg(feature = "sandbox")]
    fn start_simulator() -> (String, Stand) {
        let (end, ended) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                // As much time as moto takes.
                let times = simulator::Times {
                    balancer: 200,
                    task_pending: 200,
                    task_stopping: 100,
                    atlas_creating: 400,
                    atlas_updating: 400,
                    atlas_deleting: 400,
                    ..simulator::Times::none()
                };
                let setup = simulator::Setup { times, seed: rand::random(), now: None };
                let served = simulator::Simulator::new(setup).serve(0).await.expect("a port");
                tell.send(served.url()).expect("somebody waits");
                // Dropped by the test's end.
                let _ = ended.await;
            });
        });
        (told.recv().expect("it starts"), Stand::Simulator(end))
    }

    fn start_moto() -> (String, Stand) {
        let mut connection = BufReader::new(TcpStream::connect(motos()).expect("a connection"));
        let mut line = String::new();
        connection.read_line(&mut line).expect("a line");
        let url =
            line.trim().strip_prefix("listening on ").expect("the stand-in starts").to_owned();
        (url, Stand::Moto(connection))
    }

    /// The program's clients, connected to it as the stack `gsm`.
    pub async fn cloud(&self) -> Cloud {
        self.cloud_of("gsm").await
    }

    /// The program's clients, connected to it as another stack.
    pub async fn cloud_of(&self, stack: &str) -> Cloud {
        let keys = aws_sdk_ec2::config::Credentials::new("test", "test", None, None, "test");
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-central-1"))
            .credentials_provider(keys)
            .endpoint_url(&self.url)
            .load()
            .await;
        let environment = self.environment();
        let variable = |name: &str| environment.get(name).cloned();
        let http = Http::network().expect("a client");
        Cloud::with(&config, http, stack, variable).await.expect("the stand-in knows us")
    }

    /// The environment in which the program talks to it.
    pub fn environment(&self) -> BTreeMap<&'static str, String> {
        let (proxy, authority) = machines();
        BTreeMap::from([
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("MONGODB_ATLAS_BASE_URL", self.url.clone()),
            ("MONGODB_ATLAS_PUBLIC_KEY", "test-public".to_owned()),
            ("MONGODB_ATLAS_PRIVATE_KEY", "test-private".to_owned()),
            ("GITHUB_API_URL", self.url.clone()),
            ("GITHUB_TOKEN", "test-github-token".to_owned()),
            // The made-up addresses of made-up machines belong to others: what is sent there ends here.
            ("http_proxy", proxy.clone()),
            ("https_proxy", proxy.clone()),
            ("SSL_CERT_FILE", authority.clone()),
            ("no_proxy", "127.0.0.1,localhost".to_owned()),
            ("PROVISIONER_REGISTRY_MIRROR", self.url.clone()),
        ])
    }

    /// Every call since the beginning or the last [`forget`](Self::forget).
    pub async fn calls(&self) -> Vec<Call> {
        let answer = self.http.get(self.control("calls")).send().await.expect("an answer");
        serde_json::from_value(answer.json().await.expect("JSON")).expect("calls")
    }

    /// The calls that may have changed something, as `SERVICE ACTION`.
    pub async fn changes(&self) -> Vec<String> {
        let calls = self.calls().await.into_iter().filter(|it| it.mutating);
        calls.map(|it| format!("{} {}", it.service, it.action)).collect()
    }

    /// Forgets the calls so far.
    pub async fn forget(&self) {
        self.http.delete(self.control("calls")).send().await.expect("an answer");
    }

    /// Lets calls fail; see tests/cloud/faults.py.
    pub async fn fault(&self, fault: Value) {
        let answer =
            self.http.post(self.control("faults")).json(&fault).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{:?}", answer.text().await);
    }

    /// The faults so far, with how often each still strikes.
    pub async fn faults(&self) -> Vec<Value> {
        let answer = self.http.get(self.control("faults")).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// Lets no call fail any more.
    pub async fn no_faults(&self) {
        self.http.delete(self.control("faults")).send().await.expect("an answer");
    }

    /// Adds a delay to each call.
    pub async fn latency(&self, ms: u64) {
        let request = self.http.put(self.control("latency")).json(&json!({ "ms": ms }));
        assert!(request.send().await.expect("an answer").status().is_success());
    }

    /// Lets callers do only what an identity policy allows; anything if it is null. The simulator's alone.
    #[cfg(feature = "sandbox")]
    pub async fn allow_only(&self, policy: &Value) {
        let answer = self.http.put(self.control("policy")).json(policy).send().await;
        let answer = answer.expect("an answer");
        assert!(answer.status().is_success(), "{:?}", answer.text().await);
    }

    /// Everything that exists, as another client sees it.
    pub async fn census(&self) -> Value {
        let answer = self.http.get(self.control("census")).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// What is in Atlas, with fingerprints for passwords.
    pub async fn atlas(&self) -> Value {
        let answer = self.http.get(self.control("atlas")).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    fn control(&self, what: &str) -> String {
        format!("{}/__cloud/{what}", self.url)
    }
}

/// Where each connection gets a moto of its own, which ends with it. It ends with this process.
fn motos() -> &'static str {
    static MOTOS: OnceLock<(String, Child)> = OnceLock::new();
    let (line, _) = MOTOS.get_or_init(|| python_program("cloud.py", &["--for-each-connection"]));
    line.rsplit(' ').next().expect("an address")
}

/// A proxy that answers for every machine there could be, as a Jenkins that has started does, and the file with the
/// authority that its certificates come from. It ends with this process.
fn machines() -> &'static (String, String) {
    static MACHINES: OnceLock<((String, String), Child)> = OnceLock::new();
    let (them, _) = MACHINES.get_or_init(|| {
        let (line, child) = python_program("machines.py", &[]);
        let (_, line) = line.split_once(" on ").expect("an address");
        let (address, file) = line.split_once(", trusted by ").expect("a file");
        ((address.to_owned(), file.to_owned()), child)
    });
    them
}

/// Starts a program of the stand-in; gives its first line, which says that it is ready.
fn python_program(name: &str, args: &[&str]) -> (String, Child) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cloud");
    let mut command = Command::new(python());
    command.arg(here.join(name)).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    (line.trim().to_owned(), child)
}

/// Whether the stand-in is the simulator.
pub fn simulated() -> bool {
    std::env::var("CLOUD").is_ok_and(|it| it == "simulator")
}

/// Python with everything the stand-in needs; made on first use.
pub fn python() -> &'static PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let status = Command::new(root.join("tests/cloud/setup")).status().expect("bash starts");
        assert!(status.success(), "the stand-in could not be installed");
        root.join("../target/cloud-venv/bin/python")
    })
}

/// The tags of a test's resource.
pub fn tags(name: &str) -> Tags {
    Tags::new(&BTreeMap::from([("project".to_owned(), "test".to_owned())]), "gsm", name)
}

/// Inputs as the engine compares them.
pub fn plain(inputs: &impl serde::Serialize) -> Value {
    Wiring::of(inputs).expect("plain data").plain
}

/// What is there, which must be ours.
pub async fn read<R: Resource>(
    desired: &R,
    recorded: Option<&Existing<R>>,
    cloud: &Cloud,
) -> Option<Existing<R>> {
    match desired.read(recorded, cloud).await.expect("it can be read") {
        Found::Nothing => None,
        Found::Ours(existing) => Some(existing),
        Found::Theirs(_, whose) => panic!("it is somebody else's: {whose}"),
    }
}

/// Makes it be as desired, as the engine does, and checks that another look finds nothing to do.
pub async fn apply<R: Resource>(desired: &R, cloud: &Cloud) -> Existing<R> {
    let existing = match read(desired, None, cloud).await {
        Some(existing) => existing,
        None => desired
            .create(&format!("{:032x}", rand::random::<u128>()), cloud)
            .await
            .expect("it is created"),
    };
    let (live, wanted) = (plain(&existing.inputs), plain(desired));
    let replaced_by: BTreeSet<&str> = R::REPLACED_BY.iter().copied().collect();
    match decide(Some(&live), &wanted, None, R::REPLACED_BY).action {
        Action::Keep => {}
        Action::Update => drop(desired.update(&existing, cloud).await.expect("it is updated")),
        action => panic!("{action:?} because of {replaced_by:?}: {live:#} → {wanted:#}"),
    }
    let there = read(desired, None, cloud).await.expect("it is there");
    assert_eq!(plain(&there.inputs), wanted, "a second look finds a difference");
    let recorded = read(desired, Some(&there), cloud).await.expect("it is found by its record");
    assert_eq!(plain(&recorded.inputs), wanted, "a look by the record finds a difference");
    there
}
