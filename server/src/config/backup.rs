//! `[app.backup]`: when snapshots are taken, how many are kept, and how they are proved.

use std::time::Duration;

use jiff::civil::Time;

use super::notify::Address;
use super::range::{MAX_COUNT, check_duration};
use super::reader::Table;
use crate::backup::{Keep, Level};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// `[app.backup]`
#[derive(Debug, Clone)]
pub struct BackupConfig {
    /// The local time of the nightly snapshot.
    pub at: Time,
    /// How many of each to keep.
    pub keep: Keep,
    /// How long one snapshot may take.
    pub deadline: Duration,
    /// The compression level.
    pub level: Level,
    /// How often to run a drill on the newest snapshot; zero runs none automatically.
    pub drill_every: Duration,
    /// A table that lost more than this share of its rows since the night before causes a warning, in percent.
    pub drill_shrink: u32,
    /// The age of the last pull from which the next one is overdue; zero expects none.
    pub pull_within: Duration,
    /// The address to call after each successful night.
    pub heartbeat: Option<Address>,
}

impl Default for BackupConfig {
    fn default() -> BackupConfig {
        BackupConfig {
            at: Time::constant(3, 30, 0, 0),
            keep: Keep::default(),
            deadline: Duration::from_secs(3600),
            level: Level::default(),
            drill_every: 7 * DAY,
            drill_shrink: 20,
            pull_within: 2 * DAY,
            heartbeat: None,
        }
    }
}

pub(super) fn read(table: Table<'_>) -> BackupConfig {
    let usual = BackupConfig::default();
    let at = table.or("at", usual.at);
    let deadline = table.or("deadline", usual.deadline);
    check_duration(&table, &deadline, "10s", "24h");
    let keep = read_keep(&table, usual.keep);
    let level = read_level(&table);
    let drill_every = table.or("drill_every", usual.drill_every);
    if !drill_every.value.is_zero() {
        check_duration(&table, &drill_every, "1h", "2160h");
    }
    let drill_shrink = table.or("drill_shrink", usual.drill_shrink);
    if !(1..=100).contains(&drill_shrink.value) {
        let text = format!(
            "{} is out of range; it must be from 1 to 100 percent of a table's rows (usual is 20)",
            drill_shrink.value
        );
        table.problem_at(&drill_shrink, text);
    }
    let pull_within = table.or("pull_within", usual.pull_within);
    if !pull_within.value.is_zero() {
        check_duration(&table, &pull_within, "1h", "2160h");
    }
    let heartbeat = table
        .optional::<Address>("heartbeat")
        .map(|address| address.value);
    table.finish();
    BackupConfig {
        at: at.value,
        keep,
        deadline: deadline.value,
        level,
        drill_every: drill_every.value,
        drill_shrink: drill_shrink.value,
        pull_within: pull_within.value,
        heartbeat,
    }
}

fn read_keep(table: &Table<'_>, usual: Keep) -> Keep {
    let count = |key: &str, default: u32| {
        let placed = table.or(key, default);
        if placed.value == 0 {
            table.problem_at(
                &placed,
                format!("0 would keep nothing; it must be 1 or more (usual is {default})"),
            );
        } else if placed.value > MAX_COUNT {
            table.problem_at(
                &placed,
                format!(
                    "{} is too many; it must be at most {MAX_COUNT} (usual is {default})",
                    placed.value
                ),
            );
        }
        placed.value
    };
    Keep {
        daily: count("keep_daily", usual.daily),
        weekly: count("keep_weekly", usual.weekly),
        monthly: count("keep_monthly", usual.monthly),
        manual: count("keep_manual", usual.manual),
        before_deploy: count("keep_before_deploy", usual.before_deploy),
        before_restore_days: count("keep_before_restore_days", usual.before_restore_days),
    }
}

fn read_level(table: &Table<'_>) -> Level {
    let number = table.or("level", Level::USUAL);
    let level = Level::new(number.value);
    if level.is_none() {
        let text = format!(
            "{} is not a compression level; it must be {} (quick) to {} (small; usual is {})",
            number.value,
            Level::NUMBERS.start(),
            Level::NUMBERS.end(),
            Level::USUAL
        );
        table.problem_at(&number, text);
    }
    level.unwrap_or_default()
}
