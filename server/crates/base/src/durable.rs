//! Atomic, durable file writes: readers see the old content or the new, never a part, and the same holds after a power
//! cut. Each function returns only when its change is on the disk.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

/// Replaces (or creates) `path` with `bytes`: temp file beside it, fsync, rename, fsync of the directory.
///
/// # Errors
/// Any I/O error, with the path in its text; the old content is then still there.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    Waiting::write(path, bytes, mode)?.publish()
}

/// A file that is written and synced, and waits for its name: under a dot-name beside it, which goes when this is
/// dropped.
#[derive(Debug)]
pub struct Waiting {
    temp: PathBuf,
    path: PathBuf,
    is_named: bool,
}

impl Waiting {
    /// Writes what `path` is to hold. The dot-name itself is on the disk when the directory was synced next.
    ///
    /// # Errors
    /// Any I/O error, with the path in its text; nothing is left then.
    pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<Waiting> {
        let waiting = Waiting {
            temp: hidden_beside(path)?,
            path: path.to_owned(),
            is_named: false,
        };
        let written = (|| {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(mode)
                // Where others may write as well, as in the spool, a link could stand there and lead elsewhere.
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(&waiting.temp)?;
            // The umask is the process's own affair; who may read this file is its writer's.
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.write_all(bytes)?;
            file.sync_all()
        })();
        match written {
            Ok(()) => Ok(waiting),
            Err(e) => Err(with_path("write", path, &e)),
        }
    }

    /// Gives it its name, in the place of whatever has it: rename, fsync of the directory.
    ///
    /// # Errors
    /// Any I/O error, with the path in its text.
    pub fn publish(mut self) -> io::Result<()> {
        let named = fs::rename(&self.temp, &self.path);
        self.is_named = named.is_ok();
        named
            .and_then(|()| sync_parent(&self.path))
            .map_err(|e| with_path("write", &self.path, &e))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.is_named {
            // The temp is of no use to anybody; that it can't be removed either is part of the same fault.
            let _ = fs::remove_file(&self.temp);
        }
    }
}

/// Gives a file its name that [`Waiting::write`] had written when its process was cut off.
///
/// # Errors
/// Any I/O error, with the path in its text.
pub fn publish_part(part: &Path, path: &Path) -> io::Result<()> {
    let named = (|| {
        File::open(part)?.sync_all()?;
        fs::rename(part, path)?;
        sync_parent(path)
    })();
    named.map_err(|e| with_path("write", path, &e))
}

/// The name whose file waits under this dot-name, if it is one of [`Waiting`].
#[must_use]
pub fn waits_for(name: &str) -> Option<&str> {
    name.strip_prefix('.')?.strip_suffix(PART_SUFFIX)
}

/// Makes a folder, and those that it stands in, and gives it the permission bits `mode`, whatever the umask
/// is. One that another user owns is left as it is.
///
/// # Errors
/// Any I/O error, with the path in its text.
pub fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    let made = (|| {
        fs::create_dir_all(path)?;
        let meta = fs::metadata(path)?;
        let own = meta.uid() == rustix::process::geteuid().as_raw();
        if own && meta.mode() & 0o7777 != mode {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    })();
    made.map_err(|e| with_path("make", path, &e))
}

/// Makes `link` a symbolic link to `target`, replacing whatever link or file stood there, in one instant.
///
/// # Errors
/// Any I/O error, with the path in its text; the old link is then still there.
pub fn link_whole(target: &Path, link: &Path) -> io::Result<()> {
    let temp = hidden_beside(link)?;
    let made = (|| {
        match fs::remove_file(&temp) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        std::os::unix::fs::symlink(target, &temp)?;
        fs::rename(&temp, link)?;
        sync_parent(link)
    })();
    made.map_err(|e| with_path("link", link, &e))
}

/// Ends the name of a file that [`write_whole`] or [`link_whole`] has not yet given its own.
const PART_SUFFIX: &str = ".tealkeep-part";

/// Removes what [`write_whole`] and [`link_whole`] left in a folder when they were cut off by a crash. For a
/// folder that nobody else writes to now; one that is not there is no error.
///
/// # Errors
/// Any other I/O error, with the path in its text.
pub fn remove_parts(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|e| with_path("read", dir, &e))?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(PART_SUFFIX) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file so that it stays removed after a power cut. One that is not there is no error.
///
/// # Errors
/// Any other I/O error, with the path in its text.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(with_path("remove", path, &e)),
    }
}

/// Opens a regular file for reading, and never waits: anything else under that name, such as a FIFO, a device or a
/// socket, is refused without being opened. Links are followed.
///
/// # Errors
/// `InvalidInput` with what it is instead; any other I/O error as it is.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let refuse = |meta: &fs::Metadata| {
        let kind = kind_of(meta.file_type());
        let said = format!("{} is a {kind}, not a regular file", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, said)
    };
    let before = fs::metadata(path)?;
    if !before.is_file() {
        return Err(refuse(&before));
    }
    // Something else may take the name between the two calls; opening it does not wait either.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    if meta.is_file() {
        Ok(file)
    } else {
        Err(refuse(&meta))
    }
}

/// What a directory entry is, for people.
#[must_use]
pub fn kind_of(kind: fs::FileType) -> &'static str {
    if kind.is_fifo() {
        "FIFO"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "device"
    } else if kind.is_dir() {
        "folder"
    } else if kind.is_symlink() {
        "link"
    } else {
        "regular file"
    }
}

/// Reads a file that is expected to be small; a larger one is an error, before it takes memory.
///
/// # Errors
/// `InvalidData` for one of more than `most` bytes; see [`open_regular`] for what is no file; any other I/O error as it is.
pub fn read_small(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let said = format!(
            "{} has more than {most} bytes, which none of its kind has",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, said));
    }
    Ok(bytes)
}

/// Makes a directory's entries durable.
///
/// # Errors
/// The directory can't be opened or synced.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// A file under construction that nobody can see, and that vanishes by itself if this process dies.
///
/// On a file system without `O_TMPFILE` (open(2)) it is a dot-name in the same folder, removed on drop.
#[derive(Debug)]
pub struct Unnamed {
    file: File,
    /// Where the fallback stands; `None` with `O_TMPFILE`.
    hidden: Option<PathBuf>,
}

impl Unnamed {
    /// Opens one for reading and writing in `dir`, with the permission bits `mode`.
    ///
    /// # Errors
    /// The folder is missing, read-only or not ours.
    pub fn create_in(dir: &Path, mode: u32) -> io::Result<Unnamed> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::open(dir, flags, Mode::from_raw_mode(mode)) {
            Ok(fd) => Ok(Unnamed {
                file: File::from(fd),
                hidden: None,
            }),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => {
                static NTH: AtomicU64 = AtomicU64::new(0);
                let nth = NTH.fetch_add(1, Ordering::Relaxed);
                let path = dir.join(format!(".tealkeep-{}-{nth}.part", std::process::id()));
                let file = fs::OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(mode)
                    .open(&path)?;
                Ok(Unnamed {
                    file,
                    hidden: Some(path),
                })
            }
            Err(e) => Err(with_path("create a file in", dir, &e.into())),
        }
    }

    /// The file itself, to write and to read back.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it its name: fsync, link, fsync of the directory. Refuses a name that is taken.
    ///
    /// # Errors
    /// `AlreadyExists` for a taken name; any other I/O error. Nothing is visible then.
    pub fn publish(self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        let linked = match &self.hidden {
            None => {
                let proc_path = format!(
                    "/proc/self/fd/{}",
                    std::os::fd::AsRawFd::as_raw_fd(&self.file.as_fd())
                );
                rustix::fs::linkat(CWD, proc_path.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW)
                    .map_err(io::Error::from)
            }
            // A hard link refuses a taken name, which a rename would replace.
            Some(hidden) => fs::hard_link(hidden, path),
        };
        let synced = linked.and_then(|()| {
            sync_parent(path).inspect_err(|_| {
                // What may not be there after a power cut is not published. That the name can't be removed
                // either is the same fault of the disk.
                let _ = fs::remove_file(path);
            })
        });
        synced.map_err(|e| with_path("publish", path, &e))
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if let Some(hidden) = &self.hidden {
            // Whether published or not, the dot-name has no further use; start-up removes leftovers too.
            let _ = fs::remove_file(hidden);
        }
    }
}

fn hidden_beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} names no file", path.display()),
        )
    })?;
    Ok(path.with_file_name(format!(".{}{PART_SUFFIX}", name.to_string_lossy())))
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => sync_dir(dir),
        _ => sync_dir(Path::new(".")),
    }
}

fn with_path(doing: &str, path: &Path, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("cannot {doing} {}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_the_place_of_what_is_being_written_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a"), dir.path().join("other"));
        fs::write(&other, "somebody's").unwrap();
        std::os::unix::fs::symlink(&other, hidden_beside(&path).unwrap()).unwrap();
        write_whole(&path, b"one", 0o640).unwrap_err();
        assert_eq!(fs::read(&other).unwrap(), b"somebody's");
        // It is gone with the failure, and stops nothing for good.
        write_whole(&path, b"one", 0o640).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn an_unpublished_file_leaves_nothing_and_a_taken_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a");
        let mut first = Unnamed::create_in(dir.path(), 0o640).unwrap();
        first.file().write_all(b"one").unwrap();
        drop(first);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

        let mut second = Unnamed::create_in(dir.path(), 0o640).unwrap();
        second.file().write_all(b"two").unwrap();
        second.publish(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"two");

        let third = Unnamed::create_in(dir.path(), 0o640).unwrap();
        assert_eq!(
            third.publish(&target).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read(&target).unwrap(), b"two");
    }

    #[test]
    fn a_link_is_replaced_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("blue");
        link_whole(Path::new("v1"), &link).unwrap();
        link_whole(Path::new("v2"), &link).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("v2"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
