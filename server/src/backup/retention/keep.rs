//! The policy: the tiers, their calendar buckets, and how many of each are kept.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

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
    pub(super) fn bucket_of(self, date: Date) -> (i16, i16) {
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

    pub(super) fn of(&self, tier: Tier) -> u32 {
        match tier {
            Tier::Daily => self.daily,
            Tier::Weekly => self.weekly,
            Tier::Monthly => self.monthly,
        }
    }
}
