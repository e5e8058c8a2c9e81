//! The way to the page of a run that has just begun.

use axum::response::{IntoResponse, Redirect, Response};

use crate::journal::runs::RunId;

pub(super) fn to_run(app: &str, run: RunId) -> Response {
    Redirect::to(&format!("/apps/{app}/runs/{run}")).into_response()
}
