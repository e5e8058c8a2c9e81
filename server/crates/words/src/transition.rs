//! The only way in which a run or one of its steps changes. The journal stores what [`next`] returns, and nothing else.
//!
//! A step begins when all before it are done or were not needed. Once something was taken back, nothing begins any more.
//! A run ends well when all its steps have, and no step is under way in a run that has ended, which never changes again.

use std::fmt;

use crate::run::{Kind, Run, RunState, Step, StepState};

/// How far a run has come: its own state, and that of each of its steps, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How the run stands.
    pub state: RunState,
    /// How its steps stand.
    pub steps: Vec<(Step, StepState)>,
}

/// Something that happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A step is about to act, for the first time or once more after a crash.
    Begin(Step),
    /// A step did what it is for.
    Complete(Step),
    /// A step was not needed.
    Skip(Step),
    /// A step could not do what it is for.
    Fail(Step),
    /// A crash cut the run off at this step, and it is not gone on with.
    CutOff(Step),
    /// What a step had done was taken back.
    Undo(Step),
    /// The run did what it set out to do.
    Finish,
    /// The run did not.
    GiveUp,
}

/// Why something can't happen to a run. Nothing of it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// A run that has ended stays as it is.
    #[error("the run has ended, so `{event}` can't happen to it any more")]
    Ended {
        /// What was to happen.
        event: Event,
    },
    /// No such step belongs to this run.
    #[error("the run has no step {0}", .step.as_str())]
    NoSuchStep {
        /// Which.
        step: Step,
    },
    /// The step stands otherwise than this needs.
    #[error("`{event}` can't happen to a step that is {state:?}")]
    State {
        /// What was to happen.
        event: Event,
        /// How the step stands.
        state: StepState,
    },
    /// An earlier step is open.
    #[error("`{event}` can't happen while the step {0} is {state:?}", .earlier.as_str())]
    TooEarly {
        /// What was to happen.
        event: Event,
        /// The step that is in the way.
        earlier: Step,
        /// How that stands.
        state: StepState,
    },
    /// Something was taken back.
    #[error("`{event}` can't happen any more: the step {0} was taken back", .undone.as_str())]
    TakenBack {
        /// What was to happen.
        event: Event,
        /// What was taken back.
        undone: Step,
    },
}

impl Progress {
    /// A run of this kind as it begins.
    #[must_use]
    pub fn of(kind: Kind) -> Progress {
        let pending = |step: &Step| (*step, StepState::Pending);
        Progress {
            state: RunState::Running,
            steps: kind.steps().iter().map(pending).collect(),
        }
    }

    /// How far a run has come.
    #[must_use]
    pub fn of_run(run: &Run) -> Progress {
        Progress {
            state: run.state,
            steps: run.steps.iter().map(|row| (row.step, row.state)).collect(),
        }
    }

    /// How a step stands; `None` where this run has none of that name.
    #[must_use]
    pub fn of_step(&self, step: Step) -> Option<StepState> {
        let found = self.steps.iter().find(|(known, _)| *known == step);
        found.map(|(_, state)| *state)
    }

    /// Whether a step has begun, and its work was not taken back. A step that was not needed has not.
    #[must_use]
    pub fn has_begun(&self, step: Step) -> bool {
        match self.of_step(step) {
            None | Some(StepState::Pending | StepState::Skipped | StepState::Undone) => false,
            Some(StepState::Running | StepState::Done | StepState::Failed) => true,
        }
    }

    /// Whether all steps before this one are done or were not needed.
    #[must_use]
    pub fn is_reached(&self, step: Step) -> bool {
        self.in_the_way(step).is_none()
    }

    /// The last step that was reached; the first one where none was.
    #[must_use]
    pub fn last_reached(&self) -> Option<Step> {
        let reached = |(_, state): &&(Step, StepState)| *state != StepState::Pending;
        let last = self.steps.iter().rfind(reached);
        last.or(self.steps.first()).map(|(step, _)| *step)
    }

    /// The first step that failed.
    #[must_use]
    pub fn failed(&self) -> Option<Step> {
        self.first_in(StepState::Failed)
    }

    /// The first step that stands like this.
    #[must_use]
    pub fn first_in(&self, state: StepState) -> Option<Step> {
        let found = self.steps.iter().find(|(_, is)| *is == state);
        found.map(|(step, _)| *step)
    }

    fn in_the_way(&self, step: Step) -> Option<(Step, StepState)> {
        let mut earlier = self.steps.iter().take_while(|(known, _)| *known != step);
        earlier.find(|(_, state)| !has_ended_well(*state)).copied()
    }
}

fn has_ended_well(state: StepState) -> bool {
    match state {
        StepState::Done | StepState::Skipped => true,
        StepState::Pending | StepState::Running | StepState::Failed | StepState::Undone => false,
    }
}

/// What a run is after an event.
///
/// # Errors
/// The event can't happen to it as it stands.
pub fn next(progress: &Progress, event: Event) -> Result<Progress, Illegal> {
    match progress.state {
        RunState::Running => {}
        RunState::Done | RunState::Failed => return Err(Illegal::Ended { event }),
    }
    let mut after = progress.clone();
    match event {
        Event::Begin(step)
        | Event::Complete(step)
        | Event::Skip(step)
        | Event::Fail(step)
        | Event::CutOff(step)
        | Event::Undo(step) => {
            let known = after.steps.iter_mut().find(|(known, _)| *known == step);
            let (_, state) = known.ok_or(Illegal::NoSuchStep { step })?;
            *state = next_of_step(*state, event)?;
            if matches!(event, Event::Begin(_)) {
                is_free_to_begin(progress, event, step)?;
            }
        }
        Event::Finish => {
            let open = progress
                .steps
                .iter()
                .find(|(_, state)| !has_ended_well(*state));
            if let Some((earlier, state)) = open.copied() {
                return Err(Illegal::TooEarly {
                    event,
                    earlier,
                    state,
                });
            }
            after.state = RunState::Done;
        }
        Event::GiveUp => {
            if let Some(earlier) = progress.first_in(StepState::Running) {
                return Err(Illegal::TooEarly {
                    event,
                    earlier,
                    state: StepState::Running,
                });
            }
            after.state = RunState::Failed;
        }
    }
    Ok(after)
}

/// What a step is after an event of its own.
fn next_of_step(state: StepState, event: Event) -> Result<StepState, Illegal> {
    use StepState::{Done, Failed, Pending, Running, Skipped, Undone};
    let illegal = Err(Illegal::State { event, state });
    match event {
        Event::Begin(_) => match state {
            // After a crash a step begins once more, whatever had come of it.
            Pending | Running | Done | Failed | Skipped => Ok(Running),
            Undone => illegal,
        },
        Event::Complete(_) => match state {
            Running => Ok(Done),
            Pending | Done | Failed | Skipped | Undone => illegal,
        },
        Event::Skip(_) => match state {
            Running => Ok(Skipped),
            Pending | Done | Failed | Skipped | Undone => illegal,
        },
        Event::Fail(_) => match state {
            Running | Failed => Ok(Failed),
            Pending | Done | Skipped | Undone => illegal,
        },
        Event::CutOff(_) => match state {
            Pending | Running | Done | Failed | Skipped => Ok(Failed),
            Undone => illegal,
        },
        Event::Undo(_) => match state {
            Running | Done | Failed | Skipped | Undone => Ok(Undone),
            Pending => illegal,
        },
        Event::Finish | Event::GiveUp => illegal,
    }
}

fn is_free_to_begin(progress: &Progress, event: Event, step: Step) -> Result<(), Illegal> {
    if let Some(undone) = progress.first_in(StepState::Undone) {
        return Err(Illegal::TakenBack { event, undone });
    }
    match progress.in_the_way(step) {
        None => Ok(()),
        Some((earlier, state)) => Err(Illegal::TooEarly {
            event,
            earlier,
            state,
        }),
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Begin(step) => write!(f, "begin {}", step.as_str()),
            Event::Complete(step) => write!(f, "complete {}", step.as_str()),
            Event::Skip(step) => write!(f, "skip {}", step.as_str()),
            Event::Fail(step) => write!(f, "fail {}", step.as_str()),
            Event::CutOff(step) => write!(f, "cut off {}", step.as_str()),
            Event::Undo(step) => write!(f, "undo {}", step.as_str()),
            Event::Finish => f.write_str("finish"),
            Event::GiveUp => f.write_str("give up"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [Kind; 4] = [Kind::Deploy, Kind::Rollback, Kind::Restore, Kind::Undo];

    fn after(kind: Kind, events: &[Event]) -> Result<Progress, Illegal> {
        let begun = Progress::of(kind);
        events
            .iter()
            .try_fold(begun, |progress, event| next(&progress, *event))
    }

    /// Every event of a run whose steps go well up to `step`, which has only begun.
    fn up_to(kind: Kind, step: Step) -> Vec<Event> {
        let before = kind.steps().iter().take_while(|known| **known != step);
        let mut events: Vec<Event> = before
            .flat_map(|step| [Event::Begin(*step), Event::Complete(*step)])
            .collect();
        events.push(Event::Begin(step));
        events
    }

    #[test]
    fn a_run_whose_steps_all_end_well_ends_well() {
        for kind in KINDS {
            let last = *kind.steps().last().unwrap();
            let mut events = up_to(kind, last);
            assert!(matches!(
                after(kind, &[&*events, &[Event::Finish]].concat()),
                Err(Illegal::TooEarly { .. })
            ));
            events.extend([Event::Skip(last), Event::Finish]);
            assert_eq!(after(kind, &events).unwrap().state, RunState::Done);
        }
    }

    #[test]
    fn no_step_begins_before_the_one_before_it_has_ended_well() {
        let skipped_ahead = [Event::Begin(Step::Start), Event::Begin(Step::Probe)];
        let refused = after(Kind::Rollback, &skipped_ahead).unwrap_err();
        let said = "`begin probe` can't happen while the step start is Running";
        assert_eq!(refused.to_string(), said);
        let of_another = after(Kind::Rollback, &[Event::Begin(Step::Copy)]);
        assert_eq!(of_another, Err(Illegal::NoSuchStep { step: Step::Copy }));
    }

    #[test]
    fn after_a_crash_a_step_begins_once_more_and_after_the_unwinding_none_does() {
        let mut events = up_to(Kind::Restore, Step::Start);
        events.push(Event::Begin(Step::Stop));
        events.extend([Event::Complete(Step::Stop), Event::Begin(Step::Copy)]);
        assert!(after(Kind::Restore, &events).is_ok());
        events.extend([Event::Fail(Step::Copy), Event::Undo(Step::Stop)]);
        assert!(after(Kind::Restore, &events).is_ok());
        events.push(Event::Begin(Step::Copy));
        assert!(matches!(
            after(Kind::Restore, &events),
            Err(Illegal::TakenBack {
                undone: Step::Stop,
                ..
            })
        ));
    }

    #[test]
    fn only_what_was_under_way_fails_and_a_crash_may_cut_off_anything() {
        let cut_off = [Event::CutOff(Step::Receive), Event::GiveUp];
        assert_eq!(
            after(Kind::Deploy, &cut_off).unwrap().state,
            RunState::Failed
        );
        let fails = after(Kind::Deploy, &[Event::Fail(Step::Receive)]);
        assert!(matches!(fails, Err(Illegal::State { .. })));
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let step = prop::sample::select(vec![
            Step::Receive,
            Step::Snapshot,
            Step::Stop,
            Step::Copy,
            Step::Start,
            Step::Probe,
            Step::Swap,
            Step::Verify,
            Step::Drain,
        ]);
        (step, 0..8_u8).prop_map(|(step, which)| match which {
            0 => Event::Begin(step),
            1 => Event::Complete(step),
            2 => Event::Skip(step),
            3 => Event::Fail(step),
            4 => Event::CutOff(step),
            5 => Event::Undo(step),
            6 => Event::Finish,
            _ => Event::GiveUp,
        })
    }

    proptest! {
        /// Whatever is thrown at a run: it ends once, at most one step of it is under way that a crash did not leave
        /// so, and where it ended nothing is open.
        #[test]
        fn whatever_happens_a_run_stays_one_that_can_be_explained(
            kind in prop::sample::select(KINDS.to_vec()),
            events in prop::collection::vec(any_event(), 0..60),
        ) {
            let mut progress = Progress::of(kind);
            for event in events {
                let Ok(after) = next(&progress, event) else { continue };
                prop_assert_eq!(progress.state, RunState::Running);
                let changed = progress.steps.iter().zip(&after.steps).filter(|(a, b)| a != b).count();
                prop_assert!(changed <= 1, "{event} changed {changed} steps");
                prop_assert!(changed == 0 || after.state == RunState::Running);
                if let Event::Begin(step) = event {
                    prop_assert!(progress.is_reached(step) && after.has_begun(step));
                    prop_assert_eq!(after.first_in(StepState::Undone), None);
                }
                let states = || after.steps.iter().map(|(_, state)| *state);
                match after.state {
                    RunState::Running => {}
                    RunState::Done => prop_assert!(states().all(has_ended_well)),
                    RunState::Failed => prop_assert!(states().all(|state| state != StepState::Running)),
                }
                progress = after;
            }
        }
    }
}
