//! When the next nightly snapshot is due.

use jiff::Timestamp;

use crate::deploy::App;
use crate::house::House;
use crate::schedule;

/// The next nightly snapshot of an app.
pub(super) fn next_nightly(house: &House, app: &App) -> Timestamp {
    schedule::next_run(house.clock.now(), &house.clock.zone(), app.config.backup.at)
}
