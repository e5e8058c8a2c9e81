//! The first page: whether all is well, and how each app stands.

use tealkeep_app::model as view;

use super::checks::check_brief;
use super::conditions;
use super::next_nightly::next_nightly;
use super::run::{MAX_RUNS, live_since, run_view};
use super::safety::{drill_view, laptop};
use super::snapshot::brief;
use crate::deploy::App;
use crate::house::{House, Judge, Judgement};
use crate::http::api::snapshots::list_snapshots;
use crate::http::checks::facts::newest_of;
use crate::journal::runs::RunState;
use crate::names::Colour;
use crate::router::Traffic;
use crate::runtime::ColourState;

/// `GET /`
pub async fn overview(judge: &Judge) -> anyhow::Result<view::Overview> {
    let house = &*judge.house;
    let judgement = judge.look(true).await?;
    let mut apps = Vec::new();
    for app in &house.apps {
        apps.push(card(house, app, &judgement).await?);
    }
    Ok(view::Overview {
        verdict: conditions::verdict(&judgement.sentence),
        conditions: judgement.conditions.clone(),
        apps,
        as_of: house.clock.now(),
    })
}

async fn card(house: &House, app: &App, judgement: &Judgement) -> anyhow::Result<view::AppCard> {
    let live = app.router.live().await?;
    let release = app.releases.of_colour(live);
    let traffic = app.router.traffic().await;
    let mut colours = Vec::new();
    for colour in Colour::BOTH {
        // Before the first deploy requests go nowhere.
        let is_live = colour == live && release.is_some();
        colours.push(colour_view(app, colour, is_live, &traffic).await);
    }
    let runs = house.journal.runs(app.name().clone(), MAX_RUNS).await?;
    let (last_snapshot, cannot_back_up) = match list_snapshots(app).await {
        Ok(all) => (all.newest(house.clock.now()).map(brief), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let (seen, before_swap) = newest_of(&house.journal, app).await?;
    let last_check = seen.or(before_swap);
    Ok(view::AppCard {
        name: app.name().to_string(),
        url: app.config.url.as_ref().map(ToString::to_string),
        live: release.as_ref().map(|_| live),
        live_since: live_since(&runs, release.as_ref()),
        release: release.map(String::from),
        colours,
        last_snapshot,
        laptop: laptop(house, app, judgement).await?,
        last_drill: app.last_drill().await?.map(drill_view),
        next_nightly: Some(next_nightly(house, app)),
        running: runs
            .iter()
            .find(|run| run.state == RunState::Running)
            .map(run_view),
        traffic: Some(view::Traffic {
            in_flight: traffic
                .requests_in_flight
                .iter()
                .chain(&traffic.streams)
                .sum(),
            answered: traffic.answered,
            failed: traffic.failed,
        }),
        last_check: last_check.as_ref().map(check_brief),
        cannot_back_up,
    })
}

async fn colour_view(
    app: &App,
    colour: Colour,
    is_live: bool,
    traffic: &Traffic,
) -> view::ColourView {
    let state = app.runtime.state(colour).await;
    let link = app.releases.of_colour(colour).map(String::from);
    let (word, release, since, pid, memory_bytes) = match state {
        ColourState::Running {
            pid,
            release,
            since,
            memory_bytes,
        } => (
            view::ColourState::Running,
            Some(release.to_string()),
            Some(since),
            Some(pid),
            memory_bytes,
        ),
        ColourState::Stopped => (view::ColourState::Stopped, link, None, None, None),
        ColourState::Ended { .. } if is_live => {
            (view::ColourState::Restarting, link, None, None, None)
        }
        ColourState::Ended { .. } => (view::ColourState::Failed, link, None, None, None),
    };
    view::ColourView {
        colour,
        state: word,
        live: is_live,
        release,
        since,
        restarts: app.restarts(colour),
        pid,
        memory_bytes,
        in_flight: Some(
            traffic.requests_in_flight[colour as usize] + traffic.streams[colour as usize],
        ),
    }
}
