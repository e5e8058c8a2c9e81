//! The answers that several handlers give: a page, one that nobody may cache, and what failed.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::app::Home;
use super::hex::hex;
use super::log::log;
use super::pages;
use super::store::StoreError;

const CONTENT_POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// An answer that is a page.
pub(super) fn html(home: &Home, status: StatusCode, text: String) -> Response {
    let cache_control = home
        .faults
        .page_cache_control()
        .unwrap_or(pages::CACHE_CONTROL);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, cache_control),
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    ];
    (status, headers, text).into_response()
}

/// A change or a page that failed.
pub(super) struct Failure(pub(super) StoreError);

impl Failure {
    fn status(&self) -> StatusCode {
        match &self.0 {
            StoreError::NoSuch(_) => StatusCode::NOT_FOUND,
            StoreError::IdUsedOtherwise(_) => StatusCode::CONFLICT,
            StoreError::Sqlite(_) | StoreError::Interrupted => {
                log(&format!("error: {}", self.0));
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    pub(super) fn json(self) -> Response {
        no_store((self.status(), Json(json!({ "error": self.0.to_string() }))))
    }

    pub(super) fn html(self, home: &Home) -> Response {
        let status = self.status();
        let text = format!("It did not work: {}.", self.0);
        html(
            home,
            status,
            pages::message(home, "Something went wrong", &text),
        )
    }
}

/// An answer that nobody may cache.
pub(super) fn no_store(answer: impl IntoResponse) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

/// 128 random bits in hexadecimal.
pub(super) fn new_request_id() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the kernel always has random bytes after boot");
    hex(&bytes)
}
