//! `tealkeep restore` and `tealkeep undo`: through the server, or unpacking without one.

mod ask;
mod in_place;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::client::Client;
use super::deploy::watch;
use super::outcome::{Failure, Outcome};
use super::output::print;
use super::progress::Bytes;
use crate::backup::drill::counted;
use crate::backup::restore::unpack;
use crate::backup::{Cancel, SnapshotId, Watch, human};
use crate::config::DEFAULT_CONFIG;
use crate::http::api::{Begun, RestoreRequest};

/// The time limit for unpacking.
const UNPACK_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").args(["file", "from"]))]
pub struct RestoreArgs {
    /// The app's name.
    #[arg(required_unless_present_any = ["file", "to"], conflicts_with = "file")]
    app: Option<String>,
    /// The snapshot, as `tealkeep snapshots` lists it.
    #[arg(required_unless_present_any = ["file", "from"], conflicts_with = "source")]
    snapshot: Option<String>,
    /// Without a server: the snapshot's file.
    #[arg(long, requires = "to", value_name = "SNAPSHOT")]
    file: Option<PathBuf>,
    /// Without a server: a folder with snapshots somewhere in it, such as the laptop's copy; the newest intact
    /// one becomes the app's database, or the file that --to names.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// With --file: the database to create; it must not exist. With --from: a file other than the app's database.
    #[arg(long, requires = "source", value_name = "NEW.db")]
    to: Option<PathBuf>,
    /// With --from: this snapshot, and no other.
    #[arg(long = "snapshot", id = "which", requires = "from", value_name = "ID")]
    which: Option<String>,
    /// With --from: replace a database that has content; the old one is kept beside it.
    #[arg(long, requires = "from")]
    force: bool,
    /// Do not ask for confirmation. Without a terminal, nobody is asked.
    #[arg(long, short, conflicts_with = "source")]
    yes: bool,
    /// With --from: the configuration, which names the app's database.
    #[arg(long, default_value = DEFAULT_CONFIG, requires = "from", value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The app's name; optional if there is only one.
    app: Option<String>,
    /// Do not ask for confirmation. Without a terminal, nobody is asked.
    #[arg(long, short)]
    yes: bool,
}

impl RestoreArgs {
    /// Whether the command works without a server.
    pub fn is_local(&self) -> bool {
        self.file.is_some() || self.from.is_some()
    }
}

/// Through the server.
pub async fn run(client: &Client, args: &RestoreArgs, json: bool) -> Outcome {
    let (Some(app), Some(snapshot)) = (&args.app, &args.snapshot) else {
        unreachable!("the parser asks for both")
    };
    let snapshot: SnapshotId = snapshot
        .parse()
        .map_err(|e| Failure::Usage(format!("{e}")))?;
    ask::confirm(client, app, Some(snapshot), args.yes || json).await?;
    let begun: Begun = client
        .post(
            &format!("/api/v1/apps/{app}/restores"),
            &RestoreRequest { snapshot },
        )
        .await?;
    watch(client, begun.run, json).await
}

/// `tealkeep undo`
pub async fn undo(client: &Client, args: &UndoArgs, json: bool) -> Outcome {
    let app = client.app(args.app.clone()).await?;
    ask::confirm(client, &app, None, args.yes || json).await?;
    let begun: Begun = client
        .post(&format!("/api/v1/apps/{app}/undos"), &())
        .await?;
    watch(client, begun.run, json).await
}

/// Without a server.
pub fn local(args: &RestoreArgs, json: bool) -> Outcome {
    if let Some(from) = &args.from {
        return in_place::run(args, from, json);
    }
    let (Some(file), Some(to)) = (&args.file, &args.to) else {
        unreachable!("the parser asks for both or neither")
    };
    let mut bar = Bytes::new();
    let mut on_progress = |progress| bar.show(progress);
    let unpacked = unpack(
        file,
        to,
        &mut Watch::new(&mut on_progress, Cancel::never(), UNPACK_TIMEOUT),
    );
    bar.clear();
    let facts = unpacked.map_err(|e| anyhow!("{e}"))?;
    let rows: u64 = facts.tables.values().sum();
    // JSON is text, and a path need not be.
    let printed = json!({"database": to.to_string_lossy(), "bytes": facts.plain_bytes(), "tables": facts.tables});
    print(json, &printed, || {
        format!(
            "{} now has the snapshot's content: {}, {}.",
            to.display(),
            human(facts.plain_bytes()),
            counted(rows, "row")
        )
    })
}
