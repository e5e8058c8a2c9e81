//! What the pages read: view values for `tealkeep_app`, made from the journal, the folder and the parts
//! of each app. Nothing here changes anything.

mod backups;
mod checks;
mod colour;
mod conditions;
mod deploys;
mod journal;
mod next_run;
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
