//! The state on disk: read, locked and replaced as a whole.
//!
//! Each change is on disk before it counts: the file is written beside the old one, flushed, and put in its place by a
//! rename, so that at every instant there is a whole file. Changes that come together are written together.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::sync::oneshot;

use super::{
    super::{
        disk::{Files, replace},
        state::State,
    },
    Holder, Keeper, RESTORE, Store, StoreError, parse, text,
};

/// Keeps a state in a file, which a thread of its own writes.
struct InFile {
    writer: mpsc::Sender<Request>,
    _lock: Lock,
}

struct Request {
    content: String,
    done: oneshot::Sender<io::Result<()>>,
}

/// The stack is this run's on this machine, until the process ends, however it ends: the kernel lets go of it.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    /// This run.
    pub holder: Holder,
    /// The run that held it last, if it said who it is. It is over.
    pub last: Option<Holder>,
}

/// Opens the state of `stack` in `dir` for changes; an absent file is an empty state. If another run holds it, waits up
/// to `patience` for it.
///
/// # Errors
///
/// See [`StoreError`]. A file that cannot be understood is left as it is.
pub fn open(
    dir: &Path,
    stack: &str,
    region: &str,
    patience: Duration,
) -> Result<Store, StoreError> {
    let lock = lock(dir, stack, patience)?;
    let path = path(dir, stack);
    let state = read(dir, stack)?.unwrap_or_default().of(stack, region);
    let (writer, requests) = mpsc::channel();
    std::thread::spawn(move || write_each(&path, &requests));
    Ok(Store::kept_by(InFile { writer, _lock: lock }, state))
}

/// Reads the state of `stack` without locking it. `None`: there is none.
///
/// # Errors
///
/// See [`StoreError`].
pub fn read(dir: &Path, stack: &str) -> Result<Option<State>, StoreError> {
    let path = path(dir, stack);
    let unreadable = |why| StoreError::Unreadable { place: path.display().to_string(), why };
    let content = match fs::read_to_string(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) if source.kind() == io::ErrorKind::InvalidData => {
            return Err(unreadable(format!("it is not text; {RESTORE}")));
        }
        Err(source) => return Err(StoreError::Io { path, source }),
    };
    parse(&content, stack).map(Some).map_err(unreadable)
}

/// Writes the state of a stack whose lock is held elsewhere.
///
/// # Errors
///
/// When the file system refuses.
pub fn write(dir: &Path, state: &State) -> Result<(), StoreError> {
    let path = path(dir, &state.stack);
    let io = |source| StoreError::Io { path: path.clone(), source };
    replace(&Files, &path, &text(state).map_err(io::Error::from).map_err(io)?).map_err(io)
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

/// The file of a stack.
pub fn path(dir: &Path, stack: &str) -> PathBuf {
    dir.join(format!("{stack}.json"))
}

/// Locks `stack` against other runs on this machine, which `patience` may be waited for.
///
/// # Errors
///
/// See [`StoreError`].
pub fn lock(dir: &Path, stack: &str, patience: Duration) -> Result<Lock, StoreError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Io { path, source }
    };
    fs::create_dir_all(dir).map_err(io(dir))?;
    let path = dir.join(format!("{stack}.lock"));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io(&path))?;
    let began = Instant::now();
    let held = loop {
        match file.try_lock() {
            Ok(()) => break false,
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(200));
            }
            Err(TryLockError::WouldBlock) => break true,
            Err(TryLockError::Error(source)) => return Err(io(&path)(source)),
        }
    };
    // The lock is what counts; who holds it, or held it, is only to be told.
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let last = serde_json::from_str::<Holder>(&text).ok();
    if held {
        return Err(StoreError::Locked(last.map_or_else(
            || "by a run that has not said who it is".to_owned(),
            |it| it.to_string(),
        )));
    }
    let holder = Holder::this_run();
    let text = serde_json::to_string(&holder).unwrap_or_default();
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)).map(drop))
        .and_then(|()| file.write_all(text.as_bytes()))
        .map_err(io(&path))?;
    Ok(Lock { _file: file, holder, last })
}

impl Keeper for InFile {
    fn keep(&self, state: &State) -> BoxFuture<'static, io::Result<()>> {
        let content = text(state);
        let (done, written) = oneshot::channel();
        let sent = content.map(|content| self.writer.send(Request { content, done }));
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
    use std::os::unix::fs::PermissionsExt as _;

    use super::{super::super::state::VERSION, *};

    fn open(dir: &Path) -> Result<Store, StoreError> {
        super::open(dir, "gsm", "eu-central-1", Duration::ZERO)
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
