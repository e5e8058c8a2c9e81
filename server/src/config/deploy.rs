//! `[app.deploy]`: the limits of a deploy.

use std::time::Duration;

use super::prepare::{self, PrepareConfig};
use super::range::{MAX_COUNT, check_duration};
use super::reader::Table;

/// `[app.deploy]`
#[derive(Debug, Clone)]
pub struct DeployConfig {
    /// How many releases to keep on the machine, including those of the two colours.
    pub keep_releases: u32,
    /// How long to wait for the old colour's requests in flight.
    pub drain_timeout: Duration,
    /// How long the old colour keeps running after a deploy, for an instant rollback; 0 stops it at once.
    pub keep_warm: Duration,
    /// How a release is prepared on this machine before it starts; `None` if nothing is needed.
    pub prepare: Option<PrepareConfig>,
}

pub(super) fn read(table: Table<'_>) -> DeployConfig {
    let keep_releases = table.or("keep_releases", 5_u32);
    if !(2..=MAX_COUNT).contains(&keep_releases.value) {
        table.problem_at(&keep_releases, format!("{} is out of range; it must be from 2 (the live release and the one to go back to) to {MAX_COUNT}", keep_releases.value));
    }
    let drain_timeout = table.or("drain_timeout", Duration::from_secs(30));
    let keep_warm = table.or("keep_warm", Duration::from_secs(600));
    check_duration(&table, &drain_timeout, "0s", "1h");
    check_duration(&table, &keep_warm, "0s", "168h");
    let prepare = prepare::read(&table);
    table.finish();
    DeployConfig {
        keep_releases: keep_releases.value,
        drain_timeout: drain_timeout.value,
        keep_warm: keep_warm.value,
        prepare,
    }
}
