//! `tealkeep manual`

use clap::Args;

use super::{Failure, Outcome};

#[derive(Debug, Args)]
pub struct ManualArgs {}

/// `tealkeep manual`
pub async fn run(_args: &ManualArgs, _json: bool) -> Outcome {
    Err(Failure::Call(String::new()))
}
