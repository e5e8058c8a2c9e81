//! Whether the nights gave their snapshots: one that failed, and one that nobody even tried.

use jiff::{SignedDuration, Timestamp};

use super::About;
use crate::journal::Severity;
use crate::journal::nights::Night;
use crate::notify::condition::{Assessment, Condition, Kind};
use crate::notify::redact::redacted;
use crate::schedule::{Decision, LastRun, counts_from, due, next_run};

/// How much longer than a snapshot may take it is waited for one of which nothing was heard.
const GRACE: SignedDuration = SignedDuration::from_hours(1);
/// The last run lies within this time, whatever dates a zone left out.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(96);

pub(super) fn look(about: &About<'_>, found: &mut Assessment) {
    let (app, facts) = (about.app, about.facts);
    let key = about.key(Kind::Snapshot);
    let dates = match &app.nightly {
        Ok(dates) => dates,
        Err(why) => {
            found.wrong.insert(key, unreadable(about, why));
            return;
        }
    };
    let today = facts.now.to_zoned(facts.zone.clone()).date();
    let last = LastRun::newest(dates.iter().copied(), today);
    let from = counts_from(facts.installed_at, facts.now, facts.built);
    let decision = due(facts.now, &facts.zone, app.at, last, from);
    let tried = app.night.as_ref().filter(|night| night.failed.is_some());
    match (decision, tried) {
        (Decision::Due { local_date, .. }, Some(night))
            if night.snapshot.is_none() && night.local_date == local_date =>
        {
            found.wrong.insert(key, failed(about, night));
        }
        (Decision::Due { local_date, .. }, _) => {
            let when = last_run(about);
            // After a start what was missed is caught up first.
            let waited = facts.now.duration_since(when.max(facts.started));
            let patience = SignedDuration::try_from(app.deadline)
                .unwrap_or(SignedDuration::MAX)
                .saturating_add(GRACE);
            if waited > patience {
                let condition = missing(about, local_date, when);
                found.wrong.insert(key, condition);
            } else {
                // It is well again when there is one, not when the next is about to be tried.
                found.unknown.insert(key);
            }
        }
        (Decision::NotYet { .. }, Some(night)) if night.snapshot.is_some() => {
            found.wrong.insert(key, not_rotated(about, night));
        }
        (Decision::NotYet { .. }, _) => {}
    }
}

/// When the last run was due.
fn last_run(about: &About<'_>) -> Timestamp {
    let (now, zone, at) = (about.facts.now, &about.facts.zone, about.app.at);
    let mut when = next_run(now.saturating_sub(LOOKED_BACK).unwrap_or(now), zone, at);
    loop {
        let next = next_run(when, zone, at);
        if next > now || next <= when {
            return when;
        }
        when = next;
    }
}

fn failed(about: &About<'_>, night: &Night) -> Condition {
    let name = &about.app.name;
    let text = format!(
        "The snapshot of {name} for the night to {} failed at {}: {}. Nothing was deleted. It is tried again by \
         itself; `tealkeep backup {name}` tries at once and says what is wrong.",
        night.local_date,
        about.local(night.at),
        redacted(night.failed.as_deref().unwrap_or_default())
    );
    about.wrong(
        Severity::Bad,
        "last night's snapshot failed",
        text,
        "/backups",
    )
}

fn missing(about: &About<'_>, date: jiff::civil::Date, when: Timestamp) -> Condition {
    let name = &about.app.name;
    let text = format!(
        "There is no snapshot of {name} for the night to {date}: it was due on {}, and nothing was heard of it. \
         `tealkeep status` says what Tealkeep is doing, and `tealkeep backup {name}` takes a snapshot now.",
        about.local(when)
    );
    let words = "last night's snapshot did not happen";
    Condition {
        is_news: true,
        ..about.wrong(Severity::Bad, words, text, "/backups")
    }
}

fn not_rotated(about: &About<'_>, night: &Night) -> Condition {
    let text = format!(
        "The snapshot of {} for the night to {} is there, but what follows it failed: {}. The next night does the \
         rest.",
        about.app.name,
        night.local_date,
        redacted(night.failed.as_deref().unwrap_or_default())
    );
    about.wrong(
        Severity::Warning,
        "the night ended with a problem",
        text,
        "/backups",
    )
}

fn unreadable(about: &About<'_>, why: &str) -> Condition {
    let name = &about.app.name;
    let text = format!(
        "The backups folder of {name} can't be read: {}. Until it can, no snapshot is taken. Look whether its disk is \
         there, and who it belongs to; `tealkeep doctor` says what it should be like.",
        redacted(why)
    );
    about.wrong(
        Severity::Bad,
        "the backups folder can't be read",
        text,
        "/backups",
    )
}
