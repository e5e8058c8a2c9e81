//! `tealkeep backup`: through the server, or of any database without one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;

use super::client::Client;
use super::progress::{Bytes, Waiting};
use super::{Outcome, print};
use crate::backup::{Cancel, Keeper, Order, Reason, Rotation, Watch, human};
use crate::clock::Clock;
use crate::http::api::SnapshotFacts;

/// How long a snapshot without a server may take.
const DEADLINE: Duration = Duration::from_secs(6 * 3600);

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The app's name; may be left out where there is only one.
    #[arg(conflicts_with_all = ["database", "folder"])]
    app: Option<String>,
    /// Without a server: the SQLite database to take a snapshot of.
    #[arg(long, requires = "folder", value_name = "FILE")]
    database: Option<PathBuf>,
    /// Without a server: the folder that the snapshot goes to.
    #[arg(long, requires = "database", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl BackupArgs {
    /// Whether no server is needed.
    pub fn is_local(&self) -> bool {
        self.database.is_some()
    }
}

/// Through the server.
pub async fn run(client: &Client, args: &BackupArgs, json: bool) -> Outcome {
    let app = client.app(args.app.clone()).await?;
    let waiting = Waiting::new("taking a snapshot and reading it back");
    let taken: SnapshotFacts = client
        .post(&format!("/api/v1/apps/{app}/snapshots"), &())
        .await?;
    drop(waiting);
    print(json, &taken, || {
        format!(
            "{} was taken and read back: {}, {} rows.",
            taken.id,
            human(taken.bytes),
            taken.rows
        )
    })
}

/// Without a server.
pub fn local(args: &BackupArgs, json: bool) -> Outcome {
    let (Some(database), Some(folder)) = (&args.database, &args.folder) else {
        unreachable!("the parser asks for both or neither")
    };
    let keeper = Keeper::new(database, folder);
    let order = Order::new(Reason::Manual, Clock::new(None).local());
    let mut bar = Bytes::new();
    let mut tell = |progress| bar.show(progress);
    let taken = keeper.take_and_rotate(
        &order,
        &mut Watch::new(&mut tell, Cancel::never(), DEADLINE),
    );
    bar.clear();
    let taken = taken.map_err(|e| anyhow!("{e}"))?;
    if let Rotation::Failed(error) = &taken.rotation {
        eprintln!("tealkeep: the snapshot is safe, but older ones could not be rotated: {error}");
    }
    let manifest = taken.manifest;
    print(json, &manifest, || {
        let rows: u64 = manifest.tables.values().sum();
        let file = crate::backup::catalogue::snapshots(folder).join(manifest.id.file_name());
        format!(
            "{} was written and read back: {}, {rows} rows.",
            file.display(),
            human(manifest.bytes)
        )
    })
}
