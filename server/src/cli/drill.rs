//! `tealkeep drill`: of an app, through the server; or of a folder or a file, without one.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use super::client::Client;

#[derive(Debug, Args)]
pub struct DrillArgs {
    /// An app's name, to ask the server; or a backups folder or a snapshot's file on this machine.
    what: Option<PathBuf>,
}

impl DrillArgs {
    /// Whether a path was given, whatever lies there.
    pub fn is_path(&self) -> bool {
        self.what
            .as_ref()
            .is_some_and(|what| what.to_string_lossy().contains('/'))
    }
}

/// Without a server.
pub fn local(_args: &DrillArgs, _json: bool) -> Outcome {
    Err(not_yet())
}

/// Through the server.
pub async fn run(_client: &Client, _args: &DrillArgs, _json: bool) -> Outcome {
    Err(not_yet())
}

fn not_yet() -> super::Failure {
    super::Failure::Tried(anyhow::anyhow!("this can't be done yet"))
}
