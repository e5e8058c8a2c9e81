//! Carrying a retention plan out, so that at every instant, also after a crash, each tier's links lead
//! somewhere and `SHA256SUMS` names only snapshots that are whole. Safe to repeat.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use tealkeep_base::durable;

use super::catalogue::{Catalogue, Problem};
use super::checksums::{self, MAX_BYTES, SUMS};
use super::layout;
use super::lock::FolderLock;
use super::manifest::FILE_MODE;
use super::retention::Plan;
use tealkeep_words::snapshot::{SnapshotId, Tier};

/// What a rotation changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotated {
    /// The snapshots that are gone.
    pub dropped: Vec<SnapshotId>,
    /// Bytes that became free.
    pub freed_bytes: u64,
    /// Links made, moved or removed.
    pub links_changed: usize,
}

/// Carries a plan out: links, then `SHA256SUMS`, then the files, each of them durable before the next.
///
/// # Errors
/// The first I/O error. What was done until then stays done, and doing it again does the rest.
pub fn carry_out(
    folder: &Path,
    plan: &Plan,
    catalogue: &Catalogue,
    _lock: &FolderLock,
) -> io::Result<Rotated> {
    let mut rotated = Rotated::default();
    for tier in Tier::ALL {
        rotated.links_changed += arrange(folder, tier, plan)?;
    }
    let going = |id: SnapshotId| plan.drop.iter().any(|dropped| dropped.id == id);
    write_sums(folder, catalogue, going)?;
    let snapshots = layout::snapshots(folder);
    let dropped = plan.drop.iter().map(|dropped| dropped.id);
    for id in dropped.chain(catalogue.half_removed.iter().copied()) {
        // The manifest goes last: without its file and unnamed in SHA256SUMS it still says what was going on.
        durable::remove(&snapshots.join(id.file_name()))?;
        durable::remove(&snapshots.join(id.manifest_name()))?;
        if let Some(entry) = catalogue.find(id) {
            rotated.freed_bytes += entry.manifest.bytes;
        }
        rotated.dropped.push(id);
    }
    Ok(rotated)
}

/// Adds new snapshots to `SHA256SUMS` and changes nothing else: for a night whose clock is not trusted.
///
/// # Errors
/// Any I/O error; the old file is then still there.
pub fn add_to_sums(folder: &Path, catalogue: &Catalogue, _lock: &FolderLock) -> io::Result<()> {
    write_sums(folder, catalogue, |_| false)
}

fn write_sums(
    folder: &Path,
    catalogue: &Catalogue,
    going: impl Fn(SnapshotId) -> bool,
) -> io::Result<()> {
    let whole = catalogue.entries.iter().map(|entry| &entry.manifest);
    // A snapshot that was damaged or deleted stays named, so that `sha256sum -c` says so.
    let broken = catalogue
        .problems
        .iter()
        .filter_map(|problem| match problem {
            Problem::NoFile { manifest } | Problem::WrongSize { manifest, .. } => Some(&**manifest),
            Problem::NoManifest { .. } | Problem::BadManifest { .. } | Problem::NotAFile { .. } => {
                None
            }
        });
    let mut named: BTreeMap<SnapshotId, &str> = whole
        .chain(broken)
        .filter(|manifest| !going(manifest.id))
        .map(|manifest| (manifest.id, manifest.sha256.as_str()))
        .collect();
    // Of one whose manifest can't be read any more this list is all that says what its file should be.
    let before = checksums::read(folder)?;
    for problem in &catalogue.problems {
        let (Problem::NoManifest { id, .. } | Problem::BadManifest { id, .. }) = problem else {
            continue;
        };
        let file = layout::snapshots(folder).join(id.file_name());
        if let Some(sum) = before.get(id).filter(|_| file.is_file()) {
            named.insert(*id, sum);
        }
    }
    let mut text = String::new();
    for (id, sum) in named {
        // Writing into a String can't fail.
        let _ = writeln!(text, "{sum}  snapshots/{}", id.file_name());
    }
    let path = folder.join(SUMS);
    match durable::read_small(&path, MAX_BYTES) {
        Ok(old) if old == text.as_bytes() => Ok(()),
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => durable::write_whole(&path, text.as_bytes(), FILE_MODE),
    }
}

/// Makes a tier's folder show exactly what the plan holds there, and answers with how many links changed.
fn arrange(folder: &Path, tier: Tier, plan: &Plan) -> io::Result<usize> {
    let dir = folder.join(tier.as_str());
    let wanted: BTreeMap<String, String> = plan
        .keep
        .iter()
        .filter_map(|kept| {
            let bucket = kept.bucket.as_ref().filter(|bucket| bucket.tier == tier)?;
            let target = format!("../snapshots/{}", kept.id.file_name());
            Some((format!("{}.sqlite.gz", bucket.name), target))
        })
        .collect();
    let mut changed = 0;
    for (name, target) in &wanted {
        let link = dir.join(name);
        let stands = fs::read_link(&link).is_ok_and(|old| old == Path::new(target));
        if !stands {
            durable::link_whole(Path::new(target), &link)?;
            changed += 1;
        }
    }
    for item in fs::read_dir(&dir)? {
        let item = item?;
        let name = item.file_name();
        // Only links are ours: a file that somebody put here is left alone.
        let is_stale =
            item.file_type()?.is_symlink() && name.to_str().is_none_or(|n| !wanted.contains_key(n));
        if is_stale {
            durable::remove(&item.path())?;
            changed += 1;
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests;
