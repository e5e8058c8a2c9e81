//! `.tealkeep-prepare.json` in a release: what was received, while it is being prepared; what was made, and
//! for which key, once it is. It is written durably, the second form only after everything that it names.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::names::ReleaseId;

/// The record's name in a release's directory.
pub const FILE: &str = ".tealkeep-prepare.json";

/// The record's version: part of the key, so that nothing is taken over across versions.
pub(super) const VERSION: u32 = 1;

/// How a release was made ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the result depends on, hashed.
    pub key: String,
    /// The command that made it.
    pub command: Vec<String>,
    /// How long the command, or the taking over, took.
    pub took_ms: u64,
    /// The earlier release whose result was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_from: Option<ReleaseId>,
    /// What appeared besides what was received, relative to the release; a directory stands for all in it.
    pub entries: Vec<PathBuf>,
    /// How many files and links that is.
    pub files: u64,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub(super) enum State {
    /// It was begun with this in the release, and not completed.
    Begun { received: Vec<PathBuf> },
    /// It is ready.
    Done(Record),
}

impl State {
    /// Writes it durably.
    pub(super) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        // Written anew by a rename, so that nobody need be able to write to the old one.
        Ok(durable::write_whole(&directory.join(FILE), &bytes, 0o440)?)
    }
}

impl Record {
    /// How the release in this directory was made ready, if it was.
    ///
    /// # Errors
    /// The record can't be read.
    pub fn of(directory: &Path) -> anyhow::Result<Option<Record>> {
        Ok(match read(directory)? {
            Some(State::Done(record)) => Some(record),
            Some(State::Begun { .. }) | None => None,
        })
    }

    /// Whether everything that was made is there, as far as a look at the entries tells.
    pub(super) fn is_whole(&self, directory: &Path) -> bool {
        self.entries
            .iter()
            .all(|entry| directory.join(entry).symlink_metadata().is_ok())
    }
}

/// Reads a release's record. One of another version, or that makes no sense, counts as none.
pub(super) fn read(directory: &Path) -> anyhow::Result<Option<State>> {
    let path = directory.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let state: Option<State> = serde_json::from_slice(&bytes).ok();
    Ok(state.filter(|state| {
        let paths = match state {
            State::Begun { received } => received,
            State::Done(record) => &record.entries,
        };
        paths.iter().all(|path| is_inside(path))
    }))
}

/// The newest other release whose result has this key and is still there.
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
        // An earlier release that can't be read is none to take from.
        let Ok(Some(State::Done(record))) = read(&directory) else {
            continue;
        };
        let Ok(written) = fs::metadata(directory.join(FILE)).and_then(|meta| meta.modified())
        else {
            continue;
        };
        let fits = record.key == key && record.is_whole(&directory);
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
