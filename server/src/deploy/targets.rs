//! What a rollback or an undo goes back to, the order of releases, and since when a colour has been idle. All of it is decided
//! from the runs alone, which come from the journal newest first. Pure.

use std::time::Duration;

use jiff::Timestamp;

use crate::backup::SnapshotId;
use crate::journal::runs::{Kind, Run, RunState};
use crate::names::{AppName, Colour, ReleaseId};

/// How many of the newest runs are searched for the release to go back to.
pub const RUNS_LOOKED_AT: u32 = 50;

/// Why there is nothing to roll back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRollback {
    /// Nothing was deployed yet.
    #[error("{0} has no live release yet")]
    NothingLive(AppName),
    /// No release was live before it.
    #[error("{live} is the first release of {app}; there is none to go back to")]
    First {
        /// Whose.
        app: AppName,
        /// The release that is live.
        live: ReleaseId,
    },
    /// It was removed since.
    #[error("the release from before, {0}, is not on this machine any more; deploy it anew")]
    Gone(ReleaseId),
}

/// The release that a rollback makes live: the one that was live as this one last became so.
///
/// # Errors
/// There is none.
pub fn rollback(
    app: &AppName,
    live: Option<ReleaseId>,
    runs: &[Run],
    is_here: impl Fn(&ReleaseId) -> bool,
) -> Result<ReleaseId, NoRollback> {
    let Some(live) = live else {
        return Err(NoRollback::NothingLive(app.clone()));
    };
    let previous = runs
        .iter()
        .filter(|run| run.state == RunState::Done && run.facts.release == live)
        .filter_map(|run| run.facts.previous.as_ref())
        .find(|previous| **previous != live);
    match previous {
        None => Err(NoRollback::First {
            app: app.clone(),
            live,
        }),
        Some(previous) if !is_here(previous) => Err(NoRollback::Gone(previous.clone())),
        Some(previous) => Ok(previous.clone()),
    }
}

/// The restore that an undo takes back, with the snapshot of the content from before it: the newest one that changed
/// the content, which one that failed and could not be taken back may have done.
#[must_use]
pub fn undo(runs: &[Run]) -> Option<(&Run, SnapshotId)> {
    runs.iter().find_map(|run| {
        let has_changed = run.state == RunState::Done || run.facts.troubled;
        match run.kind {
            Kind::Restore | Kind::Undo if has_changed => {
                run.facts.before.map(|before| (run, before))
            }
            Kind::Restore | Kind::Undo | Kind::Deploy | Kind::Rollback => None,
        }
    })
}

/// The releases in the order in which each first went live by a deploy; the very first one, which was there before any
/// deploy, is not among them.
#[must_use]
pub fn order_of_going_live(runs: &[Run]) -> Vec<ReleaseId> {
    let mut order: Vec<ReleaseId> = Vec::new();
    for run in runs.iter().rev() {
        if run.kind == Kind::Deploy
            && run.state == RunState::Done
            && !order.contains(&run.facts.release)
        {
            order.push(run.facts.release.clone());
        }
    }
    order
}

/// When a colour that is idle became so: with the end of the newest run that took the requests from it.
#[must_use]
pub fn idle_since(runs: &[Run], colour: Colour) -> Option<Timestamp> {
    let newest = runs.iter().find(|run| run.state == RunState::Done)?;
    (newest.facts.to != colour)
        .then_some(newest.ended)
        .flatten()
}

/// What is left of a time that began then; all of it where nobody knows, or the clock was set back.
#[must_use]
pub fn left_of(keep: Duration, since: Option<Timestamp>, now: Timestamp) -> Duration {
    let passed = since.map(|since| now.duration_since(since));
    let passed = passed.and_then(|passed| Duration::try_from(passed).ok());
    keep.saturating_sub(passed.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::runs::RunFacts;

    fn id(name: &str) -> ReleaseId {
        name.parse().unwrap()
    }

    fn home() -> AppName {
        "home".parse().unwrap()
    }

    /// A run that made `release` live after `previous`.
    fn run(number: i64, kind: Kind, release: &str, previous: &str) -> Run {
        Run {
            id: number,
            app: home(),
            kind,
            facts: RunFacts {
                from: Colour::Blue,
                to: Colour::Green,
                release: id(release),
                previous: Some(id(previous)),
                snapshot: None,
                before: None,
                asked_by: "the command line".to_owned(),
                troubled: false,
            },
            state: RunState::Done,
            began: Timestamp::UNIX_EPOCH,
            ended: Timestamp::from_second(number * 100).ok(),
            reason: None,
            output: None,
            steps: Vec::new(),
        }
    }

    fn restore(number: i64, kind: Kind) -> Run {
        let mut run = run(number, kind, "v2", "v2");
        run.facts.before = format!("2026-11-{number:02}T033000Z").parse().ok();
        assert!(run.facts.before.is_some());
        run
    }

    fn failed(mut run: Run, troubled: bool) -> Run {
        run.state = RunState::Failed;
        run.facts.troubled = troubled;
        run
    }

    #[test]
    fn a_rollback_goes_to_the_release_that_was_live_as_this_one_became_so() {
        let runs = [
            restore(5, Kind::Restore),
            failed(run(4, Kind::Deploy, "v2", "v9"), false),
            run(3, Kind::Rollback, "v2", "v3"),
            run(2, Kind::Deploy, "v3", "v2"),
            run(1, Kind::Deploy, "v2", "v1"),
        ];
        let to = |live: Option<&str>, here: &[&str]| {
            rollback(&home(), live.map(id), &runs, |known| {
                here.contains(&known.as_str())
            })
        };
        // Back and forth between the two, as long as both are here.
        assert_eq!(to(Some("v2"), &["v1", "v3"]), Ok(id("v3")));
        assert_eq!(to(Some("v3"), &["v2"]), Ok(id("v2")));
        assert_eq!(to(Some("v2"), &["v1"]), Err(NoRollback::Gone(id("v3"))));
        assert_eq!(to(None, &[]), Err(NoRollback::NothingLive(home())));
        let first = to(Some("v1"), &["v1", "v2"]).unwrap_err();
        let text = "v1 is the first release of home; there is none to go back to";
        assert_eq!(first.to_string(), text);
    }

    #[test]
    fn an_undo_takes_the_newest_restore_back_that_changed_the_content() {
        let undone = |runs: &[Run]| undo(runs).map(|(run, _)| run.id);
        let deploy = || run(9, Kind::Deploy, "v2", "v1");
        let [second, first] = [restore(2, Kind::Undo), restore(1, Kind::Restore)];
        assert_eq!(undone(&[]), None);
        assert_eq!(undone(&[deploy()]), None);
        assert_eq!(undone(&[deploy(), second.clone(), first.clone()]), Some(2));
        let taken_back = failed(second.clone(), false);
        assert_eq!(undone(&[taken_back, first.clone()]), Some(1));
        let in_doubt = failed(second.clone(), true);
        assert_eq!(undone(&[in_doubt, first.clone()]), Some(2));
        // One that failed before its snapshot has changed nothing.
        let mut early = failed(second, true);
        early.facts.before = None;
        assert_eq!(undone(&[early, first]), Some(1));
    }

    #[test]
    fn releases_come_in_the_order_of_their_first_deploy() {
        let runs = [
            run(5, Kind::Deploy, "v2", "v3"),
            failed(run(4, Kind::Deploy, "v4", "v3"), false),
            run(3, Kind::Rollback, "v1", "v3"),
            run(2, Kind::Deploy, "v3", "v2"),
            run(1, Kind::Deploy, "v2", "v1"),
        ];
        assert_eq!(order_of_going_live(&runs), [id("v2"), id("v3")]);
    }

    #[test]
    fn a_colour_is_idle_since_the_end_of_the_run_that_took_the_requests_from_it() {
        let runs = [
            failed(run(2, Kind::Deploy, "v3", "v2"), false),
            run(1, Kind::Deploy, "v2", "v1"),
        ];
        let ended = Timestamp::from_second(100).ok();
        assert_eq!(idle_since(&runs, Colour::Blue), ended);
        assert_eq!(idle_since(&runs, Colour::Green), None);
        assert_eq!(idle_since(&[], Colour::Blue), None);
    }

    #[test]
    fn what_is_left_of_the_warm_time_counts_from_the_run_that_made_a_colour_idle() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let keep = minutes(30);
        assert_eq!(left_of(keep, Some(at(0)), at(600)), minutes(20));
        assert_eq!(left_of(keep, Some(at(0)), at(86_400)), Duration::ZERO);
        assert_eq!(left_of(keep, Some(at(600)), at(0)), keep);
        assert_eq!(left_of(keep, None, at(0)), keep);
    }
}
