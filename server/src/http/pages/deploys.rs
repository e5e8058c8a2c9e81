//! Deploys on the dashboard: the list, deploying, rolling back, and one run.

use axum::Form;
use axum::extract::{Path, State};
use serde::Deserialize;
use tealkeep_app::model as view;
use tower_sessions::Session;

use super::run_link::to_run;
use crate::deploy::release::Source;
use crate::http::console;
use crate::http::find::find;
use crate::http::page::{Drawn, Failure, draw};
use crate::http::server::Shared;
use crate::journal::runs::RunId;
use crate::names::ReleaseId;

/// `GET /apps/{app}/deploys`
pub async fn deploys(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let page = console::deploys(&server.house, find(&server, &app)?).await?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/deploys"),
        view::Page::Deploys(page),
    )
    .await
}

/// `GET /apps/{app}/deploys/{release}`
pub async fn deploy(
    State(server): Shared,
    session: Session,
    Path((app, release)): Path<(String, String)>,
) -> Drawn {
    let found = find(&server, &app)?;
    let release: ReleaseId = release
        .parse()
        .map_err(|_| Failure(view::ErrorPage::NotFound))?;
    let page = console::confirm_deploy(&server.house, found, &release)
        .await?
        .ok_or(Failure(view::ErrorPage::NotFound))?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/deploys/{release}"),
        view::Page::Deploy(page),
    )
    .await
}

/// `GET /apps/{app}/rollback`
pub async fn rollback(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let page = console::confirm_rollback(&server.house, find(&server, &app)?).await?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/rollback"),
        view::Page::Rollback(page),
    )
    .await
}

/// `GET /apps/{app}/runs/{id}`
pub async fn run(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, RunId)>,
) -> Drawn {
    let found = find(&server, &app)?;
    let run = server
        .house
        .journal
        .run(id)
        .await?
        .filter(|run| run.app == *found.name());
    let run = run.ok_or(Failure(view::ErrorPage::NotFound))?;
    let page = view::RunPage {
        run: console::run_view(&run),
    };
    draw(
        &server,
        &session,
        &format!("/apps/{app}/runs/{id}"),
        view::Page::Run(page),
    )
    .await
}

/// The form that deploys a release.
#[derive(Debug, Deserialize)]
pub struct DeployForm {
    release: ReleaseId,
}

/// `POST /apps/{app}/deploys`
pub async fn do_deploy(
    State(server): Shared,
    Path(app): Path<String>,
    Form(form): Form<DeployForm>,
) -> Drawn {
    let run = find(&server, &app)?
        .deploy(Source::Named(form.release), "the dashboard")
        .await?;
    Ok(to_run(&app, run))
}

/// `POST /apps/{app}/rollback`
pub async fn do_rollback(State(server): Shared, Path(app): Path<String>) -> Drawn {
    let run = find(&server, &app)?.rollback("the dashboard").await?;
    Ok(to_run(&app, run))
}
