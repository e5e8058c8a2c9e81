//! When a snapshot will go, found by playing the nights to come.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;

use super::super::id::SnapshotId;
use super::super::manifest::Reason;
use super::{Entry, Keep, days, fill_tiers, is_future};

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
            Goes::Later => f.write_str("stays for more than a year"),
        }
    }
}

/// How many nights [`Goes::On`] looks ahead.
const NIGHTS_FORESEEN: i64 = 400;

/// When a kept snapshot will go, given the nights at which [`foresee`] saw nightly ones leave.
pub(super) fn goes(
    entry: &Entry,
    kept: &[Entry],
    leaves: &BTreeMap<SnapshotId, Date>,
    now: Timestamp,
    today: Date,
    policy: &Keep,
) -> Goes {
    if entry.pinned || !entry.verified || is_future(entry, now, today) {
        return Goes::Never;
    }
    let newer = || {
        let others = kept.iter().filter(|other| !other.pinned && other.verified);
        let counted = others.filter(|other| !is_future(other, now, today));
        let of_reason = counted.filter(|other| other.reason == entry.reason);
        let count =
            of_reason.filter(|other| (other.taken_at, other.id) > (entry.taken_at, entry.id));
        u32::try_from(count.count()).unwrap_or(u32::MAX)
    };
    match entry.reason {
        Reason::Nightly => leaves
            .get(&entry.id)
            .map_or(Goes::Later, |on| Goes::On(*on)),
        Reason::Manual => Goes::AfterMore(policy.manual.saturating_sub(newer()).max(1)),
        Reason::BeforeDeploy => {
            Goes::AfterMore(policy.before_deploy.saturating_sub(newer()).max(1))
        }
        Reason::BeforeRestore if newer() == 0 => Goes::AfterMore(1),
        Reason::BeforeRestore => {
            let left = days(policy.before_restore_days) - now.duration_since(entry.taken_at);
            let left_days = left.as_hours().div_euclid(24) + 1;
            today
                .checked_add(left_days.days())
                .map_or(Goes::Later, Goes::On)
        }
    }
}

/// Plays the nights to come, one snapshot each, and notes when each nightly one is dropped.
pub(super) fn foresee(
    kept: Vec<Entry>,
    now: Timestamp,
    today: Date,
    policy: &Keep,
) -> BTreeMap<SnapshotId, Date> {
    let mut nights = kept;
    nights.retain(|e| e.reason == Reason::Nightly && !is_future(e, now, today));
    let mut leaves = BTreeMap::new();
    let mut waiting = nights.iter().filter(|night| !night.pinned).count();
    let (mut at, mut date) = (now, today);
    for _ in 0..NIGHTS_FORESEEN {
        let Ok(tomorrow) = date.tomorrow() else { break };
        if waiting == 0 {
            break;
        }
        (at, date) = (at + SignedDuration::from_hours(24), tomorrow);
        nights.push(Entry {
            id: SnapshotId::new(at, 1),
            reason: Reason::Nightly,
            local_date: date,
            taken_at: at,
            pinned: false,
            verified: true,
        });
        let held = fill_tiers(&nights, policy);
        nights.retain(|night| {
            let stays = held.contains_key(&night.id) || night.pinned;
            if !stays && night.taken_at <= now {
                leaves.insert(night.id, date);
                waiting -= 1;
            }
            stays
        });
    }
    leaves
}
