//! Proving that a snapshot is whole: all of it read, compared with its manifest, unpacked, and opened and
//! checked by SQLite. Works on any copy, with or without a manifest, with no server.

mod folder;
mod verdict;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use tealkeep_base::durable::{self, Unnamed};

use super::database::{self, Facts};
use super::gzip::{self, Limit, UnpackError, Written};
use super::manifest::{self, Manifest};
use super::scratch::{self, NoRoom, OpenError, Part, RESERVE_BYTES};
use super::sqlite;
use super::watch::{Stage, Stopped, Watch};
use tealkeep_words::snapshot::SnapshotId;

pub use folder::{Found, Look, Survey, Trouble, survey, verify_folder};
pub use verdict::{Damage, Verdict};

/// How closely a snapshot is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Its bytes and its members, as [`verify_members`] does.
    Members,
    /// All of it, as [`verify_file`] does.
    Content,
}

/// It could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Too little room to unpack it.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The work was stopped.
    #[error("not verified: {0}")]
    Stopped(#[from] Stopped),
    /// A folder without snapshots.
    #[error("{0} holds no snapshots: name a snapshot's file, or a backups folder")]
    NothingThere(PathBuf),
    /// Anything that the system said.
    #[error("cannot verify {path}: {source}", path = path.display())]
    Io {
        /// The snapshot or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Looks at one snapshot. It is unpacked into a nameless file in `scratch`, or else in the system's folder for
/// large temporary files, or else beside it.
///
/// # Errors
/// It could not be found out; damage is a verdict and no error.
pub fn verify_file(
    path: &Path,
    scratch: Option<&Path>,
    watch: &mut Watch<'_>,
) -> Result<Verdict, VerifyError> {
    let io = |source| VerifyError::Io {
        path: path.to_owned(),
        source,
    };
    let (manifest, file) = match opened(path)? {
        Ok(opened) => opened,
        Err(verdict) => return Ok(verdict),
    };
    let need = manifest.as_ref().map_or(0, |manifest| manifest.plain_bytes);
    let (mut unnamed, dir) = workplace(path, scratch, need).map_err(io)?;
    let mut name = Name::Brief;
    match unpack_checked(
        &file,
        &mut unnamed,
        &dir,
        manifest.as_ref(),
        &mut name,
        watch,
    ) {
        Ok(facts) => Ok(Verdict::Whole {
            plain_bytes: facts.plain_bytes(),
            tables: facts.tables.len(),
            rows: facts.tables.values().sum(),
            compared: manifest.is_some(),
        }),
        Err(Unproven::Damaged(damage)) => Ok(Verdict::Damaged(damage)),
        Err(Unproven::NoRoom(e)) => Err(e.into()),
        Err(Unproven::Stopped(e)) => Err(e.into()),
        Err(Unproven::Io(e)) => Err(io(e)),
    }
}

/// Looks at one snapshot without unpacking it anywhere: every byte of the file is read, each of its members decoded,
/// and both compared with the checksums of its manifest. Nothing is written, and memory stays flat whatever the size.
///
/// A file whose bytes are those that were written was opened and checked when it was taken; without a manifest, what
/// it holds remains unknown.
///
/// # Errors
/// It could not be found out; damage is a verdict and no error.
pub fn verify_members(path: &Path, watch: &mut Watch<'_>) -> Result<Verdict, VerifyError> {
    let (manifest, file) = match opened(path)? {
        Ok(opened) => opened,
        Err(verdict) => return Ok(verdict),
    };
    let limit = match &manifest {
        Some(manifest) => Limit::Manifest(manifest.plain_bytes),
        // What is thrown away needs no room.
        None => Limit::Disk(u64::MAX),
    };
    let read = match gzip::unpack(&file, &mut io::sink(), limit, Stage::ReadingBack, watch) {
        Ok(read) => read,
        Err(UnpackError::Fault(fault)) => return Ok(Verdict::Damaged(fault.into())),
        Err(UnpackError::Stopped(stopped)) => return Err(stopped.into()),
        Err(UnpackError::Io(source)) => {
            let path = path.to_owned();
            return Err(VerifyError::Io { path, source });
        }
    };
    let compared = manifest
        .as_ref()
        .map(|manifest| compare_bytes(manifest, &read));
    Ok(match compared {
        Some(Err(damage)) => Verdict::Damaged(damage),
        compared => Verdict::Intact {
            plain_bytes: read.plain_bytes,
            compared: compared.is_some(),
        },
    })
}

/// A snapshot's manifest and its open file, or what is to be said where one of them can't be read.
fn opened(path: &Path) -> Result<Result<(Option<Manifest>, File), Verdict>, VerifyError> {
    if let Ok(meta) = fs::metadata(path)
        && !meta.is_file()
    {
        let kind = durable::kind_of(meta.file_type());
        return Ok(Err(Verdict::Damaged(Damage::NotAFile(kind))));
    }
    let manifest = match manifest_of(path) {
        Ok(manifest) => manifest,
        Err(damage) => return Ok(Err(Verdict::Damaged(damage))),
    };
    match durable::open_regular(path) {
        Ok(file) => Ok(Ok((manifest, file))),
        Err(e) if e.kind() == io::ErrorKind::NotFound && manifest.is_some() => {
            Ok(Err(Verdict::Missing))
        }
        Err(source) => Err(VerifyError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Why content could not be proven.
#[derive(Debug)]
pub(crate) enum Unproven {
    Damaged(Damage),
    NoRoom(NoRoom),
    Stopped(Stopped),
    Io(io::Error),
}

impl<E: Into<Damage>> From<E> for Unproven {
    fn from(e: E) -> Unproven {
        Unproven::Damaged(e.into())
    }
}

/// The manifest beside a snapshot, if there is one. A file that is not named as a snapshot has none.
pub(crate) fn manifest_of(path: &Path) -> Result<Option<Manifest>, Damage> {
    // A tier's link leads to the snapshot, and the manifest lies beside that.
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = real.file_name().and_then(|name| name.to_str());
    let Some(id) = name.and_then(SnapshotId::from_file_name) else {
        return Ok(None);
    };
    match manifest::read(&real.with_file_name(id.manifest_name())) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Damage::Manifest(e.to_string())),
    }
}

/// For how long the unpacked file has a dot-name to be opened by.
#[derive(Debug)]
pub(crate) enum Name {
    /// For the instant of opening.
    Brief,
    /// Until the caller has given it another one, which a file without any name can't get.
    Held(Option<Part>),
}

/// Unpacks into a nameless file in `dir` and proves what came out: checksums, SQLite's full check, and the
/// manifest's counts.
pub(crate) fn unpack_checked(
    file: &File,
    unnamed: &mut Unnamed,
    dir: &Path,
    manifest: Option<&Manifest>,
    name: &mut Name,
    watch: &mut Watch<'_>,
) -> Result<Facts, Unproven> {
    unpack_open(file, unnamed, dir, manifest, name, watch).map(|(facts, _)| facts)
}

/// The same, and leaves open what was proven: read-only, and interrupted when `watch` says stop.
pub(super) fn unpack_open(
    file: &File,
    unnamed: &mut Unnamed,
    dir: &Path,
    manifest: Option<&Manifest>,
    name: &mut Name,
    watch: &mut Watch<'_>,
) -> Result<(Facts, Connection), Unproven> {
    let free = scratch::free_bytes(dir).map_err(Unproven::Io)?;
    let limit = match manifest {
        Some(manifest) => {
            let room = scratch::has_room(dir, manifest.plain_bytes).map_err(Unproven::Io)?;
            room.map_err(Unproven::NoRoom)?;
            Limit::Manifest(manifest.plain_bytes)
        }
        None => Limit::Disk(free.saturating_sub(RESERVE_BYTES)),
    };
    let mut out = BufWriter::with_capacity(1 << 18, unnamed.file());
    let read = match gzip::unpack(file, &mut out, limit, Stage::Unpacking, watch) {
        Ok(read) => read,
        Err(UnpackError::Fault(fault)) => return Err(fault.into()),
        Err(UnpackError::Io(e)) => return Err(Unproven::Io(e)),
        Err(UnpackError::Stopped(stopped)) => return Err(Unproven::Stopped(stopped)),
    };
    out.flush().map_err(Unproven::Io)?;
    drop(out);
    match manifest {
        Some(manifest) => compare_bytes(manifest, &read)?,
        // Nothing at all opens as an empty database; only a manifest makes that what was meant.
        None if read.plain_bytes == 0 => return Err(Damage::NotSqlite.into()),
        None => {}
    }
    watch
        .begin(Stage::Checking, read.plain_bytes)
        .map_err(Unproven::Stopped)?;
    let (facts, conn) = check_content(unnamed, dir, name, watch)?;
    match manifest.and_then(|manifest| manifest.difference(&facts)) {
        Some(difference) => Err(Damage::Content(difference).into()),
        None => Ok((facts, conn)),
    }
}

fn compare_bytes(manifest: &Manifest, read: &Written) -> Result<(), Damage> {
    let same = manifest.sha256 == read.sha256
        && agree(&manifest.plain_sha256, &read.plain_sha256)
        && agree(&manifest.content_blake3, &read.content_blake3)
        && manifest.bytes == read.bytes
        && manifest.plain_bytes == read.plain_bytes;
    if same {
        Ok(())
    } else {
        Err(Damage::Checksum("its manifest"))
    }
}

/// Whether two sums are the same, where both are known: one is of plain bytes, the other of chunks.
fn agree(noted: &Option<String>, found: &Option<String>) -> bool {
    noted.is_none() || found.is_none() || noted == found
}

/// Opens what was unpacked, and has SQLite check all of it; what was proven stays open.
pub(super) fn check_content(
    unnamed: &mut Unnamed,
    dir: &Path,
    name: &mut Name,
    watch: &mut Watch<'_>,
) -> Result<(Facts, Connection), Unproven> {
    let (mut conn, part) = match scratch::open_nameless(unnamed.file(), dir) {
        Ok(opened) => opened,
        Err(OpenError::Io(e)) => return Err(Unproven::Io(e)),
        Err(OpenError::Sqlite(e)) => return Err(judge(&e, watch)),
    };
    match name {
        Name::Brief => drop(part),
        Name::Held(held) => *held = Some(part),
    }
    let steps = database::INTERRUPT_CHECK_STEPS;
    let looked = conn
        .progress_handler(steps, Some(watch.interrupter()))
        .and_then(|()| database::checked_facts(&conn, 0));
    match looked {
        Ok(Ok(facts)) => Ok((facts, conn)),
        Ok(Err(findings)) => Err(Damage::Integrity(with_names(&conn, findings)).into()),
        Err(e) => Err(judge(&e, watch)),
    }
}

/// SQLite's findings, with the name of the table or index where they name a b-tree by its number alone, as in
/// `Tree 5 page 12: …` (btree.c, `checkAppendMsg`).
fn with_names(conn: &Connection, findings: Vec<String>) -> Vec<String> {
    let name = |line: &str| -> Option<String> {
        let (number, _) = line.split_once("Tree ")?.1.split_once(' ')?;
        let root: u32 = number.parse().ok()?;
        let sql = "SELECT name FROM main.sqlite_schema WHERE rootpage = ?1";
        conn.query_row(sql, [root], |row| row.get(0)).ok()
    };
    let named = findings.into_iter().map(|line| match name(&line) {
        Some(name) => format!("{line} (in `{name}`)"),
        None => line,
    });
    named.collect()
}

pub(super) fn judge(e: &rusqlite::Error, watch: &Watch<'_>) -> Unproven {
    use rusqlite::ErrorCode;
    match (sqlite::error_code(e), watch.check()) {
        (Some(ErrorCode::OperationInterrupted), Err(stopped)) => Unproven::Stopped(stopped),
        (Some(ErrorCode::NotADatabase), _) => Damage::NotSqlite.into(),
        _ => Damage::Integrity(vec![e.to_string()]).into(),
    }
}

/// Where to unpack: where the caller says; else in the folder for temporary files that are too large for
/// memory (`$TMPDIR`, or `/var/tmp` after file-hierarchy(7)); else beside the snapshot. Where none of them has room, it
/// is the first of them, so that what is missing there can be said.
pub(super) fn workplace(
    path: &Path,
    scratch: Option<&Path>,
    need: u64,
) -> io::Result<(Unnamed, PathBuf)> {
    let temp = std::env::var_os("TMPDIR").map_or_else(|| "/var/tmp".into(), PathBuf::from);
    let real = fs::canonicalize(path)?;
    let beside = real.parent().unwrap_or(Path::new("/")).to_owned();
    let dirs: Vec<PathBuf> = scratch
        .map(Path::to_owned)
        .into_iter()
        .chain([temp, beside])
        .collect();
    for dir in &dirs {
        if scratch::has_room(dir, need).is_ok_and(|room| room.is_ok())
            && let Ok(unnamed) = Unnamed::create_in(dir, 0o600)
        {
            return Ok((unnamed, dir.clone()));
        }
    }
    let mut refused = None;
    for dir in dirs {
        match Unnamed::create_in(&dir, 0o600) {
            Ok(unnamed) => return Ok((unnamed, dir)),
            Err(e) => refused = refused.or(Some(e)),
        }
    }
    Err(refused.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

#[cfg(test)]
mod tests;
