//! `tealkeep pulled`: the word that a laptop leaves after it has fetched the snapshots.

use clap::Args;

use super::Outcome;

#[derive(Debug, Args)]
pub struct PulledArgs {
    /// The app's name.
    app: Option<String>,
}

/// Leaves word.
pub fn run(_args: &PulledArgs) -> Outcome {
    Err(not_yet())
}

fn not_yet() -> super::Failure {
    super::Failure::Tried(anyhow::anyhow!("this can't be done yet"))
}
