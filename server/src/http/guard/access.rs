//! Lets through only who may use a route: whoever is signed in, comes over the unix socket, or has a token with a sufficient
//! scope.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use crate::admission::Place;
use crate::http::auth::Scope;
use crate::http::caller::{Caller, Transport, is_api};
use crate::http::problem::Problem;
use crate::http::server::Server;
use crate::http::signed_in::is_signed_in;

/// What a route behind the door asks for.
#[derive(Clone)]
pub struct Needs {
    /// Who keeps the door.
    pub server: Arc<Server>,
    /// What a token must open.
    pub scope: Scope,
}

/// Lets through only who is signed in, came over the unix socket, or has a token that opens so much. A
/// token opens the API, not the pages.
pub async fn require_signed_in(
    State(needs): State<Needs>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match request.extensions().get() {
        Some(Transport::Socket(peer)) => Some(peer.in_words()),
        Some(Transport::Tcp(_)) | None => match bearer(&request) {
            // Whoever shows a token is judged by it alone.
            Some(text) => match by_token(&needs, text).await {
                Ok(caller) => Some(caller),
                Err(refused) => return refused,
            },
            None => is_signed_in(&session)
                .await
                .then(|| "the dashboard".to_owned()),
        },
    };
    if let Some(caller) = caller {
        if let Some(place) = request.extensions().get::<Arc<Place>>() {
            place.recognise();
        }
        request.extensions_mut().insert(Caller(caller));
        return next.run(request).await;
    }
    if is_api(&request) {
        return challenged(
            "sign in first, send a token (`tealkeep token add` makes one), or use the unix socket",
            "Bearer realm=\"tealkeep\"",
        );
    }
    // Where a sign-in leads back to: pages only, since a form's content is gone by then.
    let back = match (request.method().is_safe(), request.uri().path_and_query()) {
        (true, Some(path)) if path.as_str() != "/" => {
            format!("/sign-in?next={}", percent_encoded(path.as_str()))
        }
        _ => "/sign-in".to_owned(),
    };
    Redirect::to(&back).into_response()
}

/// The token that came with a request to the API (RFC 6750, section 2.1).
fn bearer(request: &Request) -> Option<&str> {
    let field = request.headers().get(header::AUTHORIZATION)?;
    if !is_api(request) {
        return None;
    }
    // What can't be a token is an unknown one.
    let field = field.to_str().unwrap_or_default();
    let (scheme, text) = field.split_once(' ').unwrap_or_default();
    Some(if scheme.eq_ignore_ascii_case("bearer") {
        text.trim()
    } else {
        ""
    })
}

async fn by_token(needs: &Needs, text: &str) -> Result<String, Response> {
    let found = needs.server.auth.tokens.of_text(text).await;
    match found.map_err(|error| Problem::from(error).into_response())? {
        Some(token) if token.scope >= needs.scope => {
            Ok(format!("the holder of the token {}", token.name))
        }
        Some(token) => {
            let text = format!(
                "the token {} has the scope {}; this needs {}",
                token.name, token.scope, needs.scope
            );
            Err(Problem::new(StatusCode::FORBIDDEN, text).into_response())
        }
        None => Err(challenged(
            "that is no token of this Tealkeep; it may have been revoked",
            "Bearer realm=\"tealkeep\", error=\"invalid_token\"",
        )),
    }
}

fn challenged(detail: &'static str, challenge: &'static str) -> Response {
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    );
    response
}

/// Lets through only what came over the unix socket.
pub async fn require_socket(mut request: Request, next: Next) -> Response {
    match request.extensions().get() {
        Some(Transport::Socket(peer)) => {
            let caller = Caller(peer.in_words());
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        _ => Problem::new(StatusCode::NOT_FOUND, "there is nothing here").into_response(),
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
