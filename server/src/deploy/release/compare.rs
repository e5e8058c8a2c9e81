//! Whether what was sent is the same as the release that is already here. It compares everything that was sent and ignores the
//! record of a preparation: that belongs to the app's user, who could leave out what was changed.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::prepare::PreparedFiles;
use crate::tree::{Entry, Folder, Kind};

/// The first path at which two releases differ. What is here only is no difference where it was `made` here.
pub(super) fn difference(
    sent: &Folder,
    here: &Folder,
    below: &Path,
    made: &PreparedFiles,
) -> io::Result<Option<PathBuf>> {
    let names = sent.names()?;
    for name in &names {
        let path = below.join(name);
        if PreparedFiles::is_record(&path) {
            continue;
        }
        let (Some(one), Some(other)) = (sent.entry(name)?, here.entry(name)?) else {
            return Ok(Some(path));
        };
        let found = match (one.kind(), other.kind()) {
            (Kind::Folder, Kind::Folder) => {
                difference(&one.folder()?, &other.folder()?, &path, made)?
            }
            (Kind::Link, Kind::Link) => (one.target()? != other.target()?).then_some(path),
            (Kind::File, Kind::File) => (!same_file(&one, &other)?).then_some(path),
            _ => Some(path),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    for name in here.names()? {
        let path = below.join(&name);
        if names.binary_search(&name).is_ok() || PreparedFiles::is_record(&path) {
            continue;
        }
        let entry = here.entry(&name)?;
        if entry.is_some_and(|entry| !made.accounts_for(&path, entry.owner())) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Whether two files have the same bytes, and the same right to be run.
pub(super) fn same_file(one: &Entry, other: &Entry) -> io::Result<bool> {
    if one.identity() == other.identity() {
        return Ok(true);
    }
    let runs = |entry: &Entry| entry.mode() & 0o111 != 0;
    Ok(one.size() == other.size()
        && runs(one) == runs(other)
        && same_bytes(one.file()?, other.file()?)?)
}

fn same_bytes(one: File, other: File) -> io::Result<bool> {
    let (mut one, mut other) = (
        BufReader::with_capacity(64 * 1024, one),
        BufReader::with_capacity(64 * 1024, other),
    );
    loop {
        let (a, b) = (one.fill_buf()?, other.fill_buf()?);
        let length = a.len().min(b.len());
        if a[..length] != b[..length] || (length == 0 && a.len() != b.len()) {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        one.consume(length);
        other.consume(length);
    }
}
