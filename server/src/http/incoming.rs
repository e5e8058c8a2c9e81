//! What a client needs to know before it sends a release, and the output of its preparation.

use std::path::PathBuf;

use anyhow::Context;
use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::find;
use super::problem::Problem;
use super::server::Server;
use crate::deploy::Printed;
use crate::journal::runs::RunId;
use crate::names::{AppName, ReleaseId};

/// Where a release is to be sent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Incoming {
    /// This Tealkeep's version.
    pub version: String,
    /// The id that it gets.
    pub id: ReleaseId,
    /// The directory that it is to be sent into.
    pub folder: PathBuf,
    /// The release that unchanged files are copied from instead of being sent: the live one, or the one of this id
    /// where that is here already; null before the first deploy.
    pub basis: Option<ReleaseId>,
    /// Whether a release of this id is here: what is sent must be the same then.
    pub taken: bool,
    /// Whether an earlier push of it was cut off: this one goes on with it.
    pub resumes: bool,
    /// Whether it is prepared here, so that what the preparation makes need not be sent.
    pub prepares: bool,
    /// The free space, in bytes.
    pub free_bytes: u64,
    /// Where the household reaches the app; null where that is not known.
    pub url: Option<String>,
    /// The files of `tealkeep units` that do not follow from the configuration: missing, or older than it.
    #[serde(default)]
    pub outdated: Vec<String>,
    /// Those of them that the commands of `tealkeep units` leave alone: changed by hand, or printed by a Tealkeep from
    /// before there were checksums.
    #[serde(default)]
    pub left_alone: Vec<String>,
    /// Whether the configuration's file was changed after Tealkeep started, which goes by the older text until it is
    /// restarted.
    #[serde(default)]
    pub config_changed: bool,
}

/// Where an app's releases stand.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Folder {
    /// Whose.
    pub app: AppName,
    /// The folder.
    pub releases: PathBuf,
}

/// Whether another name will do.
#[derive(Debug, Default, Deserialize)]
pub struct IncomingQuery {
    #[serde(default)]
    exact: bool,
}

/// `GET /api/v1/apps/{app}/incoming/{name}`
pub async fn incoming(
    State(server): State<std::sync::Arc<Server>>,
    Path((app, name)): Path<(String, String)>,
    Query(query): Query<IncomingQuery>,
) -> Result<Json<Incoming>, Problem> {
    let app = find(&server, &app)?;
    let name: ReleaseId = name
        .parse()
        .map_err(|e| Problem::new(axum::http::StatusCode::BAD_REQUEST, format!("{e}")))?;
    let id = app
        .releases
        .id_for_push(&name, query.exact, Timestamp::now())?;
    let taken = app.releases.has(&id);
    let basis = if taken {
        Some(id.clone())
    } else {
        let live = app.releases.of_colour(app.router.live().await?);
        live.filter(|live| app.releases.has(live))
    };
    let folder = &app.config.releases;
    let space = rustix::fs::statvfs(folder)
        .with_context(|| format!("cannot ask for the free space of {}", folder.display()))?;
    let outdated = crate::units::outdated(&server.house.config, &app.config);
    let left_alone = outdated.iter().filter(|file| file.is_left_alone);
    let left_alone = left_alone.map(|file| file.path.clone()).collect();
    Ok(Json(Incoming {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        folder: app.releases.push_path(&id),
        basis,
        taken,
        resumes: app.releases.is_pushed(&id),
        prepares: app.config.deploy.prepare.is_some(),
        free_bytes: space.f_bavail * space.f_frsize,
        url: app.config.url.as_ref().map(ToString::to_string),
        outdated: outdated.into_iter().map(|file| file.path).collect(),
        left_alone,
        config_changed: server.house.config.source.has_changed(),
        id,
    }))
}

/// `GET /api/v1/incoming`
pub async fn folders(State(server): State<std::sync::Arc<Server>>) -> Json<Vec<Folder>> {
    let folders = server.house.apps.iter().map(|app| Folder {
        app: app.name().clone(),
        releases: app.config.releases.clone(),
    });
    Json(folders.collect())
}

/// `GET /api/v1/runs/{id}/output`
pub async fn output(
    State(server): State<std::sync::Arc<Server>>,
    Path(id): Path<RunId>,
) -> Json<Printed> {
    let mut printed = server.house.apps.iter().map(|app| app.printed(id));
    Json(
        printed
            .find(|printed| printed.run == id && id != 0)
            .unwrap_or_default(),
    )
}
