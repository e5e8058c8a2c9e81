//! Signing in and out, and the page behind a one-time link.

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tealkeep_app::model as view;
use tealkeep_app::render;
use tower_sessions::Session;

use super::visit::Visit;
use crate::http::auth::{MIN_PASSWORD_LENGTH, PasswordError, SignInError};
use crate::http::page::{Drawn, back_with, bare_frame, html, local_path};
use crate::http::server::{Server, Shared};
use crate::http::signed_in::is_signed_in;
use crate::journal::{NewEvent, Severity};

/// Where a sign-in leads to.
#[derive(Debug, Deserialize)]
pub struct Next {
    next: Option<String>,
}

/// `GET /sign-in`
pub async fn sign_in(State(server): Shared, session: Session, Query(query): Query<Next>) -> Drawn {
    if is_signed_in(&session).await {
        return Ok(Redirect::to(&local_path(query.next.as_deref())).into_response());
    }
    Ok(draw_sign_in(
        &server,
        StatusCode::OK,
        query.next,
        None,
        None,
    ))
}

fn draw_sign_in(
    server: &Server,
    status: StatusCode,
    next: Option<String>,
    problem: Option<String>,
    wait: Option<std::time::Duration>,
) -> Response {
    let page = view::SignIn {
        problem,
        wait,
        return_to: next.map(|next| local_path(Some(&next))),
        has_password: *server.auth.password_is_set().borrow(),
    };
    html(
        status,
        render(
            &bare_frame(server, "/sign-in".to_owned()),
            view::Page::SignIn(page),
        ),
    )
}

/// The sign-in form.
#[derive(Deserialize)]
pub struct SignInForm {
    password: String,
    #[serde(alias = "return_to")]
    next: Option<String>,
}

/// `POST /sign-in`
pub async fn do_sign_in(
    State(server): Shared,
    visit: Visit,
    session: Session,
    Form(form): Form<SignInForm>,
) -> Drawn {
    let (from, device) = (visit.transport.ip(), visit.device(&server).await?);
    // The line for the check is bounded by itself: who waits there keeps the connection.
    if let Some(place) = &visit.place {
        place.recognise();
    }
    let checked = server.auth.check(from, device, form.password).await;
    if let (Some(place), Err(_)) = (&visit.place, &checked) {
        place.forget();
    }
    match checked {
        Ok(()) => {
            let remember = visit.sign_in(&server, &session).await?;
            server
                .house
                .journal
                .note(NewEvent::new(
                    Severity::Info,
                    format!("Somebody signed in from {from}."),
                ))
                .await;
            Ok(remember.with(Redirect::to(&local_path(form.next.as_deref()))))
        }
        Err(SignInError::Throttled { wait }) => {
            let mut response = draw_sign_in(
                &server,
                StatusCode::TOO_MANY_REQUESTS,
                form.next,
                None,
                Some(wait),
            );
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
            Ok(response)
        }
        Err(wrong @ (SignInError::Wrong | SignInError::NoPassword)) => {
            if matches!(wrong, SignInError::Wrong)
                && let Some(event) = server.auth.failures.count(from)
            {
                server.house.journal.note(event).await;
            }
            let mut sentence = format!("{wrong}.");
            sentence[..1].make_ascii_uppercase();
            Ok(draw_sign_in(
                &server,
                StatusCode::UNAUTHORIZED,
                form.next,
                Some(sentence),
                None,
            ))
        }
        Err(SignInError::Fault(error)) => Err(error.into()),
    }
}

/// `POST /sign-out`
pub async fn do_sign_out(session: Session) -> Drawn {
    session.flush().await?;
    Ok(Redirect::to("/sign-in").into_response())
}

/// `GET /welcome/{token}`
pub async fn welcome(State(server): Shared, Path(token): Path<String>) -> Drawn {
    let good = server.auth.link_is_good(&token).await?;
    Ok(draw_welcome(&server, good.then_some(token), None))
}

fn draw_welcome(server: &Server, token: Option<String>, problem: Option<String>) -> Response {
    let status = match (&token, &problem) {
        (None, _) => StatusCode::GONE,
        (Some(_), Some(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        (Some(_), None) => StatusCode::OK,
    };
    // The token must not travel further in a Referer; the policy of all pages keeps it on this origin.
    let frame = bare_frame(server, "/welcome".to_owned());
    html(
        status,
        render(
            &frame,
            view::Page::Welcome(view::Welcome {
                token,
                problem,
                min_length: MIN_PASSWORD_LENGTH,
            }),
        ),
    )
}

/// The form behind a one-time link.
#[derive(Deserialize)]
pub struct WelcomeForm {
    password: String,
    password_again: String,
}

/// `POST /welcome/{token}`
pub async fn do_welcome(
    State(server): Shared,
    visit: Visit,
    session: Session,
    Path(token): Path<String>,
    Form(form): Form<WelcomeForm>,
) -> Drawn {
    if form.password != form.password_again {
        let problem = Some("The two passwords differ; type the same one twice.".to_owned());
        let good = server.auth.link_is_good(&token).await?;
        return Ok(draw_welcome(&server, good.then_some(token), problem));
    }
    match server.auth.use_link(&token, form.password).await {
        Ok(()) => {
            let remember = visit.sign_in(&server, &session).await?;
            server
                .house
                .journal
                .note(NewEvent::new(
                    Severity::Info,
                    "A password was set through the one-time link.",
                ))
                .await;
            let back = back_with(
                &session,
                "/",
                true,
                "The password is set, and you are signed in.".to_owned(),
            );
            Ok(remember.with(back.await?))
        }
        Err(PasswordError::Link) => Ok(draw_welcome(&server, None, None)),
        Err(PasswordError::Unfit(why)) => Ok(draw_welcome(&server, Some(token), Some(why))),
        Err(PasswordError::Fault(error)) => Err(error.into()),
    }
}
