//! The account's page: its sessions and tokens, and the password.

use axum::Form;
use axum::extract::{Path, State};
use serde::Deserialize;
use tealkeep_app::model as view;
use tower_sessions::Session;

use super::sign_in::do_sign_out;
use super::visit::Visit;
use crate::http::auth::{MIN_PASSWORD_LENGTH, PasswordError, Sessions};
use crate::http::page::{Drawn, Failure, back_with, draw};
use crate::http::server::{Server, Shared};
use crate::http::signed_in::{SIGNED_IN, SignedIn};
use crate::journal::{NewEvent, Severity};

/// `GET /account`
pub async fn account(State(server): Shared, session: Session) -> Drawn {
    draw_account(&server, &session, None).await
}

async fn draw_account(server: &Server, session: &Session, problem: Option<String>) -> Drawn {
    let own = session.id().map(Sessions::handle);
    let mut sessions = Vec::new();
    for row in server.auth.sessions.list().await? {
        let value = row.record.data.get(SIGNED_IN).cloned();
        let Some(signed_in) =
            value.and_then(|value| serde_json::from_value::<SignedIn>(value).ok())
        else {
            continue;
        };
        sessions.push(view::Session {
            current: own.as_ref() == Some(&row.handle),
            id: row.handle,
            browser: signed_in.browser,
            since: signed_in.at,
        });
    }
    sessions.sort_by(|a, b| b.current.cmp(&a.current).then(b.since.cmp(&a.since)));
    let tokens = server.auth.tokens.list().await?;
    let tokens = tokens.into_iter().map(|token| view::Token {
        opens: token.scope.in_words(),
        name: token.name,
        made: token.made,
        last_used: token.last_used,
    });
    let page = view::Account {
        sessions,
        tokens: tokens.collect(),
        problem,
        min_length: MIN_PASSWORD_LENGTH,
    };
    draw(server, session, "/account", view::Page::Account(page)).await
}

/// The form that changes the password.
#[derive(Deserialize)]
pub struct PasswordForm {
    current: String,
    password: String,
    password_again: String,
}

/// `POST /account/password`
pub async fn do_change_password(
    State(server): Shared,
    visit: Visit,
    session: Session,
    Form(form): Form<PasswordForm>,
) -> Drawn {
    if form.password != form.password_again {
        return draw_account(
            &server,
            &session,
            Some("The two new passwords differ; type the same one twice.".to_owned()),
        )
        .await;
    }
    let (from, device) = (visit.transport.ip(), visit.device(&server).await?);
    match server
        .auth
        .change_password(from, device, form.current, form.password)
        .await
    {
        Ok(()) => {
            let remember = visit.sign_in(&server, &session).await?;
            server
                .house
                .journal
                .note(NewEvent::new(
                    Severity::Info,
                    "The password was changed; all other sessions ended.",
                ))
                .await;
            let back = back_with(
                &session,
                "/account",
                true,
                "The password is changed. Every other browser was signed out.".to_owned(),
            );
            Ok(remember.with(back.await?))
        }
        Err(PasswordError::Unfit(why)) => draw_account(&server, &session, Some(why)).await,
        Err(PasswordError::Link) => Err(Failure(view::ErrorPage::NotFound)),
        Err(PasswordError::Fault(error)) => Err(error.into()),
    }
}

/// `POST /account/sessions/{id}/revoke`
pub async fn do_revoke(
    State(server): Shared,
    session: Session,
    Path(handle): Path<String>,
) -> Drawn {
    let own = session.id().map(Sessions::handle) == Some(handle.clone());
    if own {
        return do_sign_out(session).await;
    }
    if let Some(device) = device_of(&server, &handle).await? {
        server.auth.devices.forget(device).await?;
    }
    if server.auth.sessions.revoke(handle).await? {
        back_with(
            &session,
            "/account",
            true,
            "That browser is signed out.".to_owned(),
        )
        .await
    } else {
        back_with(
            &session,
            "/account",
            false,
            "That session had ended already.".to_owned(),
        )
        .await
    }
}

/// The browser that a session belongs to.
async fn device_of(server: &Server, handle: &str) -> anyhow::Result<Option<String>> {
    let sessions = server.auth.sessions.list().await?;
    let record = sessions.into_iter().find(|row| row.handle == handle);
    let signed_in = record.and_then(|row| row.record.data.get(SIGNED_IN).cloned());
    Ok(signed_in
        .and_then(|value| serde_json::from_value::<SignedIn>(value).ok())
        .and_then(|signed_in| signed_in.device))
}

/// `POST /account/tokens/{name}/revoke`
pub async fn do_revoke_token(
    State(server): Shared,
    session: Session,
    Path(name): Path<String>,
) -> Drawn {
    let revoked = server.auth.revoke_token(&name).await?;
    let said = if revoked {
        let text = format!("The token called {name} was revoked by the dashboard.");
        server
            .house
            .journal
            .note(NewEvent::new(Severity::Info, text))
            .await;
        format!("The token {name} opens nothing any more.")
    } else {
        "That token was revoked already.".to_owned()
    };
    back_with(&session, "/account", revoked, said).await
}
