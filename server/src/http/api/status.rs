//! How every app stands: what `tealkeep status` and the metrics read.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::snapshots::{SnapshotFacts, list_snapshots};
use crate::deploy::{App, Underway};
use crate::house::{House, Judgement};
use crate::http::checks::facts::{CheckFacts, LastChecks, newest_of};
use crate::http::conditions::ConditionFacts;
use crate::http::problem::Answer;
use crate::http::server::{Server, Shared};
use crate::journal::drills::Drill;
use crate::journal::pulls::Pull;
use crate::names::{AppName, Colour, ReleaseId};
use crate::router::Traffic;
use crate::runtime::ColourState;
use crate::schedule::next_run;

/// How every app stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// This Tealkeep's version.
    pub version: String,
    /// Whether all is well, in one sentence, and if not, what to do.
    pub sentence: String,
    /// Whether all is well: no warning or failure holds that nobody has acknowledged.
    pub well: bool,
    /// What is wrong now and what is worth a hint: what needs a person first, the gravest of it first.
    #[serde(default)]
    pub conditions: Vec<ConditionFacts>,
    /// The apps, in the order of the configuration.
    pub apps: Vec<AppStatus>,
}

/// How one app stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AppStatus {
    /// Its name.
    pub name: AppName,
    /// The colour that new requests go to, once there is a release.
    pub live: Colour,
    /// The release on it; null before the first deploy.
    pub release: Option<ReleaseId>,
    /// Both colours.
    pub colours: Colours,
    /// The newest verified snapshot.
    pub snapshot: Option<SnapshotFacts>,
    /// The last time that a laptop said that it had pulled the snapshots.
    #[serde(default)]
    pub last_pull: Option<Pull>,
    /// When the next nightly snapshot is due.
    #[schemars(with = "String")]
    pub next_run: Timestamp,
    /// The run that is under way.
    pub run: Option<Underway>,
    /// What the router counts.
    pub traffic: Traffic,
    /// What the policies last found.
    #[serde(default)]
    pub checks: LastChecks,
    /// The newest restore drill.
    #[serde(default)]
    pub drill: Option<Drill>,
}

/// Both colours of an app.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Colours {
    /// The blue one.
    pub blue: ColourStatus,
    /// The green one.
    pub green: ColourStatus,
}

/// How one colour stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ColourStatus {
    /// Its process.
    #[serde(flatten)]
    pub state: ColourState,
    /// The release that its link names.
    pub link: Option<ReleaseId>,
    /// The port that it listens on, on loopback.
    pub port: u16,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// Until when it is kept warm for a rollback.
    #[schemars(with = "Option<String>")]
    pub warm_until: Option<Timestamp>,
}

/// `GET /api/v1/status`
pub async fn status(State(server): Shared) -> Answer<Status> {
    Ok(Json(status_of(&server).await?))
}

/// How every app stands.
///
/// # Errors
/// The journal or a router can't be asked.
pub async fn status_of(server: &Server) -> anyhow::Result<Status> {
    Ok(judged_status(server).await?.0)
}

pub(super) async fn judged_status(server: &Server) -> anyhow::Result<(Status, Judgement)> {
    let mut apps = Vec::new();
    for app in &server.house.apps {
        apps.push(app_status(&server.house, app).await?);
    }
    let judgement = server.judge.look(true).await?;
    let status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sentence: judgement.sentence.text.clone(),
        well: judgement.sentence.is_well(),
        conditions: judgement
            .conditions
            .iter()
            .map(ConditionFacts::from)
            .collect(),
        apps,
    };
    Ok((status, judgement))
}

async fn app_status(house: &House, app: &App) -> anyhow::Result<AppStatus> {
    // First: when no run is under way at this moment, what is read after it belongs together.
    let run = app.underway();
    let live = app.router.live().await?;
    // A folder that can't be read is told in the sentence; the rest of the status stands.
    let all = list_snapshots(app).await.ok();
    let snapshot = all.and_then(|all| all.newest(house.clock.now()).cloned());
    let (public, idle) = newest_of(&house.journal, app).await?;
    Ok(AppStatus {
        name: app.name().clone(),
        live,
        release: app.releases.of_colour(live),
        colours: Colours {
            blue: colour_status(app, Colour::Blue).await,
            green: colour_status(app, Colour::Green).await,
        },
        snapshot,
        last_pull: crate::pulls::last(house, app.name()).await?,
        next_run: next_run(house.clock.now(), &house.clock.zone(), app.config.backup.at),
        run,
        traffic: app.router.traffic().await,
        checks: LastChecks {
            public: public.as_ref().map(CheckFacts::from),
            idle: idle.as_ref().map(CheckFacts::from),
        },
        drill: app.last_drill().await?,
    })
}

async fn colour_status(app: &App, colour: Colour) -> ColourStatus {
    ColourStatus {
        state: app.runtime.state(colour).await,
        link: app.releases.of_colour(colour),
        port: app.runtime.address(colour).port(),
        restarts: app.restarts(colour),
        warm_until: app
            .warm()
            .filter(|(warm, _)| *warm == colour)
            .map(|(_, until)| until),
    }
}
