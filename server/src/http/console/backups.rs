//! The backups page, and those that ask before a restore or an undo.

use tealkeep_app::model as view;

use super::next_nightly::next_nightly;
use super::run::{busy, run_view};
use super::safety::{disk_space, drills, failed_nights, laptop};
use super::snapshot::{brief, snapshot_view, tier_of};
use crate::backup::SnapshotId;
use crate::beside;
use crate::deploy::App;
use crate::house::{House, Judge};
use crate::http::api::SnapshotFacts;
use crate::http::api::snapshots::{list_of, list_snapshots};
use crate::journal::runs::RunState;
use crate::router::HOLD_TIMEOUT;

/// `GET /apps/{app}/backups`
pub async fn backups(judge: &Judge, app: &App) -> anyhow::Result<view::Backups> {
    let house = &*judge.house;
    let (catalogue, plan) = app.data.catalogue().await?;
    let all = list_of(&catalogue, &plan);
    let snapshots: Vec<view::Snapshot> = all.snapshots.iter().map(snapshot_view).collect();
    let nights = all
        .snapshots
        .iter()
        .filter_map(|snapshot| {
            let tier = tier_of(snapshot)?;
            Some(view::Nightly {
                date: catalogue.find(snapshot.id)?.manifest.local_date,
                tiers: vec![tier],
                snapshot: snapshot.id.to_string(),
            })
        })
        .collect();
    let runs = house.journal.runs(app.name().clone(), 1).await?;
    let judgement = judge.look(true).await?;
    let now = house.clock.now();
    let newest = catalogue.newest_by(now).map(|entry| &entry.manifest);
    let keep = app.config.backup.keep;
    Ok(view::Backups {
        app: app.name().to_string(),
        latest: all.newest(now).map(brief),
        laptop: laptop(house, app, &judgement).await?,
        drills: drills(house, app, newest.is_some()).await?,
        // Without an answer the page says nothing of it; the snapshot itself will.
        space: disk_space(app, newest.map(|newest| newest.bytes))
            .await
            .ok(),
        reuse: newest
            .and_then(|newest| newest.chunks.as_ref())
            .map(|chunks| view::Reuse {
                total: chunks.total,
                reused: chunks.reused,
            }),
        retention: view::Retention {
            daily: keep.daily,
            weekly: keep.weekly,
            monthly: keep.monthly,
        },
        failed_nights: failed_nights(house, app, &catalogue).await?,
        next_nightly: Some(next_nightly(house, app)),
        nights,
        snapshots,
        undo: undo_offer(app).await?.map(|(offer, _)| offer),
        running: runs
            .iter()
            .find(|run| run.state == RunState::Running)
            .map(run_view),
        problems: all.problems,
        beside: what_lies_beside(house, app).await,
        cannot_back_up: None,
    })
}

/// What no snapshot holds, in words.
async fn what_lies_beside(house: &House, app: &App) -> Option<String> {
    let (config, state) = (app.config.clone(), house.config.state.clone());
    let look = move || beside::look(&config, &state).one_line();
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

async fn undo_offer(app: &App) -> anyhow::Result<Option<(view::UndoOffer, SnapshotId)>> {
    Ok(app.undo_target().await?.ok().and_then(|run| {
        let before = run.facts.before?;
        let offer = view::UndoOffer {
            restored_at: run.ended.unwrap_or(run.began),
            restored_to: run.facts.snapshot?.taken_at(),
            cannot_undo: busy(app),
        };
        Some((offer, before))
    }))
}

/// `GET /apps/{app}/snapshots/{id}/restore`; `None` where there is no such snapshot.
pub async fn confirm_restore(
    app: &App,
    id: SnapshotId,
) -> anyhow::Result<Option<view::ConfirmRestore>> {
    let all = list_snapshots(app).await?;
    let Some(facts) = all.snapshots.iter().find(|snapshot| snapshot.id == id) else {
        return Ok(None);
    };
    let mut snapshot = snapshot_view(facts);
    snapshot.cannot_restore = busy(app);
    let live = app.router.live().await?;
    Ok(Some(view::ConfirmRestore {
        app: app.name().to_string(),
        live_release: app.releases.of_colour(live).map(String::from),
        // Without a count the page still says what will happen.
        rows_now: app.data.rows().await.ok(),
        estimate: Some(app.data.restore_estimate(facts.plain_bytes)),
        requests_wait: requests_wait(app, facts),
        snapshot,
    }))
}

/// `GET /apps/{app}/undo`; `None` where there is nothing to undo.
pub async fn confirm_undo(app: &App) -> anyhow::Result<Option<view::ConfirmUndo>> {
    let Some((offer, before)) = undo_offer(app).await? else {
        return Ok(None);
    };
    let all = list_snapshots(app).await?;
    let Some(facts) = all.snapshots.iter().find(|snapshot| snapshot.id == before) else {
        return Ok(None);
    };
    Ok(Some(view::ConfirmUndo {
        app: app.name().to_string(),
        offer,
        snapshot: snapshot_view(facts),
        estimate: Some(app.data.restore_estimate(facts.plain_bytes)),
        requests_wait: requests_wait(app, facts),
    }))
}

fn requests_wait(app: &App, snapshot: &SnapshotFacts) -> bool {
    app.data.restore_estimate(snapshot.plain_bytes) + HOLD_TIMEOUT
        < app.config.router.hold_timeout()
}
