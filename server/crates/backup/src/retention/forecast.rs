//! When a snapshot will go, found by playing the nights to come.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;

use super::super::manifest::Reason;
use super::entry::Entry;
use super::keep::Keep;
use super::tiers::fill_tiers;
use tealkeep_words::snapshot::SnapshotId;

/// When a snapshot will go, if every night to come has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goes {
    /// Never by itself.
    Never,
    /// In the night to that date.
    On(Date),
    /// When that many more of its kind have been taken.
    AfterMore(u32),
    /// When another one of its kind has been taken, but not before that date.
    NotBefore(Date),
    /// Not while it is dated in the future: before that date it is not even counted.
    CountsFrom(Date),
    /// Later than can be foreseen.
    Later,
}

impl fmt::Display for Goes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goes::Never => f.write_str("stays for ever"),
            Goes::On(date) => write!(f, "goes on {date}"),
            Goes::AfterMore(1) => f.write_str("goes when another one is taken"),
            Goes::AfterMore(n) => write!(f, "goes when {n} more have been taken"),
            Goes::NotBefore(date) => {
                write!(f, "goes when another one is taken, but not before {date}")
            }
            Goes::CountsFrom(date) => write!(f, "is not counted before {date}"),
            Goes::Later => f.write_str("stays for more than a year"),
        }
    }
}

/// How many nights [`Goes::On`] looks ahead.
const MAX_NIGHTS: i64 = 400;

/// When a kept snapshot will go, given the nights at which [`foresee`] saw nightly ones leave.
pub(super) fn goes(
    entry: &Entry,
    kept: &[Entry],
    leaves: &BTreeMap<SnapshotId, Date>,
    now: Timestamp,
    today: Date,
    policy: &Keep,
) -> Goes {
    if entry.pinned || !entry.verified {
        return Goes::Never;
    }
    if entry.is_future(now, today) {
        return Goes::CountsFrom(entry.local_date);
    }
    let newer = kept.iter().filter(|other| {
        let counts = other.verified && !other.is_future(now, today);
        counts
            && other.reason == entry.reason
            && (other.taken_at, other.id) > (entry.taken_at, entry.id)
    });
    let after_more = |most: u32| {
        // A pinned one takes nobody's place.
        let newer = newer.clone().filter(|other| !other.pinned).count();
        let newer = u32::try_from(newer).unwrap_or(u32::MAX);
        Goes::AfterMore(most.saturating_sub(newer).max(1))
    };
    match entry.reason {
        Reason::Nightly => leaves
            .get(&entry.id)
            .map_or(Goes::Later, |on| Goes::On(*on)),
        Reason::Manual => after_more(policy.manual),
        Reason::BeforeDeploy => after_more(policy.before_deploy),
        Reason::BeforeRestore => {
            let is_newest = newer.clone().next().is_none();
            match entry.leaves_on(policy) {
                None => Goes::Later,
                Some(on) if is_newest && today < on => Goes::NotBefore(on),
                Some(_) if is_newest => Goes::AfterMore(1),
                Some(on) => Goes::On(on),
            }
        }
    }
}

/// Plays the nights to come, one snapshot each, and notes when each nightly one is dropped. The first is today's,
/// if today has none yet.
pub(super) fn foresee(
    kept: &[Entry],
    now: Timestamp,
    today: Date,
    policy: &Keep,
) -> BTreeMap<SnapshotId, Date> {
    let mut nights: Vec<Entry> = kept
        .iter()
        .filter(|e| e.reason == Reason::Nightly && e.verified)
        .cloned()
        .collect();
    let counted = nights.iter().filter(|night| !night.is_future(now, today));
    let today_is_done = counted.clone().any(|night| night.local_date == today);
    let mut waiting: BTreeSet<SnapshotId> = counted
        .filter(|night| !night.pinned)
        .map(|night| night.id)
        .collect();
    let mut leaves = BTreeMap::new();
    for ahead in i64::from(today_is_done)..=MAX_NIGHTS {
        if waiting.is_empty() {
            break;
        }
        let Ok(date) = today.checked_add(ahead.days()) else {
            break;
        };
        let Ok(at) = now.checked_add(SignedDuration::from_hours(24 * ahead)) else {
            break;
        };
        nights.push(Entry {
            // No snapshot that was taken has this number of its second.
            id: SnapshotId::new(at, u16::MAX),
            reason: Reason::Nightly,
            local_date: date,
            taken_at: at,
            pinned: false,
            verified: true,
            bytes: 0,
        });
        let counted = nights.iter().filter(|night| !night.is_future(at, date));
        let held = fill_tiers(counted, policy);
        nights.retain(|night| {
            let stays = held.contains_key(&night.id) || night.pinned || night.is_future(at, date);
            if !stays && waiting.remove(&night.id) {
                leaves.insert(night.id, date);
            }
            stays
        });
    }
    leaves
}
