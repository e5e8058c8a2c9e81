//! `tealkeep prepare`

use clap::Args;

use super::{Failure, Outcome};

#[derive(Debug, Args)]
pub struct PrepareArgs {}

/// `tealkeep prepare`
pub async fn run(_args: &PrepareArgs, _json: bool) -> Outcome {
    Err(Failure::Call(String::new()))
}
