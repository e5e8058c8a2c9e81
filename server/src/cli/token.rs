//! `tealkeep token`: for scripts and other machines that use the API.

use clap::{Args, Subcommand};

use super::client::Client;
use super::outcome::Outcome;
use super::output::print;
use crate::http::auth::{Scope, Token};
use crate::http::tokens::{NewToken, TokenRequest};

#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the tokens (the default).
    List,
    /// Create a token and print it, once.
    Add {
        /// Its name, for example that of the machine that uses it.
        name: String,
        /// What it allows: `read` shows the state, `deploy` also deploys, `admin` also restores.
        #[arg(long, default_value = "read")]
        scope: Scope,
    },
    /// Revoke a token.
    Revoke {
        /// Its name.
        name: String,
    },
}

/// `tealkeep token`
pub async fn run(client: &Client, args: &TokenArgs, json: bool) -> Outcome {
    match &args.action {
        None | Some(Action::List) => {
            let tokens: Vec<Token> = client.get("/api/v1/tokens").await?;
            print(json, &tokens, || table(&tokens))
        }
        Some(Action::Add { name, scope }) => {
            let request = TokenRequest {
                name: name.clone(),
                scope: *scope,
            };
            let token: NewToken = client.post("/api/v1/tokens", &request).await?;
            print(json, &token, || {
                format!(
                    "{}\n\nKeep it where only that script can read it; it is not shown again. Send it with each request:\n  \
                     Authorization: Bearer TOKEN",
                    token.token
                )
            })
        }
        Some(Action::Revoke { name }) => {
            let left: Vec<Token> = client
                .post(&format!("/api/v1/tokens/{name}/revoke"), &())
                .await?;
            print(json, &left, || format!("The token {name} is revoked."))
        }
    }
}

fn table(tokens: &[Token]) -> String {
    if tokens.is_empty() {
        return "There are no tokens; `tealkeep token add NAME --scope read` creates one."
            .to_owned();
    }
    let width = tokens.iter().map(|token| token.name.len()).max();
    let width = width.unwrap_or_default();
    tokens
        .iter()
        .map(|token| {
            let used = token.last_used.map_or_else(
                || "never used".to_owned(),
                |at| format!("last used {}", day(at)),
            );
            let (name, made) = (&token.name, day(token.made));
            format!(
                "{name:<width$}  {:<6}  created {made}, {used}\n",
                token.scope
            )
        })
        .collect()
}

fn day(at: jiff::Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system()).date().to_string()
}
