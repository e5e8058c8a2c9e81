//! The contents of a release's directory: compared before and after, linked, made read-only. Only the app's user runs this, on its
//! own files; Tealkeep itself never does.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::record::FILE;
use crate::tree::remove;

/// Everything in a directory, with what shows a change.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: BTreeMap<PathBuf, Mark>,
}

/// What shows whether something has changed. For a directory only that it is one.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    Directory,
    Other {
        inode: u64,
        size: u64,
        modified: (i64, i64),
        mode: u32,
    },
}

impl Mark {
    fn of(meta: &Metadata) -> Mark {
        if meta.is_dir() {
            return Mark::Directory;
        }
        Mark::Other {
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            mode: meta.mode(),
        }
    }
}

impl Tree {
    /// Reads a directory, without the record of the preparation.
    pub(super) fn read(directory: &Path) -> anyhow::Result<Tree> {
        let mut tree = Tree::default();
        tree.read_below(directory, Path::new(""))
            .with_context(|| format!("cannot read {}", directory.display()))?;
        Ok(tree)
    }

    fn read_below(&mut self, directory: &Path, below: &Path) -> io::Result<()> {
        for entry in fs::read_dir(directory.join(below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if path == Path::new(FILE) {
                continue;
            }
            let mark = Mark::of(&entry.metadata()?);
            if mark == Mark::Directory {
                self.read_below(directory, &path)?;
            }
            self.entries.insert(path, mark);
        }
        Ok(())
    }

    /// The paths of everything in it.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.entries.keys().cloned().collect()
    }

    /// Something that is different or missing in `after`.
    pub(super) fn first_change(&self, after: &Tree) -> Option<&Path> {
        self.entries
            .iter()
            .find(|(path, mark)| after.entries.get(*path) != Some(mark))
            .map(|(path, _)| path.as_path())
    }

    /// What exists only in `after`; for a new directory, only the directory itself.
    pub(super) fn appeared_in(&self, after: &Tree) -> Vec<PathBuf> {
        after
            .entries
            .keys()
            .filter(|path| !self.entries.contains_key(*path))
            .filter(|path| {
                path.parent().is_none_or(|parent| {
                    parent.as_os_str().is_empty() || self.entries.contains_key(parent)
                })
            })
            .cloned()
            .collect()
    }
}

/// Links a file, or a directory with everything in it, from one release into another, and returns how many files and links that
/// was. Directories are created, with the same modes but writable until they are sealed.
pub(super) fn link(from: &Path, to: &Path, entry: &Path) -> io::Result<u64> {
    let (source, target) = (from.join(entry), to.join(entry));
    link_one(&source, &target, &source.symlink_metadata()?)
}

fn link_one(source: &Path, target: &Path, meta: &Metadata) -> io::Result<u64> {
    if meta.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(source)?, target)?;
        return Ok(1);
    }
    if !meta.is_dir() {
        fs::hard_link(source, target)?;
        return Ok(1);
    }
    fs::DirBuilder::new().mode(0o770).create(target)?;
    // The group's bit on new directories comes from the folder above; setting the mode must not lose it.
    fs::set_permissions(
        target,
        Permissions::from_mode((meta.mode() & 0o7777) | 0o700),
    )?;
    let mut files = 0;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        files += link_one(
            &entry.path(),
            &target.join(entry.file_name()),
            &entry.metadata()?,
        )?;
    }
    Ok(files)
}

/// Removes write permission for the owner and for everybody but the group, which may remove it; returns the number of files and
/// links.
pub(super) fn seal(directory: &Path, entries: &[PathBuf]) -> anyhow::Result<u64> {
    sealed(directory, entries, true)
}

/// The same for the directories only: the files are links to sealed ones.
pub(super) fn seal_directories(directory: &Path, entries: &[PathBuf]) -> anyhow::Result<u64> {
    sealed(directory, entries, false)
}

fn sealed(directory: &Path, entries: &[PathBuf], files_too: bool) -> anyhow::Result<u64> {
    let mut files = 0;
    for entry in entries {
        let path = directory.join(entry);
        files += path
            .symlink_metadata()
            .and_then(|meta| seal_one(&path, &meta, files_too))
            .with_context(|| format!("cannot seal {}", path.display()))?;
    }
    Ok(files)
}

fn seal_one(path: &Path, meta: &Metadata, files_too: bool) -> io::Result<u64> {
    if meta.is_symlink() {
        return Ok(1);
    }
    let mode = meta.mode() & 0o7777;
    if !meta.is_dir() {
        let runs = if mode & 0o111 == 0 { 0 } else { 0o010 };
        let wanted = (mode & !0o227) | 0o460 | runs;
        if files_too && mode != wanted {
            fs::set_permissions(path, Permissions::from_mode(wanted))?;
        }
        return Ok(1);
    }
    let mut files = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        files += seal_one(&entry.path(), &entry.metadata()?, files_too)?;
    }
    let wanted = (mode & !0o227) | 0o570;
    if mode != wanted {
        fs::set_permissions(path, Permissions::from_mode(wanted))?;
    }
    Ok(files)
}

/// Removes everything from a directory that is not in the list, except the record.
pub(super) fn remove_all_but(directory: &Path, received: &HashSet<PathBuf>) -> anyhow::Result<()> {
    let tree = Tree::read(directory)?;
    // A directory's entries come after it: those of one that was removed are gone already.
    for path in tree.entries.keys() {
        if !received.contains(path) {
            remove(&directory.join(path))?;
        }
    }
    Ok(())
}

/// Writes everything of this file system to the disk, at once: one call, however many files.
pub(super) fn sync(directory: &Path) -> anyhow::Result<()> {
    let handle = fs::File::open(directory)?;
    rustix::fs::syncfs(&handle).with_context(|| format!("cannot sync {}", directory.display()))
}
