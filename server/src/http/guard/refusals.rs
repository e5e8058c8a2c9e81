//! Gives what was refused before a handler saw it (a number that is none, a body too large) the shape of all other errors:
//! extractors and limits say it in plain text.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tealkeep_app::model::ErrorPage;

use crate::http::body_deadline::Lateness;
use crate::http::caller::is_api;
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::server::Server;

/// The longest text of a refusal that is passed on, in bytes.
const MAX_REFUSAL_BYTES: usize = 4096;

/// Tells what was refused before a handler saw it (a number that is none, a body too large) in the shape
/// of all other errors: extractors and limits say it in plain text.
pub async fn shape_refusals(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let (api, path) = (is_api(&request), request.uri().path().to_owned());
    let lateness = request.extensions().get::<Lateness>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    if lateness.is_some_and(|lateness| lateness.is_late()) {
        let sentence = "The request did not arrive completely in time. Send it again.".to_owned();
        let status = StatusCode::REQUEST_TIMEOUT;
        let mut response = if api {
            Problem::new(status, sentence).into_response()
        } else {
            page::error(&server, &path, status, ErrorPage::Refused { sentence })
        };
        // What is still to come of it is no request.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    let is_plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || !is_plain {
        return response;
    }
    let said = match axum::body::to_bytes(response.into_body(), MAX_REFUSAL_BYTES).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        // The status alone tells it then.
        Err(_) => String::new(),
    };
    let sentence = format!("The request could not be read: {said}.");
    if api {
        Problem::new(status, sentence).into_response()
    } else if status == StatusCode::BAD_REQUEST {
        page::error(&server, &path, StatusCode::NOT_FOUND, ErrorPage::NotFound)
    } else {
        page::error(&server, &path, status, ErrorPage::Refused { sentence })
    }
}
