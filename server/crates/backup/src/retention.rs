//! What stays, what goes, and why: a pure function of what there is, of now, and of the policy. It never
//! drops the newest verified snapshot, and never one that it does not understand.

mod entry;
mod forecast;
mod keep;
pub mod room;
mod tiers;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::manifest::Reason;
use tealkeep_words::snapshot::SnapshotId;

use tiers::fill_tiers;

pub use entry::{Entry, entries};
pub use forecast::Goes;
pub use keep::{Keep, KeepsNothing, Tier};

/// A tier's bucket that a snapshot stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// The tier.
    pub tier: Tier,
    /// The bucket, which is also the link's name: `2026-W47`.
    pub name: String,
}

/// A snapshot that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Which.
    pub id: SnapshotId,
    /// The bucket that it stands for; only nightly ones do. Each is held by one tier, the finest.
    pub bucket: Option<Bucket>,
    /// Why it stays, each reason as words that follow "kept: ".
    pub reasons: Vec<String>,
    /// When it will go.
    pub goes: Goes,
}

/// A snapshot that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Which.
    pub id: SnapshotId,
    /// Why, as words that follow "dropped: ".
    pub why: String,
}

/// What stays and what goes, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What stays.
    pub keep: Vec<Kept>,
    /// What goes.
    pub drop: Vec<Dropped>,
}

/// Decides what stays. The order of `entries` does not matter, and deciding again over what was kept keeps
/// all of it.
#[must_use]
pub fn plan(entries: &[Entry], now: Timestamp, today_local: Date, policy: &Keep) -> Plan {
    let mut plan = decide(entries, now, today_local, policy);
    let kept: Vec<Entry> = entries
        .iter()
        .filter(|entry| plan.keep.iter().any(|kept| kept.id == entry.id))
        .cloned()
        .collect();
    let leaves = forecast::foresee(&kept, now, today_local, policy);
    for kept_one in &mut plan.keep {
        let Some(entry) = kept.iter().find(|entry| entry.id == kept_one.id) else {
            continue;
        };
        kept_one.goes = forecast::goes(entry, &kept, &leaves, now, today_local, policy);
    }
    plan
}

fn decide(entries: &[Entry], now: Timestamp, today: Date, policy: &Keep) -> Plan {
    let mut all: Vec<&Entry> = entries.iter().collect();
    all.sort_by_key(|entry| std::cmp::Reverse((entry.taken_at, entry.id)));
    let counted: Vec<&Entry> = all
        .iter()
        .copied()
        .filter(|entry| entry.verified && !entry.is_future(now, today))
        .collect();
    let held = fill_tiers(counted.iter().copied(), policy);
    let bucket = |id: SnapshotId| {
        let (tier, date) = *held.get(&id)?;
        let name = tier.bucket_name(date);
        Some(Bucket { tier, name })
    };
    let mut reasons: BTreeMap<SnapshotId, Vec<String>> = BTreeMap::new();
    let mut say = |id: SnapshotId, why: String| reasons.entry(id).or_default().push(why);

    for entry in &all {
        if !entry.verified {
            say(
                entry.id,
                "not verified, so it is for a person to look at".to_owned(),
            );
        } else if entry.taken_at > now {
            say(
                entry.id,
                "dated in the future, so the clock was wrong once; it is not counted".to_owned(),
            );
        } else if entry.is_future(now, today) {
            let why = format!(
                "it counts for {}, which has not begun in this time zone",
                entry.local_date
            );
            say(entry.id, why);
        }
        if entry.pinned {
            say(entry.id, "pinned".to_owned());
        }
    }
    for (id, (tier, date)) in &held {
        say(
            *id,
            format!("the newest night of {}", tier.bucket_name(*date)),
        );
    }
    for (reason, most) in [
        (Reason::Manual, policy.manual),
        (Reason::BeforeDeploy, policy.before_deploy),
    ] {
        let newest = unpinned(&counted, reason).take(most as usize);
        newest.for_each(|entry| say(entry.id, format!("one of the newest {most} ({reason})")));
    }
    let restores = counted.iter().filter(|e| e.reason == Reason::BeforeRestore);
    for (nth, entry) in restores.enumerate() {
        if entry.leaves_on(policy).is_none_or(|on| today < on) {
            let kept_days = policy.before_restore_days;
            say(
                entry.id,
                format!("taken before a restore, which is kept for {kept_days} days"),
            );
        } else if nth == 0 {
            say(entry.id, "taken before the last restore".to_owned());
        }
    }
    if let Some(newest) = counted.first()
        && !reasons.contains_key(&newest.id)
    {
        reasons.insert(newest.id, vec!["the newest of all".to_owned()]);
    }

    let mut plan = Plan::default();
    for entry in all {
        match reasons.remove(&entry.id) {
            Some(reasons) => plan.keep.push(Kept {
                id: entry.id,
                bucket: bucket(entry.id),
                reasons,
                goes: Goes::Never,
            }),
            None => plan.drop.push(Dropped {
                id: entry.id,
                why: why_dropped(entry, &counted, policy),
            }),
        }
    }
    plan
}

fn unpinned<'a>(counted: &'a [&Entry], reason: Reason) -> impl Iterator<Item = &'a Entry> {
    let of_reason = counted.iter().copied();
    of_reason.filter(move |entry| entry.reason == reason && !entry.pinned)
}

fn why_dropped(entry: &Entry, counted: &[&Entry], policy: &Keep) -> String {
    match entry.reason {
        Reason::Nightly => why_night_dropped(entry, counted, policy),
        Reason::Manual => format!("there are {} newer manual ones", policy.manual),
        Reason::BeforeDeploy => {
            format!(
                "there are {} newer ones from before a deploy",
                policy.before_deploy
            )
        }
        Reason::BeforeRestore => format!(
            "it is older than {} days, and not the newest from before a restore",
            policy.before_restore_days
        ),
    }
}

/// Each tier's own reason for not holding a night: its bucket has a newer one, or newer buckets fill its places.
fn why_night_dropped(night: &Entry, counted: &[&Entry], policy: &Keep) -> String {
    let newer = |tier: Tier| {
        let others = counted.iter().filter(|other| {
            other.reason == Reason::Nightly
                && tier.bucket_of(other.local_date) == tier.bucket_of(night.local_date)
        });
        others
            .max_by_key(|other| (other.local_date, other.taken_at, other.id))
            .is_some_and(|newest| newest.id != night.id)
    };
    if newer(Tier::Daily) {
        return format!("{} has a newer one", night.local_date);
    }
    let held_by_others = |tier: Tier, buckets: &str| {
        if newer(tier) {
            format!("{} has a newer one", tier.bucket_name(night.local_date))
        } else {
            format!("newer {buckets} fill the {} {tier} places", policy.of(tier))
        }
    };
    format!(
        "newer nights fill the {} daily places, {}, and {}",
        policy.daily,
        held_by_others(Tier::Weekly, "weeks"),
        held_by_others(Tier::Monthly, "months")
    )
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod years;
