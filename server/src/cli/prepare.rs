//! `tealkeep prepare`: prepares a release as the app's user, in a unit.

use std::path::PathBuf;

use clap::Args;

use super::outcome::Outcome;
use super::output::{print, print_text};
use crate::names::ReleaseId;
use crate::prepare::{Order, run as prepare};

#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// The folder of all releases.
    #[arg(long, value_name = "DIR")]
    releases: PathBuf,
    /// The release to prepare.
    #[arg(long, value_name = "ID")]
    release: ReleaseId,
    /// A file of the release on which the result depends; can be repeated.
    #[arg(long = "input", value_name = "FILE")]
    inputs: Vec<PathBuf>,
    /// A command on whose output the result depends, such as 'node --version'; can be repeated.
    #[arg(long = "version", value_name = "COMMAND")]
    versions: Vec<String>,
    /// The command that prepares it, after `--`.
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
    // Blocking is fine: nothing else runs in this process.
    let record = prepare(&order, &mut |line| {
        if !json {
            // Even if nobody reads the output, the release must be prepared.
            let _ = print_text(line);
        }
    })?;
    if json {
        print(true, &record, String::new)?;
    }
    Ok(())
}
