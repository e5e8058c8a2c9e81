//! Taking over a script's old backups, as the API tells it.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::find;
use super::problem::Problem;
use super::server::Server;
use crate::backup::adopt::Adoption;

/// What is to be taken over.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptRequest {
    /// The folder, on the machine; the server's own user must be able to read it.
    pub from: PathBuf,
    /// Whether a backup without a date in its path is dated by the time of its last change.
    #[serde(default)]
    pub by_mtime: bool,
    /// Whether to look only.
    #[serde(default)]
    pub dry_run: bool,
}

/// `POST /api/v1/apps/{app}/adopt`
pub async fn adopt(
    State(server): State<Arc<Server>>,
    Path(app): Path<String>,
    Json(request): Json<AdoptRequest>,
) -> Result<Json<Adoption>, Problem> {
    let app = find(&server, &app)?;
    if !request.from.is_absolute() {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!(
                "{} is not a whole path; it begins with /",
                request.from.display()
            ),
        ));
    }
    let said = app
        .adopt(request.from, request.by_mtime, request.dry_run)
        .await?;
    said.map(Json).map_err(|error| {
        let status = if error.is_wrong_call() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Problem::new(status, error.to_string())
    })
}
