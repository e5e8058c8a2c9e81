//! The folder on the laptop and the work folder in it: until it has been verified, everything is in `.tealkeep-pull/`, under
//! names that are not a snapshot's or in a folder that nobody reads.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rustix::fs::FlockOperation;

use crate::backup::{SnapshotId, catalogue, scratch};
use crate::cli::outcome::Failure;
use crate::durable;

/// The work folder's name. Plain rsync with the documented filter excludes it, and a restore ignores it.
pub const PULL_FOLDER: &str = ".tealkeep-pull";

/// How long to wait for the rsync of a killed pull, which ends within moments.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// As at home: nobody else may read a copy of people's data.
const FILE_MODE: u32 = 0o640;

/// The name under which rsync puts an arriving file: never a snapshot's name.
pub const ARRIVING: &str = "arriving";
/// Beside it: the part of a file that arrived before the connection was lost.
pub const PARTIAL: &str = ".partial";

/// The folder, locked for this pull and for the rsync that it runs.
pub struct Dest {
    path: PathBuf,
    _lock: File,
}

impl Dest {
    /// Opens a folder that is already a copy, or empty, or does not exist yet.
    ///
    /// # Errors
    /// It contains something else, another pull uses it, or it can't be written.
    pub fn open(path: &Path) -> Result<Dest, Failure> {
        let shown = path.display();
        check(path)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(catalogue::snapshots(path))
            .with_context(|| format!("cannot use {shown}"))?;
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot use {shown}"))?;
        let work = path.join(PULL_FOLDER);
        durable::make_folder(&work, 0o700)?;
        let lock = lock(&work)?;
        let dest = Dest { path, _lock: lock };
        durable::make_folder(&dest.index(), 0o700)?;
        dest.tidy()?;
        Ok(dest)
    }

    /// The folder, without links in its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The mirror of the other side's small files: manifests, links, checksums.
    pub fn index(&self) -> PathBuf {
        self.path.join(PULL_FOLDER).join("index")
    }

    /// Where a file arrives.
    pub fn arrivals(&self) -> PathBuf {
        self.path.join(PULL_FOLDER).join("arrivals")
    }

    /// The part of a file that arrived before.
    fn part(&self) -> PathBuf {
        self.arrivals().join(PARTIAL).join(ARRIVING)
    }

    /// The list of the snapshots from a former history.
    pub fn former(&self) -> PathBuf {
        self.path.join(PULL_FOLDER).join("former")
    }

    fn proving(&self) -> PathBuf {
        self.path.join(PULL_FOLDER).join("proving")
    }

    /// Cleans up after killed pulls: the longest part of a file is kept, to continue with.
    fn tidy(&self) -> anyhow::Result<()> {
        self.end_proof()?;
        // Nobody else writes here now, because we hold the lock.
        durable::remove_parts(&self.path)?;
        durable::remove_parts(&catalogue::snapshots(&self.path))?;
        let arrivals = self.arrivals();
        let part = self.part();
        durable::make_folder(&arrivals.join(PARTIAL), 0o700)?;
        for entry in fs::read_dir(&arrivals)? {
            let entry = entry?;
            let (name, meta) = (entry.file_name(), entry.metadata()?);
            if meta.is_dir() {
                continue;
            }
            // rsync(1) writes to `.NAME.XXXXXX`; the plain name may be another snapshot's content.
            let is_part = name.to_string_lossy().starts_with(&format!(".{ARRIVING}."));
            let longest = fs::metadata(&part).map_or(0, |meta| meta.len());
            if is_part && meta.is_file() && meta.len() > longest {
                fs::rename(entry.path(), &part)?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// The file that is most similar to the arriving one: the one here with its name, or else the intact one that is nearest in
    /// time.
    pub fn basis_for<'a>(
        &self,
        id: SnapshotId,
        whole: impl Iterator<Item = &'a SnapshotId>,
    ) -> Option<PathBuf> {
        let snapshots = catalogue::snapshots(&self.path);
        let own = snapshots.join(id.file_name());
        if own.is_file() {
            return Some(own);
        }
        let seconds = |other: &SnapshotId| {
            let between = other.taken_at().duration_since(id.taken_at());
            between.as_secs().unsigned_abs()
        };
        let nearest = whole.min_by_key(|other| seconds(other))?;
        Some(snapshots.join(nearest.file_name()))
    }

    /// Prepares what rsync compares an arriving file of `coming` bytes with. rsync writes beside it and renames, so linked
    /// files do not change. A part that arrived before is put in front of a copy of the similar file, if there is space
    /// for both.
    pub fn lay_basis(&self, basis: Option<PathBuf>, coming: u64) -> anyhow::Result<()> {
        let arrivals = self.arrivals();
        self.lay_within(basis, |bytes| {
            let need = bytes.saturating_add(coming);
            Ok(scratch::has_room(&arrivals, need)?.is_ok())
        })
    }

    fn lay_within(
        &self,
        basis: Option<PathBuf>,
        has_room: impl Fn(u64) -> io::Result<bool>,
    ) -> anyhow::Result<()> {
        let place = self.arrivals().join(ARRIVING);
        let part = self.part();
        let doing = || format!("cannot prepare {}", place.display());
        remove(&place).with_context(doing)?;
        let Some(basis) = basis else {
            // Then rsync continues with only the part.
            return Ok(());
        };
        let came = match fs::metadata(&part) {
            Ok(meta) => Some(meta.len()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e).with_context(doing),
        };
        let bytes = fs::metadata(&basis).with_context(doing)?.len();
        let fits = has_room(bytes).with_context(doing)?;
        match came {
            Some(_) if fits => {
                fs::rename(&part, &place).with_context(doing)?;
                let mut place = File::options()
                    .append(true)
                    .open(&place)
                    .with_context(doing)?;
                io::copy(&mut File::open(basis).with_context(doing)?, &mut place)
                    .with_context(doing)?;
            }
            // There is space for only one of them.
            Some(came) if came >= bytes => {}
            Some(_) | None => {
                if fs::hard_link(&basis, &place).is_ok() {
                    // rsync would continue with it instead of with what is here.
                    remove(&part).with_context(doing)?;
                } else if fits {
                    // A file system without hard links.
                    fs::copy(&basis, &place).with_context(doing)?;
                }
            }
        }
        Ok(())
    }

    /// Removes the part of a file that can't be read there.
    pub fn forget_part(&self) -> anyhow::Result<()> {
        Ok(remove(&self.part())?)
    }

    /// Moves what has arrived beside its manifest, where it can be verified.
    pub fn begin_proof(&self, id: SnapshotId, manifest: &[u8]) -> anyhow::Result<PathBuf> {
        self.end_proof()?;
        let folder = self.proving();
        durable::make_folder(&folder, 0o700)?;
        let path = folder.join(id.file_name());
        fs::write(folder.join(id.manifest_name()), manifest)?;
        fs::rename(self.arrivals().join(ARRIVING), &path)?;
        Ok(path)
    }

    /// Removes what failed the verification.
    pub fn end_proof(&self) -> anyhow::Result<()> {
        match fs::remove_dir_all(self.proving()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// Gives a verified snapshot its name. The manifest comes first: alone and not listed in `SHA256SUMS` it means nothing,
    /// while a file alone would be unexplained.
    pub fn publish(&self, id: SnapshotId, manifest: &[u8]) -> anyhow::Result<()> {
        let proven = self.proving().join(id.file_name());
        let snapshots = catalogue::snapshots(&self.path);
        let doing = || format!("cannot put {id} in its place in {}", snapshots.display());
        File::open(&proven)
            .with_context(doing)?
            .sync_all()
            .with_context(doing)?;
        fs::set_permissions(&proven, Permissions::from_mode(FILE_MODE)).with_context(doing)?;
        durable::write_whole(&snapshots.join(id.manifest_name()), manifest, FILE_MODE)?;
        fs::rename(&proven, snapshots.join(id.file_name())).with_context(doing)?;
        durable::sync_dir(&snapshots).with_context(doing)?;
        self.end_proof()
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Whether a folder may be pulled into.
fn check(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Failure::Usage(format!("cannot pull into {shown}: {e}"))),
    };
    let names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        // An empty disk has that (mke2fs(8)).
        .filter(|name| name != "lost+found")
        .collect();
    let is_copy = names
        .iter()
        .any(|name| name == "snapshots" || name == PULL_FOLDER);
    match names.first() {
        Some(name) if !is_copy => Err(Failure::Usage(format!(
            "{shown} contains something else ({name}); name a folder for these snapshots only"
        ))),
        _ => Ok(()),
    }
}

/// Locks the work folder, for this process and the rsync that it starts.
fn lock(work: &Path) -> anyhow::Result<File> {
    let folder = File::open(work)?;
    let began = Instant::now();
    while let Err(error) = rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(anyhow!("cannot lock {}: {error}", work.display()));
        }
        if began.elapsed() > LOCK_TIMEOUT {
            return Err(anyhow!(
                "another pull into this folder is running; wait until it ends"
            ));
        }
        std::thread::sleep(RETRY_INTERVAL);
    }
    rustix::io::fcntl_setfd(&folder, rustix::io::FdFlags::empty())?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_else_in_it_is_refused() {
        let disk = tempfile::tempdir().unwrap();
        fs::create_dir(disk.path().join("lost+found")).unwrap();
        Dest::open(disk.path()).map_err(|_| ()).unwrap();

        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("diary.txt"), "mine").unwrap();
        assert!(matches!(Dest::open(dir.path()), Err(Failure::Usage(_))));
        assert!(matches!(
            Dest::open(&dir.path().join("diary.txt")),
            Err(Failure::Usage(_))
        ));
        fs::create_dir(dir.path().join("snapshots")).unwrap();
        Dest::open(dir.path()).map_err(|_| ()).unwrap();
        Dest::open(&dir.path().join("new/one"))
            .map_err(|_| ())
            .unwrap();
    }

    #[test]
    fn the_longest_part_of_a_file_is_what_the_next_pull_goes_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let arrivals = Dest::open(dir.path()).map_err(|_| ()).unwrap().arrivals();
        fs::write(arrivals.join(".arriving.a1B2c3"), "a longer part").unwrap();
        fs::write(arrivals.join(".arriving.a1B2c4"), "a part").unwrap();
        fs::write(arrivals.join(ARRIVING), "the content of another snapshot").unwrap();
        let dest = Dest::open(dir.path()).map_err(|_| ()).unwrap();
        let part = arrivals.join(PARTIAL).join(ARRIVING);
        assert_eq!(fs::read_to_string(&part).unwrap(), "a longer part");
        assert_eq!(fs::read_dir(&arrivals).unwrap().count(), 1);

        // With a snapshot to compare with, both are: the part first.
        let basis = dir.path().join("snapshots/2026-11-21T033000Z.sqlite.gz");
        fs::write(&basis, ", and the old one").unwrap();
        dest.lay_basis(Some(basis.clone()), 20).unwrap();
        let laid = fs::read_to_string(arrivals.join(ARRIVING)).unwrap();
        assert_eq!(laid, "a longer part, and the old one");
        assert_eq!(fs::read_to_string(&basis).unwrap(), ", and the old one");
    }

    #[test]
    fn where_a_part_and_a_copy_do_not_fit_the_longer_one_alone_is_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let dest = Dest::open(dir.path()).map_err(|_| ()).unwrap();
        let basis = dir.path().join("snapshots/2026-11-21T033000Z.sqlite.gz");
        fs::write(&basis, "the old one").unwrap();
        let place = dest.arrivals().join(ARRIVING);
        let asked = std::cell::Cell::new(0);
        let has_none = |bytes: u64| {
            asked.set(bytes);
            Ok(false)
        };
        fs::write(dest.part(), "a part that is longer").unwrap();
        dest.lay_within(Some(basis.clone()), has_none).unwrap();
        assert_eq!(asked.get(), 11);
        assert!(dest.part().exists() && !place.exists());

        fs::write(dest.part(), "a part").unwrap();
        dest.lay_within(Some(basis), has_none).unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "the old one");
        assert!(!dest.part().exists());
    }

    #[test]
    fn the_basis_is_its_own_old_file_or_the_nearest_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let dest = Dest::open(dir.path()).map_err(|_| ()).unwrap();
        let ids = [
            "2026-01-31T033000Z",
            "2026-02-20T033000Z",
            "2026-03-01T033000Z",
        ]
        .map(|id| id.parse::<SnapshotId>().unwrap());
        let basis = |id: &str| {
            let basis = dest.basis_for(id.parse().unwrap(), ids.iter());
            basis
                .unwrap()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        };
        assert_eq!(basis("2026-03-02T033000Z"), ids[2].file_name());
        assert_eq!(basis("2026-02-01T033000Z"), ids[0].file_name());
        assert_eq!(dest.basis_for(ids[0], [].iter()), None);
        let own: SnapshotId = "2026-03-02T033000Z".parse().unwrap();
        fs::write(
            dir.path().join("snapshots").join(own.file_name()),
            "damaged",
        )
        .unwrap();
        assert_eq!(basis("2026-03-02T033000Z"), own.file_name());
    }
}
