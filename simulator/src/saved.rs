//! The world in a file, for a sandbox that several processes use one after the other, or at the same time.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::world::World;

/// A file that holds the world.
#[derive(Debug)]
pub(crate) struct Saved {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
}

impl Saved {
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: None }
    }

    /// Keeps other processes out until it is dropped.
    pub(crate) fn lock(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let lock = File::create(self.path.with_extension("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => lock.lock()?,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(lock)
    }

    /// The world, if another process has changed it since we looked last.
    pub(crate) fn changed(&mut self) -> io::Result<Option<World>> {
        let stamp = self.stamp()?;
        if stamp.is_none() || stamp == self.seen {
            return Ok(None);
        }
        let world = serde_json::from_slice(&fs::read(&self.path)?).map_err(|error| {
            let message = format!(
                "{}: {error}; a sandbox holds nothing of value, so delete the file to begin anew",
                self.path.display()
            );
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        self.seen = stamp;
        Ok(Some(world))
    }

    /// Saves it whole: another process sees the old world or the new one.
    pub(crate) fn save(&mut self, world: &World) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(world)?)?;
        file.persist(&self.path).map_err(|error| error.error)?;
        self.seen = self.stamp()?;
        Ok(())
    }

    fn stamp(&self) -> io::Result<Option<(SystemTime, u64)>> {
        match fs::metadata(&self.path) {
            Ok(file) => Ok(Some((file.modified()?, file.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
