//! Which nightly snapshots the tiers hold.

use std::collections::BTreeMap;

use jiff::civil::Date;

use tealkeep_words::snapshot::{SnapshotId, Tier};

use super::entry::Entry;
use super::keep::Keep;
use crate::manifest::Reason;

/// Each tier in turn takes its newest buckets. The newest night of a bucket stands for it; where a finer tier
/// holds that one already, the coarser tier needs no place for the bucket.
pub(super) fn fill_tiers<'a>(
    counted: impl IntoIterator<Item = &'a Entry>,
    policy: &Keep,
) -> BTreeMap<SnapshotId, (Tier, Date)> {
    let mut nights: Vec<&Entry> = counted
        .into_iter()
        .filter(|entry| entry.reason == Reason::Nightly)
        .collect();
    nights.sort_unstable_by_key(|night| {
        std::cmp::Reverse((night.local_date, night.taken_at, night.id))
    });
    let mut held = BTreeMap::new();
    for tier in Tier::ALL {
        let (mut places, mut last) = (policy.of(tier), None);
        for night in &nights {
            let bucket = tier.bucket_of(night.local_date);
            // Sorted by date, so the nights of a bucket stand together, its newest first.
            if places == 0 || last == Some(bucket) {
                continue;
            }
            last = Some(bucket);
            held.entry(night.id).or_insert_with(|| {
                places -= 1;
                (tier, night.local_date)
            });
        }
    }
    held
}
