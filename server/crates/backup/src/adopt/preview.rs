//! What the next rotation will do with the adopted snapshots.

use jiff::Zoned;

use tealkeep_words::snapshot::SnapshotId;

use super::dates::Night;
use super::outcome::Planned;
use crate::manifest::Reason;
use crate::retention::{self, Entry, Keep};

/// A snapshot that a dry run would add, as retention would see it.
pub(super) fn entry_of(night: &Night, bytes: u64, others: &[Entry]) -> Entry {
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

/// What retention decides about each adopted snapshot, newest first.
pub(super) fn preview(
    entries: &[Entry],
    taken: &[SnapshotId],
    keep: &Keep,
    now: &Zoned,
) -> Vec<Planned> {
    let plan = retention::plan(entries, now.timestamp(), now.date(), keep);
    let planned = |id: &SnapshotId| {
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
    ids.iter().rev().filter_map(planned).collect()
}
