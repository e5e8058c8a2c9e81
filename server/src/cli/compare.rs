//! `tealkeep compare`: whether a release that worked on one database keeps working on another. Needs no server.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tealkeep_rehearsal::report::{Finding, Report, Verdict};

use super::outcome::{FAILED, Failure, Outcome};
use super::output::print;
use super::terminal;
use crate::backup::drill::counted;
use crate::backup::{Cancel, Watch, restore};

/// The time limit for unpacking a snapshot.
const UNPACK_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The database before the migration: a SQLite file or a snapshot.
    before: PathBuf,
    /// The database after the migration: a SQLite file or a snapshot.
    after: PathBuf,
    /// A log of the old release's SQL statements: they are run on copies of both databases, and their results compared.
    #[arg(long, value_name = "FILE")]
    statements: Option<PathBuf>,
}

pub fn run(args: &CompareArgs, json: bool) -> Outcome {
    let statements = args.statements.as_ref().map(|path| {
        std::fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|e| Failure::Usage(format!("{} can't be read: {e}", path.display())))
    });
    let statements = statements.transpose()?;
    let (before, after) = (Input::new(&args.before)?, Input::new(&args.after)?);
    let report = tealkeep_rehearsal::compare(&before.path, &after.path, statements.as_deref())
        .map_err(|e| Failure::Usage(e.to_string()))?;
    print(json, &report, || in_words(&report))?;
    match report.verdict {
        Verdict::Additive | Verdict::Warn => Ok(()),
        Verdict::Breaking => Err(Failure::Reported(FAILED)),
    }
}

/// A database, unpacked where it is a snapshot.
struct Input {
    path: PathBuf,
    _unpacked: Option<tempfile::TempDir>,
}

impl Input {
    fn new(path: &Path) -> Result<Input, Failure> {
        let failure =
            |e: std::io::Error| Failure::Usage(format!("{} can't be read: {e}", path.display()));
        let mut magic = Vec::new();
        File::open(path)
            .and_then(|file| file.take(2).read_to_end(&mut magic))
            .map_err(failure)?;
        if magic != [0x1f, 0x8b] {
            return Ok(Input {
                path: path.to_owned(),
                _unpacked: None,
            });
        }
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-compare-")
            .tempdir()
            .map_err(failure)?;
        let database = dir.path().join("database.sqlite");
        let mut silent = |_| {};
        let mut watch = Watch::new(&mut silent, Cancel::never(), UNPACK_TIMEOUT);
        restore::unpack(path, &database, &mut watch).map_err(|e| Failure::Usage(e.to_string()))?;
        Ok(Input {
            path: database,
            _unpacked: Some(dir),
        })
    }
}

fn in_words(report: &Report) -> String {
    let mut text = String::from(match report.verdict {
        Verdict::Additive => {
            "Additive: the release from before keeps working, and its data is still there.\n"
        }
        Verdict::Warn => {
            "Warnings: nothing that was tried fails, but somebody should look at this.\n"
        }
        Verdict::Breaking => {
            "Breaking: the release from before does not work on the database after, or data is gone.\n"
        }
    });
    let mut tables: Vec<&Option<String>> = Vec::new();
    for finding in &report.findings {
        if !tables.contains(&&finding.table) {
            tables.push(&finding.table);
        }
    }
    for table in tables {
        let name = table.as_deref().unwrap_or("The database");
        text.push_str(&format!("\n{}\n", terminal::line(name)));
        let of_table = report
            .findings
            .iter()
            .filter(|finding| finding.table == *table);
        of_table.for_each(|finding| text.push_str(&lines(finding)));
    }
    let seen = &report.seen;
    let mut parts = vec![
        counted(seen.tables as u64, "table"),
        counted(seen.rows, "row"),
        counted(seen.probes as u64, "probe"),
    ];
    if seen.statements > 0 {
        parts.push(counted(seen.statements as u64, "statement"));
    }
    text.push_str(&format!("\nCompared: {}.", parts.join(", ")));
    text
}

fn lines(finding: &Finding) -> String {
    let evidence = terminal::line(&finding.evidence);
    let advice = terminal::line(&finding.advice);
    format!(
        "  {} {}: {evidence}\n    {advice}\n",
        finding.severity, finding.kind
    )
}
