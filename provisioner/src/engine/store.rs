//! The state on disk: read, locked and replaced as a whole.
//!
//! Each change is on disk before [`Store::change`] returns: the file is written beside the old one, flushed, and put in
//! its place by a rename, so that at every instant there is a whole file. Changes that come together are written
//! together.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{
    disk::{Files, replace},
    error::{Error, Result},
    state::{State, VERSION},
};

/// The state of one stack, open for changes and locked against others.
pub struct Store {
    state: Mutex<State>,
    /// None: changes stay in memory.
    keeper: Option<Box<dyn Keeper>>,
    /// Held until the process ends, however it ends: the kernel lets go of it.
    _lock: Option<File>,
}

/// What makes a state last.
pub trait Keeper: Send + Sync {
    /// Begins to keep it, after those it was given before; completes when it cannot be lost any more.
    fn keep(&self, state: &State) -> BoxFuture<'static, io::Result<()>>;
}

/// Why the state could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else is at it.
    #[error("the stack is being changed by another run: {0}")]
    Locked(String),
    /// The file is not a state of ours.
    #[error("{path}: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
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
}

/// Who holds a lock, for the message to whom it keeps out.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    user: String,
    host: String,
    command: String,
    since: jiff::Timestamp,
}

/// Keeps a state in a file, which a thread of its own writes.
struct InFile(mpsc::Sender<Request>);

struct Request {
    content: String,
    done: oneshot::Sender<io::Result<()>>,
}

impl Store {
    /// Opens the state of `stack` in `dir` for changes; an absent file is an empty state. If another run holds it,
    /// waits up to `patience` for it.
    ///
    /// # Errors
    ///
    /// See [`StoreError`]. A file that cannot be understood is left as it is.
    pub fn open(
        dir: &Path,
        stack: &str,
        region: &str,
        patience: Duration,
    ) -> std::result::Result<Self, StoreError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        fs::create_dir_all(dir).map_err(io(dir))?;
        let lock_path = dir.join(format!("{stack}.lock"));
        let lock = lock(&lock_path, patience)?;
        let path = path(dir, stack);
        let mut state = read(dir, stack)?.unwrap_or_default();
        (state.version, state.stack) = (VERSION, stack.to_owned());
        if state.region.is_empty() {
            region.clone_into(&mut state.region);
        }
        let (writer, requests) = mpsc::channel();
        std::thread::spawn(move || write_each(&path, &requests));
        let keeper: Box<dyn Keeper> = Box::new(InFile(writer));
        Ok(Self { state: Mutex::new(state), keeper: Some(keeper), _lock: Some(lock) })
    }

    /// Opens a state to look at; changes stay in memory.
    pub fn in_memory(state: State) -> Self {
        Self { state: Mutex::new(state), keeper: None, _lock: None }
    }

    /// Opens a state that somebody else keeps.
    pub fn kept_by(keeper: impl Keeper + 'static, state: State) -> Self {
        Self { state: Mutex::new(state), keeper: Some(Box::new(keeper)), _lock: None }
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the state of `stack` without locking it. `None`: there is none.
///
/// # Errors
///
/// See [`StoreError`].
pub fn read(dir: &Path, stack: &str) -> std::result::Result<Option<State>, StoreError> {
    let path = path(dir, stack);
    let content = match fs::read_to_string(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) if source.kind() == io::ErrorKind::InvalidData => {
            return Err(StoreError::Unreadable { path, why: format!("it is not text; {RESTORE}") });
        }
        Err(source) => return Err(StoreError::Io { path, source }),
    };
    parse(&content, stack).map(Some).map_err(|why| StoreError::Unreadable { path, why })
}

/// The names of the stacks that have a state in `dir`.
pub fn stacks(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|it| it.path());
    let json = names.filter(|it| it.extension().is_some_and(|it| it == "json"));
    let mut stacks: Vec<_> =
        json.filter_map(|it| Some(it.file_stem()?.to_str()?.to_owned())).collect();
    stacks.sort();
    stacks
}

fn path(dir: &Path, stack: &str) -> PathBuf {
    dir.join(format!("{stack}.json"))
}

/// What to do about a file that is lost.
const RESTORE: &str = "restore it, or remove it: `up` then finds everything again";

fn parse(content: &str, stack: &str) -> std::result::Result<State, String> {
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

fn lock(path: &Path, patience: Duration) -> std::result::Result<File, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(io)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(200));
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The lock is what counts; who holds it is only for the message.
                let _ = file.read_to_string(&mut text);
                return Err(StoreError::Locked(describe(&text)));
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
    }
    let holder = Holder {
        pid: std::process::id(),
        user: std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default(),
        host: fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        since: jiff::Timestamp::now(),
    };
    let text = serde_json::to_string(&holder).unwrap_or_default();
    file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)).map(drop)).map_err(io)?;
    file.write_all(text.as_bytes()).map_err(io)?;
    Ok(file)
}

fn describe(holder: &str) -> String {
    match serde_json::from_str::<Holder>(holder) {
        Ok(Holder { pid, user, host, command, since }) => {
            format!("`provisioner {command}`, process {pid} of {user} on {host}, since {since:.0}")
        }
        Err(_) => "by a run that has not said who it is".to_owned(),
    }
}

impl Keeper for InFile {
    fn keep(&self, state: &State) -> BoxFuture<'static, io::Result<()>> {
        let content = serde_json::to_string_pretty(state).map(|it| it + "\n");
        let (done, written) = oneshot::channel();
        let sent = content.map(|content| self.0.send(Request { content, done }));
        async move {
            let gone = || io::Error::other("what writes it has ended");
            sent?.map_err(|_| gone())?;
            written.await.map_err(|_| gone())?
        }
        .boxed()
    }
}

fn write_each(path: &Path, requests: &mpsc::Receiver<Request>) {
    while let Ok(first) = requests.recv() {
        let mut waiting = vec![first];
        waiting.extend(requests.try_iter());
        // Each holds the whole state, so the last one holds the others' changes too.
        let result = waiting.last().map_or(Ok(()), |it| replace(&Files, path, &it.content));
        for request in waiting {
            let copy = |it: &io::Error| io::Error::new(it.kind(), it.to_string());
            let result = result.as_ref().copied().map_err(copy);
            // Whoever asked may have been stopped.
            let _ = request.done.send(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn open(dir: &Path) -> std::result::Result<Store, StoreError> {
        Store::open(dir, "gsm", "eu-central-1", Duration::ZERO)
    }

    #[tokio::test]
    async fn what_was_changed_is_there_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        let change = |n: usize| {
            store.change(move |it| drop(it.outputs.insert(n.to_string(), String::new())))
        };
        let results = futures::future::join_all((0..50).map(change)).await;
        assert!(results.into_iter().all(|it| it.is_ok()));
        let mode = fs::metadata(dir.path().join("gsm.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(store);
        let state = open(dir.path()).unwrap().state();
        assert_eq!((state.outputs.len(), state.serial, state.version), (50, 50, VERSION));
        let left: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "temporary files are left: {left:?}");
    }

    #[test]
    fn a_second_run_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path()).unwrap();
        let refused = open(dir.path()).err().unwrap().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        assert!(open(dir.path()).is_ok());
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_refused_and_left_alone() {
        let whole = serde_json::to_string(&State {
            version: VERSION,
            stack: "gsm".to_owned(),
            ..State::default()
        })
        .unwrap();
        let newer = whole.replace("\"version\":1", "\"version\":9");
        let cases = [
            ("", "not a whole state file"),
            (&whole[..whole.len() - 2], "not a whole state file"),
            (newer.as_str(), "reads up to 1"),
            (&whole.replace("\"gsm\"", "\"other\""), "belongs to the stack `other`"),
            ("\u{0}\u{0}", "not a whole state file"),
        ];
        for (content, why) in cases {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("gsm.json");
            fs::write(&file, content).unwrap();
            let refused = open(dir.path()).err().unwrap().to_string();
            assert!(refused.contains(why), "{content:?}: {refused}");
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
        }
    }
}
