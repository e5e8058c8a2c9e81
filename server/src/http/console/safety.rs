//! What the pages show of how safe the backups are: drills, pulls, failed nights and room.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use tealkeep_app::model as view;

use crate::backup::Catalogue;
use crate::deploy::App;
use crate::house::{House, Judgement, Key, Kind};
use crate::journal::drills::Drill;
use crate::pulls;

/// How far back failed nights are shown.
const MAX_FAILED_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many of them.
const MAX_FAILED: usize = 5;
/// How many tries of nights are looked through for them.
const MAX_NIGHTS: u32 = 90;

/// How the copy on the laptop stands. Whether it is overdue is the judge's business.
pub(super) async fn laptop(
    house: &House,
    app: &App,
    judgement: &Judgement,
) -> anyhow::Result<view::Laptop> {
    let last = pulls::last(house, app.name()).await?;
    let within = app.config.backup.pull_within;
    let overdue = Key::of(app.name(), Kind::Pull);
    Ok(view::Laptop {
        last: last.map(|pull| view::Pull {
            at: pull.at,
            laptop: pull.laptop,
            newest: pull.newest.map(|id| id.taken_at()),
            whole: pull.whole,
            damaged: pull.damaged,
        }),
        within: (!within.is_zero()).then_some(within),
        overdue: judgement.conditions.iter().any(|one| one.key == overdue),
    })
}

/// How the drills of an app stand.
pub(super) async fn drills(
    house: &House,
    app: &App,
    has_snapshot: bool,
) -> anyhow::Result<view::Drills> {
    let cannot_begin = match app.underway() {
        Some(run) => Some(format!(
            "The {} of {} is in progress.",
            run.kind.noun(),
            run.subject
        )),
        None => {
            (!has_snapshot).then(|| "There is no backup yet that a drill could unpack.".to_owned())
        }
    };
    let next = app.next_drill(house.clock.now()).await?;
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

/// The space on the disk, given the size of the newest snapshot.
pub(super) async fn disk_space(
    app: &App,
    newest_bytes: Option<u64>,
) -> anyhow::Result<view::DiskSpace> {
    let room = app.data.room(newest_bytes).await?;
    Ok(view::DiskSpace {
        free: room.free,
        next: room.next,
    })
}

/// The newest nights that gave no snapshot when they were tried, each once.
pub(super) async fn failed_nights(
    house: &House,
    app: &App,
    catalogue: &Catalogue,
) -> anyhow::Result<Vec<view::FailedNight>> {
    let nights = house.journal.nights(app.name().clone(), MAX_NIGHTS).await?;
    let now = house.clock.now();
    let misdated = house.journal.misdated().await?;
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
        let is_news =
            now.duration_since(night.at) < MAX_FAILED_AGE && seen.insert(night.local_date);
        is_news.then(|| view::FailedNight {
            date: night.local_date,
            why,
            made_good: good.contains(&night.local_date),
        })
    });
    Ok(failed.take(MAX_FAILED).collect())
}
