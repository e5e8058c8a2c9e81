//! `tealkeep backup`: through the server, or of any database without one.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;

use super::client::Client;
use super::progress::{Bytes, Waiting, say};
use super::{Outcome, print};
use crate::backup::{Cancel, Keeper, Order, Reason, Rotation, Watch, human};
use crate::clock::Clock;
use crate::http::api::SnapshotFacts;
use crate::schedule::Trust;

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
    let mut order = Order::new(Reason::Manual, Clock::new(None).local());
    // Which numbers hold here is not known while it can't be read.
    let is_a_servers =
        is_a_servers(&keeper).with_context(|| format!("cannot read {}", folder.display()))?;
    if is_a_servers {
        let why = "a server keeps this folder, and its configuration says what stays there";
        order.trust = Trust::Untrusted(why.to_owned());
    }
    let mut bar = Bytes::new();
    let mut tell = |progress| bar.show(progress);
    let taken = keeper.take_and_rotate(
        &order,
        &mut Watch::new(&mut tell, Cancel::never(), DEADLINE),
    );
    bar.clear();
    let taken = taken.map_err(|e| anyhow!("{e}"))?;
    match &taken.rotation {
        Rotation::Failed(error) => {
            say(format_args!(
                "tealkeep: the snapshot is safe, but older ones could not be rotated: {error}"
            ));
        }
        Rotation::Withheld(why) => {
            say(format_args!("tealkeep: older ones were not rotated: {why}"))
        }
        Rotation::Done(_) => {}
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

/// Whether a folder holds what a server took: only that knows whose database it is. What is kept there stands in its
/// configuration, and may be far more than the usual numbers leave.
fn is_a_servers(keeper: &Keeper) -> io::Result<bool> {
    let catalogue = keeper.catalogue()?;
    let mut entries = catalogue.entries.iter();
    Ok(entries.any(|entry| entry.manifest.app.is_some()))
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    #[test]
    fn in_a_folder_that_a_server_keeps_nothing_is_rotated_by_the_usual_numbers() {
        for (app, left) in [(None, 10), (Some("home"), 13)] {
            let dir = tempfile::tempdir().unwrap();
            let (database, folder) = (dir.path().join("home.db"), dir.path().join("kept"));
            let conn = rusqlite::Connection::open(&database).unwrap();
            conn.execute_batch("CREATE TABLE t(x)").unwrap();
            let mut keeper = Keeper::new(&database, &folder);
            keeper.app = app.map(|app| app.parse().unwrap());
            keeper.keep.manual = 50;
            for hours_ago in (1..=12_i64).rev() {
                let now = &jiff::Zoned::now() - hours_ago.hours();
                let order = Order::new(Reason::Manual, now);
                let mut tell = |_| {};
                let mut watch = Watch::new(&mut tell, Cancel::never(), DEADLINE);
                keeper.take_and_rotate(&order, &mut watch).unwrap();
            }
            let args = BackupArgs {
                app: None,
                database: Some(database),
                folder: Some(folder),
            };
            assert!(local(&args, true).is_ok());
            assert_eq!(keeper.catalogue().unwrap().entries.len(), left, "{app:?}");
        }
    }
}
