//! Removes leftovers at a start, and the oldest unneeded releases after a deploy.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{PUSH_LIFETIME, PUSH_PREFIX, Release, Releases};
use crate::durable;
use crate::names::ReleaseId;
use crate::prepare;
use crate::tree::remove as remove_tree;

impl Releases {
    /// Removes what a cut-off copy left, a push that nobody went on with for a day, and links that did not get their name.
    ///
    /// # Errors
    /// Something can't be removed.
    pub fn sweep(&self) -> anyhow::Result<()> {
        durable::remove_parts(&self.folder)?;
        for entry in fs::read_dir(&self.folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let given_up = name.starts_with(PUSH_PREFIX)
                && entry
                    .metadata()
                    .and_then(|meta| meta.modified())
                    .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > PUSH_LIFETIME));
            if name.starts_with(".incoming-") || given_up {
                remove_tree(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes the oldest releases until `keep` are left; those in `needed` stay, and so does one that another of these
    /// can't do without. Returns what went.
    ///
    /// # Errors
    /// Something can't be removed.
    pub fn prune(&self, keep: u32, needed: &[ReleaseId]) -> anyhow::Result<Vec<ReleaseId>> {
        let mut gone = Vec::new();
        let mut kept = self.list()?;
        let old = kept.split_off(kept.len().min(keep as usize));
        let (stay, old): (Vec<_>, Vec<_>) = old
            .into_iter()
            .partition(|release| needed.contains(&release.id));
        kept.extend(stay);
        let leant_on = self.leant_on(&kept, &old);
        for (at, release) in old.into_iter().enumerate() {
            if !leant_on.contains(&at) {
                remove_tree(&self.path(&release.id))?;
                gone.push(release.id);
            }
        }
        Ok(gone)
    }

    /// Which of the old releases, by their places in the list, one that is kept can't do without.
    fn leant_on(&self, kept: &[Release], old: &[Release]) -> BTreeSet<usize> {
        let mut leant_on = BTreeSet::new();
        for kept in kept {
            let others: Vec<usize> = (0..old.len()).filter(|at| !leant_on.contains(at)).collect();
            if others.is_empty() {
                break;
            }
            let paths: Vec<PathBuf> = others.iter().map(|at| self.path(&old[*at].id)).collect();
            let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            match prepare::find_needed(&self.path(&kept.id), &paths) {
                Ok(found) => leant_on.extend(found.into_iter().map(|at| others[at])),
                // Disk space is cheaper than a colour that does not start.
                Err(error) => {
                    tracing::warn!(
                        release = %kept.id,
                        "no old release is removed, since it can't be told which of them this one uses: {error:#}"
                    );
                    leant_on.extend(others);
                }
            }
        }
        leant_on
    }
}
