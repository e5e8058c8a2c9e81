//! `tealkeep units`

use clap::Args;

use super::{Failure, Outcome};

#[derive(Debug, Args)]
pub struct UnitsArgs {}

/// `tealkeep units`
pub async fn run(_args: &UnitsArgs, _json: bool) -> Outcome {
    Err(Failure::Call(String::new()))
}
