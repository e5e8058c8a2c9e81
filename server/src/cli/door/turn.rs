//! One push at a time fills a directory: rsync runs with a lock on it, which the kernel releases with its last process. A
//! locked directory can't become a release either.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::tree::{Folder, Kind};

/// How long to wait for the rsync of an interrupted push, which ends within moments.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Creates the directory of a push if it does not exist, and locks it for this process and the program that replaces it. Its
/// parent folder belongs to Tealkeep. Afterwards no file in it is hard-linked elsewhere, so nothing that rsync does
/// changes an existing release.
///
/// # Errors
/// Another push uses it, or it can't be created.
pub(super) fn take(target: &Path) -> anyhow::Result<Folder> {
    take_within(target, LOCK_TIMEOUT)
}

fn take_within(target: &Path, timeout: Duration) -> anyhow::Result<Folder> {
    let doing = || format!("cannot use {}", target.display());
    let (parent, name) = (target.parent(), target.file_name());
    let (parent, name) = (parent.with_context(doing)?, name.with_context(doing)?);
    let parent = Folder::open(parent).with_context(doing)?;
    let began = Instant::now();
    loop {
        let folder = parent.make(name).with_context(doing)?;
        let is_ours = folder.try_lock().with_context(doing)?;
        // It may have become a release, or have been removed, before the lock.
        if is_ours && is_still(&parent, name, &folder).with_context(doing)? {
            remove_shared(&folder).with_context(doing)?;
            folder.hand_on().with_context(doing)?;
            return Ok(folder);
        }
        if began.elapsed() > timeout {
            bail!(
                "another push of this name is running; wait until it ends, or use another name (--name)"
            );
        }
        std::thread::sleep(RETRY_INTERVAL);
    }
}

/// Removes files that are also linked elsewhere, such as those that an older version linked from a release; rsync sends or
/// copies them again.
fn remove_shared(folder: &Folder) -> std::io::Result<()> {
    for name in folder.names()? {
        let Some(entry) = folder.entry(&name)? else {
            continue;
        };
        match entry.kind() {
            Kind::Folder => {
                let inner = entry.folder()?;
                drop(entry);
                remove_shared(&inner)?;
            }
            Kind::File if entry.has_another_name() => folder.remove(&name)?,
            Kind::File | Kind::Link | Kind::Other => {}
        }
    }
    Ok(())
}

fn is_still(parent: &Folder, name: &OsStr, folder: &Folder) -> std::io::Result<bool> {
    let current = parent.entry(name)?.map(|entry| entry.identity());
    Ok(current == Some(folder.identity()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_push_of_a_name_is_refused_until_the_first_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join(".push-v1"), dir.path().join(".push-v2"));
        let first = take(&one).unwrap();
        let refused = take_within(&one, Duration::ZERO).unwrap_err().to_string();
        assert!(refused.contains("another push"), "{refused}");
        take_within(&other, Duration::ZERO).unwrap();
        drop(first);
        take(&one).unwrap();
    }

    #[test]
    fn what_a_push_fills_shares_no_file_with_a_release() {
        let dir = tempfile::tempdir().unwrap();
        let (sealed, push) = (dir.path().join("v1"), dir.path().join(".push-v2"));
        for folder in [&sealed, &push] {
            std::fs::create_dir_all(folder.join("below")).unwrap();
        }
        for name in ["a", "below/b"] {
            std::fs::write(sealed.join(name), "sealed").unwrap();
            std::fs::hard_link(sealed.join(name), push.join(name)).unwrap();
        }
        std::fs::write(push.join("own"), "own").unwrap();
        take(&push).unwrap();
        assert!(sealed.join("a").exists() && sealed.join("below/b").exists());
        assert!(!push.join("a").exists() && !push.join("below/b").exists());
        assert!(push.join("own").exists());
    }

    #[test]
    fn a_directory_that_became_a_release_is_not_the_one_that_is_locked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".push-v1");
        let first = take(&path).unwrap();
        std::fs::rename(&path, dir.path().join("v1")).unwrap();
        take_within(&path, Duration::ZERO).unwrap();
        assert!(path.is_dir());
        drop(first);
    }
}
