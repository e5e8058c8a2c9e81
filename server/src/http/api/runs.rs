//! Runs and releases in the API: beginning a deploy, a rollback, a restore or an undo, and what became of it.

use std::path::PathBuf;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup::SnapshotId;
use crate::deploy::release::{Release, Source};
use crate::http::caller::{Caller, Transport};
use crate::http::find::find;
use crate::http::problem::{Answer, Problem};
use crate::http::server::Shared;
use crate::journal::runs::{Run, RunId, RunState};
use crate::names::ReleaseId;

/// How many runs are listed.
const MAX_RUNS: u32 = 50;

/// What a restore takes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// The snapshot whose content goes into the database.
    #[schemars(with = "String")]
    pub snapshot: SnapshotId,
}

/// What a deploy takes: one of them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum DeployRequest {
    /// A release that is on the machine.
    Release(ReleaseId),
    /// A directory on the machine that is copied in as a release.
    Directory(PathBuf),
    /// What a push has sent, whole.
    Pushed(ReleaseId),
}

/// A run has begun.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Begun {
    /// Its number.
    pub run: RunId,
}

/// `POST /api/v1/apps/{app}/restores`
pub async fn begin_restore(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
    Json(request): Json<RestoreRequest>,
) -> Answer<Begun> {
    let run = find(&server, &app)?
        .restore(request.snapshot, caller.as_str())
        .await?;
    Ok(Json(Begun { run }))
}

/// `POST /api/v1/apps/{app}/undos`
pub async fn begin_undo(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
) -> Answer<Begun> {
    Ok(Json(Begun {
        run: find(&server, &app)?.undo(caller.as_str()).await?,
    }))
}

/// `GET /api/v1/apps/{app}/releases`
pub async fn releases(State(server): Shared, Path(app): Path<String>) -> Answer<Vec<Release>> {
    Ok(Json(find(&server, &app)?.releases.list()?))
}

/// `POST /api/v1/apps/{app}/deploys`
pub async fn begin_deploy(
    State(server): Shared,
    Extension(transport): Extension<Transport>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
    Json(request): Json<DeployRequest>,
) -> Answer<Begun> {
    let source = match (request, transport) {
        (DeployRequest::Release(release), _) => Source::Named(release),
        (DeployRequest::Pushed(release), _) => Source::Pushed(release),
        (DeployRequest::Directory(path), Transport::Socket(_)) => Source::Directory(path),
        (DeployRequest::Directory(_), Transport::Tcp(_)) => {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "a directory is taken over the unix socket only; name a release that is on the machine",
            ));
        }
    };
    Ok(Json(Begun {
        run: find(&server, &app)?.deploy(source, caller.as_str()).await?,
    }))
}

/// `POST /api/v1/apps/{app}/rollbacks`
pub async fn begin_rollback(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
) -> Answer<Begun> {
    Ok(Json(Begun {
        run: find(&server, &app)?.rollback(caller.as_str()).await?,
    }))
}

/// `GET /api/v1/apps/{app}/runs`
pub async fn runs(State(server): Shared, Path(app): Path<String>) -> Answer<Vec<Run>> {
    Ok(Json(
        server
            .house
            .journal
            .runs(find(&server, &app)?.name().clone(), MAX_RUNS)
            .await?,
    ))
}

/// `GET /api/v1/runs/{id}`
///
/// A run is told as running until the next one can begin: whoever waits for its end may go on at once.
pub async fn run(State(server): Shared, Path(id): Path<RunId>) -> Answer<Run> {
    // The turn first: one that is given back between the two looks leaves a run that has ended.
    let holds_its_turn = server
        .house
        .apps
        .iter()
        .any(|app| app.underway().is_some_and(|underway| underway.run == id));
    let run = server.house.journal.run(id).await?;
    let mut run =
        run.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no run {id}")))?;
    if holds_its_turn {
        run.state = RunState::Running;
    }
    Ok(Json(run))
}
