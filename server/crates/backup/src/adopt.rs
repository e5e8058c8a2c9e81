//! Taking over the snapshots that a household's script made before: each is verified and copied into a backups
//! folder with a manifest of its own; the originals are only read. Safe to repeat: what is there already is left alone.

mod dates;
mod found;
mod proof;
mod publish;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Time};
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::catalogue::{self, Catalogue};
use super::lock;
use super::manifest::{Manifest, Reason};
use super::retention::{self, Entry};
use super::scratch::{self, NoRoom};
use super::watch::{Stopped, Watch};
use super::{Keeper, LOCK_TIMEOUT, rotation};
use dates::{Night, Said};
use found::Candidate;
pub use found::ENDINGS;
use proof::{Opened, Packing, Proven, Unproven};
use publish::{ADOPTED, Piece, Unpublished};
use tealkeep_words::snapshot::SnapshotId;

/// What to take over.
#[derive(Debug, Clone)]
pub struct Adopt {
    /// The folder with the old backups. Nothing in it is changed.
    pub from: PathBuf,
    /// Now, in the household's zone.
    pub now: Zoned,
    /// The local time that a backup is dated at where nothing else is known of it.
    pub at: Time,
    /// Whether a backup without a date in its path is dated by the time of its last change.
    pub by_mtime: bool,
    /// Whether to look only.
    pub dry_run: bool,
}

/// What came of it. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Adoption {
    /// Every file that may have been a backup, by name.
    pub files: Vec<Looked>,
    /// The names of the files that were passed over: their names are not those of databases.
    pub others: Vec<String>,
    /// What the next rotation does with those that were taken over, newest first.
    pub plan: Vec<Planned>,
}

impl Adoption {
    /// How many files ended like that.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        let files = self.files.iter();
        files.filter(|file| file.outcome == outcome).count()
    }
}

/// One file, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Looked {
    /// Its path below the folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, in words that end no sentence.
    pub why: String,
    /// The snapshot that it became, or is already.
    pub id: Option<SnapshotId>,
    /// The local date that it counts for.
    #[schemars(with = "Option<String>")]
    pub local_date: Option<Date>,
    /// The rows of all its tables.
    pub rows: Option<u64>,
}

/// What came of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is a snapshot now; or, when only looked at, would be.
    Taken,
    /// The backups folder holds it already.
    Already,
    /// It has the same content as another file of the folder, which was taken.
    Same,
    /// It can't be relied on, or is something else; nothing of it was taken.
    Refused,
}

/// What the next rotation does with one that was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Planned {
    /// The local date that it counts for.
    #[schemars(with = "String")]
    pub local_date: Date,
    /// Whether it stays.
    pub stays: bool,
    /// Why, in words: `the newest night of 2026-W47; goes on 2026-12-14`.
    pub why: String,
}

/// Nothing, or not all, was taken over.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// It is missing, or no folder.
    #[error("{path} can't be read: {source}; is it a folder that this process may read?", path = path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is the backups folder, lies in it, or has it in it.
    #[error(
        "{from} and the backups folder {folder} lie in one another: move the old backups into a folder of their own first, \
         then adopt that",
        from = from.display(), folder = folder.display()
    )]
    OwnFolder {
        /// The folder to adopt.
        from: PathBuf,
        /// The backups folder.
        folder: PathBuf,
    },
    /// It is not a folder of backups.
    #[error("{from} holds more than {most} files: name the folder that the backups themselves lie in", from = from.display())]
    TooMany {
        /// The folder.
        from: PathBuf,
        /// How many are looked at.
        most: usize,
    },
    /// There is too little room for all; none was taken.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The work was stopped.
    #[error("not all were taken over: {0}; call it again to go on")]
    Stopped(#[from] Stopped),
    /// The backups folder, or the one for unpacking, can't be used.
    #[error("cannot use {folder}: {source}; what was taken over until then is whole, and calling it again goes on", folder = folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl AdoptError {
    /// Whether the call itself was wrong, so that it would fail again.
    #[must_use]
    pub fn is_wrong_call(&self) -> bool {
        match self {
            AdoptError::Unreadable { .. }
            | AdoptError::OwnFolder { .. }
            | AdoptError::TooMany { .. } => true,
            AdoptError::NoRoom(_) | AdoptError::Stopped(_) | AdoptError::Folder { .. } => false,
        }
    }
}

/// Takes over what a folder holds. All files are looked at before the first is copied, and the room for all is made
/// sure of. They count as nightly ones; nothing is rotated away until the next night.
///
/// # Errors
/// [`AdoptError`]; a file that can't be relied on is an [`Outcome`] and no error.
pub fn adopt(
    keeper: &Keeper,
    order: &Adopt,
    watch: &mut Watch<'_>,
) -> Result<Adoption, AdoptError> {
    let trouble = |folder: &Path| {
        let folder = folder.to_owned();
        move |source| AdoptError::Folder { folder, source }
    };
    let folder = &keeper.folder;
    let from = fs::canonicalize(&order.from).map_err(|source| AdoptError::Unreadable {
        path: order.from.clone(),
        source,
    })?;
    keep_apart(&from, folder).map_err(trouble(folder))??;
    let found = found::look(&from, order.now.date())?;
    let crowded = crowded_days(&found.candidates, order);
    let scratch = workplace(keeper, order).map_err(trouble(&keeper.scratch))?;
    let _writing = if order.dry_run {
        None
    } else {
        let lock = (|| {
            catalogue::ensure_layout(folder)?;
            lock::remove_leftovers(folder)?;
            lock::lock_for_writing(folder, LOCK_TIMEOUT)
        })();
        Some(lock.map_err(trouble(folder))?)
    };
    let catalogue = Catalogue::read(folder).map_err(trouble(folder))?;
    let mut known = Known::of(&catalogue);
    let (mut files, mut pieces) = (Vec::new(), Vec::new());
    for candidate in found.candidates {
        match look_at(&candidate, order, &crowded, &scratch, &known, watch) {
            Ok(Seen::Fit(fit, night, bytes)) => {
                let (proven, sha256) = *fit;
                let there = Where::Beside(candidate.name.clone());
                known.add([&*sha256, &*proven.plain_sha256], night.date, &there);
                pieces.push((candidate, proven, sha256, night, bytes));
            }
            Ok(Seen::Done(looked)) => files.push(*looked),
            Err(Unproven::Refused(why)) => files.push(candidate.looked(Outcome::Refused, why)),
            Err(Unproven::Stopped(stopped)) => return Err(stopped.into()),
            Err(Unproven::Scratch(e)) => return Err(trouble(&scratch)(e)),
        }
    }
    let need: u64 = pieces.iter().map(|(.., bytes)| bytes).sum();
    // A folder that only a dry run asks about may not be there yet.
    if need > 0 && folder.is_dir() {
        scratch::has_room(folder, need).map_err(trouble(folder))??;
    }
    pieces.sort_by(|(.., one, _), (.., other, _)| one.at.cmp(&other.at));
    let mut entries = retention::entries(&catalogue);
    let mut taken = Vec::new();
    let mut halted = None;
    for (candidate, proven, sha256, night, _) in pieces {
        let mut looked = candidate.looked(Outcome::Taken, "whole");
        looked.local_date = Some(night.date);
        looked.rows = Some(proven.facts.tables.values().sum());
        if order.dry_run {
            entries.push(entry_of(&night, candidate.bytes, &entries));
            taken.extend(entries.last().map(|entry| entry.id));
            files.push(looked);
            continue;
        }
        match take_over(keeper, &candidate, &proven, &sha256, &night, watch) {
            Ok(manifest) => {
                looked.id = Some(manifest.id);
                taken.push(manifest.id);
                files.push(looked);
            }
            Err(Unpublished::Changed(why)) => files.push(candidate.looked(Outcome::Refused, why)),
            Err(Unpublished::Stopped(stopped)) => {
                halted = Some(stopped.into());
                break;
            }
            Err(Unpublished::Folder(e)) => {
                halted = Some(trouble(folder)(e));
                break;
            }
        }
    }
    // Also where nothing was taken: what an earlier call had taken when it was cut off may not be named yet.
    if !order.dry_run {
        let after = name_in_sums(folder).map_err(trouble(folder))?;
        entries = retention::entries(&after);
    }
    if let Some(error) = halted {
        return Err(error);
    }
    files.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(Adoption {
        files,
        others: found.others,
        plan: preview(&entries, &taken, keeper, &order.now),
    })
}

/// Refuses two folders of which one holds the other.
fn keep_apart(from: &Path, folder: &Path) -> io::Result<Result<(), AdoptError>> {
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

/// Where to unpack: the keeper's own place, which a look does not make where it is missing.
fn workplace(keeper: &Keeper, order: &Adopt) -> io::Result<PathBuf> {
    if order.dry_run && !keeper.scratch.is_dir() {
        return Ok(std::env::var_os("TMPDIR").map_or_else(|| "/var/tmp".into(), PathBuf::from));
    }
    fs::create_dir_all(&keeper.scratch)?;
    Ok(keeper.scratch.clone())
}

/// What is known of one file.
enum Seen {
    /// It is to be taken: what it holds with its checksum, its night, and the most bytes that it will need.
    Fit(Box<(Proven, String)>, Night, u64),
    /// There is nothing to do about it.
    Done(Box<Looked>),
}

fn look_at(
    candidate: &Candidate,
    order: &Adopt,
    crowded: &BTreeSet<Date>,
    scratch: &Path,
    known: &Known,
    watch: &mut Watch<'_>,
) -> Result<Seen, Unproven> {
    let changed = candidate.changed.to_zoned(order.now.time_zone().clone());
    let night = dates::night(
        candidate.said,
        &changed,
        &order.now,
        order.at,
        order.by_mtime,
    )
    .map_err(Unproven::Refused)?;
    if candidate.said == Said::Nothing && crowded.contains(&night.date) {
        return Err(Unproven::Refused(format!(
            "its path has no date, and other files without one were last changed on {} too, so that day is not \
             theirs; put the date of each into its name",
            night.date
        )));
    }
    let own = candidate.is_nights_own().then_some(night.date);
    let mut opened = proof::read(&candidate.path, watch)?;
    if let Some(there) = known.find(&opened.sha256, own) {
        return Ok(Seen::Done(Box::new(there.looked(candidate))));
    }
    let proven = proof::prove(&mut opened, scratch, watch)?;
    if let Some(there) = known.find(&proven.plain_sha256, own) {
        return Ok(Seen::Done(Box::new(there.looked(candidate))));
    }
    if known.is_another_database(&proven) {
        return Err(Unproven::Refused(
            "it is another database: it has none of the tables of the newest snapshot".to_owned(),
        ));
    }
    let bytes = match opened.packing {
        Packing::Gzip => opened.bytes,
        // It is to be compressed; as long as that is not done, it may be as large as it is.
        Packing::Plain => proven.plain_bytes,
    };
    Ok(Seen::Fit(Box::new((proven, opened.sha256)), night, bytes))
}

/// The days on which more than one file without a date was last changed: a copy of the folder has given them all the
/// same time, and they would become one night of which retention keeps one.
fn crowded_days(candidates: &[Candidate], order: &Adopt) -> BTreeSet<Date> {
    let mut files: BTreeMap<Date, usize> = BTreeMap::new();
    let undated = candidates.iter().filter(|one| one.said == Said::Nothing);
    for candidate in undated {
        let changed = candidate.changed.to_zoned(order.now.time_zone().clone());
        *files.entry(changed.date()).or_default() += 1;
    }
    files.retain(|_, count| *count > 1);
    files.into_keys().collect()
}

/// Copies one that was looked at, if it still is what it was then.
fn take_over(
    keeper: &Keeper,
    candidate: &Candidate,
    proven: &Proven,
    sha256: &str,
    night: &Night,
    watch: &mut Watch<'_>,
) -> Result<Manifest, Unpublished> {
    let opened: Opened = match proof::read(&candidate.path, watch) {
        Ok(opened) if opened.sha256 == sha256 => opened,
        Ok(_) => {
            return Err(Unpublished::Changed(
                "it was changed while it was looked at".to_owned(),
            ));
        }
        Err(Unproven::Refused(why)) => return Err(Unpublished::Changed(why)),
        Err(Unproven::Stopped(stopped)) => return Err(stopped.into()),
        Err(Unproven::Scratch(e)) => return Err(e.into()),
    };
    let piece = Piece {
        name: &candidate.name,
        opened,
        proven,
        night,
        app: keeper.app.as_ref(),
        level: keeper.level,
    };
    publish::publish(&catalogue::snapshots(&keeper.folder), piece, watch)
}

/// Where content is that need not be taken again.
#[derive(Debug, Clone)]
enum Where {
    /// In the backups folder.
    Listed(SnapshotId),
    /// In another file of the folder, which is taken.
    Beside(String),
}

impl Where {
    fn looked(&self, candidate: &Candidate) -> Looked {
        match self {
            Where::Listed(id) => Looked {
                id: Some(*id),
                ..candidate.looked(
                    Outcome::Already,
                    format!("its content is there already, as {id}"),
                )
            },
            Where::Beside(name) => {
                candidate.looked(Outcome::Same, format!("its content is that of {name}"))
            }
        }
    }
}

/// The content that is there already, by checksum.
#[derive(Debug, Default)]
struct Known {
    content: BTreeMap<String, Vec<(Date, Where)>>,
    /// The tables of the newest snapshot.
    tables: Vec<String>,
}

impl Known {
    fn of(catalogue: &Catalogue) -> Known {
        let mut known = Known::default();
        for entry in &catalogue.entries {
            let manifest = &entry.manifest;
            let there = Where::Listed(manifest.id);
            // Its file's bytes, its content, and the bytes of the file that it was compressed from.
            let content = manifest.plain_sha256.as_deref();
            let original = manifest
                .later
                .get(ADOPTED)
                .and_then(|adopted| adopted.get("sha256")?.as_str());
            let hashes = [Some(&*manifest.sha256), content, original];
            known.add(hashes.into_iter().flatten(), manifest.local_date, &there);
        }
        if let Some(newest) = catalogue.latest_verified() {
            known.tables = newest.manifest.tables.keys().cloned().collect();
        }
        known
    }

    fn add<'a>(&mut self, hashes: impl IntoIterator<Item = &'a str>, date: Date, there: &Where) {
        for hash in hashes {
            let places = self.content.entry(hash.to_owned()).or_default();
            places.push((date, there.clone()));
        }
    }

    /// Where this content is: of this very night for a night's own file, since two quiet nights may have the same;
    /// of any for one that a coarser tier keeps.
    fn find(&self, hash: &str, own: Option<Date>) -> Option<&Where> {
        let mut places = self.content.get(hash)?.iter();
        let (_, there) = places.find(|(date, _)| own.is_none_or(|own| own == *date))?;
        Some(there)
    }

    fn is_another_database(&self, proven: &Proven) -> bool {
        !self.tables.is_empty()
            && !proven.facts.tables.is_empty()
            && !self
                .tables
                .iter()
                .any(|table| proven.facts.tables.contains_key(table))
    }
}

/// What retention will see of a night that was only looked at.
fn entry_of(night: &Night, bytes: u64, others: &[Entry]) -> Entry {
    let at = night.at.timestamp();
    let taken = |id: &SnapshotId| others.iter().any(|other| other.id == *id);
    let id = (1..=u16::MAX)
        .map(|nth| SnapshotId::new(at, nth))
        .find(|id| !taken(id))
        .unwrap_or_else(|| SnapshotId::new(at, u16::MAX));
    Entry {
        id,
        reason: Reason::Nightly,
        local_date: night.date,
        taken_at: id.taken_at(),
        bytes,
        pinned: false,
        verified: true,
    }
}

/// Has `SHA256SUMS` name what was taken over, and answers with what the folder holds now.
fn name_in_sums(folder: &Path) -> io::Result<Catalogue> {
    let changing = lock::lock_for_changes(folder, LOCK_TIMEOUT)?;
    let catalogue = Catalogue::read(folder)?;
    rotation::add_to_sums(folder, &catalogue, &changing)?;
    Ok(catalogue)
}

fn preview(entries: &[Entry], taken: &[SnapshotId], keeper: &Keeper, now: &Zoned) -> Vec<Planned> {
    let at: Timestamp = now.timestamp();
    let plan = retention::plan(entries, at, now.date(), &keeper.keep);
    let of = |id: &SnapshotId| {
        let entry = entries.iter().find(|entry| entry.id == *id)?;
        let kept = plan.keep.iter().find(|kept| kept.id == *id);
        let dropped = plan.drop.iter().find(|dropped| dropped.id == *id);
        let why = match (kept, dropped) {
            (Some(kept), _) => format!("{}; {}", kept.reasons.join("; "), kept.goes),
            (None, Some(dropped)) => dropped.why.clone(),
            (None, None) => return None,
        };
        Some(Planned {
            local_date: entry.local_date,
            stays: kept.is_some(),
            why,
        })
    };
    let mut ids = taken.to_vec();
    ids.sort_unstable();
    ids.iter().rev().filter_map(of).collect()
}

#[cfg(test)]
mod tests;
