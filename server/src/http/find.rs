//! What the parameters of a path name.

use std::sync::Arc;

use axum::http::StatusCode;

use super::problem::Problem;
use super::server::Server;
use crate::backup::SnapshotId;
use crate::deploy::App;
use crate::names::AppName;

/// The app of a name that came with a request.
///
/// # Errors
/// There is none, with the names that there are.
pub fn find<'a>(server: &'a Server, name: &str) -> Result<&'a Arc<App>, Problem> {
    let app = name
        .parse::<AppName>()
        .ok()
        .and_then(|name| server.house.app(&name));
    app.ok_or_else(|| {
        let known = server
            .house
            .apps
            .iter()
            .map(|app| app.name().as_str())
            .collect::<Vec<_>>()
            .join(", ");
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("there is no app called {name:?}; there are: {known}"),
        )
    })
}

/// The snapshot id that came with a request.
///
/// # Errors
/// It can't be one.
pub fn snapshot_id(text: &str) -> Result<SnapshotId, Problem> {
    text.parse()
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("{error}")))
}
