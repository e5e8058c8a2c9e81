//! The kinds of runs, one file each: what each step does, and beside it what takes that back. What is taken back after a
//! failure, and what a start does with a run that a crash cut off, is decided here from how far the run has come. Pure; the
//! runner carries it out.

mod colours;
mod deploy;
mod policy;
mod prepare;
mod restore;
mod rollback;
#[cfg(test)]
mod tests;
mod verify;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::App;
use super::step::{Kind, Step};
use crate::journal::runs::{RunFacts, RunId, StepState};
use crate::journal::transition::Progress;

pub(super) use deploy::Deploy;
pub(super) use restore::Restore;
pub(super) use rollback::Rollback;

/// How a step ended, with what there is to say of it.
pub(super) enum Outcome {
    /// It did what it is for.
    Done(String),
    /// It was not needed.
    Skipped(String),
}

/// Something that a run does.
type Act<R, T> = for<'a> fn(&'a mut R) -> BoxFuture<'a, T>;

/// A step of a kind of run. It is safe to repeat.
pub(super) struct Action<R: 'static> {
    /// Which.
    pub step: Step,
    /// What it does.
    pub act: Act<R, anyhow::Result<Outcome>>,
    /// What takes it back, if something has to. It is safe to repeat, and does not need that the step was completed.
    pub undo: Option<Undo<R>>,
    /// What is seen to, and read, as soon as it has failed: the last lines of what was printed.
    pub evidence: Option<Act<R, Option<String>>>,
}

/// What takes a step back.
pub(super) struct Undo<R: 'static> {
    /// What is done.
    pub act: Act<R, anyhow::Result<()>>,
    /// And when.
    pub when: When,
}

/// When something is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// In any case.
    Always,
    /// As long as all could be taken back that comes before it, since it would make things worse otherwise: what is still
    /// the target may be what answers, and content is not put under a process that runs.
    WhileSound,
    /// Only when the journal knows that the run has failed: people write from then on.
    AfterTheEnd,
}

impl When {
    /// Whether it is done while the run is taken back; `sound` says that all could be so far.
    pub fn is_due(self, sound: bool) -> bool {
        match self {
            When::Always => true,
            When::WhileSound => sound,
            When::AfterTheEnd => false,
        }
    }
}

impl<R> Action<R> {
    const fn new(step: Step, act: Act<R, anyhow::Result<Outcome>>) -> Action<R> {
        Action {
            step,
            act,
            undo: None,
            evidence: None,
        }
    }

    const fn undone_by(self, when: When, act: Act<R, anyhow::Result<()>>) -> Action<R> {
        Action {
            step: self.step,
            act: self.act,
            undo: Some(Undo { act, when }),
            evidence: self.evidence,
        }
    }

    const fn explained_by(self, evidence: Act<R, Option<String>>) -> Action<R> {
        Action {
            step: self.step,
            act: self.act,
            undo: self.undo,
            evidence: Some(evidence),
        }
    }
}

/// What every run has.
pub(super) struct Context {
    /// Whose it is.
    pub app: Arc<App>,
    /// Its number.
    pub run: RunId,
    /// What it is for.
    pub kind: Kind,
    /// What it set out to do.
    pub facts: RunFacts,
    /// How far it has come, as the journal knows it.
    pub progress: Progress,
}

/// A kind of run.
pub(super) trait RunKind: Send + Sized + 'static {
    /// Its steps, in order.
    const ACTIONS: &'static [Action<Self>];
    /// From this step on, nothing of the steps before it is taken back.
    const SETTLED: Option<Step>;

    /// What every run has.
    fn context(&self) -> &Context;
    /// The same, to be changed.
    fn context_mut(&mut self) -> &mut Context;

    /// What is done when all steps are, before the journal says that the run is done.
    fn conclude(&mut self) -> BoxFuture<'_, ()>;
    /// That it went well, as a sentence.
    fn success(&self) -> String;
    /// What is put in order after that; the run does not depend on it.
    fn tidy(&mut self) -> BoxFuture<'_, anyhow::Result<()>>;
}

/// The steps that are taken back when `failed` could not be completed, in order: those that the run has reached, the last
/// one first. Whatever stopped the live colour starts it again, and held requests go on at the very end.
pub(super) fn unwinding<R: RunKind>(progress: &Progress, failed: Step) -> Vec<&'static Action<R>> {
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
pub(super) fn is_settled<R: RunKind>(failed: Step) -> bool {
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

/// Decides what becomes of a run that was cut off, from how far its steps came and from where new
/// requests go now, which is the truth about the swap.
#[must_use]
pub fn on_boot(kind: Kind, progress: &Progress, live_is_target: bool) -> OnBoot {
    match kind {
        Kind::Deploy | Kind::Rollback => colours::on_boot(progress, live_is_target),
        Kind::Restore | Kind::Undo => restore::on_boot(progress, live_is_target),
    }
}
