//! `tealkeep prepare`: what the unit of a preparation runs, as the app's user.

use std::path::PathBuf;

use clap::Args;

use super::{Outcome, print, put};
use crate::names::ReleaseId;
use crate::prepare::{Order, run as prepare};

#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// The folder of all releases.
    #[arg(long, value_name = "DIR")]
    releases: PathBuf,
    /// The release that is to be made ready.
    #[arg(long, value_name = "ID")]
    release: ReleaseId,
    /// A file of the release that the result depends on; may be given several times.
    #[arg(long = "input", value_name = "FILE")]
    inputs: Vec<PathBuf>,
    /// A command whose output the result depends on, such as 'node --version'; may be given several times.
    #[arg(long = "version", value_name = "COMMAND")]
    versions: Vec<String>,
    /// What makes it ready, after `--`.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// `tealkeep prepare`
pub async fn run(args: &PrepareArgs, json: bool) -> Outcome {
    let order = Order {
        releases: args.releases.clone(),
        release: args.release.clone(),
        inputs: args.inputs.clone(),
        versions: args.versions.clone(),
        command: args.command.clone(),
    };
    // It waits for files and for one child; nothing else runs here.
    let record = prepare(&order, &mut |line| {
        if !json {
            // Whoever reads along may be gone; the release is to be ready all the same.
            let _ = put(line);
        }
    })?;
    if json {
        print(true, &record, String::new)?;
    }
    Ok(())
}
