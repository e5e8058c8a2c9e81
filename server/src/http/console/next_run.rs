//! When the next nightly snapshot is due.

use tealkeep_app::model as view;

use crate::deploy::App;
use crate::house::House;
use crate::schedule;

/// The next nightly snapshot of an app.
pub(super) fn next_run(house: &House, app: &App) -> view::NextRun {
    let at = schedule::next_run(house.clock.now(), &house.clock.zone(), app.config.backup.at);
    view::NextRun {
        at,
        what: "nightly snapshot".to_owned(),
    }
}
