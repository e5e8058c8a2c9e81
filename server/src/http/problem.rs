//! Errors of the API as `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::deploy::Refusal;

/// What a handler of the API answers.
pub type Answer<T> = Result<axum::Json<T>, Problem>;

/// An error as the API tells it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Problem {
    /// `about:blank`: the title says what the status says.
    r#type: &'static str,
    title: String,
    status: u16,
    /// What is wrong and what to do, as a sentence.
    pub detail: String,
}

impl Problem {
    /// With a status and a sentence.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
        }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), axum::Json(&self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Problem {
        tracing::error!("{error:#}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let status = match &refusal {
            Refusal::Busy { .. } | Refusal::Impossible(_) => StatusCode::CONFLICT,
            Refusal::NoRelease { .. } | Refusal::NoSnapshot { .. } => StatusCode::NOT_FOUND,
            Refusal::Fault(error) => {
                tracing::error!("{error:#}");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Problem::new(status, refusal.to_string())
    }
}
