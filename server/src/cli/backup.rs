//! `tealkeep backup`: through the server, or of any database without one.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;

use super::client::Client;
use super::outcome::Outcome;
use super::output::print;
use super::progress::{Bytes, Waiting, say};
use crate::backup::drill::counted;
use crate::backup::{Cancel, Keeper, Order, Reason, Rotation, Watch, human};
use crate::clock::{Clock, local_time};
use crate::http::api::SnapshotFacts;
use crate::schedule::Trust;

/// The time limit of a snapshot without a server.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The app's name; optional if there is only one.
    #[arg(conflicts_with_all = ["database", "folder"])]
    app: Option<String>,
    /// Without a server: the SQLite database to take a snapshot of.
    #[arg(long, requires = "folder", value_name = "FILE")]
    database: Option<PathBuf>,
    /// Without a server: the folder for the snapshot.
    #[arg(long, requires = "database", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl BackupArgs {
    /// Whether the command works without a server.
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
            "The snapshot of {} was taken and read back: {}, {}. Its id is {}.",
            local_time(taken.taken_at),
            human(taken.bytes),
            counted(taken.rows, "row"),
            taken.id
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
    // If the folder can't be read, nobody knows what to keep.
    let has_server =
        has_server(&keeper).with_context(|| format!("cannot read {}", folder.display()))?;
    if has_server {
        let why = "this folder belongs to a server, whose configuration says what to keep";
        order.trust = Trust::Untrusted(why.to_owned());
    }
    let mut bar = Bytes::new();
    let mut on_progress = |progress| bar.show(progress);
    let taken = keeper.take_and_rotate(
        &order,
        &mut Watch::new(&mut on_progress, Cancel::never(), SNAPSHOT_TIMEOUT),
    );
    bar.clear();
    let taken = taken.map_err(|e| anyhow!("{e}"))?;
    match &taken.rotation {
        Rotation::Failed(error) => {
            say(format_args!(
                "tealkeep: the snapshot is stored, but older ones could not be rotated: {error}"
            ));
        }
        Rotation::Withheld(why) => say(format_args!(
            "tealkeep: older snapshots were not rotated: {why}"
        )),
        Rotation::Done(_) => {}
    }
    let manifest = taken.manifest;
    print(json, &manifest, || {
        let rows: u64 = manifest.tables.values().sum();
        let file = crate::backup::catalogue::snapshots(folder).join(manifest.id.file_name());
        format!(
            "{} was written and read back: {}, {}.",
            file.display(),
            human(manifest.bytes),
            counted(rows, "row")
        )
    })
}

/// Whether a server took the snapshots in the folder: only a server records the app. Its configuration says what to keep,
/// which may be far more than the defaults.
fn has_server(keeper: &Keeper) -> io::Result<bool> {
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
                let mut on_progress = |_| {};
                let mut watch = Watch::new(&mut on_progress, Cancel::never(), SNAPSHOT_TIMEOUT);
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
