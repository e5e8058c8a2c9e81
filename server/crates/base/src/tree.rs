//! Directories in which another user may swap a name for a link at any moment, walked by open descriptors and never by a
//! path: whatever the app's user does meanwhile, Tealkeep changes and removes nothing elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::FdFlags;

/// How deep a walk goes. Each level holds a descriptor, of which a process has about a thousand.
const MAX_DEPTH: u32 = 200;

const LIST_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
const PIN_FLAGS: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An open directory: what it is called by now, and where it stands, makes no difference.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    depth: u32,
}

/// Something in a folder, held as it was when it was looked at; a link is the link itself.
#[derive(Debug)]
pub struct Entry {
    fd: OwnedFd,
    stat: Stat,
    depth: u32,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link, not followed.
    Link,
    /// A pipe, a socket, a device: nothing that a release has.
    Other,
}

impl Folder {
    /// Opens a directory by its path, links followed: only for one that nobody else can put another in place of.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let fd = rustix::fs::openat(CWD, path, LIST_FLAGS, Mode::empty())?;
        Ok(Folder { fd, depth: 0 })
    }

    /// The names in it.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort();
        Ok(names)
    }

    /// What has this name, which is one component; `None` where nothing has it.
    pub fn entry(&self, name: &OsStr) -> io::Result<Option<Entry>> {
        let fd = match rustix::fs::openat(&self.fd, name, PIN_FLAGS, Mode::empty()) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stat = rustix::fs::fstat(&fd)?;
        Ok(Some(Entry {
            fd,
            stat,
            depth: self.depth,
        }))
    }

    /// The directory of this name, if it is one.
    pub fn inner(&self, name: &OsStr) -> io::Result<Folder> {
        let entry = self.entry(name)?;
        entry.ok_or(io::ErrorKind::NotFound)?.folder()
    }

    /// The directory of this name, made if nothing has it: for its owner and its group, and with this one's group
    /// where that is handed on.
    pub fn make(&self, name: &OsStr) -> io::Result<Folder> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o750)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => self.inner(name),
            Err(error) => Err(error.into()),
        }
    }

    /// The device and the number on it.
    pub fn identity(&self) -> io::Result<(u64, u64)> {
        let stat = rustix::fs::fstat(&self.fd)?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// Locks it against everybody else who locks it, unless somebody has (flock(2)); until it is closed.
    pub fn try_lock(&self) -> io::Result<bool> {
        match rustix::fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Leaves it open, with its lock, in the program that this process becomes.
    pub fn hand_on(&self) -> io::Result<()> {
        Ok(rustix::io::fcntl_setfd(&self.fd, FdFlags::empty())?)
    }

    /// Makes a file of this name, which nothing may have, for its owner alone.
    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o600))?;
        Ok(File::from(fd))
    }

    /// Gives the file that has this name in another folder a further one here, which nothing may have.
    pub fn link(&self, name: &OsStr, other: &Folder, its: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::linkat(
            &other.fd,
            its,
            &self.fd,
            name,
            AtFlags::empty(),
        )?)
    }

    /// Gives what has the name `from` in this folder the name `to`, in place of what has that.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    /// Removes what has this name, with all in it; what is not there is no error.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        let Some(entry) = self.entry(name)? else {
            return Ok(());
        };
        if entry.kind() != Kind::Folder {
            return Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())?);
        }
        if entry.is_ours() && entry.mode() & 0o700 != 0o700 {
            // Anybody else relies on the group's right, and is told below if that is missing.
            entry.set_mode(0o700)?;
        }
        let inner = entry.folder()?;
        drop(entry);
        for below in inner.names()? {
            inner.remove(&below)?;
        }
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Entry {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match FileType::from_raw_mode(self.stat.st_mode) {
            FileType::Directory => Kind::Folder,
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        }
    }

    /// The twelve bits of its mode.
    pub fn mode(&self) -> u32 {
        self.stat.st_mode & 0o7777
    }

    /// The user that it belongs to.
    #[must_use]
    pub fn owner(&self) -> u32 {
        self.stat.st_uid
    }

    /// The group that it belongs to.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.stat.st_gid
    }

    /// Whether it belongs to the user of this process.
    pub fn is_ours(&self) -> bool {
        self.owner() == rustix::process::geteuid().as_raw()
    }

    /// Whether it has another name too, here or elsewhere; for a file.
    pub fn has_another_name(&self) -> bool {
        self.stat.st_nlink > 1
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    /// The device and the number on it: two names with the same are the same.
    pub fn identity(&self) -> (u64, u64) {
        (self.stat.st_dev, self.stat.st_ino)
    }

    /// Sets the mode of what was looked at, whatever has its name by now.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        // fchmod(2) refuses a descriptor that only pins, and one that reads may not be had: proc(5) is the way.
        Ok(rustix::fs::chmod(
            self.proc_path(),
            Mode::from_raw_mode(mode),
        )?)
    }

    /// Opens it as a directory.
    pub fn folder(&self) -> io::Result<Folder> {
        if self.kind() != Kind::Folder {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if self.depth >= MAX_DEPTH {
            return Err(io::Error::other(format!(
                "it goes deeper than {MAX_DEPTH} folders"
            )));
        }
        let fd = rustix::fs::openat(&self.fd, ".", LIST_FLAGS, Mode::empty())?;
        let depth = self.depth + 1;
        Ok(Folder { fd, depth })
    }

    /// Opens it for reading, if it is a file: nothing else can take its place, and no pipe is waited for.
    pub fn file(&self) -> io::Result<File> {
        if self.kind() != Kind::File {
            return Err(io::Error::other("it is not a regular file"));
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(CWD, self.proc_path(), flags, Mode::empty())?;
        Ok(File::from(fd))
    }

    /// Where it points, if it is a link.
    pub fn target(&self) -> io::Result<PathBuf> {
        // An empty path means what was opened itself (readlink(2)).
        let target = rustix::fs::readlinkat(&self.fd, "", Vec::new())?;
        Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
    }

    fn proc_path(&self) -> String {
        format!("/proc/self/fd/{}", self.fd.as_raw_fd())
    }
}

/// Removes a file, or a directory with all in it; what is not there is no error. The directory that it is in must
/// be one that nobody else can put another in place of.
pub fn remove(path: &Path) -> anyhow::Result<()> {
    let doing = || format!("cannot remove {}", path.display());
    let name = path.file_name().with_context(doing)?;
    match Folder::open(path.parent().with_context(doing)?) {
        Ok(folder) => folder.remove(name).with_context(doing),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(doing),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn what_was_looked_at_is_changed_and_not_what_took_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let [own, other] = ["own", "other"].map(|name| dir.path().join(name));
        for folder in [&own, &other] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("file"), "content").unwrap();
            fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        }
        let folder = Folder::open(dir.path()).unwrap();
        let entry = folder.entry(OsStr::new("own")).unwrap().unwrap();
        fs::rename(&own, dir.path().join("gone")).unwrap();
        symlink(&other, &own).unwrap();
        entry.set_mode(0o700).unwrap();
        let inner = entry.folder().unwrap();
        inner.remove(OsStr::new("file")).unwrap();
        assert_eq!(fs::metadata(&other).unwrap().mode() & 0o777, 0o755);
        assert!(other.join("file").exists());
        let gone = fs::metadata(dir.path().join("gone")).unwrap();
        assert_eq!(gone.mode() & 0o777, 0o700);
        assert!(!dir.path().join("gone/file").exists());
        // By its name it is a link now.
        assert!(folder.inner(OsStr::new("own")).is_err());
        remove(&own).unwrap();
        assert!(other.join("file").exists());
    }

    #[test]
    fn a_folder_that_is_swapped_for_a_link_while_it_is_removed_spares_what_the_link_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let [victim, tree, aside] = ["victim", "tree", "aside"].map(|name| dir.path().join(name));
        for number in 0..50 {
            let below = victim.join(format!("{number}"));
            fs::create_dir_all(&below).unwrap();
            fs::write(below.join("file"), "content").unwrap();
            fs::set_permissions(&below, Permissions::from_mode(0o555)).unwrap();
        }
        let done = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = fs::rename(tree.join("a"), &aside);
                    let _ = symlink(&victim, tree.join("a"));
                    let _ = fs::remove_file(tree.join("a"));
                    let _ = fs::rename(&aside, tree.join("a"));
                }
            });
            for _ in 0..300 {
                for below in ["a/0", "a/1"] {
                    let _ = fs::create_dir_all(tree.join(below));
                }
                // It may fail, for what it removes changes; it must not go astray.
                let _ = remove(&tree);
            }
            done.store(true, Ordering::Relaxed);
        });
        for number in 0..50 {
            let below = victim.join(format!("{number}"));
            assert!(below.join("file").exists(), "{number}");
            assert_eq!(fs::metadata(&below).unwrap().mode() & 0o777, 0o555);
        }
    }

    #[test]
    fn what_its_owner_may_not_enter_is_removed_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let closed = dir.path().join("tree/closed");
        fs::create_dir_all(closed.join("below")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        remove(&dir.path().join("tree")).unwrap();
        remove(&dir.path().join("tree")).unwrap();
        remove(&dir.path().join("tree/missing")).unwrap();
        assert!(!dir.path().join("tree").exists());
    }

    #[test]
    fn a_pipe_and_a_device_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(dir.path().join("pipe"))
            .status();
        assert!(made.unwrap().success());
        symlink("/dev/zero", dir.path().join("zero")).unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        for name in ["pipe", "zero"] {
            let entry = folder.entry(OsStr::new(name)).unwrap().unwrap();
            assert!(entry.file().is_err(), "{name}");
        }
    }
}
