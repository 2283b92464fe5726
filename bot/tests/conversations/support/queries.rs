//! What the bot asks of the database: a proxy between the two that reads along, so that questions can be counted and
//! looked at whatever the bot's own code says.

use std::{
    io::Cursor,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::TryStreamExt as _;
use mongodb::{
    IndexModel,
    bson::{Document, doc},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// The opcode of every message since MongoDB 3.6.
const OP_MSG: i32 = 2013;

/// Commands that keep the connection alive, or make the database what it should be.
const UPKEEP: [&str; 8] = [
    "hello",
    "isMaster",
    "ismaster",
    "ping",
    "endSessions",
    "createIndexes",
    "listIndexes",
    "buildInfo",
];

/// What was asked so far.
#[derive(Clone, Default)]
pub struct Queries {
    asked: Arc<Mutex<Vec<Query>>>,
    /// How often connections were cut off.
    cuts: watch::Sender<u32>,
}

/// A command of the bot.
#[derive(Clone, Debug)]
pub struct Query {
    /// `find`, `update`, `insert`, …
    pub command: String,
    pub collection: String,
    /// What documents have to match; one for each statement of an update or a deletion.
    pub filters: Vec<Document>,
    /// What an update changes, one for each statement.
    pub changes: Vec<Document>,
}

/// What the bot asks by itself every few seconds, whoever says what: by collection and the field that is asked for first.
const BY_ITSELF: [(&str, &str); 6] = [
    ("announcements", "running"),
    ("notifications", "until"),
    ("locks", "_id"),
    ("chats", "active"),
    ("feedback", "waiting"),
    ("invitations", "state"),
];

impl Queries {
    /// Starts a proxy to the server at this address (`host:port`), and answers with its own.
    pub async fn watch(&self, server: &str) -> std::io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (server, queries) = (server.to_owned(), self.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(upstream) = TcpStream::connect(&server).await else { return };
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = upstream.into_split();
                let mut cut = queries.cuts.subscribe();
                let queries = queries.clone();
                tokio::spawn(async move { queries.read_along(from_client, to_server).await });
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
                        // Open for ever.
                        _ = cut.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Ok(address)
    }

    /// Nothing that the server says comes through any more on the connections that there are, and nobody is told: as when
    /// something in between has forgotten them.
    pub fn cut_off(&self) {
        self.cuts.send_modify(|it| *it += 1);
    }

    /// Every command since the last `forget`.
    pub fn all(&self) -> Vec<Query> {
        self.lock().clone()
    }

    /// Those that handlers made: neither what the bot asks by itself, nor the renewal of a claim, which happens if the
    /// machine is slow and not because of what a handler does.
    pub fn of_handlers(&self) -> Vec<Query> {
        let mut all = self.all();
        all.retain(|it| !it.is_by_itself() && !it.renews_a_claim());
        all
    }

    /// Begins anew.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Query>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands on what the client sends, message by message.
    async fn read_along(
        self,
        mut client: OwnedReadHalf,
        mut server: OwnedWriteHalf,
    ) -> std::io::Result<()> {
        loop {
            let mut message = vec![0; 16];
            client.read_exact(&mut message).await?;
            let length = usize::try_from(number(&message, 0)).unwrap_or(16).max(16);
            message.resize(length, 0);
            client.read_exact(&mut message[16..]).await?;
            if number(&message, 12) == OP_MSG
                && let Some(query) = Query::read(&message[20..])
                && !UPKEEP.contains(&query.command.as_str())
            {
                self.lock().push(query);
            }
            server.write_all(&message).await?;
        }
    }
}

impl Query {
    /// From the sections of a message.
    fn read(mut sections: &[u8]) -> Option<Self> {
        let mut body = None;
        let mut statements = Vec::new();
        while let Some((kind, rest)) = sections.split_first() {
            let length = usize::try_from(number(rest, 0)).ok()?;
            let section = rest.get(..length)?;
            match kind {
                0 => body = Document::from_reader(Cursor::new(section)).ok(),
                _ => statements.extend(sequence(section.get(4..)?)),
            }
            sections = rest.get(length..)?;
            // What may follow is a checksum.
            if sections.len() < 5 {
                break;
            }
        }
        let body = body?;
        let (command, collection) = body.iter().next()?;
        for list in ["updates", "deletes"] {
            let inline = body.get_array(list).into_iter().flatten();
            statements.extend(inline.filter_map(|it| it.as_document().cloned()));
        }
        let parts = |name| -> Vec<Document> {
            statements.iter().filter_map(|it| it.get_document(name).ok().cloned()).collect()
        };
        let (mut filters, changes) = (parts("q"), parts("u"));
        for name in ["filter", "query"] {
            filters.extend(body.get_document(name).ok().cloned());
        }
        if let Ok(pipeline) = body.get_array("pipeline") {
            let first = pipeline.first().and_then(|it| it.as_document());
            let matched = first.and_then(|it| it.get_document("$match").ok()).cloned();
            filters.push(matched.unwrap_or_default());
        }
        Some(Self {
            command: command.clone(),
            collection: collection.as_str().unwrap_or_default().to_owned(),
            filters,
            changes,
        })
    }

    fn is_by_itself(&self) -> bool {
        // For the metrics.
        if self.command == "count" && self.collection == "dialogues" {
            return true;
        }
        let first = self.filters.first().and_then(|it| it.keys().next());
        BY_ITSELF.iter().any(|(collection, field)| {
            self.collection == *collection && first.is_some_and(|it| it == field)
        })
    }

    /// Whether all it does is to hold on to something for longer.
    fn renews_a_claim(&self) -> bool {
        let only_until = |it: &Document| {
            it.len() == 1 && it.get_document("$set").is_ok_and(|it| it.keys().eq(["until"]))
        };
        ["updates", "notifications"].contains(&self.collection.as_str())
            && !self.changes.is_empty()
            && self.changes.iter().all(only_until)
    }

    /// The parts of this command that read a whole collection.
    ///
    /// The server explains the part of each filter that an index can serve: the fields with which the index begins.
    /// SecantusDB's plans are about whole filters only, and know no index for a filter that asks for more.
    pub async fn scans(&self, database: &mongodb::Database) -> Vec<String> {
        let mut scans = Vec::new();
        if self.filters.is_empty() {
            return scans;
        }
        let indexes = database.collection::<Document>(&self.collection).list_indexes().await;
        let indexes: Vec<IndexModel> = match indexes {
            Ok(found) => found.try_collect().await.expect("indexes"),
            // Nothing was ever written there.
            Err(_) => return scans,
        };
        for filter in &self.filters {
            let served =
                indexes.iter().map(|it| leading(&it.keys, filter)).max_by_key(Document::len);
            let served = served.unwrap_or_default();
            let find = doc! { "find": &self.collection, "filter": served.clone() };
            let explain = doc! { "explain": find, "verbosity": "queryPlanner" };
            let plan = database.run_command(explain).await.expect("a plan");
            let plan = plan.get_document("queryPlanner").expect("a plan").to_string();
            if served.is_empty() || plan.contains("COLLSCAN") {
                scans.push(format!("{} {} {filter}", self.command, self.collection));
            }
        }
        scans
    }
}

/// The part of a filter about the fields with which an index begins.
fn leading(keys: &Document, filter: &Document) -> Document {
    let found = keys.keys().map_while(|key| Some((key.clone(), filter.get(key)?.clone())));
    found.collect()
}

/// A little-endian number of 32 bits.
fn number(bytes: &[u8], at: usize) -> i32 {
    let four = bytes.get(at..at + 4).and_then(|it| it.try_into().ok());
    four.map_or(0, i32::from_le_bytes)
}

/// The documents of a section that is a list: a name that ends with zero, then one after the other.
fn sequence(section: &[u8]) -> Vec<Document> {
    let begin = section.iter().position(|it| *it == 0).map_or(section.len(), |it| it + 1);
    let mut documents = Cursor::new(&section[begin..]);
    std::iter::from_fn(|| Document::from_reader(&mut documents).ok()).collect()
}
