//! What lies in a backups folder, read from the folder alone: it explains itself, so that losing everything
//! else loses no snapshot. What does not fit together is named, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use tealkeep_base::durable;

use super::checksums;
use super::manifest::{self, Manifest, Reason};
use tealkeep_words::snapshot::SnapshotId;

pub use super::layout::{ensure_layout, snapshots};

/// One snapshot that was read back when it was taken, and whose file is there with the right size.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What is known of it.
    pub manifest: Manifest,
    /// Its file.
    pub path: PathBuf,
}

impl Entry {
    /// Which snapshot.
    #[must_use]
    pub fn id(&self) -> SnapshotId {
        self.manifest.id
    }
}

/// Something in the folder that does not fit together.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// A snapshot without a manifest: a run that was killed at its very end, or a file that somebody put there.
    NoManifest {
        /// Which snapshot.
        id: SnapshotId,
        /// Its file.
        path: PathBuf,
    },
    /// A manifest without its snapshot: somebody deleted it.
    NoFile {
        /// What is known of it.
        manifest: Box<Manifest>,
    },
    /// A snapshot whose file has another size than when it was taken.
    WrongSize {
        /// What is known of it.
        manifest: Box<Manifest>,
        /// The size that it has now.
        found: u64,
    },
    /// A manifest that can't be read.
    BadManifest {
        /// Which snapshot.
        id: SnapshotId,
        /// Why not.
        why: String,
    },
    /// Something else than a regular file has a snapshot's name.
    NotAFile {
        /// Which snapshot.
        id: SnapshotId,
        /// What it is: a FIFO, a folder.
        kind: &'static str,
    },
}

impl Problem {
    /// The snapshot that it is about.
    #[must_use]
    pub fn id(&self) -> SnapshotId {
        match self {
            Problem::NoManifest { id, .. }
            | Problem::BadManifest { id, .. }
            | Problem::NotAFile { id, .. } => *id,
            Problem::NoFile { manifest } | Problem::WrongSize { manifest, .. } => manifest.id,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id();
        match self {
            Problem::NoManifest { .. } => write!(
                f,
                "{id} has no manifest, so it is not counted: `tealkeep verify` says whether it is whole"
            ),
            Problem::NoFile { .. } => write!(
                f,
                "{id} is missing: its manifest is there, and the snapshot is not"
            ),
            Problem::WrongSize { manifest, found } => write!(
                f,
                "{id} is damaged: it has {found} bytes, and had {} when it was taken",
                manifest.bytes
            ),
            Problem::BadManifest { why, .. } => {
                write!(f, "the manifest of {id} can't be read: {why}")
            }
            Problem::NotAFile { kind, .. } => write!(
                f,
                "{id} is a {kind}, not a regular file: remove it, or put the snapshot back in its place"
            ),
        }
    }
}

/// Everything that a folder holds, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// The snapshots that are listed.
    pub entries: Vec<Entry>,
    /// What does not fit together.
    pub problems: Vec<Problem>,
    /// Snapshots whose removal was begun and cut off; the next rotation finishes it.
    pub(crate) half_removed: Vec<SnapshotId>,
}

impl Catalogue {
    /// Reads a backups folder. One that does not exist yet holds nothing.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn read(folder: &Path) -> io::Result<Catalogue> {
        let snapshots = snapshots(folder);
        let mut files: BTreeMap<SnapshotId, u64> = BTreeMap::new();
        let mut manifests: BTreeSet<SnapshotId> = BTreeSet::new();
        let mut others = Vec::new();
        let listing = match fs::read_dir(&snapshots) {
            Ok(listing) => listing,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Catalogue::default()),
            Err(e) => return Err(e),
        };
        for item in listing {
            let item = item?;
            let name = item.file_name();
            let Some(name) = name.to_str() else { continue };
            let Some(id) = SnapshotId::from_file_name(name) else {
                continue;
            };
            if name.ends_with(".json") {
                manifests.insert(id);
            } else {
                match item.metadata() {
                    Ok(meta) if meta.is_file() => {
                        files.insert(id, meta.len());
                    }
                    Ok(meta) => {
                        let kind = durable::kind_of(meta.file_type());
                        others.push(Problem::NotAFile { id, kind });
                    }
                    // A rotation removed it since the listing began.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Err(e),
                }
            }
        }
        let named = checksums::read(folder)?;
        let mut catalogue = Catalogue::default();
        for &id in manifests.union(&files.keys().copied().collect()) {
            catalogue.add(&snapshots, id, files.get(&id).copied(), &named)?;
        }
        catalogue.problems.extend(others);
        catalogue.problems.sort_by_key(Problem::id);
        Ok(catalogue)
    }

    fn add(
        &mut self,
        snapshots: &Path,
        id: SnapshotId,
        listed: Option<u64>,
        named: &BTreeMap<SnapshotId, String>,
    ) -> io::Result<()> {
        let path = snapshots.join(id.file_name());
        // A listing is no instant: of a snapshot that is published meanwhile it may show the manifest alone, or the
        // file alone. What it did not show is asked for by name, the manifest first, which is written last.
        let manifest = manifest::read(&snapshots.join(id.manifest_name()));
        let size = match listed {
            Some(size) => Some(size),
            None => size_of(&path)?,
        };
        let manifest = match manifest {
            Ok(manifest) => manifest,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                // A rotation may have removed both since the listing began.
                if size_of(&path)?.is_some() {
                    self.problems.push(Problem::NoManifest { id, path });
                }
                return Ok(());
            }
            Err(e) => {
                let why = e.to_string();
                self.problems.push(Problem::BadManifest { id, why });
                return Ok(());
            }
        };
        match size {
            Some(size) if size == manifest.bytes => self.entries.push(Entry { manifest, path }),
            Some(found) => self.problems.push(Problem::WrongSize {
                manifest: Box::new(manifest),
                found,
            }),
            // SHA256SUMS forgets a snapshot before its file goes, so one that it names was not rotated away.
            None if named.contains_key(&id) => self.problems.push(Problem::NoFile {
                manifest: Box::new(manifest),
            }),
            None => self.half_removed.push(id),
        }
        Ok(())
    }

    /// The newest snapshot that is listed.
    #[must_use]
    pub fn latest_verified(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// The newest snapshot for whoever asks how old that is. One that [`is_ahead`] says nothing about it, and would hide
    /// for years that no other comes; it is answered with only where there is no other.
    #[must_use]
    pub fn newest_by(&self, now: Timestamp) -> Option<&Entry> {
        let mut newest_first = self.entries.iter().rev();
        newest_first
            .find(|entry| !is_ahead(entry.manifest.taken_at, now))
            .or(self.entries.last())
    }

    /// The local dates whose night is done, for [`tealkeep_base::schedule::LastRun::newest`]: those of the nightly snapshots,
    /// but for some that a wrong clock has dated.
    pub fn nights_but(&self, misdated: &BTreeSet<SnapshotId>) -> impl Iterator<Item = Date> {
        let manifests = self.entries.iter().map(|entry| &entry.manifest);
        manifests
            .filter(|manifest| manifest.reason == Reason::Nightly)
            .filter(|manifest| !misdated.contains(&manifest.id))
            .map(|manifest| manifest.local_date)
    }

    /// A snapshot that is listed, by its id.
    #[must_use]
    pub fn find(&self, id: SnapshotId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id() == id)
    }
}

/// Whether a snapshot is dated so far in the future that a clock which ran ahead must have dated it; a clock that was
/// only corrected a little is none.
#[must_use]
pub fn is_ahead(taken_at: Timestamp, now: Timestamp) -> bool {
    taken_at.duration_since(now) > CLOCK_CORRECTION_LIMIT
}

/// What a clock may be put back by without a word.
const CLOCK_CORRECTION_LIMIT: SignedDuration = SignedDuration::from_hours(1);

/// The size of a file; `None` where there is none.
fn size_of(path: &Path) -> io::Result<Option<u64>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(meta.is_file().then_some(meta.len())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::example;
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        ensure_layout(dir.path()).unwrap();
        dir
    }

    #[test]
    fn the_folder_explains_itself_and_names_what_does_not_fit() {
        let dir = folder();
        let at = snapshots(dir.path());
        let put = |id: &str, size: Option<usize>, listed: bool| {
            let manifest = example(id);
            if let Some(size) = size {
                fs::write(at.join(manifest.id.file_name()), vec![0; size]).unwrap();
            }
            if listed {
                manifest::write(&at, &manifest).unwrap();
            }
        };
        put("2026-11-20T033000Z", Some(3), true);
        put("2026-11-21T033000Z", Some(3), true);
        put("2026-11-21T033000Z-2", Some(3), false);
        put("2026-11-22T033000Z", Some(2), true);
        put("2026-11-23T033000Z", None, true);
        put("2026-11-24T033000Z", None, true);
        fs::write(at.join("2026-11-25T033000Z.json"), "{").unwrap();
        fs::create_dir(at.join("2026-11-26T033000Z.sqlite.gz")).unwrap();
        fs::write(at.join("notes.txt"), "ours").unwrap();
        fs::write(
            dir.path().join("SHA256SUMS"),
            format!(
                "{}  snapshots/2026-11-23T033000Z.sqlite.gz\n",
                "ab".repeat(32)
            ),
        )
        .unwrap();

        let catalogue = Catalogue::read(dir.path()).unwrap();
        let ids: Vec<String> = catalogue
            .entries
            .iter()
            .map(|e| e.id().to_string())
            .collect();
        assert_eq!(ids, ["2026-11-20T033000Z", "2026-11-21T033000Z"]);
        assert_eq!(
            catalogue.latest_verified().unwrap().id().to_string(),
            "2026-11-21T033000Z"
        );
        let said: Vec<String> = catalogue.problems.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(said[4].starts_with("2026-11-26T033000Z is a folder"));
        assert!(said[0].starts_with("2026-11-21T033000Z-2 has no manifest"));
        assert!(said[1].contains("it has 2 bytes, and had 3"));
        assert!(said[2].starts_with("2026-11-23T033000Z is missing"));
        assert!(said[3].starts_with("the manifest of 2026-11-25T033000Z can't be read"));
        assert_eq!(
            catalogue.half_removed,
            ["2026-11-24T033000Z".parse().unwrap()]
        );
    }

    #[test]
    fn a_snapshot_of_a_clock_that_ran_ahead_is_not_the_newest_unless_there_is_no_other() {
        let entry = |id: &str| Entry {
            manifest: example(id),
            path: PathBuf::new(),
        };
        let mut catalogue = Catalogue {
            entries: vec![entry("2026-11-20T033000Z"), entry("2031-01-01T033000Z")],
            ..Catalogue::default()
        };
        let newest = |catalogue: &Catalogue, now: &str| {
            let newest = catalogue.newest_by(now.parse().unwrap());
            newest.map(|entry| entry.id().to_string())
        };
        let now = "2026-11-21T12:00:00Z";
        let past = Some("2026-11-20T033000Z".to_owned());
        let ahead = Some("2031-01-01T033000Z".to_owned());
        assert_eq!(newest(&catalogue, now), past);
        assert_eq!(newest(&catalogue, "2031-01-01T03:00:00Z"), ahead);
        catalogue.entries.remove(0);
        assert_eq!(newest(&catalogue, now), ahead);
        catalogue.entries.clear();
        assert_eq!(newest(&catalogue, now), None);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::read(&dir.path().join("nowhere")).unwrap();
        assert_eq!(catalogue, Catalogue::default());
    }
}
