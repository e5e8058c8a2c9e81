//! The values that the pages are drawn from, read from the journal, the folder and the parts of each app. Nothing here
//! changes anything.

mod backups;
mod checks;
mod conditions;
mod deploys;
mod journal;
mod next_nightly;
mod overview;
mod run;
mod safety;
mod snapshot;

pub use backups::{backups, confirm_restore, confirm_undo};
pub use checks::{check_view, checks};
pub use deploys::{confirm_deploy, confirm_rollback, deploys};
pub use journal::journal;
pub use overview::overview;
pub use run::run_view;
