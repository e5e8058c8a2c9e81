//! `tealkeep adopt`: takes over what the household's own script has kept so far.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use super::client::Client;

#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// The folder with `daily/`, `weekly/` and `monthly/`; it is only read.
    from: PathBuf,
    /// The app whose backups folder takes them; may be left out where there is only one.
    app: Option<String>,
    /// The backups folder that takes them, without a server.
    #[arg(long, value_name = "FOLDER", conflicts_with = "app")]
    into: Option<PathBuf>,
}

impl AdoptArgs {
    /// Whether no server is needed.
    pub fn is_local(&self) -> bool {
        self.into.is_some()
    }
}

/// Without a server.
pub fn local(_args: &AdoptArgs, _json: bool) -> Outcome {
    Err(not_yet())
}

/// Through the server.
pub async fn run(_client: &Client, _args: &AdoptArgs, _json: bool) -> Outcome {
    Err(not_yet())
}

fn not_yet() -> super::Failure {
    super::Failure::Tried(anyhow::anyhow!("this can't be done yet"))
}
