//! Whether the nights produced their snapshots: one may have failed, or nobody may even have tried. The schedule decides: a
//! manual snapshot does not make up for a missed night.

use jiff::{SignedDuration, Timestamp};

use super::assessment::{About, Assessment, Words};
use super::backups::back_up;
use crate::house::redact::redacted;
use crate::journal::nights::Night;
use crate::schedule::{Decision, LastRun, counts_from, due, next_run};
use tealkeep_words::condition::{Action, Condition, Kind, Severity};

/// How much longer than a snapshot may take it is waited for one of which nothing was heard.
const GRACE: SignedDuration = SignedDuration::from_hours(1);
/// The last run lies within this time, whatever dates a zone left out.
const MAX_PERIOD: SignedDuration = SignedDuration::from_hours(96);

pub(super) fn look(about: &About<'_>, found: &mut Assessment) {
    let (app, facts) = (about.app, about.facts);
    let key = about.key(Kind::Snapshot);
    let folder = match &app.folder {
        Ok(folder) => folder,
        Err(why) => {
            found.add(unreadable(about, why));
            return;
        }
    };
    let today = facts.now.to_zoned(facts.zone.clone()).date();
    let last = LastRun::newest(folder.nights.iter().copied(), today);
    let from = counts_from(facts.installed_at, facts.now, facts.built);
    let decision = due(facts.now, &facts.zone, app.at, last, from);
    let tried = app.night.as_ref().filter(|night| night.failed.is_some());
    match (decision, tried) {
        (Decision::Due { local_date, .. }, Some(night))
            if night.snapshot.is_none() && night.local_date == local_date =>
        {
            found.add(failed(about, night));
        }
        (Decision::Due { local_date, .. }, _) => {
            let when = last_run(about);
            // After a start what was missed is caught up first.
            let waited = facts.now.duration_since(when.max(facts.started));
            let patience = SignedDuration::try_from(app.deadline)
                .unwrap_or(SignedDuration::MAX)
                .saturating_add(GRACE);
            if waited > patience {
                found.add(missing(about, local_date, when));
            } else {
                // It is well again when there is one, not when the next is about to be tried.
                found.unknown.insert(key.clone());
            }
        }
        (Decision::NotYet { .. }, Some(night)) if night.snapshot.is_some() => {
            found.add(not_rotated(about, night));
        }
        (Decision::NotYet { .. }, _) => {}
    }
    let is_first = folder.newest.is_none() && app.live.release.is_some();
    if is_first && !found.found.contains_key(&key) && !about.is_open(&key) {
        found.add(none_yet(about));
    }
}

/// When the last run was due.
fn last_run(about: &About<'_>) -> Timestamp {
    let (now, zone, at) = (about.facts.now, &about.facts.zone, about.app.at);
    let mut when = next_run(now.saturating_sub(MAX_PERIOD).unwrap_or(now), zone, at);
    loop {
        let next = next_run(when, zone, at);
        if next > now || next <= when {
            return when;
        }
        when = next;
    }
}

fn failed(about: &About<'_>, night: &Night) -> Condition {
    let name = about.name();
    let why = redacted(night.failed.as_deref().unwrap_or_default());
    let words = Words {
        title: "last night's snapshot failed",
        sentence: format!("Last night's snapshot of {name} failed: {why}."),
        text: format!(
            "The snapshot of {name} for the night to {} failed at {}: {why}. Nothing was deleted. Tealkeep tries again by \
             itself; `tealkeep backup {name}` tries at once and says what is wrong.",
            night.local_date,
            about.local(night.at),
        ),
    };
    Condition {
        action: back_up(about),
        ..about.condition(about.key(Kind::Snapshot), Severity::Failure, words)
    }
}

fn missing(about: &About<'_>, date: jiff::civil::Date, when: Timestamp) -> Condition {
    let name = about.name();
    let words = Words {
        title: "last night's snapshot did not happen",
        sentence: format!("{name} has no snapshot for the night to {date}: a night was missed."),
        text: format!(
            "There is no snapshot of {name} for the night to {date}. It was due on {}, and nothing was heard of it. \
             `tealkeep status` says what Tealkeep is doing, and `tealkeep backup {name}` takes a snapshot now.",
            about.local(when)
        ),
    };
    Condition {
        action: back_up(about),
        is_news: true,
        ..about.condition(about.key(Kind::Snapshot), Severity::Failure, words)
    }
}

fn not_rotated(about: &About<'_>, night: &Night) -> Condition {
    let name = about.name();
    let (date, why) = (
        night.local_date,
        redacted(night.failed.as_deref().unwrap_or_default()),
    );
    let words = Words {
        title: "the night ended with a problem",
        sentence: format!(
            "The snapshot of {name} for the night to {date} is there, but what follows it failed: {why}."
        ),
        text: format!(
            "The snapshot of {name} for the night to {date} is there, but what follows it failed: {why}. The next night \
             does the rest."
        ),
    };
    about.condition(about.key(Kind::Snapshot), Severity::Warning, words)
}

fn none_yet(about: &About<'_>) -> Condition {
    let name = about.name();
    let next = next_run(about.facts.now, &about.facts.zone, about.app.at);
    let next = about.local(next);
    let words = Words {
        title: "there is no snapshot yet",
        sentence: format!("{name} has no snapshot yet. The first one is due on {next}."),
        text: format!(
            "{name} has no snapshot yet. The first one is due on {next}; `tealkeep backup {name}` takes one now."
        ),
    };
    Condition {
        action: back_up(about),
        ..about.condition(about.key(Kind::Snapshot), Severity::Hint, words)
    }
}

fn unreadable(about: &About<'_>, why: &str) -> Condition {
    let name = about.name();
    let why = redacted(why);
    let words = Words {
        title: "the backups folder can't be read",
        sentence: format!("The backups of {name} can't be read: {why}."),
        text: format!(
            "The backups folder of {name} can't be read: {why}. Until it can, no snapshot is taken. Check that its disk \
             is mounted, and who owns it; `tealkeep doctor` says what it should be like."
        ),
    };
    Condition {
        action: Action::go("See the journal", format!("/journal?app={name}")),
        ..about.condition(about.key(Kind::Snapshot), Severity::Failure, words)
    }
}
