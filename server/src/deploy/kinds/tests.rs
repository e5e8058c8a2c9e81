//! The kinds of runs, carried out on a model of the machine: two colours, a router, a database and the journal. Whatever
//! fails, and wherever a crash cuts it off, a run ends in a state that its entry in the journal explains.

use proptest::prelude::*;

use super::*;
use crate::journal::runs::{RunState, Step, StepState};
use crate::journal::transition::{Event, next};
use crate::names::Colour;

const ALL: [Kind; 4] = [Kind::Deploy, Kind::Rollback, Kind::Restore, Kind::Undo];
const FROM: Colour = Colour::Blue;
const TO: Colour = Colour::Green;

/// What becomes of the next thing that a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is done.
    Done,
    /// It is not needed, where that can be.
    Skipped,
    /// It fails, before it had its effect or after.
    Fails { late: bool },
    /// Tealkeep is killed, before it had its effect or after, and the colours with it or not.
    Killed { late: bool, colours: bool },
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Done),
        1 => Just(Fate::Skipped),
        1 => any::<bool>().prop_map(|late| Fate::Fails { late }),
        1 => any::<(bool, bool)>().prop_map(|(late, colours)| Fate::Killed { late, colours }),
    ]
}

/// Why something did not come to its end.
enum Broken {
    Failed,
    Killed,
}

struct Machine {
    kind: Kind,
    fates: std::vec::IntoIter<Fate>,
    live: Colour,
    runs: [bool; 2],
    is_held: bool,
    /// Whether the database holds the content that a restore was asked for.
    is_restored: bool,
    /// Whether the run must assume that the content changed.
    content_changed: bool,
    progress: Progress,
    troubled: bool,
}

impl Machine {
    fn new(kind: Kind, fates: Vec<Fate>) -> Machine {
        Machine {
            kind,
            fates: fates.into_iter(),
            live: FROM,
            runs: [true, matches!(kind, Kind::Rollback)],
            is_held: false,
            is_restored: false,
            content_changed: false,
            progress: Progress::of(kind),
            troubled: false,
        }
    }

    /// As the journal does: what can't happen to a run is not stored.
    fn note(&mut self, event: Event) {
        let after = next(&self.progress, event);
        self.progress = after.unwrap_or_else(|illegal| panic!("{illegal}: {:?}", self.progress));
    }

    fn runs(&mut self, colour: Colour) -> &mut bool {
        &mut self.runs[colour as usize]
    }

    fn meet_fate(&mut self, effect: impl FnOnce(&mut Self)) -> Result<Fate, Broken> {
        let fate = self.fates.next().unwrap_or(Fate::Done);
        match fate {
            Fate::Done | Fate::Fails { late: true } | Fate::Killed { late: true, .. } => {
                effect(self)
            }
            Fate::Skipped | Fate::Fails { late: false } | Fate::Killed { late: false, .. } => {}
        }
        match fate {
            Fate::Done | Fate::Skipped => Ok(fate),
            Fate::Fails { .. } => Err(Broken::Failed),
            Fate::Killed { colours, .. } => {
                if colours {
                    self.runs = [false; 2];
                }
                Err(Broken::Killed)
            }
        }
    }

    fn act(&mut self, step: Step) -> Result<Outcome, Broken> {
        let is_needed = match step {
            Step::Receive | Step::Prepare | Step::Policy => false,
            Step::Snapshot | Step::Verify => matches!(self.kind, Kind::Restore | Kind::Undo),
            Step::Start => !(self.kind == Kind::Rollback && *self.runs(TO)),
            Step::Drain => *self.runs(FROM),
            Step::Hold | Step::Stop | Step::Copy | Step::Probe | Step::Swap | Step::Release => true,
        };
        let fate = self.meet_fate(|machine| machine.affect(step))?;
        if fate == Fate::Skipped && is_needed {
            self.affect(step);
        }
        let is_well = match (step, self.kind) {
            (Step::Probe, _) => *self.runs(TO),
            (Step::Verify, Kind::Deploy | Kind::Rollback) => *self.runs(TO) && self.live == TO,
            _ => true,
        };
        match fate {
            _ if !is_well => Err(Broken::Failed),
            Fate::Skipped if !is_needed => Ok(Outcome::Skipped(String::new())),
            _ => Ok(Outcome::Done(String::new())),
        }
    }

    fn affect(&mut self, step: Step) {
        match step {
            Step::Hold => self.is_held = true,
            Step::Stop => {
                self.is_held = true;
                self.runs = [false; 2];
            }
            Step::Copy => {
                assert_eq!(self.runs, [false; 2], "content goes under nobody who runs");
                self.is_restored = true;
                self.content_changed = true;
            }
            Step::Start => *self.runs(TO) = true,
            Step::Swap => self.live = TO,
            Step::Release => self.is_held = false,
            Step::Receive
            | Step::Prepare
            | Step::Snapshot
            | Step::Probe
            | Step::Policy
            | Step::Verify
            | Step::Drain => {}
        }
    }

    fn undo(&mut self, step: Step) -> Result<(), Broken> {
        if step == Step::Start && self.live == TO {
            return Err(Broken::Failed);
        }
        if matches!(step, Step::Hold | Step::Release) {
            // A hold ends by itself, should it not be ended.
            self.is_held = false;
            return Ok(());
        }
        let fate = self.meet_fate(|machine| machine.affect_back(step))?;
        if fate == Fate::Skipped {
            self.affect_back(step);
        }
        Ok(())
    }

    fn affect_back(&mut self, step: Step) {
        match (step, self.kind) {
            (Step::Start, _) => *self.runs(TO) = false,
            (Step::Swap, Kind::Deploy | Kind::Rollback) => {
                *self.runs(FROM) = true;
                self.live = FROM;
            }
            (Step::Swap, Kind::Restore | Kind::Undo) => self.live = FROM,
            (Step::Copy, _) if self.content_changed => {
                *self.runs(FROM) = false;
                assert!(!*self.runs(TO), "content goes under nobody who runs");
                self.is_restored = false;
            }
            (Step::Copy, _) => {}
            (Step::Stop, _) => *self.runs(FROM) = true,
            (step, kind) => panic!("{kind:?} has no undo for {step:?}"),
        }
    }

    /// Carries the run out, with as many starts of Tealkeep as that needs.
    fn play<R: RunKind>(&mut self) {
        let mut decision = OnBoot::Continue(self.kind.steps()[0]);
        loop {
            let ended = match decision {
                OnBoot::Continue(step) => self.drive::<R>(step),
                OnBoot::Unwind(step) => self.fail::<R>(Event::CutOff(step), step),
                OnBoot::Close => panic!("the end is written with the unwinding"),
            };
            match ended {
                Ok(()) => break,
                Err(_) if self.progress.state == RunState::Running => decision = self.boot(),
                Err(_) => {
                    self.is_held = false;
                    self.start_live();
                    break;
                }
            }
        }
    }

    fn boot(&mut self) -> OnBoot {
        self.content_changed = true;
        let decision = on_boot(self.kind, &self.progress, self.live == TO);
        self.is_held = decision.holds_requests();
        if !decision.keeps_app_stopped() {
            self.start_live();
        }
        if let OnBoot::Continue(step) = decision {
            let steps = self.progress.steps.clone();
            let before = steps.iter().take_while(|(known, _)| *known != step);
            for (open, _) in before.filter(|(_, state)| *state == StepState::Running) {
                self.note(Event::Complete(*open));
            }
        }
        decision
    }

    fn start_live(&mut self) {
        let live = self.live;
        *self.runs(live) = true;
    }

    fn drive<R: RunKind>(&mut self, first: Step) -> Result<(), Broken> {
        for action in R::ACTIONS.iter().skip_while(|action| action.step != first) {
            let step = action.step;
            self.note(Event::Begin(step));
            match self.act(step) {
                Ok(Outcome::Done(_)) => self.note(Event::Complete(step)),
                Ok(Outcome::Skipped(_)) => self.note(Event::Skip(step)),
                Err(Broken::Failed) => return self.fail::<R>(Event::Fail(step), step),
                Err(Broken::Killed) => return Err(Broken::Killed),
            }
            let live = self.live;
            assert!(
                self.is_held || *self.runs(live),
                "after {step:?} nobody answers"
            );
        }
        self.note(Event::Finish);
        Ok(())
    }

    fn fail<R: RunKind>(&mut self, event: Event, failed: Step) -> Result<(), Broken> {
        self.note(event);
        let plan = unwinding::<R>(&self.progress, failed);
        let (mut sound, mut undone) = (true, Vec::new());
        for action in &plan {
            let when = action.undo.as_ref().unwrap().when;
            if when.is_due(sound) {
                match self.undo(action.step) {
                    Ok(()) => undone.push(action.step),
                    Err(Broken::Failed) => sound = false,
                    Err(Broken::Killed) => return Err(Broken::Killed),
                }
            } else if when == When::AfterTheEnd {
                undone.push(action.step);
            }
        }
        self.troubled |= !sound || is_settled::<R>(failed);
        // One transaction: all of it is stored, or nothing.
        for step in undone.into_iter().filter(|step| *step != failed) {
            self.note(Event::Undo(step));
        }
        while let Some(open) = self.progress.first_in(StepState::Running) {
            self.note(Event::CutOff(open));
        }
        self.note(Event::GiveUp);
        self.meet_fate(|_| {}).or_else(|broken| match broken {
            Broken::Failed => Ok(Fate::Done),
            Broken::Killed => Err(Broken::Killed),
        })?;
        for action in plan {
            if action.undo.as_ref().unwrap().when == When::AfterTheEnd {
                self.undo(action.step)?;
            }
        }
        Ok(())
    }

    /// Whether what is, is what the journal says.
    fn is_explained(&mut self) {
        let live = self.live;
        let is_restore = matches!(self.kind, Kind::Restore | Kind::Undo);
        assert!(!self.is_held, "requests are held");
        assert_eq!(self.progress.first_in(StepState::Running), None);
        match (self.progress.state, self.troubled) {
            (RunState::Running, _) => panic!("it has not ended"),
            (RunState::Done, _) => {
                assert_eq!((live, *self.runs(TO)), (TO, true));
                assert_eq!(self.is_restored, is_restore);
            }
            (RunState::Failed, false) => {
                assert_eq!((live, *self.runs(FROM)), (FROM, true));
                assert!(!self.is_restored, "the content from before is back");
                let began_target = self.progress.of_step(Step::Start) != Some(StepState::Pending);
                assert!(!(began_target && *self.runs(TO)), "the target runs on");
            }
            (RunState::Failed, true) => {
                let is_undone = |step: Step| self.progress.of_step(step) == Some(StepState::Undone);
                assert!(!(is_undone(Step::Copy) && self.is_restored));
                assert!(!is_undone(Step::Swap) || live == FROM);
            }
        }
    }
}

fn play(kind: Kind, fates: Vec<Fate>) -> Machine {
    let mut machine = Machine::new(kind, fates);
    match kind {
        Kind::Deploy => machine.play::<Deploy>(),
        Kind::Rollback => machine.play::<Rollback>(),
        Kind::Restore | Kind::Undo => machine.play::<Restore>(),
    }
    machine
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn whatever_fails_and_wherever_it_is_cut_off_a_run_ends_as_the_journal_says(
        kind in prop::sample::select(ALL.to_vec()),
        fates in prop::collection::vec(any_fate(), 0..40),
    ) {
        play(kind, fates).is_explained();
    }
}

#[test]
fn one_failure_or_one_crash_anywhere_is_taken_back_whole_or_completed() {
    for kind in ALL {
        for at in 0..kind.steps().len() {
            for late in [false, true] {
                let killed = [false, true].map(|colours| Fate::Killed { late, colours });
                for fate in [Fate::Fails { late }].into_iter().chain(killed) {
                    let fates = std::iter::repeat_n(Fate::Done, at).chain([fate]);
                    let mut machine = play(kind, fates.collect());
                    machine.is_explained();
                    let step = kind.steps()[at];
                    let is_settled = step == Step::Release && fate == Fate::Fails { late };
                    assert_eq!(machine.troubled, is_settled, "{kind:?} {step:?} {fate:?}");
                }
            }
        }
    }
}

#[test]
fn two_crashes_anywhere_are_survived() {
    for kind in ALL {
        for first in 0..kind.steps().len() {
            for second in 0..2 * kind.steps().len() {
                let killed = Fate::Killed {
                    late: second % 2 == 0,
                    colours: first % 2 == 0,
                };
                for broken in [
                    killed,
                    Fate::Fails {
                        late: first % 2 == 0,
                    },
                ] {
                    let mut fates = vec![Fate::Done; first];
                    fates.push(broken);
                    fates.extend(vec![Fate::Done; second]);
                    fates.push(killed);
                    play(kind, fates).is_explained();
                }
            }
        }
    }
}

/// A run that has come to this place: the steps before it are done, it itself is under way.
fn cut_at(kind: Kind, position: usize) -> Progress {
    let mut progress = Progress::of(kind);
    for (i, (_, state)) in progress.steps.iter_mut().enumerate() {
        *state = match i.cmp(&position) {
            std::cmp::Ordering::Less => StepState::Done,
            std::cmp::Ordering::Equal => StepState::Running,
            std::cmp::Ordering::Greater => StepState::Pending,
        };
    }
    progress
}

/// What is taken back when a run fails at this place.
fn undone(kind: Kind, position: usize) -> Vec<(Step, When)> {
    fn plan<R: RunKind>(progress: &Progress, failed: Step) -> Vec<(Step, When)> {
        let plan = unwinding::<R>(progress, failed).into_iter();
        plan.map(|action| (action.step, action.undo.as_ref().unwrap().when))
            .collect()
    }
    let (progress, failed) = (cut_at(kind, position), kind.steps()[position]);
    match kind {
        Kind::Deploy => plan::<Deploy>(&progress, failed),
        Kind::Rollback => plan::<Rollback>(&progress, failed),
        Kind::Restore | Kind::Undo => plan::<Restore>(&progress, failed),
    }
}

fn place(kind: Kind, step: Step) -> usize {
    kind.steps()
        .iter()
        .position(|known| *known == step)
        .unwrap()
}

#[test]
fn a_kind_does_its_steps_in_their_order() {
    fn steps<R: RunKind>() -> Vec<Step> {
        R::ACTIONS.iter().map(|action| action.step).collect()
    }
    assert_eq!(steps::<Deploy>(), Kind::Deploy.steps());
    assert_eq!(steps::<Rollback>(), Kind::Rollback.steps());
    for kind in [Kind::Restore, Kind::Undo] {
        assert_eq!(steps::<Restore>(), kind.steps());
    }
}

#[test]
fn nothing_that_users_see_is_touched_before_the_swap_of_a_deploy() {
    for kind in [Kind::Deploy, Kind::Rollback] {
        for position in 0..place(kind, Step::Swap) {
            for (step, _) in undone(kind, position) {
                assert_eq!(step, Step::Start, "{kind:?} at {position}");
            }
        }
    }
}

#[test]
fn whatever_stops_the_live_colour_starts_it_again_and_releases_last() {
    for kind in [Kind::Restore, Kind::Undo] {
        for position in place(kind, Step::Stop)..place(kind, Step::Release) {
            let plan = undone(kind, position);
            assert!(plan.contains(&(Step::Stop, When::Always)), "{position}");
            let last = plan.last();
            assert_eq!(last, Some(&(Step::Hold, When::AfterTheEnd)), "{position}");
        }
        let last = undone(kind, place(kind, Step::Release));
        assert_eq!(last, [(Step::Release, When::AfterTheEnd)]);
    }
}

#[test]
fn a_crash_at_every_step_is_either_unwound_or_completed() {
    for kind in ALL {
        for position in 0..kind.steps().len() {
            for live_is_target in [false, true] {
                let progress = cut_at(kind, position);
                let at = kind.steps()[position];
                let swap_reached = progress.of_step(Step::Swap) != Some(StepState::Pending);
                match on_boot(kind, &progress, live_is_target) {
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
    let kind = Kind::Restore;
    let decided = |position, live| on_boot(kind, &cut_at(kind, position), live);
    assert_eq!(kind.steps()[4], Step::Copy);
    assert_eq!(decided(4, false), OnBoot::Continue(Step::Stop));
    assert_eq!(decided(3, false), OnBoot::Unwind(Step::Stop));
    assert_eq!(decided(8, true), OnBoot::Continue(Step::Release));
}

#[test]
fn a_restore_whose_swap_failed_does_not_count_as_swapped() {
    let mut progress = cut_at(Kind::Restore, 7);
    assert_eq!(progress.steps[7], (Step::Swap, StepState::Running));
    let decided = |progress: &Progress| on_boot(Kind::Restore, progress, true);
    assert_eq!(decided(&progress), OnBoot::Continue(Step::Release));
    // The content from before may be back already.
    progress.steps[7].1 = StepState::Failed;
    assert_eq!(decided(&progress), OnBoot::Continue(Step::Stop));
}

#[test]
fn a_restore_that_was_taken_back_is_never_applied_again() {
    let mut progress = cut_at(Kind::Restore, 6);
    for (step, state) in &mut progress.steps {
        match step {
            Step::Hold | Step::Stop | Step::Copy | Step::Start => *state = StepState::Undone,
            Step::Probe => *state = StepState::Failed,
            _ => {}
        }
    }
    assert_eq!(on_boot(Kind::Restore, &progress, false), OnBoot::Close);
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
