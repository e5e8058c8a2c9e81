//! A snapshot as retention sees it.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use tealkeep_words::snapshot::SnapshotId;

use super::keep::Keep;
use crate::catalogue::Catalogue;
use crate::manifest::Reason;

/// What retention has to know of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub id: SnapshotId,
    /// Why it was taken.
    pub reason: Reason,
    /// The local date that it counts for.
    pub local_date: Date,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// Kept for ever.
    pub pinned: bool,
    /// Whether its file is what its manifest says. Others are neither counted nor dropped.
    pub verified: bool,
    /// The size of its file.
    pub bytes: u64,
}

/// The snapshots of a catalogue as retention sees them.
#[must_use]
pub fn entries(catalogue: &Catalogue) -> Vec<Entry> {
    let entries = catalogue.entries.iter();
    entries
        .map(|entry| Entry {
            id: entry.manifest.id,
            reason: entry.manifest.reason,
            local_date: entry.manifest.local_date,
            taken_at: entry.manifest.taken_at,
            pinned: entry.manifest.pinned,
            verified: true,
            bytes: entry.manifest.bytes,
        })
        .collect()
}

impl Entry {
    /// Whether it is dated in the future, so that it does not count.
    pub(super) fn is_future(&self, now: Timestamp, today: Date) -> bool {
        self.taken_at > now || self.local_date > today
    }

    /// The date from which on a snapshot from before a restore may go: it stays for its days, and the date that it
    /// was taken on counts for none of them. `None` at the end of the calendar.
    pub(super) fn leaves_on(&self, policy: &Keep) -> Option<Date> {
        let days = i64::from(policy.before_restore_days) + 1;
        self.local_date.checked_add(days.days()).ok()
    }
}
