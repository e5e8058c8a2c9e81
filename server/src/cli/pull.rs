//! `tealkeep pull`: the laptop's own copy of the backups folder, fetched by rsync and proven.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;

#[derive(Debug, Args)]
pub struct PullArgs {
    /// Where from, as rsync and ssh write it: tealkeep-backup@raspberrypi:/
    from: String,
    /// The folder on this laptop.
    dest: PathBuf,
}

/// Fetches, proves, and leaves word.
pub fn run(_args: &PullArgs, _ssh: &str, _json: bool) -> Outcome {
    Err(not_yet())
}

fn not_yet() -> super::Failure {
    super::Failure::Tried(anyhow::anyhow!("this can't be done yet"))
}
