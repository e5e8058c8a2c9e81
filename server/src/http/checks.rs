//! Checks and acceptances in the API: what the policies found in an app, checking it again, and accepting a finding or taking
//! that back.

pub mod facts;
pub(super) mod forms;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::find::find;
use super::problem::{Answer, Problem};
use super::server::Shared;
use crate::journal::checks::{Acceptance, Check, CheckId, Scope};
use crate::policy::{Kind, Policy};
use facts::{CheckFacts, MAX_CHECKS, all_of, one_of};

/// What accepting takes: which findings, and why. Either `kind` and `url` name one finding as a check told it, or
/// `pattern` names addresses, of one `kind` or of all kinds of the policy.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    /// The rule.
    pub policy: Policy,
    /// What exactly; may be left out beside a `pattern`, for every kind of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The URL that it is about, exactly as in the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// In place of `url`: a pattern for URLs, in which `*` stands for any characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Why it is accepted, for whoever reads it in a year.
    pub why: String,
}

/// Whether acceptances that were taken back are listed too.
#[derive(Debug, Deserialize)]
pub struct AcceptancesQuery {
    #[serde(default)]
    all: bool,
}

/// `GET /api/v1/apps/{app}/checks`
pub async fn list(State(server): Shared, Path(app): Path<String>) -> Answer<Vec<CheckFacts>> {
    let checks = all_of(&server.house.journal, find(&server, &app)?, MAX_CHECKS).await?;
    Ok(Json(checks.iter().map(CheckFacts::from).collect()))
}

/// `GET /api/v1/apps/{app}/checks/{id}`
pub async fn one(State(server): Shared, Path((app, id)): Path<(String, CheckId)>) -> Answer<Check> {
    Ok(Json(
        one_of(&server.house.journal, find(&server, &app)?, id).await?,
    ))
}

/// `POST /api/v1/apps/{app}/checks`
pub async fn check_now(State(server): Shared, Path(app): Path<String>) -> Answer<Check> {
    Ok(Json(find(&server, &app)?.check_now().await?))
}

/// `GET /api/v1/apps/{app}/acceptances`
pub async fn acceptances(
    State(server): Shared,
    Path(app): Path<String>,
    Query(query): Query<AcceptancesQuery>,
) -> Answer<Vec<Acceptance>> {
    let name = find(&server, &app)?.name().clone();
    Ok(Json(
        server.house.journal.acceptances(name, query.all).await?,
    ))
}

/// `POST /api/v1/apps/{app}/acceptances`
pub async fn accept(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
    Json(request): Json<AcceptRequest>,
) -> Answer<Acceptance> {
    let scope = scope(request.policy, request.kind, request.url, request.pattern)?;
    let accepted = find(&server, &app)?
        .accept(scope, caller.as_str(), &request.why)
        .await?;
    Ok(Json(accepted))
}

/// Which findings are meant. Naming less than one finding takes a pattern, so that nobody accepts more by leaving
/// something out.
fn scope(
    policy: Policy,
    kind: Option<Kind>,
    url: Option<String>,
    pattern: Option<String>,
) -> Result<Scope, Problem> {
    match (kind, url, pattern) {
        (Some(kind), Some(url), None) => Ok(Scope {
            policy,
            kind: Some(kind),
            url,
            is_pattern: false,
        }),
        (kind, None, Some(pattern)) if !pattern.trim().is_empty() => Ok(Scope {
            policy,
            kind,
            url: pattern.trim().to_owned(),
            is_pattern: true,
        }),
        (_, _, _) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "name one finding by its `kind` and `url`, or more of them by a `pattern` for their addresses, such as `*`",
        )),
    }
}

/// `POST /api/v1/apps/{app}/acceptances/{id}/revoke`
pub async fn revoke(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path((app, id)): Path<(String, i64)>,
) -> Answer<Acceptance> {
    let revoked = find(&server, &app)?
        .revoke_acceptance(id, caller.as_str())
        .await?;
    Ok(Json(revoked))
}
