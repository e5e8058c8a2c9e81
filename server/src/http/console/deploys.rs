//! The deploys page, and those that ask before a deploy or a rollback.

use tealkeep_app::model as view;

use super::run::{MAX_RUNS, busy, live_since, run_view};
use crate::deploy::App;
use crate::deploy::release::Release;
use crate::house::House;
use crate::journal::runs::Run;
use crate::names::ReleaseId;

/// `GET /apps/{app}/deploys`
pub async fn deploys(house: &House, app: &App) -> anyhow::Result<view::Deploys> {
    let runs = house.journal.runs(app.name().clone(), MAX_RUNS).await?;
    let (live, previous, cannot_roll_back) = positions(app, &runs).await?;
    let releases = app
        .releases
        .list()?
        .into_iter()
        .map(|release| release_view(release, live.as_ref(), previous.as_ref()))
        .collect();
    Ok(view::Deploys {
        app: app.name().to_string(),
        live,
        previous,
        cannot_roll_back,
        releases,
        runs: runs.iter().map(run_view).collect(),
    })
}

/// `GET /apps/{app}/deploys/{release}`; `None` where there is no such release.
pub async fn confirm_deploy(
    house: &House,
    app: &App,
    id: &ReleaseId,
) -> anyhow::Result<Option<view::ConfirmDeploy>> {
    let runs = house.journal.runs(app.name().clone(), MAX_RUNS).await?;
    let (live, previous, _) = positions(app, &runs).await?;
    let Some(release) = app
        .releases
        .list()?
        .into_iter()
        .find(|release| release.id == *id)
    else {
        return Ok(None);
    };
    let mut release = release_view(release, live.as_ref(), previous.as_ref());
    release.cannot_deploy = busy(app);
    let to = app.router.live().await?.other();
    Ok(Some(view::ConfirmDeploy {
        app: app.name().to_string(),
        release,
        live,
        to,
    }))
}

/// `GET /apps/{app}/rollback`
pub async fn confirm_rollback(house: &House, app: &App) -> anyhow::Result<view::ConfirmRollback> {
    let runs = house.journal.runs(app.name().clone(), MAX_RUNS).await?;
    let (live, previous, cannot_roll_back) = positions(app, &runs).await?;
    Ok(view::ConfirmRollback {
        app: app.name().to_string(),
        live,
        previous,
        cannot_roll_back,
    })
}

type Positions = (
    Option<view::LiveRelease>,
    Option<view::PreviousRelease>,
    Option<String>,
);

async fn positions(app: &App, runs: &[Run]) -> anyhow::Result<Positions> {
    let colour = app.router.live().await?;
    let release = app.releases.of_colour(colour);
    let since = live_since(runs, release.as_ref());
    let live = release.map(|release| view::LiveRelease {
        colour,
        release: release.to_string(),
        since,
    });
    let (previous, impossible) = match app.rollback_target().await? {
        Ok(release) => {
            let warm = app
                .warm()
                .filter(|(warm, _)| app.releases.of_colour(*warm).as_ref() == Some(&release));
            let previous = view::PreviousRelease {
                colour: colour.other(),
                release: release.to_string(),
                warm_until: warm.map(|(_, until)| until),
            };
            (Some(previous), None)
        }
        Err(why) => (None, Some(why)),
    };
    Ok((live, previous, busy(app).or(impossible)))
}

fn release_view(
    release: Release,
    live: Option<&view::LiveRelease>,
    previous: Option<&view::PreviousRelease>,
) -> view::Release {
    let id = release.id.to_string();
    let role = if live.is_some_and(|live| live.release == id) {
        view::ReleaseRole::Live
    } else if previous.is_some_and(|previous| previous.release == id) {
        view::ReleaseRole::Previous
    } else {
        view::ReleaseRole::Waiting
    };
    view::Release {
        id,
        received: Some(release.received),
        bytes: None,
        role,
        note: None,
        cannot_deploy: None,
    }
}
