//! What a kind of run is: its steps, each with what it does and what takes that back.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use crate::deploy::App;
use crate::journal::runs::{Kind, RunFacts, RunId, Step};
use crate::journal::transition::Progress;

/// How a step ended, with what there is to say of it.
pub(in crate::deploy) enum Outcome {
    /// It did what it is for.
    Done(String),
    /// It was not needed.
    Skipped(String),
}

/// Something that a run does.
type Act<R, T> = for<'a> fn(&'a mut R) -> BoxFuture<'a, T>;

/// A step of a kind of run. It is safe to repeat.
pub(in crate::deploy) struct Action<R: 'static> {
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
pub(in crate::deploy) struct Undo<R: 'static> {
    /// What is done.
    pub act: Act<R, anyhow::Result<()>>,
    /// And when.
    pub when: When,
}

/// When something is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::deploy) enum When {
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
    pub const fn new(step: Step, act: Act<R, anyhow::Result<Outcome>>) -> Action<R> {
        Action {
            step,
            act,
            undo: None,
            evidence: None,
        }
    }

    pub const fn undone_by(self, when: When, act: Act<R, anyhow::Result<()>>) -> Action<R> {
        Action {
            step: self.step,
            act: self.act,
            undo: Some(Undo { act, when }),
            evidence: self.evidence,
        }
    }

    pub const fn explained_by(self, evidence: Act<R, Option<String>>) -> Action<R> {
        Action {
            step: self.step,
            act: self.act,
            undo: self.undo,
            evidence: Some(evidence),
        }
    }
}

/// What every run has.
pub(in crate::deploy) struct Context {
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
pub(in crate::deploy) trait RunKind: Send + Sized + 'static {
    /// Its steps, in order.
    const ACTIONS: &'static [Action<Self>];
    /// From this step on, nothing of the steps before it is taken back.
    const SETTLED: Option<Step>;

    /// What every run has.
    fn context(&self) -> &Context;
    /// The same, to be changed.
    fn context_mut(&mut self) -> &mut Context;

    /// What is done when all steps are, before the journal says that the run is done.
    fn conclude(&mut self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
    /// That it went well, as a sentence.
    fn success(&self) -> String;
    /// What is put in order after that; the run does not depend on it.
    fn tidy(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        ready(Ok(())).boxed()
    }
}
