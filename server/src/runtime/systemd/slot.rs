//! What is remembered of a colour between two looks at its unit, and which ends of processes a look shows. Pure.

use jiff::Timestamp;

use super::unit::Unit;
use crate::names::ReleaseId;
use crate::runtime::ColourState;

/// What is remembered of a colour between two looks.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The process that was seen running last.
    pub pid: Option<u32>,
    /// Whether this runtime was asked to stop it, and not to start it since.
    pub asked_to_stop: bool,
    /// How it ended without having been asked to.
    pub ended: Option<String>,
    /// How often systemd restarted it by itself.
    pub restarts: Option<u32>,
    /// Ends that were seen and that systemd has not counted as a restart yet.
    pub ends_before_restart: u32,
    /// When this runtime started it.
    pub started_at: Option<Timestamp>,
    /// Whether the last wish to start it came to nothing before any process of it ran.
    pub never_ran: bool,
    /// How it stood at the last look, for when systemd can't be asked.
    pub state: Option<ColourState>,
}

/// What a look found to have ended since the one before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    pub how: String,
    pub intended: bool,
    pub times: u32,
}

impl Slot {
    /// Takes in what a unit shows now: how its colour stands, and how the process ended that ran before.
    pub fn learn(&mut self, unit: &Unit, release: Option<ReleaseId>) -> (ColourState, Option<End>) {
        let now = unit.runs();
        let before = self.pid.filter(|before| now != Some(*before));
        let seen = before.map(|before| {
            if unit.last_pid == Some(before) {
                unit.how_it_ended()
            } else {
                // systemd was quicker to start it again, or has forgotten a unit that is not enabled.
                "ended".to_owned()
            }
        });
        let times = u32::from(seen.is_some()) + self.count_unseen(unit, seen.is_some());
        let exit = (times > 0).then(|| End {
            how: seen.unwrap_or_else(|| unit.how_it_ended()),
            intended: self.asked_to_stop,
            times,
        });
        if let Some(exit) = exit.as_ref().filter(|exit| !exit.intended) {
            self.ended = Some(exit.how.clone());
        }
        self.pid = now;
        self.restarts = Some(unit.restarts);
        let state = match now {
            Some(pid) => {
                self.ended = None;
                ColourState::Running {
                    pid,
                    release: release.unwrap_or_else(unknown_release),
                    since: unit.active_since.unwrap_or_else(Timestamp::now),
                    memory_bytes: unit.memory_bytes,
                }
            }
            None if self.asked_to_stop => ColourState::Stopped,
            None => match unit.failure().or_else(|| self.ended.clone()) {
                Some(how) => ColourState::Ended { how },
                None => ColourState::Stopped,
            },
        };
        self.state = Some(state.clone());
        (state, exit)
    }

    /// How many ends came and went between two looks: systemd counts its restarts, and each follows an end.
    fn count_unseen(&mut self, unit: &Unit, saw_end: bool) -> u32 {
        self.ends_before_restart += u32::from(saw_end);
        match self.restarts {
            Some(before) if unit.restarts >= before => {
                let restarts = unit.restarts - before;
                let unseen = restarts.saturating_sub(self.ends_before_restart);
                self.ends_before_restart = self.ends_before_restart.saturating_sub(restarts);
                unseen
            }
            // systemd counts anew after a start that it was asked for; at the first look nothing is known of before.
            Some(_) | None => {
                self.ends_before_restart = 0;
                0
            }
        }
    }
}

fn unknown_release() -> ReleaseId {
    "unknown"
        .parse()
        .expect("the word is made of letters, as a release's id may be")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::systemd::unit::tests::{over, running};

    /// What a slot tells of the ends that each look shows.
    fn ends(slot: &mut Slot, looks: &[(Unit, u32)]) -> Vec<u32> {
        let ends = looks.iter().map(|(unit, restarts)| {
            let unit = Unit {
                restarts: *restarts,
                ..unit.clone()
            };
            slot.learn(&unit, None).1.map_or(0, |end| end.times)
        });
        ends.collect()
    }

    fn waiting() -> Unit {
        over("activating", "auto-restart", "signal", (2, 9))
    }

    #[test]
    fn each_end_is_told_once_however_quick_systemd_is() {
        for (case, looks, expected) in [
            (
                "each step is seen",
                vec![
                    (running(7), 0),
                    (waiting(), 0),
                    (running(8), 1),
                    (waiting(), 1),
                    (running(9), 2),
                ],
                vec![0, 1, 0, 1, 0],
            ),
            (
                "the pause before the restart is missed",
                vec![(running(7), 0), (running(8), 1), (running(9), 2)],
                vec![0, 1, 1],
            ),
            (
                "whole lives are missed",
                vec![(running(7), 0), (running(12), 5), (running(13), 6)],
                vec![0, 5, 1],
            ),
            (
                "they are missed while none runs",
                vec![
                    (running(7), 0),
                    (waiting(), 0),
                    (waiting(), 3),
                    (running(11), 4),
                ],
                vec![0, 1, 2, 1],
            ),
            (
                "systemd counts from zero after a start that it was asked for",
                vec![
                    (running(7), 4),
                    (running(8), 5),
                    (running(9), 0),
                    (running(10), 1),
                ],
                vec![0, 1, 1, 1],
            ),
            (
                "what was before the first look is not known",
                vec![(running(7), 19), (running(7), 19)],
                vec![0, 0],
            ),
        ] {
            assert_eq!(ends(&mut Slot::default(), &looks), expected, "{case}");
        }
    }

    #[test]
    fn an_end_that_was_asked_for_is_told_as_such() {
        let mut slot = Slot::default();
        slot.learn(&running(7), None);
        slot.asked_to_stop = true;
        let (state, end) = slot.learn(&over("inactive", "dead", "success", (1, 0)), None);
        let expected = End {
            how: "ended with exit code 0".to_owned(),
            intended: true,
            times: 1,
        };
        assert_eq!((state, end), (ColourState::Stopped, Some(expected)));
    }
}
