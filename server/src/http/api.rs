//! The API, version 1: what the command line speaks, and anybody else who is signed in.

pub(super) mod metrics;
pub(super) mod runs;
pub(super) mod snapshots;
pub(super) mod status;

use std::net::Ipv4Addr;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::LINK_LIFETIME;
use super::problem::{Answer, Problem};
use super::server::Shared;
use crate::journal::Event;
use crate::names::AppName;

pub use runs::{Begun, DeployRequest, RestoreRequest};
pub use snapshots::{SnapshotFacts, Snapshots, Verified};
pub use status::{AppStatus, ColourStatus, Colours, Status};

/// A one-time link for setting the password.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasswordLink {
    /// Its path on the dashboard.
    pub path: String,
    /// The address that the dashboard can be opened at from this machine.
    pub address: std::net::SocketAddr,
    /// Whether a password was set before: it still holds until the link is used.
    pub replaces: bool,
    /// How long it can be used.
    pub minutes: u64,
}

/// Which part of the journal.
#[derive(Debug, Deserialize)]
pub struct JournalQuery {
    app: Option<AppName>,
    before: Option<i64>,
    limit: Option<u32>,
}

/// The maximum number of rows in one answer.
const MAX_ROWS: u32 = 500;

/// `GET /healthz`
pub async fn healthz(State(server): Shared) -> Response {
    // A journal that can't be read means that nothing here can be trusted.
    match server.house.journal.newest().await {
        Ok(_) => ([(header::CACHE_CONTROL, "no-store")], "ok\n").into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// `GET /api/v1/journal`
pub async fn journal(
    State(server): Shared,
    Query(query): Query<JournalQuery>,
) -> Answer<Vec<Event>> {
    let limit = query.limit.unwrap_or(100).min(MAX_ROWS);
    Ok(Json(
        server
            .house
            .journal
            .events(query.app, query.before, limit)
            .await?,
    ))
}

/// `POST /api/v1/password-link`
pub async fn new_password_link(State(server): Shared) -> Answer<PasswordLink> {
    let token = server.auth.new_link().await?;
    let replaces = *server.auth.password_is_set().borrow();
    let listen = server.house.config.dashboard.listen;
    // Until a password exists, and where it listens everywhere, it is on loopback.
    let ip = if replaces && !listen.ip().is_unspecified() {
        listen.ip()
    } else {
        Ipv4Addr::LOCALHOST.into()
    };
    Ok(Json(PasswordLink {
        path: format!("/welcome/{token}"),
        address: (ip, listen.port()).into(),
        replaces,
        minutes: LINK_LIFETIME.as_secs() / 60,
    }))
}
