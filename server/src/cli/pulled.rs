//! `tealkeep pulled`: the word that a laptop leaves on the machine at home after it has fetched the snapshots: a
//! small file in the spool folder, which the server takes from there.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::{Failure, Outcome};
use crate::backup::SnapshotId;
use crate::names::AppName;
use crate::pulls::{self, DEFAULT_SPOOL, Word};

#[derive(Debug, Args)]
pub struct PulledArgs {
    /// The app's name. A key that pulls one app only need not say it.
    app: Option<AppName>,
    #[command(flatten)]
    said: Said,
    /// The folder in which word is left, if the configuration names another one.
    #[arg(long, default_value = DEFAULT_SPOOL, value_name = "FOLDER")]
    spool: PathBuf,
}

/// What a laptop says of its copy; all of it may be left out.
#[derive(Debug, Default, Args)]
pub struct Said {
    /// What it calls itself: without it, the address that it came from.
    #[arg(long, value_name = "NAME")]
    laptop: Option<String>,
    /// The newest snapshot that it has.
    #[arg(long, value_name = "ID")]
    newest: Option<SnapshotId>,
    /// How many snapshots it knows to be whole.
    #[arg(long, value_name = "NUMBER")]
    whole: Option<u32>,
    /// How many came damaged.
    #[arg(long, value_name = "NUMBER")]
    damaged: Option<u32>,
}

/// `tealkeep pulled`
pub fn run(args: &PulledArgs) -> Outcome {
    let app = args.app.as_ref().ok_or_else(|| {
        Failure::Call("say which app's snapshots were pulled: tealkeep pulled APP".to_owned())
    })?;
    leave(&args.spool, app, &args.said)
}

/// Leaves word in the spool folder.
pub fn leave(spool: &Path, app: &AppName, said: &Said) -> Outcome {
    // Whom sshd speaks with (sshd(8)): the address, its port, our address, our port.
    let came_from = || {
        let connection = std::env::var("SSH_CONNECTION").unwrap_or_default();
        connection.split(' ').next().unwrap_or_default().to_owned()
    };
    let word = Word {
        laptop: pulls::name_of(&said.laptop.clone().unwrap_or_else(came_from)),
        newest: said.newest,
        whole: said.whole,
        damaged: said.damaged,
    };
    pulls::leave(spool, app, &word).map_err(|error| {
        Failure::Tried(anyhow!(
            "the word that {app} was pulled could not be left: {error}. The package makes {DEFAULT_SPOOL}: \
             systemd-tmpfiles --create tealkeep.conf"
        ))
    })
}
