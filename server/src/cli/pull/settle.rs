//! Updates what surrounds the snapshots: changed manifests, the tiers' links and `SHA256SUMS`, which always lists exactly
//! what is here, so that `sha256sum -c` succeeds at any moment; and removes what `--mirror` removes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::Context;

use super::dest::Dest;
use super::index::Index;
use crate::backup::{Manifest, SnapshotId, Tier, catalogue, checksums};
use crate::durable;

const SUMS_FILE: &str = "SHA256SUMS";
const FILE_MODE: u32 = 0o640;

/// What was removed there and is still here: neither what is unreadable there, nor what belongs to a former history, nor the
/// newest one here, which always stays.
pub fn plan_removals(
    index: &Index,
    here: &BTreeMap<SnapshotId, Manifest>,
    former: &BTreeSet<SnapshotId>,
) -> Vec<SnapshotId> {
    let newest = here.keys().next_back();
    let is_there = |id| index.manifests.contains_key(id) || index.unreadable.contains(id);
    here.keys()
        .filter(|id| Some(*id) != newest && !is_there(id) && !former.contains(id))
        .copied()
        .collect()
}

/// Updates everything around the snapshots, and removes those in `removals`, also from `here`.
///
/// # Errors
/// Any I/O error. What was done until then stays done, and a repetition does the rest.
pub fn settle(
    dest: &Dest,
    index: &Index,
    here: &mut BTreeMap<SnapshotId, Manifest>,
    removals: &[SnapshotId],
) -> anyhow::Result<()> {
    let snapshots = catalogue::snapshots(dest.path());
    for (id, manifest) in here.iter_mut() {
        match index.manifests.get(id) {
            // Pinning changes a manifest, but nothing that was verified.
            Some(theirs) if theirs.sha256 == manifest.sha256 && theirs != manifest => {
                let path = snapshots.join(id.manifest_name());
                durable::write_whole(&path, &index.text(*id)?, FILE_MODE)?;
                *manifest = theirs.clone();
            }
            Some(_) | None => {}
        }
    }
    here.retain(|id, _| !removals.contains(id));
    write_sums(dest.path(), here, removals)?;
    link(dest.path(), index, here)?;
    if removals.is_empty() {
        return Ok(());
    }
    unlink(dest.path(), index, removals)?;
    for id in removals {
        // As on the machine at home: a manifest alone, not listed in SHA256SUMS, marks an interrupted removal.
        durable::remove(&snapshots.join(id.file_name()))?;
        durable::remove(&snapshots.join(id.manifest_name()))?;
    }
    Ok(())
}

/// Lists the intact snapshots here, and keeps listing those that were listed and are damaged or incomplete.
fn write_sums(
    folder: &Path,
    here: &BTreeMap<SnapshotId, Manifest>,
    removals: &[SnapshotId],
) -> anyhow::Result<()> {
    let snapshots = catalogue::snapshots(folder);
    let mut sums = checksums::read(folder)?;
    sums.retain(|id, _| {
        let is_there = snapshots.join(id.file_name()).exists();
        is_there && !removals.contains(id)
    });
    for (id, manifest) in here {
        sums.insert(*id, manifest.sha256.clone());
    }
    let mut text = String::new();
    for (id, sum) in sums {
        // Writing into a String can't fail.
        let _ = writeln!(text, "{sum}  snapshots/{}", id.file_name());
    }
    let path = folder.join(SUMS_FILE);
    match fs::read(&path) {
        Ok(old) if old == text.as_bytes() => Ok(()),
        _ => Ok(durable::write_whole(&path, text.as_bytes(), FILE_MODE)?),
    }
}

/// Creates the tiers' links as they are there, to what is here.
fn link(folder: &Path, index: &Index, here: &BTreeMap<SnapshotId, Manifest>) -> anyhow::Result<()> {
    for tier in Tier::ALL {
        let tier = folder.join(tier.as_str());
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o750);
        builder
            .create(&tier)
            .with_context(|| format!("cannot make {}", tier.display()))?;
        durable::remove_parts(&tier)?;
    }
    for (tier, name, id) in &index.links {
        let link = folder.join(tier.as_str()).join(name);
        let target = Path::new("../snapshots").join(id.file_name());
        if !here.contains_key(id) || fs::read_link(&link).is_ok_and(|old| old == target) {
            continue;
        }
        durable::link_whole(&target, &link)?;
    }
    Ok(())
}

/// Removes links that no longer exist there, and those to removed snapshots.
fn unlink(folder: &Path, index: &Index, removals: &[SnapshotId]) -> io::Result<()> {
    for tier in Tier::ALL {
        for entry in fs::read_dir(folder.join(tier.as_str()))? {
            let path = entry?.path();
            let Ok(target) = fs::read_link(&path) else {
                continue;
            };
            let file = target.file_name().and_then(|name| name.to_str());
            let id = file.and_then(SnapshotId::from_file_name);
            let name = path.file_name().and_then(|name| name.to_str());
            let stays = index
                .links
                .iter()
                .any(|(of, theirs, _)| *of == tier && Some(theirs.as_str()) == name);
            if id.is_some_and(|id| removals.contains(&id) || !stays) {
                durable::remove(&path)?;
            }
        }
    }
    Ok(())
}
