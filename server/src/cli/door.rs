//! `tealkeep door`

use clap::Args;

use super::{Failure, Outcome};

#[derive(Debug, Args)]
pub struct DoorArgs {}

/// `tealkeep door`
pub async fn run(_args: &DoorArgs, _json: bool) -> Outcome {
    Err(Failure::Call(String::new()))
}
