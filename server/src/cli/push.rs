//! `tealkeep push`

use clap::Args;

use super::{Failure, Outcome};

#[derive(Debug, Args)]
pub struct PushArgs {}

/// `tealkeep push`
pub async fn run(_args: &PushArgs, _json: bool) -> Outcome {
    Err(Failure::Call(String::new()))
}
