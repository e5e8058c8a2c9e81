//! `tealkeep pulled`: the report of a laptop to the machine at home after it has fetched the snapshots. It is a small
//! file in the spool folder, which the server collects.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::outcome::{Failure, Outcome};
use crate::backup::SnapshotId;
use crate::config::DEFAULT_SPOOL;
use crate::names::AppName;
use crate::pulls::{self, Word};

#[derive(Debug, Args)]
pub struct PulledArgs {
    /// The app's name; optional for a key that pulls one app only.
    app: Option<AppName>,
    #[command(flatten)]
    report: PullReport,
    /// The folder for reports, if the configuration names another one.
    #[arg(long, default_value = DEFAULT_SPOOL, value_name = "FOLDER")]
    spool: PathBuf,
}

/// What a laptop reports about its copy; everything is optional.
#[derive(Debug, Default, Args)]
pub struct PullReport {
    /// The laptop's name [default: its address]
    #[arg(long, value_name = "NAME")]
    laptop: Option<String>,
    /// The newest snapshot in the copy.
    #[arg(long, value_name = "ID")]
    newest: Option<SnapshotId>,
    /// How many snapshots are intact.
    #[arg(long, value_name = "NUMBER")]
    whole: Option<u32>,
    /// How many arrived damaged.
    #[arg(long, value_name = "NUMBER")]
    damaged: Option<u32>,
}

/// `tealkeep pulled`
pub fn run(args: &PulledArgs) -> Outcome {
    let app = args.app.as_ref().ok_or_else(|| {
        Failure::Usage("name the app whose snapshots were pulled: tealkeep pulled APP".to_owned())
    })?;
    leave(&args.spool, app, &args.report)
}

/// Leaves the report in the spool folder.
pub fn leave(spool: &Path, app: &AppName, report: &PullReport) -> Outcome {
    // The client of sshd (sshd(8)): its address, its port, our address, our port.
    let came_from = || {
        let connection = std::env::var("SSH_CONNECTION").unwrap_or_default();
        connection.split(' ').next().unwrap_or_default().to_owned()
    };
    let word = Word {
        laptop: pulls::name_of(&report.laptop.clone().unwrap_or_else(came_from)),
        newest: report.newest,
        whole: report.whole,
        damaged: report.damaged,
    };
    pulls::leave(spool, app, &word).map_err(|error| {
        Failure::Operation(anyhow!(
            "the pull of {app} could not be reported: {error}. The package creates {DEFAULT_SPOOL}: \
             systemd-tmpfiles --create tealkeep.conf"
        ))
    })
}
