//! Backups on the dashboard: the list, restoring, undoing, drills and pins.

use axum::extract::{Path, State};
use tealkeep_app::model as view;
use tower_sessions::Session;

use super::run_link::to_run;
use crate::backup::{Reason, human};
use crate::deploy::Refusal;
use crate::http::console;
use crate::http::find::{find, snapshot_id};
use crate::http::page::{Drawn, Failure, back_with, draw};
use crate::http::server::{Server, Shared};
use crate::journal::{NewEvent, Severity};

/// `GET /apps/{app}/backups`
pub async fn backups(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let page = console::backups(&server.judge, find(&server, &app)?).await?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/backups"),
        view::Page::Backups(Box::new(page)),
    )
    .await
}

/// `GET /apps/{app}/snapshots/{id}/restore`
pub async fn restore(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, String)>,
) -> Drawn {
    let page = console::confirm_restore(find(&server, &app)?, snapshot_id(&id)?).await?;
    let page = page.ok_or(Failure(view::ErrorPage::NotFound))?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/snapshots/{id}/restore"),
        view::Page::Restore(page),
    )
    .await
}

/// `GET /apps/{app}/undo`
pub async fn undo(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let found = find(&server, &app)?;
    match console::confirm_undo(found).await? {
        Some(page) => {
            draw(
                &server,
                &session,
                &format!("/apps/{app}/undo"),
                view::Page::Undo(page),
            )
            .await
        }
        None => {
            let why = found
                .undo_target()
                .await?
                .err()
                .unwrap_or_else(|| "there is nothing to undo".to_owned());
            Err(Failure(view::ErrorPage::Refused { sentence: why }))
        }
    }
}

/// `POST /apps/{app}/backup`
pub async fn do_backup(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let found = find(&server, &app)?;
    let to = format!("/apps/{app}/backups");
    match found.backup(Reason::Manual).await {
        Ok(manifest) => {
            let size = human(manifest.bytes);
            back_with(
                &session,
                &to,
                true,
                format!("A snapshot was taken and read back: {size}."),
            )
            .await
        }
        Err(error) => {
            back_with(
                &session,
                &to,
                false,
                format!("No snapshot was taken: {error:#}. Nothing was deleted."),
            )
            .await
        }
    }
}

/// `POST /apps/{app}/drill`
pub async fn do_drill(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let to = format!("/apps/{app}/backups");
    let (good, said) = match find(&server, &app)?.drill().await {
        Ok(report) => match &report.failed {
            Some(why) => (false, format!("A restore would fail: {why}.")),
            None => {
                let more = match report.warnings.len() {
                    0 => String::new(),
                    _ => " Look at what was noticed below.".to_owned(),
                };
                let proven = report.proven();
                (true, format!("A restore would work: {proven}.{more}"))
            }
        },
        Err(Refusal::Fault(error)) => return Err(error.into()),
        Err(refusal) => (false, format!("No drill was begun: {refusal}.")),
    };
    back_with(&session, &to, good, said).await
}

/// `POST /apps/{app}/snapshots/{id}/restore`
pub async fn do_restore(State(server): Shared, Path((app, id)): Path<(String, String)>) -> Drawn {
    let run = find(&server, &app)?
        .restore(snapshot_id(&id)?, "the dashboard")
        .await?;
    Ok(to_run(&app, run))
}

/// `POST /apps/{app}/undo`
pub async fn do_undo(State(server): Shared, Path(app): Path<String>) -> Drawn {
    let run = find(&server, &app)?.undo("the dashboard").await?;
    Ok(to_run(&app, run))
}

/// `POST /apps/{app}/snapshots/{id}/pin`
pub async fn do_pin(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, String)>,
) -> Drawn {
    set_pinned(&server, &session, &app, &id, true).await
}

/// `POST /apps/{app}/snapshots/{id}/unpin`
pub async fn do_unpin(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, String)>,
) -> Drawn {
    set_pinned(&server, &session, &app, &id, false).await
}

async fn set_pinned(
    server: &Server,
    session: &Session,
    app: &str,
    id: &str,
    pinned: bool,
) -> Drawn {
    let found = find(server, app)?;
    let id = snapshot_id(id)?;
    let to = format!("/apps/{app}/backups");
    match found.data.set_pinned(id, pinned).await {
        Ok(_) => {
            let text = if pinned {
                format!("{id} was pinned: it stays for ever.")
            } else {
                format!("The pin of {id} was taken out.")
            };
            server
                .house
                .journal
                .note(NewEvent::new(Severity::Info, text.clone()).of(found.name()))
                .await;
            back_with(session, &to, true, text).await
        }
        Err(error) => back_with(session, &to, false, format!("{error:#}.")).await,
    }
}
