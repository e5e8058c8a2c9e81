//! `tealkeep token`

use clap::Args;

use super::client::Client;
use super::{Failure, Outcome};

#[derive(Debug, Args)]
pub struct TokenArgs {}

/// `tealkeep token`
pub async fn run(_client: &Client, _args: &TokenArgs, _json: bool) -> Outcome {
    Err(Failure::Call(String::new()))
}
