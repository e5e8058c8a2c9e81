//! Asks for confirmation before people's data is replaced, and shows what will be lost, table by table. Only a person at a
//! terminal is asked; a script continues.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write};

use anyhow::anyhow;

use super::super::client::Client;
use super::super::outcome::{Failure, Outcome};
use super::super::progress::say;
use super::super::terminal;
use crate::backup::SnapshotId;
use crate::clock::local_time;
use crate::http::loss::{Loss, TableLoss};

/// How many tables are listed.
const MAX_TABLES: usize = 20;

/// Shows what a restore of this snapshot (or, without one, an undo) would replace, and asks for a "yes". Returns at once
/// if nobody can answer, or if it `is_agreed` already.
///
/// # Errors
/// There is nothing to restore, or the answer was not "yes"; nothing has changed then.
pub(super) async fn confirm(
    client: &Client,
    app: &str,
    snapshot: Option<SnapshotId>,
    is_agreed: bool,
) -> Outcome {
    let is_watched = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if is_agreed || !is_watched {
        return Ok(());
    }
    let query = snapshot.map_or_else(String::new, |id| format!("?snapshot={id}"));
    let loss: Loss = client
        .get(&format!("/api/v1/apps/{app}/restores/preview{query}"))
        .await?;
    say(describe(app, &loss));
    let mut stderr = std::io::stderr();
    write!(stderr, "Continue? Type yes: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "yes" | "y" => Ok(()),
        _ => Err(Failure::Operation(anyhow!(
            "not restored; nothing has changed"
        ))),
    }
}

fn describe(app: &str, loss: &Loss) -> String {
    let release = loss
        .release
        .as_ref()
        .map_or_else(String::new, |release| format!(", with release {release}"));
    let mut text = format!(
        "The snapshot of {}{release}, replaces everything in the database of {app}.\n",
        local_time(loss.taken_at),
    );
    let wide = loss
        .tables
        .iter()
        .map(|row| terminal::line(&row.table).chars().count());
    let wide = wide.max().unwrap_or_default().max("table".len());
    if let Some(why) = &loss.unknown {
        let _ = writeln!(text, "The current number of rows is not known: {why}.");
    } else if loss.tables.is_empty() {
        text.push_str("Every table has the same number of rows as then.\n");
    }
    if !loss.tables.is_empty() {
        let _ = writeln!(text, "\n  {:wide$}  {:>9}  {:>9}", "table", "now", "then");
    }
    for row in loss.tables.iter().take(MAX_TABLES) {
        let rows = |rows: Option<u64>| rows.map_or_else(|| "-".to_owned(), |rows| rows.to_string());
        let _ = writeln!(
            text,
            "  {:wide$}  {:>9}  {:>9}  {}",
            terminal::line(&row.table),
            rows(row.now),
            rows(row.then),
            describe_change(row)
        );
    }
    if let Some(more @ 1..) = loss.tables.len().checked_sub(MAX_TABLES) {
        let _ = writeln!(text, "  and {more} more tables");
    }
    let _ = write!(
        text,
        "\nChanges within rows since then are lost too. A snapshot keeps the current content: `tealkeep undo {app}` puts it back."
    );
    text
}

fn describe_change(row: &TableLoss) -> String {
    let count = |rows: u64| match rows {
        1 => "1 row".to_owned(),
        many => format!("{many} rows"),
    };
    match (row.now, row.then) {
        (Some(now), Some(then)) if now > then => format!("loses {}", count(now - then)),
        (Some(now), Some(then)) => format!("gains {}", count(then - now)),
        (Some(now), None) => format!("goes, with {}", count(now)),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_said_by_table() {
        let row = |table: &str, now, then| TableLoss {
            table: table.to_owned(),
            now,
            then,
        };
        let mut loss = Loss {
            snapshot: "2026-11-21T033000Z".parse().unwrap(),
            taken_at: "2026-11-21T03:30:00Z".parse().unwrap(),
            release: Some("v1".parse().unwrap()),
            unknown: None,
            tables: vec![
                row("doses", Some(500), Some(480)),
                row("people", Some(3), Some(4)),
                row("bad\u{1b}[2J", Some(1), None),
            ],
        };
        let shown = describe("home", &loss);
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in [
            "doses 500 480 loses 20 rows",
            "people 3 4 gains 1 row",
            "bad\u{fffd}[2J 1 - goes, with 1 row",
            "with release v1",
            "`tealkeep undo home` puts it back",
        ] {
            assert!(words.contains(line), "{line}\n{shown}");
        }
        assert!(!shown.contains('\u{1b}'), "{shown}");
        loss.tables.clear();
        assert!(describe("home", &loss).contains("the same number of rows as then"));
        loss.unknown = Some("the database is locked".to_owned());
        assert!(describe("home", &loss).contains("not known: the database is locked"));
    }
}
