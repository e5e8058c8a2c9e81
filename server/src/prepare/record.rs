//! `.tealkeep-prepare.json` in a release: what was received, while the release is being prepared; afterwards what was made, and
//! for which key. It is written durably, the second form only after everything that it names.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::names::ReleaseId;
use crate::tree::Folder;

/// The record's name in a release's directory.
pub const FILE: &str = ".tealkeep-prepare.json";

/// The largest record, in bytes: more than a hundred thousand paths. Tealkeep reads what the app's user wrote, and has little
/// memory.
const MAX_RECORD_BYTES: u64 = 8 << 20;

/// The record's version: part of the key, so that nothing is reused across versions.
pub(super) const VERSION: u32 = 2;

/// How a release was prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The hash of everything on which the result depends.
    pub key: String,
    /// The command that made it.
    pub command: Vec<String>,
    /// How long the command, or the reuse, took.
    pub took_ms: u64,
    /// The earlier release whose result was reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_from: Option<ReleaseId>,
    /// What was made, relative to the release; a directory stands for everything in it.
    pub entries: Vec<PathBuf>,
    /// How many files and links that is.
    pub files: u64,
    /// The first file that contains the release's own path, so that no other release can use the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<PathBuf>,
    /// Whether it was searched for that; older versions did not.
    #[serde(default)]
    pub searched: bool,
}

/// The state of a preparation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub(super) enum State {
    /// It was begun, with this in the release, but not completed.
    Begun { received: Vec<PathBuf> },
    /// It is complete.
    Done(Record),
}

impl State {
    /// Writes it durably.
    pub(super) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec(self)?;
        if bytes.len() as u64 > MAX_RECORD_BYTES {
            bail!(
                "{} holds too many files to be prepared: the list of them alone has more than {} MiB",
                directory.display(),
                MAX_RECORD_BYTES >> 20
            );
        }
        // Replaced by a rename, so that nobody needs write access to the old one.
        Ok(durable::write_whole(&directory.join(FILE), &bytes, 0o440)?)
    }
}

impl Record {
    /// How the release in this directory was prepared, if it was.
    ///
    /// # Errors
    /// The record can't be read.
    pub fn of(directory: &Path) -> anyhow::Result<Option<Record>> {
        Ok(match read(directory)? {
            Some(State::Done(record)) => Some(record),
            Some(State::Begun { .. }) | None => None,
        })
    }

    /// Whether everything that was made exists, as far as the entries show.
    pub(super) fn is_whole(&self, directory: &Path) -> bool {
        self.entries
            .iter()
            .all(|entry| directory.join(entry).symlink_metadata().is_ok())
    }
}

/// Reads a release's record. A record of another version, or an invalid one, counts as none.
pub(super) fn read(directory: &Path) -> anyhow::Result<Option<State>> {
    Ok(read_with_owner(directory)?.map(|(state, _)| state))
}

/// The same, with the owner of the file. Reads only a regular file of a normal size and never blocks, because whoever prepares
/// the release may put anything in its place.
pub(super) fn read_with_owner(directory: &Path) -> anyhow::Result<Option<(State, u32)>> {
    let path = directory.join(FILE);
    let doing = || {
        format!(
            "cannot read {}, the record of a preparation; remove it, and deploy again",
            path.display()
        )
    };
    let entry = match Folder::open(directory) {
        Ok(folder) => folder.entry(OsStr::new(FILE)).with_context(doing)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(doing),
    };
    let Some(entry) = entry else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    // It may grow while it is read.
    let read = entry
        .file()
        .and_then(|file| file.take(MAX_RECORD_BYTES + 1).read_to_end(&mut bytes));
    read.with_context(doing)?;
    if bytes.len() as u64 > MAX_RECORD_BYTES {
        return Err(anyhow!("it is larger than {} MiB", MAX_RECORD_BYTES >> 20))
            .with_context(doing);
    }
    let state: Option<State> = serde_json::from_slice(&bytes).ok();
    let state = state.filter(|state| {
        let paths = match state {
            State::Begun { received } => received,
            State::Done(record) => &record.entries,
        };
        paths.iter().all(|path| is_inside(path))
    });
    Ok(state.map(|state| (state, entry.owner())))
}

/// The newest other release whose result has this key and still exists.
pub(super) fn newest_with(
    releases: &Path,
    own: &ReleaseId,
    key: &str,
) -> anyhow::Result<Option<(ReleaseId, Record)>> {
    let mut newest: Option<(SystemTime, ReleaseId, Record)> = None;
    let entries = fs::read_dir(releases)
        .with_context(|| format!("cannot read the releases in {}", releases.display()))?;
    for entry in entries.flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<ReleaseId>().ok())
        else {
            continue;
        };
        if id == *own || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let directory = entry.path();
        // An unreadable earlier release cannot be reused.
        let Ok(Some(State::Done(record))) = read(&directory) else {
            continue;
        };
        let Ok(written) = fs::metadata(directory.join(FILE)).and_then(|meta| meta.modified())
        else {
            continue;
        };
        let fits = record.bound.is_none() && record.key == key && record.is_whole(&directory);
        if fits && newest.as_ref().is_none_or(|(when, ..)| *when < written) {
            newest = Some((written, id, record));
        }
    }
    Ok(newest.map(|(_, id, record)| (id, record)))
}

fn is_inside(path: &Path) -> bool {
    path.components()
        .all(|component| matches!(component, Component::Normal(_)))
        && path.components().next().is_some()
}
