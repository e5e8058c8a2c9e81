//! The dashboard's routes: each page is drawn from what `console` reads, each form does one thing and answers with a redirect to
//! a page that shows it.

pub mod account;
pub mod backups;
pub mod deploys;
mod run_link;
pub mod sign_in;
mod visit;

use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tealkeep_app::assets::Asset;
use tealkeep_app::model as view;
use tower_sessions::Session;

use super::console;
use super::find::find;
use super::page::{Drawn, draw, error};
use super::problem::Problem;
use super::server::Shared;

/// Whatever is not in the table.
pub async fn not_found(State(server): Shared, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        return Problem::new(
            StatusCode::NOT_FOUND,
            "there is nothing here; /api/v1/openapi.json lists what there is",
        )
        .into_response();
    }
    error(
        &server,
        request.uri().path(),
        StatusCode::NOT_FOUND,
        view::ErrorPage::NotFound,
    )
}

/// A file of the dashboard.
pub async fn asset(asset: &'static Asset) -> Response {
    let keep = if asset.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    (
        [
            (header::CONTENT_TYPE, asset.content_type),
            (header::CACHE_CONTROL, keep),
        ],
        asset.bytes,
    )
        .into_response()
}

/// `GET /`
pub async fn overview(State(server): Shared, session: Session) -> Drawn {
    let page = console::overview(&server.judge).await?;
    draw(&server, &session, "/", view::Page::Overview(page)).await
}

/// Which part of the journal.
#[derive(Debug, Deserialize)]
pub struct JournalQuery {
    app: Option<String>,
    before: Option<i64>,
}

/// `GET /journal`
pub async fn journal(
    State(server): Shared,
    session: Session,
    Query(query): Query<JournalQuery>,
) -> Drawn {
    let app = match query.app.as_deref().filter(|app| !app.is_empty()) {
        Some(app) => Some(find(&server, app)?),
        None => None,
    };
    let page = console::journal(&server.house, app.map(|app| &**app), query.before).await?;
    draw(&server, &session, "/journal", view::Page::Journal(page)).await
}
