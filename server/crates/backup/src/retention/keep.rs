//! The policy: the tiers, their calendar buckets, and how many of each are kept.

use serde::{Deserialize, Serialize};

pub use tealkeep_words::snapshot::Tier;

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
