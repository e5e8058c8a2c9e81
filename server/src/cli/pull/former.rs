//! The snapshots here from a former history. A machine that was set up again starts its own history; that it does not have the
//! old snapshots does not mean that it rotated them away. They stay here through every `--mirror`, until somebody
//! removes them by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use anyhow::Context;

use super::dest::Dest;
use super::index::Index;
use crate::backup::{Manifest, SnapshotId};
use crate::durable;

const FILE_MODE: u32 = 0o600;

/// Those from a history that ended, now or at an earlier pull. The list is on the disk before the first snapshot of the new
/// history arrives: at the next pull, that one would look as if it had always been here.
///
/// # Errors
/// The list can't be read or written.
pub fn update(
    dest: &Dest,
    index: &Index,
    here: &BTreeMap<SnapshotId, Manifest>,
) -> anyhow::Result<BTreeSet<SnapshotId>> {
    let path = dest.former();
    let doing = || format!("cannot use {}", path.display());
    let text = match fs::read_to_string(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.with_context(doing)?,
    };
    let before: BTreeSet<SnapshotId> = text.lines().filter_map(|id| id.parse().ok()).collect();
    let now = find_former(&before, &index.manifests, here);
    if now != before {
        let lines: String = now.iter().map(|id| format!("{id}\n")).collect();
        durable::write_whole(&path, lines.as_bytes(), FILE_MODE)?;
    }
    Ok(now)
}

/// Snapshots newer than everything that is both here and there with the same content were not rotated away there: the
/// folder there started anew, empty or from an older copy.
fn find_former(
    before: &BTreeSet<SnapshotId>,
    there: &BTreeMap<SnapshotId, Manifest>,
    here: &BTreeMap<SnapshotId, Manifest>,
) -> BTreeSet<SnapshotId> {
    let is_shared = |(id, ours): &(&SnapshotId, &Manifest)| {
        let theirs = there.get(id);
        theirs.is_some_and(|theirs| theirs.sha256 == ours.sha256)
    };
    let shared = here.iter().filter(is_shared).map(|(id, _)| id).max();
    here.iter()
        .filter(|entry| !is_shared(entry) && (Some(entry.0) > shared || before.contains(entry.0)))
        .map(|(id, _)| *id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(id: &str) -> Manifest {
        let id: SnapshotId = id.parse().unwrap();
        let manifest = serde_json::json!({
            "id": id, "reason": "nightly", "taken_at": id.taken_at(), "local_date": "2026-11-20", "offset": "+00:00",
            "sha256": "07", "bytes": 3, "plain_bytes": 4096, "page_size": 4096, "page_count": 1, "user_version": 0,
            "schema_hash": "", "tables": {}, "took_ms": 1, "tool": "0",
        });
        serde_json::from_value(manifest).unwrap()
    }

    fn folder(ids: &[&str]) -> BTreeMap<SnapshotId, Manifest> {
        let manifests = ids.iter().map(|id| example(id));
        manifests.map(|manifest| (manifest.id, manifest)).collect()
    }

    fn former(before: &[&str], there: &[&str], here: &[&str]) -> Vec<String> {
        let before = before.iter().map(|id| id.parse().unwrap()).collect();
        let former = find_former(&before, &folder(there), &folder(here));
        former.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_history_has_ended_when_nothing_of_it_is_there_and_stays_ended() {
        const OLD: &str = "2026-11-20T033000Z";
        const LAST: &str = "2026-11-21T033000Z";
        const NEW: &str = "2026-11-25T033000Z";
        assert!(former(&[], &[NEW], &[]).is_empty());
        assert!(former(&[], &[LAST, NEW], &[OLD, LAST]).is_empty());
        assert_eq!(former(&[], &[NEW], &[OLD, LAST]), [OLD, LAST]);
        // The next day what came of the new one is here.
        assert_eq!(former(&[OLD, LAST], &[NEW], &[OLD, LAST, NEW]), [OLD, LAST]);
        // Somebody has removed one here, and has put one back there.
        assert_eq!(former(&[OLD, LAST], &[NEW], &[LAST, NEW]), [LAST]);
        assert_eq!(former(&[OLD, LAST], &[LAST, NEW], &[OLD, LAST, NEW]), [OLD]);
    }

    #[test]
    fn what_came_after_the_day_to_which_a_machine_was_put_back_is_of_another_history() {
        const EARLY: &str = "2026-06-20T033000Z";
        const KEPT: &str = "2026-06-21T033000Z";
        const LOST: &str = "2026-11-20T033000Z";
        const LAST: &str = "2026-11-21T033000Z";
        const NEW: &str = "2026-11-22T033000Z";
        let here = [EARLY, KEPT, LOST, LAST];
        assert_eq!(former(&[], &[KEPT], &here), [LOST, LAST]);
        // It stays so when later ones have come, and what is rotated away there later goes here as well.
        let here = [EARLY, KEPT, LOST, LAST, NEW];
        assert_eq!(former(&[LOST, LAST], &[NEW], &here), [LOST, LAST]);
    }

    #[test]
    fn the_same_name_with_another_content_is_of_another_history() {
        const ID: &str = "2026-11-20T033000Z";
        let (mut there, here) = (folder(&[ID]), folder(&[ID]));
        for manifest in there.values_mut() {
            manifest.sha256 = "0".repeat(64);
        }
        assert_eq!(find_former(&BTreeSet::new(), &there, &here).len(), 1);
    }
}
