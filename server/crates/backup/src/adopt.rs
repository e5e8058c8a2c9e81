//! Adopting the backups that a household's script made before: each is verified and copied into a backups folder with a
//! manifest of its own. The originals are only read. Safe to repeat: snapshots that exist are left alone.

mod candidates;
mod dates;
mod error;
mod inspect;
mod options;
mod outcome;
mod preview;
mod proof;
mod publish;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::catalogue::{self, Catalogue};
use super::lock;
use super::manifest::Manifest;
use super::retention::{self, Entry};
use super::scratch;
use super::watch::Watch;
use super::{Keeper, LOCK_TIMEOUT, rotation};
use candidates::Candidate;
use dates::Night;
use inspect::{Inspected, Inspector, Known, Location, crowded_days};
use proof::{Opened, Proven, Unproven};
use publish::Unpublished;
use tealkeep_words::snapshot::SnapshotId;

pub use candidates::ENDINGS;
pub use error::AdoptError;
pub use options::AdoptOptions;
pub use outcome::{Adoption, FileReport, Outcome, Planned};

/// Adopts the backups in a folder. All files are inspected, and the disk space for all is checked, before the first is
/// copied. They count as nightly snapshots; nothing is rotated away until the next night.
///
/// # Errors
/// [`AdoptError`]; a file that can't be relied on is an [`Outcome`] and not an error.
pub fn adopt(
    keeper: &Keeper,
    options: &AdoptOptions,
    watch: &mut Watch<'_>,
) -> Result<Adoption, AdoptError> {
    let folder = &keeper.folder;
    let from = fs::canonicalize(&options.from).map_err(|source| AdoptError::Unreadable {
        path: options.from.clone(),
        source,
    })?;
    refuse_overlap(&from, folder).map_err(in_folder(folder))??;
    let found = candidates::find(&from, options.now.date())?;
    let scratch = scratch_folder(keeper, options).map_err(in_folder(&keeper.scratch))?;
    let _writing = if options.dry_run {
        None
    } else {
        Some(lock_folder(folder).map_err(in_folder(folder))?)
    };
    let catalogue = Catalogue::read(folder).map_err(in_folder(folder))?;
    let mut run = Run {
        keeper,
        options,
        entries: retention::entries(&catalogue),
        taken: Vec::new(),
        files: Vec::new(),
    };
    let pieces = run.inspect_all(found.candidates, &catalogue, &scratch, watch)?;
    let need: u64 = pieces.iter().map(|piece| piece.max_bytes).sum();
    // A folder that only a dry run asks about may not exist yet.
    if need > 0 && folder.is_dir() {
        scratch::has_room(folder, need).map_err(in_folder(folder))??;
    }
    let adopted = run.adopt_all(pieces, watch);
    // Even if nothing was adopted now: an earlier call that was cut off may have left snapshots that are not named yet.
    if !options.dry_run {
        let after = name_in_sums(folder).map_err(in_folder(folder))?;
        run.entries = retention::entries(&after);
    }
    adopted?;
    run.files.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(Adoption {
        plan: preview::preview(&run.entries, &run.taken, &keeper.keep, &options.now),
        files: run.files,
        others: found.others,
    })
}

/// Names the folder in which something failed.
fn in_folder(folder: &Path) -> impl FnOnce(io::Error) -> AdoptError + use<> {
    let folder = folder.to_owned();
    move |source| AdoptError::Folder { folder, source }
}

fn lock_folder(folder: &Path) -> io::Result<lock::FolderLock> {
    catalogue::ensure_layout(folder)?;
    lock::remove_leftovers(folder)?;
    lock::lock_for_writing(folder, LOCK_TIMEOUT)
}

/// A file that is to be adopted.
struct Piece {
    candidate: Candidate,
    proven: Proven,
    sha256: String,
    night: Night,
    /// The most bytes that its snapshot will need.
    max_bytes: u64,
}

/// One adoption while it runs.
struct Run<'a> {
    keeper: &'a Keeper,
    options: &'a AdoptOptions,
    /// All snapshots as retention sees them, those included that a dry run would add.
    entries: Vec<Entry>,
    /// The adopted snapshots.
    taken: Vec<SnapshotId>,
    /// What became of each file.
    files: Vec<FileReport>,
}

impl Run<'_> {
    /// Inspects every candidate, reports those with nothing to do, and returns the others by night.
    fn inspect_all(
        &mut self,
        candidates: Vec<Candidate>,
        catalogue: &Catalogue,
        scratch: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Piece>, AdoptError> {
        let inspector = Inspector {
            options: self.options,
            crowded: crowded_days(&candidates, self.options),
            scratch,
        };
        let mut known = Known::of(catalogue);
        let mut pieces = Vec::new();
        for candidate in candidates {
            match inspector.inspect(&candidate, &known, watch) {
                Ok(Inspected::Fit(fit, night, max_bytes)) => {
                    let (proven, sha256) = *fit;
                    let location = Location::OtherFile(candidate.name.clone());
                    known.add([&*sha256, &*proven.plain_sha256], night.date, &location);
                    pieces.push(Piece {
                        candidate,
                        proven,
                        sha256,
                        night,
                        max_bytes,
                    });
                }
                Ok(Inspected::Known(report)) => self.files.push(*report),
                Err(Unproven::Refused(why)) => {
                    self.files.push(candidate.report(Outcome::Refused, why));
                }
                Err(Unproven::Stopped(stopped)) => return Err(stopped.into()),
                Err(Unproven::Scratch(e)) => return Err(in_folder(scratch)(e)),
            }
        }
        pieces.sort_by(|one, other| one.night.at.cmp(&other.night.at));
        Ok(pieces)
    }

    /// Copies the pieces one after the other, or only notes them in a dry run.
    fn adopt_all(&mut self, pieces: Vec<Piece>, watch: &mut Watch<'_>) -> Result<(), AdoptError> {
        for piece in pieces {
            let mut report = piece.candidate.report(Outcome::Taken, "whole");
            report.local_date = Some(piece.night.date);
            report.rows = Some(piece.proven.facts.tables.values().sum());
            if self.options.dry_run {
                let entry = preview::entry_of(&piece.night, piece.candidate.bytes, &self.entries);
                self.taken.push(entry.id);
                self.entries.push(entry);
                self.files.push(report);
                continue;
            }
            match copy(self.keeper, &piece, watch) {
                Ok(manifest) => {
                    report.id = Some(manifest.id);
                    self.taken.push(manifest.id);
                    self.files.push(report);
                }
                Err(Unpublished::Changed(why)) => {
                    self.files
                        .push(piece.candidate.report(Outcome::Refused, why));
                }
                Err(Unpublished::Stopped(stopped)) => return Err(stopped.into()),
                Err(Unpublished::Folder(e)) => return Err(in_folder(&self.keeper.folder)(e)),
            }
        }
        Ok(())
    }
}

/// Refuses two folders of which one contains the other.
fn refuse_overlap(from: &Path, folder: &Path) -> io::Result<Result<(), AdoptError>> {
    let own = match fs::canonicalize(folder) {
        Ok(own) => own,
        Err(e) if e.kind() == io::ErrorKind::NotFound => std::path::absolute(folder)?,
        Err(e) => return Err(e),
    };
    Ok(if own.starts_with(from) || from.starts_with(&own) {
        Err(AdoptError::OwnFolder {
            from: from.to_owned(),
            folder: own,
        })
    } else {
        Ok(())
    })
}

/// Where to unpack: the keeper's own folder, which a dry run does not create.
fn scratch_folder(keeper: &Keeper, options: &AdoptOptions) -> io::Result<PathBuf> {
    if options.dry_run && !keeper.scratch.is_dir() {
        return Ok(std::env::var_os("TMPDIR").map_or_else(|| "/var/tmp".into(), PathBuf::from));
    }
    fs::create_dir_all(&keeper.scratch)?;
    Ok(keeper.scratch.clone())
}

/// Copies a file that was inspected, if it has not changed since.
fn copy(keeper: &Keeper, piece: &Piece, watch: &mut Watch<'_>) -> Result<Manifest, Unpublished> {
    let opened: Opened = match proof::read(&piece.candidate.path, watch) {
        Ok(opened) if opened.sha256 == piece.sha256 => opened,
        Ok(_) => {
            return Err(Unpublished::Changed(
                "it changed while it was being checked".to_owned(),
            ));
        }
        Err(Unproven::Refused(why)) => return Err(Unpublished::Changed(why)),
        Err(Unproven::Stopped(stopped)) => return Err(stopped.into()),
        Err(Unproven::Scratch(e)) => return Err(e.into()),
    };
    let source = publish::Source {
        name: &piece.candidate.name,
        opened,
        proven: &piece.proven,
        night: &piece.night,
        app: keeper.app.as_ref(),
        level: keeper.level,
    };
    publish::publish(&catalogue::snapshots(&keeper.folder), source, watch)
}

/// Adds the adopted snapshots to `SHA256SUMS` and returns the catalogue.
fn name_in_sums(folder: &Path) -> io::Result<Catalogue> {
    let changing = lock::lock_for_changes(folder, LOCK_TIMEOUT)?;
    let catalogue = Catalogue::read(folder)?;
    rotation::add_to_sums(folder, &catalogue, &changing)?;
    Ok(catalogue)
}

#[cfg(test)]
mod tests;
