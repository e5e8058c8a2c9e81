//! Releases on this machine: one immutable directory each, and a link a colour that says what the
//! colour starts from.

mod arrived;
mod compare;
mod copy;
mod group;
mod prune;
mod receive;
mod share;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::names::{Colour, ReleaseId};
use crate::tree::Folder;

pub use receive::Received;

/// Begins the name of the directory that a push fills, before it is a release.
pub const PUSH_PREFIX: &str = ".push-";
/// A push that nobody went on with for so long is given up.
const PUSH_LIFETIME: Duration = Duration::from_secs(24 * 3600);

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
    /// What a push has sent, whole, into [`Releases::push_path`].
    Pushed(ReleaseId),
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

    /// Where a push puts what is to become this release.
    #[must_use]
    pub fn push_path(&self, id: &ReleaseId) -> PathBuf {
        self.folder.join(self.push_name(id))
    }

    fn push_name(&self, id: &ReleaseId) -> String {
        format!("{PUSH_PREFIX}{id}")
    }

    /// What a push has sent, while nobody sends any more; it stays so until the answer is dropped.
    fn locked_push(&self, id: &ReleaseId) -> anyhow::Result<Folder> {
        let pushed = Folder::open(&self.folder)?.inner(OsStr::new(&self.push_name(id)))?;
        if !pushed.try_lock()? {
            bail!("{id} is still being sent, by another push; wait for its end");
        }
        Ok(pushed)
    }

    /// Lets the group, which is the app's, write into all directories of a release that came with it, or no more.
    /// What a preparation made in it stays as it is. A release that is not here is no error.
    ///
    /// # Errors
    /// A mode can't be set.
    pub fn open_to_group(&self, id: &ReleaseId, open: bool) -> anyhow::Result<()> {
        Folder::open(&self.folder)
            .and_then(|folder| group::set(&folder, OsStr::new(id.as_str()), open))
            .with_context(|| format!("cannot set the modes of {}", self.path(id).display()))
    }

    /// Whether a push has begun to send this release.
    #[must_use]
    pub fn is_pushed(&self, id: &ReleaseId) -> bool {
        self.push_path(id)
            .symlink_metadata()
            .is_ok_and(|meta| meta.is_dir())
    }

    /// The id that a push of this name gets: the name itself where it is free or `exact` is wanted; else that
    /// of a push of this name which was cut off; else the name with the time.
    ///
    /// # Errors
    /// The folder can't be read, or the name is too long for the time.
    pub fn id_for_push(
        &self,
        name: &ReleaseId,
        exact: bool,
        now: Timestamp,
    ) -> anyhow::Result<ReleaseId> {
        if exact || !self.has(name) {
            return Ok(name.clone());
        }
        let begins = format!("{PUSH_PREFIX}{name}-");
        let mut cut_off: Vec<ReleaseId> = Vec::new();
        for entry in fs::read_dir(&self.folder)?.flatten() {
            let full = entry.file_name();
            let Some(stamp) = full.to_str().and_then(|full| full.strip_prefix(&begins)) else {
                continue;
            };
            let stamped = stamp.len() == 16
                && stamp
                    .bytes()
                    .all(|b| b.is_ascii_digit() || matches!(b, b'T' | b'Z'));
            let id: Option<ReleaseId> = format!("{name}-{stamp}").parse().ok();
            cut_off.extend(id.filter(|id| stamped && !self.has(id) && self.is_pushed(id)));
        }
        if let Some(newest) = cut_off.into_iter().max() {
            return Ok(newest);
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
}
