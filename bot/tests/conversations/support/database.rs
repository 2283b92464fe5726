//! The database servers of the tests: one for each core, since each works on one only, and one database for each test.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::TryStreamExt as _;
use mongodb::{
    Client,
    bson::{Document, doc},
};

use super::queries::Queries;

/// A database that nobody else uses.
#[derive(Clone)]
pub struct Database {
    /// The server's address.
    pub uri: String,
    /// The database's name on it.
    pub name: String,
    client: Client,
    /// A server of its own, if it has one.
    server: Option<Arc<Mutex<Server>>>,
    /// What the bot asks of it, if it is watched.
    pub queries: Queries,
}

/// SecantusDB, or the server that `TEST_MONGODB_URI` names.
struct Server {
    uri: String,
    /// It ends when its standard input is closed: when this process ends, however it does.
    child: Option<Child>,
}

static SERVERS: OnceLock<Vec<OnceLock<Server>>> = OnceLock::new();
static NEXT: AtomicUsize = AtomicUsize::new(0);

impl Database {
    /// A new, empty database.
    pub async fn create() -> Self {
        let servers = SERVERS.get_or_init(|| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            (0..cores).map(|_| OnceLock::new()).collect()
        });
        let server = &servers[NEXT.fetch_add(1, Ordering::Relaxed) % servers.len()];
        Self::on(server.get_or_init(start).uri.clone()).await
    }

    /// The same for very many updates: SecantusDB goes through every write that it could be asked for again whenever there
    /// is another one.
    pub fn without_retries(mut self) -> Self {
        if std::env::var_os("TEST_MONGODB_URI").is_none() {
            self.uri.push_str("&retryWrites=false");
        }
        self
    }

    /// A database on a server of its own, which can be stopped.
    pub async fn mortal() -> Self {
        let server = launch();
        let uri = server.uri.clone();
        Self { server: Some(Arc::new(Mutex::new(server))), ..Self::on(uri).await }
    }

    /// A database that tells what the bot asks of it. What the test asks itself does not count.
    pub async fn watched() -> Self {
        let mut it = Self::create().await;
        let (_, server) = it.uri.split_once("://").expect("an address");
        let (server, options) =
            server.split_once('/').unwrap_or((server, "?directConnection=true"));
        let proxy = it.queries.watch(server).await.expect("a free port");
        it.uri = format!("mongodb://{proxy}/{options}");
        it
    }

    async fn on(uri: String) -> Self {
        let client = Client::with_uri_str(&uri).await.expect("the address of a database server");
        let name = format!("gsm_test_{:016x}", rand::random::<u64>());
        Self { uri, name, client, server: None, queries: Queries::default() }
    }

    /// Stops the server of a mortal database.
    pub fn stop(&self) {
        let server = self.server.as_ref().expect("a database on a server of its own");
        if let Ok(mut server) = server.lock() {
            server.child.take().map(|mut it| it.kill().and_then(|()| it.wait()));
        }
    }

    /// Has the server of a mortal database do nothing for this time, and then go on as if nothing had happened.
    pub async fn freeze(&self, time: std::time::Duration) {
        let server = self.server.as_ref().expect("a database on a server of its own");
        let child = server.lock().expect("the server").child.as_ref().map(Child::id);
        let signal = |name: &str| {
            let child = child.expect("a server that runs").to_string();
            let sent = Command::new("kill").args([name, child.as_str()]).status();
            assert!(sent.is_ok_and(|it| it.success()), "kill {name}");
        };
        signal("-STOP");
        tokio::time::sleep(time).await;
        signal("-CONT");
    }

    /// The database, through the driver: to prepare or to look at what the bot stores.
    pub fn driver(&self) -> mongodb::Database {
        self.client.database(&self.name)
    }

    /// Every document of a collection, by `_id`.
    pub async fn all(&self, collection: &str) -> Vec<Document> {
        let collection = self.driver().collection(collection);
        let found = collection.find(doc! {}).sort(doc! { "_id": 1 }).await.expect("find");
        found.try_collect().await.expect("documents")
    }

    /// How many documents of a collection match.
    pub async fn count(&self, collection: &str, filter: Document) -> u64 {
        let collection = self.driver().collection::<Document>(collection);
        collection.count_documents(filter).await.expect("count")
    }
}

impl Database {
    /// A server of our own is gone with us; elsewhere we clean up.
    pub fn clean_up(&self) {
        if std::env::var_os("TEST_MONGODB_URI").is_none() {
            return;
        }
        let (uri, name) = (self.uri.clone(), self.name.clone());
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|it| {
                it.block_on(async {
                    Client::with_uri_str(&uri).await?.database(&name).drop().await
                })
            })
        });
        let _ = cleaning.join();
    }
}

fn start() -> Server {
    if let Ok(uri) = std::env::var("TEST_MONGODB_URI") {
        return Server { uri, child: None };
    }
    launch()
}

fn launch() -> Server {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/database");
    let ready = Command::new(here.join("setup")).status().expect("tests/database/setup runs");
    assert!(ready.success(), "tests/database/setup: {ready}");
    let python = here.join("../../../target/bot-venv/bin/python");
    let mut child = Command::new(python)
        .arg(here.join("serve"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/database/serve starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("the port of the database server");
    let port = line.trim().strip_prefix("listening on ").expect("`listening on PORT`");
    let uri = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
    Server { uri, child: Some(child) }
}
