//! Turns what was sent or copied into a release: completely or not at all, with its modes set, immutable afterwards.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{Releases, arrived, compare, copy, share};
use crate::durable;
use crate::names::ReleaseId;
use crate::prepare;
use crate::tree::{Folder, remove as remove_tree};

/// What was done to make a directory a release, besides giving it its name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Received {
    /// How many files the release shares with the one that it was compared with.
    pub shared: u64,
    /// What had a setuid, setgid or sticky bit, which a release does not have.
    pub special: Vec<PathBuf>,
}

impl Received {
    /// The special bits that were taken away, as the end of a sentence; empty where there were none.
    #[must_use]
    pub fn special_bits_note(&self) -> String {
        let shown = |path: &PathBuf| path.display().to_string();
        let which = match &*self.special {
            [] => return String::new(),
            [one] => shown(one),
            [one, two] => format!("{} and {}", shown(one), shown(two)),
            [one, rest @ ..] => format!("{} and {} more", shown(one), rest.len()),
        };
        format!("; {which} lost a setuid, setgid or sticky bit, which a release does not have")
    }
}

impl Releases {
    /// Makes what a push has sent a release: whole or not at all, its modes set, read-only afterwards. What is the
    /// same in `basis` is one file on the disk. A release that is here already stays as it is, if what was sent is the
    /// same.
    ///
    /// # Errors
    /// Nothing was sent, it holds what a release can't, or another release of this id is here.
    pub fn adopt(&self, id: &ReleaseId, basis: Option<&ReleaseId>) -> anyhow::Result<Received> {
        let (sent, path) = (self.push_path(id), self.path(id));
        if self.has(id) {
            if !self.is_pushed(id) {
                return Ok(Received::default());
            }
            let _pushed = self.locked_push(id)?;
            self.check_same(id)?;
            remove_tree(&sent)?;
            return Ok(Received::default());
        }
        if !self.is_pushed(id) {
            bail!(
                "nothing was sent for {id}: {} is not there. `tealkeep push` sends a release",
                sent.display()
            );
        }
        let pushed = self.locked_push(id)?;
        // A record of a preparation elsewhere says nothing about this machine.
        pushed.remove(OsStr::new(prepare::RECORD_FILE))?;
        let group = fs::metadata(&self.folder)?.gid();
        let folder = Folder::open(&self.folder)?;
        let special = arrived::close_top(&folder, &self.push_name(id), group)
            .with_context(|| format!("{id} can't become a release"))?;
        let shared = match basis.filter(|basis| self.has(basis)) {
            Some(basis) => folder
                .inner(OsStr::new(basis.as_str()))
                .and_then(|basis| share::with_basis(&pushed, &basis))
                .with_context(|| format!("cannot compare what was sent with {basis}"))?,
            None => 0,
        };
        rustix::fs::syncfs(&pushed).with_context(|| format!("cannot sync {}", sent.display()))?;
        fs::rename(&sent, &path).with_context(|| format!("cannot give {id} its name"))?;
        durable::sync_dir(&self.folder)?;
        Ok(Received { shared, special })
    }

    /// Whether what a push has sent may become this release: none of this id is here, or one that is the same.
    ///
    /// # Errors
    /// It is another one, or something can't be read.
    pub fn check_same(&self, id: &ReleaseId) -> anyhow::Result<()> {
        if !self.has(id) || !self.is_pushed(id) {
            return Ok(());
        }
        let here = self.path(id);
        let made = prepare::read_made(&here)?;
        let folder = Folder::open(&self.folder)?;
        let difference = folder
            .inner(OsStr::new(&self.push_name(id)))
            .and_then(|sent| Ok((sent, folder.inner(OsStr::new(id.as_str()))?)))
            .and_then(|(sent, here)| compare::difference(&sent, &here, Path::new(""), &made))
            .with_context(|| format!("cannot compare what was sent with {}", here.display()))?;
        match difference {
            None => Ok(()),
            Some(path) => bail!(
                "{id} is here already, and what was sent differs in {}; a release never changes, so give this one another name (--name)",
                path.display()
            ),
        }
    }

    /// Copies a directory in as a release: whole or not at all, read-only afterwards. A release that is
    /// here already stays as it is.
    ///
    /// # Errors
    /// Something can't be read or written; nothing of it is left then.
    pub fn receive(&self, directory: &Path, id: &ReleaseId) -> anyhow::Result<Received> {
        if self.has(id) {
            return Ok(Received::default());
        }
        let incoming = self.folder.join(format!(".incoming-{id}"));
        remove_tree(&incoming)?;
        let mut special = Vec::new();
        let copied = copy::copy_tree(directory, &incoming, &mut special)
            .and_then(|()| remove_tree(&incoming.join(prepare::RECORD_FILE)))
            .and_then(|()| {
                fs::rename(&incoming, self.path(id)).context("cannot give the release its name")
            })
            .and_then(|()| Ok(durable::sync_dir(&self.folder)?));
        if copied.is_err() {
            // The reason for the failure says more than what is left of the copy.
            let _ = remove_tree(&incoming);
        }
        copied
            .with_context(|| format!("cannot receive {} as release {id}", directory.display()))?;
        Ok(Received { shared: 0, special })
    }
}
