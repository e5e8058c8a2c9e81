//! Who may write in a backups folder, who may change what is there, and the removal of what killed runs left.
//! The locks are the kernel's (flock(2)), on the directories themselves: none outlives its process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::layout::snapshots;
use super::manifest;
use super::scratch;
use tealkeep_words::snapshot::Tier;

/// Removes the dot-parts that killed runs left in the folder, and answers with how many there were. The manifest of a
/// snapshot that has its name already gets its own instead. While somebody works there it does nothing, since they may
/// be theirs.
///
/// # Errors
/// A directory can't be read, or a part can't be removed or named.
pub fn remove_leftovers(folder: &Path) -> io::Result<usize> {
    let alone = lock(folder, Hold::Alone, Duration::ZERO)
        .and_then(|lock| Ok((lock, lock_for_changes(folder, Duration::ZERO)?)));
    let _alone = match alone {
        Ok(locks) => locks,
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(0),
        Err(e) => return Err(e),
    };
    let mut removed = 0;
    let tiers = Tier::ALL.map(|tier| folder.join(tier.as_str()));
    let own = snapshots(folder);
    for dir in [folder, own.as_path()]
        .into_iter()
        .chain(tiers.iter().map(PathBuf::as_path))
    {
        for item in fs::read_dir(dir)? {
            let item = item?;
            let name = item.file_name();
            let Some(name) = name.to_str().filter(|name| scratch::is_part_name(name)) else {
                continue;
            };
            if dir == own && manifest::finish(&own, name)? {
                continue;
            }
            fs::remove_file(item.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Who else may hold a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Others that share it.
    Shared,
    /// Nobody.
    Alone,
}

/// A lock on a directory. The kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _dir: File,
}

/// Says that a snapshot is being written, which others may do as well, so that nobody takes its parts for
/// leftovers.
///
/// # Errors
/// `WouldBlock` when leftovers are being removed for longer than `wait`; any other I/O error.
pub fn lock_for_writing(folder: &Path, wait: Duration) -> io::Result<FolderLock> {
    lock(folder, Hold::Shared, wait)
}

/// The right to change what is there already: to rotate, and to pin.
///
/// # Errors
/// `WouldBlock` when somebody else does so for longer than `wait`; any other I/O error.
pub fn lock_for_changes(folder: &Path, wait: Duration) -> io::Result<FolderLock> {
    lock(&snapshots(folder), Hold::Alone, wait)
}

fn lock(dir: &Path, hold: Hold, wait: Duration) -> io::Result<FolderLock> {
    let operation = match hold {
        Hold::Shared => FlockOperation::NonBlockingLockShared,
        Hold::Alone => FlockOperation::NonBlockingLockExclusive,
    };
    let file = File::open(dir)?;
    let ends = Instant::now() + wait;
    loop {
        match rustix::fs::flock(&file, operation) {
            Ok(()) => return Ok(FolderLock { _dir: file }),
            Err(Errno::WOULDBLOCK) if Instant::now() < ends => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(Errno::WOULDBLOCK) => {
                let said = format!(
                    "another Tealkeep works in {} just now: try again when it is done",
                    dir.display()
                );
                return Err(io::Error::new(io::ErrorKind::WouldBlock, said));
            }
            Err(e) => return Err(e.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::ensure_layout;
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        ensure_layout(dir.path()).unwrap();
        dir
    }

    #[test]
    fn parts_of_killed_runs_go_and_everything_else_stays() {
        let dir = folder();
        let keep = ["snapshots/.hidden", "daily/x.part", ".tealkeepers"];
        let go = [
            "snapshots/.tealkeep-17.part",
            "snapshots/.tealkeep-17-0.part",
            "snapshots/.tealkeep-17-0.part-journal",
            "snapshots/.2026-11-21T033000Z.json.tealkeep-part",
            "daily/.2026-11-21.sqlite.gz.tealkeep-part",
            ".SHA256SUMS.tealkeep-part",
        ];
        for name in keep.iter().chain(&go) {
            fs::write(dir.path().join(name), "").unwrap();
        }
        for busy in [lock_for_writing, lock_for_changes] {
            let _busy = busy(dir.path(), Duration::ZERO).unwrap();
            assert_eq!(remove_leftovers(dir.path()).unwrap(), 0);
        }
        assert_eq!(remove_leftovers(dir.path()).unwrap(), go.len());
        for name in keep {
            assert!(dir.path().join(name).exists(), "{name} was removed");
        }
    }

    #[test]
    fn two_may_write_at_once_and_only_one_may_change_what_is_there() {
        let dir = folder();
        let _one = lock_for_writing(dir.path(), Duration::ZERO).unwrap();
        let _other = lock_for_writing(dir.path(), Duration::ZERO).unwrap();
        let first = lock_for_changes(dir.path(), Duration::ZERO).unwrap();
        let refused = lock_for_changes(dir.path(), Duration::from_millis(30)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(first);
        lock_for_changes(dir.path(), Duration::ZERO).unwrap();
    }
}
