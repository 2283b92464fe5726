//! How a file is replaced: in steps between which the power may go, or the process be killed, without loss.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use tempfile::NamedTempFile;

/// The steps. Tests have a disk that ends in the middle of each.
pub(super) trait Disk {
    /// A file beside the one that it will replace.
    type Temporary;

    /// Makes one, which nobody else may read from its beginning.
    fn create(&self, folder: &Path) -> io::Result<Self::Temporary>;
    /// Writes all of its content.
    fn write(&self, file: &mut Self::Temporary, content: &[u8]) -> io::Result<()>;
    /// Returns when its content outlasts a power cut.
    fn sync(&self, file: &Self::Temporary) -> io::Result<()>;
    /// Puts it in its place.
    fn rename(&self, file: Self::Temporary, path: &Path) -> io::Result<()>;
    /// Returns when the names in the folder outlast a power cut.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// That of the machine.
pub(super) struct Files;

impl Disk for Files {
    type Temporary = NamedTempFile;

    fn create(&self, folder: &Path) -> io::Result<NamedTempFile> {
        // The temporary file has mode 0600 from its beginning.
        tempfile::Builder::new().prefix(".state-").tempfile_in(folder)
    }

    fn write(&self, file: &mut NamedTempFile, content: &[u8]) -> io::Result<()> {
        file.write_all(content)
    }

    fn sync(&self, file: &NamedTempFile) -> io::Result<()> {
        file.as_file().sync_all()
    }

    fn rename(&self, file: NamedTempFile, path: &Path) -> io::Result<()> {
        file.persist(path)?;
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

/// Puts `content` in the place of the file, so that a reader sees the old or the new one, whole, also after a power cut.
pub(super) fn replace<D: Disk>(disk: &D, path: &Path, content: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = disk.create(folder)?;
    disk.write(&mut file, content.as_bytes())?;
    disk.sync(&file)?;
    disk.rename(file, path)?;
    disk.sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        rc::Rc,
    };

    use super::*;

    /// A file: what is in it, and how much of that would be left after a power cut.
    #[derive(Clone, Default)]
    struct Content {
        written: Rc<RefCell<Vec<u8>>>,
        synced: Rc<Cell<usize>>,
    }

    impl Content {
        fn whole(text: &str) -> Self {
            let content = Self::default();
            content.written.borrow_mut().extend(text.as_bytes());
            content.synced.set(text.len());
            content
        }

        fn now(&self) -> String {
            String::from_utf8(self.written.borrow().clone()).unwrap()
        }

        fn after_a_power_cut(&self) -> String {
            self.now()[..self.synced.get()].to_owned()
        }
    }

    /// When it ends.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum End {
        Before(u32),
        During(u32),
        After(u32),
        Never,
    }

    /// A disk that keeps no more than it has promised to.
    struct Fragile {
        end: End,
        step: Cell<u32>,
        /// What the file's name stands for.
        named: RefCell<Content>,
        /// What it would stand for after a power cut.
        remembered: RefCell<Content>,
    }

    impl Fragile {
        fn new(old: &str, end: End) -> Self {
            let old = Content::whole(old);
            Self {
                end,
                step: Cell::new(0),
                named: RefCell::new(old.clone()),
                remembered: RefCell::new(old),
            }
        }

        fn step<T>(&self, half: impl FnOnce(), whole: impl FnOnce() -> T) -> io::Result<T> {
            let step = self.step.get() + 1;
            self.step.set(step);
            if self.end == End::Before(step) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.end == End::During(step) {
                half();
                return Err(io::ErrorKind::StorageFull.into());
            }
            let result = whole();
            if self.end == End::After(step) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Ok(result)
        }

        /// What a reader may find after the process is gone, and after the power was.
        fn found(&self) -> [String; 3] {
            let (named, remembered) = (self.named.borrow(), self.remembered.borrow());
            // A name may be on the disk before anybody asked for it.
            [named.now(), named.after_a_power_cut(), remembered.after_a_power_cut()]
        }
    }

    impl Disk for Fragile {
        type Temporary = Content;

        fn create(&self, _: &Path) -> io::Result<Content> {
            self.step(|| (), Content::default)
        }

        fn write(&self, file: &mut Content, content: &[u8]) -> io::Result<()> {
            let write = |part: &[u8]| file.written.borrow_mut().extend(part);
            self.step(|| write(&content[..content.len() / 2]), || write(content))
        }

        fn sync(&self, file: &Content) -> io::Result<()> {
            let length = file.written.borrow().len();
            self.step(|| file.synced.set(length / 2), || file.synced.set(length))
        }

        fn rename(&self, file: Content, _: &Path) -> io::Result<()> {
            self.step(|| (), || drop(self.named.replace(file)))
        }

        fn sync_folder(&self, _: &Path) -> io::Result<()> {
            self.step(|| (), || drop(self.remembered.replace(self.named.borrow().clone())))
        }
    }

    #[test]
    fn whenever_the_power_goes_there_is_a_whole_file() {
        let (old, new) = ("what was there before", "what is to be there from now on");
        let mut ended = 0;
        let ends = (1..20).flat_map(|it| [End::Before(it), End::During(it), End::After(it)]);
        for end in ends {
            let disk = Fragile::new(old, end);
            let replaced = replace(&disk, Path::new("state/gsm.json"), new);
            ended += u32::from(replaced.is_err());
            for found in disk.found() {
                assert!(found == old || found == new, "{end:?} left {found:?}");
            }
        }
        // Five steps, each ended in three ways.
        assert_eq!(ended, 15);
    }

    #[test]
    fn what_was_replaced_stays_replaced() {
        let disk = Fragile::new("old", End::Never);
        replace(&disk, Path::new("state/gsm.json"), "new").unwrap();
        assert_eq!(disk.found(), ["new"; 3]);
    }
}
