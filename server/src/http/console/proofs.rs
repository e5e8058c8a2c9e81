//! What the pages say of drills, pulls, failed nights and room, and when that belongs into the first page's sentence.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tealkeep_app::model as view;

use super::{Health, Server, api, go};
use crate::backup::{Catalogue, drill};
use crate::deploy::App;
use crate::journal::drills::Drill;
use crate::notify;

/// How far back failed nights are shown.
const FAILED_SHOWN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many of them.
const MOST_FAILED: usize = 5;
/// How many tries of nights are looked through for them.
const NIGHTS_LOOKED_AT: u32 = 90;

/// How the copy on the laptop stands.
pub(super) async fn laptop(server: &Server, app: &App) -> anyhow::Result<view::Laptop> {
    let last = crate::pulls::last(server, app.name()).await?;
    let within = app.config.backup.pull_within;
    let since = match &last {
        Some(pull) => Some(pull.at),
        None => server
            .journal
            .setting(INSTALLED_AT)
            .await?
            .and_then(|at| at.parse().ok()),
    };
    let allowed = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
    let now = server.clock.now();
    let late = since.is_some_and(|since: Timestamp| now.duration_since(since) > allowed);
    Ok(view::Laptop {
        last: last.map(|pull| view::Pull {
            at: pull.at,
            laptop: pull.laptop,
            newest: pull.newest.map(|id| id.taken_at()),
            whole: pull.whole,
            damaged: pull.damaged,
        }),
        within: (!within.is_zero()).then_some(within),
        overdue: late && !within.is_zero(),
    })
}

/// The setting that says since when there is something to pull.
const INSTALLED_AT: &str = "installed-at";

/// How the drills of an app stand.
pub(super) async fn drills(
    server: &Server,
    app: &App,
    has_snapshot: bool,
) -> anyhow::Result<view::Drills> {
    let cannot_begin = match app.underway() {
        Some(run) => Some(format!(
            "The {} of {} is under way.",
            run.kind.noun(),
            run.subject
        )),
        None => {
            (!has_snapshot).then(|| "There is no snapshot yet that could be unpacked.".to_owned())
        }
    };
    let next = app.next_drill(server.clock.now()).await?;
    Ok(view::Drills {
        last: app.last_drill().await?.map(drill_view),
        next: next.filter(|_| has_snapshot),
        under_way: app.is_drilling(),
        cannot_begin,
    })
}

pub(super) fn drill_view(drill: Drill) -> view::Drill {
    view::Drill {
        at: drill.at,
        snapshot: drill.snapshot.map(|id| id.taken_at()),
        took: Duration::from_millis(drill.took_ms),
        failed: drill.failed,
        warnings: drill.warnings,
    }
}

/// The room that there is, given the size of the newest snapshot.
pub(super) async fn room(app: &App, newest_bytes: Option<u64>) -> anyhow::Result<view::Room> {
    let room = app.data.room(newest_bytes).await?;
    Ok(view::Room {
        free: room.free,
        next: room.next,
    })
}

/// The newest nights that gave no snapshot when they were tried, each once.
pub(super) async fn failed_nights(
    server: &Server,
    app: &App,
    catalogue: &Catalogue,
) -> anyhow::Result<Vec<view::FailedNight>> {
    let nights = server
        .journal
        .nights(app.name().clone(), NIGHTS_LOOKED_AT)
        .await?;
    let now = server.clock.now();
    let misdated = server.journal.misdated().await?;
    let good: BTreeSet<_> = nights
        .iter()
        .filter(|night| night.snapshot.is_some_and(|id| !misdated.contains(&id)))
        .map(|night| night.local_date)
        .chain(catalogue.nights_but(&misdated))
        .collect();
    let mut seen = BTreeSet::new();
    let failed = nights.into_iter().filter(|night| night.snapshot.is_none());
    let failed = failed.filter_map(|night| {
        let why = night.failed?;
        let is_news = now.duration_since(night.at) < FAILED_SHOWN && seen.insert(night.local_date);
        is_news.then(|| view::FailedNight {
            date: night.local_date,
            why,
            made_good: good.contains(&night.local_date),
        })
    });
    Ok(failed.take(MOST_FAILED).collect())
}

/// What is broken about the backups: a night that failed, a drill, a copy that is not whole.
pub(super) async fn broken(
    server: &Server,
    app: &App,
    newest: &api::SnapshotFacts,
) -> anyhow::Result<Option<Health>> {
    let name = app.name();
    let backups = || format!("/apps/{name}/backups");
    let nights = server.journal.nights(name.clone(), 1).await?;
    if let Some(why) = nights
        .first()
        .filter(|night| night.snapshot.is_none() && night.at > newest.taken_at)
        .and_then(|night| night.failed.as_ref())
    {
        let sentence = format!("Last night's snapshot of {name} failed: {why}.");
        let action = press("Back up now", format!("/apps/{name}/backup"));
        return Ok(bad(view::VerdictKind::Attention, sentence, action));
    }
    if let Some(why) = app.last_drill().await?.and_then(|drill| drill.failed) {
        let sentence = format!("A restore of {name} would fail, says the last drill: {why}.");
        let action = press("Try a restore now", format!("/apps/{name}/drill"));
        return Ok(bad(view::VerdictKind::Bad, sentence, action));
    }
    let damaged = laptop(server, app)
        .await?
        .last
        .and_then(|pull| pull.damaged);
    if let Some(damaged) = damaged.filter(|n| *n > 0) {
        let snapshots = if damaged == 1 {
            "snapshot"
        } else {
            "snapshots"
        };
        let sentence = format!(
            "The laptop's copy of {name} is not whole: {damaged} {snapshots} damaged or missing."
        );
        let action = go("See what was found", backups());
        return Ok(bad(view::VerdictKind::Attention, sentence, action));
    }
    Ok(None)
}

/// What somebody should see to before it breaks: rows that went last night, too little room, a laptop that stays away,
/// a drill's warning.
pub(super) async fn overdue(
    server: &Server,
    app: &App,
    catalogue: &Catalogue,
    newest: &api::SnapshotFacts,
) -> anyhow::Result<Option<Health>> {
    let name = app.name();
    let backups = || format!("/apps/{name}/backups");
    let attention = |sentence, label| {
        let action = go(label, backups());
        Ok(bad(view::VerdictKind::Attention, sentence, action))
    };
    let shrink = app.config.backup.drill_shrink;
    if let Some(lost) = drill::lost_last_night(catalogue, server.clock.now(), shrink) {
        let sentence = format!("Rows of {name} are gone since the night before: {lost}.");
        return attention(sentence, "Look at the snapshots");
    }
    if room(app, Some(newest.bytes))
        .await
        .is_ok_and(|room| room.is_too_little())
    {
        let sentence = format!("The disk has too little room for the next snapshot of {name}.");
        return attention(sentence, "See how much");
    }
    let notices = server.journal.open_notices().await?;
    let of_disk = notices.into_iter().find(|notice| {
        let is_ours = notice.app.as_ref().is_none_or(|app| app == name);
        notice.kind == notify::Kind::Disk && is_ours
    });
    if let Some(disk) = of_disk {
        return attention(disk.text, "See how much");
    }
    let copy = laptop(server, app).await?;
    if copy.overdue {
        let sentence = match copy.last {
            Some(pull) => {
                let days = server.clock.now().duration_since(pull.at).as_hours();
                format!("The laptop has not pulled {name} for {}.", for_long(days))
            }
            None => format!("No laptop has pulled the snapshots of {name} yet."),
        };
        return attention(sentence, "See what to do");
    }
    let nights = server.journal.nights(name.clone(), 1).await?;
    if let Some(night) = nights.into_iter().find(|night| night.snapshot.is_some())
        && let Some(what) = night.failed
    {
        let date = night.local_date;
        let sentence = format!(
            "The snapshot of {name} for the night to {date} is there, but what follows it failed: {what}."
        );
        return attention(sentence, "Look at it");
    }
    let newest = catalogue.newest_by(server.clock.now());
    let found = newest.map_or(&[][..], |entry| &entry.manifest.concerns.content_findings);
    if let Some(first) = found.first() {
        let more = match found.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let sentence = format!(
            "Some rows of {name} break the app's own rules: {first}{more}. They are backed up as they are; the app's \
             developer can mend them."
        );
        return attention(sentence, "Look at it");
    }
    let warnings = app.last_drill().await?.map(|drill| drill.warnings);
    if let Some(warning) = warnings.and_then(|all| all.into_iter().next()) {
        let sentence = format!("The last restore drill of {name} noticed something: {warning}.");
        return attention(sentence, "Look at it");
    }
    Ok(None)
}

/// "30 hours", "5 days"
fn for_long(hours: i64) -> String {
    match hours {
        1 => "an hour".to_owned(),
        ..48 => format!("{hours} hours"),
        _ => format!("{} days", hours / 24),
    }
}

fn bad(kind: view::VerdictKind, sentence: String, action: Option<view::Action>) -> Option<Health> {
    Some(Health {
        well: false,
        sentence,
        kind,
        action,
    })
}

fn press(label: &str, href: String) -> Option<view::Action> {
    Some(view::Action {
        label: label.to_owned(),
        method: view::Method::Post,
        href,
    })
}

#[cfg(test)]
mod tests {
    use super::for_long;

    #[test]
    fn a_span_is_told_in_days_from_two_on() {
        for (hours, words) in [
            (1, "an hour"),
            (47, "47 hours"),
            (48, "2 days"),
            (143, "5 days"),
        ] {
            assert_eq!(for_long(hours), words);
        }
    }
}
