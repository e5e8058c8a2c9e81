//! `[notify]`: who is told when something is wrong at home, and when it is well again.

use super::reader::Table;

/// `[notify]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotifyConfig {}

pub(super) fn read(table: Table<'_>, _on_this_machine: bool) -> NotifyConfig {
    table.finish();
    NotifyConfig::default()
}
