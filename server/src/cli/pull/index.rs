//! What is in the backups folder of the other side, by its small files: the manifests, which are written last, and the
//! tiers' links. None of it is trusted: names and targets are parsed, and everything else is ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::source::Source;
use crate::backup::{Catalogue, Manifest, SnapshotId, Tier, catalogue, manifest};
use crate::cli::outcome::Failure;
use crate::cli::progress::say_line;
use crate::names::AppName;

/// The other side's small files, as just fetched.
pub struct Index {
    folder: PathBuf,
    /// The snapshots that are complete there.
    pub manifests: BTreeMap<SnapshotId, Manifest>,
    /// Those there whose manifest can't be read here: damaged, or from a newer version.
    pub unreadable: BTreeSet<SnapshotId>,
    /// Whether all of it arrived. If not, a missing file means nothing.
    pub is_complete: bool,
    /// The tiers' links: the folder, the link's name, and the snapshot that it leads to.
    pub links: Vec<(Tier, String, SnapshotId)>,
}

impl Index {
    /// Reads what rsync has fetched; `missed` is why not all of it arrived.
    ///
    /// # Errors
    /// There is no backups folder, or nothing in it yet, or it can't be read.
    pub fn read(folder: &Path, source: &Source, missed: Option<String>) -> Result<Index, Failure> {
        let snapshots = catalogue::snapshots(folder);
        if let Some(why) = &missed {
            say_line(format_args!(
                "Not everything that describes the snapshots there could be read: {why}"
            ));
        }
        if !snapshots.is_dir() {
            return Err(Failure::Usage(format!(
                "{source} is not a backups folder: it has no `snapshots` in it. The folder is `backups` in the app's section of the \
                 configuration there, such as /var/backups/home, or `/` for a key that may only pull"
            )));
        }
        let mut manifests = BTreeMap::new();
        let mut unreadable = BTreeSet::new();
        for entry in fs::read_dir(&snapshots).context("cannot read what arrived")? {
            let entry = entry.context("cannot read what arrived")?;
            let path = entry.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(id) = name.and_then(SnapshotId::from_file_name) else {
                continue;
            };
            let passed_over = match entry.file_type() {
                Ok(kind) if kind.is_file() => match manifest::read(&path) {
                    Ok(manifest) if manifest.id == id => {
                        manifests.insert(id, manifest);
                        continue;
                    }
                    Ok(_) => "it belongs to another snapshot".to_owned(),
                    Err(error) => error.to_string(),
                },
                // A link would be followed here, on the laptop, wherever it leads.
                Ok(_) => "it is not a regular file".to_owned(),
                Err(error) => error.to_string(),
            };
            say_line(format_args!(
                "{id}: its manifest there cannot be read here, so it is skipped: {passed_over}. If a newer Tealkeep \
                 wrote it, this one is too old"
            ));
            unreadable.insert(id);
        }
        if manifests.is_empty() {
            return Err(Failure::Operation(
                match unreadable.is_empty() && missed.is_none() {
                    true => {
                        anyhow!(
                            "there are no snapshots at {source} yet; `tealkeep backup` there takes one"
                        )
                    }
                    false => anyhow!(
                        "no manifest at {source} can be read; `tealkeep verify` there says what is wrong"
                    ),
                },
            ));
        }
        Ok(Index {
            folder: folder.to_owned(),
            manifests,
            unreadable,
            is_complete: missed.is_none(),
            links: links(folder)?,
        })
    }

    /// A manifest as it is there.
    pub fn text(&self, id: SnapshotId) -> anyhow::Result<Vec<u8>> {
        let path = catalogue::snapshots(&self.folder).join(id.manifest_name());
        Ok(fs::read(path)?)
    }

    /// The app of the snapshots, which must be the same as in the folder here.
    ///
    /// # Errors
    /// They are another app's.
    pub fn same_app(&self, here: &Catalogue, folder: &Path) -> Result<Option<AppName>, Failure> {
        let theirs = self
            .manifests
            .values()
            .rev()
            .find_map(|manifest| manifest.app.clone());
        let ours = here
            .entries
            .iter()
            .rev()
            .find_map(|entry| entry.manifest.app.clone());
        match (theirs, ours) {
            (Some(theirs), Some(ours)) if theirs != ours => Err(Failure::Usage(format!(
                "{} has snapshots of {ours}, but those are of {theirs}; name another folder",
                folder.display()
            ))),
            (theirs, _) => Ok(theirs),
        }
    }
}

/// The tiers' links that look as Tealkeep makes them.
fn links(folder: &Path) -> anyhow::Result<Vec<(Tier, String, SnapshotId)>> {
    let mut links = Vec::new();
    for tier in Tier::ALL {
        let entries = match fs::read_dir(folder.join(tier.as_str())) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(target) = fs::read_link(entry.path()) else {
                continue;
            };
            let name = entry.file_name().into_string().unwrap_or_default();
            let id = target
                .to_str()
                .and_then(|target| target.strip_prefix("../snapshots/"))
                .filter(|file| file.ends_with(".sqlite.gz"))
                .and_then(SnapshotId::from_file_name);
            if let Some(id) = id.filter(|_| !name.starts_with('.') && name.ends_with(".sqlite.gz"))
            {
                links.push((tier, name, id));
            }
        }
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_is_a_link_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = catalogue::snapshots(dir.path());
        fs::create_dir(&snapshots).unwrap();
        let id: SnapshotId = "2026-11-21T033000Z".parse().unwrap();
        // Whoever opened it would wait for ever.
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        std::os::unix::fs::symlink(&pipe, snapshots.join(id.manifest_name())).unwrap();
        let source = "pi:/".parse().unwrap();
        let Err(Failure::Operation(nothing)) = Index::read(dir.path(), &source, None) else {
            panic!("it was taken over");
        };
        assert!(
            nothing.to_string().contains("no manifest at"),
            "{nothing:#}"
        );
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_not_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let daily = dir.path().join("daily");
        fs::create_dir(&daily).unwrap();
        for (name, target) in [
            (
                "2026-11-21.sqlite.gz",
                "../snapshots/2026-11-21T033000Z.sqlite.gz",
            ),
            ("2026-11-20.sqlite.gz", "../snapshots/../../.ssh/id_ed25519"),
            ("2026-11-19.sqlite.gz", "/etc/passwd"),
            (
                "2026-11-18.sqlite.gz",
                "../snapshots/2026-11-21T033000Z.json",
            ),
            (".bashrc", "../snapshots/2026-11-21T033000Z.sqlite.gz"),
        ] {
            std::os::unix::fs::symlink(target, daily.join(name)).unwrap();
        }
        let id = "2026-11-21T033000Z".parse().unwrap();
        assert_eq!(
            links(dir.path()).unwrap(),
            [(Tier::Daily, "2026-11-21.sqlite.gz".to_owned(), id)]
        );
    }
}
