//! The kinds of runs, one file each: what each step does, and beside it what takes that back. What a start does with a run that
//! a crash cut off is decided here from how far the run has come. Pure; the runner carries it out.

mod action;
mod colours;
mod deploy;
mod policy;
mod prepare;
mod restore;
mod rollback;
#[cfg(test)]
mod tests;
mod unwinding;
mod verify;

use crate::journal::runs::Kind;
use crate::journal::transition::Progress;

pub(super) use action::{Action, Context, Outcome, RunKind, When};
pub(super) use deploy::Deploy;
pub(super) use restore::Restore;
pub(super) use rollback::Rollback;
pub(super) use unwinding::{OnBoot, is_settled, unwinding};

/// Decides what becomes of a run that was cut off, from how far its steps came and from where new
/// requests go now, which is the truth about the swap.
#[must_use]
pub fn on_boot(kind: Kind, progress: &Progress, live_is_target: bool) -> OnBoot {
    match kind {
        Kind::Deploy | Kind::Rollback => colours::on_boot(progress, live_is_target),
        Kind::Restore | Kind::Undo => restore::on_boot(progress, live_is_target),
    }
}
