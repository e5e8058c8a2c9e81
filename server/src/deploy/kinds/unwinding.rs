//! What is taken back when a run fails or a crash cuts it off. Pure.

use super::action::{Action, RunKind};
use crate::journal::runs::{Step, StepState};
use crate::journal::transition::Progress;

/// The steps that are taken back when `failed` could not be completed, in order: those that the run has reached, the last
/// one first. Whatever stopped the live colour starts it again, and held requests go on at the very end.
pub(in crate::deploy) fn unwinding<R: RunKind>(
    progress: &Progress,
    failed: Step,
) -> Vec<&'static Action<R>> {
    let is_reached = |step: Step| {
        let state = progress.of_step(step);
        step == failed || state.is_some_and(|state| state != StepState::Pending)
    };
    let taken_back = |action: &&Action<R>| action.undo.is_some() && is_reached(action.step);
    let settled = R::ACTIONS
        .iter()
        .position(|action| Some(action.step) == R::SETTLED && is_settled::<R>(failed));
    let open = &R::ACTIONS[settled.unwrap_or_default()..];
    open.iter().rev().filter(taken_back).collect()
}

/// Whether what a run did stays, when it failed at this step.
pub(in crate::deploy) fn is_settled<R: RunKind>(failed: Step) -> bool {
    let steps = R::ACTIONS.iter().map(|action| action.step);
    let mut settled = steps.skip_while(|step| Some(*step) != R::SETTLED);
    settled.any(|step| step == failed)
}

/// What a start after a crash does with a run that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBoot {
    /// Take back what the run had begun, as if this step had failed.
    Unwind(Step),
    /// Go on, beginning with this step again.
    Continue(Step),
    /// It had failed and was taken back already; only its end was not written.
    Close,
}

impl OnBoot {
    /// Whether requests wait from the first moment: one that is taken back has stopped the live colour perhaps, and they
    /// wait until that answers again.
    #[must_use]
    pub fn holds_requests(self) -> bool {
        matches!(
            self,
            OnBoot::Continue(Step::Stop) | OnBoot::Unwind(Step::Hold | Step::Stop)
        )
    }

    /// Whether the live colour stays as it is, since what goes on begins with stopping it.
    #[must_use]
    pub fn keeps_app_stopped(self) -> bool {
        self == OnBoot::Continue(Step::Stop)
    }
}
