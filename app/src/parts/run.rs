//! A run in short, as it stands on the pages that list runs.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use leptos::prelude::*;

use super::{ago, beads};
use crate::model::{Frame, Run, RunKind, RunOutcome};
use crate::words::{self, segment};

/// A run as a card: what it is, its beads, and why it failed.
pub(crate) fn run_card(frame: &Frame, run: &Run) -> AnyView {
    let failure = run
        .failure
        .clone()
        .map(|why| view! { <p class="why"><bdi>{why}</bdi></p> });
    let sentence = (run.failure.is_none() && !run.sentence.is_empty())
        .then(|| view! { <p class="soft"><bdi>{run.sentence.clone()}</bdi></p> });
    view! {
        <article class=format!("run {}", outcome_class(run.outcome)) id=format!("run-{}", run.id)>
            <h3>
                <a href=run_path(run)><bdi>{run_title(frame, run)}</bdi></a>
                <span class="soft">{ago(frame, run.started)}</span>
            </h3>
            {beads(run)}
            {failure}
            {sentence}
        </article>
    }
    .into_any()
}

/// `/apps/{app}/runs/{id}`
pub(crate) fn run_path(run: &Run) -> String {
    format!("/apps/{}/runs/{}", segment(&run.app), segment(&run.id))
}

/// "Deploy of v2", "Restore of Sat 21 Nov, 03:30".
pub(crate) fn run_title(frame: &Frame, run: &Run) -> String {
    let subject = subject(frame, &run.subject);
    match run.kind {
        RunKind::Deploy => format!("Deploy of {subject}"),
        RunKind::Rollback => format!("Rollback to {subject}"),
        RunKind::Restore => format!("Restore of {subject}"),
        RunKind::Undo => "Undo of the restore".to_owned(),
        RunKind::Backup => "Snapshot".to_owned(),
    }
}

/// A release's id as it is; a snapshot's as the local time that it stands for.
fn subject(frame: &Frame, subject: &str) -> String {
    match snapshot_time(subject) {
        Some(taken) => words::date_time(frame.now, &frame.zone, taken),
        None => subject.to_owned(),
    }
}

/// The instant in a snapshot's id: `2026-11-21T033000Z`, with a suffix for a second one in that second.
fn snapshot_time(id: &str) -> Option<Timestamp> {
    let stem = id.get(..18)?;
    if !id[18..].is_empty() && !id[18..].starts_with('-') {
        return None;
    }
    let civil = DateTime::strptime("%Y-%m-%dT%H%M%SZ", stem).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn outcome_class(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Running => "running",
        RunOutcome::Succeeded => "succeeded",
        RunOutcome::Failed => "failed",
        RunOutcome::Undone => "undone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshots_id_is_read_as_a_time_and_a_releases_is_not() {
        let taken: Timestamp = "2026-11-21T03:30:00Z".parse().unwrap();
        assert_eq!(snapshot_time("2026-11-21T033000Z"), Some(taken));
        assert_eq!(snapshot_time("2026-11-21T033000Z-2"), Some(taken));
        for other in [
            "v2",
            "2026-11-21T033000Zx",
            "2026-13-21T033000Z",
            "éééééééééééééééééé",
        ] {
            assert_eq!(snapshot_time(other), None, "{other}");
        }
    }
}
