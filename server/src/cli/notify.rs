//! `tealkeep notify`: a message that says nothing but that messages arrive.

use clap::Args;

use super::Outcome;
use super::client::Client;

#[derive(Debug, Args)]
pub struct NotifyArgs {}

/// Asks the server to send one.
pub async fn run(_client: &Client, _args: &NotifyArgs, _json: bool) -> Outcome {
    Err(not_yet())
}

fn not_yet() -> super::Failure {
    super::Failure::Tried(anyhow::anyhow!("this can't be done yet"))
}
