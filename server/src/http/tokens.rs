//! The API's side of tokens: over the unix socket only, so that a token can't make another one.

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::auth::{Scope, Token};
use super::caller::Caller;
use super::problem::Problem;
use super::server::Shared;
use crate::journal::{NewEvent, Severity};

/// A token that is wanted.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenRequest {
    /// What it is called: 1 to 40 letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What it opens.
    pub scope: Scope,
}

/// A token that was made.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NewToken {
    /// What it is called.
    pub name: String,
    /// What it opens.
    pub scope: Scope,
    /// Its text, for `Authorization: Bearer TEXT` (RFC 6750, section 2.1). It can't be had again.
    pub token: String,
}

/// `GET /api/v1/tokens`
pub async fn list(State(server): Shared) -> Result<Json<Vec<Token>>, Problem> {
    Ok(Json(server.auth.tokens.list().await?))
}

/// `POST /api/v1/tokens`
pub async fn make(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Json(request): Json<TokenRequest>,
) -> Result<Json<NewToken>, Problem> {
    let TokenRequest { name, scope } = request;
    let token = server
        .auth
        .tokens
        .make(&name, scope)
        .await
        .map_err(|error| Problem::new(StatusCode::CONFLICT, format!("{error:#}")))?;
    let text = format!("A token called {name} with the scope {scope} was made by {caller}.");
    server
        .house
        .journal
        .note(NewEvent::new(Severity::Info, text))
        .await;
    Ok(Json(NewToken { name, scope, token }))
}

/// `POST /api/v1/tokens/{name}/revoke`
pub async fn revoke(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<Vec<Token>>, Problem> {
    if !server.auth.revoke_token(&name).await? {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!("there is no token called {name}; `tealkeep token` lists those that there are"),
        ));
    }
    let text = format!("The token called {name} was revoked by {caller}.");
    server
        .house
        .journal
        .note(NewEvent::new(Severity::Info, text))
        .await;
    list(State(server)).await
}
