//! Releases on this machine: one immutable directory each, and a link a colour that says what the
//! colour starts from.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::names::{Colour, ReleaseId};

/// The releases of one app.
#[derive(Debug, Clone)]
pub struct Releases {
    folder: PathBuf,
}

/// A release on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Release {
    /// Its id, which is also its directory's name.
    pub id: ReleaseId,
    /// When it was received.
    #[schemars(with = "String")]
    pub received: Timestamp,
}

/// What a deploy is asked to make live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A release that stands on this machine.
    Named(ReleaseId),
    /// A directory on this machine, to be copied in as a new release.
    Directory(PathBuf),
}

impl Releases {
    /// The releases below a folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Releases {
        Releases { folder }
    }

    /// Where a release stands.
    #[must_use]
    pub fn path(&self, id: &ReleaseId) -> PathBuf {
        self.folder.join(id.as_str())
    }

    /// Where a colour starts from: a link to the release.
    #[must_use]
    pub fn colour_path(&self, colour: Colour) -> PathBuf {
        self.folder.join(colour.as_str())
    }

    /// Whether a release stands here, whole.
    #[must_use]
    pub fn has(&self, id: &ReleaseId) -> bool {
        self.path(id)
            .symlink_metadata()
            .is_ok_and(|meta| meta.is_dir())
    }

    /// All releases, newest first.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn list(&self) -> anyhow::Result<Vec<Release>> {
        let mut found = Vec::new();
        let entries = fs::read_dir(&self.folder)
            .with_context(|| format!("cannot read the releases in {}", self.folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(id) = name
                .to_str()
                .and_then(|name| name.parse::<ReleaseId>().ok())
            else {
                continue;
            };
            if entry.file_type()?.is_dir() {
                let modified = entry
                    .metadata()?
                    .modified()
                    .unwrap_or(SystemTime::UNIX_EPOCH);
                found.push(Release {
                    id,
                    received: Timestamp::try_from(modified).unwrap_or(Timestamp::UNIX_EPOCH),
                });
            }
        }
        found.sort_by(|a, b| b.received.cmp(&a.received).then_with(|| b.id.cmp(&a.id)));
        Ok(found)
    }

    /// The release that a colour's link points to.
    #[must_use]
    pub fn of_colour(&self, colour: Colour) -> Option<ReleaseId> {
        fs::read_link(self.colour_path(colour))
            .ok()?
            .file_name()?
            .to_str()?
            .parse()
            .ok()
    }

    /// Points a colour's link to a release.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn set_colour(&self, colour: Colour, id: &ReleaseId) -> anyhow::Result<()> {
        Ok(durable::link_whole(
            Path::new(id.as_str()),
            &self.colour_path(colour),
        )?)
    }

    /// The id that a directory gets as a release: its own name, with the time when that is taken.
    ///
    /// # Errors
    /// The path is not a directory, or its name can't be a release's.
    pub fn id_for(&self, directory: &Path, now: Timestamp) -> anyhow::Result<ReleaseId> {
        if !directory.is_dir() {
            bail!(
                "{} is not a directory; give a release's name or the directory that holds one",
                directory.display()
            );
        }
        let (folder, full) = (self.folder.canonicalize()?, directory.canonicalize()?);
        if folder.starts_with(&full) || full.starts_with(&folder) {
            bail!(
                "{} can't be copied into {}, since one lies in the other; give the directory that holds just the release",
                directory.display(),
                self.folder.display()
            );
        }
        let name = directory
            .file_name()
            .and_then(|name| name.to_str())
            .with_context(|| {
                format!(
                    "{} has no name that a release could have",
                    directory.display()
                )
            })?;
        let plain: ReleaseId = name.parse()?;
        if !self.path(&plain).exists() {
            return Ok(plain);
        }
        Ok(format!("{name}-{}", now.strftime("%Y%m%dT%H%M%SZ")).parse()?)
    }

    /// The release that a directory is already, if it stands here.
    #[must_use]
    pub fn holding(&self, directory: &Path) -> Option<ReleaseId> {
        let (folder, full) = (
            self.folder.canonicalize().ok()?,
            directory.canonicalize().ok()?,
        );
        let id = full.strip_prefix(&folder).ok()?.to_str()?.parse().ok()?;
        self.has(&id).then_some(id)
    }

    /// Copies a directory in as a release: whole or not at all, read-only afterwards. A release that is
    /// here already stays as it is.
    ///
    /// # Errors
    /// Something can't be read or written; nothing of it is left then.
    pub fn receive(&self, directory: &Path, id: &ReleaseId) -> anyhow::Result<()> {
        if self.has(id) {
            return Ok(());
        }
        let incoming = self.folder.join(format!(".incoming-{id}"));
        remove_tree(&incoming)?;
        let copied = copy_tree(directory, &incoming)
            .and_then(|()| {
                fs::rename(&incoming, self.path(id)).context("cannot give the release its name")
            })
            .and_then(|()| Ok(durable::sync_dir(&self.folder)?));
        if copied.is_err() {
            // The reason for the failure says more than what is left of the copy.
            let _ = remove_tree(&incoming);
        }
        copied.with_context(|| format!("cannot receive {} as release {id}", directory.display()))
    }

    /// Removes what a cut-off copy left, and links that did not get their name.
    ///
    /// # Errors
    /// Something can't be removed.
    pub fn sweep(&self) -> anyhow::Result<()> {
        durable::remove_parts(&self.folder)?;
        for entry in fs::read_dir(&self.folder)?.flatten() {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with(".incoming-")
            {
                remove_tree(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes the oldest releases until `keep` are left; those in `needed` stay. Returns what went.
    ///
    /// # Errors
    /// Something can't be removed.
    pub fn prune(&self, keep: u32, needed: &[ReleaseId]) -> anyhow::Result<Vec<ReleaseId>> {
        let mut gone = Vec::new();
        for release in self.list()?.into_iter().skip(keep as usize) {
            if !needed.contains(&release.id) {
                remove_tree(&self.path(&release.id))?;
                gone.push(release.id);
            }
        }
        Ok(gone)
    }
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&source, &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)
                .with_context(|| format!("cannot copy {}", source.display()))?;
            let executable = fs::metadata(&target)?.permissions().mode() & 0o111;
            fs::set_permissions(
                &target,
                fs::Permissions::from_mode(0o440 | (executable & 0o110)),
            )?;
            fs::File::open(&target)?.sync_all()?;
        } else {
            bail!(
                "{} is neither a file, a directory nor a link; a release can't hold it",
                source.display()
            );
        }
    }
    fs::set_permissions(to, fs::Permissions::from_mode(0o750))?;
    Ok(durable::sync_dir(to)?)
}

fn remove_tree(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_becomes_a_release_that_nobody_writes_to() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("v9");
        fs::create_dir_all(source.join("public")).unwrap();
        fs::write(source.join("public/a.css"), "a").unwrap();
        let folder = dir.path().join("releases");
        fs::create_dir(&folder).unwrap();
        let releases = Releases::new(folder.clone());
        let id = releases.id_for(&source, Timestamp::UNIX_EPOCH).unwrap();
        releases.receive(&source, &id).unwrap();
        assert_eq!(id.as_str(), "v9");
        assert_eq!(fs::read(folder.join("v9/public/a.css")).unwrap(), b"a");
        let mode = fs::metadata(folder.join("v9/public/a.css"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o440);
        let again = releases.id_for(&source, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(again.as_str(), "v9-19700101T000000Z");
    }

    #[test]
    fn a_directory_around_the_releases_is_no_release() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("releases");
        fs::create_dir_all(folder.join("v1/public")).unwrap();
        let releases = Releases::new(folder.clone());
        for wrong in [dir.path(), &folder, &folder.join("v1/public")] {
            let refused = releases.id_for(wrong, Timestamp::UNIX_EPOCH).unwrap_err();
            assert!(
                refused.to_string().contains("one lies in the other"),
                "{refused}"
            );
        }
        assert_eq!(releases.holding(&folder.join("v1")).unwrap().as_str(), "v1");
        assert_eq!(releases.holding(dir.path()), None);
    }

    #[test]
    fn pruning_spares_what_a_colour_stands_on() {
        let dir = tempfile::tempdir().unwrap();
        let releases = Releases::new(dir.path().to_owned());
        for (age, name) in ["v1", "v2", "v3", "v4"].iter().enumerate() {
            fs::create_dir(dir.path().join(name)).unwrap();
            let file = fs::File::open(dir.path().join(name)).unwrap();
            let when = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 + age as u64);
            file.set_modified(when).unwrap();
        }
        let v1: ReleaseId = "v1".parse().unwrap();
        releases.set_colour(Colour::Blue, &v1).unwrap();
        let gone = releases.prune(2, std::slice::from_ref(&v1)).unwrap();
        assert_eq!(
            gone.iter().map(ReleaseId::as_str).collect::<Vec<_>>(),
            ["v2"]
        );
        assert!(releases.has(&v1));
        assert_eq!(releases.of_colour(Colour::Blue), Some(v1));
    }
}
