//! A snapshot in plain data: its id (when it was taken, spelled so that it is a file name and sorts by time), why it
//! was taken, and the tiers it can belong to.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A snapshot's id: the UTC second at which its read transaction began, and which one of that second it is.
/// Written `2026-11-21T033000Z`, the second of that second `2026-11-21T033000Z-2`; sorts by time.
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
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SnapshotId {
    taken_at: Timestamp,
    nth: u16,
}

const ID_FORMAT: &str = "%Y-%m-%dT%H%M%SZ";

impl SnapshotId {
    /// The id of the `nth` snapshot (from 1) of the second that `at` lies in.
    #[must_use]
    pub fn new(at: Timestamp, nth: u16) -> SnapshotId {
        let taken_at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        SnapshotId {
            taken_at,
            nth: nth.max(1),
        }
    }

    /// The id that follows this one in its second.
    #[must_use]
    pub fn following(self) -> SnapshotId {
        SnapshotId::new(self.taken_at, self.nth.saturating_add(1))
    }

    /// The second at which it was taken.
    #[must_use]
    pub fn taken_at(self) -> Timestamp {
        self.taken_at
    }

    /// The name of its file in `snapshots/`.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("{self}.sqlite.gz")
    }

    /// The name of its manifest in `snapshots/`.
    #[must_use]
    pub fn manifest_name(self) -> String {
        format!("{self}.json")
    }

    /// The id that a file's name in `snapshots/` stands for, whether the snapshot's or the manifest's.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<SnapshotId> {
        let stem = name
            .strip_suffix(".sqlite.gz")
            .or_else(|| name.strip_suffix(".json"))?;
        stem.parse().ok()
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.taken_at.strftime(ID_FORMAT))?;
        match self.nth {
            1 => Ok(()),
            n => write!(f, "-{n}"),
        }
    }
}

/// A text is not a snapshot's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a snapshot's id: one looks like 2026-11-21T033000Z")]
pub struct BadSnapshotId(String);

impl FromStr for SnapshotId {
    type Err = BadSnapshotId;

    fn from_str(s: &str) -> Result<Self, BadSnapshotId> {
        let bad = || BadSnapshotId(s.to_owned());
        let (stamp, nth) = match s.split_once("Z-") {
            Some((stamp, nth)) => (format!("{stamp}Z"), nth.parse().map_err(|_| bad())?),
            None => (s.to_owned(), 1),
        };
        let at = jiff::civil::DateTime::strptime(ID_FORMAT, &stamp)
            .and_then(|local| local.to_zoned(jiff::tz::TimeZone::UTC))
            .map_err(|_| bad())?;
        let id = SnapshotId::new(at.timestamp(), nth);
        // One spelling an id, so that no two names stand for the same snapshot.
        if id.to_string() == s {
            Ok(id)
        } else {
            Err(bad())
        }
    }
}

impl TryFrom<String> for SnapshotId {
    type Error = BadSnapshotId;

    fn try_from(s: String) -> Result<Self, BadSnapshotId> {
        s.parse()
    }
}

impl From<SnapshotId> for String {
    fn from(id: SnapshotId) -> String {
        id.to_string()
    }
}

/// Why a snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The nightly backup, a catch-up included.
    Nightly,
    /// A person asked for it.
    Manual,
    /// A deploy takes one before it changes anything.
    BeforeDeploy,
    /// A restore takes one so that it can be undone.
    BeforeRestore,
}

impl Reason {
    /// Its name in the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Nightly => "nightly",
            Reason::Manual => "manual",
            Reason::BeforeDeploy => "before-deploy",
            Reason::BeforeRestore => "before-restore",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A class of nightly snapshots, by how long they are kept.
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
    #[must_use]
    pub fn bucket_of(self, date: Date) -> (i16, i16) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling_and_sorts_by_time_and_then_by_number() {
        let mut ids: Vec<SnapshotId> = [
            "2026-11-21T033000Z-10",
            "2026-11-21T033001Z",
            "2026-11-21T033000Z-2",
            "2026-11-21T033000Z",
        ]
        .map(|s| s.parse().unwrap())
        .to_vec();
        ids.sort();
        let sorted: Vec<String> = ids.iter().map(SnapshotId::to_string).collect();
        assert_eq!(
            sorted,
            [
                "2026-11-21T033000Z",
                "2026-11-21T033000Z-2",
                "2026-11-21T033000Z-10",
                "2026-11-21T033001Z"
            ]
        );
        for bad in [
            "",
            "2026-11-21",
            "2026-11-21T033000",
            "2026-11-21T033000Z-1",
            "2026-11-21T033000Z-02",
            "2026-02-30T033000Z",
            "2026-11-21T0330Z",
            "../2026-11-21T033000Z",
            " 2026-11-21T033000Z",
        ] {
            assert!(bad.parse::<SnapshotId>().is_err(), "{bad:?} was accepted");
        }
    }
}
