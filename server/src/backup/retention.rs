//! What stays, what goes, and why: a pure function of what there is, of now, and of the policy. It never
//! drops the newest verified snapshot, and never one that it does not understand.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use super::manifest::{Reason, SnapshotId};

/// A class of nightly snapshots, by how long they stay.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// One a local date.
    Daily,
    /// One an ISO week.
    Weekly,
    /// One a month.
    Monthly,
}

impl Tier {
    /// Every tier, the finest first.
    pub const ALL: [Tier; 3] = [Tier::Daily, Tier::Weekly, Tier::Monthly];

    /// The tier's name, which is also its folder's.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Daily => "daily",
            Tier::Weekly => "weekly",
            Tier::Monthly => "monthly",
        }
    }

    /// The calendar bucket that a local date falls into: `2026-11-21`, `2026-W47`, `2026-11`. An ISO week
    /// belongs to an ISO year: 2024-12-30 is in `2025-W01` (ISO 8601, 3.1.1.23).
    #[must_use]
    pub fn bucket_name(self, date: Date) -> String {
        let (year, number) = self.bucket_of(date);
        match self {
            Tier::Daily => date.to_string(),
            Tier::Weekly => format!("{year:04}-W{number:02}"),
            Tier::Monthly => format!("{year:04}-{number:02}"),
        }
    }

    /// The bucket as a year and a number in it, quick to compare.
    fn bucket_of(self, date: Date) -> (i16, i16) {
        match self {
            Tier::Daily => (date.year(), date.day_of_year()),
            Tier::Weekly => {
                let week = date.iso_week_date();
                (week.year(), i16::from(week.week()))
            }
            Tier::Monthly => (date.year(), i16::from(date.month())),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many of each are kept. In the configuration: `keep = { daily = 7, weekly = 4, … }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Nights. Default 7.
    pub daily: u32,
    /// ISO weeks beyond them. Default 4.
    pub weekly: u32,
    /// Months beyond those. Default 6.
    pub monthly: u32,
    /// Manual snapshots. Default 10.
    pub manual: u32,
    /// Snapshots taken before a deploy. Default 5.
    pub before_deploy: u32,
    /// Days that a snapshot taken before a restore stays; the newest always does. Default 30.
    pub before_restore_days: u32,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep {
            daily: 7,
            weekly: 4,
            monthly: 6,
            manual: 10,
            before_deploy: 5,
            before_restore_days: 30,
        }
    }
}

/// A policy that keeps none of something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key} = 0` would keep none: give at least 1 (the default is {default})")]
pub struct KeepsNothing {
    /// The key in the configuration.
    pub key: &'static str,
    /// Its default.
    pub default: u32,
}

impl Keep {
    /// Refuses every number that is 0, all of them at once.
    ///
    /// # Errors
    /// Which keys are 0.
    pub fn validate(&self) -> Result<(), Vec<KeepsNothing>> {
        let usual = Keep::default();
        let wrong: Vec<KeepsNothing> = [
            ("daily", self.daily, usual.daily),
            ("weekly", self.weekly, usual.weekly),
            ("monthly", self.monthly, usual.monthly),
            ("manual", self.manual, usual.manual),
            ("before_deploy", self.before_deploy, usual.before_deploy),
            (
                "before_restore_days",
                self.before_restore_days,
                usual.before_restore_days,
            ),
        ]
        .into_iter()
        .filter(|(_, number, _)| *number == 0)
        .map(|(key, _, default)| KeepsNothing { key, default })
        .collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn of(&self, tier: Tier) -> u32 {
        match tier {
            Tier::Daily => self.daily,
            Tier::Weekly => self.weekly,
            Tier::Monthly => self.monthly,
        }
    }
}

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
}

/// A tier's bucket that a snapshot stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// The tier.
    pub tier: Tier,
    /// The bucket, which is also the link's name: `2026-W47`.
    pub name: String,
}

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
        })
        .collect()
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
    let leaves = foresee(kept.clone(), now, today_local, policy);
    for kept_one in &mut plan.keep {
        let Some(entry) = kept.iter().find(|entry| entry.id == kept_one.id) else {
            continue;
        };
        kept_one.goes = goes(entry, &kept, &leaves, now, today_local, policy);
    }
    plan
}

/// How many nights [`Goes::On`] looks ahead.
const NIGHTS_FORESEEN: i64 = 400;

fn decide(entries: &[Entry], now: Timestamp, today: Date, policy: &Keep) -> Plan {
    let mut all: Vec<&Entry> = entries.iter().collect();
    all.sort_by_key(|entry| std::cmp::Reverse((entry.taken_at, entry.id)));
    let counted: Vec<&Entry> = all
        .iter()
        .copied()
        .filter(|entry| entry.verified && !is_future(entry, now, today))
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
        } else if is_future(entry, now, today) {
            say(
                entry.id,
                "dated in the future, so the clock was wrong once; it is not counted".to_owned(),
            );
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
        if now.duration_since(entry.taken_at) < days(policy.before_restore_days) {
            let kept_days = policy.before_restore_days;
            say(
                entry.id,
                format!("taken before a restore, less than {kept_days} days ago"),
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
                why: why_dropped(entry, policy),
            }),
        }
    }
    plan
}

/// Each tier in turn takes its newest buckets. The newest night of a bucket stands for it; where a finer tier
/// holds that one already, the coarser tier needs no place for the bucket.
fn fill_tiers<'a>(
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

fn is_future(entry: &Entry, now: Timestamp, today: Date) -> bool {
    entry.taken_at > now || entry.local_date > today
}

fn unpinned<'a>(counted: &'a [&Entry], reason: Reason) -> impl Iterator<Item = &'a Entry> {
    let of_reason = counted.iter().copied();
    of_reason.filter(move |entry| entry.reason == reason && !entry.pinned)
}

fn days(n: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(n) * 24)
}

fn why_dropped(entry: &Entry, policy: &Keep) -> String {
    match entry.reason {
        Reason::Nightly => format!(
            "newer nights fill the {} daily, {} weekly and {} monthly places",
            policy.daily, policy.weekly, policy.monthly
        ),
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

fn goes(
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
fn foresee(
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

#[cfg(test)]
mod tests;
