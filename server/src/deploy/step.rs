//! The transition table of runs: which steps each kind has, what must be taken back when one fails,
//! and what a start after a crash does. Pure.

pub use tealkeep_words::run::{Kind, Step};

use tealkeep_words::run::StepState;

/// Something that is taken back after a failure. Each is safe to repeat, and none needs that the step
/// which it takes back was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwind {
    /// New requests go to the colour from before.
    SwapBack,
    /// The target colour is stopped.
    StopTarget,
    /// The content from before goes back into the database.
    CopyBack,
    /// The colour from before runs.
    StartOld,
    /// Held requests go on.
    ReleaseHold,
}

/// What is taken back, in order, when `failed` was reached and could not be completed.
///
/// Every plan that stopped the live colour starts it again and releases the held requests last.
#[must_use]
pub fn unwind(kind: Kind, failed: Step) -> &'static [Unwind] {
    use Unwind::{CopyBack, ReleaseHold, StartOld, StopTarget, SwapBack};
    match kind {
        Kind::Deploy | Kind::Rollback => match failed {
            Step::Receive | Step::Prepare | Step::Snapshot => &[],
            Step::Start | Step::Probe | Step::Policy => &[StopTarget],
            Step::Swap | Step::Verify | Step::Drain => &[SwapBack, StopTarget],
            Step::Hold | Step::Stop | Step::Copy | Step::Release => &[],
        },
        Kind::Restore | Kind::Undo => match failed {
            Step::Verify | Step::Snapshot => &[],
            Step::Hold => &[ReleaseHold],
            Step::Stop => &[StartOld, ReleaseHold],
            Step::Copy | Step::Start | Step::Probe => {
                &[StopTarget, CopyBack, StartOld, ReleaseHold]
            }
            // Requests are held: nobody is sent to the target while it is stopped.
            Step::Swap => &[StopTarget, CopyBack, StartOld, SwapBack, ReleaseHold],
            // The swap is behind it: the restored content is live, and only the waiting must end.
            Step::Release => &[ReleaseHold],
            Step::Receive | Step::Prepare | Step::Policy | Step::Drain => &[],
        },
    }
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

/// Decides what becomes of a run that was cut off, from how far its steps came and from where new
/// requests go now, which is the truth about the swap.
///
/// Before the swap a deploy is unwound, after it completed. A restore is unwound until it began to
/// copy; from then on it goes forward, since copying again gives the content that was asked for.
#[must_use]
pub fn on_boot(kind: Kind, steps: &[(Step, StepState)], live_is_target: bool) -> OnBoot {
    let begun = |step: Step| {
        steps.iter().any(|(s, state)| {
            *s == step
                && !matches!(
                    state,
                    StepState::Pending | StepState::Skipped | StepState::Undone
                )
        })
    };
    let reached = steps
        .iter()
        .rev()
        .find(|(_, state)| *state != StepState::Pending)
        .map_or(kind.steps()[0], |(step, _)| *step);
    let was_taken_back = steps.iter().any(|(_, state)| *state == StepState::Undone);
    match kind {
        // Since then people may have written into the content from before: it is not touched again.
        Kind::Restore | Kind::Undo if was_taken_back => OnBoot::Close,
        Kind::Deploy | Kind::Rollback => match (begun(Step::Swap), live_is_target) {
            (false, _) => OnBoot::Unwind(reached),
            (true, true) => OnBoot::Continue(if begun(Step::Drain) {
                Step::Drain
            } else {
                Step::Verify
            }),
            (true, false) => OnBoot::Unwind(Step::Swap),
        },
        Kind::Restore | Kind::Undo => {
            match (begun(Step::Copy), begun(Step::Swap) && live_is_target) {
                (false, _) => OnBoot::Unwind(reached),
                (true, true) => OnBoot::Continue(Step::Release),
                (true, false) => OnBoot::Continue(Step::Stop),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 4] = [Kind::Deploy, Kind::Rollback, Kind::Restore, Kind::Undo];

    fn cut_at(kind: Kind, position: usize) -> Vec<(Step, StepState)> {
        kind.steps()
            .iter()
            .enumerate()
            .map(|(i, step)| {
                let state = match i.cmp(&position) {
                    std::cmp::Ordering::Less => StepState::Done,
                    std::cmp::Ordering::Equal => StepState::Running,
                    std::cmp::Ordering::Greater => StepState::Pending,
                };
                (*step, state)
            })
            .collect()
    }

    #[test]
    fn nothing_that_users_see_is_touched_before_the_swap_of_a_deploy() {
        for kind in [Kind::Deploy, Kind::Rollback] {
            for step in kind.steps().iter().take_while(|step| **step != Step::Swap) {
                for undone in unwind(kind, *step) {
                    assert_eq!(*undone, Unwind::StopTarget, "{kind:?} at {step:?}");
                }
            }
        }
    }

    #[test]
    fn whatever_stops_the_live_colour_starts_it_again_and_releases_last() {
        for kind in [Kind::Restore, Kind::Undo] {
            let from_stop = kind
                .steps()
                .iter()
                .skip_while(|s| **s != Step::Stop)
                .take_while(|s| **s != Step::Release);
            for step in from_stop {
                let plan = unwind(kind, *step);
                assert!(plan.contains(&Unwind::StartOld), "{step:?}");
                assert_eq!(plan.last(), Some(&Unwind::ReleaseHold), "{step:?}");
            }
        }
    }

    #[test]
    fn a_crash_at_every_step_is_either_unwound_or_completed() {
        for kind in ALL {
            for position in 0..kind.steps().len() {
                for live_is_target in [false, true] {
                    let steps = cut_at(kind, position);
                    let at = kind.steps()[position];
                    let swap_reached = steps
                        .iter()
                        .any(|(s, st)| *s == Step::Swap && *st != StepState::Pending);
                    match on_boot(kind, &steps, live_is_target) {
                        OnBoot::Continue(step) => {
                            assert!(kind.steps().contains(&step));
                            assert!(
                                swap_reached || matches!(kind, Kind::Restore | Kind::Undo),
                                "{kind:?} {at:?}"
                            );
                        }
                        OnBoot::Close => panic!("nothing was taken back yet"),
                        OnBoot::Unwind(step) => {
                            assert!(kind.steps().contains(&step));
                            assert!(
                                !(swap_reached && live_is_target),
                                "{kind:?} {at:?} had gone live"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_restore_that_began_to_copy_goes_forward() {
        let steps = cut_at(Kind::Restore, 4);
        assert_eq!(steps[4].0, Step::Copy);
        assert_eq!(
            on_boot(Kind::Restore, &steps, false),
            OnBoot::Continue(Step::Stop)
        );
        assert_eq!(
            on_boot(Kind::Restore, &cut_at(Kind::Restore, 3), false),
            OnBoot::Unwind(Step::Stop)
        );
        assert_eq!(
            on_boot(Kind::Restore, &cut_at(Kind::Restore, 8), true),
            OnBoot::Continue(Step::Release)
        );
    }

    #[test]
    fn a_restore_that_was_taken_back_is_never_applied_again() {
        let mut steps = cut_at(Kind::Restore, 6);
        for (step, state) in &mut steps {
            match step {
                Step::Hold | Step::Stop | Step::Copy | Step::Start => *state = StepState::Undone,
                Step::Probe => *state = StepState::Failed,
                _ => {}
            }
        }
        assert_eq!(on_boot(Kind::Restore, &steps, false), OnBoot::Close);
    }

    #[test]
    fn no_step_occurs_twice_in_a_kind() {
        for kind in ALL {
            let steps = kind.steps();
            for (i, step) in steps.iter().enumerate() {
                assert!(
                    !steps[i + 1..].contains(step),
                    "{kind:?} has {step:?} twice"
                );
            }
        }
    }
}
