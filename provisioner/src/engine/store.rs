//! The state of one stack, open for changes: whoever keeps it, each change outlasts the program before
//! [`Store::change`] returns.

pub mod file;

use std::{
    io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt as _, future::BoxFuture};
use serde::{Deserialize, Serialize};

use super::{
    error::{Error, Result},
    state::{State, VERSION},
};

/// The state of one stack, open for changes and locked against others.
pub struct Store {
    state: Mutex<State>,
    /// None: changes stay in memory.
    keeper: Option<Box<dyn Keeper>>,
}

/// What makes a state last.
pub trait Keeper: Send + Sync {
    /// Begins to keep it, after those it was given before; completes when it cannot be lost any more.
    fn keep(&self, state: &State) -> BoxFuture<'static, io::Result<()>>;

    /// Lets others at it, where the end of the process alone does not.
    fn release(&self) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}

/// Why the state could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else is at it.
    #[error("the stack is being changed by another run: {0}")]
    Locked(String),
    /// It is not a state of ours.
    #[error("{place}: {why}")]
    Unreadable {
        /// The file or object.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A cloud service refused.
    #[error(transparent)]
    Cloud(#[from] Error),
}

/// Who holds a lock: which run it is, and what to tell whom it keeps out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// 32 hexadecimal digits by chance. Absent in what earlier versions wrote.
    #[serde(default)]
    pub id: String,
    pid: u32,
    user: String,
    host: String,
    command: String,
    since: jiff::Timestamp,
}

impl Holder {
    /// This run.
    pub fn this_run() -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            id: format!("{:032x}", rand::random::<u128>()),
            pid: std::process::id(),
            user: std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default(),
            host: host.trim().to_owned(),
            command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
            since: jiff::Timestamp::now(),
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pid, user, host, command, since, .. } = self;
        write!(f, "`provisioner {command}`, process {pid} of {user} on {host}, since {since:.0}")
    }
}

impl Store {
    /// Opens a state to look at; changes stay in memory.
    pub fn in_memory(state: State) -> Self {
        Self { state: Mutex::new(state), keeper: None }
    }

    /// Opens a state that somebody keeps.
    pub fn kept_by(keeper: impl Keeper + 'static, state: State) -> Self {
        Self { state: Mutex::new(state), keeper: Some(Box::new(keeper)) }
    }

    /// The state as it is now.
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    /// Changes the state and returns when the change cannot be lost any more.
    ///
    /// # Errors
    ///
    /// When it could not be written; the change is then only in memory.
    pub async fn change(&self, change: impl FnOnce(&mut State)) -> Result<()> {
        let kept = {
            let mut state = self.lock();
            change(&mut state);
            state.serial += 1;
            let Some(keeper) = &self.keeper else { return Ok(()) };
            // Begun while the state is locked, so that what is kept last is the newest.
            keeper.keep(&state)
        };
        kept.await
            .map_err(|error| Error::Refused(format!("the state could not be written: {error}")))
    }

    /// Lets others at it. Nothing may be changed any more.
    pub async fn release(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.release().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do about a state that is lost.
const RESTORE: &str = "restore it, or remove it: `up` then finds everything again";

/// The state as it is written down.
///
/// # Errors
///
/// When it cannot be written as JSON, which no state of ours is.
pub fn text(state: &State) -> serde_json::Result<String> {
    serde_json::to_string_pretty(state).map(|it| it + "\n")
}

/// Reads what was written down as the state of `stack`.
///
/// # Errors
///
/// Why it is none, and what to do.
pub fn parse(content: &str, stack: &str) -> std::result::Result<State, String> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
        stack: String,
    }
    let broken =
        |error: serde_json::Error| format!("it is not a whole state file ({error}); {RESTORE}");
    let head: Head = serde_json::from_str(content).map_err(broken)?;
    if head.version > VERSION {
        let Head { version, .. } = head;
        return Err(format!(
            "it has version {version} and this program reads up to {VERSION}; use the program that wrote it"
        ));
    }
    if head.stack != stack {
        return Err(format!(
            "it belongs to the stack `{}`, not to `{stack}`; move it to where it was, or name another folder with \
             `--state-dir`",
            head.stack
        ));
    }
    serde_json::from_str(content).map_err(|error| match error.is_data() {
        // Such as a kind of resource that came later. All that might stand there instead helps nobody.
        true => {
            let said = error.to_string();
            let what = said.split(", expected one of").next().unwrap_or_default();
            format!("it has in it what this program does not know ({what}, line {}); use the program that wrote it", error.line())
        }
        false => broken(error),
    })
}
