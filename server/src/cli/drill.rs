//! `tealkeep drill`: for an app, through the server; or for a folder or a file, without one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use jiff::Timestamp;

use super::client::Client;
use super::outcome::{Failure, Outcome};
use super::output::print;
use super::progress::{Bytes, Waiting};
use super::terminal;
use crate::backup::drill::{self, Order, Report};
use crate::backup::{Cancel, Watch};
use crate::clock::seconds;
use crate::config::BackupConfig;

/// The time limit without a server.
const DRILL_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Args)]
pub struct DrillArgs {
    /// An app's name, for the server; or the path of a backups folder or a snapshot's file on this machine, with a `/` in it.
    what: Option<PathBuf>,
    /// With a path: warn about a table that lost more than this share of its rows since the night before [default: 20]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
    shrink: Option<u32>,
}

impl DrillArgs {
    /// Whether a path was given, whether or not it exists.
    pub fn is_path(&self) -> bool {
        self.what
            .as_ref()
            .is_some_and(|what| what.to_string_lossy().contains('/'))
    }
}

/// Without a server.
pub fn local(args: &DrillArgs, json: bool) -> Outcome {
    let what = args.what.as_deref().unwrap_or(Path::new("."));
    what.metadata()
        .map_err(|e| Failure::Usage(format!("{} can't be read: {e}", what.display())))?;
    print_report(&unpack_newest(what, args.shrink, DRILL_TIMEOUT)?, json)
}

/// Unpacks a snapshot by its path to another place, as a restore would, and shows the progress.
///
/// # Errors
/// The drill did not finish within `deadline`. A failed drill is a report, not an error.
pub(super) fn unpack_newest(
    what: &Path,
    shrink: Option<u32>,
    deadline: Duration,
) -> anyhow::Result<Report> {
    let order = Order {
        what,
        scratch: None,
        shrink: shrink.unwrap_or_else(|| BackupConfig::default().drill_shrink),
        now: Timestamp::now(),
    };
    let mut bar = Bytes::new();
    let mut on_progress = |progress| bar.show(progress);
    let report = drill::run(
        &order,
        &mut Watch::new(&mut on_progress, Cancel::never(), deadline),
    );
    bar.clear();
    report.map_err(|e| anyhow!("no drill: {e}"))
}

/// Through the server.
pub async fn run(client: &Client, args: &DrillArgs, json: bool) -> Outcome {
    if args.shrink.is_some() {
        let text = "--shrink needs a path; for an app, set `drill_shrink` in the configuration";
        return Err(Failure::Usage(text.to_owned()));
    }
    let name = args
        .what
        .as_ref()
        .map(|what| what.to_string_lossy().into_owned());
    let app = client.app(name).await?;
    let waiting = Waiting::new("unpacking the newest snapshot and checking it");
    let report: Report = client
        .post(&format!("/api/v1/apps/{app}/drill"), &())
        .await?;
    drop(waiting);
    print_report(&report, json)
}

fn print_report(report: &Report, json: bool) -> Outcome {
    if json || report.is_proven() {
        print(json, report, || text(report))?;
    }
    let Some(why) = &report.failed else {
        return Ok(());
    };
    let id = report
        .snapshot
        .map_or_else(String::new, |id| format!(" of {id}"));
    let error = anyhow!(
        "the drill{id} failed: {}. A restore would fail in the same way; `tealkeep verify` says which snapshots are intact",
        terminal::line(why)
    );
    Err(error.into())
}

fn text(report: &Report) -> String {
    let name = report
        .snapshot
        .map_or_else(|| "The snapshot".to_owned(), |id| id.to_string());
    let took = seconds(Duration::from_millis(report.took_ms));
    let mut text = format!(
        "{name} was unpacked and verified: {}, in {took}.\n",
        report.proven()
    );
    let widest = report.tables.iter().map(|table| table.name.chars().count());
    let widest = widest.max().unwrap_or_default();
    for table in &report.tables {
        let rows = table
            .rows
            .map_or_else(|| "gone".to_owned(), |rows| drill::counted(rows, "row"));
        let before = match (report.compared_with, table.before) {
            (None, _) => String::new(),
            (Some(_), Some(before)) if Some(before) == table.rows => String::new(),
            (Some(_), Some(before)) => {
                let before = drill::counted(before, "row");
                let number = before.split(' ').next().unwrap_or_default();
                format!(", {number} the night before")
            }
            (Some(_), None) => ", new".to_owned(),
        };
        let name = terminal::line(&table.name);
        text.push_str(&format!("  {name:widest$}  {rows}{before}\n"));
    }
    for note in &report.notes {
        text.push_str(&format!("Note: {}.\n", terminal::line(note)));
    }
    for warning in &report.warnings {
        text.push_str(&format!("Warning: {}.\n", terminal::line(warning)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::terminal::tests::{HOSTILE, assert_harmless};
    use super::*;
    use crate::backup::drill::Table;

    #[test]
    fn no_name_in_a_database_reaches_the_terminal_as_an_order() {
        let mut report = Report {
            snapshot: None,
            taken_at: None,
            compared_with: None,
            took_ms: 1,
            plain_bytes: 4096,
            tables: vec![Table {
                name: HOSTILE.to_owned(),
                rows: Some(1),
                before: Some(2),
            }],
            failed: None,
            warnings: vec![HOSTILE.to_owned()],
            notes: vec![HOSTILE.to_owned()],
        };
        assert_harmless(&text(&report));
        report.failed = Some(HOSTILE.to_owned());
        let Err(Failure::Operation(error)) = print_report(&report, false) else {
            panic!("a drill that failed is a failure");
        };
        assert_harmless(&error.to_string());
    }
}
